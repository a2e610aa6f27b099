//! What `pawl_claim_…` and `pawl_record_reflection` answer.

use pawl_core::{
    conversation::Exchange,
    decision::Thresholds,
    rubric::{Criterion, Rubric},
};
use serde_json::Value;

use super::{
    About, Claimed, JudgeTask, PromptVersion, RecordReflection, SkipReason, Skipped, StoredExchange, StoredRubric,
    Task, Timestamp, Work,
};
use crate::{learning::LearnTask, proof::rows::proof_task, row::Row, training::rows::train_task};

/// What a claim came to. Each kind of claim reads its own tasks: the reader of another's would be dead weight in the wasm.
fn read_claimed(answer: &Value, task: fn(Row<'_>) -> Option<Task>) -> Option<Claimed> {
    let row = Row::of(answer);
    let claim = row.at("claim")?;
    Some(Claimed {
        as_of: time(row, "as_of")?,
        skipped: row.all("skipped", |row| Some(Skipped { about: about(row)?, reason: reason(row.at("reason")?)? }))?,
        claim: if claim.is_null() { None } else { Some(work(Row::of(claim), task)?) },
        more: row.at("more")?.as_bool()?,
    })
}

fn about(row: Row<'_>) -> Option<About> {
    about_itself(Row::of(row.at("about")?))
}

pub(crate) fn about_itself(row: Row<'_>) -> Option<About> {
    Some(About {
        organization_id: row.id("organization_id")?,
        assistant_id: row.id("assistant_id")?,
        assistant: row.text("assistant")?,
    })
}

fn reason(value: &Value) -> Option<SkipReason> {
    Some(match value.as_str()? {
        "cooldown" => SkipReason::Cooldown,
        "insufficient_data" => SkipReason::InsufficientData,
        "in_progress" => SkipReason::InProgress,
        "paused" => SkipReason::Paused,
        "locked" => SkipReason::Locked,
        "daily_limit" => SkipReason::DailyLimit,
        "judge_not_trusted" => SkipReason::JudgeNotTrusted,
        "not_due" => SkipReason::NotDue,
        "disabled" => SkipReason::Disabled,
        "in_proof" => SkipReason::InProof,
        "placebo" => SkipReason::Placebo,
        "yearly_budget" => SkipReason::YearlyBudget,
        "nothing_to_prove" => SkipReason::NothingToProve,
        _ => return None,
    })
}

fn work(row: Row<'_>, task: fn(Row<'_>) -> Option<Task>) -> Option<Work> {
    Some(Work { about: about(row)?, task: task(Row::of(row.at("task")?))? })
}

/// What a claim of a reflection came to.
pub(crate) fn read_reflection(answer: &Value) -> Option<Claimed> {
    read_claimed(answer, |task| {
        Some(match task.at("judge") {
            Some(judge) => Task::Judge(Box::new(judge_task(Row::of(judge))?)),
            None => Task::Update { reflection_id: Row::of(task.at("update")?).id("reflection_id")? },
        })
    })
}

/// What a claim of a learning run came to.
pub(crate) fn read_run(answer: &Value) -> Option<Claimed> {
    read_claimed(answer, |task| {
        let learn = Row::of(task.at("learn")?);
        Some(Task::Learn(LearnTask { run_id: learn.id("run_id")?, pattern_model: learn.text("pattern_model")? }))
    })
}

/// What a claim of a proof came to.
pub(crate) fn read_proof(answer: &Value) -> Option<Claimed> {
    read_claimed(answer, |task| Some(Task::Prove(Box::new(proof_task(Row::of(task.at("prove")?))?))))
}

/// What a claim of retraining came to.
pub(crate) fn read_training(answer: &Value) -> Option<Claimed> {
    read_claimed(answer, |task| Some(Task::Train(Box::new(train_task(Row::of(task.at("train")?))?))))
}

fn judge_task(row: Row<'_>) -> Option<JudgeTask> {
    let thresholds = Row::of(row.at("thresholds")?);
    Some(JudgeTask {
        window_start: time(row, "window_start")?,
        window_end: time(row, "window_end")?,
        prompt: prompt_version(Row::of(row.at("prompt")?))?,
        rubric: stored_rubric(Row::of(row.at("rubric")?))?,
        judge_model: row.text("judge_model")?,
        thresholds: Thresholds {
            auto_update: thresholds.num("auto_update")?,
            suggestion: thresholds.num("suggestion")?,
            acceptable: thresholds.num("acceptable")?,
        },
        exchanges: row.all("exchanges", |row| {
            Some(StoredExchange {
                message_id: row.id("message_id")?,
                exchange: exchange(Row::of(row.at("exchange")?))?,
            })
        })?,
    })
}

pub(crate) fn prompt_version(row: Row<'_>) -> Option<PromptVersion> {
    Some(PromptVersion {
        id: row.id("id")?,
        version: i32::try_from(row.int("version")?).ok()?,
        content: row.text("content")?,
        model: row.text("model").unwrap_or_default(),
        base_url: row.text("base_url"),
    })
}

pub(crate) fn stored_rubric(row: Row<'_>) -> Option<StoredRubric> {
    Some(StoredRubric { id: row.id("id")?, criteria: Rubric::try_from(row.all("criteria", criterion)?).ok()? })
}

fn criterion(row: Row<'_>) -> Option<Criterion> {
    Some(Criterion {
        key: row.text("key")?,
        description: row.text("description")?,
        weight: if row.at("weight").is_some() { row.num("weight")? } else { 1.0 },
        anchors: row.all("anchors", Row::itself_text)?.try_into().ok()?,
    })
}

pub(crate) fn exchange(row: Row<'_>) -> Option<Exchange> {
    Some(Exchange { user_message: row.text("user_message")?, answer: row.text("answer")? })
}

pub(crate) fn time(row: Row<'_>, name: &str) -> Option<Timestamp> {
    row.text(name).map(Timestamp)
}

/// What recording a reflection came to.
pub(crate) fn read_recorded(answer: &Value) -> Option<RecordReflection> {
    let row = Row::of(answer);
    Some(RecordReflection::Ok { reflection_id: row.id("reflection_id")?, suggestion_id: row.id("suggestion_id") })
}
