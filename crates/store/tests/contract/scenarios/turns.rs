//! Turns, and who may do what.

use pawl_core::{conversation::Exchange, usage::Usage};
use pawl_store::{
    StoreError,
    prompts::Prompts,
    reflections::{ClaimRequest, Reflections},
    serving::ServingContext,
    turns::{
        BeginTurn, BeginTurns, CompleteTurn, FailedTurn, FinishedTurn, Learning, NewTurn, PrepareTurns, Turn,
        TurnLedger,
    },
    usage::{Purpose, UsageLedger},
};
use uuid::Uuid;

use super::HOLDER;
use crate::worlds::World;

pub async fn begin(store: &impl BeginTurns, turn: NewTurn<'_>) -> Turn {
    match store.begin_turn(&turn).await.unwrap() {
        BeginTurn::Ok(turn) => turn,
        refused => panic!("the turn was refused: {refused:?}"),
    }
}

/// A turn given up.
pub fn failed(turn: &Turn) -> FailedTurn<'_> {
    let (turn_id, attempt) = (turn.turn_id, turn.attempt);
    FailedTurn { turn_id, attempt, error_code: "model_timeout", model: None, usage: Usage::default() }
}

pub const USAGE: Usage =
    Usage { input_tokens: 3, output_tokens: 2, cache_read_input_tokens: 4, cache_creation_input_tokens: 1 };

pub fn finished<'a>(turn: &Turn, answer: &'a str) -> FinishedTurn<'a> {
    FinishedTurn {
        turn_id: turn.turn_id,
        attempt: turn.attempt,
        prompt_id: Some(turn.prompt_id),
        answer,
        model: "simulated/m",
        stop_reason: Some("end_turn"),
        usage: USAGE,
        latency_ms: Some(1),
        tools: &[],
        learning: LEARNING,
    }
}

pub const LEARNING: Learning<'_> =
    Learning { response_format: "prose", length_class: "short", answer_characters: 10, exposures: &[] };

pub async fn complete(store: &impl TurnLedger, turn: &Turn, answer: &str) -> Uuid {
    match store.complete_turn(&finished(turn, answer)).await.unwrap() {
        CompleteTurn::Ok { answer_id } => answer_id,
        refused => panic!("the turn was not completed: {refused:?}"),
    }
}

pub async fn a_turn_is_stored_answered_and_remembered(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let service = world.service();

    let first = begin(&user, NewTurn { message: "one", ..NewTurn::default() }).await;
    assert_eq!((first.prompt_version, first.history.len()), (1, 0));
    assert_eq!(
        (first.model.as_str(), first.max_answer_tokens, first.history_token_budget),
        ("claude-sonnet-5-5", 4096, 8000)
    );
    let ServingContext::Ok { version, content, .. } = service.serving_context(first.prompt_id).await.unwrap() else {
        panic!("no text")
    };
    assert_eq!((version, content.as_str()), (1, "You answer questions about bicycles."));
    assert_eq!(service.serving_context(Uuid::max()).await.unwrap(), ServingContext::PromptNotFound);

    let answer_id = complete(&service, &first, "answer one").await;
    assert_eq!(complete(&service, &first, "another answer").await, answer_id, "a turn is completed once");

    let going_on = NewTurn { message: "lost", session_id: Some(first.session_id), ..NewTurn::default() };
    let lost = begin(&user, going_on).await;
    assert!(service.fail_turn(&failed(&lost)).await.unwrap());
    assert!(!service.fail_turn(&failed(&lost)).await.unwrap(), "a turn is given up once");
    assert_eq!(service.complete_turn(&finished(&lost, "late")).await.unwrap(), CompleteTurn::TurnFailed);
    let unknown = Turn { turn_id: Uuid::max(), ..lost };
    assert_eq!(service.complete_turn(&finished(&unknown, "x")).await.unwrap(), CompleteTurn::TurnNotFound);

    let third = begin(&user, NewTurn { message: "two", ..going_on }).await;
    assert_eq!(third.session_id, first.session_id);
    let remembered = Exchange { user_message: "one".into(), answer: "answer one".into() };
    assert_eq!(third.history, [remembered], "only answered turns are history");

    // A backend goes on with the person's session.
    let for_user = NewTurn { user_id: Some(user_id), ..going_on };
    assert_eq!(begin(&service, for_user).await.session_id, first.session_id);
}

pub async fn any_text_comes_back_as_it_was(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let texts =
        ["\"quotes\" \\ back\\slash {\"a\": [1]}", "línea\r\n\ttab 🦀 \u{202e}rtl 漢字", "'; drop table x; -- $1 %s"];
    let mut session_id = None;
    for text in texts {
        let turn = begin(&user, NewTurn { message: text, session_id, ..NewTurn::default() }).await;
        complete(&world.service(), &turn, &format!("<{text}>")).await;
        session_id = Some(turn.session_id);
    }
    let last = begin(&user, NewTurn { message: "and?", session_id, ..NewTurn::default() }).await;
    let expected = texts.map(|text| Exchange { user_message: text.into(), answer: format!("<{text}>") });
    assert_eq!(last.history, expected);
}

pub async fn a_refused_turn_has_its_reason(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (other_organization, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let (stranger_id, stranger) = world.user().await;
    world.add_member(other_organization, stranger_id, false).await;
    let theirs = begin(&stranger, NewTurn { message: "x", ..NewTurn::default() }).await.session_id;

    let turn = NewTurn { message: "x", ..NewTurn::default() };
    let too_long = "é".repeat(16 * 1024) + "x";
    let cases = [
        (NewTurn { message: "", ..turn }, BeginTurn::MessageEmpty),
        (NewTurn { message: " \n\t", ..turn }, BeginTurn::MessageEmpty),
        (NewTurn { message: &too_long, ..turn }, BeginTurn::MessageTooLong),
        (NewTurn { session_id: Some(theirs), ..turn }, BeginTurn::SessionNotFound),
        (NewTurn { session_id: Some(Uuid::max()), ..turn }, BeginTurn::SessionNotFound),
        (NewTurn { assistant: Some("nobody"), ..turn }, BeginTurn::AssistantNotFound),
        (NewTurn { organization_id: Some(other_organization), ..turn }, BeginTurn::OrganizationNotFound),
        (NewTurn { user_id: Some(user_id), ..turn }, BeginTurn::UserNotAllowed),
    ];
    for (turn, expected) in cases {
        assert_eq!(user.begin_turn(&turn).await.unwrap(), expected);
    }
    assert_eq!(world.service().begin_turn(&turn).await.unwrap(), BeginTurn::UserRequired);
    world.add_member(other_organization, user_id, false).await;
    assert_eq!(user.begin_turn(&turn).await.unwrap(), BeginTurn::OrganizationRequired);
    let chosen = NewTurn { organization_id: Some(organization_id), ..turn };
    let session_id = begin(&user, chosen).await.session_id;
    // The session says which organisation is meant.
    begin(&user, NewTurn { session_id: Some(session_id), ..turn }).await;
    let at_the_limit = "é".repeat(16 * 1024);
    begin(&user, NewTurn { message: &at_the_limit, ..chosen }).await;
}

pub async fn rights_are_the_databases(world: &impl World) {
    let turn = NewTurn { message: "x", ..NewTurn::default() };
    assert_eq!(world.nobody().begin_turn(&turn).await, Err(StoreError::Unauthenticated));
    let (_, user) = world.user().await;
    let claim = ClaimRequest { holder: HOLDER, lease_seconds: 160, ..ClaimRequest::default() };
    let (turn_id, usage) = (Uuid::max(), Usage::default());
    let nothing = FailedTurn { turn_id, attempt: 1, error_code: "x", model: None, usage };
    for (store, refusal) in [(world.nobody(), StoreError::Unauthenticated), (user, StoreError::Forbidden)] {
        assert_eq!(store.serving_context(Uuid::max()).await, Err(refusal.clone()));
        assert_eq!(store.fail_turn(&nothing).await, Err(refusal.clone()));
        assert_eq!(store.prepare_turn(&turn, 150).await, Err(refusal.clone()));
        assert_eq!(store.record_usage(Uuid::max(), Purpose::Judge, "m", usage).await, Err(refusal.clone()));
        assert_eq!(store.claim(&claim, None).await, Err(refusal.clone()));
        assert_eq!(store.release(HOLDER, Uuid::max()).await, Err(refusal.clone()));
        assert_eq!(store.begin_update(Uuid::max()).await, Err(refusal.clone()));
        assert_eq!(store.refuse_update(Uuid::max(), "x").await, Err(refusal));
    }
}
