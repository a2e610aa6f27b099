//! Looking for drift: what people, and the judge, make of the answers of late, against the time before.

use pawl_core::training::drift::{Drift, Metric, Window, drift, told};
use pawl_store::training::{DriftLook, DriftMetric, LookedDrift, MetricLook, Recorded, Training};
use serde_json::{Value, json};

use crate::{
    host::Host,
    running::{Bench, Stop},
    wire::{DriftSeen, Worked},
};

/// Days between two looks, unless somebody wants one: a little less than a daily schedule keeps.
const DAYS_BETWEEN: f64 = 20.0 / 24.0;

/// Compares the two windows, if it was not done of late, and records what came of it.
pub async fn detect<S: Training, H: Host>(bench: &Bench<'_, S, H>, worked: &mut Worked) -> Result<(), Stop> {
    let (holder, assistant_id, settings) = (bench.holder, bench.about.assistant_id, bench.settings);
    let looked = bench.store.drift_look(holder, assistant_id, settings.window_days, settings.baseline_days).await?;
    let DriftLook::Ok(look) = looked else { return Err(Stop::LeaseLost) };
    if !bench.force && was_of_late(&look) {
        return Ok(());
    }
    let drifts: Vec<Drift> = look.metrics.iter().filter_map(|metric| compare(metric, settings.threshold)).collect();
    if drifts.is_empty() {
        return Ok(());
    }
    let metrics: Vec<_> = drifts.iter().map(|drift| row(drift, &look)).collect();
    match bench.store.record_drift(holder, assistant_id, &metrics, &told(&drifts)).await? {
        Recorded::LeaseLost => Err(Stop::LeaseLost),
        Recorded::Ok => {
            worked.drift = drifts.iter().max_by(|a, b| weight(a).total_cmp(&weight(b))).map(seen);
            Ok(())
        }
    }
}

fn was_of_late(look: &LookedDrift) -> bool {
    let days = look.last_at.as_ref().and_then(|at| look.current.to.days_since(at));
    days.is_some_and(|days| days < DAYS_BETWEEN)
}

/// Nothing of a measure that is not known, or of too few answers.
fn compare(look: &MetricLook, threshold: f64) -> Option<Drift> {
    let metric = Metric::named(&look.metric_type)?;
    let baseline = Window { answers: &look.baseline, people: &look.baseline_people };
    let current = Window { answers: &look.current, people: &look.current_people };
    drift(metric, &baseline, &current, threshold).ok()
}

fn row<'a>(drift: &'a Drift, look: &LookedDrift) -> DriftMetric<'a> {
    let mut details = serde_json::to_value(&drift.details).unwrap_or_default();
    if let Value::Object(fields) = &mut details {
        let window = |window: &pawl_store::training::Window| json!({"from": window.from, "to": window.to});
        let windows = json!({"baseline": window(&look.baseline), "current": window(&look.current)});
        fields.insert("windows".to_owned(), windows);
    }
    DriftMetric {
        metric_type: drift.metric_type.name(),
        baseline_value: drift.baseline_value,
        current_value: drift.current_value,
        drift_score: drift.drift_score,
        alert: drift.alert,
        details,
    }
}

/// Any that alerts before all that do not.
fn weight(drift: &Drift) -> f64 {
    if drift.alert { drift.drift_score + 1e6 } else { drift.drift_score }
}

fn seen(drift: &Drift) -> DriftSeen {
    DriftSeen {
        metric_type: drift.metric_type.name(),
        drift_score: drift.drift_score,
        p_value: drift.details.p_value,
        alert: drift.alert,
    }
}
