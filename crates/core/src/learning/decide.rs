//! One learning run: from what is known to what becomes of each pattern and what to try next.

use super::{
    discovery, ebh, evidence,
    life::{Setting, Standing},
    look::{Cluster, Look, Pattern, State},
    plan::{Crash, Plan, Update},
    words,
};
use crate::crash;

/// The plan for a look. Pure: the same look gives the same plan.
pub fn decide(look: &Look) -> Plan {
    let standings: Vec<Standing<'_>> = look.patterns.iter().map(|p| Standing::new(p, look.settings.cap)).collect();
    let votes: Vec<bool> = look.votes.since.bytes().map(|vote| vote == b'1').collect();
    let fall = crashed(look, &votes);
    let may_begin = ebh::may_have_begun(look.now_day - first_day(look.year)) - look.trials_this_year;
    let mut begun = 0;
    let mut patterns: Vec<Update> = Vec::with_capacity(standings.len());
    for (i, (pattern, standing)) in look.patterns.iter().zip(&standings).enumerate() {
        let reverted = fall.filter(|_| look.votes.recent_pattern_ids.contains(&pattern.id));
        let update = match reverted {
            Some(fall) if matches!(pattern.state, State::Active | State::Warmdown) => {
                standing.end(State::Reverted, words::reverted(&fall, pattern.days_active))
            }
            _ => standing.next(&Setting {
                holdout: look.settings.holdout.clamp(0.05, 0.10),
                may_begin: begun < may_begin && is_first_for_slot(look, i),
                baseline: baseline(look, pattern),
                threshold: threshold(look, &standings, pattern.trial_year),
                rival: discovery::rival(look, &pattern.question_type, &pattern.dimension, |cluster| {
                    cluster.value != pattern.value && !rests(look, cluster)
                }),
            }),
        };
        begun += i64::from(update.begin_trial);
        patterns.push(update);
    }
    let budget_left = begun < may_begin;
    let wanted = if budget_left { discovery::wanted(look, |cluster| taken(look, &patterns, cluster)) } else { vec![] };
    let up = votes.iter().filter(|vote| **vote).count() as u64;
    Plan {
        message: message(look, &patterns, budget_left, fall.as_ref()),
        crash: fall.map(|fall| Crash { fell_from: fall.from, fell_to: fall.to, votes: fall.votes }),
        votes_up: up,
        votes_down: votes.len() as u64 - up,
        patterns,
        wanted,
    }
}

/// A crash is a fall by at least this share of what it was …
pub const CRASH_FALL: f64 = 0.30;
/// … that the detector is this sure of. Less than for a prompt's rollback: a pattern that is taken back can be tried again,
/// and a fall by a third is to be seen within some 200 votes.
const CRASH_THRESHOLD: f64 = 1e4;
/// … and this many times the votes since, where that is more: the statistic grows by at most 1 a vote where nothing has
/// changed, so that it is over n votes at most n on average, and it reaches 20 n in at most one of 20 watches (Doob 1953).
const CRASH_THRESHOLD_A_VOTE: f64 = 20.0;
/// … as far as the votes since can tell: so many standard errors are allowed for (95 %).
const CRASH_ERRORS: f64 = 1.645;

/// The first of January, in days since 1970 (Gregorian).
fn first_day(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + (before / 4 - before / 100 + before / 400) - 477
}

/// The statistic from which so many votes tell a crash.
fn crash_threshold(votes: usize) -> f64 {
    CRASH_THRESHOLD.max(CRASH_THRESHOLD_A_VOTE * votes as f64)
}

/// A fall of the thumbs-up share while something adopted lately can be taken back.
fn crashed(look: &Look, votes: &[bool]) -> Option<crash::Fall> {
    if look.votes.watched_days.is_none() || look.votes.recent_pattern_ids.is_empty() {
        return None;
    }
    crash::fallen(look.votes.before_up, look.votes.before_n, votes, crash_threshold(votes.len())).filter(|fall| {
        let error = (fall.to * (1.0 - fall.to) / fall.votes as f64).sqrt();
        fall.to - CRASH_ERRORS * error <= (1.0 - CRASH_FALL) * fall.from
    })
}

/// e-BH over the organisation's trials of one year: what is adopted, and what could be. Of another year only this
/// assistant's are known; the fewer, the stricter.
fn threshold(look: &Look, standings: &[Standing<'_>], year: Option<i64>) -> f64 {
    let mine =
        look.patterns.iter().zip(standings).filter(|(p, _)| p.trial_year == year).filter_map(|(_, s)| s.counts());
    let others = look.others.iter().filter(|o| o.adopted && year == Some(look.year)).map(|o| o.log_e);
    ebh::threshold(&mine.chain(others).collect::<Vec<f64>>())
}

fn same_slot(a: &Pattern, b: &Pattern) -> bool {
    a.question_type == b.question_type && a.dimension == b.dimension
}

/// Nothing lives in the slot of the candidate at `at`, and no candidate before it waits for the same slot.
fn is_first_for_slot(look: &Look, at: usize) -> bool {
    let Some(candidate) = look.patterns.get(at) else { return false };
    !look
        .patterns
        .iter()
        .enumerate()
        .any(|(i, other)| same_slot(candidate, other) && i != at && (other.state != State::Candidate || i < at))
}

/// The mean signal of the pattern's question type, hundredths.
fn baseline(look: &Look, pattern: &Pattern) -> i16 {
    let of_type = look.clusters.iter().find(|c| c.question_type == pattern.question_type && c.rest_n >= 0);
    let mean = of_type.map_or(0.0, |c| {
        let (n, rest_n) = (c.n as f64, c.rest_n as f64);
        (n * c.mean + rest_n * c.rest_mean.unwrap_or(0.0)) / (n + rest_n).max(1.0)
    });
    (mean * 100.0).round().clamp(-100.0, 100.0) as i16
}

/// This value was ended lately.
fn rests(look: &Look, cluster: &Cluster) -> bool {
    look.closed.iter().any(|c| {
        c.question_type == cluster.question_type
            && c.dimension == cluster.dimension
            && c.value == cluster.value
            && c.days_ago < if c.by_person { discovery::PERSON_REST_DAYS } else { discovery::REST_DAYS }
    })
}

/// The slot has a pattern or waits for one, or this value was ended lately.
fn taken(look: &Look, updates: &[Update], cluster: &Cluster) -> bool {
    let here = |p: &Pattern| p.question_type == cluster.question_type && p.dimension == cluster.dimension;
    let ended = |update: &Update| matches!(update.state, State::Pruned | State::Reverted);
    rests(look, cluster)
        || look.patterns.iter().zip(updates).any(|(p, u)| here(p) && (!ended(u) || p.value == cluster.value))
}

fn message(look: &Look, updates: &[Update], budget_left: bool, fall: Option<&crash::Fall>) -> String {
    let count = |state: State| updates.iter().filter(|u| u.state == state).count();
    let mut message = words::basis(look);
    let mut say = |sentence: &str| {
        message.push(' ');
        message.push_str(sentence);
    };
    if let Some(fall) = fall {
        say(&words::crash(fall));
        say("What was adopted lately is taken back.");
    }
    let (active, trial, candidates) = (count(State::Active), count(State::Trial), count(State::Candidate));
    say(&format!("{active} active, {trial} on trial, {candidates} waiting for a trial."));
    if look.people < discovery::MIN_PEOPLE {
        say(&format!("Too few people to learn from: at least {} are needed.", discovery::MIN_PEOPLE));
    } else if look.people < evidence::MIN_PEOPLE_FOR_CAP {
        say(&format!(
            "With fewer than {} people one person's weight is not capped; a pattern still has to hold without its \
             three most active.",
            evidence::MIN_PEOPLE_FOR_CAP
        ));
    }
    if !budget_left {
        say(&format!(
            "{} of this year's {} trials have begun: the next has to wait until more of the year has gone by.",
            look.trials_this_year,
            ebh::FAMILY
        ));
    }
    message
}

#[cfg(test)]
pub(in crate::learning) mod tests;
