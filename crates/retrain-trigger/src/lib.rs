//! `retrain-trigger`: makes training data of what people liked, notices when what they make of the answers drifts, has
//! a trainer tune a model on a dataset that can be made again byte for byte, and takes what it answers.
//!
//! The schedule calls it, or a backend; one call works through the assistants until its time is over.

#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

pub mod allowance;
pub mod callback;
pub mod collecting;
pub mod config;
pub mod curating;
pub mod deciding;
pub mod delivery;
pub mod drifting;
mod error;
pub mod handler;
pub mod host;
pub mod rebuild;
pub mod running;
pub mod storage;
pub mod testing;
pub mod wire;

pub use error::Error;

#[cfg(target_arch = "wasm32")]
mod entry {
    use std::{rc::Rc, time::Duration};

    use pawl_edge::{ApiError, runtime, trace::Trace};
    use pawl_store::runs::Runs;
    use wasm_bindgen::prelude::wasm_bindgen;

    use crate::{
        config::Config,
        handler::{self, Ports},
        host::Host,
    };

    /// Answers one request.
    #[wasm_bindgen]
    pub async fn handle(request: web_sys::Request) -> web_sys::Response {
        runtime::serve(request, |request, request_id| async move {
            let config = Config::from_env(&runtime::variable)?;
            let trace = Trace::begin(runtime::now_ms);
            let store = config.store_as_caller(&request, Rc::new(runtime::sleep))?;
            let service = config.store_as_service(Rc::new(runtime::sleep))?;
            let records = service.clone();
            let ports = Ports {
                store: &store.observed(runtime::now_ms, trace.calls()),
                service: &service.observed(runtime::now_ms, trace.calls()),
                host: &Fetch { trace: Rc::clone(&trace) },
                settings: &config.settings,
                now_ms: runtime::now_ms,
                unix_seconds: runtime::unix_seconds,
                holder: runtime::new_id(),
            };
            let result = handler::answer(&request, &request_id, &ports).await.map_err(ApiError::from);
            let run = trace.run("retrain-trigger", &request, &request_id, &result);
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

    /// The platform's `fetch`, taken down.
    struct Fetch {
        trace: Rc<Trace>,
    }

    impl Host for Fetch {
        async fn post(
            &self,
            url: &str,
            headers: &[(&str, &str)],
            body: &[u8],
            timeout: Duration,
        ) -> Option<(u16, String)> {
            let begun_ms = runtime::now_ms();
            let named = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let answer = runtime::fetch(url.to_owned(), named, body.to_vec(), timeout).await;
            let error = match &answer {
                None => Some("unreachable"),
                Some((status, _)) if *status >= 500 => Some("failed"),
                Some((status, _)) if *status >= 300 => Some("refused"),
                Some(_) => None,
            };
            // Only what is told to a trainer is signed.
            let is_signed = headers.iter().any(|(name, _)| *name == "webhook-signature");
            let step = if is_signed { "webhook" } else { "storage" };
            self.trace.fetched(step, runtime::now_ms() - begun_ms, error);
            answer
        }
    }
}
