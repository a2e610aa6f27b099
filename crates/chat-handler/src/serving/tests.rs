use pawl_core::selection;
use pawl_model::ModelError;
use pawl_store::{StoreError, fake::StoredAnswer, serving::Pattern};
use serde_json::{Value, json};

use super::*;
use crate::handler::tests::{World, text, world};

const HEADING: &str = "What people who asked here before found helpful:";

fn pattern(id: u128, question_type: &str, influence: f64) -> Pattern {
    Pattern {
        id: Uuid::from_u128(id),
        question_type: question_type.to_owned(),
        data_source: None,
        instruction: format!("Rule {id}."),
        influence,
        confidence: 0.6,
    }
}

fn learn(w: &World, patterns: &[Pattern]) {
    w.store.learn(w.store.default_assistant(), patterns);
}

/// Eight patterns for how to do things, each by an even coin.
fn on_trial(w: &World) -> Vec<Pattern> {
    let patterns: Vec<_> = (1..=8).map(|id| pattern(id << 90, "how_to", 0.5)).collect();
    learn(w, &patterns);
    patterns
}

fn question() -> Value {
    json!({"message": "How do I true a wheel?"})
}

fn answers(w: &World) -> Vec<StoredAnswer> {
    w.store.turns().into_iter().filter_map(|turn| turn.answer).collect()
}

fn exposures(w: &World) -> Vec<Vec<Exposure>> {
    answers(w).into_iter().map(|answer| answer.learned.exposures).collect()
}

fn ids(exposures: &[Exposure]) -> Vec<u128> {
    exposures.iter().map(|exposure| exposure.pattern_id.as_u128()).collect()
}

#[tokio::test]
async fn what_was_shown_and_what_was_held_back_is_stored_with_the_answer() {
    let w = world();
    let patterns = on_trial(&w);
    let body = w.call(question()).await.unwrap();
    let told = w.told()[0].clone().unwrap();
    assert!(told.starts_with(HEADING), "{told}");
    assert_eq!(w.asked()[0].0, "Be plain.", "the prompt is as it was");
    let kept = &exposures(&w)[0];
    assert_eq!(ids(kept), patterns.iter().map(|pattern| pattern.id.as_u128()).collect::<Vec<_>>());
    let turn_id = w.store.turns()[0].id.as_u128();
    for (exposure, pattern) in kept.iter().zip(&patterns) {
        assert_eq!(exposure.propensity, 0.5);
        assert_eq!(exposure.shown, selection::is_shown(turn_id, pattern.id.as_u128(), 0.5));
        assert_eq!(exposure.shown, told.contains(&pattern.instruction), "{told}");
    }
    assert!(kept.iter().any(|one| one.shown) && kept.iter().any(|one| !one.shown), "both occur in this turn");
    // No user sees any of it.
    let names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    let expected = "answer answer_id message_id model prompt_version request_id session_id stop_reason turn_id usage";
    assert_eq!(names.join(" "), expected);
}

#[tokio::test]
async fn a_stream_is_told_the_same_and_tells_no_more() {
    let w = world();
    learn(&w, &[pattern(1, "how_to", 1.0)]);
    let events = w.stream(&[], json!({"message": "How do I true a wheel?", "stream": true})).await.unwrap();
    assert_eq!(w.told(), [Some(format!("{HEADING}\n- Rule 1."))]);
    assert_eq!(ids(&exposures(&w)[0]), [1]);
    assert!(!format!("{events:?}").contains("Rule"), "{events:?}");
}

#[tokio::test]
async fn the_kind_of_question_is_the_clients_word_or_the_messages() {
    let w = world();
    let sales = Pattern { data_source: Some("sales".into()), ..pattern(3, "billing", 1.0) };
    learn(&w, &[pattern(1, "how_to", 1.0), pattern(2, "billing", 1.0), sales]);
    let about = |metadata: Value| json!({"message": "How do I pay?", "metadata": metadata});
    for metadata in [
        json!(null),
        json!({}),
        json!({"question_type": "billing"}),
        json!({"question_type": "billing", "data_source": "sales", "tools": ["search_docs", "run-sql"]}),
        json!({"question_type": "weather"}),
    ] {
        w.call(about(metadata)).await.unwrap();
    }
    let applied: Vec<_> = exposures(&w).iter().map(|all| ids(all)).collect();
    assert_eq!(applied, [vec![1], vec![1], vec![2], vec![3, 2], vec![]]);
    assert_eq!(w.told()[4], None);
    let traits: Vec<_> = w.store.turns().into_iter().map(|turn| turn.traits).collect();
    let kinds: Vec<_> = traits.iter().map(|traits| traits.question_type.as_deref().unwrap_or_default()).collect();
    assert_eq!(kinds, ["how_to", "how_to", "billing", "billing", "weather"]);
    assert_eq!(
        (traits[3].data_source.as_deref(), traits[3].tools.join(" ")),
        (Some("sales"), "search_docs run-sql".into())
    );
    assert_eq!((traits[0].data_source.as_deref(), traits[0].tools.len()), (None, 0));
}

#[tokio::test]
async fn patterns_are_read_when_they_have_changed_and_then_alone() {
    let w = world();
    let calls_of_next = async || {
        let before = w.store.calls().len();
        w.call(question()).await.unwrap();
        w.store.calls()[before..].iter().filter(|call| **call == "serving_context").count()
    };
    assert_eq!(calls_of_next().await, 1, "the prompt is not known yet");
    assert_eq!(calls_of_next().await, 0);
    learn(&w, &[pattern(1, "how_to", 1.0)]);
    assert_eq!((calls_of_next().await, calls_of_next().await), (1, 0));
    learn(&w, &[]);
    assert_eq!((calls_of_next().await, calls_of_next().await), (1, 0), "none is a set too");
    let told: Vec<_> = w.told().iter().map(Option::is_some).collect();
    assert_eq!(told, [false, false, true, true, false, false]);

    let w = world();
    learn(&w, &[pattern(1, "how_to", 1.0)]);
    w.call(question()).await.unwrap();
    assert_eq!(w.store.calls(), ["begin_turn", "serving_context", "complete_turn"], "both in one call");
    assert!(w.told()[0].is_some());
}

#[tokio::test]
async fn a_turn_whose_patterns_cannot_be_read_is_answered_without_them() {
    for fault in [StoreError::Unavailable("timeout".into()), StoreError::Unexpected("shape".into())] {
        let w = world();
        learn(&w, &[pattern(1, "how_to", 1.0)]);
        w.call(question()).await.unwrap();
        learn(&w, &[pattern(2, "how_to", 1.0)]);
        w.store.fail_next("serving_context", fault);
        let body = w.call(question()).await.unwrap();
        assert_eq!(body.get("stale_prompt"), None);
        w.call(question()).await.unwrap();
        let applied: Vec<_> = exposures(&w).iter().map(|all| ids(all)).collect();
        assert_eq!(
            applied,
            [vec![1], vec![], vec![2]],
            "what was taken back is not told, and the next turn reads anew"
        );
        assert_eq!(w.told()[1], None);
    }
}

#[tokio::test]
async fn a_refused_secret_key_is_told_before_anything_is_paid_for() {
    let w = world();
    w.call(question()).await.unwrap();
    learn(&w, &[pattern(1, "how_to", 1.0)]);
    w.store.fail_next("serving_context", StoreError::Forbidden);
    assert_eq!(w.code(question()).await, (500, "misconfigured"));
    assert_eq!(w.asked().len(), 1);
}

#[tokio::test]
async fn a_prompt_that_stands_in_is_served_with_the_patterns_that_are_held() {
    let w = world();
    learn(&w, &[pattern(1, "how_to", 1.0)]);
    w.call(question()).await.unwrap();
    let assistant_id = w.store.default_assistant();
    let held = w.prompts.patterns(assistant_id, 1).unwrap();
    let fresh = world();
    learn(&fresh, &[pattern(1, "how_to", 1.0)]);
    fresh.prompts.insert(crate::handler::tests::held(fresh.store.default_assistant(), "Held."));
    fresh.prompts.insert_patterns(Patterns { assistant_id, revision: 1, live: held.live.clone() });
    fresh.store.fail_next("serving_context", StoreError::Unavailable("timeout".into()));
    let body = fresh.call(question()).await.unwrap();
    assert_eq!((&body["stale_prompt"], fresh.told()[0].is_some()), (&json!(true), true));
    assert_eq!(ids(&exposures(&fresh)[0]), [1]);
}

#[tokio::test]
async fn the_same_turn_tried_again_has_the_same_coins_and_a_replay_throws_none() {
    let w = world();
    on_trial(&w);
    w.next(Err(ModelError::Overloaded(None)));
    w.call_with_key("k", question()).await.unwrap_err();
    w.call_with_key("k", question()).await.unwrap();
    w.call_with_key("k", question()).await.unwrap();
    let told = w.told();
    assert_eq!((told.len(), &told[0]), (2, &told[1]));
    assert_eq!((exposures(&w).len(), exposures(&w)[0].len()), (1, 8));
    w.call_with_key("another", question()).await.unwrap();
    assert_ne!(w.told()[2], told[0], "another turn has others");
}

#[tokio::test]
async fn what_an_answer_looks_like_is_stored_with_it() {
    let w = world();
    let long = format!("{}\n- one\n- two\n", "é".repeat(1500));
    w.next(Ok(text("```\nx\n```")));
    w.next(Ok(text(&long)));
    w.call(question()).await.unwrap();
    w.call(question()).await.unwrap();
    let learned = |answer: StoredAnswer| {
        let learned = answer.learned;
        (learned.response_format, learned.length_class, learned.answer_characters)
    };
    let learned: Vec<_> = answers(&w).into_iter().map(learned).collect();
    assert_eq!(learned, [("code".into(), "short".into(), 9), ("list".into(), "long".into(), 1513)]);
}

#[tokio::test]
async fn a_backend_is_told_what_to_add_and_gives_back_what_applied() {
    let w = world();
    on_trial(&w);
    let prepare = json!({"action": "prepare", "message": "How do I true a wheel?", "user_id": w.user});
    let prepared = w.call_as(&w.store, prepare.clone()).await.unwrap();
    assert_eq!(prepared["system_prompt"], "Be plain.");
    assert!(prepared["learned_instructions"].as_str().unwrap().starts_with(HEADING));
    let given = prepared["exposures"].clone();
    assert_eq!(given.as_array().unwrap().len(), 8);

    let complete = |turn: &Value, exposures: &Value| {
        json!({"action": "complete", "turn_id": turn["turn_id"], "attempt": 1, "answer": "- a\n- b", "model": "m",
               "exposures": exposures})
    };
    let mut all_shown = given.clone();
    all_shown.as_array_mut().unwrap().iter_mut().for_each(|one| one["shown"] = true.into());
    let mut surer = given.clone();
    surer[0]["propensity"] = json!(1.5);
    let twice = json!([given[0], given[1], given[0]]);
    let many = json!(vec![given[0].clone(); 51]);
    for forged in [&all_shown, &surer, &twice, &many] {
        let error = w.call_as(&w.store, complete(&prepared, forged)).await.unwrap_err();
        assert_eq!((error.status, error.code), (400, "invalid_request"), "{forged}");
        assert!(error.message.contains("exposures"), "{}", error.message);
    }
    w.call_as(&w.store, complete(&prepared, &given)).await.unwrap();
    let stored = answers(&w).remove(0).learned;
    assert_eq!(Exposure::write(&stored.exposures), given);
    assert_eq!((stored.response_format.as_str(), stored.length_class.as_str()), ("list", "short"));

    // The set is kept, a turn has coins of its own, and who shows nothing says nothing.
    let calls = w.store.calls().len();
    let other = w.call_as(&w.store, prepare).await.unwrap();
    assert_eq!(w.store.calls()[calls..], ["prepare_turn", "begin_turn"]);
    let error = w.call_as(&w.store, complete(&other, &given)).await.unwrap_err();
    assert_eq!(error.code, "invalid_request", "another turn's");
    let silent = json!({"action": "complete", "turn_id": other["turn_id"], "attempt": 1, "answer": "A", "model": "m"});
    w.call_as(&w.store, silent).await.unwrap();
    assert_eq!(exposures(&w)[1], []);
}

#[tokio::test]
async fn a_backend_goes_on_without_patterns_that_cannot_be_read() {
    let w = world();
    on_trial(&w);
    w.store.fail_next("serving_context", StoreError::Unavailable("timeout".into()));
    let prepare = json!({"action": "prepare", "message": "How do I true a wheel?", "user_id": w.user});
    let prepared = w.call_as(&w.store, prepare).await.unwrap();
    assert_eq!((prepared.get("learned_instructions"), &prepared["exposures"]), (None, &json!([])));
}
