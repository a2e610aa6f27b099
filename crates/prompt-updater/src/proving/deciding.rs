//! Looking at what was observed, and carrying out what is ruled on it.

use pawl_core::proof::{Case, Decision, Method, Ruling, level, plan};
use pawl_store::proof::{BeginProof, DecideTest, PlanFrom, ProofLook, Proofs};

use super::{
    Ended,
    bench::{Bench, Stop},
};
use crate::wire::{Did, Proof};

/// What a ruling is made from, and a plan.
pub(super) struct Look {
    pub(super) case: Box<Case>,
    pub(super) plan_from: Option<PlanFrom>,
}

/// What was observed of the test in its stage.
pub(super) async fn look<S: Proofs, M>(bench: &Bench<'_, S, M>) -> Result<Look, Stop> {
    match bench.store.proof_look(bench.holder, bench.test.test_id).await? {
        ProofLook::Ok { case, plan_from } => Ok(Look { case, plan_from }),
        ProofLook::Closed { reason } => Err(Stop::Closed(reason)),
        ProofLook::LeaseLost => Err(Stop::LeaseLost),
    }
}

/// Begins the proof of a version that passed its screening, and says how long it will take. `None`: its place in the
/// year is taken, a new plan is to be made.
pub(super) async fn begin_proof<S: Proofs, M>(
    bench: &Bench<'_, S, M>,
    case: &Case,
    PlanFrom { traffic, settings }: &PlanFrom,
    ruling: &Ruling,
) -> Result<Option<Ended>, Stop> {
    let plan = plan(traffic, settings, level(traffic, settings));
    let begun = bench.store.begin_proof(bench.holder, bench.test.test_id, &plan, case, ruling).await?;
    // A replay goes on at once, a canary when people have come.
    let more = plan.method == Method::Replay;
    let words = Some(plan.words);
    let told = |did, reason: Option<String>| Proof { reason, words: words.clone(), ..bench.proof(did) };
    Ok(match begun {
        BeginProof::Ok => {
            let proof = told(Did::Proving, Some(ruling.reason.name().to_owned()));
            Some(Ended { proof, more })
        }
        BeginProof::Stale => None,
        BeginProof::Held { reason } => Some(told(Did::Held, Some(reason)).into()),
        BeginProof::Closed { reason } => return Err(Stop::Closed(reason)),
        BeginProof::BudgetSpent => return Err(Stop::Closed(Some("yearly_budget".to_owned()))),
        BeginProof::LeaseLost => return Err(Stop::LeaseLost),
    })
}

/// Promotes or rejects, as it was ruled.
pub(super) async fn decide<S: Proofs, M>(bench: &Bench<'_, S, M>, case: &Case, ruling: Ruling) -> Result<Ended, Stop> {
    let promoted = ruling.decision == Decision::Promote;
    let (holder, test_id) = (bench.holder, bench.test.test_id);
    let (did, version, reason, receipt_id) =
        match bench.store.decide_test(holder, test_id, promoted, case, &ruling).await? {
            DecideTest::Ok { receipt_id, version } => {
                let did = if promoted { Did::Promoted } else { Did::Rejected };
                (did, version, ruling.reason.name().to_owned(), Some(receipt_id))
            }
            DecideTest::Held { reason } => (Did::Held, bench.test.candidate.version, reason, None),
            DecideTest::Closed { reason } => return Err(Stop::Closed(reason)),
            DecideTest::LeaseLost => return Err(Stop::LeaseLost),
        };
    let words = Some(ruling.words).filter(|words| !words.is_empty());
    let proof = Proof { version: Some(version), reason: Some(reason), receipt_id, words, ..bench.proof(did) };
    Ok(proof.into())
}
