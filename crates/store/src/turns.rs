//! A turn: one user message and what becomes of it.

use pawl_core::conversation::Exchange;
use serde::Deserialize;
use uuid::Uuid;

use crate::StoreError;

/// What a user sends.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewTurn<'a> {
    /// The message.
    pub message: &'a str,
    /// The session to go on with; a new one without.
    pub session_id: Option<Uuid>,
    /// Slug of the assistant; the default one without.
    pub assistant: Option<&'a str>,
    /// The organisation; the caller's only one without.
    pub organization_id: Option<Uuid>,
    /// For whom; with the secret key only.
    pub user_id: Option<Uuid>,
}

/// A turn that has begun: the message is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Turn {
    /// Its id.
    pub turn_id: Uuid,
    /// Its session's, opened with it if there was none.
    pub session_id: Uuid,
    /// The stored user message's.
    pub message_id: Uuid,
    /// Who answers.
    pub assistant_id: Uuid,
    /// The prompt version that is to serve it.
    pub prompt_id: Uuid,
    /// That version's number.
    pub prompt_version: i32,
    /// The model's name.
    pub model: String,
    /// Most tokens of the answer.
    pub max_answer_tokens: u32,
    /// Most tokens of the history, by `pawl_core::tokens`.
    pub history_token_budget: usize,
    /// Earlier exchanges of the session, oldest first; bounded by number and bytes.
    pub history: Vec<Exchange>,
}

/// Outcomes of beginning a turn. Nothing was written unless it is `Ok`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "documented at pawl_begin_turn")]
pub enum BeginTurn {
    Ok(Turn),
    Unauthorized,
    UserRequired,
    UserNotAllowed,
    MessageEmpty,
    MessageTooLong,
    OrganizationRequired,
    OrganizationNotFound,
    AssistantNotFound,
    SessionNotFound,
    NoActivePrompt,
}

/// Begins turns, as the caller: Postgres authenticates and authorises here, before anything is stored or paid for.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait BeginTurns {
    /// Stores the message and says what serves it.
    async fn begin_turn(&self, turn: &NewTurn<'_>) -> Result<BeginTurn, StoreError>;
}

/// Outcomes of asking for a prompt's text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptText {
    /// The version's number and text.
    Ok {
        /// Its number.
        version: i32,
        /// Its text.
        content: String,
    },
    /// No version has this id.
    PromptNotFound,
}

/// An answer to store.
#[derive(Debug, Clone, Copy)]
pub struct FinishedTurn<'a> {
    /// The turn it ends.
    pub turn_id: Uuid,
    /// The prompt version that really served it.
    pub prompt_id: Uuid,
    /// The answer.
    pub answer: &'a str,
    /// The model that gave it.
    pub model: &'a str,
    /// Why it ended there.
    pub stop_reason: &'a str,
    /// Tokens of the request.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// From the request to the model until its answer was there, in milliseconds.
    pub latency_ms: u32,
}

/// Outcomes of completing a turn.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompleteTurn {
    /// Stored, now or before.
    Ok {
        /// The stored answer's id.
        answer_id: Uuid,
    },
    /// No such turn.
    TurnNotFound,
    /// Given up before.
    TurnFailed,
}

/// What is done for a turn with the secret key: what the caller must not see, or must not forge.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait TurnLedger {
    /// The text of a prompt version. Immutable under its id: cache it for as long as you like.
    async fn serving_context(&self, prompt_id: Uuid) -> Result<PromptText, StoreError>;
    /// Stores the answer; once, however often it is called.
    async fn complete_turn(&self, turn: &FinishedTurn<'_>) -> Result<CompleteTurn, StoreError>;
    /// Records why there is no answer, by a stable code.
    async fn fail_turn(&self, turn_id: Uuid, error_code: &str) -> Result<(), StoreError>;
}
