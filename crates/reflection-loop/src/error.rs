//! How a reflection can fail as a whole, and what the caller is told. What fails for one assistant is in its result.

use pawl_edge::ApiError;
use pawl_store::StoreError;

/// Every way in which there are no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("the request is not valid")]
    Request(ApiError),
    #[error("`assistant`: no assistant fits these filters.")]
    AssistantNotFound,
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
        match &error {
            Error::Request(error) => error.clone(),
            Error::AssistantNotFound => ApiError::new(404, "assistant_not_found", error.to_string()),
            Error::Store(fault) => ApiError::fault(fault.told(), fault.cause()),
        }
    }
}
