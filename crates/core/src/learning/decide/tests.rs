use proptest::prelude::*;

use super::*;
use crate::learning::{
    evidence::Evidence,
    look::{Closed, Other, Settings, Votes},
};

/// A look at nothing, on the last day of 2026: all of the year's trials may begin.
pub fn empty() -> Look {
    Look {
        now_day: 20_818,
        year: 2026,
        settings: Settings { holdout: 0.07, cap: 0.1 },
        people: 30,
        answers: 900,
        trials_this_year: 0,
        others: Vec::new(),
        clusters: Vec::new(),
        patterns: Vec::new(),
        closed: Vec::new(),
        votes: Votes::default(),
    }
}

/// As the database writes it, with every null there can be.
const LOOK: &str = r#"{"now_day":20818,"year":2026,"settings":{"holdout":0.07,"cap":0.1},"people":30,"answers":900,
  "trials_this_year":1,"others":[{"log_e":-0.5,"adopted":false}],
  "clusters":[{"question_type":"how_to","dimension":"format","value":"list","n":60,"people":20,"top_share":0.1,
    "reacted":30,"mean":0.15,"variance":0.1,"rest_n":140,"rest_mean":0,"rest_variance":0.1},
    {"question_type":"code","dimension":"format","value":"code","n":60,"people":20,"top_share":0.1,"reacted":30,
    "mean":0.15,"variance":0.1,"rest_n":0,"rest_mean":null,"rest_variance":null}],
  "patterns":[{"id":"a","question_type":"data","dimension":"format","value":"table","state":"candidate","influence":0,
    "confidence":0.8,"score":null,"baseline":null,"prior_mean":0.05,"prior_sd":0.05,"log_e":null,"trial_year":null,
    "signal_count":12,"idle_days":1.5,"trial_days":null,"days_active":null,"instruction_length":80,
    "totals":{"n":0,"shown":0,"shown_sum":0,"info":0,"z":0,"zz":0,"wealth":[0,0,0,0]},"people":0,"top":[],"winners":[],
    "recent":[]}],
  "closed":[],"votes":{"watched_days":null,"before_up":0,"before_n":0,"since":"","recent_pattern_ids":[]}}"#;

fn look() -> Look {
    serde_json::from_str(LOOK).unwrap()
}

fn on_trial(id: &str, nats: f64) -> Pattern {
    let person = Evidence {
        n: 40,
        shown: 20,
        info: 10_000_000,
        z: 1_000_000,
        zz: 1_000_000,
        wealth: [(nats * 1e9 / 12.0) as i64; 4],
        ..Evidence::default()
    };
    let [candidate] = <[Pattern; 1]>::try_from(look().patterns).unwrap();
    Pattern {
        id: id.into(),
        question_type: id.into(),
        state: State::Trial,
        influence: 0.5,
        baseline: Some(0),
        log_e: Some(0.0),
        trial_year: Some(2026),
        totals: (0..12).map(|_| person).sum(),
        people: 12,
        top: vec![person; 12],
        winners: vec![person; 3],
        ..candidate
    }
}

fn states(look: &Look) -> Vec<State> {
    decide(look).patterns.iter().map(|u| u.state).collect()
}

#[test]
fn a_candidate_begins_and_a_cluster_is_wanted() {
    let plan = decide(&look());
    assert_eq!(plan.patterns[0].state, State::Trial);
    assert_eq!(plan.wanted.len(), 1);
    assert_eq!(plan.wanted[0].value, "list");
    assert_eq!(plan.crash, None);
    assert_eq!(plan.message, "30 people, 900 settled answers in 90 days. 0 active, 1 on trial, 0 waiting for a trial.");
}

#[test]
fn what_the_database_takes_is_written() {
    let plan = serde_json::to_value(decide(&look())).unwrap();
    let update = &plan["patterns"][0];
    for key in ["id", "state", "influence", "confidence", "score", "log_e", "begin_trial", "baseline", "reason"] {
        assert!(update.get(key).is_some(), "{key}");
    }
    assert_eq!(update["state"], "trial");
    assert_eq!(plan["wanted"][0]["pattern_type"], "response_format");
}

/// The baseline is the mean of the whole question type: (60 · 0.15 + 140 · 0) / 200.
#[test]
fn the_baseline_is_the_question_types_mean() {
    let mut look = look();
    look.patterns[0].question_type = "how_to".into();
    look.patterns[0].dimension = "length".into();
    assert_eq!(decide(&look).patterns[0].baseline, Some(5));
}

#[test]
fn a_slot_has_one_pattern_and_rests_after_one_ended() {
    let mut look = look();
    look.patterns[0].question_type = "how_to".into();
    assert!(decide(&look).wanted.is_empty(), "a candidate waits for the slot");
    look.patterns.push(Pattern { id: "b".into(), ..look.patterns[0].clone() });
    assert_eq!(states(&look), [State::Trial, State::Candidate]);
    look.patterns[1].state = State::Active;
    look.patterns[1].influence = 0.93;
    assert_eq!(states(&look), [State::Candidate, State::Active]);
    look.patterns.clear();
    let closed = Closed {
        question_type: "how_to".into(),
        dimension: "format".into(),
        value: "list".into(),
        days_ago: 5.0,
        by_person: false,
    };
    look.closed = vec![closed.clone()];
    assert!(decide(&look).wanted.is_empty());
    look.closed = vec![Closed { days_ago: 21.0, ..closed.clone() }];
    assert_eq!(decide(&look).wanted.len(), 1);
    // What a person took back rests longer.
    look.closed = vec![Closed { days_ago: 89.9, by_person: true, ..closed.clone() }];
    assert!(decide(&look).wanted.is_empty());
    look.closed = vec![Closed { days_ago: 90.0, by_person: true, ..closed }];
    assert_eq!(decide(&look).wanted.len(), 1);
}

/// What waits is counted after the run, and what is only wanted is not promised.
#[test]
fn it_says_how_many_candidates_wait() {
    let mut look = look();
    look.patterns.push(Pattern { id: "b".into(), ..look.patterns[0].clone() });
    let plan = decide(&look);
    assert_eq!(plan.wanted.len(), 1);
    assert!(plan.message.ends_with("0 active, 1 on trial, 1 waiting for a trial."), "{}", plan.message);
}

#[test]
fn the_years_trials_are_spread_over_the_year() {
    let mut look = look();
    look.trials_this_year = 60;
    let plan = decide(&look);
    assert_eq!(plan.patterns[0].state, State::Candidate);
    assert!(plan.wanted.is_empty());
    assert!(
        plan.message.ends_with(
            "60 of this year's 60 trials have begun: the next has to wait until more of the year has gone by."
        )
    );
    look.trials_this_year = 59;
    assert_eq!(states(&look), [State::Trial]);
    (look.now_day, look.trials_this_year) = (20_454, 19);
    assert_eq!(states(&look), [State::Trial]);
    look.trials_this_year = 20;
    assert_eq!(states(&look), [State::Candidate]);
}

#[test]
fn adopted_together_two_need_less_than_one() {
    // ln(60 / 0.05) = 7.09 for one, 6.40 for each of two.
    let alone = Look { patterns: vec![on_trial("x", 6.6)], ..look() };
    assert_eq!(states(&alone), [State::Trial]);
    let two = Look { patterns: vec![on_trial("x", 6.6), on_trial("y", 6.6)], ..look() };
    assert_eq!(states(&two), [State::Active, State::Active]);
    // One of another assistant helps if it was adopted.
    let with = |adopted| Look { others: vec![Other { log_e: 7.2, adopted }], ..alone.clone() };
    assert_eq!(states(&with(true)), [State::Active]);
    assert_eq!(states(&with(false)), [State::Trial]);
    // Another year's is no company.
    let mut last_year = with(true);
    last_year.patterns[0].trial_year = Some(2025);
    assert_eq!(states(&last_year), [State::Trial]);
}

#[test]
fn a_better_value_of_the_slot_takes_a_trials_place() {
    let mut look = look();
    let weak = Evidence { n: 300, shown: 150, info: 75_000_000, z: 1_500_000, zz: 7_500_000, ..Evidence::default() };
    look.patterns = vec![Pattern {
        question_type: "how_to".into(),
        totals: weak,
        people: 1,
        top: vec![weak],
        ..on_trial("x", 0.0)
    }];
    let plan = decide(&look);
    assert_eq!(plan.patterns[0].state, State::Pruned);
    assert!(plan.patterns[0].reason.clone().unwrap().ends_with("format list looks better and is tried instead."));
    assert_eq!(plan.wanted[0].value, "list");
}

fn falling() -> Look {
    let active = Pattern { state: State::Active, influence: 0.93, ..on_trial("new", 8.0) };
    let old = Pattern { id: "old".into(), question_type: "old".into(), ..active.clone() };
    Look {
        patterns: vec![Pattern { days_active: Some(3.5), ..active }, old],
        votes: Votes {
            watched_days: Some(3.5),
            before_up: 400,
            before_n: 500,
            since: "0100110010".repeat(20),
            recent_pattern_ids: vec!["new".into()],
        },
        ..look()
    }
}

#[test]
fn a_crash_takes_back_what_was_adopted_lately() {
    let plan = decide(&falling());
    let crash = plan.crash.unwrap();
    assert_eq!(crash.fell_from, 0.8);
    assert!((crash.fell_to - 0.4).abs() < 0.05, "{crash:?}");
    assert_eq!((plan.patterns[0].state, plan.patterns[0].influence), (State::Reverted, 0.0));
    assert_eq!(plan.patterns[1].state, State::Active);
    let reason = plan.patterns[0].reason.clone().unwrap();
    assert!(
        reason.starts_with("Thumbs up fell from 80.0 % to 3") || reason.starts_with("Thumbs up fell from 80.0 % to 4")
    );
    assert!(reason.ends_with("It was adopted 3 days before and is taken back."), "{reason}");
    assert_eq!((plan.votes_up, plan.votes_down), (80, 120));
    assert!(plan.message.contains("What was adopted lately is taken back."));
}

#[test]
fn a_small_fall_or_one_that_nothing_new_explains_is_no_crash() {
    let small = Look { votes: Votes { since: "1101011101".repeat(200), ..falling().votes }, ..falling() };
    assert!(
        crash::fallen(
            400,
            500,
            &[true, true, false, true, false, true, true, true, false, true].repeat(200),
            CRASH_THRESHOLD
        )
        .is_some()
    );
    assert_eq!(decide(&small).crash, None);
    let unwatched = Look { votes: Votes { watched_days: None, ..falling().votes }, ..falling() };
    assert_eq!(decide(&unwatched).crash, None);
    assert_eq!(states(&unwatched), [State::Active, State::Active]);
}

/// Many votes in one watch are many chances of a false alarm: 2,400 good ones, then thumbs down until 10⁴ is reached
/// tell no crash; those that it takes to reach 20 a vote do.
#[test]
fn a_long_watch_needs_more_to_tell_a_crash() {
    let with = |downs: usize| {
        let since = "1".repeat(2_400) + &"0".repeat(downs);
        Look { votes: Votes { since, ..falling().votes }, ..falling() }
    };
    let alarms = |downs: usize, threshold: f64| {
        let votes: Vec<bool> = with(downs).votes.since.bytes().map(|vote| vote == b'1').collect();
        crash::fallen(400, 500, &votes, threshold).is_some()
    };
    let early = (1..100).find(|downs| alarms(*downs, CRASH_THRESHOLD)).unwrap();
    let late = (1..100).find(|downs| alarms(*downs, crash_threshold(2_400 + *downs))).unwrap();
    assert!(early < late, "{early}, {late}");
    assert_eq!(decide(&with(late - 1)).crash, None);
    assert!(decide(&with(late)).crash.is_some());
    assert_eq!([0, 500, 501, 5_000].map(crash_threshold), [1e4, 1e4, 10_020.0, 1e5]);
}

#[test]
fn too_few_people_are_told_so() {
    let message = |people| decide(&Look { people, ..empty() }).message;
    assert!(message(3).ends_with("Too few people to learn from: at least 5 are needed."));
    assert!(message(12).contains("one person's weight is not capped"));
    assert!(!message(20).contains("capped"));
}

#[test]
fn years_begin_where_the_calendar_has_them() {
    assert_eq!([1970, 1971, 2000, 2001, 2026, 2101].map(first_day), [0, 365, 10_957, 11_323, 20_454, 47_847]);
}

proptest! {
    #[test]
    fn any_look_is_decided(
        numbers in prop::collection::vec(any::<f64>(), 12), counts in prop::collection::vec(any::<i64>(), 12),
        since in "[01x]{0,40}"
    ) {
        let mut look = falling();
        let [n, shown, info, z, zz, wealth] = [0, 1, 2, 3, 4, 5].map(|i| counts[i]);
        let e = Evidence { n, shown, info, z, zz, wealth: [wealth; 4], ..Evidence::default() };
        look.patterns.push(Pattern {
            totals: e,
            top: vec![e; 3],
            winners: vec![e; 4],
            trial_days: Some(numbers[9]),
            people: counts[6],
            prior_mean: numbers[0],
            prior_sd: numbers[1],
            influence: numbers[2],
            idle_days: numbers[3],
            ..on_trial("z", 1.0)
        });
        look.clusters.push(Cluster {
            n: counts[7],
            rest_n: counts[8],
            mean: numbers[4],
            variance: numbers[5],
            rest_mean: Some(numbers[6]),
            ..look.clusters[0].clone()
        });
        look.settings = Settings { holdout: numbers[7], cap: numbers[8] };
        look.votes.since = since;
        (look.votes.before_up, look.votes.before_n) = (counts[9] as u64 % 4_000, counts[10] as u64 % 4_000);
        let plan = decide(&look);
        prop_assert_eq!(plan.patterns.len(), look.patterns.len());
        prop_assert!(plan.wanted.len() <= discovery::MOST_WANTED);
    }
}
