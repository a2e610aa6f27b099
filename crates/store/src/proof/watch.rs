//! The watch over the live version.

use pawl_core::proof::Case;
use uuid::Uuid;

use crate::reflections::Timestamp;

/// A live version, as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Which.
    pub prompt_id: Uuid,
    /// Since when it is live. One that went live anew is another matter.
    pub since: Timestamp,
}

/// Outcomes of looking at the live version's votes.
#[derive(Debug, Clone)]
pub enum WatchLook {
    /// These.
    Ok {
        /// What there is to rule on.
        case: Box<Case>,
        /// The live version.
        live: Live,
        /// It may be rolled back; else only told of.
        acts: bool,
        /// Why not: `locked`, `paused`, `by_hand` or `no_version_before`.
        why_not: Option<String>,
    },
    /// Nothing was said of it yet.
    NothingToWatch,
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of an automatic rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollBack {
    /// The version before is live.
    Ok {
        /// The receipt's id.
        receipt_id: Uuid,
        /// The version that is live now.
        version: i32,
    },
    /// It was not live any more, or went live anew.
    Superseded,
    /// A person is in the way.
    Held {
        /// As `why_not` of the look.
        reason: String,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of telling a person of a fall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertFall {
    /// Told.
    Ok {
        /// The escalation; none: this version has been told of before.
        suggestion_id: Option<Uuid>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}
