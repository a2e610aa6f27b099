//! What the loop writes to take the live prompt's place.

use chrono::{DateTime, Utc};
use pawl_core::decision::Action;
use uuid::Uuid;

use super::{FakeStore, Log, Prompt, State, StoredTest, Suggested, UpdateOutcome};
use crate::{
    StoreError,
    prompts::{BeginUpdate, NewVersion, Prompts, RefuseUpdate, Submit, Submitted, Update},
    reflections::SkipReason,
};

const MAX_ATTEMPTS: u32 = 5;

impl Prompts for FakeStore {
    async fn begin_update(&self, reflection_id: Uuid) -> Result<BeginUpdate, StoreError> {
        self.service_call("begin_update")?;
        let (suggestion_id, placebo_id, test_id, now) = (self.draw(), self.draw(), self.draw(), self.now());
        Ok(self.state(|s| {
            let Some(log) = s.log(reflection_id) else { return BeginUpdate::ReflectionNotFound };
            match log.update {
                None if !s.calls_for_update(log) => return BeginUpdate::NotAnUpdate,
                Some(UpdateOutcome::Submitted(_)) => return BeginUpdate::Submitted(s.submitted(reflection_id)),
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
            if assistant.settings.placebo_share >= 1.0 {
                let live_id = prompt.id;
                s.test_placebo(live_id, placebo_id, test_id, now);
                return BeginUpdate::Skipped { reason: SkipReason::Placebo };
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

    async fn submit(&self, version: &NewVersion<'_>) -> Result<Submit, StoreError> {
        self.service_call("submit")?;
        let (id, test_id, suggestion_id, now) = (self.draw(), self.draw(), self.draw(), self.now());
        Ok(self.state(|s| s.submit(version, [id, test_id, suggestion_id], now)))
    }

    async fn refuse_update(&self, reflection_id: Uuid, reason: &str) -> Result<RefuseUpdate, StoreError> {
        self.service_call("refuse_update")?;
        let suggestion_id = self.draw();
        Ok(self.state(|s| {
            let Some(log) = s.log(reflection_id).cloned() else { return RefuseUpdate::ReflectionNotFound };
            match log.update {
                None if !s.calls_for_update(&log) => RefuseUpdate::NotAnUpdate,
                Some(UpdateOutcome::Submitted(_)) => RefuseUpdate::Submitted,
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

    /// What came of a reflection, as `pawl.update_result` says.
    fn submitted(&self, reflection_id: Uuid) -> Submitted {
        let made = self.prompts.iter().find(|p| p.reflection_id == Some(reflection_id));
        let before = made.and_then(|p| self.prompt(p.previous_id?));
        let asked = self.suggestions.iter().find(|s| s.prompt_id.is_some() && s.prompt_id == made.map(|p| p.id));
        Submitted {
            new_version: made.map(|p| p.version).unwrap_or_default(),
            previous_version: before.map(|p| p.version),
            change_reason: made.map(|p| p.change_reason.clone()).unwrap_or_default(),
            suggestion_id: asked.map(|s| s.id),
        }
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

    /// Puts a version into a state; its suggestions end with it, as `pawl.end_suggestions` has them.
    pub(crate) fn set_prompt_state(&mut self, prompt_id: Uuid, state: &'static str) {
        let Some(prompt) = self.prompts.iter_mut().find(|p| p.id == prompt_id) else { return };
        let changes = prompt.state != state;
        (prompt.state, prompt.is_active) = (state, state == "active");
        if changes {
            self.follow_prompt(prompt_id);
        }
        let (status, live) = match state {
            "active" => ("implemented", true),
            "rejected" => ("rejected", false),
            _ => return,
        };
        let reflection_id = self.prompt(prompt_id).and_then(|p| p.reflection_id);
        for suggestion in self.suggestions.iter_mut().filter(|_| changes) {
            let about_it =
                suggestion.prompt_id == Some(prompt_id) && ["pending", "approved"].contains(&suggestion.status);
            let asked_for_it = live
                && suggestion.prompt_id.is_none()
                && Some(suggestion.reflection_id) == reflection_id
                && suggestion.status == "approved"
                && suggestion.kind == "prompt_change";
            if about_it || asked_for_it {
                suggestion.status = status;
            }
        }
    }

    /// As `pawl.go_live`, and the record of it; a rollback's is left out, as in `pawl.version_before`.
    pub(crate) fn go_live(
        &mut self,
        assistant_id: Uuid,
        prompt_id: Uuid,
        action: &str,
        leaving: &'static str,
        now: DateTime<Utc>,
    ) {
        let before = self.live_prompt(assistant_id).map(|p| (p.id, p.version));
        if let Some((before, _)) = before {
            self.set_prompt_state(before, leaving);
        }
        for prompt in self.prompts.iter_mut().filter(|p| before.is_some_and(|(id, _)| id == p.id)) {
            prompt.activated_at = prompt.activated_at.or(Some(prompt.created_at));
        }
        self.set_prompt_state(prompt_id, "active");
        self.note_deployed(before.map(|(id, _)| id), prompt_id, now);
        if let Some(prompt) = self.prompts.iter_mut().find(|p| p.id == prompt_id) {
            if prompt.activated_at.is_none() {
                prompt.previous_id = before.map(|(id, _)| id).or(prompt.previous_id);
            }
            prompt.activated_at = Some(now);
            prompt.came_by = action.to_owned();
            if action != "rollback" {
                self.switches.push((assistant_id, before.map(|(_, version)| version), prompt.version));
            }
        }
        let forced = self.running(assistant_id).map(|test| test.candidate_id == prompt_id);
        if let Some(forced) = forced {
            self.close_test(assistant_id, if forced { "forced" } else { "baseline_changed" }, now);
        }
    }

    /// Adds a draft; its number.
    pub(crate) fn add_version(&mut self, prompt: Prompt) -> i32 {
        let newest = self.prompts.iter().filter(|p| p.assistant_id == prompt.assistant_id).map(|p| p.version).max();
        let version = newest.unwrap_or_default() + 1;
        self.prompts.push(Prompt { version, state: "draft", is_active: false, activated_at: None, ..prompt });
        version
    }

    /// As `pawl.test_placebo`; the new version's number.
    pub(crate) fn test_placebo(&mut self, live_id: Uuid, id: Uuid, test_id: Uuid, now: DateTime<Utc>) -> Option<i32> {
        let live = self.prompt(live_id).cloned()?;
        let version = self.add_version(Prompt {
            id,
            placebo: true,
            approved_at: Some(now),
            locked: false,
            by_system: true,
            test_again: None,
            created_at: now,
            previous_id: Some(live_id),
            reflection_id: None,
            ..live
        });
        self.open_test(id, live_id, test_id);
        self.changes += 1;
        Some(version)
    }

    /// As `pawl.was_tried`.
    fn was_tried(&self, assistant_id: Uuid, baseline_id: Uuid, content: &str) -> bool {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let ours = |t: &&StoredTest| t.assistant_id == assistant_id && t.baseline_id == baseline_id && !t.placebo;
        self.tests.iter().filter(ours).any(|t| {
            let Some(tried) = self.prompt(t.candidate_id) else { return false };
            let is_out = t.state == "rejected" && tried.state == "rejected"
                || t.reason.as_deref() == Some("by_hand")
                || tried.state == "rolled_back";
            is_out && plain(&tried.content) == plain(content)
        })
    }

    fn submit(&mut self, version: &NewVersion<'_>, ids: [Uuid; 3], now: DateTime<Utc>) -> Submit {
        let [id, test_id, suggestion_id] = ids;
        let Some(log) = self.log(version.reflection_id).cloned() else { return Submit::ReflectionNotFound };
        let Some(assistant) = self.assistant(log.assistant_id) else { return Submit::ReflectionNotFound };
        let approval_required = assistant.settings.approval_required;
        let block = self.update_block(assistant, now);
        match log.update {
            None if !self.calls_for_update(&log) => return Submit::NotAnUpdate,
            Some(UpdateOutcome::Submitted(_)) => return Submit::Submitted(self.submitted(log.id)),
            Some(UpdateOutcome::Refused) => return Submit::Refused,
            None => {}
        }
        let live = self.live_prompt(log.assistant_id).map(|p| p.id);
        let endpoint = self.live_prompt(log.assistant_id).and_then(|p| p.endpoint.clone());
        if version.parent_id != log.prompt_id || live != Some(version.parent_id) {
            return Submit::Superseded;
        }
        if let Some(reason) = block {
            return Submit::Skipped { reason };
        }
        let clauses = self.missing_clauses(log.assistant_id, version.content);
        if !clauses.is_empty() {
            return Submit::ClausesMissing { clauses };
        }
        if self.was_tried(log.assistant_id, version.parent_id, version.content) {
            return Submit::TriedBefore;
        }
        let new_version = self.add_version(Prompt {
            id,
            assistant_id: log.assistant_id,
            version: 0,
            content: version.content.to_owned(),
            endpoint,
            state: "draft",
            is_active: false,
            placebo: false,
            approved_at: None,
            came_by: String::new(),
            locked: false,
            by_system: true,
            test_again: None,
            created_at: now,
            activated_at: None,
            change_reason: version.change_reason.to_owned(),
            previous_id: live,
            reflection_id: Some(log.id),
        });
        self.open_test(id, version.parent_id, test_id);
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
        }
        let outcome = UpdateOutcome::Submitted(new_version);
        self.logs.iter_mut().filter(|l| l.id == log.id).for_each(|l| l.update = Some(outcome.clone()));
        Submit::Submitted(self.submitted(log.id))
    }
}
