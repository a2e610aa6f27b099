//! A learning run: claimed, its answers settled page by page, looked at, recorded.

pub(crate) mod rows;

use pawl_core::{
    conversation::Exchange,
    learning::{
        evidence::Evidence,
        look::Look,
        plan::{Crash, Update, Wanted},
        reaction::Reactions,
    },
};
use uuid::Uuid;

use crate::{
    StoreError,
    reflections::{Claim, ClaimRequest, Timestamp},
};

/// A run to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnTask {
    /// Its row.
    pub run_id: Uuid,
    /// The model that words instructions.
    pub pattern_model: String,
}

/// An answer that waits to be settled, for the first time or once more.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// The answer.
    pub message_id: Uuid,
    /// What its feedback was at when this was read.
    pub revision: i32,
    /// Its person.
    pub user_id: Uuid,
    /// 30 days of its time, counted from 1970.
    pub period: i32,
    /// What of it counts now, in hundredths; null of one that was never settled.
    pub signal: Option<i16>,
    /// What its person made of it.
    pub reactions: Reactions,
    /// Its length, where it is known.
    pub answer_characters: Option<i64>,
    /// Patterns that applied to it.
    pub exposures: Vec<Exposed>,
}

/// A pattern that applied to an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposed {
    /// Which.
    pub pattern_id: Uuid,
    /// Shown, or held back.
    pub shown: bool,
    /// Probability of being shown when the coin was thrown.
    pub propensity: f64,
    /// The signal it is measured against, in hundredths.
    pub baseline: i16,
}

/// What a page came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settled {
    /// The answers.
    pub answers: Vec<SettledAnswer>,
    /// What they say of the patterns, beyond what they said before.
    pub evidence: Vec<Contribution>,
}

/// An answer's signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettledAnswer {
    /// The answer.
    pub message_id: Uuid,
    /// As it was read: if its feedback has changed since, this does not count.
    pub revision: i32,
    /// In hundredths, −100 to 100.
    pub signal: i16,
}

/// What one answer adds to what is known of a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contribution {
    /// The answer.
    pub message_id: Uuid,
    /// The pattern.
    pub pattern_id: Uuid,
    /// The person.
    pub user_id: Uuid,
    /// 30 days of the answer's time.
    pub period: i32,
    /// How much.
    pub evidence: Evidence,
}

/// Outcomes of settling.
#[derive(Debug, Clone, PartialEq)]
pub enum Settle {
    /// Stored.
    Ok {
        /// The answers to settle next, oldest first; none are left where it is empty.
        page: Vec<Waiting>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of looking.
#[derive(Debug, Clone)]
pub enum Looked {
    /// What there is to decide from.
    Ok {
        /// All of it.
        look: Box<Look>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// What an instruction is worded from, and what it must not take from people.
#[derive(Debug, Clone, PartialEq)]
pub struct Examples {
    /// The answers liked best, of different people, with their questions.
    pub examples: Vec<Exchange>,
    /// The feedback that says so.
    pub feedback_ids: Vec<Uuid>,
    /// Messages it must repeat nothing of.
    pub user_messages: Vec<String>,
    /// The live prompt version.
    pub prompt_id: Uuid,
    /// Its text.
    pub current_prompt: String,
    /// Clauses that it must hold.
    pub protected_clauses: Vec<String>,
}

/// Outcomes of asking for examples.
#[derive(Debug, Clone, PartialEq)]
pub enum FindExamples {
    /// These.
    Ok(Examples),
    /// The assistant has no live prompt.
    NoActivePrompt,
}

/// A pattern found by this run.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What it was found by.
    pub wanted: Wanted,
    /// Which of the eight types the model took it for.
    pub pattern_type: String,
    /// The instruction.
    pub instruction: String,
    /// The feedback of its examples.
    pub feedback_ids: Vec<Uuid>,
    /// Who worded it.
    pub model: String,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq)]
pub struct LearningRun {
    /// Its row.
    pub run_id: Uuid,
    /// What the owner is told.
    pub message: String,
    /// Satisfaction fell.
    pub crash: Option<Crash>,
    /// Thumbs that the crash detector saw.
    pub votes_up: u64,
    /// The same, down.
    pub votes_down: u64,
    /// What becomes of the patterns there are.
    pub patterns: Vec<Update>,
    /// New ones.
    pub candidates: Vec<Candidate>,
}

/// Outcomes of recording a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordLearning {
    /// Recorded, now or before.
    Ok {
        /// The set of patterns that is served from now on.
        patterns_revision: i64,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// What a learning run needs; with the secret key.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Learning {
    /// Goes through assistants, longest unseen first, to one whose run is due; as for a reflection.
    async fn claim_learning(&self, request: &ClaimRequest<'_>, before: Option<&Timestamp>)
    -> Result<Claim, StoreError>;
    /// Stores a page and hands out the next, of so many answers.
    async fn settle(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        settled: &Settled,
        limit: u32,
    ) -> Result<Settle, StoreError>;
    /// What the run decides from.
    async fn look(&self, holder: Uuid, assistant_id: Uuid) -> Result<Looked, StoreError>;
    /// Answers to word an instruction from.
    async fn examples(&self, assistant_id: Uuid, wanted: &Wanted) -> Result<FindExamples, StoreError>;
    /// Gives the lease back and leaves the run to whoever comes next.
    async fn release_learning(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError>;
    /// Stores what the run came to, ends it and gives the lease back.
    async fn record_learning(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        run: &LearningRun,
    ) -> Result<RecordLearning, StoreError>;
}
