//! How a change of the live prompt can fail, and what the caller is told.

use pawl_edge::{ApiError, env::ModelAccess};
use pawl_model::ModelError;
use pawl_store::StoreError;

/// Every way in which nothing is changed and nothing decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("the request is not valid")]
    Request(ApiError),
    #[error("`reflection_id`: there is no such reflection.")]
    ReflectionNotFound,
    #[error("`reflection_id`: this reflection did not call for a new prompt.")]
    NotAnUpdate,
    #[error("`organization_id`: there are several organisations; say which one you mean.")]
    OrganizationRequired,
    #[error("`organization_id`: you belong to no organisation that this could mean.")]
    OrganizationNotFound,
    #[error("`assistant`: the organisation has no assistant of this name.")]
    AssistantNotFound,
    #[error("`version`: the assistant has no such version.")]
    VersionNotFound,
    #[error("Only admins and owners of the organisation may do this.")]
    Forbidden,
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
        let refused = |status, code| ApiError::new(status, code, error.to_string());
        match &error {
            Error::Request(error) => error.clone(),
            Error::ReflectionNotFound => refused(404, "reflection_not_found"),
            Error::NotAnUpdate => refused(409, "not_an_update"),
            Error::OrganizationRequired => refused(400, "organization_required"),
            Error::OrganizationNotFound => refused(404, "organization_not_found"),
            Error::AssistantNotFound => refused(404, "assistant_not_found"),
            Error::VersionNotFound => refused(404, "version_not_found"),
            Error::Forbidden => refused(403, "forbidden"),
            Error::Store(fault) => ApiError::fault(fault.told(), fault.cause()),
            Error::Model(ModelError::Unauthorized) => ModelAccess::refused(),
            Error::Model(fault) => {
                let message = format!("No new prompt: {fault}. It is still owed; the next call tries again.");
                ApiError::new(fault.status(), fault.code(), message).with_cause(fault.to_string())
            }
        }
    }
}
