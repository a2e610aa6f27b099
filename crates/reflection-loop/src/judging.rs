//! Judging the answers of one version: one request for all, a second for those without enough valid evidence.

use std::time::Duration;

use pawl_core::{
    conversation::Exchange,
    evaluation::{Evaluation, evaluate},
    tokens,
};
use pawl_edge::{
    deadline::Deadline,
    log::{self, Level},
};
use pawl_model::{Judge, JudgeRequest, Judgement, ModelError, Patience};
use pawl_store::{
    reflections::JudgeTask,
    usage::{Purpose, UsageLedger},
};
use uuid::Uuid;

/// Most estimated tokens of conversation in one request. What does not fit waits for the next reflection.
const TOKEN_BUDGET: usize = 60_000;
/// Most scores asked for in one request: what a model writes within the timeout. Larger rubrics get fewer answers.
const MAX_SCORES: usize = 100;
/// How long the judge may take for all answers: 100 scores are some 5,000 tokens.
const TIMEOUT: Duration = Duration::from_secs(100);
/// How long the judge may say nothing.
const SILENCE: Duration = Duration::from_secs(45);
/// A second request is made only with this much time left.
const RETRY_NEEDS: Duration = Duration::from_secs(30);

/// What is left for storing what the judge found: two calls of the database.
const STORING: Duration = Duration::from_secs(20);

/// What the judge found, checked.
pub struct Verdict {
    /// By answer. One without an overall score is discarded: asked twice, and twice without enough valid evidence.
    pub evaluations: Vec<(Uuid, Evaluation)>,
    /// Findings over all of them, as the first request gave them.
    pub judgement: Judgement,
}

/// Judges the newest answers that fit one request. Answers whose second try could not be made are left out, to be
/// judged next time.
pub async fn judge(
    task: &JudgeTask,
    judge: &impl Judge,
    ledger: &impl UsageLedger,
    deadline: &Deadline,
) -> Result<Verdict, ModelError> {
    let exchanges: Vec<Exchange> = task.exchanges.iter().map(|e| e.exchange.clone()).collect();
    let by_scores = (MAX_SCORES / task.rubric.criteria.criteria().len()).max(1);
    let fitting = tokens::first_within(&exchanges, TOKEN_BUDGET).min(by_scores);
    let asked: Vec<(Uuid, &Exchange)> =
        task.exchanges.iter().map(|e| e.message_id).zip(&exchanges).take(fitting).collect();

    let (first, judgement) = ask(task, &asked, judge, ledger, patience(deadline)).await?;
    let (mut evaluations, unsure): (Vec<_>, Vec<_>) = first.into_iter().partition(|(_, e)| e.overall.is_some());
    let again: Vec<_> = asked.into_iter().filter(|(id, _)| unsure.iter().any(|(other, _)| other == id)).collect();
    if !again.is_empty()
        && deadline.has(RETRY_NEEDS)
        && let Ok((second, _)) = ask(task, &again, judge, ledger, patience(deadline)).await
    {
        evaluations.extend(second);
    }
    Ok(Verdict { evaluations, judgement })
}

fn patience(deadline: &Deadline) -> Duration {
    deadline.left().saturating_sub(STORING).min(TIMEOUT)
}

async fn ask(
    task: &JudgeTask,
    asked: &[(Uuid, &Exchange)],
    judge: &impl Judge,
    ledger: &impl UsageLedger,
    total: Duration,
) -> Result<(Vec<(Uuid, Evaluation)>, Judgement), ModelError> {
    let exchanges: Vec<_> = asked.iter().map(|(_, exchange)| *exchange).collect();
    let rubric = &task.rubric.criteria;
    let request = JudgeRequest {
        model: &task.judge_model,
        rubric,
        system_prompt: &task.prompt.content,
        exchanges: &exchanges,
        patience: Patience { total, silence: SILENCE, begun_is_final: false },
    };
    let result = judge.judge(request).await;
    let spent = match &result {
        Ok(judgement) => Some((&judgement.model, judgement.usage)),
        Err(unanswered) => unanswered.spent.as_ref().map(|spent| (&spent.model, spent.usage)),
    };
    if let Some((model, usage)) = spent
        && let Err(fault) = ledger.record_usage(task.prompt.id, Purpose::Judge, model, usage).await
    {
        log::event(Level::Warn, "usage_not_recorded", &[("cause", fault.cause().into())]);
    }
    let judgement = result.map_err(|unanswered| unanswered.error)?;
    let evaluations = asked.iter().zip(&judgement.scores);
    let evaluations = evaluations.map(|((id, exchange), scores)| (*id, evaluate(scores, exchange, rubric))).collect();
    Ok((evaluations, judgement))
}
