//! Versions that are served by a model at an address of their own.

use std::collections::BTreeMap;

use futures_util::stream;
use pawl_model::{Anthropic, Headers, Host};
use pawl_store::serving::Endpoint;

use super::*;
use crate::config::Config;

const OURS: &str = "sk-ant-ours";
const THEIRS: &str = "ml-theirs";
const BASE_URL: &str = "https://models.example.com/v7";

/// A model over HTTP, and what it was sent: addresses, headers, bodies.
#[derive(Default)]
struct Wire {
    status: u16,
    sent: RefCell<Vec<(String, Headers, Value)>>,
}

impl Wire {
    /// The client as the function makes it of its environment.
    fn client(self: &Rc<Self>, own_models: &[(&str, &str)]) -> Anthropic {
        let project =
            [("SUPABASE_URL", "http://project"), ("SUPABASE_ANON_KEY", "a"), ("SUPABASE_SERVICE_ROLE_KEY", "s")];
        let model = [("ANTHROPIC_API_KEY", OURS), ("ANTHROPIC_BASE_URL", "http://ours")];
        let variables: BTreeMap<_, _> = project.iter().chain(&model).chain(own_models).copied().collect();
        let config = Config::from_env(&|name| variables.get(name).map(|&value| value.to_owned())).unwrap();
        let wire = Rc::clone(self);
        let host = Host {
            post: Rc::new(move |url, headers, body| {
                wire.sent.borrow_mut().push((url, headers, serde_json::from_slice(&body).unwrap()));
                let says = [
                    json!({"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3}}}),
                    json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hello"}}),
                    json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                           "usage": {"output_tokens": 2}}),
                ];
                let body: String = says.iter().map(|event| format!("data: {event}\n\n")).collect();
                let stream = ("content-type".to_owned(), "text/event-stream".to_owned());
                let reply = (wire.status, vec![stream], stream::iter([Some(body.into_bytes())]).boxed_local());
                Box::pin(std::future::ready(Some(reply)))
            }),
            sleep: Rc::new(|_| Box::pin(std::future::pending())),
            now_ms: || 0.0,
            chance: || 0.0,
        };
        config.model(host).ok().unwrap()
    }
}

fn wire(status: u16) -> Rc<Wire> {
    Rc::new(Wire { status, ..Wire::default() })
}

fn own_model(w: &World, version: i32) {
    let endpoint = Endpoint { base_url: BASE_URL.to_owned(), model: "shop-v7".to_owned() };
    w.store.give_own_model(w.store.default_assistant(), version, endpoint);
}

async fn ask(w: &World, wire: &Rc<Wire>, own_models: &[(&str, &str)]) -> Result<Value, ApiError> {
    let (user, model) = (w.store.as_user(w.user), wire.client(own_models));
    w.send_with(user, &[], json!({"message": "Hi"}), Ok(model)).await.map(|response| read(&response))
}

fn sent(wire: &Wire) -> (String, String, Value) {
    let sent = wire.sent.borrow();
    assert_eq!(sent.len(), 1);
    let (url, headers, body) = sent[0].clone();
    let key = headers.iter().find(|(name, _)| name == "x-api-key").unwrap().1.clone();
    assert_eq!(headers.len(), 3, "{headers:?}");
    (url, key, body)
}

const LISTED: [(&str, &str); 2] = [("ML_MODEL_HOSTS", "other.example, *.example.com"), ("ML_MODEL_API_KEY", THEIRS)];

#[tokio::test]
async fn a_version_with_an_address_is_asked_there_and_with_the_other_key() {
    let w = world();
    own_model(&w, 1);
    for _ in 0..2 {
        // The second time from what this isolate holds.
        let wire = wire(200);
        let body = ask(&w, &wire, &LISTED).await.unwrap();
        assert_eq!((&body["answer"], &body["model"]), (&json!("Hello"), &json!("shop-v7")), "as it is called there");
        let (url, key, asked) = sent(&wire);
        assert_eq!((url.as_str(), key.as_str()), ("https://models.example.com/v7/v1/messages", THEIRS));
        assert_eq!((&asked["model"], &asked["system"][0]["text"]), (&json!("shop-v7"), &json!("Be plain.")));
        assert!(!format!("{:?}", wire.sent).contains(OURS));
    }
    let spent: Vec<_> = w.store.spent().into_iter().map(|spent| (spent.model, spent.usage.output_tokens)).collect();
    assert_eq!(spent, [("shop-v7".to_owned(), 2), ("shop-v7".to_owned(), 2)]);
    assert_eq!(w.store.calls().iter().filter(|call| **call == "serving_context").count(), 1);
}

#[tokio::test]
async fn a_version_without_an_address_is_asked_as_ever() {
    for own_models in [&LISTED[..], &[]] {
        let (w, wire) = (world(), wire(200));
        ask(&w, &wire, own_models).await.unwrap();
        let (url, key, asked) = sent(&wire);
        assert_eq!((url.as_str(), key.as_str()), ("http://ours/v1/messages", OURS));
        assert_eq!(asked["model"], "claude-sonnet-5-5");
        assert!(!format!("{:?}", wire.sent).contains(THEIRS));
    }
}

#[tokio::test]
async fn an_address_that_is_not_listed_is_sent_nothing_and_the_turn_fails() {
    let none = ("ML_MODEL_HOSTS", "");
    for (own_models, variable, code) in [
        (vec![], "ML_MODEL_HOSTS", "model_not_allowed"),
        (vec![LISTED[1], none], "ML_MODEL_HOSTS", "model_not_allowed"),
        (vec![LISTED[1], ("ML_MODEL_HOSTS", "other.example")], "ML_MODEL_HOSTS", "model_not_allowed"),
        (vec![LISTED[0]], "ML_MODEL_API_KEY", "model_unauthorized"),
        (vec![LISTED[0], ("ML_MODEL_API_KEY", "a b")], "ML_MODEL_API_KEY", "model_unauthorized"),
    ] {
        let (w, wire) = (world(), wire(200));
        own_model(&w, 1);
        let error = ask(&w, &wire, &own_models).await.unwrap_err();
        assert_eq!((error.status, error.code), (500, "misconfigured"));
        assert!(error.message.contains(variable), "{}", error.message);
        assert!(wire.sent.borrow().is_empty());
        assert_eq!(w.store.turns()[0].error_code.as_deref(), Some(code));
    }
}

#[tokio::test]
async fn an_own_model_that_refuses_its_key_names_the_key_and_no_other() {
    for (own, variable) in [(true, "ML_MODEL_API_KEY"), (false, "ANTHROPIC_API_KEY")] {
        let (w, wire) = (world(), wire(401));
        if own {
            own_model(&w, 1);
        }
        let error = ask(&w, &wire, &LISTED).await.unwrap_err();
        assert_eq!((error.status, error.code), (500, "misconfigured"));
        assert!(error.message.contains(variable), "{}", error.message);
        assert_eq!(w.store.turns()[0].error_code.as_deref(), Some("model_unauthorized"));
        assert_eq!(wire.sent.borrow().len(), 1);
    }
}

#[tokio::test]
async fn a_version_that_stands_in_is_asked_where_it_is_served() {
    let assistant = |w: &World| w.store.default_assistant();
    let at = |w: &World| w.model.0.at.borrow().last().cloned().unwrap();
    let unread = || StoreError::Unavailable("timeout".into());

    // The one that was to serve has a model of its own, the stand-in has not: it never hears of that model.
    let w = world();
    own_model(&w, 1);
    w.prompts.insert(held(assistant(&w), "Held."));
    w.store.fail_next("serving_context", unread());
    assert_eq!(w.call(json!({"message": "one"})).await.unwrap()["stale_prompt"], true);
    assert_eq!(at(&w), ("held-model".to_owned(), None));
    w.call(json!({"message": "two"})).await.unwrap();
    assert_eq!(at(&w), ("shop-v7".to_owned(), Some(BASE_URL.to_owned())));

    // And the other way about.
    let w = world();
    let (model, base_url) = ("shop-v7".to_owned(), Some(BASE_URL.to_owned()));
    w.prompts.insert(Prompt { model, base_url, ..held(assistant(&w), "Held.") });
    w.store.fail_next("serving_context", unread());
    assert_eq!(w.call(json!({"message": "one"})).await.unwrap()["stale_prompt"], true);
    assert_eq!(at(&w), ("shop-v7".to_owned(), Some(BASE_URL.to_owned())));
    w.call(json!({"message": "two"})).await.unwrap();
    assert_eq!(at(&w), ("claude-sonnet-5-5".to_owned(), None));

    // A version without has the model that the settings name now, although it is held.
    w.store.configure(assistant(&w), |settings| settings.chat_model = "claude-opus-5-5".to_owned());
    w.call(json!({"message": "three"})).await.unwrap();
    assert_eq!(at(&w), ("claude-opus-5-5".to_owned(), None));
}

#[tokio::test]
async fn a_backend_is_told_where_the_model_is_and_nobody_else_is() {
    let w = world();
    let prepare = json!({"action": "prepare", "message": "Hi", "user_id": w.user});
    let plain = w.call_as(&w.store, prepare.clone()).await.unwrap();
    assert_eq!((plain.get("base_url"), &plain["model"]), (None, &json!("claude-sonnet-5-5")));
    own_model(&w, 1);
    let prepared = w.call_as(&w.store, prepare).await.unwrap();
    assert_eq!((&prepared["base_url"], &prepared["model"]), (&json!(BASE_URL), &json!("shop-v7")));
    // What was prepared is not held as if it had no address.
    let told = w.call(json!({"message": "Hi"})).await.unwrap();
    assert_eq!(w.model.0.at.borrow()[0], ("shop-v7".to_owned(), Some(BASE_URL.to_owned())));
    assert!(!told.to_string().contains("models.example.com"), "{told}");
}
