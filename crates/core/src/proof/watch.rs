//! Whether the live version has fallen behind the one before it, or its model answers no more.

use super::{
    case::Case,
    ruling::{Decision, Reason, Ruling},
    words,
};
use crate::crash::{Detector, THRESHOLD, fallen, lower_limit};

/// Votes on the version before, below which a fall is told to a person and nothing is taken back.
pub const MIN_VOTES: u64 = 200;

/// So many turns in a row without an answer from its model take a version back.
pub const FAILURES_IN_A_ROW: usize = 10;

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

/// The newest turns count, from the last one that got an answer on.
pub(super) fn rule_failures(case: &Case) -> Ruling {
    let turns = case.observations.turns();
    let in_a_row = turns.iter().rev().take_while(|turn| turn.failed).count();
    let ruling = Ruling { n: turns.len(), ..Ruling::of(case) };
    if in_a_row < FAILURES_IN_A_ROW {
        return ruling.ends(Decision::Quiet, Reason::Quiet, words::answers(in_a_row));
    }
    let words = words::unreachable(in_a_row);
    Ruling { at: Some(turns.len()), ..ruling }.ends(Decision::Rollback, Reason::ModelUnreachable, words)
}

/// The share of thumbs up now less that before.
fn change(before_up: u64, before_n: u64, votes: &[bool]) -> Option<f64> {
    if before_n == 0 || votes.is_empty() {
        return None;
    }
    let up = votes.iter().filter(|up| **up).count();
    Some(up as f64 / votes.len() as f64 - before_up as f64 / before_n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{Agreement, Kind, Observations, Turn, rule};

    /// A point is an answer, an x none.
    fn turns(seen: &str) -> Case {
        let turn = |(i, sign): (usize, char)| Turn { id: format!("t{i}"), failed: sign == 'x' };
        Case {
            kind: Kind::Failures,
            level: None,
            horizon: None,
            min_days: None,
            max_days: None,
            days: None,
            unit: None,
            agreement: Agreement::default(),
            floor: 0.0,
            before_up: None,
            before_n: None,
            observations: Observations::Turns(seen.chars().enumerate().map(turn).collect()),
        }
    }

    #[test]
    fn a_model_that_does_not_answer_takes_its_version_back() {
        let ruling = rule(&turns("xxxxxxxxxx"));
        assert_eq!((ruling.decision, ruling.reason), (Decision::Rollback, Reason::ModelUnreachable));
        assert_eq!((ruling.at, ruling.n, ruling.log_e, ruling.log_e_worse), (Some(10), 10, 0.0, 0.0));
        assert_eq!((ruling.effect, ruling.log_e_people_worse, ruling.kappa, ruling.rated), (None, None, None, 0));
        assert_eq!(
            ruling.words,
            "The last 10 answers in a row failed: the model does not answer. The version before goes live again."
        );
        assert_eq!(rule(&turns("..xxxxxxxxxxxx")).at, Some(14));
    }

    #[test]
    fn one_that_answers_at_times_stays() {
        for (seen, words) in [
            ("", "The model answers."),
            ("xxxxxxxxxx.", "The model answers."),
            ("xxxxxxxxxx.x", "The last answer failed; that alone says nothing."),
            ("xxxx.xxxxxxxxx", "The last 9 answers failed: too few in a row to take the version back."),
        ] {
            let ruling = rule(&turns(seen));
            assert_eq!((ruling.decision, ruling.reason, ruling.at), (Decision::Quiet, Reason::Quiet, None), "{seen}");
            assert_eq!(ruling.words, words);
        }
    }

    #[test]
    fn its_case_is_written_as_it_is_read() {
        let written = serde_json::to_value(turns("x")).unwrap();
        assert_eq!(written["kind"], "failures");
        assert_eq!(written["observations"], serde_json::json!([{"id": "t0", "failed": true}]));
    }
}
