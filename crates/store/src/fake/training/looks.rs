//! What is summed up: drift, stock, analysis.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::training::score::Source;
use uuid::Uuid;

use super::lessons::StoredLesson;
use crate::{
    StoreError,
    decisions::{Decision, Order, Refusal},
    fake::{Caller, State, reflections::write},
    training::{
        AnalyzeFeedback, Analyzed, DriftAlert, Histogram, LookedDrift, LowPattern, MetricLook, Status, Stock, Window,
    },
};

/// An answer, with its score in hundredths.
struct Seen {
    at: DateTime<Utc>,
    user_id: Uuid,
    message_id: Uuid,
    score: i64,
}

impl State {
    /// As `pawl_drift_look`; `days` are those of the current window and of the one before.
    pub(super) fn look_at_drift(&self, assistant_id: Uuid, days: [f64; 2], now: DateTime<Utc>) -> LookedDrift {
        let [window, baseline] = days.map(|days| TimeDelta::seconds((days * 86_400.0).round() as i64));
        let deployed = self.training.models.iter().filter(|m| m.assistant_id == assistant_id);
        let deployed = deployed.filter(|m| m.status == Status::Deployed).filter_map(|m| m.deployed_at).max();
        let back = |time: DateTime<Utc>| deployed.map_or(time, |deployed| time.max(deployed));
        let (from, to) = (back(now - window - baseline), back(now - window));
        let answers = self
            .turns
            .iter()
            .filter(|t| self.sessions.iter().any(|s| s.id == t.session_id && s.assistant_id == assistant_id));
        let answers = answers.filter_map(|t| t.answer.as_ref().map(|a| (a.created_at, t.user_id, a.id)));
        let answers: Vec<_> = answers.collect();
        let hundredths = |value: f64| (100.0 * value).round() as i64;
        let collected = |id: Uuid| {
            let mut sources = self.training.lessons.iter().flat_map(|l| &l.sources);
            let found = sources.find(|source| source.message_id == id && source.scored.source != Source::LlmJudge);
            found.map(|source| hundredths(source.scored.score))
        };
        let judged = |id: Uuid| self.evaluated.get(&id).copied().flatten().map(hundredths);
        let metric = |metric_type: &str, score: &dyn Fn(Uuid) -> Option<i64>| {
            let seen = answers.iter().filter_map(|(at, user_id, id)| {
                Some(Seen { at: *at, user_id: *user_id, message_id: *id, score: score(*id)? })
            });
            let (current, rest): (Vec<_>, Vec<_>) = seen.partition(|one| one.at > to);
            let baseline: Vec<_> = rest.into_iter().filter(|one| one.at > from).collect();
            MetricLook {
                metric_type: metric_type.to_owned(),
                baseline: histogram(baseline.iter().map(|one| one.score)),
                current: histogram(current.iter().map(|one| one.score)),
                baseline_people: histogram(of_each(&baseline)),
                current_people: histogram(of_each(&current)),
            }
        };
        LookedDrift {
            baseline: Window { from: write(from), to: write(to) },
            current: Window { from: write(to), to: write(now) },
            last_at: self
                .training
                .drift
                .iter()
                .filter(|d| d.assistant_id == assistant_id)
                .map(|d| d.created_at)
                .max()
                .map(write),
            metrics: vec![metric("feedback_score", &collected), metric("judge_score", &judged)],
        }
    }

    fn lessons_of(&self, assistant_id: Uuid) -> impl Iterator<Item = &StoredLesson> {
        self.training.lessons.iter().filter(move |l| l.assistant_id == assistant_id)
    }

    /// As `pawl_training_stock`.
    pub(super) fn stock(&self, assistant_id: Uuid, quality: f64, now: DateTime<Utc>) -> Stock {
        let mut types = BTreeMap::new();
        for lesson in self.lessons_of(assistant_id).filter(|l| self.teaches(l, quality)) {
            *types.entry(type_of(lesson)).or_insert(0_u64) += 1;
        }
        let models = || self.training.models.iter().filter(|m| m.assistant_id == assistant_id);
        let last_version_at = models().map(|m| m.created_at).max();
        let mut alerts = self.training.drift.iter().filter(|d| d.assistant_id == assistant_id && d.alert);
        let newest = alerts.rfind(|d| last_version_at.is_none_or(|at| d.created_at > at));
        Stock {
            total: types.values().sum(),
            types: types.into_iter().collect(),
            validated: self.lessons_of(assistant_id).filter(|l| l.is_validated()).count() as u64,
            as_of: write(now),
            last_version_at: last_version_at.map(write),
            drift: newest.map(|d| DriftAlert {
                id: d.id,
                metric_type: d.metric_type.clone(),
                drift_score: d.drift_score,
                p_value: d.details.get("p_value").and_then(serde_json::Value::as_f64),
                at: write(d.created_at),
            }),
            unfinished: models().any(|m| !m.finished),
        }
    }

    fn answers_of_type(&self, assistant_id: Uuid, named: &str, from: DateTime<Utc>) -> u64 {
        let of_type = self.turns.iter().filter(|t| t.traits.question_type.as_deref().unwrap_or("other") == named);
        let ours = of_type.filter(|t| {
            t.answer.as_ref().is_some_and(|a| a.created_at >= from)
                && self.sessions.iter().any(|s| s.id == t.session_id && s.assistant_id == assistant_id)
        });
        ours.count() as u64
    }

    /// As `pawl_analyze_feedback`.
    pub(super) fn analyze(
        &self,
        caller: Caller,
        organization_id: Option<Uuid>,
        assistant: Option<&str>,
        days: f64,
        now: DateTime<Utc>,
    ) -> Result<AnalyzeFeedback, StoreError> {
        if caller == Caller::Nobody {
            return Err(StoreError::Unauthenticated);
        }
        let order = Order { decision: Decision::Resume, assistant, organization_id, reason: None, user_id: None };
        let assistant_id = match self.steer(caller, &order) {
            Ok(id) => id,
            Err(refusal) => return Ok(AnalyzeFeedback::Refused { code: code(&refusal).to_owned() }),
        };
        let from = now - TimeDelta::seconds((days * 86_400.0).round() as i64);
        let rows: Vec<_> = self.lessons_of(assistant_id).filter(|l| l.updated_at >= from).collect();
        let answers = |named: &str| self.answers_of_type(assistant_id, named, from);
        let rounded = |value: f64| (1e4 * value).round() / 1e4;
        let mean = |rows: &[&StoredLesson]| rounded(rows.iter().map(|l| l.score()).sum::<f64>() / rows.len() as f64);
        let is_low = |l: &&&StoredLesson| l.score() < 0.5;
        let overall = rows.iter().filter(is_low).count() as f64 / rows.len().max(1) as f64;
        let mut scores: BTreeMap<i64, u64> = (0..=10).map(|tenth| (tenth, 0)).collect();
        let mut types: BTreeMap<String, Vec<&StoredLesson>> = BTreeMap::new();
        for lesson in &rows {
            *scores.entry((10.0 * lesson.score()).round() as i64).or_default() += 1;
            types.entry(type_of(lesson)).or_default().push(lesson);
        }
        let mut low: Vec<_> = types
            .into_iter()
            .map(|(question_type, rows)| {
                let (count, all) = (rows.iter().filter(is_low).count() as u64, rows.len() as u64);
                let pattern = LowPattern {
                    count,
                    share: rounded(count as f64 / all as f64),
                    average_score: mean(&rows),
                    exposures: answers(&question_type).max(all),
                    question_type,
                };
                (count as f64 - all as f64 * overall, pattern)
            })
            .filter(|(_, pattern)| pattern.count > 0)
            .collect();
        low.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let low = low.into_iter().take(10).map(|(_, pattern)| pattern).collect();
        Ok(AnalyzeFeedback::Ok(Analyzed {
            total_samples: rows.len() as u64,
            average_score: (!rows.is_empty()).then(|| mean(&rows)),
            score_distribution: scores
                .into_iter()
                .map(|(tenth, n)| (format!("{:.1}", tenth as f64 / 10.0), n))
                .collect(),
            low_score_patterns: low,
            from: write(from),
            to: write(now),
        }))
    }
}

pub(super) fn type_of(lesson: &StoredLesson) -> String {
    lesson.question_type.clone().unwrap_or_else(|| "other".to_owned())
}

fn histogram(values: impl IntoIterator<Item = i64>) -> Histogram {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// Of each person one answer, picked by its id: without looking at it.
fn of_each(seen: &[Seen]) -> Vec<i64> {
    let mut people = BTreeMap::new();
    for one in seen {
        let picked = people.entry(one.user_id).or_insert(one);
        if one.message_id < picked.message_id {
            *picked = one;
        }
    }
    people.into_values().map(|one| one.score).collect()
}

fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unauthorized => "unauthorized",
        Refusal::UserNotAllowed => "user_not_allowed",
        Refusal::OrganizationRequired => "organization_required",
        Refusal::OrganizationNotFound => "organization_not_found",
        Refusal::Forbidden => "forbidden",
        _ => "assistant_not_found",
    }
}
