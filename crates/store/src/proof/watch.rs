//! The watch over the live version.

use pawl_core::proof::Case;
use uuid::Uuid;

/// Outcomes of looking at the live version's votes.
#[derive(Debug, Clone)]
pub enum WatchLook {
    /// These.
    Ok {
        /// What there is to rule on.
        case: Box<Case>,
        /// The live version.
        prompt_id: Uuid,
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
    /// It was not live any more.
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
