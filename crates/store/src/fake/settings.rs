//! What an owner has set.

use chrono::{DateTime, Utc};
use pawl_core::{
    decision::Thresholds,
    proof::{Method, UnitKind},
};

/// Settings of an assistant, with the defaults of `loop_settings`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at the table loop_settings")]
pub struct Settings {
    pub window_hours: i64,
    pub min_conversations: usize,
    pub max_conversations: usize,
    pub reflect_every_hours: i64,
    pub reflect_every_messages: usize,
    pub thresholds: Thresholds,
    pub cooldown_hours: i64,
    pub max_updates_per_day: usize,
    pub updates_paused: bool,
    pub paused_until: Option<DateTime<Utc>>,
    pub approval_required: bool,
    pub protected_clauses: Vec<String>,
    pub judge_model: String,
    pub chat_model: String,
    pub screening_pairs: u32,
    /// `None`: `auto`.
    pub proof_method: Option<Method>,
    pub proof_pairs: u32,
    pub canary_share: f64,
    pub canary_unit: UnitKind,
    pub canary_min_days: f64,
    pub canary_max_days: f64,
    pub yearly_budget: bool,
    pub fixed_level: f64,
    /// The coin falls here on certainty alone: a placebo at 1, never below.
    pub placebo_share: f64,
    pub judge_floor: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window_hours: 24,
            min_conversations: 5,
            max_conversations: 20,
            reflect_every_hours: 6,
            reflect_every_messages: 50,
            thresholds: Thresholds::default(),
            cooldown_hours: 6,
            max_updates_per_day: 3,
            updates_paused: false,
            paused_until: None,
            approval_required: false,
            protected_clauses: Vec::new(),
            judge_model: "claude-sonnet-5-5".to_owned(),
            chat_model: "claude-sonnet-5-5".to_owned(),
            screening_pairs: 60,
            proof_method: None,
            proof_pairs: 1000,
            canary_share: 0.2,
            canary_unit: UnitKind::Conversation,
            canary_min_days: 7.0,
            canary_max_days: 28.0,
            yearly_budget: true,
            fixed_level: 0.01,
            placebo_share: 0.05,
            judge_floor: 0.2,
        }
    }
}

/// Limits of an organisation, with the defaults of `organization_settings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at the table organization_settings")]
pub struct Limits {
    pub user_requests_per_minute: usize,
    pub user_tokens_per_day: u64,
    pub organization_requests_per_minute: usize,
    pub organization_tokens_per_day: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            user_requests_per_minute: 20,
            user_tokens_per_day: 500_000,
            organization_requests_per_minute: 600,
            organization_tokens_per_day: 10_000_000,
        }
    }
}
