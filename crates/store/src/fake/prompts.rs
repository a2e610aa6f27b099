//! What the loop does to the live prompt.

use chrono::{DateTime, Utc};
use pawl_core::decision::Action;
use uuid::Uuid;

use super::{FakeStore, Log, Prompt, State, Suggested, UpdateOutcome};
use crate::{
    StoreError,
    prompts::{BeginUpdate, NewVersion, Prompts, Publish, RefuseUpdate, Update},
};

const MAX_ATTEMPTS: u32 = 5;

impl Prompts for FakeStore {
    async fn begin_update(&self, reflection_id: Uuid) -> Result<BeginUpdate, StoreError> {
        self.service_call("begin_update")?;
        let (suggestion_id, now) = (self.draw(), self.now());
        Ok(self.state(|s| {
            let Some(log) = s.log(reflection_id) else { return BeginUpdate::ReflectionNotFound };
            let change_reason = s.reason_of(reflection_id);
            match log.update {
                None if !s.calls_for_update(log) => return BeginUpdate::NotAnUpdate,
                Some(UpdateOutcome::Published(new_version)) => {
                    return BeginUpdate::Published { new_version, change_reason };
                }
                Some(UpdateOutcome::Proposed(new_version)) => {
                    let suggestion_id = s.proposal_of(reflection_id);
                    return BeginUpdate::Proposed { new_version, change_reason, suggestion_id };
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
                let log = log.clone();
                s.refuse(&log, &format!("the writer failed {MAX_ATTEMPTS} times"), suggestion_id);
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
        let (id, suggestion_id, now) = (self.draw(), self.draw(), self.now());
        Ok(self.state(|s| s.publish(version, id, suggestion_id, now)))
    }

    async fn refuse_update(&self, reflection_id: Uuid, reason: &str) -> Result<RefuseUpdate, StoreError> {
        self.service_call("refuse_update")?;
        let suggestion_id = self.draw();
        Ok(self.state(|s| {
            let Some(log) = s.log(reflection_id).cloned() else { return RefuseUpdate::ReflectionNotFound };
            match log.update {
                None if !s.calls_for_update(&log) => RefuseUpdate::NotAnUpdate,
                Some(UpdateOutcome::Published(_)) => RefuseUpdate::Published,
                Some(UpdateOutcome::Proposed(_)) => RefuseUpdate::Proposed,
                Some(UpdateOutcome::Refused) => RefuseUpdate::Refused,
                None => {
                    s.refuse(&log, reason, suggestion_id);
                    RefuseUpdate::Ok { suggestion_id }
                }
            }
        }))
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

    fn proposal_of(&self, reflection_id: Uuid) -> Uuid {
        let written = self.suggestions.iter().find(|s| s.reflection_id == reflection_id && s.prompt_id.is_some());
        written.map(|s| s.id).unwrap_or_default()
    }

    /// As `pawl.approved_suggestions`, of one reflection.
    pub(crate) fn approved(&self, reflection_id: Uuid) -> Option<&Suggested> {
        self.suggestions.iter().find(|s| {
            s.reflection_id == reflection_id
                && s.status == "approved"
                && s.kind == "prompt_change"
                && s.prompt_id.is_none()
        })
    }

    fn calls_for_update(&self, log: &Log) -> bool {
        log.action == Some(Action::PromptUpdate) || self.approved(log.id).is_some()
    }

    /// True while a version that is to follow the live one waits for a person.
    pub(crate) fn a_version_waits(&self, assistant_id: Uuid) -> bool {
        let live = self.live_prompt(assistant_id).map(|p| p.id);
        let pending = self.suggestions.iter().filter(|s| s.assistant_id == assistant_id && s.status == "pending");
        let written = pending.filter_map(|s| self.prompts.iter().find(|p| Some(p.id) == s.prompt_id));
        live.is_some() && written.map(|p| p.previous_id).any(|previous| previous == live)
    }

    fn refuse(&mut self, log: &Log, reason: &str, suggestion_id: Uuid) {
        for log in self.logs.iter_mut().filter(|l| l.id == log.id) {
            log.update = Some(UpdateOutcome::Refused);
            log.suggestion = Some(reason.to_owned());
        }
        self.suggestions.push(Suggested {
            id: suggestion_id,
            assistant_id: log.assistant_id,
            reflection_id: log.id,
            kind: "escalation",
            prompt_id: None,
            status: "pending",
            reviewed_at: None,
        });
    }

    /// As `pawl.missing_clauses`.
    pub(crate) fn missing_clauses(&self, assistant_id: Uuid, content: &str) -> Vec<u32> {
        let clauses = self.assistant(assistant_id).map(|a| a.settings.protected_clauses.as_slice()).unwrap_or_default();
        (1..).zip(clauses).filter(|(_, clause)| !content.contains(clause.trim())).map(|(n, _)| n).collect()
    }

    /// As `pawl.settle_update`.
    pub(crate) fn settle(&mut self, reflection_id: Uuid, outcome: UpdateOutcome) {
        let live = matches!(outcome, UpdateOutcome::Published(_));
        self.logs.iter_mut().filter(|l| l.id == reflection_id).for_each(|l| l.update = Some(outcome.clone()));
        let approved =
            self.suggestions.iter_mut().filter(|s| s.reflection_id == reflection_id && s.status == "approved");
        approved.filter(|_| live).for_each(|s| s.status = "implemented");
    }

    /// As `pawl.go_live`, and the record of it; a rollback's is left out, as in `pawl.version_before`.
    pub(crate) fn go_live(&mut self, assistant_id: Uuid, prompt_id: Uuid, by_rollback: bool, now: DateTime<Utc>) {
        let before = self.live_prompt(assistant_id).map(|p| (p.id, p.version));
        for prompt in self.prompts.iter_mut().filter(|p| p.assistant_id == assistant_id) {
            prompt.is_active = prompt.id == prompt_id;
            if prompt.is_active {
                if prompt.activated_at.is_none() {
                    prompt.previous_id = before.map(|(id, _)| id).or(prompt.previous_id);
                }
                prompt.activated_at = Some(now);
                if !by_rollback {
                    self.switches.push((assistant_id, before.map(|(_, version)| version), prompt.version));
                }
            } else if before.is_some_and(|(id, _)| id == prompt.id) {
                prompt.activated_at = prompt.activated_at.or(Some(prompt.created_at));
            }
        }
    }

    /// Adds a version that is not live; its number.
    pub(crate) fn add_version(&mut self, prompt: Prompt) -> i32 {
        let newest = self.prompts.iter().filter(|p| p.assistant_id == prompt.assistant_id).map(|p| p.version).max();
        let version = newest.unwrap_or_default() + 1;
        self.prompts.push(Prompt { version, is_active: false, activated_at: None, ..prompt });
        version
    }

    fn publish(&mut self, version: &NewVersion<'_>, id: Uuid, suggestion_id: Uuid, now: DateTime<Utc>) -> Publish {
        let Some(log) = self.log(version.reflection_id).cloned() else { return Publish::ReflectionNotFound };
        let Some(assistant) = self.assistant(log.assistant_id) else { return Publish::ReflectionNotFound };
        let approval_required = assistant.settings.approval_required;
        let block = self.update_block(assistant, now);
        let judged = self.prompts.iter().find(|p| p.id == log.prompt_id).map(|p| p.version).unwrap_or_default();
        let reason_before = self.reason_of(log.id);
        match log.update {
            None if !self.calls_for_update(&log) => return Publish::NotAnUpdate,
            Some(UpdateOutcome::Published(new_version)) => {
                return Publish::Published { new_version, previous_version: judged, change_reason: reason_before };
            }
            Some(UpdateOutcome::Proposed(new_version)) => {
                let suggestion_id = self.proposal_of(log.id);
                return Publish::Proposed { new_version, change_reason: reason_before, suggestion_id };
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
        let clauses = self.missing_clauses(log.assistant_id, version.content);
        if !clauses.is_empty() {
            return Publish::ClausesMissing { clauses };
        }
        let change_reason = version.change_reason.to_owned();
        let new_version = self.add_version(Prompt {
            id,
            assistant_id: log.assistant_id,
            version: 0,
            content: version.content.to_owned(),
            is_active: false,
            locked: false,
            by_system: true,
            created_at: now,
            activated_at: None,
            change_reason: change_reason.clone(),
            previous_id: live,
            reflection_id: Some(log.id),
        });
        self.changes += 1;
        if approval_required {
            self.suggestions.push(Suggested {
                id: suggestion_id,
                assistant_id: log.assistant_id,
                reflection_id: log.id,
                kind: "prompt_change",
                prompt_id: Some(id),
                status: "pending",
                reviewed_at: None,
            });
            self.settle(log.id, UpdateOutcome::Proposed(new_version));
            return Publish::Proposed { new_version, change_reason, suggestion_id };
        }
        self.go_live(log.assistant_id, id, false, now);
        self.settle(log.id, UpdateOutcome::Published(new_version));
        Publish::Published { new_version, previous_version: judged, change_reason }
    }
}
