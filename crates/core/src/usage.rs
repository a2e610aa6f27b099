//! Tokens of a call to a model.

use serde::{Deserialize, Serialize};

/// Tokens as the model counted them. The four kinds do not overlap: a call's tokens are their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Tokens of the request that were neither read from the cache nor written to it.
    pub input_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// Tokens of the request that came out of the cache.
    pub cache_read_input_tokens: u32,
    /// Tokens of the request that were written to the cache.
    pub cache_creation_input_tokens: u32,
}

impl Usage {
    /// The tokens of two calls.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cache_read_input_tokens: self.cache_read_input_tokens.saturating_add(other.cache_read_input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .saturating_add(other.cache_creation_input_tokens),
        }
    }
}
