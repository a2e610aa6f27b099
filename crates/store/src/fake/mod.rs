//! An in-memory store with the outcomes of the real one, for handler tests. One suite
//! (`tests/contract.rs`) holds the fake and PostgREST to the same behaviour.
//!
//! Its clock stands still until [`FakeStore::advance`]; every operation can be made to fail.

mod decisions;
mod feedback;
mod learning;
mod prompts;
pub(crate) mod proof;
mod reflections;
mod settings;
mod training;
mod turns;
mod usage;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use chrono::{DateTime, TimeDelta, Utc};
use pawl_core::{decision::Action, rubric::Rubric, usage::Usage};
use uuid::Uuid;

use crate::{
    StoreError,
    proof::{Blocked, Receipt},
    reflections::SkipReason,
    serving::{Endpoint, Exposure, Pattern},
    usage::Purpose,
};

pub use feedback::StoredReaction;
pub use learning::StoredPattern;
pub use proof::StoredTest;
pub use settings::{Limits, Settings};
pub use training::{StoredDelivery, StoredDrift, StoredLesson, StoredModel, StoredPart, StoredSource};

/// A version of a prompt.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the table system_prompts")]
pub struct Prompt {
    pub id: Uuid,
    pub assistant_id: Uuid,
    pub version: i32,
    pub content: String,
    /// Its own model, where it is not the assistant's `chat_model` that answers with it.
    pub endpoint: Option<Endpoint>,
    pub state: &'static str,
    /// Its state is `active`.
    pub is_active: bool,
    pub placebo: bool,
    pub approved_at: Option<DateTime<Utc>>,
    /// By which action it went live last: `promote`, `force`, `activate`, …
    pub came_by: String,
    pub locked: bool,
    pub by_system: bool,
    /// Whether it is to be tested again, and against which version.
    pub test_again: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub activated_at: Option<DateTime<Utc>>,
    pub change_reason: String,
    pub previous_id: Option<Uuid>,
    pub reflection_id: Option<Uuid>,
}

/// A turn with its messages.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the table turns")]
pub struct StoredTurn {
    pub id: Uuid,
    pub session_id: Uuid,
    pub organization_id: Uuid,
    pub user_id: Uuid,
    pub prompt_id: Uuid,
    pub message_id: Uuid,
    pub message: String,
    pub traits: StoredTraits,
    pub answer: Option<StoredAnswer>,
    pub error_code: Option<String>,
    pub attempts: i32,
    pub lost_attempts: i32,
    pub lease_expires_at: DateTime<Utc>,
}

/// An answer.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the table messages")]
pub struct StoredAnswer {
    pub id: Uuid,
    pub text: String,
    pub created_at: DateTime<Utc>,
    pub model: String,
    pub stop_reason: Option<String>,
    pub usage: Usage,
    pub prompt_version: i32,
    pub tools: Vec<String>,
    pub learned: Learned,
}

/// What is known of a question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "documented at the table turns")]
pub struct StoredTraits {
    pub question_type: Option<String>,
    pub data_source: Option<String>,
    pub tools: Vec<String>,
}

/// What can be learned from an answer.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "documented at the tables exchanges and pattern_exposures")]
pub struct Learned {
    pub response_format: String,
    pub length_class: String,
    pub answer_characters: u32,
    pub exposures: Vec<Exposure>,
}

/// A counted call of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at the tables usage and user_usage")]
pub struct Spent {
    pub organization_id: Uuid,
    pub user_id: Option<Uuid>,
    pub at: DateTime<Utc>,
    /// `None` is a chat.
    pub purpose: Option<Purpose>,
    pub model: String,
    pub usage: Usage,
}

/// When a turn was begun or tried again, and whose.
pub(crate) struct Attempt {
    pub(crate) organization_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) begun_at: DateTime<Utc>,
}

/// An idempotency key in use.
pub(crate) struct Key {
    pub(crate) user_id: Uuid,
    pub(crate) key: String,
    pub(crate) turn_id: Uuid,
    pub(crate) created_at: DateTime<Utc>,
}

/// A row of `reflection_logs`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the table reflection_logs")]
pub struct Log {
    pub id: Uuid,
    pub assistant_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub prompt_id: Uuid,
    /// `None` for a rollback.
    pub action: Option<Action>,
    pub strengths: Vec<String>,
    pub weaknesses: Vec<String>,
    pub patterns: Vec<String>,
    pub judged: Vec<Uuid>,
    pub update: Option<UpdateOutcome>,
    pub update_attempts: u32,
    pub suggestion: Option<String>,
}

/// How an update ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// With this version, put into test.
    Submitted(i32),
    /// Given up.
    Refused,
}

/// A row of `suggestions`.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "documented at the table suggestions")]
pub struct Suggested {
    pub id: Uuid,
    pub assistant_id: Uuid,
    pub reflection_id: Uuid,
    pub kind: &'static str,
    /// The version that waits for approval.
    pub prompt_id: Option<Uuid>,
    pub status: &'static str,
    pub reviewed_at: Option<DateTime<Utc>>,
}

pub(crate) struct Assistant {
    pub(crate) id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) slug: String,
    pub(crate) settings: Settings,
    pub(crate) rubric_id: Uuid,
    pub(crate) rubric: Rubric,
    pub(crate) lease: Option<(Uuid, DateTime<Utc>)>,
    pub(crate) checked_at: Option<DateTime<Utc>>,
    pub(crate) proof_lease: Option<(Uuid, DateTime<Utc>)>,
    pub(crate) proof_checked_at: Option<DateTime<Utc>>,
    pub(crate) patterns_revision: i64,
}

pub(crate) struct Session {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) organization_id: Uuid,
    pub(crate) assistant_id: Uuid,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) open_organization: Uuid,
    pub(crate) organizations: Vec<Uuid>,
    /// (organisation, user) → is an admin.
    pub(crate) members: BTreeMap<(Uuid, Uuid), bool>,
    pub(crate) assistants: Vec<Assistant>,
    pub(crate) prompts: Vec<Prompt>,
    /// Each with its assistant; of those that ended the influence is zero.
    pub(crate) served: Vec<(Uuid, Pattern)>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) turns: Vec<StoredTurn>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) keys: Vec<Key>,
    pub(crate) limits: BTreeMap<Uuid, Limits>,
    pub(crate) spent: Vec<Spent>,
    pub(crate) logs: Vec<Log>,
    pub(crate) suggestions: Vec<Suggested>,
    /// Rows of the audit log.
    pub(crate) changes: i64,
    /// Those of the live version: of an assistant, from, to.
    pub(crate) switches: Vec<(Uuid, Option<i32>, i32)>,
    pub(crate) tests: Vec<StoredTest>,
    /// Each with its assistant.
    pub(crate) receipts: Vec<(Uuid, Receipt)>,
    /// By assistant, model and revision: passed.
    pub(crate) trials: BTreeMap<(Uuid, String, i32), bool>,
    pub(crate) tests_blocked: Option<Blocked>,
    /// Versions that the loop took back, and the receipts.
    pub(crate) taken_back: Vec<(Uuid, Uuid)>,
    /// Versions of whose fall a person was told.
    pub(crate) alerted: Vec<Uuid>,
    pub(crate) evaluated: BTreeMap<Uuid, Option<f64>>,
    /// By assistant.
    pub(crate) lessons: BTreeMap<Uuid, learning::Lessons>,
    pub(crate) patterns: BTreeMap<Uuid, StoredPattern>,
    pub(crate) reactions: Vec<StoredReaction>,
    pub(crate) training: training::Kept,
    failures: Vec<(&'static str, StoreError)>,
    calls: Vec<&'static str>,
}

struct Shared {
    state: RefCell<State>,
    now: Cell<DateTime<Utc>>,
    drawn: Cell<u128>,
}

/// Who a handle calls as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Nobody,
    User(Uuid),
    Service,
}

/// A handle on the store, as somebody; clones share the store.
#[derive(Clone)]
pub struct FakeStore {
    shared: Rc<Shared>,
    caller: Caller,
}

impl FakeStore {
    /// A store with the default organisation and assistant, called with the secret key.
    pub fn new(rubric: Rubric, prompt: &str) -> Self {
        let shared = Shared {
            state: RefCell::default(),
            now: Cell::new(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)),
            drawn: Cell::new(0),
        };
        let store = Self { shared: Rc::new(shared), caller: Caller::Service };
        let organization_id = store.add_organization();
        store.state(|s| s.open_organization = organization_id);
        store.add_assistant(organization_id, "default", rubric, prompt);
        store
    }

    /// The same store as a signed-in user.
    pub fn as_user(&self, id: Uuid) -> Self {
        Self { caller: Caller::User(id), ..self.clone() }
    }

    /// The same store with no or only a publishable key.
    pub fn as_nobody(&self) -> Self {
        Self { caller: Caller::Nobody, ..self.clone() }
    }

    /// Adds an organisation.
    pub fn add_organization(&self) -> Uuid {
        let id = self.draw();
        self.state(|s| s.organizations.push(id));
        id
    }

    /// Makes a user a member, or an admin.
    pub fn add_member(&self, organization_id: Uuid, user_id: Uuid, admin: bool) {
        self.state(|s| s.members.insert((organization_id, user_id), admin));
    }

    /// Adds an assistant with version 1 of its prompt.
    pub fn add_assistant(&self, organization_id: Uuid, slug: &str, rubric: Rubric, prompt: &str) -> Uuid {
        let (id, rubric_id, prompt_id, now) = (self.draw(), self.draw(), self.draw(), self.now());
        self.state(|s| {
            s.assistants.push(Assistant {
                id,
                organization_id,
                slug: slug.to_owned(),
                settings: Settings::default(),
                rubric_id,
                rubric,
                lease: None,
                checked_at: None,
                proof_lease: None,
                proof_checked_at: None,
                patterns_revision: 0,
            });
            s.prompts.push(Prompt {
                id: prompt_id,
                assistant_id: id,
                version: 1,
                content: prompt.to_owned(),
                endpoint: None,
                state: "active",
                is_active: true,
                placebo: false,
                approved_at: None,
                came_by: String::new(),
                locked: false,
                by_system: false,
                test_again: None,
                created_at: now,
                activated_at: None,
                change_reason: String::new(),
                previous_id: None,
                reflection_id: None,
            });
        });
        id
    }

    /// The organisation that everybody joins.
    pub fn default_organization(&self) -> Uuid {
        self.state(|s| s.open_organization)
    }

    /// The default assistant's id.
    pub fn default_assistant(&self) -> Uuid {
        self.state(|s| s.assistants.first().map(|a| a.id)).unwrap_or_default()
    }

    /// Changes the settings of an assistant.
    pub fn configure(&self, assistant_id: Uuid, change: impl FnOnce(&mut Settings)) {
        self.state(|s| s.assistants.iter_mut().find(|a| a.id == assistant_id).map(|a| change(&mut a.settings)));
    }

    /// Sets the limits of an organisation.
    pub fn limit(&self, organization_id: Uuid, limits: Limits) {
        self.state(|s| s.limits.insert(organization_id, limits));
    }

    /// The calls of models that were counted.
    pub fn spent(&self) -> Vec<Spent> {
        self.state(|s| s.spent.clone())
    }

    /// Gives a version of an assistant's prompt a model of its own; those written after it have it too.
    pub fn give_own_model(&self, assistant_id: Uuid, version: i32, endpoint: Endpoint) {
        self.state(|s| {
            let meant = s.prompts.iter_mut().filter(|p| p.assistant_id == assistant_id && p.version == version);
            meant.for_each(|p| p.endpoint = Some(endpoint.clone()));
        });
    }

    /// Locks or unlocks the live version of an assistant.
    pub fn lock(&self, assistant_id: Uuid, locked: bool) {
        self.state(|s| s.live_prompt_mut(assistant_id).into_iter().for_each(|p| p.locked = locked));
    }

    /// Lets time pass.
    pub fn advance(&self, time: TimeDelta) {
        self.shared.now.set(self.shared.now.get() + time);
    }

    /// Makes the next call of this operation (its method's name) fail.
    pub fn fail_next(&self, operation: &'static str, error: StoreError) {
        self.state(|s| s.failures.push((operation, error)));
    }

    /// The operations called so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.state(|s| s.calls.clone())
    }

    /// The versions of an assistant's prompt.
    pub fn prompts(&self, assistant_id: Uuid) -> Vec<Prompt> {
        self.state(|s| s.prompts.iter().filter(|p| p.assistant_id == assistant_id).cloned().collect())
    }

    /// All turns.
    pub fn turns(&self) -> Vec<StoredTurn> {
        self.state(|s| s.turns.clone())
    }

    /// All reflections.
    pub fn logs(&self) -> Vec<Log> {
        self.state(|s| s.logs.clone())
    }

    /// All suggestions.
    pub fn suggestions(&self) -> Vec<Suggested> {
        self.state(|s| s.suggestions.clone())
    }

    /// Overall score by judged answer; `None` for a discarded judgement.
    pub fn evaluated(&self) -> BTreeMap<Uuid, Option<f64>> {
        self.state(|s| s.evaluated.clone())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.shared.now.get()
    }

    /// Ids are counted, not random: a failing test fails the same way again.
    pub(crate) fn draw(&self) -> Uuid {
        self.shared.drawn.set(self.shared.drawn.get() + 1);
        Uuid::from_u128(self.shared.drawn.get())
    }

    pub(crate) fn state<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.shared.state.borrow_mut())
    }

    /// Notes a call and fails it if it is to fail.
    fn call(&self, operation: &'static str) -> Result<(), StoreError> {
        self.state(|s| {
            s.calls.push(operation);
            match s.failures.iter().position(|(name, _)| *name == operation) {
                Some(i) => Err(s.failures.remove(i).1),
                None => Ok(()),
            }
        })
    }

    /// A call that only the secret key may make.
    fn service_call(&self, operation: &'static str) -> Result<(), StoreError> {
        match self.caller {
            Caller::Nobody => Err(StoreError::Unauthenticated),
            Caller::User(_) => Err(StoreError::Forbidden),
            Caller::Service => self.call(operation),
        }
    }
}

impl State {
    pub(crate) fn assistant(&self, id: Uuid) -> Option<&Assistant> {
        self.assistants.iter().find(|a| a.id == id)
    }

    /// As `pawl.find_assistant`.
    pub(crate) fn find_assistant(&self, organization_id: Uuid, slug: Option<&str>) -> Option<Uuid> {
        let mut ours = self.assistants.iter().filter(|a| a.organization_id == organization_id);
        match slug {
            None if ours.clone().count() == 1 => ours.next(),
            slug => ours.find(|a| a.slug == slug.unwrap_or("default")),
        }
        .map(|a| a.id)
    }

    /// As `pawl.find_organization`; `Err` says that a choice is required.
    pub(crate) fn find_organization(&self, user_id: Uuid, chosen: Option<Uuid>) -> Result<Option<Uuid>, ()> {
        let mine: Vec<_> = self.members.keys().filter(|(_, user)| *user == user_id).map(|(o, _)| *o).collect();
        match (mine.as_slice(), chosen) {
            ([], chosen) => Ok(Some(self.open_organization).filter(|open| chosen.is_none_or(|c| c == *open))),
            (mine, Some(chosen)) => Ok(mine.contains(&chosen).then_some(chosen)),
            ([only], None) => Ok(Some(*only)),
            (_, None) => Err(()),
        }
    }

    pub(crate) fn prompt(&self, id: Uuid) -> Option<&Prompt> {
        self.prompts.iter().find(|p| p.id == id)
    }

    /// The model that answers with a version, by these settings.
    pub(crate) fn model_of(&self, prompt_id: Uuid, settings: &Settings) -> String {
        let endpoint = self.prompt(prompt_id).and_then(|p| p.endpoint.as_ref());
        endpoint.map_or_else(|| settings.chat_model.clone(), |own| own.model.clone())
    }

    pub(crate) fn live_prompt(&self, assistant_id: Uuid) -> Option<&Prompt> {
        self.prompts.iter().find(|p| p.assistant_id == assistant_id && p.is_active)
    }

    pub(crate) fn live_prompt_mut(&mut self, assistant_id: Uuid) -> Option<&mut Prompt> {
        self.prompts.iter_mut().find(|p| p.assistant_id == assistant_id && p.is_active)
    }

    /// As `pawl.update_block`.
    pub(crate) fn update_block(&self, assistant: &Assistant, now: DateTime<Utc>) -> Option<SkipReason> {
        let settings = &assistant.settings;
        let ours = || self.prompts.iter().filter(|p| p.assistant_id == assistant.id);
        let today = now - TimeDelta::hours(24);
        if settings.is_paused(now) {
            Some(SkipReason::Paused)
        } else if ours().any(|p| p.is_active && p.locked) {
            Some(SkipReason::Locked)
        } else if self.running(assistant.id).is_some() {
            Some(SkipReason::InProof)
        } else if self.budget_is_spent(assistant.id, now) {
            Some(SkipReason::YearlyBudget)
        } else if ours().filter(|p| p.by_system && !p.placebo && p.created_at > today).count()
            >= settings.max_updates_per_day
        {
            Some(SkipReason::DailyLimit)
        } else if ours().filter_map(|p| p.activated_at).any(|at| at > now - TimeDelta::hours(settings.cooldown_hours)) {
            Some(SkipReason::Cooldown)
        } else {
            None
        }
    }
}
