//! The judge on trial: before it may gate, it has to see through answers that only look good.

use std::time::Duration;

use pawl_core::{
    conversation::Exchange,
    proof::{
        attacks::{ATTACKS, Attack},
        trial::{Heard, Trial, try_judge},
    },
};
use pawl_model::{Comparer, Judge, judge::REVISION};
use pawl_store::proof::{BeginTest, JudgeTrial, Proofs, Spending};
use serde_json::json;

use super::{
    Pause,
    bench::{Bench, Stop, recorded},
    comparing::{Two, compare},
    judging::{Scored, score},
};

/// A trial is begun only with this much time left: it is not stored before it is over.
const NEEDS: Duration = Duration::from_secs(75);
/// Of the assistant whose answers the attacks are: of no assistant there is.
const SYSTEM_PROMPT: &str = "You are a helpful assistant.";

/// Lets a judge through that passed its trial, now or before; the test of one that did not is closed.
pub(super) async fn pass<S: Proofs, M: Judge + Comparer>(bench: &Bench<'_, S, M>) -> Result<Option<Pause>, Stop> {
    let held = match bench.store.begin_test(bench.holder, bench.test.test_id, REVISION).await? {
        BeginTest::Ok { trial_passed: Some(true), .. } => return Ok(None),
        // Known already, and paid for.
        BeginTest::Ok { trial_passed: Some(false), .. } => {
            Some((Trial { passed: false, attacks: Vec::new() }, Vec::new()))
        }
        BeginTest::Ok { trial_passed: None, .. } if bench.deadline.has(NEEDS) => hold(bench).await?,
        BeginTest::Ok { trial_passed: None, .. } => None,
        BeginTest::Closed { reason } => return Err(Stop::Closed(reason)),
        BeginTest::LeaseLost => return Err(Stop::LeaseLost),
    };
    let Some((Trial { passed, attacks }, spent)) = held else { return Ok(Some(Pause::TimeOver)) };
    let trial = JudgeTrial { judge_revision: REVISION, passed, attacks: json!(attacks), usage: &spent };
    recorded(bench.store.record_judge_trial(bench.holder, bench.test.test_id, &trial).await?)?;
    Ok(None)
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
            recorded(bench.store.record_pairs(bench.holder, bench.test.test_id, &[], &spent).await?)?;
            fault.map_or(Ok(None), |fault| Err(Stop::Model(fault)))
        }
    }
}
