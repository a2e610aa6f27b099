//! Conversations and people of a canary.

use pawl_core::{conversation::Exchange, learning::reaction::Reactions};
use uuid::Uuid;

use super::Blocked;

/// Outcomes of asking for a canary's units.
#[derive(Debug, Clone, PartialEq)]
pub enum NextUnits {
    /// These.
    Ok {
        /// Whose time is over and who were not observed yet.
        units: Vec<Unit>,
        /// What is in the way of more.
        blocked: Option<Blocked>,
    },
    /// The test runs no more.
    Closed {
        /// Why, as the test says.
        reason: Option<String>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// A conversation or a person of a canary.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// Its id.
    pub unit_id: Uuid,
    /// One of its exchanges, to judge; none: there was no answer.
    pub exchange: Option<Exchange>,
    /// What people made of each answer.
    pub reactions: Vec<AnswerReactions>,
}

/// What a person made of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerReactions {
    /// What they did.
    pub reactions: Reactions,
    /// The answer's length, where it is known.
    pub answer_characters: Option<i64>,
}

/// What was observed of a unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitResult {
    /// Which.
    pub unit_id: Uuid,
    /// The judge's overall score, 0 to 1; none: there was nothing to judge, or the judgement was discarded.
    pub judged: Option<f64>,
    /// The mean reaction, 0 to 1; 0.5 is silence.
    pub reaction: f64,
}
