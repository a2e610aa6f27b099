//! Reflections.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::{conversation::Exchange, decision::Action};
use uuid::Uuid;

use super::{Assistant, FakeStore, Log, State, Suggested};
use crate::{
    StoreError,
    reflections::{
        About, Claim, ClaimRequest, Claimed, JudgeTask, PromptVersion, RecordReflection, Reflection, Reflections,
        SkipReason, Skipped, StoredExchange, StoredRubric, Task, Timestamp, Work,
    },
};

impl Reflections for FakeStore {
    async fn claim(&self, request: &ClaimRequest<'_>, before: Option<&Timestamp>) -> Result<Claim, StoreError> {
        self.service_call("claim")?;
        let now = self.now();
        // The database's clock moves while a claim runs; this one is moved.
        self.advance(TimeDelta::microseconds(1));
        let before = before.and_then(read).unwrap_or(self.now());
        Ok(self.state(|s| {
            let filtered = request.organization_id.is_some() || request.assistant.is_some();
            let matches = |a: &Assistant| {
                request.organization_id.is_none_or(|id| a.organization_id == id)
                    && request.assistant.is_none_or(|slug| a.slug == slug)
            };
            if filtered && !s.assistants.iter().any(matches) {
                return Claim::AssistantNotFound;
            }
            let mut order: Vec<_> = (0..s.assistants.len())
                .filter(|&i| s.assistants.get(i).is_some_and(|a| matches(a) && a.checked_at.is_none_or(|t| t < before)))
                .collect();
            order.sort_by_key(|&i| s.assistants.get(i).map(|a| (a.checked_at, a.id)));

            let mut claimed = Claimed { as_of: write(before), skipped: Vec::new(), claim: None, more: false };
            for i in order {
                let Some(assistant) = s.assistants.get(i) else { continue };
                let about = About {
                    organization_id: assistant.organization_id,
                    assistant_id: assistant.id,
                    assistant: assistant.slug.clone(),
                };
                let busy = assistant.lease.is_some_and(|(_, until)| until > now);
                let task = if busy { Err(SkipReason::InProgress) } else { s.next_task(assistant, request, now) };
                let Some(assistant) = s.assistants.get_mut(i) else { continue };
                assistant.checked_at = Some(before);
                match task {
                    Err(reason) => claimed.skipped.push(Skipped { about, reason }),
                    Ok(task) => {
                        let until = now + TimeDelta::seconds(i64::from(request.lease_seconds));
                        assistant.lease = Some((request.holder, until));
                        claimed.claim = Some(Work { about, task });
                        claimed.more = true;
                        break;
                    }
                }
            }
            Claim::Ok(claimed)
        }))
    }

    async fn record(&self, holder: Uuid, reflection: &Reflection<'_>) -> Result<RecordReflection, StoreError> {
        self.service_call("record")?;
        let (reflection_id, suggestion_id, now) = (self.draw(), self.draw(), self.now());
        Ok(self.state(|s| {
            let lease = s.assistant(reflection.assistant_id).and_then(|a| a.lease);
            if !lease.is_some_and(|(who, until)| who == holder && until > now) {
                return RecordReflection::LeaseLost;
            }
            let is_judged = |message_id: &Uuid| s.evaluated.contains_key(message_id);
            let before = |l: &&Log| reflection.evaluations.iter().any(|e| l.judged.contains(&e.message_id));
            if !reflection.evaluations.is_empty()
                && reflection.evaluations.iter().all(|e| is_judged(&e.message_id))
                && let Some(log) = s.logs.iter().rfind(before)
            {
                let suggestion = s.suggestions.iter().find(|s| s.reflection_id == log.id);
                return RecordReflection::Ok { reflection_id: log.id, suggestion_id: suggestion.map(|s| s.id) };
            }
            for evaluation in &reflection.evaluations {
                s.evaluated.entry(evaluation.message_id).or_insert(evaluation.overall);
            }
            s.logs.push(Log {
                id: reflection_id,
                assistant_id: reflection.assistant_id,
                created_at: now,
                prompt_id: reflection.prompt_id,
                action: Some(reflection.action),
                strengths: reflection.strengths.to_vec(),
                weaknesses: reflection.weaknesses.to_vec(),
                patterns: reflection.patterns.to_vec(),
                judged: reflection.evaluations.iter().map(|e| e.message_id).collect(),
                update: None,
                update_attempts: 0,
                suggestion: reflection.suggestion.as_ref().map(|s| s.description.clone()),
            });
            let suggestion_id = reflection.suggestion.as_ref().map(|_| suggestion_id);
            s.suggestions.extend(suggestion_id.into_iter().zip(&reflection.suggestion).map(|(id, suggestion)| {
                Suggested {
                    id,
                    assistant_id: reflection.assistant_id,
                    reflection_id,
                    kind: suggestion.kind,
                    prompt_id: None,
                    status: "pending",
                    reviewed_at: None,
                }
            }));
            RecordReflection::Ok { reflection_id, suggestion_id }
        }))
    }

    async fn sweep(&self) -> Result<bool, StoreError> {
        self.service_call("sweep")?;
        let now = self.now();
        self.state(|s| {
            let lost =
                s.turns.iter_mut().filter(|t| t.answer.is_none() && t.error_code.is_none() && t.lease_expires_at < now);
            lost.for_each(|turn| {
                turn.error_code = Some("turn_lost".to_owned());
                turn.lost_attempts += 1;
            });
        });
        Ok(false)
    }

    async fn release(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError> {
        self.service_call("release")?;
        self.state(|s| {
            for assistant in s.assistants.iter_mut().filter(|a| a.id == assistant_id) {
                assistant.lease = assistant.lease.filter(|(who, _)| *who != holder);
            }
        });
        Ok(())
    }
}

pub(super) fn write(time: DateTime<Utc>) -> Timestamp {
    Timestamp(time.to_rfc3339())
}

pub(super) fn read(time: &Timestamp) -> Option<DateTime<Utc>> {
    time.0.parse().ok()
}

impl State {
    /// As `pawl.next_task`.
    fn next_task(
        &self,
        assistant: &Assistant,
        request: &ClaimRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<Task, SkipReason> {
        let settings = &assistant.settings;
        let block = self.update_block(assistant, now);
        if let Some(reason @ (SkipReason::Paused | SkipReason::Locked | SkipReason::DailyLimit)) = block
            && !request.force
        {
            return Err(reason);
        }
        let prompt = self.live_prompt(assistant.id).ok_or(SkipReason::InsufficientData)?;
        let since = now - TimeDelta::hours(settings.window_hours);
        let last = self.logs.iter().rfind(|l| l.assistant_id == assistant.id && l.action.is_some());
        // As `pawl.owed_update`.
        let called_for = |l: &&Log| {
            let by_its_score = l.action == Some(Action::PromptUpdate) && l.created_at > since;
            (by_its_score && last.is_some_and(|last| last.id == l.id))
                || self.approved(l.id).is_some_and(|s| s.reviewed_at >= prompt.activated_at)
        };
        let owed = self.logs.iter().filter(|l| l.prompt_id == prompt.id && l.update.is_none()).find(called_for);
        if let Some(owed) = owed
            && block.is_none()
            && !request.dry_run
        {
            return Ok(Task::Update { reflection_id: owed.id });
        }

        let waiting = self.unjudged(prompt.id, since);
        if self.conversations(&waiting) < settings.min_conversations {
            return Err(SkipReason::InsufficientData);
        }
        let recent = last.is_some_and(|l| l.created_at > now - TimeDelta::hours(settings.reflect_every_hours));
        if !request.force && recent && waiting.len() < settings.reflect_every_messages {
            return Err(SkipReason::Cooldown);
        }
        Ok(Task::Judge(Box::new(JudgeTask {
            window_start: write(since),
            window_end: write(now),
            prompt: PromptVersion {
                id: prompt.id,
                version: prompt.version,
                content: prompt.content.clone(),
                model: String::new(),
                base_url: None,
            },
            rubric: StoredRubric { id: assistant.rubric_id, criteria: assistant.rubric.clone() },
            judge_model: settings.judge_model.clone(),
            thresholds: settings.thresholds,
            exchanges: waiting.into_iter().take(settings.max_conversations).collect(),
        })))
    }

    /// How many sessions these answers come from.
    fn conversations(&self, waiting: &[StoredExchange]) -> usize {
        let ids: BTreeSet<_> = waiting.iter().map(|e| e.message_id).collect();
        let of_waiting = |t: &&super::StoredTurn| t.answer.as_ref().is_some_and(|a| ids.contains(&a.id));
        self.turns.iter().filter(of_waiting).map(|t| t.session_id).collect::<BTreeSet<_>>().len()
    }

    /// As `pawl.unjudged_answers`.
    fn unjudged(&self, prompt_id: Uuid, since: DateTime<Utc>) -> Vec<StoredExchange> {
        let of_version = self.turns.iter().rev().filter(|t| t.prompt_id == prompt_id);
        of_version
            .filter_map(|t| {
                let answer = t.answer.as_ref()?;
                let waits = answer.created_at > since && !self.evaluated.contains_key(&answer.id);
                let exchange = Exchange { user_message: t.message.clone(), answer: answer.text.clone() };
                waits.then_some(StoredExchange { message_id: answer.id, exchange })
            })
            .collect()
    }
}
