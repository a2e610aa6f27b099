//! Training data.

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::{
    conversation::Exchange,
    learning::reaction::{Reactions, Thumb},
    training::{
        sample::Sample,
        score::{Scored, Source},
    },
};
use uuid::Uuid;

use crate::{
    fake::{State, StoredReaction, StoredTurn},
    feedback::{self, Signal},
    training::{Collected, Uncollected},
};

/// How long feedback ripens.
const MATURITY: TimeDelta = TimeDelta::hours(24);
/// Exchanges before a question that belong to it.
const HISTORY: usize = 6;
/// As many of them as come to this.
const HISTORY_BYTES: usize = 65_536;

/// A row of `training_data`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at the table training_data")]
pub struct StoredLesson {
    pub id: Uuid,
    pub assistant_id: Uuid,
    pub sample: Sample,
    pub question_type: Option<String>,
    /// The first is the one whose text it is.
    pub sources: Vec<StoredSource>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A row of `training_sources`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "documented at the table training_sources")]
pub struct StoredSource {
    pub message_id: Uuid,
    pub user_id: Uuid,
    pub scored: Scored,
}

impl StoredLesson {
    /// Mean of its sources' scores.
    pub fn score(&self) -> f64 {
        let sum: f64 = self.sources.iter().map(|source| (source.scored.score * 1e6).round()).sum();
        sum / (1e6 * self.sources.len() as f64)
    }

    /// One of its sources was validated by a person.
    pub fn is_validated(&self) -> bool {
        self.sources.iter().any(|source| source.scored.validated)
    }

    /// Who says so.
    pub fn source(&self) -> Source {
        let any = |wanted| self.sources.iter().any(|source| source.scored.source == wanted);
        [Source::User, Source::LlmJudge].into_iter().find(|source| any(*source)).unwrap_or(Source::Automated)
    }

    fn is_good(&self, quality: f64) -> bool {
        self.is_validated() && self.score() >= quality
    }
}

impl State {
    fn answered(&self, assistant_id: Uuid) -> impl Iterator<Item = (&StoredTurn, Uuid, DateTime<Utc>)> {
        self.turns.iter().filter_map(move |turn| {
            let session = self.sessions.iter().find(|s| s.id == turn.session_id)?;
            let answer = turn.answer.as_ref().filter(|_| session.assistant_id == assistant_id)?;
            Some((turn, answer.id, answer.created_at))
        })
    }

    /// How often feedback on an answer was stored.
    fn revision(&self, message_id: Uuid) -> i32 {
        let rows = self.reactions.iter().filter(|r| r.message_id == message_id).count();
        i32::try_from(rows).unwrap_or(i32::MAX)
    }

    /// Answers whose feedback waits, oldest first.
    pub(super) fn uncollected(&self, assistant_id: Uuid, now: DateTime<Utc>, limit: usize) -> Vec<Uncollected> {
        let waits = |message_id: Uuid| {
            let revision = self.revision(message_id);
            revision > 0 && self.training.collected.get(&message_id) != Some(&revision)
        };
        let mut waiting: Vec<_> =
            self.answered(assistant_id).filter(|(_, id, at)| *at <= now - MATURITY && waits(*id)).collect();
        waiting.sort_by_key(|(_, id, at)| (*at, *id));
        waiting.into_iter().take(limit).filter_map(|(turn, id, _)| self.one_uncollected(turn, id)).collect()
    }

    fn one_uncollected(&self, turn: &StoredTurn, message_id: Uuid) -> Option<Uncollected> {
        let answer = turn.answer.as_ref()?;
        let mut history: Vec<_> = self
            .turns
            .iter()
            .take_while(|t| t.id != turn.id)
            .filter(|t| t.session_id == turn.session_id)
            .filter_map(|t| Some(Exchange { user_message: t.message.clone(), answer: t.answer.as_ref()?.text.clone() }))
            .collect();
        let mut bytes = 0;
        let fits = |e: &&Exchange| {
            bytes += e.user_message.len() + e.answer.len();
            bytes <= HISTORY_BYTES
        };
        let fitting = history.iter().rev().take(HISTORY).take_while(fits).count();
        history.drain(..history.len() - fitting);
        let (reactions, other) = self.reactions_to_collect(message_id, turn.user_id);
        Some(Uncollected {
            message_id,
            revision: self.revision(message_id),
            message: turn.message.clone(),
            history,
            answer: answer.text.clone(),
            model: Some(answer.model.clone()),
            question_type: turn.traits.question_type.clone(),
            reactions,
            answer_characters: Some(i64::from(answer.learned.answer_characters)),
            other,
        })
    }

    /// What a person did, and what something else made of it.
    fn reactions_to_collect(&self, message_id: Uuid, user_id: Uuid) -> (Reactions, Option<(Source, f64)>) {
        let current = || {
            self.reactions
                .iter()
                .filter(move |r| r.message_id == message_id && r.user_id == user_id && r.superseded_at.is_none())
        };
        let by_person = |r: &&StoredReaction| r.source == feedback::Source::User;
        let done = |r: &&StoredReaction| r.source != feedback::Source::LlmJudge;
        let value = |signal| current().filter(done).filter(|r| r.signal == signal).filter_map(|r| r.value).next();
        let reactions = Reactions {
            thumb: current().filter(by_person).find_map(|r| match r.signal {
                Signal::ThumbsUp => Some(Thumb::Up),
                Signal::ThumbsDown => Some(Thumb::Down),
                _ => None,
            }),
            copied: current().filter(done).any(|r| r.signal == Signal::Copy),
            followed_up: current().filter(done).any(|r| r.signal == Signal::FollowUp),
            dwell_seconds: value(Signal::DwellTime),
            rating: current().filter(by_person).find(|r| r.signal == Signal::Rating).and_then(|r| r.value),
        };
        let rated = |wanted, named| {
            let found = current().find(|r| r.source == wanted && r.signal == Signal::Rating)?;
            Some((named, found.value?))
        };
        let other = rated(feedback::Source::Automated, Source::Automated)
            .or_else(|| rated(feedback::Source::LlmJudge, Source::LlmJudge));
        (reactions, other)
    }

    /// Stores what has become of an answer; whether it counts.
    pub(super) fn collect(&mut self, assistant_id: Uuid, one: &Collected, id: Uuid, now: DateTime<Utc>) -> bool {
        let turn = self.answered(assistant_id).find(|(_, id, _)| *id == one.message_id).map(|(turn, ..)| turn);
        let Some((user_id, question_type)) = turn.map(|t| (t.user_id, t.traits.question_type.clone())) else {
            return false;
        };
        if self.revision(one.message_id) != one.revision {
            return false;
        }
        let content = one.lesson.as_ref().map(|lesson| lesson.sample.content_hash);
        self.drop_source(one.message_id, content);
        self.training.collected.insert(one.message_id, one.revision);
        let Some(lesson) = &one.lesson else { return true };
        let source = StoredSource { message_id: one.message_id, user_id, scored: lesson.scored };
        // When its newest feedback was given.
        let given = self.reactions.iter().filter(|r| r.message_id == one.message_id && r.superseded_at.is_none());
        let given_at = given.map(|r| r.created_at).max().unwrap_or(now);
        let known = |l: &&mut StoredLesson| {
            l.assistant_id == assistant_id && l.sample.content_hash == lesson.sample.content_hash
        };
        if let Some(row) = self.training.lessons.iter_mut().find(known) {
            match row.sources.iter_mut().find(|s| s.message_id == one.message_id) {
                Some(before) => *before = source,
                None => row.sources.push(source),
            }
            row.updated_at = row.updated_at.max(given_at);
        } else {
            self.training.lessons.push(StoredLesson {
                id,
                assistant_id,
                sample: lesson.sample.clone(),
                question_type,
                sources: vec![source],
                created_at: now,
                updated_at: given_at,
            });
        }
        true
    }

    /// Takes an answer out of the row it is in, unless that is the one of this content. A row goes with the answer whose
    /// text it is; others that had the same are collected anew.
    fn drop_source(&mut self, message_id: Uuid, keep: Option<[u8; 32]>) {
        let mut lost = Vec::new();
        self.training.lessons.retain_mut(|lesson| {
            if Some(lesson.sample.content_hash) == keep {
                return true;
            }
            if lesson.sources.first().is_some_and(|origin| origin.message_id == message_id) {
                lost.extend(lesson.sources.iter().map(|source| source.message_id));
                return false;
            }
            lesson.sources.retain(|source| source.message_id != message_id);
            true
        });
        for message_id in lost {
            self.training.collected.remove(&message_id);
        }
    }

    pub(super) fn forget(&mut self, user_id: Uuid) {
        let theirs: Vec<_> = self.training.lessons.iter().flat_map(|l| &l.sources).copied().collect();
        for source in theirs.iter().filter(|s| s.user_id == user_id) {
            self.drop_source(source.message_id, None);
        }
        let said: Vec<_> = self.turns.iter().filter(|t| t.user_id == user_id).map(|t| t.session_id).collect();
        self.turns.retain(|t| t.user_id != user_id);
        self.sessions.retain(|s| !said.contains(&s.id));
        self.reactions.retain(|r| r.user_id != user_id);
    }

    /// As `pawl.teaches`.
    pub(super) fn teaches(&self, lesson: &StoredLesson, quality: f64) -> bool {
        lesson.is_good(quality)
            && !self.is_contradicted(lesson, quality)
            && !lesson.sources.iter().any(|source| self.judges(source.message_id))
    }

    /// Another answer to the same is as good: of several the best stays, of equals none.
    fn is_contradicted(&self, lesson: &StoredLesson, quality: f64) -> bool {
        let worth = |l: &StoredLesson| (l.score(), l.sources.len());
        self.training.lessons.iter().any(|other| {
            other.assistant_id == lesson.assistant_id
                && other.id != lesson.id
                && other.sample.input_hash == lesson.sample.input_hash
                && other.is_good(quality)
                && worth(other) >= worth(lesson)
        })
    }

    /// The conversation of an answer.
    pub(super) fn session_of(&self, message_id: Uuid) -> Option<Uuid> {
        self.turns.iter().find(|t| t.answer.as_ref().is_some_and(|a| a.id == message_id)).map(|t| t.session_id)
    }

    /// Whether versions are judged by the conversation of an answer.
    fn judges(&self, message_id: Uuid) -> bool {
        let Some(session_id) = self.session_of(message_id) else { return false };
        let is_of = |t: &&StoredTurn| t.session_id == session_id;
        self.tests.iter().any(|test| {
            test.pairs.iter().any(|pair| self.turns.iter().filter(is_of).any(|turn| turn.id == pair.turn_id))
                || test.units.iter().any(|unit| match unit.session_id {
                    Some(of) => of == session_id,
                    None => self.turns.iter().filter(is_of).any(|turn| turn.user_id == unit.user_id),
                })
        })
    }
}
