//! Learning runs. What the database sums up for a look is given to this fake as it is to be seen; the queue of answers,
//! what is settled and what that adds up to are kept as the database keeps them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use pawl_core::learning::{evidence::Evidence, look::Look, plan::Wanted};
use uuid::Uuid;

use super::{
    FakeStore,
    reflections::{read, write},
};
use crate::{
    StoreError,
    learning::{
        Examples, FindExamples, LearnTask, Learning, LearningRun, Looked, RecordLearning, Settle, Settled, Waiting,
    },
    reflections::{About, Claim, ClaimRequest, Claimed, Reflections, SkipReason, Skipped, Task, Timestamp, Work},
};

/// What there is to learn for an assistant.
#[derive(Default)]
pub(crate) struct Lessons {
    /// Answers by id, and whether they are settled.
    pub(crate) answers: BTreeMap<Uuid, (Waiting, bool)>,
    pub(crate) evidence: BTreeMap<(Uuid, Uuid, i32), Evidence>,
    pub(crate) look: Option<Look>,
    pub(crate) examples: Option<Examples>,
    /// The run that is due, or goes on.
    pub(crate) run: Option<Uuid>,
    pub(crate) ended: Vec<LearningRun>,
}

/// A row of `learned_patterns`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at the table learned_patterns")]
pub struct StoredPattern {
    pub assistant_id: Uuid,
    pub state: &'static str,
    pub influence: f64,
}

impl FakeStore {
    /// Adds a pattern; its id.
    pub fn add_pattern(&self, pattern: StoredPattern) -> Uuid {
        let id = self.draw();
        self.state(|s| s.patterns.insert(id, pattern));
        id
    }

    /// Makes a run due that is to see this.
    pub fn learn_from(&self, assistant_id: Uuid, look: Look, examples: Option<Examples>) {
        let run = self.draw();
        self.state(|s| {
            let lessons = s.lessons.entry(assistant_id).or_default();
            (lessons.run, lessons.look, lessons.examples) = (Some(run), Some(look), examples);
        });
    }

    /// Puts an answer into the queue, for the first time or once more.
    pub fn wait(&self, assistant_id: Uuid, answer: Waiting) {
        self.state(|s| {
            let answers = &mut s.lessons.entry(assistant_id).or_default().answers;
            let signal = answers.get(&answer.message_id).and_then(|(known, _)| known.signal).or(answer.signal);
            answers.insert(answer.message_id, (Waiting { signal, ..answer }, false));
        });
    }

    /// What is known of each pattern, by person and period.
    pub fn evidence(&self, assistant_id: Uuid) -> BTreeMap<(Uuid, Uuid, i32), Evidence> {
        self.state(|s| s.lessons.get(&assistant_id).map(|l| l.evidence.clone()).unwrap_or_default())
    }

    /// Runs that came to their end.
    pub fn learning_runs(&self, assistant_id: Uuid) -> Vec<LearningRun> {
        self.state(|s| s.lessons.get(&assistant_id).map(|l| l.ended.clone()).unwrap_or_default())
    }

    fn lessons<T>(&self, holder: Uuid, assistant_id: Uuid, then: impl FnOnce(&mut Lessons) -> T) -> Option<T> {
        let now = self.now();
        self.state(|s| {
            let lease = s.assistant(assistant_id).and_then(|a| a.lease);
            let held = lease.is_some_and(|(who, until)| who == holder && until > now);
            s.lessons.get_mut(&assistant_id).filter(|_| held).map(then)
        })
    }
}

impl Learning for FakeStore {
    async fn claim_learning(
        &self,
        request: &ClaimRequest<'_>,
        before: Option<&Timestamp>,
    ) -> Result<Claim, StoreError> {
        self.service_call("claim_learning")?;
        let now = self.now();
        let fresh = before.and_then(read).is_none();
        Ok(self.state(|s| {
            let mut claimed = Claimed { as_of: write(now), skipped: Vec::new(), claim: None, more: false };
            for assistant in &mut s.assistants {
                let about = About {
                    organization_id: assistant.organization_id,
                    assistant_id: assistant.id,
                    assistant: assistant.slug.clone(),
                };
                let run = s.lessons.get(&assistant.id).and_then(|l| l.run);
                match run {
                    _ if assistant.lease.is_some_and(|(_, until)| until > now) => {
                        claimed.skipped.push(Skipped { about, reason: SkipReason::InProgress });
                    }
                    Some(run_id) => {
                        assistant.lease =
                            Some((request.holder, now + TimeDelta::seconds(i64::from(request.lease_seconds))));
                        let task = LearnTask { run_id, pattern_model: "claude-haiku-5-5".to_owned() };
                        claimed.claim = Some(Work { about, task: Task::Learn(task) });
                        claimed.more = true;
                        break;
                    }
                    None if fresh => claimed.skipped.push(Skipped { about, reason: SkipReason::NotDue }),
                    None => {}
                }
            }
            Claim::Ok(claimed)
        }))
    }

    async fn settle(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        settled: &Settled,
        limit: u32,
    ) -> Result<Settle, StoreError> {
        self.service_call("settle")?;
        let page = self.lessons(holder, assistant_id, |lessons| {
            let mut counting = BTreeSet::new();
            for answer in &settled.answers {
                if let Some((known, done)) = lessons.answers.get_mut(&answer.message_id)
                    && known.revision == answer.revision
                    && !*done
                {
                    (known.signal, *done) = (Some(answer.signal), true);
                    counting.insert(answer.message_id);
                }
            }
            for c in settled.evidence.iter().filter(|c| counting.contains(&c.message_id)) {
                *lessons.evidence.entry((c.pattern_id, c.user_id, c.period)).or_default() += c.evidence;
            }
            let waiting = lessons.answers.values().filter(|(_, done)| !done).map(|(answer, _)| answer.clone());
            waiting.take(limit as usize).collect()
        });
        Ok(page.map_or(Settle::LeaseLost, |page| Settle::Ok { page }))
    }

    async fn look(&self, holder: Uuid, assistant_id: Uuid) -> Result<Looked, StoreError> {
        self.service_call("look")?;
        let look = self.lessons(holder, assistant_id, |lessons| lessons.look.clone()).flatten();
        Ok(look.map_or(Looked::LeaseLost, |look| Looked::Ok { look: Box::new(look) }))
    }

    async fn examples(&self, assistant_id: Uuid, _wanted: &Wanted) -> Result<FindExamples, StoreError> {
        self.service_call("examples")?;
        let examples = self.state(|s| s.lessons.get(&assistant_id).and_then(|l| l.examples.clone()));
        Ok(examples.map_or(FindExamples::NoActivePrompt, FindExamples::Ok))
    }

    async fn release_learning(&self, holder: Uuid, assistant_id: Uuid) -> Result<(), StoreError> {
        self.release(holder, assistant_id).await
    }

    async fn record_learning(
        &self,
        holder: Uuid,
        assistant_id: Uuid,
        run: &LearningRun,
    ) -> Result<RecordLearning, StoreError> {
        self.service_call("record_learning")?;
        let recorded = self.lessons(holder, assistant_id, |lessons| {
            lessons.run = None;
            lessons.ended.push(run.clone());
            RecordLearning::Ok { patterns_revision: lessons.ended.len() as i64 }
        });
        self.release(holder, assistant_id).await?;
        Ok(recorded.unwrap_or(RecordLearning::LeaseLost))
    }
}
