//! Reflections.

use pawl_core::{
    decision::Action,
    evaluation::{ByCriterion, CheckedScore, ClaimedScore, evaluate, summarize},
};
use pawl_store::{
    reflections::{
        Claim, ClaimRequest, Claimed, JudgeTask, RecordReflection, RecordedEvaluation, Reflection, Reflections,
        SkipReason, Suggestion, Task, Work,
    },
    turns::NewTurn,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    HOLDER,
    turns::{begin, complete},
};
use crate::worlds::{Change, World};

const RIVAL: Uuid = Uuid::from_u128(0xA2);

pub struct Place {
    pub organization_id: Uuid,
    pub assistant_id: Uuid,
}

/// An organisation of its own that judges from one answer on.
pub async fn place(world: &impl World) -> Place {
    let (organization_id, assistant_id) = world.organization().await;
    world.change(assistant_id, Change::MinConversations(1)).await;
    Place { organization_id, assistant_id }
}

impl Place {
    /// Answered turns in a session; the answers' ids.
    pub async fn chats(&self, world: &impl World, count: usize) -> Vec<Uuid> {
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

    pub fn request(&self) -> ClaimRequest<'static> {
        ClaimRequest {
            holder: HOLDER,
            organization_id: Some(self.organization_id),
            lease_seconds: 160,
            ..ClaimRequest::default()
        }
    }

    pub async fn claim(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> Claimed {
        match store.claim(request, None).await.unwrap() {
            Claim::Ok(claimed) => claimed,
            Claim::AssistantNotFound => panic!("no such assistant"),
        }
    }

    pub async fn work(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> Work {
        let claimed = self.claim(store, request).await;
        claimed.claim.unwrap_or_else(|| panic!("nothing to work on: {:?}", claimed.skipped))
    }

    pub async fn judge_task(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> JudgeTask {
        match self.work(store, request).await.task {
            Task::Judge(task) => *task,
            task => panic!("another task than judging: {task:?}"),
        }
    }

    /// Why nothing is claimed.
    pub async fn reason(&self, store: &impl Reflections, request: &ClaimRequest<'_>) -> SkipReason {
        let claimed = self.claim(store, request).await;
        assert_eq!((claimed.claim, claimed.skipped.len()), (None, 1));
        assert_eq!(claimed.skipped[0].about.assistant_id, self.assistant_id);
        claimed.skipped[0].reason
    }

    /// Judges what waits, with this action, and gives the lease back.
    pub async fn reflect(&self, store: &impl Reflections, action: Action) -> Uuid {
        self.reflect_and_suggest(store, action).await.0
    }

    /// The same; the suggestion's id besides.
    pub async fn reflect_and_suggest(&self, store: &impl Reflections, action: Action) -> (Uuid, Option<Uuid>) {
        let task = self.judge_task(store, &ClaimRequest { force: true, dry_run: true, ..self.request() }).await;
        let recorded = match self.record(store, HOLDER, &task, action).await {
            RecordReflection::Ok { reflection_id, suggestion_id } => {
                assert_eq!(suggestion_id.is_some(), action == Action::Suggestion);
                (reflection_id, suggestion_id)
            }
            RecordReflection::LeaseLost => panic!("the lease was lost"),
        };
        store.release(HOLDER, self.assistant_id).await.unwrap();
        recorded
    }

    pub async fn record(
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

    let recorded = place.record(&store, HOLDER, &task, Action::Suggestion).await;
    assert!(matches!(recorded, RecordReflection::Ok { suggestion_id: Some(_), .. }));
    let again = place.record(&store, HOLDER, &task, Action::Suggestion).await;
    assert_eq!(again, recorded, "whose reply was lost may say it once more");
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
