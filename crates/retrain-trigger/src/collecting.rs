//! From what people made of answers to training data: masked, hashed, scored, a page at a time.

use std::time::Duration;

use pawl_core::training::{sample::sample, score};
use pawl_store::training::{Collected, Lesson, Training, TrainingPage, Uncollected};

use crate::{
    allowance::Allowance,
    host::Host,
    running::{Bench, Stop},
    wire::Worked,
};

/// Another page is begun only with this much time left.
const PAGE_NEEDS: Duration = Duration::from_secs(50);

/// Goes through the answers whose feedback is new, for as long as there is time. True when none is left.
pub async fn collect<S: Training, H: Host>(
    bench: &Bench<'_, S, H>,
    allowance: &mut Allowance,
    worked: &mut Worked,
) -> Result<bool, Stop> {
    let mut collected: Vec<Collected> = Vec::new();
    loop {
        let limit = if bench.deadline.has(PAGE_NEEDS) { allowance.page() } else { 0 };
        let answer = bench.store.training_page(bench.holder, bench.about.assistant_id, &collected, limit).await?;
        let TrainingPage::Ok { stored, page } = answer else { return Err(Stop::LeaseLost) };
        worked.collected += collected.len() as u64;
        worked.stored += u64::from(stored);
        if limit == 0 {
            return Ok(false);
        }
        if page.is_empty() {
            return Ok(true);
        }
        allowance.spend(u32::try_from(page.len()).unwrap_or(limit), page.iter().map(bytes).sum());
        collected = page.into_iter().map(look_at).collect();
    }
}

fn bytes(answer: &Uncollected) -> usize {
    let history: usize = answer.history.iter().map(|earlier| earlier.user_message.len() + earlier.answer.len()).sum();
    history + answer.message.len() + answer.answer.len()
}

/// What one answer teaches; nothing where nobody made anything of it.
fn look_at(answer: Uncollected) -> Collected {
    let scored = score(&answer.reactions, answer.answer_characters, answer.other);
    let lesson =
        scored.map(|scored| Lesson { sample: sample(&answer.history, &answer.message, &answer.answer), scored });
    Collected { message_id: answer.message_id, revision: answer.revision, lesson }
}
