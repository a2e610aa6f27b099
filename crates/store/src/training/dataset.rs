//! A dataset: its rows, and the parts that lie in storage.

use uuid::Uuid;

use super::Status;

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// To train on.
    Train,
    /// To measure the model with.
    HeldOut,
}

impl Split {
    /// Its name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::HeldOut => "held_out",
        }
    }

    /// The one of this name.
    pub fn named(code: &str) -> Option<Self> {
        [Self::Train, Self::HeldOut].into_iter().find(|split| split.code() == code)
    }
}

/// What a model learns from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Who speaks, `user` or `assistant`, and what: the history, oldest first, then the question.
    pub messages: Vec<(String, String)>,
    /// The answer.
    pub answer: String,
}

/// A row of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetRow {
    /// Its id.
    pub id: Uuid,
    /// What it teaches.
    pub example: Example,
    /// The question's type; `other` where it is not known.
    pub question_type: String,
    /// Which split it is in.
    pub held_out: bool,
}

/// Outcomes of asking for rows.
#[derive(Debug, Clone, PartialEq)]
pub enum DatasetPage {
    /// These.
    Ok {
        /// The rows.
        rows: Vec<DatasetRow>,
        /// The one looked at last, to go on from; none: that was the end.
        next: Option<Uuid>,
        /// The prompt that the model is tuned for, with the first page.
        system_prompt: Option<String>,
        /// What is recorded so far, with the last page.
        recorded: Option<RecordedDataset>,
    },
    /// The dataset is closed.
    Closed {
        /// Where the version stands.
        status: Status,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// What is recorded of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordedDataset {
    /// Its parts, by number; of one number the one to train on first.
    pub parts: Vec<RecordedPart>,
    /// Rows by question type, in the alphabet's order.
    pub by_type: Vec<(String, u64)>,
    /// How often what was masked in them, in the alphabet's order.
    pub masked: Vec<(String, u64)>,
}

/// A part that is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedPart {
    /// Its number.
    pub number: u32,
    /// Its split.
    pub split: Split,
    /// Where in the bucket.
    pub path: String,
    /// How many rows it has.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A part that lies in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its number, from 1. Both splits of a number are recorded together.
    pub number: u32,
    /// Its split.
    pub split: Split,
    /// Where in the bucket.
    pub path: &'a str,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: &'a str,
    /// Its rows, in their order.
    pub ids: &'a [Uuid],
}

/// Outcomes of recording parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordParts {
    /// Recorded.
    Ok,
    /// One of these numbers was recorded before; nothing has changed.
    Already,
    /// The dataset is closed.
    Closed {
        /// Where the version stands.
        status: Status,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealDataset {
    /// Sealed, now or before.
    Ok,
    /// People took back too much meanwhile: the version has failed.
    TooFew {
        /// Its rows.
        samples: u64,
        /// As many as it takes.
        needed: u64,
    },
    /// The version stands elsewhere.
    Closed {
        /// There.
        status: Status,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// A row of a part.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// Its id.
    pub id: Uuid,
    /// What it teaches.
    pub example: Example,
}

/// Outcomes of asking for the rows of a part.
#[derive(Debug, Clone, PartialEq)]
pub enum FindRows {
    /// These.
    Ok {
        /// Those that are left, in their order.
        rows: Vec<StoredRow>,
        /// How many are gone, with the people they were of.
        missing: u64,
        /// The prompt that the model is tuned for.
        system_prompt: Option<String>,
        /// Where in the bucket the part lies.
        path: String,
        /// SHA-256 of it, in hexadecimal digits.
        sha256: String,
    },
    /// The version has no such part.
    NoPart,
    /// There is no such version.
    NotFound,
}
