//! What becomes of a test, with a store that keeps it and a model that does as it is told.

mod canary;
pub(crate) mod model;
mod own_models;
mod replay;
mod store;
mod trial;
mod watching;

use std::cell::{Cell, RefCell, RefMut};

use pawl_core::{
    proof::{Agreement, Case, Kind, Observations, ProofSettings, UnitKind},
    rubric::Rubric,
};
use pawl_edge::ApiError;
use pawl_store::{
    proof::{Pair, Test},
    reflections::{PromptVersion, StoredRubric},
    usage::Purpose,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use model::Model;
use store::{Book, Drawn, RECEIPT, Script};

thread_local! {
    static NOW_MS: Cell<f64> = const { Cell::new(0.0) };
}

const OLD: &str = "Be plain.";
const NEW: &str = "Be plain. Give reasons.";

fn about() -> About {
    About { organization_id: Uuid::from_u128(1), assistant_id: Uuid::from_u128(2), assistant: "default".into() }
}

struct World {
    store: Script,
    model: Model,
    workers: Cell<u128>,
}

/// A case without observations.
fn case(kind: Kind) -> Case {
    let (proves, canary) = (matches!(kind, Kind::Replay | Kind::Canary), kind == Kind::Canary);
    Case {
        kind,
        level: proves.then_some(0.01),
        horizon: match kind {
            Kind::Screening => Some(20),
            Kind::Replay => Some(100),
            Kind::Canary | Kind::Watch | Kind::Failures => None,
        },
        min_days: canary.then_some(7.0),
        max_days: canary.then_some(28.0),
        days: canary.then_some(8.0),
        unit: canary.then_some(UnitKind::Conversation),
        agreement: Agreement::default(),
        floor: 0.2,
        before_up: None,
        before_n: None,
        observations: if canary { Observations::Units(Vec::new()) } else { Observations::Pairs(Vec::new()) },
    }
}

/// A test at this stage, whose judge has passed its trial.
fn world(kind: Kind) -> World {
    NOW_MS.set(0.0);
    let rubric: Rubric =
        serde_json::from_value(json!([{"key": "depth", "description": "", "anchors": ["", "", "", "", ""]}])).unwrap();
    let version = |id, version, content: &str| PromptVersion {
        id: Uuid::from_u128(id),
        version,
        content: content.into(),
        model: "chat".into(),
        base_url: None,
    };
    let test = Test {
        test_id: Uuid::from_u128(0x7E57),
        stage: if kind == Kind::Screening { Stage::Screening } else { Stage::Proving },
        method: match kind {
            Kind::Replay => Some(Method::Replay),
            Kind::Canary => Some(Method::Canary),
            Kind::Screening | Kind::Watch | Kind::Failures => None,
        },
        candidate: version(0x21, 2, NEW),
        baseline: version(0x20, 1, OLD),
        judge_model: "judge".into(),
        rubric: StoredRubric { id: Uuid::from_u128(0x30), criteria: rubric },
        chat_model: "chat".into(),
        max_answer_tokens: 500,
        history_token_budget: 1_000,
    };
    let pairs = (1..=if kind == Kind::Screening { 20 } else { 100 }).map(|number| Drawn {
        pair: Pair {
            pair_id: Uuid::from_u128(number as u128),
            message: format!("how many things are there in {number} of them?"),
            history: Vec::new(),
            candidate_first: number % 3 == 0,
            answers: None,
        },
        verdicts: None,
        question_type: None,
    });
    let settings = ProofSettings {
        method: Some(Method::Replay),
        pairs: 100,
        canary_share: 0.2,
        canary_unit: UnitKind::Conversation,
        canary_min_days: 7.0,
        canary_max_days: 28.0,
        yearly_budget: true,
        fixed_level: 0.01,
    };
    let test = Some(test).filter(|_| kind != Kind::Watch);
    let book = Book { pairs: pairs.collect(), ..Book::new(test, case(kind), settings) };
    World { store: Script(RefCell::new(book)), model: Model::default(), workers: Cell::new(0) }
}

impl World {
    /// A call by a worker of its own, with so much time.
    async fn prove_in(&self, seconds: u64) -> Value {
        self.try_prove(Filter::default(), seconds, Ok(&self.model)).await.unwrap()
    }

    async fn prove(&self) -> Value {
        self.prove_in(130).await
    }

    async fn try_prove(
        &self,
        filter: Filter<'_>,
        seconds: u64,
        model: Result<&Model, ApiError>,
    ) -> Result<Value, ApiError> {
        self.workers.set(self.workers.get() + 1);
        let holder = Uuid::from_u128(0xF000 + self.workers.get());
        let ports = Ports { store: &self.store, model, now_ms: || NOW_MS.get(), holder };
        let time = Duration::from_secs(seconds);
        let outcome = prove(filter, time, "r1", &ports).await.map_err(ApiError::from)?;
        Ok(serde_json::to_value(&outcome).unwrap())
    }

    /// What was done for the only assistant.
    async fn did(&self) -> Value {
        let answer = self.prove().await;
        assert_eq!(answer["proofs"].as_array().unwrap().len(), 1, "{answer}");
        answer["proofs"][0].clone()
    }

    fn book(&self) -> RefMut<'_, Book> {
        self.store.0.borrow_mut()
    }

    /// The lease of a worker that is gone runs out.
    fn lease_runs_out(&self) {
        self.book().holder = None;
    }

    fn judged(&self) -> usize {
        self.book().pairs.iter().filter(|drawn| drawn.verdicts.is_some()).count()
    }

    fn chats(&self) -> usize {
        self.model.chats.borrow().len()
    }

    /// How often models were paid for, by purpose.
    fn paid(&self, purpose: Purpose) -> usize {
        self.book().spent.iter().filter(|spending| spending.purpose == purpose).count()
    }
}
