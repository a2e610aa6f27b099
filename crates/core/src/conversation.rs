//! The pieces of a conversation that decisions are about.

use serde::{Deserialize, Serialize};

/// A user's message and the answer it got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What the user wrote.
    pub user_message: String,
    /// What the assistant answered.
    pub answer: String,
}
