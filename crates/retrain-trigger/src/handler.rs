//! What is asked for, and which room does it.

use pawl_edge::{ApiError, Request, Response};
use pawl_store::training::{AnalyzeFeedback, Training};
use uuid::Uuid;

use crate::{
    callback,
    config::Settings,
    error::Error,
    host::Host,
    rebuild::rebuild,
    running::run,
    wire::{self, AnalyzeResponse, Command, Filter, TrainRequest},
};

/// What the function needs of the world.
pub struct Ports<'a, S, H> {
    /// The store as the caller.
    pub store: &'a S,
    /// The store with the project's secret key: for what a trainer says, once its signature held.
    pub service: &'a S,
    /// Storage and the trainer.
    pub host: &'a H,
    /// What the owner of the project set.
    pub settings: &'a Settings,
    /// A clock that never goes back, in milliseconds.
    pub now_ms: fn() -> f64,
    /// Seconds since 1970, for signatures.
    pub unix_seconds: fn() -> i64,
    /// An id of this invocation: it holds the leases.
    pub holder: Uuid,
}

/// Does what the request asks for.
pub async fn answer<S: Training, H: Host>(
    request: &Request,
    request_id: &str,
    ports: &Ports<'_, S, H>,
) -> Result<Response, Error> {
    let asked = TrainRequest::read(wire::fields(request)?)?;
    match asked.command()? {
        Command::Run(filter) => run(filter, request_id, ports).await,
        Command::Analyze { filter, days } => analyze(filter, days, request_id, ports.store).await,
        Command::Rebuild { model_version_id, part } => rebuild(model_version_id, part, request_id, ports).await,
        Command::Callback(said) => {
            // Whoever sends it has no other credentials.
            let believed = callback::verify(request, ports.settings, (ports.unix_seconds)())?;
            callback::take(&believed, &said, request_id, ports).await
        }
    }
}

async fn analyze(filter: Filter<'_>, days: f64, request_id: &str, store: &impl Training) -> Result<Response, Error> {
    match store.analyze_feedback(filter.organization_id, filter.assistant, days).await? {
        AnalyzeFeedback::Ok(analyzed) => Ok(Response::json(200, &AnalyzeResponse::of(analyzed, request_id))),
        AnalyzeFeedback::Refused { code } => Err(Error::Refused(code)),
    }
}

/// 500 `misconfigured`: signatures can be neither made nor checked.
pub(crate) fn no_secret() -> ApiError {
    ApiError::misconfigured("ML_WEBHOOK_SECRET", "is not set")
}

#[cfg(test)]
mod tests;
