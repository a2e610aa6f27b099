//! The trainer.

use serde_json::{Map, Value, json};

use super::{count, small, status, version, whole};
use crate::{
    reflections::rows::{about_itself, time},
    row::Row,
    training::{ClaimDelivery, Delivery, DeliveryState, OpenModelTest, RecordDelivery, SeenDataset, TrainingCallback},
};

/// `pawl_claim_delivery`'s answer.
pub(crate) fn read_claimed(outcome: &str, row: Row<'_>) -> Option<ClaimDelivery> {
    Some(match outcome {
        "ok" => ClaimDelivery::Ok(Box::new(delivery(row)?)),
        "not_due" => ClaimDelivery::NotDue { next_at: time(row, "next_at")? },
        "delivered" => ClaimDelivery::Delivered,
        "given_up" => ClaimDelivery::GivenUp,
        "not_ready" => ClaimDelivery::NotReady,
        "lease_lost" => ClaimDelivery::LeaseLost,
        _ => return None,
    })
}

fn delivery(row: Row<'_>) -> Option<Delivery> {
    let about = Row::of(row.at("version")?);
    Some(Delivery {
        webhook_id: row.text("webhook_id")?,
        attempt: whole(row, "attempt")?,
        version: version(about)?,
        model_name: about.text("model_name")?,
        samples: count(about, "samples")?,
        manifest: row.at("manifest")?.clone(),
        manifest_sha256: about.text("manifest_sha256")?,
    })
}

/// `pawl_record_delivery`'s answer.
pub(crate) fn read_recorded(outcome: &str, row: Row<'_>) -> Option<RecordDelivery> {
    Some(match outcome {
        "ok" => RecordDelivery::Ok {
            state: match row.at("state")?.as_str()? {
                "waiting" => DeliveryState::Waiting,
                "sending" => DeliveryState::Sending,
                "delivered" => DeliveryState::Delivered,
                "given_up" => DeliveryState::GivenUp,
                _ => return None,
            },
        },
        "superseded" => RecordDelivery::Superseded,
        "delivery_not_found" => RecordDelivery::NotFound,
        _ => return None,
    })
}

/// `pawl_training_callback`'s `p_dataset`.
pub(crate) fn write_dataset(dataset: &SeenDataset<'_>) -> Value {
    let mut parts = Map::new();
    for (path, sha256) in &dataset.parts {
        parts.insert((*path).to_owned(), json!(sha256));
    }
    json!({"manifest_sha256": dataset.manifest_sha256, "parts": parts})
}

/// `pawl_training_callback`'s answer.
pub(crate) fn read_callback(outcome: &str, row: Row<'_>) -> Option<TrainingCallback> {
    Some(match outcome {
        "ok" => TrainingCallback::Ok { status: status(row)?, about: about_itself(row)? },
        "replayed" => TrainingCallback::Replayed,
        "version_not_found" => TrainingCallback::VersionNotFound,
        "not_training" => TrainingCallback::NotTraining { status: status(row)? },
        "dataset_changed" => TrainingCallback::DatasetChanged { part: row.text("part")? },
        "model_missing" => TrainingCallback::ModelMissing,
        "part_missing" => TrainingCallback::PartMissing { part: row.text("part")? },
        _ => return None,
    })
}

/// `pawl_open_model_test`'s answer.
pub(crate) fn read_opened(outcome: &str, row: Row<'_>) -> Option<OpenModelTest> {
    Some(match outcome {
        "ok" => OpenModelTest::Ok { version: small(row, "version")? },
        "held" => OpenModelTest::Held { reason: row.text("reason")? },
        "closed" => OpenModelTest::Closed { status: status(row)? },
        "lease_lost" => OpenModelTest::LeaseLost,
        _ => return None,
    })
}
