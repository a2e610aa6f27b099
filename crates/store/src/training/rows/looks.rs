//! Drift, stock and analysis.

use serde_json::{Value, json};

use super::count;
use crate::{
    reflections::rows::time,
    row::Row,
    training::{
        AnalyzeFeedback, Analyzed, DriftAlert, DriftLook, DriftMetric, FindStock, LookedDrift, LowPattern, MetricLook,
        Stock, Window,
    },
};

/// `pawl_drift_look`'s answer.
pub(crate) fn read_drift(outcome: &str, row: Row<'_>) -> Option<DriftLook> {
    let window = |windows: Row<'_>, name: &str| {
        let window = Row::of(windows.at(name)?);
        Some(Window { from: time(window, "from")?, to: time(window, "to")? })
    };
    Some(match outcome {
        "ok" => {
            let windows = Row::of(row.at("windows")?);
            DriftLook::Ok(LookedDrift {
                baseline: window(windows, "baseline")?,
                current: window(windows, "current")?,
                last_at: time(row, "last_at"),
                metrics: row.all("metrics", metric)?,
            })
        }
        "lease_lost" => DriftLook::LeaseLost,
        _ => return None,
    })
}

fn metric(row: Row<'_>) -> Option<MetricLook> {
    Some(MetricLook {
        metric_type: row.text("metric_type")?,
        baseline: row.all("baseline", bin)?,
        current: row.all("current", bin)?,
        baseline_people: row.all("baseline_people", bin)?,
        current_people: row.all("current_people", bin)?,
    })
}

fn bin(row: Row<'_>) -> Option<(i64, u64)> {
    let [value, count] = row.itself().as_array()?.as_slice() else { return None };
    Some((value.as_i64()?, count.as_u64()?))
}

/// `pawl_record_drift`'s `p_metrics`.
pub(crate) fn write_metrics(metrics: &[DriftMetric<'_>]) -> Value {
    let one = |metric: &DriftMetric<'_>| {
        json!({
            "metric_type": metric.metric_type,
            "baseline_value": metric.baseline_value,
            "current_value": metric.current_value,
            "drift_score": metric.drift_score,
            "alert": metric.alert,
            "details": metric.details,
        })
    };
    metrics.iter().map(one).collect()
}

/// `pawl_training_stock`'s answer.
pub(crate) fn read_stock(outcome: &str, row: Row<'_>) -> Option<FindStock> {
    Some(match outcome {
        "ok" => FindStock::Ok(stock(row)?),
        "lease_lost" => FindStock::LeaseLost,
        _ => return None,
    })
}

fn stock(row: Row<'_>) -> Option<Stock> {
    let drift = match row.at("drift")? {
        Value::Null => None,
        found => Some(alert(Row::of(found))?),
    };
    Some(Stock {
        types: row.all("types", |row| Some((row.text("question_type")?, count(row, "count")?)))?,
        total: count(row, "total")?,
        validated: count(row, "validated")?,
        as_of: time(row, "as_of")?,
        last_version_at: time(row, "last_version_at"),
        drift,
        unfinished: row.at("unfinished")?.as_bool()?,
    })
}

fn alert(row: Row<'_>) -> Option<DriftAlert> {
    Some(DriftAlert {
        id: row.id("id")?,
        metric_type: row.text("metric_type")?,
        drift_score: row.num("drift_score")?,
        p_value: row.num("p_value"),
        at: time(row, "at")?,
    })
}

/// `pawl_analyze_feedback`'s answer.
pub(crate) fn read_analysis(outcome: &str, row: Row<'_>) -> Option<AnalyzeFeedback> {
    if outcome != "ok" {
        return Some(AnalyzeFeedback::Refused { code: outcome.to_owned() });
    }
    let scores = row.at("score_distribution")?.as_object()?.iter();
    let scores = scores.map(|(score, n)| Some((score.clone(), n.as_u64()?))).collect::<Option<_>>()?;
    let window = Row::of(row.at("window")?);
    Some(AnalyzeFeedback::Ok(Analyzed {
        total_samples: count(row, "total_samples")?,
        average_score: row.num("average_score"),
        score_distribution: scores,
        low_score_patterns: row.all("low_score_patterns", low_pattern)?,
        from: time(window, "from")?,
        to: time(window, "to")?,
    }))
}

fn low_pattern(row: Row<'_>) -> Option<LowPattern> {
    Some(LowPattern {
        question_type: row.text("question_type")?,
        count: count(row, "count")?,
        share: row.num("share")?,
        average_score: row.num("average_score")?,
        exposures: count(row, "exposures")?,
    })
}
