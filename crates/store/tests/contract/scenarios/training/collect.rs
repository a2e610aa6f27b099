//! What is collected, counted and looked at.

use pawl_core::{
    conversation::Exchange,
    learning::reaction::{Reactions, Thumb},
    training::score::Source,
};
use pawl_store::{
    StoreError,
    feedback::{FeedbackLedger, Reaction, Signal, Source as From},
    reflections::{Claim, ClaimRequest, SkipReason},
    training::{
        AnalyzeFeedback, Collected, DriftLook, DriftMetric, FindStock, MetricLook, Recorded, Training, TrainingPage,
    },
    turns::NewTurn,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    QUALITY, RIVAL, asks, claim, collect_all, counts,
    dataset::{filters, opened},
    learned, page, place, react, stock, thumb, votes,
};
use crate::{
    scenarios::{
        HOLDER,
        turns::{begin, complete},
    },
    worlds::World,
};

pub async fn feedback_becomes_training_data(world: &impl World) {
    let (place, store) = (place(world).await, world.service());
    let (_, user, answer) = asks(world, &place, "how_to brake?", "With the left hand. Mail a@b.example.").await;
    thumb(&user, answer, true).await;
    asks(world, &place, "how_to steer?", "Nobody reacts to this.").await;
    claim(&store, &place).await;
    assert_eq!(page(&store, &place, &[], 10).await, (0, vec![]), "feedback ripens for a day");

    world.wait_hours(25).await;
    claim(&store, &place).await;
    let (_, waiting) = page(&store, &place, &[], 10).await;
    let [one] = waiting.as_slice() else { panic!("another number of answers: {waiting:?}") };
    assert_eq!((one.message_id, one.message.as_str(), one.history.len()), (answer, "how_to brake?", 0));
    assert_eq!(one.answer, "With the left hand. Mail a@b.example.");
    assert_eq!((one.model.as_deref(), one.question_type.as_deref()), (Some("simulated/m"), Some("how_to")));
    assert_eq!(one.reactions, Reactions { thumb: Some(Thumb::Up), ..Reactions::default() });
    assert_eq!((one.answer_characters, one.other), (Some(10), None));

    let lesson = learned(one);
    let of_before = Collected { revision: one.revision - 1, ..lesson.clone() };
    assert_eq!(page(&store, &place, &[of_before], 10).await, (0, waiting.clone()), "it was read before");
    let elsewhere = Collected { message_id: Uuid::max(), ..lesson.clone() };
    assert_eq!(page(&store, &place, &[elsewhere], 10).await, (0, waiting.clone()));
    for _ in 0..2 {
        assert_eq!(page(&store, &place, std::slice::from_ref(&lesson), 10).await, (1, vec![]));
        assert_eq!(counts(&store, &place, QUALITY).await, (1, 1), "once, however often it is said");
    }
    let found = stock(&store, &place, QUALITY).await;
    assert_eq!((found.types, found.last_version_at, found.drift), (vec![("how_to".to_owned(), 1)], None, None));
    assert!(!found.unfinished);

    // Who changes their mind is asked again, and the old word is gone.
    thumb(&user, answer, false).await;
    let (stored, again) = page(&store, &place, std::slice::from_ref(&lesson), 10).await;
    assert_eq!((stored, again.len()), (0, 1), "that was before");
    assert_eq!(again[0].reactions.thumb, Some(Thumb::Down));
    let changed: Vec<_> = again.iter().map(learned).collect();
    assert_eq!(page(&store, &place, &changed, 10).await, (1, vec![]));
    assert_eq!((counts(&store, &place, QUALITY).await, counts(&store, &place, 0.0).await), ((0, 1), (1, 1)));

    // Of what says nothing only that it was looked at is kept.
    let nothing = Collected { lesson: None, ..changed[0].clone() };
    assert_eq!(page(&store, &place, &[nothing], 10).await, (1, vec![]));
    assert_eq!(counts(&store, &place, 0.0).await, (0, 0));

    // What was done without a word is no person's word; what something else says waits behind what a person did.
    let (user_id, user, answer) = asks(world, &place, "data of bells", "They ring.").await;
    let rated = Reaction {
        index: 0,
        message_id: answer,
        signal: Signal::Rating,
        value: Some(0.25),
        comment: None,
        metadata: None,
        source: From::LlmJudge,
    };
    store.collect_feedback(std::slice::from_ref(&rated), Some(user_id)).await.unwrap();
    let measured = Reaction { value: Some(0.75), source: From::Automated, ..rated };
    store.collect_feedback(&[measured], Some(user_id)).await.unwrap();
    react(&user, answer, Signal::Copy).await;
    let begun = NewTurn { message: "And of horns?", ..NewTurn::default() };
    let session_id = begin(&user, begun).await.session_id;
    let next = begin(&user, NewTurn { message: "And of lamps?", session_id: Some(session_id), ..begun }).await;
    let lit = complete(&store, &next, "They shine.").await;
    let last = begin(&user, NewTurn { message: "How?", session_id: Some(session_id), ..begun }).await;
    let last = complete(&store, &last, "By day.").await;
    thumb(&user, last, true).await;
    world.wait_hours(25).await;
    claim(&store, &place).await;
    let (_, waiting) = page(&store, &place, &[], 10).await;
    assert_eq!(waiting.iter().filter(|one| one.message_id != lit).count(), 2, "{waiting:?}");
    let of = |id| waiting.iter().find(|one| one.message_id == id).unwrap();
    assert_eq!(of(answer).other, Some((Source::Automated, 0.75)));
    assert_eq!(of(answer).reactions, Reactions { copied: true, ..Reactions::default() });
    let before = Exchange { user_message: "And of lamps?".to_owned(), answer: "They shine.".to_owned() };
    assert_eq!(of(last).history, [before], "only what was answered");
    let collected: Vec<_> = waiting.iter().map(learned).collect();
    page(&store, &place, &collected, 10).await;
    assert_eq!(counts(&store, &place, 0.5).await, (1, 1), "to copy is not to say so");
}

pub async fn what_was_said_twice_is_one_row(world: &impl World) {
    let (place, store) = (place(world).await, world.service());
    let first = votes(world, &place, "how_to brake?", "Use the left hand.", true).await;
    world.wait_hours(1).await;
    let (_, second, answer) = asks(world, &place, "how_to  BRAKE", "use the left hand").await;
    thumb(&second, answer, false).await;
    assert_eq!(collect_all(world, &place).await, 2);
    assert_eq!(counts(&store, &place, QUALITY).await, (0, 1), "their mean is a half");
    assert_eq!(counts(&store, &place, 0.5).await, (1, 1));
    thumb(&second, answer, true).await;
    assert_eq!(collect_all(world, &place).await, 1);
    assert_eq!(counts(&store, &place, 1.0).await, (1, 1), "what they said before counts no more");

    // The text goes with the person it is from; another who said the same is collected anew.
    world.forget(first).await;
    claim_again(world, &place).await;
    assert_eq!(counts(&store, &place, 0.0).await, (0, 0));
    let (_, waiting) = page(&store, &place, &[], 10).await;
    assert_eq!(waiting.iter().map(|one| one.message_id).collect::<Vec<_>>(), [answer]);
    let collected: Vec<_> = waiting.iter().map(learned).collect();
    assert_eq!(page(&store, &place, &collected, 10).await, (1, vec![]));
    assert_eq!(counts(&store, &place, QUALITY).await, (1, 1));

    // One whose text it is not takes away only what they said.
    let third = votes(world, &place, "how_to brake?", "Use the left hand.", false).await;
    collect_all(world, &place).await;
    assert_eq!(counts(&store, &place, QUALITY).await, (0, 1));
    world.forget(third).await;
    assert_eq!(counts(&store, &place, QUALITY).await, (1, 1));
}

async fn claim_again(world: &impl World, place: &crate::scenarios::reflections::Place) {
    let store = world.service();
    store.release_training(HOLDER, place.assistant_id).await.unwrap();
    claim(&store, place).await;
}

pub async fn what_contradicts_itself_teaches_nothing(world: &impl World) {
    let (place, store) = (place(world).await, world.service());
    votes(world, &place, "how_to brake?", "With the left hand.", true).await;
    votes(world, &place, "how_to brake?", "With the right hand.", true).await;
    votes(world, &place, "how_to steer?", "With both.", true).await;
    votes(world, &place, "how_to steer?", "Not at all.", false).await;
    assert_eq!(collect_all(world, &place).await, 4);
    assert_eq!(
        counts(&store, &place, QUALITY).await,
        (1, 4),
        "of two as good neither, of a better and a worse the better"
    );
    votes(world, &place, "how_to brake?", "With the left hand.", true).await;
    collect_all(world, &place).await;
    assert_eq!(counts(&store, &place, QUALITY).await, (2, 4), "more people say so");
}

pub async fn training_is_one_workers(world: &impl World) {
    let (place, store) = (place(world).await, world.service());
    let mine = place.assistant_id;
    claim(&store, &place).await;
    let rival = ClaimRequest { holder: RIVAL, lease_seconds: 600, ..place.request() };
    let Claim::Ok(claimed) = store.claim_training(&rival, None).await.unwrap() else { panic!("no such assistant") };
    assert_eq!((claimed.claim, claimed.skipped[0].reason), (None, SkipReason::InProgress));
    for holder in [RIVAL, Uuid::nil()] {
        let page = store.training_page(holder, mine, &[], 5).await.unwrap();
        assert_eq!(page, TrainingPage::LeaseLost);
        assert_eq!(store.drift_look(holder, mine, 7.0, 28.0).await.unwrap(), DriftLook::LeaseLost);
        assert_eq!(store.record_drift(holder, mine, &[], "").await.unwrap(), Recorded::LeaseLost);
        assert_eq!(store.training_stock(holder, mine, QUALITY).await.unwrap(), FindStock::LeaseLost);
    }
    // It runs out; and it can be given back, by whoever has it.
    world.wait_hours(1).await;
    assert_eq!(store.training_page(HOLDER, mine, &[], 5).await.unwrap(), TrainingPage::LeaseLost);
    let Claim::Ok(claimed) = store.claim_training(&rival, None).await.unwrap() else { panic!("no such assistant") };
    assert!(claimed.claim.is_some(), "{claimed:?}");
    store.release_training(HOLDER, mine).await.unwrap();
    let page = store.training_page(RIVAL, mine, &[], 5).await.unwrap();
    assert_eq!(page, TrainingPage::Ok { stored: 0, page: vec![] });
    store.release_training(RIVAL, mine).await.unwrap();
    claim(&store, &place).await;
    let unknown = ClaimRequest { assistant: Some("nobody"), ..place.request() };
    assert_eq!(store.claim_training(&unknown, None).await.unwrap(), Claim::AssistantNotFound);

    let (_, user) = world.user().await;
    assert_eq!(user.claim_training(&rival, None).await, Err(StoreError::Forbidden));
    assert_eq!(world.nobody().training_stock(HOLDER, mine, QUALITY).await, Err(StoreError::Unauthenticated));
}

pub async fn who_reacted_lately_stands_beside_who_did_before(world: &impl World) {
    let (place, store) = (place(world).await, world.service());
    let look = async || match store.drift_look(HOLDER, place.assistant_id, 7.0, 28.0).await.unwrap() {
        DriftLook::Ok(look) => look,
        DriftLook::LeaseLost => panic!("the lease is lost"),
    };
    for up in [true, true, false] {
        votes(world, &place, "how_to brake?", "So.", up).await;
    }
    collect_all(world, &place).await;
    world.wait_hours(24 * 7).await;
    votes(world, &place, "how_to brake?", "So.", true).await;
    let (_, user, answer) = asks(world, &place, "how_to steer?", "So.").await;
    react(&user, answer, Signal::Copy).await;
    collect_all(world, &place).await;

    let seen = look().await;
    assert_eq!(seen.last_at, None);
    let days = |window: &pawl_store::training::Window| window.to.days_since(&window.from).unwrap().round();
    assert_eq!((days(&seen.baseline), days(&seen.current)), (28.0, 7.0));
    assert_eq!(seen.baseline.to, seen.current.from);
    let [feedback, judge] = seen.metrics.as_slice() else { panic!("other measures: {seen:?}") };
    let expected = MetricLook {
        metric_type: "feedback_score".to_owned(),
        baseline: vec![(0, 1), (100, 2)],
        current: vec![(65, 1), (100, 1)],
        baseline_people: vec![(0, 1), (100, 2)],
        current_people: vec![(65, 1), (100, 1)],
    };
    assert_eq!(feedback, &expected);
    assert_eq!((judge.metric_type.as_str(), judge.current.len(), judge.baseline.len()), ("judge_score", 0, 0));

    let metric = |alert, drift_score| DriftMetric {
        metric_type: "feedback_score",
        baseline_value: 0.67,
        current_value: 0.83,
        drift_score,
        alert,
        details: json!({"psi": 0.5, "p_value": 0.004}),
    };
    let quiet = store.record_drift(HOLDER, place.assistant_id, &[metric(false, 0.1)], "").await.unwrap();
    assert_eq!(quiet, Recorded::Ok);
    assert_eq!(stock(&store, &place, QUALITY).await.drift, None);
    assert!(look().await.last_at.is_some());
    let words = "They like it less.";
    store.record_drift(HOLDER, place.assistant_id, &[metric(true, 0.4)], words).await.unwrap();
    let alert = stock(&store, &place, QUALITY).await.drift.unwrap();
    assert_eq!((alert.metric_type.as_str(), alert.drift_score, alert.p_value), ("feedback_score", 0.4, Some(0.004)));
    // A version answers it.
    opened(&store, &place, filters()).await;
    assert_eq!(stock(&store, &place, QUALITY).await.drift, None);
}

pub async fn who_may_steer_is_told_what_people_make_of_answers(world: &impl World) {
    let (place, store) = (place(world).await, world.service());
    for (question, up) in [("how_to a", true), ("how_to b", true), ("how_to c", false), ("data d", false)] {
        votes(world, &place, question, "So.", up).await;
    }
    asks(world, &place, "data e", "Nobody reacts to this.").await;
    collect_all(world, &place).await;
    let organization_id = Some(place.organization_id);
    let told = store.analyze_feedback(organization_id, None, 7.0).await.unwrap();
    let AnalyzeFeedback::Ok(told) = told else { panic!("refused: {told:?}") };
    assert_eq!((told.total_samples, told.average_score), (4, Some(0.5)));
    let scores: Vec<_> = told.score_distribution.iter().filter(|(_, n)| *n > 0).cloned().collect();
    assert_eq!((told.score_distribution.len(), scores), (11, vec![("0.0".to_owned(), 2), ("1.0".to_owned(), 2)]));
    let low: Vec<_> = told
        .low_score_patterns
        .iter()
        .map(|p| (p.question_type.as_str(), p.count, p.share, p.average_score, p.exposures))
        .collect();
    assert_eq!(low, [("data", 1, 1.0, 0.0, 2), ("how_to", 1, 0.3333, 0.6667, 3)]);
    assert_eq!(told.to.days_since(&told.from).map(f64::round), Some(7.0));

    let AnalyzeFeedback::Ok(none) = store.analyze_feedback(organization_id, None, 0.5).await.unwrap() else {
        panic!("refused")
    };
    assert_eq!((none.total_samples, none.average_score, none.low_score_patterns.len()), (0, None, 0));

    let (admin_id, admin) = world.user().await;
    world.add_member(place.organization_id, admin_id, true).await;
    assert!(matches!(admin.analyze_feedback(None, None, 7.0).await.unwrap(), AnalyzeFeedback::Ok(_)));
    let (user_id, user) = world.user().await;
    world.add_member(place.organization_id, user_id, false).await;
    let refused = |code: &str| AnalyzeFeedback::Refused { code: code.to_owned() };
    assert_eq!(user.analyze_feedback(organization_id, None, 7.0).await.unwrap(), refused("forbidden"));
    let unknown = store.analyze_feedback(organization_id, Some("nobody"), 7.0).await.unwrap();
    assert_eq!(unknown, refused("assistant_not_found"));
    let nobody = world.nobody().analyze_feedback(organization_id, None, 7.0).await;
    assert_eq!(nobody, Err(StoreError::Unauthenticated));
}
