//! Turns tried more than once, turns that may not begin, and what they cost.

use chrono::TimeDelta;
use futures_util::future::{join_all, join3};
use pawl_store::{
    fake::Limits,
    reflections::Reflections,
    turns::{BeginTurn, BeginTurns, CompleteTurn, Limit, NewTurn, PrepareTurns, StoredAnswer, TurnLedger},
    usage::{Purpose, UsageLedger},
};
use uuid::Uuid;

use super::turns::{USAGE, begin, complete, failed, finished};
use crate::worlds::World;

const LEASE: TimeDelta = TimeDelta::seconds(150);

pub async fn a_key_makes_one_turn_of_many_requests(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let service = world.service();
    let keyed = NewTurn { message: "one", idempotency_key: Some("k"), ..NewTurn::default() };

    let first = begin(&user, keyed).await;
    assert_eq!(first.attempt, 1);
    assert_eq!(user.begin_turn(&keyed).await.unwrap(), BeginTurn::InProgress);
    let others = [
        NewTurn { message: "another", ..keyed },
        NewTurn { session_id: Some(Uuid::max()), ..keyed },
        NewTurn { organization_id: Some(Uuid::max()), ..keyed },
        NewTurn { assistant: Some("another"), ..keyed },
    ];
    for other in others {
        assert_eq!(user.begin_turn(&other).await.unwrap(), BeginTurn::KeyReused, "{other:?}");
    }
    // What the first answer told may be said.
    let same = NewTurn {
        session_id: Some(first.session_id),
        organization_id: Some(organization_id),
        assistant: Some("default"),
        ..keyed
    };
    assert_eq!(user.begin_turn(&same).await.unwrap(), BeginTurn::InProgress);

    // Its function died: the lease runs out.
    world.wait(LEASE).await;
    let second = begin(&user, keyed).await;
    assert_eq!((second.attempt, second.turn_id, second.message_id), (2, first.turn_id, first.message_id));
    assert_eq!(service.complete_turn(&finished(&first, "late")).await.unwrap(), CompleteTurn::Superseded);
    assert!(!service.fail_turn(&failed(&first)).await.unwrap(), "an attempt ends its own turn only");

    // Swept up as lost, an answer that turns up after all is stored.
    let swept = begin(&user, NewTurn { message: "swept", ..NewTurn::default() }).await;
    world.wait(LEASE + TimeDelta::seconds(1)).await;
    while service.sweep().await.unwrap() {}
    complete(&service, &swept, "after all").await;
    let silent = begin(&user, NewTurn { message: "silent", ..NewTurn::default() }).await;
    world.wait(LEASE + TimeDelta::seconds(1)).await;
    while service.sweep().await.unwrap() {}
    assert!(service.fail_turn(&failed(&silent)).await.unwrap(), "and so may its reason be told");
    let given_up = begin(&user, NewTurn { message: "given up", ..NewTurn::default() }).await;
    assert!(service.fail_turn(&failed(&given_up)).await.unwrap());
    assert_eq!(service.complete_turn(&finished(&given_up, "late")).await.unwrap(), CompleteTurn::TurnFailed);
    let second = match user.begin_turn(&keyed).await.unwrap() {
        BeginTurn::Ok(turn) => turn,
        otherwise => panic!("not tried again after a sweep: {otherwise:?}"),
    };

    // It fails, and is tried again at once; what was said meanwhile comes after it.
    assert!(service.fail_turn(&failed(&second)).await.unwrap());
    let going_on = NewTurn { message: "two", session_id: Some(first.session_id), ..NewTurn::default() };
    complete(&service, &begin(&user, going_on).await, "answer two").await;
    let third = begin(&user, keyed).await;
    assert_eq!((third.attempt, third.history.len()), (4, 0));
    let answer_id = complete(&service, &third, "answer one").await;

    let stored = StoredAnswer {
        turn_id: third.turn_id,
        session_id: third.session_id,
        message_id: third.message_id,
        answer_id,
        answer: "answer one".into(),
        prompt_version: 1,
        model: "simulated/m".into(),
        stop_reason: Some("end_turn".into()),
        usage: USAGE.into(),
    };
    assert_eq!(user.begin_turn(&keyed).await.unwrap(), BeginTurn::Replayed(stored));

    // A key is its person's, and lives for a day.
    let (other_id, other) = world.user().await;
    world.add_member(organization_id, other_id, false).await;
    assert_ne!(begin(&other, keyed).await.turn_id, first.turn_id);
    world.wait(TimeDelta::hours(24)).await;
    let fresh = begin(&user, keyed).await;
    assert_eq!((fresh.attempt, fresh.turn_id == first.turn_id), (1, false));
}

pub async fn a_backend_prepares_a_turn_and_ends_it(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let service = world.service();
    assert_eq!(begin(&user, NewTurn { message: "mine", ..NewTurn::default() }).await.system_prompt, None);

    let new = NewTurn { message: "one", user_id: Some(user_id), idempotency_key: Some("p"), ..NewTurn::default() };
    let BeginTurn::Ok(turn) = service.prepare_turn(&new, 150).await.unwrap() else { panic!("the turn was refused") };
    assert_eq!(turn.system_prompt.as_deref(), Some("You answer questions about bicycles."));
    assert_eq!(service.prepare_turn(&new, 150).await.unwrap(), BeginTurn::InProgress);
    let long = NewTurn { idempotency_key: Some("long"), ..new };
    assert!(matches!(service.prepare_turn(&long, 600).await.unwrap(), BeginTurn::Ok(_)));
    world.wait(TimeDelta::seconds(599)).await;
    assert_eq!(service.prepare_turn(&long, 150).await.unwrap(), BeginTurn::InProgress, "its lease is longer");

    let tools = ["search".to_owned()];
    // An answer after the lease counts, as long as nobody has begun another attempt.
    let mut answer = finished(&turn, "by another model");
    (answer.prompt_id, answer.stop_reason, answer.latency_ms, answer.tools) = (None, None, None, &tools);
    assert!(matches!(service.complete_turn(&answer).await.unwrap(), CompleteTurn::Ok { .. }));
    let BeginTurn::Replayed(stored) = service.prepare_turn(&new, 150).await.unwrap() else { panic!("not replayed") };
    assert_eq!((stored.answer.as_str(), stored.stop_reason, stored.prompt_version), ("by another model", None, 1));
}

pub async fn limits_hold_a_person_and_an_organisation(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    let (other_id, other) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    world.add_member(organization_id, other_id, false).await;
    let turn = NewTurn { message: "x", ..NewTurn::default() };
    let limits = Limits { user_requests_per_minute: 2, organization_requests_per_minute: 3, ..Limits::default() };
    world.limit(organization_id, limits).await;

    begin(&user, turn).await;
    world.wait(TimeDelta::seconds(30)).await;
    begin(&user, turn).await;
    let (limit, wait) = limited(&user, turn).await;
    assert!(limit == Limit::UserRequests && (25..=30).contains(&wait), "{limit:?} {wait}");
    // Nobody uses up another's, but all together use up the organisation's.
    begin(&other, turn).await;
    let (limit, wait) = limited(&other, turn).await;
    assert!(limit == Limit::OrganizationRequests && (25..=30).contains(&wait), "{limit:?} {wait}");
    world.wait(TimeDelta::seconds(30)).await;
    begin(&other, turn).await;

    world.wait(TimeDelta::minutes(1)).await;
    let limits = Limits { user_tokens_per_day: 10, ..Limits::default() };
    world.limit(organization_id, limits).await;
    let last = begin(&user, turn).await;
    complete(&world.service(), &last, "ten tokens").await;
    assert_eq!(limited(&user, turn).await.0, Limit::UserTokens);
    begin(&other, turn).await;
    world.limit(organization_id, Limits { organization_tokens_per_day: 10, ..Limits::default() }).await;
    assert_eq!(limited(&other, turn).await.0, Limit::OrganizationTokens);
    world.limit(organization_id, Limits { organization_tokens_per_day: 11, ..Limits::default() }).await;
    begin(&other, turn).await;
}

async fn limited(store: &impl BeginTurns, turn: NewTurn<'_>) -> (Limit, u32) {
    match store.begin_turn(&turn).await.unwrap() {
        BeginTurn::Limited { limit, retry_after } => (limit, retry_after),
        begun => panic!("the turn was not limited: {begun:?}"),
    }
}

pub async fn what_judging_and_writing_cost_is_counted(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let turn = begin(&user, NewTurn { message: "x", ..NewTurn::default() }).await;
    let service = world.service();
    for purpose in [Purpose::Judge, Purpose::Rewrite] {
        service.record_usage(turn.prompt_id, purpose, "m", USAGE).await.unwrap();
    }
    // Not against the chats' budget.
    world.limit(organization_id, Limits { organization_tokens_per_day: 1, ..Limits::default() }).await;
    begin(&user, NewTurn { message: "x", ..NewTurn::default() }).await;
    // A version that is gone has no bill.
    service.record_usage(Uuid::max(), Purpose::Judge, "m", USAGE).await.unwrap();
}

/// Only on a server with more than one connection can this go wrong.
pub async fn of_many_requests_at_once_none_slips_through(world: &impl World) {
    const MANY: usize = 12;
    for _ in 0..5 {
        let (organization_id, _) = world.organization().await;
        let (user_id, user) = world.user().await;
        world.add_member(organization_id, user_id, false).await;

        let keyed = NewTurn { message: "x", idempotency_key: Some("k"), ..NewTurn::default() };
        let begun = join_all((0..MANY).map(|_| user.begin_turn(&keyed))).await;
        let begun: Vec<_> = begun.into_iter().map(Result::unwrap).collect();
        let (first, others): (Vec<_>, Vec<_>) = begun.iter().partition(|outcome| matches!(outcome, BeginTurn::Ok(_)));
        assert_eq!(first.len(), 1, "one key, one turn");
        assert!(others.iter().all(|outcome| **outcome == BeginTurn::InProgress), "{others:?}");

        // The lease runs out under all of them.
        world.wait(LEASE).await;
        let again = join_all((0..MANY).map(|_| user.begin_turn(&keyed))).await;
        let again: Vec<_> = again.iter().filter(|outcome| matches!(outcome, Ok(BeginTurn::Ok(_)))).collect();
        assert_eq!(again.len(), 1, "one attempt at a time");

        world.wait(TimeDelta::minutes(1)).await;
        world.limit(organization_id, Limits { user_requests_per_minute: 4, ..Limits::default() }).await;
        let turn = NewTurn { message: "x", ..NewTurn::default() };
        let begun = join_all((0..MANY).map(|_| user.begin_turn(&turn))).await;
        assert_eq!(begun.iter().filter(|outcome| matches!(outcome, Ok(BeginTurn::Ok(_)))).count(), 4);

        // Two answers to one attempt, and a failure beside them: one of the three is what happened.
        world.limit(organization_id, Limits::default()).await;
        let turn = begin(&user, turn).await;
        let service = world.service();
        let (one, other) = (finished(&turn, "one"), finished(&turn, "other"));
        let gave_up = failed(&turn);
        let (one, other, failed) =
            join3(service.complete_turn(&one), service.complete_turn(&other), service.fail_turn(&gave_up)).await;
        match (one.unwrap(), other.unwrap(), failed.unwrap()) {
            (CompleteTurn::Ok { answer_id: one }, CompleteTurn::Ok { answer_id: other }, false) => {
                assert_eq!(one, other)
            }
            (CompleteTurn::TurnFailed, CompleteTurn::TurnFailed, true) => {}
            all => panic!("more than one of them won: {all:?}"),
        }
    }
}
