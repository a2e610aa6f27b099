//! What callers get.

use pawl_core::proof::Ruling;
use pawl_store::{
    decisions::Change,
    reflections::{About, SkipReason},
};
use serde::Serialize;
use uuid::Uuid;

/// A reason as the database writes it.
pub(crate) fn reason_name(reason: SkipReason) -> Option<String> {
    serde_json::to_value(reason).ok().and_then(|reason| reason.as_str().map(str::to_owned))
}

/// What the caller gets.
#[derive(Debug, Serialize)]
pub struct UpdateResponse<'a> {
    /// What happened.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// A version was written, now or before, and went into test: it goes live when it has proved itself.
    Submitted {
        /// Always true.
        submitted: bool,
        /// Its number.
        version: i32,
        /// The number of the one it is to replace.
        previous_version: Option<i32>,
        /// Why it was written.
        change_reason: String,
        /// Where a person must approve it too: approve or reject this.
        #[serde(skip_serializing_if = "Option::is_none")]
        suggestion_id: Option<Uuid>,
    },
    /// Nothing went into test.
    Skipped {
        /// Always true.
        skipped: bool,
        /// `paused`, `locked`, `in_proof`, `placebo`, `yearly_budget`, `judge_not_trusted`, `cooldown`, `daily_limit`;
        /// `superseded` when another version is live by now.
        reason: String,
    },
    /// Nothing that was written could be let through; a person has been told.
    Refused {
        /// Always true.
        refused: bool,
        /// Which guards.
        reason: String,
    },
    /// What a decision changed.
    Decided(Change),
    /// How far tests were moved on.
    Proved(Proved),
    /// Whether a receipt's decision comes of its observations.
    Verified(Box<Verified>),
}

/// How far tests were moved on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proved {
    /// What was done for each assistant.
    pub proofs: Vec<Proof>,
    /// Time ran out with something left to do: call again to go on with it.
    pub more: bool,
}

/// What was done for an assistant. Fields without a value are left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proof {
    /// Which.
    #[serde(flatten)]
    pub about: About,
    /// What.
    pub did: Did,
    /// The version in test; of `promoted` and `rolled_back`, the one that is live now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// Why: a reason of a ruling or of the database, or the code of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The record of the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_id: Option<Uuid>,
    /// Pairs judged by this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pairs: Option<usize>,
    /// Those of them that the model would not answer: they count as ties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswerable: Option<usize>,
    /// Units of a canary observed by this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// In words for the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// What was done for an assistant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Did {
    /// Its test is at gate one.
    Screening,
    /// Its test is at gate two, or comes to it now.
    Proving,
    /// Its version proved itself.
    Promoted,
    /// Its version did not.
    Rejected,
    /// Its test ended without a decision.
    Closed,
    /// Something is in the way; a later call goes on.
    Held,
    /// The version before is live again.
    RolledBack,
    /// A person was told that satisfaction fell.
    Alerted,
    /// Nothing to do now.
    Skipped,
    /// The model failed, or the database; the next call goes on with what is stored.
    Failed,
}

impl Did {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Screening => "screening",
            Self::Proving => "proving",
            Self::Promoted => "promoted",
            Self::Rejected => "rejected",
            Self::Closed => "closed",
            Self::Held => "held",
            Self::RolledBack => "rolled_back",
            Self::Alerted => "alerted",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// Whether a receipt's decision comes of its observations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// The receipt.
    pub receipt_id: Uuid,
    /// Nothing differs.
    pub matches: bool,
    /// What was ruled.
    pub recorded: Ruling,
    /// What is ruled from the observations as they stand now.
    pub recomputed: Ruling,
    /// What differs, in words.
    pub differences: Vec<String>,
}
