//! Tests claimed, held and begun.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use pawl_core::proof::{Case, Method, Plan, Ruling, Traffic};
use uuid::Uuid;

use super::{
    InTheWay,
    stored::{StoredTest, TESTS_A_YEAR},
};
use crate::{
    fake::{Prompt, Spent, State, reflections::write},
    proof::{BeginProof, DecideTest, ProofTask, Spending, Test},
    reflections::{About, Claim, ClaimRequest, Claimed, PromptVersion, SkipReason, Skipped, StoredRubric, Task, Work},
};

impl State {
    pub(super) fn holds_proof(&self, holder: Uuid, assistant_id: Uuid, now: DateTime<Utc>) -> bool {
        let lease = self.assistant(assistant_id).and_then(|a| a.proof_lease);
        lease.is_some_and(|(who, until)| who == holder && until > now)
    }

    /// As `pawl.hold_test` and `pawl.test_in_the_way`.
    pub(super) fn hold_test(&self, holder: Uuid, test_id: Uuid, now: DateTime<Utc>) -> Result<StoredTest, InTheWay> {
        let test = self.tests.iter().find(|t| t.id == test_id).ok_or(InTheWay::LeaseLost)?;
        if !self.holds_proof(holder, test.assistant_id, now) {
            return Err(InTheWay::LeaseLost);
        }
        if test.runs() { Ok(test.clone()) } else { Err(InTheWay::Closed(test.reason.clone())) }
    }

    /// The same; what was spent is counted although it comes too late.
    pub(super) fn hold_or_spend(
        &mut self,
        holder: Uuid,
        test_id: Uuid,
        usage: &[Spending],
        now: DateTime<Utc>,
    ) -> Result<StoredTest, InTheWay> {
        let held = self.hold_test(holder, test_id, now);
        if held.is_err()
            && let Some(test) = self.tests.iter().find(|t| t.id == test_id).cloned()
        {
            self.spend(&test, usage, now);
        }
        held
    }

    pub(super) fn decided_before(
        &self,
        holder: Uuid,
        test_id: Uuid,
        decided: &str,
        now: DateTime<Utc>,
    ) -> Option<DecideTest> {
        let test = self.tests.iter().find(|t| t.id == test_id && t.state == decided)?;
        let version = self.prompt(test.candidate_id)?.version;
        self.holds_proof(holder, test.assistant_id, now)
            .then_some(DecideTest::Ok { receipt_id: test.receipt_id?, version })
    }

    pub(super) fn close_as(&mut self, test: &StoredTest, reason: &str, now: DateTime<Utc>) -> Option<String> {
        self.close_test(test.assistant_id, reason, now);
        Some(reason.to_owned())
    }

    pub(super) fn spend(&mut self, test: &StoredTest, usage: &[Spending], at: DateTime<Utc>) {
        let Some(organization_id) = self.assistant(test.assistant_id).map(|a| a.organization_id) else { return };
        self.spent.extend(usage.iter().map(|call| Spent {
            organization_id,
            user_id: None,
            at,
            purpose: Some(call.purpose),
            model: call.model.clone(),
            usage: call.usage,
        }));
    }

    pub(super) fn claim_proof(
        &mut self,
        request: &ClaimRequest<'_>,
        watch: bool,
        test_id: Uuid,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Claim {
        let filtered = request.organization_id.is_some() || request.assistant.is_some();
        let ours = self.assistants.iter().filter(|a| {
            request.organization_id.is_none_or(|id| a.organization_id == id)
                && request.assistant.is_none_or(|slug| a.slug == slug)
        });
        let mut order: Vec<_> = ours.map(|a| (a.proof_checked_at, a.id)).collect();
        if filtered && order.is_empty() {
            return Claim::AssistantNotFound;
        }
        order.retain(|(checked_at, _)| checked_at.is_none_or(|at| at < before));
        order.sort();
        let mut claimed = Claimed { as_of: write(before), skipped: Vec::new(), claim: None, more: false };
        for (_, id) in order {
            let Some(assistant) = self.assistants.iter_mut().find(|a| a.id == id) else { continue };
            assistant.proof_checked_at = Some(before);
            let busy = assistant.proof_lease.is_some_and(|(_, until)| until > now);
            let about = About {
                organization_id: assistant.organization_id,
                assistant_id: id,
                assistant: assistant.slug.clone(),
            };
            let task = if busy { Err(SkipReason::InProgress) } else { self.next_proof(id, watch, test_id, now) };
            match task {
                Err(reason) => claimed.skipped.push(Skipped { about, reason }),
                Ok(task) => {
                    let until = now + TimeDelta::seconds(i64::from(request.lease_seconds));
                    let assistant = self.assistants.iter_mut().find(|a| a.id == id);
                    assistant.into_iter().for_each(|a| a.proof_lease = Some((request.holder, until)));
                    claimed.claim = Some(Work { about, task: Task::Prove(Box::new(task)) });
                    claimed.more = true;
                    break;
                }
            }
        }
        Claim::Ok(claimed)
    }

    /// As `pawl.next_proof`, with an id for the test that may be opened.
    pub(super) fn next_proof(
        &mut self,
        assistant_id: Uuid,
        watch: bool,
        test_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<ProofTask, SkipReason> {
        if watch {
            let has_votes = self.version_before(assistant_id).is_some() && self.watch_look(assistant_id, now).is_some();
            return has_votes.then_some(ProofTask { test: None, watch }).ok_or(SkipReason::NothingToProve);
        }
        let changed = self.running(assistant_id).zip(self.assistant(assistant_id)).and_then(|(test, assistant)| {
            let (then, today) = (&test.settings, &assistant.settings);
            let model_by = |settings| self.model_of(test.baseline_id, settings);
            if then.judge_model != today.judge_model {
                Some("judge_changed")
            } else {
                (model_by(then) != model_by(today)).then_some("baseline_changed")
            }
        });
        if let Some(reason) = changed {
            self.close_test(assistant_id, reason, now);
        }
        if self.running(assistant_id).is_none() {
            self.test_again(assistant_id, test_id, now);
        }
        let test = self.running(assistant_id).and_then(|test| self.task_of(test)).ok_or(SkipReason::NothingToProve)?;
        Ok(ProofTask { test: Some(test), watch })
    }

    /// As `pawl.test_again`.
    fn test_again(&mut self, assistant_id: Uuid, test_id: Uuid, now: DateTime<Utc>) {
        let Some(live) = self.live_prompt(assistant_id).filter(|live| !live.locked).map(|live| live.id) else { return };
        let is_paused = self.assistant(assistant_id).is_none_or(|a| a.settings.is_paused(now));
        let is_owed = |p: &&Prompt| p.assistant_id == assistant_id && p.state == "draft" && p.test_again.is_some();
        let owed = self.prompts.iter().rfind(is_owed).map(|p| (p.id, p.test_again));
        let Some((id, baseline)) = owed else { return };
        if is_paused || self.budget_is_spent(assistant_id, now) {
            return;
        }
        if baseline == Some(live) {
            self.open_test(id, live, test_id);
        } else {
            self.set_prompt_state(id, "rejected");
        }
        self.changes += 1;
    }

    /// As `pawl.test_task`.
    pub(super) fn task_of(&self, test: &StoredTest) -> Option<Test> {
        let version = |id| {
            self.prompt(id).map(|p| PromptVersion {
                id,
                version: p.version,
                content: p.content.clone(),
                model: self.model_of(id, &test.settings),
                base_url: p.endpoint.as_ref().map(|own| own.base_url.clone()),
            })
        };
        let assistant = self.assistant(test.assistant_id)?;
        Some(Test {
            test_id: test.id,
            stage: test.stage(),
            method: test.method,
            candidate: version(test.candidate_id)?,
            baseline: version(test.baseline_id)?,
            judge_model: test.settings.judge_model.clone(),
            rubric: StoredRubric { id: assistant.rubric_id, criteria: assistant.rubric.clone() },
            chat_model: self.model_of(test.baseline_id, &test.settings),
            max_answer_tokens: 4096,
            history_token_budget: 8000,
        })
    }

    pub(super) fn begin_proof(
        &mut self,
        test: &StoredTest,
        plan: &Plan,
        screened: (Case, Ruling),
        now: DateTime<Utc>,
    ) -> BeginProof {
        if test.method.is_some() {
            return BeginProof::Ok;
        }
        let mut ledger = None;
        if test.settings.yearly_budget && !test.placebo {
            let next = self.ledger(test.assistant_id, now.year()).0 + 1;
            if next > TESTS_A_YEAR {
                self.close_test(test.assistant_id, "yearly_budget", now);
                return BeginProof::BudgetSpent;
            }
            if (plan.year, plan.position) != (Some(now.year()), Some(next)) {
                return BeginProof::Stale;
            }
            ledger = Some((now.year(), next));
        }
        if plan.method == Method::Canary && !test.placebo && self.wants_approval(test) {
            self.test_mut(test.id).into_iter().for_each(|t| {
                (t.held, t.progress) = (Some("awaiting_approval".to_owned()), Some(screened.1.clone()));
            });
            if let Some(candidate) = self.prompt(test.candidate_id).cloned() {
                self.ask_for_approval(&candidate);
            }
            return BeginProof::Held { reason: "awaiting_approval".to_owned() };
        }
        if let Some(test) = self.test_mut(test.id) {
            test.plan = Some(plan.clone());
            (test.state, test.method, test.level, test.ledger) =
                ("proving", Some(plan.method), Some(plan.level), ledger);
            (test.proof_started_at, test.screening, test.held) = (Some(now), Some(screened), None);
            test.progress = None;
        }
        self.set_prompt_state(test.candidate_id, "proving");
        BeginProof::Ok
    }

    pub(super) fn traffic(&self, test: &StoredTest, now: DateTime<Utc>) -> Traffic {
        let (tests_this_year, promoted_this_year) = self.ledger(test.assistant_id, now.year());
        let a_week = now - TimeDelta::days(7);
        let lately = || {
            self.turns
                .iter()
                .filter(move |t| t.answer.as_ref().is_some_and(|a| a.created_at > a_week))
                .filter(|t| self.sessions.iter().any(|s| s.id == t.session_id && s.assistant_id == test.assistant_id))
        };
        let distinct = |mut ids: Vec<Uuid>| {
            ids.sort();
            ids.dedup();
            ids.len() as f64 / 7.0
        };
        Traffic {
            conversations_a_day: distinct(lately().map(|t| t.session_id).collect()),
            people_a_day: distinct(lately().map(|t| t.user_id).collect()),
            pool: u32::try_from(self.questions_for(test, now).len()).unwrap_or(u32::MAX),
            pairs_a_day: 100.0,
            tests_this_year,
            promoted_this_year,
            year: now.year(),
        }
    }
}
