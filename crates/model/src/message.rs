//! An answer as it comes in: the API's stream events, one after the other, to text and what is to be known about it.

#![expect(clippy::indexing_slicing, reason = "what a JSON value does not have is null to it, and never a panic")]

use pawl_core::usage::Usage;
use serde_json::Value;

use crate::{
    anthropic::{Spent, Unanswered},
    error::ModelError,
    wire,
};

/// What has come of an answer. Blocks and events this crate has no use for are passed over, so that new ones break
/// nothing.
#[derive(Debug, Default)]
pub(crate) struct Message {
    id: String,
    pub(crate) model: String,
    /// The text blocks, joined. Without U+0000, the one character Postgres cannot store.
    pub(crate) text: String,
    pub(crate) stop_reason: Option<String>,
    pub(crate) usage: Usage,
    has_ended: bool,
}

impl Message {
    /// Takes one event; answers the text it adds.
    pub(crate) fn take(&mut self, data: &str) -> Result<Option<String>, ModelError> {
        let event: Value = wire::parse(data.as_bytes()).ok_or(ModelError::Malformed)?;
        let kind = event["type"].as_str().ok_or(ModelError::Malformed)?;
        let (block, delta) = (&event["content_block"], &event["delta"]);
        match kind {
            "message_start" => self.start(&event["message"])?,
            "content_block_start" if block["type"] == "text" => return Ok(self.add(&block["text"])),
            "content_block_delta" if delta["type"] == "text_delta" => return Ok(self.add(&delta["text"])),
            "message_delta" => {
                self.stop_reason = text_of(&delta["stop_reason"]).or(self.stop_reason.take());
                self.count(&event["usage"]);
            }
            "message_stop" => self.has_ended = true,
            "error" => return Err(in_stream(event["error"]["type"].as_str().unwrap_or_default())),
            _ => {}
        }
        Ok(None)
    }

    /// Whether the answer is whole: its end was announced. (A stop reason says as much: no text comes after it.)
    pub(crate) fn is_whole(&self) -> bool {
        self.has_ended || self.stop_reason.is_some()
    }

    /// Whether no more events are worth waiting for.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Why this is no answer after all, with what it cost.
    pub(crate) fn unanswered(self, error: ModelError) -> Unanswered {
        Unanswered { error, spent: Some(Spent { model: self.model, usage: self.usage }) }
    }

    /// A proxy that failed over begins the message anew: what the first one said is void, and when some of it has left
    /// already, the answer is broken. The same message announced twice is one.
    fn start(&mut self, head: &Value) -> Result<(), ModelError> {
        let id = text_of(&head["id"]).unwrap_or_default();
        let is_another = !self.id.is_empty() && id != self.id;
        if is_another && !self.text.is_empty() {
            return Err(ModelError::BrokenOff);
        }
        if is_another {
            *self = Self { usage: self.usage, ..Self::default() };
        }
        (self.id, self.model) = (id, text_of(&head["model"]).unwrap_or_default());
        self.count(&head["usage"]);
        Ok(())
    }

    fn add(&mut self, text: &Value) -> Option<String> {
        let text = text_of(text)?.replace('\0', "");
        self.text.push_str(&text);
        (!text.is_empty()).then_some(text)
    }

    /// Counts so far: an event names those it has news of.
    fn count(&mut self, news: &Value) {
        let usage = &mut self.usage;
        for (name, count) in [
            ("input_tokens", &mut usage.input_tokens),
            ("output_tokens", &mut usage.output_tokens),
            ("cache_read_input_tokens", &mut usage.cache_read_input_tokens),
            ("cache_creation_input_tokens", &mut usage.cache_creation_input_tokens),
        ] {
            let named = news[name].as_u64().map(|tokens| u32::try_from(tokens).unwrap_or(u32::MAX));
            *count = named.unwrap_or(*count);
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// An error that comes after the headers.
fn in_stream(kind: &str) -> ModelError {
    match kind {
        "overloaded_error" => ModelError::Overloaded(None),
        "rate_limit_error" => ModelError::RateLimited(None),
        "api_error" => ModelError::ServerError,
        "timeout_error" => ModelError::Timeout,
        "authentication_error" | "permission_error" => ModelError::Unauthorized,
        _ => ModelError::rejected(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn start(id: &str) -> Value {
        let usage = json!({"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": null});
        json!({"type": "message_start", "message": {"id": id, "model": "m", "content": [], "usage": usage}})
    }

    fn delta(text: &str) -> Value {
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})
    }

    fn taken(events: &[Value]) -> (Message, Result<Vec<String>, ModelError>) {
        let mut message = Message::default();
        let texts = events.iter().filter_map(|event| message.take(&event.to_string()).transpose()).collect();
        (message, texts)
    }

    #[test]
    fn text_is_given_on_as_it_comes_and_counts_are_the_last_ones_named() {
        let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                         "usage": {"output_tokens": 5, "cache_read_input_tokens": 3}});
        let thinking = json!({"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "hm"}});
        let unknown = json!({"type": "moon_phase", "delta": 7, "usage": [], "message": "x"});
        let invented =
            json!({"type": "content_block_delta", "delta": {"type": "moon_delta", "text": "not the answer"}});
        let events = [start("a"), unknown, thinking, delta("Hel"), invented, delta("lo\u{0}"), delta(""), end];
        let (message, texts) = taken(&events);
        assert_eq!(texts.unwrap(), ["Hel", "lo"]);
        assert_eq!((message.text.as_str(), message.model.as_str(), message.is_whole()), ("Hello", "m", true));
        assert_eq!(message.stop_reason.as_deref(), Some("end_turn"));
        let usage = Usage { input_tokens: 7, output_tokens: 5, cache_read_input_tokens: 3, ..Usage::default() };
        assert_eq!(message.usage, usage);
    }

    #[test]
    fn a_stream_that_stops_before_its_stop_reason_is_not_whole() {
        assert!(!taken(&[start("a"), delta("Hel")]).0.is_whole());
        assert!(taken(&[start("a"), json!({"type": "message_stop"})]).0.has_ended());
    }

    #[test]
    fn a_message_begun_anew_replaces_one_that_said_nothing_and_breaks_one_that_did() {
        let (message, texts) = taken(&[start("a"), start("a"), delta("x"), start("a"), delta("y")]);
        assert_eq!((texts.unwrap(), message.text.as_str()), (vec!["x".to_owned(), "y".to_owned()], "xy"));
        assert_eq!(taken(&[start("a"), start("b"), delta("x")]).0.text, "x");
        assert_eq!(taken(&[start("a"), delta("x"), start("b")]).1, Err(ModelError::BrokenOff));
    }

    #[test]
    fn an_error_event_is_the_error_it_names() {
        let named = |kind: &str| taken(&[json!({"type": "error", "error": {"type": kind, "message": "m"}})]).1;
        assert_eq!(named("overloaded_error"), Err(ModelError::Overloaded(None)));
        assert_eq!(named("rate_limit_error"), Err(ModelError::RateLimited(None)));
        assert_eq!(named("api_error"), Err(ModelError::ServerError));
        assert_eq!(named("Some Text"), Err(ModelError::Rejected("omeext".into())));
        assert_eq!(Message::default().take("{"), Err(ModelError::Malformed));
    }
}
