//! What the loop does to the live prompt.

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
    Published { new_version: i32, change_reason: String },
    Proposed { new_version: i32, change_reason: String, suggestion_id: Uuid },
    Refused,
    Superseded,
    Skipped { reason: SkipReason },
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

/// A version to publish.
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

/// Outcomes of publishing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "documented at pawl_publish_prompt")]
pub enum Publish {
    Published { new_version: i32, previous_version: i32, change_reason: String },
    Proposed { new_version: i32, change_reason: String, suggestion_id: Uuid },
    Skipped { reason: SkipReason },
    ClausesMissing { clauses: Vec<u32> },
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
    Published,
    Proposed,
    NotAnUpdate,
    ReflectionNotFound,
}

/// Changes the live prompt: each call one transaction, with one live version before and after.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Prompts {
    /// What a new version starts from, or why none may be written; asked before a model is paid for.
    async fn begin_update(&self, reflection_id: Uuid) -> Result<BeginUpdate, StoreError>;
    /// Publishes the version a reflection asked for, or proposes it; once, however often it is called.
    async fn publish(&self, version: &NewVersion<'_>) -> Result<Publish, StoreError>;
    /// Gives the update up and tells a person. `reason` names guards, never text.
    async fn refuse_update(&self, reflection_id: Uuid, reason: &str) -> Result<RefuseUpdate, StoreError>;
}
