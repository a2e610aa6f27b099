//! What is stated of a question and given back of a turn. (Read by hand: decoders for lists and objects within the body
//! weigh 10 KB of wasm.)

use pawl_core::selection;
use pawl_edge::ApiError;
use pawl_store::serving::Exposure;
use serde_json::Value;
use uuid::Uuid;

use super::MAX_TOOLS;

/// Most bytes of a name in `metadata`.
const MAX_LABEL_BYTES: usize = 64;
/// Most patterns that may apply to a turn; far fewer fit.
const MAX_EXPOSURES: usize = 50;

/// What a client knows of a question, in names: 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`, beginning with none of
/// the last two.
#[derive(Debug, Default)]
pub struct Metadata {
    /// What kind it is; guessed from the message without (`pawl_core::characteristics`).
    pub question_type: Option<String>,
    /// Which data it is about.
    pub data_source: Option<String>,
    /// Tools that are used for it: at most 50.
    pub tools: Vec<String>,
}

/// The field `metadata`; 400 names what of it is wrong.
pub fn metadata_of(value: Value) -> Result<Metadata, ApiError> {
    let mut metadata = Metadata::default();
    let fields = match value {
        Value::Null => return Ok(metadata),
        Value::Object(fields) => fields,
        _ => return Err(ApiError::invalid_field("metadata", "expected an object")),
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("question_type" | "data_source" | "tools", Value::Null) => {}
            ("question_type", value) => metadata.question_type = Some(label(value, "metadata.question_type")?),
            ("data_source", value) => metadata.data_source = Some(label(value, "metadata.data_source")?),
            ("tools", Value::Array(tools)) if tools.len() <= MAX_TOOLS => {
                for tool in tools {
                    metadata.tools.push(label(tool, "metadata.tools")?);
                }
            }
            ("tools", _) => return Err(ApiError::invalid_field("metadata.tools", "must be at most 50 names")),
            _ => {
                let known = "may hold question_type, data_source and tools, and nothing else";
                return Err(ApiError::invalid_field("metadata", known));
            }
        }
    }
    Ok(metadata)
}

fn label(value: Value, field: &str) -> Result<String, ApiError> {
    let is_first = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    match value {
        Value::String(name)
            if name.len() <= MAX_LABEL_BYTES
                && name.bytes().next().is_some_and(is_first)
                && name.bytes().all(|byte| is_first(byte) || matches!(byte, b'_' | b'-')) =>
        {
            Ok(name)
        }
        _ => Err(ApiError::invalid_field(field, "must be a name: 1 to 64 of a to z, 0 to 9, _ and -")),
    }
}

/// The field `exposures` of a turn's completion; 400 where it is not what `prepare` gave.
pub fn exposures_of(turn_id: Uuid, value: &Value) -> Result<Vec<Exposure>, ApiError> {
    let given = match value {
        Value::Null => Some(Vec::new()),
        Value::Array(given) if given.len() <= MAX_EXPOSURES => given.iter().map(Exposure::read).collect(),
        _ => None,
    };
    given
        .filter(|given: &Vec<_>| are_exposures_of(turn_id, given))
        .ok_or_else(|| ApiError::invalid_field("exposures", "must be as `prepare` gave them for this turn"))
}

/// Whether each pattern is there once, and shown or held back as its coin has it: who chooses which answers are
/// compared chooses the outcome.
fn are_exposures_of(turn_id: Uuid, exposures: &[Exposure]) -> bool {
    let is_new = |i: usize, id: Uuid| exposures.iter().take(i).all(|earlier| earlier.pattern_id != id);
    let is_as_thrown = |exposure: &Exposure| {
        let Exposure { pattern_id, shown, propensity } = *exposure;
        propensity > 0.0
            && propensity <= 1.0
            && shown == selection::is_shown(turn_id.as_u128(), pattern_id.as_u128(), propensity)
    };
    let mut numbered = exposures.iter().enumerate();
    numbered.all(|(i, given)| is_as_thrown(given) && is_new(i, given.pattern_id))
}
