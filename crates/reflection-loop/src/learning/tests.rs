use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use pawl_core::{
    conversation::Exchange,
    learning::{
        evidence::observe,
        look::{Cluster, Look, Settings, Votes},
        reaction::{Reactions, Thumb},
    },
    usage::Usage,
};
use pawl_model::{ModelError, Phrase, PhraseRequest, Unanswered};
use pawl_store::{
    fake::FakeStore,
    learning::{Examples, Exposed, Waiting},
    reflections::{Claim, ClaimRequest, Task},
};

use super::*;

thread_local! {
    static NOW_MS: Cell<f64> = const { Cell::new(0.0) };
}

const HOLDER: Uuid = Uuid::from_u128(0xF);

/// Says what it was told to say.
#[derive(Default)]
struct Script {
    lines: RefCell<VecDeque<Result<String, ModelError>>>,
    asked: RefCell<Vec<Vec<String>>>,
}

impl Phraser for Script {
    async fn phrase(&self, request: PhraseRequest<'_>) -> Result<Phrase, Unanswered> {
        self.asked.borrow_mut().push(request.violations.to_vec());
        let instruction = self.lines.borrow_mut().pop_front().unwrap_or(Ok("Answer with a table.".into()))?;
        Ok(Phrase {
            instruction,
            pattern_type: "response_format".into(),
            model: "simulated/haiku".into(),
            usage: Usage { input_tokens: 7, ..Usage::default() },
        })
    }
}

struct World {
    store: FakeStore,
    about: About,
    script: Script,
}

fn world() -> World {
    NOW_MS.set(0.0);
    let rubric = serde_json::from_value(serde_json::json!(
        [{"key": "depth", "description": "", "anchors": ["", "", "", "", ""]}]
    ));
    let store = FakeStore::new(rubric.unwrap(), "Be plain.");
    let about = About {
        organization_id: store.default_organization(),
        assistant_id: store.default_assistant(),
        assistant: "default".into(),
    };
    World { store, about, script: Script::default() }
}

fn look(clusters: Vec<Cluster>) -> Look {
    Look {
        now_day: 20_000,
        year: 2_026,
        settings: Settings { holdout: 0.07, cap: 0.1 },
        people: 40,
        answers: 600,
        trials_this_year: 0,
        others: Vec::new(),
        clusters,
        patterns: Vec::new(),
        closed: Vec::new(),
        votes: Votes::default(),
    }
}

/// Tables are liked far better than the rest, by many people.
fn promising() -> Cluster {
    Cluster {
        question_type: "database".into(),
        dimension: "format".into(),
        value: "table".into(),
        n: 200,
        people: 40,
        top_share: 0.05,
        reacted: 120,
        mean: 0.3,
        variance: 0.1,
        rest_n: 300,
        rest_mean: Some(0.0),
        rest_variance: Some(0.1),
        cut_mean: None,
        cut_variance: None,
        rest_cut_mean: None,
        rest_cut_variance: None,
    }
}

fn examples() -> Examples {
    Examples {
        examples: vec![Exchange {
            user_message: "how many orders did jo@mail.example make".into(),
            answer: "4".into(),
        }],
        feedback_ids: vec![Uuid::from_u128(9)],
        user_messages: vec!["how many orders did jo@mail.example make".into()],
        prompt_id: Uuid::from_u128(8),
        current_prompt: "Be plain.".into(),
        protected_clauses: Vec::new(),
    }
}

fn waiting(id: usize, up: bool) -> Waiting {
    Waiting {
        message_id: Uuid::from_u128(0x1000 + id as u128),
        revision: 0,
        user_id: Uuid::from_u128(id as u128 % 5),
        period: 666,
        signal: None,
        reactions: Reactions { thumb: Some(if up { Thumb::Up } else { Thumb::Down }), ..Reactions::default() },
        answer_characters: Some(80),
        exposures: vec![Exposed { pattern_id: Uuid::from_u128(7), shown: up, propensity: 0.5, baseline: 0 }],
    }
}

impl World {
    /// Claims the run and goes on with it.
    async fn learn(&self) -> Result<Outcome, StoreError> {
        let request = ClaimRequest { holder: HOLDER, lease_seconds: 160, ..ClaimRequest::default() };
        let Claim::Ok(claimed) = self.store.claim_learning(&request, None).await? else { panic!("nobody is there") };
        let Some(Task::Learn(task)) = claimed.claim.map(|work| work.task) else { panic!("nothing is due") };
        let deadline = Deadline::of_invocation(|| NOW_MS.get());
        let outcome = learn(&self.about, &task, HOLDER, &deadline, &self.store, &self.script).await;
        pawl_store::reflections::Reflections::release(&self.store, HOLDER, self.about.assistant_id).await?;
        outcome
    }
}

#[tokio::test]
async fn answers_are_settled_and_what_is_promising_is_worded() {
    let w = world();
    w.store.learn_from(w.about.assistant_id, look(vec![promising()]), Some(examples()));
    (0..30).for_each(|id| w.store.wait(w.about.assistant_id, waiting(id, id % 3 != 0)));
    let Outcome::Learned(learned) = w.learn().await.unwrap() else { panic!("not learned") };
    assert_eq!((learned.settled, learned.found), (30, 1));
    assert!(!learned.message.is_empty());
    let evidence = w.store.evidence(w.about.assistant_id);
    let sum: pawl_core::learning::evidence::Evidence = evidence.values().copied().sum();
    let expected = (0..30).map(|id| observe(if id % 3 != 0 { 100 } else { -100 }, 0, id % 3 != 0, 0.5)).sum();
    assert_eq!(sum, expected);
    let runs = w.store.learning_runs(w.about.assistant_id);
    assert_eq!(runs[0].candidates[0].instruction, "Answer with a table.");
    assert_eq!(runs[0].candidates[0].feedback_ids, [Uuid::from_u128(9)]);
    assert_eq!(runs[0].candidates[0].model, "simulated/haiku");
}

/// Whatever call dies, the next invocation goes on, and in the end nothing counts twice.
#[tokio::test]
async fn a_run_that_fails_anywhere_goes_on_to_the_same_end() {
    let calm = world();
    let mut expected = None;
    for call in ["", "settle", "look", "record_learning"] {
        let w = if call.is_empty() { &calm } else { &world() };
        w.store.learn_from(w.about.assistant_id, look(vec![promising()]), Some(examples()));
        (0..10).for_each(|id| w.store.wait(w.about.assistant_id, waiting(id, id % 2 == 0)));
        if !call.is_empty() {
            w.store.fail_next(call, StoreError::Unavailable("connection".into()));
            assert!(w.learn().await.is_err(), "{call}");
        }
        assert!(matches!(w.learn().await.unwrap(), Outcome::Learned(_)), "{call}");
        let evidence = w.store.evidence(w.about.assistant_id);
        assert_eq!(w.store.learning_runs(w.about.assistant_id).len(), 1, "{call}");
        assert_eq!(&evidence, expected.get_or_insert_with(|| evidence.clone()), "{call}");
    }
}

#[tokio::test]
async fn a_long_queue_takes_several_calls() {
    let w = world();
    w.store.learn_from(w.about.assistant_id, look(Vec::new()), None);
    let all = PAGE as usize * MAX_PAGES + 5;
    (0..all).for_each(|id| w.store.wait(w.about.assistant_id, waiting(id, true)));
    let Outcome::Unfinished { settled, .. } = w.learn().await.unwrap() else { panic!("finished at once") };
    assert_eq!(settled, PAGE as usize * MAX_PAGES);
    assert!(w.store.learning_runs(w.about.assistant_id).is_empty());
    let Outcome::Learned(learned) = w.learn().await.unwrap() else { panic!("not finished") };
    assert_eq!(learned.settled, 5);
}

#[tokio::test]
async fn an_instruction_that_repeats_a_person_is_worded_anew_or_dropped() {
    for (lines, found) in [
        (vec!["Write tables to jo@mail.example.", "Answer with a table."], 1),
        (vec!["Write tables to jo@mail.example.", "As jo@mail.example likes."], 0),
        (vec!["", "Answer with a table."], 1),
        (vec![&"x".repeat(301), "Answer with a table."], 1),
        (vec![&"表".repeat(60), "Answer with a table."], 1),
    ] {
        let w = world();
        let prompt_id = w.store.prompts(w.about.assistant_id)[0].id;
        let examples = Examples { prompt_id, ..examples() };
        w.store.learn_from(w.about.assistant_id, look(vec![promising()]), Some(examples));
        w.script.lines.borrow_mut().extend(lines.iter().map(|line| Ok((*line).to_owned())));
        let Outcome::Learned(learned) = w.learn().await.unwrap() else { panic!("not learned") };
        assert_eq!(learned.found, found, "{lines:?}");
        let asked = w.script.asked.borrow();
        assert_eq!(asked.len(), 2);
        assert!(asked[0].is_empty() && asked[1].len() == 1, "{asked:?}");
        assert!(!asked[1][0].contains("jo@mail"), "{asked:?}");
        assert_eq!(w.store.spent().len(), 2, "both tries were paid for");
    }
}

#[tokio::test]
async fn what_an_answer_holds_of_a_person_is_not_repeated_either() {
    let w = world();
    let example = Exchange { user_message: "Who?".into(), answer: "Write to jo@x.example.".into() };
    let examples = Examples { examples: vec![example], user_messages: vec!["Who?".into()], ..examples() };
    w.store.learn_from(w.about.assistant_id, look(vec![promising()]), Some(examples));
    w.script.lines.borrow_mut().extend([Ok("Name jo@x.example.".into()), Ok("Name jo@x.example!".into())]);
    let Outcome::Learned(learned) = w.learn().await.unwrap() else { panic!("not learned") };
    assert_eq!(learned.found, 0);
}

#[tokio::test]
async fn examples_that_cannot_be_read_keep_no_run_from_its_end() {
    let w = world();
    w.store.learn_from(w.about.assistant_id, look(vec![promising()]), Some(examples()));
    w.store.fail_next("examples", StoreError::Unavailable("timeout".into()));
    let Outcome::Learned(learned) = w.learn().await.unwrap() else { panic!("not learned") };
    assert_eq!(learned.found, 0);
    assert_eq!(w.store.learning_runs(w.about.assistant_id).len(), 1);
}

#[tokio::test]
async fn a_model_that_fails_costs_the_run_nothing_but_the_candidate() {
    let w = world();
    w.store.learn_from(w.about.assistant_id, look(vec![promising()]), Some(examples()));
    w.script.lines.borrow_mut().push_back(Err(ModelError::Overloaded(None)));
    let Outcome::Learned(learned) = w.learn().await.unwrap() else { panic!("not learned") };
    assert_eq!(learned.found, 0);
    assert_eq!(w.store.learning_runs(w.about.assistant_id).len(), 1);
}

#[tokio::test]
async fn without_time_nothing_is_begun_that_cannot_be_ended() {
    let w = world();
    w.store.learn_from(w.about.assistant_id, look(vec![promising()]), Some(examples()));
    (0..3).for_each(|id| w.store.wait(w.about.assistant_id, waiting(id, true)));
    let request = ClaimRequest { holder: HOLDER, lease_seconds: 160, ..ClaimRequest::default() };
    let Claim::Ok(claimed) = w.store.claim_learning(&request, None).await.unwrap() else { panic!("nobody") };
    let Some(Task::Learn(task)) = claimed.claim.map(|work| work.task) else { panic!("nothing is due") };
    let deadline = Deadline::of_invocation(|| NOW_MS.get());
    NOW_MS.set(120_000.0);
    let outcome = learn(&w.about, &task, HOLDER, &deadline, &w.store, &w.script).await.unwrap();
    assert!(matches!(outcome, Outcome::Unfinished { settled: 0, .. }));
    assert!(w.script.asked.borrow().is_empty());
}

#[tokio::test]
async fn who_lost_the_lease_stops() {
    let w = world();
    w.store.learn_from(w.about.assistant_id, look(Vec::new()), None);
    let task = LearnTask { run_id: Uuid::nil(), pattern_model: "m".into() };
    let deadline = Deadline::of_invocation(|| NOW_MS.get());
    let outcome = learn(&w.about, &task, Uuid::from_u128(1), &deadline, &w.store, &w.script).await.unwrap();
    assert!(matches!(outcome, Outcome::Skipped { reason: SkipReason::InProgress, .. }));
}
