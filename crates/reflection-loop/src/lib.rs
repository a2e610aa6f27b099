//! `reflection-loop`: judges recent answers and decides what to do about them, learns from what people made of them, and has
//! new versions of prompts prove themselves.
//!
//! The schedule calls it, or a backend; one call works through the assistants that are due until its time is over.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod config;
mod error;
pub mod handler;
pub mod judging;
pub mod learning;
pub mod updater;
pub mod wire;

pub use error::Error;

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::{rc::Rc, time::Duration};

    use pawl_edge::{ApiError, Request, runtime, trace::Trace};
    use pawl_model::Host;
    use pawl_store::runs::Runs;
    use serde_json::Value;
    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::{
        config::Config,
        handler::{self, Ports},
        updater::Updater,
    };

    /// Answers one request.
    #[wasm_bindgen]
    pub async fn handle(request: web_sys::Request) -> web_sys::Response {
        runtime::serve(request, |request, request_id| async move {
            let config = Config::from_env(&runtime::variable)?;
            let trace = Trace::begin(runtime::now_ms);
            let store = config.store_as_caller(&request, Rc::new(runtime::sleep))?;
            let records = store.clone();
            let store = store.observed(runtime::now_ms, trace.calls());
            let host = Host {
                post: Rc::new(runtime::post),
                sleep: Rc::new(runtime::sleep),
                now_ms: runtime::now_ms,
                chance: runtime::chance,
            };
            let model = config.model(host)?.observed(trace.answers());
            let updater = EdgeFunction { url: config.updater_url(), caller: credentials(&request) };
            let (now_ms, holder) = (runtime::now_ms, runtime::new_id());
            let ports = Ports { store: &store, judge: &model, phraser: &model, updater: &updater, now_ms, holder };
            let result = handler::reflect(&request, &request_id, &ports).await.map_err(ApiError::from);
            let run = trace.run("reflection-loop", &request, &request_id, &result);
            runtime::record(run, request_id, |run| async move { records.record_run(&run).await.is_ok() });
            result
        })
        .await
    }

    /// The answer to a request whose instance is gone.
    #[wasm_bindgen]
    pub fn crashed() -> web_sys::Response {
        runtime::crashed()
    }

    /// `prompt-updater`, called as whoever called us.
    struct EdgeFunction {
        url: String,
        caller: Vec<(String, String)>,
    }

    impl Updater for EdgeFunction {
        async fn call(&self, body: &Value, timeout: Duration) -> Option<(u16, String)> {
            let mut headers = self.caller.clone();
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            runtime::fetch(self.url.clone(), headers, body.to_string().into_bytes(), timeout).await
        }
    }

    fn credentials(request: &Request) -> Vec<(String, String)> {
        let is_credential = |name: &str| name == "authorization" || name == "apikey";
        request.headers.iter().filter(|(name, _)| is_credential(name)).cloned().collect()
    }
}
