//! Changes of the live prompt: what is asked for, and which room does it.

use pawl_edge::{
    ApiError, Request, Response,
    log::{self, Level},
};
use pawl_model::{Chat, Comparer, Judge, Rewriter};
use pawl_store::{decisions::Decisions, prompts::Prompts, proof::Proofs, usage::UsageLedger};
use uuid::Uuid;

use crate::{
    error::Error,
    improve::improve,
    proving::prove,
    receipts::verify,
    wire::{Command, Outcome, UpdateRequest, UpdateResponse},
};

/// What a change needs of the world.
pub struct Ports<'a, S, M> {
    /// The store as the caller.
    pub store: &'a S,
    /// The model; where there is none, no decision of a person and no rollback fails for want of it.
    pub model: Result<&'a M, ApiError>,
    /// A clock that never goes back, in milliseconds.
    pub now_ms: fn() -> f64,
    /// An id of this invocation: it holds the leases.
    pub holder: Uuid,
}

/// Does what the request asks for.
pub async fn update<S, M>(request: &Request, request_id: &str, ports: &Ports<'_, S, M>) -> Result<Response, Error>
where
    S: Prompts + Decisions + UsageLedger + Proofs,
    M: Rewriter + Chat + Judge + Comparer,
{
    let asked = UpdateRequest::read(request)?;
    let outcome = match asked.command()? {
        Command::Improve { reflection_id } => improve(reflection_id, ports).await?,
        Command::Prove { filter, time } => prove(filter, time, request_id, ports).await?,
        Command::VerifyReceipt { receipt_id, user_id } => verify(receipt_id, user_id, ports.store).await?,
        Command::Decide(order) => Outcome::Decided(ports.store.decide(&order).await?.map_err(Error::Refused)?),
    };
    report(&outcome, request_id);
    Ok(Response::json(200, &UpdateResponse { outcome, request_id }))
}

fn report(outcome: &Outcome, request_id: &str) {
    let (event, detail) = match outcome {
        Outcome::Submitted { version, .. } => ("prompt_submitted", (*version).into()),
        Outcome::Decided(change) => ("decided", change.action.as_str().into()),
        Outcome::Skipped { reason, .. } => ("update_skipped", reason.as_str().into()),
        Outcome::Refused { reason, .. } => ("update_refused", reason.as_str().into()),
        Outcome::Verified(verified) => ("receipt_verified", verified.matches.into()),
        // Each assistant has a line of its own.
        Outcome::Proved(_) => return,
    };
    log::event(Level::Info, event, &[("request_id", request_id.into()), ("detail", detail)]);
}

#[cfg(test)]
mod tests;
