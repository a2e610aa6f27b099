//! Watching the live version: one that people like less than the one before is taken back.

use pawl_core::proof::{Decision, Ruling, rule};
use pawl_store::{
    proof::{AlertFall, Proofs, RollBack, WatchLook},
    reflections::About,
};
use uuid::Uuid;

use super::bench::Stop;
use crate::wire::{Did, Proof};

/// Looks at the live version's votes, and takes it back, or tells a person, where they fell.
pub(super) async fn watch<S: Proofs>(about: &About, holder: Uuid, store: &S) -> Result<Option<Proof>, Stop> {
    let (case, live, acts, why_not) = match store.watch_look(holder, about.assistant_id).await? {
        WatchLook::Ok { case, live, acts, why_not } => (case, live, acts, why_not),
        WatchLook::NothingToWatch => return Ok(None),
        WatchLook::LeaseLost => return Err(Stop::LeaseLost),
    };
    let ruling = rule(&case);
    let in_the_way = match ruling.decision {
        Decision::Rollback if acts => match store.roll_back(holder, about.assistant_id, &live, &case, &ruling).await? {
            RollBack::Ok { receipt_id, version } => {
                let proof = Proof { version: Some(version), receipt_id: Some(receipt_id), ..told(about, &ruling) };
                return Ok(Some(Proof { did: Did::RolledBack, ..proof }));
            }
            RollBack::Superseded => return Ok(None),
            RollBack::LeaseLost => return Err(Stop::LeaseLost),
            RollBack::Held { reason } => Some(reason),
        },
        Decision::Rollback => why_not,
        Decision::Alert => None,
        _ => return Ok(None),
    };
    match store.alert_fall(holder, about.assistant_id, live.prompt_id, &ruling).await? {
        AlertFall::Ok { suggestion_id: Some(_) } => {
            let proof = told(about, &ruling);
            Ok(Some(Proof { reason: in_the_way.or(proof.reason), ..proof }))
        }
        // Of this version it was told before.
        AlertFall::Ok { suggestion_id: None } => Ok(None),
        AlertFall::LeaseLost => Err(Stop::LeaseLost),
    }
}

fn told(about: &About, ruling: &Ruling) -> Proof {
    let words = Some(ruling.words.clone()).filter(|words| !words.is_empty());
    Proof { reason: Some(ruling.reason.name().to_owned()), words, ..Proof::of(about, Did::Alerted) }
}
