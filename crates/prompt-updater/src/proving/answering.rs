//! Asking both versions the same questions.

use std::time::Duration;

use futures_util::future::join_all;
use pawl_core::tokens;
use pawl_model::{Answer, Chat, ChatRequest, ModelError, Spent, Unanswered};
use pawl_store::{
    proof::{Answers, Pair, PairResult, Proofs, Spending, Verdicts},
    reflections::PromptVersion,
    usage::Purpose,
};

use super::bench::{Bench, IN_FLIGHT, Stop, Tally, paid, spending};

/// Questions are asked only with this much time left.
pub(super) const NEEDS: Duration = Duration::from_secs(45);
/// Only with this much time left has a version that is not done in time had all the time there is.
const WHOLE_PATIENCE: Duration = Duration::from_secs(80);

/// A pair that both versions have answered.
pub(super) struct Ready<'a> {
    pub(super) pair: &'a Pair,
    pub(super) answers: Answers,
}

/// What a version said.
enum Said {
    Answer(String),
    /// Nothing: with this version the model would not answer, or could not twice.
    Nothing,
}

/// A pair that is being answered: by the live version, and by the new one.
struct Open<'a> {
    pair: &'a Pair,
    said: [Option<Said>; 2],
}

impl Open<'_> {
    fn waits(&self) -> bool {
        self.said.iter().any(Option::is_none)
    }
}

/// Has both versions answer every pair that has no answers yet, and stores them: they are never paid for again. A
/// version without an answer loses against one that has it, as it would with people. What fails by itself is asked once
/// more before it counts as none; the pairs for which time was too short are left out. Where each has a model of its own
/// and one is away, that is no answer of the new version's; the live one's is waited for: an outage would be a run of
/// wins for whatever is compared with it.
pub(super) async fn answer<'a, S: Proofs, M: Chat>(
    bench: &Bench<'_, S, M>,
    pairs: &'a [Pair],
    tally: &mut Tally,
) -> Result<Vec<Ready<'a>>, Stop> {
    let stored = pairs.iter().filter_map(|pair| Some(Ready { pair, answers: pair.answers.clone()? }));
    let mut ready: Vec<_> = stored.collect();
    let open = pairs.iter().filter(|pair| pair.answers.is_none());
    let mut open: Vec<_> = open.map(|pair| Open { pair, said: [None, None] }).collect();
    let mut live_answers = false;
    for last in [false, true] {
        let mut waiting: Vec<_> = open.iter_mut().filter(|open| open.waits()).collect();
        for together in waiting.chunks_mut(IN_FLIGHT / 2) {
            if !bench.deadline.has(NEEDS) {
                return Ok(ready);
            }
            let last = last && bench.deadline.has(WHOLE_PATIENCE);
            let (spent, fault) = ask(bench, together, last, &mut live_answers).await;
            let done: Vec<_> = together.iter().filter_map(|open| result(open)).collect();
            if !done.is_empty() || !spent.is_empty() {
                paid(bench.store.record_pairs(bench.holder, bench.test.test_id, &done, &spent).await)?;
            }
            let declined = done.iter().filter(|done| done.verdicts.is_some()).count();
            tally.pairs += declined;
            tally.unanswerable += declined;
            for done in done.into_iter().filter(|done| done.verdicts.is_none()) {
                let open = together.iter().find(|open| open.pair.pair_id == done.pair_id);
                let answered = open.map(|open| open.pair).zip(done.answers);
                ready.extend(answered.map(|(pair, answers)| Ready { pair, answers }));
            }
            if let Some(fault) = fault {
                return Err(Stop::Model(fault));
            }
        }
    }
    Ok(ready)
}

/// Asks what is not answered yet of these pairs, all at a time. A fault is one that the next question would meet too.
/// `live_answers`: whether the live version has answered anything yet.
async fn ask<S, M: Chat>(
    bench: &Bench<'_, S, M>,
    together: &mut [&mut Open<'_>],
    last: bool,
    live_answers: &mut bool,
) -> (Vec<Spending>, Option<ModelError>) {
    let versions = [&bench.test.baseline, &bench.test.candidate];
    let asked = together.iter().flat_map(|open| {
        let pair = open.pair;
        let missing = versions.into_iter().zip(&open.said).filter(|(_, said)| said.is_none());
        missing.map(move |(version, _)| ask_one(bench, version, pair))
    });
    let replies = join_all(asked.collect::<Vec<_>>()).await;
    let (mut spent, mut fault, mut of_one) = (Vec::new(), None, None);
    let (asked, mut answered) = (replies.len(), 0);
    let slots = together.iter_mut().flat_map(|open| versions.into_iter().zip(open.said.iter_mut()));
    let slots = slots.filter(|(_, said)| said.is_none());
    let replies: Vec<_> = slots.zip(replies).collect();
    let of_live = |version: &PromptVersion| std::ptr::eq(version, &bench.test.baseline);
    *live_answers |= replies.iter().any(|((version, _), reply)| of_live(version) && has_answered(reply));
    for ((version, slot), reply) in replies {
        let (own, live) = (is_alone(version, versions), of_live(version));
        match reply {
            Ok(Answer { text, model, usage, .. }) => {
                spent.push(spending(Purpose::Replay, Spent { model, usage }));
                *slot = Some(Said::Answer(text));
                answered += 1;
            }
            Err(Unanswered { error, spent: cost }) => {
                spent.extend(cost.map(|cost| spending(Purpose::Replay, cost)));
                match error {
                    // Its own model does not answer, and perhaps nothing: an outage can look like this too.
                    ModelError::Timeout | ModelError::BrokenOff | ModelError::Malformed
                        if own && live && !*live_answers =>
                    {
                        fault = Some(error);
                    }
                    ModelError::Refused | ModelError::Empty => {
                        *slot = Some(Said::Nothing);
                        answered += 1;
                    }
                    // Perhaps this question's own fault.
                    ModelError::Timeout
                    | ModelError::BrokenOff
                    | ModelError::Malformed
                    | ModelError::CutOff
                    | ModelError::Rejected(_) => {
                        *slot = last.then_some(Said::Nothing);
                        of_one = Some(error);
                    }
                    // The new version's: its own model is not there, while the other's is.
                    ModelError::Unreachable | ModelError::ServerError if own && !live => {
                        *slot = last.then_some(Said::Nothing);
                        of_one = Some(error);
                    }
                    ModelError::Unreachable
                    | ModelError::RateLimited(_)
                    | ModelError::Overloaded(_)
                    | ModelError::ServerError
                    | ModelError::SpendLimit
                    | ModelError::Unauthorized
                    | ModelError::NotAllowed
                    | ModelError::OwnKeyRefused => fault = Some(error),
                }
            }
        }
    }
    // Where none of several is answered, it is not the questions.
    if !last && answered == 0 && asked > 2 {
        fault = fault.or(of_one);
    }
    (spent, fault)
}

/// Whether a version said something, or would not.
fn has_answered(reply: &Result<Answer, Unanswered>) -> bool {
    let error = reply.as_ref().err().map(|unanswered| &unanswered.error);
    matches!(error, None | Some(ModelError::Refused | ModelError::Empty))
}

/// Whether a version has a model at an address that the other version has not.
fn is_alone(version: &PromptVersion, versions: [&PromptVersion; 2]) -> bool {
    version.base_url.is_some() && versions.iter().any(|other| other.base_url != version.base_url)
}

async fn ask_one<S, M: Chat>(
    bench: &Bench<'_, S, M>,
    version: &PromptVersion,
    pair: &Pair,
) -> Result<Answer, Unanswered> {
    let request = ChatRequest {
        model: &version.model,
        base_url: version.base_url.as_deref(),
        max_tokens: bench.test.max_answer_tokens,
        system_prompt: &version.content,
        instructions: None,
        history: tokens::newest_within(&pair.history, bench.test.history_token_budget),
        message: &pair.message,
        patience: bench.patience(),
    };
    bench.model.answer(request, &mut |_| {}).await
}

/// What is stored of a pair: the answers of both; or who had none, which needs no judge.
fn result(open: &Open<'_>) -> Option<PairResult> {
    let pair_id = open.pair.pair_id;
    match &open.said {
        [Some(Said::Answer(baseline)), Some(Said::Answer(candidate))] => {
            let answers = Answers { baseline: baseline.clone(), candidate: candidate.clone() };
            Some(PairResult { pair_id, answers: Some(answers), verdicts: None, question_type: None })
        }
        [Some(baseline), Some(candidate)] => {
            let answered = |said: &Said| i8::from(matches!(said, Said::Answer(_)));
            let verdict = answered(candidate) - answered(baseline);
            Some(PairResult {
                pair_id,
                answers: Some(Answers { baseline: String::new(), candidate: String::new() }),
                verdicts: Some(Verdicts { first_order: verdict, second_order: verdict }),
                question_type: Some(super::replay::kind_of(open.pair)),
            })
        }
        _ => None,
    }
}
