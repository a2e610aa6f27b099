//! Turns.

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::{conversation::Exchange, usage::Usage};
use uuid::Uuid;

use super::{Attempt, Caller, FakeStore, Key, Session, Spent, State, StoredAnswer, StoredTurn};
use crate::{
    StoreError,
    turns::{
        self, BeginTurn, BeginTurns, CompleteTurn, FailedTurn, FinishedTurn, NewTurn, PrepareTurns, PromptText, Turn,
        TurnLedger,
    },
};

const MAX_MESSAGE_BYTES: usize = 32 * 1024;
const MAX_HISTORY_TURNS: usize = 50;
const LEASE: TimeDelta = TimeDelta::seconds(150);
const KEY_LIFETIME: TimeDelta = TimeDelta::hours(24);

impl BeginTurns for FakeStore {
    async fn begin_turn(&self, turn: &NewTurn<'_>) -> Result<BeginTurn, StoreError> {
        self.call("begin_turn")?;
        let user_id = match (self.caller, turn.user_id) {
            (Caller::Nobody, _) => return Err(StoreError::Unauthenticated),
            (Caller::User(_), Some(_)) => return Ok(BeginTurn::UserNotAllowed),
            (Caller::Service, None) => return Ok(BeginTurn::UserRequired),
            (Caller::User(id), None) | (Caller::Service, Some(id)) => id,
        };
        if turn.message.trim().is_empty() {
            return Ok(BeginTurn::MessageEmpty);
        }
        if turn.message.len() > MAX_MESSAGE_BYTES {
            return Ok(BeginTurn::MessageTooLong);
        }
        let now = self.now();
        let (turn_id, new_session, message_id) = (self.draw(), self.draw(), self.draw());
        Ok(self.state(|s| {
            let known = turn.idempotency_key.and_then(|key| {
                s.keys.iter().find(|k| k.user_id == user_id && k.key == key && k.created_at > now - KEY_LIFETIME)
            });
            let earlier = known.and_then(|known| s.turns.iter().find(|t| t.id == known.turn_id)).cloned();
            if earlier.as_ref().is_some_and(|earlier| !s.is_same(earlier, turn)) {
                return BeginTurn::KeyReused;
            }
            let wanted = earlier.as_ref().map(|t| t.session_id).or(turn.session_id);

            let given = s.sessions.iter().find(|x| Some(x.id) == wanted && x.user_id == user_id);
            let given = given.map(|x| (x.id, x.organization_id, x.assistant_id));
            let chosen = turn.organization_id.or(given.map(|(_, organization, _)| organization));
            let organization_id = match s.find_organization(user_id, chosen) {
                Err(()) => return BeginTurn::OrganizationRequired,
                Ok(None) => return BeginTurn::OrganizationNotFound,
                Ok(Some(id)) => id,
            };
            let named = s.find_assistant(organization_id, turn.assistant);
            let (session_id, assistant_id) = match (wanted, given) {
                (Some(_), Some((id, place, theirs)))
                    if place == organization_id && (turn.assistant.is_none() || named == Some(theirs)) =>
                {
                    (id, theirs)
                }
                (Some(_), _) => return BeginTurn::SessionNotFound,
                (None, _) => match named {
                    None => return BeginTurn::AssistantNotFound,
                    Some(id) => (new_session, id),
                },
            };
            match &earlier {
                Some(StoredTurn { answer: Some(_), .. }) => return replayed(earlier.as_ref()),
                Some(open) if open.error_code.is_none() && open.lease_expires_at > now => return BeginTurn::InProgress,
                _ => {}
            }
            let Some(prompt) = s.live_prompt(assistant_id) else { return BeginTurn::NoActivePrompt };
            let (prompt_id, prompt_version) = (prompt.id, prompt.version);
            if let Some(limited) = s.limit_reached(organization_id, user_id, now) {
                return limited;
            }

            let lease_expires_at = now + LEASE;
            let stored = if let Some(earlier) = earlier {
                let lost = i32::from(earlier.error_code.is_none());
                StoredTurn {
                    error_code: None,
                    prompt_id,
                    attempts: earlier.attempts + 1,
                    lost_attempts: earlier.lost_attempts + lost,
                    lease_expires_at,
                    ..earlier
                }
            } else {
                s.members.entry((organization_id, user_id)).or_insert(false);
                if wanted.is_none() {
                    s.sessions.push(Session { id: session_id, user_id, organization_id, assistant_id });
                }
                if let Some(key) = turn.idempotency_key {
                    s.keys.retain(|k| k.user_id != user_id || k.key != key);
                    s.keys.push(Key { user_id, key: key.to_owned(), turn_id, created_at: now });
                }
                StoredTurn {
                    id: turn_id,
                    session_id,
                    organization_id,
                    user_id,
                    prompt_id,
                    message_id,
                    message: turn.message.to_owned(),
                    answer: None,
                    error_code: None,
                    attempts: 1,
                    lost_attempts: 0,
                    lease_expires_at,
                }
            };
            let history = s.history_before(&stored);
            s.attempts.push(Attempt { organization_id, user_id, begun_at: now });
            let begun = Turn {
                turn_id: stored.id,
                attempt: stored.attempts,
                session_id,
                message_id: stored.message_id,
                assistant_id,
                prompt_id,
                prompt_version,
                model: "claude-sonnet-5-5".to_owned(),
                max_answer_tokens: 4096,
                history_token_budget: 8000,
                history,
                system_prompt: None,
            };
            match s.turns.iter_mut().find(|t| t.id == stored.id) {
                Some(turn) => *turn = stored,
                None => s.turns.push(stored),
            }
            BeginTurn::Ok(begun)
        }))
    }
}

fn replayed(turn: Option<&StoredTurn>) -> BeginTurn {
    let Some((turn, answer)) = turn.and_then(|t| Some((t, t.answer.as_ref()?))) else { return BeginTurn::InProgress };
    BeginTurn::Replayed(turns::StoredAnswer {
        turn_id: turn.id,
        session_id: turn.session_id,
        message_id: turn.message_id,
        answer_id: answer.id,
        answer: answer.text.clone(),
        prompt_version: answer.prompt_version,
        model: answer.model.clone(),
        stop_reason: answer.stop_reason.clone(),
        usage: answer.usage.into(),
    })
}

impl State {
    /// Whether a request with a known key asks for the turn that the key began: what it leaves out is what the turn has.
    fn is_same(&self, earlier: &StoredTurn, request: &NewTurn<'_>) -> bool {
        let session = self.sessions.iter().find(|s| s.id == earlier.session_id);
        let assistant_id = session.map(|s| s.assistant_id);
        let named = || self.find_assistant(earlier.organization_id, request.assistant);
        request.message == earlier.message
            && request.session_id.is_none_or(|id| id == earlier.session_id)
            && request.organization_id.is_none_or(|id| id == earlier.organization_id)
            && (request.assistant.is_none() || named() == assistant_id)
    }

    /// As `pawl.history_before`.
    fn history_before(&self, turn: &StoredTurn) -> Vec<Exchange> {
        let earlier = self.turns.iter().take_while(|t| t.id != turn.id).filter(|t| t.session_id == turn.session_id);
        let mut history: Vec<_> = earlier
            .filter_map(|t| {
                let answer = t.answer.as_ref()?.text.clone();
                Some(Exchange { user_message: t.message.clone(), answer })
            })
            .collect();
        history.drain(..history.len().saturating_sub(MAX_HISTORY_TURNS));
        history
    }
}

impl PrepareTurns for FakeStore {
    async fn prepare_turn(&self, turn: &NewTurn<'_>, lease_seconds: u32) -> Result<BeginTurn, StoreError> {
        self.service_call("prepare_turn")?;
        Ok(match self.begin_turn(turn).await? {
            BeginTurn::Ok(begun) => {
                let lease_expires_at = self.now() + TimeDelta::seconds(lease_seconds.into());
                self.state(|s| {
                    let turn = s.turns.iter_mut().find(|t| t.id == begun.turn_id);
                    turn.into_iter().for_each(|t| t.lease_expires_at = lease_expires_at);
                });
                let content =
                    |s: &mut State| s.prompts.iter().find(|p| p.id == begun.prompt_id).map(|p| p.content.clone());
                BeginTurn::Ok(Turn { system_prompt: self.state(content), ..begun })
            }
            otherwise => otherwise,
        })
    }
}

impl StoredTurn {
    fn spent(&self, at: DateTime<Utc>, model: &str, usage: Usage) -> Spent {
        Spent {
            organization_id: self.organization_id,
            user_id: Some(self.user_id),
            at,
            purpose: None,
            model: model.to_owned(),
            usage,
        }
    }
}

impl TurnLedger for FakeStore {
    async fn serving_context(&self, prompt_id: Uuid) -> Result<PromptText, StoreError> {
        self.service_call("serving_context")?;
        Ok(self.state(|s| match s.prompts.iter().find(|p| p.id == prompt_id) {
            Some(p) => PromptText::Ok { version: p.version, content: p.content.clone() },
            None => PromptText::PromptNotFound,
        }))
    }

    async fn complete_turn(&self, turn: &FinishedTurn<'_>) -> Result<CompleteTurn, StoreError> {
        self.service_call("complete_turn")?;
        let (answer_id, now) = (self.draw(), self.now());
        Ok(self.state(|s| {
            let versions: Vec<_> = s.prompts.iter().map(|p| (p.id, p.version)).collect();
            let Some(stored) = s.turns.iter_mut().find(|t| t.id == turn.turn_id) else {
                return CompleteTurn::TurnNotFound;
            };
            if stored.attempts != turn.attempt {
                s.spent.push(stored.spent(now, turn.model, turn.usage));
                return CompleteTurn::Superseded;
            }
            if let Some(answer) = &stored.answer {
                return CompleteTurn::Ok { answer_id: answer.id };
            }
            match stored.error_code.as_deref() {
                None => {}
                // One that was given up as lost turns up after all.
                Some("turn_lost") => stored.lost_attempts -= 1,
                Some(_) => return CompleteTurn::TurnFailed,
            }
            stored.error_code = None;
            stored.prompt_id = turn.prompt_id.unwrap_or(stored.prompt_id);
            let version = versions.iter().find(|(id, _)| *id == stored.prompt_id);
            stored.answer = Some(StoredAnswer {
                id: answer_id,
                text: turn.answer.to_owned(),
                created_at: now,
                model: turn.model.to_owned(),
                stop_reason: turn.stop_reason.map(str::to_owned),
                usage: turn.usage,
                prompt_version: version.map_or(0, |(_, version)| *version),
                tools: turn.tools.to_vec(),
            });
            s.spent.push(stored.spent(now, turn.model, turn.usage));
            CompleteTurn::Ok { answer_id }
        }))
    }

    async fn fail_turn(&self, turn: &FailedTurn<'_>) -> Result<bool, StoreError> {
        self.service_call("fail_turn")?;
        let at = self.now();
        Ok(self.state(|s| {
            let is_open = |t: &&mut StoredTurn| {
                // One that was swept up as lost turns up after all, and says why.
                let is_open = t.error_code.as_deref().is_none_or(|code| code == "turn_lost");
                t.id == turn.turn_id && t.attempts == turn.attempt && t.answer.is_none() && is_open
            };
            let Some(open) = s.turns.iter_mut().find(is_open) else { return false };
            open.lost_attempts -= i32::from(open.error_code.is_some());
            open.error_code = Some(turn.error_code.to_owned());
            s.spent.extend(turn.model.map(|model| open.spent(at, model, turn.usage)));
            true
        }))
    }
}
