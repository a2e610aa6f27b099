//! Turns.

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::{conversation::Exchange, usage::Usage};
use uuid::Uuid;

use super::{Attempt, Caller, FakeStore, Key, Learned, Session, Spent, State, StoredAnswer, StoredTraits, StoredTurn};
use crate::{
    StoreError,
    serving::{Exposure, Pattern, ServingContext},
    turns::{
        self, BeginTurn, BeginTurns, CompleteTurn, FailedTurn, FinishedTurn, Learning, NewTurn, PrepareTurns, Traits,
        Turn, TurnLedger,
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
        if !are_known(turn.traits) {
            return Ok(BeginTurn::TraitsInvalid);
        }
        let now = self.now();
        let (turn_id, new_session, message_id, unit_id) = (self.draw(), self.draw(), self.draw(), self.draw());
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
            if s.live_prompt(assistant_id).is_none() {
                return BeginTurn::NoActivePrompt;
            }
            if let Some(limited) = s.limit_reached(organization_id, user_id, now) {
                return limited;
            }
            let served = s.version_served(assistant_id, session_id, user_id, wanted.is_none(), unit_id, now);
            let Some((prompt_id, prompt_version)) = served else { return BeginTurn::NoActivePrompt };

            let lease_expires_at = now + LEASE;
            // An attempt that says nothing of its question says nothing new.
            let traits = match &earlier {
                Some(earlier) if turn.traits == Traits::default() => earlier.traits.clone(),
                _ => StoredTraits::from(turn.traits),
            };
            let stored = if let Some(earlier) = earlier {
                let lost = i32::from(earlier.error_code.is_none());
                StoredTurn {
                    error_code: None,
                    prompt_id,
                    traits,
                    attempts: earlier.attempts + 1,
                    lost_attempts: earlier.lost_attempts + lost,
                    lease_expires_at,
                    ..earlier
                }
            } else {
                s.members.entry((organization_id, user_id)).or_insert(false);
                s.note_follow_up(session_id, user_id, now);
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
                    traits,
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
                patterns_revision: s.assistant(assistant_id).map_or(0, |a| a.patterns_revision),
                model: s.assistant(assistant_id).map(|a| s.model_of(prompt_id, &a.settings)).unwrap_or_default(),
                max_answer_tokens: 4096,
                history_token_budget: 8000,
                history,
                system_prompt: None,
                endpoint: None,
            };
            match s.turns.iter_mut().find(|t| t.id == stored.id) {
                Some(turn) => *turn = stored,
                None => s.turns.push(stored),
            }
            BeginTurn::Ok(begun)
        }))
    }
}

/// As `pawl.known_traits`.
fn are_known(traits: Traits<'_>) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let is_name = |name: &str| name.len() <= 64 && name.chars().all(is_part) && !name.starts_with(['_', '-']);
    let mut names = traits.question_type.into_iter().chain(traits.data_source);
    let mut tools = traits.tools.iter().map(|tool| tool.trim());
    names.all(|name| !name.is_empty() && is_name(name))
        && traits.tools.len() <= 50
        && tools.all(|tool| !tool.is_empty() && tool.chars().count() <= 200)
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

impl FakeStore {
    /// Makes these an assistant's live patterns; those of before have ended.
    pub fn learn(&self, assistant_id: Uuid, patterns: &[Pattern]) {
        self.state(|s| {
            s.served.retain(|(_, old)| patterns.iter().all(|new| new.id != old.id));
            s.served.iter_mut().filter(|(of, _)| *of == assistant_id).for_each(|(_, old)| old.influence = 0.0);
            s.served.extend(patterns.iter().map(|pattern| (assistant_id, pattern.clone())));
            s.served.sort_by(|(_, a), (_, b)| b.confidence.total_cmp(&a.confidence).then(a.id.cmp(&b.id)));
            let assistant = s.assistants.iter_mut().find(|a| a.id == assistant_id);
            assistant.into_iter().for_each(|a| a.patterns_revision += 1);
        });
    }
}

impl From<Traits<'_>> for StoredTraits {
    fn from(traits: Traits<'_>) -> Self {
        Self {
            question_type: traits.question_type.map(str::to_owned),
            data_source: traits.data_source.map(str::to_owned),
            tools: traits.tools.to_vec(),
        }
    }
}

impl State {
    /// As `pawl.record_exposures`: of patterns that never were the assistant's nothing is kept.
    fn learned(&self, turn_id: Uuid, learning: &Learning<'_>) -> Learned {
        let session_id = self.turns.iter().find(|t| t.id == turn_id).map(|t| t.session_id);
        let assistant_id = self.sessions.iter().find(|s| Some(s.id) == session_id).map(|s| s.assistant_id);
        let is_ours = |exposure: &&Exposure| {
            self.served.iter().any(|(of, pattern)| Some(*of) == assistant_id && pattern.id == exposure.pattern_id)
        };
        Learned {
            response_format: learning.response_format.to_owned(),
            length_class: learning.length_class.to_owned(),
            answer_characters: learning.answer_characters,
            exposures: learning.exposures.iter().filter(is_ours).copied().collect(),
        }
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
                let prompt = self.state(|s| s.prompt(begun.prompt_id).cloned());
                let (system_prompt, endpoint) = prompt.map(|p| (p.content, p.endpoint)).unzip();
                BeginTurn::Ok(Turn { system_prompt, endpoint: endpoint.flatten(), ..begun })
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
    async fn serving_context(&self, prompt_id: Uuid) -> Result<ServingContext, StoreError> {
        self.service_call("serving_context")?;
        Ok(self.state(|s| match s.prompts.iter().find(|p| p.id == prompt_id) {
            Some(p) => {
                let live = s.served.iter().filter(|(of, pattern)| *of == p.assistant_id && pattern.influence > 0.0);
                ServingContext::Ok {
                    version: p.version,
                    content: p.content.clone(),
                    endpoint: p.endpoint.clone(),
                    patterns_revision: s.assistant(p.assistant_id).map_or(0, |a| a.patterns_revision),
                    patterns: live.map(|(_, pattern)| pattern.clone()).collect(),
                }
            }
            None => ServingContext::PromptNotFound,
        }))
    }

    async fn complete_turn(&self, turn: &FinishedTurn<'_>) -> Result<CompleteTurn, StoreError> {
        self.service_call("complete_turn")?;
        let (answer_id, now) = (self.draw(), self.now());
        Ok(self.state(|s| {
            let versions: Vec<_> = s.prompts.iter().map(|p| (p.id, p.version)).collect();
            let learned = s.learned(turn.turn_id, &turn.learning);
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
                learned,
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
