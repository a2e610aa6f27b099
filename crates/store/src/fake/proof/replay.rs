//! Replay.

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::{
    conversation::Exchange,
    proof::{Method, Pair as SeenPair, question_type},
};
use uuid::Uuid;

use super::stored::{StoredPair, StoredTest, count};
use crate::{
    fake::{State, StoredTurn},
    proof::{Answers, Blocked, NextPairs, Pair, PairResult, Stage},
};

/// Questions that a proof needs at the least.
const MIN_POOL: usize = 100;

impl State {
    /// As `pawl.questions_for`, newest first.
    pub(super) fn questions_for(&self, test: &StoredTest, now: DateTime<Utc>) -> Vec<Uuid> {
        let asked_for = self.prompt(test.candidate_id).and_then(|p| p.reflection_id);
        let shown = self.logs.iter().find(|l| Some(l.id) == asked_for).map(|l| l.judged.as_slice()).unwrap_or_default();
        let ours = |t: &&StoredTurn| {
            self.sessions.iter().any(|s| s.id == t.session_id && s.assistant_id == test.assistant_id)
                && t.answer.as_ref().is_some_and(|a| a.created_at > now - TimeDelta::days(30) && !shown.contains(&a.id))
        };
        self.turns.iter().rev().filter(ours).take(5000).map(|t| t.id).collect()
    }

    fn pool(&mut self, test: &StoredTest, now: DateTime<Utc>) -> Option<Vec<Uuid>> {
        let [screening, proving] = &test.pools;
        let (stage, found) = match (test.stage(), screening, proving) {
            (Stage::Screening, Some(fixed), _) | (Stage::Proving, _, Some(fixed)) => return Some(fixed.clone()),
            (Stage::Screening, ..) => {
                let wanted = test.settings.screening_pairs as usize;
                let mut all = self.questions_for(test, now);
                all.truncate(wanted);
                (0, Some(all).filter(|all| all.len() == wanted))
            }
            (Stage::Proving, screened, _) => {
                let screened = screened.clone().unwrap_or_default();
                let mut all = self.questions_for(test, now);
                all.retain(|id| !screened.contains(id));
                all.truncate(test.settings.proof_pairs as usize);
                (1, Some(all).filter(|all| all.len() >= MIN_POOL))
            }
        };
        let test = self.test_mut(test.id)?;
        test.pools.get_mut(stage)?.clone_from(&found);
        found
    }

    /// As `pawl_next_pairs`, with `ids` for new ones.
    pub(super) fn next_pairs(&mut self, test: &StoredTest, ids: &[Uuid], now: DateTime<Utc>) -> NextPairs {
        let stage = test.stage();
        if test.method == Some(Method::Canary) {
            return NextPairs::Ok { pairs: Vec::new(), blocked: None };
        }
        let (blocked, Some(pool)) = (self.tests_blocked, self.pool(test, now)) else {
            self.hold(test.id, Some(Blocked::InsufficientData));
            return NextPairs::Ok { pairs: Vec::new(), blocked: Some(Blocked::InsufficientData) };
        };
        let wanted = count(pool.len());
        let mut of_stage: Vec<_> = test.pairs.iter().filter(|p| p.stage == stage).cloned().collect();
        let judged = count(of_stage.iter().filter(|p| p.judged).count());
        for id in ids {
            let drawn = of_stage.len();
            if of_stage.iter().filter(|p| !p.judged).count() >= ids.len() || drawn >= wanted as usize {
                break;
            }
            let Some(turn_id) = pool.get(drawn).copied() else { break };
            let number = i32::try_from(drawn + 1).unwrap_or(i32::MAX);
            of_stage.push(StoredPair { id: *id, stage, number, turn_id, answers: None, judged: false });
        }
        let mut open: Vec<_> = of_stage.iter().filter(|p| !p.judged).cloned().collect();
        open.sort_by_key(|p| (p.answers.is_none(), p.number));
        open.truncate(if blocked.is_some() { 0 } else { ids.len() });
        if let Some(test) = self.test_mut(test.id) {
            test.pairs.retain(|p| p.stage != stage);
            test.pairs.append(&mut of_stage);
        }
        self.hold(test.id, blocked.filter(|_| judged < wanted));
        NextPairs::Ok {
            pairs: open.iter().filter_map(|pair| self.pair(pair)).collect(),
            blocked: blocked.filter(|_| judged < wanted),
        }
    }

    fn hold(&mut self, test_id: Uuid, blocked: Option<Blocked>) {
        self.test_mut(test_id).into_iter().for_each(|t| t.held = blocked.map(|b| b.code().to_owned()));
    }

    fn pair(&self, pair: &StoredPair) -> Option<Pair> {
        let turn = self.turns.iter().find(|t| t.id == pair.turn_id)?;
        let earlier = self.turns.iter().take_while(|t| t.id != turn.id).filter(|t| t.session_id == turn.session_id);
        Some(Pair {
            pair_id: pair.id,
            message: turn.message.clone(),
            history: earlier
                .filter_map(|t| {
                    let answer = t.answer.as_ref()?.text.clone();
                    Some(Exchange { user_message: t.message.clone(), answer })
                })
                .collect(),
            // The coin falls on both sides in turn.
            candidate_first: pair.number % 2 == 1,
            answers: pair.answers.clone(),
        })
    }

    /// Whether it was new.
    pub(super) fn record_pair(&mut self, test_id: Uuid, result: &PairResult) -> bool {
        let Some(test) = self.test_mut(test_id) else { return false };
        let Some(pair) = test.pairs.iter_mut().find(|p| p.id == result.pair_id && !p.judged) else { return false };
        if pair.answers.is_none() && result.answers.is_some() {
            pair.answers.clone_from(&result.answers);
        } else if pair.answers.is_none() || result.verdicts.is_none() {
            return false;
        }
        if let (Some(answers), Some(verdicts)) = (&pair.answers, result.verdicts) {
            let (first, second) = (verdicts.first_order, verdicts.second_order);
            let seen = SeenPair {
                id: pair.id.to_string(),
                d: if first == second { first } else { 0 },
                first,
                second,
                longer: longer(answers),
                question_type: question_type(result.question_type.as_deref().unwrap_or_default()),
            };
            pair.judged = true;
            let seen_before = if pair.stage == Stage::Screening { &mut test.screened } else { &mut test.replayed };
            seen_before.push(seen);
        }
        true
    }
}

/// Whose answer is longer by more than a tenth.
fn longer(answers: &Answers) -> i8 {
    let (baseline, candidate) = (answers.baseline.chars().count() * 10, answers.candidate.chars().count() * 10);
    i8::from(candidate > baseline / 10 * 11) - i8::from(baseline > candidate / 10 * 11)
}
