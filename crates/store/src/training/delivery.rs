//! The trainer: told by webhook, and what it answers.

use serde_json::Value;
use uuid::Uuid;

use super::{ModelVersion, Status};
use crate::reflections::{About, Timestamp};

/// What the trainer is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The message's id: the same at every attempt.
    pub webhook_id: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The version.
    pub version: ModelVersion,
    /// What the model is called: the assistant's slug.
    pub model_name: String,
    /// Rows of the dataset.
    pub samples: u64,
    /// What is in the dataset, as it was sealed.
    pub manifest: Value,
    /// SHA-256 of the manifest's file, in hexadecimal digits.
    pub manifest_sha256: String,
}

/// Outcomes of beginning an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum ClaimDelivery {
    /// Tell it.
    Ok(Box<Delivery>),
    /// Not yet.
    NotDue {
        /// But then.
        next_at: Timestamp,
    },
    /// It was told.
    Delivered,
    /// It was tried too often.
    GivenUp,
    /// The dataset is not whole.
    NotReady,
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// For the next attempt.
    Waiting,
    /// An attempt is under way.
    Sending,
    /// The trainer was told.
    Delivered,
    /// It was tried too often, or the trainer wants nothing more.
    GivenUp,
}

/// Outcomes of recording an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordDelivery {
    /// Recorded.
    Ok {
        /// Where the delivery stands.
        state: DeliveryState,
    },
    /// There was another attempt since.
    Superseded,
    /// There is no such message.
    NotFound,
}

/// What the trainer answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Callback<'a> {
    /// The answer's own id: one that comes again counts once.
    pub callback_id: &'a str,
    /// Which version.
    pub model_version_id: Uuid,
    /// `accepted`, `succeeded` or `failed`.
    pub status: &'a str,
    /// What it measured: a number by name.
    pub metrics: &'a Value,
    /// What it trained on.
    pub dataset: Option<SeenDataset<'a>>,
    /// Where the model answers.
    pub base_url: Option<&'a str>,
    /// What it is called there.
    pub model: Option<&'a str>,
    /// Why it failed, as a code.
    pub error: Option<&'a str>,
}

/// What the trainer trained on, by its own count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDataset<'a> {
    /// SHA-256 of the manifest's file, in hexadecimal digits.
    pub manifest_sha256: &'a str,
    /// Each part's path and SHA-256.
    pub parts: Vec<(&'a str, &'a str)>,
}

/// Outcomes of an answer of the trainer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrainingCallback {
    /// Stored.
    Ok {
        /// Where the version stands.
        status: Status,
        /// Whose it is.
        about: About,
    },
    /// It came before; nothing has changed.
    Replayed,
    /// There is no such version.
    VersionNotFound,
    /// The version waits for no answer.
    NotTraining {
        /// Where it stands.
        status: Status,
    },
    /// It trained on something else.
    DatasetChanged {
        /// The path of a part, of its or of ours; or `manifest`.
        part: String,
    },
    /// It did not train on all of it.
    PartMissing {
        /// The part's path, or `manifest`.
        part: String,
    },
    /// It succeeded, and does not say where the model answers.
    ModelMissing,
}

/// Outcomes of putting a model into test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenModelTest {
    /// In test.
    Ok {
        /// The prompt version that is served by it.
        version: i32,
    },
    /// Not yet; the same call may be made later.
    Held {
        /// `paused`, `locked`, `in_proof`, `yearly_budget`, `judge_not_trusted`, `no_rubric`, `no_active_prompt` or
        /// `clauses_missing`.
        reason: String,
    },
    /// The version stands elsewhere.
    Closed {
        /// There.
        status: Status,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}
