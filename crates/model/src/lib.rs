//! The model behind the Anthropic Messages API: answering a user, judging exchanges, comparing answers, rewriting a
//! prompt, wording a pattern.
//!
//! A caller takes the narrowest trait: [`Chat`], [`Judge`], [`Comparer`], [`Rewriter`] or [`Phraser`]. [`Anthropic`] is
//! all five. It asks at one address with one key, but for a chat with a model that has an address of its own: that is asked
//! with another key, and only where [`own_models::is_allowed`].
//!
//! # What this crate does not do
//!
//! It stores nothing and decides nothing: a judgement leaves it unchecked, a rewritten prompt unguarded. It reads no
//! environment and no clock, opens no connection and draws nothing by chance: [`Host`] is handed in.

#![forbid(unsafe_code)]

mod anthropic;
pub mod chat;
pub mod compare;
mod error;
pub mod judge;
mod message;
pub mod own_models;
pub mod phrasing;
mod retry;
pub mod rewriter;
mod sse;
mod wire;

pub use anthropic::{Anthropic, Chunks, Headers, Host, Observe, Patience, Post, Reply, Sleep, Spent, Unanswered};
pub use chat::{Answer, Chat, ChatRequest};
pub use compare::{AnswerPair, Better, CompareRequest, Comparer, Comparison};
pub use error::ModelError;
pub use judge::{Judge, JudgeRequest, Judgement};
pub use own_models::OwnModels;
pub use phrasing::{Phrase, PhraseRequest, Phraser};
pub use rewriter::{Rewrite, RewriteRequest, Rewriter};
