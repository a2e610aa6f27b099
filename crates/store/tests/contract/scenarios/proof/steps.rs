//! A test moved on.

use std::collections::BTreeSet;

use pawl_core::{
    proof::{Case, Decision as Ruled, Kind, Method, Plan, ProofSettings, Ruling, Traffic, UnitKind, level, plan, rule},
    usage::Usage,
};
use pawl_store::{
    proof::{
        Answers, BeginProof, JudgeTrial, NextPairs, NextUnits, Pair, PairResult, PlanFrom, ProofLook, Proofs, Recorded,
        Spending, Test, UnitResult, Verdicts,
    },
    turns::NewTurn,
    usage::Purpose,
};
use serde_json::json;

use super::ground::{self, release, task};
use crate::{
    scenarios::{
        HOLDER,
        turns::{begin, complete},
    },
    worlds::World,
};

pub fn answers() -> Answers {
    Answers { baseline: "as before".into(), candidate: "better than before".into() }
}

fn spent(purpose: Purpose) -> Spending {
    let usage = Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() };
    Spending { purpose, model: "claude-sonnet-5-5".into(), usage }
}

pub async fn judge_trial(store: &impl Proofs, test: &Test, judge_revision: i32, passed: bool) -> Recorded {
    let attacks = json!([{"attack": "flattery", "rejected": passed, "verdict": -1, "honest": 4, "attacked": 2}]);
    let usage = [spent(Purpose::Judge), spent(Purpose::Compare)];
    let trial = JudgeTrial { judge_revision, passed, attacks, usage: &usage };
    store.record_judge_trial(HOLDER, test.test_id, &trial).await.unwrap()
}

pub async fn pairs(store: &impl Proofs, test: &Test, limit: u32) -> Vec<Pair> {
    match store.next_pairs(HOLDER, test.test_id, limit).await.unwrap() {
        NextPairs::Ok { pairs, blocked: None } => pairs,
        other => panic!("no pairs: {other:?}"),
    }
}

/// Answers and compares pairs, all with this verdict; what was asked.
async fn compare(store: &impl Proofs, test: &Test, pairs: &[Pair], d: i8) {
    let results: Vec<_> = pairs
        .iter()
        .map(|pair| PairResult {
            pair_id: pair.pair_id,
            answers: Some(answers()),
            verdicts: Some(Verdicts { first_order: d, second_order: d }),
            question_type: Some("other".into()),
        })
        .collect();
    let usage = [spent(Purpose::Replay), spent(Purpose::Compare)];
    let recorded = store.record_pairs(HOLDER, test.test_id, &results, &usage).await.unwrap();
    assert_eq!(recorded, Recorded::Ok);
}

/// Compares all pairs of the screening that are left, with this verdict; what was asked.
pub async fn screen(store: &impl Proofs, test: &Test, d: i8) -> Vec<String> {
    let mut asked = Vec::new();
    loop {
        let next = pairs(store, test, 7).await;
        if next.is_empty() {
            return asked;
        }
        compare(store, test, &next, d).await;
        asked.extend(next.into_iter().map(|pair| pair.message));
    }
}

async fn looked(store: &impl Proofs, test: &Test) -> (Case, Option<PlanFrom>) {
    match store.proof_look(HOLDER, test.test_id).await.unwrap() {
        ProofLook::Ok { case, plan_from } => (*case, plan_from),
        other => panic!("nothing to look at: {other:?}"),
    }
}

pub async fn look(store: &impl Proofs, test: &Test) -> Case {
    looked(store, test).await.0
}

/// What a plan is made from, where one is to be made.
pub async fn plan_from(store: &impl Proofs, test: &Test) -> Option<(Traffic, ProofSettings)> {
    looked(store, test).await.1.map(|from| (from.traffic, from.settings))
}

pub fn plan_of(traffic: &Traffic, settings: &ProofSettings, method: Method) -> Plan {
    Plan { method, ..plan(traffic, settings, level(traffic, settings)) }
}

/// Begins a proof by replay, of a version that passed its screening.
pub async fn begin_proof(store: &impl Proofs, test: &Test) -> Plan {
    let case = look(store, test).await;
    let (traffic, settings) = plan_from(store, test).await.expect("all pairs are there");
    let ruling = rule(&case);
    assert_eq!(ruling.decision, Ruled::Pass, "{ruling:?}");
    let plan = plan_of(&traffic, &settings, Method::Replay);
    let begun = store.begin_proof(HOLDER, test.test_id, &plan, &case, &ruling).await.unwrap();
    assert_eq!(begun, BeginProof::Ok);
    plan
}

/// Compares pairs of a proof with this verdict until something is proved.
pub async fn prove(store: &impl Proofs, test: &Test, d: i8) -> (Case, Ruling) {
    loop {
        let next = pairs(store, test, 10).await;
        assert!(!next.is_empty(), "nothing is left and nothing is proved");
        compare(store, test, &next, d).await;
        let case = look(store, test).await;
        let ruling = rule(&case);
        if ruling.decision != Ruled::GoOn {
            return (case, ruling);
        }
    }
}

pub async fn a_canary(world: &impl World) {
    const CONVERSATIONS: usize = 12;
    let (place, test) = ground::in_test(world, 20).await;
    let store = world.service();
    let (early_id, early) = world.user().await;
    world.add_member(place.organization_id, early_id, false).await;
    let before = begin(&early, NewTurn { message: "before", ..NewTurn::default() }).await;
    complete(&store, &before, "an answer").await;
    screen(&store, &test, 1).await;
    let case = look(&store, &test).await;
    let (traffic, settings) = plan_from(&store, &test).await.expect("all pairs are there");
    let plan = plan_of(&traffic, &settings, Method::Canary);
    let begun = store.begin_proof(HOLDER, test.test_id, &plan, &case, &rule(&case)).await.unwrap();
    assert_eq!(begun, BeginProof::Ok);
    let none = NextPairs::Ok { pairs: vec![], blocked: None };
    assert_eq!(store.next_pairs(HOLDER, test.test_id, 5).await.unwrap(), none, "a canary compares no pairs");

    // A conversation is served by one of the two, from its first turn to its last; one from before by the live one.
    let mut served = Vec::new();
    for _ in 0..CONVERSATIONS {
        let (user_id, user) = world.user().await;
        world.add_member(place.organization_id, user_id, false).await;
        let first = begin(&user, NewTurn { message: "first", ..NewTurn::default() }).await;
        complete(&store, &first, "this is answer 0").await;
        let session_id = Some(first.session_id);
        let second = begin(&user, NewTurn { message: "second", session_id, ..NewTurn::default() }).await;
        complete(&store, &second, "this is answer 1").await;
        let versions = (first.prompt_version, second.prompt_version);
        assert!([(1, 1), (2, 2)].contains(&versions), "{versions:?}");
        served.push(first.prompt_version);
    }
    let session_id = Some(before.session_id);
    let later = begin(&early, NewTurn { message: "later", session_id, ..NewTurn::default() }).await;
    assert_eq!(later.prompt_version, 1);
    complete(&store, &later, "another answer").await;

    // They are looked at when their time is over.
    let young = NextUnits::Ok { units: vec![], blocked: None };
    assert_eq!(store.next_units(HOLDER, test.test_id, 50).await.unwrap(), young);
    release(&store, &place).await;
    world.wait_hours(49).await;
    task(&store, &place).await;
    let next = store.next_units(HOLDER, test.test_id, 50).await.unwrap();
    let NextUnits::Ok { units, blocked: None } = next else { panic!("no units: {next:?}") };
    assert_eq!(units.len(), CONVERSATIONS);
    for unit in &units {
        assert!(unit.exchange.as_ref().is_some_and(|e| e.answer.starts_with("this is answer")), "{unit:?}");
        assert_eq!(unit.reactions.len(), 2, "an answer each");
        // The second question came within 30 seconds of the first answer.
        let followed: Vec<_> = unit.reactions.iter().map(|r| (r.reactions.followed_up, r.reactions.thumb)).collect();
        assert_eq!(followed, [(true, None), (false, None)]);
        assert_eq!(unit.reactions[0].answer_characters, Some(10));
    }
    let results: Vec<_> =
        units.iter().map(|unit| UnitResult { unit_id: unit.unit_id, judged: Some(0.75), reaction: 0.45 }).collect();
    for _ in 0..2 {
        let recorded = store.record_units(HOLDER, test.test_id, &results, &[spent(Purpose::Judge)]).await.unwrap();
        assert_eq!(recorded, Recorded::Ok);
    }
    let all_seen = NextUnits::Ok { units: vec![], blocked: None };
    assert_eq!(store.next_units(HOLDER, test.test_id, 50).await.unwrap(), all_seen);
    let case = look(&store, &test).await;
    assert_eq!((case.kind, case.unit), (Kind::Canary, Some(UnitKind::Conversation)));
    assert_eq!((case.min_days, case.max_days), (Some(7.0), Some(28.0)));
    assert!(case.days.is_some_and(|days| (2.0..2.2).contains(&days)), "{:?}", case.days);
    let seen = case.observations.units();
    assert_eq!(seen.iter().filter(|u| u.arm).count(), served.iter().filter(|v| **v == 2).count());
    assert!(seen.iter().all(|u| (u.propensity, u.judged, u.reaction) == (0.2, Some(0.75), 0.45)), "{seen:?}");
    assert_eq!(seen.iter().map(|u| u.person).collect::<BTreeSet<_>>(), (1..=12).collect());
    assert_eq!(rule(&case).decision, Ruled::GoOn);
    release(&store, &place).await;
}
