//! What lies beyond the database: the project's storage and the trainer.

use std::time::Duration;

/// Sends requests. Storage and trainer go through it, so that tests script every fault.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Host {
    /// Sends a POST and reads the answer whole: its status and its text. `None` when there is none: no connection, or
    /// none in time. Then it is not known whether the request arrived.
    async fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8], timeout: Duration) -> Option<(u16, String)>;
}
