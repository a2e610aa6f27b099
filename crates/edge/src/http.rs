//! A request and a response as data.

use std::pin::Pin;

use futures_util::Stream;
use serde::Serialize;

use crate::events::{Event, Events};

/// A request, read whole.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// In capitals: `POST`.
    pub method: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// When its headers came, in milliseconds of the clock that never goes back.
    pub received_ms: f64,
}

impl Request {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// What a response carries.
pub enum Body {
    /// All of it; empty for none.
    Text(String),
    /// Events that come while the work is done.
    Events(Pin<Box<dyn Stream<Item = Event>>>),
}

/// A response, not yet sent.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl Response {
    /// A response without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Text(String::new()) }
    }

    /// A JSON response. A body that has no JSON (a map with keys that are no strings) is a bug and becomes `null`.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_else(|_| "null".to_owned());
        Self { body: Body::Text(body), ..Self::empty(status) }.with_header("content-type", "application/json")
    }

    /// A response of Server-Sent Events. Nothing on the way may keep, pack or collect them.
    pub fn events(events: Events) -> Self {
        Self { body: Body::Events(Box::pin(events)), ..Self::empty(200) }
            .with_header("content-type", "text/event-stream; charset=utf-8")
            .with_header("cache-control", "no-cache, no-transform")
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The body, where it is text.
    pub fn text(&self) -> &str {
        match &self.body {
            Body::Text(text) => text,
            Body::Events(_) => "",
        }
    }
}
