//! How a call of this function can fail, and what the caller is told.

use pawl_edge::{ApiError, env::ModelAccess};
use pawl_model::ModelError;
use pawl_store::{StoreError, decisions::Refusal};

/// Every way in which nothing is changed and nothing decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("the request is not valid")]
    Request(ApiError),
    #[error("`reflection_id`: there is no such reflection.")]
    ReflectionNotFound,
    #[error("`reflection_id`: nobody called for a new prompt after this reflection.")]
    NotAnUpdate,
    #[error("`receipt_id`: there is no such receipt.")]
    ReceiptNotFound,
    #[error("a decision was refused: {0:?}")]
    Refused(Refusal),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    #[error("the model failed: {0}")]
    Model(#[from] ModelError),
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Request(error)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Request(error) => error.clone(),
            Error::ReflectionNotFound => Self::new(404, "reflection_not_found", error.to_string()),
            Error::NotAnUpdate => Self::new(409, "not_an_update", error.to_string()),
            Error::ReceiptNotFound => Self::new(404, "receipt_not_found", error.to_string()),
            Error::Refused(refusal) => refused(refusal),
            Error::Store(fault) => Self::fault(fault.told(), fault.cause()),
            Error::Model(ModelError::Unauthorized) => ModelAccess::refused(),
            Error::Model(fault) => {
                let message =
                    format!("No new prompt: {fault}. It is still owed; the next call tries again, five times in all.");
                Self::new(fault.status(), fault.code(), message).with_cause(fault.to_string())
            }
        }
    }
}

/// What a person is told whose decision was not carried out, and what they can do.
fn refused(refusal: &Refusal) -> ApiError {
    let (status, code, message) = match refusal {
        Refusal::Unauthorized => return ApiError::fault(StoreError::Unauthenticated.told(), None),
        Refusal::Forbidden => (403, "forbidden", "Only admins and owners of the organisation may do this."),
        Refusal::UserNotAllowed => {
            (400, "user_not_allowed", "`user_id`: only a backend with the secret key acts for somebody else.")
        }
        Refusal::OrganizationRequired => (
            400,
            "organization_required",
            "`organization_id`: there are several organisations; say which one you mean.",
        ),
        Refusal::OrganizationNotFound => {
            (404, "organization_not_found", "`organization_id`: you belong to no organisation that this could mean.")
        }
        Refusal::AssistantNotFound => {
            (404, "assistant_not_found", "`assistant`: the organisation has no assistant of this name.")
        }
        Refusal::ReasonTooLong => (400, "invalid_request", "`reason`: may have 1000 characters at the most."),
        Refusal::UntilInvalid => (400, "invalid_request", "`until`: must be a time, as 2030-01-31T18:00:00Z."),
        Refusal::UntilIsPast => (400, "invalid_request", "`until`: must be in the future."),
        Refusal::ClausesInvalid => (400, "invalid_request", "`clauses`: up to 50, each of 1 to 2000 characters."),
        Refusal::ContentInvalid => (400, "invalid_request", "`content`: must have 1 to 100000 characters."),
        Refusal::VersionNotFound => (404, "version_not_found", "`version`: the assistant has no such version."),
        Refusal::NoEarlierVersion => {
            (409, "no_earlier_version", "It is not known which version the live one took over from; name a `version`.")
        }
        Refusal::SuggestionNotFound => (404, "suggestion_not_found", "`suggestion_id`: there is no such suggestion."),
        Refusal::PatternNotFound => (404, "pattern_not_found", "`pattern_id`: there is no such pattern."),
        Refusal::NotProved => (
            409,
            "not_proved",
            "`version`: was written by the loop and has not proved itself. `test` lets it, `force` does without.",
        ),
        Refusal::InProof { version } => {
            let message = format!("Version {version} is in test. Reject it, or wait for its end.");
            return ApiError::new(409, "in_proof", message);
        }
        Refusal::NotTestable => {
            (409, "not_testable", "`version`: only a draft, or one that was rejected or rolled back, goes into test.")
        }
        Refusal::TestNotFound => (404, "test_not_found", "`version`: is in no test."),
        Refusal::ClausesMissing { clauses } => {
            let numbers: Vec<_> = clauses.iter().map(ToString::to_string).collect();
            let message = format!(
                "The version does not hold these protected clauses word for word: {}. Add them, or change the clauses.",
                numbers.join(", ")
            );
            return ApiError::new(409, "clauses_missing", message);
        }
        Refusal::AlreadyReviewed { status } => {
            let message =
                format!("The suggestion is {status} already. A version it held can be activated, or rolled back.");
            return ApiError::new(409, "already_reviewed", message);
        }
        Refusal::Superseded { live_version } => {
            let live = live_version.map_or("none".to_owned(), |version| version.to_string());
            let message = format!(
                "The suggestion is about another version than the live one ({live}). Reject it; a version that was \
                 written can be activated by its number all the same."
            );
            return ApiError::new(409, "superseded", message);
        }
    };
    ApiError::new(status, code, message)
}
