//! What an owner reads about drift and training. Numbers are put together from integers; see [`crate::learning`].

use super::drift::{Drift, Metric, Tested};
use crate::learning::words::hundredths;

pub const NOTHING_DUE: &str = "No drift, and no schedule is due";

/// "Version v3 is in training".
pub fn unfinished(version: &str, status: &str) -> String {
    let doing = match status {
        "trained" => "trained and waits for its test",
        "testing" => "in its test",
        _ => "in training",
    };
    format!("Version {version} is {doing}")
}

/// "Insufficient samples: 412/1000".
pub fn insufficient(samples: u64, needed: u64) -> String {
    format!("Insufficient samples: {samples}/{needed}")
}

/// "The last version is 3 days old, and at most one is begun in 7 days".
pub fn too_soon(days: f64, between: f64) -> String {
    let old = match days.max(0.0) as u64 {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    };
    format!("The last version is {old} old, and at most one is begun in {} days", between as u64)
}

/// "People's reactions fell from 0.82 to 0.55 (0 to 1) …", of each that alerts.
pub fn drifted(drifts: &[Drift]) -> String {
    drifts.iter().filter(|drift| drift.alert).map(one).collect::<Vec<_>>().join(" ")
}

fn one(drift: &Drift) -> String {
    let (what, scale) = match drift.metric_type {
        Metric::FeedbackScore => ("The mean of people's reactions", "0 to 1"),
        Metric::JudgeScore => ("The mean of the judge's scores", "1 to 5"),
    };
    let (before, now) = (hundredths(drift.baseline_value), hundredths(drift.current_value));
    let moved = if before == now {
        format!("stayed at {now}, but they spread otherwise")
    } else {
        let verb = if drift.current_value < drift.baseline_value { "fell" } else { "rose" };
        format!("{verb} from {before} to {now}")
    };
    let details = &drift.details;
    let of = match details.tested {
        Tested::People => format!("{} and {} people", details.people_baseline, details.people_current),
        Tested::Answers => format!("{} and {} answers", details.n_baseline, details.n_current),
    };
    format!(
        "{what} ({scale}) {moved}: {} answers before, {} now. The drift is {}; by chance {of} differ so much in less \
         than 1 case in 100.",
        details.n_baseline,
        details.n_current,
        hundredths(drift.drift_score)
    )
}
