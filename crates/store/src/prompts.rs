//! What the loop writes to take the live prompt's place.

use serde::Deserialize;
use uuid::Uuid;

use crate::{StoreError, reflections::SkipReason};

/// Outcomes of beginning an update.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "documented at pawl_begin_update")]
pub enum BeginUpdate {
    Ok(Update),
    ReflectionNotFound,
    NotAnUpdate,
    Submitted(Submitted),
    Refused,
    Superseded,
    Skipped { reason: SkipReason },
}

/// A version was written for the reflection and went into test.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Submitted {
    /// Its number.
    pub new_version: i32,
    /// Of the version it is to replace.
    pub previous_version: Option<i32>,
    /// Why it was written.
    pub change_reason: String,
    /// Where a person must approve it: the suggestion.
    pub suggestion_id: Option<Uuid>,
}

/// What the writer of a new version needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Update {
    /// The live version's id: the parent of the new one.
    pub prompt_id: Uuid,
    /// Its number.
    pub prompt_version: i32,
    /// Its text.
    pub current_prompt: String,
    /// What to keep.
    pub strengths: Vec<String>,
    /// What to mend, worst first.
    pub weaknesses: Vec<String>,
    /// What was noticed besides.
    pub patterns: Vec<String>,
    /// Clauses to keep word for word.
    pub protected_clauses: Vec<String>,
    /// The writer.
    pub rewriter_model: String,
    /// What people wrote in the judged exchanges; for the guards, never for the writer.
    pub user_messages: Vec<String>,
}

/// A version to put into test.
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// The reflection that asked for it.
    pub reflection_id: Uuid,
    /// The version it replaces.
    pub parent_id: Uuid,
    /// Its text.
    pub content: &'a str,
    /// Why it changed.
    pub change_reason: &'a str,
    /// Who wrote it.
    pub model: &'a str,
}

/// Outcomes of submitting.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "documented at pawl_submit_prompt")]
pub enum Submit {
    Submitted(Submitted),
    Skipped { reason: SkipReason },
    ClausesMissing { clauses: Vec<u32> },
    TriedBefore,
    Superseded,
    Refused,
    NotAnUpdate,
    ReflectionNotFound,
}

/// Outcomes of giving an update up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "documented at pawl_refuse_update")]
pub enum RefuseUpdate {
    Ok { suggestion_id: Uuid },
    Refused,
    Submitted,
    NotAnUpdate,
    ReflectionNotFound,
}

/// Writes what is to replace the live prompt; nothing of it goes live before it has proved itself. Each call is one
/// transaction.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Prompts {
    /// What a new version starts from, or why none may be written; asked before a model is paid for.
    async fn begin_update(&self, reflection_id: Uuid) -> Result<BeginUpdate, StoreError>;
    /// Puts the version a reflection asked for into test; once, however often it is called.
    async fn submit(&self, version: &NewVersion<'_>) -> Result<Submit, StoreError>;
    /// Gives the update up and tells a person. `reason` names guards, never text.
    async fn refuse_update(&self, reflection_id: Uuid, reason: &str) -> Result<RefuseUpdate, StoreError>;
}
