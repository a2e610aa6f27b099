//! How a call can fail as a whole, and what the caller is told. What fails for one assistant is in its result.

use pawl_edge::{ApiError, env::Project};
use pawl_store::{StoreError, training::Status};

/// Every way in which there is no result, and nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("the request is not valid")]
    Request(ApiError),
    #[error("`assistant`: no assistant fits these filters.")]
    AssistantNotFound,
    #[error("`model_version_id`: there is no such version of a model.")]
    ModelVersionNotFound,
    #[error("Sign the request: webhook-id, webhook-timestamp and webhook-signature as in Standard Webhooks.")]
    SignatureMissing,
    #[error("webhook-signature is not that of this body, id and timestamp with the secret ML_WEBHOOK_SECRET.")]
    SignatureWrong,
    #[error("webhook-timestamp is more than 300 s away from now: sign the request anew.")]
    CallbackStale,
    #[error("webhook-id: this callback came before, and nothing has changed. A new callback needs an id of its own.")]
    CallbackReplayed,
    #[error("The version waits for no callback: it is {}.", .status.code())]
    NotTraining { status: Status },
    #[error("`metrics.{0}`: must be a number: a loss or perplexity 0 to 1000000, all others 0 to 1.")]
    MetricsOutOfRange(String),
    #[error("`dataset.parts`: lacks {0}.")]
    DatasetPartMissing(String),
    #[error("`dataset`: {0} is not what was made: its SHA-256 is another.")]
    DatasetChanged(String),
    #[error("`base_url`: is at a host that ML_MODEL_HOSTS does not name, or is not https.")]
    ModelNotAllowed,
    #[error("the database refuses: {0}")]
    Refused(String),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    #[error("the store failed with the project's own key: {0}")]
    Own(StoreError),
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Request(error)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::Request(error) => return error.clone(),
            Error::Store(fault) => return Self::fault(fault.told(), fault.cause()),
            Error::Own(StoreError::Unauthenticated | StoreError::Forbidden) => return Project::refused_secret(),
            Error::Own(fault) => return Self::fault(fault.told(), fault.cause()),
            Error::Refused(code) => return refused(code),
            Error::AssistantNotFound => (404, "assistant_not_found"),
            Error::ModelVersionNotFound => (404, "model_version_not_found"),
            Error::SignatureMissing => (401, "signature_missing"),
            Error::SignatureWrong => (401, "signature_wrong"),
            Error::CallbackStale => (400, "callback_stale"),
            Error::CallbackReplayed => (409, "callback_replayed"),
            Error::NotTraining { .. } => (409, "not_training"),
            Error::MetricsOutOfRange(_) => (422, "metrics_out_of_range"),
            Error::DatasetPartMissing(_) => (422, "dataset_part_missing"),
            Error::DatasetChanged(_) => (422, "dataset_changed"),
            Error::ModelNotAllowed => (422, "model_not_allowed"),
        };
        Self::new(status, code, error.to_string())
    }
}

/// What somebody is told who may not look at an assistant, or names none.
fn refused(code: &str) -> ApiError {
    let (status, code, message) = match code {
        "unauthorized" => return ApiError::fault(StoreError::Unauthenticated.told(), None),
        "forbidden" => (403, "forbidden", "Only admins and owners of the organisation may do this."),
        "organization_required" => (
            400,
            "organization_required",
            "`organization_id`: there are several organisations; say which one you mean.",
        ),
        "organization_not_found" => {
            (404, "organization_not_found", "`organization_id`: you belong to no organisation that this could mean.")
        }
        "assistant_not_found" => {
            (404, "assistant_not_found", "`assistant`: the organisation has no assistant of this name.")
        }
        other => return ApiError::internal().with_cause(other),
    };
    ApiError::new(status, code, message)
}
