//! What was used, and what may be.

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::usage::Usage;
use uuid::Uuid;

use super::{FakeStore, Spent, State};
use crate::{
    StoreError,
    turns::{BeginTurn, Limit},
    usage::{Purpose, UsageLedger},
};

const A_MINUTE: TimeDelta = TimeDelta::minutes(1);

impl UsageLedger for FakeStore {
    async fn record_usage(&self, prompt_id: Uuid, of: Purpose, model: &str, usage: Usage) -> Result<(), StoreError> {
        self.service_call("record_usage")?;
        let at = self.now();
        self.state(|s| {
            let assistant_id = s.prompts.iter().find(|p| p.id == prompt_id).map(|p| p.assistant_id);
            let organization_id = assistant_id.and_then(|id| s.assistant(id)).map(|a| a.organization_id);
            s.spent.extend(organization_id.map(|organization_id| Spent {
                organization_id,
                user_id: None,
                at,
                purpose: Some(of),
                model: model.to_owned(),
                usage,
            }));
        });
        Ok(())
    }
}

impl State {
    /// As `pawl.limit_reached`.
    pub(crate) fn limit_reached(&self, organization_id: Uuid, user_id: Uuid, now: DateTime<Utc>) -> Option<BeginTurn> {
        let limits = self.limits.get(&organization_id).copied().unwrap_or_default();
        let in_the_way = |user: Option<Uuid>, limit: usize| {
            let ours = self.attempts.iter().rev().filter(|attempt| {
                attempt.organization_id == organization_id && user.is_none_or(|user| attempt.user_id == user)
            });
            ours.filter(|attempt| attempt.begun_at > now - A_MINUTE).nth(limit.saturating_sub(1))
        };
        let wait = |until: DateTime<Utc>| u32::try_from((until - now).num_seconds()).unwrap_or_default().max(1);
        let requests = in_the_way(Some(user_id), limits.user_requests_per_minute)
            .map(|attempt| (Limit::UserRequests, attempt))
            .or_else(|| {
                let attempt = in_the_way(None, limits.organization_requests_per_minute)?;
                Some((Limit::OrganizationRequests, attempt))
            });
        if let Some((limit, attempt)) = requests {
            return Some(BeginTurn::Limited { limit, retry_after: wait(attempt.begun_at + A_MINUTE) });
        }

        let used = |user: Option<Uuid>| -> u64 {
            let today = self.spent.iter().filter(|s| {
                let theirs = user.is_none_or(|user| s.user_id == Some(user));
                s.organization_id == organization_id
                    && s.purpose.is_none()
                    && theirs
                    && s.at.date_naive() == now.date_naive()
            });
            today.map(|s| tokens_in(s.usage)).sum()
        };
        let limit = if used(Some(user_id)) >= limits.user_tokens_per_day {
            Limit::UserTokens
        } else if used(None) >= limits.organization_tokens_per_day {
            Limit::OrganizationTokens
        } else {
            return None;
        };
        let tomorrow = now.date_naive().succ_opt()?.and_hms_opt(0, 0, 0)?.and_utc();
        Some(BeginTurn::Limited { limit, retry_after: wait(tomorrow) })
    }
}

fn tokens_in(usage: Usage) -> u64 {
    [usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens]
        .map(u64::from)
        .iter()
        .sum()
}
