//! What a request did, step by step: the record of a run. Names, codes, counts and times; nothing that anybody wrote.

use std::{cell::RefCell, rc::Rc};

use serde_json::{Value, json};

use crate::{ApiError, Request, Response};

/// The most steps that are kept.
const MOST_STEPS: usize = 200;
/// Told of each call of the database: its name, how many milliseconds it took, and the code of what went wrong.
pub type OnCall = Rc<dyn Fn(&str, f64, Option<&str>)>;
/// Told of each attempt at a model: its name (empty where it said nothing), milliseconds, the code of what went wrong,
/// and the tokens it counted, in the order of input, output, read from its cache, written to it.
pub type OnAnswer = Rc<dyn Fn(&str, f64, Option<&str>, [u32; 4])>;

/// The steps of one request, as they happen.
pub struct Trace {
    now_ms: fn() -> f64,
    begun_ms: f64,
    spans: RefCell<Vec<Value>>,
    tokens: RefCell<[u64; 4]>,
}

impl Trace {
    /// Begins with the request.
    pub fn begin(now_ms: fn() -> f64) -> Rc<Self> {
        Rc::new(Self { now_ms, begun_ms: now_ms(), spans: RefCell::default(), tokens: RefCell::default() })
    }

    /// Takes calls of the database down.
    pub fn calls(self: &Rc<Self>) -> OnCall {
        let trace = Rc::clone(self);
        Rc::new(move |name, took_ms, error| trace.add(name, "db", took_ms, error, None))
    }

    /// Takes attempts at a model down.
    pub fn answers(self: &Rc<Self>) -> OnAnswer {
        let trace = Rc::clone(self);
        Rc::new(move |model, took_ms, error, counts| {
            let counts = counts.map(u64::from);
            for (total, count) in trace.tokens.borrow_mut().iter_mut().zip(counts) {
                *total += count;
            }
            let said = (!model.is_empty()).then(|| (model, usage(counts)));
            trace.add("model", "model", took_ms, error, said);
        })
    }

    /// Takes a call of something else down.
    pub fn fetched(&self, name: &str, took_ms: f64, error: Option<&str>) {
        self.add(name, "http", took_ms, error, None);
    }

    fn add(&self, name: &str, kind: &str, took_ms: f64, error: Option<&str>, said: Option<(&str, Value)>) {
        let mut spans = self.spans.borrow_mut();
        if spans.len() < MOST_STEPS {
            let (model, usage) = said.unzip();
            spans.push(json!({
                "name": name,
                "type": kind,
                "start_ms": whole((self.now_ms)() - took_ms - self.begun_ms),
                "duration_ms": whole(took_ms),
                "error": error,
                "model": model,
                "usage": usage,
            }));
        }
    }

    /// The run as it is stored; `None` where nothing was done for the caller (whoever may not ask leaves no trace).
    pub fn run(
        &self,
        function: &str,
        request: &Request,
        request_id: &str,
        result: &Result<Response, ApiError>,
    ) -> Option<Value> {
        let spans = self.spans.take();
        // Also where the database answered in peace that they may not.
        if matches!(result.as_ref().map_or_else(|error| error.status, |response| response.status), 401 | 403) {
            return None;
        }
        spans.iter().find(|span| span.get("error").is_some_and(Value::is_null))?;
        let error = result.as_ref().err().map(|error| error.code);
        let answer = result.as_ref().ok().and_then(|response| read(response.text().as_bytes()));
        Some(json!({
            "agent_type": function,
            "action": read(&request.body).as_ref().and_then(action),
            "status": if error.is_some() { "failed" } else { "completed" },
            "error": error,
            "request_id": request_id,
            "assistant_id": answer.as_ref().and_then(one_assistant),
            "duration_ms": whole((self.now_ms)() - self.begun_ms),
            "token_usage": usage(self.tokens.take()),
            "spans": spans,
        }))
    }
}

// (Named one by one: collecting into a map sorts, which is 5 KB of wasm.)
fn usage([input, output, cache_read, cache_creation]: [u64; 4]) -> Value {
    json!({
        "input_tokens": input,
        "output_tokens": output,
        "cache_read_input_tokens": cache_read,
        "cache_creation_input_tokens": cache_creation,
    })
}

fn read(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

/// What was asked for, where it is one of our words.
fn action(body: &Value) -> Option<&str> {
    let action = body.get("action")?.as_str()?;
    let is_word = action.len() <= 40 && action.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_word.then_some(action)
}

/// Milliseconds without a fraction.
fn whole(ms: f64) -> u32 {
    ms.max(0.0) as u32
}

/// The assistant that an answer is about, where it is about one: named at its top, or the same in all its results.
fn one_assistant(answer: &Value) -> Option<Value> {
    let mut found = None;
    let lists = answer.as_object()?.values().filter_map(Value::as_array).flatten();
    for about in std::iter::once(answer).chain(lists) {
        let Some(id) = about.get("assistant_id") else { continue };
        if found.is_some_and(|other| other != id) {
            return None;
        }
        found = Some(id);
    }
    found.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> Request {
        Request { method: "POST".to_owned(), body: body.as_bytes().to_vec(), ..Request::default() }
    }

    #[test]
    fn a_run_holds_its_steps_and_what_they_took() {
        let trace = Trace::begin(|| 1000.0);
        trace.calls()("pawl_claim", 8.5, None);
        trace.answers()("a-model", 300.0, None, [1, 2, 3, 4]);
        trace.answers()("", 20.0, Some("model_timeout"), [0; 4]);
        let answer = Ok(Response::json(200, &json!({"results": [{"assistant_id": "a"}, {"assistant_id": "a"}]})));
        let run = trace.run("reflection-loop", &asked(r#"{"action":"x","text":"secret"}"#), "r", &answer).unwrap();
        assert_eq!(run["action"], "x");
        assert_eq!(run["assistant_id"], "a");
        assert_eq!(run["token_usage"]["output_tokens"], 2);
        assert_eq!(run["spans"].as_array().unwrap().len(), 3);
        assert_eq!(run["spans"][2]["error"], "model_timeout");
        assert!(!run.to_string().contains("secret"));
    }

    #[test]
    fn who_may_not_ask_leaves_no_trace() {
        let trace = Trace::begin(|| 0.0);
        trace.calls()("pawl_claim", 1.0, Some("forbidden"));
        let refused = Err(ApiError::new(403, "forbidden", "These credentials may not do this."));
        assert!(trace.run("reflection-loop", &asked(""), "r", &refused).is_none());
        for status in [401, 403] {
            trace.calls()("pawl_analyze_feedback", 1.0, None);
            let refused = Err(ApiError::new(status, "refused", "Only admins and owners may do this."));
            assert!(trace.run("retrain-trigger", &asked(""), "r", &refused).is_none(), "{status}");
        }
        trace.calls()("pawl_analyze_feedback", 1.0, None);
        let unknown = Err(ApiError::new(404, "assistant_not_found", "There is none."));
        assert!(trace.run("retrain-trigger", &asked(""), "r", &unknown).is_some());
    }

    #[test]
    fn of_several_assistants_it_names_none() {
        let answer = json!({"results": [{"assistant_id": "a"}, {"assistant_id": "b"}]});
        assert_eq!(one_assistant(&answer), None);
    }

    #[test]
    fn no_more_steps_than_the_database_takes() {
        let trace = Trace::begin(|| 0.0);
        let calls = trace.calls();
        (0..500).for_each(|_| calls("pawl_settle", 1.0, None));
        let run = trace.run("f", &asked(""), "r", &Ok(Response::json(200, &json!({})))).unwrap();
        assert_eq!(run["spans"].as_array().unwrap().len(), MOST_STEPS);
    }
}
