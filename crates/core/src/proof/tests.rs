use proptest::prelude::*;
use serde_json::json;

use super::*;

fn case(kind: Kind, observations: Observations) -> Case {
    Case {
        kind,
        level: Some(0.01),
        horizon: Some(60),
        min_days: Some(7.0),
        max_days: Some(28.0),
        days: Some(10.0),
        unit: Some(UnitKind::Conversation),
        agreement: Agreement::default(),
        floor: 0.2,
        before_up: Some(1_600),
        before_n: Some(2_000),
        observations,
    }
}

fn pair(d: i8) -> Pair {
    Pair { id: "p".into(), d, first: d, second: d, longer: 0, question_type: "code" }
}

fn pairs(ds: &[i8]) -> Observations {
    Observations::Pairs(ds.iter().map(|d| pair(*d)).collect())
}

fn replay_of(ds: &[i8]) -> Case {
    Case { horizon: Some(100), ..case(Kind::Replay, pairs(ds)) }
}

/// A judge and people who say the opposite of each other.
fn disagreeing() -> Agreement {
    let mut counts = [[0; 5]; 5];
    (counts[0][4], counts[4][0]) = (15, 15);
    Agreement(counts)
}

fn outcome(ruling: &Ruling) -> (Decision, Reason, Option<usize>) {
    (ruling.decision, ruling.reason, ruling.at)
}

/// A coin's arms in turn; the judge's score and the reaction of each.
fn canary_of(n: usize, [with, without]: [f64; 2], [liked, liked_before]: [f64; 2]) -> Case {
    let unit = |i: usize| {
        let arm = i.is_multiple_of(2);
        let (judged, reaction) = if arm { (with, liked) } else { (without, liked_before) };
        Unit { id: "u".into(), arm, propensity: 0.5, person: i as u32, judged: Some(judged), reaction }
    };
    case(Kind::Canary, Observations::Units((0..n).map(unit).collect()))
}

fn watch_of(votes: &[bool]) -> Case {
    let vote = |up: &bool| Vote { id: "v".into(), up: *up };
    case(Kind::Watch, Observations::Votes(votes.iter().map(vote).collect()))
}

#[test]
fn a_case_is_written_as_it_is_read() {
    let pair = Pair { id: "a".into(), d: 1, first: 1, second: 1, longer: -1, question_type: "how_to" };
    let mut replay = case(Kind::Replay, Observations::Pairs(vec![pair]));
    (replay.unit, replay.days, replay.before_up, replay.before_n) = (None, None, None, None);
    (replay.min_days, replay.max_days) = (None, None);
    let zeros = [[0; 5]; 5];
    assert_eq!(
        serde_json::to_value(&replay).unwrap(),
        json!({
            "kind": "replay", "level": 0.01, "horizon": 60, "min_days": null, "max_days": null, "days": null,
            "unit": null, "agreement": zeros, "floor": 0.2, "before_up": null, "before_n": null,
            "observations": [{"id": "a", "d": 1, "first": 1, "second": 1, "longer": -1, "question_type": "how_to"}],
        })
    );
    let unit = Unit { id: "b".into(), arm: true, propensity: 0.2, person: 7, judged: None, reaction: 0.5 };
    let canary = serde_json::to_value(case(Kind::Canary, Observations::Units(vec![unit]))).unwrap();
    let unit = json!([{"id": "b", "arm": true, "propensity": 0.2, "person": 7, "judged": null, "reaction": 0.5}]);
    assert_eq!((&canary["observations"], &canary["unit"]), (&unit, &json!("conversation")));
    let watch = serde_json::to_value(watch_of(&[true])).unwrap();
    assert_eq!(watch["observations"], json!([{"id": "v", "up": true}]));
    assert_eq!((&watch["before_up"], &watch["before_n"]), (&json!(1_600), &json!(2_000)));
}

#[test]
fn a_ruling_is_written_with_all_its_fields() {
    let ruling = rule(&Case { horizon: Some(3), ..replay_of(&[1, -1, 0]) });
    let log_e = ruling.log_e;
    assert_eq!(
        serde_json::to_value(&ruling).unwrap(),
        json!({
            "decision": "reject", "reason": "undecided", "log_e": log_e, "log_e_worse": log_e,
            "log_e_people_worse": null, "at": 3, "n": 3, "wins": 1, "losses": 1, "ties": 1, "candidate_n": null,
            "baseline_n": null, "effect": 0.0,
            "effects": {
                "first_shown_share": 0.5, "longer_share": null, "disagreements": 0,
                "by_question_type": {"code": {"wins": 1, "losses": 1, "ties": 1}},
            },
            "kappa": null, "rated": 0,
            "words": "Better in 1 of 2 decided pairs (3 in all), and that was the last pair: there is no evidence yet, \
                      and 100 to 1 is needed.",
        })
    );
}

#[test]
fn names_are_read_as_they_are_written() {
    for decision in ["go_on", "promote", "reject", "pass", "rollback", "alert", "quiet"] {
        assert_eq!(Decision::named(decision).unwrap().name(), decision);
    }
    for reason in [
        "better",
        "worse",
        "undecided",
        "not_more_wins",
        "question_type_worse",
        "people_like_it_less",
        "not_borne_out",
        "judge_disagrees",
        "too_early",
        "more_needed",
        "passed",
        "fell",
        "too_few_votes",
        "quiet",
    ] {
        assert_eq!(Reason::named(reason).unwrap().name(), reason);
    }
    for kind in ["screening", "replay", "canary", "watch", "failures"] {
        assert_eq!(Kind::named(kind).unwrap().name(), kind);
    }
    assert_eq!(["conversation", "user"].map(|name| UnitKind::named(name).unwrap().name()), ["conversation", "user"]);
    assert_eq!((Decision::named("Promote"), Kind::named("")), (None, None));
    assert_eq!((question_type("how_to"), question_type("poetry"), question_type("")), ("how_to", "other", "other"));
}

#[test]
fn a_screening_ends_at_its_horizon_and_not_before() {
    let screening = |ds: &[i8]| rule(&case(Kind::Screening, pairs(ds)));
    let won = [[1; 31].as_slice(), &[-1; 20], &[0; 9]].concat();
    let ruling = screening(&won[..59]);
    assert_eq!(outcome(&ruling), (Decision::GoOn, Reason::MoreNeeded, None));
    assert_eq!(ruling.words, "Screening: 59 of 60 pairs compared.");
    let ruling = screening(&won);
    assert_eq!(outcome(&ruling), (Decision::Pass, Reason::Passed, Some(60)));
    assert_eq!((ruling.wins, ruling.losses, ruling.ties), (Some(31), Some(20), Some(9)));
    assert_eq!(
        ruling.words,
        "Screening passed: better in 31 of 51 decided pairs (60 in all), and no type of question went clearly worse."
    );
    let even = [[1; 25].as_slice(), &[-1; 25], &[0; 10]].concat();
    assert_eq!(outcome(&screening(&even)), (Decision::Reject, Reason::NotMoreWins, Some(60)));
    // Pairs after the last are another matter.
    assert_eq!(screening(&[even.as_slice(), &[1; 30]].concat()).reason, Reason::NotMoreWins);
}

#[test]
fn a_screening_names_the_question_type_that_went_worse() {
    let mut all: Vec<Pair> = [[1; 50].as_slice(), &[-1; 10]].concat().into_iter().map(pair).collect();
    all.iter_mut().filter(|pair| pair.d < 0).for_each(|pair| pair.question_type = "how_to");
    let ruling = rule(&case(Kind::Screening, Observations::Pairs(all)));
    assert_eq!(outcome(&ruling), (Decision::Reject, Reason::QuestionTypeWorse, Some(60)));
    assert_eq!(
        ruling.words,
        "Screening failed: better in 50 of 60 decided pairs (60 in all), but how_to questions went clearly worse: 0 \
         won, 10 lost."
    );
    let types = ruling.effects.unwrap().by_question_type.0;
    let tally = |wins, losses| Tally { wins, losses, ties: 0 };
    assert_eq!(types, [("code", tally(50, 0)), ("how_to", tally(0, 10))]);
}

#[test]
fn a_replay_ends_where_something_is_clear() {
    // 13 wins in a row are 100 to 1, 9 losses 20 to 1.
    let ruling = rule(&replay_of(&[1; 40]));
    assert_eq!(outcome(&ruling), (Decision::Promote, Reason::Better, Some(13)));
    assert_eq!((ruling.n, ruling.wins, ruling.effect), (13, Some(13), Some(1.0)));
    let odds = ruling.log_e.exp() as u64;
    assert_eq!(
        ruling.words,
        format!(
            "Better in 13 of 13 decided pairs (13 in all); the chance of such evidence from a prompt that is no better \
             is at most 1 in {odds}."
        )
    );
    let ruling = rule(&replay_of(&[-1; 40]));
    assert_eq!(outcome(&ruling), (Decision::Reject, Reason::Worse, Some(9)));
    assert!(ruling.words.starts_with("Worse in 9 of 9 decided pairs (9 in all); the chance"), "{}", ruling.words);
    let ruling = rule(&replay_of(&[0; 100]));
    assert_eq!(outcome(&ruling), (Decision::Reject, Reason::Undecided, Some(100)));
    let ruling = rule(&replay_of(&[1, 1, 1, 1, 0]));
    assert_eq!(outcome(&ruling), (Decision::GoOn, Reason::MoreNeeded, None));
    assert_eq!(
        ruling.words,
        "Better in 4 of 4 decided pairs (5 in all); the evidence so far is 3 to 1, and 100 to 1 is needed."
    );
}

#[test]
fn without_a_level_that_is_one_nothing_is_promoted() {
    for level in [None, Some(0.0), Some(1.0), Some(2.0), Some(-0.1), Some(f64::NAN)] {
        let ruling = rule(&Case { level, ..replay_of(&[1; 100]) });
        assert_eq!(ruling.reason, Reason::Undecided, "{level:?}");
        assert_ne!(rule(&Case { level, ..canary_of(400, [0.9, 0.1], [0.5, 0.5]) }).decision, Decision::Promote);
    }
}

#[test]
fn a_judge_that_does_not_agree_with_people_decides_nothing() {
    for proved in [replay_of(&[1; 40]), canary_of(400, [0.9, 0.5], [0.5, 0.5])] {
        assert_eq!(rule(&proved).decision, Decision::Promote);
        let ruling = rule(&Case { agreement: disagreeing(), ..proved.clone() });
        assert_eq!((ruling.decision, ruling.reason), (Decision::Reject, Reason::JudgeDisagrees));
        assert_eq!((ruling.kappa, ruling.rated), (Some(-1.0), 30));
        let told = "The judge agrees too little with people to be believed: kappa −1.00 over 30 rated answers, at \
                    least 0.20 is asked for.";
        assert_eq!(ruling.words, told);
        // At the floor is not under it.
        let ruling = rule(&Case { agreement: disagreeing(), floor: -1.0, ..proved });
        assert_eq!(ruling.decision, Decision::Promote);
    }
    // Nor does it turn anything away, and it is known before a pair is paid for; too few ratings say nothing.
    for of_no_use in [replay_of(&[-1; 40]), replay_of(&[])] {
        assert_eq!(rule(&Case { agreement: disagreeing(), ..of_no_use }).reason, Reason::JudgeDisagrees);
    }
    let mut few = disagreeing();
    few.0[0][4] -= 1;
    assert_eq!(rule(&Case { agreement: few, ..replay_of(&[1; 40]) }).decision, Decision::Promote);
}

#[test]
fn no_more_points_are_told_of_than_the_scale_has() {
    // One conversation in twenty is sent to it, and the first few were all good: weighted, that is more than the scale.
    for (judged, words) in [(1.0, "better by 4.00 points of 5"), (0.0, "worse by 4.00 points of 5")] {
        let unit = |i: usize| Unit {
            id: "u".into(),
            arm: i < 10,
            propensity: 0.05,
            person: i as u32,
            judged: Some(if i < 10 { judged } else { 1.0 - judged }),
            reaction: 0.5,
        };
        let ruling = rule(&case(Kind::Canary, Observations::Units((0..12).map(unit).collect())));
        assert!(ruling.effect.is_some_and(|effect| effect.abs() > 1.0), "{ruling:?}");
        assert!(ruling.words.contains(words), "{}", ruling.words);
    }
}

#[test]
fn a_canary_promotes_what_is_better_after_a_week() {
    let canary = canary_of(400, [0.75, 0.65], [0.5, 0.5]);
    let ruling = rule(&canary);
    assert_eq!((ruling.decision, ruling.reason), (Decision::Promote, Reason::Better));
    assert!(ruling.at.is_some_and(|at| at < 400) && ruling.log_e >= 100_f64.ln());
    assert_eq!((ruling.n, ruling.candidate_n, ruling.baseline_n), (400, Some(200), Some(200)));
    assert!((ruling.effect.unwrap() - 0.1).abs() < 0.02, "{ruling:?}");
    assert!(ruling.words.starts_with("Judged better by 0."), "{}", ruling.words);
    assert!(ruling.words.contains(" points of 5 over 200 conversations with it and 200 without;"), "{}", ruling.words);

    let at = ruling.at;
    for (days, min_days) in [(Some(6.9), Some(7.0)), (None, Some(7.0)), (Some(6.9), Some(1.0)), (Some(9.0), Some(9.5))]
    {
        let ruling = rule(&Case { days, min_days, ..canary.clone() });
        assert_eq!(outcome(&ruling), (Decision::GoOn, Reason::TooEarly, at), "{days:?} {min_days:?}");
    }
    assert!(rule(&Case { days: Some(3.5), ..canary }).words.ends_with("before day 7; this is day 3."));
}

#[test]
fn a_canary_ends_after_its_days() {
    let canary = canary_of(60, [0.66, 0.65], [0.5, 0.5]);
    assert_eq!(outcome(&rule(&canary)), (Decision::GoOn, Reason::MoreNeeded, None));
    let ruling = rule(&Case { days: Some(28.0), ..canary });
    assert_eq!(outcome(&ruling), (Decision::Reject, Reason::Undecided, None));
    assert!(ruling.words.contains(" in 28 days: "), "{}", ruling.words);
    let empty = case(Kind::Canary, Observations::Units(vec![]));
    assert_eq!(rule(&empty).effect, None);
    assert_eq!(rule(&Case { days: Some(40.0), ..empty }).reason, Reason::Undecided);
}

#[test]
fn a_canary_that_does_harm_ends_at_once() {
    let ruling = rule(&Case { days: Some(1.0), ..canary_of(400, [0.5, 0.9], [0.5, 0.5]) });
    assert_eq!((ruling.decision, ruling.reason), (Decision::Reject, Reason::Worse));
    assert!(ruling.at.is_some() && ruling.words.contains("no worse is at most 1 in 2"), "{}", ruling.words);
    // The judge is charmed, people are not.
    let ruling = rule(&Case { days: Some(1.0), ..canary_of(400, [0.9, 0.5], [0.3, 0.7]) });
    assert_eq!((ruling.decision, ruling.reason), (Decision::Reject, Reason::PeopleLikeItLess));
    assert!(ruling.words.starts_with("People's reactions changed by −0.4"), "{}", ruling.words);
    assert!(ruling.log_e_people_worse.is_some_and(|log_e| log_e >= 20_f64.ln()));
}

#[test]
fn what_people_lean_against_waits_and_then_ends() {
    // Too little to be clear, enough to stand in the way.
    let canary = canary_of(120, [0.9, 0.5], [0.49, 0.51]);
    let ruling = rule(&canary);
    assert_eq!((ruling.decision, ruling.reason), (Decision::GoOn, Reason::MoreNeeded));
    assert!(ruling.words.contains("speaks against it"), "{}", ruling.words);
    let ruling = rule(&Case { days: Some(28.0), ..canary });
    assert_eq!((ruling.decision, ruling.reason), (Decision::Reject, Reason::NotBorneOut));
}

#[test]
fn a_fall_of_thumbs_up_takes_the_version_back() {
    let fell = [true, false, false].repeat(60);
    let ruling = rule(&watch_of(&fell));
    assert_eq!((ruling.decision, ruling.reason), (Decision::Rollback, Reason::Fell));
    assert_eq!(ruling.at, Some(ruling.n));
    assert!(ruling.log_e_worse >= 1e5_f64.ln() && ruling.effect.is_some_and(|effect| effect < -0.4), "{ruling:?}");
    assert!(ruling.words.starts_with("Thumbs up fell from 80.0 % to 3"), "{}", ruling.words);
    assert!(ruling.words.ends_with(" votes. The version before goes live again."), "{}", ruling.words);
    // What comes after it changes nothing.
    assert_eq!(rule(&watch_of(&[fell.clone(), vec![true; 500]].concat())), ruling);
    let quiet = rule(&watch_of(&[true, true, true, true, false].repeat(60)));
    assert_eq!((quiet.decision, quiet.reason, quiet.at), (Decision::Quiet, Reason::Quiet, None));
    assert_eq!(quiet.words, "No fall of thumbs up that could be told in 300 votes.");

    let few = |before_up, before_n| {
        rule(&Case { before_up: Some(before_up), before_n: Some(before_n), ..watch_of(&fell.repeat(3)) })
    };
    assert_eq!(few(160, 200).decision, Decision::Rollback);
    let ruling = few(180, 199);
    assert_eq!((ruling.decision, ruling.reason), (Decision::Alert, Reason::TooFewVotes));
    let told = "The version before had 199 votes: below 200 nothing is taken back by itself.";
    assert!(ruling.words.ends_with(told), "{}", ruling.words);
    let nobody = rule(&Case { before_up: None, before_n: None, ..watch_of(&fell) });
    assert_eq!((nobody.decision, nobody.effect), (Decision::Quiet, None));
}

#[test]
fn observations_of_another_kind_say_nothing() {
    let ruling = rule(&case(Kind::Replay, Observations::Votes(vec![Vote { id: "v".into(), up: true }])));
    assert_eq!((ruling.decision, ruling.n), (Decision::GoOn, 0));
    assert_eq!(rule(&case(Kind::Watch, pairs(&[1; 50]))).decision, Decision::Quiet);
    assert_eq!(rule(&case(Kind::Canary, pairs(&[1; 50]))).decision, Decision::GoOn);
}

#[test]
fn large_numbers_can_be_read() {
    let spelt = [0, 7, 999, 1_000, 1_200, 999_999, 1_000_000, 12_345_678].map(words::whole);
    assert_eq!(spelt, ["0", "7", "999", "1,000", "1,200", "999,999", "1,000,000", "12,345,678"]);
}

fn ds() -> impl Strategy<Value = Vec<i8>> {
    // Such that all ends come about.
    (0usize..4).prop_flat_map(|drift| {
        let choices = [vec![-1, 0, 1], vec![1, 1, 1, 0, -1], vec![-1, -1, 0, 1], vec![0, 0, 0, 1]][drift].clone();
        prop::collection::vec(prop::sample::select(choices), 0..150)
    })
}

proptest! {
    /// However often one looks: from the first look at which a replay ends, it has ended, with the same ruling.
    #[test]
    fn a_replay_is_ruled_the_same_however_its_pairs_came_in(ds in ds(), step in 1usize..40) {
        let mut ended: Option<Ruling> = None;
        for n in (0..ds.len()).step_by(step).chain([ds.len()]) {
            let ruling = rule(&replay_of(&ds[..n]));
            if let Some(ended) = &ended {
                prop_assert_eq!(ended, &ruling);
            } else if ruling.decision != Decision::GoOn {
                ended = Some(ruling);
            }
        }
        // And the same as looking at every single one.
        let first = (0..=ds.len()).map(|n| rule(&replay_of(&ds[..n]))).find(|r| r.decision != Decision::GoOn);
        prop_assert_eq!(ended, first);
    }

    /// So a receipt with one changed observation is found out.
    #[test]
    fn every_pair_counts(ds in ds(), at: prop::sample::Index, other in 1i8..3) {
        let ruling = rule(&replay_of(&ds));
        prop_assume!(ruling.n > 0);
        let mut changed = ds.clone();
        let at = at.index(ruling.n);
        changed[at] = (changed[at] + 1 + other) % 3 - 1;
        prop_assert_ne!(rule(&replay_of(&changed)), ruling);
    }

    #[test]
    fn every_unit_counts(
        scores in prop::collection::vec((0.0f64..=1.0, 0.0f64..=1.0, any::<bool>(), 0u32..5), 1..60),
        at: prop::sample::Index
    ) {
        let units: Vec<Unit> = scores.iter().map(|(judged, reaction, arm, person)| Unit {
            id: "u".into(), arm: *arm, propensity: 0.2, person: *person, judged: Some(*judged), reaction: *reaction,
        }).collect();
        let ruling = rule(&case(Kind::Canary, Observations::Units(units.clone())));
        prop_assume!(ruling.decision == Decision::GoOn && ruling.at.is_none());
        let mut changed = units;
        let unit = &mut changed[at.index(scores.len())];
        unit.arm = !unit.arm;
        let after = rule(&case(Kind::Canary, Observations::Units(changed)));
        prop_assert_ne!((after.log_e, after.candidate_n), (ruling.log_e, ruling.candidate_n));
    }

    /// Harm is final, and what is proved stays proved.
    #[test]
    fn later_units_do_not_undo_what_was_clear(
        with in 0.0f64..=1.0, liked in 0.3f64..=0.7, n in 20usize..300, more in 1usize..300
    ) {
        let long = canary_of(n + more, [with, 0.5], [liked, 0.5]);
        let short = Case { observations: Observations::Units(long.observations.units()[..n].to_vec()), ..long.clone() };
        let (short, long) = (rule(&short), rule(&long));
        if short.decision == Decision::Reject {
            prop_assert_eq!(outcome(&short), outcome(&long));
        }
        if short.decision == Decision::Promote {
            prop_assert!(long.reason == Reason::PeopleLikeItLess || long.at == short.at);
            prop_assert_eq!(long.log_e, short.log_e);
        }
    }

    #[test]
    fn a_watch_is_ruled_the_same_however_its_votes_came_in(
        votes in prop::collection::vec(prop::sample::select(vec![true, false, false]), 0..250), n: prop::sample::Index
    ) {
        let early = rule(&watch_of(&votes[..n.index(votes.len() + 1)]));
        let late = rule(&watch_of(&votes));
        if early.decision == Decision::Quiet {
            prop_assert!(late.at.is_none_or(|at| at > early.n));
        } else {
            prop_assert_eq!(early, late);
        }
    }

    #[test]
    fn any_case_is_ruled_and_told(
        ds in ds(), level in prop::option::of(any::<f64>()), horizon in prop::option::of(0u32..200),
        days in prop::option::of(any::<f64>()), floor in any::<f64>(), before in prop::option::of(any::<u64>()),
        kind in prop::sample::select(vec![Kind::Screening, Kind::Replay, Kind::Canary, Kind::Watch]),
    ) {
        let units = canary_of(ds.len(), [f64::NAN, 0.5], [0.5, f64::INFINITY]).observations;
        let votes = watch_of(&ds.iter().map(|d| *d > 0).collect::<Vec<_>>()).observations;
        for observations in [pairs(&ds), units, votes] {
            let before_n = before.map(|n| n % 3_000);
            let case = Case { level, horizon, days, floor, before_up: before, before_n, ..case(kind, observations) };
            let ruling = rule(&case);
            prop_assert!(ruling.words.ends_with('.'), "{}", ruling.words);
            prop_assert!(ruling.log_e.is_finite() && ruling.log_e_worse.is_finite());
            prop_assert!(ruling.at.is_none_or(|at| at <= ruling.n));
        }
    }
}
