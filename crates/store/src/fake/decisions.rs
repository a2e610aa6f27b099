//! What people decide.

mod versions;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Caller, FakeStore, Log, Prompt, Settings, State, StoredPattern, Suggested, UpdateOutcome};
use crate::{
    StoreError,
    decisions::{Change, Decision, Decisions, Order, Proposal, Refusal},
};

type Decided = Result<Change, Refusal>;

const MAX_REASON_CHARACTERS: usize = 1000;

impl Decisions for FakeStore {
    async fn decide(&self, order: &Order<'_>) -> Result<Decided, StoreError> {
        self.call("decide")?;
        if self.caller == Caller::Nobody {
            return Err(StoreError::Unauthenticated);
        }
        let (ids, now, caller) = ([self.draw(), self.draw()], self.now(), self.caller);
        Ok(self.state(|s| match s.steer(caller, order) {
            Err(refusal) => Err(refusal),
            Ok(_) if order.reason.is_some_and(|r| r.chars().count() > MAX_REASON_CHARACTERS) => {
                Err(Refusal::ReasonTooLong)
            }
            Ok(assistant_id) => {
                let decided = s.decide(assistant_id, order, ids, now);
                let assistant = s.assistant(assistant_id).map(|a| a.slug.clone()).unwrap_or_default();
                decided.map(|change| Change { assistant, ..change })
            }
        }))
    }
}

impl State {
    /// As `pawl.steer` and `pawl.take_hold_of`: the assistant, if the caller may steer it.
    pub(super) fn steer(&self, caller: Caller, order: &Order<'_>) -> Result<Uuid, Refusal> {
        let person = match (caller, order.user_id) {
            (Caller::User(_), Some(_)) => return Err(Refusal::UserNotAllowed),
            (Caller::User(id), None) => Some(id),
            (_, named) => named,
        };
        // What knows its assistant, and what who may not know of it is told.
        let (of_its_own, not_found) = match order.decision {
            Decision::Approve { what: Proposal::Suggestion(suggestion_id) }
            | Decision::Reject { what: Proposal::Suggestion(suggestion_id) } => {
                let suggestion = self.suggestions.iter().find(|s| s.id == suggestion_id);
                (Some(suggestion.map(|s| s.assistant_id)), Refusal::SuggestionNotFound)
            }
            Decision::RevertPattern { pattern_id } => {
                (Some(self.patterns.get(&pattern_id).map(|p| p.assistant_id)), Refusal::PatternNotFound)
            }
            _ => (None, Refusal::OrganizationNotFound),
        };
        let of_its_own = match of_its_own {
            Some(id) => Some(id.and_then(|id| self.assistant(id)).ok_or(not_found.clone())?),
            None => None,
        };
        let chosen = of_its_own.map(|a| a.organization_id).or(order.organization_id);
        let organization_id = match (person, chosen, self.organizations.as_slice()) {
            (Some(person), ..) => match self.find_organization(person, chosen) {
                Err(()) => return Err(Refusal::OrganizationRequired),
                Ok(None) => return Err(not_found),
                Ok(Some(id)) if self.members.get(&(id, person)) == Some(&true) => id,
                Ok(Some(_)) => return Err(Refusal::Forbidden),
            },
            (None, Some(id), known) if known.contains(&id) => id,
            (None, Some(_), _) => return Err(not_found),
            (None, None, [only]) => *only,
            (None, None, _) => return Err(Refusal::OrganizationRequired),
        };
        match of_its_own {
            Some(assistant) => Ok(assistant.id),
            None => self.find_assistant(organization_id, order.assistant).ok_or(Refusal::AssistantNotFound),
        }
    }

    fn decide(&mut self, assistant_id: Uuid, order: &Order<'_>, ids: [Uuid; 2], now: DateTime<Utc>) -> Decided {
        let [id, other_id] = ids;
        let reason = order.reason.unwrap_or_default();
        match order.decision {
            Decision::Pause { until } => match until.map(str::parse::<DateTime<Utc>>).transpose() {
                Err(_) => Err(Refusal::UntilInvalid),
                Ok(Some(until)) if until <= now => Err(Refusal::UntilIsPast),
                Ok(until) => self.change_settings(assistant_id, "pause", |s| {
                    (s.updates_paused, s.paused_until) = (until.is_none(), until);
                }),
            },
            Decision::Resume => self.change_settings(assistant_id, "resume", |s| {
                (s.updates_paused, s.paused_until) = (false, None);
            }),
            Decision::RequireApproval { required } => {
                let action = if required { "require_approval" } else { "waive_approval" };
                self.change_settings(assistant_id, action, |s| s.approval_required = required)
            }
            Decision::Protect { clauses } => {
                let fits = |c: &String| !c.trim().is_empty() && c.chars().count() <= 2000;
                if clauses.len() > 50 || !clauses.iter().all(fits) {
                    return Err(Refusal::ClausesInvalid);
                }
                let live = self.live_prompt(assistant_id).map(|p| p.content.clone());
                let mut decided =
                    self.change_settings(assistant_id, "protect", |s| s.protected_clauses = clauses.to_vec());
                if let Ok(change) = &mut decided {
                    let missing = live.map(|live| self.missing_clauses(assistant_id, &live));
                    change.about = json!({"missing": missing.unwrap_or_default()});
                }
                decided
            }
            Decision::Activate { version } => self.switch(assistant_id, "activate", version, now),
            Decision::Rollback { version } => self.roll_back(assistant_id, version, id, now),
            Decision::Write { content, activate } => self.write(assistant_id, content, activate, reason, id, now),
            Decision::Lock { version, locked } => self.lock(assistant_id, version, locked),
            Decision::Approve { what: Proposal::Suggestion(suggestion_id) } => {
                self.approve(assistant_id, suggestion_id, id, now)
            }
            Decision::Approve { what: Proposal::Version(version) } => {
                let prompt = self.version(assistant_id, version)?;
                if prompt.is_active {
                    return self.changed("approve", json!({"version": version}), &json!({}), &json!({}));
                }
                self.approve_version(&prompt, id, now)
            }
            Decision::Reject { what: Proposal::Suggestion(suggestion_id) } => self.reject(suggestion_id, now),
            Decision::Reject { what: Proposal::Version(version) } => {
                let prompt = self.version(assistant_id, version)?;
                if prompt.state == "rejected" {
                    return self.changed("reject", json!({"version": version}), &json!({}), &json!({}));
                }
                self.reject_version(&prompt, now)
            }
            Decision::Force { version } => {
                let prompt = self.version(assistant_id, version)?;
                let clauses = self.missing_clauses(assistant_id, &prompt.content);
                if prompt.placebo {
                    return Err(Refusal::NotTestable);
                } else if !prompt.is_active && !clauses.is_empty() {
                    return Err(Refusal::ClausesMissing { clauses });
                }
                self.switch(assistant_id, "force", version, now)
            }
            Decision::Test { version } => self.put_to_test(assistant_id, version, [id, other_id], now),
            Decision::RevertPattern { pattern_id } => self.revert_pattern(pattern_id),
        }
    }

    /// As `pawl.changed`: what differs of `after`.
    fn changed(&mut self, action: &str, about: Value, before: &Value, after: &Value) -> Decided {
        let differs = |(key, to): (&String, &Value)| {
            let from = before.get(key).cloned().unwrap_or_default();
            (from != *to).then(|| (key.clone(), json!({"from": from, "to": to})))
        };
        let changed: Map<_, _> = after.as_object().into_iter().flatten().filter_map(differs).collect();
        self.changes += i64::from(!changed.is_empty());
        let audit_id = (!changed.is_empty()).then_some(self.changes);
        Ok(Change { action: action.to_owned(), assistant: String::new(), about, changed: changed.into(), audit_id })
    }

    fn change_settings(&mut self, assistant_id: Uuid, action: &str, change: impl FnOnce(&mut Settings)) -> Decided {
        let Some(assistant) = self.assistants.iter_mut().find(|a| a.id == assistant_id) else {
            return Err(Refusal::AssistantNotFound);
        };
        let shown = |s: &Settings| {
            json!({
                "updates_paused": s.updates_paused,
                "paused_until": s.paused_until,
                "approval_required": s.approval_required,
                "protected_clauses": s.protected_clauses,
            })
        };
        let before = shown(&assistant.settings);
        change(&mut assistant.settings);
        let after = shown(&assistant.settings);
        self.changed(action, json!({}), &before, &after)
    }

    fn live_version(&self, assistant_id: Uuid) -> Option<i32> {
        self.live_prompt(assistant_id).map(|p| p.version)
    }

    fn lock(&mut self, assistant_id: Uuid, version: Option<i32>, locked: bool) -> Decided {
        let chosen = |p: &&mut Prompt| {
            p.assistant_id == assistant_id && version.map_or(p.is_active, |version| p.version == version)
        };
        let Some(prompt) = self.prompts.iter_mut().find(chosen) else { return Err(Refusal::VersionNotFound) };
        let (version, before) = (prompt.version, prompt.locked);
        prompt.locked = locked;
        let action = if locked { "lock" } else { "unlock" };
        self.changed(action, json!({"version": version}), &json!({"locked": before}), &json!({"locked": locked}))
    }

    fn review(
        &mut self,
        suggestion_id: Uuid,
        action: &str,
        status: &'static str,
        about: Value,
        live: Value,
        now: DateTime<Utc>,
    ) -> Decided {
        let Some(suggestion) = self.suggestions.iter_mut().find(|s| s.id == suggestion_id) else {
            return Err(Refusal::SuggestionNotFound);
        };
        let mut before = json!({"status": suggestion.status});
        let mut after = json!({"status": status});
        (suggestion.status, suggestion.reviewed_at) = (status, Some(now));
        if let (Some(before), Some(after), Some((from, to))) =
            (before.as_object_mut(), after.as_object_mut(), live.get("from").zip(live.get("to")))
        {
            before.insert("live_version".to_owned(), from.clone());
            after.insert("live_version".to_owned(), to.clone());
        }
        self.changed(action, about, &before, &after)
    }

    fn approve(&mut self, assistant_id: Uuid, suggestion_id: Uuid, id: Uuid, now: DateTime<Utc>) -> Decided {
        let Some(suggestion) = self.suggestions.iter().find(|s| s.id == suggestion_id).cloned() else {
            return Err(Refusal::SuggestionNotFound);
        };
        let about = json!({"suggestion_id": suggestion_id});
        match (suggestion.status, suggestion.kind) {
            ("rejected", _) => return Err(Refusal::AlreadyReviewed { status: "rejected".to_owned() }),
            (_, "prompt_change") if suggestion.status != "implemented" => {}
            ("pending", _) => return self.review(suggestion_id, "approve", "approved", about, Value::Null, now),
            _ => return self.changed("approve", about, &json!({}), &json!({})),
        }
        let live = self.live_prompt(assistant_id).map(|p| (p.id, p.version));
        let written = suggestion.prompt_id.and_then(|id| self.prompt(id)).cloned();
        let judged = self.logs.iter().find(|l| l.id == suggestion.reflection_id).map(|l| l.prompt_id);
        let of_which = written.as_ref().and_then(|p| p.previous_id).or(judged);
        let in_test = written.as_ref().is_some_and(|p| self.is_in_test(p.id));
        if !in_test && of_which != live.map(|(id, _)| id) {
            return Err(Refusal::Superseded { live_version: live.map(|(_, version)| version) });
        }
        let Some(written) = written else {
            return self.have_it_written(assistant_id, &suggestion, now);
        };
        // (A suggestion about a version written by hand, which goes live here, is made by nothing in this store.)
        self.approve_version(&written, id, now)
    }

    /// As `pawl.have_it_written`.
    fn have_it_written(&mut self, assistant_id: Uuid, suggestion: &Suggested, now: DateTime<Utc>) -> Decided {
        let block = self.assistant(assistant_id).and_then(|a| self.update_block(a, now));
        let about = json!({"suggestion_id": suggestion.id, "owed": true, "blocked_by": block});
        let refused = |l: &&mut Log| l.id == suggestion.reflection_id && l.update == Some(UpdateOutcome::Refused);
        let anew = self.logs.iter_mut().find(refused).map(|log| (log.update, log.update_attempts) = (None, 0));
        match (suggestion.status, anew) {
            ("approved", Some(())) => {
                self.changed("approve", about, &json!({"update": "refused"}), &json!({"update": "owed"}))
            }
            ("approved", None) => {
                self.changed("approve", json!({"suggestion_id": suggestion.id}), &json!({}), &json!({}))
            }
            _ => self.review(suggestion.id, "approve", "approved", about, Value::Null, now),
        }
    }

    fn reject(&mut self, suggestion_id: Uuid, now: DateTime<Utc>) -> Decided {
        let Some(suggestion) = self.suggestions.iter().find(|s| s.id == suggestion_id).cloned() else {
            return Err(Refusal::SuggestionNotFound);
        };
        let about = json!({"suggestion_id": suggestion_id});
        match suggestion.status {
            "implemented" => return Err(Refusal::AlreadyReviewed { status: "implemented".to_owned() }),
            "rejected" => return self.changed("reject", about, &json!({}), &json!({})),
            _ => {}
        }
        let written = suggestion.prompt_id.and_then(|id| self.prompt(id)).cloned();
        if let Some(written) = written {
            if self.is_in_test(written.id) {
                return self.reject_version(&written, now);
            }
            if written.state == "draft" && written.by_system {
                self.set_prompt_state(written.id, "rejected");
            }
        }
        self.review(suggestion_id, "reject", "rejected", about, Value::Null, now)
    }

    /// As `pawl_revert_pattern`.
    fn revert_pattern(&mut self, pattern_id: Uuid) -> Decided {
        let Some(pattern) = self.patterns.get_mut(&pattern_id) else { return Err(Refusal::PatternNotFound) };
        let shown = |p: &StoredPattern| json!({"state": p.state, "influence": p.influence});
        let before = shown(pattern);
        if ["candidate", "trial", "active", "warmdown"].contains(&pattern.state) {
            (pattern.state, pattern.influence) = ("reverted", 0.0);
        }
        let after = shown(pattern);
        self.changed("revert_pattern", json!({"pattern_id": pattern_id}), &before, &after)
    }
}
