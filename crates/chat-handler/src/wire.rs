//! Bodies of requests and responses.

use pawl_core::usage::Usage;
use pawl_edge::{ApiError, Request, body};
use pawl_store::serving::Exposure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

mod stated;

pub use stated::Metadata;

/// Most bytes of an `Idempotency-Key`.
const MAX_KEY_BYTES: usize = 255;
/// Most tools that a backend may name, and most characters of a name: of a tool, a model, a stop reason.
const MAX_TOOLS: usize = 50;
const MAX_NAME_CHARACTERS: usize = 200;

/// How long an attempt of a backend's lasts, unless it asks for more, and the most it may ask for.
const LEASE_SECONDS: u32 = 150;
const MAX_LEASE_SECONDS: u32 = 3600;

/// What is asked for: by the body's `action`, a chat without one.
#[derive(Debug)]
pub enum Command {
    /// Answer a message; as events if the client wants them as they come.
    Chat {
        /// The message.
        message: ChatRequest,
        /// The same request with the same key is the same turn.
        key: Option<String>,
        /// Whether the answer is streamed.
        stream: bool,
    },
    /// Begin a turn that a backend's own model answers.
    Prepare {
        /// The message.
        message: ChatRequest,
        /// As for a chat.
        key: Option<String>,
        /// How long the backend may take.
        lease_seconds: u32,
    },
    /// Store that model's answer.
    Complete(CompleteRequest),
    /// Record that it gave none.
    Fail(FailRequest),
}

/// A message, for a chat and for `prepare`.
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
    /// What the client knows of the question.
    #[serde(skip)]
    pub metadata: Metadata,
    /// Whether to stream the answer. Without it the header `accept: text/event-stream` says so. Not for `prepare`.
    stream: Option<bool>,
    /// `prepare` only: how long the backend may take before the same key begins another attempt, 150 to 3,600; 150 without.
    lease_seconds: Option<u32>,
}

/// `{"action": "complete", …}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteRequest {
    /// As `prepare` gave it.
    pub turn_id: Uuid,
    /// As `prepare` gave it.
    pub attempt: i32,
    /// The answer: not blank.
    pub answer: String,
    /// The model that gave it.
    pub model: String,
    /// Why it ended there, in the model's word.
    pub stop_reason: Option<String>,
    /// Its tokens, as far as they are known.
    #[serde(default)]
    pub usage: Usage,
    /// How long it took.
    pub latency_ms: Option<u32>,
    /// Names of the tools it used.
    #[serde(default)]
    pub tools: Vec<String>,
    /// As `prepare` gave it.
    #[serde(skip)]
    pub exposures: Vec<Exposure>,
}

/// `{"action": "fail", …}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailRequest {
    /// As `prepare` gave it.
    pub turn_id: Uuid,
    /// As `prepare` gave it.
    pub attempt: i32,
    /// Why, as a stable code: lower case letters, digits and `_`, at most 64.
    pub error_code: String,
    /// The model, if its tokens are to be counted.
    pub model: Option<String>,
    /// Those tokens.
    #[serde(default)]
    pub usage: Usage,
}

/// Reads a request; 400 names the field that is wrong.
pub fn read(request: &Request) -> Result<Command, ApiError> {
    let mut fields = body::read_object(request)?;
    let action = fields.remove("action");
    let action = action.as_ref().map(|action| action.as_str().unwrap_or_default());
    match action {
        None => {
            let message = message_of(fields)?;
            if message.lease_seconds.is_some() {
                return Err(ApiError::invalid_field("lease_seconds", "does not belong to this action"));
            }
            let stream = message.stream.unwrap_or_else(|| wants_events(request));
            Ok(Command::Chat { message, key: idempotency_key(request)?, stream })
        }
        Some("prepare") => {
            let message = message_of(fields)?;
            if message.stream.is_some() {
                return Err(ApiError::invalid_field("stream", "does not belong to this action"));
            }
            let lease_seconds = message.lease_seconds.unwrap_or(LEASE_SECONDS);
            if !(LEASE_SECONDS..=MAX_LEASE_SECONDS).contains(&lease_seconds) {
                return Err(ApiError::invalid_field("lease_seconds", "must be 150 to 3600"));
            }
            Ok(Command::Prepare { message, key: idempotency_key(request)?, lease_seconds })
        }
        Some("complete") => completion_of(fields).map(Command::Complete),
        Some("fail") => body::decode(Value::Object(fields)).and_then(checked_failure).map(Command::Fail),
        Some(_) => Err(ApiError::invalid_field("action", "must be prepare, complete or fail; leave it out to chat")),
    }
}

fn wants_events(request: &Request) -> bool {
    let accept = request.header("accept").unwrap_or_default().to_ascii_lowercase();
    accept.contains("text/event-stream") && !accept.contains("application/json")
}

fn idempotency_key(request: &Request) -> Result<Option<String>, ApiError> {
    let Some(key) = request.header("idempotency-key").map(str::trim) else { return Ok(None) };
    let is_fit = (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_fit {
        Ok(Some(key.to_owned()))
    } else {
        Err(ApiError::invalid_field("Idempotency-Key", "must be 1 to 255 printable ASCII characters, such as a UUID"))
    }
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MAX_NAME_CHARACTERS
}

fn message_of(mut fields: Map<String, Value>) -> Result<ChatRequest, ApiError> {
    let metadata = stated::metadata_of(fields.remove("metadata").unwrap_or_default())?;
    let message = body::decode(Value::Object(fields))?;
    Ok(ChatRequest { metadata, ..message })
}

fn completion_of(mut fields: Map<String, Value>) -> Result<CompleteRequest, ApiError> {
    let given = fields.remove("exposures").unwrap_or_default();
    let request = checked_completion(body::decode(Value::Object(fields))?)?;
    let exposures = stated::exposures_of(request.turn_id, &given)?;
    Ok(CompleteRequest { exposures, ..request })
}

fn checked_completion(request: CompleteRequest) -> Result<CompleteRequest, ApiError> {
    if request.answer.trim().is_empty() {
        return Err(ApiError::invalid_field("answer", "must not be empty; say `fail` where there is none"));
    }
    if !is_name(&request.model) {
        return Err(ApiError::invalid_field("model", "must be a name of at most 200 characters"));
    }
    if !request.stop_reason.as_deref().is_none_or(is_name) {
        return Err(ApiError::invalid_field("stop_reason", "must be a word of at most 200 characters"));
    }
    if request.tools.len() > MAX_TOOLS || !request.tools.iter().all(|name| is_name(name)) {
        return Err(ApiError::invalid_field("tools", "must be at most 50 names of at most 200 characters"));
    }
    Ok(request)
}

fn checked_failure(request: FailRequest) -> Result<FailRequest, ApiError> {
    if !request.model.as_deref().is_none_or(is_name) {
        return Err(ApiError::invalid_field("model", "must be a name of at most 200 characters"));
    }
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=64).contains(&request.error_code.len()) && request.error_code.bytes().all(is_code) {
        Ok(request)
    } else {
        Err(ApiError::invalid_field("error_code", "must be 1 to 64 lower case letters, digits and underscores"))
    }
}

/// An answer: the body of a JSON response, and (without `answer`) of the event `done`.
#[derive(Debug, Serialize)]
pub struct ChatResponse<'a> {
    /// The turn.
    pub turn_id: Uuid,
    /// The session, opened by this turn if none was named.
    pub session_id: Uuid,
    /// The stored user message.
    pub message_id: Uuid,
    /// The stored answer; reactions refer to it.
    pub answer_id: Uuid,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<&'a str>,
    /// The version of the prompt that made it.
    pub prompt_version: i32,
    /// Present and true when the version that should have served could not be read and an earlier one stood in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stale_prompt: bool,
    /// Present and true when the turn was answered before: no model was asked.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// The model that answered.
    pub model: &'a str,
    /// Why the answer ends where it does: `end_turn`, `max_tokens`, …
    pub stop_reason: Option<&'a str>,
    /// Its tokens.
    pub usage: Usage,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// The event `start`: an answer begins, from its first word. What an earlier connection gave of it is void.
#[derive(Debug, Serialize)]
pub struct Start<'a> {
    /// The turn.
    pub turn_id: Uuid,
    /// The session, opened by this turn if none was named.
    pub session_id: Uuid,
    /// The stored user message.
    pub message_id: Uuid,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// The event `delta`: the next piece of the answer.
#[derive(Debug, Serialize)]
pub struct Delta<'a> {
    /// Its text.
    pub text: &'a str,
}

/// The event `error`: there is no answer, and what came of one is void.
#[derive(Debug, Serialize)]
pub struct Failure<'a> {
    /// The status a JSON response would have had.
    pub status: u16,
    /// As in every error.
    pub code: &'a str,
    /// As in every error.
    pub message: &'a str,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
    /// Seconds after which another try may do better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// What a backend needs to ask its own model.
#[derive(Debug, Serialize)]
pub struct PrepareResponse<'a> {
    /// The turn, for `complete`.
    pub turn_id: Uuid,
    /// The attempt, for `complete`.
    pub attempt: i32,
    /// The session, opened by this turn if none was named.
    pub session_id: Uuid,
    /// The stored user message.
    pub message_id: Uuid,
    /// The version of the prompt.
    pub prompt_version: i32,
    /// The prompt.
    pub system_prompt: &'a str,
    /// What the model is told beside it in this turn; to be put after it. Absent where there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learned_instructions: Option<&'a str>,
    /// The learned patterns that applied, for `complete`: `[{pattern_id, shown, propensity}]`.
    pub exposures: Value,
    /// The conversation so far, oldest first, within its token budget; the message to answer is the last.
    pub messages: Vec<PreparedMessage<'a>>,
    /// The version's own, or what the assistant's settings name; yours may be another.
    pub model: &'a str,
    /// Where the version's own model is, without `/v1`. Absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<&'a str>,
    /// As the assistant's settings have it.
    pub max_answer_tokens: u32,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// A message of a conversation.
#[derive(Debug, Serialize)]
pub struct PreparedMessage<'a> {
    /// `user` or `assistant`.
    pub role: &'a str,
    /// Its text.
    pub content: &'a str,
}

/// A turn that a backend has ended.
#[derive(Debug, Serialize)]
pub struct EndedResponse<'a> {
    /// The turn.
    pub turn_id: Uuid,
    /// The stored answer, if it has one; reactions refer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_id: Option<Uuid>,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}
