//! Telling the trainer: one signed webhook a version, again and again under the same id until it is taken.
//!
//! When, and how often, is the database's to say. An attempt whose end is not recorded may have arrived, so the next
//! one is minutes away; a trainer knows by `webhook-id` that it heard it before.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use pawl_core::training::webhook::{Secret, sign};
use pawl_edge::log::{self, Level};
use pawl_store::training::{ClaimDelivery, Delivery, DeliveryState, ModelVersion, RecordDelivery, Status, Training};
use serde_json::{Map, Value, json};

use crate::{
    handler::no_secret,
    host::Host,
    running::{Bench, Stop},
    storage::StorageError,
    wire::Worked,
};

/// How long the trainer may take to say that it heard.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long the addresses of a dataset hold: 7 days.
const ADDRESSES_SECONDS: u32 = 7 * 86_400;

/// Makes an attempt, if one is due, and records what came of it.
pub async fn deliver<S: Training, H: Host>(
    bench: &Bench<'_, S, H>,
    version: &ModelVersion,
    worked: &mut Worked,
) -> Result<(), Stop> {
    let (Some(url), Some(secret)) = (&bench.settings.webhook_url, bench.settings.webhook_secrets.first()) else {
        worked.reason = Some(no_secret().message);
        return Ok(());
    };
    let delivery = match bench.store.claim_delivery(bench.holder, version.id).await? {
        ClaimDelivery::Ok(delivery) => *delivery,
        ClaimDelivery::NotDue { next_at } => {
            worked.reason = Some(format!("The trainer did not take it; it is told again at {}", next_at.as_str()));
            return Ok(());
        }
        ClaimDelivery::Delivered => {
            worked.reason = Some(TOLD.to_owned());
            return Ok(());
        }
        ClaimDelivery::GivenUp => {
            (worked.status, worked.reason) = (Some(Status::Failed.code()), Some(GIVEN_UP.to_owned()));
            return Ok(());
        }
        ClaimDelivery::NotReady => {
            worked.reason = Some("The dataset is not complete".to_owned());
            return Ok(());
        }
        ClaimDelivery::LeaseLost => return Err(Stop::LeaseLost),
    };
    let body = match body(bench, &delivery).await {
        Ok(body) => body.to_string(),
        Err(fault) => {
            // The trainer was not asked: the attempt is given back. Without that it ends by itself, and counts.
            bench.store.record_delivery(&delivery.webhook_id, delivery.attempt, None, Some(fault.code())).await?;
            return Err(fault.into());
        }
    };
    let sent = send(bench, &delivery.webhook_id, body.as_bytes(), url, secret).await;
    let (status, error) = match &sent {
        Ok(status) => (Some(*status), refusal(*status)),
        Err(code) => (None, Some(*code)),
    };
    let is_taken = sent.is_ok() && error.is_none();
    // From here on the trainer is at work, whatever the database says.
    worked.triggered = is_taken;
    let recorded = bench.store.record_delivery(&delivery.webhook_id, delivery.attempt, status, error).await?;
    if is_taken {
        worked.status = Some(Status::Training.code());
        return Ok(());
    }
    let cause = error.unwrap_or_default();
    log::event(Level::Warn, "trainer_not_told", &[("cause", cause.into()), ("attempt", delivery.attempt.into())]);
    match recorded {
        RecordDelivery::Ok { state: DeliveryState::GivenUp } => {
            (worked.status, worked.reason) = (Some(Status::Failed.code()), Some(GIVEN_UP.to_owned()));
        }
        // It called back while it was told.
        RecordDelivery::Ok { state: DeliveryState::Delivered } => {
            (worked.triggered, worked.status) = (true, Some(Status::Training.code()));
            worked.reason = Some(TOLD.to_owned());
        }
        RecordDelivery::Ok { .. } | RecordDelivery::Superseded | RecordDelivery::NotFound => {
            worked.reason = Some(format!("The trainer did not take it ({cause}); it is told again"));
        }
    }
    Ok(())
}

const TOLD: &str = "The trainer was told";
const GIVEN_UP: &str = "The trainer did not take it, and is not told again";

/// Sends it, signed: the status of the answer, or why there is none.
async fn send<S: Training, H: Host>(
    bench: &Bench<'_, S, H>,
    id: &str,
    body: &[u8],
    url: &str,
    secret: &Secret,
) -> Result<u16, &'static str> {
    let now = (bench.unix_seconds)();
    let (at, signature) = (now.to_string(), sign(secret, id, now, body));
    let headers = [
        ("content-type", "application/json"),
        ("webhook-id", id),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    let answer = bench.host.post(url, &headers, body, bench.deadline.left().min(TIMEOUT)).await;
    // What it says beside is nobody's business.
    answer.map(|(status, _)| status).ok_or("webhook_unreachable")
}

/// What the trainer is told: which model to tune, and where the dataset lies.
async fn body<S: Training, H: Host>(bench: &Bench<'_, S, H>, delivery: &Delivery) -> Result<Value, StorageError> {
    let (now, storage, left) = ((bench.unix_seconds)(), bench.storage(), || bench.deadline.left());
    let version = &delivery.version;
    let folder = format!("{}/{}", bench.about.assistant_id, version.version);
    let sign = async |path: &str| storage.sign(path, ADDRESSES_SECONDS, left()).await;
    let manifest_url = sign(&format!("{folder}/manifest.json")).await?;
    let mut parts: Vec<Map<String, Value>> = Vec::new();
    for part in delivery.manifest.get("parts").and_then(Value::as_array).into_iter().flatten() {
        let path = part.get("path").and_then(Value::as_str).unwrap_or_default();
        let mut told = part.as_object().cloned().unwrap_or_default();
        told.insert("url".to_owned(), sign(path).await?.into());
        parts.push(told);
    }
    let until = DateTime::from_timestamp(now + i64::from(ADDRESSES_SECONDS), 0).unwrap_or_default();
    Ok(json!({
        "type": "training.requested",
        "model_version_id": version.id,
        "version": version.version,
        "model_name": delivery.model_name,
        "base_model": version.base_model,
        "samples": delivery.samples,
        "manifest_url": manifest_url,
        "manifest_sha256": delivery.manifest_sha256,
        "parts": parts,
        "callback_url": bench.settings.callback_url,
        "expires_at": until.to_rfc3339_opts(SecondsFormat::Secs, true),
    }))
}

/// Why an answer does not count as heard.
fn refusal(status: u16) -> Option<&'static str> {
    match status {
        200..300 => None,
        410 => Some("webhook_gone"),
        400..500 => Some("webhook_refused"),
        _ => Some("webhook_failed"),
    }
}
