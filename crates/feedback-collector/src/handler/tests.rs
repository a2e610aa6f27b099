use pawl_core::{rubric::Rubric, usage::Usage};
use pawl_store::{
    StoreError,
    fake::FakeStore,
    feedback::{Signal, Source},
    turns::{BeginTurn, BeginTurns, CompleteTurn, FinishedTurn, Learning, NewTurn, TurnLedger},
};
use serde_json::{Value, json};

use super::*;

const JO: Uuid = Uuid::from_u128(0xA);
const EVE: Uuid = Uuid::from_u128(0xE);
const UNKNOWN: Uuid = Uuid::max();
/// A byte more than any body may have.
const TOO_LARGE: usize = 256 * 1024 + 1;

struct World {
    store: FakeStore,
    /// Jo's.
    answer: Uuid,
}

async fn world() -> World {
    let criterion = json!([{"key": "depth", "description": "", "anchors": ["", "", "", "", ""]}]);
    let rubric: Rubric = serde_json::from_value(criterion).unwrap();
    let store = FakeStore::new(rubric, "Be kind.");
    let answer = answer_for(&store, JO).await;
    World { store, answer }
}

async fn answer_for(store: &FakeStore, user: Uuid) -> Uuid {
    let new = NewTurn { message: "How?", ..NewTurn::default() };
    let BeginTurn::Ok(turn) = store.as_user(user).begin_turn(&new).await.unwrap() else { panic!("no turn") };
    let finished = FinishedTurn {
        turn_id: turn.turn_id,
        attempt: turn.attempt,
        prompt_id: None,
        answer: "So.",
        model: "m",
        stop_reason: None,
        usage: Usage::default(),
        latency_ms: None,
        tools: &[],
        learning: Learning { response_format: "prose", length_class: "short", answer_characters: 3, exposures: &[] },
    };
    match store.complete_turn(&finished).await.unwrap() {
        CompleteTurn::Ok { answer_id } => answer_id,
        other => panic!("not completed: {other:?}"),
    }
}

async fn post(store: &FakeStore, body: String) -> Result<Value, ApiError> {
    let request = Request {
        method: "POST".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into_bytes(),
        ..Request::default()
    };
    let response = collect(&request, "r1", store).await.map_err(ApiError::from)?;
    assert_eq!(response.status, 200);
    Ok(serde_json::from_str(response.text()).unwrap())
}

impl World {
    async fn react(&self, body: Value) -> Result<Value, ApiError> {
        post(&self.store.as_user(JO), body.to_string()).await
    }

    /// A reaction to Jo's answer.
    fn to(&self, signal: &str, more: Value) -> Value {
        let mut one = json!({"message_id": self.answer, "signal": signal});
        one.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        one
    }

    /// Current and superseded, oldest first: signal, value, source, superseded.
    fn stored(&self) -> Vec<(Signal, Option<f64>, Source, bool)> {
        let rows = self.store.reactions_to(self.answer).into_iter();
        rows.map(|r| (r.signal, r.value, r.source, r.superseded_at.is_some())).collect()
    }

    fn calls(&self) -> usize {
        self.store.calls().iter().filter(|call| **call == "collect_feedback").count()
    }
}

#[tokio::test]
async fn one_reaction_is_stored_once() {
    let w = world().await;
    let thumb = w.to("thumbs_up", json!({"comment": "Quick!", "metadata": {"page": 1}}));
    let expected = json!({"stored": 1, "unchanged": 0, "errors": [], "request_id": "r1"});
    assert_eq!(w.react(thumb.clone()).await, Ok(expected));
    let again = json!({"stored": 0, "unchanged": 1, "errors": [], "request_id": "r1"});
    assert_eq!(w.react(thumb).await, Ok(again));
    let rows = w.store.reactions_to(w.answer);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].comment.as_deref(), Some("Quick!"));
    assert_eq!(rows[0].metadata.as_ref().and_then(|m| m.get("page")), Some(&json!(1)));
}

#[tokio::test]
async fn a_changed_thumb_takes_the_place_of_the_other_and_both_stay() {
    let w = world().await;
    w.react(w.to("thumbs_up", json!({}))).await.unwrap();
    w.react(w.to("thumbs_down", json!({}))).await.unwrap();
    let (up, down) = ((Signal::ThumbsUp, None, Source::User, true), (Signal::ThumbsDown, None, Source::User, false));
    assert_eq!(w.stored(), [up, down]);
}

#[tokio::test]
async fn what_a_signal_takes_it_is_stored_with() {
    let w = world().await;
    let cases = [
        ("rating", json!({"value": 0}), Some(0.0)),
        ("rating", json!({"value": 1}), Some(1.0)),
        ("rating", json!({"value": 0.35}), Some(0.35)),
        ("rating", json!({"stars": 1}), Some(0.0)),
        ("rating", json!({"stars": 2}), Some(0.25)),
        ("rating", json!({"stars": 5}), Some(1.0)),
        ("rating", json!({"stars": 4, "source": "user"}), Some(0.75)),
        ("dwell_time", json!({"value": 0}), Some(0.0)),
        ("dwell_time", json!({"value": 86_400}), Some(86_400.0)),
        ("dwell_time", json!({"value": 61.5, "source": null, "stars": null}), Some(61.5)),
        ("copy", json!({"source": "user"}), None),
        ("follow_up", json!({"value": null}), None),
    ];
    for (signal, more, value) in cases {
        let reply = w.react(w.to(signal, more.clone())).await;
        assert!(reply.is_ok(), "{signal} {more}: {reply:?}");
        assert_eq!(w.stored().last().unwrap().1, value, "{signal} {more}");
    }
}

/// What is wrong, and the field that is told.
fn wrong(w: &World) -> Vec<(Value, &'static str, &'static str)> {
    let long = "é".repeat(2001);
    let large = json!({"a": "b".repeat(4096 - r#"{"a":""}"#.len() + 1)});
    vec![
        (json!({"signal": "copy"}), "message_id", "is required"),
        (json!({"message_id": "7", "signal": "copy"}), "message_id", "must be a UUID"),
        (json!({"message_id": 7, "signal": "copy"}), "message_id", ""),
        (json!({"message_id": w.answer}), "signal", "is required"),
        (w.to("thumbs", json!({})), "signal", "expected one of `thumbs_up`"),
        (w.to("copy", json!({"signal": 7})), "signal", ""),
        (w.to("copy", json!({"value": 1})), "value", "does not belong"),
        (w.to("thumbs_up", json!({"value": 0})), "value", "does not belong"),
        (w.to("thumbs_down", json!({"stars": 1})), "stars", "does not belong"),
        (w.to("follow_up", json!({"value": 3})), "value", "does not belong"),
        (w.to("dwell_time", json!({"value": 3, "stars": 3})), "stars", "does not belong"),
        (w.to("dwell_time", json!({})), "value", "is required"),
        (w.to("dwell_time", json!({"value": -0.1})), "value", "0 to 86400"),
        (w.to("dwell_time", json!({"value": 86_400.5})), "value", "0 to 86400"),
        (w.to("dwell_time", json!({"value": "60"})), "value", "expected a JSON number"),
        (w.to("rating", json!({})), "value", "is required"),
        (w.to("rating", json!({"value": 1.01})), "value", "0 to 1"),
        (w.to("rating", json!({"value": -0.01})), "value", "0 to 1"),
        (w.to("rating", json!({"value": 1, "stars": 5})), "stars", "not both"),
        (w.to("rating", json!({"stars": 0})), "stars", "1, 2, 3, 4 or 5"),
        (w.to("rating", json!({"stars": 6})), "stars", "1, 2, 3, 4 or 5"),
        (w.to("rating", json!({"stars": 257})), "stars", "1, 2, 3, 4 or 5"),
        (w.to("rating", json!({"stars": 4.5})), "stars", "1, 2, 3, 4 or 5"),
        (w.to("rating", json!({"value": 1, "source": "me"})), "source", "expected one of `user`"),
        (w.to("thumbs_up", json!({"source": "automated"})), "source", "a rating may"),
        (w.to("copy", json!({"comment": long})), "comment", "2000"),
        (w.to("copy", json!({"comment": 7})), "comment", "a string"),
        (w.to("copy", json!({"comment": "a\0"})), "comment", "U+0000"),
        (w.to("copy", json!({"metadata": "{}"})), "metadata", "must be a JSON object"),
        (w.to("copy", json!({"metadata": [1]})), "metadata", "must be a JSON object"),
        (w.to("copy", json!({"metadata": large})), "metadata", "4096"),
        (w.to("copy", json!({"metadata": {"a": "\0"}})), "metadata.a", "U+0000"),
        (w.to("copy", json!({"metadata": {"\0": 1}})), "metadata", "U+0000"),
        (w.to("copy", json!({"index": 1})), "index", "is not a field"),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_one_is_said_and_nothing_asked() {
    let w = world().await;
    for (body, field, part) in wrong(&w) {
        let error = w.react(body.clone()).await.unwrap_err();
        assert_eq!((error.status, error.code, error.field.as_deref()), (400, "invalid_request", Some(field)), "{body}");
        assert!(error.message.starts_with(&format!("`{field}`: ")) && error.message.contains(part), "{error:?}");
    }
    assert_eq!((w.calls(), w.stored()), (0, vec![]));
}

#[tokio::test]
async fn what_is_wrong_with_some_is_said_by_index_and_the_others_are_stored_in_one_call() {
    let w = world().await;
    let theirs = answer_for(&w.store, EVE).await;
    let wrong = wrong(&w);
    let mut signals: Vec<Value> = wrong.iter().map(|(body, ..)| body.clone()).collect();
    signals.insert(0, w.to("thumbs_up", json!({})));
    signals.push(json!({"message_id": UNKNOWN, "signal": "copy"}));
    signals.push(json!(["copy"]));
    signals.push(json!({"message_id": theirs, "signal": "thumbs_down"}));
    signals.push(w.to("rating", json!({"stars": 5, "source": "llm-judge"})));
    signals.push(w.to("copy", json!({"user_id": JO})));
    signals.push(w.to("thumbs_down", json!({})));
    let last = signals.len() - 1;
    let reply = w.react(json!({"signals": signals})).await.unwrap();

    assert_eq!((&reply["stored"], &reply["unchanged"]), (&json!(2), &json!(0)));
    assert_eq!(w.calls(), 1);
    let kinds: Vec<_> = w.stored().iter().map(|row| (row.0, row.3)).collect();
    assert_eq!(kinds, [(Signal::ThumbsUp, true), (Signal::ThumbsDown, false)], "the later one wins");
    assert_eq!(w.store.reactions_to(theirs), []);

    let errors = reply["errors"].as_array().unwrap();
    let indices: Vec<_> = errors.iter().map(|error| error["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, (1..last as u64).collect::<Vec<_>>());
    for (error, (body, field, _)) in errors.iter().zip(&wrong) {
        assert_eq!(
            (error["code"].as_str(), error["field"].as_str()),
            (Some("invalid_request"), Some(*field)),
            "{body}"
        );
    }
    let rest: Vec<_> =
        errors[wrong.len()..].iter().map(|e| (e["code"].as_str().unwrap(), e["field"].as_str())).collect();
    let expected = [
        ("message_not_found", Some("message_id")),
        ("invalid_request", None),
        ("message_not_found", Some("message_id")),
        ("source_not_allowed", Some("source")),
        ("invalid_request", Some("user_id")),
    ];
    assert_eq!(rest, expected);
}

#[tokio::test]
async fn an_error_in_a_list_is_the_one_it_would_be_by_itself() {
    let w = world().await;
    let refused =
        [json!({"message_id": UNKNOWN, "signal": "copy"}), w.to("rating", json!({"value": 1, "source": "automated"}))];
    let told = [(404, "message_not_found"), (403, "source_not_allowed")];
    for (body, told) in refused.into_iter().zip(told) {
        let alone = w.react(body.clone()).await.unwrap_err();
        assert_eq!((alone.status, alone.code), told);
        let reply = w.react(json!({"signals": [body]})).await.unwrap();
        let expected = json!({"index": 0, "code": alone.code, "message": alone.message, "field": alone.field});
        assert_eq!(reply["errors"], json!([expected]));
    }
}

#[tokio::test]
async fn nobody_changes_their_mind_without_end() {
    let w = world().await;
    for seconds in 0..100 {
        w.react(w.to("dwell_time", json!({"value": seconds}))).await.unwrap();
    }
    let error = w.react(w.to("thumbs_up", json!({}))).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "too_many_changes"));
    assert_eq!(w.react(w.to("dwell_time", json!({"value": 99}))).await.unwrap()["unchanged"], 1);
}

#[tokio::test]
async fn where_nothing_is_good_nothing_is_asked() {
    let w = world().await;
    let reply = w.react(json!({"signals": [7, {}]})).await.unwrap();
    assert_eq!((&reply["stored"], reply["errors"].as_array().unwrap().len(), w.calls()), (&json!(0), 2, 0));
}

#[tokio::test]
async fn a_list_holds_one_to_a_hundred_and_nothing_else_stands_beside_it() {
    let w = world().await;
    let copy = w.to("copy", json!({}));
    let cases = [
        (json!({"signals": []}), "signals"),
        (json!({"signals": vec![copy.clone(); 101]}), "signals"),
        (json!({"signals": null}), "signals"),
        (json!({"signals": copy}), "signals"),
        (json!({"signals": [copy], "signal": "copy"}), "signal"),
        (json!({"signals": [copy], "user_id": "jo"}), "user_id"),
        (w.to("copy", json!({"user_id": 7})), "user_id"),
    ];
    for (body, field) in cases {
        let error = w.react(body.clone()).await.unwrap_err();
        assert_eq!((error.status, error.code, error.field.as_deref()), (400, "invalid_request", Some(field)), "{body}");
    }
    assert_eq!(w.calls(), 0);
    let reply = w.react(json!({"signals": vec![copy; 100]})).await.unwrap();
    assert_eq!((&reply["stored"], &reply["unchanged"]), (&json!(1), &json!(99)));
    assert_eq!(w.calls(), 1);
}

#[tokio::test]
async fn the_body_is_one_json_object_of_a_bounded_size() {
    let w = world().await;
    let cases = [
        ("[]".to_owned(), 400, "invalid_request"),
        (String::new(), 400, "invalid_json"),
        (" ".repeat(TOO_LARGE), 413, "body_too_large"),
    ];
    for (body, status, code) in cases {
        let error = post(&w.store.as_user(JO), body).await.unwrap_err();
        assert_eq!((error.status, error.code), (status, code));
    }
}

#[tokio::test]
async fn blanks_are_no_comment() {
    let w = world().await;
    w.react(w.to("copy", json!({"comment": " \n"}))).await.unwrap();
    assert_eq!(w.store.reactions_to(w.answer)[0].comment, None);
    let longest = "é".repeat(2000);
    w.react(w.to("copy", json!({"comment": longest}))).await.unwrap();
    assert_eq!(w.store.reactions_to(w.answer)[1].comment, Some(longest));
}

#[tokio::test]
async fn who_may_react_is_the_stores_to_say() {
    let w = world().await;
    let thumb = w.to("thumbs_up", json!({}));
    let for_jo = w.to("thumbs_up", json!({"user_id": JO}));
    let cases = [
        (w.store.as_nobody(), &thumb, (401, "unauthorized")),
        (w.store.clone(), &thumb, (400, "invalid_request")),
        (w.store.as_user(EVE), &for_jo, (403, "forbidden")),
        (w.store.as_user(EVE), &thumb, (404, "message_not_found")),
    ];
    for (store, body, expected) in cases {
        let error = post(&store, body.to_string()).await.unwrap_err();
        assert_eq!((error.status, error.code), expected);
    }
    assert_eq!(w.stored(), []);

    assert_eq!(post(&w.store, for_jo.to_string()).await.unwrap()["stored"], 1);
    let judged = json!({"signals": [w.to("rating", json!({"value": 0.5, "source": "llm-judge"}))], "user_id": JO});
    assert_eq!(post(&w.store, judged.to_string()).await.unwrap()["stored"], 1);
    assert_eq!(w.stored()[1], (Signal::Rating, Some(0.5), Source::LlmJudge, false));
}

#[tokio::test]
async fn faults_are_told_by_kind() {
    let w = world().await;
    let faults = [
        (StoreError::Unavailable("timeout".into()), 503, Some(2)),
        (StoreError::Unexpected("PGRST202".into()), 500, None),
        (StoreError::Unauthenticated, 401, None),
    ];
    for (fault, status, retry_after) in faults {
        w.store.fail_next("collect_feedback", fault);
        let error = w.react(w.to("copy", json!({}))).await.unwrap_err();
        assert_eq!((error.status, error.retry_after), (status, retry_after), "{error:?}");
    }
}
