//! What the store promises, in either world.

use futures_util::future::{join, join_all};
use pawl_core::{
    conversation::Exchange,
    decision::Action,
    evaluation::{ByCriterion, CheckedScore, ClaimedScore, evaluate, summarize},
};
use pawl_store::{
    StoreError,
    prompts::{BeginUpdate, NewVersion, Prompts, Publish, RefuseUpdate, Rollback, RollbackRequest},
    reflections::{
        Claim, ClaimRequest, Claimed, JudgeTask, RecordReflection, RecordedEvaluation, Reflection, Reflections,
        SkipReason, Suggestion, Task, Work,
    },
    turns::{BeginTurn, BeginTurns, CompleteTurn, FinishedTurn, NewTurn, PromptText, Turn, TurnLedger},
};
use serde_json::json;
use uuid::Uuid;

use crate::worlds::{Change, World};

const HOLDER: Uuid = Uuid::from_u128(0xA1);
const RIVAL: Uuid = Uuid::from_u128(0xA2);

// --- Turns -----------------------------------------------------------------------------------------------------------

async fn begin(store: &impl BeginTurns, turn: NewTurn<'_>) -> Turn {
    match store.begin_turn(&turn).await.unwrap() {
        BeginTurn::Ok(turn) => turn,
        refused => panic!("the turn was refused: {refused:?}"),
    }
}

fn finished<'a>(turn: &Turn, answer: &'a str) -> FinishedTurn<'a> {
    FinishedTurn {
        turn_id: turn.turn_id,
        prompt_id: turn.prompt_id,
        answer,
        model: "simulated/m",
        stop_reason: "end_turn",
        input_tokens: 3,
        output_tokens: 2,
        latency_ms: 1,
    }
}

async fn complete(store: &impl TurnLedger, turn: &Turn, answer: &str) -> Uuid {
    match store.complete_turn(&finished(turn, answer)).await.unwrap() {
        CompleteTurn::Ok { answer_id } => answer_id,
        refused => panic!("the turn was not completed: {refused:?}"),
    }
}

pub async fn a_turn_is_stored_answered_and_remembered(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let service = world.service();

    let first = begin(&user, NewTurn { message: "one", ..NewTurn::default() }).await;
    assert_eq!((first.prompt_version, first.history.len()), (1, 0));
    assert_eq!(
        (first.model.as_str(), first.max_answer_tokens, first.history_token_budget),
        ("claude-sonnet-5-5", 4096, 8000)
    );
    let text = service.serving_context(first.prompt_id).await.unwrap();
    assert_eq!(text, PromptText::Ok { version: 1, content: "You answer questions about bicycles.".into() });
    assert_eq!(service.serving_context(Uuid::max()).await.unwrap(), PromptText::PromptNotFound);

    let answer_id = complete(&service, &first, "answer one").await;
    assert_eq!(complete(&service, &first, "another answer").await, answer_id, "a turn is completed once");

    let going_on = NewTurn { message: "lost", session_id: Some(first.session_id), ..NewTurn::default() };
    let lost = begin(&user, going_on).await;
    service.fail_turn(lost.turn_id, "model_timeout").await.unwrap();
    assert_eq!(service.complete_turn(&finished(&lost, "late")).await.unwrap(), CompleteTurn::TurnFailed);
    let unknown = Turn { turn_id: Uuid::max(), ..lost };
    assert_eq!(service.complete_turn(&finished(&unknown, "x")).await.unwrap(), CompleteTurn::TurnNotFound);

    let third = begin(&user, NewTurn { message: "two", ..going_on }).await;
    assert_eq!(third.session_id, first.session_id);
    let remembered = Exchange { user_message: "one".into(), answer: "answer one".into() };
    assert_eq!(third.history, [remembered], "only answered turns are history");

    // A backend goes on with the person's session.
    let for_user = NewTurn { user_id: Some(user_id), ..going_on };
    assert_eq!(begin(&service, for_user).await.session_id, first.session_id);
}

pub async fn any_text_comes_back_as_it_was(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let texts =
        ["\"quotes\" \\ back\\slash {\"a\": [1]}", "línea\r\n\ttab 🦀 \u{202e}rtl 漢字", "'; drop table x; -- $1 %s"];
    let mut session_id = None;
    for text in texts {
        let turn = begin(&user, NewTurn { message: text, session_id, ..NewTurn::default() }).await;
        complete(&world.service(), &turn, &format!("<{text}>")).await;
        session_id = Some(turn.session_id);
    }
    let last = begin(&user, NewTurn { message: "and?", session_id, ..NewTurn::default() }).await;
    let expected = texts.map(|text| Exchange { user_message: text.into(), answer: format!("<{text}>") });
    assert_eq!(last.history, expected);
}

pub async fn a_refused_turn_has_its_reason(world: &impl World) {
    let (organization_id, _) = world.organization().await;
    let (other_organization, _) = world.organization().await;
    let (user_id, user) = world.user().await;
    world.add_member(organization_id, user_id, false).await;
    let (stranger_id, stranger) = world.user().await;
    world.add_member(other_organization, stranger_id, false).await;
    let theirs = begin(&stranger, NewTurn { message: "x", ..NewTurn::default() }).await.session_id;

    let turn = NewTurn { message: "x", ..NewTurn::default() };
    let too_long = "é".repeat(16 * 1024) + "x";
    let cases = [
        (NewTurn { message: "", ..turn }, BeginTurn::MessageEmpty),
        (NewTurn { message: " \n\t", ..turn }, BeginTurn::MessageEmpty),
        (NewTurn { message: &too_long, ..turn }, BeginTurn::MessageTooLong),
        (NewTurn { session_id: Some(theirs), ..turn }, BeginTurn::SessionNotFound),
        (NewTurn { session_id: Some(Uuid::max()), ..turn }, BeginTurn::SessionNotFound),
        (NewTurn { assistant: Some("nobody"), ..turn }, BeginTurn::AssistantNotFound),
        (NewTurn { organization_id: Some(other_organization), ..turn }, BeginTurn::OrganizationNotFound),
        (NewTurn { user_id: Some(user_id), ..turn }, BeginTurn::UserNotAllowed),
    ];
    for (turn, expected) in cases {
        assert_eq!(user.begin_turn(&turn).await.unwrap(), expected);
    }
    assert_eq!(world.service().begin_turn(&turn).await.unwrap(), BeginTurn::UserRequired);
    world.add_member(other_organization, user_id, false).await;
    assert_eq!(user.begin_turn(&turn).await.unwrap(), BeginTurn::OrganizationRequired);
    let chosen = NewTurn { organization_id: Some(organization_id), ..turn };
    let session_id = begin(&user, chosen).await.session_id;
    // The session says which organisation is meant.
    begin(&user, NewTurn { session_id: Some(session_id), ..turn }).await;
    let at_the_limit = "é".repeat(16 * 1024);
    begin(&user, NewTurn { message: &at_the_limit, ..chosen }).await;
}

pub async fn rights_are_the_databases(world: &impl World) {
    let turn = NewTurn { message: "x", ..NewTurn::default() };
    assert_eq!(world.nobody().begin_turn(&turn).await, Err(StoreError::Unauthenticated));
    let rollback = RollbackRequest { version: 1, assistant: None, organization_id: None, reason: None };
    assert_eq!(world.nobody().roll_back(&rollback).await, Err(StoreError::Unauthenticated));
    let (_, user) = world.user().await;
    let claim = ClaimRequest { holder: HOLDER, lease_seconds: 160, ..ClaimRequest::default() };
    for (store, refusal) in [(world.nobody(), StoreError::Unauthenticated), (user, StoreError::Forbidden)] {
        assert_eq!(store.serving_context(Uuid::max()).await, Err(refusal.clone()));
        assert_eq!(store.fail_turn(Uuid::max(), "x").await, Err(refusal.clone()));
        assert_eq!(store.claim(&claim, None).await, Err(refusal.clone()));
        assert_eq!(store.release(HOLDER, Uuid::max()).await, Err(refusal.clone()));
        assert_eq!(store.begin_update(Uuid::max()).await, Err(refusal.clone()));
        assert_eq!(store.refuse_update(Uuid::max(), "x").await, Err(refusal));
    }
}

// --- Reflections -----------------------------------------------------------------------------------------------------

struct Place {
    organization_id: Uuid,
    assistant_id: Uuid,
}

/// An organisation of its own that judges from one answer on.
async fn place(world: &impl World) -> Place {
    let (organization_id, assistant_id) = world.organization().await;
    world.change(assistant_id, Change::MinConversations(1)).await;
    Place { organization_id, assistant_id }
}

impl Place {
    /// Answered turns in a session; the answers' ids.
    async fn chats(&self, world: &impl World, count: usize) -> Vec<Uuid> {
        let (user_id, user) = world.user().await;
        world.add_member(self.organization_id, user_id, false).await;
        let mut session_id = None;
        let mut answers = Vec::new();
        for i in 0..count {
            let message = format!("question {i}");
            let turn = begin(&user, NewTurn { message: &message, session_id, ..NewTurn::default() }).await;
            session_id = Some(turn.session_id);
            answers.push(complete(&world.service(), &turn, &format!("this is answer {i}")).await);
        }
        answers
    }

    fn request(&self) -> ClaimRequest<'static> {
        ClaimRequest {
            holder: HOLDER,
            organization_id: Some(self.organization_id),
            lease_seconds: 160,
            ..ClaimRequest::default()
        }
    }

    async fn claim(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> Claimed {
        match store.claim(request, None).await.unwrap() {
            Claim::Ok(claimed) => claimed,
            Claim::AssistantNotFound => panic!("no such assistant"),
        }
    }

    async fn work(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> Work {
        let claimed = self.claim(store, request).await;
        claimed.claim.unwrap_or_else(|| panic!("nothing to work on: {:?}", claimed.skipped))
    }

    async fn judge_task(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> JudgeTask {
        match self.work(store, request).await.task {
            Task::Judge(task) => *task,
            Task::Update { .. } => panic!("an update is owed"),
        }
    }

    /// Why nothing is claimed.
    async fn reason(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> SkipReason {
        let claimed = self.claim(store, request).await;
        assert_eq!((claimed.claim, claimed.skipped.len()), (None, 1));
        assert_eq!(claimed.skipped[0].about.assistant_id, self.assistant_id);
        claimed.skipped[0].reason
    }

    /// Judges what waits, with this action, and gives the lease back.
    async fn reflect(&self, store: &impl Reflections, action: Action) -> Uuid {
        let task = self.judge_task(store, &ClaimRequest { force: true, dry_run: true, ..self.request() }).await;
        let reflection_id = match self.record(store, HOLDER, &task, action).await {
            RecordReflection::Ok { reflection_id, suggestion_id } => {
                assert_eq!(suggestion_id.is_some(), action == Action::Suggestion);
                reflection_id
            }
            RecordReflection::LeaseLost => panic!("the lease was lost"),
        };
        store.release(HOLDER, self.assistant_id).await.unwrap();
        reflection_id
    }

    async fn record(
        &self,
        store: &impl Reflections,
        holder: Uuid,
        task: &JudgeTask,
        action: Action,
    ) -> RecordReflection {
        let claims = [ClaimedScore { criterion: "depth".into(), score: 2, evidence: "this is answer".into() }];
        let evaluated: Vec<_> = task
            .exchanges
            .iter()
            .map(|e| (e.message_id, evaluate(&claims, &e.exchange, &task.rubric.criteria)))
            .collect();
        let summary = summarize(evaluated.iter().map(|(_, evaluation)| evaluation));
        let evaluations = evaluated.iter().map(|(message_id, evaluation)| RecordedEvaluation {
            message_id: *message_id,
            overall: evaluation.overall,
            discarded: evaluation.overall.is_none(),
            scores: &evaluation.scores as &ByCriterion<CheckedScore>,
        });
        let reflection = Reflection {
            assistant_id: self.assistant_id,
            prompt_id: task.prompt.id,
            rubric_id: task.rubric.id,
            window_start: &task.window_start,
            window_end: &task.window_end,
            action,
            overall: summary.overall,
            criterion_scores: &summary.criteria,
            strengths: &["brief".to_owned()],
            weaknesses: &["shallow".to_owned(), "cold".to_owned()],
            patterns: &[],
            judge_model: "simulated/judge",
            raw_analysis: &json!({"evaluations": []}),
            evaluations: evaluations.collect(),
            suggestion: (action == Action::Suggestion).then(|| Suggestion {
                kind: "prompt_change",
                priority: "low",
                title: "shallow".into(),
                description: "- shallow".into(),
                proposed_change: None,
            }),
        };
        store.record(holder, &reflection).await.unwrap()
    }
}

pub async fn a_reflection_is_claimed_recorded_and_not_repeated(world: &impl World) {
    let place = place(world).await;
    let (store, request) = (world.service(), place.request());
    assert_eq!(place.reason(&store, &request).await, SkipReason::InsufficientData);
    let answers = place.chats(world, 3).await;

    let task = place.judge_task(&store, &request).await;
    assert_eq!((task.prompt.version, task.prompt.content.as_str()), (1, "You answer questions about bicycles."));
    assert_eq!(task.thresholds, pawl_core::decision::Thresholds::default());
    assert_eq!(task.rubric.criteria.criteria()[0].key, "depth");
    let newest_first: Vec<_> = answers.iter().rev().copied().collect();
    assert_eq!(task.exchanges.iter().map(|e| e.message_id).collect::<Vec<_>>(), newest_first);
    // Beside each answer stands the one message it answers.
    assert_eq!(task.exchanges[0].exchange.user_message, "question 2");
    assert_eq!(task.exchanges[2].exchange.user_message, "question 0");

    assert!(matches!(place.record(&store, HOLDER, &task, Action::Suggestion).await, RecordReflection::Ok { .. }));
    store.release(HOLDER, place.assistant_id).await.unwrap();
    assert_eq!(place.reason(&store, &request).await, SkipReason::InsufficientData);

    // New answers wait for the interval, unless forced; the judged ones are not given again.
    let new = place.chats(world, 2).await;
    assert_eq!(place.reason(&store, &request).await, SkipReason::Cooldown);
    let forced = place.judge_task(&store, &ClaimRequest { force: true, ..request }).await;
    assert_eq!(forced.exchanges.len(), 2);
    assert!(forced.exchanges.iter().all(|e| new.contains(&e.message_id)));
    store.release(HOLDER, place.assistant_id).await.unwrap();
    world.wait_hours(7).await;
    assert_eq!(place.judge_task(&store, &request).await.exchanges.len(), 2);
    store.release(HOLDER, place.assistant_id).await.unwrap();
    // What is older than the window is not judged any more.
    world.wait_hours(24).await;
    assert_eq!(place.reason(&store, &request).await, SkipReason::InsufficientData);

    let unknown = ClaimRequest { assistant: Some("nobody"), ..request };
    assert_eq!(store.claim(&unknown, None).await.unwrap(), Claim::AssistantNotFound);
}

pub async fn a_lease_is_exclusive_and_runs_out(world: &impl World) {
    let place = place(world).await;
    place.chats(world, 1).await;
    let (store, request) = (world.service(), place.request());
    let claimed = place.claim(&store, &request).await;
    assert!(claimed.claim.is_some() && claimed.more);
    // The same sweep does not see it again; another one is told.
    let Claim::Ok(rest) = store.claim(&request, Some(&claimed.as_of)).await.unwrap() else { panic!("filter") };
    assert_eq!((rest.claim, rest.skipped.len(), rest.more), (None, 0, false));
    let rival = ClaimRequest { holder: RIVAL, force: true, ..request };
    assert_eq!(place.reason(&store, &rival).await, SkipReason::InProgress);
    store.release(RIVAL, place.assistant_id).await.unwrap();
    assert_eq!(place.reason(&store, &rival).await, SkipReason::InProgress, "only its holder gives a lease back");

    world.wait_hours(1).await;
    let task = place.judge_task(&store, &rival).await;
    assert_eq!(place.record(&store, HOLDER, &task, Action::None).await, RecordReflection::LeaseLost);
    assert!(matches!(place.record(&store, RIVAL, &task, Action::None).await, RecordReflection::Ok { .. }));
    store.release(RIVAL, place.assistant_id).await.unwrap();
}

pub async fn pauses_locks_and_caps_are_obeyed_unless_forced(world: &impl World) {
    let place = place(world).await;
    place.chats(world, 1).await;
    let (store, request) = (world.service(), place.request());
    let switches = [
        (Change::Paused(true), Change::Paused(false), SkipReason::Paused),
        (Change::Locked(true), Change::Locked(false), SkipReason::Locked),
        (Change::MaxUpdatesPerDay(0), Change::MaxUpdatesPerDay(3), SkipReason::DailyLimit),
    ];
    for (on, off, reason) in switches {
        world.change(place.assistant_id, on).await;
        assert_eq!(place.reason(&store, &request).await, reason);
        place.judge_task(&store, &ClaimRequest { force: true, ..request }).await;
        store.release(HOLDER, place.assistant_id).await.unwrap();
        world.change(place.assistant_id, off).await;
    }
    place.judge_task(&store, &request).await;
    store.release(HOLDER, place.assistant_id).await.unwrap();
}

// --- Prompts ---------------------------------------------------------------------------------------------------------

fn version(reflection_id: Uuid, parent_id: Uuid, content: &str) -> NewVersion<'_> {
    NewVersion { reflection_id, parent_id, content, change_reason: "Reasons were missing.", model: "simulated/writer" }
}

async fn begin_update(store: &impl Prompts, reflection_id: Uuid) -> Uuid {
    match store.begin_update(reflection_id).await.unwrap() {
        BeginUpdate::Ok(update) => update.prompt_id,
        refused => panic!("the update was refused: {refused:?}"),
    }
}

pub async fn a_version_is_published_once(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    place.chats(world, 2).await;
    world.change(place.assistant_id, Change::Protect("bicycles")).await;
    let reflection = place.reflect(&store, Action::PromptUpdate).await;

    // It is owed until something comes of it.
    let work = place.work(&store, &place.request()).await;
    assert_eq!(work.task, Task::Update { reflection_id: reflection });
    store.release(HOLDER, place.assistant_id).await.unwrap();

    let BeginUpdate::Ok(update) = store.begin_update(reflection).await.unwrap() else { panic!("refused") };
    assert_eq!(update.current_prompt, "You answer questions about bicycles.");
    assert_eq!((update.prompt_version, update.rewriter_model.as_str()), (1, "claude-sonnet-5-5"));
    assert_eq!((update.strengths, update.weaknesses), (vec!["brief".into()], vec!["shallow".into(), "cold".into()]));
    assert_eq!((update.patterns, update.protected_clauses), (vec![], vec!["bicycles".into()]));
    let mut messages = update.user_messages;
    messages.sort();
    assert_eq!(messages, ["question 0", "question 1"]);

    let first = version(reflection, update.prompt_id, "Better.");
    let change_reason = "Reasons were missing.".to_owned();
    let published = Publish::Published { new_version: 2, previous_version: 1, change_reason: change_reason.clone() };
    assert_eq!(store.publish(&first).await.unwrap(), published);
    assert_eq!(store.publish(&version(reflection, update.prompt_id, "Other.")).await.unwrap(), published);
    let done = BeginUpdate::Published { new_version: 2, change_reason };
    assert_eq!(store.begin_update(reflection).await.unwrap(), done);

    // The next turn is served by it, and the one after the cooldown may replace it.
    place.chats(world, 1).await;
    let second = place.reflect(&store, Action::PromptUpdate).await;
    let cooling = BeginUpdate::Skipped { reason: SkipReason::Cooldown };
    assert_eq!(store.begin_update(second).await.unwrap(), cooling);
    let too_soon = store.publish(&version(second, Uuid::max(), "x")).await.unwrap();
    assert_eq!(too_soon, Publish::Superseded, "a parent that is not live comes before the cooldown");
    world.wait_hours(7).await;
    let parent = begin_update(&store, second).await;
    world.change(place.assistant_id, Change::MaxUpdatesPerDay(1)).await;
    let limited = Publish::Skipped { reason: SkipReason::DailyLimit };
    assert_eq!(store.publish(&version(second, parent, "Best.")).await.unwrap(), limited);
    world.change(place.assistant_id, Change::MaxUpdatesPerDay(2)).await;
    let published = store.publish(&version(second, parent, "Best.")).await.unwrap();
    assert!(matches!(published, Publish::Published { new_version: 3, previous_version: 2, .. }), "{published:?}");

    assert_eq!(store.begin_update(Uuid::max()).await.unwrap(), BeginUpdate::ReflectionNotFound);
    let unknown = store.publish(&version(Uuid::max(), parent, "x")).await.unwrap();
    assert_eq!(unknown, Publish::ReflectionNotFound);
}

pub async fn an_update_can_be_given_up(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    place.chats(world, 1).await;
    let reflection = place.reflect(&store, Action::PromptUpdate).await;
    let parent = begin_update(&store, reflection).await;
    assert!(matches!(store.refuse_update(reflection, "the prompt is empty").await.unwrap(), RefuseUpdate::Ok { .. }));
    assert_eq!(store.refuse_update(reflection, "again").await.unwrap(), RefuseUpdate::Refused);
    assert_eq!(store.begin_update(reflection).await.unwrap(), BeginUpdate::Refused);
    assert_eq!(store.publish(&version(reflection, parent, "x")).await.unwrap(), Publish::Refused);
    assert_eq!(place.reason(&store, &place.request()).await, SkipReason::InsufficientData, "it is owed no more");
    assert_eq!(store.refuse_update(Uuid::max(), "x").await.unwrap(), RefuseUpdate::ReflectionNotFound);

    place.chats(world, 1).await;
    let suggestion = place.reflect(&store, Action::Suggestion).await;
    assert_eq!(store.begin_update(suggestion).await.unwrap(), BeginUpdate::NotAnUpdate);
    assert_eq!(store.refuse_update(suggestion, "x").await.unwrap(), RefuseUpdate::NotAnUpdate);
    assert_eq!(store.publish(&version(suggestion, parent, "x")).await.unwrap(), Publish::NotAnUpdate);
}

pub async fn the_right_people_roll_back(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    place.chats(world, 1).await;
    let reflection = place.reflect(&store, Action::PromptUpdate).await;
    let parent = begin_update(&store, reflection).await;
    store.publish(&version(reflection, parent, "Worse.")).await.unwrap();

    let (member_id, member) = world.user().await;
    world.add_member(place.organization_id, member_id, false).await;
    let (admin_id, admin) = world.user().await;
    world.add_member(place.organization_id, admin_id, true).await;
    let (other_organization, _) = world.organization().await;
    let (other_id, other_admin) = world.user().await;
    world.add_member(other_organization, other_id, true).await;

    let to_first = RollbackRequest {
        version: 1,
        assistant: None,
        organization_id: Some(place.organization_id),
        reason: Some("worse"),
    };
    assert_eq!(member.roll_back(&to_first).await.unwrap(), Rollback::Forbidden);
    assert_eq!(other_admin.roll_back(&to_first).await.unwrap(), Rollback::OrganizationNotFound);
    let unnamed = RollbackRequest { organization_id: None, ..to_first };
    assert_eq!(store.roll_back(&unnamed).await.unwrap(), Rollback::OrganizationRequired);
    let nowhere = RollbackRequest { organization_id: Some(Uuid::max()), ..to_first };
    assert_eq!(store.roll_back(&nowhere).await.unwrap(), Rollback::OrganizationNotFound);
    let unknown = RollbackRequest { version: 9, ..to_first };
    assert_eq!(admin.roll_back(&unknown).await.unwrap(), Rollback::VersionNotFound);
    let nowhere = RollbackRequest { assistant: Some("nobody"), ..to_first };
    assert_eq!(admin.roll_back(&nowhere).await.unwrap(), Rollback::AssistantNotFound);

    // An admin of one organisation need not name it.
    let done = Rollback::Ok { new_version: 1, previous_version: Some(2) };
    assert_eq!(admin.roll_back(&unnamed).await.unwrap(), done);
    assert_eq!(store.roll_back(&to_first).await.unwrap(), Rollback::AlreadyActive { new_version: 1 });
    let back = RollbackRequest { version: 2, ..to_first };
    assert_eq!(store.roll_back(&back).await.unwrap(), Rollback::Ok { new_version: 2, previous_version: Some(1) });

    // It starts the cooldown anew, and what was judged before is superseded where another version is live.
    world.wait_hours(7).await;
    assert_eq!(admin.roll_back(&unnamed).await.unwrap(), done);
    place.chats(world, 1).await;
    let again = place.reflect(&store, Action::PromptUpdate).await;
    let cooling = BeginUpdate::Skipped { reason: SkipReason::Cooldown };
    assert_eq!(store.begin_update(again).await.unwrap(), cooling);
    store.roll_back(&back).await.unwrap();
    assert_eq!(store.begin_update(again).await.unwrap(), BeginUpdate::Superseded);
}

/// On PGlite and the fake, calls come one after the other; on a real Postgres this is a race.
pub async fn of_many_at_once_one_wins(world: &impl World) {
    const MANY: usize = 12;
    for _ in 0..5 {
        let place = place(world).await;
        let store = world.service();
        place.chats(world, 1).await;

        let requests: Vec<_> = (1..=MANY as u128)
            .map(|i| ClaimRequest { holder: Uuid::from_u128(i), force: true, ..place.request() })
            .collect();
        let claims = join_all(requests.iter().map(|request| place.claim(&store, request))).await;
        let winners = claims.iter().filter(|claimed| claimed.claim.is_some()).count();
        assert_eq!(winners, 1, "one lease, one holder");
        world.wait_hours(1).await;

        let reflection = place.reflect(&store, Action::PromptUpdate).await;
        let parent = begin_update(&store, reflection).await;
        let texts: Vec<_> = (0..MANY).map(|i| format!("Version by writer {i}.")).collect();
        let versions: Vec<_> = texts.iter().map(|text| version(reflection, parent, text)).collect();
        let published = join_all(versions.iter().map(|version| store.publish(version))).await;
        for outcome in published {
            assert!(matches!(outcome.unwrap(), Publish::Published { new_version: 2, previous_version: 1, .. }));
        }

        // Giving up and publishing at once: one of them, and the other says so.
        world.wait_hours(7).await;
        place.chats(world, 1).await;
        let contested = place.reflect(&store, Action::PromptUpdate).await;
        let parent = begin_update(&store, contested).await;
        let new = version(contested, parent, "Contested.");
        let (published, refused) = join(store.publish(&new), store.refuse_update(contested, "too long")).await;
        match (published.unwrap(), refused.unwrap()) {
            (Publish::Published { new_version: 3, .. }, RefuseUpdate::Published) => {}
            (Publish::Refused, RefuseUpdate::Ok { .. }) => {}
            both => panic!("both won, or neither: {both:?}"),
        }
    }
}
