//! What people decide, through PostgREST.

use serde_json::{Value, json};

use super::{Postgrest, read};
use crate::{
    StoreError,
    decisions::{Change, Decision, Decisions, Order, Proposal, Refusal},
};

impl Decisions for Postgrest {
    async fn decide(&self, order: &Order<'_>) -> Result<Result<Change, Refusal>, StoreError> {
        let (function, mut arguments) = call_of(order.decision);
        let mut add =
            |name: &str, value: Value| arguments.as_object_mut().and_then(|all| all.insert(name.into(), value));
        add("p_reason", order.reason.into());
        add("p_user_id", json!(order.user_id));
        let knows_its_own = matches!(
            order.decision,
            Decision::Approve { what: Proposal::Suggestion(_) }
                | Decision::Reject { what: Proposal::Suggestion(_) }
                | Decision::RevertPattern { .. }
        );
        if !knows_its_own {
            add("p_assistant", order.assistant.into());
            add("p_organization_id", json!(order.organization_id));
        }
        match self.call(function, &arguments).await {
            Ok(Value::Object(mut done)) if done.contains_key("ok") => {
                read(function, done.remove("ok").unwrap_or_default()).map(Ok)
            }
            Ok(refusal) => read(function, refusal).map(Err),
            // Postgres' codes for what is no time, or none it can hold, or of no zone there is.
            Err(StoreError::Unexpected(code))
                if matches!(order.decision, Decision::Pause { .. }) && code.starts_with("22") =>
            {
                Ok(Err(Refusal::UntilInvalid))
            }
            Err(fault) => Err(fault),
        }
    }
}

/// The function that carries a decision out, and the arguments that are its own.
fn call_of(decision: Decision<'_>) -> (&'static str, Value) {
    match decision {
        Decision::Pause { until } => ("pawl_pause_updates", json!({"p_until": until})),
        Decision::Resume => ("pawl_resume_updates", json!({})),
        Decision::RequireApproval { required } => ("pawl_require_approval", json!({"p_required": required})),
        Decision::Protect { clauses } => ("pawl_protect_clauses", json!({"p_clauses": clauses})),
        Decision::Activate { version } => ("pawl_activate_prompt", json!({"p_version": version})),
        Decision::Rollback { version } => ("pawl_rollback_prompt", json!({"p_version": version})),
        Decision::Write { content, activate } => {
            ("pawl_write_prompt", json!({"p_content": content, "p_activate": activate}))
        }
        Decision::Lock { version, locked } => ("pawl_lock_prompt", json!({"p_version": version, "p_locked": locked})),
        Decision::Approve { what: Proposal::Suggestion(id) } => {
            ("pawl_approve_suggestion", json!({"p_suggestion_id": id}))
        }
        Decision::Approve { what: Proposal::Version(version) } => {
            ("pawl_approve_version", json!({"p_version": version}))
        }
        Decision::Reject { what: Proposal::Suggestion(id) } => {
            ("pawl_reject_suggestion", json!({"p_suggestion_id": id}))
        }
        Decision::Reject { what: Proposal::Version(version) } => ("pawl_reject_version", json!({"p_version": version})),
        Decision::Force { version } => ("pawl_force_version", json!({"p_version": version})),
        Decision::Test { version } => {
            ("pawl_test_version", json!({"p_version": version, "p_placebo": version.is_none()}))
        }
        Decision::RevertPattern { pattern_id } => ("pawl_revert_pattern", json!({"p_pattern_id": pattern_id})),
    }
}
