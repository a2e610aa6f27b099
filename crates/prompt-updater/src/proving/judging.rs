//! Scoring answers by the rubric, blind: arms are mixed, and all are judged under one prompt.

use pawl_core::{conversation::Exchange, evaluation::evaluate, rubric::Rubric, tokens};
use pawl_model::{Judge, JudgeRequest, ModelError, Spent};
use pawl_store::{proof::Spending, usage::Purpose};

use super::{
    asking::{Heard, Reply, ask_twice, batches},
    bench::{Bench, spending},
};

/// Most answers in one request, most scores asked for in it, and most estimated tokens of them.
const MOST: usize = 20;
const MAX_SCORES: usize = 60;
const TOKEN_BUDGET: usize = 60_000;

/// What the judge made of answers.
#[derive(Default)]
pub(super) struct Scored {
    /// The overall score of each, 1 to 5; `Some(None)`: discarded, after two judgements without enough valid evidence;
    /// `None`: it was not judged to the end.
    pub(super) overall: Vec<Option<Option<f64>>>,
    pub(super) spent: Vec<Spending>,
    /// Why the judge cannot be asked any more.
    pub(super) fault: Option<ModelError>,
}

/// Most answers that are judged in one request by this rubric.
pub(super) fn most_together(rubric: &Rubric) -> usize {
    (MAX_SCORES / rubric.criteria().len().max(1)).clamp(1, MOST)
}

/// Judges all of them.
pub(super) async fn score<S, M: Judge>(
    bench: &Bench<'_, S, M>,
    system_prompt: &str,
    exchanges: &[&Exchange],
) -> Scored {
    let costs = exchanges.iter().map(|exchange| tokens::estimate_exchange(exchange));
    let asked = batches(costs, most_together(&bench.test.rubric.criteria), TOKEN_BUDGET);
    let Heard { said, spent, fault } =
        ask_twice(exchanges.len(), asked, bench.deadline, |places| ask(bench, system_prompt, exchanges, places)).await;
    let spent = spent.into_iter().map(|spent| spending(Purpose::Judge, spent)).collect();
    Scored { overall: said, spent, fault }
}

async fn ask<S, M: Judge>(
    bench: &Bench<'_, S, M>,
    system_prompt: &str,
    exchanges: &[&Exchange],
    places: Vec<usize>,
) -> Reply<f64> {
    let asked: Vec<_> = places.iter().filter_map(|place| exchanges.get(*place).copied()).collect();
    let rubric = &bench.test.rubric.criteria;
    let request = JudgeRequest {
        model: &bench.test.judge_model,
        rubric,
        system_prompt,
        exchanges: &asked,
        patience: bench.patience(),
    };
    let judgement = bench.model.judge(request).await?;
    let scores = asked.iter().zip(&judgement.scores);
    let overall = scores.map(|(exchange, claimed)| evaluate(claimed, exchange, rubric).overall).collect();
    Ok((overall, Spent { model: judgement.model, usage: judgement.usage }))
}
