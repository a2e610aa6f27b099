//! Rows of tests, to and from JSON. By hand, for the wasm's size; what core writes itself it writes.

use pawl_core::{
    learning::reaction::{Reactions, Thumb},
    proof::{
        Agreement, Case, Kind, Method, Observations, Pair as SeenPair, ProofSettings, Ruling, Traffic, Turn,
        Unit as SeenUnit, UnitKind, Vote, question_type,
    },
};
use serde_json::{Value, json};

use super::{
    AlertFall, AnswerReactions, Answers, BeginProof, BeginTest, Blocked, DecideTest, Live, NextPairs, NextUnits, Pair,
    PairResult, PlanFrom, ProofLook, ProofTask, Recorded, RollBack, Spending, Stage, Test, Unit, UnitResult, WatchLook,
};
use crate::{
    postgrest::counts,
    reflections::{
        PromptVersion,
        rows::{exchange, prompt_version, stored_rubric, time},
    },
    row::Row,
};

pub(crate) mod receipt;

/// The task of a claim.
pub(crate) fn proof_task(row: Row<'_>) -> Option<ProofTask> {
    let found = match row.at("test") {
        None | Some(Value::Null) => None,
        Some(found) => Some(test(Row::of(found))?),
    };
    Some(ProofTask { test: found, watch: row.at("watch")?.as_bool()? })
}

fn test(row: Row<'_>) -> Option<Test> {
    Some(Test {
        test_id: row.id("test_id")?,
        stage: match row.at("state")?.as_str()? {
            "screening" => Stage::Screening,
            "proving" => Stage::Proving,
            _ => return None,
        },
        method: row.at("method").and_then(Value::as_str).and_then(Method::named),
        candidate: tested(row, "candidate")?,
        baseline: tested(row, "baseline")?,
        judge_model: row.text("judge_model")?,
        rubric: stored_rubric(Row::of(row.at("rubric")?))?,
        chat_model: row.text("chat_model")?,
        max_answer_tokens: whole(row, "max_answer_tokens")?,
        history_token_budget: usize::try_from(row.int("history_token_budget")?).ok()?,
    })
}

/// A version that questions are asked with: it has a model.
fn tested(row: Row<'_>, name: &str) -> Option<PromptVersion> {
    prompt_version(Row::of(row.at(name)?)).filter(|version| !version.model.is_empty())
}

fn small(row: Row<'_>, name: &str) -> Option<i32> {
    row.int(name).and_then(|value| i32::try_from(value).ok())
}

fn whole(row: Row<'_>, name: &str) -> Option<u32> {
    row.int(name).and_then(|value| u32::try_from(value).ok())
}

/// `pawl_begin_test`'s answer.
pub(crate) fn read_begun(outcome: &str, row: Row<'_>) -> Option<BeginTest> {
    Some(match outcome {
        "ok" => BeginTest::Ok { tried: row.at("tried")?.as_bool()?, blocked: blocked(row)? },
        "closed" => BeginTest::Closed { reason: row.text("reason") },
        "lease_lost" => BeginTest::LeaseLost,
        _ => return None,
    })
}

fn agreement(row: Row<'_>) -> Option<Agreement> {
    let line = |line: Row<'_>| {
        let counts = line.itself().as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<_>>>()?;
        <[u64; 5]>::try_from(counts).ok()
    };
    Some(Agreement(row.all("agreement", line)?.try_into().ok()?))
}

/// What recording something answers.
pub(crate) fn read_recorded(outcome: &str, row: Row<'_>) -> Option<Recorded> {
    Some(match outcome {
        "ok" => Recorded::Ok,
        "closed" => Recorded::Closed { reason: row.text("reason") },
        "lease_lost" => Recorded::LeaseLost,
        _ => return None,
    })
}

/// `pawl_next_pairs`' answer.
pub(crate) fn read_pairs(outcome: &str, row: Row<'_>) -> Option<NextPairs> {
    Some(match outcome {
        "ok" => NextPairs::Ok { pairs: row.all("pairs", pair)?, blocked: blocked(row)? },
        "closed" => NextPairs::Closed { reason: row.text("reason") },
        "lease_lost" => NextPairs::LeaseLost,
        _ => return None,
    })
}

fn pair(row: Row<'_>) -> Option<Pair> {
    let answers = row.text("baseline_answer").zip(row.text("candidate_answer"));
    Some(Pair {
        pair_id: row.id("pair_id")?,
        message: row.text("message")?,
        history: row.all("history", exchange)?,
        candidate_first: row.at("candidate_first")?.as_bool()?,
        answers: answers.map(|(baseline, candidate)| Answers { baseline, candidate }),
    })
}

fn blocked(row: Row<'_>) -> Option<Option<Blocked>> {
    Some(match row.at("blocked").and_then(Value::as_str) {
        None => None,
        Some("tokens") => Some(Blocked::Tokens),
        Some("money") => Some(Blocked::Money),
        Some("insufficient_data") => Some(Blocked::InsufficientData),
        Some(_) => return None,
    })
}

/// `pawl_next_units`' answer.
pub(crate) fn read_units(outcome: &str, row: Row<'_>) -> Option<NextUnits> {
    Some(match outcome {
        "ok" => NextUnits::Ok { units: row.all("units", unit)?, blocked: blocked(row)? },
        "closed" => NextUnits::Closed { reason: row.text("reason") },
        "lease_lost" => NextUnits::LeaseLost,
        _ => return None,
    })
}

fn unit(row: Row<'_>) -> Option<Unit> {
    let judged = row.at("exchange").filter(|judged| !judged.is_null());
    Some(Unit {
        unit_id: row.id("unit_id")?,
        exchange: match judged {
            None => None,
            Some(judged) => Some(exchange(Row::of(judged))?),
        },
        reactions: row.all("reactions", answer_reactions)?,
    })
}

fn answer_reactions(row: Row<'_>) -> Option<AnswerReactions> {
    Some(AnswerReactions { reactions: reactions(row), answer_characters: row.int("answer_characters") })
}

/// What a person did about an answer; silence where nothing is said.
pub(crate) fn reactions(row: Row<'_>) -> Reactions {
    Reactions {
        thumb: match row.at("thumb").and_then(Value::as_str) {
            Some("up") => Some(Thumb::Up),
            Some("down") => Some(Thumb::Down),
            _ => None,
        },
        copied: row.is("copied"),
        followed_up: row.is("followed_up"),
        dwell_seconds: row.num("dwell_seconds"),
        rating: row.num("rating"),
    }
}

/// `pawl_proof_look`'s answer.
pub(crate) fn read_look(outcome: &str, row: Row<'_>) -> Option<ProofLook> {
    Some(match outcome {
        "ok" => {
            let of_case = row.at("case")?;
            ProofLook::Ok {
                case: Box::new(case(Row::of(of_case), of_case)?),
                plan_from: match row.at("plan_from")? {
                    Value::Null => None,
                    found => Some(plan_from(Row::of(found))?),
                },
            }
        }
        "closed" => ProofLook::Closed { reason: row.text("reason") },
        "lease_lost" => ProofLook::LeaseLost,
        _ => return None,
    })
}

fn plan_from(row: Row<'_>) -> Option<PlanFrom> {
    Some(PlanFrom { traffic: traffic(row)?, settings: settings(Row::of(row.at("settings")?))? })
}

fn traffic(row: Row<'_>) -> Option<Traffic> {
    Some(Traffic {
        conversations_a_day: row.num("conversations_a_day")?,
        people_a_day: row.num("people_a_day")?,
        pool: whole(row, "pool")?,
        pairs_a_day: row.num("pairs_a_day")?,
        tests_this_year: whole(row, "tests_this_year")?,
        promoted_this_year: whole(row, "promoted_this_year")?,
        year: small(row, "year")?,
    })
}

fn settings(row: Row<'_>) -> Option<ProofSettings> {
    Some(ProofSettings {
        // `auto` is none of them.
        method: row.at("proof_method").and_then(Value::as_str).and_then(Method::named),
        pairs: whole(row, "proof_pairs")?,
        canary_share: row.num("canary_share")?,
        canary_unit: UnitKind::named(row.at("canary_unit")?.as_str()?)?,
        canary_min_days: row.num("canary_min_days")?,
        canary_max_days: row.num("canary_max_days")?,
        yearly_budget: row.at("yearly_budget")?.as_bool()?,
        fixed_level: row.num("fixed_level")?,
    })
}

/// A case, and its observations, which `observed` holds under that name.
fn case(row: Row<'_>, observed: &Value) -> Option<Case> {
    let kind = Kind::named(row.at("kind")?.as_str()?)?;
    let observed = Row::of(observed);
    Some(Case {
        kind,
        level: row.num("level"),
        horizon: whole(row, "horizon"),
        min_days: row.num("min_days"),
        max_days: row.num("max_days"),
        days: row.num("days"),
        unit: row.at("unit").and_then(Value::as_str).and_then(UnitKind::named),
        agreement: agreement(row)?,
        floor: row.num("floor")?,
        before_up: row.at("before_up").and_then(Value::as_u64),
        before_n: row.at("before_n").and_then(Value::as_u64),
        observations: match kind {
            Kind::Screening | Kind::Replay => Observations::Pairs(observed.all("observations", seen_pair)?),
            Kind::Canary => Observations::Units(observed.all("observations", seen_unit)?),
            Kind::Watch => Observations::Votes(observed.all("observations", vote)?),
            Kind::Failures => Observations::Turns(observed.all("observations", turn)?),
        },
    })
}

fn seen_pair(row: Row<'_>) -> Option<SeenPair> {
    let verdict = |name| row.int(name).and_then(|value| i8::try_from(value).ok());
    Some(SeenPair {
        id: row.text("id")?,
        d: verdict("d")?,
        first: verdict("first")?,
        second: verdict("second")?,
        longer: verdict("longer")?,
        question_type: question_type(row.at("question_type")?.as_str()?),
    })
}

fn seen_unit(row: Row<'_>) -> Option<SeenUnit> {
    Some(SeenUnit {
        id: row.text("id")?,
        arm: row.at("arm")?.as_bool()?,
        propensity: row.num("propensity")?,
        person: whole(row, "person")?,
        judged: row.num("judged"),
        reaction: row.num("reaction")?,
    })
}

fn vote(row: Row<'_>) -> Option<Vote> {
    Some(Vote { id: row.text("id")?, up: row.at("up")?.as_bool()? })
}

fn turn(row: Row<'_>) -> Option<Turn> {
    Some(Turn { id: row.text("id")?, failed: row.at("failed")?.as_bool()? })
}

/// `pawl_begin_proof`'s answer.
pub(crate) fn read_begun_proof(outcome: &str, row: Row<'_>) -> Option<BeginProof> {
    Some(match outcome {
        "ok" => BeginProof::Ok,
        "stale" => BeginProof::Stale,
        "held" => BeginProof::Held { reason: row.text("reason")? },
        "closed" => BeginProof::Closed { reason: row.text("reason") },
        "budget_spent" => BeginProof::BudgetSpent,
        "lease_lost" => BeginProof::LeaseLost,
        _ => return None,
    })
}

/// `pawl_decide_test`'s answer.
pub(crate) fn read_decided(outcome: &str, row: Row<'_>) -> Option<DecideTest> {
    Some(match outcome {
        "ok" => DecideTest::Ok { receipt_id: row.id("receipt_id")?, version: small(row, "version")? },
        "held" => DecideTest::Held { reason: row.text("reason")? },
        "closed" => DecideTest::Closed { reason: row.text("reason") },
        "lease_lost" => DecideTest::LeaseLost,
        _ => return None,
    })
}

/// `pawl_watch_look`'s answer.
pub(crate) fn read_watched(outcome: &str, row: Row<'_>) -> Option<WatchLook> {
    Some(match outcome {
        "ok" => {
            let of_case = row.at("case")?;
            WatchLook::Ok {
                case: Box::new(case(Row::of(of_case), of_case)?),
                live: Live { prompt_id: row.id("prompt_id")?, since: time(row, "live_since")? },
                acts: row.at("acts")?.as_bool()?,
                why_not: row.text("why_not"),
            }
        }
        "nothing_to_watch" => WatchLook::NothingToWatch,
        "lease_lost" => WatchLook::LeaseLost,
        _ => return None,
    })
}

/// `pawl_roll_back`'s answer.
pub(crate) fn read_rolled_back(outcome: &str, row: Row<'_>) -> Option<RollBack> {
    Some(match outcome {
        "ok" => RollBack::Ok { receipt_id: row.id("receipt_id")?, version: small(row, "version")? },
        "superseded" => RollBack::Superseded,
        "held" => RollBack::Held { reason: row.text("reason")? },
        "lease_lost" => RollBack::LeaseLost,
        _ => return None,
    })
}

/// `pawl_alert_fall`'s answer.
pub(crate) fn read_alerted(outcome: &str, row: Row<'_>) -> Option<AlertFall> {
    Some(match outcome {
        "ok" => AlertFall::Ok { suggestion_id: row.id("suggestion_id") },
        "lease_lost" => AlertFall::LeaseLost,
        _ => return None,
    })
}

/// `p_pairs` of `pawl_record_pairs`.
pub(crate) fn write_pairs(pairs: &[PairResult]) -> Value {
    let pair = |pair: &PairResult| {
        json!({
            "pair_id": pair.pair_id,
            "baseline_answer": pair.answers.as_ref().map(|answers| &answers.baseline),
            "candidate_answer": pair.answers.as_ref().map(|answers| &answers.candidate),
            "first_order": pair.verdicts.map(|verdicts| verdicts.first_order),
            "second_order": pair.verdicts.map(|verdicts| verdicts.second_order),
            "question_type": pair.question_type,
        })
    };
    pairs.iter().map(pair).collect()
}

/// `p_units` of `pawl_record_units`.
pub(crate) fn write_units(units: &[UnitResult]) -> Value {
    let unit = |unit: &UnitResult| json!({"unit_id": unit.unit_id, "judged": unit.judged, "reaction": unit.reaction});
    units.iter().map(unit).collect()
}

/// `p_usage`.
pub(crate) fn write_usage(usage: &[Spending]) -> Value {
    let call = |of: &Spending| json!({"purpose": of.purpose, "model": of.model, "usage": counts(of.usage)});
    usage.iter().map(call).collect()
}

/// `p_case`. The database has the observations of a test, and is not sent them; votes it takes from here.
pub(crate) fn write_case(case: &Case) -> Value {
    let mut written = json!(case);
    if case.kind != Kind::Watch
        && let Some(fields) = written.as_object_mut()
    {
        fields.remove("observations");
    }
    written
}

/// `p_ruling`.
pub(crate) fn write_ruling(ruling: &Ruling) -> Value {
    json!(ruling)
}
