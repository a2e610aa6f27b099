//! What is asked for, and by which way it is answered.

use std::{rc::Rc, time::Duration};

use pawl_core::{conversation::spoken, tokens};
use pawl_edge::{ApiError, Request, Response, events::Sleep};
use pawl_model::Chat;
use pawl_store::{
    StoreError,
    serving::Exposure,
    turns::{BeginTurns, CompleteTurn, FailedTurn, FinishedTurn, PrepareTurns, TurnLedger},
};

use crate::{
    error::Error,
    prompt_cache::PromptCache,
    serving::{self, Told},
    stream,
    turn::{self, Begun},
    wire::{self, ChatRequest, Command, CompleteRequest, EndedResponse, FailRequest, PrepareResponse, PreparedMessage},
};

/// What a turn needs of the world.
pub struct Ports<C, S> {
    /// The store as the caller.
    pub caller: C,
    /// The store with the secret key.
    pub service: S,
    /// What was read before of what serves turns.
    pub prompts: Rc<PromptCache>,
    /// A clock that never goes back, in milliseconds.
    pub now_ms: fn() -> f64,
    /// When the request came, on that clock.
    pub received_ms: f64,
    /// How long after that the model may still be asked.
    pub deadline: Duration,
    /// How to wait.
    pub sleep: Sleep,
}

/// Answers one request. A backend that asks a model of its own needs none of ours.
pub async fn handle<C, S, M>(
    request: Request,
    request_id: String,
    ports: Ports<C, S>,
    model: Result<M, ApiError>,
) -> Result<Response, Error>
where
    C: BeginTurns + PrepareTurns + TurnLedger + 'static,
    S: TurnLedger + 'static,
    M: Chat + 'static,
{
    match wire::read(&request)? {
        Command::Chat { message, key, stream } => chat(message, key, stream, request_id, ports, model?).await,
        Command::Prepare { message, key, lease_seconds } => {
            prepare(&message, key.as_deref(), lease_seconds, &request_id, &ports).await
        }
        Command::Complete(finished) => complete(&finished, &request_id, &ports.caller).await,
        Command::Fail(failed) => fail(&failed, &request_id, &ports.caller).await,
    }
}

async fn chat<C, S, M>(
    message: ChatRequest,
    key: Option<String>,
    stream: bool,
    request_id: String,
    ports: Ports<C, S>,
    model: M,
) -> Result<Response, Error>
where
    C: BeginTurns + 'static,
    S: TurnLedger + 'static,
    M: Chat + 'static,
{
    let outcome = ports.caller.begin_turn(&turn::new(&message, key.as_deref())).await?;
    match (turn::begun(outcome)?, stream) {
        (Begun::Open(turn), true) => Ok(stream::answer(turn, message, request_id, ports, model)),
        (Begun::Open(turn), false) => {
            let answered = turn::answer(&turn, &message, &request_id, &ports, &model, &mut |_| {}).await?;
            Ok(Response::json(200, &answered.told(&turn, &request_id, true)))
        }
        (Begun::Answered(stored), true) => Ok(stream::replay(stored, request_id, ports.sleep)),
        (Begun::Answered(stored), false) => Ok(Response::json(200, &turn::told_again(&stored, &request_id, true))),
    }
}

/// As the caller: Postgres lets the secret key alone begin a turn with the prompt's text, and end one.
async fn prepare<C: PrepareTurns + TurnLedger, S>(
    message: &ChatRequest,
    key: Option<&str>,
    lease_seconds: u32,
    request_id: &str,
    ports: &Ports<C, S>,
) -> Result<Response, Error> {
    let turn = match turn::begun(ports.caller.prepare_turn(&turn::new(message, key), lease_seconds).await?)? {
        Begun::Open(turn) => turn,
        Begun::Answered(stored) => return Ok(Response::json(200, &turn::told_again(&stored, request_id, true))),
    };
    let system_prompt = turn.system_prompt.as_deref().ok_or_else(|| StoreError::Unexpected("no prompt text".into()))?;
    // Only the patterns may be left to read, and without them the turn goes on.
    let patterns = serving::patterns(&turn, request_id, &ports.caller, &ports.prompts).await?;
    let told = Told::of(&turn, message, &patterns);
    let history = tokens::newest_within(&turn.history, turn.history_token_budget);
    let prepared = PrepareResponse {
        turn_id: turn.turn_id,
        attempt: turn.attempt,
        session_id: turn.session_id,
        message_id: turn.message_id,
        prompt_version: turn.prompt_version,
        system_prompt,
        learned_instructions: told.instructions.as_deref(),
        exposures: Exposure::write(&told.exposures),
        messages: spoken(history, &message.message).map(|(role, content)| PreparedMessage { role, content }).collect(),
        model: &turn.model,
        base_url: turn.endpoint.as_ref().map(|own| own.base_url.as_str()),
        max_answer_tokens: turn.max_answer_tokens,
        request_id,
    };
    Ok(Response::json(200, &prepared))
}

async fn complete(request: &CompleteRequest, request_id: &str, store: &impl TurnLedger) -> Result<Response, Error> {
    let finished = FinishedTurn {
        turn_id: request.turn_id,
        attempt: request.attempt,
        prompt_id: None,
        answer: &request.answer,
        model: &request.model,
        stop_reason: request.stop_reason.as_deref(),
        usage: request.usage,
        latency_ms: request.latency_ms,
        tools: &request.tools,
        learning: serving::learning(&request.answer, &request.exposures),
    };
    match store.complete_turn(&finished).await? {
        CompleteTurn::Ok { answer_id } => {
            let ended = EndedResponse { turn_id: request.turn_id, answer_id: Some(answer_id), request_id };
            Ok(Response::json(200, &ended))
        }
        CompleteTurn::Superseded => Err(Error::Superseded),
        CompleteTurn::TurnNotFound => Err(Error::TurnNotFound),
        CompleteTurn::TurnFailed => Err(Error::TurnFailed),
    }
}

async fn fail(request: &FailRequest, request_id: &str, store: &impl TurnLedger) -> Result<Response, Error> {
    let failed = FailedTurn {
        turn_id: request.turn_id,
        attempt: request.attempt,
        error_code: &request.error_code,
        model: request.model.as_deref(),
        usage: request.usage,
    };
    if !store.fail_turn(&failed).await? {
        return Err(Error::TurnNotOpen);
    }
    Ok(Response::json(200, &EndedResponse { turn_id: request.turn_id, answer_id: None, request_id }))
}

#[cfg(test)]
pub(crate) mod tests;
