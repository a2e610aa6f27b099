use std::{cell::RefCell, collections::VecDeque};

use chrono::TimeDelta;
use pawl_core::{decision::Action, evaluation::summarize, rubric::Rubric, usage::Usage};
use pawl_edge::ApiError;
use pawl_model::{ModelError, Unanswered};
use pawl_store::{
    StoreError,
    fake::{FakeStore, StoredPattern},
    reflections::{Claim, ClaimRequest, RecordReflection, RecordedEvaluation, Reflection, Reflections, Task},
    turns::{BeginTurn, BeginTurns, FinishedTurn, Learning, NewTurn, TurnLedger},
};
use serde_json::{Value, json};

use super::*;

const USAGE: Usage =
    Usage { input_tokens: 5, output_tokens: 4, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
const CURRENT: &str = "You answer questions about bicycles. Never promise a delivery date. Keep replies short.";
const SAID: &str = "my name is jo and I would like to know how long the delivery of a new wheel will take";

/// Weaknesses, violations and the limit of a request.
type Asked = (Vec<String>, Vec<String>, usize);

/// Writes what it is told to write, and remembers what it was asked.
#[derive(Default)]
struct Writer {
    next: RefCell<VecDeque<Result<String, ModelError>>>,
    asked: RefCell<Vec<Asked>>,
}

impl Rewriter for Writer {
    async fn rewrite(&self, request: RewriteRequest<'_>) -> Result<Rewrite, Unanswered> {
        let asked = (request.weaknesses.to_vec(), request.violations.to_vec(), request.max_characters);
        self.asked.borrow_mut().push(asked);
        let prompt = self.next.borrow_mut().pop_front().unwrap_or_else(|| Ok(format!("{CURRENT} Give reasons.")))?;
        Ok(Rewrite {
            prompt,
            change_reason: "Reasons were missing.".into(),
            model: "simulated/writer".into(),
            usage: USAGE,
        })
    }
}

struct World {
    store: FakeStore,
    writer: Writer,
    reflection: Uuid,
}

/// A store in which a reflection has called for an update.
async fn world() -> World {
    let rubric: Rubric =
        serde_json::from_value(json!([{"key": "depth", "description": "", "anchors": ["", "", "", "", ""]}])).unwrap();
    let store = FakeStore::new(rubric, CURRENT);
    store.configure(store.default_assistant(), |s| s.min_conversations = 1);
    let reflection = reflect(&store, Action::PromptUpdate).await;
    World { store, writer: Writer::default(), reflection }
}

/// One chat, judged, with this action.
async fn reflect(store: &FakeStore, action: Action) -> Uuid {
    let new = NewTurn { message: SAID, ..NewTurn::default() };
    let user = store.as_user(Uuid::from_u128(0xA));
    let BeginTurn::Ok(turn) = user.begin_turn(&new).await.unwrap() else { panic!("the turn did not begin") };
    let finished = FinishedTurn {
        turn_id: turn.turn_id,
        attempt: turn.attempt,
        prompt_id: None,
        answer: "Soon.",
        model: "m",
        stop_reason: None,
        usage: Usage::default(),
        latency_ms: None,
        tools: &[],
        learning: Learning { response_format: "prose", length_class: "short", answer_characters: 5, exposures: &[] },
    };
    store.complete_turn(&finished).await.unwrap();
    let holder = Uuid::from_u128(0xB);
    let claim = ClaimRequest { holder, force: true, dry_run: true, lease_seconds: 160, ..ClaimRequest::default() };
    let Claim::Ok(claimed) = store.claim(&claim, None).await.unwrap() else { panic!("no claim") };
    let work = claimed.claim.expect("an assistant to work on");
    let Task::Judge(task) = work.task else { panic!("nothing to judge") };
    let nothing = summarize([]);
    let scores = pawl_core::evaluation::evaluate(&[], &task.exchanges[0].exchange, &task.rubric.criteria).scores;
    let reflection = Reflection {
        assistant_id: work.about.assistant_id,
        prompt_id: task.prompt.id,
        rubric_id: task.rubric.id,
        window_start: &task.window_start,
        window_end: &task.window_end,
        action,
        overall: Some(2.0),
        criterion_scores: &nothing.criteria,
        strengths: &["brief".to_owned()],
        weaknesses: &["no reasons".to_owned()],
        patterns: &[],
        judge_model: "simulated/judge",
        raw_analysis: &json!({}),
        evaluations: vec![RecordedEvaluation {
            message_id: task.exchanges[0].message_id,
            overall: Some(2.0),
            discarded: false,
            scores: &scores,
        }],
        suggestion: None,
    };
    let RecordReflection::Ok { reflection_id, .. } = store.record(holder, &reflection).await.unwrap() else {
        panic!("not recorded")
    };
    store.release(holder, work.about.assistant_id).await.unwrap();
    reflection_id
}

impl World {
    async fn call_as(&self, store: &FakeStore, body: Value) -> Result<Value, ApiError> {
        let request = Request {
            method: "POST".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let response =
            update(&request, "r1", &Ports { store, rewriter: Ok(&self.writer) }).await.map_err(ApiError::from)?;
        Ok(serde_json::from_str(response.text()).unwrap())
    }

    async fn call(&self, body: Value) -> Result<Value, ApiError> {
        self.call_as(&self.store, body).await
    }

    async fn improve(&self) -> Value {
        self.call(json!({"reflection_id": self.reflection})).await.unwrap()
    }

    fn writes(&self, prompt: &str) {
        self.writer.next.borrow_mut().push_back(Ok(prompt.to_owned()));
    }

    fn live(&self) -> (i32, String) {
        let live: Vec<_> =
            self.store.prompts(self.store.default_assistant()).into_iter().filter(|p| p.is_active).collect();
        assert_eq!(live.len(), 1, "live versions");
        (live[0].version, live[0].content.clone())
    }
}

#[tokio::test]
async fn a_better_prompt_is_written_from_the_findings_and_published() {
    let w = world().await;
    let body = w.improve().await;
    insta::assert_json_snapshot!(body, @r#"
    {
      "change_reason": "Reasons were missing.",
      "new_version": 2,
      "previous_version": 1,
      "request_id": "r1"
    }
    "#);
    assert_eq!(w.live(), (2, format!("{CURRENT} Give reasons.")));
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
        let outcome = improve(w.reflection, &Ports { store: &w.store, rewriter: Ok(&Silent(given)) }).await.unwrap();
        let Outcome::Live { change_reason, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(change_reason, "Written against: no reasons");
    }
}

#[tokio::test]
async fn the_same_reflection_publishes_once_and_pays_once() {
    let w = world().await;
    w.improve().await;
    let again = w.improve().await;
    assert_eq!(again["new_version"], 2);
    assert_eq!(w.store.prompts(w.store.default_assistant()).len(), 2);
    assert_eq!(w.writer.asked.borrow().len(), 1);
}

#[tokio::test]
async fn what_a_guard_refuses_is_written_once_more_with_the_reason() {
    let w = world().await;
    w.writes(&format!("Keep replies short. Say: {SAID}"));
    let body = w.improve().await;
    assert_eq!(body["new_version"], 2);
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

    let cooling = world().await;
    cooling.improve().await;
    let second = reflect(&cooling.store, Action::PromptUpdate).await;
    let body = json!({"reflection_id": second});
    assert_eq!(cooling.call(body.clone()).await.unwrap()["reason"], "cooldown");
    cooling.store.advance(TimeDelta::hours(7));
    cooling.writes(&format!("{CURRENT} Give reasons and examples."));
    assert_eq!(cooling.call(body).await.unwrap()["new_version"], 3);
    for w in [&paused, &locked, &capped] {
        assert!(w.writer.asked.borrow().is_empty());
        assert_eq!(w.live().0, 1);
    }
}

#[tokio::test]
async fn a_version_that_is_no_longer_live_is_not_built_upon() {
    let w = world().await;
    w.improve().await;
    w.store.advance(TimeDelta::hours(7));
    let second = reflect(&w.store, Action::PromptUpdate).await;
    w.call(json!({"action": "rollback", "version": 1})).await.unwrap();
    let body = w.call(json!({"reflection_id": second})).await.unwrap();
    assert_eq!((&body["skipped"], &body["reason"]), (&json!(true), &json!("superseded")));
    assert_eq!(w.live().0, 1);
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
    let outcome = improve(w.reflection, &Ports { store: &w.store, rewriter: Ok(&Pauses(&w)) }).await.unwrap();
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
    assert_eq!(w.improve().await["new_version"], 2);
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
async fn admins_roll_back_and_members_do_not() {
    let w = world().await;
    w.improve().await;
    let (admin, member) = (Uuid::from_u128(0xD), Uuid::from_u128(0xA));
    w.store.add_member(w.store.default_organization(), admin, true);
    let body = json!({"action": "rollback", "version": 1, "reason": "worse for me"});
    let error = w.call_as(&w.store.as_user(member), body.clone()).await.unwrap_err();
    assert_eq!((error.status, error.code), (403, "forbidden"));
    let error = w.call_as(&w.store.as_nobody(), body.clone()).await.unwrap_err();
    assert_eq!(error.status, 401);
    let answer = w.call_as(&w.store.as_user(admin), body).await.unwrap();
    insta::assert_json_snapshot!(answer, @r#"
    {
      "about": {
        "version": 1
      },
      "action": "rollback",
      "assistant": "default",
      "audit_id": 2,
      "changed": {
        "live_version": {
          "from": 2,
          "to": 1
        }
      },
      "request_id": "r1"
    }
    "#);
    assert_eq!(w.live(), (1, CURRENT.to_owned()));
}

#[tokio::test]
async fn bad_input_is_named_and_changes_nothing() {
    let w = world().await;
    let id = w.reflection;
    let cases = [
        (json!({}), 400, "`reflection_id`: is required"),
        (json!({"reflection_id": "x"}), 400, "`reflection_id`: must be a UUID"),
        (json!({"reflection_id": id, "version": 1}), 400, "`version`: does not belong"),
        (json!({"action": "explode"}), 400, "`action`: expected"),
        (json!({"action": "rollback", "version": 1, "reflection_id": id}), 400, "`reflection_id`: does not belong"),
        (json!({"action": "approve"}), 400, "`suggestion_id`: is required"),
        (json!({"action": "approve", "suggestion_id": id, "assistant": "x"}), 400, "`assistant`: does not belong"),
        (json!({"action": "revert_pattern"}), 400, "`pattern_id`: is required"),
        (json!({"action": "revert_pattern", "pattern_id": id, "assistant": "x"}), 400, "`assistant`: does not belong"),
        (json!({"action": "revert_pattern", "pattern_id": id}), 404, "`pattern_id`: there is no such pattern"),
        (json!({"action": "write"}), 400, "`content`: is required"),
        (json!({"action": "write", "content": " "}), 400, "`content`: must have"),
        (json!({"action": "write", "content": "x", "activate": "yes"}), 400, "`activate`: expected a boolean"),
        (json!({"action": "activate"}), 400, "`version`: is required"),
        (json!({"action": "protect"}), 400, "`clauses`: is required"),
        (json!({"action": "protect", "clauses": [""]}), 400, "`clauses`: up to 50"),
        (json!({"action": "pause", "until": "tomorrow-ish"}), 400, "`until`: must be a time"),
        (json!({"action": "pause", "until": "2001-01-01T00:00:00Z"}), 400, "`until`: must be in the future"),
        (json!({"action": "resume", "version": 1}), 400, "`version`: does not belong"),
        (json!({"action": "resume", "user_id": Uuid::max()}), 403, "Only admins and owners"),
        (json!({"action": "rollback"}), 409, "name a `version`"),
        (json!({"action": "rollback", "version": 0}), 404, "`version`: the assistant has no such version"),
        (json!({"action": "lock", "version": 9}), 404, "`version`: the assistant has no such version"),
        (json!({"action": "rollback", "version": 1, "assistant": "x"}), 404, "`assistant`"),
        (json!({"action": "rollback", "version": 1, "reason": "x".repeat(1001)}), 400, "`reason`"),
        (
            json!({"action": "reject", "suggestion_id": Uuid::max()}),
            404,
            "`suggestion_id`: there is no such suggestion",
        ),
        (json!({"reflection_id": Uuid::max()}), 404, "`reflection_id`: there is no such reflection"),
    ];
    for (body, status, part) in cases {
        let error = w.call(body.clone()).await.unwrap_err();
        assert_eq!(error.status, status, "{body}: {}", error.message);
        assert!(error.message.contains(part), "{body}: {}", error.message);
    }
    let suggestion = reflect(&w.store, Action::Suggestion).await;
    let error = w.call(json!({"reflection_id": suggestion})).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "not_an_update"));
    assert!(w.writer.asked.borrow().is_empty());
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
async fn each_decision_reaches_the_store_as_it_was_meant() {
    let w = world().await;
    let version = |from: i32, to: i32| json!({"live_version": {"from": from, "to": to}});
    let switch = |what: &str, to: bool| json!({what: {"from": !to, "to": to}});
    let write = json!({"action": "write", "content": "By hand."});
    let live = json!({"action": "write", "content": "By hand, live.", "activate": true});
    let both = json!({"latest_version": {"from": 2, "to": 3}, "live_version": {"from": 1, "to": 3}});
    let until = "2200-01-01T00:00:00Z";
    let assistant_id = w.store.default_assistant();
    let pattern_id = w.store.add_pattern(StoredPattern { assistant_id, state: "active", influence: 0.93 });
    let cases = [
        (json!({"action": "pause"}), switch("updates_paused", true)),
        (json!({"action": "resume"}), switch("updates_paused", false)),
        (json!({"action": "pause", "until": until}), json!({"paused_until": {"from": null, "to": until}})),
        (json!({"action": "resume"}), json!({"paused_until": {"from": until, "to": null}})),
        (json!({"action": "require_approval"}), switch("approval_required", true)),
        (json!({"action": "waive_approval"}), switch("approval_required", false)),
        (write, json!({"latest_version": {"from": 1, "to": 2}})),
        (live, both),
        (json!({"action": "activate", "version": 2}), version(3, 2)),
        (json!({"action": "rollback"}), version(2, 3)),
        (json!({"action": "rollback", "version": 1}), version(3, 1)),
        (json!({"action": "lock"}), switch("locked", true)),
        (json!({"action": "unlock", "version": 1}), switch("locked", false)),
        (json!({"action": "lock", "version": 2}), switch("locked", true)),
        (json!({"action": "protect", "clauses": ["Keep"]}), json!({"protected_clauses": {"from": [], "to": ["Keep"]}})),
        (
            json!({"action": "revert_pattern", "pattern_id": pattern_id}),
            json!({"state": {"from": "active", "to": "reverted"}, "influence": {"from": 0.93, "to": 0.0}}),
        ),
    ];
    for (body, changed) in cases {
        let answer = w.call(body.clone()).await.unwrap();
        assert_eq!(answer["changed"], changed, "{body}");
        assert_eq!(answer["action"], body["action"]);
        assert!(answer["audit_id"].is_i64());
    }
}

#[tokio::test]
async fn a_version_that_needs_approval_is_proposed_and_approved() {
    let w = world().await;
    w.call(json!({"action": "require_approval"})).await.unwrap();
    let proposed = w.improve().await;
    let suggestion_id = w.store.suggestions()[0].id;
    assert_eq!(
        proposed,
        json!({"proposed": true, "version": 2, "suggestion_id": suggestion_id, "change_reason": "Reasons were missing.",
               "request_id": "r1"})
    );
    assert_eq!(w.improve().await, proposed, "a second time nothing is written");
    assert_eq!((w.live().0, w.writer.asked.borrow().len()), (1, 1));
    let answer = w.call(json!({"action": "approve", "suggestion_id": suggestion_id, "reason": "good"})).await.unwrap();
    assert_eq!(answer["about"]["version"], 2);
    assert_eq!(w.live().0, 2);
    let error = w.call(json!({"action": "reject", "suggestion_id": suggestion_id})).await.unwrap_err();
    assert_eq!((error.status, error.code), (409, "already_reviewed"));
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
    let outcome = improve(w.reflection, &Ports { store: &w.store, rewriter: Ok(&Protects(&w)) }).await.unwrap();
    assert!(matches!(outcome, Outcome::Live { new_version: 2, .. }), "{outcome:?}");
    assert_eq!(w.writer.asked.borrow()[1].1, ["protected clause 1 is missing or altered"]);
    assert_eq!(w.live().1, format!("{CURRENT} Be kind."));
}

#[tokio::test]
async fn people_decide_without_a_model() {
    let w = world().await;
    let request = |body: Value| Request {
        method: "POST".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_string().into_bytes(),
        ..Request::default()
    };
    let missing = ApiError::misconfigured("ANTHROPIC_API_KEY", "is missing");
    let ports: Ports<'_, FakeStore, Writer> = Ports { store: &w.store, rewriter: Err(missing.clone()) };
    update(&request(json!({"action": "pause"})), "r1", &ports).await.unwrap();
    let error = update(&request(json!({"reflection_id": w.reflection})), "r1", &ports).await.err();
    assert_eq!(error.map(ApiError::from), Some(missing));
}
