//! Bodies of requests and responses.

use pawl_edge::{ApiError, Request, body};
use pawl_store::decisions::{Change, Decision, Order};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// What `reflection-loop` or a person sends. Which fields belong together is up to [`UpdateRequest::read`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRequest {
    /// `improve` where it is left out.
    #[serde(default)]
    pub action: Action,
    /// improve: the reflection that called for a better prompt.
    pub reflection_id: Option<Uuid>,
    /// approve, reject: the suggestion.
    pub suggestion_id: Option<Uuid>,
    /// revert_pattern: the pattern.
    pub pattern_id: Option<Uuid>,
    /// activate: the version to make live. rollback: the one to go back to; without, the one before. lock, unlock: the
    /// version; without, the live one.
    pub version: Option<i32>,
    /// write: the text of the version.
    pub content: Option<String>,
    /// write: live at once.
    pub activate: Option<bool>,
    /// protect: all clauses that later versions must hold.
    pub clauses: Option<Vec<String>>,
    /// pause: until when, as a time of ISO 8601; for good without.
    pub until: Option<String>,
    /// A decision: slug of the assistant; the default one without.
    pub assistant: Option<String>,
    /// A decision: the organisation; the caller's only one without.
    pub organization_id: Option<Uuid>,
    /// A decision: why, for the record.
    pub reason: Option<String>,
    /// A decision, with the secret key: for whom a backend acts.
    pub user_id: Option<Uuid>,
}

/// What to do.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "a decision is documented at `pawl_store::decisions::Decision`")]
pub enum Action {
    /// Write, check and publish the version a reflection calls for.
    #[default]
    Improve,
    Approve,
    Reject,
    Write,
    Activate,
    Rollback,
    Lock,
    Unlock,
    Protect,
    Pause,
    Resume,
    RequireApproval,
    WaiveApproval,
    RevertPattern,
}

/// A request whose fields fit its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command<'a> {
    /// See [`Action::Improve`].
    Improve {
        /// The reflection.
        reflection_id: Uuid,
    },
    /// What a person decides.
    Decide(Order<'a>),
}

/// The fields that belong to every decision but those on a suggestion or a pattern, which know their assistant.
const PLACE: [&str; 2] = ["assistant", "organization_id"];

impl Action {
    fn takes(self, field: &str) -> bool {
        let own: &[&str] = match self {
            Self::Improve => return field == "reflection_id",
            Self::Approve | Self::Reject => &["suggestion_id"],
            Self::RevertPattern => &["pattern_id"],
            Self::Write => &["content", "activate"],
            Self::Activate | Self::Rollback | Self::Lock | Self::Unlock => &["version"],
            Self::Protect => &["clauses"],
            Self::Pause => &["until"],
            Self::Resume | Self::RequireApproval | Self::WaiveApproval => &[],
        };
        let knows_its_own = matches!(self, Self::Approve | Self::Reject | Self::RevertPattern);
        own.contains(&field) || ["reason", "user_id"].contains(&field) || (PLACE.contains(&field) && !knows_its_own)
    }
}

impl UpdateRequest {
    /// Reads a body. 400 names a field that is unknown, of the wrong form, or does not belong to the action.
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let fields = body::read_object(request)?;
        let given: Vec<String> =
            fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect();
        let read: Self = body::decode(Value::Object(fields))?;
        match given.iter().find(|name| *name != "action" && !read.action.takes(name)) {
            Some(stray) => Err(ApiError::invalid_field(stray, "does not belong to this action")),
            None => Ok(read),
        }
    }

    /// What it asks for. 400 names a field that is missing.
    pub fn command(&self) -> Result<Command<'_>, ApiError> {
        let decision = match self.action {
            Action::Improve => {
                return Ok(Command::Improve { reflection_id: required("reflection_id", self.reflection_id)? });
            }
            Action::Approve => Decision::Approve { suggestion_id: required("suggestion_id", self.suggestion_id)? },
            Action::Reject => Decision::Reject { suggestion_id: required("suggestion_id", self.suggestion_id)? },
            Action::RevertPattern => Decision::RevertPattern { pattern_id: required("pattern_id", self.pattern_id)? },
            Action::Write => Decision::Write {
                content: required("content", self.content.as_deref())?,
                activate: self.activate.unwrap_or_default(),
            },
            Action::Activate => Decision::Activate { version: required("version", self.version)? },
            Action::Rollback => Decision::Rollback { version: self.version },
            Action::Lock => Decision::Lock { version: self.version, locked: true },
            Action::Unlock => Decision::Lock { version: self.version, locked: false },
            Action::Protect => Decision::Protect { clauses: required("clauses", self.clauses.as_deref())? },
            Action::Pause => Decision::Pause { until: self.until.as_deref() },
            Action::Resume => Decision::Resume,
            Action::RequireApproval => Decision::RequireApproval { required: true },
            Action::WaiveApproval => Decision::RequireApproval { required: false },
        };
        Ok(Command::Decide(Order {
            decision,
            assistant: self.assistant.as_deref(),
            organization_id: self.organization_id,
            reason: self.reason.as_deref(),
            user_id: self.user_id,
        }))
    }
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid_field(field, "is required"))
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
    /// A version was written and waits for a person.
    Proposed {
        /// Always true.
        proposed: bool,
        /// Its number.
        version: i32,
        /// Approve or reject this.
        suggestion_id: Uuid,
        /// Why it was written.
        change_reason: String,
    },
    /// Nothing was published.
    Skipped {
        /// Always true.
        skipped: bool,
        /// `paused`, `locked`, `awaiting_approval`, `cooldown`, `daily_limit`; `superseded` when another version is live
        /// by now.
        reason: String,
    },
    /// Nothing that was written could be let through; a person has been told.
    Refused {
        /// Always true.
        refused: bool,
        /// Which guards.
        reason: String,
    },
    /// What a decision changed.
    Decided(Change),
}
