//! A share of the people's conversations.

use pawl_core::{
    conversation::Exchange,
    learning::reaction::{Reactions, Thumb},
    proof::Kind,
};
use pawl_model::ModelError;
use pawl_store::{
    proof::{AnswerReactions, Unit, UnitResult},
    usage::Purpose,
};
use serde_json::json;
use uuid::Uuid;

use super::{OLD, World, store::Sent, world};

fn thumb(thumb: Option<Thumb>) -> AnswerReactions {
    AnswerReactions { reactions: Reactions { thumb, ..Reactions::default() }, answer_characters: Some(80) }
}

fn sent(number: u128, candidate: bool, answer: &str, reactions: Vec<AnswerReactions>) -> Sent {
    let exchange = Exchange { user_message: format!("this is question number {number}"), answer: answer.into() };
    let unit = Unit { unit_id: Uuid::from_u128(number), exchange: Some(exchange), reactions };
    Sent { unit, candidate, observed: None }
}

/// So many units, a fifth of them the candidate's; its answers are good where the others are poor, or the other way.
fn canary(units: u128, better: bool) -> World {
    let w = world(Kind::Canary);
    w.book().units = (1..=units)
        .map(|number| {
            let candidate = number % 5 == 0;
            sent(number, candidate, if candidate == better { "a good answer" } else { "a poor answer" }, Vec::new())
        })
        .collect();
    w
}

fn observed(w: &World) -> Vec<UnitResult> {
    w.book().units.iter().filter_map(|sent| sent.observed).collect()
}

#[tokio::test]
async fn units_are_judged_blind_and_reactions_are_counted() {
    let w = world(Kind::Canary);
    let (up, down) = (Some(Thumb::Up), Some(Thumb::Down));
    w.book().units = vec![
        sent(1, true, "a good answer", vec![thumb(up), thumb(None)]),
        sent(2, false, "a poor answer", vec![thumb(down)]),
        sent(3, false, "a good answer", Vec::new()),
        sent(4, true, "a good answer", vec![thumb(up), thumb(down)]),
    ];
    w.book().units[2].unit.exchange = None;
    let did = w.did().await;
    assert_eq!((&did["did"], &did["version"], &did["units"]), (&json!("proving"), &json!(2), &json!(4)));
    let found: Vec<_> = observed(&w).iter().map(|unit| (unit.judged, unit.reaction)).collect();
    assert_eq!(found, [(Some(1.0), 0.75), (Some(0.25), 0.0), (Some(0.0), 0.5), (Some(1.0), 0.5)]);
    // One request, both arms as they came, under the live version's prompt.
    let judged = w.model.judged.borrow();
    assert_eq!(judged.len(), 1);
    assert_eq!(judged[0].0, OLD);
    assert_eq!(judged[0].1, ["a good answer", "a poor answer", "a good answer"]);
    assert_eq!((w.chats(), w.paid(Purpose::Judge)), (0, 1));
}

#[tokio::test]
async fn a_version_that_is_better_for_people_is_promoted_and_a_worse_one_rejected() {
    let w = canary(400, true);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("promoted"), &json!("better")), "{did}");
    assert!(observed(&w).len() < 400, "as soon as it was proved");
    assert!(w.model.judged.borrow().iter().all(|(prompt, answers)| prompt == OLD && answers.len() <= 20));
    let w = canary(400, false);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("rejected"), &json!("worse")), "{did}");
}

#[tokio::test]
async fn before_its_days_are_over_nothing_is_promoted() {
    let w = canary(400, true);
    w.book().case.days = Some(6.9);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"], &did["units"]), (&json!("proving"), &json!("too_early"), &json!(400)));
    w.book().case.days = Some(7.1);
    assert_eq!(w.did().await["did"], "promoted");
    assert_eq!(observed(&w).len(), 400);
}

#[tokio::test]
async fn at_the_end_of_its_days_what_is_undecided_is_rejected() {
    let w = canary(10, true);
    w.book().case.days = Some(28.1);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("rejected"), &json!("undecided")));
}

#[tokio::test]
async fn a_judgement_without_evidence_is_asked_for_once_more_and_then_discarded() {
    let w = canary(10, true);
    w.model.silent_about.borrow_mut().extend([("this is question number 3", 1), ("this is question number 4", 2)]);
    assert_eq!(w.did().await["units"], 10);
    let judged: Vec<_> = observed(&w).iter().map(|unit| unit.judged).collect();
    assert_eq!((judged[2], judged[3]), (Some(0.25), None));
    assert_eq!(judged.iter().filter(|judged| judged.is_none()).count(), 1);
    assert_eq!(w.model.judged.borrow().len(), 3, "each of the two once more, alone");
}

#[tokio::test]
async fn a_judgement_that_cannot_be_read_is_made_of_each_alone() {
    let w = canary(10, true);
    w.model.judge_faults.borrow_mut().push_back(Some(ModelError::CutOff));
    assert_eq!(w.did().await["units"], 10);
    assert!(observed(&w).iter().all(|unit| unit.judged.is_some()));
    assert_eq!((w.model.judged.borrow().len(), w.paid(Purpose::Judge)), (11, 11));
}

#[tokio::test]
async fn a_judge_that_cannot_be_asked_observes_nothing_and_is_paid_for_what_it_did() {
    let w = canary(10, true);
    w.model.judge_faults.borrow_mut().push_back(Some(ModelError::SpendLimit));
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!("model_spend_limit")));
    assert_eq!((observed(&w).len(), w.paid(Purpose::Judge)), (0, 1));
    assert_eq!(w.did().await["units"], 10);
}

#[tokio::test]
async fn a_worker_that_dies_costs_one_step() {
    for call in ["next_units", "record_units", "proof_look"] {
        for carried_out in [false, true] {
            let w = canary(30, true);
            w.book().dies_at = Some((call, carried_out));
            assert_eq!(w.did().await["reason"], "database_unavailable", "{call}");
            w.lease_runs_out();
            w.did().await;
            assert_eq!(observed(&w).len(), 30, "{call}");
            let asked: usize = w.model.judged.borrow().iter().map(|(_, answers)| answers.len()).sum();
            assert_eq!(asked, if call == "record_units" && !carried_out { 46 } else { 30 }, "{call}");
        }
    }
}

#[tokio::test]
async fn the_lease_the_money_and_the_time_end_a_call() {
    for call in ["next_units", "record_units"] {
        let w = canary(10, true);
        w.book().loses_at = Some(call);
        assert_eq!(w.did().await["reason"], "in_progress");
        let w = canary(10, true);
        w.book().closes_at = Some(call);
        assert_eq!(w.did().await["did"], "closed");
    }
    let w = canary(30, true);
    w.book().allowed = 8;
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"], &did["units"]), (&json!("held"), &json!("money"), &json!(8)));
    let w = canary(30, true);
    let answer = w.prove_in(25).await;
    assert_eq!((&answer["more"], observed(&w).len()), (&json!(true), 0));
    w.model.takes_ms.set(10_000.0);
    let answer = w.prove_in(50).await;
    assert_eq!((&answer["more"], observed(&w).len()), (&json!(true), 6), "little time, few units");
}
