//! What serves a turn: a prompt version's text, and the patterns that its assistant has learned.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::row::Row;

/// Outcomes of asking for what serves a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum ServingContext {
    /// A version's number and text, and what its assistant has learned.
    Ok {
        /// Its number.
        version: i32,
        /// Its text. Immutable under the version's id: keep it for as long as you like.
        content: String,
        /// Where its own model is, if it has one. As immutable as its text.
        endpoint: Option<Endpoint>,
        /// Which set of patterns this is; raised by whatever changes it. Zero before there was one.
        patterns_revision: i64,
        /// The assistant's live patterns. Immutable under the assistant and the revision.
        patterns: Vec<Pattern>,
    },
    /// No version has this id.
    PromptNotFound,
}

/// A model at an address of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The address, without `/v1`.
    pub base_url: String,
    /// What it is called there.
    pub model: String,
}

/// A live learned pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// Its id.
    pub id: Uuid,
    /// The kind of question it is for.
    pub question_type: String,
    /// The data it is for; any without.
    pub data_source: Option<String>,
    /// What the model is told.
    pub instruction: String,
    /// The chance that it is shown where it applies, in (0, 1].
    pub influence: f64,
    /// The probability that it beats doing without, in [0, 1].
    pub confidence: f64,
}

/// A pattern that applied to a turn: shown, or held back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposure {
    /// The pattern's id.
    pub pattern_id: Uuid,
    /// Whether the model was told.
    pub shown: bool,
    /// The chance of that when the coin was thrown, in (0, 1].
    pub propensity: f64,
}

// Read and written by hand: what serde derives for a list of such things weighs 20 KB of wasm.

impl ServingContext {
    /// The fields of an `ok`; `None` where one is missing or of another form.
    pub(crate) fn read(mut fields: Map<String, Value>) -> Option<Self> {
        let Value::Array(patterns) = fields.remove("patterns")? else { return None };
        let Value::String(content) = fields.remove("content")? else { return None };
        Some(Self::Ok {
            version: i32::try_from(fields.get("version")?.as_i64()?).ok()?,
            content,
            endpoint: Endpoint::read(fields.get("endpoint")?)?,
            patterns_revision: fields.get("patterns_revision")?.as_i64()?,
            patterns: patterns.iter().map(|pattern| Pattern::read(Row::of(pattern))).collect::<Option<_>>()?,
        })
    }
}

impl Endpoint {
    /// One, or null.
    pub(crate) fn read(value: &Value) -> Option<Option<Self>> {
        if value.is_null() {
            return Some(None);
        }
        let row = Row::of(value);
        Some(Some(Self { base_url: row.text("base_url")?, model: row.text("model")? }))
    }
}

impl Pattern {
    fn read(row: Row<'_>) -> Option<Self> {
        Some(Self {
            id: row.id("id")?,
            question_type: row.text("question_type")?,
            data_source: row.text("data_source"),
            instruction: row.text("instruction")?,
            influence: row.num("influence")?,
            confidence: row.num("confidence")?,
        })
    }
}

impl Exposure {
    /// `{pattern_id, shown, propensity}`; `None` where one of them is missing or of another form.
    pub fn read(value: &Value) -> Option<Self> {
        let row = Row::of(value);
        Some(Self {
            pattern_id: row.id("pattern_id")?,
            shown: row.at("shown")?.as_bool()?,
            propensity: row.num("propensity")?,
        })
    }

    /// What [`Exposure::read`] reads, of each of them.
    pub fn write(all: &[Self]) -> Value {
        let written = all.iter().map(|one| {
            json!({
                "pattern_id": one.pattern_id.to_string(),
                "shown": one.shown,
                "propensity": one.propensity,
            })
        });
        Value::Array(written.collect())
    }
}
