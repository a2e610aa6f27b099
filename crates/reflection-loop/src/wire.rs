//! Bodies of requests and responses.

use pawl_core::{decision::Action, evaluation::ByCriterion};
use pawl_store::reflections::{About, SkipReason};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What the schedule or a backend sends. Everything is optional: without a filter all assistants are gone through.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReflectRequest {
    /// Only this organisation's assistants.
    pub organization_id: Option<Uuid>,
    /// Only assistants with this slug.
    pub assistant: Option<String>,
    /// Judge although not due, paused, locked or out of updates. What is written then still obeys all of these.
    #[serde(default)]
    pub force: bool,
    /// Judge and decide, but store and write nothing. Nothing is learned or proved then.
    #[serde(default)]
    pub dry_run: bool,
    /// Only this part of the work.
    pub only: Option<Part>,
}

/// A part of the loop's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Judging answers.
    Reflection,
    /// Learning from what people made of them.
    Learning,
    /// Moving the tests of new versions on, and watching those that went live.
    Proof,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub struct ReflectResponse<'a> {
    /// One for each assistant whose answers were to be judged.
    pub results: Vec<AssistantResult>,
    /// One for each assistant that was to learn.
    pub learning: Vec<AssistantResult>,
    /// A list: what `prompt-updater` did for each assistant with something to prove.
    pub proof: Value,
    /// Time ran out with assistants left: call again to go on with them.
    pub more: bool,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// What became of one assistant: `organization_id`, `assistant_id` and `assistant`, and beside them the fields of the
/// outcome.
#[derive(Debug, Serialize)]
pub struct AssistantResult {
    /// Which.
    #[serde(flatten)]
    pub about: About,
    /// What.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// Nothing to do now.
    Skipped {
        /// Always true.
        skipped: bool,
        /// Why.
        reason: SkipReason,
    },
    /// Answers were judged.
    Judged(Box<Judged>),
    /// An update that was owed was asked for.
    Updated {
        /// The reflection that called for it.
        reflection_id: Uuid,
        /// Always `prompt_update`.
        action: Action,
        /// The answer of `prompt-updater`.
        update: Value,
    },
    /// A learning run came to its end.
    Learned(Box<Learned>),
    /// Of a learning run, answers are left to settle: call again to go on.
    Unfinished {
        /// Answers settled by this call.
        settled: usize,
        /// Always true.
        unfinished: bool,
    },
    /// The judge failed, or the database; by a code. The next call tries again, or goes on with what is stored.
    Failed {
        /// Always true.
        failed: bool,
        /// A stable code.
        code: &'static str,
    },
}

/// A reflection.
#[derive(Debug, Serialize)]
pub struct Judged {
    /// Its log row; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reflection_id: Option<Uuid>,
    /// The version whose answers were judged.
    pub prompt_version: i32,
    /// Answers judged, discarded ones among them.
    pub messages_analyzed: usize,
    /// Judgements without enough valid evidence, after a second try.
    pub discarded: usize,
    /// Means on the scale of 1 to 5.
    pub scores: Scores,
    /// What the scores call for.
    pub action: Action,
    /// What a rewrite must keep.
    pub strengths: Vec<String>,
    /// What a rewrite could mend, worst first.
    pub weaknesses: Vec<String>,
    /// Patterns over several answers.
    pub patterns: Vec<String>,
    /// The suggestion made, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion_id: Option<Uuid>,
    /// The answer of `prompt-updater`, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Value>,
    /// Nothing was stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// Means on the scale of 1 to 5.
#[derive(Debug, Serialize)]
pub struct Scores {
    /// Over the answers; null when every judgement was discarded.
    pub overall: Option<f64>,
    /// By criterion.
    pub criteria: ByCriterion<f64>,
}

/// A learning run.
#[derive(Debug, Serialize)]
pub struct Learned {
    /// Its row in `learning_runs`.
    pub run_id: Uuid,
    /// Answers settled by this call.
    pub settled: usize,
    /// Patterns with something to tell of.
    pub changed: usize,
    /// New patterns.
    pub found: usize,
    /// Satisfaction fell, and the patterns adopted last were taken back.
    pub crashed: bool,
    /// The set of patterns that is served from now on.
    pub patterns_revision: i64,
    /// In words for the owner.
    pub message: String,
}
