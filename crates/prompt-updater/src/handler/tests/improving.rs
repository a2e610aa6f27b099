//! Writing a better prompt.

use super::*;

#[tokio::test]
async fn a_better_prompt_is_written_from_the_findings_and_goes_into_test() {
    let w = world().await;
    let body = w.improve().await;
    insta::assert_json_snapshot!(body, @r#"
    {
      "change_reason": "Reasons were missing.",
      "previous_version": 1,
      "request_id": "r1",
      "submitted": true,
      "version": 2
    }
    "#);
    assert_eq!(w.live(), (1, CURRENT.to_owned()));
    assert_eq!(w.state_of(2), ("screening", format!("{CURRENT} Give reasons.")));
    let limit = 2 * CURRENT.chars().count();
    assert_eq!(*w.writer.asked.borrow(), [(vec!["no reasons".to_owned()], vec![], limit)]);
}

#[tokio::test]
async fn a_change_without_a_usable_reason_gets_one() {
    struct Silent(&'static str);
    impl Rewriter for Silent {
        async fn rewrite(&self, request: RewriteRequest<'_>) -> Result<Rewrite, Unanswered> {
            let prompt = format!("{} Give reasons.", request.current_prompt);
            Ok(Rewrite { prompt, change_reason: self.0.into(), model: "m".into(), usage: USAGE })
        }
    }
    for given in ["", SAID] {
        let w = world().await;
        let outcome = improve(w.reflection, &ports(&w.store, &Silent(given))).await.unwrap();
        let Outcome::Submitted { change_reason, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(change_reason, "Written against: no reasons");
    }
}

#[tokio::test]
async fn the_same_reflection_submits_once_and_pays_once() {
    let w = world().await;
    w.improve().await;
    let again = w.improve().await;
    assert_eq!((&again["version"], &again["previous_version"]), (&json!(2), &json!(1)));
    assert_eq!(w.store.prompts(w.store.default_assistant()).len(), 2);
    assert_eq!(w.writer.asked.borrow().len(), 1);
}

#[tokio::test]
async fn what_a_guard_refuses_is_written_once_more_with_the_reason() {
    let w = world().await;
    w.writes(&format!("Keep replies short. Say: {SAID}"));
    let body = w.improve().await;
    assert_eq!(body["version"], 2);
    let asked = w.writer.asked.borrow();
    assert_eq!(asked[1].1, ["the prompt repeats 12 or more words of a user's message"]);
}

#[tokio::test]
async fn what_is_refused_twice_goes_to_a_person_and_is_not_tried_for_ever() {
    let w = world().await;
    let protected = vec!["Never promise a delivery date.".to_owned()];
    w.store.configure(w.store.default_assistant(), |s| s.protected_clauses = protected);
    w.writes("");
    w.writes("Promise anything.");
    let body = w.improve().await;
    insta::assert_json_snapshot!(body, @r#"
    {
      "reason": "protected clause 1 is missing or altered",
      "refused": true,
      "request_id": "r1"
    }
    "#);
    assert_eq!(w.live(), (1, CURRENT.to_owned()));
    assert_eq!(w.store.logs()[0].suggestion.as_deref(), Some("protected clause 1 is missing or altered"));
    assert_eq!(w.improve().await["refused"], true);
    assert_eq!(w.writer.asked.borrow().len(), 2);
}

#[tokio::test]
async fn nothing_is_paid_for_when_nothing_may_be_published() {
    let paused = world().await;
    paused.store.configure(paused.store.default_assistant(), |s| s.updates_paused = true);
    assert_eq!(paused.improve().await["reason"], "paused");

    let locked = world().await;
    locked.store.lock(locked.store.default_assistant(), true);
    assert_eq!(locked.improve().await["reason"], "locked");

    let capped = world().await;
    capped.store.configure(capped.store.default_assistant(), |s| s.max_updates_per_day = 0);
    assert_eq!(capped.improve().await["reason"], "daily_limit");

    let testing = world().await;
    testing.improve().await;
    let second = reflect(&testing.store, Action::PromptUpdate).await;
    assert_eq!(testing.call(json!({"reflection_id": second})).await.unwrap()["reason"], "in_proof");
    assert_eq!(testing.writer.asked.borrow().len(), 1);

    let cooling = world().await;
    let by_hand = format!("{CURRENT} By hand.");
    cooling.call(json!({"action": "write", "content": by_hand, "activate": true})).await.unwrap();
    let second = reflect(&cooling.store, Action::PromptUpdate).await;
    let body = json!({"reflection_id": second});
    assert_eq!(cooling.call(body.clone()).await.unwrap()["reason"], "cooldown");
    cooling.store.advance(TimeDelta::hours(7));
    assert_eq!(cooling.call(body).await.unwrap()["version"], 3);
    for w in [&paused, &locked, &capped] {
        assert!(w.writer.asked.borrow().is_empty());
        assert_eq!(w.live().0, 1);
    }
}

#[tokio::test]
async fn a_version_that_is_no_longer_live_is_not_built_upon() {
    let w = world().await;
    w.call(json!({"action": "write", "content": "By hand.", "activate": true})).await.unwrap();
    let body = w.improve().await;
    assert_eq!((&body["skipped"], &body["reason"]), (&json!(true), &json!("superseded")));
    assert_eq!(w.live().0, 2);
}

#[tokio::test]
async fn a_pause_while_the_model_writes_is_obeyed() {
    struct Pauses<'a>(&'a World);
    impl Rewriter for Pauses<'_> {
        async fn rewrite(&self, request: RewriteRequest<'_>) -> Result<Rewrite, Unanswered> {
            self.0.store.configure(self.0.store.default_assistant(), |s| s.updates_paused = true);
            self.0.writer.rewrite(request).await
        }
    }
    let w = world().await;
    let outcome = improve(w.reflection, &ports(&w.store, &Pauses(&w))).await.unwrap();
    assert_eq!(outcome, Outcome::Skipped { skipped: true, reason: "paused".into() });
    assert_eq!(w.live().0, 1);
}

#[tokio::test]
async fn a_model_that_fails_leaves_the_update_owed() {
    let w = world().await;
    w.writer.next.borrow_mut().push_back(Err(ModelError::Overloaded(None)));
    let error = w.call(json!({"reflection_id": w.reflection})).await.unwrap_err();
    assert_eq!((error.status, error.code), (503, "model_overloaded"));
    assert_eq!(w.live().0, 1);
    assert_eq!(w.improve().await["version"], 2);
}

#[tokio::test]
async fn a_writer_that_keeps_failing_is_not_paid_for_ever() {
    let w = world().await;
    for _ in 0..5 {
        w.writer.next.borrow_mut().push_back(Err(ModelError::CutOff));
        w.call(json!({"reflection_id": w.reflection})).await.unwrap_err();
    }
    assert_eq!(w.improve().await["refused"], true);
    assert_eq!(w.writer.asked.borrow().len(), 5);
    assert_eq!(w.store.logs()[0].suggestion.as_deref(), Some("the writer failed 5 times"));
    assert_eq!(w.live().0, 1);
}

#[tokio::test]
async fn without_a_database_nothing_is_written_or_paid_for() {
    let w = world().await;
    w.store.fail_next("begin_update", StoreError::Unavailable("timeout".into()));
    let error = w.call(json!({"reflection_id": w.reflection})).await.unwrap_err();
    assert_eq!((error.status, error.code), (503, "database_unavailable"));
    assert!(w.writer.asked.borrow().is_empty());
}

#[tokio::test]
async fn every_draft_is_counted_also_one_the_guards_refuse() {
    let w = world().await;
    let before = w.store.spent().len();
    w.writer.next.borrow_mut().push_back(Ok(format!("Never promise a delivery date. {SAID}")));
    w.call(json!({"reflection_id": w.reflection})).await.unwrap();
    let spent = w.store.spent().split_off(before);
    assert_eq!(spent.iter().map(|s| s.usage).collect::<Vec<_>>(), [USAGE, USAGE]);
}

#[tokio::test]
async fn a_clause_that_is_protected_while_the_model_writes_is_obeyed() {
    struct Protects<'a>(&'a World);
    impl Rewriter for Protects<'_> {
        async fn rewrite(&self, request: RewriteRequest<'_>) -> Result<Rewrite, Unanswered> {
            let clauses = vec!["Be kind.".to_owned()];
            self.0.store.configure(self.0.store.default_assistant(), |s| s.protected_clauses = clauses);
            self.0.writer.rewrite(request).await
        }
    }
    let w = world().await;
    w.writes(&format!("{CURRENT} Give reasons."));
    w.writes(&format!("{CURRENT} Be kind."));
    let outcome = improve(w.reflection, &ports(&w.store, &Protects(&w))).await.unwrap();
    assert!(matches!(outcome, Outcome::Submitted { version: 2, .. }), "{outcome:?}");
    assert_eq!(w.writer.asked.borrow()[1].1, ["protected clause 1 is missing or altered"]);
    assert_eq!(w.state_of(2).1, format!("{CURRENT} Be kind."));
}

#[tokio::test]
async fn a_text_that_was_rejected_before_is_not_tested_again() {
    let w = world().await;
    let tried = format!("{CURRENT} Give reasons.");
    w.writes(&tried);
    assert_eq!(w.improve().await["version"], 2);
    w.call(json!({"action": "reject", "version": 2})).await.unwrap();
    w.store.advance(TimeDelta::hours(7));

    // The writer is told once, and then a person.
    let second = reflect(&w.store, Action::PromptUpdate).await;
    w.writes(&tried.to_uppercase());
    w.writes(&format!("{tried} And examples."));
    assert_eq!(w.call(json!({"reflection_id": second})).await.unwrap()["version"], 3);
    let told = ["the prompt was tested before and rejected: it has to be another"];
    assert_eq!(w.writer.asked.borrow().last().unwrap().1, told);
    w.call(json!({"action": "reject", "version": 3})).await.unwrap();
    w.store.advance(TimeDelta::hours(7));
    let third = reflect(&w.store, Action::PromptUpdate).await;
    w.writes(&tried);
    w.writes(&tried);
    let body = w.call(json!({"reflection_id": third})).await.unwrap();
    assert_eq!((&body["refused"], &body["reason"]), (&json!(true), &json!(told[0])));
}
