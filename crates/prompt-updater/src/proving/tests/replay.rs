//! Earlier questions, answered by both versions and compared.

use std::collections::BTreeSet;

use pawl_core::{characteristics::question_type, conversation::Exchange, proof::Kind};
use pawl_model::ModelError;
use pawl_store::{
    proof::{BeginProof, DecideTest, Verdicts},
    usage::Purpose,
};
use serde_json::json;
use uuid::Uuid;

use super::{Filter, NEW, OLD, RECEIPT, World, world};

#[tokio::test]
async fn a_version_that_wins_its_screening_begins_its_proof() {
    let w = world(Kind::Screening);
    let answer = w.prove().await;
    let proof = &answer["proofs"][0];
    assert_eq!((&proof["did"], &proof["version"], &proof["pairs"]), (&json!("proving"), &json!(2), &json!(20)));
    assert_eq!(answer["more"], true, "a replay goes on at once");
    let plans = w.book().plans.clone();
    assert_eq!((plans.len(), plans[0].position, plans[0].year), (1, Some(4), Some(2026)));
    assert_eq!(proof["words"], json!(plans[0].words), "how it proves itself, and how long that will take");
    // Each question once by each version, and each pair in both orders.
    let mut asked = w.model.chats.borrow().clone();
    asked.sort();
    asked.dedup();
    assert_eq!(asked.len(), 40);
    let compared: Vec<_> = w.model.compared.borrow().iter().flatten().cloned().collect();
    assert_eq!(compared.len(), 40);
    assert_eq!(compared.iter().collect::<BTreeSet<_>>().len(), 40);
    assert_eq!(compared.iter().filter(|(_, first, _)| first.ends_with(NEW)).count(), 20);
    // Either order of requests has some of both.
    assert!(w.model.compared.borrow().iter().all(|batch| {
        let new_first = batch.iter().filter(|(_, first, _)| first.ends_with(NEW)).count();
        batch.len() <= 10 && (batch.len() < 3 || (new_first > 0 && new_first < batch.len()))
    }));
    assert!(w.book().pairs.iter().all(|drawn| drawn.verdicts == Some(Verdicts { first_order: 1, second_order: 1 })));
    assert!(
        w.book().pairs.iter().all(|drawn| drawn.question_type.as_deref() == Some(question_type(&drawn.pair.message)))
    );
    assert_eq!((w.paid(Purpose::Replay), w.book().holder), (40, None));
    assert_eq!(w.model.most_in_flight.get(), 12);
}

#[tokio::test]
async fn a_version_that_wins_no_more_than_it_loses_is_rejected_with_a_receipt() {
    let w = world(Kind::Screening);
    w.model.prefers_old.set(true);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["receipt_id"]), (&json!("rejected"), &json!(RECEIPT)));
    assert_eq!(did["reason"], "not_more_wins");
    assert!(w.book().plans.is_empty() && !w.book().decided[0].0);
}

#[tokio::test]
async fn what_the_order_decides_is_a_tie() {
    let w = world(Kind::Screening);
    w.model.prefers_first.set(true);
    assert_eq!(w.did().await["reason"], "not_more_wins");
    // From the candidate's view: better when it stood first, worse when it stood second.
    assert!(w.book().pairs.iter().all(|drawn| drawn.verdicts == Some(Verdicts { first_order: 1, second_order: -1 })));
}

#[tokio::test]
async fn a_version_that_proves_itself_is_promoted_as_soon_as_it_has() {
    let w = world(Kind::Replay);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["version"], &did["receipt_id"]), (&json!("promoted"), &json!(2), &json!(RECEIPT)));
    assert_eq!(did["reason"], "better");
    assert!(w.judged() < 60, "{} pairs, all won", w.judged());
    let (promoted, ruling) = w.book().decided[0].clone();
    assert!(promoted && ruling.log_e >= 100.0_f64.ln(), "{ruling:?}");
}

#[tokio::test]
async fn a_worse_version_and_an_undecided_one_are_rejected() {
    let w = world(Kind::Replay);
    w.model.prefers_old.set(true);
    assert_eq!(w.did().await["reason"], "worse");
    let w = world(Kind::Replay);
    w.model.prefers_first.set(true);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("rejected"), &json!("undecided")));
    assert_eq!(w.judged(), 100);
}

/// Whatever call is a worker's last, the next worker goes on, and no answer that was stored is paid for again.
#[tokio::test]
async fn a_worker_that_dies_anywhere_costs_nothing_that_was_stored() {
    for call in ["begin_test", "proof_look", "next_pairs", "record_pairs", "begin_proof"] {
        for carried_out in [false, true] {
            for nth in 0..3 {
                let w = world(Kind::Screening);
                // Some calls later than the first.
                for _ in 0..nth {
                    w.book().allowed = 5;
                    w.prove().await;
                }
                w.book().allowed = 100;
                let before = w.chats();
                w.book().dies_at = Some((call, carried_out));
                let did = w.did().await;
                assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!("database_unavailable")), "{call}");
                let answered = |w: &World| {
                    let judged = w.judged();
                    judged + w.book().pairs.iter().filter(|drawn| drawn.pair.answers.is_some()).count()
                };
                let (stored, paid) = (answered(&w), w.chats());
                let lost = (paid - before) / 2 + (before / 2) - stored;
                assert!(lost <= 6, "{call}: at most what one step was waiting for");
                assert!(!carried_out || lost == 0, "{call}: {lost} answers were stored and lost");
                w.lease_runs_out();
                w.book().plans.clear();
                assert_eq!(w.did().await["did"], "proving", "{call} {carried_out} {nth}");
                assert_eq!((w.chats(), w.judged()), (40 + 2 * lost, 20), "{call} {carried_out} {nth}");
            }
        }
    }
}

#[tokio::test]
async fn a_decision_whose_answer_was_lost_is_made_without_another_question() {
    let w = world(Kind::Replay);
    w.book().dies_at = Some(("decide_test", false));
    assert_eq!(w.did().await["did"], "failed");
    let (chats, compared) = (w.chats(), w.model.compared.borrow().len());
    w.lease_runs_out();
    assert_eq!(w.did().await["did"], "promoted");
    assert_eq!((w.chats(), w.model.compared.borrow().len()), (chats, compared));
}

#[tokio::test]
async fn who_lost_the_lease_stops_at_once() {
    for call in ["begin_test", "proof_look", "next_pairs", "record_pairs", "begin_proof"] {
        let w = world(Kind::Screening);
        w.book().loses_at = Some(call);
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"]), (&json!("skipped"), &json!("in_progress")), "{call}");
        assert_eq!(w.book().calls.iter().filter(|name| **name == call).count(), 1, "{call}");
    }
    let w = world(Kind::Replay);
    w.book().loses_at = Some("decide_test");
    assert_eq!(w.did().await["reason"], "in_progress");
}

#[tokio::test]
async fn a_test_that_ends_meanwhile_is_not_gone_on_with() {
    for call in ["begin_test", "proof_look", "note_ruling", "next_pairs", "record_pairs"] {
        let w = world(Kind::Screening);
        w.book().closes_at = Some(call);
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"]), (&json!("closed"), &json!("baseline_changed")), "{call}");
        assert_eq!(w.book().calls.iter().filter(|name| **name == call).count(), 1, "{call}");
        assert!(w.model.compared.borrow().is_empty(), "{call}");
    }
}

#[tokio::test]
async fn a_test_that_ends_meanwhile_is_told_as_closed() {
    let w = world(Kind::Screening);
    w.book().allowed = 4;
    w.prove().await;
    w.book().judge_revision = None;
    w.book().begins.push_back(BeginProof::Closed { reason: Some("baseline_changed".into()) });
    w.book().allowed = 100;
    let did = w.did().await;
    assert_eq!(
        (&did["did"], &did["reason"], &did["pairs"]),
        (&json!("closed"), &json!("baseline_changed"), &json!(16))
    );

    let w = world(Kind::Replay);
    w.book().decides.push_back(DecideTest::Closed { reason: Some("forced".into()) });
    assert_eq!(w.did().await["reason"], "forced");
}

#[tokio::test]
async fn a_place_in_the_year_that_is_taken_is_asked_for_anew_and_a_year_that_is_used_up_closes_the_test() {
    let w = world(Kind::Screening);
    w.book().begins.extend([BeginProof::Stale, BeginProof::Stale]);
    assert_eq!(w.did().await["did"], "proving");
    assert_eq!(w.book().plans.len(), 3);

    let w = world(Kind::Screening);
    w.book().begins.extend(std::iter::repeat_n(BeginProof::Stale, 9));
    let answer = w.prove().await;
    assert_eq!((&answer["proofs"][0]["did"], &answer["more"]), (&json!("screening"), &json!(true)));

    let w = world(Kind::Screening);
    w.book().begins.push_back(BeginProof::BudgetSpent);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("closed"), &json!("yearly_budget")));
}

#[tokio::test]
async fn what_is_held_up_is_tried_again_and_asks_nothing_twice() {
    let w = world(Kind::Screening);
    w.book().begins.push_back(BeginProof::Held { reason: "awaiting_approval".into() });
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("held"), &json!("awaiting_approval")));
    assert_eq!(w.did().await["did"], "proving");
    assert_eq!(w.chats(), 40);

    for reason in ["paused", "locked", "awaiting_approval", "clauses_missing"] {
        let w = world(Kind::Replay);
        w.book().decides.push_back(DecideTest::Held { reason: reason.into() });
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"], &did["receipt_id"]), (&json!("held"), &json!(reason), &json!(null)));
        let chats = w.chats();
        assert_eq!((&w.did().await["did"], w.chats()), (&json!("promoted"), chats));
    }
}

#[tokio::test]
async fn the_days_money_ends_a_call_and_no_test() {
    let w = world(Kind::Screening);
    w.book().allowed = 7;
    let answer = w.prove().await;
    let proof = &answer["proofs"][0];
    assert_eq!((&proof["did"], &proof["reason"], &proof["pairs"]), (&json!("held"), &json!("tokens"), &json!(7)));
    assert_eq!((&answer["more"], w.chats()), (&json!(false), 14));
    assert_eq!(w.book().noted, 7, "who looks sees how far it is");
    w.prove().await;
    assert_eq!(w.chats(), 14, "nothing is left to be spent today");
    w.book().allowed = 100;
    assert_eq!(w.did().await["did"], "proving");
}

#[tokio::test]
async fn when_the_time_is_over_what_was_answered_waits_to_be_compared() {
    let w = world(Kind::Screening);
    // Twelve at a time, and each takes its time: 36 s a step of six pairs.
    w.model.takes_ms.set(3_000.0);
    let answer = w.prove_in(80).await;
    let proof = &answer["proofs"][0];
    assert_eq!((&proof["did"], &answer["more"]), (&json!("screening"), &json!(true)));
    assert_eq!((w.chats(), w.judged()), (12, 6));
    w.model.takes_ms.set(0.0);
    assert_eq!(w.did().await["did"], "proving");
    assert_eq!(w.chats(), 40);

    let w = world(Kind::Screening);
    w.model.takes_ms.set(4_300.0);
    w.prove_in(80).await;
    assert_eq!((w.chats(), w.judged()), (12, 0), "28 s are too few to compare");
    assert_eq!(w.book().pairs.iter().filter(|drawn| drawn.pair.answers.is_some()).count(), 6);
    w.model.takes_ms.set(0.0);
    w.prove().await;
    assert_eq!(w.chats(), 40, "those six are not asked again");

    let w = world(Kind::Screening);
    let answer = w.prove_in(20).await;
    assert_eq!((w.chats(), &answer["more"]), (0, &json!(true)));
}

#[tokio::test]
async fn a_limit_of_the_model_ends_the_call_and_keeps_what_was_answered() {
    for fault in [ModelError::RateLimited(Some(30)), ModelError::SpendLimit, ModelError::Unauthorized] {
        let w = world(Kind::Screening);
        let code = fault.code();
        w.model.faults.borrow_mut().push(("in 9 of them", fault));
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!(code)));
        // Two steps of six; of pair 9 one answer is lost.
        assert_eq!((w.chats(), w.judged()), (24, 0));
        assert_eq!(w.book().pairs.iter().filter(|drawn| drawn.pair.answers.is_some()).count(), 11);
        assert_eq!(w.paid(Purpose::Replay), 24, "what failed is paid for too");
        assert_eq!(w.did().await["did"], "proving");
        assert_eq!(w.chats(), 42);
    }
}

#[tokio::test]
async fn a_version_without_an_answer_loses_and_is_counted() {
    for (version, verdict) in [(OLD, 1), (NEW, -1)] {
        for fault in [ModelError::Refused, ModelError::Empty] {
            let w = world(Kind::Screening);
            w.model
                .faults
                .borrow_mut()
                .push((Box::leak(format!("{version} | how many things are there in 3 of").into_boxed_str()), fault));
            let did = w.did().await;
            assert_eq!((&did["did"], &did["pairs"], &did["unanswerable"]), (&json!("proving"), &json!(20), &json!(1)));
            let third = w.book().pairs[2].clone();
            assert_eq!(third.verdicts, Some(Verdicts { first_order: verdict, second_order: verdict }));
            assert!(third.pair.answers.is_none() && third.question_type.is_some());
            assert_eq!(w.chats(), 40, "it is not asked again");
        }
    }
}

#[tokio::test]
async fn what_fails_by_itself_is_asked_once_more_and_then_a_tie() {
    let w = world(Kind::Screening);
    w.model.faults.borrow_mut().push(("in 3 of", ModelError::Timeout));
    let did = w.did().await;
    assert_eq!((&did["pairs"], &did["unanswerable"]), (&json!(20), &json!(null)));
    assert_eq!(w.chats(), 41, "the other side's answer is kept");

    let w = world(Kind::Screening);
    let twice = [("in 3 of", ModelError::Timeout), ("in 3 of", ModelError::BrokenOff)];
    w.model.faults.borrow_mut().extend(twice.clone());
    w.model.faults.borrow_mut().extend(twice);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["unanswerable"]), (&json!("proving"), &json!(1)));
    assert_eq!(w.paid(Purpose::Replay), 42);
}

#[tokio::test]
async fn a_model_that_answers_nobody_makes_no_ties() {
    let w = world(Kind::Screening);
    let fault = ModelError::Rejected("not_found_error".into());
    w.model.faults.borrow_mut().extend(std::iter::repeat_n(("of them", fault), 12));
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!("model_rejected_request")));
    assert_eq!(w.judged(), 0);
    assert_eq!(w.did().await["did"], "proving");
}

#[tokio::test]
async fn a_verdict_that_is_left_out_is_asked_for_once_more_and_then_nobodys() {
    let w = world(Kind::Screening);
    w.model.silent_about.borrow_mut().insert("how many things are there in 2 of them?", 1);
    w.did().await;
    let verdicts = |number: usize, w: &World| w.book().pairs[number - 1].verdicts.unwrap();
    assert_eq!(verdicts(2, &w), Verdicts { first_order: 1, second_order: 1 });
    let alone = w.model.compared.borrow().iter().filter(|batch| batch.len() == 1).count();
    assert_eq!(alone, 1);

    let w = world(Kind::Screening);
    w.model.silent_about.borrow_mut().insert("how many things are there in 2 of them?", 4);
    assert_eq!(w.did().await["pairs"], 20);
    assert_eq!(verdicts(2, &w), Verdicts { first_order: 0, second_order: 0 });
    let alone = w.model.compared.borrow().iter().filter(|batch| batch.len() == 1).count();
    assert_eq!(alone, 2, "once more in each order");
}

#[tokio::test]
async fn a_comparison_that_cannot_be_read_is_made_of_each_pair_alone() {
    let w = world(Kind::Screening);
    w.model.judge_faults.borrow_mut().push_back(Some(ModelError::Malformed));
    let did = w.did().await;
    assert_eq!((&did["did"], &did["pairs"]), (&json!("proving"), &json!(20)));
    let alone = w.model.compared.borrow().iter().filter(|batch| batch.len() == 1).count();
    assert_eq!(alone, 10);
    assert!(w.book().pairs.iter().all(|drawn| drawn.verdicts == Some(Verdicts { first_order: 1, second_order: 1 })));
    assert_eq!(w.paid(Purpose::Compare), w.model.compared.borrow().len());
}

#[tokio::test]
async fn a_judge_that_cannot_be_asked_leaves_the_answers_for_the_next_call() {
    for fault in [ModelError::RateLimited(None), ModelError::Overloaded(None), ModelError::Timeout] {
        let w = world(Kind::Screening);
        let code = fault.code();
        w.model.judge_faults.borrow_mut().extend([None, Some(fault)]);
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!(code)));
        assert_eq!((w.chats(), w.paid(Purpose::Compare)), (36, 4));
        assert_eq!(w.judged(), 8, "of the other batch there are both orders");
        assert_eq!(w.did().await["did"], "proving");
        assert_eq!(w.chats(), 40);
    }
}

#[tokio::test]
async fn a_long_history_is_cut_as_in_a_chat_and_a_batch_holds_so_many_tokens() {
    let w = world(Kind::Screening);
    let long = Exchange { user_message: "x".repeat(90_000), answer: "y".into() };
    for drawn in &mut w.book().pairs {
        drawn.pair.history = vec![long.clone()];
    }
    assert_eq!(w.did().await["did"], "proving");
    assert!(w.model.compared.borrow().iter().all(|batch| batch.len() == 1));
    assert!(w.model.histories.borrow().iter().all(|history| *history == 0));
}

#[tokio::test]
async fn nobody_works_beside_the_one_with_the_lease_and_nothing_is_nothing() {
    let w = world(Kind::Screening);
    w.book().holder = Some(Uuid::from_u128(1));
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("skipped"), &json!("in_progress")));
    w.lease_runs_out();
    w.book().test = None;
    assert_eq!(w.did().await["reason"], "nothing_to_prove");
    let nobody = Filter { assistant: Some("nobody"), ..Filter::default() };
    let error = w.try_prove(nobody, 130, Ok(&w.model)).await.unwrap_err();
    assert_eq!((error.status, error.code), (404, "assistant_not_found"));
}
