//! Bodies of requests and responses.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a client sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChatRequest {
    /// The user's message: not blank, at most 32 KiB.
    pub message: String,
    /// The session to go on with; a new one without.
    pub session_id: Option<Uuid>,
    /// Slug of the assistant; the default one without.
    pub assistant: Option<String>,
    /// The organisation; the caller's only one without.
    pub organization_id: Option<Uuid>,
    /// For whom; with the secret key only.
    pub user_id: Option<Uuid>,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub struct ChatResponse<'a> {
    /// The session, opened by this turn if none was named.
    pub session_id: Uuid,
    /// The stored user message.
    pub message_id: Uuid,
    /// The stored answer; reactions refer to it.
    pub answer_id: Uuid,
    /// The answer.
    pub answer: &'a str,
    /// The version of the prompt that made it.
    pub prompt_version: i32,
    /// Present and true when the version that should have served could not be read and an earlier one stood in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale_prompt: bool,
    /// The model that answered.
    pub model: &'a str,
    /// Why the answer ends where it does: `end_turn`, `max_tokens`, …
    pub stop_reason: &'a str,
    /// Tokens of both directions.
    pub usage: pawl_model::Usage,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}
