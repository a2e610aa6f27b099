//! The client.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use futures_util::{
    Stream, StreamExt,
    future::{Either, select},
};
use pawl_core::usage::Usage;
use serde_json::Value;

use crate::{
    error::ModelError,
    message::Message,
    own_models::{OwnModels, is_allowed},
    retry::{self, Fault},
    sse,
    wire::{self, ErrorBody},
};

/// How to wait.
pub type Sleep = Rc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()>>>>;
/// A body as it comes in; `None` where the connection broke.
pub type Chunks = Pin<Box<dyn Stream<Item = Option<Vec<u8>>>>>;
/// Names (in lower case) and values.
pub type Headers = Vec<(String, String)>;
/// How to send a POST: address, headers and body to status, headers and body; `None` without a connection. A request
/// that is let go of is given up.
pub type Post = Rc<dyn Fn(String, Headers, Vec<u8>) -> Pin<Box<dyn Future<Output = Option<Reply>>>>>;
/// What comes back.
pub type Reply = (u16, Headers, Chunks);

/// What the client cannot do itself.
#[derive(Clone)]
pub struct Host {
    /// Sends.
    pub post: Post,
    /// Waits.
    pub sleep: Sleep,
    /// Milliseconds of a clock that never goes back.
    pub now_ms: fn() -> f64,
    /// Draws from [0, 1).
    pub chance: fn() -> f64,
}

/// The version of the API this crate speaks.
const API_VERSION: &str = "2023-06-01";

/// The most of an error's body that is read. The API's are under a thousand bytes.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// How long a question may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Patience {
    /// For all attempts and the pauses between them.
    pub total: Duration,
    /// For the model to say something: its first word, and each one after it. (It sends pings while it thinks.)
    pub silence: Duration,
    /// An attempt that the model has begun to answer is the last: it is paid for, and so would be the next. (Else one
    /// that broke off before a word is followed by another.)
    pub begun_is_final: bool,
}

/// Is told of each attempt: the name of the model (empty where it said nothing), how many milliseconds it took, the code
/// of what went wrong, and the tokens it counted: of the question, of the answer, read from its cache, written to it.
pub type Observe = Rc<dyn Fn(&str, f64, Option<&str>, [u32; 4])>;

/// A key, an address, and the host; and what models at another address are asked with.
#[derive(Clone)]
pub struct Anthropic {
    endpoint: String,
    key: String,
    own_models: OwnModels,
    host: Host,
    observe: Option<Observe>,
}

/// Where a request goes, and the key that goes with it: one is never without the other.
pub(crate) struct Address<'a> {
    endpoint: String,
    key: &'a str,
    is_own: bool,
}

/// A question that has no answer, and what it cost all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Why.
    pub error: ModelError,
    /// What the attempts cost of which the model said so; `None` when it said nothing.
    pub spent: Option<Spent>,
}

/// A model and the tokens it counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// Its name.
    pub model: String,
    /// Its count.
    pub usage: Usage,
}

impl From<ModelError> for Unanswered {
    fn from(error: ModelError) -> Self {
        Self { error, spent: None }
    }
}

impl Anthropic {
    /// `base_url` without `/v1`. `None` for a key that no HTTP header may hold.
    pub fn new(base_url: &str, key: &str, host: Host) -> Option<Self> {
        let (key, own_models) = (fit(key)?.to_owned(), OwnModels::default());
        Some(Self { endpoint: endpoint(base_url), key, own_models, host, observe: None })
    }

    /// Tells `observe` of each attempt from now on.
    #[must_use]
    pub fn observed(self, observe: Observe) -> Self {
        Self { observe: Some(observe), ..self }
    }

    /// The same, and models at an address of their own. Those hosts are sent that key and never the other one.
    pub fn with_own_models(self, own_models: OwnModels) -> Self {
        Self { own_models, ..self }
    }

    /// Where a request goes: to an address of its own, if it has one and may.
    pub(crate) fn address(&self, base_url: Option<&str>) -> Result<Address<'_>, ModelError> {
        let Some(base_url) = base_url else {
            return Ok(Address { endpoint: self.endpoint.clone(), key: &self.key, is_own: false });
        };
        if !is_allowed(&self.own_models.hosts, base_url) {
            return Err(ModelError::NotAllowed);
        }
        let key = fit(&self.own_models.key).ok_or(ModelError::OwnKeyRefused)?;
        Ok(Address { endpoint: endpoint(base_url), key, is_own: true })
    }

    /// [`Anthropic::ask_at`] the one address.
    pub(crate) async fn ask(
        &self,
        request: &wire::Request<'_>,
        patience: Patience,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Message, Unanswered> {
        self.ask_at(&self.address(None)?, request, patience, on_text).await
    }

    /// Asks until there is an answer, or no use in asking, or no time. Each piece of text is handed to `on_text` as it
    /// comes; once one was, a failure is final: a second answer would not go on where the first one ended.
    pub(crate) async fn ask_at(
        &self,
        at: &Address<'_>,
        request: &wire::Request<'_>,
        patience: Patience,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Message, Unanswered> {
        let deadline = Deadline { host: &self.host, ends_ms: (self.host.now_ms)() + as_ms(patience.total), patience };
        let mut spent: Option<Spent> = None;
        let mut attempt = 1;
        loop {
            let mut message = Message::default();
            let begun_ms = (self.host.now_ms)();
            let result = self.attempt(at, request, &deadline, &mut message, on_text).await;
            if message.model.is_empty() && message.is_whole() {
                // It does not say who it is.
                request.model.clone_into(&mut message.model);
            }
            if let Some(observe) = &self.observe {
                let Usage { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } =
                    message.usage;
                let counts = [input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens];
                let error = result.as_ref().err().map(|fault| fault.error.code());
                observe(&message.model, (self.host.now_ms)() - begun_ms, error, counts);
            }
            let has_begun = !message.model.is_empty();
            if has_begun {
                let before = spent.map(|spent| spent.usage).unwrap_or_default();
                message.usage = message.usage.plus(before);
                spent = Some(Spent { model: message.model.clone(), usage: message.usage });
            }
            let Err(mut fault) = result else { return Ok(message) };
            if at.is_own && fault.error == ModelError::Unauthorized {
                fault.error = ModelError::OwnKeyRefused;
            }
            let pause = retry::pause(&fault, attempt, (self.host.chance)(), deadline.left());
            let Some(pause) = pause.filter(|_| message.text.is_empty() && !(patience.begun_is_final && has_begun))
            else {
                return Err(Unanswered { error: fault.error, spent });
            };
            (self.host.sleep)(pause).await;
            attempt += 1;
        }
    }

    /// A question whose answer is one JSON document of the schema it asked for, and what `read` makes of it.
    pub(crate) async fn ask_structured<T>(
        &self,
        request: &wire::Request<'_>,
        patience: Patience,
        read: impl FnOnce(Value, &Message) -> Result<T, ModelError>,
    ) -> Result<T, Unanswered> {
        let message = self.ask(request, patience, &mut |_| {}).await?;
        document(&message).and_then(|value| read(value, &message)).map_err(|error| message.unanswered(error))
    }

    /// One request, read to its end.
    async fn attempt(
        &self,
        at: &Address<'_>,
        request: &wire::Request<'_>,
        deadline: &Deadline<'_>,
        message: &mut Message,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<(), Fault> {
        let mut body = deadline.wait_for(self.post(at, request)).await??;
        let mut parser = sse::Parser::default();
        while !message.has_ended()
            && let Some(bytes) = deadline.wait_for(body.next()).await?
        {
            let Some(bytes) = bytes else { break };
            for event in parser.push(&bytes).map_err(|_| ModelError::Malformed)? {
                if let Some(text) = message.take(&event)? {
                    on_text(&text);
                }
            }
        }
        if message.is_whole() { Ok(()) } else { Err(ModelError::BrokenOff.into()) }
    }

    /// Sends a request; an answer has the status 200 and is a stream.
    async fn post(&self, at: &Address<'_>, request: &wire::Request<'_>) -> Result<Chunks, Fault> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("x-api-key", at.key),
            header("anthropic-version", API_VERSION),
            header("content-type", "application/json"),
        ];
        let body = serde_json::to_vec(request).map_err(|_| ModelError::Malformed)?;
        let reply = (self.host.post)(at.endpoint.clone(), headers, body).await;
        let (status, headers, mut chunks) = reply.ok_or(ModelError::Unreachable)?;
        let is_stream = |value: &str| value.trim_start().starts_with("text/event-stream");
        match headers.iter().find(|(name, _)| name == "content-type") {
            Some((_, value)) if status == 200 && is_stream(value) => return Ok(chunks),
            // Something on the way answers instead of the model.
            _ if status == 200 => return Err(ModelError::Malformed.into()),
            _ => {}
        }
        let mut body = Vec::new();
        while let Some(Some(bytes)) = chunks.next().await
            && body.len() < MAX_ERROR_BYTES
        {
            body.extend(bytes);
        }
        Err(refusal(status, &headers, &body))
    }
}

fn endpoint(base_url: &str) -> String {
    format!("{}/v1/messages", base_url.trim_end_matches('/'))
}

/// A key that an HTTP header may hold.
fn fit(key: &str) -> Option<&str> {
    let key = key.trim();
    (!key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic())).then_some(key)
}

fn document(message: &Message) -> Result<Value, ModelError> {
    match message.stop_reason.as_deref() {
        Some("refusal") => return Err(ModelError::Refused),
        Some("max_tokens" | "model_context_window_exceeded") => return Err(ModelError::CutOff),
        _ => {}
    }
    let mut value = wire::parse(message.text.as_bytes()).ok_or(ModelError::Malformed)?;
    remove_nul(&mut value);
    Ok(value)
}

/// When a question has to be answered.
struct Deadline<'a> {
    host: &'a Host,
    ends_ms: f64,
    patience: Patience,
}

impl Deadline<'_> {
    fn left(&self) -> Duration {
        // A cast of what is below zero is zero.
        Duration::from_millis((self.ends_ms - (self.host.now_ms)()) as u64)
    }

    /// The next thing the model says, if it says it in time.
    async fn wait_for<T>(&self, word: impl Future<Output = T>) -> Result<T, ModelError> {
        let patience = self.patience.silence.min(self.left());
        match select(Box::pin(word), (self.host.sleep)(patience)).await {
            Either::Left((word, _)) => Ok(word),
            Either::Right(((), _)) => Err(ModelError::Timeout),
        }
    }
}

fn as_ms(duration: Duration) -> f64 {
    duration.as_millis() as f64
}

/// What an answer that is none means.
fn refusal(status: u16, headers: &Headers, body: &[u8]) -> Fault {
    let header = |name| headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim());
    let number = |name| header(name).and_then(|text| text.parse::<u64>().ok());
    // (The API gives seconds. A date would take a clock that knows the day; the usual pause does as well.)
    let after_ms = number("retry-after").map(|seconds| seconds.saturating_mul(1000)).or(number("retry-after-ms"));
    let after = after_ms.map(Duration::from_millis);
    let whole_seconds = after_ms.map(|ms| u32::try_from(ms.div_ceil(1000)).unwrap_or(u32::MAX));
    let body: ErrorBody = wire::parse(body).unwrap_or_default();
    let error_code = body.error.details.and_then(|details| details.error_code);
    let error = match status {
        401 | 403 => ModelError::Unauthorized,
        408 => ModelError::Timeout,
        429 if error_code.as_deref() == Some("enforced_spend_limit_reached") => ModelError::SpendLimit,
        429 => ModelError::RateLimited(whole_seconds),
        503 | 529 => ModelError::Overloaded(whole_seconds),
        500.. => ModelError::ServerError,
        _ => ModelError::rejected(&body.error.kind),
    };
    let advice = header("x-should-retry").and_then(|text| text.parse().ok());
    Fault { error, after, advice }
}

/// An escaped U+0000 in a JSON text is one again after parsing.
fn remove_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', ""),
        Value::Array(items) => items.iter_mut().for_each(remove_nul),
        Value::Object(fields) => fields.values_mut().for_each(remove_nul),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(status: u16, headers: &[(&'static str, &'static str)], body: &Value) -> Fault {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        refusal(status, &headers, body.to_string().as_bytes())
    }

    #[test]
    fn statuses_mean_what_the_api_says() {
        let error = |status, body: &[u8]| refusal(status, &Headers::new(), body).error;
        let body = br#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#;
        assert_eq!(error(404, body), ModelError::Rejected("not_found_error".into()));
        assert_eq!(error(400, b"<html>"), ModelError::Rejected(String::new()));
        assert_eq!(error(401, body), ModelError::Unauthorized);
        assert_eq!(error(429, body), ModelError::RateLimited(None));
        assert_eq!(error(529, body), ModelError::Overloaded(None));
        assert_eq!(error(500, body), ModelError::ServerError);
    }

    #[test]
    fn the_model_says_when_to_come_back_and_whether() {
        let limited = refused(429, &[("retry-after", "7"), ("x-should-retry", "true")], &json!({}));
        assert_eq!(limited.error, ModelError::RateLimited(Some(7)));
        assert_eq!((limited.after, limited.advice), (Some(Duration::from_secs(7)), Some(true)));
        let busy = refused(529, &[("retry-after-ms", "1500"), ("x-should-retry", "false")], &json!({}));
        assert_eq!((busy.error, busy.advice), (ModelError::Overloaded(Some(2)), Some(false)));
        for nonsense in ["-1", "NaN", "1e99", "tomorrow"] {
            assert_eq!(refused(529, &[("retry-after", nonsense)], &json!({})).after, None, "{nonsense}");
        }
    }

    #[test]
    fn a_spending_limit_is_not_a_rate_limit() {
        let details = json!({"error_code": "enforced_spend_limit_reached"});
        let body = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "m", "details": details}});
        assert_eq!(refused(429, &[("x-should-retry", "true")], &body).error, ModelError::SpendLimit);
        let other = json!({"type": "error", "error": {"type": "rate_limit_error", "details": null}});
        assert_eq!(refused(429, &[], &other).error, ModelError::RateLimited(None));
    }

    #[test]
    fn no_nul_survives() {
        let mut value = json!({"a": ["x\u{0}y", {"b": "\u{0}"}]});
        remove_nul(&mut value);
        assert_eq!(value, json!({"a": ["xy", {"b": ""}]}));
    }

    #[test]
    fn a_key_that_no_header_may_hold_is_refused() {
        let host = Host {
            post: Rc::new(|_, _, _| Box::pin(async { None })),
            sleep: Rc::new(|_| Box::pin(async {})),
            now_ms: || 0.0,
            chance: || 0.0,
        };
        for unfit in ["sk-ant-\n1", "", " ", "sk\u{7f}", "sk ant", "schlüssel"] {
            assert!(Anthropic::new("https://x", unfit, host.clone()).is_none(), "{unfit}");
        }
        let client = Anthropic::new("https://x/", " sk-ant-1\n", host).unwrap();
        assert_eq!((client.endpoint.as_str(), client.key.as_str()), ("https://x/v1/messages", "sk-ant-1"));
    }
}
