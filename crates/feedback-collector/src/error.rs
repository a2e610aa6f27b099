//! How a call of this function can fail, and what the caller is told.

use pawl_edge::ApiError;
use pawl_store::{StoreError, feedback::Refusal};

/// Every way in which nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("the request is not valid")]
    Request(ApiError),
    #[error("Sign in, or send a secret key as apikey: these credentials are not accepted.")]
    Unauthorized,
    #[error("`user_id`: is required with the secret key: say whose reaction it is.")]
    UserRequired,
    #[error("`user_id`: only the secret key may react for another user.")]
    UserNotAllowed,
    #[error("a reaction was refused: {0:?}")]
    Refused(Refusal),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Request(error)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let refused = |status, code| Self::new(status, code, error.to_string());
        match &error {
            Error::Request(error) => error.clone(),
            Error::Unauthorized => refused(401, "unauthorized"),
            Error::UserRequired => refused(400, "invalid_request"),
            Error::UserNotAllowed => refused(403, "forbidden"),
            Error::Refused(refusal) => told(*refusal),
            Error::Store(fault @ StoreError::Unavailable(_)) => {
                Self::fault(fault.told(), fault.cause()).with_retry_after(2)
            }
            Error::Store(fault) => Self::fault(fault.told(), fault.cause()),
        }
    }
}

/// What is told of one reaction, whether it came alone or with others.
fn told(refusal: Refusal) -> ApiError {
    let (status, code, field, message) = match refusal {
        Refusal::MessageNotFound => (
            404,
            "message_not_found",
            "message_id",
            "there is no such answer in your sessions; give the `answer_id` that came with it",
        ),
        Refusal::SourceNotAllowed => {
            (403, "source_not_allowed", "source", "only the secret key rates as automated or llm-judge")
        }
        Refusal::TooManyChanges => {
            (409, "too_many_changes", "message_id", "you have changed your mind about this answer 100 times")
        }
        // All else is known to be in order.
        Refusal::InvalidEntry => {
            (400, "invalid_request", "metadata", "is too large as the database writes it: its numbers have many digits")
        }
    };
    ApiError { status, code, ..ApiError::invalid_field(field, message) }
}
