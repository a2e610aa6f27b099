//! The adapter: SQL functions called through PostgREST.
//!
//! Only `rpc` of the client library is used, with names that are constants here: its filters do not quote, and its
//! header setters panic on bytes that no header may hold (see [`Credentials`]). A status of 4xx or 5xx is a success to
//! it, so the status is looked at here.

mod decisions;
mod proof;
mod training;

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use futures_util::future::{Either, select};
use pawl_core::{learning::plan::Wanted, usage::Usage};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    Credentials, StoreError,
    feedback::{CollectFeedback, FeedbackLedger, Reaction},
    learning::{FindExamples, Learning, LearningRun, Looked, RecordLearning, Settle, Settled, rows},
    prompts::{BeginUpdate, NewVersion, Prompts, RefuseUpdate, Submit},
    reflections::{self, Claim, ClaimRequest, Claimed, RecordReflection, Reflection, Reflections, Timestamp},
    serving::{Exposure, ServingContext},
    turns::{self, BeginTurn, BeginTurns, CompleteTurn, FailedTurn, FinishedTurn, NewTurn, PrepareTurns, TurnLedger},
    usage::{Purpose, UsageLedger},
};

/// How to wait: the HTTP client has no timeout of its own on wasm.
pub type Sleep = Rc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()>>>>;

/// Is told of each call: the function's name, how many milliseconds it took, and the code of what went wrong.
pub type Observe = Rc<dyn Fn(&str, f64, Option<&str>)>;

/// A project's REST API, called as somebody.
#[derive(Clone)]
pub struct Postgrest {
    client: postgrest::Postgrest,
    timeout: Duration,
    sleep: Sleep,
    observer: Option<(fn() -> f64, Observe)>,
}

impl Postgrest {
    /// `project_url` is the project's, without `/rest/v1`.
    pub fn new(project_url: &str, credentials: &Credentials, timeout: Duration, sleep: Sleep) -> Self {
        let url = format!("{}/rest/v1", project_url.trim_end_matches('/'));
        let client = postgrest::Postgrest::new(url).insert_header("apikey", credentials.apikey.as_str());
        let client = match &credentials.authorization {
            Some(authorization) => client.insert_header("authorization", authorization.as_str()),
            None => client,
        };
        Self { client, timeout, sleep, observer: None }
    }

    /// Tells `observe` of each call from now on, by a clock of milliseconds that never goes back.
    #[must_use]
    pub fn observed(self, now_ms: fn() -> f64, observe: Observe) -> Self {
        Self { observer: Some((now_ms, observe)), ..self }
    }

    async fn rpc<T: DeserializeOwned>(
        &self,
        function: &'static str,
        arguments: &impl Serialize,
    ) -> Result<T, StoreError> {
        read(function, self.call(function, arguments).await?)
    }

    /// What `ok` comes with, read; `None` for the other outcome that the function has.
    async fn call_for<T>(
        &self,
        function: &'static str,
        arguments: &Value,
        read: fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.call(function, arguments).await? {
            Value::Object(done) => {
                let done = done.get("ok").ok_or_else(|| misshapen(function))?;
                read(done).map(Some).ok_or_else(|| misshapen(function))
            }
            _ => Ok(None),
        }
    }

    async fn begun(&self, function: &'static str, arguments: &Value) -> Result<BeginTurn, StoreError> {
        turns::rows::read_begun(&self.call(function, arguments).await?).ok_or_else(|| misshapen(function))
    }

    async fn claimed(
        &self,
        function: &'static str,
        arguments: &Value,
        read: fn(&Value) -> Option<Claimed>,
    ) -> Result<Claim, StoreError> {
        let claimed = self.call_for(function, arguments, read).await?;
        Ok(claimed.map_or(Claim::AssistantNotFound, Claim::Ok))
    }

    /// The outcome as a variant of an enum, not yet read.
    async fn call(&self, function: &'static str, arguments: &impl Serialize) -> Result<Value, StoreError> {
        let begun_ms = self.observer.as_ref().map_or(0.0, |(now_ms, _)| now_ms());
        let result = self.exchange(function, arguments).await;
        if let Some((now_ms, observe)) = &self.observer {
            observe(function, now_ms() - begun_ms, result.as_ref().err().map(|fault| fault.told().1));
        }
        result
    }

    async fn exchange(&self, function: &'static str, arguments: &impl Serialize) -> Result<Value, StoreError> {
        let arguments = serde_json::to_string(arguments).map_err(|_| StoreError::Unexpected("arguments".into()))?;
        let exchange = async {
            let lost = |_| StoreError::Unavailable("connection".into());
            let response = self.client.rpc(function, arguments).execute().await.map_err(lost)?;
            let status = response.status();
            let body = response.bytes().await.map_err(lost)?;
            if !status.is_success() {
                // The message may quote a row; it is not read.
                let refusal: Value = serde_json::from_slice(&body).unwrap_or_default();
                let code = refusal.get("code").and_then(Value::as_str).unwrap_or_default();
                return Err(StoreError::from_answer(status.as_u16(), code));
            }
            variant(&body).ok_or_else(|| misshapen(function))
        };
        match select(Box::pin(exchange), (self.sleep)(self.timeout)).await {
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => Err(StoreError::Unavailable("timeout".into())),
        }
    }
}

fn misshapen(function: &str) -> StoreError {
    StoreError::Unexpected(format!("shape of {function}"))
}

fn read<T: DeserializeOwned>(function: &str, variant: Value) -> Result<T, StoreError> {
    serde_json::from_value(variant).map_err(|_| misshapen(function))
}

/// Makes of `{"outcome": "x", …rest}` the variant `x` with the rest as its fields. (Serde's own tagged enums do the same
/// through a buffer that is generated anew for every type: a fifth of the wasm.)
fn variant(body: &[u8]) -> Option<Value> {
    // (By way of a `Value` everywhere: decoding another type from bytes is another decoder in the wasm.)
    let Value::Object(mut fields) = serde_json::from_slice(body).ok()? else { return None };
    let Value::String(name) = fields.remove("outcome")? else { return None };
    if fields.is_empty() {
        return Some(Value::String(name));
    }
    let mut variant = Map::new();
    variant.insert(name, Value::Object(fields));
    Some(Value::Object(variant))
}

/// As much of a count as a Postgres integer holds.
fn integer(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(crate) fn counts(usage: Usage) -> Value {
    json!({
        "input_tokens": integer(usage.input_tokens),
        "output_tokens": integer(usage.output_tokens),
        "cache_read_input_tokens": integer(usage.cache_read_input_tokens),
        "cache_creation_input_tokens": integer(usage.cache_creation_input_tokens),
    })
}

/// An outcome nobody asks about.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Done {
    Ok,
    #[serde(other)]
    Otherwise,
}

fn arguments_of(turn: &NewTurn<'_>) -> Value {
    json!({
        "p_message": turn.message,
        "p_session_id": turn.session_id,
        "p_assistant": turn.assistant,
        "p_organization_id": turn.organization_id,
        "p_user_id": turn.user_id,
        "p_idempotency_key": turn.idempotency_key,
        "p_traits": {
            "question_type": turn.traits.question_type,
            "data_source": turn.traits.data_source,
            "tools": Some(turn.traits.tools).filter(|tools| !tools.is_empty()),
        },
    })
}

impl BeginTurns for Postgrest {
    async fn begin_turn(&self, turn: &NewTurn<'_>) -> Result<BeginTurn, StoreError> {
        self.begun("pawl_begin_turn", &arguments_of(turn)).await
    }
}

impl PrepareTurns for Postgrest {
    async fn prepare_turn(&self, turn: &NewTurn<'_>, lease_seconds: u32) -> Result<BeginTurn, StoreError> {
        let mut arguments = arguments_of(turn);
        if let Some(named) = arguments.as_object_mut() {
            named.insert("p_lease_seconds".to_owned(), lease_seconds.into());
        }
        self.begun("pawl_prepare_turn", &arguments).await
    }
}

impl TurnLedger for Postgrest {
    async fn serving_context(&self, prompt_id: Uuid) -> Result<ServingContext, StoreError> {
        const FUNCTION: &str = "pawl_serving_context";
        let read = match self.call(FUNCTION, &json!({"p_prompt_id": prompt_id})).await? {
            Value::Object(mut variant) => match variant.remove("ok") {
                Some(Value::Object(fields)) => ServingContext::read(fields),
                _ => None,
            },
            Value::String(outcome) => (outcome == "prompt_not_found").then_some(ServingContext::PromptNotFound),
            _ => None,
        };
        read.ok_or_else(|| misshapen(FUNCTION))
    }

    async fn complete_turn(&self, turn: &FinishedTurn<'_>) -> Result<CompleteTurn, StoreError> {
        let arguments = json!({
            "p_turn_id": turn.turn_id,
            "p_attempt": turn.attempt,
            "p_prompt_id": turn.prompt_id,
            "p_answer": turn.answer,
            "p_model": turn.model,
            "p_stop_reason": turn.stop_reason,
            "p_usage": counts(turn.usage),
            "p_latency_ms": turn.latency_ms.map(integer),
            "p_tools": turn.tools,
            "p_learning": {
                "response_format": turn.learning.response_format,
                "length_class": turn.learning.length_class,
                "answer_characters": turn.learning.answer_characters,
                "exposures": Exposure::write(turn.learning.exposures),
            },
        });
        self.rpc("pawl_complete_turn", &arguments).await
    }

    async fn fail_turn(&self, turn: &FailedTurn<'_>) -> Result<bool, StoreError> {
        let arguments = json!({
            "p_turn_id": turn.turn_id,
            "p_attempt": turn.attempt,
            "p_error_code": turn.error_code,
            "p_model": turn.model,
            "p_usage": counts(turn.usage),
        });
        self.rpc::<Done>("pawl_fail_turn", &arguments).await.map(|done| matches!(done, Done::Ok))
    }
}

impl FeedbackLedger for Postgrest {
    async fn collect_feedback(
        &self,
        reactions: &[Reaction],
        user_id: Option<Uuid>,
    ) -> Result<CollectFeedback, StoreError> {
        self.rpc("pawl_collect_feedback", &json!({"p_entries": reactions, "p_user_id": user_id})).await
    }
}

impl UsageLedger for Postgrest {
    async fn record_usage(&self, prompt_id: Uuid, of: Purpose, model: &str, usage: Usage) -> Result<(), StoreError> {
        let arguments = json!({"p_prompt_id": prompt_id, "p_purpose": of, "p_model": model, "p_usage": counts(usage)});
        self.rpc::<Done>("pawl_record_usage", &arguments).await.map(drop)
    }
}

impl Reflections for Postgrest {
    async fn claim(&self, request: &ClaimRequest<'_>, before: Option<&Timestamp>) -> Result<Claim, StoreError> {
        let arguments = json!({
            "p_holder": request.holder,
            "p_organization_id": request.organization_id,
            "p_assistant": request.assistant,
            "p_force": request.force,
            "p_dry_run": request.dry_run,
            "p_before": before,
            "p_lease_seconds": request.lease_seconds,
        });
        self.claimed("pawl_claim_reflection", &arguments, reflections::rows::read_reflection).await
    }

    async fn record(&self, holder: Uuid, reflection: &Reflection<'_>) -> Result<RecordReflection, StoreError> {
        let arguments = json!({"p_holder": holder, "p_reflection": reflection});
        let recorded = self.call_for("pawl_record_reflection", &arguments, reflections::rows::read_recorded).await?;
        Ok(recorded.unwrap_or(RecordReflection::LeaseLost))
    }

    async fn sweep(&self) -> Result<bool, StoreError> {
        self.rpc::<Done>("pawl_sweep", &json!({})).await.map(|done| !matches!(done, Done::Ok))
    }

    async fn release(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError> {
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id});
        self.rpc::<Done>("pawl_release_reflection", &arguments).await.map(drop)
    }
}

impl Learning for Postgrest {
    async fn claim_learning(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
    ) -> Result<Claim, StoreError> {
        let arguments = json!({
            "p_holder": request.holder,
            "p_organization_id": request.organization_id,
            "p_assistant": request.assistant,
            "p_force": request.force,
            "p_before": before,
            "p_lease_seconds": request.lease_seconds,
        });
        self.claimed("pawl_claim_learning", &arguments, reflections::rows::read_run).await
    }

    async fn settle(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        settled: &Settled,
        limit: u32,
    ) -> Result<Settle, StoreError> {
        let (settled, evidence) = rows::write_settled(settled);
        let arguments = json!({
            "p_holder": holder,
            "p_assistant_id": assistant_id,
            "p_settled": settled,
            "p_evidence": evidence,
            "p_limit": limit,
        });
        let page = self.call_for("pawl_settle", &arguments, rows::read_page).await?;
        Ok(page.map_or(Settle::LeaseLost, |page| Settle::Ok { page }))
    }

    async fn look(&self, holder: Uuid, assistant_id: Uuid) -> Result<Looked, StoreError> {
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id});
        let look = self.call_for("pawl_learning_look", &arguments, rows::read_look).await?;
        Ok(look.map_or(Looked::LeaseLost, |look| Looked::Ok { look: Box::new(look) }))
    }

    async fn examples(&self, assistant_id: Uuid, wanted: &Wanted) -> Result<FindExamples, StoreError> {
        let arguments = json!({
            "p_assistant_id": assistant_id,
            "p_question_type": wanted.question_type,
            "p_dimension": wanted.dimension,
            "p_value": wanted.value,
        });
        let examples = self.call_for("pawl_pattern_examples", &arguments, rows::read_examples).await?;
        Ok(examples.map_or(FindExamples::NoActivePrompt, FindExamples::Ok))
    }

    async fn release_learning(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError> {
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id});
        self.rpc::<Done>("pawl_release_learning", &arguments).await.map(drop)
    }

    async fn record_learning(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        run: &LearningRun,
    ) -> Result<RecordLearning, StoreError> {
        let run = rows::write_run(run);
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id, "p_run": run});
        let revision = |answer: &Value| answer.get("patterns_revision")?.as_i64();
        let revision = self.call_for("pawl_record_learning", &arguments, revision).await?;
        Ok(revision.map_or(RecordLearning::LeaseLost, |patterns_revision| RecordLearning::Ok { patterns_revision }))
    }
}

impl Prompts for Postgrest {
    async fn begin_update(&self, reflection_id: Uuid) -> Result<BeginUpdate, StoreError> {
        self.rpc("pawl_begin_update", &json!({"p_reflection_id": reflection_id})).await
    }

    async fn submit(&self, version: &NewVersion<'_>) -> Result<Submit, StoreError> {
        let arguments = json!({
            "p_reflection_id": version.reflection_id,
            "p_parent_id": version.parent_id,
            "p_content": version.content,
            "p_change_reason": version.change_reason,
            "p_model": version.model,
        });
        self.rpc("pawl_submit_prompt", &arguments).await
    }

    async fn refuse_update(&self, reflection_id: Uuid, reason: &str) -> Result<RefuseUpdate, StoreError> {
        self.rpc("pawl_refuse_update", &json!({"p_reflection_id": reflection_id, "p_reason": reason})).await
    }
}
