//! Verifying a receipt: deciding once more from what was observed, and comparing.

use pawl_core::proof::{Ruling, rule};
use pawl_store::{
    decisions::Refusal,
    proof::{GetReceipt, Proofs, Receipt},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::Error,
    wire::{Outcome, Verified},
};

/// How far two e-values may be apart, on the scale of their logarithms: they are sums of floats.
const TOLERANCE: f64 = 1e-9;

/// Reads a receipt with its observations, rules on them, and says what differs from what was ruled.
pub async fn verify(receipt_id: Uuid, user_id: Option<Uuid>, store: &impl Proofs) -> Result<Outcome, Error> {
    let receipt = match store.receipt(receipt_id, user_id).await? {
        GetReceipt::Ok(receipt) => *receipt,
        GetReceipt::ReceiptNotFound => return Err(Error::ReceiptNotFound),
        GetReceipt::Forbidden => return Err(Error::Refused(Refusal::Forbidden)),
        GetReceipt::Unauthorized => return Err(Error::Refused(Refusal::Unauthorized)),
        GetReceipt::UserNotAllowed => return Err(Error::Refused(Refusal::UserNotAllowed)),
    };
    let recomputed = rule(&receipt.case);
    let differences = differences(&receipt, &recomputed);
    Ok(Outcome::Verified(Box::new(Verified {
        receipt_id: receipt.receipt_id,
        matches: differences.is_empty(),
        recorded: receipt.ruling,
        recomputed,
        differences,
    })))
}

/// What differs, in words.
fn differences(receipt: &Receipt, now: &Ruling) -> Vec<String> {
    let then = &receipt.ruling;
    let mut found = Vec::new();
    if !receipt.digest_matches {
        found.push("The observations are not those that the receipt was written for.".to_owned());
    }
    if !receipt.prompts_match {
        found.push("The text of a version is not the one that was tested.".to_owned());
    }
    let mut compare = |what: &str, is_same: bool, then: String, now: String| {
        if !is_same {
            found.push(format!("{what}: {then} was recorded, {now} comes of the observations."));
        }
    };
    let name = str::to_owned;
    compare("decision", then.decision == now.decision, name(then.decision.name()), name(now.decision.name()));
    compare("reason", then.reason == now.reason, name(then.reason.name()), name(now.reason.name()));
    compare("at", then.at == now.at, written(then.at), written(now.at));
    for (what, then, now) in [
        ("log_e", Some(then.log_e), Some(now.log_e)),
        ("log_e_worse", Some(then.log_e_worse), Some(now.log_e_worse)),
        ("log_e_people_worse", then.log_e_people_worse, now.log_e_people_worse),
    ] {
        compare(what, is_same(then, now), written(then), written(now));
    }
    found
}

fn is_same(then: Option<f64>, now: Option<f64>) -> bool {
    match (then, now) {
        (Some(then), Some(now)) => then == now || (then - now).abs() <= TOLERANCE,
        (None, None) => true,
        _ => false,
    }
}

fn written(value: Option<impl Into<Value>>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.into().to_string())
}
