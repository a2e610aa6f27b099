//! The client against a scripted model, on a clock of its own: what is asked again, when, and what is not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "all of this file is tests")]

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future,
    rc::Rc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use pawl_core::{conversation::Exchange, rubric::Rubric, usage::Usage};
use pawl_model::{
    Answer, AnswerPair, Anthropic, Better, Chat, ChatRequest, CompareRequest, Comparer, Comparison, Headers, Host,
    ModelError, OwnModels, Patience, Unanswered, compare,
};
use serde_json::{Value, json};

thread_local! {
    static NOW_MS: Cell<f64> = const { Cell::new(0.0) };
}

/// What the model does with one request.
enum Act {
    Unreachable,
    Refuse(u16, &'static [(&'static str, &'static str)], Value),
    /// Status 200 and these pieces of a body; then its end, a break, or silence.
    Say(Vec<Vec<u8>>, End),
}

#[derive(Clone, Copy)]
enum End {
    Clean,
    Broken,
    Silence,
}

#[derive(Default)]
struct Script {
    acts: RefCell<VecDeque<Act>>,
    requests: RefCell<Vec<(String, Headers, Value)>>,
    pauses: RefCell<Vec<Duration>>,
}

fn event(data: &Value) -> Vec<u8> {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap()).into_bytes()
}

fn start(input_tokens: u32) -> Vec<u8> {
    let usage = json!({"input_tokens": input_tokens, "output_tokens": 1, "cache_read_input_tokens": 4});
    event(&json!({"type": "message_start", "message": {"id": "msg_1", "model": "m-1", "usage": usage}}))
}

fn delta(text: &str) -> Vec<u8> {
    event(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}))
}

fn stop(reason: &str) -> Vec<u8> {
    event(&json!({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9}}))
}

fn error(kind: &str) -> Vec<u8> {
    event(&json!({"type": "error", "error": {"type": kind, "message": "m"}}))
}

fn answer() -> Act {
    Act::Say(vec![start(7), delta("Hel"), delta("lo"), stop("end_turn")], End::Clean)
}

fn refuse(status: u16) -> Act {
    Act::Refuse(status, &[], json!({"type": "error", "error": {"type": "some_error", "message": "m"}}))
}

/// Everything is ready at once or never: what waits, waits for the clock.
fn host(script: &Rc<Script>) -> Host {
    NOW_MS.set(0.0);
    let (for_post, for_sleep) = (Rc::clone(script), Rc::clone(script));
    Host {
        post: Rc::new(move |url, headers, body| {
            for_post.requests.borrow_mut().push((url, headers, serde_json::from_slice(&body).unwrap()));
            let act = for_post.acts.borrow_mut().pop_front().unwrap_or(Act::Unreachable);
            Box::pin(async move {
                match act {
                    Act::Unreachable => None,
                    Act::Refuse(status, headers, body) => {
                        let headers = headers.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
                        Some((status, headers, stream::iter([Some(body.to_string().into_bytes())]).boxed_local()))
                    }
                    Act::Say(pieces, end) => {
                        let pieces = stream::iter(pieces.into_iter().map(Some));
                        let body = match end {
                            End::Clean => pieces.boxed_local(),
                            End::Broken => pieces.chain(stream::iter([None])).boxed_local(),
                            End::Silence => pieces.chain(stream::pending()).boxed_local(),
                        };
                        let stream = ("content-type".to_owned(), "text/event-stream; charset=utf-8".to_owned());
                        Some((200, vec![stream], body))
                    }
                }
            })
        }),
        sleep: Rc::new(move |duration| {
            let script = Rc::clone(&for_sleep);
            Box::pin(future::poll_fn(move |_| {
                NOW_MS.set(NOW_MS.get() + duration.as_secs_f64() * 1000.0);
                script.pauses.borrow_mut().push(duration);
                std::task::Poll::Ready(())
            }))
        }),
        now_ms: || NOW_MS.get(),
        chance: || 0.5,
    }
}

struct Outcome {
    result: Result<Answer, Unanswered>,
    pieces: Vec<String>,
    requests: Vec<(String, Headers, Value)>,
    pauses: Vec<Duration>,
}

impl Outcome {
    fn error(&self) -> ModelError {
        self.result.clone().unwrap_err().error
    }
}

fn ask(acts: Vec<Act>) -> Outcome {
    ask_with(
        acts,
        Patience { total: Duration::from_secs(100), silence: Duration::from_secs(30), begun_is_final: false },
    )
}

fn ask_with(acts: Vec<Act>, patience: Patience) -> Outcome {
    ask_told(acts, patience, None)
}

fn ask_told(acts: Vec<Act>, patience: Patience, instructions: Option<&str>) -> Outcome {
    ask_at(acts, patience, instructions, None, OwnModels::default())
}

fn ask_own(acts: Vec<Act>, base_url: Option<&str>, key: &str) -> Outcome {
    let patience =
        Patience { total: Duration::from_secs(100), silence: Duration::from_secs(30), begun_is_final: false };
    let own_models = OwnModels { key: key.to_owned(), hosts: vec!["models.example.com".to_owned()] };
    ask_at(acts, patience, None, base_url, own_models)
}

fn ask_at(
    acts: Vec<Act>,
    patience: Patience,
    instructions: Option<&str>,
    base_url: Option<&str>,
    own_models: OwnModels,
) -> Outcome {
    let script = Rc::new(Script { acts: RefCell::new(acts.into()), ..Script::default() });
    let client = Anthropic::new("http://model", "sk-ant-1", host(&script)).unwrap().with_own_models(own_models);
    let history = [Exchange { user_message: "one".into(), answer: "two".into() }];
    let request = ChatRequest {
        model: "claude-sonnet-5-5",
        base_url,
        max_tokens: 100,
        system_prompt: "Be plain.",
        instructions,
        history: &history,
        message: "three",
        patience,
    };
    let mut pieces = Vec::new();
    let result = client.answer(request, &mut |text| pieces.push(text.to_owned())).now_or_never().unwrap();
    Outcome { result, pieces, requests: script.requests.take(), pauses: script.pauses.take() }
}

#[test]
fn the_request_is_what_the_api_takes_and_the_prompt_is_cached() {
    let outcome = ask(vec![answer()]);
    let (url, headers, body) = &outcome.requests[0];
    assert_eq!(url, "http://model/v1/messages");
    let expected =
        [("x-api-key", "sk-ant-1"), ("anthropic-version", "2023-06-01"), ("content-type", "application/json")];
    assert_eq!(headers, &expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let system = json!([{"type": "text", "text": "Be plain.", "cache_control": {"type": "ephemeral"}}]);
    let messages = [("user", "one"), ("assistant", "two"), ("user", "three")];
    let messages = messages.map(|(role, content)| json!({"role": role, "content": content}));
    let expected = json!({"model": "claude-sonnet-5-5", "max_tokens": 100, "stream": true, "system": system,
                          "messages": messages});
    assert_eq!(body, &expected);
}

#[test]
fn what_one_turn_is_told_stands_after_the_cached_prompt_and_is_not_cached() {
    let outcome = ask_told(
        vec![answer()],
        Patience { total: Duration::MAX, silence: Duration::MAX, begun_is_final: false },
        Some("Be brief."),
    );
    let expected = json!([{"type": "text", "text": "Be plain.", "cache_control": {"type": "ephemeral"}},
                          {"type": "text", "text": "Be brief."}]);
    assert_eq!(outcome.requests[0].2["system"], expected);
}

#[test]
fn a_model_of_ones_own_is_asked_at_its_address_with_its_key_alone() {
    for base_url in ["https://models.example.com/v7", "https://models.example.com/v7/"] {
        // Also when it is asked again.
        let outcome = ask_own(vec![refuse(529), answer()], Some(base_url), " ml-1\n");
        assert_eq!((outcome.result.map(|a| a.text), outcome.requests.len()), (Ok("Hello".into()), 2));
        for (url, headers, _) in &outcome.requests {
            assert_eq!(url, "https://models.example.com/v7/v1/messages");
            assert_eq!(headers[0], ("x-api-key".to_owned(), "ml-1".to_owned()));
            assert!(!format!("{headers:?}").contains("sk-ant"));
        }
    }
    let outcome = ask_own(vec![answer()], None, "ml-1");
    assert_eq!(outcome.requests[0].0, "http://model/v1/messages");
    assert_eq!(outcome.requests[0].1[0].1, "sk-ant-1");
}

#[test]
fn where_a_model_of_ones_own_may_not_be_asked_nothing_is_sent() {
    for base_url in ["https://evil.com", "http://models.example.com", "https://models.example.com@evil.com", ""] {
        let outcome = ask_own(vec![answer()], Some(base_url), "ml-1");
        assert_eq!((outcome.error(), outcome.requests.len()), (ModelError::NotAllowed, 0), "{base_url}");
    }
    for key in ["", " ", "a b", "schlüssel"] {
        let outcome = ask_own(vec![answer()], Some("https://models.example.com"), key);
        assert_eq!((outcome.error(), outcome.requests.len()), (ModelError::OwnKeyRefused, 0), "{key}");
    }
    let refused = |base_url, act| ask_own(vec![act], base_url, "ml-1").error();
    let there = Some("https://models.example.com");
    let late = || Act::Say(vec![start(7), error("authentication_error")], End::Clean);
    assert_eq!(
        (refused(there, refuse(403)), refused(there, late())),
        (ModelError::OwnKeyRefused, ModelError::OwnKeyRefused)
    );
    assert_eq!(
        (refused(None, refuse(403)), refused(None, late())),
        (ModelError::Unauthorized, ModelError::Unauthorized)
    );
}

#[test]
fn a_model_that_does_not_say_who_it_is_is_the_one_that_was_asked() {
    let nameless = event(&json!({"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 7}}}));
    let outcome = ask(vec![Act::Say(vec![nameless, delta("Hello"), stop("end_turn")], End::Clean)]);
    let answer = outcome.result.unwrap();
    assert_eq!((answer.model.as_str(), answer.usage.input_tokens), ("claude-sonnet-5-5", 7));
}

#[test]
fn an_answer_comes_in_pieces_and_whole_with_what_the_model_says_of_it() {
    let outcome = ask(vec![answer()]);
    let usage = Usage { input_tokens: 7, output_tokens: 9, cache_read_input_tokens: 4, ..Usage::default() };
    let whole = Answer { text: "Hello".into(), model: "m-1".into(), stop_reason: "end_turn".into(), usage };
    assert_eq!((outcome.result, outcome.pieces), (Ok(whole), vec!["Hel".to_owned(), "lo".to_owned()]));
}

#[test]
fn what_passes_by_itself_is_asked_again_after_a_pause() {
    let broken = Act::Say(vec![start(7)], End::Broken);
    let early = Act::Say(vec![start(7), error("overloaded_error")], End::Clean);
    for fault in [refuse(529), refuse(500), refuse(503), refuse(429), Act::Unreachable, broken, early] {
        let outcome = ask(vec![fault, answer()]);
        assert_eq!(outcome.result.map(|a| a.text), Ok("Hello".into()));
        assert_eq!(outcome.requests.len(), 2);
        assert_eq!(outcome.pauses, [Duration::from_millis(750)]);
    }
}

#[test]
fn four_times_and_no_more() {
    let outcome = ask((0..9).map(|_| refuse(529)).collect());
    assert_eq!((outcome.error(), outcome.requests.len()), (ModelError::Overloaded(None), 4));
    assert_eq!(outcome.pauses, [750, 1500, 3000].map(Duration::from_millis));
}

#[test]
fn what_does_not_pass_is_asked_once() {
    let limit =
        json!({"error": {"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}});
    let cases = [
        (refuse(400), ModelError::Rejected("some_error".into())),
        (refuse(404), ModelError::Rejected("some_error".into())),
        (refuse(401), ModelError::Unauthorized),
        (Act::Refuse(429, &[("x-should-retry", "true"), ("retry-after", "1")], limit), ModelError::SpendLimit),
        (Act::Refuse(529, &[("x-should-retry", "false")], json!({})), ModelError::Overloaded(None)),
        (Act::Refuse(200, &[("content-type", "text/html")], json!("a page")), ModelError::Malformed),
        (Act::Say(vec![b"data: {\n\n".to_vec()], End::Clean), ModelError::Malformed),
        (Act::Say(vec![start(7), stop("refusal")], End::Clean), ModelError::Refused),
        (Act::Say(vec![start(7), stop("end_turn")], End::Clean), ModelError::Empty),
        (Act::Say(vec![start(7), delta(" \n"), stop("end_turn")], End::Clean), ModelError::Empty),
    ];
    for (act, expected) in cases {
        let outcome = ask(vec![act, answer()]);
        assert_eq!((outcome.error(), outcome.requests.len()), (expected, 1));
    }
}

#[test]
fn once_text_has_left_nothing_is_asked_again() {
    for (end, rest, expected) in [
        (End::Broken, vec![], ModelError::BrokenOff),
        (End::Clean, vec![], ModelError::BrokenOff),
        (End::Silence, vec![], ModelError::Timeout),
        (End::Clean, vec![error("overloaded_error")], ModelError::Overloaded(None)),
        (End::Clean, vec![b"data: {\"type\":\n\n".to_vec()], ModelError::Malformed),
    ] {
        let pieces = [vec![start(7), delta("Hel")], rest].concat();
        let outcome = ask(vec![Act::Say(pieces, end), answer()]);
        assert_eq!((outcome.error(), outcome.requests.len()), (expected, 1));
        assert_eq!(outcome.pieces, ["Hel"]);
        let spent = outcome.result.unwrap_err().spent.unwrap();
        assert_eq!((spent.model.as_str(), spent.usage.input_tokens), ("m-1", 7), "what it cost is known");
    }
}

#[test]
fn what_is_paid_once_is_not_asked_again_when_the_model_has_begun() {
    let patience =
        |begun_is_final| Patience { total: Duration::from_secs(100), silence: Duration::from_secs(30), begun_is_final };
    let broken = || Act::Say(vec![start(7)], End::Broken);
    assert_eq!(ask_with(vec![broken(), answer()], patience(false)).requests.len(), 2);
    let outcome = ask_with(vec![broken(), answer()], patience(true));
    assert_eq!((outcome.error(), outcome.requests.len()), (ModelError::BrokenOff, 1));
    assert_eq!(outcome.result.unwrap_err().spent.unwrap().usage.input_tokens, 7, "what it cost is known");
    // What was turned away cost nothing.
    let refused = || Act::Refuse(529, &[], json!({}));
    assert_eq!(ask_with(vec![refused(), answer()], patience(true)).requests.len(), 2);
}

#[test]
fn the_model_says_when_to_come_back_unless_that_is_too_late() {
    let later = |seconds| Act::Refuse(429, seconds, json!({}));
    let outcome = ask(vec![later(&[("retry-after", "7")]), answer()]);
    assert_eq!((outcome.requests.len(), outcome.pauses), (2, vec![Duration::from_millis(7500)]));
    for seconds in ["100", "50"] {
        let headers: &'static [_] = if seconds == "50" { &[("retry-after", "50")] } else { &[("retry-after", "100")] };
        let outcome = ask(vec![later(headers), answer()]);
        assert_eq!((outcome.error(), outcome.pauses.len()), (ModelError::RateLimited(seconds.parse().ok()), 0));
    }
}

#[test]
fn silence_is_given_up_and_everything_ends_by_the_deadline() {
    let silent = || Act::Say(vec![], End::Silence);
    let outcome = ask(vec![silent(), answer()]);
    assert_eq!(outcome.result.map(|a| a.text), Ok("Hello".into()));
    assert_eq!(outcome.pauses, [30_000, 750].map(Duration::from_millis));

    let outcome = ask((0..9).map(|_| silent()).collect());
    assert_eq!(outcome.error(), ModelError::Timeout);
    assert!(NOW_MS.get() <= 100_000.0, "{}", NOW_MS.get());
    assert_eq!(outcome.requests.len(), 4);

    let slow = (0..50).flat_map(|_| [delta("x")]).collect();
    let patience = Patience { total: Duration::ZERO, silence: Duration::from_secs(30), begun_is_final: false };
    let outcome = ask_with(vec![Act::Say(slow, End::Silence)], patience);
    assert_eq!(outcome.error(), ModelError::Timeout);
}

#[test]
fn an_answer_at_its_token_limit_or_after_unknown_blocks_is_an_answer() {
    let thinking =
        event(&json!({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hm"}}));
    let novelty = event(&json!({"type": "moon_phase", "phase": {"text": "x"}}));
    let outcome =
        ask(vec![Act::Say(vec![start(7), thinking, novelty, delta("Hello"), stop("max_tokens")], End::Clean)]);
    let answer = outcome.result.unwrap();
    assert_eq!((answer.text.as_str(), answer.stop_reason.as_str()), ("Hello", "max_tokens"));
}

#[test]
fn what_failed_attempts_cost_is_part_of_the_bill() {
    let outcome = ask(vec![Act::Say(vec![start(7)], End::Broken), answer()]);
    assert_eq!(outcome.result.unwrap().usage.input_tokens, 14);
    // Also when the last attempt said nothing.
    let outcome = ask([Act::Say(vec![start(7)], End::Broken)].into_iter().chain((0..3).map(|_| refuse(529))).collect());
    assert_eq!(
        outcome.result.unwrap_err().spent.map(|spent| (spent.model, spent.usage.input_tokens)),
        Some(("m-1".into(), 7))
    );
    assert_eq!(ask(vec![refuse(400)]).result.unwrap_err().spent, None);
}

#[test]
fn a_connection_that_breaks_after_the_end_was_announced_takes_nothing_away() {
    let pieces = vec![start(7), delta("Hello"), stop("end_turn")];
    assert_eq!(ask(vec![Act::Say(pieces, End::Broken)]).result.unwrap().text, "Hello");
}

/// Two pairs, compared.
fn compared(acts: Vec<Act>) -> (Result<Comparison, Unanswered>, Vec<Value>) {
    let script = Rc::new(Script { acts: RefCell::new(acts.into()), ..Script::default() });
    let client = Anthropic::new("http://model", "sk-ant-1", host(&script)).unwrap();
    let anchors = ["a", "b", "c", "d", "e"];
    let rubric: Rubric =
        serde_json::from_value(json!([{"key": "depth", "description": "Why?", "anchors": anchors}])).unwrap();
    let pair = AnswerPair { history: &[], user_message: "q", first: "one", second: "two" };
    let patience =
        Patience { total: Duration::from_secs(100), silence: Duration::from_secs(30), begun_is_final: false };
    let request = CompareRequest { model: "claude-opus-5-5", rubric: &rubric, pairs: &[pair, pair], patience };
    let material = compare::material(&request);
    let result = client.compare(request).now_or_never().unwrap();
    let bodies: Vec<Value> = script.requests.take().into_iter().map(|(_, _, body)| body).collect();
    for body in &bodies {
        assert_eq!(body["messages"], json!([{"role": "user", "content": material}]));
    }
    (result, bodies)
}

#[test]
fn a_comparison_asks_once_and_reads_the_verdicts_in_the_order_of_the_request() {
    let verdicts = json!({"verdicts": [
        {"pair": 2, "reason": "r", "better": "first"}, {"pair": 1, "reason": "r", "better": "second"}
    ]});
    let (result, bodies) = compared(vec![
        refuse(529),
        Act::Say(vec![start(7), delta(&verdicts.to_string()), stop("end_turn")], End::Clean),
    ]);
    let comparison = result.unwrap();
    assert_eq!(comparison.verdicts, [Some(Better::Second), Some(Better::First)]);
    assert_eq!((comparison.model.as_str(), comparison.usage.input_tokens), ("m-1", 7));
    assert_eq!(bodies.len(), 2, "an overloaded model is asked again");
    let body = &bodies[0];
    assert_eq!((&body["model"], &body["stream"]), (&json!("claude-opus-5-5"), &json!(true)));
    assert_eq!(body["output_config"]["format"]["type"], "json_schema");
    assert_eq!(body["output_config"]["format"]["schema"]["required"], json!(["verdicts"]));
    assert_eq!(body["system"][0]["cache_control"], json!({"type": "ephemeral"}));
    assert!(["temperature", "tool_choice", "thinking"].iter().all(|name| body.get(name).is_none()));
}

#[test]
fn a_comparison_that_cannot_be_read_is_told_with_what_it_cost() {
    let say = |text: &str, reason| Act::Say(vec![start(7), delta(text), stop(reason)], End::Clean);
    for (act, error) in [
        (say("no JSON", "end_turn"), ModelError::Malformed),
        (say("[]", "end_turn"), ModelError::Malformed),
        (say("{\"verdicts\":[{\"pair\":1", "max_tokens"), ModelError::CutOff),
    ] {
        let (result, bodies) = compared(vec![act, answer()]);
        let unanswered = result.unwrap_err();
        assert_eq!((unanswered.error, bodies.len()), (error, 1));
        assert_eq!(unanswered.spent.unwrap().usage.input_tokens, 7);
    }
}
