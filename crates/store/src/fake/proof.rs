//! Tests of versions: claimed, moved on, decided. What they may cost is not counted here; [`FakeStore::block_tests`]
//! says that a day's share is spent.

mod canary;
mod ground;
mod replay;
mod steps;
mod stored;
mod watch;

use chrono::TimeDelta;
use pawl_core::proof::{Case, Plan, ProofSettings, Ruling};
use uuid::Uuid;

use super::{Caller, FakeStore, reflections::read};
use crate::{
    StoreError,
    proof::{
        AlertFall, BeginProof, BeginTest, Blocked, DecideTest, GetReceipt, JudgeTrial, Live, NextPairs, NextUnits,
        PairResult, PlanFrom, ProofLook, Proofs, Receipt, Recorded, RollBack, Spending, Tokens, UnitResult, WatchLook,
    },
    reflections::{Claim, ClaimRequest, Timestamp},
};

pub use stored::StoredTest;

/// What no day pays for, however little was spent.
const TOKENS_A_DAY: u64 = 3_000_000;

/// Why a call about a test does not go on.
enum InTheWay {
    LeaseLost,
    Closed(Option<String>),
}

/// The outcomes of `$outcomes` for what is in the way.
macro_rules! or_return {
    ($held:expr, $outcomes:ident) => {
        match $held {
            Ok(test) => test,
            Err(InTheWay::LeaseLost) => return $outcomes::LeaseLost,
            Err(InTheWay::Closed(reason)) => return $outcomes::Closed { reason },
        }
    };
}

impl FakeStore {
    /// All tests, oldest first.
    pub fn tests(&self) -> Vec<StoredTest> {
        self.state(|s| s.tests.clone())
    }

    /// All receipts, oldest first.
    pub fn receipts(&self) -> Vec<Receipt> {
        self.state(|s| s.receipts.iter().map(|(_, receipt)| receipt.clone()).collect())
    }

    /// Changes what a receipt says, as nobody can in the database.
    pub fn forge(&self, receipt_id: Uuid, change: impl FnOnce(&mut Receipt)) {
        self.state(|s| s.receipts.iter_mut().find(|(_, r)| r.receipt_id == receipt_id).map(|(_, r)| change(r)));
    }

    /// From now on the day's share for tests is spent, or is not.
    pub fn block_tests(&self, blocked: Option<Blocked>) {
        self.state(|s| s.tests_blocked = blocked);
    }
}

impl Proofs for FakeStore {
    async fn claim_proof(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
        watch: bool,
    ) -> Result<Claim, StoreError> {
        self.service_call("claim_proof")?;
        let now = self.now();
        // The database's clock moves while a claim runs; this one is moved.
        self.advance(TimeDelta::microseconds(1));
        let before = before.and_then(read).unwrap_or(self.now());
        let test_id = self.draw();
        Ok(self.state(|s| s.claim_proof(request, watch, test_id, before, now)))
    }

    async fn release_proof(&self, holder: Uuid, assistant_id: Uuid, _settled: bool) -> Result<(), StoreError> {
        self.service_call("release_proof")?;
        self.state(|s| {
            for assistant in s.assistants.iter_mut().filter(|a| a.id == assistant_id) {
                assistant.proof_lease = assistant.proof_lease.filter(|(who, _)| *who != holder);
            }
        });
        Ok(())
    }

    async fn begin_test(
        &self,
        holder: Uuid,
        test_id: Uuid,
        judge_revision: i32,
        trial: Tokens,
    ) -> Result<BeginTest, StoreError> {
        self.service_call("begin_test")?;
        let now = self.now();
        Ok(self.state(|s| {
            let test = or_return!(s.hold_test(holder, test_id, now), BeginTest);
            if test.judge_revision.is_some_and(|before| before != judge_revision) {
                return BeginTest::Closed { reason: s.close_as(&test, "judge_changed", now) };
            }
            s.test_mut(test_id).into_iter().for_each(|t| t.judge_revision = Some(judge_revision));
            let passed = s.trials.get(&judge_of(&test, judge_revision)).copied();
            if passed == Some(false) {
                return BeginTest::Closed { reason: s.close_as(&test, "judge_not_trusted", now) };
            }
            let too_much = (trial.read + trial.said > TOKENS_A_DAY).then_some(Blocked::Tokens);
            let is_held = passed.is_none() && trial != Tokens::default();
            let blocked = s.tests_blocked.or(too_much).filter(|_| is_held);
            BeginTest::Ok { tried: passed.is_some(), blocked }
        }))
    }

    async fn record_judge_trial(
        &self,
        holder: Uuid,
        test_id: Uuid,
        trial: &JudgeTrial<'_>,
    ) -> Result<Recorded, StoreError> {
        self.service_call("record_judge_trial")?;
        let now = self.now();
        Ok(self.state(|s| {
            let test = or_return!(s.hold_test(holder, test_id, now), Recorded);
            let judge = judge_of(&test, trial.judge_revision);
            let known = s.trials.contains_key(&judge);
            let passed = *s.trials.entry(judge).or_insert(trial.passed);
            if !known {
                s.spend(&test, trial.usage, now);
            }
            if test.judge_revision.is_some_and(|before| before != trial.judge_revision) {
                return Recorded::Closed { reason: s.close_as(&test, "judge_changed", now) };
            }
            s.test_mut(test_id).into_iter().for_each(|t| t.judge_revision = Some(trial.judge_revision));
            if passed {
                return Recorded::Ok;
            }
            Recorded::Closed { reason: s.close_as(&test, "judge_not_trusted", now) }
        }))
    }

    async fn next_pairs(&self, holder: Uuid, test_id: Uuid, limit: u32) -> Result<NextPairs, StoreError> {
        self.service_call("next_pairs")?;
        let (now, ids) = (self.now(), (0..limit).map(|_| self.draw()).collect::<Vec<_>>());
        Ok(self.state(|s| {
            let test = or_return!(s.hold_test(holder, test_id, now), NextPairs);
            s.next_pairs(&test, &ids, now)
        }))
    }

    async fn record_pairs(
        &self,
        holder: Uuid,
        test_id: Uuid,
        pairs: &[PairResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError> {
        self.service_call("record_pairs")?;
        let now = self.now();
        Ok(self.state(|s| {
            let test = or_return!(s.hold_or_spend(holder, test_id, usage, now), Recorded);
            let mut is_new = pairs.is_empty();
            for pair in pairs {
                is_new |= s.record_pair(test_id, pair);
            }
            if is_new {
                s.spend(&test, usage, now);
            }
            Recorded::Ok
        }))
    }

    async fn next_units(&self, holder: Uuid, test_id: Uuid, limit: u32) -> Result<NextUnits, StoreError> {
        self.service_call("next_units")?;
        let now = self.now();
        Ok(self.state(|s| {
            let test = or_return!(s.hold_test(holder, test_id, now), NextUnits);
            s.next_units(&test, limit as usize, now)
        }))
    }

    async fn record_units(
        &self,
        holder: Uuid,
        test_id: Uuid,
        units: &[UnitResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError> {
        self.service_call("record_units")?;
        let now = self.now();
        Ok(self.state(|s| {
            let test = or_return!(s.hold_or_spend(holder, test_id, usage, now), Recorded);
            let mut is_new = units.is_empty();
            for unit in units {
                is_new |= s.record_unit(test_id, unit);
            }
            if is_new {
                s.spend(&test, usage, now);
            }
            Recorded::Ok
        }))
    }

    async fn proof_look(&self, holder: Uuid, test_id: Uuid) -> Result<ProofLook, StoreError> {
        self.service_call("proof_look")?;
        let now = self.now();
        Ok(self.state(|s| {
            let test = or_return!(s.hold_test(holder, test_id, now), ProofLook);
            s.test_mut(test_id).into_iter().for_each(|t| t.verdict = None);
            let case = Box::new(test.case(s.agreement(test.assistant_id), now));
            let screened = test.method.is_none() && test.screened.len() >= test.pairs_wanted() as usize;
            let plan_from = PlanFrom { traffic: s.traffic(&test, now), settings: settings(&test) };
            ProofLook::Ok { case, plan_from: Some(plan_from).filter(|_| screened) }
        }))
    }

    async fn begin_proof(
        &self,
        holder: Uuid,
        test_id: Uuid,
        plan: &Plan,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<BeginProof, StoreError> {
        self.service_call("begin_proof")?;
        let now = self.now();
        Ok(self.state(|s| {
            let test = or_return!(s.hold_test(holder, test_id, now), BeginProof);
            s.begin_proof(&test, plan, (case.clone(), ruling.clone()), now)
        }))
    }

    async fn note_ruling(&self, holder: Uuid, test_id: Uuid, ruling: &Ruling) -> Result<Recorded, StoreError> {
        self.service_call("note_ruling")?;
        let now = self.now();
        Ok(self.state(|s| {
            or_return!(s.hold_test(holder, test_id, now), Recorded);
            s.test_mut(test_id).into_iter().for_each(|t| t.progress = Some(ruling.clone()));
            Recorded::Ok
        }))
    }

    async fn decide_test(
        &self,
        holder: Uuid,
        test_id: Uuid,
        promoted: bool,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<DecideTest, StoreError> {
        self.service_call("decide_test")?;
        let (receipt_id, now) = (self.draw(), self.now());
        Ok(self.state(|s| {
            let decided = if promoted { "promoted" } else { "rejected" };
            if let Some(done) = s.decided_before(holder, test_id, decided, now) {
                return done;
            }
            let test = or_return!(s.hold_test(holder, test_id, now), DecideTest);
            s.test_mut(test_id).into_iter().for_each(|t| {
                (t.verdict, t.progress) = (Some((case.clone(), ruling.clone())), Some(ruling.clone()));
            });
            if promoted {
                return s.promote_test(test_id, receipt_id, now);
            }
            s.end_test(test.assistant_id, decided, ruling.reason.name(), now);
            s.set_prompt_state(test.candidate_id, "rejected");
            s.changes += 1;
            s.keep_receipt(test.assistant_id, Some(test_id), receipt_id, case.clone(), ruling.clone());
            let version = s.prompt(test.candidate_id).map(|p| p.version).unwrap_or_default();
            DecideTest::Ok { receipt_id, version }
        }))
    }

    async fn watch_look(&self, holder: Uuid, assistant_id: Uuid) -> Result<WatchLook, StoreError> {
        self.service_call("watch_look")?;
        let now = self.now();
        Ok(self.state(|s| {
            if !s.holds_proof(holder, assistant_id, now) {
                return WatchLook::LeaseLost;
            }
            s.watch_look(assistant_id, now).unwrap_or(WatchLook::NothingToWatch)
        }))
    }

    async fn roll_back(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        live: &Live,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<RollBack, StoreError> {
        self.service_call("roll_back")?;
        let (ids, now) = ([self.draw(), self.draw(), self.draw()], self.now());
        Ok(self.state(|s| {
            if !s.holds_proof(holder, assistant_id, now) {
                return RollBack::LeaseLost;
            }
            s.roll_back_by_loop(assistant_id, live, (case.clone(), ruling.clone()), ids, now)
        }))
    }

    async fn alert_fall(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        prompt_id: Uuid,
        _ruling: &Ruling,
    ) -> Result<AlertFall, StoreError> {
        self.service_call("alert_fall")?;
        let (suggestion_id, now) = (self.draw(), self.now());
        Ok(self.state(|s| {
            if !s.holds_proof(holder, assistant_id, now) {
                return AlertFall::LeaseLost;
            }
            let is_new = !s.alerted.contains(&prompt_id);
            if is_new {
                s.alerted.push(prompt_id);
                s.escalate(assistant_id, suggestion_id);
            }
            AlertFall::Ok { suggestion_id: is_new.then_some(suggestion_id) }
        }))
    }

    async fn receipt(&self, receipt_id: Uuid, user_id: Option<Uuid>) -> Result<GetReceipt, StoreError> {
        self.call("receipt")?;
        let person = match (self.caller, user_id) {
            (Caller::Nobody, _) => return Err(StoreError::Unauthenticated),
            (Caller::User(_), Some(_)) => return Ok(GetReceipt::UserNotAllowed),
            (Caller::User(id), None) => Some(id),
            (Caller::Service, named) => named,
        };
        Ok(self.state(|s| {
            let found = s.receipts.iter().find(|(_, r)| r.receipt_id == receipt_id);
            let Some((assistant_id, receipt)) = found else { return GetReceipt::ReceiptNotFound };
            let place = s.assistant(*assistant_id).map(|a| a.organization_id).unwrap_or_default();
            match person.map(|person| s.members.get(&(place, person))) {
                Some(None) => GetReceipt::ReceiptNotFound,
                Some(Some(false)) => GetReceipt::Forbidden,
                None | Some(Some(true)) => GetReceipt::Ok(Box::new(receipt.clone())),
            }
        }))
    }
}

/// A judge as trials know it.
fn judge_of(test: &StoredTest, revision: i32) -> (Uuid, String, i32) {
    (test.assistant_id, test.settings.judge_model.clone(), revision)
}

fn settings(test: &StoredTest) -> ProofSettings {
    let set = &test.settings;
    ProofSettings {
        method: set.proof_method,
        pairs: set.proof_pairs,
        canary_share: set.canary_share,
        canary_unit: set.canary_unit,
        canary_min_days: set.canary_min_days,
        canary_max_days: set.canary_max_days,
        yearly_budget: set.yearly_budget,
        fixed_level: set.fixed_level,
    }
}
