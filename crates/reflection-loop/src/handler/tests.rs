use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use chrono::TimeDelta;
use pawl_core::{evaluation::ClaimedScore, rubric::Rubric, usage::Usage};
use pawl_edge::ApiError;
use pawl_model::{JudgeRequest, Judgement, ModelError, Phrase, PhraseRequest, Unanswered};
use pawl_store::{
    StoreError,
    fake::{FakeStore, Limits},
    turns::{BeginTurn, BeginTurns, FinishedTurn, Learning, NewTurn, TurnLedger},
    usage::Purpose,
};
use serde_json::{Value, json};

use super::*;

/// A judge that gives every exchange the same score with honest evidence, unless the answer says otherwise.
struct FakeJudge {
    score: Cell<i64>,
    faults: RefCell<VecDeque<ModelError>>,
    asked: RefCell<Vec<(String, Vec<String>)>>,
}

impl Judge for FakeJudge {
    async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
        let answers: Vec<_> = request.exchanges.iter().map(|e| e.answer.clone()).collect();
        self.asked.borrow_mut().push((request.system_prompt.to_owned(), answers.clone()));
        if let Some(fault) = self.faults.borrow_mut().pop_front() {
            return Err(fault.into());
        }
        let second_try = self.asked.borrow().len() > 1;
        let scores = answers.iter().map(|answer| {
            let lie = answer.contains("never") || (answer.contains("once") && !second_try);
            let evidence = if lie { "words that nobody wrote".to_owned() } else { answer.clone() };
            vec![ClaimedScore { criterion: "depth".into(), score: self.score.get(), evidence }]
        });
        Ok(Judgement {
            scores: scores.collect(),
            strengths: vec!["brief".into()],
            weaknesses: vec!["shallow".into(), "cold".into()],
            patterns: vec!["short questions".into()],
            model: "simulated/judge".into(),
            usage: Usage::default(),
            raw: json!({"evaluations": []}),
        })
    }
}

/// Where nothing is to be learned.
struct Mute;

impl Phraser for Mute {
    async fn phrase(&self, _request: PhraseRequest<'_>) -> Result<Phrase, Unanswered> {
        unreachable!("nothing is to be learned here")
    }
}

/// Answers as prompt-updater would, and remembers what it was asked.
#[derive(Default)]
struct FakeUpdater {
    answer: RefCell<Option<(u16, String)>>,
    asked: RefCell<Vec<Uuid>>,
    /// The same of proofs: the body, and the timeout in seconds.
    proofs: RefCell<Option<(u16, String)>>,
    asked_to_prove: RefCell<Vec<(Value, u64)>>,
}

impl Updater for FakeUpdater {
    async fn call(&self, body: &Value, timeout: Duration) -> Option<(u16, String)> {
        if body["action"] == "prove" {
            self.asked_to_prove.borrow_mut().push((body.clone(), timeout.as_secs()));
            return self.proofs.borrow().clone();
        }
        self.asked.borrow_mut().push(serde_json::from_value(body["reflection_id"].clone()).unwrap());
        self.answer.borrow().clone()
    }
}

thread_local! {
    static NOW_MS: Cell<f64> = const { Cell::new(0.0) };
}

struct World {
    store: FakeStore,
    judge: FakeJudge,
    updater: FakeUpdater,
    user: Uuid,
}

fn rubric() -> Rubric {
    serde_json::from_value(json!([{"key": "depth", "description": "", "anchors": ["", "", "", "", ""]}])).unwrap()
}

fn world() -> World {
    NOW_MS.set(0.0);
    let judge = FakeJudge { score: Cell::new(2), faults: RefCell::default(), asked: RefCell::default() };
    let updater = FakeUpdater::default();
    let submitted =
        json!({"submitted": true, "version": 2, "previous_version": 1, "change_reason": "why", "request_id": "r2"});
    *updater.answer.borrow_mut() = Some((200, submitted.to_string()));
    *updater.proofs.borrow_mut() = Some((200, json!({"proofs": [], "more": false, "request_id": "r3"}).to_string()));
    World { store: FakeStore::new(rubric(), "Be plain."), judge, updater, user: Uuid::from_u128(0xA) }
}

impl World {
    /// Stores an answered turn.
    async fn chat(&self, answer: &str) {
        self.chat_with(&self.store.as_user(self.user), answer).await;
    }

    async fn chat_with(&self, caller: &FakeStore, answer: &str) {
        let new = NewTurn { message: "a question", ..NewTurn::default() };
        // Many answers of one person, without the minutes between them.
        self.store
            .limit(self.store.default_organization(), Limits { user_requests_per_minute: 1000, ..Limits::default() });
        let BeginTurn::Ok(turn) = caller.begin_turn(&new).await.unwrap() else { panic!("the turn did not begin") };
        let finished = FinishedTurn {
            turn_id: turn.turn_id,
            attempt: turn.attempt,
            prompt_id: Some(turn.prompt_id),
            answer,
            model: "m",
            stop_reason: Some("end_turn"),
            usage: Usage::default(),
            latency_ms: Some(1),
            tools: &[],
            learning: Learning {
                response_format: "prose",
                length_class: "short",
                answer_characters: 5,
                exposures: &[],
            },
        };
        self.store.complete_turn(&finished).await.unwrap();
    }

    async fn chats(&self, count: usize) {
        for i in 0..count {
            self.chat(&format!("this is answer number {i}")).await;
        }
    }

    async fn call_as(&self, store: &FakeStore, body: Value) -> Result<Value, ApiError> {
        let request = Request {
            method: "POST".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let ports = Ports {
            store,
            judge: &self.judge,
            phraser: &Mute,
            updater: &self.updater,
            now_ms: || NOW_MS.get(),
            holder: self.store.turns().last().map_or(Uuid::max(), |t| t.id),
        };
        let response = reflect(&request, "r1", &ports).await.map_err(ApiError::from)?;
        Ok(serde_json::from_str(response.text()).unwrap())
    }

    /// The only result of a call.
    async fn result(&self, body: Value) -> Value {
        let response = self.call_as(&self.store, body).await.unwrap();
        assert_eq!(response["results"].as_array().unwrap().len(), 1, "{response}");
        response["results"][0].clone()
    }

    fn assistant(&self) -> Uuid {
        self.store.default_assistant()
    }
}

fn skipped(result: &Value) -> Option<&str> {
    (result["skipped"] == true).then(|| result["reason"].as_str()).flatten()
}

#[tokio::test]
async fn a_reflection_judges_decides_stores_and_asks_for_the_update() {
    let w = world();
    w.chats(5).await;
    let response = w.call_as(&w.store, json!({})).await.unwrap();
    insta::assert_json_snapshot!(response, {".results[0].reflection_id" => "[id]"}, @r#"
    {
      "learning": [
        {
          "assistant": "default",
          "assistant_id": "00000000-0000-0000-0000-000000000002",
          "organization_id": "00000000-0000-0000-0000-000000000001",
          "reason": "not_due",
          "skipped": true
        }
      ],
      "more": false,
      "proof": [],
      "request_id": "r1",
      "results": [
        {
          "action": "prompt_update",
          "assistant": "default",
          "assistant_id": "00000000-0000-0000-0000-000000000002",
          "discarded": 0,
          "messages_analyzed": 5,
          "organization_id": "00000000-0000-0000-0000-000000000001",
          "patterns": [
            "short questions"
          ],
          "prompt_version": 1,
          "reflection_id": "[id]",
          "scores": {
            "criteria": {
              "depth": 2.0
            },
            "overall": 2.0
          },
          "strengths": [
            "brief"
          ],
          "update": {
            "change_reason": "why",
            "previous_version": 1,
            "submitted": true,
            "version": 2
          },
          "weaknesses": [
            "shallow",
            "cold"
          ]
        }
      ]
    }
    "#);
    assert_eq!(w.store.evaluated().len(), 5);
    assert_eq!(*w.updater.asked.borrow(), [w.store.logs()[0].id]);
    assert_eq!(w.judge.asked.borrow()[0].0, "Be plain.");
}

#[tokio::test]
async fn the_score_decides_what_is_done() {
    for (score, action, asked, suggestions) in [(2, "prompt_update", 1, 0), (3, "suggestion", 0, 1), (4, "none", 0, 0)]
    {
        let w = world();
        w.judge.score.set(score);
        w.chats(5).await;
        assert_eq!(w.result(json!({})).await["action"], action);
        assert_eq!(w.updater.asked.borrow().len(), asked, "{action}");
        let suggestion = w.store.logs()[0].suggestion.clone();
        assert_eq!(suggestion.iter().count(), suggestions, "{action}");
        if let Some(text) = suggestion {
            assert_eq!(text, "Mean score 3.00 of 5.\n- shallow\n- cold");
        }
    }
}

#[tokio::test]
async fn too_little_data_too_soon_and_nothing_new_are_skipped() {
    let w = world();
    w.chats(4).await;
    assert_eq!(skipped(&w.result(json!({})).await), Some("insufficient_data"));
    assert_eq!(skipped(&w.result(json!({"force": true})).await), Some("insufficient_data"));
    w.judge.score.set(4);
    w.chats(1).await;
    assert_eq!(skipped(&w.result(json!({})).await), None);
    w.chats(5).await;
    assert_eq!(skipped(&w.result(json!({})).await), Some("cooldown"));
    // Six hours, or fifty answers, are enough; and force does not wait.
    w.store.advance(TimeDelta::hours(7));
    assert_eq!(w.result(json!({})).await["messages_analyzed"], 5);
    w.chats(50).await;
    assert_eq!(w.result(json!({})).await["messages_analyzed"], 20);
    assert_eq!(w.result(json!({"force": true})).await["messages_analyzed"], 20);
    assert_eq!(w.store.evaluated().len(), 50);
}

#[tokio::test]
async fn paused_locked_and_used_up_assistants_are_left_alone_unless_forced() {
    for reason in ["paused", "locked", "daily_limit"] {
        let w = world();
        match reason {
            "paused" => w.store.configure(w.assistant(), |s| s.updates_paused = true),
            "locked" => w.store.lock(w.assistant(), true),
            _ => w.store.configure(w.assistant(), |s| s.max_updates_per_day = 0),
        }
        w.chats(5).await;
        assert_eq!(skipped(&w.result(json!({})).await), Some(reason));
        assert!(w.judge.asked.borrow().is_empty(), "{reason}: the judge was paid");
        assert_eq!(w.result(json!({"force": true})).await["scores"]["overall"], 2.0, "{reason}");
    }
}

#[tokio::test]
async fn an_assistant_somebody_works_on_is_left_to_them() {
    let w = world();
    w.chats(5).await;
    let claim = ClaimRequest { holder: Uuid::from_u128(77), lease_seconds: 160, ..ClaimRequest::default() };
    w.store.claim(&claim, None).await.unwrap();
    assert_eq!(skipped(&w.result(json!({"force": true})).await), Some("in_progress"));
    // It died: the lease runs out.
    w.store.advance(TimeDelta::seconds(161));
    assert_eq!(w.result(json!({})).await["action"], "prompt_update");
}

#[tokio::test]
async fn a_lease_lost_while_judging_stores_nothing() {
    let w = world();
    w.chats(5).await;
    // The judge takes so long that another worker takes over.
    struct Slow<'a>(&'a World);
    impl Judge for Slow<'_> {
        async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
            self.0.store.advance(TimeDelta::seconds(200));
            let claim = ClaimRequest { holder: Uuid::from_u128(77), lease_seconds: 160, ..ClaimRequest::default() };
            self.0.store.claim(&claim, None).await.unwrap();
            self.0.judge.judge(request).await
        }
    }
    let ports = Ports {
        store: &w.store,
        judge: &Slow(&w),
        phraser: &Mute,
        updater: &w.updater,
        now_ms: || 0.0,
        holder: Uuid::from_u128(1),
    };
    let response = reflect(&Request::default(), "r1", &ports).await.unwrap();
    let body: Value = serde_json::from_str(response.text()).unwrap();
    assert_eq!(skipped(&body["results"][0]), Some("in_progress"), "{body}");
    assert!(w.store.logs().is_empty() && w.store.evaluated().is_empty());
    assert!(w.updater.asked.borrow().is_empty());
}

#[tokio::test]
async fn a_dry_run_judges_and_leaves_no_trace() {
    let w = world();
    w.chats(5).await;
    let result = w.result(json!({"dry_run": true})).await;
    assert_eq!((&result["action"], &result["dry_run"]), (&json!("prompt_update"), &json!(true)));
    assert!(result.get("reflection_id").is_none() && result.get("update").is_none());
    assert!(w.store.logs().is_empty() && w.store.evaluated().is_empty() && w.updater.asked.borrow().is_empty());
    // The lease was given back.
    assert_eq!(w.result(json!({})).await["messages_analyzed"], 5);
}

#[tokio::test]
async fn judgements_without_evidence_are_asked_for_once_more_then_discarded_and_counted() {
    let w = world();
    w.chats(3).await;
    w.chat("an answer he lies about once").await;
    w.chat("an answer he never quotes").await;
    let result = w.result(json!({})).await;
    assert_eq!((&result["messages_analyzed"], &result["discarded"]), (&json!(5), &json!(1)));
    let second = w.judge.asked.borrow()[1].1.clone();
    assert_eq!(second, ["an answer he never quotes", "an answer he lies about once"]);
    let scores: Vec<_> = w.store.evaluated().into_values().collect();
    assert_eq!(scores.iter().filter(|s| **s == Some(2.0)).count(), 4);
    assert_eq!(scores.iter().filter(|s| s.is_none()).count(), 1);
}

#[tokio::test]
async fn answers_whose_second_try_fails_wait_for_the_next_reflection() {
    let w = world();
    w.chats(5).await;
    w.chat("an answer he never quotes").await;
    struct FailsSecond<'a>(&'a World);
    impl Judge for FailsSecond<'_> {
        async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
            if self.0.judge.asked.borrow().len() == 1 {
                self.0.judge.faults.borrow_mut().push_back(ModelError::Overloaded(None));
            }
            self.0.judge.judge(request).await
        }
    }
    let ports = Ports {
        store: &w.store,
        judge: &FailsSecond(&w),
        phraser: &Mute,
        updater: &w.updater,
        now_ms: || 0.0,
        holder: Uuid::from_u128(1),
    };
    reflect(&Request::default(), "r1", &ports).await.unwrap();
    assert_eq!(w.store.evaluated().len(), 5);
    assert!(w.store.evaluated().values().all(Option::is_some));
}

#[tokio::test]
async fn a_judge_that_fails_is_reported_and_nothing_is_stored() {
    let w = world();
    w.chats(5).await;
    w.judge.faults.borrow_mut().push_back(ModelError::Overloaded(None));
    let result = w.result(json!({})).await;
    assert_eq!((&result["failed"], &result["code"]), (&json!(true), &json!("model_overloaded")));
    assert!(w.store.logs().is_empty());
    // The lease was given back, and the next call does it.
    assert_eq!(w.result(json!({})).await["action"], "prompt_update");
}

#[tokio::test]
async fn one_assistants_fault_leaves_the_others_their_results() {
    let w = world();
    w.chats(5).await;
    let second = w.store.add_organization();
    w.store.add_assistant(second, "default", rubric(), "Another.");
    w.store.fail_next("record", StoreError::Unexpected("23503".into()));
    let response = w.call_as(&w.store, json!({})).await.unwrap();
    assert_eq!(response["results"][0]["code"], "internal");
    assert_eq!(skipped(&response["results"][1]), Some("insufficient_data"));
    // The lease was given back.
    assert_eq!(w.result(json!({"organization_id": w.store.default_organization()})).await["messages_analyzed"], 5);
}

#[tokio::test]
async fn a_large_rubric_gets_fewer_answers_at_a_time() {
    let criteria: Vec<_> =
        (0..20).map(|i| json!({"key": format!("k{i}"), "description": "", "anchors": ["", "", "", "", ""]})).collect();
    let w = World { store: FakeStore::new(serde_json::from_value(json!(criteria)).unwrap(), "Be plain."), ..world() };
    w.chats(10).await;
    w.result(json!({})).await;
    assert_eq!(w.judge.asked.borrow()[0].1.len(), 5);
}

#[tokio::test]
async fn when_every_answer_needs_a_second_try_that_fails_nothing_is_recorded() {
    let w = world();
    for _ in 0..5 {
        w.chat("an answer he never quotes").await;
    }
    struct FailsSecond<'a>(&'a World);
    impl Judge for FailsSecond<'_> {
        async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
            if self.0.judge.asked.borrow().len() == 1 {
                self.0.judge.faults.borrow_mut().push_back(ModelError::Overloaded(None));
            }
            self.0.judge.judge(request).await
        }
    }
    let holder = Uuid::from_u128(1);
    let ports =
        Ports { store: &w.store, judge: &FailsSecond(&w), phraser: &Mute, updater: &w.updater, now_ms: || 0.0, holder };
    let response = reflect(&Request::default(), "r1", &ports).await.unwrap();
    assert!(response.text().contains("judgement_incomplete"), "{}", response.text());
    assert!(w.store.logs().is_empty());
}

#[tokio::test]
async fn an_update_that_failed_stays_owed_and_is_not_judged_again() {
    let w = world();
    w.chats(5).await;
    *w.updater.answer.borrow_mut() = None;
    assert_eq!(w.result(json!({})).await["update"], json!({"failed": true, "code": "updater_unreachable"}));
    *w.updater.answer.borrow_mut() = Some((503, json!({"code": "model_overloaded", "message": "…"}).to_string()));
    let result = w.result(json!({})).await;
    assert_eq!(result["update"], json!({"failed": true, "code": "model_overloaded"}));
    assert_eq!(result["reflection_id"], json!(w.store.logs()[0].id));
    assert_eq!(w.judge.asked.borrow().len(), 1);
    assert_eq!(w.updater.asked.borrow().len(), 2);
}

#[tokio::test]
async fn with_too_little_time_left_an_update_waits_for_the_next_call() {
    let w = world();
    w.chats(5).await;
    struct Slow<'a>(&'a FakeJudge);
    impl Judge for Slow<'_> {
        async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
            NOW_MS.set(NOW_MS.get() + 130_000.0);
            self.0.judge(request).await
        }
    }
    let ports = Ports {
        store: &w.store,
        judge: &Slow(&w.judge),
        phraser: &Mute,
        updater: &w.updater,
        now_ms: || NOW_MS.get(),
        holder: Uuid::from_u128(1),
    };
    let response = reflect(&Request::default(), "r1", &ports).await.unwrap();
    let body: Value = serde_json::from_str(response.text()).unwrap();
    assert_eq!(body["results"][0]["update"], json!({"failed": true, "code": "no_time_left"}));
    assert!(w.updater.asked.borrow().is_empty());
    assert_eq!(w.result(json!({})).await["update"]["version"], 2);
}

#[tokio::test]
async fn one_call_works_through_assistants_and_says_when_some_are_left() {
    let w = world();
    w.chats(5).await;
    let second = w.store.add_organization();
    let other = w.store.add_assistant(second, "default", rubric(), "Another.");
    let user = Uuid::from_u128(0xB);
    w.store.add_member(second, user, false);
    for i in 0..5 {
        w.chat_with(&w.store.as_user(user), &format!("another answer, number {i}")).await;
    }
    let response = w.call_as(&w.store, json!({})).await.unwrap();
    assert_eq!(response["results"].as_array().unwrap().len(), 2);
    assert_eq!(response["more"], false);
    let asked = w.judge.asked.borrow();
    assert_eq!((asked[0].0.as_str(), asked[1].0.as_str()), ("Be plain.", "Another."));
    assert!(asked[0].1.iter().all(|a| a.starts_with("this is")) && asked[1].1.iter().all(|a| a.starts_with("another")));
    drop(asked);
    assert_eq!(w.store.logs()[1].assistant_id, other);
}

#[tokio::test]
async fn an_assistant_that_does_not_exist_is_404_and_strangers_are_refused() {
    let w = world();
    let ports = Ports {
        store: &w.store,
        judge: &w.judge,
        phraser: &Mute,
        updater: &w.updater,
        now_ms: || 0.0,
        holder: Uuid::max(),
    };
    assert_eq!(
        reflect(&Request::default(), "r1", &ports).await.unwrap().status,
        200,
        "an empty body is an empty request"
    );
    let error = w.call_as(&w.store, json!({"assistant": "nobody"})).await.unwrap_err();
    assert_eq!((error.status, error.code), (404, "assistant_not_found"));
    let error = w.call_as(&w.store.as_nobody(), json!({})).await.unwrap_err();
    assert_eq!((error.status, error.code), (401, "unauthorized"));
    let error = w.call_as(&w.store.as_user(w.user), json!({})).await.unwrap_err();
    assert_eq!((error.status, error.code), (403, "forbidden"));
    w.store.fail_next("claim", StoreError::Unavailable("connection".into()));
    let error = w.call_as(&w.store, json!({})).await.unwrap_err();
    assert_eq!((error.status, error.code), (503, "database_unavailable"));
    let error = w.call_as(&w.store, json!({"forced": true})).await.unwrap_err();
    assert_eq!((error.status, error.code), (400, "invalid_request"));
}

#[tokio::test]
async fn every_call_of_the_judge_is_counted_and_a_reflection_outlives_a_failure_to_count() {
    let w = world();
    w.chats(5).await;
    let chats = w.store.spent().len();
    w.result(json!({})).await;
    let spent = w.store.spent().split_off(chats);
    assert_eq!(spent.iter().map(|s| s.purpose).collect::<Vec<_>>(), [Some(Purpose::Judge)]);

    let w = world();
    w.chats(5).await;
    w.store.fail_next("record_usage", StoreError::Unavailable("timeout".into()));
    w.result(json!({})).await;
    assert_eq!(w.store.logs().len(), 1);
}

#[tokio::test]
async fn what_is_to_be_proved_is_proved_in_the_time_that_is_left() {
    let w = world();
    w.chats(5).await;
    let proof = json!({"assistant": "default", "did": "screening", "pairs": 18});
    let answer = json!({"proofs": [proof], "more": true, "request_id": "r3"});
    *w.updater.proofs.borrow_mut() = Some((200, answer.to_string()));
    let response = w.call_as(&w.store, json!({"assistant": "default"})).await.unwrap();
    assert_eq!((&response["proof"], &response["more"]), (&json!([proof]), &json!(true)));
    assert_eq!(response["results"][0]["action"], "prompt_update");
    let body = json!({"action": "prove", "organization_id": null, "assistant": "default", "seconds": 130});
    assert_eq!(w.updater.asked_to_prove.take(), [(body, 140)]);

    let organization_id = w.store.default_organization();
    let only = json!({"only": "proof", "organization_id": organization_id});
    let response = w.call_as(&w.store, only).await.unwrap();
    assert_eq!(
        (&response["results"], &response["learning"], &response["proof"]),
        (&json!([]), &json!([]), &json!([proof]))
    );
    assert_eq!(w.updater.asked_to_prove.take()[0].0["organization_id"], json!(organization_id));

    for body in [json!({"dry_run": true}), json!({"only": "learning"}), json!({"only": "reflection"})] {
        let response = w.call_as(&w.store, body.clone()).await.unwrap();
        assert_eq!(response["proof"], json!([]), "{body}");
        assert!(w.updater.asked_to_prove.borrow().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn with_too_little_time_left_proofs_wait_for_the_next_call() {
    for (taken, seconds) in [(94_000.0, Some(36)), (96_000.0, None)] {
        let w = world();
        w.chats(5).await;
        struct Slow<'a>(&'a FakeJudge, f64);
        impl Judge for Slow<'_> {
            async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
                NOW_MS.set(NOW_MS.get() + self.1);
                self.0.judge(request).await
            }
        }
        let ports = Ports {
            store: &w.store,
            judge: &Slow(&w.judge, taken),
            phraser: &Mute,
            updater: &w.updater,
            now_ms: || NOW_MS.get(),
            holder: Uuid::from_u128(1),
        };
        let response = reflect(&Request::default(), "r1", &ports).await.unwrap();
        let body: Value = serde_json::from_str(response.text()).unwrap();
        assert_eq!(body["more"], true, "there was no time to learn either");
        let asked = w.updater.asked_to_prove.take();
        assert_eq!(asked.first().and_then(|(body, _)| body["seconds"].as_u64()), seconds, "{taken}");
    }
}

#[tokio::test]
async fn a_proof_that_fails_leaves_the_rest_its_results() {
    let w = world();
    w.chats(5).await;
    let refused = |status, code: &str| Some((status, json!({"code": code, "message": "…"}).to_string()));
    *w.updater.proofs.borrow_mut() = refused(403, "forbidden");
    let response = w.call_as(&w.store, json!({})).await.unwrap();
    assert_eq!(response["proof"], json!([{"did": "failed", "reason": "forbidden"}]));
    assert_eq!(response["results"][0]["action"], "prompt_update");
    *w.updater.proofs.borrow_mut() = None;
    let response = w.call_as(&w.store, json!({"only": "proof"})).await.unwrap();
    assert_eq!(response["proof"], json!([{"did": "failed", "reason": "updater_unreachable"}]));
    // Asked for alone, it answers as prompt-updater does.
    for (status, code) in [(401, "unauthorized"), (403, "forbidden"), (404, "assistant_not_found")] {
        *w.updater.proofs.borrow_mut() = refused(status, code);
        let error = w.call_as(&w.store, json!({"only": "proof"})).await.unwrap_err();
        assert_eq!((error.status, error.code), (status, code));
    }
}
