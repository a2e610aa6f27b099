//! How answers were taken, lately and before.

use serde_json::Value;

use crate::reflections::Timestamp;

/// From when until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// How often each value occurred: hundredths of the score, and how many. In order of the values.
pub type Histogram = Vec<(i64, u64)>;

/// One measure in both windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricLook {
    /// `feedback_score`, 0 to 100, or `judge_score`, 100 to 500.
    pub metric_type: String,
    /// Answers of the window before.
    pub baseline: Histogram,
    /// Answers of late.
    pub current: Histogram,
    /// People of the window before, each with one of their answers, picked without looking at it.
    pub baseline_people: Histogram,
    /// People of late, the same.
    pub current_people: Histogram,
}

/// Both windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedDrift {
    /// The window before.
    pub baseline: Window,
    /// The window that ends now.
    pub current: Window,
    /// When the last look was recorded.
    pub last_at: Option<Timestamp>,
    /// Each measure.
    pub metrics: Vec<MetricLook>,
}

/// Outcomes of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftLook {
    /// What there is to compare.
    Ok(LookedDrift),
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// What came of looking at one measure.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftMetric<'a> {
    /// Its name.
    pub metric_type: &'a str,
    /// Mean of the window before.
    pub baseline_value: f64,
    /// Mean of late.
    pub current_value: f64,
    /// How far they lie apart.
    pub drift_score: f64,
    /// It is more than chance.
    pub alert: bool,
    /// `{psi, null_mean, wasserstein, p_value, n_baseline, n_current, people_baseline, people_current, windows}`.
    pub details: Value,
}
