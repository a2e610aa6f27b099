//! Killed between any two steps, and run again: one version, one webhook, a complete dataset.

use std::{
    cell::Cell,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use pawl_store::{
    fake::FakeStore,
    reflections::{Claim, ClaimRequest, Timestamp},
    training::*,
};
use uuid::Uuid;

use super::{
    ground::{NOW, live_on},
    *,
};
use crate::handler::{Ports, answer};

/// A store whose caller dies after so many calls: what the last one did is done, and nobody hears of it.
struct Mortal<'a> {
    store: &'a FakeStore,
    lives: Rc<Cell<usize>>,
}

macro_rules! mortal {
    ($(fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $answer:ty;)*) => {
        impl Training for Mortal<'_> {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                let answer = self.store.$name($($argument),*).await;
                live_on(&self.lives).await;
                answer
            })*
        }
    };
}

mortal! {
    fn claim_training(request: &ClaimRequest<'_>, before: Option<&Timestamp>) -> Claim;
    fn release_training(holder: Uuid, assistant_id: Uuid) -> ();
    fn training_page(holder: Uuid, assistant_id: Uuid, collected: &[Collected], limit: u32) -> TrainingPage;
    fn drift_look(holder: Uuid, assistant_id: Uuid, window_days: f64, baseline_days: f64) -> DriftLook;
    fn record_drift(holder: Uuid, assistant_id: Uuid, metrics: &[DriftMetric<'_>], words: &str) -> Recorded;
    fn training_stock(holder: Uuid, assistant_id: Uuid, quality: f64) -> FindStock;
    fn open_model_version(holder: Uuid, assistant_id: Uuid, why: &Why, filters: &Filters) -> OpenVersion;
    fn dataset_page(holder: Uuid, model_version_id: Uuid, after: Option<Uuid>, limit: u32) -> DatasetPage;
    fn record_parts(holder: Uuid, model_version_id: Uuid, cursor: Uuid, parts: &[Part<'_>]) -> RecordParts;
    fn seal_dataset(holder: Uuid, model_version_id: Uuid, manifest: &Value, manifest_sha256: &str) -> SealDataset;
    fn dataset_rows(model_version_id: Uuid, part: u32, split: Split) -> FindRows;
    fn claim_delivery(holder: Uuid, model_version_id: Uuid) -> ClaimDelivery;
    fn record_delivery(webhook_id: &str, attempt: u32, status: Option<u16>, error: Option<&str>) -> RecordDelivery;
    fn training_callback(callback: &Callback<'_>) -> TrainingCallback;
    fn open_model_test(holder: Uuid, model_version_id: Uuid) -> OpenModelTest;
    fn analyze_feedback(organization_id: Option<Uuid>, assistant: Option<&str>, days: f64) -> AnalyzeFeedback;
}

impl World {
    /// A run that dies after so many requests, of whatever kind. True when it came to its end before.
    fn run_for(&self, lives: usize) -> bool {
        self.outside.lives.set(lives);
        let store = Mortal { store: &self.store, lives: self.outside.lives.clone() };
        let request = self.request(json!({"force": true}).to_string(), &[]);
        let ports = Ports {
            store: &store,
            service: &store,
            host: &self.outside,
            settings: &self.settings,
            now_ms: || NOW_MS.get(),
            unix_seconds: || NOW,
            holder: self.holder(),
        };
        // Nothing here waits but who is dead.
        let polled = pin!(answer(&request, "r1", &ports)).poll(&mut Context::from_waker(Waker::noop()));
        self.outside.lives.set(usize::MAX);
        matches!(polled, Poll::Ready(_))
    }
}

#[tokio::test]
async fn killed_after_any_request_and_run_again_it_is_one_version_one_webhook_and_a_whole_dataset() {
    let mut steps = 0;
    for lives in 1.. {
        let mut w = world(25).await;
        w.settings.part_rows = 10;
        let ended = w.run_for(lives);
        for _ in 0..3 {
            // Leases run out, and attempts of which nothing was heard.
            w.store.advance(TimeDelta::minutes(11));
            w.run(json!({"force": true})).await;
        }
        assert_eq!((w.models().len(), w.model().status), (1, Status::Training), "after {lives}");
        assert_eq!(w.check_dataset(), 25, "after {lives}");
        let told = w.outside.told();
        let id = format!("msg_{}", w.model().id.simple());
        assert!(told.iter().all(|(headers, _)| headers["webhook-id"] == id), "after {lives}");
        // Twice only where the first answer was not heard, or not recorded.
        assert!((1..=2).contains(&told.len()), "after {lives}: {}", told.len());
        let rebuilt = w.run(json!({"action": "rebuild", "model_version_id": w.model().id})).await;
        assert_eq!(rebuilt["identical"], true, "after {lives}");
        if ended {
            break;
        }
        steps = lives;
    }
    assert!(steps > 25, "{steps} requests, each of them the last of a run");
}

#[tokio::test]
async fn killed_again_and_again_it_still_comes_to_its_end() {
    let mut w = world(25).await;
    w.settings.part_rows = 10;
    for lives in 1.. {
        if w.model_is_with_the_trainer() {
            break;
        }
        assert!(lives < 60, "it never ends");
        w.run_for(lives);
        w.store.advance(TimeDelta::minutes(11));
    }
    assert_eq!((w.models().len(), w.check_dataset()), (1, 25));
}

#[tokio::test]
async fn who_comes_while_another_is_at_work_does_nothing() {
    let w = world(12).await;
    assert!(!w.run_for(4));
    let response = w.run(json!({"force": true})).await;
    assert_eq!(
        (&response["triggered"], &response["reason"]),
        (&json!(false), &json!("Another call is at work on this assistant"))
    );
    assert!(w.models().is_empty() && w.outside.told().is_empty());
}

impl World {
    fn model_is_with_the_trainer(&self) -> bool {
        self.models().last().is_some_and(|model| model.status == Status::Training)
    }
}
