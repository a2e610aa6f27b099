//! `prompt-updater`: writes and checks a better prompt, has it prove itself before it goes live, takes it back where it
//! fails people, and carries out what they decide about prompts.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod config;
mod error;
pub mod handler;
pub mod improve;
pub mod proving;
pub mod receipts;
pub mod wire;

pub use error::Error;

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::rc::Rc;

    use pawl_edge::{ApiError, runtime, trace::Trace};
    use pawl_model::Host;
    use pawl_store::runs::Runs;
    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::{
        config::Config,
        handler::{self, Ports},
    };

    /// Answers one request.
    #[wasm_bindgen]
    pub async fn handle(request: web_sys::Request) -> web_sys::Response {
        runtime::serve(request, |request, request_id| async move {
            let config = Config::from_env(&runtime::variable)?;
            let trace = Trace::begin(runtime::now_ms);
            let store = config.store_as_caller(&request, Rc::new(runtime::sleep))?;
            let store = store.observed(runtime::now_ms, trace.calls());
            let host = Host {
                post: Rc::new(runtime::post),
                sleep: Rc::new(runtime::sleep),
                now_ms: runtime::now_ms,
                chance: runtime::chance,
            };
            let model = config.model(host).map(|model| model.observed(trace.answers()));
            let (now_ms, holder) = (runtime::now_ms, runtime::new_id());
            let ports = Ports { store: &store, model: model.as_ref().map_err(Clone::clone), now_ms, holder };
            let result = handler::update(&request, &request_id, &ports).await.map_err(ApiError::from);
            let run = trace.run("prompt-updater", &request, &request_id, &result);
            // Whoever asked, runs are written with the secret key.
            if let Ok(records) = config.store_as_service(Rc::new(runtime::sleep)) {
                runtime::record(run, request_id, |run| async move { records.record_run(&run).await.is_ok() });
            }
            result
        })
        .await
    }

    /// The answer to a request whose instance is gone.
    #[wasm_bindgen]
    pub fn crashed() -> web_sys::Response {
        runtime::crashed()
    }
}
