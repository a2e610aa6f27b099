//! Bodies of requests and responses.

use pawl_edge::{ApiError, Request, body};
use pawl_store::feedback::{Reaction, Signal, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

/// Most reactions in one request.
const MAX_REACTIONS: usize = 100;
/// Most characters of a comment.
const MAX_COMMENT_CHARACTERS: usize = 2000;
/// Most bytes of the metadata, as JSON without spaces.
const MAX_METADATA_BYTES: usize = 4096;
/// The longest dwell time: a day.
const MAX_DWELL_SECONDS: f64 = 86_400.0;

/// What is reported: `{message_id, signal, …}`, or `{"signals": [{…}, …]}`; with either `user_id`, for whom a backend
/// with the secret key acts.
#[derive(Debug, PartialEq)]
pub struct Report {
    /// For whom.
    pub user_id: Option<Uuid>,
    /// One, or many.
    pub reactions: Reactions,
}

/// Reactions whose shapes were looked at.
#[derive(Debug, PartialEq)]
pub enum Reactions {
    /// One by itself.
    One(Reaction),
    /// A list: what is wrong with one of them is no reason to lose the others.
    Many {
        /// Those to store.
        good: Vec<Reaction>,
        /// Those that nobody could.
        bad: Vec<Problem>,
    },
}

/// Reads a request; 400 names the field that is wrong, of the request or of its only reaction.
pub fn read(request: &Request) -> Result<Report, ApiError> {
    let mut fields = body::parse_object(request)?;
    let Some(signals) = fields.remove("signals") else {
        let named = fields.remove_entry("user_id").into_iter().collect();
        return Ok(Report { user_id: user_id(named)?, reactions: Reactions::One(reaction(0, fields)?) });
    };
    let user_id = user_id(fields)?;
    let signals = match signals {
        Value::Array(signals) if (1..=MAX_REACTIONS).contains(&signals.len()) => signals,
        _ => return Err(ApiError::invalid_field("signals", "must be a list of 1 to 100 signals")),
    };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (index, signal) in signals.into_iter().enumerate() {
        let read = match signal {
            Value::Object(fields) => reaction(index, fields),
            _ => Err(ApiError::new(400, "invalid_request", "A signal must be a JSON object.")),
        };
        match read {
            Ok(reaction) => good.push(reaction),
            Err(error) => bad.push(Problem::new(index, error)),
        }
    }
    Ok(Report { user_id, reactions: Reactions::Many { good, bad } })
}

/// What is not about one reaction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    user_id: Option<Uuid>,
}

fn user_id(fields: Map<String, Value>) -> Result<Option<Uuid>, ApiError> {
    let whose: Whose = body::decode(Value::Object(fields))?;
    Ok(whose.user_id)
}

/// One reaction, as it comes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    message_id: Uuid,
    signal: Signal,
    value: Option<Number>,
    stars: Option<Number>,
    comment: Option<String>,
    metadata: Option<Value>,
    source: Option<Source>,
}

fn reaction(index: usize, fields: Map<String, Value>) -> Result<Reaction, ApiError> {
    fields.iter().try_for_each(|(name, field)| body::storable(field, name))?;
    let given: Given = body::decode(Value::Object(fields))?;
    let source = given.source.unwrap_or_default();
    if source != Source::User && given.signal != Signal::Rating {
        return Err(ApiError::invalid_field("source", "this signal is a user's; a rating may have another source"));
    }
    Ok(Reaction {
        index,
        message_id: given.message_id,
        signal: given.signal,
        value: value(given.signal, given.value.as_ref(), given.stars.as_ref())?,
        comment: comment(given.comment)?,
        metadata: metadata(given.metadata)?,
        source,
    })
}

/// What a signal is stored with. Stars, 1 to 5, are quarters of a rating: 0, 0.25, 0.5, 0.75, 1.
fn value(signal: Signal, value: Option<&Number>, stars: Option<&Number>) -> Result<Option<f64>, ApiError> {
    let stray = |field| Err(ApiError::invalid_field(field, "does not belong to this signal"));
    let within = |number: &Number, most: f64| number.as_f64().filter(|number| (0.0..=most).contains(number));
    match (signal, value, stars) {
        (Signal::Rating, Some(_), Some(_)) => Err(ApiError::invalid_field("stars", "give this or `value`, not both")),
        (Signal::Rating, Some(value), None) => {
            within(value, 1.0).map(Some).ok_or_else(|| ApiError::invalid_field("value", "must be 0 to 1"))
        }
        (Signal::Rating, None, Some(stars)) => {
            let whole = stars.as_u64().and_then(|stars| u8::try_from(stars).ok());
            let stars = whole.filter(|stars| (1..=5).contains(stars)).map(f64::from);
            stars
                .map(|stars| Some((stars - 1.0) / 4.0))
                .ok_or_else(|| ApiError::invalid_field("stars", "must be 1, 2, 3, 4 or 5"))
        }
        (Signal::Rating, None, None) => {
            Err(ApiError::invalid_field("value", "is required for a rating: 0 to 1 (or `stars`, 1 to 5)"))
        }
        (_, _, Some(_)) => stray("stars"),
        (Signal::DwellTime, Some(value), None) => within(value, MAX_DWELL_SECONDS)
            .map(Some)
            .ok_or_else(|| ApiError::invalid_field("value", "must be 0 to 86400 seconds")),
        (Signal::DwellTime, None, None) => {
            Err(ApiError::invalid_field("value", "is required for a dwell time: in seconds"))
        }
        (_, Some(_), None) => stray("value"),
        (_, None, None) => Ok(None),
    }
}

/// Nobody said anything with blanks.
fn comment(comment: Option<String>) -> Result<Option<String>, ApiError> {
    let comment = comment.filter(|comment| !comment.trim().is_empty());
    if comment.as_deref().is_none_or(|comment| comment.chars().count() <= MAX_COMMENT_CHARACTERS) {
        Ok(comment)
    } else {
        Err(ApiError::invalid_field("comment", "may have 2000 characters at the most"))
    }
}

fn metadata(metadata: Option<Value>) -> Result<Option<Map<String, Value>>, ApiError> {
    let Some(metadata) = metadata else { return Ok(None) };
    if metadata.to_string().len() > MAX_METADATA_BYTES {
        return Err(ApiError::invalid_field("metadata", "may have 4 KiB (4096 bytes of JSON) at the most"));
    }
    match metadata {
        Value::Object(fields) => Ok(Some(fields).filter(|fields| !fields.is_empty())),
        _ => Err(ApiError::invalid_field("metadata", "must be a JSON object")),
    }
}

/// What became of them.
#[derive(Debug, Serialize)]
pub struct CollectResponse<'a> {
    /// New ones, and those that took the place of an earlier one.
    pub stored: u32,
    /// Those that were there already.
    pub unchanged: u32,
    /// Those that were not stored, by index. Empty for one by itself: what is wrong with it is the response.
    pub errors: Vec<Problem>,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// Why one of many was not stored: code and message are those it would have had by itself.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its place in the list, from 0.
    pub index: usize,
    /// Stable; programs branch on it.
    pub code: &'static str,
    /// Says what is wrong.
    pub message: String,
    /// The field that is wrong, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Box<str>>,
}

impl Problem {
    /// Of the error it would have been.
    pub fn new(index: usize, error: ApiError) -> Self {
        Self { index, code: error.code, message: error.message, field: error.field }
    }
}
