//! What `pawl_get_receipt` answers.

use pawl_core::{
    characteristics::QUESTION_TYPES,
    proof::{ByQuestionType, Decision, Effects, Reason, Ruling, Tally},
};
use serde_json::Value;

use super::case;
use crate::{
    proof::{GetReceipt, Receipt},
    row::Row,
};

/// The outcome.
pub(crate) fn read(outcome: &str, row: Row<'_>) -> Option<GetReceipt> {
    Some(match outcome {
        "ok" => GetReceipt::Ok(Box::new(receipt(row.at("receipt")?)?)),
        "receipt_not_found" => GetReceipt::ReceiptNotFound,
        "forbidden" => GetReceipt::Forbidden,
        "unauthorized" => GetReceipt::Unauthorized,
        "user_not_allowed" => GetReceipt::UserNotAllowed,
        _ => return None,
    })
}

fn receipt(value: &Value) -> Option<Receipt> {
    let row = Row::of(value);
    let document = Row::of(row.at("document")?);
    Some(Receipt {
        receipt_id: row.id("receipt_id")?,
        case: case(Row::of(document.at("case")?), value)?,
        ruling: ruling(Row::of(document.at("ruling")?))?,
        digest_matches: row.at("digest_matches")?.as_bool()?,
        prompts_match: row.at("prompts_match")?.as_bool()?,
    })
}

fn ruling(row: Row<'_>) -> Option<Ruling> {
    let effects_of = row.at("effects").filter(|effects| !effects.is_null());
    Some(Ruling {
        decision: Decision::named(row.at("decision")?.as_str()?)?,
        reason: Reason::named(row.at("reason")?.as_str()?)?,
        log_e: row.num("log_e")?,
        log_e_worse: row.num("log_e_worse")?,
        log_e_people_worse: row.num("log_e_people_worse"),
        at: count(row, "at"),
        n: count(row, "n")?,
        wins: count(row, "wins"),
        losses: count(row, "losses"),
        ties: count(row, "ties"),
        candidate_n: count(row, "candidate_n"),
        baseline_n: count(row, "baseline_n"),
        effect: row.num("effect"),
        effects: match effects_of {
            None => None,
            Some(value) => Some(effects(Row::of(value))?),
        },
        kappa: row.num("kappa"),
        rated: row.at("rated")?.as_u64()?,
        words: row.text("words")?,
    })
}

fn effects(row: Row<'_>) -> Option<Effects> {
    let by_question_type = Row::of(row.at("by_question_type")?);
    // In core's order: the database keeps none.
    let tallies =
        QUESTION_TYPES.into_iter().filter_map(|name| Some((name, tally(Row::of(by_question_type.at(name)?))?)));
    Some(Effects {
        first_shown_share: row.num("first_shown_share"),
        longer_share: row.num("longer_share"),
        disagreements: count(row, "disagreements")?,
        by_question_type: ByQuestionType(tallies.collect()),
    })
}

fn tally(row: Row<'_>) -> Option<Tally> {
    Some(Tally { wins: count(row, "wins")?, losses: count(row, "losses")?, ties: count(row, "ties")? })
}

fn count(row: Row<'_>, name: &str) -> Option<usize> {
    row.int(name).and_then(|value| usize::try_from(value).ok())
}
