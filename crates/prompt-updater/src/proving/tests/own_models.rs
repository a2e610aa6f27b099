//! Versions that differ in the model that serves them.

use pawl_core::proof::Kind;
use pawl_model::ModelError;
use pawl_store::{proof::Verdicts, usage::Purpose};
use serde_json::json;

use super::{World, world};

const HERE: &str = "https://models.example.com/v6";
const THERE: &str = "https://models.example.com/v7";

/// In screening: versions with these addresses, and models named by them.
fn between(baseline: Option<&'static str>, candidate: Option<&'static str>) -> World {
    let w = world(Kind::Screening);
    let mut book = w.book();
    let test = book.test.as_mut().unwrap();
    for (version, at) in [(&mut test.baseline, baseline), (&mut test.candidate, candidate)] {
        version.base_url = at.map(str::to_owned);
        version.model = at.and_then(|at| at.rsplit('/').next()).unwrap_or("chat").to_owned();
    }
    drop(book);
    w
}

/// How often this model was asked, and where.
fn asked(w: &World, model: &str, at: Option<&str>) -> usize {
    w.model.at.borrow().iter().filter(|(of, there)| of == model && there.as_deref() == at).count()
}

#[tokio::test]
async fn each_version_is_asked_with_its_own_model_at_its_own_address() {
    for (baseline, candidate) in
        [(None, Some(THERE)), (Some(HERE), Some(THERE)), (Some(HERE), None), (Some(HERE), Some(HERE)), (None, None)]
    {
        let w = between(baseline, candidate);
        assert_eq!(w.did().await["did"], "proving");
        let name = |at: Option<&'static str>| at.and_then(|at| at.rsplit('/').next()).unwrap_or("chat");
        for at in [baseline, candidate] {
            let expected = if baseline == candidate { 40 } else { 20 };
            assert_eq!(asked(&w, name(at), at), expected, "{baseline:?} {candidate:?}");
            let paid = w.book().spent.iter().filter(|of| of.model == format!("simulated/{}", name(at))).count();
            assert_eq!(paid, expected, "under the model that answered");
        }
        assert_eq!(w.chats(), 40);
    }
}

#[tokio::test]
async fn a_new_version_whose_model_is_not_there_loses() {
    for fault in [ModelError::Unreachable, ModelError::ServerError] {
        for baseline in [None, Some(HERE)] {
            let w = between(baseline, Some(THERE));
            *w.model.gone.borrow_mut() = Some((THERE, fault.clone()));
            let did = w.did().await;
            assert_eq!(did["unanswerable"], 20, "{did}");
            let lost = Some(Verdicts { first_order: -1, second_order: -1 });
            assert!(w.book().pairs.iter().all(|drawn| drawn.verdicts == lost));
            assert_eq!(asked(&w, "v7", Some(THERE)), 40, "asked once more before it counts");
            assert_eq!((w.paid(Purpose::Replay), w.paid(Purpose::Compare)), (20, 0), "the other one's answers");
            assert_eq!(did["did"], "rejected");
        }
    }
}

#[tokio::test]
async fn a_live_version_whose_model_is_away_loses_nothing() {
    let away = [
        ModelError::Unreachable,
        ModelError::ServerError,
        ModelError::Timeout,
        ModelError::BrokenOff,
        ModelError::Malformed,
    ];
    for fault in away {
        for candidate in [None, Some(HERE)] {
            let w = between(Some(THERE), candidate);
            *w.model.gone.borrow_mut() = Some((THERE, fault.clone()));
            let did = w.did().await;
            assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!(fault.code())));
            assert_eq!(w.judged(), 0, "an outage would be a run of wins for the new one");
            *w.model.gone.borrow_mut() = None;
            assert_eq!(w.did().await["did"], "proving");
        }
    }
    // Of a model that answers others, one question alone may be what it cannot answer; but not that it is not there.
    for (fault, did) in [(ModelError::Timeout, "proving"), (ModelError::Unreachable, "failed")] {
        let w = between(Some(THERE), None);
        w.model
            .faults
            .borrow_mut()
            .extend(std::iter::repeat_n(("plain. | how many things are there in 9 of", fault), 2));
        assert_eq!(w.did().await["did"], did);
    }
}

#[tokio::test]
async fn a_model_that_both_have_and_is_not_there_is_waited_for() {
    for at in [Some(THERE), None] {
        let w = between(at, at);
        match at {
            Some(at) => *w.model.gone.borrow_mut() = Some((at, ModelError::Unreachable)),
            None => w.model.faults.borrow_mut().extend(std::iter::repeat_n(("of them", ModelError::Unreachable), 12)),
        }
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!("model_unreachable")));
        assert_eq!(w.judged(), 0);
        *w.model.gone.borrow_mut() = None;
        assert_eq!(w.did().await["did"], "proving");
        // Also where it is gone for one question alone: chance would decide which version loses it.
        let w = between(at, at);
        w.model.faults.borrow_mut().push(("in 9 of them", ModelError::Unreachable));
        assert_eq!(w.did().await["reason"], "model_unreachable");
        assert_eq!(w.judged(), 0);
    }
}

#[tokio::test]
async fn limits_and_settings_are_no_loss() {
    for fault in [
        ModelError::NotAllowed,
        ModelError::OwnKeyRefused,
        ModelError::RateLimited(None),
        ModelError::Overloaded(None),
        ModelError::SpendLimit,
    ] {
        let w = between(None, Some(THERE));
        *w.model.gone.borrow_mut() = Some((THERE, fault.clone()));
        let did = w.did().await;
        assert_eq!((&did["did"], &did["reason"]), (&json!("failed"), &json!(fault.code())));
        assert_eq!(w.judged(), 0);
    }
}
