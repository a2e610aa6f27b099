//! Storage or the trainer away: what was made stays, is seen, and is gone on with.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use pawl_store::training::{Callback, Training, TrainingCallback};

use super::{ground::Fate, *};

const FULL: Fate = Fate::Refused(400, r#"{"statusCode": "413", "error": "Payload too large", "message": ""}"#);
const CONFLICT: Fate = Fate::Refused(400, r#"{"statusCode": "409", "error": "Duplicate", "message": ""}"#);
const NOT_OURS: Fate = Fate::Refused(400, r#"{"statusCode": "403", "error": "Unauthorized", "message": ""}"#);

#[tokio::test]
async fn storage_away_leaves_the_version_and_the_next_call_goes_on() {
    for (fate, code) in [
        (Fate::Lost, "storage_unavailable"),
        (Fate::Unheard, "storage_unavailable"),
        (Fate::Refused(503, "down"), "storage_unavailable"),
        (FULL, "storage_full"),
        (CONFLICT, "storage_refused"),
        (NOT_OURS, "storage_refused"),
    ] {
        // The first part, a later one, the manifest.
        for file in ["-00001.jsonl", "-00002.jsonl", "manifest.json"] {
            let mut w = world(15).await;
            w.settings.part_rows = 6;
            w.outside.fate(move |url| if url.contains(file) && !url.contains("/sign/") { fate } else { Fate::Served });
            let response = w.run(json!({"force": true})).await;
            let result = &response["results"][0];
            assert_eq!((&result["failed"], &result["code"]), (&json!(true), &json!(code)), "{file}: {response}");
            assert_eq!((&result["status"], &result["triggered"]), (&json!("curating"), &json!(false)));
            assert!(w.outside.told().is_empty());
            w.outside.fate(|_| Fate::Served);
            assert_eq!(w.run(json!({})).await["triggered"], true, "{file}");
            assert_eq!((w.models().len(), w.check_dataset(), w.outside.told().len()), (1, 15, 1));
        }
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_signed_leave_it_pending() {
    let w = world(12).await;
    w.outside.fate(|url| if url.contains("/sign/") { Fate::Lost } else { Fate::Served });
    for _ in 0..10 {
        let response = w.run(json!({"force": true})).await;
        let result = &response["results"][0];
        assert_eq!((&result["failed"], &result["code"]), (&json!(true), &json!("storage_unavailable")), "{response}");
        assert_eq!((&result["status"], &result["triggered"]), (&json!("pending"), &json!(false)));
        assert!(w.outside.told().is_empty());
        w.store.advance(TimeDelta::minutes(2));
    }
    w.outside.fate(|_| Fate::Served);
    assert_eq!(w.run(json!({})).await["triggered"], true);
    assert_eq!(w.model().delivery.unwrap().attempts, 1, "the trainer was asked once");
}

#[tokio::test]
async fn a_trainer_that_is_away_is_told_later_by_the_same_webhook() {
    for (fate, code) in [
        (Fate::Lost, "webhook_unreachable"),
        (Fate::Unheard, "webhook_unreachable"),
        (Fate::Refused(500, "no"), "webhook_failed"),
        (Fate::Refused(302, ""), "webhook_failed"),
        (Fate::Refused(401, "no"), "webhook_refused"),
    ] {
        let w = world(12).await;
        w.outside.fate(move |url| if url.contains("trainer") { fate } else { Fate::Served });
        let response = w.run(json!({"force": true})).await;
        assert_eq!((&response["triggered"], &response["results"][0]["status"]), (&json!(false), &json!("pending")));
        assert!(response["reason"].as_str().unwrap().contains(code), "{response}");
        let response = w.run(json!({})).await;
        assert!(response["reason"].as_str().unwrap().contains("it is told again at 20"), "{response}");
        w.outside.fate(|_| Fate::Served);
        // Who did not answer may have heard.
        w.store.advance(TimeDelta::minutes(2));
        assert_eq!(w.run(json!({})).await["triggered"], matches!(fate, Fate::Refused(..)));
        w.store.advance(TimeDelta::minutes(9));
        w.run(json!({})).await;
        assert_eq!(w.model().status, Status::Training);
        let ids: Vec<_> = w.outside.told().into_iter().map(|(headers, _)| headers["webhook-id"].clone()).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(w.model().delivery.unwrap().attempts, 2);
    }
}

#[tokio::test]
async fn a_trainer_that_calls_back_instead_of_answering_was_told() {
    let w = world(12).await;
    let store = w.store.clone();
    w.outside.fate(move |url| {
        let callback = Callback {
            callback_id: "msg_1",
            model_version_id: store.models(store.default_assistant()).pop().map(|model| model.id).unwrap_or_default(),
            status: "accepted",
            metrics: &json!({}),
            dataset: None,
            base_url: None,
            model: None,
            error: None,
        };
        if !url.contains("trainer") {
            return Fate::Served;
        }
        let mut said = pin!(store.training_callback(&callback));
        let came = said.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(came, Poll::Ready(Ok(TrainingCallback::Ok { .. }))), "{came:?}");
        Fate::Refused(502, "")
    });
    let response = w.run(json!({"force": true})).await;
    assert_eq!((&response["triggered"], &response["reason"]), (&json!(true), &json!("The trainer was told")));
    assert_eq!(response["results"][0]["status"], "training");
}

#[tokio::test]
async fn a_trainer_that_is_gone_ends_the_version() {
    let w = world(12).await;
    w.outside.fate(|url| if url.contains("trainer") { Fate::Refused(410, "") } else { Fate::Served });
    let response = w.run(json!({"force": true})).await;
    assert_eq!((&response["triggered"], &response["results"][0]["status"]), (&json!(false), &json!("failed")));
    assert_eq!(w.model().status, Status::Failed);
}

#[tokio::test]
async fn the_database_away_at_any_step_is_this_assistants_result() {
    for step in [
        "training_page",
        "drift_look",
        "training_stock",
        "open_model_version",
        "dataset_page",
        "record_parts",
        "seal_dataset",
        "claim_delivery",
        "record_delivery",
    ] {
        let w = world(12).await;
        w.store.fail_next(step, StoreError::Unavailable("timeout".into()));
        let response = w.run(json!({"force": true})).await;
        let result = &response["results"][0];
        assert_eq!((&result["failed"], &result["code"]), (&json!(true), &json!("database_unavailable")), "{step}");
        w.store.advance(TimeDelta::minutes(11));
        w.run(json!({"force": true})).await;
        assert_eq!((w.models().len(), w.model().status), (1, Status::Training), "{step}");
        assert_eq!(w.check_dataset(), 12);
    }
}

#[tokio::test]
async fn with_no_time_left_nothing_more_is_begun() {
    for (file, status) in [("/train-", "curating"), ("manifest.json", "pending")] {
        let w = world(12).await;
        // The clock goes on with a request to storage.
        w.outside.fate(move |url| {
            let taken = if url.contains(file) && !url.contains("/sign/") { 110_000.0 } else { 0.0 };
            NOW_MS.set(NOW_MS.get() + taken);
            Fate::Served
        });
        let response = w.run(json!({"force": true})).await;
        assert_eq!((&response["triggered"], &response["more"]), (&json!(false), &json!(true)), "{response}");
        assert_eq!(response["results"][0]["status"], status);
        assert!(w.outside.told().is_empty());
        w.outside.fate(|_| Fate::Served);
        assert_eq!(w.run(json!({})).await["triggered"], true);
        assert_eq!(w.check_dataset(), 12);
    }
}
