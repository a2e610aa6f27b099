//! From a version to its receipt.

use pawl_core::proof::{Decision, Reason};
use pawl_store::proof::Receipt;

use super::*;

/// Changes what a receipt says.
type Forge = fn(&mut Receipt);

#[tokio::test]
async fn a_version_is_put_into_test_forced_and_not_activated_unproved() {
    let w = world().await;
    w.improve().await;
    let error = w.call(json!({"action": "activate", "version": 2})).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "not_proved"));
    let error = w.call(json!({"action": "test", "placebo": true})).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "in_proof"));
    let error = w.call(json!({"action": "test", "version": 1})).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "in_proof"));
    w.call(json!({"action": "reject", "version": 2})).await.unwrap();
    let error = w.call(json!({"action": "test", "version": 1})).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "not_testable"));
    w.call(json!({"action": "test", "version": 2})).await.unwrap();
    assert_eq!(w.state_of(2).0, "screening");
    w.call(json!({"action": "force", "version": 2})).await.unwrap();
    assert_eq!((w.live().0, w.store.tests()[1].reason.as_deref()), (2, Some("forced")));
    w.call(json!({"action": "test", "placebo": true})).await.unwrap();
    assert_eq!(w.state_of(3), ("screening", w.live().1));
}

/// From the reflection to the receipt.
#[tokio::test]
async fn a_version_goes_live_when_it_has_proved_itself_and_its_receipt_says_why() {
    let w = world().await;
    w.store.configure(w.store.default_assistant(), |s| {
        (s.screening_pairs, s.proof_pairs, s.proof_method) = (20, 100, Some(pawl_core::proof::Method::Replay));
    });
    w.store.limit(w.store.default_organization(), Limits { user_requests_per_minute: 999, ..Limits::default() });
    for _ in 0..130 {
        chat(&w.store).await;
    }
    w.improve().await;
    let first = w.call(json!({"action": "prove"})).await.unwrap();
    assert_eq!((&first["proofs"][0]["did"], &first["more"]), (&json!("proving"), &json!(true)), "{first}");
    assert_eq!((w.live().0, w.state_of(2).0), (1, "proving"));
    w.store.advance(TimeDelta::seconds(1));
    let second = w.call(json!({"action": "prove", "assistant": "default", "seconds": 140})).await.unwrap();
    let proof = &second["proofs"][0];
    assert_eq!((&proof["did"], &proof["version"]), (&json!("promoted"), &json!(2)), "{second}");
    assert_eq!(w.live().0, 2);

    let receipt_id = proof["receipt_id"].clone();
    let verify = json!({"action": "verify_receipt", "receipt_id": receipt_id});
    let verified = w.call(verify.clone()).await.unwrap();
    assert_eq!((&verified["matches"], &verified["differences"]), (&json!(true), &json!([])), "{verified}");
    assert_eq!(verified["recorded"], verified["recomputed"]);
    assert_eq!((&verified["recorded"]["decision"], &verified["receipt_id"]), (&json!("promote"), &receipt_id));

    // Whatever the receipt says otherwise than its observations is named, one by one.
    let id: Uuid = serde_json::from_value(receipt_id).unwrap();
    let forgeries: [(Forge, &str); 7] = [
        (|receipt| receipt.digest_matches = false, "The observations are not those that the receipt was written for."),
        (|receipt| receipt.prompts_match = false, "The text of a version is not the one that was tested."),
        (|receipt| receipt.ruling.decision = Decision::Reject, "decision: reject was recorded, promote comes of"),
        (|receipt| receipt.ruling.reason = Reason::Worse, "reason: worse was recorded, better comes of"),
        (|receipt| receipt.ruling.at = None, "at: none was recorded, 18 comes of"),
        (|receipt| receipt.ruling.log_e += 1e-8, "log_e: "),
        (
            |receipt| receipt.ruling.log_e_people_worse = Some(0.0),
            "log_e_people_worse: 0.0 was recorded, none comes of",
        ),
    ];
    let honest = w.store.receipts()[0].clone();
    for (forge, told) in forgeries {
        w.store.forge(id, forge);
        let verified = w.call(verify.clone()).await.unwrap();
        assert_eq!(verified["matches"], false, "{told}");
        let differences = verified["differences"].as_array().unwrap();
        assert!(differences.len() == 1 && differences[0].as_str().unwrap().starts_with(told), "{verified}");
        let honest = honest.clone();
        w.store.forge(id, |receipt| *receipt = honest);
    }
    w.store.forge(id, |receipt| receipt.ruling.log_e += 1e-10);
    assert_eq!(w.call(verify.clone()).await.unwrap()["matches"], true, "sums of floats");

    // One observation another: the e-value is another, and the moment of the decision.
    w.store.forge(id, |receipt| {
        let Observations::Pairs(pairs) = &mut receipt.case.observations else { panic!("no pairs") };
        (pairs[3].d, pairs[3].first) = (-1, -1);
    });
    let verified = w.call(verify).await.unwrap();
    assert_eq!(verified["matches"], false);
    let differences = verified["differences"].to_string();
    assert!(differences.contains("log_e: "), "{differences}");

    let error = w.call(json!({"action": "verify_receipt", "receipt_id": Uuid::max()})).await.unwrap_err();
    assert_eq!((error.status, error.code), (404, "receipt_not_found"));
    let body = json!({"action": "verify_receipt", "receipt_id": id});
    assert_eq!(w.call_as(&w.store.as_nobody(), body.clone()).await.unwrap_err().status, 401);
    let for_another = json!({"action": "verify_receipt", "receipt_id": id, "user_id": Uuid::max()});
    let error = w.call_as(&w.store.as_user(Uuid::from_u128(0xA)), for_another).await.unwrap_err();
    assert_eq!((error.status, error.code), (400, "user_not_allowed"));
}

#[tokio::test]
async fn only_the_secret_key_moves_tests_on() {
    let w = world().await;
    w.improve().await;
    let body = json!({"action": "prove"});
    assert_eq!(w.call_as(&w.store.as_nobody(), body.clone()).await.unwrap_err().status, 401);
    assert_eq!(w.call_as(&w.store.as_user(Uuid::from_u128(0xA)), body.clone()).await.unwrap_err().status, 403);
    let too_few = w.call(body).await.unwrap();
    assert_eq!(
        (&too_few["proofs"][0]["did"], &too_few["proofs"][0]["reason"]),
        (&json!("held"), &json!("insufficient_data"))
    );
}
