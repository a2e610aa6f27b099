//! Bodies of the Messages API.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Debug, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) model: &'a str,
    pub(crate) max_tokens: u32,
    pub(crate) stream: bool,
    pub(crate) system: Vec<SystemBlock<'a>>,
    pub(crate) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_config: Option<OutputConfig>,
}

/// A part of the system prompt. What stands before the end of a marked one is kept in the model's cache for five minutes
/// after each use, and costs a fraction when it is used again.
#[derive(Debug, Serialize)]
pub(crate) struct SystemBlock<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Debug, Serialize)]
struct CacheControl {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl<'a> SystemBlock<'a> {
    /// A part that is the same in many requests.
    pub(crate) fn stable(text: &'a str) -> Self {
        Self { kind: "text", text, cache_control: Some(CacheControl { kind: "ephemeral" }) }
    }

    /// A part that may be another one in the next request: it stands after the stable ones.
    pub(crate) fn varying(text: &'a str) -> Self {
        Self { kind: "text", text, cache_control: None }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'a str,
    pub(crate) content: &'a str,
}

/// `{"format": {"type": "json_schema", "schema": …}}`: the answer is one JSON document of this schema.
#[derive(Debug, Serialize)]
pub(crate) struct OutputConfig {
    format: Format,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format {
    JsonSchema { schema: Value },
}

impl OutputConfig {
    pub(crate) fn json_schema(schema: Value) -> Self {
        Self { format: Format::JsonSchema { schema } }
    }
}

/// Reads a body by way of a [`Value`]: decoders from a `Value` are generated anyway, and a second set from bytes weighs
/// 15 KB of wasm.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).and_then(serde_json::from_value::<T>).ok()
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) error: ErrorDetail,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorDetail {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Details {
    #[serde(default)]
    pub(crate) error_code: Option<String>,
}
