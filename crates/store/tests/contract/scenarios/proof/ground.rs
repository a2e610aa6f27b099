//! What tests of versions begin from.

use pawl_core::{
    decision::Action,
    proof::{Case, ProofSettings, Ruling, Traffic, UnitKind, rule},
};
use pawl_store::{
    decisions::Decision,
    proof::{ProofTask, Proofs, Receipt, Test},
    reflections::{Claim, Claimed, SkipReason, Task},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    scenarios::{
        HOLDER,
        decisions::{decide, submit},
        prompts::begin_update,
        reflections::{Place, place as reflected_on},
    },
    worlds::{Change, World},
};

/// An organisation of its own whose screenings take 20 pairs.
pub async fn place(world: &impl World) -> Place {
    let place = reflected_on(world).await;
    world.change(place.assistant_id, Change::ScreeningPairs(20)).await;
    place
}

/// A reflection that calls for an update.
pub async fn reflected(world: &impl World, place: &Place) -> Uuid {
    place.chats(world, 1).await;
    place.reflect(&world.service(), Action::PromptUpdate).await
}

/// Version 2 of an assistant in test, with so many questions to draw from; claimed.
pub async fn in_test(world: &impl World, questions: usize) -> (Place, Test) {
    let place = place(world).await;
    let (test, suggestion_id) = submitted(world, &place, questions).await;
    assert_eq!(suggestion_id, None);
    (place, test)
}

/// The same, and the suggestion where a person is asked.
pub async fn submitted(world: &impl World, place: &Place, questions: usize) -> (Test, Option<Uuid>) {
    let store = world.service();
    let reflection = reflected(world, place).await;
    let parent = begin_update(&store, reflection).await;
    let submitted = submit(&store, reflection, parent, "Better.").await;
    world.answers(place.assistant_id, questions).await;
    (task(&store, place).await.test.expect("a test"), submitted.suggestion_id)
}

/// A version written by hand that is not live.
pub async fn draft(world: &impl World, place: &Place, content: &str) {
    decide(&world.service(), place, Decision::Write { content, activate: false }).await;
}

async fn claim(store: &impl Proofs, place: &Place, watch: bool) -> Claimed {
    match store.claim_proof(&place.request(), None, watch).await.unwrap() {
        Claim::Ok(claimed) => claimed,
        Claim::AssistantNotFound => panic!("no such assistant"),
    }
}

/// The test there is, claimed.
pub async fn task(store: &impl Proofs, place: &Place) -> ProofTask {
    claimed(claim(store, place, false).await)
}

/// What is to be watched, claimed.
pub async fn watch(store: &impl Proofs, place: &Place) -> ProofTask {
    claimed(claim(store, place, true).await)
}

fn claimed(claimed: Claimed) -> ProofTask {
    match claimed.claim.unwrap_or_else(|| panic!("nothing to prove: {:?}", claimed.skipped)).task {
        Task::Prove(task) => *task,
        task => panic!("another task than proving: {task:?}"),
    }
}

/// Why no test is claimed.
pub async fn nothing(store: &impl Proofs, place: &Place) -> SkipReason {
    skipped(claim(store, place, false).await)
}

/// Why nothing is claimed to be watched.
pub async fn nothing_watched(store: &impl Proofs, place: &Place) -> SkipReason {
    skipped(claim(store, place, true).await)
}

fn skipped(claimed: Claimed) -> SkipReason {
    assert_eq!((claimed.claim, claimed.skipped.len()), (None, 1));
    claimed.skipped[0].reason
}

pub async fn release(store: &impl Proofs, place: &Place) {
    store.release_proof(HOLDER, place.assistant_id, true).await.unwrap();
}

/// That a receipt says what was ruled on and what was ruled, and leads to the same ruling. (Numbers to 1e-9: a text in
/// between may cost the last digit.)
pub fn assert_replays(receipt: &Receipt, case: &Case, ruling: &Ruling) {
    assert!(receipt.digest_matches && receipt.prompts_match);
    let again = rule(&receipt.case);
    assert!(is_same(&json!(receipt.case), &json!(case)), "another case");
    assert!(is_same(&json!(receipt.ruling), &json!(ruling)), "{:?}, not {ruling:?}", receipt.ruling);
    assert!(is_same(&json!(again), &json!(ruling)), "{again:?}, not {ruling:?}");
}

fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= 1e-9),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

pub fn traffic() -> Traffic {
    Traffic {
        conversations_a_day: 10.0,
        people_a_day: 10.0,
        pool: 200,
        pairs_a_day: 100.0,
        tests_this_year: 0,
        promoted_this_year: 0,
        year: 2026,
    }
}

pub fn settings() -> ProofSettings {
    ProofSettings {
        method: None,
        pairs: 1000,
        canary_share: 0.2,
        canary_unit: UnitKind::Conversation,
        canary_min_days: 7.0,
        canary_max_days: 28.0,
        yearly_budget: true,
        fixed_level: 0.01,
    }
}
