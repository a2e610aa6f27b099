//! How people react to answers.

use chrono::TimeDelta;
use futures_util::future::join_all;
use pawl_store::{
    StoreError,
    feedback::{CollectFeedback, FeedbackLedger, Reaction, Refusal, Refused, Signal, Source},
    turns::{BeginTurns, NewTurn},
};
use serde_json::{Map, json};
use uuid::Uuid;

use super::turns::{begin, complete};
use crate::worlds::{Kept, World};

fn to(message_id: Uuid, signal: Signal) -> Reaction {
    Reaction { index: 0, message_id, signal, value: None, comment: None, metadata: None, source: Source::User }
}

fn rated(message_id: Uuid, value: f64, source: Source) -> Reaction {
    Reaction { value: Some(value), source, ..to(message_id, Signal::Rating) }
}

fn ok(stored: u32, unchanged: u32) -> CollectFeedback {
    CollectFeedback::Ok { stored, unchanged, errors: Vec::new() }
}

/// As a row that counts, or counted.
fn kept(reaction: &Reaction, superseded: bool) -> Kept {
    Kept { signal: reaction.signal, source: reaction.source, value: reaction.value, superseded }
}

async fn member_of(world: &impl World, organization_id: Uuid) -> (Uuid, impl BeginTurns + FeedbackLedger) {
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    (user_id, user)
}

async fn answer(world: &impl World, user: &impl BeginTurns, session_id: Option<Uuid>) -> (Uuid, Uuid) {
    let turn = begin(user, NewTurn { message: "How?", session_id, ..NewTurn::default() }).await;
    (complete(&world.service(), &turn, "So.").await, turn.session_id)
}

pub async fn a_reaction_is_stored_once_and_a_changed_one_takes_its_place(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (_, user) = member_of(world, organization_id).await;
    let (message_id, _) = answer(world, &user, None).await;
    let (up, down) = (to(message_id, Signal::ThumbsUp), to(message_id, Signal::ThumbsDown));

    assert_eq!(user.collect_feedback(std::slice::from_ref(&up), None).await.unwrap(), ok(1, 0));
    assert_eq!(user.collect_feedback(std::slice::from_ref(&up), None).await.unwrap(), ok(0, 1));
    assert_eq!(user.collect_feedback(std::slice::from_ref(&down), None).await.unwrap(), ok(1, 0));
    assert_eq!(world.reactions_to(message_id).await, [kept(&up, true), kept(&down, false)]);

    // Words and what an app keeps belong to it: others are another reaction.
    let said = Reaction { comment: Some("Too \"long\" 漢字\n".into()), ..down.clone() };
    let metadata: Map<_, _> = json!({"a": {"b": [1, 2.5, null]}, "c": "d"}).as_object().cloned().unwrap();
    let noted = Reaction { metadata: Some(metadata), ..said.clone() };
    for changed in [&said, &noted] {
        assert_eq!(user.collect_feedback(std::slice::from_ref(changed), None).await.unwrap(), ok(1, 0));
        assert_eq!(user.collect_feedback(std::slice::from_ref(changed), None).await.unwrap(), ok(0, 1));
    }

    // Kinds do not take each other's place, nor do sources.
    let others = [
        to(message_id, Signal::Copy),
        to(message_id, Signal::FollowUp),
        Reaction { value: Some(61.5), ..to(message_id, Signal::DwellTime) },
        rated(message_id, 1.0 / 3.0, Source::User),
    ];
    assert_eq!(user.collect_feedback(&others, None).await.unwrap(), ok(4, 0));
    assert_eq!(user.collect_feedback(&others, None).await.unwrap(), ok(0, 4));
    let longer = Reaction { value: Some(62.0), ..others[2].clone() };
    assert_eq!(user.collect_feedback(std::slice::from_ref(&longer), None).await.unwrap(), ok(1, 0));
    let rows = world.reactions_to(message_id).await;
    assert_eq!(rows.iter().filter(|row| !row.superseded).count(), 5);
    assert_eq!(rows.len(), 9);
    assert_eq!(rows.iter().find(|row| row.signal == Signal::Rating).unwrap().value, Some(0.333333));
}

pub async fn of_many_reactions_the_later_win_and_the_bad_are_named(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (_, user) = member_of(world, organization_id).await;
    let (message_id, _) = answer(world, &user, None).await;
    let (_, stranger) = member_of(world, organization_id).await;
    let (theirs, _) = answer(world, &stranger, None).await;

    let mut reactions = vec![
        to(message_id, Signal::ThumbsUp),
        to(theirs, Signal::ThumbsUp),
        to(message_id, Signal::ThumbsDown),
        rated(message_id, 1.0, Source::LlmJudge),
        to(Uuid::max(), Signal::Copy),
        to(message_id, Signal::ThumbsDown),
        to(message_id, Signal::ThumbsUp),
    ];
    for (place, reaction) in reactions.iter_mut().enumerate() {
        // Not its place in the list: those before it may have been left out.
        reaction.index = 10 + place;
    }
    let refused = |index, code| Refused { index, code };
    let errors = vec![
        refused(11, Refusal::MessageNotFound),
        refused(13, Refusal::SourceNotAllowed),
        refused(14, Refusal::MessageNotFound),
    ];
    let expected = CollectFeedback::Ok { stored: 3, unchanged: 1, errors };
    assert_eq!(user.collect_feedback(&reactions, None).await.unwrap(), expected);
    let [up, down] = [Signal::ThumbsUp, Signal::ThumbsDown].map(|signal| to(message_id, signal));
    assert_eq!(world.reactions_to(message_id).await, [kept(&up, true), kept(&down, true), kept(&up, false)]);
    assert_eq!(world.reactions_to(theirs).await, []);

    let hundred: Vec<_> = (0..100).map(|index| Reaction { index, ..to(message_id, Signal::Copy) }).collect();
    assert_eq!(user.collect_feedback(&hundred, None).await.unwrap(), ok(1, 99));
}

pub async fn nobody_changes_their_mind_without_end(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (_, user) = member_of(world, organization_id).await;
    let (message_id, _) = answer(world, &user, None).await;
    let turning: Vec<_> = (0..100)
        .map(|index| {
            let signal = if index % 2 == 0 { Signal::ThumbsUp } else { Signal::ThumbsDown };
            Reaction { index, ..to(message_id, signal) }
        })
        .collect();
    assert_eq!(user.collect_feedback(&turning, None).await.unwrap(), ok(100, 0));
    assert_eq!(user.collect_feedback(&turning[99..], None).await.unwrap(), ok(0, 1));
    let errors = vec![Refused { index: 0, code: Refusal::TooManyChanges }];
    let expected = CollectFeedback::Ok { stored: 0, unchanged: 0, errors };
    assert_eq!(user.collect_feedback(&turning[..1], None).await.unwrap(), expected);
    let current: Vec<_> = world.reactions_to(message_id).await.into_iter().filter(|row| !row.superseded).collect();
    assert_eq!(current, [kept(&turning[99], false)]);
}

pub async fn a_backend_reacts_for_a_person(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = member_of(world, organization_id).await;
    let (other_id, _) = member_of(world, organization_id).await;
    let (message_id, _) = answer(world, &user, None).await;
    let service = world.service();
    let all = [Source::User, Source::Automated, Source::LlmJudge].map(|source| rated(message_id, 0.5, source));

    let refused = user.collect_feedback(&all, Some(user_id)).await.unwrap();
    assert_eq!(refused, CollectFeedback::UserNotAllowed);
    assert_eq!(service.collect_feedback(&all, None).await.unwrap(), CollectFeedback::UserRequired);
    assert_eq!(world.nobody().collect_feedback(&all, None).await, Err(StoreError::Unauthenticated));
    let not_found = Refused { index: 0, code: Refusal::MessageNotFound };
    for stranger in [other_id, Uuid::max()] {
        let outcome = service.collect_feedback(&all, Some(stranger)).await.unwrap();
        assert_eq!(outcome, CollectFeedback::Ok { stored: 0, unchanged: 0, errors: vec![not_found; 3] });
    }
    assert_eq!(world.reactions_to(message_id).await, []);

    assert_eq!(service.collect_feedback(&all, Some(user_id)).await.unwrap(), ok(3, 0));
    assert_eq!(user.collect_feedback(&all[..1], None).await.unwrap(), ok(0, 1), "it is the person's own");
    assert_eq!(world.reactions_to(message_id).await, all.map(|one| kept(&one, false)));
}

pub async fn who_asks_again_at_once_has_reacted(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (_, user) = member_of(world, organization_id).await;
    let follow_up = Kept { signal: Signal::FollowUp, source: Source::Automated, value: None, superseded: false };

    let (first, session_id) = answer(world, &user, None).await;
    world.wait(TimeDelta::seconds(25)).await;
    let (second, _) = answer(world, &user, Some(session_id)).await;
    assert_eq!(world.reactions_to(first).await, [follow_up]);

    world.wait(TimeDelta::seconds(31)).await;
    let (third, _) = answer(world, &user, Some(session_id)).await;
    assert_eq!(world.reactions_to(second).await, [], "it took its time");

    // Another conversation says nothing about this one.
    answer(world, &user, None).await;
    assert_eq!(world.reactions_to(third).await, []);
}

pub async fn of_many_clicks_at_once_one_counts(world: &impl World) {
    const MANY: usize = 12;
    let (organization_id, _) = world.organization().await;
    let (_, user) = member_of(world, organization_id).await;
    for _ in 0..5 {
        let (message_id, _) = answer(world, &user, None).await;
        let click = [to(message_id, Signal::Copy)];
        let outcomes = join_all((0..MANY).map(|_| user.collect_feedback(&click, None))).await;
        let stored = outcomes.iter().filter(|outcome| **outcome == Ok(ok(1, 0))).count();
        let unchanged = outcomes.iter().filter(|outcome| **outcome == Ok(ok(0, 1))).count();
        assert_eq!((stored, unchanged), (1, MANY - 1), "{outcomes:?}");

        let thumbs = [to(message_id, Signal::ThumbsUp), to(message_id, Signal::ThumbsDown)];
        let outcomes = join_all((0..MANY).map(|n| user.collect_feedback(&thumbs[n % 2..=n % 2], None))).await;
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Ok(CollectFeedback::Ok { errors, .. }) if errors.is_empty()))
        );
        let rows = world.reactions_to(message_id).await;
        let current = rows.iter().filter(|row| row.signal != Signal::Copy && !row.superseded);
        assert_eq!(current.count(), 1, "{rows:?}");
    }
}
