//! Reactions.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Caller, FakeStore, State, StoredTurn};
use crate::{
    StoreError,
    feedback::{CollectFeedback, FeedbackLedger, Reaction, Refusal, Refused, Signal, Source},
};

/// Who asks again within this time was not helped.
const FOLLOW_UP: TimeDelta = TimeDelta::seconds(30);

/// Most rows that a person may make about an answer.
const MAX_CHANGES: usize = 100;

/// A row of `response_feedback`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at the table response_feedback")]
pub struct StoredReaction {
    pub message_id: Uuid,
    pub user_id: Uuid,
    pub signal: Signal,
    pub source: Source,
    pub value: Option<f64>,
    pub comment: Option<String>,
    pub metadata: Option<Map<String, Value>>,
    pub created_at: DateTime<Utc>,
    /// `None` is what counts now.
    pub superseded_at: Option<DateTime<Utc>>,
}

impl FakeStore {
    /// All reactions to an answer, superseded ones too, oldest first.
    pub fn reactions_to(&self, message_id: Uuid) -> Vec<StoredReaction> {
        self.state(|s| s.reactions.iter().filter(|r| r.message_id == message_id).cloned().collect())
    }
}

impl FeedbackLedger for FakeStore {
    async fn collect_feedback(
        &self,
        reactions: &[Reaction],
        user_id: Option<Uuid>,
    ) -> Result<CollectFeedback, StoreError> {
        self.call("collect_feedback")?;
        let user_id = match (self.caller, user_id) {
            (Caller::Nobody, _) => return Err(StoreError::Unauthenticated),
            (Caller::User(_), Some(_)) => return Ok(CollectFeedback::UserNotAllowed),
            (Caller::Service, None) => return Ok(CollectFeedback::UserRequired),
            (Caller::User(id), None) | (Caller::Service, Some(id)) => id,
        };
        let now = self.now();
        let (mut stored, mut unchanged, mut errors) = (0, 0, Vec::new());
        self.state(|s| {
            for reaction in reactions {
                let outcome = if reaction.source != Source::User && self.caller != Caller::Service {
                    Err(Refusal::SourceNotAllowed)
                } else if !s.is_answer_to(reaction.message_id, user_id) {
                    Err(Refusal::MessageNotFound)
                } else {
                    s.react(reaction, user_id, now)
                };
                match outcome {
                    Ok(true) => stored += 1,
                    Ok(false) => unchanged += 1,
                    Err(code) => errors.push(Refused { index: reaction.index, code }),
                }
            }
        });
        Ok(CollectFeedback::Ok { stored, unchanged, errors })
    }
}

/// What takes the place of what.
fn kind(signal: Signal) -> Signal {
    if signal == Signal::ThumbsDown { Signal::ThumbsUp } else { signal }
}

impl State {
    fn is_answer_to(&self, message_id: Uuid, user_id: Uuid) -> bool {
        let answered = |t: &StoredTurn| t.answer.as_ref().is_some_and(|answer| answer.id == message_id);
        self.turns.iter().any(|t| t.user_id == user_id && answered(t))
    }

    /// Stores a reaction, unless it is there already.
    fn react(&mut self, new: &Reaction, user_id: Uuid, now: DateTime<Utc>) -> Result<bool, Refusal> {
        let row = StoredReaction {
            message_id: new.message_id,
            user_id,
            signal: new.signal,
            source: new.source,
            value: new.value.map(|value| (value * 1e6).round() / 1e6),
            comment: new.comment.clone(),
            metadata: new.metadata.clone(),
            created_at: now,
            superseded_at: None,
        };
        let is_theirs = |r: &StoredReaction| r.message_id == row.message_id && r.user_id == user_id;
        let is_current = |r: &StoredReaction| {
            is_theirs(r) && kind(r.signal) == kind(row.signal) && r.source == row.source && r.superseded_at.is_none()
        };
        let rows = self.reactions.iter().filter(|r| is_theirs(r)).count();
        let current = self.reactions.iter_mut().find(|r| is_current(r));
        let said = |r: &StoredReaction| (r.signal, r.value, r.comment.clone(), r.metadata.clone());
        if current.as_deref().is_some_and(|current| said(current) == said(&row)) {
            return Ok(false);
        }
        if rows >= MAX_CHANGES {
            return Err(Refusal::TooManyChanges);
        }
        if let Some(current) = current {
            current.superseded_at = Some(now);
        }
        self.reactions.push(row);
        Ok(true)
    }

    /// As `pawl.note_follow_up`: a message that comes this soon says something about the answer before it.
    pub(crate) fn note_follow_up(&mut self, session_id: Uuid, user_id: Uuid, now: DateTime<Utc>) {
        let mut answers = self.turns.iter().filter(|t| t.session_id == session_id).filter_map(|t| t.answer.as_ref());
        let Some(last) = answers.next_back().filter(|answer| now - answer.created_at < FOLLOW_UP) else { return };
        let (signal, source) = (Signal::FollowUp, Source::Automated);
        let message_id = last.id;
        let follow_up = Reaction { index: 0, message_id, signal, value: None, comment: None, metadata: None, source };
        // Who has reacted a hundred times has said enough.
        let _ = self.react(&follow_up, user_id, now);
    }
}
