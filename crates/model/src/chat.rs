//! Answering a user.

use std::time::Duration;

use pawl_core::conversation::Exchange;

use crate::{
    anthropic::Anthropic,
    error::ModelError,
    wire::{Message, Request, Usage},
};

/// What a turn sends to the model.
#[derive(Debug, Clone, Copy)]
pub struct ChatRequest<'a> {
    /// The model's name.
    pub model: &'a str,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// The prompt version that serves the turn.
    pub system_prompt: &'a str,
    /// Earlier exchanges, oldest first.
    pub history: &'a [Exchange],
    /// What the user wrote now.
    pub message: &'a str,
    /// How long the model may take.
    pub timeout: Duration,
}

/// The model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its text; not empty.
    pub text: String,
    /// The model that says it answered.
    pub model: String,
    /// `end_turn`, `max_tokens`, …
    pub stop_reason: String,
    /// Tokens of both directions.
    pub usage: Usage,
}

/// Answers a user.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Chat {
    /// The answer to `request.message`.
    async fn answer(&self, request: ChatRequest<'_>) -> Result<Answer, ModelError>;
}

impl Chat for Anthropic {
    async fn answer(&self, request: ChatRequest<'_>) -> Result<Answer, ModelError> {
        let response = self.send(&to_wire(&request), request.timeout).await?;
        let stop_reason = response.stop_reason.clone().unwrap_or_default();
        if stop_reason == "refusal" {
            return Err(ModelError::Refused);
        }
        let text = response.text();
        if text.trim().is_empty() {
            return Err(ModelError::Empty);
        }
        Ok(Answer { text, model: response.model, stop_reason, usage: response.usage })
    }
}

fn to_wire<'a>(request: &ChatRequest<'a>) -> Request<'a> {
    let user = |content| Message { role: "user", content };
    let earlier = request
        .history
        .iter()
        .flat_map(|e| [user(e.user_message.as_str()), Message { role: "assistant", content: &e.answer }]);
    Request {
        model: request.model,
        max_tokens: request.max_tokens,
        system: request.system_prompt,
        messages: earlier.chain([user(request.message)]).collect(),
        output_config: None,
    }
}
