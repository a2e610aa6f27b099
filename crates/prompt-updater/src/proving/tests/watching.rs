//! Watching what is live.

use pawl_core::proof::{Agreement, Case, Kind, Observations, Vote};
use pawl_store::proof::RollBack;
use serde_json::json;

use super::{World, case, world};

/// So many votes on the version before, and on the live one.
fn votes(before: (u64, u64), up: usize, down: usize) -> Case {
    let vote = |i: usize| Vote { id: i.to_string(), up: (i * up) / (up + down) != ((i + 1) * up) / (up + down) };
    Case {
        before_up: Some(before.0),
        before_n: Some(before.1),
        agreement: Agreement::default(),
        observations: Observations::Votes((0..up + down).map(vote).collect()),
        ..case(Kind::Watch)
    }
}

fn fallen() -> Case {
    votes((1_600, 2_000), 100, 300)
}

fn watching(kind: Kind, case: Case, acts: bool, why_not: Option<&str>) -> World {
    let w = world(kind);
    w.book().watched = Some((case, acts, why_not.map(str::to_owned)));
    w
}

#[tokio::test]
async fn a_version_that_people_like_less_is_taken_back_before_anything_else() {
    let w = watching(Kind::Screening, fallen(), true, None);
    let answer = w.prove().await;
    let proof = &answer["proofs"][0];
    assert_eq!(
        (&proof["did"], &proof["version"], &proof["reason"]),
        (&json!("rolled_back"), &json!(1), &json!("fell"))
    );
    assert_eq!(proof["receipt_id"], json!(super::RECEIPT));
    assert_eq!(answer["proofs"].as_array().unwrap().len(), 1);
    assert_eq!((w.chats(), w.book().alerts), (0, 0));
    let calls = w.book().calls.clone();
    assert_eq!(
        calls[..4],
        ["claim_watch", "watch_look", "roll_back", "release"],
        "before a test is claimed: {calls:?}"
    );
    assert_eq!(w.book().holder, None, "the lease is given back");
}

#[tokio::test]
async fn a_rollback_needs_no_model() {
    let w = watching(Kind::Watch, fallen(), true, None);
    let missing = pawl_edge::ApiError::misconfigured("ANTHROPIC_API_KEY", "is missing");
    let answer = w.try_prove(super::Filter::default(), 130, Err(missing.clone())).await.unwrap();
    assert_eq!(answer["proofs"][0]["did"], "rolled_back");
    let w = world(Kind::Screening);
    let answer = w.try_prove(super::Filter::default(), 130, Err(missing)).await.unwrap();
    assert_eq!(
        (&answer["proofs"][0]["did"], &answer["proofs"][0]["reason"]),
        (&json!("failed"), &json!("misconfigured"))
    );
}

#[tokio::test]
async fn what_may_not_be_taken_back_is_told_of_once_and_the_test_goes_on() {
    for why_not in ["locked", "paused", "by_hand", "no_version_before"] {
        let w = watching(Kind::Screening, fallen(), false, Some(why_not));
        let answer = w.prove().await;
        let proofs = answer["proofs"].as_array().unwrap();
        assert_eq!((&proofs[0]["did"], &proofs[0]["reason"]), (&json!("alerted"), &json!(why_not)));
        assert_eq!((proofs.len(), &proofs[1]["did"]), (2, &json!("proving")));
        let calls = w.book().calls.clone();
        assert!(!calls.contains(&"roll_back"), "{calls:?}");
        assert_eq!(w.did().await["did"], "proving", "told already");
    }
}

#[tokio::test]
async fn a_person_who_comes_between_is_told_and_obeyed() {
    let w = watching(Kind::Watch, fallen(), true, None);
    w.book().rolls_back.push_back(RollBack::Held { reason: "paused".into() });
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("alerted"), &json!("paused")));
    w.book().rolls_back.push_back(RollBack::Superseded);
    assert_eq!(w.did().await["did"], "skipped", "another version is live: nothing to take back");
    assert_eq!(w.book().alerts, 1);
}

#[tokio::test]
async fn few_earlier_votes_only_tell_a_person() {
    let w = watching(Kind::Watch, votes((90, 100), 100, 300), true, None);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("alerted"), &json!("too_few_votes")));
    assert!(!w.book().calls.contains(&"roll_back"));
}

#[tokio::test]
async fn where_nothing_fell_nothing_is_done() {
    let w = watching(Kind::Watch, votes((1_600, 2_000), 320, 80), true, None);
    let did = w.did().await;
    assert_eq!((&did["did"], &did["reason"]), (&json!("skipped"), &json!("quiet")));
    assert!(!w.book().calls.contains(&"roll_back") && w.book().alerts == 0);
}

#[tokio::test]
async fn a_lease_that_is_lost_ends_the_watch() {
    for call in ["watch_look", "roll_back"] {
        let w = watching(Kind::Watch, fallen(), true, None);
        w.book().loses_at = Some(call);
        let did = w.did().await;
        assert_eq!(did["did"], "skipped", "{call}");
        assert_eq!(w.book().alerts, 0);
    }
}
