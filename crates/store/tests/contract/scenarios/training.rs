//! From feedback to a model.

pub mod collect;
pub mod dataset;
pub mod trainer;

use pawl_core::training::{sample::sample, score};
use pawl_store::{
    feedback::{CollectFeedback, FeedbackLedger, Reaction, Signal, Source},
    reflections::{Claim, ClaimRequest, Task},
    training::{Collected, FindStock, Lesson, Stock, TrainTask, Training, TrainingPage, Uncollected},
    turns::{NewTurn, Traits},
};
use uuid::Uuid;

use super::{
    HOLDER,
    reflections::Place,
    turns::{begin, complete},
};
use crate::worlds::World;

/// Somebody else.
const RIVAL: Uuid = Uuid::from_u128(0xA2);
const QUALITY: f64 = 0.7;

/// An organisation of its own.
async fn place(world: &impl World) -> Place {
    let (organization_id, assistant_id) = world.organization().await;
    Place { organization_id, assistant_id }
}

/// Somebody new asks, and is answered: who, and the answer.
async fn asks<W: World>(world: &W, place: &Place, question: &str, answer: &str) -> (Uuid, W::Store, Uuid) {
    let (user_id, user) = world.user().await;
    world.add_member(place.organization_id, user_id, false).await;
    let traits = Traits { question_type: question.split(' ').next(), ..Traits::default() };
    let turn = begin(&user, NewTurn { message: question, traits, ..NewTurn::default() }).await;
    let answer_id = complete(&world.service(), &turn, answer).await;
    (user_id, user, answer_id)
}

async fn thumb(user: &impl FeedbackLedger, message_id: Uuid, up: bool) {
    let signal = if up { Signal::ThumbsUp } else { Signal::ThumbsDown };
    react(user, message_id, signal).await;
}

async fn react(user: &impl FeedbackLedger, message_id: Uuid, signal: Signal) {
    let reaction =
        Reaction { index: 0, message_id, signal, value: None, comment: None, metadata: None, source: Source::User };
    let stored = user.collect_feedback(&[reaction], None).await.unwrap();
    assert_eq!(stored, CollectFeedback::Ok { stored: 1, unchanged: 0, errors: vec![] });
}

/// Somebody new asks, is answered and likes that, or not.
async fn votes(world: &impl World, place: &Place, question: &str, answer: &str, up: bool) -> Uuid {
    let (user_id, user, answer_id) = asks(world, place, question, answer).await;
    thumb(&user, answer_id, up).await;
    user_id
}

/// Takes the lease.
async fn claim(store: &impl Training, place: &Place) -> TrainTask {
    let request = ClaimRequest { lease_seconds: 600, ..place.request() };
    match store.claim_training(&request, None).await.unwrap() {
        Claim::Ok(claimed) => match claimed.claim.expect("nothing is claimed").task {
            Task::Train(task) => *task,
            task => panic!("another task than training: {task:?}"),
        },
        Claim::AssistantNotFound => panic!("no such assistant"),
    }
}

async fn page(store: &impl Training, place: &Place, collected: &[Collected], limit: u32) -> (u32, Vec<Uncollected>) {
    match store.training_page(HOLDER, place.assistant_id, collected, limit).await.unwrap() {
        TrainingPage::Ok { stored, page } => (stored, page),
        TrainingPage::LeaseLost => panic!("the lease is lost"),
    }
}

/// What becomes of an answer.
fn learned(one: &Uncollected) -> Collected {
    let scored = score(&one.reactions, one.answer_characters, one.other);
    let lesson = scored.map(|scored| Lesson { sample: sample(&one.history, &one.message, &one.answer), scored });
    Collected { message_id: one.message_id, revision: one.revision, lesson }
}

/// Collects all there is, a day from now, under a lease that stays; how many counted.
async fn collect_all(world: &impl World, place: &Place) -> u32 {
    world.wait_hours(25).await;
    let store = world.service();
    claim(&store, place).await;
    let (mut collected, mut counted) = (Vec::new(), 0);
    loop {
        let (stored, next) = page(&store, place, &collected, 2).await;
        counted += stored;
        if next.is_empty() {
            return counted;
        }
        collected = next.iter().map(learned).collect();
    }
}

async fn stock(store: &impl Training, place: &Place, quality: f64) -> Stock {
    match store.training_stock(HOLDER, place.assistant_id, quality).await.unwrap() {
        FindStock::Ok(stock) => stock,
        FindStock::LeaseLost => panic!("the lease is lost"),
    }
}

/// How many rows teach, and how many a person validated.
async fn counts(store: &impl Training, place: &Place, quality: f64) -> (u64, u64) {
    let stock = stock(store, place, quality).await;
    (stock.total, stock.validated)
}
