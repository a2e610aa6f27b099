//! Writing a better prompt for a reflection, and putting it into test.

use std::time::Duration;

use pawl_core::prompt_guard::{Guard, Violation};
use pawl_edge::log::{self, Level};
use pawl_model::{Patience, Rewrite, RewriteRequest, Rewriter};
use pawl_store::{
    prompts::{BeginUpdate, NewVersion, Prompts, RefuseUpdate, Submit, Submitted, Update},
    reflections::SkipReason,
    usage::{Purpose, UsageLedger},
};
use uuid::Uuid;

use crate::{
    error::Error,
    handler::Ports,
    wire::{Outcome, reason_name},
};

/// How often a prompt is written before the guards have the last word.
const ATTEMPTS: usize = 2;
/// How long the model may take for one: both, with six calls of the database, end within the platform's 150 s.
const PATIENCE: Patience =
    Patience { total: Duration::from_secs(44), silence: Duration::from_secs(40), begun_is_final: false };

/// Writes a better prompt and puts it into test, if the guards let one through. Whether one may be written at all is
/// asked before the model is paid, and again, by the store, in the moment of storing it.
pub async fn improve<S: Prompts + UsageLedger, M: Rewriter>(
    reflection_id: Uuid,
    ports: &Ports<'_, S, M>,
) -> Result<Outcome, Error> {
    let rewriter = ports.model.clone()?;
    let update = match ports.store.begin_update(reflection_id).await? {
        BeginUpdate::Ok(update) => update,
        BeginUpdate::Submitted(version) => return Ok(submitted(version)),
        BeginUpdate::Skipped { reason } => return Ok(skipped(reason)),
        BeginUpdate::Superseded => return Ok(superseded()),
        BeginUpdate::Refused => return Ok(refused("refused before".to_owned())),
        BeginUpdate::ReflectionNotFound => return Err(Error::ReflectionNotFound),
        BeginUpdate::NotAnUpdate => return Err(Error::NotAnUpdate),
    };
    write(reflection_id, &update, rewriter, ports.store).await
}

/// Writes until a version is let through, or the last attempt has broken a rule as well. The writer is told what it
/// broke.
async fn write<S: Prompts + UsageLedger, M: Rewriter>(
    reflection_id: Uuid,
    update: &Update,
    rewriter: &M,
    store: &S,
) -> Result<Outcome, Error> {
    let guard = guard(update);
    let mut violations = Vec::new();
    for _ in 0..ATTEMPTS {
        let rewrite = draft(update, &violations, rewriter, store).await?;
        violations = guard.violations(&rewrite.prompt);
        if violations.is_empty() {
            match submit(reflection_id, update, &rewrite, store).await? {
                Ok(outcome) => return Ok(outcome),
                Err(found) => violations = found,
            }
        }
    }
    let broken: Vec<_> = violations.iter().map(ToString::to_string).collect();
    give_up(reflection_id, broken.join("; "), store).await
}

/// One draft, counted.
async fn draft(
    update: &Update,
    violations: &[Violation],
    rewriter: &impl Rewriter,
    store: &impl UsageLedger,
) -> Result<Rewrite, Error> {
    let violations: Vec<_> = violations.iter().map(ToString::to_string).collect();
    let request = RewriteRequest {
        model: &update.rewriter_model,
        current_prompt: &update.current_prompt,
        weaknesses: &update.weaknesses,
        patterns: &update.patterns,
        strengths: &update.strengths,
        protected_clauses: &update.protected_clauses,
        max_characters: guard(update).max_characters(),
        violations: &violations,
        patience: PATIENCE,
    };
    let result = rewriter.rewrite(request).await;
    let spent = match &result {
        Ok(rewrite) => Some((&rewrite.model, rewrite.usage)),
        Err(unanswered) => unanswered.spent.as_ref().map(|spent| (&spent.model, spent.usage)),
    };
    if let Some((model, usage)) = spent
        && let Err(fault) = store.record_usage(update.prompt_id, Purpose::Rewrite, model, usage).await
    {
        log::event(Level::Warn, "usage_not_recorded", &[("cause", fault.cause().into())]);
    }
    Ok(result.map_err(|unanswered| unanswered.error)?)
}

/// Puts a draft into test; or says what only the database knows for sure: which protected clauses it lacks, or that it
/// was tested before.
async fn submit(
    reflection_id: Uuid,
    update: &Update,
    rewrite: &Rewrite,
    store: &impl Prompts,
) -> Result<Result<Outcome, Vec<Violation>>, Error> {
    let change_reason = change_reason(update, rewrite);
    let version = NewVersion {
        reflection_id,
        parent_id: update.prompt_id,
        content: &rewrite.prompt,
        change_reason: &change_reason,
        model: &rewrite.model,
    };
    Ok(Ok(match store.submit(&version).await? {
        Submit::Submitted(version) => submitted(version),
        Submit::ClausesMissing { clauses } => {
            return Ok(Err(clauses.into_iter().map(Violation::ProtectedClause).collect()));
        }
        Submit::TriedBefore => return Ok(Err(vec![Violation::TriedBefore])),
        Submit::Skipped { reason } => skipped(reason),
        Submit::Superseded => superseded(),
        Submit::Refused => refused("refused before".to_owned()),
        Submit::ReflectionNotFound => return Err(Error::ReflectionNotFound),
        Submit::NotAnUpdate => return Err(Error::NotAnUpdate),
    }))
}

/// Why the prompt changed: no change comes without a reason, and none that repeats a user is stored for good.
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
        RefuseUpdate::Submitted => Ok(superseded()),
        RefuseUpdate::NotAnUpdate => Err(Error::NotAnUpdate),
        RefuseUpdate::ReflectionNotFound => Err(Error::ReflectionNotFound),
    }
}

fn submitted(version: Submitted) -> Outcome {
    let Submitted { new_version, previous_version, change_reason, suggestion_id } = version;
    Outcome::Submitted { submitted: true, version: new_version, previous_version, change_reason, suggestion_id }
}

fn skipped(reason: SkipReason) -> Outcome {
    Outcome::Skipped { skipped: true, reason: reason_name(reason).unwrap_or_default() }
}

fn superseded() -> Outcome {
    Outcome::Skipped { skipped: true, reason: "superseded".to_owned() }
}

fn refused(reason: String) -> Outcome {
    Outcome::Refused { refused: true, reason }
}
