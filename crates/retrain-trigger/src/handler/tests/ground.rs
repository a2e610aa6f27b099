//! What the tests stand on.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use chrono::TimeDelta;
use pawl_core::{
    rubric::Rubric,
    training::{
        normal::sha256,
        webhook::{Headers, Secret, sign, verify},
    },
    usage::Usage,
};
use pawl_edge::{ApiError, Request};
use pawl_store::{
    fake::{FakeStore, Limits, StoredModel},
    feedback::{FeedbackLedger, Reaction, Signal, Source},
    turns::{BeginTurn, BeginTurns, CompleteTurn, FinishedTurn, Learning, NewTurn, TurnLedger},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::NOW_MS;
use crate::{
    config::Settings,
    handler::{Ports, answer},
    host::Host,
};

/// The time of day, in seconds since 1970.
pub const NOW: i64 = 1_800_000_000;
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PROJECT: &str = "https://x.co";
const TRAINER: &str = "https://trainer.example.com/hook";
/// Answers of each person.
const EACH: usize = 5;

/// What becomes of a request.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// It is served.
    Served,
    /// It never arrives.
    Lost,
    /// It arrives, and its answer does not.
    Unheard,
    /// It is answered with this, and nothing is done.
    Refused(u16, &'static str),
}

/// By the address.
type Fates = Box<dyn Fn(&str) -> Fate>;
type Told = (BTreeMap<String, String>, Value);

/// Storage and the trainer.
pub struct Outside {
    stored: RefCell<BTreeMap<String, Vec<u8>>>,
    has_bucket: Cell<bool>,
    told: RefCell<Vec<Told>>,
    fate: RefCell<Fates>,
    /// Requests that are begun before whoever makes them dies.
    pub lives: Rc<Cell<usize>>,
}

impl Outside {
    fn new() -> Self {
        Self {
            stored: RefCell::default(),
            has_bucket: Cell::new(false),
            told: RefCell::default(),
            fate: RefCell::new(Box::new(|_| Fate::Served)),
            lives: Rc::new(Cell::new(usize::MAX)),
        }
    }

    /// From now on.
    pub fn fate(&self, fate: impl Fn(&str) -> Fate + 'static) {
        *self.fate.borrow_mut() = Box::new(fate);
    }

    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.stored.borrow().clone()
    }

    pub fn told(&self) -> Vec<Told> {
        self.told.borrow().clone()
    }

    fn serve(&self, url: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        if url == TRAINER {
            let header = |name| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
            let signed = Headers {
                id: header("webhook-id"),
                timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"),
            };
            verify(&[Secret::read(SECRET).unwrap()], &signed, body, NOW).unwrap();
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            self.told.borrow_mut().push((headers, serde_json::from_slice(body).unwrap()));
            return (202, String::new());
        }
        let target = url.strip_prefix(&format!("{PROJECT}/storage/v1/")).unwrap();
        assert!(headers.contains(&("apikey", "secret")), "{url}");
        if target == "bucket" {
            self.has_bucket.set(true);
            return (200, r#"{"name": "pawl-training"}"#.to_owned());
        }
        if !self.has_bucket.get() {
            return (400, r#"{"statusCode": "404", "error": "Bucket not found", "message": "x"}"#.to_owned());
        }
        if let Some(path) = target.strip_prefix("object/sign/pawl-training/") {
            return match self.stored.borrow().contains_key(path) {
                true => (200, json!({"signedURL": format!("/object/sign/pawl-training/{path}?token=t")}).to_string()),
                false => (400, r#"{"statusCode": "404", "error": "not_found", "message": "x"}"#.to_owned()),
            };
        }
        let path = target.strip_prefix("object/pawl-training/").unwrap();
        self.stored.borrow_mut().insert(path.to_owned(), body.to_vec());
        (200, json!({"Key": path}).to_string())
    }
}

impl Host for Outside {
    async fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8], _: Duration) -> Option<(u16, String)> {
        let fate = (self.fate.borrow())(url);
        let answer = match fate {
            Fate::Served | Fate::Unheard => Some(self.serve(url, headers, body)),
            Fate::Lost => None,
            Fate::Refused(status, text) => Some((status, text.to_owned())),
        };
        live_on(&self.lives).await;
        if matches!(fate, Fate::Unheard) { None } else { answer }
    }
}

/// One request less; after the last of them nothing more comes.
pub async fn live_on(lives: &Cell<usize>) {
    lives.set(lives.get().saturating_sub(1));
    if lives.get() == 0 {
        std::future::pending::<()>().await;
    }
}

pub struct World {
    pub store: FakeStore,
    pub outside: Outside,
    pub settings: Settings,
    invocations: Cell<u128>,
}

/// Where so many answers were liked, each asked for otherwise, by people of five answers each.
pub async fn world(answers: usize) -> World {
    NOW_MS.set(0.0);
    let rubric: Rubric =
        serde_json::from_value(json!([{"key": "depth", "description": "", "anchors": ["", "", "", "", ""]}])).unwrap();
    let store = FakeStore::new(rubric, "Be plain.");
    store.limit(store.default_organization(), Limits { user_requests_per_minute: 10_000, ..Limits::default() });
    let w = World { store, outside: Outside::new(), settings: settings(), invocations: Cell::new(0) };
    for i in 0..answers {
        w.liked_by(w.person(i / EACH), &format!("question {} number {i}", i / EACH), &format!("answer number {i}"))
            .await;
    }
    w.ripen();
    w
}

fn settings() -> Settings {
    Settings {
        project_url: PROJECT.to_owned(),
        storage_key: "secret".to_owned(),
        bucket: "pawl-training".to_owned(),
        threshold: 0.3,
        min_samples: 10,
        quality: 0.7,
        every_days: 0.0,
        window_days: 7.0,
        baseline_days: 28.0,
        part_rows: 2_000,
        rows: 20_000,
        webhook_url: Some(TRAINER.to_owned()),
        webhook_secrets: vec![Secret::read(SECRET).unwrap()],
        callback_url: format!("{PROJECT}/functions/v1/retrain-trigger"),
        model_hosts: vec!["models.example.com".to_owned()],
    }
}

impl World {
    pub fn person(&self, number: usize) -> Uuid {
        Uuid::from_u128(0xA000 + number as u128)
    }

    /// Feedback becomes old enough to be collected.
    pub fn ripen(&self) {
        self.store.advance(TimeDelta::hours(25));
    }

    pub async fn liked(&self, question: &str, answer: &str) {
        self.liked_by(self.person(99), question, answer).await;
    }

    async fn liked_by(&self, person: Uuid, question: &str, answer: &str) {
        self.react(person, question, answer, Signal::ThumbsUp).await;
    }

    /// A person asks, is answered and says what they think of it.
    pub async fn react(&self, person: Uuid, question: &str, answer: &str, signal: Signal) {
        let new = NewTurn { message: question, ..NewTurn::default() };
        let caller = self.store.as_user(person);
        let BeginTurn::Ok(turn) = caller.begin_turn(&new).await.unwrap() else { panic!("the turn did not begin") };
        let finished = FinishedTurn {
            turn_id: turn.turn_id,
            attempt: turn.attempt,
            prompt_id: Some(turn.prompt_id),
            answer,
            model: "m",
            stop_reason: Some("end_turn"),
            usage: Usage::default(),
            latency_ms: Some(1),
            tools: &[],
            learning: Learning {
                response_format: "prose",
                length_class: "short",
                answer_characters: 5,
                exposures: &[],
            },
        };
        let CompleteTurn::Ok { answer_id, .. } = self.store.complete_turn(&finished).await.unwrap() else {
            panic!("the answer was not stored")
        };
        let reaction = Reaction {
            index: 0,
            message_id: answer_id,
            signal,
            value: None,
            comment: None,
            metadata: None,
            source: Source::User,
        };
        caller.collect_feedback(&[reaction], None).await.unwrap();
    }

    pub fn request(&self, body: String, headers: &[(&str, String)]) -> Request {
        let mut all = vec![("content-type".to_owned(), "application/json".to_owned())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Request { method: "POST".into(), headers: all, body: body.into_bytes(), ..Request::default() }
    }

    pub fn holder(&self) -> Uuid {
        self.invocations.set(self.invocations.get() + 1);
        Uuid::from_u128(0xF000 + self.invocations.get())
    }

    pub async fn call(&self, store: &FakeStore, body: String, headers: &[(&str, String)]) -> Result<Value, ApiError> {
        let request = self.request(body, headers);
        let ports = Ports {
            store,
            service: &self.store,
            host: &self.outside,
            settings: &self.settings,
            now_ms: || NOW_MS.get(),
            unix_seconds: || NOW,
            holder: self.holder(),
        };
        let response = answer(&request, "r1", &ports).await.map_err(ApiError::from)?;
        Ok(serde_json::from_str(response.text()).unwrap())
    }

    /// With the secret key; null is no body at all.
    pub async fn run(&self, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call(&self.store, body, &[]).await.unwrap_or_else(|error| panic!("{}", error.message))
    }

    pub async fn refused(&self, body: Value) -> (u16, &'static str) {
        self.refused_as(&self.store, body).await
    }

    pub async fn refused_as(&self, store: &FakeStore, body: Value) -> (u16, &'static str) {
        let error = self.call(store, body.to_string(), &[]).await.unwrap_err();
        (error.status, error.code)
    }

    /// What a trainer says, signed.
    pub async fn said(&self, id: &str, said: &Value) -> Result<Value, ApiError> {
        let body = said.to_string();
        let signature = sign(&Secret::read(SECRET).unwrap(), id, NOW, body.as_bytes());
        let headers =
            [("webhook-id", id.to_owned()), ("webhook-timestamp", NOW.to_string()), ("webhook-signature", signature)];
        // Its own credentials are none.
        self.call(&self.store.as_nobody(), body, &headers).await
    }

    pub fn models(&self) -> Vec<StoredModel> {
        self.store.models(self.store.default_assistant())
    }

    pub fn model(&self) -> StoredModel {
        self.models().pop().expect("a version was begun")
    }

    /// The one webhook.
    pub fn told(&self) -> Told {
        let mut told = self.outside.told();
        assert_eq!(told.len(), 1);
        told.remove(0)
    }

    pub fn manifest(&self) -> Value {
        let (_, bytes) = self.outside.objects().into_iter().find(|(path, _)| path.ends_with("manifest.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// All that the manifest names is in storage as it says, and every good row is there once. How many.
    pub fn check_dataset(&self) -> usize {
        let (objects, manifest, model) = (self.outside.objects(), self.manifest(), self.model());
        let file = objects.iter().find(|(path, _)| path.ends_with("manifest.json")).unwrap().1;
        assert_eq!(Some(sha256(file)), model.manifest_sha256);
        assert_eq!(manifest, model.manifest);
        let mut lines: Vec<String> = Vec::new();
        for part in manifest["parts"].as_array().unwrap() {
            let bytes = &objects[part["path"].as_str().unwrap()];
            assert_eq!(part["sha256"], sha256(bytes), "{part}");
            assert_eq!(part["bytes"], bytes.len());
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert_eq!(part["rows"], text.lines().count());
            lines.extend(text.lines().map(str::to_owned));
        }
        for line in &lines {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["messages"][0], json!({"role": "system", "content": "Be plain."}));
        }
        let count = lines.len();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), count, "no row is there twice");
        let good =
            self.store.training_data(self.store.default_assistant()).into_iter().filter(|row| row.score() >= 0.7);
        assert_eq!(count, good.count(), "and none is missing");
        let counts = &manifest["counts"];
        assert_eq!(counts["train"].as_u64().unwrap() + counts["held_out"].as_u64().unwrap(), count as u64);
        count
    }
}
