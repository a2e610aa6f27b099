//! What people decide about versions.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Decided;
use crate::{
    decisions::{Change, Refusal},
    fake::{Log, Prompt, State, Suggested},
    proof::DecideTest,
};

impl State {
    pub(super) fn version(&self, assistant_id: Uuid, version: i32) -> Result<Prompt, Refusal> {
        let ours = |p: &&Prompt| p.assistant_id == assistant_id && p.version == version;
        self.prompts.iter().find(ours).cloned().ok_or(Refusal::VersionNotFound)
    }

    /// As `pawl.open_suggestion`: its id and status.
    pub(super) fn open_suggestion(&self, prompt_id: Uuid) -> Option<(Uuid, &'static str)> {
        let open = |s: &&Suggested| s.prompt_id == Some(prompt_id) && ["pending", "approved"].contains(&s.status);
        self.suggestions.iter().find(open).map(|s| (s.id, s.status))
    }

    pub(super) fn status_of(&self, suggestion: Option<(Uuid, &'static str)>) -> Option<&'static str> {
        let (id, _) = suggestion?;
        self.suggestions.iter().find(|s| s.id == id).map(|s| s.status)
    }

    pub(super) fn review_open(&mut self, suggestion: Option<(Uuid, &'static str)>, now: DateTime<Utc>) {
        let reviewed = self.suggestions.iter_mut().find(|s| suggestion.is_some_and(|(id, _)| s.id == id));
        reviewed.into_iter().for_each(|s| s.reviewed_at = Some(now));
    }

    /// As `pawl.is_in_test`.
    pub(super) fn is_in_test(&self, prompt_id: Uuid) -> bool {
        self.tests.iter().any(|t| t.candidate_id == prompt_id && t.runs())
    }

    /// As `pawl.approve`.
    pub(super) fn approve_version(&mut self, prompt: &Prompt, receipt_id: Uuid, now: DateTime<Utc>) -> Decided {
        let Some(test) = self.running(prompt.assistant_id).filter(|t| t.candidate_id == prompt.id).cloned() else {
            return Err(Refusal::TestNotFound);
        };
        let clauses = self.missing_clauses(prompt.assistant_id, &prompt.content);
        if !clauses.is_empty() && !prompt.placebo {
            return Err(Refusal::ClausesMissing { clauses });
        }
        let suggestion = self.open_suggestion(prompt.id);
        let approved = self.prompts.iter_mut().find(|p| p.id == prompt.id);
        approved.into_iter().for_each(|p| p.approved_at = p.approved_at.or(Some(now)));
        if let Some((id, "pending")) = suggestion {
            self.suggestions.iter_mut().filter(|s| s.id == id).for_each(|s| s.status = "approved");
            self.review_open(suggestion, now);
        }
        let mut about = Map::from_iter([("version".to_owned(), json!(prompt.version))]);
        about.extend(suggestion.map(|(id, _)| ("suggestion_id".to_owned(), json!(id))));
        if test.held.as_deref() == Some("awaiting_approval") {
            self.test_mut(test.id).into_iter().for_each(|t| t.held = None);
            if test.verdict.is_some() {
                about.extend(match self.promote_test(test.id, receipt_id, now) {
                    DecideTest::Ok { receipt_id, .. } => Some(("receipt_id".to_owned(), json!(receipt_id))),
                    DecideTest::Held { reason } => Some(("held".to_owned(), json!(reason))),
                    _ => None,
                });
            }
        }
        let before = json!({"approved": prompt.approved_at.is_some(), "status": suggestion.map(|(_, status)| status)});
        let after = json!({"approved": true, "status": self.status_of(suggestion)});
        self.changed("approve", about.into(), &before, &after)
    }

    /// As `pawl.reject`.
    pub(super) fn reject_version(&mut self, prompt: &Prompt, now: DateTime<Utc>) -> Decided {
        if !self.is_in_test(prompt.id) {
            return Err(Refusal::TestNotFound);
        }
        let suggestion = self.open_suggestion(prompt.id);
        self.prompts.iter_mut().filter(|p| p.id == prompt.id).for_each(|p| p.approved_at = None);
        self.review_open(suggestion, now);
        self.close_test(prompt.assistant_id, "by_hand", now);
        let mut about = Map::from_iter([("version".to_owned(), json!(prompt.version))]);
        about.extend(suggestion.map(|(id, _)| ("suggestion_id".to_owned(), json!(id))));
        let before = json!({"state": prompt.state, "status": suggestion.map(|(_, status)| status)});
        let after = json!({"state": "rejected", "status": suggestion.map(|_| "rejected")});
        self.changed("reject", about.into(), &before, &after)
    }

    /// As `pawl_test_version`.
    pub(super) fn put_to_test(
        &mut self,
        assistant_id: Uuid,
        version: Option<i32>,
        [id, test_id]: [Uuid; 2],
        now: DateTime<Utc>,
    ) -> Decided {
        let prompt = version.map(|version| self.version(assistant_id, version)).transpose()?;
        let in_test = self.running(assistant_id).and_then(|t| self.prompt(t.candidate_id)).map(|p| (p.id, p.version));
        if let Some((in_test, in_test_version)) = in_test {
            if prompt.is_some_and(|p| p.id == in_test) {
                return self.changed("test", json!({"version": version}), &json!({}), &json!({}));
            }
            return Err(Refusal::InProof { version: in_test_version });
        }
        let Some(live) = self.live_prompt(assistant_id).cloned() else { return Err(Refusal::NotTestable) };
        let (before, about) = match prompt {
            None => {
                let version = self.test_placebo(live.id, id, test_id, now);
                (Value::Null, json!({"version": version, "placebo": true}))
            }
            Some(prompt) => {
                let may_be = ["draft", "rejected", "rolled_back"].contains(&prompt.state);
                if prompt.placebo || prompt.content == live.content || !may_be {
                    return Err(Refusal::NotTestable);
                }
                let clauses = self.missing_clauses(assistant_id, &prompt.content);
                if !clauses.is_empty() {
                    return Err(Refusal::ClausesMissing { clauses });
                }
                self.open_test(prompt.id, live.id, test_id);
                (json!(prompt.state), json!({"version": version}))
            }
        };
        self.changed("test", about, &json!({"state": before}), &json!({"state": "screening"}))
    }

    /// As `pawl.make_live`: the suggestion that asked for approval, as it was.
    pub(super) fn make_live(
        &mut self,
        prompt: &Prompt,
        action: &str,
        now: DateTime<Utc>,
    ) -> Option<(Uuid, &'static str)> {
        let suggestion = self.open_suggestion(prompt.id);
        if suggestion.is_some_and(|(_, status)| status == "pending") {
            self.review_open(suggestion, now);
        }
        let leaving = if action == "rollback" { "rolled_back" } else { "retired" };
        self.go_live(prompt.assistant_id, prompt.id, action, leaving, now);
        suggestion
    }

    pub(super) fn switch(&mut self, assistant_id: Uuid, action: &str, version: i32, now: DateTime<Utc>) -> Decided {
        let before = self.live_version(assistant_id);
        let target = self.version(assistant_id, version)?;
        let mut suggestion = None;
        if action != "force" && is_unproved(&target) {
            return Err(Refusal::NotProved);
        } else if !target.is_active {
            suggestion = self.make_live(&target, action, now);
        }
        let missing = self.missing_clauses(assistant_id, &target.content);
        let mut about = Map::from_iter([("version".to_owned(), json!(version))]);
        about.extend((!missing.is_empty()).then(|| ("missing_clauses".to_owned(), json!(missing))));
        about.extend(suggestion.map(|(id, _)| ("suggestion_id".to_owned(), json!(id))));
        let before = json!({"live_version": before, "status": suggestion.map(|(_, status)| status)});
        let after = json!({"live_version": version, "status": suggestion.map(|_| "implemented")});
        self.changed(action, about.into(), &before, &after)
    }

    pub(super) fn roll_back(
        &mut self,
        assistant_id: Uuid,
        version: Option<i32>,
        log_id: Uuid,
        now: DateTime<Utc>,
    ) -> Decided {
        let live = self.live_prompt(assistant_id).cloned();
        let earlier = self.version_before(assistant_id).map(|(_, version)| version);
        let Some(version) = version.or(earlier) else { return Err(Refusal::NoEarlierVersion) };
        let decided = self.switch(assistant_id, "rollback", version, now);
        if let (Ok(Change { audit_id: Some(_), .. }), Some(target)) = (&decided, self.live_prompt(assistant_id)) {
            let prompt_id = live.map_or(target.id, |p| p.id);
            self.logs.push(Log::of_rollback(log_id, assistant_id, prompt_id, now));
        }
        decided
    }

    pub(super) fn write(
        &mut self,
        assistant_id: Uuid,
        content: &str,
        activate: bool,
        reason: &str,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Decided {
        let clauses = self.missing_clauses(assistant_id, content);
        if content.trim().is_empty() || content.chars().count() > 100_000 {
            return Err(Refusal::ContentInvalid);
        } else if !clauses.is_empty() {
            return Err(Refusal::ClausesMissing { clauses });
        }
        let live = self.live_prompt(assistant_id).map(|p| (p.id, p.version));
        let ours = self.prompts.iter().filter(|p| p.assistant_id == assistant_id && !p.placebo);
        let newest = ours.max_by_key(|p| p.version).map(|p| (p.id, p.version, p.content == content));
        let (id, version) = match newest {
            Some((id, version, true)) => (id, version),
            _ => {
                let version = self.add_version(Prompt {
                    id,
                    assistant_id,
                    version: 0,
                    content: content.to_owned(),
                    endpoint: live.and_then(|(id, _)| self.prompt(id)?.endpoint.clone()),
                    state: "draft",
                    is_active: false,
                    placebo: false,
                    approved_at: None,
                    came_by: String::new(),
                    locked: false,
                    by_system: false,
                    test_again: None,
                    created_at: now,
                    activated_at: None,
                    change_reason: reason.to_owned(),
                    previous_id: live.map(|(id, _)| id),
                    reflection_id: None,
                });
                (id, version)
            }
        };
        let mut suggestion = None;
        if activate && live.is_none_or(|(live, _)| live != id) {
            let Some(written) = self.prompt(id).cloned() else { return Err(Refusal::VersionNotFound) };
            if is_unproved(&written) {
                return Err(Refusal::NotProved);
            }
            suggestion = self.make_live(&written, "write", now);
        }
        let mut about = Map::from_iter([("version".to_owned(), json!(version))]);
        about.extend(suggestion.map(|(id, _)| ("suggestion_id".to_owned(), json!(id))));
        let (newest, live) = (newest.map(|(_, version, _)| version), live.map(|(_, version)| version));
        let status = suggestion.map(|(_, status)| status);
        let before = json!({"latest_version": newest, "live_version": live, "status": status});
        let live = self.live_version(assistant_id);
        let status = suggestion.map(|_| "implemented");
        let after = json!({"latest_version": version, "live_version": live, "status": status});
        self.changed("write", about.into(), &before, &after)
    }
}

/// As `pawl.is_unproved`.
fn is_unproved(prompt: &Prompt) -> bool {
    prompt.by_system && prompt.activated_at.is_none() && !prompt.is_active
}
