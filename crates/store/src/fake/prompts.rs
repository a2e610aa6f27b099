//! Changes of the live prompt.

use chrono::{DateTime, Utc};
use pawl_core::decision::Action;
use uuid::Uuid;

use super::{Caller, FakeStore, Log, Prompt, State, UpdateOutcome};
use crate::{
    StoreError,
    prompts::{BeginUpdate, NewVersion, Prompts, Publish, RefuseUpdate, Rollback, RollbackRequest, Update},
};

const MAX_ATTEMPTS: u32 = 5;

impl Prompts for FakeStore {
    async fn begin_update(&self, reflection_id: Uuid) -> Result<BeginUpdate, StoreError> {
        self.service_call("begin_update")?;
        let now = self.now();
        Ok(self.state(|s| {
            let Some(log) = s.log(reflection_id) else { return BeginUpdate::ReflectionNotFound };
            if log.action != Some(Action::PromptUpdate) {
                return BeginUpdate::NotAnUpdate;
            }
            match &log.update {
                Some(UpdateOutcome::Published(new_version)) => {
                    let change_reason = s.reason_of(reflection_id);
                    return BeginUpdate::Published { new_version: *new_version, change_reason };
                }
                Some(UpdateOutcome::Refused) => return BeginUpdate::Refused,
                None => {}
            }
            let Some(prompt) = s.live_prompt(log.assistant_id).filter(|p| p.id == log.prompt_id) else {
                return BeginUpdate::Superseded;
            };
            let Some(assistant) = s.assistant(log.assistant_id) else { return BeginUpdate::ReflectionNotFound };
            if let Some(reason) = s.update_block(assistant, now) {
                return BeginUpdate::Skipped { reason };
            }
            if log.update_attempts >= MAX_ATTEMPTS {
                for log in s.logs.iter_mut().filter(|l| l.id == reflection_id) {
                    log.update = Some(UpdateOutcome::Refused);
                    log.suggestion = Some(format!("the writer failed {MAX_ATTEMPTS} times"));
                }
                return BeginUpdate::Refused;
            }
            let judged = |t: &&super::StoredTurn| t.answer.as_ref().is_some_and(|a| log.judged.contains(&a.id));
            let update = BeginUpdate::Ok(Update {
                prompt_id: prompt.id,
                prompt_version: prompt.version,
                current_prompt: prompt.content.clone(),
                strengths: log.strengths.clone(),
                weaknesses: log.weaknesses.clone(),
                patterns: log.patterns.clone(),
                protected_clauses: assistant.settings.protected_clauses.clone(),
                rewriter_model: "claude-sonnet-5-5".to_owned(),
                user_messages: s.turns.iter().filter(judged).map(|t| t.message.clone()).collect(),
            });
            s.logs.iter_mut().filter(|l| l.id == reflection_id).for_each(|l| l.update_attempts += 1);
            update
        }))
    }

    async fn publish(&self, version: &NewVersion<'_>) -> Result<Publish, StoreError> {
        self.service_call("publish")?;
        let (id, now) = (self.draw(), self.now());
        Ok(self.state(|s| s.publish(version, id, now)))
    }

    async fn refuse_update(&self, reflection_id: Uuid, reason: &str) -> Result<RefuseUpdate, StoreError> {
        self.service_call("refuse_update")?;
        let suggestion_id = self.draw();
        Ok(self.state(|s| {
            let Some(log) = s.logs.iter_mut().find(|l| l.id == reflection_id) else {
                return RefuseUpdate::ReflectionNotFound;
            };
            match log.update {
                _ if log.action != Some(Action::PromptUpdate) => RefuseUpdate::NotAnUpdate,
                Some(UpdateOutcome::Published(_)) => RefuseUpdate::Published,
                Some(UpdateOutcome::Refused) => RefuseUpdate::Refused,
                None => {
                    log.update = Some(UpdateOutcome::Refused);
                    log.suggestion = Some(reason.to_owned());
                    RefuseUpdate::Ok { suggestion_id }
                }
            }
        }))
    }

    async fn roll_back(&self, request: &RollbackRequest<'_>) -> Result<Rollback, StoreError> {
        self.call("roll_back")?;
        let (log_id, now, caller) = (self.draw(), self.now(), self.caller);
        self.state(|s| {
            let organization_id = match caller {
                Caller::Nobody => return Err(StoreError::Unauthenticated),
                Caller::Service => match (request.organization_id, s.organizations.as_slice()) {
                    (Some(id), known) if !known.contains(&id) => return Ok(Rollback::OrganizationNotFound),
                    (Some(id), _) => id,
                    (None, [only]) => *only,
                    (None, _) => return Ok(Rollback::OrganizationRequired),
                },
                Caller::User(user_id) => match s.find_organization(user_id, request.organization_id) {
                    Err(()) => return Ok(Rollback::OrganizationRequired),
                    Ok(None) => return Ok(Rollback::OrganizationNotFound),
                    Ok(Some(id)) if s.members.get(&(id, user_id)) == Some(&true) => id,
                    Ok(Some(_)) => return Ok(Rollback::Forbidden),
                },
            };
            let Some(assistant_id) = s.find_assistant(organization_id, request.assistant) else {
                return Ok(Rollback::AssistantNotFound);
            };
            Ok(s.roll_back(assistant_id, request.version, log_id, now))
        })
    }
}

impl State {
    fn log(&self, id: Uuid) -> Option<&Log> {
        self.logs.iter().find(|l| l.id == id)
    }

    fn reason_of(&self, reflection_id: Uuid) -> String {
        let made = self.prompts.iter().find(|p| p.reflection_id == Some(reflection_id));
        made.map(|p| p.change_reason.clone()).unwrap_or_default()
    }

    fn publish(&mut self, version: &NewVersion<'_>, id: Uuid, now: DateTime<Utc>) -> Publish {
        let Some(log) = self.log(version.reflection_id).cloned() else { return Publish::ReflectionNotFound };
        let Some(assistant) = self.assistant(log.assistant_id) else { return Publish::ReflectionNotFound };
        let block = self.update_block(assistant, now);
        let judged = self.prompts.iter().find(|p| p.id == log.prompt_id).map(|p| p.version).unwrap_or_default();
        if log.action != Some(Action::PromptUpdate) {
            return Publish::NotAnUpdate;
        }
        match log.update {
            Some(UpdateOutcome::Published(new_version)) => {
                let change_reason = self.reason_of(log.id);
                return Publish::Published { new_version, previous_version: judged, change_reason };
            }
            Some(UpdateOutcome::Refused) => return Publish::Refused,
            None => {}
        }
        let live = self.live_prompt(log.assistant_id).map(|p| p.id);
        if version.parent_id != log.prompt_id || live != Some(version.parent_id) {
            return Publish::Superseded;
        }
        if let Some(reason) = block {
            return Publish::Skipped { reason };
        }
        let newest = self.prompts.iter().filter(|p| p.assistant_id == log.assistant_id).map(|p| p.version).max();
        let new_version = newest.unwrap_or_default() + 1;
        self.live_prompt_mut(log.assistant_id).into_iter().for_each(|p| p.is_active = false);
        self.prompts.push(Prompt {
            id,
            assistant_id: log.assistant_id,
            version: new_version,
            content: version.content.to_owned(),
            is_active: true,
            locked: false,
            by_system: true,
            created_at: now,
            activated_at: Some(now),
            change_reason: version.change_reason.to_owned(),
            reflection_id: Some(log.id),
        });
        for log in self.logs.iter_mut().filter(|l| l.id == version.reflection_id) {
            log.update = Some(UpdateOutcome::Published(new_version));
        }
        let change_reason = version.change_reason.to_owned();
        Publish::Published { new_version, previous_version: judged, change_reason }
    }

    fn roll_back(&mut self, assistant_id: Uuid, version: i32, log_id: Uuid, now: DateTime<Utc>) -> Rollback {
        let previous = self.live_prompt(assistant_id).map(|p| (p.id, p.version));
        let ours = |p: &&mut Prompt| p.assistant_id == assistant_id && p.version == version;
        let Some(target) = self.prompts.iter_mut().find(ours) else { return Rollback::VersionNotFound };
        if target.is_active {
            return Rollback::AlreadyActive { new_version: version };
        }
        let target_id = target.id;
        for prompt in self.prompts.iter_mut().filter(|p| p.assistant_id == assistant_id) {
            prompt.is_active = prompt.id == target_id;
            prompt.activated_at = if prompt.is_active { Some(now) } else { prompt.activated_at };
        }
        self.logs.push(Log {
            id: log_id,
            assistant_id,
            created_at: now,
            prompt_id: previous.map_or(target_id, |(id, _)| id),
            action: None,
            strengths: Vec::new(),
            weaknesses: Vec::new(),
            patterns: Vec::new(),
            judged: Vec::new(),
            update: None,
            update_attempts: 0,
            suggestion: None,
        });
        Rollback::Ok { new_version: version, previous_version: previous.map(|(_, version)| version) }
    }
}
