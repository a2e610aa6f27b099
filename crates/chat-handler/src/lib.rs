//! `chat-handler`: answers a user with the version of the prompt that is live.
//!
//! The user's message is stored before anything else happens, in the call that also decides who may write it; the
//! answer is stored with the version that made it. Between the two stands the model: ours, or (`prepare`, `complete`) a
//! backend's own.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod config;
mod error;
pub mod handler;
pub mod prompt_cache;
mod serving;
mod stream;
mod turn;
pub mod wire;

pub use error::Error;

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::rc::Rc;

    use pawl_edge::{ApiError, runtime};
    use pawl_model::Host;
    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::{
        config::Config,
        handler::{self, Ports},
        prompt_cache::PromptCache,
    };

    thread_local! {
        static PROMPTS: Rc<PromptCache> = Rc::default();
    }

    /// Answers one request.
    #[wasm_bindgen]
    pub async fn handle(request: web_sys::Request) -> web_sys::Response {
        runtime::serve(request, |request, request_id| async move {
            let config = Config::from_env(&runtime::variable)?;
            let (now_ms, sleep) = (runtime::now_ms, Rc::new(runtime::sleep));
            let host = Host { post: Rc::new(runtime::post), sleep: sleep.clone(), now_ms, chance: runtime::chance };
            let ports = Ports {
                caller: config.store_as_caller(&request, sleep.clone())?,
                service: config.store_as_service(sleep.clone())?,
                prompts: PROMPTS.with(Rc::clone),
                now_ms,
                received_ms: request.received_ms,
                deadline: config.deadline,
                sleep,
            };
            handler::handle(request, request_id, ports, config.model(host)).await.map_err(ApiError::from)
        })
        .await
    }

    /// The answer to a request whose instance is gone.
    #[wasm_bindgen]
    pub fn crashed() -> web_sys::Response {
        runtime::crashed()
    }
}
