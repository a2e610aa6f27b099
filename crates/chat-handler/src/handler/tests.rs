mod own_models;

use std::{cell::RefCell, collections::VecDeque};

use futures_util::StreamExt;
use pawl_core::{rubric::Rubric, usage::Usage};
use pawl_edge::http::Body;
use pawl_model::{Answer, ChatRequest as Question, ModelError, Unanswered};
use pawl_store::{
    fake::{FakeStore, Limits},
    turns::{NewTurn, Turn},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::prompt_cache::Prompt;

thread_local! {
    static NOW_MS: std::cell::Cell<f64> = const { std::cell::Cell::new(0.0) };
}

const USAGE: Usage =
    Usage { input_tokens: 3, output_tokens: 2, cache_read_input_tokens: 1, cache_creation_input_tokens: 0 };

/// A model that answers "answer N to: …" in two pieces unless told otherwise, and remembers what it was asked.
#[derive(Default)]
struct Script {
    next: RefCell<VecDeque<Result<Answer, Unanswered>>>,
    asked: RefCell<Vec<(String, Vec<String>)>>,
    told: RefCell<Vec<Option<String>>>,
    /// Which model, and where.
    at: RefCell<Vec<(String, Option<String>)>>,
}

#[derive(Clone, Default)]
pub(crate) struct Model(Rc<Script>);

impl Chat for Model {
    async fn answer(&self, request: Question<'_>, on_text: &mut dyn FnMut(&str)) -> Result<Answer, Unanswered> {
        let history = request.history.iter().flat_map(|e| [e.user_message.clone(), e.answer.clone()]);
        let messages = history.chain([request.message.to_owned()]).collect();
        self.0.asked.borrow_mut().push((request.system_prompt.to_owned(), messages));
        self.0.told.borrow_mut().push(request.instructions.map(str::to_owned));
        self.0.at.borrow_mut().push((request.model.to_owned(), request.base_url.map(str::to_owned)));
        let number = self.0.asked.borrow().len();
        let answer = self.0.next.borrow_mut().pop_front().unwrap_or_else(|| Ok(text(&format!("answer {number}"))))?;
        let (start, end) = answer.text.split_at(answer.text.len() / 2);
        on_text(start);
        on_text(end);
        Ok(answer)
    }
}

pub(crate) fn text(text: &str) -> Answer {
    Answer { text: text.into(), model: "simulated/m".into(), stop_reason: "end_turn".into(), usage: USAGE }
}

pub(crate) struct World {
    pub(crate) store: FakeStore,
    pub(crate) user: Uuid,
    model: Model,
    pub(crate) prompts: Rc<PromptCache>,
}

fn rubric() -> Rubric {
    serde_json::from_value(json!([{"key": "k", "description": "", "anchors": ["", "", "", "", ""]}])).unwrap()
}

pub(crate) fn world() -> World {
    NOW_MS.set(0.0);
    World {
        store: FakeStore::new(rubric(), "Be plain."),
        user: Uuid::from_u128(0xA),
        model: Model::default(),
        prompts: Rc::default(),
    }
}

impl World {
    async fn send(&self, caller: FakeStore, headers: &[(&str, &str)], body: Value) -> Result<Response, ApiError> {
        self.send_with(caller, headers, body, Ok(self.model.clone())).await
    }

    async fn send_with<M: Chat + 'static>(
        &self,
        caller: FakeStore,
        headers: &[(&str, &str)],
        body: Value,
        model: Result<M, ApiError>,
    ) -> Result<Response, ApiError> {
        let own = [("content-type", "application/json")];
        let headers = own.iter().chain(headers).map(|&(name, value)| (name.into(), value.into())).collect();
        let request = Request { method: "POST".into(), headers, body: body.to_string().into_bytes(), received_ms: 0.0 };
        let ports = Ports {
            caller,
            service: self.store.clone(),
            prompts: Rc::clone(&self.prompts),
            now_ms: || NOW_MS.get(),
            received_ms: NOW_MS.get(),
            deadline: Duration::from_secs(120),
            sleep: Rc::new(|time| {
                NOW_MS.set(NOW_MS.get() + time.as_secs_f64() * 1000.0);
                Box::pin(std::future::ready(()))
            }),
        };
        handle(request, "r1".to_owned(), ports, model).await.map_err(ApiError::from)
    }

    pub(crate) async fn call_as(&self, caller: &FakeStore, body: Value) -> Result<Value, ApiError> {
        self.send(caller.clone(), &[], body).await.map(|response| read(&response))
    }

    pub(crate) async fn call(&self, body: Value) -> Result<Value, ApiError> {
        self.call_as(&self.store.as_user(self.user), body).await
    }

    pub(crate) async fn call_with_key(&self, key: &str, body: Value) -> Result<Value, ApiError> {
        let user = self.store.as_user(self.user);
        self.send(user, &[("idempotency-key", key)], body).await.map(|response| read(&response))
    }

    /// Names, ids and data of a stream's events.
    pub(crate) async fn stream(
        &self,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Result<Vec<(String, String, Value)>, ApiError> {
        let response = self.send(self.store.as_user(self.user), headers, body).await?;
        let Body::Events(events) = response.body else { panic!("no stream") };
        let lines = |event: &str, name: &str| {
            event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        let read = |event: pawl_edge::events::Event| {
            let data = serde_json::from_str(&lines(event.as_str(), "data: ")).unwrap();
            (lines(event.as_str(), "event: "), lines(event.as_str(), "id: "), data)
        };
        Ok(events.map(read).collect().await)
    }

    pub(crate) async fn code(&self, body: Value) -> (u16, &'static str) {
        let error = self.call(body).await.unwrap_err();
        (error.status, error.code)
    }

    pub(crate) fn next(&self, answer: Result<Answer, ModelError>) {
        self.model.0.next.borrow_mut().push_back(answer.map_err(Unanswered::from));
    }

    /// What the model was told beside the prompt, question by question.
    pub(crate) fn told(&self) -> Vec<Option<String>> {
        self.model.0.told.borrow().clone()
    }

    pub(crate) fn asked(&self) -> Vec<(String, Vec<String>)> {
        self.model.0.asked.borrow().clone()
    }
}

/// Version 7 as it was read before.
pub(crate) fn held(assistant_id: Uuid, content: &str) -> Prompt {
    let (id, content, model) = (Uuid::from_u128(0xF), content.to_owned(), "held-model".to_owned());
    Prompt { id, assistant_id, version: 7, content, model, base_url: None }
}

fn read(response: &Response) -> Value {
    assert_eq!(response.status, 200);
    serde_json::from_str(response.text()).unwrap()
}

#[tokio::test]
async fn a_turn_is_answered_and_stored_with_what_made_it() {
    let w = world();
    let body = w.call(json!({"message": "How are you?"})).await.unwrap();
    insta::assert_json_snapshot!(body, @r#"
    {
      "answer": "answer 1",
      "answer_id": "00000000-0000-0000-0000-000000000009",
      "message_id": "00000000-0000-0000-0000-000000000007",
      "model": "simulated/m",
      "prompt_version": 1,
      "request_id": "r1",
      "session_id": "00000000-0000-0000-0000-000000000006",
      "stop_reason": "end_turn",
      "turn_id": "00000000-0000-0000-0000-000000000005",
      "usage": {
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 1,
        "input_tokens": 3,
        "output_tokens": 2
      }
    }
    "#);
    assert_eq!(w.store.turns()[0].answer.as_ref().unwrap().text, "answer 1");
    assert_eq!(w.asked()[0], ("Be plain.".into(), vec!["How are you?".into()]));
}

#[tokio::test]
async fn one_database_call_before_the_model_and_one_after_once_the_prompt_is_known() {
    let w = world();
    w.call(json!({"message": "one"})).await.unwrap();
    assert_eq!(w.store.calls(), ["begin_turn", "serving_context", "complete_turn"]);
    w.call(json!({"message": "two"})).await.unwrap();
    assert_eq!(w.store.calls()[3..], ["begin_turn", "complete_turn"]);
}

#[tokio::test]
async fn the_history_is_the_answered_turns_of_this_session() {
    let w = world();
    let first = w.call(json!({"message": "one"})).await.unwrap();
    w.next(Err(ModelError::Overloaded(None)));
    w.call(json!({"message": "lost", "session_id": first["session_id"]})).await.unwrap_err();
    w.call(json!({"message": "other session"})).await.unwrap();
    w.call(json!({"message": "two", "session_id": first["session_id"]})).await.unwrap();
    assert_eq!(w.asked().last().unwrap().1, ["one", "answer 1", "two"]);
}

#[tokio::test]
async fn a_message_outlives_the_models_failure_which_is_recorded() {
    for (fault, status) in [
        (ModelError::Timeout, 504),
        (ModelError::Unreachable, 502),
        (ModelError::RateLimited(None), 503),
        (ModelError::Overloaded(Some(7)), 503),
        (ModelError::SpendLimit, 503),
        (ModelError::ServerError, 502),
        (ModelError::Refused, 422),
        (ModelError::Empty, 502),
        (ModelError::BrokenOff, 502),
        (ModelError::Malformed, 502),
    ] {
        let w = world();
        let code = fault.code();
        w.next(Err(fault));
        assert_eq!(w.code(json!({"message": "hello"})).await, (status, code));
        let turn = &w.store.turns()[0];
        assert_eq!((turn.message.as_str(), turn.error_code.as_deref()), ("hello", Some(code)));
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_written_or_paid_for() {
    let w = world();
    let cases = [
        (json!({}), (400, "invalid_request")),
        (json!({"message": 1}), (400, "invalid_request")),
        (json!({"message": " \n"}), (400, "invalid_request")),
        (json!({"message": "x".repeat(32 * 1024 + 1)}), (400, "invalid_request")),
        (json!({"message": "x", "stream": 1}), (400, "invalid_request")),
        (json!({"message": "x", "action": "sing"}), (400, "invalid_request")),
        (json!({"message": "x", "action": 7}), (400, "invalid_request")),
        (json!({"message": "x", "action": "prepare", "stream": true}), (400, "invalid_request")),
        (json!({"message": "x", "action": "prepare", "lease_seconds": 149}), (400, "invalid_request")),
        (json!({"message": "x", "lease_seconds": 150}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": "code"}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"mood": "good"}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"question_type": ""}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"question_type": "How to"}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"question_type": "_how"}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"data_source": "x".repeat(65)}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"data_source": "umsätze"}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"tools": "search"}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"tools": ["search", "a b"]}}), (400, "invalid_request")),
        (json!({"message": "x", "metadata": {"tools": vec!["t"; 51]}}), (400, "invalid_request")),
        (json!({"message": "x", "action": "prepare", "metadata": {"tools": [""]}}), (400, "invalid_request")),
        (json!({"message": "x", "session_id": "7"}), (400, "invalid_request")),
        (json!({"message": "x", "session_id": Uuid::from_u128(99)}), (404, "session_not_found")),
        (json!({"message": "x", "assistant": "nobody"}), (404, "assistant_not_found")),
        (json!({"message": "x", "organization_id": Uuid::from_u128(99)}), (404, "organization_not_found")),
        (json!({"message": "x", "user_id": Uuid::from_u128(99)}), (403, "forbidden")),
    ];
    for (body, expected) in cases {
        assert_eq!(w.code(body.clone()).await, expected, "{body}");
    }
    assert!(w.store.turns().is_empty());
    assert!(w.asked().is_empty());
}

#[tokio::test]
async fn nobody_is_401_and_somebody_elses_session_does_not_exist() {
    let w = world();
    let error = w.call_as(&w.store.as_nobody(), json!({"message": "x"})).await.unwrap_err();
    assert_eq!((error.status, error.code), (401, "unauthorized"));

    let mine = w.call(json!({"message": "x"})).await.unwrap();
    let stranger = w.store.as_user(Uuid::from_u128(0xB));
    let error = w.call_as(&stranger, json!({"message": "x", "session_id": mine["session_id"]})).await.unwrap_err();
    assert_eq!((error.status, error.code), (404, "session_not_found"));
}

#[tokio::test]
async fn a_backend_chats_for_a_user_and_must_say_for_whom() {
    let w = world();
    let error = w.call_as(&w.store, json!({"message": "x"})).await.unwrap_err();
    assert_eq!((error.status, error.code), (400, "invalid_request"));
    assert!(error.message.contains("`user_id`"));
    w.call_as(&w.store, json!({"message": "x", "user_id": w.user})).await.unwrap();
}

#[tokio::test]
async fn several_organisations_without_a_choice_are_a_question() {
    let w = world();
    for _ in 0..2 {
        let organization = w.store.add_organization();
        w.store.add_member(organization, w.user, false);
    }
    assert_eq!(w.code(json!({"message": "x"})).await, (400, "organization_required"));
}

#[tokio::test]
async fn without_a_database_there_is_503_and_no_model_is_paid() {
    let w = world();
    w.store.fail_next("begin_turn", StoreError::Unavailable("connection".into()));
    assert_eq!(w.code(json!({"message": "x"})).await, (503, "database_unavailable"));
    assert!(w.asked().is_empty());
}

#[tokio::test]
async fn a_version_still_held_stands_in_for_one_that_cannot_be_read_and_the_answer_says_so() {
    let w = world();
    let assistant_id = w.store.default_assistant();
    w.prompts.insert(held(assistant_id, "Held."));
    w.store.fail_next("serving_context", StoreError::Unavailable("timeout".into()));
    let body = w.call(json!({"message": "one"})).await.unwrap();
    assert_eq!((&body["stale_prompt"], &body["prompt_version"]), (&json!(true), &json!(7)));
    assert_eq!(w.asked()[0].0, "Held.");
    // Next time the right one is read, and nothing is said.
    let body = w.call(json!({"message": "two"})).await.unwrap();
    assert_eq!((body.get("stale_prompt"), &body["prompt_version"]), (None, &json!(1)));
}

#[tokio::test]
async fn another_assistants_version_never_stands_in() {
    let w = world();
    w.prompts.insert(held(Uuid::max(), "Not mine."));
    w.store.fail_next("serving_context", StoreError::Unavailable("timeout".into()));
    assert_eq!(w.code(json!({"message": "one"})).await, (503, "database_unavailable"));
    assert_eq!(w.store.turns()[0].error_code.as_deref(), Some("database_unavailable"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_is_an_error_and_the_message_stays() {
    let w = world();
    lose(&w, "complete_turn", 20);
    assert_eq!(w.code(json!({"message": "x"})).await, (503, "database_unavailable"));
    // It may be stored all the same: the turn is not given up.
    assert_eq!((w.store.turns()[0].message.as_str(), w.store.turns()[0].error_code.as_deref()), ("x", None));
    assert!(NOW_MS.get() < 140_000.0, "{}", NOW_MS.get());

    let w = world();
    w.store.fail_next("complete_turn", StoreError::Unexpected("22003".into()));
    assert_eq!(w.code(json!({"message": "y"})).await, (500, "internal"));
    assert_eq!(w.store.turns()[0].error_code.as_deref(), Some("internal"));
}

/// The next calls of this operation get no answer.
fn lose(w: &World, operation: &'static str, calls: usize) {
    (0..calls).for_each(|_| w.store.fail_next(operation, StoreError::Unavailable("timeout".into())));
}

#[tokio::test]
async fn who_waits_to_be_told_of_a_failure_does_not_wait_for_the_database() {
    let w = world();
    w.next(Err(ModelError::Refused));
    lose(&w, "fail_turn", 20);
    assert_eq!(w.code(json!({"message": "x"})).await, (422, "model_refused"));
    assert!(NOW_MS.get() <= 2_000.0, "{}", NOW_MS.get());
    let w = world();
    w.next(Err(ModelError::Refused));
    lose(&w, "fail_turn", 1);
    w.code(json!({"message": "x"})).await;
    assert_eq!(w.store.turns()[0].error_code.as_deref(), Some("model_refused"));
}

#[tokio::test]
async fn a_paid_answer_survives_a_minute_without_a_database() {
    let w = world();
    lose(&w, "complete_turn", 8);
    assert_eq!(w.call(json!({"message": "x"})).await.unwrap()["answer"], "answer 1");
    assert_eq!(w.asked().len(), 1);
}

#[tokio::test]
async fn a_secret_key_the_database_refuses_is_not_the_users_fault() {
    for operation in ["serving_context", "complete_turn"] {
        let w = world();
        w.store.fail_next(operation, StoreError::Unauthenticated);
        let error = w.call(json!({"message": "x"})).await.unwrap_err();
        assert_eq!((error.status, error.code), (500, "misconfigured"), "{operation}");
        assert!(error.message.contains("SUPABASE_SECRET_KEYS"), "{}", error.message);
    }
}

#[tokio::test]
async fn a_stream_says_as_it_comes_what_a_response_says_at_once() {
    let w = world();
    let events = w.stream(&[], json!({"message": "Hi", "stream": true})).await.unwrap();
    insta::assert_json_snapshot!(events.iter().map(|(name, _, data)| (name, data)).collect::<Vec<_>>(), @r#"
    [
      [
        "start",
        {
          "message_id": "00000000-0000-0000-0000-000000000007",
          "request_id": "r1",
          "session_id": "00000000-0000-0000-0000-000000000006",
          "turn_id": "00000000-0000-0000-0000-000000000005"
        }
      ],
      [
        "delta",
        {
          "text": "answ"
        }
      ],
      [
        "delta",
        {
          "text": "er 1"
        }
      ],
      [
        "done",
        {
          "answer_id": "00000000-0000-0000-0000-000000000009",
          "message_id": "00000000-0000-0000-0000-000000000007",
          "model": "simulated/m",
          "prompt_version": 1,
          "request_id": "r1",
          "session_id": "00000000-0000-0000-0000-000000000006",
          "stop_reason": "end_turn",
          "turn_id": "00000000-0000-0000-0000-000000000005",
          "usage": {
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 1,
            "input_tokens": 3,
            "output_tokens": 2
          }
        }
      ]
    ]
    "#);
    let ids: Vec<_> = events.iter().map(|(_, id, _)| id.rsplit_once('-').unwrap().1).collect();
    assert_eq!(ids, ["000000000005.1.0", "000000000005.1.1", "000000000005.1.2", "000000000005.1.3"]);
    assert_eq!(w.store.turns()[0].answer.as_ref().unwrap().text, "answer 1");
}

#[tokio::test]
async fn the_header_asks_for_a_stream_too_and_the_body_has_the_last_word() {
    let w = world();
    let accept = [("accept", "text/event-stream")];
    assert_eq!(w.stream(&accept, json!({"message": "Hi"})).await.unwrap()[0].0, "start");
    let user = w.store.as_user(w.user);
    let whole = w.send(user, &accept, json!({"message": "Hi", "stream": false})).await.unwrap();
    assert_eq!(read(&whole)["answer"], "answer 2");
    let either = [("accept", "application/json, text/event-stream")];
    let whole = w.send(w.store.as_user(w.user), &either, json!({"message": "Hi"})).await.unwrap();
    assert_eq!(read(&whole)["answer"], "answer 3");
}

#[tokio::test]
async fn what_fails_after_the_start_is_an_event_and_what_fails_before_a_response() {
    let w = world();
    w.next(Err(ModelError::Overloaded(Some(7))));
    let events = w.stream(&[], json!({"message": "Hi", "stream": true})).await.unwrap();
    assert_eq!(events.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["start", "error"]);
    let told = json!({"status": 503, "code": "model_overloaded", "retry_after": 7, "request_id": "r1",
                      "message": "No answer: the model is overloaded. Your message is stored."});
    assert_eq!(events[1].2, told);
    assert_eq!(w.store.turns()[0].error_code.as_deref(), Some("model_overloaded"));

    w.store.fail_next("begin_turn", StoreError::Unavailable("connection".into()));
    let error = w.stream(&[], json!({"message": "Hi", "stream": true})).await.unwrap_err();
    assert_eq!((error.status, error.code), (503, "database_unavailable"));
}

#[tokio::test]
async fn the_same_request_with_the_same_key_is_paid_for_once() {
    let w = world();
    let first = w.call_with_key("k", json!({"message": "Hi"})).await.unwrap();
    let again = w.call_with_key("k", json!({"message": "Hi"})).await.unwrap();
    let mut expected = first.clone();
    expected["replayed"] = true.into();
    assert_eq!(again, expected);
    let user = w.store.as_user(w.user);
    let whole = w.send(user, &[("idempotency-key", "k")], json!({"message": "Hi", "stream": false})).await.unwrap();
    assert_eq!(read(&whole)["replayed"], true, "how it is sent is no part of what is asked");

    let events = w.stream(&[("idempotency-key", "k")], json!({"message": "Hi", "stream": true})).await.unwrap();
    let told: Vec<_> = events.iter().map(|(name, _, data)| (name.as_str(), data["text"].as_str())).collect();
    assert_eq!(told, [("start", None), ("delta", Some("answer 1")), ("done", None)]);
    assert_eq!(events[2].2["replayed"], true);
    assert_eq!((w.asked().len(), w.store.turns().len()), (1, 1));
}

#[tokio::test]
async fn a_failed_turn_is_tried_again_under_its_key_and_another_request_is_not() {
    let w = world();
    w.next(Err(ModelError::Timeout));
    assert_eq!(w.call_with_key("k", json!({"message": "Hi"})).await.unwrap_err().code, "model_timeout");
    let other = w.call_with_key("k", json!({"message": "Ho"})).await.unwrap_err();
    assert_eq!((other.status, other.code), (422, "idempotency_key_reused"));
    w.call_with_key("k", json!({"message": "Hi"})).await.unwrap();
    let turns = w.store.turns();
    assert_eq!((turns.len(), turns[0].attempts, turns[0].lost_attempts), (1, 2, 0));
    assert_eq!(turns[0].answer.as_ref().unwrap().text, "answer 2");
}

#[tokio::test]
async fn a_turn_under_way_is_409_until_its_lease_runs_out_and_then_counts_as_lost() {
    let w = world();
    lose(&w, "complete_turn", 10);
    w.call_with_key("k", json!({"message": "Hi"})).await.unwrap_err();
    let error = w.call_with_key("k", json!({"message": "Hi"})).await.unwrap_err();
    assert_eq!((error.status, error.code, error.retry_after), (409, "turn_in_progress", Some(2)));
    w.store.advance(chrono::TimeDelta::seconds(151));
    w.call_with_key("k", json!({"message": "Hi"})).await.unwrap();
    assert_eq!((w.store.turns()[0].attempts, w.store.turns()[0].lost_attempts, w.asked().len()), (2, 1, 2));
}

#[tokio::test]
async fn a_late_answer_of_an_attempt_that_was_given_up_is_not_stored() {
    let w = world();
    let turn = prepared(&w, "k").await;
    w.store.advance(chrono::TimeDelta::seconds(151));
    assert_eq!(prepared(&w, "k").await.attempt, 2);
    let late = json!({"action": "complete", "turn_id": turn.turn_id, "attempt": 1, "answer": "late", "model": "m"});
    let error = w.call_as(&w.store, late).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "turn_superseded"));
}

#[tokio::test]
async fn a_key_that_no_header_should_hold_is_a_400() {
    let w = world();
    for key in ["", " ", "é", &"x".repeat(256)] {
        let error = w.call_with_key(key, json!({"message": "Hi"})).await.unwrap_err();
        assert_eq!((error.status, error.code), (400, "invalid_request"), "{key}");
    }
    assert!(w.store.turns().is_empty());
}

#[tokio::test]
async fn a_limit_is_a_429_that_says_when_to_come_back() {
    let w = world();
    let limits = Limits { user_requests_per_minute: 1, ..Limits::default() };
    w.store.limit(w.store.default_organization(), limits);
    w.call(json!({"message": "one"})).await.unwrap();
    let error = w.call(json!({"message": "two"})).await.unwrap_err();
    assert_eq!((error.status, error.code, error.retry_after), (429, "rate_limited", Some(60)));
    w.store.advance(chrono::TimeDelta::seconds(60));
    let limits = Limits { organization_tokens_per_day: 6, ..Limits::default() };
    w.store.limit(w.store.default_organization(), limits);
    let error = w.call(json!({"message": "three"})).await.unwrap_err();
    assert_eq!((error.status, error.code), (429, "token_budget_reached"));
    assert_eq!((w.store.turns().len(), w.asked().len()), (1, 1));
}

#[tokio::test]
async fn what_a_failed_turn_cost_is_counted() {
    let w = world();
    let spent = Some(pawl_model::Spent { model: "m".into(), usage: USAGE });
    let refused = Unanswered { error: ModelError::Refused, spent };
    w.model.0.next.borrow_mut().push_back(Err(refused));
    w.call(json!({"message": "one"})).await.unwrap_err();
    assert_eq!(w.store.spent().iter().map(|s| (s.model.as_str(), s.usage)).collect::<Vec<_>>(), [("m", USAGE)]);
    w.next(Err(ModelError::Unreachable));
    w.call(json!({"message": "two"})).await.unwrap_err();
    assert_eq!(w.store.spent().len(), 1, "what nobody counted is not made up");
}

async fn prepared(w: &World, key: &str) -> Turn {
    let turn = NewTurn { message: "Hi", user_id: Some(w.user), idempotency_key: Some(key), ..NewTurn::default() };
    match w.store.prepare_turn(&turn, 150).await.unwrap() {
        pawl_store::turns::BeginTurn::Ok(turn) => turn,
        refused => panic!("{refused:?}"),
    }
}

#[tokio::test]
async fn a_backend_asks_its_own_model_and_pawl_keeps_the_turn() {
    let w = world();
    let earlier = w.call(json!({"message": "one"})).await.unwrap();
    let body = json!({"action": "prepare", "message": "two", "session_id": earlier["session_id"], "user_id": w.user});
    let turn = w.call_as(&w.store, body).await.unwrap();
    insta::assert_json_snapshot!(turn, @r#"
    {
      "attempt": 1,
      "exposures": [],
      "max_answer_tokens": 4096,
      "message_id": "00000000-0000-0000-0000-00000000000c",
      "messages": [
        {
          "content": "one",
          "role": "user"
        },
        {
          "content": "answer 1",
          "role": "assistant"
        },
        {
          "content": "two",
          "role": "user"
        }
      ],
      "model": "claude-sonnet-5-5",
      "prompt_version": 1,
      "request_id": "r1",
      "session_id": "00000000-0000-0000-0000-000000000006",
      "system_prompt": "Be plain.",
      "turn_id": "00000000-0000-0000-0000-00000000000a"
    }
    "#);
    let answer = json!({"action": "complete", "turn_id": turn["turn_id"], "attempt": turn["attempt"], "answer": "Mine.",
                        "model": "gpt-x", "usage": {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13},
                        "latency_ms": 12, "tools": ["search"], "stop_reason": "stop"});
    let stored = w.call_as(&w.store, answer.clone()).await.unwrap();
    assert_eq!(w.call_as(&w.store, answer).await.unwrap()["answer_id"], stored["answer_id"], "once");
    let turns = w.store.turns();
    let kept = turns[1].answer.as_ref().unwrap();
    assert_eq!((kept.text.as_str(), kept.model.as_str(), kept.usage.output_tokens), ("Mine.", "gpt-x", 4));
    assert_eq!((kept.tools.as_slice(), kept.prompt_version), (&["search".to_owned()][..], 1));
    assert_eq!(w.asked().len(), 1, "our model was not asked");
}

#[tokio::test]
async fn preparing_and_ending_turns_is_for_the_secret_key_alone() {
    let w = world();
    let turn = prepared(&w, "k").await;
    for body in [
        json!({"action": "prepare", "message": "x"}),
        json!({"action": "complete", "turn_id": turn.turn_id, "attempt": 1, "answer": "Forged.", "model": "m"}),
        json!({"action": "fail", "turn_id": turn.turn_id, "attempt": 1, "error_code": "forged"}),
    ] {
        assert_eq!(w.code(body.clone()).await, (403, "forbidden"), "{body}");
        let error = w.call_as(&w.store.as_nobody(), body).await.unwrap_err();
        assert_eq!((error.status, error.code), (401, "unauthorized"));
    }
    assert_eq!((w.store.turns()[0].answer.is_none(), w.store.turns()[0].error_code.is_none()), (true, true));
}

#[tokio::test]
async fn a_backend_says_that_its_model_failed() {
    let w = world();
    let turn = prepared(&w, "k").await;
    let failed = json!({"action": "fail", "turn_id": turn.turn_id, "attempt": 1, "error_code": "tool_crashed"});
    w.call_as(&w.store, failed.clone()).await.unwrap();
    assert_eq!(w.store.turns()[0].error_code.as_deref(), Some("tool_crashed"));
    let error = w.call_as(&w.store, failed).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "turn_not_open"));
    let late = json!({"action": "complete", "turn_id": turn.turn_id, "attempt": 1, "answer": "Late.", "model": "m"});
    let error = w.call_as(&w.store, late).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "turn_failed"));
}

#[tokio::test]
async fn what_ends_a_turn_is_checked() {
    let w = world();
    let turn_id = prepared(&w, "k").await.turn_id;
    let complete = json!({"action": "complete", "turn_id": turn_id, "attempt": 1, "answer": "A", "model": "m"});
    let fail = json!({"action": "fail", "turn_id": turn_id, "attempt": 1, "error_code": "x"});
    let cases = [
        (&complete, "answer", json!(" ")),
        (&complete, "answer", json!(null)),
        (&complete, "model", json!("")),
        (&complete, "model", json!("m".repeat(201))),
        (&complete, "stop_reason", json!("")),
        (&complete, "usage", json!({"input_tokens": -1})),
        (&complete, "tools", json!(vec!["t"; 51])),
        (&complete, "message", json!("x")),
        (&complete, "metadata", json!({})),
        (&complete, "exposures", json!("all")),
        (&complete, "exposures", json!([{"pattern_id": turn_id, "shown": false, "propensity": 1.0}])),
        (&fail, "model", json!("")),
        (&fail, "error_code", json!("Not a code")),
        (&fail, "error_code", json!("x".repeat(65))),
        (&fail, "attempt", json!("one")),
    ];
    for (body, field, value) in cases {
        let mut body = body.clone();
        body[field] = value;
        let error = w.call_as(&w.store, body.clone()).await.unwrap_err();
        assert_eq!((error.status, error.code), (400, "invalid_request"), "{body}");
        assert!(error.message.contains(field), "{}", error.message);
    }
    let unknown = json!({"action": "complete", "turn_id": Uuid::max(), "attempt": 1, "answer": "A", "model": "m"});
    let error = w.call_as(&w.store, unknown).await.unwrap_err();
    assert_eq!((error.status, error.code), (404, "turn_not_found"));
}

#[tokio::test]
async fn a_backend_with_its_own_model_needs_no_key_for_ours() {
    let w = world();
    let no_model = ApiError::misconfigured("ANTHROPIC_API_KEY", "is not set");
    for (body, expected) in [
        (json!({"action": "prepare", "message": "x", "user_id": w.user}), Ok(200)),
        (json!({"message": "x", "user_id": w.user}), Err("misconfigured")),
    ] {
        let request = Request {
            method: "POST".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
            received_ms: 0.0,
        };
        let ports = Ports {
            caller: w.store.clone(),
            service: w.store.clone(),
            prompts: Rc::default(),
            now_ms: || 0.0,
            received_ms: 0.0,
            deadline: Duration::ZERO,
            sleep: Rc::new(|_| Box::pin(std::future::pending())),
        };
        let answered = handle::<_, _, Model>(request, "r".into(), ports, Err(no_model.clone())).await;
        assert_eq!(answered.map(|r| r.status).map_err(|e| ApiError::from(e).code), expected);
    }
    assert_eq!(w.store.turns().len(), 1, "nothing is stored that nobody could answer");
}
