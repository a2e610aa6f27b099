//! Whether the live version has fallen behind the one before it.

use super::{
    case::Case,
    ruling::{Decision, Reason, Ruling},
    words,
};
use crate::crash::{Detector, THRESHOLD, fallen, lower_limit};

/// Votes on the version before, below which a fall is told to a person and nothing is taken back.
pub const MIN_VOTES: u64 = 200;

/// A fall is where the detector first reaches its threshold; what was voted after that changes nothing.
pub(super) fn rule(case: &Case) -> Ruling {
    let (before_up, before_n) = (case.before_up.unwrap_or(0), case.before_n.unwrap_or(0));
    let votes: Vec<bool> = case.observations.votes().iter().map(|vote| vote.up).collect();
    let mut detector = Detector::new(lower_limit(before_up, before_n));
    let mut at = None;
    for (number, up) in (1..).zip(&votes) {
        detector = detector.after(*up);
        if detector.alarmed(THRESHOLD) {
            at = Some(number);
            break;
        }
    }
    let seen = votes.get(..at.unwrap_or(votes.len())).unwrap_or_default();
    let ruling = Ruling {
        n: seen.len(),
        at,
        log_e_worse: detector.statistic().max(1.0).ln(),
        effect: change(before_up, before_n, seen),
        ..Ruling::of(case)
    };
    let (decision, reason, words) = match fallen(before_up, before_n, seen, THRESHOLD) {
        None => (Decision::Quiet, Reason::Quiet, words::quiet(seen.len())),
        Some(fall) if before_n < MIN_VOTES => {
            (Decision::Alert, Reason::TooFewVotes, words::too_few_votes(&fall, before_n))
        }
        Some(fall) => (Decision::Rollback, Reason::Fell, words::fell(&fall)),
    };
    Ruling { decision, reason, words, ..ruling }
}

/// The share of thumbs up now less that before.
fn change(before_up: u64, before_n: u64, votes: &[bool]) -> Option<f64> {
    if before_n == 0 || votes.is_empty() {
        return None;
    }
    let up = votes.iter().filter(|up| **up).count();
    Some(up as f64 / votes.len() as f64 - before_up as f64 / before_n as f64)
}
