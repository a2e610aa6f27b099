//! The pieces of a conversation that decisions are about.

use serde::{Deserialize, Serialize};

/// A user's message and the answer it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What the user wrote.
    #[serde(alias = "user")]
    pub user_message: String,
    /// What the assistant answered.
    #[serde(alias = "assistant")]
    pub answer: String,
}
