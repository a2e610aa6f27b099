//! `feedback-collector`: takes in how people react to answers, one reaction or up to a hundred.
//!
//! What is wrong with the shape of a reaction is said here, by index. Whose answer it is about, and who may say so,
//! Postgres decides, in the one call that stores all that are good.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod config;
mod error;
pub mod handler;
pub mod wire;

pub use error::Error;

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::rc::Rc;

    use pawl_edge::{ApiError, runtime};
    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::{config::Config, handler};

    /// Answers one request.
    #[wasm_bindgen]
    pub async fn handle(request: web_sys::Request) -> web_sys::Response {
        runtime::serve(request, |request, request_id| async move {
            let config = Config::from_env(&runtime::variable)?;
            let store = config.store_as_caller(&request, Rc::new(runtime::sleep))?;
            handler::collect(&request, &request_id, &store).await.map_err(ApiError::from)
        })
        .await
    }

    /// The answer to a request whose instance is gone.
    #[wasm_bindgen]
    pub fn crashed() -> web_sys::Response {
        runtime::crashed()
    }
}
