//! How people react to answers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::StoreError;

/// What somebody did with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// They liked it.
    ThumbsUp,
    /// They did not.
    ThumbsDown,
    /// They copied it.
    Copy,
    /// They asked again at once.
    FollowUp,
    /// They stayed with it: `value` seconds, 0 to 86,400.
    DwellTime,
    /// They gave it a score: `value`, 0 to 1.
    Rating,
}

/// Where a reaction comes from. Those but the first are taken with the secret key only.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The person.
    #[default]
    #[serde(rename = "user")]
    User,
    /// A check that a program made.
    #[serde(rename = "automated")]
    Automated,
    /// A model's opinion.
    #[serde(rename = "llm-judge")]
    LlmJudge,
}

/// One reaction. Whether its parts fit its signal is known: the database takes it at its word.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reaction {
    /// What [`Refused::index`] calls it.
    pub index: usize,
    /// The answer.
    pub message_id: Uuid,
    /// What was done with it.
    pub signal: Signal,
    /// Of a rating and a dwell time, and of no other signal. Kept to six decimals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The person's words: at most 2,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What an app wants to keep with it: at most 4 KiB of JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Where it comes from.
    pub source: Source,
}

/// What became of reactions. Those that are not refused are stored whatever becomes of the others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectFeedback {
    /// All were looked at; the counts and the refusals add up to them.
    Ok {
        /// New ones, and those that took the place of an earlier one.
        stored: u32,
        /// Those that were there already.
        unchanged: u32,
        /// Those not stored, by index.
        errors: Vec<Refused>,
    },
    /// The token names nobody.
    Unauthorized,
    /// With the secret key it must be said whose reactions they are.
    UserRequired,
    /// Without it nobody reacts for somebody else.
    UserNotAllowed,
}

/// A reaction that was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Refused {
    /// [`Reaction::index`].
    pub index: usize,
    /// Why not.
    pub code: Refusal,
}

/// Why a reaction was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such answer in a session of this person's.
    MessageNotFound,
    /// Only the secret key may say so.
    SourceNotAllowed,
    /// The person has changed their mind about this answer a hundred times.
    TooManyChanges,
    /// The database cannot store it as it is.
    InvalidEntry,
}

/// Keeps reactions, as the caller. An answer has at the most one of a person, a kind (thumbs up and down are one) and a
/// source at a time: a later one takes its place, and both stay in the history.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait FeedbackLedger {
    /// Stores 1 to 100 reactions of the caller's, or with the secret key of `user_id`'s, in order. The same once more
    /// changes nothing.
    async fn collect_feedback(
        &self,
        reactions: &[Reaction],
        user_id: Option<Uuid>,
    ) -> Result<CollectFeedback, StoreError>;
}
