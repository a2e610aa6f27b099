//! How a version proves itself: its test, claimed, gone on with and decided; and the watch over the live one. With the
//! secret key, but for reading a receipt.

pub(crate) mod rows;

mod pairs;
mod units;
mod watch;

use pawl_core::{
    proof::{Case, Method, Plan, ProofSettings, Ruling, Traffic},
    usage::Usage,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    StoreError,
    reflections::{Claim, ClaimRequest, PromptVersion, StoredRubric, Timestamp},
    usage::Purpose,
};

pub use pairs::{Answers, NextPairs, Pair, PairResult, Verdicts};
pub use units::{AnswerReactions, NextUnits, Unit, UnitResult};
pub use watch::{AlertFall, Live, RollBack, WatchLook};

/// What one assistant has to prove: one of both, as it was claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct ProofTask {
    /// The running test.
    pub test: Option<Test>,
    /// The live version has votes to look at.
    pub watch: bool,
}

/// A running test.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at pawl_claim_proof")]
pub struct Test {
    pub test_id: Uuid,
    pub stage: Stage,
    /// None before the proof has begun.
    pub method: Option<Method>,
    pub candidate: PromptVersion,
    pub baseline: PromptVersion,
    pub judge_model: String,
    pub rubric: StoredRubric,
    /// The live version's, as of the test's begin; each version says its own.
    pub chat_model: String,
    pub max_answer_tokens: u32,
    pub history_token_budget: usize,
}

/// Where a test stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Gate one.
    Screening,
    /// Gate two.
    Proving,
}

/// Tokens that something may cost at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// Of what the model reads.
    pub read: u64,
    /// Of what it says.
    pub said: u64,
}

/// Outcomes of a test's first look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginTest {
    /// It goes on.
    Ok {
        /// This judge passed its trial; else it had none yet, and what one may cost is reserved.
        tried: bool,
        /// Why that could not be reserved.
        blocked: Option<Blocked>,
    },
    /// It runs no more.
    Closed {
        /// Why, as the test says.
        reason: Option<String>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// What a judge made of the attacks.
#[derive(Debug, Clone)]
pub struct JudgeTrial<'a> {
    /// Of the judge's instructions.
    pub judge_revision: i32,
    /// It rejected all of them.
    pub passed: bool,
    /// A list, as at the table `judge_trials`.
    pub attacks: Value,
    /// What it cost.
    pub usage: &'a [Spending],
}

/// A model was called for a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spending {
    /// For what.
    pub purpose: Purpose,
    /// Which.
    pub model: String,
    /// How much.
    pub usage: Usage,
}

/// Outcomes of recording something of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// Stored, now or before.
    Ok,
    /// The test runs no more.
    Closed {
        /// Why, as the test says.
        reason: Option<String>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Why there is no more to do today, or for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// The day's tokens for tests are spent.
    Tokens,
    /// The day's money for tests is spent.
    Money,
    /// There are too few questions to draw from.
    InsufficientData,
}

impl Blocked {
    /// Its name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Money => "money",
            Self::InsufficientData => "insufficient_data",
        }
    }
}

/// What a plan is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanFrom {
    /// What there is to prove something with.
    pub traffic: Traffic,
    /// And what the owner has set.
    pub settings: ProofSettings,
}

/// Outcomes of looking at a test.
#[derive(Debug, Clone)]
pub enum ProofLook {
    /// What there is to rule on.
    Ok {
        /// Of its stage.
        case: Box<Case>,
        /// What a plan is made from; none before a screening has all its pairs.
        plan_from: Option<PlanFrom>,
    },
    /// The test runs no more.
    Closed {
        /// Why, as the test says.
        reason: Option<String>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of beginning the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginProof {
    /// Begun.
    Ok,
    /// The place among the year's tests is another's: look again.
    Stale,
    /// Not yet; the same call may be made later.
    Held {
        /// `awaiting_approval`.
        reason: String,
    },
    /// The test runs no more.
    Closed {
        /// Why, as the test says.
        reason: Option<String>,
    },
    /// The year's tests are used up: the test is closed.
    BudgetSpent,
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// Outcomes of deciding a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecideTest {
    /// Decided, with a receipt.
    Ok {
        /// The receipt's id.
        receipt_id: Uuid,
        /// The version it is about.
        version: i32,
    },
    /// Proved, and not live yet; the same call may be made later.
    Held {
        /// `paused`, `locked`, `awaiting_approval` or `clauses_missing`.
        reason: String,
    },
    /// The test runs no more.
    Closed {
        /// Why, as the test says.
        reason: Option<String>,
    },
    /// Somebody else holds the lease now.
    LeaseLost,
}

/// A record of what was decided, with all that it was decided from.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Its id.
    pub receipt_id: Uuid,
    /// What was ruled on, with the observations as they stand in the database now.
    pub case: Case,
    /// What was decided.
    pub ruling: Ruling,
    /// The observations are those of then.
    pub digest_matches: bool,
    /// The texts of the versions are those of then.
    pub prompts_match: bool,
}

/// Outcomes of reading a receipt.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at pawl_get_receipt")]
pub enum GetReceipt {
    Ok(Box<Receipt>),
    ReceiptNotFound,
    Forbidden,
    Unauthorized,
    UserNotAllowed,
}

/// Moves tests on, and watches what went live; each call one transaction.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Proofs {
    /// Goes through assistants, longest unseen first, to one with something to prove: a test, or with `watch` a live
    /// version to watch. As for a reflection. (`force` and `dry_run` mean nothing here.)
    async fn claim_proof(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
        watch: bool,
    ) -> Result<Claim, StoreError>;
    /// Gives the lease back, and, where all that was spent is recorded (`settled`), what is still reserved. One that is
    /// lost already is no error.
    async fn release_proof(&self, holder: Uuid, assistant_id: Uuid, settled: bool) -> Result<(), StoreError>;
    /// A test's first look: with which instructions the judge judges. Closes one that began with others. For a judge
    /// that was not tried yet it reserves what a trial may cost; nothing where the caller has no time for one.
    async fn begin_test(
        &self,
        holder: Uuid,
        test_id: Uuid,
        judge_revision: i32,
        trial: Tokens,
    ) -> Result<BeginTest, StoreError>;
    /// Stores what the judge made of the attacks. Closes the test of one that failed.
    async fn record_judge_trial(
        &self,
        holder: Uuid,
        test_id: Uuid,
        trial: &JudgeTrial<'_>,
    ) -> Result<Recorded, StoreError>;
    /// Questions of the stage that are not judged yet, at most so many.
    async fn next_pairs(&self, holder: Uuid, test_id: Uuid, limit: u32) -> Result<NextPairs, StoreError>;
    /// Stores what has come of pairs, and what it cost; each pair once.
    async fn record_pairs(
        &self,
        holder: Uuid,
        test_id: Uuid,
        pairs: &[PairResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError>;
    /// Conversations or people of the canary to observe, at most so many.
    async fn next_units(&self, holder: Uuid, test_id: Uuid, limit: u32) -> Result<NextUnits, StoreError>;
    /// Stores what was observed, and what it cost; each unit once.
    async fn record_units(
        &self,
        holder: Uuid,
        test_id: Uuid,
        units: &[UnitResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError>;
    /// What there is to rule on.
    async fn proof_look(&self, holder: Uuid, test_id: Uuid) -> Result<ProofLook, StoreError>;
    /// The screening is passed: begins the proof.
    async fn begin_proof(
        &self,
        holder: Uuid,
        test_id: Uuid,
        plan: &Plan,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<BeginProof, StoreError>;
    /// Notes a ruling by which the test goes on, for who looks.
    async fn note_ruling(&self, holder: Uuid, test_id: Uuid, ruling: &Ruling) -> Result<Recorded, StoreError>;
    /// Promotes or rejects, as the ruling on this case says, and writes the receipt; once, however often it is called.
    async fn decide_test(
        &self,
        holder: Uuid,
        test_id: Uuid,
        promoted: bool,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<DecideTest, StoreError>;
    /// The live version's votes.
    async fn watch_look(&self, holder: Uuid, assistant_id: Uuid) -> Result<WatchLook, StoreError>;
    /// Takes the live version back that was looked at, and writes the receipt; once, however often it is called.
    async fn roll_back(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        live: &Live,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<RollBack, StoreError>;
    /// Tells a person of a fall, once a version.
    async fn alert_fall(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        prompt_id: Uuid,
        ruling: &Ruling,
    ) -> Result<AlertFall, StoreError>;
    /// A receipt, as the caller; for whom a backend acts with the secret key only.
    async fn receipt(&self, receipt_id: Uuid, user_id: Option<Uuid>) -> Result<GetReceipt, StoreError>;
}
