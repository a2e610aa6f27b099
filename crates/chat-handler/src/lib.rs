//! `chat-handler`: answers a user with the version of the prompt that is live.
//!
//! The user's message is stored before anything else happens, in the call that also decides who may write it; the
//! answer is stored with the version that made it. Between the two stands the model.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod config;
mod error;
pub mod handler;
pub mod prompt_cache;
pub mod wire;

pub use error::Error;

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::rc::Rc;

    use pawl_edge::{ApiError, runtime};
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
            let caller = config.store_as_caller(&request, Rc::new(runtime::sleep))?;
            let service = config.store_as_service(Rc::new(runtime::sleep))?;
            let model = config.model(Rc::new(runtime::sleep))?;
            let prompts = PROMPTS.with(Rc::clone);
            let now_ms = runtime::now_ms;
            let ports = Ports { caller: &caller, service: &service, model: &model, prompts: &prompts, now_ms };
            handler::chat(&request, &request_id, &ports).await.map_err(ApiError::from)
        })
        .await
    }

    /// The answer to a request whose instance is gone.
    #[wasm_bindgen]
    pub fn crashed() -> web_sys::Response {
        runtime::crashed()
    }
}
