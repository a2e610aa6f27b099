//! Bodies of requests and responses.

mod answer;

use std::time::Duration;

use pawl_edge::{ApiError, Request, body};
use pawl_store::decisions::{Decision, Order, Proposal};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

pub(crate) use answer::reason_name;
pub use answer::{Did, Outcome, Proof, Proved, UpdateResponse, Verified};

/// How long `prove` may take, in seconds: the platform gives a request 150 to its first byte.
const MAX_SECONDS: u64 = 140;
/// Where the caller does not say.
const SECONDS: u64 = 130;

/// What `reflection-loop` or a person sends. Which fields belong together is up to [`UpdateRequest::read`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateRequest {
    /// `improve` where it is left out.
    #[serde(default)]
    pub action: Action,
    /// improve: the reflection that called for a better prompt.
    pub reflection_id: Option<Uuid>,
    /// verify_receipt: the receipt.
    pub receipt_id: Option<Uuid>,
    /// approve, reject: the suggestion; or the `version`.
    pub suggestion_id: Option<Uuid>,
    /// revert_pattern: the pattern.
    pub pattern_id: Option<Uuid>,
    /// activate, force: the version to make live. rollback: the one to go back to; without, the one before. lock, unlock:
    /// the version; without, the live one. approve, reject: the one in test. test: the one to put into test.
    pub version: Option<i32>,
    /// write: the text of the version.
    pub content: Option<String>,
    /// write: live at once.
    pub activate: Option<bool>,
    /// test: the live text once more, instead of a `version`.
    pub placebo: Option<bool>,
    /// prove: how long it may take, in seconds, 1 to 140.
    pub seconds: Option<u64>,
    /// protect: all clauses that later versions must hold.
    pub clauses: Option<Vec<String>>,
    /// pause: until when, as a time of ISO 8601; for good without.
    pub until: Option<String>,
    /// A decision: slug of the assistant; the default one without. prove: only assistants with this slug.
    pub assistant: Option<String>,
    /// A decision: the organisation; the caller's only one without. prove: only this organisation's assistants.
    pub organization_id: Option<Uuid>,
    /// A decision: why, for the record.
    pub reason: Option<String>,
    /// A decision, or verify_receipt, with the secret key: for whom a backend acts.
    pub user_id: Option<Uuid>,
}

/// What to do.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "a decision is documented at `pawl_store::decisions::Decision`")]
pub enum Action {
    /// Write and check the version a reflection calls for, and put it into test.
    #[default]
    Improve,
    /// Move tests on, and watch what went live.
    Prove,
    /// Decide once more what a receipt says was decided.
    VerifyReceipt,
    Approve,
    Reject,
    Write,
    Activate,
    Force,
    Test,
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
    /// See [`Action::Prove`].
    Prove {
        /// Which assistants.
        filter: Filter<'a>,
        /// How long it may take.
        time: Duration,
    },
    /// See [`Action::VerifyReceipt`].
    VerifyReceipt {
        /// The receipt.
        receipt_id: Uuid,
        /// For whom a backend asks.
        user_id: Option<Uuid>,
    },
    /// What a person decides.
    Decide(Order<'a>),
}

/// Which assistants to go through; all without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only this organisation's.
    pub organization_id: Option<Uuid>,
    /// Only those with this slug.
    pub assistant: Option<&'a str>,
}

/// The fields that belong to every decision but those on a suggestion or a pattern, which know their assistant.
const PLACE: [&str; 2] = ["assistant", "organization_id"];

impl UpdateRequest {
    /// Reads a body. 400 names a field that is unknown, of the wrong form, or does not belong to the action.
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let fields = body::read_object(request)?;
        let given: Vec<String> =
            fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect();
        let read: Self = body::decode(Value::Object(fields))?;
        match given.iter().find(|name| *name != "action" && !read.takes(name)) {
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
            Action::Prove => {
                let filter = Filter { organization_id: self.organization_id, assistant: self.assistant.as_deref() };
                let seconds = self.seconds.unwrap_or(SECONDS);
                if !(1..=MAX_SECONDS).contains(&seconds) {
                    return Err(ApiError::invalid_field("seconds", "must be 1 to 140"));
                }
                return Ok(Command::Prove { filter, time: Duration::from_secs(seconds) });
            }
            Action::VerifyReceipt => {
                let receipt_id = required("receipt_id", self.receipt_id)?;
                return Ok(Command::VerifyReceipt { receipt_id, user_id: self.user_id });
            }
            Action::Approve => Decision::Approve { what: self.proposal()? },
            Action::Reject => Decision::Reject { what: self.proposal()? },
            Action::Force => Decision::Force { version: required("version", self.version)? },
            Action::Test => Decision::Test { version: self.to_test()? },
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

    fn takes(&self, field: &str) -> bool {
        let by_suggestion = self.suggestion_id.is_some();
        let own: &[&str] = match self.action {
            Action::Improve => return field == "reflection_id",
            Action::Prove => return field == "seconds" || PLACE.contains(&field),
            Action::VerifyReceipt => return ["receipt_id", "user_id"].contains(&field),
            Action::Approve | Action::Reject if by_suggestion => &["suggestion_id"],
            Action::Approve | Action::Reject | Action::Force => &["version"],
            Action::Test => &["version", "placebo"],
            Action::RevertPattern => &["pattern_id"],
            Action::Write => &["content", "activate"],
            Action::Activate | Action::Rollback | Action::Lock | Action::Unlock => &["version"],
            Action::Protect => &["clauses"],
            Action::Pause => &["until"],
            Action::Resume | Action::RequireApproval | Action::WaiveApproval => &[],
        };
        let knows_its_own = by_suggestion || self.action == Action::RevertPattern;
        own.contains(&field) || ["reason", "user_id"].contains(&field) || (PLACE.contains(&field) && !knows_its_own)
    }

    /// What to approve or reject.
    fn proposal(&self) -> Result<Proposal, ApiError> {
        let version = self.version.map(Proposal::Version);
        let what = self.suggestion_id.map(Proposal::Suggestion).or(version);
        what.ok_or_else(|| ApiError::invalid_field("suggestion_id", "is required, or a `version`"))
    }

    /// The version to put into test; `None` is a placebo.
    fn to_test(&self) -> Result<Option<i32>, ApiError> {
        match (self.placebo.unwrap_or_default(), self.version) {
            (true, Some(_)) => Err(ApiError::invalid_field("placebo", "is the live text, and takes no `version`")),
            (true, None) => Ok(None),
            (false, version) => required("version", version).map(Some),
        }
    }
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid_field(field, "is required"))
}
