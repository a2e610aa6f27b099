//! Bodies of requests and responses.

use pawl_edge::ApiError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What `reflection-loop` or a person sends. Which fields belong together is up to [`UpdateRequest::command`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRequest {
    /// `improve` where it is left out.
    #[serde(default)]
    pub action: Action,
    /// improve: the reflection that called for a better prompt.
    pub reflection_id: Option<Uuid>,
    /// rollback: the version to make live again.
    pub version: Option<i32>,
    /// rollback: slug of the assistant; the default one without.
    pub assistant: Option<String>,
    /// rollback: the organisation; the caller's only one without.
    pub organization_id: Option<Uuid>,
    /// rollback: why, for the log.
    pub reason: Option<String>,
}

/// What to do.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Write, check and publish the version a reflection calls for.
    #[default]
    Improve,
    /// Make an earlier version live again.
    Rollback,
}

/// A request whose fields fit its action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// See [`Action::Improve`].
    Improve {
        /// The reflection.
        reflection_id: Uuid,
    },
    /// See [`Action::Rollback`].
    Rollback {
        /// The version's number; from 1.
        version: i32,
        /// Slug of the assistant.
        assistant: Option<String>,
        /// The organisation.
        organization_id: Option<Uuid>,
        /// Why.
        reason: Option<String>,
    },
}

/// Most characters of a reason.
const MAX_REASON_CHARACTERS: usize = 1000;

impl UpdateRequest {
    /// 400 names a field that is missing, or does not belong to the action.
    pub fn command(self) -> Result<Command, ApiError> {
        let stray = |field| Err(ApiError::invalid_field(field, "does not belong to this action"));
        match self.action {
            Action::Improve if self.version.is_some() => stray("version"),
            Action::Improve if self.assistant.is_some() => stray("assistant"),
            Action::Improve if self.organization_id.is_some() => stray("organization_id"),
            Action::Improve if self.reason.is_some() => stray("reason"),
            Action::Improve => {
                let reflection_id =
                    self.reflection_id.ok_or_else(|| ApiError::invalid_field("reflection_id", "is required"))?;
                Ok(Command::Improve { reflection_id })
            }
            Action::Rollback if self.reflection_id.is_some() => stray("reflection_id"),
            Action::Rollback => {
                let version = self.version.ok_or_else(|| ApiError::invalid_field("version", "is required"))?;
                if version < 1 {
                    return Err(ApiError::invalid_field("version", "must be 1 or more"));
                }
                if self.reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON_CHARACTERS) {
                    return Err(ApiError::invalid_field("reason", "may have 1000 characters at the most"));
                }
                Ok(Command::Rollback {
                    version,
                    assistant: self.assistant,
                    organization_id: self.organization_id,
                    reason: self.reason,
                })
            }
        }
    }
}

/// What the caller gets.
#[derive(Debug, Serialize)]
pub struct UpdateResponse<'a> {
    /// What happened.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Id of this request, as in the logs.
    pub request_id: &'a str,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// A version is live that was not before (or was published for this reflection before).
    Live {
        /// Its number.
        new_version: i32,
        /// The number of the one it replaced; null when it was live already.
        previous_version: Option<i32>,
        /// Why it changed.
        change_reason: String,
    },
    /// Nothing was published.
    Skipped {
        /// Always true.
        skipped: bool,
        /// `paused`, `locked`, `cooldown`, `daily_limit`; `superseded` when another version is live by now.
        reason: String,
    },
    /// Nothing that was written could be let through; a person has been told.
    Refused {
        /// Always true.
        refused: bool,
        /// Which guards.
        reason: String,
    },
}
