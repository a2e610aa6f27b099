mod improving;
mod proving;

use std::{cell::RefCell, collections::VecDeque};

use chrono::TimeDelta;
use pawl_core::{decision::Action, evaluation::summarize, proof::Observations, rubric::Rubric, usage::Usage};
use pawl_edge::ApiError;
use pawl_model::{
    Answer, ChatRequest, CompareRequest, Comparison, JudgeRequest, Judgement, ModelError, Rewrite, RewriteRequest,
    Unanswered,
};
use pawl_store::{
    StoreError,
    fake::{FakeStore, Limits, StoredPattern},
    reflections::{Claim, ClaimRequest, RecordReflection, RecordedEvaluation, Reflection, Reflections, Task},
    turns::{BeginTurn, BeginTurns, FinishedTurn, Learning, NewTurn, TurnLedger},
};
use serde_json::{Value, json};

use super::*;
use crate::proving::tests::model::Model;

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
    /// Answers, compares and judges.
    model: Model,
}

impl Chat for Writer {
    async fn answer(&self, request: ChatRequest<'_>, on_text: &mut dyn FnMut(&str)) -> Result<Answer, Unanswered> {
        self.model.answer(request, on_text).await
    }
}

impl Comparer for Writer {
    async fn compare(&self, request: CompareRequest<'_>) -> Result<Comparison, Unanswered> {
        self.model.compare(request).await
    }
}

impl Judge for Writer {
    async fn judge(&self, request: JudgeRequest<'_>) -> Result<Judgement, Unanswered> {
        self.model.judge(request).await
    }
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
    store.configure(store.default_assistant(), |s| (s.min_conversations, s.placebo_share) = (1, 0.0));
    let reflection = reflect(&store, Action::PromptUpdate).await;
    World { store, writer: Writer::default(), reflection }
}

/// One chat.
async fn chat(store: &FakeStore) {
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
}

/// One chat, judged, with this action.
async fn reflect(store: &FakeStore, action: Action) -> Uuid {
    chat(store).await;
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

fn ports<'a, S, M>(store: &'a S, model: &'a M) -> Ports<'a, S, M> {
    Ports { store, model: Ok(model), now_ms: || 0.0, holder: Uuid::from_u128(0xF) }
}

impl World {
    async fn call_as(&self, store: &FakeStore, body: Value) -> Result<Value, ApiError> {
        let request = Request {
            method: "POST".into(),
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let response = update(&request, "r1", &ports(store, &self.writer)).await.map_err(ApiError::from)?;
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

    /// The state of a version, and its text.
    fn state_of(&self, version: i32) -> (&'static str, String) {
        let prompts = self.store.prompts(self.store.default_assistant());
        let found = prompts.into_iter().find(|p| p.version == version).unwrap();
        (found.state, found.content)
    }
}

#[tokio::test]
async fn admins_roll_back_and_members_do_not() {
    let w = world().await;
    w.improve().await;
    w.call(json!({"action": "force", "version": 2})).await.unwrap();
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
      "audit_id": 3,
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
        (json!({"action": "reject", "suggestion_id": id, "version": 1}), 400, "`version`: does not belong"),
        (json!({"action": "reject", "assistant": "default"}), 400, "or a `version`"),
        (json!({"action": "reject", "version": 1}), 404, "`version`: is in no test"),
        (json!({"action": "force"}), 400, "`version`: is required"),
        (json!({"action": "force", "version": 9}), 404, "`version`: the assistant has no such version"),
        (json!({"action": "test"}), 400, "`version`: is required"),
        (json!({"action": "test", "placebo": false}), 400, "`version`: is required"),
        (json!({"action": "test", "placebo": true, "version": 1}), 400, "`placebo`: is the live text"),
        (json!({"action": "prove", "seconds": 0}), 400, "`seconds`: must be 1 to 140"),
        (json!({"action": "prove", "seconds": 141}), 400, "`seconds`: must be 1 to 140"),
        (json!({"action": "prove", "user_id": id}), 400, "`user_id`: does not belong"),
        (json!({"action": "prove", "assistant": "nobody"}), 404, "`assistant`"),
        (json!({"action": "verify_receipt"}), 400, "`receipt_id`: is required"),
        (json!({"action": "verify_receipt", "receipt_id": id, "reason": "x"}), 400, "`reason`: does not belong"),
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
async fn a_version_that_needs_approval_says_where() {
    let w = world().await;
    w.call(json!({"action": "require_approval"})).await.unwrap();
    let submitted = w.improve().await;
    let suggestion_id = w.store.suggestions()[0].id;
    assert_eq!(
        submitted,
        json!({"submitted": true, "version": 2, "previous_version": 1, "suggestion_id": suggestion_id,
               "change_reason": "Reasons were missing.", "request_id": "r1"})
    );
    assert_eq!(w.improve().await, submitted, "a second time nothing is written");
    assert_eq!((w.live().0, w.writer.asked.borrow().len()), (1, 1));
    let answer = w.call(json!({"action": "approve", "suggestion_id": suggestion_id, "reason": "good"})).await.unwrap();
    assert_eq!(answer["about"]["version"], 2);
    assert_eq!((w.live().0, w.state_of(2).0), (1, "screening"), "it may go live, when it has proved itself");
    let answer = w.call(json!({"action": "reject", "version": 2})).await.unwrap();
    assert_eq!((&answer["action"], w.state_of(2).0), (&json!("reject"), "rejected"));
    let again = w.call(json!({"action": "reject", "version": 2})).await.unwrap();
    assert_eq!(again["changed"], json!({}));
    let error = w.call(json!({"action": "approve", "version": 2})).await.unwrap_err();
    assert_eq!((error.status, error.code), (404, "test_not_found"));
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
    let ports: Ports<'_, FakeStore, Writer> =
        Ports { store: &w.store, model: Err(missing.clone()), now_ms: || 0.0, holder: Uuid::from_u128(0xF) };
    update(&request(json!({"action": "pause"})), "r1", &ports).await.unwrap();
    let error = update(&request(json!({"reflection_id": w.reflection})), "r1", &ports).await.err();
    assert_eq!(error.map(ApiError::from), Some(missing));
}
