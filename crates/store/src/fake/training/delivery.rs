//! The trainer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::models::StoredModel;
use crate::{
    fake::{State, reflections::write},
    serving::Endpoint,
    training::{
        Callback, ClaimDelivery, Delivery, DeliveryState, RecordDelivery, SeenDataset, Status, TrainingCallback,
    },
};

/// Minutes to wait after each attempt that failed; after one more it is given up.
const WAITS: [i64; 7] = [1, 5, 30, 120, 300, 600, 1440];
/// An attempt of which nothing is heard was lost.
const LOST: TimeDelta = TimeDelta::minutes(10);

impl StoredModel {
    /// As `pawl_claim_delivery`.
    pub(super) fn claim_delivery(&mut self, model_name: String, now: DateTime<Utc>) -> ClaimDelivery {
        let version = self.task();
        let pending = self.status == Status::Pending;
        let Some(delivery) = &mut self.delivery else { return ClaimDelivery::NotReady };
        match delivery.state {
            DeliveryState::Delivered => return ClaimDelivery::Delivered,
            DeliveryState::GivenUp => return ClaimDelivery::GivenUp,
            _ if !pending => return ClaimDelivery::NotReady,
            _ if delivery.next_at > now => return ClaimDelivery::NotDue { next_at: write(delivery.next_at) },
            _ => {}
        }
        if delivery.attempts as usize > WAITS.len() {
            delivery.state = DeliveryState::GivenUp;
            self.fail("webhook_given_up");
            return ClaimDelivery::GivenUp;
        }
        (delivery.state, delivery.attempts) = (DeliveryState::Sending, delivery.attempts + 1);
        delivery.next_at = now + LOST;
        ClaimDelivery::Ok(Box::new(Delivery {
            webhook_id: delivery.webhook_id.clone(),
            attempt: delivery.attempts,
            version,
            model_name,
            samples: self.samples,
            manifest: self.manifest.clone(),
            manifest_sha256: self.manifest_sha256.clone().unwrap_or_default(),
        }))
    }

    /// As `pawl_record_delivery`.
    pub(super) fn record_delivery(
        &mut self,
        attempt: u32,
        status: Option<u16>,
        error: Option<&str>,
        now: DateTime<Utc>,
    ) -> RecordDelivery {
        let Some(delivery) = &mut self.delivery else { return RecordDelivery::NotFound };
        if delivery.attempts != attempt {
            return RecordDelivery::Superseded;
        }
        if delivery.state != DeliveryState::Sending {
            return RecordDelivery::Ok { state: delivery.state };
        }
        (delivery.last_status, delivery.last_error) = (status, error.map(str::to_owned));
        if status.is_none() && error.is_some_and(|code| code.starts_with("storage_")) {
            (delivery.state, delivery.attempts) = (DeliveryState::Waiting, attempt - 1);
            delivery.next_at = now + TimeDelta::minutes(1);
            return RecordDelivery::Ok { state: delivery.state };
        }
        let wait = WAITS.get(attempt.saturating_sub(1) as usize).copied();
        let state = match (status, wait) {
            (Some(200..300), _) => DeliveryState::Delivered,
            (Some(410), _) | (_, None) => DeliveryState::GivenUp,
            (_, Some(minutes)) => {
                delivery.next_at =
                    now + TimeDelta::minutes(minutes).max(if status.is_none() { LOST } else { TimeDelta::zero() });
                DeliveryState::Waiting
            }
        };
        delivery.state = state;
        match state {
            DeliveryState::Delivered if self.status == Status::Pending => self.set_status(Status::Training),
            DeliveryState::GivenUp if self.status == Status::Pending => self.fail("webhook_given_up"),
            _ => {}
        }
        RecordDelivery::Ok { state }
    }
}

impl State {
    /// As `pawl_training_callback`.
    pub(super) fn training_callback(&mut self, callback: &Callback<'_>) -> TrainingCallback {
        let id = callback.model_version_id;
        let Some(model) = self.training.models.iter().find(|m| m.id == id) else {
            return TrainingCallback::VersionNotFound;
        };
        if self.training.callbacks.contains(callback.callback_id) {
            return TrainingCallback::Replayed;
        }
        if !matches!(model.status, Status::Pending | Status::Training) {
            return TrainingCallback::NotTraining { status: model.status };
        }
        let endpoint = callback
            .base_url
            .zip(callback.model)
            .map(|(base_url, model)| Endpoint { base_url: base_url.to_owned(), model: model.to_owned() });
        if callback.status == "succeeded" {
            match self.wrong_dataset(model, callback.dataset.as_ref()) {
                Some(wrong) => return wrong,
                None if endpoint.is_none() => return TrainingCallback::ModelMissing,
                None => {}
            }
        }
        let Some(about) = self.about(model.assistant_id) else { return TrainingCallback::VersionNotFound };
        self.training.callbacks.insert(callback.callback_id.to_owned());
        let Some(model) = self.model_mut(id) else { return TrainingCallback::VersionNotFound };
        match callback.status {
            "succeeded" => {
                model.metrics = callback.metrics.clone();
                model.endpoint = endpoint;
                model.set_status(Status::Trained);
            }
            "failed" => {
                let is_code = |code: &&str| {
                    (1..=40).contains(&code.len())
                        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                };
                model.fail(callback.error.filter(is_code).unwrap_or("trainer_failed"));
            }
            _ => model.set_status(Status::Training),
        }
        if let Some(delivery) = &mut model.delivery {
            delivery.state = DeliveryState::Delivered;
        }
        TrainingCallback::Ok { status: model.status, about }
    }

    /// As `pawl.dataset_fault`.
    fn wrong_dataset(&self, model: &StoredModel, seen: Option<&SeenDataset<'_>>) -> Option<TrainingCallback> {
        let missing = |part: &str| TrainingCallback::PartMissing { part: part.to_owned() };
        let changed = |part: &str| TrainingCallback::DatasetChanged { part: part.to_owned() };
        let Some(seen) = seen else { return Some(missing("manifest")) };
        if Some(seen.manifest_sha256) != model.manifest_sha256.as_deref() {
            return Some(changed("manifest"));
        }
        let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
        ours.extend(model.parts.iter().map(|part| (part.path.as_str(), part.sha256.as_str())));
        theirs.extend(seen.parts.iter().copied());
        let paths: BTreeSet<_> = ours.keys().chain(theirs.keys()).copied().collect();
        paths.into_iter().find_map(|path| match (ours.get(path), theirs.get(path)) {
            (ours, theirs) if ours == theirs => None,
            (Some(_), None) => Some(missing(path)),
            _ => Some(changed(path)),
        })
    }
}
