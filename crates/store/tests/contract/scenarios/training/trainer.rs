//! The trainer, and what becomes of its model.

use chrono::TimeDelta;
use pawl_store::{
    StoreError,
    decisions::Decision,
    runs::Runs,
    serving::{Endpoint, ServingContext},
    training::{
        Callback, ClaimDelivery, Delivery, DeliveryState, ModelVersion, OpenModelTest, RecordDelivery, SeenDataset,
        Split, Status, Training, TrainingCallback,
    },
    turns::{NewTurn, TurnLedger},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    RIVAL, claim,
    dataset::{claim_version, filters, manifest, opened, page, part, rows},
    stock,
};
use crate::{
    scenarios::{HOLDER, decisions::decide, proof, reflections::Place, turns::begin},
    worlds::{Change, World},
};

const PATHS: [&str; 2] = ["p/train-1", "p/held-out-1"];

fn sha() -> String {
    "ab".repeat(32)
}

/// A version whose dataset is whole.
async fn sealed(world: &impl World) -> (Place, ModelVersion) {
    let (place, _) = rows(world, 2, 0).await;
    let (store, sha) = (world.service(), sha());
    let version = opened(&store, &place, filters()).await;
    assert_eq!(store.claim_delivery(HOLDER, version.id).await.unwrap(), ClaimDelivery::NotReady);
    let (rows, ..) = page(&store, &version, None, 10).await;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let parts = [part(1, Split::Train, PATHS[0], &sha, &ids[..1]), part(1, Split::HeldOut, PATHS[1], &sha, &ids[1..])];
    store.record_parts(HOLDER, version.id, ids[1], &parts).await.unwrap();
    store.seal_dataset(HOLDER, version.id, &manifest(2), &sha).await.unwrap();
    let version = claim_version(&store, &place).await;
    (place, version)
}

/// An attempt, begun under a lease of its own.
async fn told(store: &impl Training, place: &Place, version: &ModelVersion) -> Delivery {
    store.release_training(HOLDER, place.assistant_id).await.unwrap();
    claim(store, place).await;
    match store.claim_delivery(HOLDER, version.id).await.unwrap() {
        ClaimDelivery::Ok(delivery) => *delivery,
        otherwise => panic!("no attempt is due: {otherwise:?}"),
    }
}

pub async fn a_trainer_is_told_once(world: &impl World) {
    let (place, version) = sealed(world).await;
    let store = world.service();
    assert_eq!(store.claim_delivery(RIVAL, version.id).await.unwrap(), ClaimDelivery::LeaseLost);
    assert_eq!(store.claim_delivery(HOLDER, Uuid::max()).await.unwrap(), ClaimDelivery::LeaseLost);
    let first = told(&store, &place, &version).await;
    assert_eq!((first.attempt, first.version.id, first.model_name.as_str()), (1, version.id, "default"));
    assert_eq!(first.webhook_id, format!("msg_{}", version.id.simple()));
    assert_eq!((first.version.version.as_str(), first.version.status), ("v1", Status::Pending));
    assert_eq!((first.samples, &first.manifest, first.manifest_sha256), (2, &manifest(2), sha()));

    // Whoever dies with it is followed by another, later.
    let due = store.claim_delivery(HOLDER, version.id).await.unwrap();
    assert!(matches!(due, ClaimDelivery::NotDue { .. }), "{due:?}");
    world.wait(TimeDelta::minutes(11)).await;
    let second = told(&store, &place, &version).await;
    assert_eq!((second.attempt, &second.webhook_id), (2, &first.webhook_id));
    let record =
        async |attempt, status, error| store.record_delivery(&first.webhook_id, attempt, status, error).await.unwrap();
    assert_eq!(record(1, Some(204), None).await, RecordDelivery::Superseded);
    let waiting = RecordDelivery::Ok { state: DeliveryState::Waiting };
    assert_eq!(record(2, Some(503), None).await, waiting);
    world.wait(TimeDelta::minutes(4)).await;
    let due = store.claim_delivery(HOLDER, version.id).await.unwrap();
    assert!(matches!(due, ClaimDelivery::NotDue { .. }), "five minutes after the second: {due:?}");
    world.wait(TimeDelta::minutes(2)).await;
    let third = told(&store, &place, &version).await;
    assert_eq!(third.attempt, 3);
    for _ in 0..2 {
        let delivered = RecordDelivery::Ok { state: DeliveryState::Delivered };
        assert_eq!(record(3, Some(204), None).await, delivered);
    }
    assert_eq!(store.claim_delivery(HOLDER, version.id).await.unwrap(), ClaimDelivery::Delivered);
    assert_eq!(claim_version(&store, &place).await.status, Status::Training);
    let unknown = store.record_delivery("msg_0", 1, Some(204), None).await.unwrap();
    assert_eq!(unknown, RecordDelivery::NotFound);
}

/// An attempt that Storage held up is none.
pub async fn a_trainer_that_could_not_be_asked_is_asked_again(world: &impl World) {
    let store = world.service();
    let (place, version) = sealed(world).await;
    let waiting = RecordDelivery::Ok { state: DeliveryState::Waiting };
    for _ in 0..9 {
        let one = told(&store, &place, &version).await;
        assert_eq!(one.attempt, 1);
        let came = store.record_delivery(&one.webhook_id, 1, None, Some("storage_unavailable")).await.unwrap();
        assert_eq!(came, waiting);
        let due = store.claim_delivery(HOLDER, version.id).await.unwrap();
        assert!(matches!(due, ClaimDelivery::NotDue { .. }), "{due:?}");
        world.wait(TimeDelta::minutes(2)).await;
    }
    let one = told(&store, &place, &version).await;
    assert_eq!(store.record_delivery(&one.webhook_id, 1, None, Some("webhook_unreachable")).await.unwrap(), waiting);
    world.wait(TimeDelta::minutes(9)).await;
    let due = store.claim_delivery(HOLDER, version.id).await.unwrap();
    assert!(matches!(due, ClaimDelivery::NotDue { .. }), "it may have heard: {due:?}");
    world.wait(TimeDelta::minutes(2)).await;
    assert_eq!(told(&store, &place, &version).await.attempt, 2);
}

pub async fn a_trainer_that_does_not_listen_is_given_up(world: &impl World) {
    let store = world.service();
    let given_up = RecordDelivery::Ok { state: DeliveryState::GivenUp };
    let (place, version) = sealed(world).await;
    let once = told(&store, &place, &version).await;
    let gone = store.record_delivery(&once.webhook_id, 1, Some(410), None).await.unwrap();
    assert_eq!(gone, given_up, "it wants nothing more");
    assert_eq!(store.claim_delivery(HOLDER, version.id).await.unwrap(), ClaimDelivery::GivenUp);
    assert!(!stock(&store, &place, 0.0).await.unfinished, "another may be begun");

    let (place, version) = sealed(world).await;
    for attempt in 1..=8 {
        let one = told(&store, &place, &version).await;
        assert_eq!(one.attempt, attempt);
        let came = store.record_delivery(&one.webhook_id, attempt, None, Some("connection")).await.unwrap();
        if attempt == 8 {
            assert_eq!(came, given_up);
        } else {
            assert_eq!(came, RecordDelivery::Ok { state: DeliveryState::Waiting });
        }
        world.wait_hours(25).await;
    }
    claim(&store, &place).await;
    assert_eq!(store.claim_delivery(HOLDER, version.id).await.unwrap(), ClaimDelivery::GivenUp);
    let late = store.training_callback(&callback("late", version.id, "accepted", &Value::Null)).await.unwrap();
    assert_eq!(late, TrainingCallback::NotTraining { status: Status::Failed });
}

fn callback<'a>(callback_id: &'a str, id: Uuid, status: &'a str, metrics: &'a Value) -> Callback<'a> {
    Callback {
        callback_id,
        model_version_id: id,
        status,
        metrics,
        dataset: None,
        base_url: None,
        model: None,
        error: None,
    }
}

/// What a trainer says when all went well.
fn succeeded<'a>(callback_id: &'a str, id: Uuid, sha: &'a str, metrics: &'a Value) -> Callback<'a> {
    let parts = PATHS.map(|path| (path, sha)).to_vec();
    Callback {
        dataset: Some(SeenDataset { manifest_sha256: sha, parts }),
        base_url: Some("https://models.example"),
        model: Some("tuned-1"),
        ..callback(callback_id, id, "succeeded", metrics)
    }
}

pub async fn a_trainer_answers_for_its_dataset(world: &impl World) {
    let (place, version) = sealed(world).await;
    let (store, sha, other) = (world.service(), sha(), "cd".repeat(32));
    let named = |name: &str| format!("{name}-{}", version.id);
    let ids = ["a", "b", "c", "d"].map(named);
    let metrics = json!({"eval_loss": 1.25, "accuracy": 0.9});
    let answered = async |callback: &Callback<'_>| store.training_callback(callback).await.unwrap();
    let good = succeeded(&ids[0], version.id, &sha, &metrics);

    let unknown = Callback { model_version_id: Uuid::max(), ..good.clone() };
    assert_eq!(answered(&unknown).await, TrainingCallback::VersionNotFound);
    let changed = |part: &str| TrainingCallback::DatasetChanged { part: part.to_owned() };
    let missing = |part: &str| TrainingCallback::PartMissing { part: part.to_owned() };
    let of = |manifest_sha256, parts: &[(&'static str, &'static str)]| {
        Some(SeenDataset { manifest_sha256, parts: parts.to_vec() })
    };
    let (sha_of_part, other_of_part): (&'static str, &'static str) =
        (Box::leak(sha.clone().into_boxed_str()), Box::leak(other.clone().into_boxed_str()));
    let [one, two] = PATHS;
    let whole = [(one, sha_of_part), (two, sha_of_part)];
    let cases = [
        (None, missing("manifest")),
        (of(&other, &whole), changed("manifest")),
        (of(&sha, &whole[..1]), missing(two)),
        (of(&sha, &[(one, other_of_part), (two, sha_of_part)]), changed(one)),
        (of(&sha, &[whole[0], whole[1], ("p/train-9", sha_of_part)]), changed("p/train-9")),
    ];
    for (dataset, expected) in cases {
        assert_eq!(answered(&Callback { dataset, ..good.clone() }).await, expected);
    }
    assert_eq!(answered(&Callback { model: None, ..good.clone() }).await, TrainingCallback::ModelMissing);
    assert_eq!(claim_version(&store, &place).await.status, Status::Pending, "nothing has changed");

    // It may answer before it is on record that it was told; who answers was told.
    let accepted = callback(&ids[1], version.id, "accepted", &Value::Null);
    let stored = answered(&accepted).await;
    let TrainingCallback::Ok { status: Status::Training, about } = stored else { panic!("refused: {stored:?}") };
    assert_eq!((about.organization_id, about.assistant_id), (place.organization_id, place.assistant_id));
    assert_eq!(about.assistant, "default");
    assert_eq!(answered(&accepted).await, TrainingCallback::Replayed);
    assert_eq!(store.claim_delivery(HOLDER, version.id).await.unwrap(), ClaimDelivery::Delivered);
    let stored = answered(&good).await;
    assert!(matches!(stored, TrainingCallback::Ok { status: Status::Trained, .. }), "{stored:?}");
    assert_eq!(answered(&good).await, TrainingCallback::Replayed);
    let again = succeeded(&ids[2], version.id, &sha, &metrics);
    assert_eq!(answered(&again).await, TrainingCallback::NotTraining { status: Status::Trained });
    assert_eq!(claim_version(&store, &place).await.status, Status::Trained);

    // A failure ends it.
    let (place, version) = sealed(world).await;
    let failed = Callback { error: Some("Out of memory!"), ..callback(&ids[3], version.id, "failed", &Value::Null) };
    let stored = answered(&failed).await;
    assert!(matches!(stored, TrainingCallback::Ok { status: Status::Failed, .. }), "{stored:?}");
    let closed = store.open_model_test(HOLDER, version.id).await.unwrap();
    assert_eq!(closed, OpenModelTest::Closed { status: Status::Failed });
    assert!(!stock(&store, &place, 0.0).await.unfinished);
    let (_, user) = world.user().await;
    assert_eq!(user.training_callback(&failed).await, Err(StoreError::Forbidden));
}

pub async fn a_model_is_tested_like_a_prompt(world: &impl World) {
    let (place, version) = sealed(world).await;
    let (store, sha) = (world.service(), sha());
    let open = async || store.open_model_test(HOLDER, version.id).await.unwrap();
    assert_eq!(open().await, OpenModelTest::Closed { status: Status::Pending });
    assert_eq!(store.open_model_test(RIVAL, version.id).await.unwrap(), OpenModelTest::LeaseLost);
    let id = version.id.to_string();
    let metrics = json!({"accuracy": 0.9});
    store.training_callback(&succeeded(&id, version.id, &sha, &metrics)).await.unwrap();

    let held = |reason: &str| OpenModelTest::Held { reason: reason.to_owned() };
    world.change(place.assistant_id, Change::Paused(true)).await;
    assert_eq!(open().await, held("paused"));
    world.change(place.assistant_id, Change::Paused(false)).await;
    world.change(place.assistant_id, Change::Locked(true)).await;
    assert_eq!(open().await, held("locked"));
    world.change(place.assistant_id, Change::Locked(false)).await;
    world.change(place.assistant_id, Change::Protect("Be kind.")).await;
    assert_eq!(open().await, held("clauses_missing"));
    world.change(place.assistant_id, Change::Protect("bicycles")).await;
    for _ in 0..2 {
        assert_eq!(open().await, OpenModelTest::Ok { version: 2 });
    }
    assert_eq!(claim_version(&store, &place).await.status, Status::Testing);

    let test = proof::task(&store, &place).await.test.unwrap();
    assert_eq!((test.candidate.version, test.baseline.version), (2, 1));
    assert_eq!(test.candidate.content, test.baseline.content);
    assert_eq!((test.candidate.model.as_str(), test.baseline.model.as_str()), ("tuned-1", "claude-sonnet-5-5"));
    assert_eq!(test.candidate.base_url.as_deref(), Some("https://models.example"));
    proof::release(&store, &place).await;

    // Live, it serves; and a person takes it back.
    decide(&store, &place, Decision::Force { version: 2 }).await;
    assert_eq!(open().await, OpenModelTest::Closed { status: Status::Deployed });
    assert!(!stock(&store, &place, 0.0).await.unfinished);
    let (user_id, user) = world.user().await;
    world.add_member(place.organization_id, user_id, false).await;
    let turn = begin(&user, NewTurn { message: "x", ..NewTurn::default() }).await;
    let served = store.serving_context(turn.prompt_id).await.unwrap();
    let ServingContext::Ok { endpoint, version: 2, .. } = served else { panic!("another is served: {served:?}") };
    let own = Endpoint { base_url: "https://models.example".to_owned(), model: "tuned-1".to_owned() };
    assert_eq!((endpoint, turn.model.as_str()), (Some(own), "tuned-1"));
    decide(&store, &place, Decision::Rollback { version: None }).await;
    assert_eq!(open().await, OpenModelTest::Closed { status: Status::RolledBack });
    let turn = begin(&user, NewTurn { message: "x", ..NewTurn::default() }).await;
    assert_eq!((turn.prompt_version, turn.model.as_str()), (1, "claude-sonnet-5-5"));
}

pub async fn runs_are_kept(world: &impl World) {
    let (organization_id, assistant_id) = world.organization().await;
    let run = json!({
        "agent_type": "retrain-trigger", "action": "run", "status": "completed", "request_id": "r1",
        "organization_id": organization_id, "assistant_id": assistant_id, "duration_ms": 12,
        "token_usage": {"input_tokens": 1}, "input": {"force": false}, "output": {"triggered": false},
        "spans": [
            {"name": "pawl_claim_training", "type": "db", "start_ms": 0, "duration_ms": 3, "status": "ok"},
            {"name": "pawl_training_page", "type": "db", "start_ms": 3, "duration_ms": 4, "status": "failed",
             "error": "database_unavailable"},
        ],
    });
    world.service().record_run(&run).await.unwrap();
    let (_, user) = world.user().await;
    assert_eq!(user.record_run(&run).await, Err(StoreError::Forbidden));
    assert_eq!(world.nobody().record_run(&run).await, Err(StoreError::Unauthenticated));
}
