//! A share of the people's conversations: what the judge and the people made of each that has come to its end.

use std::time::Duration;

use pawl_core::{
    learning::reaction,
    rubric::{MAX_SCORE, MIN_SCORE},
};
use pawl_model::Judge;
use pawl_store::proof::{NextUnits, Proofs, Unit, UnitResult};

use super::{
    Pause,
    bench::{Bench, Stop, Tally, paid},
    judging::{Scored, score},
};

/// Most units a step, and least; within them, one for so many seconds that are left.
const MOST: u64 = 20;
const LEAST: u64 = 4;
const SECONDS_A_UNIT: u64 = 8;
/// A step is begun only with this much time left.
const NEEDS: Duration = Duration::from_secs(45);

/// One step: some units observed. A pause where there is nothing more to do for now.
pub(super) async fn observe<S: Proofs, M: Judge>(
    bench: &Bench<'_, S, M>,
    tally: &mut Tally,
) -> Result<Option<Pause>, Stop> {
    if !bench.deadline.has(NEEDS) {
        return Ok(Some(Pause::TimeOver));
    }
    let (holder, test_id) = (bench.holder, bench.test.test_id);
    let limit = (bench.deadline.left().as_secs() / SECONDS_A_UNIT).clamp(LEAST, MOST) as u32;
    let (units, blocked) = match bench.store.next_units(holder, test_id, limit).await? {
        NextUnits::Ok { units, blocked } => (units, blocked),
        NextUnits::Closed { reason } => return Err(Stop::Closed(reason)),
        NextUnits::LeaseLost => return Err(Stop::LeaseLost),
    };
    if units.is_empty() {
        return Ok(Some(blocked.map_or(Pause::NothingLeft, Pause::Blocked)));
    }
    // As they come, both arms among each other, under one prompt: nothing tells the judge who made which.
    let exchanges: Vec<_> = units.iter().filter_map(|unit| unit.exchange.as_ref()).collect();
    let Scored { overall, spent, fault } = score(bench, &bench.test.baseline.content, &exchanges).await;
    let mut overall = overall.into_iter();
    let observed = units.iter().filter_map(|unit| {
        // None answered, or taken back by their person: the worst there is, for either version alike. Passed over, what
        // drives people away would look the better for it.
        let judged = if unit.exchange.is_some() { overall.next()??.map(to_share) } else { Some(0.0) };
        Some(UnitResult { unit_id: unit.unit_id, judged, reaction: reaction(unit) })
    });
    let observed: Vec<_> = observed.collect();
    if !observed.is_empty() || !spent.is_empty() {
        paid(bench.store.record_units(holder, test_id, &observed, &spent).await)?;
    }
    tally.units += observed.len();
    fault.map_or(Ok(None), |fault| Err(Stop::Model(fault)))
}

/// A score of 1 to 5 as 0 to 1.
fn to_share(score: f64) -> f64 {
    let (least, most) = (f64::from(MIN_SCORE), f64::from(MAX_SCORE));
    (score - least) / (most - least)
}

/// What people made of a unit's answers, as a training score: the mean signal, 0 to 1; a half without answers.
fn reaction(unit: &Unit) -> f64 {
    if unit.reactions.is_empty() {
        return 0.5;
    }
    let signals = unit.reactions.iter().map(|answer| reaction::settle(&answer.reactions, answer.answer_characters));
    let hundredths: i64 = signals.map(i64::from).sum();
    (hundredths as f64 / 100.0 / unit.reactions.len() as f64 + 1.0) / 2.0
}
