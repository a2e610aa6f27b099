//! Changes of the live prompt: improving it for a reflection, rolling it back for a person.

use std::time::Duration;

use pawl_core::prompt_guard::Guard;
use pawl_edge::{
    Request, Response, body,
    log::{self, Level},
};
use pawl_model::{Patience, Rewrite, RewriteRequest, Rewriter};
use pawl_store::{
    StoreError,
    prompts::{BeginUpdate, NewVersion, Prompts, Publish, RefuseUpdate, Rollback, RollbackRequest, Update},
    reflections::SkipReason,
    usage::{Purpose, UsageLedger},
};
use uuid::Uuid;

use crate::{
    error::Error,
    wire::{Command, Outcome, UpdateRequest, UpdateResponse},
};

/// How often a prompt is written before the guards have the last word.
const ATTEMPTS: usize = 2;
/// How long the model may take for one: both, with five calls of the database, end within the platform's 150 s.
const PATIENCE: Patience = Patience { total: Duration::from_secs(50), silence: Duration::from_secs(40) };

/// What a change needs of the world.
pub struct Ports<'a, S, M> {
    /// The store as the caller.
    pub store: &'a S,
    /// The writer.
    pub rewriter: &'a M,
}

/// Does what the request asks for.
pub async fn update<S: Prompts + UsageLedger, M: Rewriter>(
    request: &Request,
    request_id: &str,
    ports: &Ports<'_, S, M>,
) -> Result<Response, Error> {
    let command = body::read::<UpdateRequest>(request)?.command()?;
    let outcome = match &command {
        Command::Improve { reflection_id } => improve(*reflection_id, ports).await?,
        Command::Rollback { version, assistant, organization_id, reason } => {
            let request = RollbackRequest {
                version: *version,
                assistant: assistant.as_deref(),
                organization_id: *organization_id,
                reason: reason.as_deref(),
            };
            roll_back(&request, ports.store).await?
        }
    };
    report(&outcome, request_id);
    Ok(Response::json(200, &UpdateResponse { outcome, request_id }))
}

/// Writes a better prompt and publishes it, if the guards let one through. Whether one may be published at all is asked
/// before the model is paid, and again, by the store, in the moment of publishing.
async fn improve<S: Prompts + UsageLedger, M: Rewriter>(
    reflection_id: Uuid,
    ports: &Ports<'_, S, M>,
) -> Result<Outcome, Error> {
    let update = match ports.store.begin_update(reflection_id).await? {
        BeginUpdate::Ok(update) => update,
        BeginUpdate::Published { new_version, change_reason } => {
            return Ok(Outcome::Live { new_version, previous_version: None, change_reason });
        }
        BeginUpdate::Skipped { reason } => return Ok(skipped(reason)),
        BeginUpdate::Superseded => return Ok(superseded()),
        BeginUpdate::Refused => return Ok(refused("refused before".to_owned())),
        BeginUpdate::ReflectionNotFound => return Err(Error::ReflectionNotFound),
        BeginUpdate::NotAnUpdate => return Err(Error::NotAnUpdate),
    };
    match write(&update, ports).await? {
        Ok(rewrite) => publish(reflection_id, &update, &rewrite, ports.store).await,
        Err(violations) => give_up(reflection_id, violations.join("; "), ports.store).await,
    }
}

/// A rewrite that breaks no rule, or the rules the last attempt broke.
async fn write<S: UsageLedger, M: Rewriter>(
    update: &Update,
    ports: &Ports<'_, S, M>,
) -> Result<Result<Rewrite, Vec<String>>, Error> {
    let guard = guard(update);
    let mut violations = Vec::new();
    for _ in 0..ATTEMPTS {
        let request = RewriteRequest {
            model: &update.rewriter_model,
            current_prompt: &update.current_prompt,
            weaknesses: &update.weaknesses,
            patterns: &update.patterns,
            strengths: &update.strengths,
            protected_clauses: &update.protected_clauses,
            max_characters: guard.max_characters(),
            violations: &violations,
            patience: PATIENCE,
        };
        let result = ports.rewriter.rewrite(request).await;
        let spent = match &result {
            Ok(rewrite) => Some((&rewrite.model, rewrite.usage)),
            Err(unanswered) => unanswered.spent.as_ref().map(|spent| (&spent.model, spent.usage)),
        };
        if let Some((model, usage)) = spent
            && let Err(fault) = ports.store.record_usage(update.prompt_id, Purpose::Rewrite, model, usage).await
        {
            log::event(Level::Warn, "usage_not_recorded", &[("cause", fault.cause().into())]);
        }
        let rewrite = result.map_err(|unanswered| unanswered.error)?;
        let found = guard.violations(&rewrite.prompt);
        if found.is_empty() {
            return Ok(Ok(rewrite));
        }
        violations = found.iter().map(ToString::to_string).collect();
    }
    Ok(Err(violations))
}

async fn publish(
    reflection_id: Uuid,
    update: &Update,
    rewrite: &Rewrite,
    store: &impl Prompts,
) -> Result<Outcome, Error> {
    let change_reason = change_reason(update, rewrite);
    let version = NewVersion {
        reflection_id,
        parent_id: update.prompt_id,
        content: &rewrite.prompt,
        change_reason: &change_reason,
        model: &rewrite.model,
    };
    match store.publish(&version).await? {
        Publish::Published { new_version, previous_version, change_reason } => {
            Ok(Outcome::Live { new_version, previous_version: Some(previous_version), change_reason })
        }
        Publish::Skipped { reason } => Ok(skipped(reason)),
        Publish::Superseded => Ok(superseded()),
        Publish::Refused => Ok(refused("refused before".to_owned())),
        Publish::ReflectionNotFound => Err(Error::ReflectionNotFound),
        Publish::NotAnUpdate => Err(Error::NotAnUpdate),
    }
}

/// Why the prompt changed: no change goes live without a reason, and none that repeats a user is stored for good.
fn change_reason(update: &Update, rewrite: &Rewrite) -> String {
    let guard = guard(update);
    let worst = update.weaknesses.first().map(|worst| format!("Written against: {worst}"));
    let fit = |reason: &String| !reason.is_empty() && guard.taken_from_users(reason).is_empty();
    [Some(rewrite.change_reason.clone()), worst]
        .into_iter()
        .flatten()
        .find(fit)
        .unwrap_or_else(|| "Written against the findings of the reflection".to_owned())
}

fn guard(update: &Update) -> Guard<'_> {
    Guard {
        current: &update.current_prompt,
        protected_clauses: &update.protected_clauses,
        user_messages: &update.user_messages,
    }
}

async fn give_up(reflection_id: Uuid, reason: String, store: &impl Prompts) -> Result<Outcome, Error> {
    match store.refuse_update(reflection_id, &reason).await? {
        RefuseUpdate::Ok { .. } | RefuseUpdate::Refused => Ok(refused(reason)),
        // Another call got one through meanwhile.
        RefuseUpdate::Published => Ok(superseded()),
        RefuseUpdate::NotAnUpdate => Err(Error::NotAnUpdate),
        RefuseUpdate::ReflectionNotFound => Err(Error::ReflectionNotFound),
    }
}

async fn roll_back(request: &RollbackRequest<'_>, store: &impl Prompts) -> Result<Outcome, Error> {
    let live = |new_version, previous_version| {
        let change_reason = request.reason.unwrap_or("Rolled back").to_owned();
        Ok(Outcome::Live { new_version, previous_version, change_reason })
    };
    match store.roll_back(request).await? {
        Rollback::Ok { new_version, previous_version } => live(new_version, previous_version),
        Rollback::AlreadyActive { new_version } => live(new_version, None),
        Rollback::Unauthorized => Err(Error::Store(StoreError::Unauthenticated)),
        Rollback::OrganizationRequired => Err(Error::OrganizationRequired),
        Rollback::OrganizationNotFound => Err(Error::OrganizationNotFound),
        Rollback::Forbidden => Err(Error::Forbidden),
        Rollback::AssistantNotFound => Err(Error::AssistantNotFound),
        Rollback::VersionNotFound => Err(Error::VersionNotFound),
    }
}

fn skipped(reason: SkipReason) -> Outcome {
    let reason = serde_json::to_value(reason).ok().and_then(|reason| reason.as_str().map(str::to_owned));
    Outcome::Skipped { skipped: true, reason: reason.unwrap_or_default() }
}

fn superseded() -> Outcome {
    Outcome::Skipped { skipped: true, reason: "superseded".to_owned() }
}

fn refused(reason: String) -> Outcome {
    Outcome::Refused { refused: true, reason }
}

fn report(outcome: &Outcome, request_id: &str) {
    let (event, detail) = match outcome {
        Outcome::Live { new_version, .. } => ("prompt_live", (*new_version).into()),
        Outcome::Skipped { reason, .. } => ("update_skipped", reason.as_str().into()),
        Outcome::Refused { reason, .. } => ("update_refused", reason.as_str().into()),
    };
    log::event(Level::Info, event, &[("request_id", request_id.into()), ("detail", detail)]);
}

#[cfg(test)]
mod tests;
