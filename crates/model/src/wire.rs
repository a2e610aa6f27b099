//! Bodies of the Messages API.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

#[derive(Debug, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) model: &'a str,
    pub(crate) max_tokens: u32,
    pub(crate) system: &'a str,
    pub(crate) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_config: Option<OutputConfig>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    pub(crate) role: &'static str,
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

/// An answer. Blocks and fields this crate has no use for are passed over, so that new ones break nothing.
#[derive(Debug, Deserialize)]
pub(crate) struct Response {
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) content: Vec<Block>,
    pub(crate) stop_reason: Option<String>,
    pub(crate) usage: Usage,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: String,
}

/// Tokens as the model counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    #[serde(default)]
    pub input_tokens: u32,
    /// Tokens of the answer.
    #[serde(default)]
    pub output_tokens: u32,
}

impl Response {
    /// The text blocks, joined. Without U+0000, the one character Postgres cannot store.
    pub(crate) fn text(&self) -> String {
        let texts = self.content.iter().filter(|block| block.kind == "text");
        texts.map(|block| block.text.replace('\0', "")).collect()
    }
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
}
