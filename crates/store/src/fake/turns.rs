//! Turns.

use pawl_core::conversation::Exchange;
use uuid::Uuid;

use super::{Caller, FakeStore, Session, StoredAnswer, StoredTurn};
use crate::{
    StoreError,
    turns::{BeginTurn, BeginTurns, CompleteTurn, FinishedTurn, NewTurn, PromptText, Turn, TurnLedger},
};

const MAX_MESSAGE_BYTES: usize = 32 * 1024;
const MAX_HISTORY_TURNS: usize = 50;

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
        let (turn_id, new_session, message_id) = (self.draw(), self.draw(), self.draw());
        Ok(self.state(|s| {
            let given = s.sessions.iter().find(|x| Some(x.id) == turn.session_id && x.user_id == user_id);
            let given = given.map(|x| (x.id, x.organization_id, x.assistant_id));
            let chosen = turn.organization_id.or(given.map(|(_, organization, _)| organization));
            let organization_id = match s.find_organization(user_id, chosen) {
                Err(()) => return BeginTurn::OrganizationRequired,
                Ok(None) => return BeginTurn::OrganizationNotFound,
                Ok(Some(id)) => id,
            };
            let named = s.find_assistant(organization_id, turn.assistant);
            let (session_id, assistant_id) = match (turn.session_id, given) {
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
            let Some(prompt) = s.live_prompt(assistant_id) else { return BeginTurn::NoActivePrompt };
            let (prompt_id, prompt_version) = (prompt.id, prompt.version);
            let answered = s.turns.iter().filter(|t| t.session_id == session_id);
            let mut history: Vec<_> = answered
                .filter_map(|t| {
                    let answer = t.answer.as_ref()?.text.clone();
                    Some(Exchange { user_message: t.message.clone(), answer })
                })
                .collect();
            history.drain(..history.len().saturating_sub(MAX_HISTORY_TURNS));

            s.members.entry((organization_id, user_id)).or_insert(false);
            if turn.session_id.is_none() {
                s.sessions.push(Session { id: session_id, user_id, organization_id, assistant_id });
            }
            s.turns.push(StoredTurn {
                id: turn_id,
                session_id,
                prompt_id,
                message_id,
                message: turn.message.to_owned(),
                answer: None,
                error_code: None,
            });
            BeginTurn::Ok(Turn {
                turn_id,
                session_id,
                message_id,
                assistant_id,
                prompt_id,
                prompt_version,
                model: "claude-sonnet-5-5".to_owned(),
                max_answer_tokens: 4096,
                history_token_budget: 8000,
                history,
            })
        }))
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
            let Some(stored) = s.turns.iter_mut().find(|t| t.id == turn.turn_id) else {
                return CompleteTurn::TurnNotFound;
            };
            if stored.error_code.is_some() {
                return CompleteTurn::TurnFailed;
            }
            let fresh = || StoredAnswer { id: answer_id, text: turn.answer.to_owned(), created_at: now };
            stored.prompt_id = if stored.answer.is_none() { turn.prompt_id } else { stored.prompt_id };
            CompleteTurn::Ok { answer_id: stored.answer.get_or_insert_with(fresh).id }
        }))
    }

    async fn fail_turn(&self, turn_id: Uuid, error_code: &str) -> Result<(), StoreError> {
        self.service_call("fail_turn")?;
        self.state(|s| {
            let open = s.turns.iter_mut().find(|t| t.id == turn_id && t.answer.is_none());
            if let Some(turn) = open {
                turn.error_code.get_or_insert_with(|| error_code.to_owned());
            }
        });
        Ok(())
    }
}
