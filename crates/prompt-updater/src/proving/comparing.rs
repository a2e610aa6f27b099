//! Comparing two answers, blind, in both orders.

use pawl_core::{conversation::Exchange, tokens};
use pawl_model::{AnswerPair, Better, CompareRequest, Comparer, ModelError, Spent, compare::MAX_PAIRS};
use pawl_store::{proof::Spending, usage::Purpose};

use super::{
    asking::{Heard, Reply, ask_twice, batches},
    bench::{Bench, spending},
};

/// Most estimated tokens of the pairs in one request.
const TOKEN_BUDGET: usize = 60_000;

/// Two answers to one question.
pub(super) struct Two<'a> {
    pub(super) history: &'a [Exchange],
    pub(super) message: &'a str,
    /// The one that verdicts are about.
    pub(super) ours: &'a str,
    pub(super) other: &'a str,
    /// In which order they stand in the first of the two requests. (In each, some stand so and some the other way.)
    pub(super) ours_first: bool,
}

/// What the judge made of them.
pub(super) struct Compared {
    /// Of each with ours shown first, and shown second: 1 ours is better, −1 the other one, 0 neither, also where the
    /// judge had nothing to say twice. `None`: it was not asked to the end.
    pub(super) verdicts: Vec<[Option<i8>; 2]>,
    pub(super) spent: Vec<Spending>,
    /// Why it cannot be asked any more.
    pub(super) fault: Option<ModelError>,
}

/// Compares all of them, each in both orders, in two requests that know nothing of each other.
pub(super) async fn compare<S, M: Comparer>(bench: &Bench<'_, S, M>, twos: &[Two<'_>]) -> Compared {
    // Place 2i is pair i in the first request's order, 2i + 1 in the second's.
    let of_pairs = batches(twos.iter().map(cost), MAX_PAIRS, TOKEN_BUDGET);
    let both = |pairs: &Vec<usize>| [0, 1].map(|turned| pairs.iter().map(|i| 2 * i + turned).collect());
    let asked: Vec<Vec<usize>> = of_pairs.iter().flat_map(both).collect();
    let Heard { said, spent, fault } =
        ask_twice(2 * twos.len(), asked, bench.deadline, |places| ask(bench, twos, places)).await;
    let spent = spent.into_iter().map(|spent| spending(Purpose::Compare, spent)).collect();
    let mut said = said.into_iter().map(|said| said.map(Option::unwrap_or_default));
    let mut next = || said.next().flatten();
    let verdicts = twos.iter().map(|two| {
        let [first, second] = [next(), next()];
        if two.ours_first { [first, second] } else { [second, first] }
    });
    let verdicts = verdicts.collect();
    Compared { verdicts, spent, fault }
}

/// One request about the pairs of these places, each in the order of its place.
async fn ask<S, M: Comparer>(bench: &Bench<'_, S, M>, twos: &[Two<'_>], places: Vec<usize>) -> Reply<i8> {
    let asked = || places.iter().filter_map(|place| Some((twos.get(place / 2)?, shows_ours_first(twos, *place)?)));
    let pairs: Vec<_> = asked()
        .map(|(two, ours_first)| {
            let (first, second) = if ours_first { (two.ours, two.other) } else { (two.other, two.ours) };
            AnswerPair { history: two.history, user_message: two.message, first, second }
        })
        .collect();
    let request = CompareRequest {
        model: &bench.test.judge_model,
        rubric: &bench.test.rubric.criteria,
        pairs: &pairs,
        patience: bench.patience(),
    };
    let comparison = bench.model.compare(request).await?;
    let verdicts = comparison.verdicts.iter().zip(asked()).map(|(better, (_, ours_first))| {
        better.map(|better| match better {
            Better::Neither => 0,
            Better::First if ours_first => 1,
            Better::Second if !ours_first => 1,
            Better::First | Better::Second => -1,
        })
    });
    Ok((verdicts.collect(), Spent { model: comparison.model, usage: comparison.usage }))
}

fn shows_ours_first(twos: &[Two<'_>], place: usize) -> Option<bool> {
    Some(twos.get(place / 2)?.ours_first == place.is_multiple_of(2))
}

fn cost(two: &Two<'_>) -> usize {
    let history: usize = two.history.iter().map(tokens::estimate_exchange).sum();
    history + tokens::estimate(two.message) + tokens::estimate(two.ours) + tokens::estimate(two.other)
}
