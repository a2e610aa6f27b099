//! Answering a user.

use pawl_core::{
    conversation::{Exchange, spoken},
    usage::Usage,
};

use crate::{
    anthropic::{Anthropic, Patience, Unanswered},
    error::ModelError,
    wire::{Message, Request, SystemBlock},
};

/// What a turn sends to the model.
#[derive(Debug, Clone, Copy)]
pub struct ChatRequest<'a> {
    /// The model's name.
    pub model: &'a str,
    /// Where it is, without `/v1`, if it has an address of its own.
    pub base_url: Option<&'a str>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// The prompt version that serves the turn.
    pub system_prompt: &'a str,
    /// What the model is told beside it, in this turn alone: not blank.
    pub instructions: Option<&'a str>,
    /// Earlier exchanges, oldest first.
    pub history: &'a [Exchange],
    /// What the user wrote now.
    pub message: &'a str,
    /// How long it may take.
    pub patience: Patience,
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
    /// Tokens of the question and the answer, with those of attempts that failed.
    pub usage: Usage,
}

/// Answers a user.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Chat {
    /// The answer to `request.message`, whose text is also handed to `on_text`, piece by piece as it comes.
    async fn answer(&self, request: ChatRequest<'_>, on_text: &mut dyn FnMut(&str)) -> Result<Answer, Unanswered>;
}

impl Chat for Anthropic {
    async fn answer(&self, request: ChatRequest<'_>, on_text: &mut dyn FnMut(&str)) -> Result<Answer, Unanswered> {
        let at = self.address(request.base_url)?;
        let message = self.ask_at(&at, &to_wire(&request), request.patience, on_text).await?;
        match message.stop_reason.as_deref() {
            Some("refusal") => Err(message.unanswered(ModelError::Refused)),
            _ if message.text.trim().is_empty() => Err(message.unanswered(ModelError::Empty)),
            _ => {
                let stop_reason = message.stop_reason.unwrap_or_default();
                Ok(Answer { text: message.text, model: message.model, stop_reason, usage: message.usage })
            }
        }
    }
}

fn to_wire<'a>(request: &ChatRequest<'a>) -> Request<'a> {
    let prompt = SystemBlock::stable(request.system_prompt);
    let instructions = request.instructions.map(SystemBlock::varying);
    Request {
        model: request.model,
        max_tokens: request.max_tokens,
        stream: true,
        // After the part that is kept in the cache, or it would be another one with each choice of them.
        system: [prompt].into_iter().chain(instructions).collect(),
        messages: spoken(request.history, request.message).map(|(role, content)| Message { role, content }).collect(),
        output_config: None,
    }
}
