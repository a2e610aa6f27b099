use std::{cell::RefCell, collections::VecDeque};

use pawl_core::rubric::Rubric;
use pawl_edge::ApiError;
use pawl_model::{ModelError, Usage};
use pawl_store::fake::FakeStore;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

/// A model that answers "answer N to: …" unless told otherwise, and remembers what it was asked.
#[derive(Default)]
struct Model {
    next: RefCell<VecDeque<Result<Answer, ModelError>>>,
    asked: RefCell<Vec<(String, Vec<String>)>>,
}

impl Chat for Model {
    async fn answer(&self, request: ModelRequest<'_>) -> Result<Answer, ModelError> {
        let history = request.history.iter().flat_map(|e| [e.user_message.clone(), e.answer.clone()]);
        let messages = history.chain([request.message.to_owned()]).collect();
        self.asked.borrow_mut().push((request.system_prompt.to_owned(), messages));
        let number = self.asked.borrow().len();
        self.next.borrow_mut().pop_front().unwrap_or_else(|| Ok(text(&format!("answer {number}"))))
    }
}

fn text(text: &str) -> Answer {
    Answer {
        text: text.into(),
        model: "simulated/m".into(),
        stop_reason: "end_turn".into(),
        usage: Usage { input_tokens: 3, output_tokens: 2 },
    }
}

struct World {
    store: FakeStore,
    user: Uuid,
    model: Model,
    prompts: PromptCache,
}

fn rubric() -> Rubric {
    serde_json::from_value(json!([{"key": "k", "description": "", "anchors": ["", "", "", "", ""]}])).unwrap()
}

fn world() -> World {
    World {
        store: FakeStore::new(rubric(), "Be plain."),
        user: Uuid::from_u128(0xA),
        model: Model::default(),
        prompts: PromptCache::default(),
    }
}

impl World {
    async fn call_as(&self, caller: &FakeStore, body: Value) -> Result<Value, ApiError> {
        let request = Request {
            method: "POST".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
        };
        let ports = Ports { caller, service: &self.store, model: &self.model, prompts: &self.prompts, now_ms: || 0.0 };
        let response = chat(&request, "r1", &ports).await.map_err(ApiError::from)?;
        assert_eq!(response.status, 200);
        Ok(serde_json::from_str(&response.body).unwrap())
    }

    async fn call(&self, body: Value) -> Result<Value, ApiError> {
        self.call_as(&self.store.as_user(self.user), body).await
    }

    async fn code(&self, body: Value) -> (u16, &'static str) {
        let error = self.call(body).await.unwrap_err();
        (error.status, error.code)
    }
}

#[tokio::test]
async fn a_turn_is_answered_and_stored_with_what_made_it() {
    let w = world();
    let body = w.call(json!({"message": "How are you?"})).await.unwrap();
    insta::assert_json_snapshot!(body, @r#"
    {
      "answer": "answer 1",
      "answer_id": "00000000-0000-0000-0000-000000000008",
      "message_id": "00000000-0000-0000-0000-000000000007",
      "model": "simulated/m",
      "prompt_version": 1,
      "request_id": "r1",
      "session_id": "00000000-0000-0000-0000-000000000006",
      "stop_reason": "end_turn",
      "usage": {
        "input_tokens": 3,
        "output_tokens": 2
      }
    }
    "#);
    assert_eq!(w.store.turns()[0].answer.as_ref().unwrap().text, "answer 1");
    assert_eq!(w.model.asked.borrow()[0], ("Be plain.".into(), vec!["How are you?".into()]));
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
    w.model.next.borrow_mut().push_back(Err(ModelError::Overloaded));
    w.call(json!({"message": "lost", "session_id": first["session_id"]})).await.unwrap_err();
    w.call(json!({"message": "other session"})).await.unwrap();
    w.call(json!({"message": "two", "session_id": first["session_id"]})).await.unwrap();
    assert_eq!(w.model.asked.borrow().last().unwrap().1, ["one", "answer 1", "two"]);
}

#[tokio::test]
async fn a_message_outlives_the_models_failure_which_is_recorded() {
    for (fault, status) in [
        (ModelError::Timeout, 504),
        (ModelError::Unreachable, 502),
        (ModelError::RateLimited, 503),
        (ModelError::Overloaded, 503),
        (ModelError::Refused, 422),
        (ModelError::Empty, 502),
        (ModelError::Malformed, 502),
    ] {
        let w = world();
        let code = fault.code();
        w.model.next.borrow_mut().push_back(Err(fault));
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
        (json!({"message": "x", "stream": true}), (400, "invalid_request")),
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
    assert!(w.model.asked.borrow().is_empty());
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
    assert!(w.model.asked.borrow().is_empty());
}

#[tokio::test]
async fn a_version_still_held_stands_in_for_one_that_cannot_be_read_and_the_answer_says_so() {
    let w = world();
    let assistant_id = w.store.default_assistant();
    w.prompts.insert(Prompt { id: Uuid::from_u128(0xF), assistant_id, version: 7, content: "Held.".into() });
    w.store.fail_next("serving_context", StoreError::Unavailable("timeout".into()));
    let body = w.call(json!({"message": "one"})).await.unwrap();
    assert_eq!((&body["stale_prompt"], &body["prompt_version"]), (&json!(true), &json!(7)));
    assert_eq!(w.model.asked.borrow()[0].0, "Held.");
    // Next time the right one is read, and nothing is said.
    let body = w.call(json!({"message": "two"})).await.unwrap();
    assert_eq!((body.get("stale_prompt"), &body["prompt_version"]), (None, &json!(1)));
}

#[tokio::test]
async fn another_assistants_version_never_stands_in() {
    let w = world();
    w.prompts.insert(Prompt {
        id: Uuid::from_u128(0xF),
        assistant_id: Uuid::max(),
        version: 7,
        content: "Not mine.".into(),
    });
    w.store.fail_next("serving_context", StoreError::Unavailable("timeout".into()));
    assert_eq!(w.code(json!({"message": "one"})).await, (503, "database_unavailable"));
    assert_eq!(w.store.turns()[0].error_code.as_deref(), Some("database_unavailable"));
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_is_an_error_and_the_message_stays() {
    let w = world();
    w.store.fail_next("complete_turn", StoreError::Unavailable("timeout".into()));
    w.store.fail_next("complete_turn", StoreError::Unavailable("timeout".into()));
    assert_eq!(w.code(json!({"message": "x"})).await, (503, "database_unavailable"));
    // It may be stored all the same: the turn is not given up.
    assert_eq!((w.store.turns()[0].message.as_str(), w.store.turns()[0].error_code.as_deref()), ("x", None));
    w.store.fail_next("complete_turn", StoreError::Unexpected("22003".into()));
    assert_eq!(w.code(json!({"message": "y"})).await, (500, "internal"));
    assert_eq!(w.store.turns()[1].error_code.as_deref(), Some("internal"));
}

#[tokio::test]
async fn a_paid_answer_survives_one_lost_call() {
    let w = world();
    w.store.fail_next("complete_turn", StoreError::Unavailable("timeout".into()));
    assert_eq!(w.call(json!({"message": "x"})).await.unwrap()["answer"], "answer 1");
    assert_eq!(w.model.asked.borrow().len(), 1);
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
