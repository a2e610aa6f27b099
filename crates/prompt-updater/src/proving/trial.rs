//! The judge on trial: before it may gate, it has to see through answers that only look good.

use std::time::Duration;

use pawl_core::{
    conversation::Exchange,
    proof::{
        attacks::{ATTACKS, Attack},
        trial::{Heard, Trial, try_judge},
    },
    rubric::Rubric,
    tokens::estimate,
};
use pawl_model::{Comparer, Judge, compare::MAX_PAIRS, judge::REVISION};
use pawl_store::proof::{BeginTest, JudgeTrial, Proofs, Spending, Tokens};
use serde_json::json;

use super::{
    Pause,
    bench::{Bench, Stop, paid},
    comparing::{Two, compare},
    judging::{Scored, most_together, score},
};

/// A trial is begun only with this much time left: it is not stored before it is over.
const NEEDS: Duration = Duration::from_secs(75);
/// Most tokens of a request's instructions with the schema of its reply; of one verdict and of one score, with their
/// reasons; and of what a comparison and a judgement say besides.
const INSTRUCTIONS: usize = 2_500;
const VERDICT: usize = 250;
const SCORE: usize = 80;
const COMPARISON: usize = 500;
const JUDGEMENT: usize = 4_000;
/// Of the assistant whose answers the attacks are: of no assistant there is.
const SYSTEM_PROMPT: &str = "You are a helpful assistant.";

/// Lets a judge through that passed its trial, now or before; the test of one that did not is closed.
pub(super) async fn pass<S: Proofs, M: Judge + Comparer>(bench: &Bench<'_, S, M>) -> Result<Option<Pause>, Stop> {
    let has_time = bench.deadline.has(NEEDS);
    let cost = if has_time { highest_cost(&bench.test.rubric.criteria) } else { Tokens::default() };
    match bench.store.begin_test(bench.holder, bench.test.test_id, REVISION, cost).await? {
        BeginTest::Ok { tried: true, .. } => return Ok(None),
        BeginTest::Ok { blocked: Some(blocked), .. } => return Ok(Some(Pause::Blocked(blocked))),
        BeginTest::Ok { .. } if !has_time => return Ok(Some(Pause::TimeOver)),
        BeginTest::Ok { .. } => {}
        BeginTest::Closed { reason } => return Err(Stop::Closed(reason)),
        BeginTest::LeaseLost => return Err(Stop::LeaseLost),
    }
    let Some((Trial { passed, attacks }, spent)) = hold(bench).await? else { return Ok(Some(Pause::TimeOver)) };
    let trial = JudgeTrial { judge_revision: REVISION, passed, attacks: json!(attacks), usage: &spent };
    paid(bench.store.record_judge_trial(bench.holder, bench.test.test_id, &trial).await)?;
    Ok(None)
}

/// What a trial may cost at the most: every comparison in both orders and both scores of each attack, asked for
/// together, and then each once more alone, as [`super::asking::ask_twice`] does.
fn highest_cost(rubric: &Rubric) -> Tokens {
    let criteria = rubric.criteria();
    let anchors = |anchors: &[String]| anchors.iter().map(|anchor| estimate(anchor) + 10).sum::<usize>();
    let described = criteria.iter().map(|c| estimate(&c.key) + estimate(&c.description) + anchors(&c.anchors) + 20);
    let frame = INSTRUCTIONS + estimate(SYSTEM_PROMPT) + described.sum::<usize>();
    // The message goes along with each answer that is scored.
    let texts = ATTACKS.iter().map(|a| 2 * estimate(a.message) + estimate(a.honest) + estimate(a.attack) + 40);
    let (texts, pairs, answers) = (texts.sum::<usize>(), 2 * ATTACKS.len(), 2 * ATTACKS.len());
    let comparisons = 2 * ATTACKS.len().div_ceil(MAX_PAIRS) + pairs;
    let judgements = answers.div_ceil(most_together(rubric)) + answers;
    // Each text is read six times: in two comparisons and one judgement, together and alone.
    let read = (comparisons + judgements) * frame + 6 * texts;
    let verdicts = comparisons * COMPARISON + 2 * pairs * VERDICT;
    let scores = judgements * JUDGEMENT + 2 * answers * criteria.len() * SCORE;
    Tokens { read: read as u64, said: (verdicts + scores) as u64 }
}

/// Has the judge compare each attack with an honest answer, and score both. `None`: the time was over before the end.
async fn hold<S: Proofs, M: Judge + Comparer>(bench: &Bench<'_, S, M>) -> Result<Option<(Trial, Vec<Spending>)>, Stop> {
    let exchange = |user_message: &str, answer: &str| {
        let (user_message, answer) = (user_message.to_owned(), answer.to_owned());
        Exchange { user_message, answer }
    };
    let both = |attack: &Attack| [attack.honest, attack.attack].map(|answer| exchange(attack.message, answer));
    let exchanges: Vec<_> = ATTACKS.iter().flat_map(both).collect();
    let exchanges: Vec<_> = exchanges.iter().collect();
    let twos = (0_u32..).zip(&ATTACKS).map(|(number, attack)| Two {
        history: &[],
        message: attack.message,
        ours: attack.attack,
        other: attack.honest,
        ours_first: number.is_multiple_of(2),
    });
    let twos: Vec<_> = twos.collect();
    let compared = compare(bench, &twos).await;
    let scored = match &compared.fault {
        None => score(bench, SYSTEM_PROMPT, &exchanges).await,
        Some(_) => Scored::default(),
    };
    let spent: Vec<_> = compared.spent.into_iter().chain(scored.spent).collect();
    let heard = compared.verdicts.iter().zip(scored.overall.chunks(2)).map(|(verdicts, overall)| {
        let ([Some(first), Some(second)], [Some(honest), Some(attacked)]) = (*verdicts, overall) else { return None };
        Some(Heard { first: Some(first), second: Some(second), honest: *honest, attacked: *attacked })
    });
    let heard: Option<Vec<_>> = heard.collect();
    match (compared.fault.or(scored.fault), heard) {
        (None, Some(heard)) => Ok(Some((try_judge(&heard), spent))),
        (fault, _) => {
            paid(bench.store.record_pairs(bench.holder, bench.test.test_id, &[], &spent).await)?;
            fault.map_or(Ok(None), |fault| Err(Stop::Model(fault)))
        }
    }
}
