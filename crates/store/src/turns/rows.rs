//! What `pawl_begin_turn` and `pawl_prepare_turn` answer.

use serde_json::Value;

use super::{BeginTurn, Limit, StoredAnswer, StoredUsage, Turn};
use crate::{reflections::rows::exchange, row::Row, serving::Endpoint};

/// The outcome, as [`crate::Postgrest`] makes a variant of it: its name, or its name over its fields.
pub(crate) fn read_begun(outcome: &Value) -> Option<BeginTurn> {
    if let Some(fields) = outcome.get("ok") {
        return turn(Row::of(fields)).map(BeginTurn::Ok);
    } else if let Some(fields) = outcome.get("replayed") {
        return stored_answer(Row::of(fields)).map(BeginTurn::Replayed);
    } else if let Some(fields) = outcome.get("limited") {
        return limited(Row::of(fields));
    }
    Some(match outcome.as_str()? {
        "in_progress" => BeginTurn::InProgress,
        "key_reused" => BeginTurn::KeyReused,
        "unauthorized" => BeginTurn::Unauthorized,
        "user_required" => BeginTurn::UserRequired,
        "user_not_allowed" => BeginTurn::UserNotAllowed,
        "message_empty" => BeginTurn::MessageEmpty,
        "message_too_long" => BeginTurn::MessageTooLong,
        "traits_invalid" => BeginTurn::TraitsInvalid,
        "organization_required" => BeginTurn::OrganizationRequired,
        "organization_not_found" => BeginTurn::OrganizationNotFound,
        "assistant_not_found" => BeginTurn::AssistantNotFound,
        "session_not_found" => BeginTurn::SessionNotFound,
        "no_active_prompt" => BeginTurn::NoActivePrompt,
        _ => return None,
    })
}

fn turn(row: Row<'_>) -> Option<Turn> {
    Some(Turn {
        turn_id: row.id("turn_id")?,
        attempt: small(row, "attempt")?,
        session_id: row.id("session_id")?,
        message_id: row.id("message_id")?,
        assistant_id: row.id("assistant_id")?,
        prompt_id: row.id("prompt_id")?,
        prompt_version: small(row, "prompt_version")?,
        patterns_revision: row.int("patterns_revision")?,
        model: row.text("model")?,
        max_answer_tokens: count(row, "max_answer_tokens")?,
        history_token_budget: usize::try_from(row.int("history_token_budget")?).ok()?,
        history: row.all("history", exchange)?,
        system_prompt: row.text("system_prompt"),
        endpoint: match row.at("endpoint") {
            None => None,
            Some(endpoint) => Endpoint::read(endpoint)?,
        },
    })
}

fn stored_answer(row: Row<'_>) -> Option<StoredAnswer> {
    let usage = Row::of(row.at("usage")?);
    Some(StoredAnswer {
        turn_id: row.id("turn_id")?,
        session_id: row.id("session_id")?,
        message_id: row.id("message_id")?,
        answer_id: row.id("answer_id")?,
        answer: row.text("answer")?,
        prompt_version: small(row, "prompt_version")?,
        model: row.text("model")?,
        stop_reason: row.text("stop_reason"),
        usage: StoredUsage {
            input_tokens: count(usage, "input_tokens"),
            output_tokens: count(usage, "output_tokens"),
            cache_read_input_tokens: count(usage, "cache_read_input_tokens"),
            cache_creation_input_tokens: count(usage, "cache_creation_input_tokens"),
        },
    })
}

fn limited(row: Row<'_>) -> Option<BeginTurn> {
    let limit = match row.at("limit")?.as_str()? {
        "user_requests" => Limit::UserRequests,
        "organization_requests" => Limit::OrganizationRequests,
        "user_tokens" => Limit::UserTokens,
        "organization_tokens" => Limit::OrganizationTokens,
        _ => return None,
    };
    Some(BeginTurn::Limited { limit, retry_after: count(row, "retry_after")? })
}

fn small(row: Row<'_>, name: &str) -> Option<i32> {
    row.int(name).and_then(|value| i32::try_from(value).ok())
}

fn count(row: Row<'_>, name: &str) -> Option<u32> {
    row.int(name).and_then(|value| u32::try_from(value).ok())
}
