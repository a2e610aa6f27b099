//! How a version proves itself before it goes live, and what takes it back.
//!
//! [`rule`] decides from a [`Case`] alone: the same case always gets the same ruling, however its observations arrived,
//! so a receipt can be checked by ruling again. A test ends at the first observation at which something is clear; in
//! what order pairs are judged or batches come in decides nothing else.

mod names;
mod words;

pub mod attacks;
pub mod betting;
pub mod budget;
pub mod canary;
pub mod case;
pub mod kappa;
pub mod plan;
pub mod replay;
pub mod ruling;
pub mod screening;
pub mod trial;
pub mod watch;

use canary::Canary;
pub use case::{Agreement, Case, Kind, Observations, Pair, Turn, Unit, UnitKind, Vote, question_type};
pub use plan::{Method, Plan, ProofSettings, Traffic, level, plan};
pub use ruling::{ByQuestionType, Decision, Effects, Reason, Ruling};
pub use screening::Tally;
use screening::{PairSeen, Screened, screening};

/// Days that a canary lasts at least, whatever its case says: a week has a weekend.
pub const MIN_CANARY_DAYS: f64 = 7.0;

/// What becomes of a version.
pub fn rule(case: &Case) -> Ruling {
    match case.kind {
        Kind::Screening => believed(rule_screening(case), case.floor),
        Kind::Replay => believed(rule_replay(case), case.floor),
        Kind::Canary => believed(rule_canary(case), case.floor),
        Kind::Watch => watch::rule(case),
        Kind::Failures => watch::rule_failures(case),
    }
}

/// What a judge rules that does not agree with people is nothing, whichever way it goes.
fn believed(ruling: Ruling, floor: f64) -> Ruling {
    if ruling.kappa.is_some_and(|kappa| kappa < floor) {
        let words = words::judge_disagrees(&ruling, floor);
        return ruling.ends(Decision::Reject, Reason::JudgeDisagrees, words);
    }
    ruling
}

/// Decided at the horizon, from the pairs up to it.
fn rule_screening(case: &Case) -> Ruling {
    let horizon = horizon(case);
    let screened = screened(case, horizon);
    let ruling = with_pairs(Ruling::of(case), &screened);
    let tally = ruling.tally();
    if ruling.n < horizon {
        return Ruling { words: words::screening_goes_on(ruling.n, horizon), ..ruling };
    }
    let (decision, reason, words) = if !screened.more_wins() {
        (Decision::Reject, Reason::NotMoreWins, words::not_more_wins(tally))
    } else if let Some(name) = screened.worse_types.first() {
        let of_type = screened.by_question_type.get(name).copied().unwrap_or_default();
        (Decision::Reject, Reason::QuestionTypeWorse, words::question_type_worse(tally, name, of_type))
    } else {
        (Decision::Pass, Reason::Passed, words::screening_passed(tally))
    };
    Ruling { decision, reason, words, at: Some(ruling.n), ..ruling }
}

fn rule_replay(case: &Case) -> Ruling {
    let (level, horizon) = (level_of(case), horizon(case));
    let process = replay::replay(case.observations.pairs().iter().map(|pair| pair.d), level, horizon);
    let ruling = Ruling {
        log_e: process.log_e,
        log_e_worse: process.log_e_worse,
        at: process.better_at.or(process.worse_at),
        ..with_pairs(Ruling::of(case), &screened(case, process.n))
    };
    let tally = ruling.tally();
    if process.better_at.is_some() {
        ruling.ends(Decision::Promote, Reason::Better, words::replay_better(tally, process.log_e))
    } else if process.worse_at.is_some() {
        ruling.ends(Decision::Reject, Reason::Worse, words::replay_worse(tally, process.log_e_worse))
    } else if process.n >= horizon {
        let words = words::replay_undecided(tally, process.log_e, level);
        Ruling { at: Some(process.n), ..ruling }.ends(Decision::Reject, Reason::Undecided, words)
    } else {
        ruling.ends(Decision::GoOn, Reason::MoreNeeded, words::replay_goes_on(tally, process.log_e, level))
    }
}

fn rule_canary(case: &Case) -> Ruling {
    let level = level_of(case);
    let mut canary = Canary::new(level);
    for unit in case.observations.units() {
        let Unit { id: _, arm, propensity, person, judged, reaction } = *unit;
        canary.observe(&canary::Unit { arm, propensity, person, judged, reaction });
    }
    let process = canary.now();
    let n = process.candidate_n + process.baseline_n;
    let ruling = Ruling {
        log_e: process.log_e,
        log_e_worse: process.log_e_worse,
        log_e_people_worse: Some(process.log_e_people_worse),
        n,
        candidate_n: Some(process.candidate_n),
        baseline_n: Some(process.baseline_n),
        effect: (n > 0).then_some(process.effect),
        ..Ruling::of(case)
    };
    let unit = case.unit.unwrap_or(UnitKind::Conversation);
    let days = case.days.unwrap_or(0.0);
    let min_days = case.min_days.unwrap_or(0.0).max(MIN_CANARY_DAYS);
    let is_over = case.max_days.is_some_and(|max_days| days >= max_days);
    let at = |at| Ruling { at, ..ruling.clone() };

    // Harm needs no level and no week: it ends the canary, whatever else was clear before.
    let harm = [(process.worse_at, Reason::Worse), (process.people_worse_at, Reason::PeopleLikeItLess)];
    let first_harm = harm.into_iter().filter_map(|(number, reason)| Some((number?, reason))).min_by_key(|(n, _)| *n);
    if let Some((number, reason)) = first_harm {
        let words = match reason {
            Reason::Worse => words::canary_worse(&process, unit),
            _ => words::people_like_it_less(&process, unit),
        };
        return at(Some(number)).ends(Decision::Reject, reason, words);
    }
    let proved = words::canary_better(&process, unit);
    if process.better_at.is_none() {
        if is_over {
            let words = words::canary_undecided(&process, unit, level, days);
            return ruling.ends(Decision::Reject, Reason::Undecided, words);
        }
        let words = words::canary_goes_on(&process, unit, level);
        return ruling.ends(Decision::GoOn, Reason::MoreNeeded, words);
    }
    if days < min_days {
        let words = words::too_early(&proved, days, min_days);
        return at(process.better_at).ends(Decision::GoOn, Reason::TooEarly, words);
    }
    if !process.people_agree() {
        let words = words::people_in_the_way(&proved, &process);
        let (decision, reason) =
            if is_over { (Decision::Reject, Reason::NotBorneOut) } else { (Decision::GoOn, Reason::MoreNeeded) };
        return at(process.better_at).ends(decision, reason, words);
    }
    at(process.better_at).ends(Decision::Promote, Reason::Better, proved)
}

/// The case's level; 0, which promotes nothing, where it has none that is one.
fn level_of(case: &Case) -> f64 {
    case.level.filter(|level| *level > 0.0 && *level < 1.0).unwrap_or(0.0)
}

/// Without a horizon there is no end.
fn horizon(case: &Case) -> usize {
    case.horizon.and_then(|pairs| usize::try_from(pairs).ok()).unwrap_or(usize::MAX)
}

/// The first `n` pairs.
fn screened(case: &Case, n: usize) -> Screened {
    let seen = |pair: &Pair| PairSeen {
        d: pair.d,
        first: pair.first,
        second: pair.second,
        longer: pair.longer,
        question_type: pair.question_type,
    };
    screening(&case.observations.pairs().iter().take(n).map(seen).collect::<Vec<_>>())
}

/// With what these pairs say, whatever is ruled from them.
fn with_pairs(ruling: Ruling, screened: &Screened) -> Ruling {
    let Tally { wins, losses, ties } = screened.counts;
    let n = wins + losses + ties;
    let by_question_type = screened.by_question_type.iter();
    Ruling {
        n,
        wins: Some(wins),
        losses: Some(losses),
        ties: Some(ties),
        effect: (n > 0).then(|| (wins as f64 - losses as f64) / n as f64),
        effects: Some(Effects {
            first_shown_share: screened.first_shown_share,
            longer_share: screened.longer_share,
            disagreements: screened.disagreements,
            by_question_type: ByQuestionType(
                by_question_type.map(|(name, tally)| (question_type(name), *tally)).collect(),
            ),
        }),
        ..ruling
    }
}

#[cfg(test)]
mod tests;
