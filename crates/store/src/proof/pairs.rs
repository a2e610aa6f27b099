//! Questions answered by both versions, and compared.

use pawl_core::conversation::Exchange;
use uuid::Uuid;

use super::Blocked;

/// Outcomes of asking for pairs.
#[derive(Debug, Clone, PartialEq)]
pub enum NextPairs {
    /// These, those that have answers first.
    Ok {
        /// None: all of the stage are judged, or something is in the way.
        pairs: Vec<Pair>,
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

/// A question for both versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Its id.
    pub pair_id: Uuid,
    /// The question.
    pub message: String,
    /// What came before it, oldest first.
    pub history: Vec<Exchange>,
    /// The judge is asked first with the new version's answer shown first.
    pub candidate_first: bool,
    /// What both said, where they have been asked.
    pub answers: Option<Answers>,
}

/// What both versions said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// The live one.
    pub baseline: String,
    /// The new one.
    pub candidate: String,
}

/// What has come of a pair: answers, verdicts or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairResult {
    /// Which.
    pub pair_id: Uuid,
    /// Kept until they are compared.
    pub answers: Option<Answers>,
    /// The judge's.
    pub verdicts: Option<Verdicts>,
    /// What kind of question it is; with the verdicts.
    pub question_type: Option<String>,
}

/// What the judge said of a pair: −1 the live version's answer is better, 1 the new one's, 0 neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdicts {
    /// The new one's shown first.
    pub first_order: i8,
    /// The new one's shown second.
    pub second_order: i8,
}
