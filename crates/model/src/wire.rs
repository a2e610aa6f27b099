//! Bodies of the Messages API.

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned, ser::SerializeMap};
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
    JsonSchema { schema: Schema },
}

impl OutputConfig {
    pub(crate) fn json_schema(schema: impl Into<Schema>) -> Self {
        Self { format: Format::JsonSchema { schema: schema.into() } }
    }
}

/// What an answer has to be. A model writes an object's fields in the order of its schema, which a [`Value`] sorts by
/// name: where a model is to reason before it decides, the object is an [`Schema::Object`].
#[derive(Debug)]
pub(crate) enum Schema {
    Any(Value),
    /// Any number of these.
    List(Box<Schema>),
    /// All of these fields and no other.
    Object(Vec<(&'static str, Schema)>),
}

impl From<Value> for Schema {
    fn from(schema: Value) -> Self {
        Self::Any(schema)
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Properties<'a>(&'a [(&'static str, Schema)]);
        impl Serialize for Properties<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, schema)| (name, schema)))
            }
        }
        match self {
            Self::Any(schema) => schema.serialize(serializer),
            Self::List(items) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", "array")?;
                map.serialize_entry("items", items)?;
                map.end()
            }
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(4))?;
                map.serialize_entry("type", "object")?;
                map.serialize_entry("properties", &Properties(fields))?;
                map.serialize_entry("required", &fields.iter().map(|(name, _)| *name).collect::<Vec<_>>())?;
                map.serialize_entry("additionalProperties", &false)?;
                map.end()
            }
        }
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
