//! What moves tests on, through PostgREST.

use pawl_core::proof::{Case, Plan, Ruling};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Done, Postgrest, misshapen};
use crate::{
    StoreError,
    proof::{
        AlertFall, BeginProof, BeginTest, DecideTest, GetReceipt, JudgeTrial, Live, NextPairs, NextUnits, PairResult,
        ProofLook, Proofs, Recorded, RollBack, Spending, Tokens, UnitResult, WatchLook, rows,
    },
    reflections::{Claim, ClaimRequest, Timestamp, rows::read_proof},
    row::Row,
};

impl Postgrest {
    /// The outcome's name and fields, read.
    pub(super) async fn outcome<T>(
        &self,
        function: &'static str,
        arguments: &Value,
        read: fn(&str, Row<'_>) -> Option<T>,
    ) -> Result<T, StoreError> {
        let answer = self.call(function, arguments).await?;
        let outcome = match &answer {
            Value::String(name) => read(name, Row::of(&Value::Null)),
            Value::Object(variant) => variant.iter().next().and_then(|(name, fields)| read(name, Row::of(fields))),
            _ => None,
        };
        outcome.ok_or_else(|| misshapen(function))
    }
}

impl Proofs for Postgrest {
    async fn claim_proof(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
        watch: bool,
    ) -> Result<Claim, StoreError> {
        let arguments = json!({
            "p_holder": request.holder,
            "p_organization_id": request.organization_id,
            "p_assistant": request.assistant,
            "p_before": before,
            "p_lease_seconds": request.lease_seconds,
            "p_watch": watch,
        });
        self.claimed("pawl_claim_proof", &arguments, read_proof).await
    }

    async fn release_proof(&self, holder: Uuid, assistant_id: Uuid, settled: bool) -> Result<(), StoreError> {
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id, "p_settled": settled});
        self.rpc::<Done>("pawl_release_proof", &arguments).await.map(drop)
    }

    async fn begin_test(
        &self,
        holder: Uuid,
        test_id: Uuid,
        judge_revision: i32,
        trial: Tokens,
    ) -> Result<BeginTest, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_test_id": test_id,
            "p_judge_revision": judge_revision,
            "p_read": trial.read,
            "p_said": trial.said,
        });
        self.outcome("pawl_begin_test", &arguments, rows::read_begun).await
    }

    async fn record_judge_trial(
        &self,
        holder: Uuid,
        test_id: Uuid,
        trial: &JudgeTrial<'_>,
    ) -> Result<Recorded, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_test_id": test_id,
            "p_judge_revision": trial.judge_revision,
            "p_passed": trial.passed,
            "p_attacks": trial.attacks,
            "p_usage": rows::write_usage(trial.usage),
        });
        self.outcome("pawl_record_judge_trial", &arguments, rows::read_recorded).await
    }

    async fn next_pairs(&self, holder: Uuid, test_id: Uuid, limit: u32) -> Result<NextPairs, StoreError> {
        let arguments = json!({"p_holder": holder, "p_test_id": test_id, "p_limit": limit});
        self.outcome("pawl_next_pairs", &arguments, rows::read_pairs).await
    }

    async fn record_pairs(
        &self,
        holder: Uuid,
        test_id: Uuid,
        pairs: &[PairResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_test_id": test_id,
            "p_pairs": rows::write_pairs(pairs),
            "p_usage": rows::write_usage(usage),
        });
        self.outcome("pawl_record_pairs", &arguments, rows::read_recorded).await
    }

    async fn next_units(&self, holder: Uuid, test_id: Uuid, limit: u32) -> Result<NextUnits, StoreError> {
        let arguments = json!({"p_holder": holder, "p_test_id": test_id, "p_limit": limit});
        self.outcome("pawl_next_units", &arguments, rows::read_units).await
    }

    async fn record_units(
        &self,
        holder: Uuid,
        test_id: Uuid,
        units: &[UnitResult],
        usage: &[Spending],
    ) -> Result<Recorded, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_test_id": test_id,
            "p_units": rows::write_units(units),
            "p_usage": rows::write_usage(usage),
        });
        self.outcome("pawl_record_units", &arguments, rows::read_recorded).await
    }

    async fn proof_look(&self, holder: Uuid, test_id: Uuid) -> Result<ProofLook, StoreError> {
        let arguments = json!({"p_holder": holder, "p_test_id": test_id});
        self.outcome("pawl_proof_look", &arguments, rows::read_look).await
    }

    async fn begin_proof(
        &self,
        holder: Uuid,
        test_id: Uuid,
        plan: &Plan,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<BeginProof, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_test_id": test_id,
            "p_plan": plan,
            "p_case": rows::write_case(case),
            "p_ruling": rows::write_ruling(ruling),
        });
        self.outcome("pawl_begin_proof", &arguments, rows::read_begun_proof).await
    }

    async fn note_ruling(&self, holder: Uuid, test_id: Uuid, ruling: &Ruling) -> Result<Recorded, StoreError> {
        let arguments = json!({"p_holder": holder, "p_test_id": test_id, "p_ruling": rows::write_ruling(ruling)});
        self.outcome("pawl_note_ruling", &arguments, rows::read_recorded).await
    }

    async fn decide_test(
        &self,
        holder: Uuid,
        test_id: Uuid,
        promoted: bool,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<DecideTest, StoreError> {
        let ruled = rows::write_ruling(ruling);
        let arguments = json!({
            "p_holder": holder,
            "p_test_id": test_id,
            "p_decision": if promoted { "promoted" } else { "rejected" },
            "p_reason": ruled.get("reason"),
            "p_case": rows::write_case(case),
            "p_ruling": ruled,
        });
        self.outcome("pawl_decide_test", &arguments, rows::read_decided).await
    }

    async fn watch_look(&self, holder: Uuid, assistant_id: Uuid) -> Result<WatchLook, StoreError> {
        let arguments = json!({"p_holder": holder, "p_assistant_id": assistant_id});
        self.outcome("pawl_watch_look", &arguments, rows::read_watched).await
    }

    async fn roll_back(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        live: &Live,
        case: &Case,
        ruling: &Ruling,
    ) -> Result<RollBack, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_assistant_id": assistant_id,
            "p_prompt_id": live.prompt_id,
            "p_since": live.since,
            "p_case": rows::write_case(case),
            "p_ruling": rows::write_ruling(ruling),
        });
        self.outcome("pawl_roll_back", &arguments, rows::read_rolled_back).await
    }

    async fn alert_fall(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        prompt_id: Uuid,
        ruling: &Ruling,
    ) -> Result<AlertFall, StoreError> {
        let arguments = json!({
            "p_holder": holder,
            "p_assistant_id": assistant_id,
            "p_prompt_id": prompt_id,
            "p_ruling": rows::write_ruling(ruling),
        });
        self.outcome("pawl_alert_fall", &arguments, rows::read_alerted).await
    }

    async fn receipt(&self, receipt_id: Uuid, user_id: Option<Uuid>) -> Result<GetReceipt, StoreError> {
        let arguments = json!({"p_receipt_id": receipt_id, "p_user_id": user_id});
        self.outcome("pawl_get_receipt", &arguments, rows::receipt::read).await
    }
}
