//! Versions that are served by a model of their own.

use pawl_store::{
    decisions::Decision,
    reflections::{PromptVersion, SkipReason},
    serving::{Endpoint, ServingContext},
    turns::{BeginTurn, NewTurn, PrepareTurns, Turn, TurnLedger},
};

use super::{
    decisions::decide,
    proof::{draft, in_test, nothing, release, submitted, task},
    reflections::Place,
    turns::begin,
};
use crate::worlds::{Change, World};

const USUAL: &str = "claude-sonnet-5-5";

fn own() -> Endpoint {
    Endpoint { base_url: "https://models.example.com/v7".to_owned(), model: "shop-v7".to_owned() }
}

async fn endpoint(store: &impl TurnLedger, turn: &Turn) -> Option<Endpoint> {
    match store.serving_context(turn.prompt_id).await.unwrap() {
        ServingContext::Ok { endpoint, .. } => endpoint,
        ServingContext::PromptNotFound => panic!("no such version"),
    }
}

pub async fn a_version_is_served_by_its_own_model(world: &impl World) {
    let service = world.service();
    for own in [Some(own()), None] {
        let (organization_id, assistant_id) = world.organization_with(own.clone()).await;
        let (user_id, user) = world.user().await;
        world.add_member(organization_id, user_id, false).await;
        world.change(assistant_id, Change::ChatModel("claude-opus-5-5")).await;
        let turn = begin(&user, NewTurn { message: "x", ..NewTurn::default() }).await;
        let model = own.as_ref().map_or("claude-opus-5-5", |own| own.model.as_str());
        assert_eq!((turn.model.as_str(), &turn.endpoint), (model, &None), "nobody is told where that is");
        assert_eq!(endpoint(&service, &turn).await, own);
        let for_user = NewTurn { message: "x", user_id: Some(user_id), ..NewTurn::default() };
        let BeginTurn::Ok(prepared) = service.prepare_turn(&for_user, 150).await.unwrap() else { panic!("refused") };
        assert_eq!((prepared.model.as_str(), &prepared.endpoint), (model, &own));
    }
}

fn served_by(version: &PromptVersion) -> (&str, Option<&str>) {
    (&version.model, version.base_url.as_deref())
}

pub async fn a_version_is_tested_with_the_model_that_it_takes_over(world: &impl World) {
    let (store, own) = (world.service(), own());
    let at_its_own = (own.model.as_str(), Some(own.base_url.as_str()));
    let (organization_id, assistant_id) = world.organization_with(Some(own.clone())).await;
    world.change(assistant_id, Change::MinConversations(1)).await;
    world.change(assistant_id, Change::ScreeningPairs(20)).await;
    let place = Place { organization_id, assistant_id };
    let (test, _) = submitted(world, &place, 0).await;
    assert_eq!((served_by(&test.candidate), served_by(&test.baseline)), (at_its_own, at_its_own));
    assert_eq!(test.chat_model, own.model);
    // The settings' model is neither's.
    release(&store, &place).await;
    world.change(assistant_id, Change::ChatModel("claude-opus-5-5")).await;
    let still = task(&store, &place).await.test.unwrap();
    assert_eq!((still.test_id, served_by(&still.candidate)), (test.test_id, at_its_own));
    release(&store, &place).await;
    // What a person writes takes it over, too.
    draft(world, &place, "By hand.").await;
    decide(&store, &place, Decision::Activate { version: 3 }).await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let turn = begin(&user, NewTurn { message: "x", ..NewTurn::default() }).await;
    assert_eq!((turn.prompt_version, turn.model.as_str()), (3, own.model.as_str()));
    assert_eq!(endpoint(&store, &turn).await, Some(own));

    // Where there is none, it is the settings' model that both are tested with, and another is another ground.
    let (place, test) = in_test(world, 0).await;
    assert_eq!((served_by(&test.candidate), served_by(&test.baseline)), ((USUAL, None), (USUAL, None)));
    release(&store, &place).await;
    world.change(place.assistant_id, Change::ChatModel("claude-opus-5-5")).await;
    assert_eq!(nothing(&store, &place).await, SkipReason::NothingToProve);
}
