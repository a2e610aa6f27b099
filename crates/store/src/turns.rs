//! A turn: one user message and what becomes of it.

pub(crate) mod rows;

use pawl_core::{conversation::Exchange, usage::Usage};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    StoreError,
    serving::{Endpoint, Exposure, ServingContext},
};

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
    /// The same request with the same key begins no second turn.
    pub idempotency_key: Option<&'a str>,
    /// What is known of the question; stored with the turn, and no part of what its key stands for.
    pub traits: Traits<'a>,
}

/// What is known of a question before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits<'a> {
    /// What kind of question it is: a name, of a to z, 0 to 9, `_` and `-`, at most 64, not beginning with the last
    /// two.
    pub question_type: Option<&'a str>,
    /// Which data it is about; a name too.
    pub data_source: Option<&'a str>,
    /// Tools that are used for it; at most 50.
    pub tools: &'a [String],
}

/// A turn that has begun: the message is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Its id.
    pub turn_id: Uuid,
    /// Which attempt at it this is, from 1. Only the last one's answer counts.
    pub attempt: i32,
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
    /// Which set of learned patterns is live; zero: none yet.
    pub patterns_revision: i64,
    /// The model's name.
    pub model: String,
    /// Most tokens of the answer.
    pub max_answer_tokens: u32,
    /// Most tokens of the history, by `pawl_core::tokens`.
    pub history_token_budget: usize,
    /// Earlier exchanges of the session, oldest first; bounded by number and bytes.
    pub history: Vec<Exchange>,
    /// The text of that version; only of a prepared turn, for who begins one with a user's rights must not see it.
    pub system_prompt: Option<String>,
    /// That version's own model, if it has one; only of a prepared turn, too.
    pub endpoint: Option<Endpoint>,
}

/// A turn that was answered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The turn.
    pub turn_id: Uuid,
    /// Its session.
    pub session_id: Uuid,
    /// The user's message.
    pub message_id: Uuid,
    /// The answer's id.
    pub answer_id: Uuid,
    /// The answer.
    pub answer: String,
    /// The version that made it.
    pub prompt_version: i32,
    /// The model that gave it.
    pub model: String,
    /// Why it ended there.
    pub stop_reason: Option<String>,
    /// Its tokens; null where a backend did not say.
    pub usage: StoredUsage,
}

/// Tokens as they are stored; null where nobody counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredUsage {
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    cache_read_input_tokens: Option<u32>,
    cache_creation_input_tokens: Option<u32>,
}

impl From<Usage> for StoredUsage {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: Some(usage.input_tokens),
            output_tokens: Some(usage.output_tokens),
            cache_read_input_tokens: Some(usage.cache_read_input_tokens),
            cache_creation_input_tokens: Some(usage.cache_creation_input_tokens),
        }
    }
}

impl From<StoredUsage> for Usage {
    fn from(stored: StoredUsage) -> Self {
        Self {
            input_tokens: stored.input_tokens.unwrap_or_default(),
            output_tokens: stored.output_tokens.unwrap_or_default(),
            cache_read_input_tokens: stored.cache_read_input_tokens.unwrap_or_default(),
            cache_creation_input_tokens: stored.cache_creation_input_tokens.unwrap_or_default(),
        }
    }
}

/// What keeps a turn from beginning now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at organization_settings")]
pub enum Limit {
    UserRequests,
    OrganizationRequests,
    UserTokens,
    OrganizationTokens,
}

/// Outcomes of beginning a turn. Nothing was written unless it is `Ok`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at pawl_begin_turn")]
pub enum BeginTurn {
    Ok(Turn),
    Replayed(StoredAnswer),
    InProgress,
    KeyReused,
    Limited { limit: Limit, retry_after: u32 },
    Unauthorized,
    UserRequired,
    UserNotAllowed,
    MessageEmpty,
    MessageTooLong,
    TraitsInvalid,
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

/// Begins turns that a backend's own model answers; with the secret key.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait PrepareTurns {
    /// As [`BeginTurns::begin_turn`], with a lease of this many seconds, and the turn has its `system_prompt` and
    /// `endpoint`.
    async fn prepare_turn(&self, turn: &NewTurn<'_>, lease_seconds: u32) -> Result<BeginTurn, StoreError>;
}

/// An answer to store.
#[derive(Debug, Clone, Copy)]
pub struct FinishedTurn<'a> {
    /// The turn it ends.
    pub turn_id: Uuid,
    /// And the attempt.
    pub attempt: i32,
    /// The prompt version that really served it; the one the turn named without.
    pub prompt_id: Option<Uuid>,
    /// The answer.
    pub answer: &'a str,
    /// The model that gave it.
    pub model: &'a str,
    /// Why it ended there.
    pub stop_reason: Option<&'a str>,
    /// Its tokens.
    pub usage: Usage,
    /// From the request to the model until its answer was there, in milliseconds.
    pub latency_ms: Option<u32>,
    /// Tools that a backend's own model used.
    pub tools: &'a [String],
    /// What can be learned from.
    pub learning: Learning<'a>,
}

/// What an answer looks like, and which learned patterns applied to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Learning<'a> {
    /// As `pawl_core::characteristics::response_format`.
    pub response_format: &'a str,
    /// As `pawl_core::characteristics::length_class`.
    pub length_class: &'a str,
    /// How many characters it has.
    pub answer_characters: u32,
    /// The patterns that applied, each at most once.
    pub exposures: &'a [Exposure],
}

/// A turn without an answer.
#[derive(Debug, Clone, Copy)]
pub struct FailedTurn<'a> {
    /// The turn.
    pub turn_id: Uuid,
    /// And the attempt.
    pub attempt: i32,
    /// Why: a stable code.
    pub error_code: &'a str,
    /// The model that began to answer, if one did.
    pub model: Option<&'a str>,
    /// What that cost.
    pub usage: Usage,
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
    /// A later attempt has begun: its answer counts.
    Superseded,
}

/// What is done for a turn with the secret key: what the caller must not see, or must not forge.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait TurnLedger {
    /// The text of a prompt version and the live patterns of its assistant, as they are at one moment.
    async fn serving_context(&self, prompt_id: Uuid) -> Result<ServingContext, StoreError>;
    /// Stores the answer; once, however often it is called.
    async fn complete_turn(&self, turn: &FinishedTurn<'_>) -> Result<CompleteTurn, StoreError>;
    /// Records why there is no answer. False when the turn is not open, or this attempt not its last.
    async fn fail_turn(&self, turn: &FailedTurn<'_>) -> Result<bool, StoreError>;
}
