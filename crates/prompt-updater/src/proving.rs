//! Moving tests on: goes through the assistants with something to prove, watches what is live, and takes each test as
//! far as there is time.
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
/// Another live version is looked at only with this much time left.
const WATCH_NEEDS: Duration = Duration::from_secs(10);
/// How often a plan is made anew whose place another proof took meanwhile.
const PLANS: usize = 3;

/// Why nothing was done for a live version that was looked at.
const QUIET: &str = "quiet";

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

/// Handles assistants until none is left or the time is over: first all that are to be watched, for a version that
/// falls is taken back before any test takes the time; then the tests.
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
    for (watch, needs) in [(true, WATCH_NEEDS), (false, NEXT_NEEDS)] {
        let mut before: Option<Timestamp> = None;
        loop {
            let claimed = match ports.store.claim_proof(&claim, before.as_ref(), watch).await? {
                Claim::Ok(claimed) => claimed,
                Claim::AssistantNotFound => return Err(Error::Refused(Refusal::AssistantNotFound)),
            };
            let Claimed { as_of, skipped, claim: work, more } = claimed;
            before = Some(as_of);
            // Who has no votes to look at may have a test: what is skipped is told of at the end.
            for skipped in skipped.into_iter().filter(|_| !watch) {
                let reason = reason_name(skipped.reason);
                put(&mut proofs, Proof { reason, ..Proof::of(&skipped.about, Did::Skipped) });
            }
            if let Some(work) = work {
                let Ended { proof, more } = handle(&work, request_id, &deadline, ports).await;
                unfinished |= more;
                put(&mut proofs, proof);
            }
            if !more {
                break;
            } else if !deadline.has(needs) {
                return Ok(Outcome::Proved(Proved { proofs, more }));
            }
        }
    }
    Ok(Outcome::Proved(Proved { proofs, more: unfinished }))
}

/// Adds what was done for an assistant. What it was skipped for is said where nothing else is, and the last time: one
/// that was busy at the first look may be seen again.
fn put(proofs: &mut Vec<Proof>, done: Proof) {
    let ours = |proof: &Proof| proof.about.assistant_id == done.about.assistant_id;
    // That nothing fell says more than that nothing is in test.
    let is_quiet = |proof: &Proof| proof.reason.as_deref() == Some(QUIET);
    if done.did == Did::Skipped && proofs.iter().any(|earlier| ours(earlier) && (acted(earlier) || is_quiet(earlier))) {
        return;
    }
    proofs.retain(|earlier| !ours(earlier) || acted(earlier));
    proofs.push(done);
}

fn acted(proof: &Proof) -> bool {
    proof.did != Did::Skipped
}

/// Works on one assistant and gives its lease back, whatever came of it.
async fn handle<S: Proofs, M: Chat + Judge + Comparer>(
    work: &Work,
    request_id: &str,
    deadline: &Deadline,
    ports: &Ports<'_, S, M>,
) -> Ended {
    let about = &work.about;
    let (ended, settled) = go_on(work, request_id, deadline, ports).await;
    if ports.store.release_proof(ports.holder, about.assistant_id, settled).await.is_err() {
        // It runs out by itself.
        log::event(Level::Warn, "lease_not_released", &[("request_id", request_id.into())]);
    }
    let proof = &ended.proof;
    let (assistant, action) = (about.assistant_id.to_string().into(), proof.did.name().into());
    let cause = proof.reason.as_deref().into();
    let fields = [("request_id", request_id.into()), ("assistant_id", assistant), ("action", action), ("cause", cause)];
    let level = if proof.did == Did::Failed { Level::Warn } else { Level::Info };
    log::event(level, "assistant_proved", &fields);
    ended
}

/// Goes on with the test, or watches what is live. The flag: all that was spent is recorded.
async fn go_on<S: Proofs, M: Chat + Judge + Comparer>(
    work: &Work,
    request_id: &str,
    deadline: &Deadline,
    ports: &Ports<'_, S, M>,
) -> (Ended, bool) {
    let about = &work.about;
    let test = match &work.task {
        Task::Prove(task) => task.test.as_ref(),
        _ => None,
    };
    let Some(test) = test else {
        let quiet = || Proof { reason: Some(QUIET.to_owned()), ..Proof::of(about, Did::Skipped) };
        let watched = watching::watch(about, ports.holder, ports.store).await;
        let proof = watched.map_or_else(|stop| stopped(about, stop, request_id), |act| act.unwrap_or_else(quiet));
        return (proof.into(), true);
    };
    let mut tally = Tally::default();
    let ended = match &ports.model {
        Ok(model) => {
            let bench = Bench { store: ports.store, model: *model, holder: ports.holder, deadline, test, about };
            advance(&bench, &mut tally).await
        }
        Err(missing) => Err(Stop::NoModel(missing.code)),
    };
    let settled = !matches!(ended, Err(Stop::NotRecorded(_)));
    let Ended { proof, more } = ended.unwrap_or_else(|stop| {
        let version = Some(test.candidate.version);
        Ended::from(Proof { version, ..stopped(about, stop, request_id) })
    });
    (Ended { proof: tally.onto(proof), more }, settled)
}

/// Takes a test on until its stage is over, or nothing is left to do for now. It is ruled on before anything is paid
/// for: what was observed last may have decided it.
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
            Decision::Pass
                if plans < PLANS
                    && let Some(from) = look.plan_from =>
            {
                plans += 1;
                match deciding::begin_proof(bench, &look.case, &from, &ruling).await? {
                    Some(ended) => return Ok(ended),
                    None => continue, // its place in the year is another's
                }
            }
            Decision::Promote | Decision::Reject => return deciding::decide(bench, &look.case, ruling).await,
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
        Stop::Store(fault) | Stop::NotRecorded(fault) => (Did::Failed, Some(not_recorded(&fault, request_id))),
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
