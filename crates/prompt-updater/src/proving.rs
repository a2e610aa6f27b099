//! Moving tests on: goes through the assistants with something to prove, watches what is live, and takes each test as far
//! as there is time.
//!
//! Whatever is found out is stored at once: a call that dies costs the answers and verdicts it was waiting for, and the
//! next one goes on behind them.

mod answering;
mod asking;
mod bench;
mod canary;
mod comparing;
mod deciding;
mod judging;
mod replay;
mod trial;
mod watching;

use std::time::Duration;

use pawl_core::proof::{Decision, Method, rule};
use pawl_edge::{
    deadline::Deadline,
    log::{self, Level},
};
use pawl_model::{Chat, Comparer, Judge};
use pawl_store::{
    StoreError,
    decisions::Refusal,
    proof::{Blocked, Proofs, Stage},
    reflections::{About, Claim, ClaimRequest, Claimed, SkipReason, Task, Timestamp, Work},
};

use crate::{
    error::Error,
    handler::Ports,
    wire::{Did, Filter, Outcome, Proof, Proved, reason_name},
};
use bench::{Bench, Stop, Tally, recorded};

/// How long a lease runs: a little longer than the platform lets an invocation live.
const LEASE_SECONDS: u32 = 160;
/// Another assistant is begun only with this much time left: enough for a few pairs or units.
const NEXT_NEEDS: Duration = Duration::from_secs(45);
/// How often a plan is made anew whose place another proof took meanwhile.
const PLANS: usize = 3;

/// Why a test is left for now.
enum Pause {
    /// Everything that can be observed was.
    NothingLeft,
    /// There is no time for more.
    TimeOver,
    /// Something is in the way.
    Blocked(Blocked),
}

/// What became of a test, and whether more of it can be done at once.
struct Ended {
    proof: Proof,
    more: bool,
}

impl From<Proof> for Ended {
    fn from(proof: Proof) -> Self {
        Self { proof, more: false }
    }
}

/// Handles assistants until none is left or the time is over.
pub async fn prove<S: Proofs, M: Chat + Judge + Comparer>(
    filter: Filter<'_>,
    time: Duration,
    request_id: &str,
    ports: &Ports<'_, S, M>,
) -> Result<Outcome, Error> {
    let deadline = Deadline::after(time, ports.now_ms);
    let claim = ClaimRequest {
        holder: ports.holder,
        organization_id: filter.organization_id,
        assistant: filter.assistant,
        lease_seconds: LEASE_SECONDS,
        ..ClaimRequest::default()
    };
    let (mut proofs, mut unfinished) = (Vec::new(), false);
    let mut before: Option<Timestamp> = None;
    loop {
        let claimed = match ports.store.claim_proof(&claim, before.as_ref()).await? {
            Claim::Ok(claimed) => claimed,
            Claim::AssistantNotFound => return Err(Error::Refused(Refusal::AssistantNotFound)),
        };
        let Claimed { as_of, skipped, claim: work, more } = claimed;
        before = Some(as_of);
        for skipped in skipped {
            put(
                &mut proofs,
                vec![Proof { reason: reason_name(skipped.reason), ..Proof::of(&skipped.about, Did::Skipped) }],
            );
        }
        if let Some(work) = work {
            let (done, goes_on) = handle(&work, request_id, &deadline, ports).await;
            unfinished |= goes_on;
            put(&mut proofs, done);
        }
        if !more || !deadline.has(NEXT_NEEDS) {
            return Ok(Outcome::Proved(Proved { proofs, more: more || unfinished }));
        }
    }
}

/// Adds what was done for one assistant: one that was busy at the first look may be seen again.
fn put(proofs: &mut Vec<Proof>, done: Vec<Proof>) {
    proofs.retain(|earlier| done.iter().all(|proof| proof.about.assistant_id != earlier.about.assistant_id));
    proofs.extend(done);
}

/// Works on one assistant and gives its lease back, whatever came of it. The flag: more of it can be done at once.
async fn handle<S: Proofs, M: Chat + Judge + Comparer>(
    work: &Work,
    request_id: &str,
    deadline: &Deadline,
    ports: &Ports<'_, S, M>,
) -> (Vec<Proof>, bool) {
    let about = &work.about;
    let (done, more) = go_on(work, request_id, deadline, ports).await;
    if ports.store.release_proof(ports.holder, about.assistant_id).await.is_err() {
        // It runs out by itself.
        log::event(Level::Warn, "lease_not_released", &[("request_id", request_id.into())]);
    }
    for proof in &done {
        let (assistant, action) = (about.assistant_id.to_string().into(), proof.did.name().into());
        let cause = proof.reason.as_deref().into();
        let fields =
            [("request_id", request_id.into()), ("assistant_id", assistant), ("action", action), ("cause", cause)];
        let level = if proof.did == Did::Failed { Level::Warn } else { Level::Info };
        log::event(level, "assistant_proved", &fields);
    }
    (done, more)
}

/// Watches what is live, then goes on with the test: a version that falls is taken back before anything else.
async fn go_on<S: Proofs, M: Chat + Judge + Comparer>(
    work: &Work,
    request_id: &str,
    deadline: &Deadline,
    ports: &Ports<'_, S, M>,
) -> (Vec<Proof>, bool) {
    let about = &work.about;
    let Task::Prove(task) = &work.task else { return (Vec::new(), false) };
    let mut done = Vec::new();
    if task.watch {
        match watching::watch(about, ports.holder, ports.store).await {
            // With it goes the test of what was to replace it.
            Ok(Some(proof)) if proof.did == Did::RolledBack => return (vec![proof], false),
            Ok(alert) => done.extend(alert),
            Err(stop) => return (vec![stopped(about, stop, request_id)], false),
        }
    }
    let Some(test) = &task.test else {
        if done.is_empty() {
            done.push(Proof { reason: Some("quiet".to_owned()), ..Proof::of(about, Did::Skipped) });
        }
        return (done, false);
    };
    let mut tally = Tally::default();
    let ended = match &ports.model {
        Ok(model) => {
            let bench = Bench { store: ports.store, model: *model, holder: ports.holder, deadline, test, about };
            advance(&bench, &mut tally).await
        }
        Err(missing) => Err(Stop::NoModel(missing.code)),
    };
    let Ended { proof, more } = ended.unwrap_or_else(|stop| {
        let version = Some(test.candidate.version);
        Ended::from(Proof { version, ..stopped(about, stop, request_id) })
    });
    done.push(tally.onto(proof));
    (done, more)
}

/// Takes a test on until its stage is over, or nothing is left to do for now. It is ruled on before anything is paid for:
/// what was observed last may have decided it.
async fn advance<S: Proofs, M: Chat + Judge + Comparer>(
    bench: &Bench<'_, S, M>,
    tally: &mut Tally,
) -> Result<Ended, Stop> {
    let is_canary = bench.test.stage == Stage::Proving && bench.test.method == Some(Method::Canary);
    if let Some(pause) = trial::pass(bench).await? {
        return Ok(paused(bench, &pause, None, String::new()));
    }
    let (mut pause, mut plans) = (None, 0);
    loop {
        let look = deciding::look(bench).await?;
        let ruling = rule(&look.case);
        match ruling.decision {
            Decision::Pass if plans < PLANS => {
                plans += 1;
                match deciding::begin_proof(bench, &look, &ruling).await? {
                    Some(ended) => return Ok(ended),
                    None => continue, // its place in the year is another's
                }
            }
            Decision::Promote | Decision::Reject => return deciding::decide(bench, &look, ruling).await,
            Decision::Pass => {
                return Ok(paused(bench, &Pause::TimeOver, Some(ruling.reason.name()), ruling.words));
            }
            // The last three are a watch's.
            Decision::GoOn | Decision::Rollback | Decision::Alert | Decision::Quiet => {}
        }
        recorded(bench.store.note_ruling(bench.holder, bench.test.test_id, &ruling).await?)?;
        if let Some(pause) = pause {
            return Ok(paused(bench, &pause, Some(ruling.reason.name()), ruling.words));
        }
        pause = if is_canary { canary::observe(bench, tally).await? } else { replay::compare(bench, tally).await? };
    }
}

fn paused<S, M>(bench: &Bench<'_, S, M>, pause: &Pause, reason: Option<&str>, words: String) -> Ended {
    let stage = if bench.test.stage == Stage::Screening { Did::Screening } else { Did::Proving };
    let (did, reason) = match pause {
        Pause::Blocked(blocked) => (Did::Held, Some(blocked.code())),
        Pause::NothingLeft | Pause::TimeOver => (stage, reason),
    };
    let reason = reason.map(str::to_owned);
    let proof = Proof { reason, words: Some(words).filter(|words| !words.is_empty()), ..bench.proof(did) };
    Ended { proof, more: matches!(pause, Pause::TimeOver) }
}

/// What the caller is told of a test that could not be gone on with.
fn stopped(about: &About, stop: Stop, request_id: &str) -> Proof {
    let (did, reason) = match stop {
        Stop::LeaseLost => (Did::Skipped, reason_name(SkipReason::InProgress)),
        Stop::Closed(reason) => (Did::Closed, reason),
        Stop::NoModel(code) => (Did::Failed, Some(code.to_owned())),
        Stop::Model(fault) => (Did::Failed, Some(fault.code().to_owned())),
        Stop::Store(fault) => (Did::Failed, Some(not_recorded(&fault, request_id))),
    };
    Proof { reason, ..Proof::of(about, did) }
}

fn not_recorded(fault: &StoreError, request_id: &str) -> String {
    let fields = [("request_id", request_id.into()), ("cause", fault.cause().into())];
    log::event(Level::Error, "work_not_recorded", &fields);
    fault.told().1.to_owned()
}

#[cfg(test)]
pub(crate) mod tests;
