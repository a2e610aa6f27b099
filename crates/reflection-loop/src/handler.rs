//! Going through the assistants that are due: judge, decide, store, and ask for a better prompt where one is called for;
//! then learn from what people made of the answers, and have new versions prove themselves.

use std::time::Duration;

use pawl_core::{
    decision::{Action, decide},
    evaluation::{Summary, summarize},
};
use pawl_edge::{
    Request, Response, body,
    deadline::Deadline,
    log::{self, Level},
};
use pawl_model::{Judge, Phraser};
use pawl_store::{
    StoreError,
    learning::Learning,
    reflections::{
        About, Claim, ClaimRequest, Claimed, JudgeTask, RecordReflection, RecordedEvaluation, Reflection, Reflections,
        SkipReason, Suggestion, Task, Timestamp, Work,
    },
    usage::UsageLedger,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    error::Error,
    judging::{self, Verdict},
    learning,
    updater::{self, Updater},
    wire::{AssistantResult, Judged, Outcome, Part, ReflectRequest, ReflectResponse, Scores},
};

/// How long a lease runs: a little longer than the platform lets an invocation live.
const LEASE_SECONDS: u32 = 160;
/// Another assistant is begun only with this much time left: enough for a judgement, or for a learning run.
const NEXT_NEEDS: Duration = Duration::from_secs(100);
/// Learning is begun at all only with this much time left: enough to settle some pages and to word what was found.
const LEARNING_NEEDS: Duration = Duration::from_secs(90);
/// An update is asked for only with this much time left; else it stays owed, and the next call begins with it.
const UPDATE_NEEDS: Duration = Duration::from_secs(20);
/// Proofs are moved on only with this much time left; they get all of it but what their answer takes to come back.
const PROOF_NEEDS: Duration = Duration::from_secs(45);
const ANSWERING: Duration = Duration::from_secs(10);
/// Housekeeping is begun only with this much time left, and ends after so many batches.
const SWEEP_NEEDS: Duration = Duration::from_secs(15);
const MAX_SWEEPS: usize = 20;
/// Most characters of a suggestion's title.
const MAX_TITLE_CHARACTERS: usize = 120;

/// What the loop needs of the world.
pub struct Ports<'a, S, J, P, U> {
    /// The store as the caller.
    pub store: &'a S,
    /// The judge.
    pub judge: &'a J,
    /// Words patterns.
    pub phraser: &'a P,
    /// `prompt-updater`.
    pub updater: &'a U,
    /// A clock that never goes back, in milliseconds.
    pub now_ms: fn() -> f64,
    /// An id of this invocation: it holds the leases.
    pub holder: Uuid,
}

/// Handles assistants until none is left or the time is over.
pub async fn reflect<S: Reflections + Learning + UsageLedger, J: Judge, P: Phraser, U: Updater>(
    request: &Request,
    request_id: &str,
    ports: &Ports<'_, S, J, P, U>,
) -> Result<Response, Error> {
    // A schedule may have nothing to say.
    let body = if request.body.is_empty() { ReflectRequest::default() } else { body::read(request)? };
    let deadline = Deadline::of_invocation(ports.now_ms);
    let (mut results, mut learning, mut more) = (Vec::new(), Vec::new(), false);
    let wants = |part| body.only.is_none_or(|only| only == part);
    if wants(Part::Reflection) {
        more |= go_through(Part::Reflection, &body, &mut results, request_id, &deadline, ports).await?;
    }
    if wants(Part::Learning) && !body.dry_run {
        // What comes after a judgement that took long is left for the next call.
        more |= !deadline.has(LEARNING_NEEDS)
            || go_through(Part::Learning, &body, &mut learning, request_id, &deadline, ports).await?;
    }
    if !body.dry_run && deadline.has(SWEEP_NEEDS) {
        sweep(ports.store, &deadline).await;
    }
    let mut proof = json!([]);
    if wants(Part::Proof) && !body.dry_run {
        let goes_on;
        (proof, goes_on) = prove(&body, &deadline, ports.updater).await?;
        more |= goes_on;
    }
    Ok(Response::json(200, &ReflectResponse { results, learning, proof, more, request_id }))
}

/// Handles the assistants with something to do in this part of the work. True when some may be left.
async fn go_through<S: Reflections + Learning + UsageLedger, J: Judge, P: Phraser, U: Updater>(
    part: Part,
    body: &ReflectRequest,
    results: &mut Vec<AssistantResult>,
    request_id: &str,
    deadline: &Deadline,
    ports: &Ports<'_, S, J, P, U>,
) -> Result<bool, Error> {
    let claim = ClaimRequest {
        holder: ports.holder,
        organization_id: body.organization_id,
        assistant: body.assistant.as_deref(),
        force: body.force,
        dry_run: body.dry_run,
        lease_seconds: LEASE_SECONDS,
    };
    let mut before: Option<Timestamp> = None;
    loop {
        let claimed = match part {
            Part::Reflection => ports.store.claim(&claim, before.as_ref()).await?,
            Part::Learning | Part::Proof => ports.store.claim_learning(&claim, before.as_ref()).await?,
        };
        let Claimed { as_of, skipped, claim, more } = match claimed {
            Claim::Ok(claimed) => claimed,
            Claim::AssistantNotFound => return Err(Error::AssistantNotFound),
        };
        before = Some(as_of);
        for skipped in skipped {
            let outcome = Outcome::Skipped { skipped: true, reason: skipped.reason };
            put(results, AssistantResult { about: skipped.about, outcome });
        }
        let mut unfinished = false;
        if let Some(work) = claim {
            let result = handle(work, body.dry_run, request_id, deadline, ports).await;
            unfinished = matches!(result.outcome, Outcome::Unfinished { .. });
            put(results, result);
        }
        if unfinished || !more || !deadline.has(NEXT_NEEDS) {
            return Ok(unfinished || more);
        }
    }
}

/// Has `prompt-updater` move tests on in the time that is left: what it did, and whether more can be done at once.
async fn prove(body: &ReflectRequest, deadline: &Deadline, updater: &impl Updater) -> Result<(Value, bool), Error> {
    if !deadline.has(PROOF_NEEDS) {
        return Ok((json!([]), true));
    }
    let (left, assistant) = (deadline.left(), body.assistant.as_deref());
    let time = left.saturating_sub(ANSWERING);
    match updater::prove(body.organization_id, assistant, time, left, updater).await {
        Ok(mut answer) => {
            let more = answer.get("more").and_then(Value::as_bool).unwrap_or_default();
            Ok((answer.get_mut("proofs").map(Value::take).unwrap_or_default(), more))
        }
        // Who asks for nothing else is told as if it had been asked of us; what else was done is told in any case.
        Err((status, code)) => match (body.only, status) {
            (Some(Part::Proof), 401) => Err(Error::Store(StoreError::Unauthenticated)),
            (Some(Part::Proof), 403) => Err(Error::Store(StoreError::Forbidden)),
            (Some(Part::Proof), 404) if code == "assistant_not_found" => Err(Error::AssistantNotFound),
            _ => Ok((json!([{"did": "failed", "reason": code}]), false)),
        },
    }
}

/// Housekeeping, while there is time: nothing of a reflection depends on it.
async fn sweep(store: &impl Reflections, deadline: &Deadline) {
    for _ in 0..MAX_SWEEPS {
        match store.sweep().await {
            Ok(more) if more && deadline.has(SWEEP_NEEDS) => {}
            Ok(_) => return,
            Err(fault) => return log::event(Level::Warn, "sweep_failed", &[("cause", fault.cause().into())]),
        }
    }
}

/// Adds a result, one an assistant: one that was busy at the first look may be seen again.
fn put(results: &mut Vec<AssistantResult>, result: AssistantResult) {
    results.retain(|earlier| earlier.about.assistant_id != result.about.assistant_id);
    results.push(result);
}

/// Works on one assistant and gives its lease back, whatever came of it.
async fn handle<S: Reflections + Learning + UsageLedger, J: Judge, P: Phraser, U: Updater>(
    work: Work,
    dry_run: bool,
    request_id: &str,
    deadline: &Deadline,
    ports: &Ports<'_, S, J, P, U>,
) -> AssistantResult {
    let Work { about, task } = work;
    let learns = matches!(task, Task::Learn(_));
    let outcome = match task {
        Task::Judge(task) => judge(&about, &task, dry_run, deadline, ports).await,
        Task::Update { reflection_id } => Ok(Outcome::Updated {
            reflection_id,
            action: Action::PromptUpdate,
            update: update(reflection_id, deadline, ports.updater).await,
        }),
        Task::Learn(task) => learning::learn(&about, &task, ports.holder, deadline, ports.store, ports.phraser).await,
        // Claimed by `prompt-updater` alone.
        Task::Prove(_) | Task::Train(_) => Ok(Outcome::Skipped { skipped: true, reason: SkipReason::NothingToProve }),
    };
    let released = match &outcome {
        Ok(Outcome::Learned(_)) => Ok(()), // with the record
        _ if learns => ports.store.release_learning(ports.holder, about.assistant_id).await,
        _ => ports.store.release(ports.holder, about.assistant_id).await,
    };
    if released.is_err() {
        // It runs out by itself.
        log::event(Level::Warn, "lease_not_released", &[("request_id", request_id.into())]);
    }
    // A fault of the store here is this assistant's result: those handled before it keep theirs.
    let outcome = outcome.unwrap_or_else(|fault| {
        let fields = [("request_id", request_id.into()), ("cause", fault.cause().into())];
        log::event(Level::Error, "work_not_recorded", &fields);
        Outcome::Failed { failed: true, code: fault.told().1 }
    });
    report(&about, &outcome, request_id);
    AssistantResult { about, outcome }
}

async fn judge<S: Reflections + UsageLedger, J: Judge, P, U: Updater>(
    about: &About,
    task: &JudgeTask,
    dry_run: bool,
    deadline: &Deadline,
    ports: &Ports<'_, S, J, P, U>,
) -> Result<Outcome, StoreError> {
    let verdict = match judging::judge(task, ports.judge, ports.store, deadline).await {
        Ok(verdict) => verdict,
        Err(fault) => return Ok(Outcome::Failed { failed: true, code: fault.code() }),
    };
    if verdict.evaluations.is_empty() {
        // Every judgement needs the second try that could not be made: as if the judge had failed.
        return Ok(Outcome::Failed { failed: true, code: "judgement_incomplete" });
    }
    let summary = summarize(verdict.evaluations.iter().map(|(_, evaluation)| evaluation));
    let action = decide(summary.overall, &task.thresholds);
    let mut judged = Judged {
        reflection_id: None,
        prompt_version: task.prompt.version,
        messages_analyzed: verdict.evaluations.len(),
        discarded: summary.discarded,
        scores: Scores { overall: summary.overall, criteria: summary.criteria.clone() },
        action,
        strengths: verdict.judgement.strengths.clone(),
        weaknesses: verdict.judgement.weaknesses.clone(),
        patterns: verdict.judgement.patterns.clone(),
        suggestion_id: None,
        update: None,
        dry_run,
    };
    if dry_run {
        return Ok(Outcome::Judged(Box::new(judged)));
    }
    match ports.store.record(ports.holder, &to_record(about, task, &verdict, &summary, action)).await? {
        // Somebody else holds the lease now and judges the same answers.
        RecordReflection::LeaseLost => {
            return Ok(Outcome::Skipped { skipped: true, reason: SkipReason::InProgress });
        }
        RecordReflection::Ok { reflection_id, suggestion_id } => {
            judged.reflection_id = Some(reflection_id);
            judged.suggestion_id = suggestion_id;
            if action == Action::PromptUpdate {
                judged.update = Some(update(reflection_id, deadline, ports.updater).await);
            }
        }
    }
    Ok(Outcome::Judged(Box::new(judged)))
}

async fn update(reflection_id: Uuid, deadline: &Deadline, updater: &impl Updater) -> Value {
    if !deadline.has(UPDATE_NEEDS) {
        return updater::failed("no_time_left");
    }
    updater::update(reflection_id, deadline.left(), updater).await
}

fn to_record<'a>(
    about: &About,
    task: &'a JudgeTask,
    verdict: &'a Verdict,
    summary: &'a Summary,
    action: Action,
) -> Reflection<'a> {
    let judgement = &verdict.judgement;
    let evaluations = verdict.evaluations.iter().map(|(message_id, evaluation)| RecordedEvaluation {
        message_id: *message_id,
        overall: evaluation.overall,
        discarded: evaluation.overall.is_none(),
        scores: &evaluation.scores,
    });
    Reflection {
        assistant_id: about.assistant_id,
        prompt_id: task.prompt.id,
        rubric_id: task.rubric.id,
        window_start: &task.window_start,
        window_end: &task.window_end,
        action,
        overall: summary.overall,
        criterion_scores: &summary.criteria,
        strengths: &judgement.strengths,
        weaknesses: &judgement.weaknesses,
        patterns: &judgement.patterns,
        judge_model: &judgement.model,
        raw_analysis: &judgement.raw,
        evaluations: evaluations.collect(),
        suggestion: (action == Action::Suggestion).then(|| suggest(summary, &judgement.weaknesses)),
    }
}

/// A proposal to a person: the worst weakness as its title, all of them as its text.
fn suggest(summary: &Summary, weaknesses: &[String]) -> Suggestion {
    let overall = summary.overall.unwrap_or_default();
    // In whole hundredths: formatting floats to a precision weighs 10 KB of wasm.
    let hundredths = (overall * 100.0).round() as u32;
    let title = weaknesses.first().map_or("Answers could be better", String::as_str);
    let list: Vec<_> = weaknesses.iter().map(|weakness| format!("- {weakness}")).collect();
    Suggestion {
        kind: "prompt_change",
        priority: if overall < 3.0 { "medium" } else { "low" },
        title: title.chars().take(MAX_TITLE_CHARACTERS).collect(),
        description: format!("Mean score {}.{:02} of 5.\n{}", hundredths / 100, hundredths % 100, list.join("\n"))
            .trim_end()
            .to_owned(),
        proposed_change: None,
    }
}

fn report(about: &About, outcome: &Outcome, request_id: &str) {
    let action = match outcome {
        Outcome::Judged(judged) => serde_json::to_value(judged.action).unwrap_or_default(),
        Outcome::Updated { .. } => "update_owed".into(),
        Outcome::Skipped { .. } => "skipped".into(),
        Outcome::Learned(_) => "learned".into(),
        Outcome::Unfinished { .. } => "learning".into(),
        Outcome::Failed { code, .. } => (*code).into(),
    };
    let level = if matches!(outcome, Outcome::Failed { .. }) { Level::Warn } else { Level::Info };
    let assistant = about.assistant_id.to_string().into();
    let fields = [("request_id", request_id.into()), ("assistant_id", assistant), ("action", action)];
    log::event(level, "assistant_reflected", &fields);
}

#[cfg(test)]
mod tests;
