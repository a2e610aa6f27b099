//! The two worlds: the fake, and a stack with a real PostgREST interface in front of a real Postgres.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use chrono::TimeDelta;
use pawl_core::rubric::Rubric;
use pawl_store::{
    Credentials, Postgrest,
    decisions::Decisions,
    fake::{FakeStore, Limits, StoredPattern},
    feedback::{FeedbackLedger, Signal, Source},
    prompts::Prompts,
    proof::Proofs,
    reflections::Reflections,
    runs::Runs,
    serving::{Endpoint, Pattern},
    training::Training,
    turns::{BeginTurns, PrepareTurns, TurnLedger},
    usage::UsageLedger,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A change of an assistant's state that no RPC of this crate makes.
pub enum Change {
    MinConversations(i32),
    Paused(bool),
    Locked(bool),
    MaxUpdatesPerDay(i32),
    ScreeningPairs(u32),
    YearlyBudget(bool),
    /// 0 or 1: what lies between is chance.
    PlaceboShare(i32),
    JudgeModel(&'static str),
    ChatModel(&'static str),
    Protect(&'static str),
}

/// What is kept of a reaction.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Kept {
    pub signal: Signal,
    pub source: Source,
    pub value: Option<f64>,
    pub superseded: bool,
}

/// What is kept of an answer to learn from.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
pub struct Exchange {
    pub question_type: Option<String>,
    pub data_source: Option<String>,
    /// In the order of the alphabet.
    pub tools: Vec<String>,
    pub response_format: String,
    pub length_class: String,
    pub answer_characters: u32,
    /// In the order of their ids: pattern, shown, propensity.
    pub exposures: Vec<(Uuid, bool, f64)>,
}

pub trait World {
    type Store: BeginTurns
        + PrepareTurns
        + TurnLedger
        + FeedbackLedger
        + UsageLedger
        + Reflections
        + Prompts
        + Decisions
        + Proofs
        + Training
        + Runs;

    /// With the secret key.
    fn service(&self) -> Self::Store;
    /// With the publishable key alone.
    fn nobody(&self) -> Self::Store;
    /// A person who has just signed up.
    async fn user(&self) -> (Uuid, Self::Store);
    /// A new organisation and its assistant `default`, with version 1 of its prompt.
    async fn organization(&self) -> (Uuid, Uuid) {
        self.organization_with(None).await
    }
    /// The same, that version served by a model of its own.
    async fn organization_with(&self, own_model: Option<Endpoint>) -> (Uuid, Uuid);
    async fn add_member(&self, organization_id: Uuid, user_id: Uuid, admin: bool);
    async fn change(&self, assistant_id: Uuid, change: Change);
    async fn limit(&self, organization_id: Uuid, limits: Limits);
    /// Makes these an assistant's live patterns; those of before have ended.
    async fn learn(&self, assistant_id: Uuid, patterns: &[Pattern]);
    async fn exchange(&self, answer_id: Uuid) -> Exchange;

    /// A learned pattern in this state; a live one is shown with 80 % of the answers it applies to. Its id.
    async fn pattern(&self, assistant_id: Uuid, state: &'static str) -> Uuid;
    /// Answers that the live version gave just now, each in a conversation and to a person of its own.
    async fn answers(&self, assistant_id: Uuid, count: usize);
    /// The same, each with a thumb: up where it says so.
    async fn votes(&self, assistant_id: Uuid, votes: &[bool]);

    /// Deletes a person, with all that is theirs.
    async fn forget(&self, user_id: Uuid);

    /// Lets time pass (the stack's rows are aged).
    async fn wait(&self, time: TimeDelta);

    /// The reactions to an answer, oldest first.
    async fn reactions_to(&self, message_id: Uuid) -> Vec<Kept>;

    async fn wait_hours(&self, hours: i32) {
        self.wait(TimeDelta::hours(i64::from(hours))).await;
    }
}

const PROMPT: &str = "You answer questions about bicycles.";

fn rubric() -> Value {
    json!([{"key": "depth", "description": "Why?", "weight": 1, "anchors": ["a", "b", "c", "d", "e"]}])
}

pub struct FakeWorld {
    store: FakeStore,
    next_user: std::cell::Cell<u128>,
}

impl FakeWorld {
    pub fn new() -> Self {
        let rubric: Rubric = serde_json::from_value(rubric()).unwrap();
        Self { store: FakeStore::new(rubric, PROMPT), next_user: std::cell::Cell::new(1 << 100) }
    }
}

impl World for FakeWorld {
    type Store = FakeStore;

    fn service(&self) -> FakeStore {
        self.store.clone()
    }

    fn nobody(&self) -> FakeStore {
        self.store.as_nobody()
    }

    async fn user(&self) -> (Uuid, FakeStore) {
        self.next_user.set(self.next_user.get() + 1);
        let id = Uuid::from_u128(self.next_user.get());
        (id, self.store.as_user(id))
    }

    async fn organization_with(&self, own_model: Option<Endpoint>) -> (Uuid, Uuid) {
        let id = self.store.add_organization();
        let rubric: Rubric = serde_json::from_value(rubric()).unwrap();
        let assistant_id = self.store.add_assistant(id, "default", rubric, PROMPT);
        own_model.into_iter().for_each(|own| self.store.give_own_model(assistant_id, 1, own));
        (id, assistant_id)
    }

    async fn add_member(&self, organization_id: Uuid, user_id: Uuid, admin: bool) {
        self.store.add_member(organization_id, user_id, admin);
    }

    async fn change(&self, assistant_id: Uuid, change: Change) {
        match change {
            Change::Locked(locked) => self.store.lock(assistant_id, locked),
            change => self.store.configure(assistant_id, |s| match change {
                Change::MinConversations(n) => s.min_conversations = n as usize,
                Change::Paused(paused) => s.updates_paused = paused,
                Change::MaxUpdatesPerDay(n) => s.max_updates_per_day = n as usize,
                Change::Protect(clause) => s.protected_clauses = vec![clause.to_owned()],
                Change::ScreeningPairs(n) => s.screening_pairs = n,
                Change::YearlyBudget(on) => s.yearly_budget = on,
                Change::PlaceboShare(share) => s.placebo_share = f64::from(share),
                Change::JudgeModel(model) => s.judge_model = model.to_owned(),
                Change::ChatModel(model) => s.chat_model = model.to_owned(),
                Change::Locked(_) => {}
            }),
        }
    }

    async fn limit(&self, organization_id: Uuid, limits: Limits) {
        self.store.limit(organization_id, limits);
    }

    async fn learn(&self, assistant_id: Uuid, patterns: &[Pattern]) {
        self.store.learn(assistant_id, patterns);
    }

    async fn exchange(&self, answer_id: Uuid) -> Exchange {
        let turns = self.store.turns().into_iter();
        let found = turns.filter_map(|t| Some((t.traits, t.answer?))).find(|(_, answer)| answer.id == answer_id);
        let (traits, answer) = found.unwrap();
        let learned = answer.learned;
        let tools: BTreeSet<_> = traits.tools.into_iter().chain(answer.tools).collect();
        let mut exposures: Vec<_> =
            learned.exposures.iter().map(|one| (one.pattern_id, one.shown, one.propensity)).collect();
        exposures.sort_by_key(|(id, ..)| *id);
        Exchange {
            question_type: traits.question_type,
            data_source: traits.data_source,
            tools: tools.into_iter().collect(),
            response_format: learned.response_format,
            length_class: learned.length_class,
            answer_characters: learned.answer_characters,
            exposures,
        }
    }

    async fn pattern(&self, assistant_id: Uuid, state: &'static str) -> Uuid {
        let influence = if ["trial", "active", "warmdown"].contains(&state) { 0.8 } else { 0.0 };
        self.store.add_pattern(StoredPattern { assistant_id, state, influence })
    }

    async fn answers(&self, assistant_id: Uuid, count: usize) {
        self.store.add_answers(assistant_id, count);
    }

    async fn votes(&self, assistant_id: Uuid, votes: &[bool]) {
        self.store.add_votes(assistant_id, votes);
    }

    async fn forget(&self, user_id: Uuid) {
        self.store.forget(user_id);
    }

    async fn wait(&self, time: TimeDelta) {
        self.store.advance(time);
    }

    async fn reactions_to(&self, message_id: Uuid) -> Vec<Kept> {
        let rows = self.store.reactions_to(message_id).into_iter().map(|r| Kept {
            signal: r.signal,
            source: r.source,
            value: r.value,
            superseded: r.superseded_at.is_some(),
        });
        rows.collect()
    }
}

/// Talks to what `tests/contract/world.ts` started.
pub struct StackWorld {
    client: reqwest::Client,
    about: Value,
}

impl StackWorld {
    #[expect(clippy::disallowed_methods, reason = "a test reads where its stack is")]
    pub fn from_env() -> Self {
        let about = std::env::var("PAWL_TEST_STACK").expect("PAWL_TEST_STACK holds the line world.ts printed");
        Self { client: reqwest::Client::new(), about: serde_json::from_str(&about).expect("PAWL_TEST_STACK is JSON") }
    }

    fn about(&self, field: &str) -> &str {
        self.about[field].as_str().unwrap_or_else(|| panic!("PAWL_TEST_STACK names no {field}"))
    }

    fn store(&self, authorization: Option<&str>, apikey: Option<&str>) -> Postgrest {
        let credentials = Credentials::of_caller(authorization, apikey, self.about("publishable_key")).ok().unwrap();
        let sleep = Rc::new(|duration| Box::pin(tokio::time::sleep(duration)) as _);
        Postgrest::new(self.about("url"), &credentials, Duration::from_secs(20), sleep)
    }

    async fn post(&self, url: String, apikey: &str, body: Value) -> Value {
        let response = self.client.post(url).header("apikey", apikey).json(&body).send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn sql(&self, sql: &str, params: Value) -> Vec<Value> {
        let answer = self.post(format!("{}/sql", self.about("admin_url")), "", json!({"sql": sql, "params": params}));
        answer.await["rows"].as_array().cloned().unwrap_or_default()
    }
}

impl StackWorld {
    /// An answer of the live version for each, with a thumb or none.
    async fn votes_of(&self, assistant_id: Uuid, votes: &[Value]) {
        let sql = "with said as materialized (
                     select n - 1 as n, v #>> '{}' as up, gen_random_uuid() as user_id, gen_random_uuid() as session_id,
                            gen_random_uuid() as question_id, gen_random_uuid() as answer_id,
                            now() + n * interval '1 microsecond' as at
                     from jsonb_array_elements($2::text::jsonb) with ordinality v (v, n)
                   ), place as (
                     select a.organization_id, a.id as assistant_id, p.id as prompt_id, p.version
                     from pawl.assistants a join pawl.system_prompts p on p.assistant_id = a.id and p.is_active
                     where a.id = $1
                   ), users as (
                     insert into pawl.users (id) select user_id from said
                   ), sessions as (
                     insert into pawl.sessions (id, organization_id, assistant_id, user_id)
                     select session_id, organization_id, assistant_id, user_id from said, place
                   ), messages as (
                     insert into pawl.messages (id, session_id, role, content, prompt_id, prompt_version)
                     select question_id, session_id, 'user', 'question ' || n, prompt_id, version from said, place
                     union all
                     select answer_id, session_id, 'assistant', 'this is answer ' || n, prompt_id, version
                     from said, place
                   ), turns as (
                     insert into pawl.turns (
                       session_id, organization_id, user_id, prompt_id, user_message_id, answer_message_id, status,
                       finished_at)
                     select session_id, organization_id, user_id, prompt_id, question_id, answer_id, 'completed', now()
                     from said, place
                   ), exchanges as (
                     insert into pawl.exchanges (
                       message_id, organization_id, assistant_id, session_id, user_id, prompt_id, prompt_version, model,
                       answer_characters, answered_at)
                     select answer_id, organization_id, assistant_id, session_id, user_id, prompt_id, version,
                            'simulated/chat', 16, at
                     from said, place
                   )
                   insert into pawl.response_feedback (message_id, organization_id, assistant_id, user_id, signal)
                   select answer_id, organization_id, assistant_id, user_id,
                          case up when 'true' then 'thumbs_up' else 'thumbs_down' end
                   from said, place where up is not null";
        self.sql(sql, json!([assistant_id, json!(votes).to_string()])).await;
    }
}

fn id(row: &Value, field: &str) -> Uuid {
    row[field].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {field} in {row}"))
}

impl World for StackWorld {
    type Store = Postgrest;

    fn service(&self) -> Postgrest {
        self.store(None, Some(self.about("secret_key")))
    }

    fn nobody(&self) -> Postgrest {
        self.store(None, None)
    }

    async fn user(&self) -> (Uuid, Postgrest) {
        let email = format!("{}@example.com", self.sql("select gen_random_uuid() as id", json!([])).await[0]["id"]);
        let body = json!({"email": email.replace('"', ""), "password": "correct horse"});
        let session =
            self.post(format!("{}/auth/v1/signup", self.about("url")), self.about("publishable_key"), body).await;
        let token = format!("Bearer {}", session["access_token"].as_str().expect("an access token"));
        // The token travels alone, as from a client that sends no apikey.
        (id(&session["user"], "id"), self.store(Some(&token), None))
    }

    async fn organization_with(&self, own_model: Option<Endpoint>) -> (Uuid, Uuid) {
        let sql = "with o as (insert into pawl.organizations (slug, name)
                     values ('contract-' || replace(gen_random_uuid()::text, '-', ''), 'Contract') returning id)
                   insert into pawl.assistants (organization_id, slug, name)
                     select id, 'default', 'Default' from o returning organization_id, id";
        let row = self.sql(sql, json!([])).await.remove(0);
        let assistant_id = id(&row, "id");
        let model = match own_model {
            None => Value::Null,
            Some(Endpoint { base_url, model }) => {
                let sql = "insert into pawl.model_versions (
                             organization_id, assistant_id, model_name, number, version, status, base_model, base_url,
                             model, finished_at, deployed_at)
                           select organization_id, id, slug, 1, 'v1', 'deployed', 'claude-sonnet-5-5', $2, $3, now(),
                                  now()
                           from pawl.assistants where id = $1 returning id";
                self.sql(sql, json!([assistant_id, base_url, model])).await.remove(0)["id"].clone()
            }
        };
        self.sql(
            "insert into pawl.system_prompts (assistant_id, version, content, created_by, state, model_version_id)
             values ($1, 1, $2, 'human', 'active', $3)",
            json!([assistant_id, PROMPT, model]),
        )
        .await;
        self.sql(
            "insert into pawl.rubrics (assistant_id, is_active, criteria) values ($1, true, $2::text::jsonb)",
            json!([assistant_id, rubric().to_string()]),
        )
        .await;
        self.change(assistant_id, Change::PlaceboShare(0)).await;
        (id(&row, "organization_id"), assistant_id)
    }

    async fn add_member(&self, organization_id: Uuid, user_id: Uuid, admin: bool) {
        self.sql("insert into pawl.users (id) values ($1) on conflict do nothing", json!([user_id])).await;
        let role = if admin { "admin" } else { "member" };
        self.sql(
            "insert into pawl.organization_members (organization_id, user_id, role) values ($1, $2, $3)
             on conflict (organization_id, user_id) do update set role = excluded.role",
            json!([organization_id, user_id, role]),
        )
        .await;
    }

    async fn change(&self, assistant_id: Uuid, change: Change) {
        let (column, value) = match change {
            Change::Locked(locked) => {
                let sql = "update pawl.system_prompts set locked = $2 where assistant_id = $1 and is_active";
                self.sql(sql, json!([assistant_id, locked])).await;
                return;
            }
            Change::MinConversations(n) => ("min_conversations", json!(n)),
            Change::Paused(paused) => ("updates_paused", json!(paused)),
            Change::MaxUpdatesPerDay(n) => ("max_updates_per_day", json!(n)),
            Change::Protect(clause) => ("protected_clauses", json!([clause])),
            Change::ScreeningPairs(n) => ("screening_pairs", json!(n)),
            Change::YearlyBudget(on) => ("yearly_budget", json!(on)),
            Change::PlaceboShare(share) => ("placebo_share", json!(share)),
            Change::JudgeModel(model) => ("judge_model", json!(model)),
            Change::ChatModel(model) => ("chat_model", json!(model)),
        };
        let sql = format!("update pawl.loop_settings set {column} = $2 where assistant_id = $1");
        self.sql(&sql, json!([assistant_id, value])).await;
    }

    async fn limit(&self, organization_id: Uuid, limits: Limits) {
        let sql = "update pawl.organization_settings
                   set user_requests_per_minute = $2, user_tokens_per_day = $3, organization_requests_per_minute = $4,
                       organization_tokens_per_day = $5 where organization_id = $1";
        let Limits {
            user_requests_per_minute,
            user_tokens_per_day,
            organization_requests_per_minute,
            organization_tokens_per_day,
        } = limits;
        let params = json!([
            organization_id,
            user_requests_per_minute,
            user_tokens_per_day,
            organization_requests_per_minute,
            organization_tokens_per_day
        ]);
        self.sql(sql, params).await;
    }

    async fn learn(&self, assistant_id: Uuid, patterns: &[Pattern]) {
        self.sql(
            "update pawl.learned_patterns set state = 'pruned', influence = 0 where assistant_id = $1",
            json!([assistant_id]),
        )
        .await;
        for pattern in patterns {
            let sql = "insert into pawl.learned_patterns as p (
                         id, organization_id, assistant_id, pattern_type, question_type, data_source, dimension, value,
                         instruction, state, influence, confidence, baseline, prior_mean, prior_sd, trial_year,
                         trial_started_at)
                       select $2::uuid, a.organization_id, a.id, 'response_format', $3::text, $4::text, 'format',
                              'table', $5::text, 'trial', $6::numeric, $7::numeric, 0, 0, 1, 2026, now()
                       from pawl.assistants a where a.id = $1
                       on conflict (id) do update set state = 'trial', influence = excluded.influence";
            let Pattern { id, question_type, data_source, instruction, influence, confidence } = pattern;
            let params = json!([assistant_id, id, question_type, data_source, instruction, influence, confidence]);
            self.sql(sql, params).await;
        }
        let sql = "update pawl.assistants set patterns_revision = patterns_revision + 1 where id = $1";
        self.sql(sql, json!([assistant_id])).await;
    }

    async fn exchange(&self, answer_id: Uuid) -> Exchange {
        let sql = "select question_type, data_source, array(select unnest(tools) order by 1) as tools, response_format,
                          length_class, answer_characters,
                          coalesce((
                            select jsonb_agg(jsonb_build_array(pattern_id, shown, propensity) order by pattern_id)
                            from pawl.pattern_exposures x where x.message_id = e.message_id), '[]') as exposures
                   from pawl.exchanges e where message_id = $1";
        serde_json::from_value(self.sql(sql, json!([answer_id])).await.remove(0)).unwrap()
    }

    async fn pattern(&self, assistant_id: Uuid, state: &'static str) -> Uuid {
        let sql = "insert into pawl.learned_patterns (
                     organization_id, assistant_id, pattern_type, question_type, dimension, value, instruction, state,
                     influence, prior_mean, prior_sd, baseline, trial_year, trial_started_at)
                   select organization_id, id, 'response_format', 'database', 'format', 'table', 'Use tables.', $2,
                          case when $2 in ('trial', 'active', 'warmdown') then 0.8 else 0 end, 0.05, 0.1, 0, 2026, now()
                   from pawl.assistants where id = $1 returning id";
        id(&self.sql(sql, json!([assistant_id, state])).await.remove(0), "id")
    }

    async fn answers(&self, assistant_id: Uuid, count: usize) {
        self.votes_of(assistant_id, &vec![json!(null); count]).await;
    }

    async fn votes(&self, assistant_id: Uuid, votes: &[bool]) {
        self.votes_of(assistant_id, &votes.iter().map(|up| json!(up)).collect::<Vec<_>>()).await;
    }

    async fn forget(&self, user_id: Uuid) {
        self.sql("delete from pawl.users where id = $1", json!([user_id])).await;
    }

    async fn wait(&self, time: TimeDelta) {
        let seconds = time.num_seconds();
        for (table, columns) in [
            ("messages", &["created_at"][..]),
            ("exchanges", &["answered_at"]),
            ("response_feedback", &["created_at", "superseded_at"]),
            ("turns", &["lease_expires_at"]),
            ("turn_attempts", &["begun_at"]),
            ("idempotency_keys", &["created_at"]),
            ("sessions", &["created_at", "updated_at"]),
            ("reflection_logs", &["created_at"]),
            ("system_prompts", &["created_at", "activated_at"]),
            ("leases", &["expires_at"]),
            ("loop_settings", &["paused_until"]),
            ("prompt_tests", &["created_at", "proof_started_at", "decided_at"]),
            ("canary_units", &["assigned_at"]),
            ("webhook_deliveries", &["next_at"]),
        ] {
            for column in columns {
                let sql = format!("update pawl.{table} set {column} = {column} - {seconds} * interval '1 second'");
                self.sql(&sql, json!([])).await;
            }
        }
    }

    async fn reactions_to(&self, message_id: Uuid) -> Vec<Kept> {
        let sql = "select signal, source, value::float8, superseded_at is not null as superseded
                   from pawl.response_feedback where message_id = $1 order by seq";
        let rows = self.sql(sql, json!([message_id])).await;
        rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect()
    }
}
