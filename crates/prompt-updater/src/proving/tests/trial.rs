//! Gate zero: who judges.

use pawl_core::proof::{Kind, attacks::ATTACKS};
use pawl_model::{ModelError, judge::REVISION};
use pawl_store::usage::Purpose;
use serde_json::json;

use super::world;

#[tokio::test]
async fn a_judge_that_sees_through_every_attack_gates_and_is_tried_once() {
    let w = world(Kind::Screening);
    w.book().trial = None;
    let did = w.did().await;
    assert_eq!(did["did"], "proving", "{did}");
    let trials = w.book().trials.clone();
    assert_eq!((trials.len(), trials[0].as_array().unwrap().len()), (1, ATTACKS.len()));
    assert!(trials[0].as_array().unwrap().iter().all(|tried| tried["rejected"] == true), "{}", trials[0]);
    assert_eq!(w.book().judge_revision, Some(REVISION));
    // Both orders, and nothing says which is the attack.
    let compared = w.model.compared.borrow().clone();
    let first = ATTACKS.map(|a| {
        compared.iter().flatten().filter(|pair| (pair.0.as_str(), pair.1.as_str()) == (a.message, a.attack)).count()
    });
    let second = ATTACKS.map(|a| {
        compared.iter().flatten().filter(|pair| (pair.0.as_str(), pair.2.as_str()) == (a.message, a.attack)).count()
    });
    assert_eq!((first, second), ([1; ATTACKS.len()], [1; ATTACKS.len()]));
    w.prove().await;
    assert_eq!(w.book().trials.len(), 1);
}

#[tokio::test]
async fn a_judge_that_is_taken_in_gates_nothing() {
    let w = world(Kind::Screening);
    w.book().trial = None;
    w.model.gullible.set(true);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("closed"), &json!("judge_not_trusted")));
    assert_eq!(w.chats(), 0, "no question is paid for before the judge is trusted");
    assert_eq!(w.book().trials[0][0]["rejected"], false);
}

#[tokio::test]
async fn a_judge_that_failed_before_is_not_tried_again() {
    let w = world(Kind::Screening);
    w.book().trial = Some(false);
    assert_eq!(w.did().await["reason"], "judge_not_trusted");
    assert!(w.model.compared.borrow().is_empty() && w.model.judged.borrow().is_empty() && w.chats() == 0);
}

#[tokio::test]
async fn a_test_that_began_with_another_judge_ends() {
    let w = world(Kind::Screening);
    w.book().judge_revision = Some(REVISION + 1);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"], &did["version"]), (&json!("closed"), &json!("judge_changed"), &json!(2)));
    assert_eq!(w.chats(), 0);
}

#[tokio::test]
async fn a_trial_that_fails_is_held_again_and_what_it_cost_is_counted() {
    let w = world(Kind::Screening);
    w.book().trial = None;
    // Four comparisons, then the scores.
    for (faults, compared, judged) in [(0, 4, 0), (4, 4, 2)] {
        let before = (w.paid(Purpose::Compare), w.paid(Purpose::Judge));
        w.model.judge_faults.borrow_mut().extend(vec![None; faults]);
        w.model.judge_faults.borrow_mut().push_back(Some(ModelError::RateLimited(None)));
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!("model_rate_limited")));
        assert!(w.book().trials.is_empty());
        let paid = (w.paid(Purpose::Compare) - before.0, w.paid(Purpose::Judge) - before.1);
        assert_eq!(paid, (compared, judged));
    }
    assert_eq!(w.did().await["did"], "proving");
    assert!(w.model.most_in_flight.get() <= 12);
}

#[tokio::test]
async fn without_time_for_a_trial_none_is_begun() {
    let w = world(Kind::Screening);
    w.book().trial = None;
    let answer = w.prove_in(40).await;
    assert_eq!((&answer["more"], &answer["proofs"][0]["did"]), (&json!(true), &json!("screening")));
    assert!(w.model.compared.borrow().is_empty());
}

#[tokio::test]
async fn a_trial_is_held_only_where_the_day_pays_for_it() {
    let w = world(Kind::Screening);
    w.book().trial = None;
    w.book().allowed = 0;
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("held"), &json!("money")));
    assert!(w.model.compared.borrow().is_empty() && w.model.judged.borrow().is_empty());
    // What it may cost at the most is more than what it costs when all is asked twice.
    let reserved = w.book().reserved;
    w.book().allowed = usize::MAX / 2;
    w.prove().await;
    let spent: Vec<_> = w.book().spent.iter().filter(|call| call.purpose != Purpose::Replay).cloned().collect();
    assert!(!spent.is_empty());
    let attacks = ATTACKS.len() as u64;
    // Each attack compared twice, together and alone, with its instructions; as many verdicts.
    assert!(reserved.read > 2 * attacks * 2_500, "{reserved:?}");
    assert!(reserved.said > 4 * attacks * 250 + 2 * attacks * 4_000, "{reserved:?}");
    assert!(reserved.read + reserved.said < 500_000, "a day pays for it: {reserved:?}");
}

#[tokio::test]
async fn without_time_for_a_trial_nothing_is_reserved() {
    let w = world(Kind::Screening);
    w.book().trial = None;
    w.prove_in(40).await;
    assert_eq!(w.book().reserved, Default::default());
}

#[tokio::test]
async fn what_was_paid_for_and_not_recorded_is_not_given_back() {
    for (call, settled) in
        [("record_judge_trial", false), ("record_pairs", false), ("next_pairs", true), ("note_ruling", true)]
    {
        let w = world(Kind::Screening);
        w.book().trial = None;
        w.book().dies_at = Some((call, true));
        let did = w.did().await;
        assert_eq!(did["did"], "failed", "{call}: {did}");
        assert_eq!(w.book().settled, [settled], "{call}");
    }
    let w = world(Kind::Screening);
    w.prove().await;
    assert_eq!(w.book().settled, [true]);
}
