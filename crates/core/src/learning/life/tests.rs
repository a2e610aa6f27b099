use super::*;
use crate::learning::{ebh, evidence::Evidence};

/// A pattern whose twelve people answered alike: `n` answers each by a fair coin, an effect in hundredths.
fn pattern(state: State, influence: f64, n: i64, effect: i64) -> Pattern {
    let person = Evidence {
        n,
        shown: n / 2,
        info: 250_000 * n,
        z: 2_500 * n * effect,
        zz: 25_000 * n,
        wealth: [1_000_000 * n * effect; 4],
        ..Evidence::default()
    };
    Pattern {
        id: "p".into(),
        question_type: "how_to".into(),
        dimension: "format".into(),
        value: "list".into(),
        state,
        influence,
        confidence: 0.5,
        score: Some(0.25),
        baseline: Some(4),
        prior_mean: 0.02,
        prior_sd: 0.05,
        log_e: None,
        trial_year: (state != State::Candidate).then_some(2026),
        signal_count: 10,
        idle_days: 0.0,
        trial_days: (state != State::Candidate).then_some(3.0),
        days_active: None,
        totals: (0..12).map(|_| person).sum(),
        people: 12,
        top: vec![person; 12],
        winners: vec![person; 3],
        recent: Vec::new(),
    }
}

const SETTING: Setting<'_> = Setting { holdout: 0.07, may_begin: true, baseline: 7, threshold: 5.0, rival: None };

fn next(pattern: &Pattern) -> Update {
    Standing::new(pattern, 0.1).next(&SETTING)
}

/// The pattern as it is found by the run after `update`.
fn after(pattern: &Pattern, update: Update) -> Pattern {
    let Update { state, influence, confidence, log_e, baseline, .. } = update;
    Pattern { state, influence, confidence, log_e, baseline, ..pattern.clone() }
}

#[test]
fn a_candidate_goes_on_trial_by_a_fair_coin() {
    let update = next(&pattern(State::Candidate, 0.0, 0, 0));
    assert_eq!((update.state, update.influence, update.begin_trial), (State::Trial, 0.5, true));
    assert_eq!((update.baseline, update.log_e), (Some(7), Some(0.0)));
    assert!(update.reason.unwrap().contains("rests on 10 settled signals"));
}

#[test]
fn a_candidate_waits_for_ten_signals_and_for_its_slot() {
    let waits = |pattern: &Pattern, setting: &Setting<'_>| {
        let update = Standing::new(pattern, 0.1).next(setting);
        (update.state, update.begin_trial, update.reason) == (State::Candidate, false, None)
    };
    let candidate = pattern(State::Candidate, 0.0, 0, 0);
    assert!(waits(&Pattern { signal_count: 9, ..candidate.clone() }, &SETTING));
    assert!(waits(&candidate, &Setting { may_begin: false, ..SETTING }));
    assert!(!waits(&candidate, &SETTING));
}

#[test]
fn a_trial_is_adopted_on_its_e_value() {
    // 12 × 40 answers at 0.1: 4.8 nats; 45 give 5.4, and 4.05 without three; 55 give 6.6 and 4.95.
    let adopted = |n| next(&pattern(State::Trial, 0.5, n, 10)).state == State::Active;
    assert!(!adopted(40));
    assert!(!adopted(45), "it does not hold without its three most active");
    let update = next(&pattern(State::Trial, 0.5, 55, 10));
    assert_eq!((update.state, update.influence), (State::Active, 0.93));
    assert_eq!(update.baseline, Some(4));
    assert!((update.log_e.unwrap() - 6.6).abs() < 1e-9);
    assert_eq!(
        update.reason.unwrap(),
        "Shown to a random half of 660 matching answers: reactions better by 0.10 (confidence 99.9 %). Adopted; 7.0 % \
         of matching answers stay without it."
    );
}

#[test]
fn a_pattern_that_three_people_push_is_not_adopted() {
    let mut pushed = pattern(State::Trial, 0.5, 1, 0);
    for person in pushed.top.iter_mut().take(3) {
        person.wealth = [9_000_000_000; 4];
        person.n = 50;
    }
    pushed.totals = pushed.top.iter().copied().sum();
    let standing = Standing::new(&pushed, 0.1);
    assert!(standing.log_e > SETTING.threshold);
    assert_eq!(standing.next(&SETTING).state, State::Trial);
    assert_eq!(standing.counts(), None);
}

/// Twelve who ask 40 things each and see no difference, and one who asks 20 and votes on each: 10 nats, all theirs.
#[test]
fn a_pattern_that_one_quiet_person_pushes_is_not_adopted() {
    let mut pushed = pattern(State::Trial, 0.5, 40, 0);
    let pusher = Evidence { n: 20, shown: 10, wealth: [10_000_000_000; 4], ..Evidence::default() };
    pushed.totals += pusher;
    pushed.people = 13;
    pushed.top.push(pusher);
    pushed.winners = vec![pusher, pushed.top[0], pushed.top[1]];
    let standing = Standing::new(&pushed, 0.1);
    assert!(standing.log_e > SETTING.threshold);
    assert!(standing.confidence > PRUNE);
    assert_eq!(standing.next(&SETTING).state, State::Trial);
    assert_eq!(standing.counts(), None);
    // What others have won holds without them.
    let held = pattern(State::Trial, 0.5, 55, 10);
    let pushed = Pattern { totals: held.totals + pusher, winners: vec![pusher], ..held };
    assert_eq!(next(&pushed).state, State::Active);
}

#[test]
fn a_trial_that_tells_nothing_ends_after_half_a_year() {
    let trial = |days, n, effect| Pattern { trial_days: days, ..pattern(State::Trial, 0.5, n, effect) };
    assert_eq!(next(&trial(Some(179.9), 40, 1)).state, State::Trial);
    assert_eq!(next(&trial(None, 40, 1)).state, State::Trial);
    let update = next(&trial(Some(180.0), 40, 1));
    assert_eq!((update.state, update.influence), (State::Pruned, 0.0));
    assert_eq!(
        update.reason.unwrap(),
        "No difference that could be told in 180 days, tried on a random half of 480 matching answers: reactions \
         better by 0.01 (confidence 69.1 %). Given up."
    );
    // On the last day too it may be adopted; what was adopted stays.
    assert_eq!(next(&trial(Some(180.0), 55, 10)).state, State::Active);
    let active = Pattern { trial_days: Some(400.0), ..pattern(State::Active, 0.93, 40, 8) };
    assert_eq!(next(&active).state, State::Active);
}

/// One of 24 people has half of all answers and all of the effect; the others see none.
#[test]
fn one_persons_weight_is_capped() {
    let mut pushed = pattern(State::Trial, 0.5, 10, 0);
    let heavy = Evidence { n: 230, wealth: [20_000_000_000; 4], ..Evidence::default() };
    pushed.people = 24;
    pushed.top[0] = heavy;
    pushed.totals = heavy + (0..23).map(|_| pattern(State::Trial, 0.5, 10, 0).top[0]).sum();
    // A ninth of the others' answers count as theirs: 230 / 9 of 230 is a ninth of 20 nats.
    assert!((Standing::new(&pushed, 0.1).log_e - 20.0 / 9.0).abs() < 1e-9);
}

#[test]
fn what_is_adopted_keeps_its_e_value() {
    let adopted = Pattern { log_e: Some(6.0), ..pattern(State::Active, 0.93, 200, 10) };
    let update = next(&adopted);
    assert_eq!((update.log_e, update.reason.clone()), (Some(6.0), None));
    assert_eq!(Standing::new(&adopted, 0.1).counts(), Some(6.0));
}

#[test]
fn a_futile_trial_is_given_up() {
    let update = next(&pattern(State::Trial, 0.5, 40, -5));
    assert_eq!((update.state, update.influence), (State::Pruned, 0.0));
    assert!(update.confidence < PRUNE);
    assert!(
        update.reason.unwrap().starts_with("Tried on a random half of 480 matching answers: reactions worse by 0.05")
    );
    assert_eq!(next(&pattern(State::Trial, 0.5, 40, 0)).state, State::Trial);
}

#[test]
fn doubt_warms_down_over_five_runs_and_then_ends_it() {
    let mut doubted = pattern(State::Active, 0.93, 5, -6);
    let mut steps = Vec::new();
    for _ in 0..5 {
        let update = next(&doubted);
        assert_eq!(update.state, State::Warmdown);
        assert!(update.confidence < DOUBT && update.confidence > PRUNE && update.reason.is_some());
        steps.push(update.influence);
        doubted = after(&doubted, update);
    }
    assert_eq!(steps, [0.8, 0.6, 0.4, 0.2, 0.0]);
    assert_eq!(next(&doubted).state, State::Pruned);
}

#[test]
fn a_pattern_that_recovers_comes_back_step_by_step() {
    let mut recovering = pattern(State::Warmdown, 0.2, 40, 8);
    let mut steps = Vec::new();
    for _ in 0..4 {
        let update = next(&recovering);
        steps.push((update.state, update.influence));
        recovering = after(&recovering, update);
    }
    let step = |influence| (State::Warmdown, influence);
    assert_eq!(steps, [step(0.4), step(0.6), step(0.8), (State::Active, 0.93)]);
    assert_eq!(next(&recovering).reason, None);
}

#[test]
fn an_active_pattern_that_is_no_longer_believed_ends_at_once() {
    let update = next(&pattern(State::Active, 0.93, 40, -5));
    assert_eq!((update.state, update.influence), (State::Pruned, 0.0));
}

#[test]
fn what_is_not_used_for_thirty_days_ends() {
    for state in [State::Candidate, State::Active, State::Warmdown] {
        let idle = Pattern { idle_days: 30.0, ..pattern(state, 0.4, 40, 8) };
        assert_eq!(next(&idle).state, State::Pruned, "{state:?}");
        let used = Pattern { idle_days: 29.9, ..idle };
        assert_ne!(next(&used).state, State::Pruned, "{state:?}");
    }
}

#[test]
fn an_active_pattern_follows_the_holdout() {
    let update = Standing::new(&pattern(State::Active, 0.95, 40, 8), 0.1).next(&SETTING);
    assert_eq!((update.state, update.influence), (State::Active, 0.93));
    assert_eq!(update.reason.unwrap(), "As set, 7.0 % of matching answers stay without it.");
}

#[test]
fn the_score_is_the_moving_average_of_what_it_was_shown_to() {
    let shown = Pattern { recent: vec![30, 30, 30], ..pattern(State::Trial, 0.5, 1, 0) };
    assert!((next(&shown).score.unwrap() - 0.3).abs() < 1e-12);
    assert_eq!(next(&pattern(State::Trial, 0.5, 1, 0)).score, Some(0.25));
}

#[test]
fn every_change_has_a_reason() {
    for state in [State::Candidate, State::Trial, State::Active, State::Warmdown] {
        for influence in [0.0, 0.2, 0.5, 0.8, 0.93] {
            for effect in -12..12 {
                for n in [0, 1, 20, 80] {
                    let before = pattern(state, influence, n, effect);
                    let update = next(&before);
                    let changed = update.state != state || (update.influence - influence).abs() > 1e-9;
                    assert_eq!(update.reason.is_some(), changed, "{before:?} {update:?}");
                    assert!((0.0..=1.0).contains(&update.confidence) && (0.0..=1.0).contains(&update.influence));
                }
            }
        }
    }
    assert!(ebh::threshold(&[]) > SETTING.threshold);
}
