//! What calls of a model cost beside the chats, which count themselves when a turn ends.

use pawl_core::usage::Usage;
use serde::Serialize;
use uuid::Uuid;

use crate::StoreError;

/// What a model was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Judging answers.
    Judge,
    /// Writing a prompt.
    Rewrite,
    /// Wording a pattern.
    Phrase,
    /// Answering a question again, to compare versions.
    Replay,
    /// Comparing two answers.
    Compare,
}

/// Counts what calls of a model cost; with the secret key.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait UsageLedger {
    /// One call, made for the assistant of this prompt version.
    async fn record_usage(&self, prompt_id: Uuid, of: Purpose, model: &str, usage: Usage) -> Result<(), StoreError>;
}
