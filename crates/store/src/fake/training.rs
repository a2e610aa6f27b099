//! Retraining: what is collected, drift, versions of models with their datasets, and the trainer.

mod dataset;
mod delivery;
mod lessons;
mod looks;
mod models;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::training::decide::Why;
use serde_json::Value;
use uuid::Uuid;

use super::{FakeStore, State, reflections};
use crate::{
    StoreError,
    reflections::{About, Claim, ClaimRequest, Claimed, SkipReason, Skipped, Task, Timestamp, Work},
    runs::Runs,
    training::{
        AnalyzeFeedback, Callback, ClaimDelivery, Collected, DatasetPage, DriftLook, DriftMetric, Filters, FindRows,
        FindStock, OpenModelTest, OpenVersion, Part, RecordDelivery, RecordParts, Recorded, SealDataset, Split,
        TrainTask, Training, TrainingCallback, TrainingPage,
    },
};

pub use lessons::{StoredLesson, StoredSource};
pub use models::{StoredDelivery, StoredModel, StoredPart};

/// All that retraining keeps.
#[derive(Default)]
pub(crate) struct Kept {
    /// By assistant: whose, and until when.
    leases: BTreeMap<Uuid, (Uuid, DateTime<Utc>)>,
    checked_at: BTreeMap<Uuid, DateTime<Utc>>,
    /// By answer: the revision that it was collected at.
    collected: BTreeMap<Uuid, i32>,
    lessons: Vec<StoredLesson>,
    models: Vec<StoredModel>,
    drift: Vec<StoredDrift>,
    callbacks: BTreeSet<String>,
    runs: Vec<Value>,
}

/// A row of `drift_metrics`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at the table drift_metrics")]
pub struct StoredDrift {
    pub id: Uuid,
    pub assistant_id: Uuid,
    pub metric_type: String,
    pub baseline_value: f64,
    pub current_value: f64,
    pub drift_score: f64,
    pub alert: bool,
    pub details: Value,
    /// What a person was told.
    pub words: String,
    pub created_at: DateTime<Utc>,
}

impl FakeStore {
    /// Training data of an assistant.
    pub fn training_data(&self, assistant_id: Uuid) -> Vec<StoredLesson> {
        self.state(|s| s.training.lessons.iter().filter(|l| l.assistant_id == assistant_id).cloned().collect())
    }

    /// Versions of an assistant's model, in their order.
    pub fn models(&self, assistant_id: Uuid) -> Vec<StoredModel> {
        self.state(|s| s.training.models.iter().filter(|m| m.assistant_id == assistant_id).cloned().collect())
    }

    /// Recorded looks at drift, oldest first.
    pub fn drift_metrics(&self, assistant_id: Uuid) -> Vec<StoredDrift> {
        self.state(|s| s.training.drift.iter().filter(|d| d.assistant_id == assistant_id).cloned().collect())
    }

    /// Recorded runs.
    pub fn runs(&self) -> Vec<Value> {
        self.state(|s| s.training.runs.clone())
    }

    /// Forgets a person: their conversations, and what was learned from them.
    pub fn forget(&self, user_id: Uuid) {
        self.state(|s| s.forget(user_id));
    }
}

impl State {
    fn holds_training(&self, holder: Uuid, assistant_id: Uuid, now: DateTime<Utc>) -> bool {
        let lease = self.training.leases.get(&assistant_id);
        lease.is_some_and(|(who, until)| *who == holder && *until > now)
    }

    /// Whether the lease on the assistant of a version is held; and where the version is.
    fn held_model(&mut self, holder: Uuid, id: Uuid, now: DateTime<Utc>) -> Option<&mut StoredModel> {
        let assistant_id = self.training.models.iter().find(|m| m.id == id)?.assistant_id;
        if self.holds_training(holder, assistant_id, now) { self.model_mut(id) } else { None }
    }

    fn model_mut(&mut self, id: Uuid) -> Option<&mut StoredModel> {
        self.training.models.iter_mut().find(|m| m.id == id)
    }

    fn about(&self, assistant_id: Uuid) -> Option<About> {
        let assistant = self.assistant(assistant_id)?;
        Some(About { organization_id: assistant.organization_id, assistant_id, assistant: assistant.slug.clone() })
    }

    /// As `pawl.claim`.
    fn claim_training(&mut self, request: &ClaimRequest<'_>, before: DateTime<Utc>, now: DateTime<Utc>) -> Claim {
        let filtered = request.organization_id.is_some() || request.assistant.is_some();
        let ours = self.assistants.iter().filter(|a| {
            request.organization_id.is_none_or(|id| a.organization_id == id)
                && request.assistant.is_none_or(|slug| a.slug == slug)
        });
        let mut order: Vec<_> = ours.map(|a| (self.training.checked_at.get(&a.id).copied(), a.id)).collect();
        if filtered && order.is_empty() {
            return Claim::AssistantNotFound;
        }
        order.retain(|(checked_at, _)| checked_at.is_none_or(|at| at < before));
        order.sort();
        let as_of = reflections::write(before);
        let mut claimed = Claimed { as_of, skipped: Vec::new(), claim: None, more: false };
        for (_, id) in order {
            let Some(about) = self.about(id) else { continue };
            self.training.checked_at.insert(id, before);
            if self.training.leases.get(&id).is_some_and(|(_, until)| *until > now) {
                claimed.skipped.push(Skipped { about, reason: SkipReason::InProgress });
                continue;
            }
            let until = now + TimeDelta::seconds(i64::from(request.lease_seconds));
            self.training.leases.insert(id, (request.holder, until));
            let unfinished = self.training.models.iter().find(|m| m.assistant_id == id && !m.finished);
            let task = TrainTask { slug: about.assistant.clone(), version: unfinished.map(StoredModel::task) };
            claimed.claim = Some(Work { about, task: Task::Train(Box::new(task)) });
            claimed.more = true;
            break;
        }
        Claim::Ok(claimed)
    }
}

impl Training for FakeStore {
    async fn claim_training(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
    ) -> Result<Claim, StoreError> {
        self.service_call("claim_training")?;
        let now = self.now();
        // The database's clock moves while a claim runs; this one is moved.
        self.advance(TimeDelta::microseconds(1));
        let before = before.and_then(reflections::read).unwrap_or(self.now());
        Ok(self.state(|s| s.claim_training(request, before, now)))
    }

    async fn release_training(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError> {
        self.service_call("release_training")?;
        self.state(|s| s.training.leases.retain(|of, (who, _)| *of != assistant_id || *who != holder));
        Ok(())
    }

    async fn training_page(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        collected: &[Collected],
        limit: u32,
    ) -> Result<TrainingPage, StoreError> {
        self.service_call("training_page")?;
        let now = self.now();
        let ids: Vec<_> = collected.iter().map(|_| self.draw()).collect();
        Ok(self.state(|s| {
            if !s.holds_training(holder, assistant_id, now) {
                return TrainingPage::LeaseLost;
            }
            let stored = collected.iter().zip(ids).filter(|(one, id)| s.collect(assistant_id, one, *id, now)).count();
            let page = s.uncollected(assistant_id, now, limit.min(1000) as usize);
            TrainingPage::Ok { stored: u32::try_from(stored).unwrap_or(u32::MAX), page }
        }))
    }

    async fn drift_look(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        window_days: f64,
        baseline_days: f64,
    ) -> Result<DriftLook, StoreError> {
        self.service_call("drift_look")?;
        let now = self.now();
        Ok(self.state(|s| {
            if s.holds_training(holder, assistant_id, now) {
                DriftLook::Ok(s.look_at_drift(assistant_id, [window_days, baseline_days], now))
            } else {
                DriftLook::LeaseLost
            }
        }))
    }

    async fn record_drift(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        metrics: &[DriftMetric<'_>],
        words: &str,
    ) -> Result<Recorded, StoreError> {
        self.service_call("record_drift")?;
        let now = self.now();
        let ids: Vec<_> = metrics.iter().map(|_| self.draw()).collect();
        Ok(self.state(|s| {
            if !s.holds_training(holder, assistant_id, now) {
                return Recorded::LeaseLost;
            }
            s.training.drift.extend(metrics.iter().zip(ids).map(|(metric, id)| StoredDrift {
                id,
                assistant_id,
                metric_type: metric.metric_type.to_owned(),
                baseline_value: metric.baseline_value,
                current_value: metric.current_value,
                drift_score: metric.drift_score,
                alert: metric.alert,
                details: metric.details.clone(),
                words: words.to_owned(),
                created_at: now,
            }));
            Recorded::Ok
        }))
    }

    async fn training_stock(&self, holder: Uuid, assistant_id: Uuid, quality: f64) -> Result<FindStock, StoreError> {
        self.service_call("training_stock")?;
        let now = self.now();
        Ok(self.state(|s| {
            if s.holds_training(holder, assistant_id, now) {
                FindStock::Ok(s.stock(assistant_id, quality, now))
            } else {
                FindStock::LeaseLost
            }
        }))
    }

    async fn open_model_version(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        why: &Why,
        filters: &Filters,
    ) -> Result<OpenVersion, StoreError> {
        self.service_call("open_model_version")?;
        let (id, now) = (self.draw(), self.now());
        Ok(self.state(|s| {
            if s.holds_training(holder, assistant_id, now) {
                s.open_model(assistant_id, why, filters, id, now)
            } else {
                OpenVersion::LeaseLost
            }
        }))
    }

    async fn dataset_page(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<DatasetPage, StoreError> {
        self.service_call("dataset_page")?;
        let now = self.now();
        Ok(self.state(|s| match s.held_model(holder, model_version_id, now).cloned() {
            Some(model) => s.dataset_page(&model, after, limit.clamp(1, 2000) as usize),
            None => DatasetPage::LeaseLost,
        }))
    }

    async fn record_parts(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        cursor: Uuid,
        parts: &[Part<'_>],
    ) -> Result<RecordParts, StoreError> {
        self.service_call("record_parts")?;
        let now = self.now();
        Ok(self.state(|s| match s.held_model(holder, model_version_id, now) {
            Some(model) => model.record_parts(cursor, parts),
            None => RecordParts::LeaseLost,
        }))
    }

    async fn seal_dataset(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        manifest: &Value,
        manifest_sha256: &str,
    ) -> Result<SealDataset, StoreError> {
        self.service_call("seal_dataset")?;
        let now = self.now();
        Ok(self.state(|s| match s.held_model(holder, model_version_id, now).is_some() {
            true => s.seal_dataset(model_version_id, manifest, manifest_sha256, now),
            false => SealDataset::LeaseLost,
        }))
    }

    async fn dataset_rows(&self, model_version_id: Uuid, part: u32, split: Split) -> Result<FindRows, StoreError> {
        self.service_call("dataset_rows")?;
        Ok(self.state(|s| s.dataset_rows(model_version_id, part, split)))
    }

    async fn claim_delivery(&self, holder: Uuid, model_version_id: Uuid) -> Result<ClaimDelivery, StoreError> {
        self.service_call("claim_delivery")?;
        let now = self.now();
        Ok(self.state(|s| {
            let name = s.training.models.iter().find(|m| m.id == model_version_id).map(|m| m.assistant_id);
            let name = name.and_then(|id| s.assistant(id)).map(|a| a.slug.clone()).unwrap_or_default();
            match s.held_model(holder, model_version_id, now) {
                Some(model) => model.claim_delivery(name, now),
                None => ClaimDelivery::LeaseLost,
            }
        }))
    }

    async fn record_delivery(
        &self,
        webhook_id: &str,
        attempt: u32,
        status: Option<u16>,
        error: Option<&str>,
    ) -> Result<RecordDelivery, StoreError> {
        self.service_call("record_delivery")?;
        let now = self.now();
        Ok(self.state(|s| {
            let mut models = s.training.models.iter_mut();
            let told = models.find(|m| m.delivery.as_ref().is_some_and(|d| d.webhook_id == webhook_id));
            told.map_or(RecordDelivery::NotFound, |model| model.record_delivery(attempt, status, error, now))
        }))
    }

    async fn training_callback(&self, callback: &Callback<'_>) -> Result<TrainingCallback, StoreError> {
        self.service_call("training_callback")?;
        Ok(self.state(|s| s.training_callback(callback)))
    }

    async fn open_model_test(&self, holder: Uuid, model_version_id: Uuid) -> Result<OpenModelTest, StoreError> {
        self.service_call("open_model_test")?;
        let (ids, now) = ([self.draw(), self.draw()], self.now());
        Ok(self.state(|s| match s.held_model(holder, model_version_id, now).cloned() {
            Some(model) => s.open_model_test(&model, ids, now),
            None => OpenModelTest::LeaseLost,
        }))
    }

    async fn analyze_feedback(
        &self,
        organization_id: Option<Uuid>,
        assistant: Option<&str>,
        days: f64,
    ) -> Result<AnalyzeFeedback, StoreError> {
        self.call("analyze_feedback")?;
        let (now, caller) = (self.now(), self.caller);
        self.state(|s| s.analyze(caller, organization_id, assistant, days, now))
    }
}

impl Runs for FakeStore {
    async fn record_run(&self, run: &Value) -> Result<(), StoreError> {
        self.service_call("record_run")?;
        self.state(|s| s.training.runs.push(run.clone()));
        Ok(())
    }
}
