//! The whole function on the fake store, a stand-in of Storage and a trainer that answers as it is told.

mod answering;
mod faults;
mod ground;
mod killing;

use std::cell::Cell;

use chrono::TimeDelta;
use ground::{World, world};
use pawl_core::training::decide::Why;
use pawl_store::{StoreError, feedback::Signal, training::Status};
use serde_json::{Value, json};

thread_local! {
    /// The clock that never goes back.
    static NOW_MS: Cell<f64> = const { Cell::new(0.0) };
}

#[tokio::test]
async fn what_people_liked_becomes_a_dataset_and_the_trainer_is_told() {
    let w = world(12).await;
    let response = w.run(json!({"force": true})).await;
    let id = w.model().id.to_string();
    insta::assert_json_snapshot!(response, {".results[0].model_version_id" => "[id]"}, @r#"
    {
      "more": false,
      "request_id": "r1",
      "results": [
        {
          "assistant": "default",
          "assistant_id": "00000000-0000-0000-0000-000000000002",
          "collected": 12,
          "dataset": {
            "done": true,
            "parts": 1,
            "rows": 12
          },
          "drift": null,
          "model_version_id": "[id]",
          "organization_id": "00000000-0000-0000-0000-000000000001",
          "status": "training",
          "stored": 12,
          "triggered": true,
          "version": "v1"
        }
      ],
      "triggered": true,
      "version": "v1"
    }
    "#);
    let (headers, body) = w.told();
    insta::assert_json_snapshot!(body, {
        ".model_version_id" => "[id]",
        ".parts[].bytes" => "[bytes]",
        ".parts[].rows" => "[rows]",
        ".parts[].sha256" => "[hash]",
        ".parts[].url" => "[url]",
        ".manifest_sha256" => "[hash]",
        ".manifest_url" => "[url]",
    }, @r#"
    {
      "base_model": "claude-sonnet-5-5",
      "callback_url": "https://x.co/functions/v1/retrain-trigger",
      "expires_at": "2027-01-22T08:00:00Z",
      "manifest_sha256": "[hash]",
      "manifest_url": "[url]",
      "model_name": "default",
      "model_version_id": "[id]",
      "parts": [
        {
          "bytes": "[bytes]",
          "path": "00000000-0000-0000-0000-000000000002/v1/train-00001.jsonl",
          "rows": "[rows]",
          "sha256": "[hash]",
          "split": "train",
          "url": "[url]"
        },
        {
          "bytes": "[bytes]",
          "path": "00000000-0000-0000-0000-000000000002/v1/held-out-00001.jsonl",
          "rows": "[rows]",
          "sha256": "[hash]",
          "split": "held_out",
          "url": "[url]"
        }
      ],
      "samples": 12,
      "type": "training.requested",
      "version": "v1"
    }
    "#);
    let folder = "https://x.co/storage/v1/object/sign/pawl-training/00000000-0000-0000-0000-000000000002/v1";
    assert_eq!(body["manifest_url"], format!("{folder}/manifest.json?token=t"));
    assert_eq!(body["parts"][1]["url"], format!("{folder}/held-out-00001.jsonl?token=t"));
    assert_eq!(body["manifest_sha256"].as_str(), w.model().manifest_sha256.as_deref());
    assert_eq!(headers["webhook-id"], format!("msg_{}", id.replace('-', "")));
    assert_eq!(headers["webhook-timestamp"], ground::NOW.to_string());
    w.check_dataset();
    assert_eq!(w.model().status, Status::Training);
}

#[tokio::test]
async fn too_little_or_nothing_new_triggers_nothing() {
    let w = world(3).await;
    let response = w.run(json!({})).await;
    assert_eq!((&response["triggered"], &response["reason"]), (&json!(false), &json!("Insufficient samples: 3/10")));
    assert_eq!(response["results"][0]["collected"], 3);
    let response = w.run(json!({})).await;
    assert_eq!(response["results"][0]["collected"], 0, "each is collected once");

    let w = world(12).await;
    let response = w.run(Value::Null).await;
    assert_eq!(response["reason"], "No drift, and no schedule is due", "an empty body is a run");
    assert!(w.models().is_empty() && w.outside.objects().is_empty());
}

#[tokio::test]
async fn drift_is_seen_recorded_and_trains() {
    let w = world(60).await;
    w.store.advance(TimeDelta::days(9));
    for i in 0..60 {
        let question = format!("later question {i}");
        w.react(w.person(i / 5), &question, &format!("later answer {i}"), Signal::ThumbsDown).await;
    }
    w.ripen();
    let response = w.run(json!({})).await;
    let result = &response["results"][0];
    insta::assert_json_snapshot!(result["drift"], {".drift_score" => "[score]", ".p_value" => "[p]"}, @r#"
    {
      "alert": true,
      "drift_score": "[score]",
      "metric_type": "feedback_score",
      "p_value": "[p]"
    }
    "#);
    assert!(
        result["drift"]["drift_score"].as_f64().unwrap() > 1.0 && result["drift"]["p_value"].as_f64().unwrap() < 1e-6
    );
    assert_eq!(response["triggered"], true, "{response}");
    let [metric] = &w.store.drift_metrics(w.store.default_assistant())[..] else { panic!("one look is recorded") };
    assert_eq!((metric.baseline_value, metric.current_value, metric.alert), (1.0, 0.0, true));
    assert_eq!((&metric.details["n_baseline"], &metric.details["n_current"]), (&json!(60), &json!(60)));
    assert!(metric.details["windows"]["current"]["to"].is_string(), "{}", metric.details);
    assert!(metric.words.contains("fell from 1.00 to 0.00"), "{}", metric.words);
    assert_eq!(w.model().why, Why::Drift { drift_metric_id: metric.id.to_string() });
    assert_eq!(w.check_dataset(), 60);
    // Not again for some hours, unless somebody wants it.
    for (hours, body, looks) in [(10, json!({}), 1), (0, json!({"force": true}), 2), (21, json!({}), 3)] {
        w.store.advance(TimeDelta::hours(hours));
        w.run(body).await;
        assert_eq!(w.store.drift_metrics(w.store.default_assistant()).len(), looks, "after {hours} hours");
    }
}

#[tokio::test]
async fn what_is_masked_reaches_neither_store_nor_dataset() {
    let w = world(11).await;
    w.liked("write to ada@example.com", "I wrote to ada@example.com").await;
    w.ripen();
    w.run(json!({"force": true})).await;
    let all = w.outside.objects().into_values().map(|bytes| String::from_utf8(bytes).unwrap()).collect::<String>();
    assert!(all.contains("[email]") && !all.contains("ada@example.com"), "{all}");
    assert_eq!(w.manifest()["counts"]["masked"], json!({"email": 2}));
}

#[tokio::test]
async fn without_a_trainer_all_is_done_but_the_trigger() {
    let mut w = world(12).await;
    w.settings.webhook_url = None;
    let response = w.run(json!({"force": true})).await;
    let reason = "No trainer is configured: set ML_WEBHOOK_URL and ML_WEBHOOK_SECRET";
    assert_eq!((&response["triggered"], &response["reason"]), (&json!(false), &json!(reason)));
    assert_eq!(response["results"][0]["collected"], 12);
    assert!(w.models().is_empty());
}

#[tokio::test]
async fn a_version_that_is_in_hand_is_named_and_no_other_is_begun() {
    let w = world(12).await;
    w.run(json!({"force": true})).await;
    let response = w.run(json!({"force": true})).await;
    assert_eq!((&response["triggered"], &response["reason"]), (&json!(false), &json!("Version v1 is in training")));
    assert_eq!((w.models().len(), w.outside.told().len()), (1, 1));
}

#[tokio::test]
async fn a_dataset_takes_as_many_calls_as_it_needs() {
    let mut w = world(40).await;
    w.run(json!({})).await;
    w.settings.rows = 7;
    let mut calls = 0;
    loop {
        let response = w.run(json!({"force": true})).await;
        calls += 1;
        if response["triggered"] == true {
            break;
        }
        assert_eq!(response["more"], true, "{response}");
        assert_eq!(response["results"][0]["dataset"]["done"], false);
    }
    assert!(calls > 4, "{calls}");
    assert_eq!(w.check_dataset(), 40);
}

#[tokio::test]
async fn what_is_not_collected_yet_is_waited_for() {
    let mut w = world(20).await;
    w.settings.rows = 8;
    let response = w.run(json!({"force": true})).await;
    assert_eq!(
        (&response["reason"], &response["more"]),
        (&json!("Feedback is still being collected: call again"), &json!(true))
    );
    assert!(w.models().is_empty());
}

#[tokio::test]
async fn parts_have_the_length_they_may_have() {
    let mut w = world(25).await;
    w.settings.part_rows = 10;
    w.run(json!({"force": true})).await;
    assert_eq!(w.check_dataset(), 25);
    let parts = w.manifest()["parts"].as_array().unwrap().clone();
    for number in 1..=3 {
        let of = |part: &&Value| part["path"].as_str().unwrap().contains(&format!("-{number:05}.jsonl"));
        let rows: u64 = parts.iter().filter(of).map(|part| part["rows"].as_u64().unwrap()).sum();
        assert_eq!(rows, if number == 3 { 5 } else { 10 });
    }
}

#[tokio::test]
async fn a_dataset_is_made_again_byte_by_byte_and_a_change_shows() {
    let mut w = world(25).await;
    w.settings.part_rows = 10;
    w.run(json!({"force": true})).await;
    let rebuild = json!({"action": "rebuild", "model_version_id": w.model().id});
    let response = w.run(rebuild.clone()).await;
    assert_eq!((&response["identical"], &response["next_part"]), (&json!(true), &Value::Null), "{response}");
    let files = w.manifest()["parts"].as_array().unwrap().len();
    assert_eq!(response["parts"].as_array().unwrap().len(), files);
    w.store.forget(w.person(0));
    let response = w.run(rebuild).await;
    assert_eq!(response["identical"], false);
    let missing: u64 = response["parts"].as_array().unwrap().iter().map(|p| p["missing"].as_u64().unwrap()).sum();
    assert_eq!(missing, 5, "{response}");
    let later = json!({"action": "rebuild", "model_version_id": w.model().id, "part": 3});
    assert!(w.run(later).await["parts"].as_array().unwrap().len() <= 2);
    let beyond = json!({"action": "rebuild", "model_version_id": w.model().id, "part": 4});
    assert_eq!(w.run(beyond).await["parts"], json!([]));
    let unknown = json!({"action": "rebuild", "model_version_id": uuid::Uuid::max()});
    assert_eq!(w.refused(unknown).await, (404, "model_version_not_found"));
}

#[tokio::test]
async fn a_version_without_a_part_yet_is_there() {
    let w = world(12).await;
    w.store.fail_next("record_parts", StoreError::Unavailable("timeout".into()));
    w.run(json!({"force": true})).await;
    let rebuild = json!({"action": "rebuild", "model_version_id": w.model().id});
    let response = w.run(rebuild).await;
    assert_eq!((&response["identical"], &response["parts"]), (&json!(true), &json!([])), "{response}");
}

#[tokio::test]
async fn who_is_forgotten_is_in_no_later_dataset() {
    let w = world(25).await;
    w.run(json!({})).await;
    w.store.forget(w.person(0));
    w.run(json!({"force": true})).await;
    assert_eq!(w.check_dataset(), 20);
    let all = w.outside.objects().into_values().map(|bytes| String::from_utf8(bytes).unwrap()).collect::<String>();
    assert!(!all.contains("question 0 ") && all.contains("question 1 "));
}

#[tokio::test]
async fn an_analysis_is_for_who_may_steer() {
    let w = world(5).await;
    w.run(json!({})).await;
    let response = w.run(json!({"action": "analyze"})).await;
    assert_eq!((&response["total_samples"], &response["average_score"]), (&json!(5), &json!(1.0)));
    assert_eq!(response["score_distribution"]["1.0"], 5);
    let nobody = w.store.as_nobody();
    assert_eq!(w.refused_as(&nobody, json!({"action": "analyze"})).await.0, 401);
    assert_eq!(w.refused_as(&nobody, json!({})).await, (401, "unauthorized"));
    assert_eq!(w.refused_as(&w.store.as_user(w.person(0)), json!({})).await, (403, "forbidden"));
}

#[tokio::test]
async fn bad_input_is_named() {
    let w = world(0).await;
    for (body, part) in [
        (json!({"action": "dance"}), "`action`"),
        (json!({"force": "yes"}), "`force`"),
        (json!({"days": 3}), "`days`: does not belong"),
        (json!({"action": "analyze", "days": 0}), "`days`: must be"),
        (json!({"action": "analyze", "force": true}), "`force`: does not belong"),
        (json!({"action": "rebuild"}), "`model_version_id`: is required"),
        (json!({"action": "rebuild", "model_version_id": uuid::Uuid::max(), "part": 0}), "`part`"),
        (json!({"more": 1}), "`more`"),
    ] {
        let error = w.call(&w.store, body.to_string(), &[]).await.unwrap_err();
        assert_eq!((error.status, error.code), (400, "invalid_request"), "{}", error.message);
        assert!(error.message.contains(part), "{}", error.message);
    }
    assert_eq!(w.refused(json!({"assistant": "nobody"})).await, (404, "assistant_not_found"));
    w.store.fail_next("claim_training", StoreError::Unavailable("timeout".into()));
    assert_eq!(w.refused(json!({})).await, (503, "database_unavailable"));
}
