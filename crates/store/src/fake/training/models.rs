//! Versions of models.

use chrono::{DateTime, Utc};
use pawl_core::training::decide::Why;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    fake::{Prompt, State, reflections::write},
    serving::Endpoint,
    training::{DeliveryState, Filters, ModelVersion, OpenModelTest, OpenVersion, Split, Status},
};

/// A row of `model_versions`, with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at the table model_versions")]
pub struct StoredModel {
    pub id: Uuid,
    pub assistant_id: Uuid,
    pub number: i32,
    pub status: Status,
    /// Why it failed.
    pub reason: Option<String>,
    pub why: Why,
    pub filters: Filters,
    pub base_model: String,
    pub prompt_id: Uuid,
    pub prompt_version: i32,
    /// What the trainer measured.
    pub metrics: Value,
    pub endpoint: Option<Endpoint>,
    pub manifest: Value,
    pub manifest_sha256: Option<String>,
    pub samples: u64,
    pub created_at: DateTime<Utc>,
    /// It was decided on, or failed.
    pub finished: bool,
    pub deployed_at: Option<DateTime<Utc>>,
    pub parts: Vec<StoredPart>,
    pub delivery: Option<StoredDelivery>,
    /// Prompt versions that are served by it.
    pub prompts: Vec<Uuid>,
}

/// A row of `dataset_parts`, with its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at the table dataset_parts")]
pub struct StoredPart {
    pub number: u32,
    pub split: Split,
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
    pub cursor: Uuid,
    pub ids: Vec<Uuid>,
}

/// A row of `webhook_deliveries`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at the table webhook_deliveries")]
pub struct StoredDelivery {
    pub webhook_id: String,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_at: DateTime<Utc>,
    pub last_status: Option<u16>,
    pub last_error: Option<String>,
}

impl StoredModel {
    /// As `pawl.model_task`.
    pub(super) fn task(&self) -> ModelVersion {
        ModelVersion {
            id: self.id,
            version: format!("v{}", self.number),
            number: self.number,
            status: self.status,
            filters: self.filters.clone(),
            base_model: self.base_model.clone(),
            prompt_version: self.prompt_version,
            cursor: self.parts.last().map(|part| part.cursor),
            parts: self.parts.iter().map(|part| part.number).max().unwrap_or_default(),
            rows: self.parts.iter().map(|part| part.ids.len() as u64).sum(),
            created_at: write(self.created_at),
        }
    }

    /// As `pawl.keep_model_version`.
    pub(super) fn set_status(&mut self, status: Status) {
        let open = [Status::Curating, Status::Pending, Status::Training, Status::Trained, Status::Testing];
        self.finished = self.finished || !open.contains(&status);
        self.status = status;
    }

    pub(super) fn fail(&mut self, reason: &str) {
        self.set_status(Status::Failed);
        self.reason = Some(reason.to_owned());
    }
}

impl State {
    /// As `pawl_open_model_version`.
    pub(super) fn open_model(
        &mut self,
        assistant_id: Uuid,
        why: &Why,
        filters: &Filters,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> OpenVersion {
        let ours = || self.training.models.iter().filter(|m| m.assistant_id == assistant_id);
        if let Some(unfinished) = ours().find(|m| !m.finished) {
            return OpenVersion::Unfinished { version: unfinished.task() };
        }
        let number = 1 + ours().map(|m| m.number).max().unwrap_or_default();
        let Some(live) = self.live_prompt(assistant_id) else { return OpenVersion::NoActivePrompt };
        let Some(assistant) = self.assistant(assistant_id) else { return OpenVersion::NoActivePrompt };
        let mut filters = filters.clone();
        filters.keep.sort_by(|(one, _), (other, _)| one.cmp(other));
        let model = StoredModel {
            id,
            assistant_id,
            number,
            status: Status::Curating,
            reason: None,
            why: why.clone(),
            filters,
            base_model: assistant.settings.chat_model.clone(),
            prompt_id: live.id,
            prompt_version: live.version,
            metrics: Value::Null,
            endpoint: None,
            manifest: Value::Null,
            manifest_sha256: None,
            samples: 0,
            created_at: now,
            finished: false,
            deployed_at: None,
            parts: Vec::new(),
            delivery: None,
            prompts: Vec::new(),
        };
        let version = model.task();
        self.training.models.push(model);
        OpenVersion::Ok { version }
    }

    /// As `pawl_open_model_test`.
    pub(super) fn open_model_test(&mut self, model: &StoredModel, ids: [Uuid; 2], now: DateTime<Utc>) -> OpenModelTest {
        let [id, test_id] = ids;
        let in_test = |p: &&Prompt| model.prompts.contains(&p.id) && matches!(p.state, "screening" | "proving");
        match (model.status, self.prompts.iter().find(in_test)) {
            (Status::Testing, Some(tested)) => return OpenModelTest::Ok { version: tested.version },
            (Status::Trained, _) => {}
            (status, _) => return OpenModelTest::Closed { status },
        }
        let live = match self.in_the_way_of_model(model.assistant_id, now) {
            Err(reason) => return OpenModelTest::Held { reason: reason.to_owned() },
            Ok(live) => live,
        };
        let live_id = live.id;
        let again = |p: &&Prompt| model.prompts.contains(&p.id) && p.state == "draft" && p.content == live.content;
        let (candidate_id, version) = match self.prompts.iter().rfind(again) {
            Some(draft) => (draft.id, draft.version),
            None => {
                let version = self.add_version(Prompt {
                    id,
                    endpoint: model.endpoint.clone(),
                    placebo: false,
                    approved_at: None,
                    locked: false,
                    by_system: true,
                    created_at: now,
                    change_reason: format!("The live text, answered by model v{}", model.number),
                    previous_id: Some(live_id),
                    reflection_id: None,
                    ..live
                });
                self.model_mut(model.id).into_iter().for_each(|m| m.prompts.push(id));
                (id, version)
            }
        };
        self.open_test(candidate_id, live_id, test_id);
        self.changes += 1;
        if self.assistant(model.assistant_id).is_some_and(|a| a.settings.approval_required)
            && let Some(candidate) = self.prompt(candidate_id).cloned()
        {
            self.ask_for_approval(&candidate);
        }
        OpenModelTest::Ok { version }
    }

    /// The live version, if a model may be tested beside it.
    fn in_the_way_of_model(&self, assistant_id: Uuid, now: DateTime<Utc>) -> Result<Prompt, &'static str> {
        let live = self.live_prompt(assistant_id);
        let paused = self.assistant(assistant_id).is_some_and(|a| a.settings.is_paused(now));
        match live {
            _ if paused => Err("paused"),
            Some(live) if live.locked => Err("locked"),
            _ if self.running(assistant_id).is_some() => Err("in_proof"),
            _ if self.budget_is_spent(assistant_id, now) => Err("yearly_budget"),
            None => Err("no_active_prompt"),
            Some(live) if !self.missing_clauses(assistant_id, &live.content).is_empty() => Err("clauses_missing"),
            Some(live) => Ok(live.clone()),
        }
    }

    /// As `pawl.follow_version`.
    pub(crate) fn follow_prompt(&mut self, prompt_id: Uuid) {
        let Some(id) = self.model_of_prompt(prompt_id).map(|m| m.id) else { return };
        let status = self.status_by_versions(id);
        self.model_mut(id).into_iter().for_each(|m| m.set_status(status));
    }

    /// As `pawl.status_by_versions`.
    fn status_by_versions(&self, id: Uuid) -> Status {
        let of = |prompt_id: Uuid| self.model_of_prompt(prompt_id).map(|m| m.id);
        let mut ours: Vec<_> = self.prompts.iter().filter(|p| !p.placebo && of(p.id) == Some(id)).collect();
        ours.sort_by_key(|p| p.activated_at);
        let test = |p: &Prompt| self.tests.iter().rfind(|t| t.candidate_id == p.id);
        let in_test = |p: &&Prompt| {
            let another = test(p).is_none_or(|t| of(t.baseline_id) != Some(id));
            matches!(p.state, "screening" | "proving") && another
        };
        let undecided = |p: &&Prompt| {
            p.state == "draft" || test(p).is_some_and(|t| t.state == "closed" && t.reason.as_deref() != Some("by_hand"))
        };
        if ours.iter().any(|p| p.is_active) {
            Status::Deployed
        } else if ours.iter().copied().any(|p| in_test(&p)) {
            Status::Testing
        } else if let Some(left) = ours.iter().rfind(|p| matches!(p.state, "retired" | "rolled_back")) {
            if left.state == "retired" { Status::Retired } else { Status::RolledBack }
        } else if ours.iter().copied().any(|p| undecided(&p)) {
            Status::Trained
        } else {
            Status::Rejected
        }
    }

    /// A prompt version went live, and with it its model; unless that was live before.
    pub(crate) fn note_deployed(&mut self, before: Option<Uuid>, prompt_id: Uuid, now: DateTime<Utc>) {
        let before = before.and_then(|id| self.model_of_prompt(id)).map(|m| m.id);
        let deployed = self.model_of_prompt(prompt_id).map(|m| m.id).filter(|id| Some(*id) != before);
        let model = deployed.and_then(|id| self.model_mut(id));
        model.into_iter().for_each(|m| m.deployed_at = Some(now));
    }

    fn model_of_prompt(&self, prompt_id: Uuid) -> Option<&StoredModel> {
        let prompt = self.prompt(prompt_id)?;
        self.training.models.iter().rfind(|m| {
            let inherited = m.endpoint.is_some() && m.endpoint == prompt.endpoint;
            m.assistant_id == prompt.assistant_id && (m.prompts.contains(&prompt_id) || inherited)
        })
    }
}
