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
use crate::{learning::LearnTask, row::Row};

/// What a claim came to.
pub(crate) fn read_claimed(answer: &Value) -> Option<Claimed> {
    let row = Row::of(answer);
    let claim = row.at("claim")?;
    Some(Claimed {
        as_of: time(row, "as_of")?,
        skipped: row.all("skipped", |row| Some(Skipped { about: about(row)?, reason: reason(row.at("reason")?)? }))?,
        claim: if claim.is_null() { None } else { Some(work(Row::of(claim))?) },
        more: row.at("more")?.as_bool()?,
    })
}

fn about(row: Row<'_>) -> Option<About> {
    let row = Row::of(row.at("about")?);
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
        "awaiting_approval" => SkipReason::AwaitingApproval,
        "not_due" => SkipReason::NotDue,
        "disabled" => SkipReason::Disabled,
        _ => return None,
    })
}

fn work(row: Row<'_>) -> Option<Work> {
    let task = Row::of(row.at("task")?);
    let task = if let Some(judge) = task.at("judge") {
        Task::Judge(Box::new(judge_task(Row::of(judge))?))
    } else if let Some(update) = task.at("update") {
        Task::Update { reflection_id: Row::of(update).id("reflection_id")? }
    } else {
        let learn = Row::of(task.at("learn")?);
        Task::Learn(LearnTask { run_id: learn.id("run_id")?, pattern_model: learn.text("pattern_model")? })
    };
    Some(Work { about: about(row)?, task })
}

fn judge_task(row: Row<'_>) -> Option<JudgeTask> {
    let (prompt, rubric) = (Row::of(row.at("prompt")?), Row::of(row.at("rubric")?));
    let thresholds = Row::of(row.at("thresholds")?);
    Some(JudgeTask {
        window_start: time(row, "window_start")?,
        window_end: time(row, "window_end")?,
        prompt: PromptVersion {
            id: prompt.id("id")?,
            version: i32::try_from(prompt.int("version")?).ok()?,
            content: prompt.text("content")?,
        },
        rubric: StoredRubric {
            id: rubric.id("id")?,
            criteria: Rubric::try_from(rubric.all("criteria", criterion)?).ok()?,
        },
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

fn time(row: Row<'_>, name: &str) -> Option<Timestamp> {
    row.text(name).map(Timestamp)
}

/// What recording a reflection came to.
pub(crate) fn read_recorded(answer: &Value) -> Option<RecordReflection> {
    let row = Row::of(answer);
    Some(RecordReflection::Ok { reflection_id: row.id("reflection_id")?, suggestion_id: row.id("suggestion_id") })
}
