//! The client.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use futures_util::future::{Either, select};
use reqwest::header::HeaderValue;
use serde_json::Value;

use crate::{
    error::ModelError,
    wire::{self, ErrorBody},
};

/// How to wait: the HTTP client has no timeout of its own on wasm.
pub type Sleep = Rc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()>>>>;

/// The version of the API this crate speaks.
const API_VERSION: &str = "2023-06-01";

/// A key, an address, and how to wait.
#[derive(Clone)]
pub struct Anthropic {
    client: reqwest::Client,
    endpoint: String,
    key: HeaderValue,
    sleep: Sleep,
}

impl Anthropic {
    /// `base_url` without `/v1`. `None` for a key that no HTTP header may hold.
    pub fn new(base_url: &str, key: &str, sleep: Sleep) -> Option<Self> {
        let mut key = HeaderValue::from_str(key.trim()).ok()?;
        key.set_sensitive(true);
        let endpoint = format!("{}/v1/messages", base_url.trim_end_matches('/'));
        Some(Self { client: reqwest::Client::new(), endpoint, key, sleep })
    }

    /// One request, one answer; a failure of any kind is one of [`ModelError`]'s.
    pub(crate) async fn send(
        &self,
        request: &wire::Request<'_>,
        timeout: Duration,
    ) -> Result<wire::Response, ModelError> {
        let exchange = async {
            let response = self
                .client
                .post(&self.endpoint)
                .header("x-api-key", self.key.clone())
                .header("anthropic-version", API_VERSION)
                .json(request)
                .send()
                .await
                .map_err(|_| ModelError::Unreachable)?;
            let status = response.status().as_u16();
            let body = response.bytes().await.map_err(|_| ModelError::Unreachable)?;
            if status == 200 { wire::parse(&body).ok_or(ModelError::Malformed) } else { Err(failure(status, &body)) }
        };
        match select(Box::pin(exchange), (self.sleep)(timeout)).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => Err(ModelError::Timeout),
        }
    }

    /// A request whose answer is one JSON document of the schema it asked for.
    pub(crate) async fn send_structured(
        &self,
        request: &wire::Request<'_>,
        timeout: Duration,
    ) -> Result<(Value, wire::Response), ModelError> {
        let response = self.send(request, timeout).await?;
        match response.stop_reason.as_deref() {
            Some("refusal") => return Err(ModelError::Refused),
            Some("max_tokens" | "model_context_window_exceeded") => return Err(ModelError::CutOff),
            _ => {}
        }
        let mut value = serde_json::from_str(&response.text()).map_err(|_| ModelError::Malformed)?;
        remove_nul(&mut value);
        Ok((value, response))
    }
}

fn failure(status: u16, body: &[u8]) -> ModelError {
    match status {
        401 | 403 => ModelError::Unauthorized,
        429 => ModelError::RateLimited,
        500.. => ModelError::Overloaded,
        _ => {
            let body: ErrorBody = wire::parse(body).unwrap_or_default();
            // The type is a word of the API's own; should it ever be anything else, it is cut short.
            ModelError::Rejected(
                body.error.kind.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(64).collect(),
            )
        }
    }
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

    #[test]
    fn statuses_mean_what_the_api_says() {
        let body = br#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#;
        assert_eq!(failure(404, body), ModelError::Rejected("not_found_error".into()));
        assert_eq!(failure(400, b"<html>"), ModelError::Rejected(String::new()));
        assert_eq!(failure(401, body), ModelError::Unauthorized);
        assert_eq!(failure(429, body), ModelError::RateLimited);
        assert_eq!(failure(529, body), ModelError::Overloaded);
        assert_eq!(failure(500, body), ModelError::Overloaded);
    }

    #[test]
    fn no_nul_survives() {
        let mut value = json!({"a": ["x\u{0}y", {"b": "\u{0}"}]});
        remove_nul(&mut value);
        assert_eq!(value, json!({"a": ["xy", {"b": ""}]}));
    }

    #[test]
    fn a_key_that_no_header_may_hold_is_refused_and_none_is_printed() {
        let sleep: Sleep = Rc::new(|_| Box::pin(async {}));
        assert!(Anthropic::new("https://x", "sk-ant-\n1", sleep.clone()).is_none());
        let client = Anthropic::new("https://x/", "sk-ant-1", sleep).unwrap();
        assert_eq!(client.endpoint, "https://x/v1/messages");
        assert!(!format!("{:?}", client.key).contains("sk-ant"));
    }
}
