//! From feedback to a model, and what the functions did, through PostgREST.

use pawl_core::training::decide::Why;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Done, Postgrest};
use crate::{
    StoreError,
    reflections::{Claim, ClaimRequest, Timestamp, rows::read_training},
    runs::Runs,
    training::{
        AnalyzeFeedback, Callback, ClaimDelivery, Collected, DatasetPage, DriftLook, DriftMetric, Filters, FindRows,
        FindStock, OpenModelTest, OpenVersion, Part, RecordDelivery, RecordParts, Recorded, SealDataset, Split,
        Training, TrainingCallback, TrainingPage,
        rows::{self, dataset, delivery, looks},
    },
};

impl Training for Postgrest {
    async fn claim_training(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
    ) -> Result<Claim, StoreError> {
        let arguments = json!({
            "p_holder": request.holder,
            "p_organization_id": request.organization_id,
            "p_assistant": request.assistant,
            "p_force": request.force,
            "p_before": before,
            "p_lease_seconds": request.lease_seconds,
        });
        self.claimed("pawl_claim_training", &arguments, read_training).await
    }

    async fn release_training(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError> {
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id});
        self.rpc::<Done>("pawl_release_training", &arguments).await.map(drop)
    }

    async fn training_page(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        collected: &[Collected],
        limit: u32,
    ) -> Result<TrainingPage, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_assistant_id": assistant_id,
            "p_collected": rows::write_collected(collected),
            "p_limit": limit,
        });
        self.outcome("pawl_training_page", &arguments, rows::read_page).await
    }

    async fn drift_look(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        window_days: f64,
        baseline_days: f64,
    ) -> Result<DriftLook, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_assistant_id": assistant_id,
            "p_window_days": window_days,
            "p_baseline_days": baseline_days,
        });
        self.outcome("pawl_drift_look", &arguments, looks::read_drift).await
    }

    async fn record_drift(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        metrics: &[DriftMetric<'_>],
        words: &str,
    ) -> Result<Recorded, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_assistant_id": assistant_id,
            "p_metrics": looks::write_metrics(metrics),
            "p_words": words,
        });
        self.outcome("pawl_record_drift", &arguments, rows::read_recorded).await
    }

    async fn training_stock(&self, holder: Uuid, assistant_id: Uuid, quality: f64) -> Result<FindStock, StoreError> {
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id, "p_quality": quality});
        self.outcome("pawl_training_stock", &arguments, looks::read_stock).await
    }

    async fn open_model_version(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        why: &Why,
        filters: &Filters,
    ) -> Result<OpenVersion, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_assistant_id": assistant_id,
            "p_why": rows::write_why(why),
            "p_filters": rows::write_filters(filters),
        });
        self.outcome("pawl_open_model_version", &arguments, rows::read_opened).await
    }

    async fn dataset_page(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<DatasetPage, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_model_version_id": model_version_id,
            "p_after": after,
            "p_limit": limit,
        });
        self.outcome("pawl_dataset_page", &arguments, dataset::read_page).await
    }

    async fn record_parts(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        cursor: Uuid,
        parts: &[Part<'_>],
    ) -> Result<RecordParts, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_model_version_id": model_version_id,
            "p_cursor": cursor,
            "p_parts": dataset::write_parts(parts),
        });
        self.outcome("pawl_record_parts", &arguments, dataset::read_parts).await
    }

    async fn seal_dataset(
        &self,
        holder: Uuid,
        model_version_id: Uuid,
        manifest: &Value,
        manifest_sha256: &str,
    ) -> Result<SealDataset, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_model_version_id": model_version_id,
            "p_manifest": manifest,
            "p_manifest_sha256": manifest_sha256,
        });
        self.outcome("pawl_seal_dataset", &arguments, dataset::read_sealed).await
    }

    async fn dataset_rows(&self, model_version_id: Uuid, part: u32, split: Split) -> Result<FindRows, StoreError> {
        let arguments = json!({"p_model_version_id": model_version_id, "p_part": part, "p_split": split.code()});
        self.outcome("pawl_dataset_rows", &arguments, dataset::read_rows).await
    }

    async fn claim_delivery(&self, holder: Uuid, model_version_id: Uuid) -> Result<ClaimDelivery, StoreError> {
        let arguments = json!({"p_holder": holder, "p_model_version_id": model_version_id});
        self.outcome("pawl_claim_delivery", &arguments, delivery::read_claimed).await
    }

    async fn record_delivery(
        &self,
        webhook_id: &str,
        attempt: u32,
        status: Option<u16>,
        error: Option<&str>,
    ) -> Result<RecordDelivery, StoreError> {
        let arguments = json!({"p_webhook_id": webhook_id, "p_attempt": attempt, "p_status": status, "p_error": error});
        self.outcome("pawl_record_delivery", &arguments, delivery::read_recorded).await
    }

    async fn training_callback(&self, callback: &Callback<'_>) -> Result<TrainingCallback, StoreError> {
        let arguments = json!({
            "p_callback_id": callback.callback_id,
            "p_model_version_id": callback.model_version_id,
            "p_status": callback.status,
            "p_metrics": callback.metrics,
            "p_dataset": callback.dataset.as_ref().map(delivery::write_dataset),
            "p_base_url": callback.base_url,
            "p_model": callback.model,
            "p_error": callback.error,
        });
        self.outcome("pawl_training_callback", &arguments, delivery::read_callback).await
    }

    async fn open_model_test(&self, holder: Uuid, model_version_id: Uuid) -> Result<OpenModelTest, StoreError> {
        let arguments = json!({"p_holder": holder, "p_model_version_id": model_version_id});
        self.outcome("pawl_open_model_test", &arguments, delivery::read_opened).await
    }

    async fn analyze_feedback(
        &self,
        organization_id: Option<Uuid>,
        assistant: Option<&str>,
        days: f64,
    ) -> Result<AnalyzeFeedback, StoreError> {
        let arguments = json!({"p_organization_id": organization_id, "p_assistant": assistant, "p_days": days});
        self.outcome("pawl_analyze_feedback", &arguments, looks::read_analysis).await
    }
}

impl Runs for Postgrest {
    async fn record_run(&self, run: &Value) -> Result<(), StoreError> {
        self.rpc::<Done>("pawl_record_run", &json!({"p_run": run})).await.map(drop)
    }
}
