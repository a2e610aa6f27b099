//! Earlier questions, answered by both versions and compared: the screening, and the proof where traffic is little.

use pawl_core::characteristics::question_type;
use pawl_model::{Chat, Comparer};
use pawl_store::proof::{NextPairs, Pair, PairResult, Proofs, Verdicts};

use super::{
    Pause,
    answering::{self, Ready, answer},
    bench::{Bench, Stop, Tally, paid},
    comparing::{self, Compared, Two},
};

/// Pairs a step: after it the test is ruled on again.
const PAIRS: u32 = 18;

/// One step: some pairs answered and compared. A pause where there is nothing more to do for now.
pub(super) async fn compare<S: Proofs, M: Chat + Comparer>(
    bench: &Bench<'_, S, M>,
    tally: &mut Tally,
) -> Result<Option<Pause>, Stop> {
    if !bench.deadline.has(answering::NEEDS) {
        return Ok(Some(Pause::TimeOver));
    }
    let (holder, test_id) = (bench.holder, bench.test.test_id);
    let (pairs, blocked) = match bench.store.next_pairs(holder, test_id, PAIRS).await? {
        NextPairs::Ok { pairs, blocked } => (pairs, blocked),
        NextPairs::Closed { reason } => return Err(Stop::Closed(reason)),
        NextPairs::LeaseLost => return Err(Stop::LeaseLost),
    };
    if pairs.is_empty() {
        return Ok(Some(blocked.map_or(Pause::NothingLeft, Pause::Blocked)));
    }
    let ready = answer(bench, &pairs, tally).await?;
    let twos: Vec<_> = ready.iter().map(two).collect();
    let Compared { verdicts, spent, fault } = comparing::compare(bench, &twos).await;
    let judged = ready.iter().zip(verdicts).filter_map(|(ready, verdicts)| result(ready.pair, verdicts));
    let judged: Vec<_> = judged.collect();
    if !judged.is_empty() || !spent.is_empty() {
        paid(bench.store.record_pairs(holder, test_id, &judged, &spent).await)?;
    }
    tally.pairs += judged.len();
    fault.map_or(Ok(None), |fault| Err(Stop::Model(fault)))
}

fn two<'a>(ready: &'a Ready<'_>) -> Two<'a> {
    Two {
        history: &ready.pair.history,
        message: &ready.pair.message,
        ours: &ready.answers.candidate,
        other: &ready.answers.baseline,
        ours_first: ready.pair.candidate_first,
    }
}

/// The verdicts with the candidate shown first, and shown second; none before there are both.
fn result(pair: &Pair, verdicts: [Option<i8>; 2]) -> Option<PairResult> {
    let [Some(first_order), Some(second_order)] = verdicts else { return None };
    let verdicts = Some(Verdicts { first_order, second_order });
    Some(PairResult { pair_id: pair.pair_id, answers: None, verdicts, question_type: Some(kind_of(pair)) })
}

/// What the question asks for: types are looked at apart, too.
pub(super) fn kind_of(pair: &Pair) -> String {
    question_type(&pair.message).to_owned()
}
