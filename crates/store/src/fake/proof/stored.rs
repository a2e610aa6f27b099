//! Tests as they are stored, and how they end.

use chrono::{DateTime, Datelike, Utc};
use pawl_core::proof::{Agreement, Case, Kind, Method, Observations, Pair, Plan, Ruling, Unit};
use uuid::Uuid;

use super::super::{Prompt, Settings, State, StoredReaction, Suggested};
use crate::{
    feedback::{Signal, Source},
    proof::{Answers, DecideTest, Receipt, Stage},
};

/// Proofs of an assistant that a year may have.
pub(super) const TESTS_A_YEAR: u32 = 60;

/// A row of `prompt_tests`, with what belongs to it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the table prompt_tests")]
pub struct StoredTest {
    pub id: Uuid,
    pub assistant_id: Uuid,
    pub candidate_id: Uuid,
    pub baseline_id: Uuid,
    pub placebo: bool,
    pub state: &'static str,
    /// As they were when it began.
    pub settings: Settings,
    pub judge_revision: Option<i32>,
    pub method: Option<Method>,
    pub level: Option<f64>,
    /// Year and position.
    pub ledger: Option<(i32, u32)>,
    pub proof_started_at: Option<DateTime<Utc>>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reason: Option<String>,
    pub plan: Option<Plan>,
    /// The last ruling.
    pub progress: Option<Ruling>,
    pub receipt_id: Option<Uuid>,
    pub screening: Option<(Case, Ruling)>,
    pub verdict: Option<(Case, Ruling)>,
    pub held: Option<String>,
    /// What was observed in the screening, and in a replay.
    pub screened: Vec<Pair>,
    pub replayed: Vec<Pair>,
    /// And in a canary.
    pub observed: Vec<Unit>,
    pub(crate) pools: [Option<Vec<Uuid>>; 2],
    pub(crate) pairs: Vec<StoredPair>,
    pub(crate) units: Vec<StoredUnit>,
    /// By number.
    pub(crate) people: Vec<Uuid>,
}

/// A row of `replay_pairs`.
#[derive(Debug, Clone)]
pub(crate) struct StoredPair {
    pub(crate) id: Uuid,
    pub(crate) stage: Stage,
    pub(crate) number: i32,
    pub(crate) turn_id: Uuid,
    pub(crate) answers: Option<Answers>,
    pub(crate) judged: bool,
}

/// A row of `canary_units`.
#[derive(Debug, Clone)]
pub(crate) struct StoredUnit {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) session_id: Option<Uuid>,
    pub(crate) candidate: bool,
    pub(crate) assigned_at: DateTime<Utc>,
    pub(crate) observed: bool,
}

impl StoredTest {
    pub(crate) fn runs(&self) -> bool {
        matches!(self.state, "screening" | "proving")
    }

    pub(crate) fn stage(&self) -> Stage {
        if self.method.is_some() { Stage::Proving } else { Stage::Screening }
    }

    /// As `pawl.pairs_wanted`: as many as are set, or as there are questions; none of a canary.
    pub(crate) fn pairs_wanted(&self) -> u32 {
        let pool = self.pools.get(1).and_then(Option::as_ref);
        match self.method {
            None => self.settings.screening_pairs,
            Some(Method::Replay) => pool.map_or(self.settings.proof_pairs, |pool| count(pool.len())),
            Some(Method::Canary) => 0,
        }
    }

    /// What there is to rule on.
    pub(crate) fn case(&self, agreement: Agreement, now: DateTime<Utc>) -> Case {
        let settings = &self.settings;
        let is_canary = self.method == Some(Method::Canary);
        let days = |since: DateTime<Utc>| ((now - since).num_seconds() as f64 / 86_400.0 * 1e4).round() / 1e4;
        let (kind, observations) = match self.method {
            None => (Kind::Screening, Observations::Pairs(self.screened.clone())),
            Some(Method::Replay) => (Kind::Replay, Observations::Pairs(self.replayed.clone())),
            Some(Method::Canary) => (Kind::Canary, Observations::Units(self.observed.clone())),
        };
        Case {
            kind,
            level: self.level,
            horizon: (!is_canary).then(|| self.pairs_wanted()),
            min_days: is_canary.then_some(settings.canary_min_days),
            max_days: is_canary.then_some(settings.canary_max_days),
            days: self.proof_started_at.map(days),
            unit: is_canary.then_some(settings.canary_unit),
            agreement,
            floor: settings.judge_floor,
            before_up: None,
            before_n: None,
            observations,
        }
    }
}

impl State {
    pub(crate) fn running(&self, assistant_id: Uuid) -> Option<&StoredTest> {
        self.tests.iter().find(|t| t.assistant_id == assistant_id && t.runs())
    }

    pub(crate) fn test_mut(&mut self, id: Uuid) -> Option<&mut StoredTest> {
        self.tests.iter_mut().find(|t| t.id == id)
    }

    /// As `pawl.open_test`.
    pub(crate) fn open_test(&mut self, candidate_id: Uuid, baseline_id: Uuid, id: Uuid) {
        let Some((assistant_id, placebo)) = self.prompt(candidate_id).map(|p| (p.assistant_id, p.placebo)) else {
            return;
        };
        let Some(settings) = self.assistant(assistant_id).map(|a| a.settings.clone()) else { return };
        self.tests.push(StoredTest {
            id,
            assistant_id,
            candidate_id,
            baseline_id,
            placebo,
            state: "screening",
            settings,
            judge_revision: None,
            method: None,
            level: None,
            ledger: None,
            proof_started_at: None,
            decided_at: None,
            reason: None,
            plan: None,
            progress: None,
            receipt_id: None,
            screening: None,
            verdict: None,
            held: None,
            screened: Vec::new(),
            replayed: Vec::new(),
            observed: Vec::new(),
            pools: [None, None],
            pairs: Vec::new(),
            units: Vec::new(),
            people: Vec::new(),
        });
        self.set_prompt_state(candidate_id, "screening");
        self.prompts.iter_mut().filter(|p| p.id == candidate_id).for_each(|p| p.test_again = None);
    }

    /// As `pawl.close_test`.
    pub(crate) fn close_test(&mut self, assistant_id: Uuid, reason: &str, now: DateTime<Utc>) {
        let baseline_id = self.running(assistant_id).map(|test| test.baseline_id);
        let Some(candidate_id) = self.end_test(assistant_id, "closed", reason, now) else { return };
        let in_test = self.prompt(candidate_id).filter(|p| matches!(p.state, "screening" | "proving"));
        if let Some(candidate) = in_test {
            let by_loop = ["judge_changed", "yearly_budget", "judge_not_trusted"].contains(&reason);
            let state = if by_loop && !candidate.placebo { "draft" } else { "rejected" };
            let test_again = baseline_id.filter(|_| reason == "judge_changed" && !candidate.placebo);
            self.set_prompt_state(candidate_id, state);
            self.prompts.iter_mut().filter(|p| p.id == candidate_id).for_each(|p| p.test_again = test_again);
        }
    }

    /// Ends the running test; its candidate.
    pub(super) fn end_test(
        &mut self,
        assistant_id: Uuid,
        state: &'static str,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Option<Uuid> {
        let test = self.tests.iter_mut().find(|t| t.assistant_id == assistant_id && t.runs())?;
        (test.state, test.decided_at, test.held) = (state, Some(now), None);
        test.reason = Some(reason.to_owned());
        Some(test.candidate_id)
    }

    /// As `pawl.promote_test`: promotes what its verdict says is proved, if nothing is in the way.
    pub(crate) fn promote_test(&mut self, test_id: Uuid, receipt_id: Uuid, now: DateTime<Utc>) -> DecideTest {
        let closed = DecideTest::Closed { reason: None };
        let Some(test) = self.tests.iter().find(|t| t.id == test_id).cloned() else { return closed };
        let Some(candidate) = self.prompt(test.candidate_id).cloned() else { return closed };
        let Some((case, ruling)) = test.verdict.clone() else { return closed };
        let held = if test.placebo { None } else { self.hold_on(&test, &candidate.content, now) };
        if let Some(reason) = held {
            self.test_mut(test_id).into_iter().for_each(|t| t.held = Some(reason.to_owned()));
            if reason == "awaiting_approval" {
                self.ask_for_approval(&candidate);
            }
            return DecideTest::Held { reason: reason.to_owned() };
        }
        self.end_test(test.assistant_id, "promoted", ruling.reason.name(), now);
        if test.placebo {
            self.set_prompt_state(candidate.id, "retired");
        } else {
            self.go_live(test.assistant_id, candidate.id, "promote", "retired", now);
        }
        self.changes += 1;
        self.keep_receipt(test.assistant_id, Some(test_id), receipt_id, case, ruling);
        DecideTest::Ok { receipt_id, version: candidate.version }
    }

    fn hold_on(&self, test: &StoredTest, content: &str, now: DateTime<Utc>) -> Option<&'static str> {
        let settings = self.assistant(test.assistant_id).map(|a| &a.settings)?;
        if settings.is_paused(now) {
            Some("paused")
        } else if self.live_prompt(test.assistant_id).is_some_and(|p| p.locked) {
            Some("locked")
        } else if self.wants_approval(test) {
            Some("awaiting_approval")
        } else if !self.missing_clauses(test.assistant_id, content).is_empty() {
            Some("clauses_missing")
        } else {
            None
        }
    }

    /// As `pawl.ask_for_approval`. The suggestion has an id made from the version's.
    pub(crate) fn ask_for_approval(&mut self, prompt: &Prompt) {
        let about = |s: &Suggested| s.prompt_id == Some(prompt.id) && ["pending", "approved"].contains(&s.status);
        if !self.suggestions.iter().any(about) {
            self.suggestions.push(Suggested {
                id: Uuid::from_u128(!prompt.id.as_u128()),
                assistant_id: prompt.assistant_id,
                reflection_id: prompt.reflection_id.unwrap_or_default(),
                kind: "prompt_change",
                prompt_id: Some(prompt.id),
                status: "pending",
                reviewed_at: None,
            });
        }
    }

    /// Whether a person has yet to approve what is tested.
    pub(crate) fn wants_approval(&self, test: &StoredTest) -> bool {
        let required = self.assistant(test.assistant_id).is_some_and(|a| a.settings.approval_required);
        required && self.prompt(test.candidate_id).is_none_or(|p| p.approved_at.is_none())
    }

    pub(super) fn keep_receipt(
        &mut self,
        assistant_id: Uuid,
        test_id: Option<Uuid>,
        receipt_id: Uuid,
        case: Case,
        ruling: Ruling,
    ) {
        test_id.and_then(|id| self.test_mut(id)).into_iter().for_each(|t| t.receipt_id = Some(receipt_id));
        let receipt = Receipt { receipt_id, case, ruling, digest_matches: true, prompts_match: true };
        self.receipts.push((assistant_id, receipt));
    }

    /// Places taken in a year's budget, and how many of those were promoted.
    pub(super) fn ledger(&self, assistant_id: Uuid, year: i32) -> (u32, u32) {
        let ours = || {
            self.tests.iter().filter(|t| t.assistant_id == assistant_id && t.ledger.is_some_and(|(of, _)| of == year))
        };
        (count(ours().count()), count(ours().filter(|t| t.state == "promoted").count()))
    }

    /// True when no proof may begin this year.
    pub(crate) fn budget_is_spent(&self, assistant_id: Uuid, now: DateTime<Utc>) -> bool {
        let on = self.assistant(assistant_id).is_some_and(|a| a.settings.yearly_budget);
        on && self.ledger(assistant_id, now.year()).0 >= TESTS_A_YEAR
    }

    /// How the judge's scores and people's ratings of the same answers agree.
    pub(super) fn agreement(&self, assistant_id: Uuid) -> Agreement {
        let mut agreement = Agreement::default();
        let fifth = |score: f64| (score.round().clamp(1.0, 5.0) as usize).saturating_sub(1);
        let theirs = |r: &&StoredReaction| r.source == Source::User && r.superseded_at.is_none();
        let rates = |r: &&StoredReaction| r.signal == Signal::Rating;
        let of_both = |r: &&StoredReaction| {
            rates(r) || !self.reactions.iter().filter(theirs).filter(rates).any(|x| x.message_id == r.message_id)
        };
        for reaction in self.reactions.iter().filter(theirs).filter(of_both) {
            let rated = match (reaction.signal, reaction.value) {
                (Signal::ThumbsUp, _) => 5.0,
                (Signal::ThumbsDown, _) => 1.0,
                (Signal::Rating, Some(value)) => 1.0 + (4.0 * value).round(),
                _ => continue,
            };
            let of = self.turns.iter().find(|t| t.answer.as_ref().is_some_and(|a| a.id == reaction.message_id));
            let session = of.and_then(|t| self.sessions.iter().find(|s| s.id == t.session_id));
            let judged = self.evaluated.get(&reaction.message_id).copied().flatten();
            if let Some(judged) = judged
                && session.is_some_and(|s| s.assistant_id == assistant_id)
                && let Some(cell) = agreement.0.get_mut(fifth(judged)).and_then(|row| row.get_mut(fifth(rated)))
            {
                *cell += 1;
            }
        }
        agreement
    }
}

pub(super) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Settings {
    /// As `pawl.is_paused`.
    pub(crate) fn is_paused(&self, now: DateTime<Utc>) -> bool {
        self.updates_paused || self.paused_until.is_some_and(|until| until > now)
    }
}
