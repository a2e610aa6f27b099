//! What the functions did, for who runs them to look into.

use serde_json::Value;

use crate::StoreError;

/// Keeps runs; with the secret key.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Runs {
    /// Stores a run that has ended, with its steps: `{agent_type, action, status, request_id, organization_id?,
    /// assistant_id?, error?, duration_ms, token_usage, input, output, spans: [{name, type, start_ms, duration_ms,
    /// status, error?, model?, usage?}]}`. At most 200 steps; ids, counts, codes and names of models, and never a text.
    async fn record_run(&self, run: &Value) -> Result<(), StoreError>;
}
