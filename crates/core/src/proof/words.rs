//! What an owner reads about a ruling or a plan. Numbers are put together from integers; see [`crate::learning`].

use super::{
    canary::CanaryProcess,
    case::UnitKind,
    plan::{MIN_POOL, ProofSettings, Traffic},
    ruling::Ruling,
    screening::Tally,
    watch::MIN_VOTES,
};
use crate::{
    crash::Fall,
    learning::words::{crash, hundredths},
};

/// "1,200".
pub fn whole(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1,200" of an e-value's logarithm, rounded down; more than a billion is "1,000,000,000".
fn evidence(log_e: f64) -> String {
    // What a logarithm and its inverse lose must not make 1,200 a 1,199.
    whole((log_e.exp() * (1.0 + 1e-9)).min(1e9) as u64)
}

fn count(n: usize) -> String {
    whole(n as u64)
}

/// "20 %".
pub fn percent(share: f64) -> String {
    format!("{} %", (share * 100.0).round() as i64)
}

/// "41 of 60 decided pairs (83 in all)".
fn of_decided(part: usize, tally: Tally) -> String {
    let decided = tally.wins + tally.losses;
    format!("{} of {} decided pairs ({} in all)", count(part), count(decided), count(decided + tally.ties))
}

fn chance(log_e: f64, better: &str) -> String {
    format!("the chance of such evidence from a prompt that is no {better} is at most 1 in {}", evidence(log_e))
}

/// "the evidence so far is 12 to 1, and 1,200 to 1 is needed".
fn so_far(log_e: f64, level: f64) -> String {
    let needed = evidence(-level.ln());
    if log_e.exp() < 2.0 {
        return format!("there is no evidence yet, and {needed} to 1 is needed");
    }
    format!("the evidence so far is {} to 1, and {needed} to 1 is needed", evidence(log_e))
}

pub fn screening_goes_on(n: usize, horizon: usize) -> String {
    format!("Screening: {} of {} pairs compared.", count(n), count(horizon))
}

pub fn screening_passed(tally: Tally) -> String {
    format!(
        "Screening passed: better in {}, and no type of question went clearly worse.",
        of_decided(tally.wins, tally)
    )
}

pub fn not_more_wins(tally: Tally) -> String {
    format!("Screening failed: better in {}, which is not more than half.", of_decided(tally.wins, tally))
}

pub fn question_type_worse(tally: Tally, name: &str, of_type: Tally) -> String {
    format!(
        "Screening failed: better in {}, but {name} questions went clearly worse: {} won, {} lost.",
        of_decided(tally.wins, tally),
        count(of_type.wins),
        count(of_type.losses)
    )
}

pub fn replay_goes_on(tally: Tally, log_e: f64, level: f64) -> String {
    format!("Better in {}; {}.", of_decided(tally.wins, tally), so_far(log_e, level))
}

pub fn replay_better(tally: Tally, log_e: f64) -> String {
    format!("Better in {}; {}.", of_decided(tally.wins, tally), chance(log_e, "better"))
}

pub fn replay_worse(tally: Tally, log_e_worse: f64) -> String {
    format!("Worse in {}; {}.", of_decided(tally.losses, tally), chance(log_e_worse, "worse"))
}

pub fn replay_undecided(tally: Tally, log_e: f64, level: f64) -> String {
    format!("Better in {}, and that was the last pair: {}.", of_decided(tally.wins, tally), so_far(log_e, level))
}

pub fn judge_disagrees(ruling: &Ruling, floor: f64) -> String {
    format!(
        "The judge agrees too little with people to be believed: kappa {} over {} rated answers, at least {} is asked \
         for.",
        hundredths(ruling.kappa.unwrap_or(0.0)),
        whole(ruling.rated),
        hundredths(floor)
    )
}

/// "better by 0.21 points of 5 in 340 conversations with it and 1,350 without".
fn measured(process: &CanaryProcess, unit: UnitKind) -> String {
    // The judge's scores run from 1 to 5: 4 points are all of the scale. The weights of few conversations may say more.
    let points = (4.0 * process.effect).clamp(-4.0, 4.0);
    let (word, size) = if points < 0.0 { ("worse", -points) } else { ("better", points) };
    format!("{word} by {} points of 5 over {}", hundredths(size), over(process, unit))
}

fn over(process: &CanaryProcess, unit: UnitKind) -> String {
    let (with, without) = (count(process.candidate_n), count(process.baseline_n));
    match unit {
        UnitKind::Conversation => format!("{with} conversations with it and {without} without"),
        UnitKind::User => format!("{with} people with it and {without} without"),
    }
}

pub fn canary_goes_on(process: &CanaryProcess, unit: UnitKind, level: f64) -> String {
    format!("Judged {}; {}.", measured(process, unit), so_far(process.log_e, level))
}

pub fn canary_better(process: &CanaryProcess, unit: UnitKind) -> String {
    format!("Judged {}; {}.", measured(process, unit), chance(process.log_e, "better"))
}

pub fn canary_worse(process: &CanaryProcess, unit: UnitKind) -> String {
    format!("Judged {}; {}.", measured(process, unit), chance(process.log_e_worse, "worse"))
}

pub fn canary_undecided(process: &CanaryProcess, unit: UnitKind, level: f64, days: f64) -> String {
    format!("Judged {} in {} days: {}.", measured(process, unit), days as u64, so_far(process.log_e, level))
}

pub fn too_early(proved: &str, days: f64, min_days: f64) -> String {
    format!("{proved} Nothing is promoted before day {}; this is day {}.", min_days.ceil() as u64, days as u64)
}

pub fn people_like_it_less(process: &CanaryProcess, unit: UnitKind) -> String {
    format!(
        "People's reactions changed by {} (on a scale of 0 to 1) over {}; {}.",
        hundredths(process.people_effect),
        over(process, unit),
        chance(process.log_e_people_worse, "worse")
    )
}

pub fn people_in_the_way(proved: &str, process: &CanaryProcess) -> String {
    let change = hundredths(process.people_effect);
    format!("{proved} But people's reactions changed by {change} (on a scale of 0 to 1), and that speaks against it.")
}

pub fn fell(fall: &Fall) -> String {
    format!("{} The version before goes live again.", crash(fall))
}

pub fn too_few_votes(fall: &Fall, before: u64) -> String {
    format!(
        "{} The version before had {} votes: below {} nothing is taken back by itself.",
        crash(fall),
        whole(before),
        whole(MIN_VOTES)
    )
}

pub fn quiet(votes: usize) -> String {
    format!("No fall of thumbs up that could be told in {} votes.", count(votes))
}

pub fn unreachable(turns: usize) -> String {
    format!(
        "The last {} answers in a row failed: the model does not answer. The version before goes live again.",
        count(turns)
    )
}

pub fn answers(failed: usize) -> String {
    match failed {
        0 => "The model answers.".to_owned(),
        1 => "The last answer failed; that alone says nothing.".to_owned(),
        _ => format!("The last {} answers failed: too few in a row to take the version back.", count(failed)),
    }
}

/// "about 12 days", "about a day".
fn about(days: f64) -> String {
    let days = days.ceil() as u64;
    if days <= 1 { "about a day".to_owned() } else { format!("about {} days", whole(days)) }
}

/// "140", "3.5": how many come, a day.
fn rate(a_day: f64) -> String {
    if a_day >= 10.0 {
        return whole(a_day.round() as u64);
    }
    let tenths = (a_day * 10.0).round() as u64;
    if tenths.is_multiple_of(10) { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

/// `days`: `None` where it would take longer than it may.
pub fn canary_planned(traffic: &Traffic, settings: &ProofSettings, days: Option<f64>) -> String {
    let (of_what, a_day) = match settings.canary_unit {
        UnitKind::Conversation => ("new conversations", format!("{} conversations", rate(traffic.conversations_a_day))),
        UnitKind::User => ("people", format!("{} people", rate(traffic.people_a_day))),
    };
    let takes = match days {
        Some(days) => about(days),
        None => format!("too few to decide within {} days, unless it is much better", settings.canary_max_days as u64),
    };
    format!("Canary: {} of {of_what}; at today's {a_day} a day {takes}.", percent(settings.canary_share))
}

/// `days`: `None` where nothing can be drawn.
pub fn replay_planned(traffic: &Traffic, pairs: u32, days: Option<f64>) -> String {
    let takes = match days {
        Some(days) => format!("at today's {} pairs a day {}", rate(traffic.pairs_a_day), about(days)),
        None if traffic.pool < MIN_POOL => {
            format!("it waits for {MIN_POOL} earlier questions, and there are {}", traffic.pool)
        }
        None => "today's limits of tokens and money leave nothing for it".to_owned(),
    };
    format!("Replay: up to {} earlier questions, answered by both versions; {takes}.", whole(u64::from(pairs)))
}
