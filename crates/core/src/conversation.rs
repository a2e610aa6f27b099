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

/// A history (oldest first) and the message after it as a model reads them: who speaks, `user` or `assistant`, and what.
pub fn spoken<'a>(history: &'a [Exchange], message: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let earlier = history.iter().flat_map(|e| [("user", e.user_message.as_str()), ("assistant", e.answer.as_str())]);
    earlier.chain([("user", message)])
}
