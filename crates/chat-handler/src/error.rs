//! How a turn can fail, and what the caller is told.

use pawl_edge::{
    ApiError,
    env::{ModelAccess, OwnModels, Project},
};
use pawl_model::ModelError;
use pawl_store::{StoreError, turns::Limit};

/// Every way in which there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("the request is not valid")]
    Request(ApiError),
    #[error("Sign in, or send a secret key as apikey: these credentials are not accepted.")]
    Unauthorized,
    #[error("`user_id`: is required with the secret key: say for whom you chat.")]
    UserRequired,
    #[error("`user_id`: only the secret key may chat for another user.")]
    UserNotAllowed,
    #[error("`message`: must not be empty")]
    MessageEmpty,
    #[error("`message`: may have 32 KiB (32768 bytes of UTF-8) at the most")]
    MessageTooLong,
    #[error("`metadata`: holds what is no name")]
    TraitsInvalid,
    #[error("`organization_id`: you belong to several organisations; say which one you mean.")]
    OrganizationRequired,
    #[error("`organization_id`: you belong to no organisation that this could mean.")]
    OrganizationNotFound,
    #[error("`assistant`: the organisation has no assistant of this name.")]
    AssistantNotFound,
    #[error("`session_id`: you have no session with this id and assistant. Leave it out to open a new one.")]
    SessionNotFound,
    #[error("This assistant has no live prompt version. Activate one, for example with prompt-updater's rollback.")]
    NoActivePrompt,
    #[error("A request with this Idempotency-Key is being answered. Send it again in a moment to get its answer.")]
    InProgress,
    #[error(
        "`Idempotency-Key`: was used for another request in the last 24 hours. Give each message a key of its own."
    )]
    KeyReused,
    #[error("{}", told(limit))]
    Limited { limit: Limit, retry_after: u32 },
    #[error("A later request with the same Idempotency-Key answers this turn.")]
    Superseded,
    #[error("`turn_id`: there is no such turn.")]
    TurnNotFound,
    #[error("`turn_id`: the turn was given up; prepare it again with the same Idempotency-Key, or begin another.")]
    TurnFailed,
    #[error("`turn_id`: there is no such turn, or it has ended, or this attempt is not its last.")]
    TurnNotOpen,
    #[error("the database refuses the secret key")]
    SecretKeyRefused,
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    #[error("the model failed: {0}")]
    Model(#[from] ModelError),
}

fn told(limit: &Limit) -> &'static str {
    match limit {
        Limit::UserRequests => "You have sent as many messages as you may in a minute.",
        Limit::OrganizationRequests => "Your organisation has sent as many messages as it may in a minute.",
        Limit::UserTokens => "You have used your tokens for today; there are new ones at midnight UTC.",
        Limit::OrganizationTokens => {
            "Your organisation has used its tokens for today; there are new ones at midnight UTC."
        }
    }
}

impl Error {
    /// The code a turn without an answer is stored with.
    pub fn stored_code(&self) -> &'static str {
        match self {
            Self::Model(fault) => fault.code(),
            Self::Store(fault) => fault.told().1,
            Self::SecretKeyRefused => "misconfigured",
            _ => "internal",
        }
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Request(error)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let refused = |status, code| ApiError::new(status, code, error.to_string());
        match &error {
            Error::Request(error) => error.clone(),
            Error::Unauthorized => refused(401, "unauthorized"),
            Error::UserNotAllowed => refused(403, "forbidden"),
            Error::UserRequired | Error::MessageEmpty | Error::MessageTooLong | Error::TraitsInvalid => {
                refused(400, "invalid_request")
            }
            Error::OrganizationRequired => refused(400, "organization_required"),
            Error::OrganizationNotFound => refused(404, "organization_not_found"),
            Error::AssistantNotFound => refused(404, "assistant_not_found"),
            Error::SessionNotFound => refused(404, "session_not_found"),
            Error::NoActivePrompt => refused(409, "no_active_prompt"),
            Error::InProgress => refused(409, "turn_in_progress").with_retry_after(2),
            Error::KeyReused => refused(422, "idempotency_key_reused"),
            Error::Limited { limit, retry_after } => {
                let code = match limit {
                    Limit::UserRequests | Limit::OrganizationRequests => "rate_limited",
                    Limit::UserTokens | Limit::OrganizationTokens => "token_budget_reached",
                };
                refused(429, code).with_retry_after(*retry_after)
            }
            Error::Superseded => refused(409, "turn_superseded"),
            Error::TurnNotFound => refused(404, "turn_not_found"),
            Error::TurnFailed => refused(409, "turn_failed"),
            Error::TurnNotOpen => refused(409, "turn_not_open"),
            Error::SecretKeyRefused => Project::refused_secret(),
            Error::Store(fault @ StoreError::Unavailable(_)) => {
                ApiError::fault(fault.told(), fault.cause()).with_retry_after(2)
            }
            Error::Store(fault) => ApiError::fault(fault.told(), fault.cause()),
            Error::Model(ModelError::Unauthorized) => ModelAccess::refused(),
            Error::Model(ModelError::NotAllowed) => OwnModels::not_allowed(),
            Error::Model(ModelError::OwnKeyRefused) => OwnModels::refused(),
            Error::Model(fault) => {
                let message = format!("No answer: {fault}. Your message is stored.");
                let error = ApiError::new(fault.status(), fault.code(), message).with_cause(fault.to_string());
                ApiError { retry_after: fault.retry_after(), ..error }
            }
        }
    }
}
