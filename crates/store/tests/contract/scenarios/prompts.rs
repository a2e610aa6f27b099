//! What the loop writes.

use futures_util::future::{join, join_all};
use pawl_core::decision::Action;
use pawl_store::{
    decisions::{Decision, Proposal},
    prompts::{BeginUpdate, NewVersion, Prompts, RefuseUpdate, Submit, Submitted},
    reflections::{ClaimRequest, Reflections, SkipReason, Task},
};
use uuid::Uuid;

use super::{HOLDER, decisions::decide, reflections::place};
use crate::worlds::{Change, World};

pub fn version(reflection_id: Uuid, parent_id: Uuid, content: &str) -> NewVersion<'_> {
    NewVersion { reflection_id, parent_id, content, change_reason: "Reasons were missing.", model: "simulated/writer" }
}

pub async fn begin_update(store: &impl Prompts, reflection_id: Uuid) -> Uuid {
    match store.begin_update(reflection_id).await.unwrap() {
        BeginUpdate::Ok(update) => update.prompt_id,
        refused => panic!("the update was refused: {refused:?}"),
    }
}

pub async fn a_version_is_submitted_once(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    place.chats(world, 2).await;
    world.change(place.assistant_id, Change::Protect("bicycles")).await;
    let reflection = place.reflect(&store, Action::PromptUpdate).await;

    // It is owed until something comes of it.
    let work = place.work(&store, &place.request()).await;
    assert_eq!(work.task, Task::Update { reflection_id: reflection });
    store.release(HOLDER, place.assistant_id).await.unwrap();

    let BeginUpdate::Ok(update) = store.begin_update(reflection).await.unwrap() else { panic!("refused") };
    assert_eq!(update.current_prompt, "You answer questions about bicycles.");
    assert_eq!((update.prompt_version, update.rewriter_model.as_str()), (1, "claude-sonnet-5-5"));
    assert_eq!((update.strengths, update.weaknesses), (vec!["brief".into()], vec!["shallow".into(), "cold".into()]));
    assert_eq!((update.patterns, update.protected_clauses), (vec![], vec!["bicycles".into()]));
    let mut messages = update.user_messages;
    messages.sort();
    assert_eq!(messages, ["question 0", "question 1"]);

    let missing = store.submit(&version(reflection, update.prompt_id, "Better about cars.")).await.unwrap();
    assert_eq!(missing, Submit::ClausesMissing { clauses: vec![1] });
    let first = version(reflection, update.prompt_id, "Better about bicycles.");
    let submitted = Submitted {
        new_version: 2,
        previous_version: Some(1),
        change_reason: "Reasons were missing.".to_owned(),
        suggestion_id: None,
    };
    assert_eq!(store.submit(&first).await.unwrap(), Submit::Submitted(submitted.clone()));
    let other = version(reflection, update.prompt_id, "Other.");
    assert_eq!(store.submit(&other).await.unwrap(), Submit::Submitted(submitted.clone()));
    assert_eq!(store.begin_update(reflection).await.unwrap(), BeginUpdate::Submitted(submitted));

    // The next turn is served by the version that was live, and nothing else is written while this one is tested.
    place.chats(world, 1).await;
    let second = place.reflect(&store, Action::PromptUpdate).await;
    let in_proof = BeginUpdate::Skipped { reason: SkipReason::InProof };
    assert_eq!(store.begin_update(second).await.unwrap(), in_proof);
    let elsewhere = store.submit(&version(second, Uuid::max(), "x")).await.unwrap();
    assert_eq!(elsewhere, Submit::Superseded, "a parent that is not live comes before the test");
    let in_proof = Submit::Skipped { reason: SkipReason::InProof };
    assert_eq!(store.submit(&version(second, update.prompt_id, "Best.")).await.unwrap(), in_proof);
    decide(&store, &place, Decision::Reject { what: Proposal::Version(2) }).await;
    let parent = begin_update(&store, second).await;
    assert_eq!(parent, update.prompt_id, "it is written for the version that is still live");
    world.change(place.assistant_id, Change::MaxUpdatesPerDay(1)).await;
    let limited = Submit::Skipped { reason: SkipReason::DailyLimit };
    assert_eq!(store.submit(&version(second, parent, "Best of bicycles.")).await.unwrap(), limited);
    world.change(place.assistant_id, Change::MaxUpdatesPerDay(2)).await;
    let again = store.submit(&version(second, parent, "  better\nABOUT  bicycles. ")).await.unwrap();
    assert_eq!(again, Submit::TriedBefore, "case and white space make no other prompt");
    let submitted = store.submit(&version(second, parent, "Best of bicycles.")).await.unwrap();
    let is_third = |s: &Submitted| (s.new_version, s.previous_version) == (3, Some(1));
    assert!(matches!(&submitted, Submit::Submitted(s) if is_third(s)), "{submitted:?}");

    assert_eq!(store.begin_update(Uuid::max()).await.unwrap(), BeginUpdate::ReflectionNotFound);
    let unknown = store.submit(&version(Uuid::max(), parent, "x")).await.unwrap();
    assert_eq!(unknown, Submit::ReflectionNotFound);
}

pub async fn an_update_can_be_given_up(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    place.chats(world, 1).await;
    let reflection = place.reflect(&store, Action::PromptUpdate).await;
    let parent = begin_update(&store, reflection).await;
    assert!(matches!(store.refuse_update(reflection, "the prompt is empty").await.unwrap(), RefuseUpdate::Ok { .. }));
    assert_eq!(store.refuse_update(reflection, "again").await.unwrap(), RefuseUpdate::Refused);
    assert_eq!(store.begin_update(reflection).await.unwrap(), BeginUpdate::Refused);
    assert_eq!(store.submit(&version(reflection, parent, "x")).await.unwrap(), Submit::Refused);
    assert_eq!(place.reason(&store, &place.request()).await, SkipReason::InsufficientData, "it is owed no more");
    assert_eq!(store.refuse_update(Uuid::max(), "x").await.unwrap(), RefuseUpdate::ReflectionNotFound);

    // So it is by itself, when no version comes of five attempts.
    place.chats(world, 1).await;
    let hopeless = place.reflect(&store, Action::PromptUpdate).await;
    for _ in 0..5 {
        begin_update(&store, hopeless).await;
    }
    assert_eq!(store.begin_update(hopeless).await.unwrap(), BeginUpdate::Refused);
    assert_eq!(place.reason(&store, &place.request()).await, SkipReason::InsufficientData, "nor is this one owed");

    place.chats(world, 1).await;
    let suggestion = place.reflect(&store, Action::Suggestion).await;
    assert_eq!(store.begin_update(suggestion).await.unwrap(), BeginUpdate::NotAnUpdate);
    assert_eq!(store.refuse_update(suggestion, "x").await.unwrap(), RefuseUpdate::NotAnUpdate);
    assert_eq!(store.submit(&version(suggestion, parent, "x")).await.unwrap(), Submit::NotAnUpdate);
}

/// On PGlite and the fake, calls come one after the other; on a real Postgres this is a race.
pub async fn of_many_at_once_one_wins(world: &impl World) {
    const MANY: usize = 12;
    for _ in 0..5 {
        let place = place(world).await;
        let store = world.service();
        place.chats(world, 1).await;

        let requests: Vec<_> = (1..=MANY as u128)
            .map(|i| ClaimRequest { holder: Uuid::from_u128(i), force: true, ..place.request() })
            .collect();
        let claims = join_all(requests.iter().map(|request| place.claim(&store, request))).await;
        let winners = claims.iter().filter(|claimed| claimed.claim.is_some()).count();
        assert_eq!(winners, 1, "one lease, one holder");
        world.wait_hours(1).await;

        let reflection = place.reflect(&store, Action::PromptUpdate).await;
        let parent = begin_update(&store, reflection).await;
        let texts: Vec<_> = (0..MANY).map(|i| format!("Version by writer {i}.")).collect();
        let versions: Vec<_> = texts.iter().map(|text| version(reflection, parent, text)).collect();
        let submitted = join_all(versions.iter().map(|version| store.submit(version))).await;
        for outcome in submitted {
            let outcome = outcome.unwrap();
            assert!(matches!(&outcome, Submit::Submitted(s) if s.new_version == 2), "{outcome:?}");
        }
        decide(&store, &place, Decision::Reject { what: Proposal::Version(2) }).await;

        // Giving up and submitting at once: one of them, and the other says so.
        place.chats(world, 1).await;
        let contested = place.reflect(&store, Action::PromptUpdate).await;
        let parent = begin_update(&store, contested).await;
        let new = version(contested, parent, "Contested.");
        let (submitted, refused) = join(store.submit(&new), store.refuse_update(contested, "too long")).await;
        match (submitted.unwrap(), refused.unwrap()) {
            (Submit::Submitted(Submitted { new_version: 3, .. }), RefuseUpdate::Submitted) => {}
            (Submit::Refused, RefuseUpdate::Ok { .. }) => {}
            both => panic!("both won, or neither: {both:?}"),
        }
    }
}
