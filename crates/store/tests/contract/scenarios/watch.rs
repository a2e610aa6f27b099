//! The watch over the live version.

use pawl_core::proof::{Case, Decision as Ruled, Kind, rule};
use pawl_store::{
    decisions::Decision,
    proof::{AlertFall, GetReceipt, Live, Proofs, RollBack, WatchLook},
    reflections::SkipReason,
};
use uuid::Uuid;

use super::{
    HOLDER,
    decisions::{assert_nothing, decide},
    proof::{assert_replays, draft, nothing, nothing_watched, release, watch},
    reflections::{Place, place},
};
use crate::worlds::{Change, World};

/// So many votes of which so many in ten are up.
fn votes(count: usize, up_of_ten: usize) -> Vec<bool> {
    (0..count).map(|i| i * 7 % 10 < up_of_ten).collect()
}

async fn look(store: &impl Proofs, place: &Place) -> (Case, Live, Option<String>) {
    match store.watch_look(HOLDER, place.assistant_id).await.unwrap() {
        WatchLook::Ok { case, live, acts, why_not } => {
            assert_eq!(acts, why_not.is_none());
            (*case, live, why_not)
        }
        other => panic!("nothing to look at: {other:?}"),
    }
}

pub async fn a_fall_takes_the_version_back(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    let of = place.assistant_id;
    world.votes(of, &votes(400, 8)).await;
    draft(world, &place, "Worse.").await;
    decide(&store, &place, Decision::Force { version: 2 }).await;
    assert_eq!(nothing_watched(&store, &place).await, SkipReason::NothingToProve, "nobody said anything of it yet");
    assert!(matches!(store.watch_look(HOLDER, of).await.unwrap(), WatchLook::LeaseLost));
    world.votes(of, &votes(40, 8)).await;
    assert_eq!(nothing(&store, &place).await, SkipReason::NothingToProve, "it is in no test");
    let task = watch(&store, &place).await;
    assert_eq!((task.test, task.watch), (None, true));
    let (case, ..) = look(&store, &place).await;
    assert_eq!((case.kind, case.before_up, case.before_n), (Kind::Watch, Some(320), Some(400)));
    assert_eq!(case.observations.votes().iter().map(|v| v.up).collect::<Vec<_>>(), votes(40, 8));
    assert_eq!(rule(&case).decision, Ruled::Quiet);

    world.votes(of, &votes(160, 3)).await;
    let (case, live, why_not) = look(&store, &place).await;
    let ruling = rule(&case);
    assert_eq!((ruling.decision, why_not), (Ruled::Rollback, None), "{ruling:?}");
    world.change(of, Change::Locked(true)).await;
    let held = store.roll_back(HOLDER, of, &live, &case, &ruling).await.unwrap();
    assert_eq!(held, RollBack::Held { reason: "locked".into() });
    world.change(of, Change::Locked(false)).await;
    world.change(of, Change::Paused(true)).await;
    assert_eq!(look(&store, &place).await.2.as_deref(), Some("paused"));
    world.change(of, Change::Paused(false)).await;
    let rival = store.roll_back(Uuid::max(), of, &live, &case, &ruling).await.unwrap();
    assert_eq!(rival, RollBack::LeaseLost);
    let another = Live { prompt_id: Uuid::max(), ..live.clone() };
    let elsewhere = store.roll_back(HOLDER, of, &another, &case, &ruling).await.unwrap();
    assert_eq!(elsewhere, RollBack::Superseded);

    // Forced anew since it was looked at, it is another matter.
    world.wait_hours(1).await;
    decide(&store, &place, Decision::Activate { version: 1 }).await;
    decide(&store, &place, Decision::Force { version: 2 }).await;
    world.votes(of, &votes(200, 3)).await;
    release(&store, &place).await;
    watch(&store, &place).await;
    let stale = store.roll_back(HOLDER, of, &live, &case, &ruling).await.unwrap();
    assert_eq!(stale, RollBack::Superseded);
    let (case, live, _) = look(&store, &place).await;
    let ruling = rule(&case);

    let done = store.roll_back(HOLDER, of, &live, &case, &ruling).await.unwrap();
    let RollBack::Ok { receipt_id, version: 1 } = done else { panic!("it was not rolled back: {done:?}") };
    assert_eq!(store.roll_back(HOLDER, of, &live, &case, &ruling).await.unwrap(), done, "once");
    assert_nothing(&decide(&store, &place, Decision::Activate { version: 1 }).await);
    let GetReceipt::Ok(receipt) = store.receipt(receipt_id, None).await.unwrap() else { panic!("no receipt") };
    assert_replays(&receipt, &case, &ruling);
    assert!(matches!(store.watch_look(HOLDER, of).await.unwrap(), WatchLook::NothingToWatch));
    release(&store, &place).await;
}

pub async fn a_person_is_told_where_nothing_may_be_done(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    let of = place.assistant_id;
    world.votes(of, &votes(400, 8)).await;
    decide(&store, &place, Decision::Write { content: "By hand.", activate: true }).await;
    world.votes(of, &votes(200, 3)).await;
    watch(&store, &place).await;
    let (case, live, why_not) = look(&store, &place).await;
    assert_eq!(why_not.as_deref(), Some("by_hand"), "a person chose it");
    let ruling = rule(&case);
    assert_eq!(ruling.decision, Ruled::Rollback, "{ruling:?}");
    let held = store.roll_back(HOLDER, of, &live, &case, &ruling).await.unwrap();
    assert_eq!(held, RollBack::Held { reason: "by_hand".into() });
    let told = store.alert_fall(HOLDER, of, live.prompt_id, &ruling).await.unwrap();
    assert!(matches!(told, AlertFall::Ok { suggestion_id: Some(_) }), "{told:?}");
    let again = store.alert_fall(HOLDER, of, live.prompt_id, &ruling).await.unwrap();
    assert_eq!(again, AlertFall::Ok { suggestion_id: None });
    assert_eq!(store.alert_fall(Uuid::max(), of, live.prompt_id, &ruling).await.unwrap(), AlertFall::LeaseLost);
    release(&store, &place).await;
}
