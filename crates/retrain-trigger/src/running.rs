//! Going through the assistants: what people made of the answers becomes training data, drift is looked for, and a
//! version of a model is taken one step after the other to the trainer and into its test.
//!
//! Each step is stored before the next begins, and begins by what is stored: a call that dies costs the step it was at,
//! and the next call goes on there.

use std::time::Duration;

use pawl_edge::{
    Response,
    deadline::Deadline,
    log::{self, Level},
};
use pawl_store::{
    StoreError,
    reflections::{About, Claim, ClaimRequest, Claimed, Task, Timestamp, Work},
    training::{ModelVersion, Status, TrainTask, Training},
};
use uuid::Uuid;

use crate::{
    allowance::Allowance,
    collecting,
    config::Settings,
    curating::{self, Curated},
    deciding::{self, Begun},
    delivery, drifting,
    error::Error,
    handler::Ports,
    host::Host,
    storage::{Storage, StorageError},
    testing,
    wire::{Filter, RunResponse, Worked},
};

/// How long a lease runs: a little longer than the platform lets an invocation live.
pub const LEASE_SECONDS: u32 = 160;
/// Another assistant is begun only with this much time left.
const NEXT_NEEDS: Duration = Duration::from_secs(40);
/// The trainer is told only with this much time left.
const DELIVERY_NEEDS: Duration = Duration::from_secs(35);

const NO_TRAINER: &str = "No trainer is configured: set ML_WEBHOOK_URL and ML_WEBHOOK_SECRET";
const BUSY: &str = "Another call is at work on this assistant";
const COLLECTING: &str = "Feedback is still being collected: call again";
const CURATING: &str = "The dataset is not complete yet: call again";
const TIME_OVER: &str = "The trainer is told at the next call";
const NOT_STORED: &str = "Storage did not take the dataset: the next call tries again";
const NOT_RECORDED: &str = "The database was not available: the next call goes on";

/// Why an assistant is left for now, with what was done so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody else goes on.
    LeaseLost,
    /// The database failed.
    Store(StoreError),
    /// Storage failed.
    Storage(StorageError),
}

impl From<StoreError> for Stop {
    fn from(fault: StoreError) -> Self {
        Self::Store(fault)
    }
}

impl From<StorageError> for Stop {
    fn from(fault: StorageError) -> Self {
        Self::Storage(fault)
    }
}

/// One assistant, its lease held, and all that working on it takes.
pub struct Bench<'a, S, H> {
    /// The store as the caller.
    pub store: &'a S,
    /// Storage and the trainer.
    pub host: &'a H,
    /// What the owner set.
    pub settings: &'a Settings,
    /// Who holds the lease.
    pub holder: Uuid,
    /// When this invocation has to end.
    pub deadline: &'a Deadline,
    /// Seconds since 1970.
    pub unix_seconds: fn() -> i64,
    /// Which assistant.
    pub about: &'a About,
    /// Somebody wants a version although nothing calls for it.
    pub force: bool,
}

impl<S, H> Bench<'_, S, H> {
    /// Where datasets lie.
    pub fn storage(&self) -> Storage<'_, H> {
        let Settings { project_url, storage_key, bucket, .. } = self.settings;
        Storage { host: self.host, project_url, key: storage_key, bucket }
    }
}

/// Handles assistants until none is left or the time is over.
pub async fn run<S: Training, H: Host>(
    filter: Filter<'_>,
    request_id: &str,
    ports: &Ports<'_, S, H>,
) -> Result<Response, Error> {
    let deadline = Deadline::of_invocation(ports.now_ms);
    let claim = ClaimRequest {
        holder: ports.holder,
        organization_id: filter.organization_id,
        assistant: filter.assistant,
        force: filter.force,
        lease_seconds: LEASE_SECONDS,
        ..ClaimRequest::default()
    };
    let (mut results, mut unfinished) = (Vec::new(), false);
    let mut allowance = Allowance::of(ports.settings.rows);
    let mut before: Option<Timestamp> = None;
    loop {
        let claimed = match ports.store.claim_training(&claim, before.as_ref()).await? {
            Claim::Ok(claimed) => claimed,
            Claim::AssistantNotFound => return Err(Error::AssistantNotFound),
        };
        let Claimed { as_of, skipped, claim: work, more } = claimed;
        before = Some(as_of);
        for skipped in skipped {
            put(&mut results, Worked::of(&skipped.about).because(BUSY));
        }
        if let Some(Work { about, task: Task::Train(task) }) = work {
            let bench = Bench {
                store: ports.store,
                host: ports.host,
                settings: ports.settings,
                holder: ports.holder,
                deadline: &deadline,
                unix_seconds: ports.unix_seconds,
                about: &about,
                force: filter.force,
            };
            let (worked, goes_on) = handle(*task, &bench, &mut allowance, request_id).await;
            unfinished |= goes_on;
            put(&mut results, worked);
        }
        if !more || !deadline.has(NEXT_NEEDS) || allowance.page() == 0 {
            return Ok(respond(results, more || unfinished, request_id));
        }
    }
}

fn respond(results: Vec<Worked>, more: bool, request_id: &str) -> Response {
    let first = results.first();
    let triggered = first.is_some_and(|worked| worked.triggered);
    let reason = first.and_then(|worked| worked.reason.clone());
    let version = first.and_then(|worked| worked.version.clone());
    Response::json(200, &RunResponse { triggered, reason, version, results, more, request_id })
}

/// Adds a result, one an assistant: one that was busy at the first look may be seen again.
fn put(results: &mut Vec<Worked>, worked: Worked) {
    results.retain(|earlier| earlier.assistant_id != worked.assistant_id);
    results.push(worked);
}

/// Works on one assistant and gives its lease back, whatever came of it. The flag: more of it can be done at once.
async fn handle<S: Training, H: Host>(
    task: TrainTask,
    bench: &Bench<'_, S, H>,
    allowance: &mut Allowance,
    request_id: &str,
) -> (Worked, bool) {
    let mut worked = Worked::of(bench.about);
    let ended = go_on(task, bench, allowance, &mut worked).await;
    let more = ended.unwrap_or_else(|stop| {
        stopped(stop, &mut worked, request_id);
        false
    });
    if bench.store.release_training(bench.holder, bench.about.assistant_id).await.is_err() {
        // It runs out by itself.
        log::event(Level::Warn, "lease_not_released", &[("request_id", request_id.into())]);
    }
    report(&worked, request_id);
    (worked, more)
}

/// All that can be done for an assistant now. True when more can be done at once.
async fn go_on<S: Training, H: Host>(
    task: TrainTask,
    bench: &Bench<'_, S, H>,
    allowance: &mut Allowance,
    worked: &mut Worked,
) -> Result<bool, Stop> {
    if let Some(version) = &task.version {
        name(version, worked);
    }
    let collected = collecting::collect(bench, allowance, worked).await?;
    drifting::detect(bench, worked).await?;
    let mut version = match task.version {
        Some(version) => version,
        // What is not collected yet might be what is missing.
        None if !collected => {
            worked.reason = Some(COLLECTING.to_owned());
            return Ok(true);
        }
        None => match deciding::begin(bench).await? {
            Begun::Version(version) => *version,
            Begun::Not(reason) => {
                worked.reason = Some(reason);
                return Ok(false);
            }
            Begun::NoTrainer => {
                worked.reason = Some(NO_TRAINER.to_owned());
                return Ok(false);
            }
        },
    };
    name(&version, worked);
    if version.status == Status::Curating {
        match curating::curate(bench, &version, allowance, worked).await? {
            Curated::Sealed => version.status = Status::Pending,
            Curated::Unfinished => {
                worked.reason = Some(CURATING.to_owned());
                return Ok(true);
            }
            Curated::Ended { status, reason } => {
                (worked.status, worked.reason) = (Some(status.code()), Some(reason));
                return Ok(false);
            }
        }
        name(&version, worked);
    }
    match version.status {
        Status::Pending if bench.settings.webhook_url.is_none() => worked.reason = Some(NO_TRAINER.to_owned()),
        Status::Pending if !bench.deadline.has(DELIVERY_NEEDS) => {
            worked.reason = Some(TIME_OVER.to_owned());
            return Ok(true);
        }
        Status::Pending => delivery::deliver(bench, &version, worked).await?,
        Status::Trained => testing::begin(bench, &version, worked).await?,
        _ => worked.reason = Some(deciding::in_hand(&version)),
    }
    Ok(!collected)
}

fn name(version: &ModelVersion, worked: &mut Worked) {
    worked.version = Some(version.version.clone());
    worked.model_version_id = Some(version.id);
    worked.status = Some(version.status.code());
}

/// What the caller is told of an assistant that could not be gone on with.
fn stopped(stop: Stop, worked: &mut Worked, request_id: &str) {
    let (code, reason, cause) = match stop {
        Stop::LeaseLost => {
            worked.reason = Some(BUSY.to_owned());
            return;
        }
        Stop::Store(fault) => (fault.told().1, NOT_RECORDED, fault.cause().unwrap_or_default().to_owned()),
        Stop::Storage(fault) => (fault.code(), NOT_STORED, fault.to_string()),
    };
    log::event(Level::Error, "work_not_recorded", &[("request_id", request_id.into()), ("cause", cause.into())]);
    (worked.failed, worked.code, worked.reason) = (true, Some(code), Some(reason.to_owned()));
}

fn report(worked: &Worked, request_id: &str) {
    let assistant = worked.assistant_id.to_string();
    let action = match worked {
        Worked { failed: true, .. } => "failed",
        Worked { triggered: true, .. } => "triggered",
        Worked { status: Some(status), .. } => status,
        _ => "looked",
    };
    let (cause, collected, stored) = (worked.code, worked.collected, worked.stored);
    let fields = [
        ("request_id", request_id.into()),
        ("assistant_id", assistant.into()),
        ("action", action.into()),
        ("cause", cause.into()),
        ("collected", collected.into()),
        ("stored", stored.into()),
    ];
    let level = if worked.failed { Level::Warn } else { Level::Info };
    log::event(level, "assistant_trained", &fields);
}
