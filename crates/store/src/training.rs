//! From feedback to a fine-tuned model: training data, drift, datasets in parts, the trainer's webhook and what it
//! answers.

pub(crate) mod rows;

mod dataset;
mod delivery;
mod drift;
mod stock;

use pawl_core::{
    conversation::Exchange,
    learning::reaction::Reactions,
    training::{
        decide::Why,
        sample::Sample,
        score::{Scored, Source},
    },
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    StoreError,
    reflections::{Claim, ClaimRequest, Timestamp},
};

pub use dataset::{
    DatasetPage, DatasetRow, Example, FindRows, Part, RecordParts, RecordedDataset, RecordedPart, SealDataset, Split,
    StoredRow,
};
pub use delivery::{
    Callback, ClaimDelivery, Delivery, DeliveryState, OpenModelTest, RecordDelivery, SeenDataset, TrainingCallback,
};
pub use drift::{DriftLook, DriftMetric, Histogram, LookedDrift, MetricLook, Window};
pub use stock::{AnalyzeFeedback, Analyzed, DriftAlert, FindStock, LowPattern, Stock};

/// What there is to train for one assistant.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainTask {
    /// The assistant's slug: it names the model.
    pub slug: String,
    /// The version that is not finished yet. An assistant has one at the most.
    pub version: Option<ModelVersion>,
}

/// A version of an assistant's model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// Its id.
    pub id: Uuid,
    /// Its name, `v` and its number.
    pub version: String,
    /// Its number, from 1, one line an assistant.
    pub number: i32,
    /// Where it stands.
    pub status: Status,
    /// What its dataset is made of.
    pub filters: Filters,
    /// The model it is tuned from.
    pub base_model: String,
    /// The prompt version that was live when it was begun.
    pub prompt_version: i32,
    /// The row looked at last, for the parts there are.
    pub cursor: Option<Uuid>,
    /// Number of the last part.
    pub parts: u32,
    /// Rows in the parts.
    pub rows: u64,
    /// When it was begun: nothing later is in its dataset.
    pub created_at: Timestamp,
}

/// Where a version of a model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its dataset is being made.
    Curating,
    /// The trainer is to be told.
    Pending,
    /// The trainer has it.
    Training,
    /// It can be tested.
    Trained,
    /// It is in test.
    Testing,
    /// It serves.
    Deployed,
    /// It served, and another does now.
    Retired,
    /// It was not better.
    Rejected,
    /// Nothing came of it.
    Failed,
    /// It served, and was taken back.
    RolledBack,
}

impl Status {
    const ALL: [Self; 10] = [
        Self::Curating,
        Self::Pending,
        Self::Training,
        Self::Trained,
        Self::Testing,
        Self::Deployed,
        Self::Retired,
        Self::Rejected,
        Self::Failed,
        Self::RolledBack,
    ];

    /// Its name in the database.
    pub fn code(self) -> &'static str {
        match self {
            Self::Curating => "curating",
            Self::Pending => "pending",
            Self::Training => "training",
            Self::Trained => "trained",
            Self::Testing => "testing",
            Self::Deployed => "deployed",
            Self::Retired => "retired",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
        }
    }

    /// The one of this name.
    pub fn named(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

/// What a dataset is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filters {
    /// The least score of a row, 0 to 1.
    pub quality: f64,
    /// By question type the share of rows that is kept, 0 to 1; all of a type that is not named. In the alphabet's
    /// order.
    pub keep: Vec<(String, f64)>,
    /// Percent of the questions that the trainer must not train on, 0 to 100.
    pub held_out_percent: u32,
}

/// An answer whose feedback is not training data yet, or has changed since it became that.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncollected {
    /// The answer.
    pub message_id: Uuid,
    /// What its feedback was at when this was read.
    pub revision: i32,
    /// The question.
    pub message: String,
    /// What was said before it, oldest first; at most six.
    pub history: Vec<Exchange>,
    /// The answer.
    pub answer: String,
    /// The model that answered, where it is known.
    pub model: Option<String>,
    /// The question's type, where it is known.
    pub question_type: Option<String>,
    /// What its person made of it.
    pub reactions: Reactions,
    /// Its length, where it is known.
    pub answer_characters: Option<i64>,
    /// What somebody or something else made of it: 0 to 1.
    pub other: Option<(Source, f64)>,
}

/// What has become of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// The answer.
    pub message_id: Uuid,
    /// As it was read: if its feedback has changed since, this does not count.
    pub revision: i32,
    /// What can be learned from it; none: nothing, and only that it was looked at is kept.
    pub lesson: Option<Lesson>,
}

/// What can be learned from an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The masked texts. Those of one content are one row.
    pub sample: Sample,
    /// What the answer is worth.
    pub scored: Scored,
}

/// Outcomes of collecting.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainingPage {
    /// Stored.
    Ok {
        /// How many of those collected counted.
        stored: u32,
        /// The answers to collect next, oldest first; none are left where it is empty.
        page: Vec<Uncollected>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of beginning a version.
#[derive(Debug, Clone, PartialEq)]
pub enum OpenVersion {
    /// Begun.
    Ok {
        /// It.
        version: ModelVersion,
    },
    /// There is one that is not finished.
    Unfinished {
        /// It.
        version: ModelVersion,
    },
    /// The assistant has no live prompt.
    NoActivePrompt,
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of recording what needs no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// Stored.
    Ok,
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// What retraining needs, each call one transaction. With the secret key, but for the analysis.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Training {
    /// Goes through assistants, longest unseen first, to the next; as for a reflection. (`dry_run` means nothing here.)
    async fn claim_training(&self, request: &ClaimRequest<'_>, before: Option<&Timestamp>)
    -> Result<Claim, StoreError>;
    /// Gives the lease back. One that is lost already is no error.
    async fn release_training(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError>;
    /// Stores a page of training data and hands out the next, of so many answers.
    async fn training_page(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        collected: &[Collected],
        limit: u32,
    ) -> Result<TrainingPage, StoreError>;
    /// How answers were taken lately, and in the time before: days of both.
    async fn drift_look(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        window_days: f64,
        baseline_days: f64,
    ) -> Result<DriftLook, StoreError>;
    /// Stores what came of a look, and tells a person of an alert, in these words.
    async fn record_drift(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        metrics: &[DriftMetric<'_>],
        words: &str,
    ) -> Result<Recorded, StoreError>;
    /// What there is to train on, of at least this score.
    async fn training_stock(&self, holder: Uuid, assistant_id: Uuid, quality: f64) -> Result<FindStock, StoreError>;
    /// Begins a version, unless one is not finished.
    async fn open_model_version(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        why: &Why,
        filters: &Filters,
    ) -> Result<OpenVersion, StoreError>;
    /// Looks at so many rows after this one, and gives those of them that are in the dataset, in order of their ids.
    async fn dataset_page(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<DatasetPage, StoreError>;
    /// Records parts that lie in storage, and the row looked at last for them; each number once.
    async fn record_parts(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        cursor: Uuid,
        parts: &[Part<'_>],
    ) -> Result<RecordParts, StoreError>;
    /// The dataset is whole: keeps its manifest, for the trainer to be told; once, however often it is called.
    async fn seal_dataset(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        manifest: &Value,
        manifest_sha256: &str,
    ) -> Result<SealDataset, StoreError>;
    /// The rows of a part, to make it again.
    async fn dataset_rows(&self, model_version_id: Uuid, part: u32, split: Split) -> Result<FindRows, StoreError>;
    /// Begins an attempt to tell the trainer, if one is due. Whoever does not record what came of it has lost it: ten
    /// minutes later another may be made.
    async fn claim_delivery(&self, holder: Uuid, model_version_id: Uuid) -> Result<ClaimDelivery, StoreError>;
    /// What came of an attempt: the answer's status, or a code of why there was none.
    async fn record_delivery(
        &self,
        webhook_id: &str,
        attempt: u32,
        status: Option<u16>,
        error: Option<&str>,
    ) -> Result<RecordDelivery, StoreError>;
    /// What the trainer answers. Its signature was checked; each id counts once.
    async fn training_callback(&self, callback: &Callback<'_>) -> Result<TrainingCallback, StoreError>;
    /// Puts a trained model into test.
    async fn open_model_test(&self, holder: Uuid, model_version_id: Uuid) -> Result<OpenModelTest, StoreError>;
    /// What people made of the answers of these last days, as the caller: only who may steer the assistant is told.
    async fn analyze_feedback(
        &self,
        organization_id: Option<Uuid>,
        assistant: Option<&str>,
        days: f64,
    ) -> Result<AnalyzeFeedback, StoreError>;
}
