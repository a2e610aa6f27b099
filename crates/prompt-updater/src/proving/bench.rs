//! What the rooms of this one share: the test at hand, what a step of it needs, and why one ends early.

use pawl_edge::deadline::Deadline;
use pawl_model::{ModelError, Patience, Spent};
use pawl_store::{
    StoreError,
    proof::{Recorded, Spending, Test},
    reflections::About,
    usage::Purpose,
};
use std::time::Duration;
use uuid::Uuid;

use crate::wire::{Did, Proof};

/// Most questions that the model answers at a time.
pub(super) const IN_FLIGHT: usize = 12;
/// How long one may take, and how long the model may say nothing.
const ANSWER: Duration = Duration::from_secs(70);
const SILENCE: Duration = Duration::from_secs(45);
/// What is left for storing what came of them.
const STORING: Duration = Duration::from_secs(10);

/// A test, and what a step of it needs.
pub(super) struct Bench<'a, S, M> {
    pub(super) store: &'a S,
    pub(super) model: &'a M,
    /// Of the assistant's lease.
    pub(super) holder: Uuid,
    pub(super) deadline: &'a Deadline,
    pub(super) test: &'a Test,
    pub(super) about: &'a About,
}

impl<S, M> Bench<'_, S, M> {
    /// How long the model may take that is asked now.
    pub(super) fn patience(&self) -> Patience {
        let total = self.deadline.left().saturating_sub(STORING).min(ANSWER);
        // What is reserved pays for one answer to each asking.
        Patience { total, silence: SILENCE, begun_is_final: true }
    }

    /// What is told of the test's version.
    pub(super) fn proof(&self, did: Did) -> Proof {
        Proof { version: Some(self.test.candidate.version), ..Proof::of(self.about, did) }
    }
}

impl Proof {
    /// What was done for an assistant, and nothing about it.
    pub(super) fn of(about: &About, did: Did) -> Self {
        Self {
            about: about.clone(),
            did,
            version: None,
            reason: None,
            receipt_id: None,
            pairs: None,
            unanswerable: None,
            units: None,
            words: None,
        }
    }
}

/// What a call came to, counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Pairs judged.
    pub(super) pairs: usize,
    /// Those of them that the model would not answer.
    pub(super) unanswerable: usize,
    /// Units observed.
    pub(super) units: usize,
}

impl Tally {
    /// Adds the counts to what is told.
    pub(super) fn onto(self, proof: Proof) -> Proof {
        let some = |count: usize| Some(count).filter(|count| *count > 0);
        Proof { pairs: some(self.pairs), unanswerable: some(self.unanswerable), units: some(self.units), ..proof }
    }
}

/// Why a test is not gone on with in this call.
#[derive(Debug)]
pub(super) enum Stop {
    /// Somebody else holds the lease now.
    LeaseLost,
    /// The test runs no more, and why.
    Closed(Option<String>),
    /// There is no model to ask, by the error's code.
    NoModel(&'static str),
    /// The model cannot be asked now.
    Model(ModelError),
    /// The database failed.
    Store(StoreError),
    /// The database failed to record what was paid for, or to say that it had: that is not to be given back.
    NotRecorded(StoreError),
}

impl From<StoreError> for Stop {
    fn from(fault: StoreError) -> Self {
        Self::Store(fault)
    }
}

/// Goes on if it was recorded.
pub(super) fn recorded(outcome: Recorded) -> Result<(), Stop> {
    match outcome {
        Recorded::Ok => Ok(()),
        Recorded::Closed { reason } => Err(Stop::Closed(reason)),
        Recorded::LeaseLost => Err(Stop::LeaseLost),
    }
}

/// The same, of what was paid for.
pub(super) fn paid(outcome: Result<Recorded, StoreError>) -> Result<(), Stop> {
    recorded(outcome.map_err(Stop::NotRecorded)?)
}

/// What an attempt cost.
pub(super) fn spending(purpose: Purpose, Spent { model, usage }: Spent) -> Spending {
    Spending { purpose, model, usage }
}

/// Whether it was the text that could not be handled, and no fault of the model's or the key's: to ask for others is of
/// use.
pub(super) fn is_about_the_text(fault: &ModelError) -> bool {
    matches!(fault, ModelError::Refused | ModelError::Empty | ModelError::CutOff | ModelError::Malformed)
}

/// Whether it may have been the text: the next one is asked for all the same, and if that is answered, it was.
pub(super) fn may_be_of_the_text(fault: &ModelError) -> bool {
    matches!(fault, ModelError::Rejected(_))
}
