//! What a trainer answers.

use super::{
    ground::{NOW, SECRET},
    *,
};
use pawl_core::training::webhook::{Secret, sign};
use pawl_edge::ApiError;

/// A world whose trainer was told, and what it says of a good end.
async fn told() -> (World, Value) {
    let w = world(12).await;
    w.run(json!({"force": true})).await;
    let (_, body) = w.told();
    let parts = body["parts"].as_array().unwrap();
    let parts: Value = parts.iter().map(|p| (p["path"].as_str().unwrap().to_owned(), p["sha256"].clone())).collect();
    let said = json!({
        "action": "callback",
        "model_version_id": body["model_version_id"],
        "status": "succeeded",
        "metrics": {"eval_loss": 1.5, "win_rate": 0.6},
        "dataset": {"manifest_sha256": w.model().manifest_sha256, "parts": parts},
        "base_url": "https://models.example.com/v1",
        "model": "tuned-1",
    });
    (w, said)
}

fn with(said: &Value, name: &str, value: Value) -> Value {
    let mut said = said.clone();
    said[name] = value;
    said
}

fn told_of(answer: Result<Value, ApiError>) -> (u16, &'static str) {
    let error = answer.unwrap_err();
    (error.status, error.code)
}

#[tokio::test]
async fn a_model_that_was_trained_goes_into_its_test() {
    let (w, said) = told().await;
    let answer = w.said("msg_1", &said).await.unwrap();
    assert_eq!(answer, json!({"status": "testing", "request_id": "r1"}));
    let model = w.model();
    assert_eq!(model.status, Status::Testing);
    assert_eq!(model.endpoint.unwrap().model, "tuned-1");
    assert_eq!(model.metrics["win_rate"], 0.6);
    let response = w.run(json!({})).await;
    assert_eq!(response["reason"], "Version v1 is in its test");
}

#[tokio::test]
async fn a_test_that_could_not_be_begun_at_once_is_begun_by_the_next_run() {
    let (w, said) = told().await;
    w.store.fail_next("open_model_test", StoreError::Unavailable("timeout".into()));
    let answer = w.said("msg_1", &said).await.unwrap();
    assert_eq!(answer, json!({"status": "trained", "reason": "database_unavailable", "request_id": "r1"}));
    let response = w.run(json!({})).await;
    assert_eq!((&response["results"][0]["status"], w.model().status), (&json!("testing"), Status::Testing));
}

#[tokio::test]
async fn what_it_says_on_the_way_is_kept() {
    let (w, _) = told().await;
    let id = w.model().id;
    let said = json!({"action": "callback", "model_version_id": id, "status": "accepted"});
    assert_eq!(w.said("msg_1", &said).await.unwrap()["status"], "training");
    let said = json!({"action": "callback", "model_version_id": id, "status": "failed", "error": "out_of_memory"});
    assert_eq!(w.said("msg_2", &said).await.unwrap()["status"], "failed");
    assert_eq!(w.model().reason.as_deref(), Some("out_of_memory"));
}

#[tokio::test]
async fn an_answer_counts_once_and_for_a_version_that_waits_for_it() {
    let (w, said) = told().await;
    let accepted = json!({"action": "callback", "model_version_id": w.model().id, "status": "accepted"});
    w.said("msg_1", &accepted).await.unwrap();
    assert_eq!(told_of(w.said("msg_1", &said).await), (409, "callback_replayed"));
    assert_eq!(w.model().status, Status::Training);
    let unknown = with(&said, "model_version_id", json!(uuid::Uuid::max()));
    assert_eq!(told_of(w.said("msg_2", &unknown).await), (404, "model_version_not_found"));
    w.said("msg_3", &said).await.unwrap();
    assert_eq!(told_of(w.said("msg_4", &said).await), (409, "not_training"));
}

#[tokio::test]
async fn who_has_not_the_secret_is_not_believed() {
    let (w, said) = told().await;
    let body = said.to_string();
    let secret = Secret::read(SECRET).unwrap();
    let good = sign(&secret, "msg_1", NOW, body.as_bytes());
    let other = sign(&Secret::read("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap(), "msg_1", NOW, body.as_bytes());
    let old = sign(&secret, "msg_1", NOW - 301, body.as_bytes());
    let ahead = sign(&secret, "msg_1", NOW + 301, body.as_bytes());
    let now = NOW.to_string();
    let cases: [(&[(&str, String)], _); 8] = [
        (&[], (401, "signature_missing")),
        (&[("webhook-id", "msg_1".into()), ("webhook-timestamp", now.clone())], (401, "signature_missing")),
        (&signed("msg_1", &now, &other), (401, "signature_wrong")),
        (&signed("msg_2", &now, &good), (401, "signature_wrong")),
        (&signed("msg_1", &(NOW - 1).to_string(), &good), (401, "signature_wrong")),
        (&signed("msg_1", "now", &good), (401, "signature_wrong")),
        (&signed("msg_1", &(NOW - 301).to_string(), &old), (400, "callback_stale")),
        (&signed("msg_1", &(NOW + 301).to_string(), &ahead), (400, "callback_stale")),
    ];
    // The secret key does not stand in for it.
    for store in [&w.store, &w.store.as_nobody()] {
        for (headers, told) in &cases {
            assert_eq!(told_of(w.call(store, body.clone(), headers).await), *told);
        }
        let changed = with(&said, "model", json!("other")).to_string();
        assert_eq!(told_of(w.call(store, changed, &signed("msg_1", &now, &good)).await), (401, "signature_wrong"));
    }
    assert_eq!(w.model().status, Status::Training);
}

#[tokio::test]
async fn no_way_to_write_an_action_goes_round_the_signature() {
    let (w, said) = told().await;
    for action in [json!({"callback": null}), json!({"callback": {}}), json!(["callback"]), json!(3), Value::Null] {
        let error = w.call(&w.store, with(&said, "action", action.clone()).to_string(), &[]).await.unwrap_err();
        assert_eq!((error.status, error.code), (400, "invalid_request"), "{action}: {}", error.message);
        assert!(error.message.contains("`action`"), "{}", error.message);
        assert_eq!(w.model().status, Status::Training, "{action}");
    }
    // The last of two of the same name is the one that counts.
    let twice = said.to_string().replacen('{', r#"{"action":"run","#, 1);
    assert_eq!(told_of(w.call(&w.store, twice, &[]).await), (401, "signature_missing"));
    assert_eq!(w.model().status, Status::Training);
}

#[tokio::test]
async fn an_id_that_is_too_long_is_refused_before_the_database_is() {
    let (w, said) = told().await;
    assert_eq!(told_of(w.said(&"i".repeat(256), &said).await), (401, "signature_wrong"));
    assert_eq!(w.said(&"i".repeat(255), &said).await.unwrap()["status"], "testing");
}

#[tokio::test]
async fn while_secrets_change_either_is_believed_and_the_new_one_signs() {
    let new = Secret::read("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    let (mut w, said) = told().await;
    w.settings.webhook_secrets.insert(0, new.clone());
    let accepted = json!({"action": "callback", "model_version_id": w.model().id, "status": "accepted"});
    w.said("msg_1", &accepted).await.unwrap();
    let (body, now) = (said.to_string(), NOW.to_string());
    let headers = signed("msg_2", &now, &sign(&new, "msg_2", NOW, body.as_bytes()));
    assert_eq!(w.call(&w.store.as_nobody(), body, &headers).await.unwrap()["status"], "testing");

    let mut w = world(12).await;
    w.settings.webhook_secrets.push(new);
    assert_eq!(w.run(json!({"force": true})).await["triggered"], true, "its stand-in knows the first only");
}

fn signed(id: &str, timestamp: &str, signature: &str) -> [(&'static str, String); 3] {
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_owned()),
        ("webhook-signature", signature.to_owned()),
    ]
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let (w, said) = told().await;
    let path = w.manifest()["parts"][0]["path"].as_str().unwrap().to_owned();
    let hash = &said["dataset"]["manifest_sha256"];
    let mut without = said["dataset"].clone();
    without["parts"].as_object_mut().unwrap().remove(&path);
    let mut changed = said["dataset"].clone();
    changed["parts"][&path] = json!("00");
    let mut other = said["dataset"].clone();
    other["manifest_sha256"] = json!("00");
    let strange = json!({"manifest_sha256": hash, "parts": {&path: 7}});
    let cases = [
        ("metrics", json!({"win_rate": 1.1}), (422, "metrics_out_of_range"), "win_rate"),
        ("metrics", json!({"eval_loss": -1}), (422, "metrics_out_of_range"), "eval_loss"),
        ("metrics", json!({"win_rate": "high"}), (422, "metrics_out_of_range"), "metrics.win_rate"),
        ("metrics", json!({"Win Rate": 0.5}), (400, "invalid_request"), "metrics.Win Rate"),
        ("dataset", without, (422, "dataset_part_missing"), path.as_str()),
        ("dataset", changed, (422, "dataset_changed"), path.as_str()),
        ("dataset", other, (422, "dataset_changed"), "manifest"),
        ("dataset", strange, (400, "invalid_request"), "`dataset.parts`"),
        ("dataset", Value::Null, (400, "invalid_request"), "`dataset`: is required"),
        ("base_url", json!("https://models.example.com.evil.org"), (422, "model_not_allowed"), "ML_MODEL_HOSTS"),
        ("base_url", json!("http://models.example.com"), (422, "model_not_allowed"), "ML_MODEL_HOSTS"),
        ("base_url", Value::Null, (400, "invalid_request"), "`base_url`: is required"),
        ("model", json!(""), (400, "invalid_request"), "`model`"),
        ("status", json!("done"), (400, "invalid_request"), "`status`"),
        ("force", json!(true), (400, "invalid_request"), "`force`"),
        ("model_version_id", Value::Null, (400, "invalid_request"), "`model_version_id`"),
    ];
    for (n, (name, value, told, part)) in cases.into_iter().enumerate() {
        let error = w.said(&format!("msg_{n}"), &with(&said, name, value)).await.unwrap_err();
        assert_eq!((error.status, error.code), told, "{name}: {}", error.message);
        assert!(error.message.contains(part), "{name}: {}", error.message);
        assert_eq!(w.model().status, Status::Training, "{name}");
    }
    assert_eq!(w.said("msg_0", &said).await.unwrap()["status"], "testing", "none of those ids was used up");
}

#[tokio::test]
async fn without_a_secret_no_answer_can_be_checked() {
    let (mut w, said) = told().await;
    w.settings.webhook_secrets.clear();
    let error = w.said("msg_1", &said).await.unwrap_err();
    assert_eq!((error.status, error.code), (500, "misconfigured"));
    assert!(error.message.contains("ML_WEBHOOK_SECRET"));
}
