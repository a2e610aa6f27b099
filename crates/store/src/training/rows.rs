//! Rows of retraining, to and from JSON. By hand, for the wasm's size.

use pawl_core::training::{decide::Why, normal::hex, score::Source};
use serde_json::{Map, Value, json};

use super::{
    Collected, Filters, Lesson, ModelVersion, OpenVersion, Recorded, Status, TrainTask, TrainingPage, Uncollected,
};
use crate::{
    proof::rows::reactions,
    reflections::rows::{exchange, time},
    row::Row,
};

pub(crate) mod dataset;
pub(crate) mod delivery;
pub(crate) mod looks;

/// The task of a claim.
pub(crate) fn train_task(row: Row<'_>) -> Option<TrainTask> {
    let version = match row.at("version") {
        None | Some(Value::Null) => None,
        Some(found) => Some(version(Row::of(found))?),
    };
    Some(TrainTask { slug: row.text("slug")?, version })
}

fn version(row: Row<'_>) -> Option<ModelVersion> {
    Some(ModelVersion {
        id: row.id("id")?,
        version: row.text("version")?,
        number: small(row, "number")?,
        status: status(row)?,
        filters: filters(Row::of(row.at("filters")?))?,
        base_model: row.text("base_model")?,
        prompt_version: small(row, "prompt_version")?,
        cursor: row.id("cursor"),
        parts: whole(row, "parts")?,
        rows: count(row, "rows")?,
        created_at: time(row, "created_at")?,
    })
}

fn status(row: Row<'_>) -> Option<Status> {
    Status::named(row.at("status")?.as_str()?)
}

fn small(row: Row<'_>, name: &str) -> Option<i32> {
    row.int(name).and_then(|value| i32::try_from(value).ok())
}

fn whole(row: Row<'_>, name: &str) -> Option<u32> {
    row.int(name).and_then(|value| u32::try_from(value).ok())
}

fn count(row: Row<'_>, name: &str) -> Option<u64> {
    row.at(name)?.as_u64()
}

fn filters(row: Row<'_>) -> Option<Filters> {
    let keep = row.at("keep")?.as_object()?.iter();
    let keep = keep.map(|(name, share)| Some((name.clone(), share.as_f64()?))).collect::<Option<_>>()?;
    Some(Filters { quality: row.num("quality")?, keep, held_out_percent: whole(row, "held_out_percent")? })
}

/// `pawl_open_model_version`'s `p_filters`.
pub(crate) fn write_filters(filters: &Filters) -> Value {
    // (One by one: collecting into a map sorts, which is 5 KB of wasm.)
    let mut keep = Map::new();
    for (name, share) in &filters.keep {
        keep.insert(name.clone(), json!(share));
    }
    json!({"quality": filters.quality, "keep": keep, "held_out_percent": filters.held_out_percent})
}

/// `pawl_open_model_version`'s `p_why`.
pub(crate) fn write_why(why: &Why) -> Value {
    match why {
        Why::Drift { drift_metric_id } => json!({"reason": "drift", "drift_metric_id": drift_metric_id}),
        Why::Schedule => json!({"reason": "schedule"}),
        Why::Forced => json!({"reason": "forced"}),
    }
}

/// `pawl_open_model_version`'s answer.
pub(crate) fn read_opened(outcome: &str, row: Row<'_>) -> Option<OpenVersion> {
    let found = |row: Row<'_>| version(Row::of(row.at("version")?));
    Some(match outcome {
        "ok" => OpenVersion::Ok { version: found(row)? },
        "unfinished" => OpenVersion::Unfinished { version: found(row)? },
        "no_active_prompt" => OpenVersion::NoActivePrompt,
        "lease_lost" => OpenVersion::LeaseLost,
        _ => return None,
    })
}

/// What recording something answers.
pub(crate) fn read_recorded(outcome: &str, _: Row<'_>) -> Option<Recorded> {
    Some(match outcome {
        "ok" => Recorded::Ok,
        "lease_lost" => Recorded::LeaseLost,
        _ => return None,
    })
}

/// `pawl_training_page`'s answer.
pub(crate) fn read_page(outcome: &str, row: Row<'_>) -> Option<TrainingPage> {
    Some(match outcome {
        "ok" => TrainingPage::Ok { stored: whole(row, "stored")?, page: row.all("page", uncollected)? },
        "lease_lost" => TrainingPage::LeaseLost,
        _ => return None,
    })
}

fn uncollected(row: Row<'_>) -> Option<Uncollected> {
    let did = Row::of(row.at("reactions")?);
    let other = match row.at("other") {
        None | Some(Value::Null) => None,
        Some(other) => {
            let other = Row::of(other);
            Some((Source::named(other.at("source")?.as_str()?)?, other.num("value")?))
        }
    };
    Some(Uncollected {
        message_id: row.id("message_id")?,
        revision: small(row, "revision")?,
        message: row.text("message")?,
        history: row.all("history", exchange)?,
        answer: row.text("answer")?,
        model: row.text("model"),
        question_type: row.text("question_type"),
        reactions: reactions(did),
        answer_characters: did.int("answer_characters"),
        other,
    })
}

/// `pawl_training_page`'s `p_collected`.
pub(crate) fn write_collected(collected: &[Collected]) -> Value {
    collected.iter().map(one_collected).collect()
}

fn one_collected(one: &Collected) -> Value {
    let Some(Lesson { sample, scored }) = &one.lesson else {
        return json!({"message_id": one.message_id, "revision": one.revision, "score": null});
    };
    let messages: Vec<_> = sample.messages.iter().map(|m| json!({"role": m.role, "content": m.content})).collect();
    let masked = &sample.masked;
    let kinds =
        [("email", masked.email), ("phone", masked.phone), ("card", masked.card), ("national_id", masked.national_id)];
    let mut masked = Map::new();
    for (kind, n) in kinds.into_iter().filter(|(_, n)| *n > 0) {
        masked.insert(kind.to_owned(), n.into());
    }
    json!({
        "message_id": one.message_id,
        "revision": one.revision,
        "input_hash": hex(&sample.input_hash),
        "content_hash": hex(&sample.content_hash),
        "input": {"messages": messages},
        "output": {"content": sample.answer},
        "masked": masked,
        "score": scored.score,
        "validated": scored.validated,
        "source": scored.source.name(),
    })
}
