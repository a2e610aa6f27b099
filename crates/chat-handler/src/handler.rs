//! A turn, end to end: store the message, find the prompt, ask the model, store the answer.

use std::rc::Rc;

use pawl_core::tokens;
use pawl_edge::{
    Request, Response, body,
    log::{self, Level},
};
use pawl_model::{Answer, Chat, ChatRequest as ModelRequest};
use pawl_store::{
    StoreError,
    turns::{BeginTurn, BeginTurns, CompleteTurn, FinishedTurn, NewTurn, PromptText, Turn, TurnLedger},
};

use crate::{
    config::MODEL_TIMEOUT,
    error::Error,
    prompt_cache::{Prompt, PromptCache},
    wire::{ChatRequest, ChatResponse},
};

/// What a turn needs of the world.
pub struct Ports<'a, C, S, M> {
    /// The store as the caller.
    pub caller: &'a C,
    /// The store with the secret key.
    pub service: &'a S,
    /// The model.
    pub model: &'a M,
    /// Prompt texts read before.
    pub prompts: &'a PromptCache,
    /// A clock that never goes back, in milliseconds.
    pub now_ms: fn() -> f64,
}

/// Answers a user's message.
pub async fn chat<C: BeginTurns, S: TurnLedger, M: Chat>(
    request: &Request,
    request_id: &str,
    ports: &Ports<'_, C, S, M>,
) -> Result<Response, Error> {
    let body: ChatRequest = body::read(request)?;
    let turn = begin(&body, ports.caller).await?;
    let (prompt, answer, latency_ms) = match answer(&body.message, &turn, ports).await {
        Ok(answered) => answered,
        Err(error) => return Err(fail(&turn, error, request_id, ports.service).await),
    };
    let answer_id = match complete(&turn, &prompt, &answer, latency_ms, ports.service).await {
        Ok(answer_id) => answer_id,
        // Without a word from the database the answer may be stored all the same: only a clear no ends the turn.
        Err(error @ Error::Store(StoreError::Unavailable(_))) => return Err(error),
        Err(error) => return Err(fail(&turn, error, request_id, ports.service).await),
    };
    let stale_prompt = prompt.id != turn.prompt_id;
    report(&turn, &prompt, &answer, latency_ms, request_id);
    Ok(Response::json(
        200,
        &ChatResponse {
            session_id: turn.session_id,
            message_id: turn.message_id,
            answer_id,
            answer: &answer.text,
            prompt_version: prompt.version,
            stale_prompt,
            model: &answer.model,
            stop_reason: &answer.stop_reason,
            usage: answer.usage,
            request_id,
        },
    ))
}

/// Stores the message: from here on it is safe whatever fails.
async fn begin(body: &ChatRequest, caller: &impl BeginTurns) -> Result<Turn, Error> {
    let new = NewTurn {
        message: &body.message,
        session_id: body.session_id,
        assistant: body.assistant.as_deref(),
        organization_id: body.organization_id,
        user_id: body.user_id,
    };
    match caller.begin_turn(&new).await? {
        BeginTurn::Ok(turn) => Ok(turn),
        BeginTurn::Unauthorized => Err(Error::Unauthorized),
        BeginTurn::UserRequired => Err(Error::UserRequired),
        BeginTurn::UserNotAllowed => Err(Error::UserNotAllowed),
        BeginTurn::MessageEmpty => Err(Error::MessageEmpty),
        BeginTurn::MessageTooLong => Err(Error::MessageTooLong),
        BeginTurn::OrganizationRequired => Err(Error::OrganizationRequired),
        BeginTurn::OrganizationNotFound => Err(Error::OrganizationNotFound),
        BeginTurn::AssistantNotFound => Err(Error::AssistantNotFound),
        BeginTurn::SessionNotFound => Err(Error::SessionNotFound),
        BeginTurn::NoActivePrompt => Err(Error::NoActivePrompt),
    }
}

async fn answer<C, S: TurnLedger, M: Chat>(
    message: &str,
    turn: &Turn,
    ports: &Ports<'_, C, S, M>,
) -> Result<(Rc<Prompt>, Answer, u32), Error> {
    let prompt = find_prompt(turn, ports.service, ports.prompts).await?;
    let request = ModelRequest {
        model: &turn.model,
        max_tokens: turn.max_answer_tokens,
        system_prompt: &prompt.content,
        history: tokens::newest_within(&turn.history, turn.history_token_budget),
        message,
        timeout: MODEL_TIMEOUT,
    };
    let asked = (ports.now_ms)();
    let answer = ports.model.answer(request).await?;
    let latency_ms = ((ports.now_ms)() - asked).max(0.0) as u32;
    Ok((prompt, answer, latency_ms))
}

/// The text of the version that is to serve the turn. When it cannot be read, one of this assistant's that this isolate
/// still holds serves instead: a turn that has begun is better answered by the version before than not at all.
async fn find_prompt(turn: &Turn, service: &impl TurnLedger, prompts: &PromptCache) -> Result<Rc<Prompt>, Error> {
    if let Some(prompt) = prompts.get(turn.prompt_id) {
        return Ok(prompt);
    }
    match service.serving_context(turn.prompt_id).await {
        Ok(PromptText::Ok { version, content }) => {
            let prompt = Prompt { id: turn.prompt_id, assistant_id: turn.assistant_id, version, content };
            Ok(prompts.insert(prompt))
        }
        Ok(PromptText::PromptNotFound) => Err(StoreError::Unexpected("prompt_not_found".into()).into()),
        Err(error @ StoreError::Unavailable(_)) => prompts.latest_of(turn.assistant_id).ok_or(error.into()),
        Err(error) => Err(as_service(error)),
    }
}

/// Records why the turn has no answer. Should that fail too, the first error is the one that counts.
async fn fail(turn: &Turn, error: Error, request_id: &str, service: &impl TurnLedger) -> Error {
    let code = match &error {
        Error::Model(fault) => fault.code(),
        Error::Store(fault) => fault.told().1,
        Error::SecretKeyRefused => "misconfigured",
        _ => "internal",
    };
    if let Err(fault) = service.fail_turn(turn.turn_id, code).await {
        let fields = [("request_id", request_id.into()), ("cause", fault.cause().into())];
        log::event(Level::Error, "turn_failure_not_recorded", &fields);
    }
    error
}

async fn complete(
    turn: &Turn,
    prompt: &Prompt,
    answer: &Answer,
    latency_ms: u32,
    service: &impl TurnLedger,
) -> Result<uuid::Uuid, Error> {
    let finished = FinishedTurn {
        turn_id: turn.turn_id,
        prompt_id: prompt.id,
        answer: &answer.text,
        model: &answer.model,
        stop_reason: &answer.stop_reason,
        input_tokens: answer.usage.input_tokens,
        output_tokens: answer.usage.output_tokens,
        latency_ms,
    };
    let stored = match service.complete_turn(&finished).await {
        // The answer is paid for, and storing it twice stores it once: worth a second try.
        Err(StoreError::Unavailable(_)) => service.complete_turn(&finished).await,
        stored => stored,
    };
    match stored.map_err(as_service)? {
        CompleteTurn::Ok { answer_id } => Ok(answer_id),
        CompleteTurn::TurnNotFound => Err(StoreError::Unexpected("turn_not_found".into()).into()),
        CompleteTurn::TurnFailed => Err(StoreError::Unexpected("turn_failed".into()).into()),
    }
}

/// A fault of a call made with the secret key: a refusal is our configuration's fault, not the caller's.
fn as_service(fault: StoreError) -> Error {
    match fault {
        StoreError::Unauthenticated | StoreError::Forbidden => Error::SecretKeyRefused,
        fault => fault.into(),
    }
}

fn report(turn: &Turn, prompt: &Prompt, answer: &Answer, latency_ms: u32, request_id: &str) {
    let fields = [
        ("request_id", request_id.into()),
        ("turn_id", turn.turn_id.to_string().into()),
        ("prompt_version", prompt.version.into()),
        ("stale_prompt", (prompt.id != turn.prompt_id).into()),
        ("input_tokens", answer.usage.input_tokens.into()),
        ("output_tokens", answer.usage.output_tokens.into()),
        ("model_ms", latency_ms.into()),
    ];
    log::event(Level::Info, "turn_completed", &fields);
}

#[cfg(test)]
mod tests;
