//! What there is to train on, and what people made of it.

use uuid::Uuid;

use crate::reflections::Timestamp;

/// What there is to train on.
#[derive(Debug, Clone, PartialEq)]
pub struct Stock {
    /// Rows that teach, by question type.
    pub types: Vec<(String, u64)>,
    /// All rows that teach.
    pub total: u64,
    /// Rows that a person validated, whether they teach or not.
    pub validated: u64,
    /// When they were counted.
    pub as_of: Timestamp,
    /// When the newest version was begun.
    pub last_version_at: Option<Timestamp>,
    /// The newest alert since then.
    pub drift: Option<DriftAlert>,
    /// A version is not finished.
    pub unfinished: bool,
}

/// An alert.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftAlert {
    /// Its row.
    pub id: Uuid,
    /// What has drifted.
    pub metric_type: String,
    /// How far.
    pub drift_score: f64,
    /// How likely that is by chance.
    pub p_value: Option<f64>,
    /// When it was seen.
    pub at: Timestamp,
}

/// Outcomes of counting.
#[derive(Debug, Clone, PartialEq)]
pub enum FindStock {
    /// This.
    Ok(Stock),
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// What people made of the answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Analyzed {
    /// Rows of training data with a score.
    pub total_samples: u64,
    /// Their mean score, 0 to 1; none of no rows.
    pub average_score: Option<f64>,
    /// How many have which score, rounded to a tenth: `0.0` to `1.0`, in that order.
    pub score_distribution: Vec<(String, u64)>,
    /// Types of questions that are answered worse than others, the worst first.
    pub low_score_patterns: Vec<LowPattern>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// A type of questions that is answered worse than others.
#[derive(Debug, Clone, PartialEq)]
pub struct LowPattern {
    /// The type.
    pub question_type: String,
    /// Its rows with a score under a half.
    pub count: u64,
    /// Their share of its rows.
    pub share: f64,
    /// Mean score of its rows.
    pub average_score: f64,
    /// Answers of the type, whether anybody reacted or not.
    pub exposures: u64,
}

/// Outcomes of analysing.
#[derive(Debug, Clone, PartialEq)]
pub enum AnalyzeFeedback {
    /// This.
    Ok(Analyzed),
    /// The database refuses: `assistant_not_found`, `forbidden`, … as for a decision.
    Refused {
        /// Why, as a code.
        code: String,
    },
}
