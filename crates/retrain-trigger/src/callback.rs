//! What a trainer answers: signed as what it was told, believed for five minutes, and once.

use pawl_core::training::{
    metrics::{self, Wrong},
    webhook::{self, Headers, Refusal},
};
use pawl_edge::{
    ApiError, Request, Response,
    log::{self, Level},
};
use pawl_model::own_models::is_allowed;
use pawl_store::{
    StoreError,
    reflections::{About, Claim, ClaimRequest, Work},
    training::{Callback, OpenModelTest, SeenDataset, Status, Training, TrainingCallback},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    config::Settings,
    error::Error,
    handler::{Ports, no_secret},
    host::Host,
    running::LEASE_SECONDS,
    testing::waiting,
    wire::{Answered, Said, missing},
};

const METRICS: &str = "metrics";

/// That a request is from who has the secret, and new. Only [`verify`] makes one, and [`take`] takes nothing without.
pub struct Believed<'a> {
    id: &'a str,
}

/// Whether it is. `now` is in seconds since 1970.
pub fn verify<'a>(request: &'a Request, settings: &Settings, now: i64) -> Result<Believed<'a>, Error> {
    let headers = Headers {
        id: request.header("webhook-id"),
        timestamp: request.header("webhook-timestamp"),
        signature: request.header("webhook-signature"),
    };
    let all = [headers.id, headers.timestamp, headers.signature];
    if all.iter().any(|header| header.is_none_or(str::is_empty)) {
        return Err(Error::SignatureMissing);
    }
    if settings.webhook_secrets.is_empty() {
        return Err(no_secret().into());
    }
    webhook::verify(&settings.webhook_secrets, &headers, &request.body, now).map_err(|refusal| match refusal {
        Refusal::Missing => Error::SignatureMissing,
        Refusal::Malformed | Refusal::Wrong => Error::SignatureWrong,
        Refusal::Stale => Error::CallbackStale,
    })?;
    Ok(Believed { id: headers.id.unwrap_or_default() })
}

/// Stores what a trainer says, and puts the model that it made into test if nothing holds that up.
pub async fn take<S: Training, H: Host>(
    believed: &Believed<'_>,
    said: &Said<'_>,
    request_id: &str,
    ports: &Ports<'_, S, H>,
) -> Result<Response, Error> {
    check(said.metrics)?;
    if said.served.is_some_and(|(base_url, _)| !is_allowed(&ports.settings.model_hosts, base_url)) {
        return Err(Error::ModelNotAllowed);
    }
    let measured = Value::Object(said.metrics.cloned().unwrap_or_default());
    let callback = Callback {
        callback_id: believed.id,
        model_version_id: said.model_version_id,
        status: said.status,
        metrics: &measured,
        dataset: said.dataset.map(|(manifest, parts)| seen(manifest, parts)).transpose()?,
        base_url: said.served.map(|(base_url, _)| base_url),
        model: said.served.map(|(_, model)| model),
        error: said.error,
    };
    let (status, about) = match ports.service.training_callback(&callback).await.map_err(Error::Own)? {
        TrainingCallback::Ok { status, about } => (status, about),
        TrainingCallback::Replayed => return Err(Error::CallbackReplayed),
        TrainingCallback::VersionNotFound => return Err(Error::ModelVersionNotFound),
        TrainingCallback::NotTraining { status } => return Err(Error::NotTraining { status }),
        TrainingCallback::DatasetChanged { part } => return Err(Error::DatasetChanged(part)),
        TrainingCallback::PartMissing { part } => return Err(Error::DatasetPartMissing(part)),
        TrainingCallback::ModelMissing => return Err(missing("model").into()),
    };
    let (assistant, action) = (about.assistant_id.to_string(), status.code());
    let fields = [("request_id", request_id.into()), ("assistant_id", assistant.into()), ("action", action.into())];
    log::event(Level::Info, "trainer_answered", &fields);
    let (status, reason) = match status {
        Status::Trained => test(said.model_version_id, &about, request_id, ports).await,
        status => (status, None),
    };
    Ok(Response::json(200, &Answered { status: status.code(), reason, request_id }))
}

/// Under a lease of its own. What holds the test up is no error: the next run goes on with it.
async fn test<S: Training, H: Host>(
    model_version_id: Uuid,
    about: &About,
    request_id: &str,
    ports: &Ports<'_, S, H>,
) -> (Status, Option<String>) {
    match open(model_version_id, about, ports).await {
        Ok(Some(OpenModelTest::Ok { .. })) => (Status::Testing, None),
        Ok(Some(OpenModelTest::Closed { status })) => (status, None),
        Ok(opened) => (Status::Trained, opened.as_ref().and_then(waiting).or_else(|| Some("in_progress".to_owned()))),
        Err(fault) => {
            let fields = [("request_id", request_id.into()), ("cause", fault.cause().into())];
            log::event(Level::Warn, "test_not_begun", &fields);
            (Status::Trained, Some(fault.told().1.to_owned()))
        }
    }
}

/// None where somebody else is at work on the assistant.
async fn open<S: Training, H: Host>(
    model_version_id: Uuid,
    about: &About,
    ports: &Ports<'_, S, H>,
) -> Result<Option<OpenModelTest>, StoreError> {
    let claim = ClaimRequest {
        holder: ports.holder,
        organization_id: Some(about.organization_id),
        assistant: Some(&about.assistant),
        force: true,
        lease_seconds: LEASE_SECONDS,
        ..ClaimRequest::default()
    };
    let Claim::Ok(claimed) = ports.service.claim_training(&claim, None).await? else { return Ok(None) };
    let Some(Work { about: About { assistant_id, .. }, .. }) = claimed.claim else { return Ok(None) };
    let opened = ports.service.open_model_test(ports.holder, model_version_id).await;
    if ports.service.release_training(ports.holder, assistant_id).await.is_err() {
        log::event(Level::Warn, "lease_not_released", &[("assistant_id", assistant_id.to_string().into())]);
    }
    opened.map(Some)
}

/// 422 names a metric that is no number or cannot be; 400 a name that is none.
fn check(given: Option<&Map<String, Value>>) -> Result<(), Error> {
    let mut numbers = Vec::new();
    for (name, value) in given.into_iter().flatten() {
        match value.as_f64() {
            Some(number) => numbers.push((name.as_str(), number)),
            None => return Err(Error::MetricsOutOfRange(name.chars().take(40).collect())),
        }
    }
    metrics::check(numbers).map_err(|wrong| match wrong {
        Wrong::OutOfRange(name) => Error::MetricsOutOfRange(name),
        Wrong::Name(name) => {
            let expected = "must have a name of up to 41 small letters, digits and _, with a letter first";
            ApiError::invalid_field(&format!("metrics.{name}"), expected).into()
        }
        Wrong::TooMany => {
            let expected = format!("may have {} entries at the most", metrics::MAX_METRICS);
            ApiError::invalid_field(METRICS, expected).into()
        }
    })
}

fn seen<'a>(manifest_sha256: &'a str, parts: &'a Map<String, Value>) -> Result<SeenDataset<'a>, ApiError> {
    let hash = |(path, hash): (&'a String, &'a Value)| hash.as_str().map(|hash| (path.as_str(), hash));
    let parts: Option<Vec<_>> = parts.iter().map(hash).collect();
    let parts = parts.ok_or_else(|| ApiError::invalid_field("dataset.parts", "must have a SHA-256 for each path"))?;
    Ok(SeenDataset { manifest_sha256, parts })
}
