//! A store that keeps one assistant's test.

use std::{cell::RefCell, collections::VecDeque};

use pawl_core::proof::{self, Case, Decision, Kind, Observations, Plan, ProofSettings, Ruling, Traffic};
use pawl_store::{
    StoreError,
    proof::{
        AlertFall, BeginProof, BeginTest, Blocked, DecideTest, GetReceipt, JudgeTrial, Live, NextPairs, NextUnits,
        Pair, PairResult, PlanFrom, ProofLook, ProofTask, Proofs, Recorded, RollBack, Spending, Test, Tokens, Unit,
        UnitResult, Verdicts, WatchLook,
    },
    reflections::{Claim, ClaimRequest, Claimed, SkipReason, Skipped, Task, Timestamp, Work},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::about;

pub(super) const RECEIPT: Uuid = Uuid::from_u128(0x4E);

/// A pair as the database keeps it.
#[derive(Debug, Clone)]
pub(super) struct Drawn {
    pub(super) pair: Pair,
    pub(super) verdicts: Option<Verdicts>,
    pub(super) question_type: Option<String>,
}

/// A unit as the database keeps it.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) unit: Unit,
    pub(super) candidate: bool,
    pub(super) observed: Option<UnitResult>,
}

/// What the database holds of the test.
pub(super) struct Book {
    pub(super) holder: Option<Uuid>,
    pub(super) test: Option<Test>,
    pub(super) watched: Option<(Case, bool, Option<String>)>,
    pub(super) closed: Option<&'static str>,
    pub(super) judge_revision: Option<i32>,
    pub(super) trial: Option<bool>,
    /// For the trial, at the last look.
    pub(super) reserved: Tokens,
    /// What was said at each release.
    pub(super) settled: Vec<bool>,
    pub(super) trials: Vec<Value>,
    pub(super) pairs: Vec<Drawn>,
    pub(super) units: Vec<Sent>,
    /// How many pairs or units the day's money still allows.
    pub(super) allowed: usize,
    pub(super) case: Case,
    pub(super) settings: ProofSettings,
    pub(super) spent: Vec<Spending>,
    pub(super) calls: Vec<&'static str>,
    /// The call that is the last of its worker, and whether it was still carried out.
    pub(super) dies_at: Option<(&'static str, bool)>,
    /// The call before which somebody else takes the lease.
    pub(super) loses_at: Option<&'static str>,
    /// The call before which another version goes live.
    pub(super) closes_at: Option<&'static str>,
    pub(super) begins: VecDeque<BeginProof>,
    pub(super) decides: VecDeque<DecideTest>,
    pub(super) rolls_back: VecDeque<RollBack>,
    pub(super) plans: Vec<Plan>,
    /// Observations of the ruling noted last.
    pub(super) noted: usize,
    pub(super) decided: Vec<(bool, Ruling)>,
    pub(super) alerts: usize,
}

pub(super) struct Script(pub(super) RefCell<Book>);

impl Script {
    /// One call of somebody who should hold the lease.
    fn call<T>(
        &self,
        name: &'static str,
        holder: Uuid,
        lost: T,
        does: impl FnOnce(&mut Book) -> T,
    ) -> Result<T, StoreError> {
        let mut book = self.0.borrow_mut();
        book.calls.push(name);
        if book.loses_at == Some(name) {
            book.holder = None;
        }
        if book.closes_at == Some(name) {
            book.closed = Some("baseline_changed");
        }
        let dies = book.dies_at.filter(|(at, _)| *at == name);
        if let Some((_, carried_out)) = dies {
            book.dies_at = None;
            if carried_out {
                does(&mut book);
            }
            return Err(StoreError::Unavailable("connection".into()));
        }
        if book.holder != Some(holder) {
            return Ok(lost);
        }
        Ok(does(&mut book))
    }
}

impl Book {
    /// A test whose judge has passed its trial.
    pub(super) fn new(test: Option<Test>, case: Case, settings: ProofSettings) -> Self {
        Self {
            holder: None,
            test,
            watched: None,
            closed: None,
            judge_revision: None,
            trial: Some(true),
            reserved: Tokens::default(),
            settled: Vec::new(),
            trials: Vec::new(),
            pairs: Vec::new(),
            units: Vec::new(),
            allowed: usize::MAX / 2,
            case,
            settings,
            spent: Vec::new(),
            calls: Vec::new(),
            dies_at: None,
            loses_at: None,
            closes_at: None,
            begins: VecDeque::new(),
            decides: VecDeque::new(),
            rolls_back: VecDeque::new(),
            plans: Vec::new(),
            noted: 0,
            decided: Vec::new(),
            alerts: 0,
        }
    }

    fn closed(&self) -> Option<Option<String>> {
        self.closed.map(|reason| Some(reason.to_owned()))
    }

    fn recorded(&self) -> Recorded {
        self.closed().map_or(Recorded::Ok, |reason| Recorded::Closed { reason })
    }

    /// The case with what was observed until now.
    pub(super) fn case(&self) -> Case {
        let observations = match self.case.kind {
            Kind::Canary => Observations::Units(self.units.iter().filter_map(Sent::observation).collect()),
            Kind::Screening | Kind::Replay => {
                Observations::Pairs(self.pairs.iter().filter_map(Drawn::observation).collect())
            }
            Kind::Watch => Observations::Votes(Vec::new()),
            Kind::Failures => Observations::Turns(Vec::new()),
        };
        Case { observations, ..self.case.clone() }
    }
}

impl Drawn {
    fn observation(&self) -> Option<proof::Pair> {
        let Verdicts { first_order: first, second_order: second } = self.verdicts?;
        Some(proof::Pair {
            id: self.pair.pair_id.to_string(),
            d: if first == second { first } else { 0 },
            first,
            second,
            longer: 0,
            question_type: proof::question_type(self.question_type.as_deref().unwrap_or_default()),
        })
    }
}

impl Sent {
    fn observation(&self) -> Option<proof::Unit> {
        let UnitResult { judged, reaction, .. } = self.observed?;
        let person = self.unit.unit_id.as_u128() as u32;
        let id = self.unit.unit_id.to_string();
        Some(proof::Unit { id, arm: self.candidate, propensity: 0.2, person, judged, reaction })
    }
}

impl Proofs for Script {
    async fn claim_proof(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
        watch: bool,
    ) -> Result<Claim, StoreError> {
        let mut book = self.0.borrow_mut();
        book.calls.push(if watch { "claim_watch" } else { "claim" });
        assert!(request.lease_seconds >= 140, "a lease outlives its invocation");
        if request.assistant.is_some_and(|slug| slug != "default") {
            return Ok(Claim::AssistantNotFound);
        }
        let test = book.test.clone().filter(|_| book.decided.is_empty() && book.closed.is_none());
        let task = ProofTask { test: test.filter(|_| !watch), watch: watch && book.watched.is_some() };
        let (mut claim, mut skipped) = (None, Vec::new());
        if before.is_some() {
            // Everybody was looked at.
        } else if book.holder.is_some() {
            skipped.push(Skipped { about: about(), reason: SkipReason::InProgress });
        } else if task.test.is_none() && !task.watch {
            skipped.push(Skipped { about: about(), reason: SkipReason::NothingToProve });
        } else {
            book.holder = Some(request.holder);
            claim = Some(Work { about: about(), task: Task::Prove(Box::new(task)) });
        }
        let (as_of, more) = (serde_json::from_value(json!("now")).unwrap(), claim.is_some());
        Ok(Claim::Ok(Claimed { as_of, skipped, claim, more }))
    }

    async fn release_proof(&self, holder: Uuid, _assistant_id: Uuid, settled: bool) -> Result<(), StoreError> {
        let mut book = self.0.borrow_mut();
        book.calls.push("release");
        book.settled.push(settled);
        if book.holder == Some(holder) {
            book.holder = None;
        }
        Ok(())
    }

    async fn begin_test(
        &self,
        holder: Uuid,
        _test: Uuid,
        judge_revision: i32,
        trial: Tokens,
    ) -> Result<BeginTest, StoreError> {
        self.call("begin_test", holder, BeginTest::LeaseLost, |book| {
            if book.judge_revision.is_some_and(|began_with| began_with != judge_revision) {
                book.closed = Some("judge_changed");
            } else if book.trial == Some(false) {
                book.closed = Some("judge_not_trusted");
            } else {
                book.judge_revision = Some(judge_revision);
            }
            if book.trial.is_none() {
                book.reserved = trial;
            }
            let untried = book.trial.is_none() && trial != Tokens::default();
            match book.closed() {
                Some(reason) => BeginTest::Closed { reason },
                None => BeginTest::Ok {
                    tried: book.trial.is_some(),
                    blocked: Some(Blocked::Money).filter(|_| untried && book.allowed == 0),
                },
            }
        })
    }

    async fn record_judge_trial(
        &self,
        holder: Uuid,
        _test: Uuid,
        trial: &JudgeTrial<'_>,
    ) -> Result<Recorded, StoreError> {
        self.call("record_judge_trial", holder, Recorded::LeaseLost, |book| {
            book.trial = Some(*book.trial.get_or_insert(trial.passed));
            book.trials.push(trial.attacks.clone());
            book.spent.extend(trial.usage.to_vec());
            if book.trial == Some(false) {
                book.closed = Some("judge_not_trusted");
            }
            book.recorded()
        })
    }

    async fn next_pairs(&self, holder: Uuid, _test: Uuid, limit: u32) -> Result<NextPairs, StoreError> {
        self.call("next_pairs", holder, NextPairs::LeaseLost, |book| {
            if let Some(reason) = book.closed() {
                return NextPairs::Closed { reason };
            }
            let open: Vec<_> = book.pairs.iter().filter(|drawn| drawn.verdicts.is_none()).collect();
            let (answered, drawn): (Vec<&Drawn>, Vec<&Drawn>) =
                open.iter().partition(|drawn| drawn.pair.answers.is_some());
            let most = (limit as usize).min(book.allowed);
            let pairs: Vec<_> = answered.into_iter().chain(drawn).take(most).map(|drawn| drawn.pair.clone()).collect();
            let blocked = (pairs.len() < open.len() && pairs.len() == book.allowed).then_some(Blocked::Tokens);
            NextPairs::Ok { pairs, blocked }
        })
    }

    async fn record_pairs(
        &self,
        holder: Uuid,
        _test: Uuid,
        pairs: &[PairResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError> {
        self.call("record_pairs", holder, Recorded::LeaseLost, |book| {
            for result in pairs {
                let drawn = book.pairs.iter_mut().find(|drawn| drawn.pair.pair_id == result.pair_id).unwrap();
                assert!(drawn.verdicts.is_none(), "a pair is judged once");
                drawn.pair.answers = result.answers.clone().or(drawn.pair.answers.take());
                if result.verdicts.is_some() && drawn.pair.answers.is_some() {
                    drawn.verdicts = result.verdicts;
                    drawn.question_type = result.question_type.clone();
                    drawn.pair.answers = None;
                    book.allowed -= 1;
                }
            }
            book.spent.extend(usage.to_vec());
            book.recorded()
        })
    }

    async fn next_units(&self, holder: Uuid, _test: Uuid, limit: u32) -> Result<NextUnits, StoreError> {
        self.call("next_units", holder, NextUnits::LeaseLost, |book| {
            if let Some(reason) = book.closed() {
                return NextUnits::Closed { reason };
            }
            let open: Vec<_> = book.units.iter().filter(|sent| sent.observed.is_none()).collect();
            let most = (limit as usize).min(book.allowed);
            let units: Vec<_> = open.iter().take(most).map(|sent| sent.unit.clone()).collect();
            let blocked = (units.len() < open.len() && units.len() == book.allowed).then_some(Blocked::Money);
            NextUnits::Ok { units, blocked }
        })
    }

    async fn record_units(
        &self,
        holder: Uuid,
        _test: Uuid,
        units: &[UnitResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError> {
        self.call("record_units", holder, Recorded::LeaseLost, |book| {
            for result in units {
                let sent = book.units.iter_mut().find(|sent| sent.unit.unit_id == result.unit_id).unwrap();
                assert!(sent.observed.is_none(), "a unit is observed once");
                sent.observed = Some(*result);
                book.allowed -= 1;
            }
            book.spent.extend(usage.to_vec());
            book.recorded()
        })
    }

    async fn proof_look(&self, holder: Uuid, _test: Uuid) -> Result<ProofLook, StoreError> {
        self.call("proof_look", holder, ProofLook::LeaseLost, |book| match book.closed() {
            Some(reason) => ProofLook::Closed { reason },
            None => {
                let plan_from = PlanFrom { traffic: TRAFFIC, settings: book.settings };
                let is_whole = book.case.kind == Kind::Screening && book.pairs.iter().all(|p| p.verdicts.is_some());
                ProofLook::Ok { case: Box::new(book.case()), plan_from: Some(plan_from).filter(|_| is_whole) }
            }
        })
    }

    async fn begin_proof(
        &self,
        holder: Uuid,
        _test: Uuid,
        plan: &Plan,
        _case: &Case,
        _ruling: &Ruling,
    ) -> Result<BeginProof, StoreError> {
        self.call("begin_proof", holder, BeginProof::LeaseLost, |book| {
            book.plans.push(plan.clone());
            book.begins.pop_front().unwrap_or(BeginProof::Ok)
        })
    }

    async fn note_ruling(&self, holder: Uuid, _test: Uuid, ruling: &Ruling) -> Result<Recorded, StoreError> {
        self.call("note_ruling", holder, Recorded::LeaseLost, |book| {
            assert_eq!(ruling.decision, Decision::GoOn);
            book.noted = ruling.n;
            book.recorded()
        })
    }

    async fn decide_test(
        &self,
        holder: Uuid,
        _test: Uuid,
        promoted: bool,
        _case: &Case,
        ruling: &Ruling,
    ) -> Result<DecideTest, StoreError> {
        self.call("decide_test", holder, DecideTest::LeaseLost, |book| {
            let version = if promoted { 2 } else { 1 };
            let outcome = book.decides.pop_front().unwrap_or(DecideTest::Ok { receipt_id: RECEIPT, version });
            if matches!(outcome, DecideTest::Ok { .. }) {
                book.decided.push((promoted, ruling.clone()));
            }
            outcome
        })
    }

    async fn watch_look(&self, holder: Uuid, _assistant_id: Uuid) -> Result<WatchLook, StoreError> {
        self.call("watch_look", holder, WatchLook::LeaseLost, |book| match book.watched.clone() {
            None => WatchLook::NothingToWatch,
            Some((case, acts, why_not)) => WatchLook::Ok { case: Box::new(case), live: live(), acts, why_not },
        })
    }

    async fn roll_back(
        &self,
        holder: Uuid,
        _assistant_id: Uuid,
        looked_at: &Live,
        _case: &Case,
        ruling: &Ruling,
    ) -> Result<RollBack, StoreError> {
        self.call("roll_back", holder, RollBack::LeaseLost, |book| {
            assert_eq!((looked_at, ruling.decision), (&live(), Decision::Rollback));
            let outcome = book.rolls_back.pop_front().unwrap_or(RollBack::Ok { receipt_id: RECEIPT, version: 1 });
            if matches!(outcome, RollBack::Ok { .. }) {
                (book.watched, book.closed) = (None, Some("baseline_changed"));
            }
            outcome
        })
    }

    async fn alert_fall(
        &self,
        holder: Uuid,
        _assistant_id: Uuid,
        _prompt_id: Uuid,
        _ruling: &Ruling,
    ) -> Result<AlertFall, StoreError> {
        self.call("alert_fall", holder, AlertFall::LeaseLost, |book| {
            book.alerts += 1;
            AlertFall::Ok { suggestion_id: (book.alerts == 1).then_some(Uuid::from_u128(0x5)) }
        })
    }

    async fn receipt(&self, _receipt_id: Uuid, _user_id: Option<Uuid>) -> Result<GetReceipt, StoreError> {
        unreachable!("nothing here is verified")
    }
}

/// The live version, as it is looked at.
fn live() -> Live {
    Live { prompt_id: Uuid::from_u128(0x20), since: serde_json::from_value(json!("then")).unwrap() }
}

const TRAFFIC: Traffic = Traffic {
    conversations_a_day: 200.0,
    people_a_day: 80.0,
    pool: 2_000,
    pairs_a_day: 300.0,
    tests_this_year: 3,
    promoted_this_year: 1,
    year: 2026,
};
