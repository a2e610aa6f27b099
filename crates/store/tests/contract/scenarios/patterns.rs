//! Learned patterns in use: what is served, and what is kept of what was shown.

use pawl_store::{
    serving::{Exposure, Pattern, ServingContext},
    turns::{
        BeginTurn, BeginTurns, CompleteTurn, FinishedTurn, Learning, NewTurn, PrepareTurns, Traits, Turn, TurnLedger,
    },
};
use uuid::Uuid;

use super::turns::{LEARNING, begin, failed, finished};
use crate::worlds::{Exchange, World};

fn pattern(id: Uuid, influence: f64, confidence: f64) -> Pattern {
    Pattern {
        id,
        question_type: format!("type-{id}"),
        data_source: None,
        instruction: "Begin with the query.".to_owned(),
        influence,
        confidence,
    }
}

async fn serving(store: &impl TurnLedger, turn: &Turn) -> (i64, Vec<Pattern>) {
    match store.serving_context(turn.prompt_id).await.unwrap() {
        ServingContext::Ok { patterns_revision, patterns, .. } => (patterns_revision, patterns),
        ServingContext::PromptNotFound => panic!("no such version"),
    }
}

pub async fn patterns_are_served_with_the_prompt_under_a_number(world: &impl World) {
    let (organization_id, assistant_id) = world.organization().await;
    let (_, other_assistant) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let service = world.service();
    let turn = NewTurn { message: "x", ..NewTurn::default() };

    let none_yet = begin(&user, turn).await;
    assert_eq!(none_yet.patterns_revision, 0);
    assert_eq!(serving(&service, &none_yet).await, (0, vec![]));

    let [sure, surer, of_sales] = [1, 2, 3].map(|n| Uuid::from_u128(assistant_id.as_u128() ^ n));
    let of_sales = Pattern { data_source: Some("sales".into()), ..pattern(of_sales, 0.2, 0.4) };
    let live = [pattern(sure, 0.5, 0.6), pattern(surer, 0.93, 0.9), of_sales];
    world.learn(assistant_id, &live).await;
    let others = pattern(Uuid::from_u128(assistant_id.as_u128() ^ 4), 0.5, 0.6);
    world.learn(other_assistant, &[others]).await;
    let first = begin(&user, turn).await;
    assert!(first.patterns_revision > 0);
    let [sure, surer, of_sales] = live;
    let set = vec![surer, sure.clone(), of_sales];
    assert_eq!(serving(&service, &first).await, (first.patterns_revision, set), "the surest first, and no other's");
    let for_user = NewTurn { user_id: Some(user_id), ..turn };
    let BeginTurn::Ok(prepared) = service.prepare_turn(&for_user, 150).await.unwrap() else { panic!("refused") };
    assert_eq!(prepared.patterns_revision, first.patterns_revision);

    world.learn(assistant_id, std::slice::from_ref(&sure)).await;
    let next = begin(&user, turn).await;
    assert!(next.patterns_revision > first.patterns_revision);
    assert_eq!(serving(&service, &next).await, (next.patterns_revision, vec![sure]));
}

pub async fn what_is_learned_from_is_kept_with_the_answer(world: &impl World) {
    let (organization_id, assistant_id) = world.organization().await;
    let (_, other_assistant) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let service = world.service();
    let [ours, held_back, ended, others] = [1, 2, 3, 4].map(|n| Uuid::from_u128(assistant_id.as_u128() ^ n));
    world.learn(other_assistant, &[pattern(others, 0.5, 0.6)]).await;
    world.learn(assistant_id, &[pattern(ended, 0.5, 0.6)]).await;
    world.learn(assistant_id, &[pattern(ours, 0.5, 0.6), pattern(held_back, 0.2, 0.6)]).await;

    let stated = ["search".to_owned()];
    let traits = Traits { question_type: Some("how_to"), data_source: Some("sales"), tools: &stated };
    let keyed = NewTurn { message: "x", idempotency_key: Some("k"), ..NewTurn::default() };
    let turn = begin(&user, NewTurn { traits, ..keyed }).await;
    let exposure = |pattern_id, shown, propensity| Exposure { pattern_id, shown, propensity };
    let exposures = [
        exposure(ours, true, 0.5),
        exposure(held_back, false, 0.2),
        exposure(ended, true, 0.5),
        exposure(others, true, 0.5),
        exposure(Uuid::max(), true, 0.5),
    ];
    let learning =
        Learning { response_format: "table", length_class: "medium", answer_characters: 700, exposures: &exposures };
    let used = ["run".to_owned(), "search".to_owned()];
    let answer = FinishedTurn { learning, tools: &used, ..finished(&turn, "| a |") };
    let mut kept = Vec::new();
    for _ in 0..2 {
        let stored = service.complete_turn(&answer).await.unwrap();
        let CompleteTurn::Ok { answer_id } = stored else { panic!("{stored:?}") };
        kept.push(world.exchange(answer_id).await);
    }
    // What ended meanwhile was shown all the same; nobody else's, and nothing made up.
    let mut stored = vec![(ours, true, 0.5), (held_back, false, 0.2), (ended, true, 0.5)];
    stored.sort_by_key(|(id, ..)| *id);
    let expected = Exchange {
        question_type: Some("how_to".into()),
        data_source: Some("sales".into()),
        tools: vec!["run".into(), "search".into()],
        response_format: "table".into(),
        length_class: "medium".into(),
        answer_characters: 700,
        exposures: stored,
    };
    assert_eq!(kept, [expected.clone(), expected], "once, however often it is said");

    // A turn tried again has the traits that its last attempt gave.
    let again = NewTurn { idempotency_key: Some("again"), ..keyed };
    let first = begin(&user, NewTurn { traits, ..again }).await;
    assert!(service.fail_turn(&failed(&first)).await.unwrap());
    let traits = Traits { question_type: Some("data"), ..Traits::default() };
    let second = begin(&user, NewTurn { traits, ..again }).await;
    let answer = FinishedTurn { learning: LEARNING, ..finished(&second, "x") };
    let stored = service.complete_turn(&answer).await.unwrap();
    let CompleteTurn::Ok { answer_id } = stored else { panic!("{stored:?}") };
    let kept = world.exchange(answer_id).await;
    assert_eq!((kept.question_type.as_deref(), kept.data_source, kept.exposures), (Some("data"), None, vec![]));
}

pub async fn what_is_said_of_a_question_is_names(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let (long, blank, many) = ("x".repeat(65), [" ".to_owned()], vec!["t".to_owned(); 51]);
    let cases = [
        Traits { question_type: Some(""), ..Traits::default() },
        Traits { question_type: Some("How to"), ..Traits::default() },
        Traits { question_type: Some("_x"), ..Traits::default() },
        Traits { data_source: Some(&long), ..Traits::default() },
        Traits { tools: &blank, ..Traits::default() },
        Traits { tools: &many, ..Traits::default() },
    ];
    for traits in cases {
        let turn = NewTurn { message: "x", traits, ..NewTurn::default() };
        assert_eq!(user.begin_turn(&turn).await.unwrap(), BeginTurn::TraitsInvalid, "{traits:?}");
    }
}
