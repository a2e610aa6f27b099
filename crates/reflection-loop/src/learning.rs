//! A learning run: settle what people made of the answers, look at what that says, decide, word what is worth trying.
//!
//! It may take several invocations: answers wait in a queue, a page of them is settled in one transaction, and whoever
//! comes next goes on with those that are left.

mod settling;
mod wording;

use std::time::Duration;

use pawl_core::learning::{decide::decide, plan::Plan};
use pawl_edge::{
    deadline::Deadline,
    log::{self, Level},
};
use pawl_model::Phraser;
use pawl_store::{
    StoreError,
    learning::{LearnTask, Learning, LearningRun, Looked, RecordLearning, Settle, Settled},
    reflections::{About, SkipReason},
    usage::UsageLedger,
};
use uuid::Uuid;

use crate::wire::{Learned, Outcome};

/// Answers a page. A page is some 300 KB and takes a few milliseconds to settle.
const PAGE: u32 = 1_000;
/// Pages an invocation: what the platform's limit of CPU time allows with much to spare.
const MAX_PAGES: usize = 15;
/// Another page is begun only with this much time left.
const PAGE_NEEDS: Duration = Duration::from_secs(25);

/// Goes on with an assistant's run for as long as there is time.
pub async fn learn<S: Learning + UsageLedger, P: Phraser>(
    about: &About,
    task: &LearnTask,
    holder: Uuid,
    deadline: &Deadline,
    store: &S,
    phraser: &P,
) -> Result<Outcome, StoreError> {
    let assistant_id = about.assistant_id;
    let mut settled = Settled::default();
    let mut answers = 0;
    for pages in 0.. {
        let goes_on = pages < MAX_PAGES && deadline.has(PAGE_NEEDS);
        let limit = if goes_on { PAGE } else { 0 };
        let Settle::Ok { page } = store.settle(holder, assistant_id, &settled, limit).await? else {
            return Ok(taken_over());
        };
        answers += settled.answers.len();
        if !goes_on {
            return Ok(Outcome::Unfinished { settled: answers, unfinished: true });
        }
        if page.is_empty() {
            break;
        }
        settled = settling::settle(&page);
    }
    let Looked::Ok { look } = store.look(holder, assistant_id).await? else { return Ok(taken_over()) };
    let Plan { patterns, wanted, crash, votes_up, votes_down, message } = decide(&look);
    let candidates = wording::word(assistant_id, &task.pattern_model, wanted, deadline, store, phraser).await;
    let (changed, found) = (patterns.iter().filter(|update| update.reason.is_some()).count(), candidates.len());
    let crashed = crash.is_some();
    let run = LearningRun { run_id: task.run_id, message, crash, votes_up, votes_down, patterns, candidates };
    match store.record_learning(holder, assistant_id, &run).await? {
        RecordLearning::LeaseLost => Ok(taken_over()),
        RecordLearning::Ok { patterns_revision } => {
            if crashed {
                log::event(Level::Error, "satisfaction_crashed", &[("assistant_id", assistant_id.to_string().into())]);
            }
            let learned = Learned {
                run_id: task.run_id,
                settled: answers,
                changed,
                found,
                crashed,
                patterns_revision,
                message: run.message,
            };
            Ok(Outcome::Learned(Box::new(learned)))
        }
    }
}

/// Somebody else goes on with the run.
fn taken_over() -> Outcome {
    Outcome::Skipped { skipped: true, reason: SkipReason::InProgress }
}

#[cfg(test)]
mod tests;
