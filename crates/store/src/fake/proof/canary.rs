//! Canaries.

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::{
    conversation::Exchange,
    learning::reaction::{Reactions, Thumb},
    proof::{Method, Unit as SeenUnit, UnitKind},
};
use uuid::Uuid;

use super::stored::{StoredTest, StoredUnit};
use crate::{
    fake::{State, StoredTurn},
    feedback::{Signal, Source},
    proof::{AnswerReactions, NextUnits, Unit, UnitResult},
};

impl State {
    /// As `pawl.version_served`: the id and number of the version that serves a conversation. `id` is for a new unit.
    pub(crate) fn version_served(
        &mut self,
        assistant_id: Uuid,
        session_id: Uuid,
        user_id: Uuid,
        begins: bool,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Option<(Uuid, i32)> {
        let live = self.live_prompt(assistant_id).map(|p| (p.id, p.version, p.locked))?;
        let canary = self.running(assistant_id).filter(|t| t.method == Some(Method::Canary)).cloned();
        let Some(test) = canary else { return Some((live.0, live.1)) };
        let candidate = self.prompt(test.candidate_id).cloned()?;
        let by_user = test.settings.canary_unit == UnitKind::User;
        let theirs =
            |u: &&StoredUnit| u.session_id == (!by_user).then_some(session_id) && (!by_user || u.user_id == user_id);
        let known = test.units.iter().find(theirs).map(|u| u.candidate);
        let paused = self.assistant(assistant_id).is_some_and(|a| a.settings.is_paused(now));
        let lacks = !candidate.placebo && !self.missing_clauses(assistant_id, &candidate.content).is_empty();
        let chosen = if known.is_none() && begins && !live.2 && !paused && !lacks {
            // A share of the units in turn, where the database throws a coin.
            let n = test.units.len() as f64;
            let share = test.settings.canary_share;
            let chosen = ((n + 1.0) * share).floor() > (n * share).floor();
            let unit = StoredUnit {
                id,
                user_id,
                session_id: (!by_user).then_some(session_id),
                candidate: chosen,
                assigned_at: now,
                observed: false,
            };
            self.test_mut(test.id).into_iter().for_each(|t| t.units.push(unit.clone()));
            chosen
        } else {
            known.unwrap_or_default()
        };
        Some(if chosen { (candidate.id, candidate.version) } else { (live.0, live.1) })
    }

    /// As `pawl_next_units`.
    pub(super) fn next_units(&mut self, test: &StoredTest, limit: usize, now: DateTime<Utc>) -> NextUnits {
        let by_user = test.settings.canary_unit == UnitKind::User;
        let old = now - if by_user { TimeDelta::days(8) } else { TimeDelta::hours(48) };
        let open = || test.units.iter().filter(|u| !u.observed);
        let mature: Vec<_> = open().filter(|u| u.assigned_at <= old).take(limit).collect();
        let blocked = self.tests_blocked.filter(|_| !mature.is_empty());
        let units = mature.into_iter().filter(|_| blocked.is_none()).map(|unit| self.unit(test, unit)).collect();
        self.test_mut(test.id).into_iter().for_each(|t| t.held = blocked.map(|b| b.code().to_owned()));
        NextUnits::Ok { units, blocked }
    }

    fn unit(&self, test: &StoredTest, unit: &StoredUnit) -> Unit {
        let last = unit.assigned_at + if unit.session_id.is_none() { TimeDelta::days(7) } else { TimeDelta::hours(24) };
        let answered = self.turns.iter().filter(|t| {
            let theirs = match unit.session_id {
                Some(id) => t.session_id == id,
                None => {
                    t.user_id == unit.user_id
                        && self.sessions.iter().any(|s| s.id == t.session_id && s.assistant_id == test.assistant_id)
                }
            };
            let in_time = |at: DateTime<Utc>| at >= unit.assigned_at && at < last;
            theirs && t.answer.as_ref().is_some_and(|a| in_time(a.created_at))
        });
        let answered: Vec<_> = answered.collect();
        let exchange = answered
            .first()
            .and_then(|t| Some(Exchange { user_message: t.message.clone(), answer: t.answer.as_ref()?.text.clone() }));
        Unit { unit_id: unit.id, exchange, reactions: answered.iter().map(|t| self.reactions_of(t)).collect() }
    }

    /// As `pawl.reactions_to`.
    fn reactions_of(&self, turn: &StoredTurn) -> AnswerReactions {
        let Some(answer) = &turn.answer else {
            return AnswerReactions { reactions: Reactions::default(), answer_characters: None };
        };
        let mut reactions = Reactions::default();
        let theirs = self.reactions.iter().filter(|r| r.message_id == answer.id && r.user_id == turn.user_id);
        for reaction in theirs.filter(|r| r.superseded_at.is_none() && r.source != Source::LlmJudge) {
            let by_them = reaction.source == Source::User;
            match reaction.signal {
                Signal::ThumbsUp if by_them => reactions.thumb = Some(Thumb::Up),
                Signal::ThumbsDown if by_them => reactions.thumb = Some(Thumb::Down),
                Signal::Rating if by_them => reactions.rating = reaction.value,
                Signal::ThumbsUp | Signal::ThumbsDown | Signal::Rating => {}
                Signal::Copy => reactions.copied = true,
                Signal::FollowUp => reactions.followed_up = true,
                Signal::DwellTime => reactions.dwell_seconds = reaction.value,
            }
        }
        AnswerReactions { reactions, answer_characters: Some(i64::from(answer.learned.answer_characters)) }
    }

    /// Whether it was new.
    pub(super) fn record_unit(&mut self, test_id: Uuid, result: &UnitResult) -> bool {
        let Some(test) = self.test_mut(test_id) else { return false };
        let share = test.settings.canary_share;
        let Some(i) = test.units.iter().position(|u| u.id == result.unit_id && !u.observed) else { return false };
        let Some(unit) = test.units.get_mut(i) else { return false };
        unit.observed = true;
        let (user_id, arm) = (unit.user_id, unit.candidate);
        let known = test.people.iter().position(|id| *id == user_id);
        let person = known.unwrap_or_else(|| {
            test.people.push(user_id);
            test.people.len() - 1
        });
        test.observed.push(SeenUnit {
            id: result.unit_id.to_string(),
            arm,
            propensity: share,
            person: u32::try_from(person + 1).unwrap_or(u32::MAX),
            judged: result.judged,
            reaction: result.reaction,
        });
        true
    }
}
