//! A reflection: claimed, recorded, released.

use chrono::DateTime;
use pawl_core::{
    conversation::Exchange,
    decision::{Action, Thresholds},
    evaluation::{ByCriterion, CheckedScore},
    rubric::Rubric,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{StoreError, learning::LearnTask, proof::ProofTask, training::TrainTask};

pub(crate) mod rows;

/// A time as the database wrote it. Its clock is the only one: its times are compared with each other alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp(pub(crate) String);

impl Timestamp {
    /// As it was written, to be written down elsewhere.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Days from an earlier time to this one, with their fraction; below 0 if it is a later one. None if one of them is
    /// not a time.
    pub fn days_since(&self, earlier: &Self) -> Option<f64> {
        let read = |time: &Self| DateTime::parse_from_rfc3339(&time.0).ok();
        let seconds = (read(self)? - read(earlier)?).num_seconds();
        Some(seconds as f64 / 86_400.0)
    }
}

/// Which assistants to go through, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClaimRequest<'a> {
    /// Who takes the lease: an id of this invocation.
    pub holder: Uuid,
    /// Only this organisation's.
    pub organization_id: Option<Uuid>,
    /// Only those with this slug.
    pub assistant: Option<&'a str>,
    /// Judge although not due, paused, locked or out of updates.
    pub force: bool,
    /// Judge only; no update that is owed is claimed.
    pub dry_run: bool,
    /// How long the lease runs.
    pub lease_seconds: u32,
}

/// Outcomes of claiming.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// Some were gone through.
    Ok(Claimed),
    /// The filter names no assistant.
    AssistantNotFound,
}

/// How far a claim got.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Give it back as `before` to go on.
    pub as_of: Timestamp,
    /// Assistants with nothing to do now.
    pub skipped: Vec<Skipped>,
    /// One to work on, its lease taken.
    pub claim: Option<Work>,
    /// Others may be left.
    pub more: bool,
}

/// Which assistant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its organisation.
    pub organization_id: Uuid,
    /// Its id.
    pub assistant_id: Uuid,
    /// Its slug.
    pub assistant: String,
}

/// An assistant with nothing to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Which.
    pub about: About,
    /// Why.
    pub reason: SkipReason,
}

/// Why nothing is judged, or nothing written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Too soon after the last.
    Cooldown,
    /// Too few answers wait.
    InsufficientData,
    /// Somebody else is at it.
    InProgress,
    /// Automatic updates are paused.
    Paused,
    /// The live version is locked.
    Locked,
    /// As many updates as a day may have.
    DailyLimit,
    /// The judge failed its trial.
    JudgeNotTrusted,
    /// It is not yet time to learn again.
    NotDue,
    /// Learning is switched off.
    Disabled,
    /// A version is in test.
    InProof,
    /// A placebo went into test in its place.
    Placebo,
    /// As many tests as a year may have.
    YearlyBudget,
    /// No version is in test, and the live one has no votes to look at.
    NothingToProve,
}

/// An assistant to work on.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Which.
    pub about: About,
    /// What.
    pub task: Task,
}

/// What is to be done for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Judge these answers.
    Judge(Box<JudgeTask>),
    /// An earlier reflection called for an update and none came of it yet.
    Update {
        /// That reflection.
        reflection_id: Uuid,
    },
    /// Learn from what people made of the answers.
    Learn(LearnTask),
    /// Move a test on, or watch the live version.
    Prove(Box<ProofTask>),
    /// Collect training data, look for drift, and go on with a version of the model.
    Train(Box<TrainTask>),
}

/// Answers to judge, with all that judging takes.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeTask {
    /// From when the answers are.
    pub window_start: Timestamp,
    /// Until when.
    pub window_end: Timestamp,
    /// The version that made them.
    pub prompt: PromptVersion,
    /// What to judge them by.
    pub rubric: StoredRubric,
    /// The judge.
    pub judge_model: String,
    /// What a score calls for.
    pub thresholds: Thresholds,
    /// The answers, newest first.
    pub exchanges: Vec<StoredExchange>,
}

/// A version of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptVersion {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub version: i32,
    /// Its text.
    pub content: String,
    /// The model that answers with it. Empty where nothing is asked with it, as of answers to judge.
    pub model: String,
    /// Where that model is, if it has an address of its own.
    pub base_url: Option<String>,
}

/// A rubric in use.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRubric {
    /// Its id.
    pub id: Uuid,
    /// Its criteria.
    pub criteria: Rubric,
}

/// An answer and what it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredExchange {
    /// The answer's id.
    pub message_id: Uuid,
    /// The texts.
    pub exchange: Exchange,
}

/// What a reflection found.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "documented at pawl_record_reflection")]
pub struct Reflection<'a> {
    pub assistant_id: Uuid,
    pub prompt_id: Uuid,
    pub rubric_id: Uuid,
    pub window_start: &'a Timestamp,
    pub window_end: &'a Timestamp,
    pub action: Action,
    pub overall: Option<f64>,
    pub criterion_scores: &'a ByCriterion<f64>,
    pub strengths: &'a [String],
    pub weaknesses: &'a [String],
    pub patterns: &'a [String],
    pub judge_model: &'a str,
    pub raw_analysis: &'a serde_json::Value,
    pub evaluations: Vec<RecordedEvaluation<'a>>,
    pub suggestion: Option<Suggestion>,
}

/// One judged answer.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "documented at the table")]
pub struct RecordedEvaluation<'a> {
    pub message_id: Uuid,
    pub overall: Option<f64>,
    pub discarded: bool,
    pub scores: &'a ByCriterion<CheckedScore>,
}

/// A proposal to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "documented at the table")]
pub struct Suggestion {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub priority: &'static str,
    pub title: String,
    pub description: String,
    pub proposed_change: Option<String>,
}

/// Outcomes of recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordReflection {
    /// Stored.
    Ok {
        /// The log row's id.
        reflection_id: Uuid,
        /// The suggestion's, if there is one.
        suggestion_id: Option<Uuid>,
    },
    /// The lease ran out, or was never this holder's.
    LeaseLost,
}

/// Claims, records and releases reflections; with the secret key.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Reflections {
    /// Goes through assistants not looked at since `before` until there is one to work on.
    async fn claim(&self, request: &ClaimRequest<'_>, before: Option<&Timestamp>) -> Result<Claim, StoreError>;
    /// Stores everything a reflection found, in one transaction.
    async fn record(&self, holder: Uuid, reflection: &Reflection<'_>) -> Result<RecordReflection, StoreError>;
    /// Ends what nobody came back for, a batch at a time; whether there is more.
    async fn sweep(&self) -> Result<bool, StoreError>;
    /// Gives the lease back. One that is lost already is no error.
    async fn release(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_lie_between_times() {
        let time = |text: &str| Timestamp(text.to_owned());
        let now = time("2026-11-02T12:00:00.5+00:00");
        assert_eq!(now.days_since(&time("2026-11-01T00:00:00.25+00:00")), Some(1.5));
        assert_eq!(now.days_since(&time("2026-11-02T14:00:00.5+02:00")), Some(0.0), "wherever the database is");
        assert_eq!(now.days_since(&time("2026-11-03T12:00:00.500001Z")), Some(-1.0));
        assert_eq!(now.days_since(&time("infinity")), None);
    }
}
