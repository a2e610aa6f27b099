//! What callers get.

use pawl_store::{reflections::About, training::Analyzed};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The answer to `run`.
#[derive(Debug, Serialize)]
pub struct RunResponse<'a> {
    /// The trainer was told, for the first of the results.
    pub triggered: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The version of the first of the results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// One for each assistant.
    pub results: Vec<Worked>,
    /// Time or rows ran out with work left: call again to go on.
    pub more: bool,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// What was done for one assistant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worked {
    /// Its organisation.
    pub organization_id: Uuid,
    /// Its id.
    pub assistant_id: Uuid,
    /// Its slug.
    pub assistant: String,
    /// The trainer was told of a version, by this call.
    pub triggered: bool,
    /// Why not, or what is left to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Something did not work; what was done before it is kept, and the next call goes on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// What, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The version that is in the making: `v1`, `v2`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_version_id: Option<Uuid>,
    /// Where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Answers whose feedback was looked at.
    pub collected: u64,
    /// Those of them that became training data, or changed some.
    pub stored: u64,
    /// The look for drift; null where there was none.
    pub drift: Option<DriftSeen>,
    /// The dataset, where this call worked on it.
    pub dataset: Option<DatasetSeen>,
}

/// What came of looking for drift: of the measures the one that alerts, or drifted most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DriftSeen {
    /// `feedback_score` or `judge_score`.
    pub metric_type: &'static str,
    /// How far.
    pub drift_score: f64,
    /// Of the exact test.
    pub p_value: f64,
    /// It is more than chance, and more than the threshold.
    pub alert: bool,
}

/// How far a dataset is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DatasetSeen {
    /// Its rows so far.
    pub rows: u64,
    /// Its parts so far, each of up to two files.
    pub parts: u32,
    /// It is whole.
    pub done: bool,
}

impl Worked {
    /// Nothing yet.
    pub fn of(about: &About) -> Self {
        Self {
            organization_id: about.organization_id,
            assistant_id: about.assistant_id,
            assistant: about.assistant.clone(),
            triggered: false,
            reason: None,
            failed: false,
            code: None,
            version: None,
            model_version_id: None,
            status: None,
            collected: 0,
            stored: 0,
            drift: None,
            dataset: None,
        }
    }

    /// The same, with why nothing was triggered.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// The answer to `analyze`.
#[derive(Debug, Serialize)]
pub struct AnalyzeResponse<'a> {
    /// Rows with a score.
    pub total_samples: u64,
    /// Their mean, 0 to 1; null of none.
    pub average_score: Option<f64>,
    /// How many have which score, in tenths.
    pub score_distribution: Map<String, Value>,
    /// Types of questions that are answered worse than others, the worst first.
    pub low_score_patterns: Vec<Value>,
    /// From when until when.
    pub window: Value,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

impl<'a> AnalyzeResponse<'a> {
    /// What was counted, for the caller.
    pub fn of(analyzed: Analyzed, request_id: &'a str) -> Self {
        let patterns = analyzed.low_score_patterns.into_iter().map(|low| {
            json!({
                "question_type": low.question_type,
                "count": low.count,
                "share": low.share,
                "average_score": low.average_score,
                "exposures": low.exposures,
            })
        });
        // (Collecting into a map brings a sort of its own: 5 KB of wasm.)
        let mut score_distribution = Map::new();
        for (score, count) in analyzed.score_distribution {
            score_distribution.insert(score, count.into());
        }
        Self {
            total_samples: analyzed.total_samples,
            average_score: analyzed.average_score,
            score_distribution,
            low_score_patterns: patterns.collect(),
            window: json!({"from": analyzed.from.as_str(), "to": analyzed.to.as_str()}),
            request_id,
        }
    }
}

/// The answer to `rebuild`.
#[derive(Debug, Serialize)]
pub struct Rebuilt<'a> {
    /// Every part that was made again has the bytes that it had.
    pub identical: bool,
    /// They.
    pub parts: Vec<PartRebuilt>,
    /// Number of the part to go on with; null: that were all.
    pub next_part: Option<u32>,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// A part that was made again.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct PartRebuilt {
    /// Where it lies.
    pub path: String,
    /// It has the bytes that it had.
    pub identical: bool,
    /// Rows that are gone since, with the people they were of.
    pub missing: u64,
}

/// The answer to `callback`.
#[derive(Debug, Serialize)]
pub struct Answered<'a> {
    /// Where the version stands.
    pub status: &'static str,
    /// Why it is not in test yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}
