//! What people decide about an assistant.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::StoreError;

/// A decision; what each does is documented at the SQL function of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// Stops automatic updates, for good or until a time.
    Pause {
        /// As the person wrote it: the database reads it.
        until: Option<&'a str>,
    },
    /// Ends a pause.
    Resume,
    /// Turns approval mode on or off.
    RequireApproval {
        /// On.
        required: bool,
    },
    /// Sets the clauses that every later version must hold.
    Protect {
        /// All of them.
        clauses: &'a [String],
    },
    /// Makes a version live.
    Activate {
        /// Its number.
        version: i32,
    },
    /// Takes the live version back.
    Rollback {
        /// To this one; without, to the one it took over from.
        version: Option<i32>,
    },
    /// Adds a version written by hand.
    Write {
        /// Its text.
        content: &'a str,
        /// Live at once.
        activate: bool,
    },
    /// Locks a version, or unlocks it.
    Lock {
        /// Its number; the live one without.
        version: Option<i32>,
        /// Locked from now on.
        locked: bool,
    },
    /// Approves a suggestion, or a version in test.
    Approve {
        /// Which.
        what: Proposal,
    },
    /// Rejects one.
    Reject {
        /// Which.
        what: Proposal,
    },
    /// Makes a version live that has not proved itself.
    Force {
        /// Its number.
        version: i32,
    },
    /// Puts a version into test.
    Test {
        /// Its number; without, a placebo: the live text once more.
        version: Option<i32>,
    },
    /// Takes a learned pattern back, for good.
    RevertPattern {
        /// Its id.
        pattern_id: Uuid,
    },
}

/// What waits for a person's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposal {
    /// A suggestion, by its id.
    Suggestion(Uuid),
    /// A version in test, by its number.
    Version(i32),
}

/// A decision, about what, by whom and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<'a> {
    /// The decision.
    pub decision: Decision<'a>,
    /// Slug of the assistant; the default one without. A suggestion and a pattern know their own.
    pub assistant: Option<&'a str>,
    /// The organisation; the caller's only one without. A suggestion and a pattern know their own.
    pub organization_id: Option<Uuid>,
    /// Why, for the record.
    pub reason: Option<&'a str>,
    /// For whom a backend acts; with the secret key only.
    pub user_id: Option<Uuid>,
}

/// Why a decision was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "documented in the migrations steering and *_decisions")]
pub enum Refusal {
    Unauthorized,
    UserNotAllowed,
    OrganizationRequired,
    OrganizationNotFound,
    Forbidden,
    AssistantNotFound,
    ReasonTooLong,
    /// The database does not read it as a time.
    UntilInvalid,
    UntilIsPast,
    ClausesInvalid,
    ContentInvalid,
    ClausesMissing {
        clauses: Vec<u32>,
    },
    VersionNotFound,
    NoEarlierVersion,
    SuggestionNotFound,
    AlreadyReviewed {
        status: String,
    },
    Superseded {
        live_version: Option<i32>,
    },
    PatternNotFound,
    /// The loop wrote it, and it was never live.
    NotProved,
    /// A version is in test already.
    InProof {
        version: i32,
    },
    /// It is live, retired, or in test.
    NotTestable,
    /// The version is in no test.
    TestNotFound,
}

/// What a decision changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The decision's name in the audit log.
    pub action: String,
    /// Slug of the assistant it is about.
    pub assistant: String,
    /// Ids and numbers: which version, which suggestion, which pattern.
    pub about: Value,
    /// `{what: {from, to}}`; empty when nothing had to change.
    pub changed: Value,
    /// The row of the audit log; null when nothing changed.
    pub audit_id: Option<i64>,
}

/// Carries out what people decide: each call one transaction, as the caller.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Decisions {
    /// Does it, and records who, when and why.
    async fn decide(&self, order: &Order<'_>) -> Result<Result<Change, Refusal>, StoreError>;
}
