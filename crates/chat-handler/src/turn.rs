//! A turn, from the stored message to the stored answer.

use std::{rc::Rc, time::Duration};

use pawl_core::{characteristics, tokens};
use pawl_edge::log::{self, Level};
use pawl_model::{Answer, Chat, ChatRequest as Question, Patience, Spent, Unanswered};
use pawl_store::{
    StoreError,
    serving::Exposure,
    turns::{BeginTurn, CompleteTurn, FailedTurn, FinishedTurn, NewTurn, StoredAnswer, Traits, Turn, TurnLedger},
};
use uuid::Uuid;

use crate::{
    error::Error,
    handler::Ports,
    prompt_cache::Prompt,
    serving::{Told, find, learning},
    wire::{ChatRequest, ChatResponse},
};

/// What the store is asked to begin.
pub fn new<'a>(message: &'a ChatRequest, key: Option<&'a str>) -> NewTurn<'a> {
    NewTurn {
        message: &message.message,
        session_id: message.session_id,
        assistant: message.assistant.as_deref(),
        organization_id: message.organization_id,
        user_id: message.user_id,
        idempotency_key: key,
        traits: traits(message),
    }
}

/// What is known of the question: what the client says of it, and else what its words tell.
pub fn traits(message: &ChatRequest) -> Traits<'_> {
    let about = &message.metadata;
    let stated = about.question_type.as_deref();
    Traits {
        question_type: Some(stated.unwrap_or_else(|| characteristics::question_type(&message.message))),
        data_source: about.data_source.as_deref(),
        tools: &about.tools,
    }
}

/// A turn that has begun, or was answered before.
pub enum Begun {
    /// The message is stored: it is safe whatever fails.
    Open(Turn),
    /// No model need be asked.
    Answered(StoredAnswer),
}

/// What beginning came to.
pub fn begun(outcome: BeginTurn) -> Result<Begun, Error> {
    match outcome {
        BeginTurn::Ok(turn) => Ok(Begun::Open(turn)),
        BeginTurn::Replayed(stored) => Ok(Begun::Answered(stored)),
        BeginTurn::InProgress => Err(Error::InProgress),
        BeginTurn::KeyReused => Err(Error::KeyReused),
        BeginTurn::Limited { limit, retry_after } => Err(Error::Limited { limit, retry_after }),
        BeginTurn::Unauthorized => Err(Error::Unauthorized),
        BeginTurn::UserRequired => Err(Error::UserRequired),
        BeginTurn::UserNotAllowed => Err(Error::UserNotAllowed),
        BeginTurn::MessageEmpty => Err(Error::MessageEmpty),
        BeginTurn::MessageTooLong => Err(Error::MessageTooLong),
        BeginTurn::TraitsInvalid => Err(Error::TraitsInvalid),
        BeginTurn::OrganizationRequired => Err(Error::OrganizationRequired),
        BeginTurn::OrganizationNotFound => Err(Error::OrganizationNotFound),
        BeginTurn::AssistantNotFound => Err(Error::AssistantNotFound),
        BeginTurn::SessionNotFound => Err(Error::SessionNotFound),
        BeginTurn::NoActivePrompt => Err(Error::NoActivePrompt),
    }
}

/// A turn with its stored answer.
pub struct Answered {
    prompt: Rc<Prompt>,
    answer: Answer,
    answer_id: Uuid,
}

/// Answers an open turn and stores what comes of it, an answer or the reason why there is none. Pieces of the answer are
/// handed to `on_text` as the model gives them.
pub async fn answer<C, S: TurnLedger, M: Chat>(
    turn: &Turn,
    message: &ChatRequest,
    request_id: &str,
    ports: &Ports<C, S>,
    model: &M,
    on_text: &mut dyn FnMut(&str),
) -> Result<Answered, Error> {
    let (prompt, patterns) = match find(turn, request_id, &ports.service, &ports.prompts).await {
        Ok(found) => found,
        Err(error) => return Err(fail(turn, error, None, request_id, ports).await),
    };
    let told = Told::of(turn, message, &patterns);
    let question = Question {
        model: prompt.model(turn),
        base_url: prompt.base_url.as_deref(),
        max_tokens: turn.max_answer_tokens,
        system_prompt: &prompt.content,
        instructions: told.instructions.as_deref(),
        history: tokens::newest_within(&turn.history, turn.history_token_budget),
        message: &message.message,
        patience: ports.patience(),
    };
    let asked_ms = (ports.now_ms)();
    let answer = match model.answer(question, on_text).await {
        Ok(answer) => answer,
        Err(Unanswered { error, spent }) => {
            return Err(fail(turn, error.into(), spent.as_ref(), request_id, ports).await);
        }
    };
    let latency_ms = ((ports.now_ms)() - asked_ms).max(0.0) as u32;
    let answer_id = match complete(turn, &prompt, &told.exposures, &answer, latency_ms, ports).await {
        Ok(answer_id) => answer_id,
        // Without a word from the database the answer may be stored all the same: only a clear no ends the turn.
        Err(error @ (Error::Store(StoreError::Unavailable(_)) | Error::Superseded)) => return Err(error),
        Err(error) => {
            let spent = Spent { model: answer.model.clone(), usage: answer.usage };
            return Err(fail(turn, error, Some(&spent), request_id, ports).await);
        }
    };
    report(turn, &prompt, &answer, latency_ms, request_id);
    Ok(Answered { prompt, answer, answer_id })
}

impl Answered {
    /// What the client is told; of a stream it has the text already.
    pub fn told<'a>(&'a self, turn: &Turn, request_id: &'a str, with_text: bool) -> ChatResponse<'a> {
        ChatResponse {
            turn_id: turn.turn_id,
            session_id: turn.session_id,
            message_id: turn.message_id,
            answer_id: self.answer_id,
            answer: with_text.then_some(self.answer.text.as_str()),
            prompt_version: self.prompt.version,
            stale_prompt: self.prompt.id != turn.prompt_id,
            replayed: false,
            model: &self.answer.model,
            stop_reason: Some(&self.answer.stop_reason),
            usage: self.answer.usage,
            request_id,
        }
    }
}

/// What the client is told of a turn that was answered before.
pub fn told_again<'a>(stored: &'a StoredAnswer, request_id: &'a str, with_text: bool) -> ChatResponse<'a> {
    ChatResponse {
        turn_id: stored.turn_id,
        session_id: stored.session_id,
        message_id: stored.message_id,
        answer_id: stored.answer_id,
        answer: with_text.then_some(stored.answer.as_str()),
        prompt_version: stored.prompt_version,
        stale_prompt: false,
        replayed: true,
        model: &stored.model,
        stop_reason: stored.stop_reason.as_deref(),
        usage: stored.usage.into(),
        request_id,
    }
}

impl<C, S: TurnLedger> Ports<C, S> {
    /// What is left of the request's time for the model. Beside it the answer has to be stored, if need be in several tries.
    fn patience(&self) -> Patience {
        // A model that says nothing for a third of the time is given up, while there is time for another try.
        Patience { total: self.left(self.deadline), silence: self.deadline / 3, begun_is_final: false }
    }

    /// What is left of a time that began when the request came.
    fn left(&self, time: Duration) -> Duration {
        let elapsed_ms = ((self.now_ms)() - self.received_ms).max(0.0);
        time.saturating_sub(Duration::from_millis(elapsed_ms as u64))
    }

    /// Calls the database, with growing pauses, until it answers or the pauses have taken `patience`; they end, in any
    /// case, when a twelfth more than the deadline has passed: the last call still ends before the platform's 150 s. For calls that do once what they do, however often made.
    async fn insist<T>(
        &self,
        patience: Duration,
        call: impl AsyncFn(&S) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut left = patience.min(self.left(self.deadline * 13 / 12));
        let mut pause = Duration::from_millis(250);
        loop {
            match call(&self.service).await {
                Err(StoreError::Unavailable(_)) if pause < left => {
                    (self.sleep)(pause).await;
                    left = (left - pause).min(self.left(self.deadline * 13 / 12));
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }
}

/// Records why the turn has no answer, and what that cost. Should recording fail too, the first error is the one that
/// counts; the turn's lease runs out.
async fn fail<C, S: TurnLedger>(
    turn: &Turn,
    error: Error,
    spent: Option<&Spent>,
    request_id: &str,
    ports: &Ports<C, S>,
) -> Error {
    let failed = FailedTurn {
        turn_id: turn.turn_id,
        attempt: turn.attempt,
        error_code: error.stored_code(),
        model: spent.map(|spent| spent.model.as_str()),
        usage: spent.map(|spent| spent.usage).unwrap_or_default(),
    };
    // Somebody waits to be told; without a word of ours the lease tells the next try.
    let patience = Duration::from_secs(2);
    if let Err(fault) = ports.insist(patience, async |service| service.fail_turn(&failed).await).await {
        let fields = [("request_id", request_id.into()), ("cause", fault.cause().into())];
        log::event(Level::Error, "turn_failure_not_recorded", &fields);
    }
    error
}

async fn complete<C, S: TurnLedger>(
    turn: &Turn,
    prompt: &Prompt,
    exposures: &[Exposure],
    answer: &Answer,
    latency_ms: u32,
    ports: &Ports<C, S>,
) -> Result<Uuid, Error> {
    let finished = FinishedTurn {
        turn_id: turn.turn_id,
        attempt: turn.attempt,
        prompt_id: Some(prompt.id),
        answer: &answer.text,
        model: &answer.model,
        stop_reason: Some(&answer.stop_reason),
        usage: answer.usage,
        latency_ms: Some(latency_ms),
        tools: &[],
        learning: learning(&answer.text, exposures),
    };
    // It is paid for.
    let stored = ports.insist(Duration::MAX, async |service| service.complete_turn(&finished).await).await;
    match stored.map_err(as_service)? {
        CompleteTurn::Ok { answer_id } => Ok(answer_id),
        CompleteTurn::Superseded => Err(Error::Superseded),
        CompleteTurn::TurnNotFound => Err(StoreError::Unexpected("turn_not_found".into()).into()),
        CompleteTurn::TurnFailed => Err(StoreError::Unexpected("turn_failed".into()).into()),
    }
}

/// A fault of a call made with the secret key: a refusal is our configuration's fault, not the caller's.
pub fn as_service(fault: StoreError) -> Error {
    match fault {
        StoreError::Unauthenticated | StoreError::Forbidden => Error::SecretKeyRefused,
        fault => fault.into(),
    }
}

fn report(turn: &Turn, prompt: &Prompt, answer: &Answer, latency_ms: u32, request_id: &str) {
    let fields = [
        ("request_id", request_id.into()),
        ("turn_id", turn.turn_id.to_string().into()),
        ("attempt", turn.attempt.into()),
        ("prompt_version", prompt.version.into()),
        ("stale_prompt", (prompt.id != turn.prompt_id).into()),
        ("input_tokens", answer.usage.input_tokens.into()),
        ("output_tokens", answer.usage.output_tokens.into()),
        ("cache_read_tokens", answer.usage.cache_read_input_tokens.into()),
        ("model_ms", latency_ms.into()),
    ];
    log::event(Level::Info, "turn_completed", &fields);
}
