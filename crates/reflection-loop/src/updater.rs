//! Asking `prompt-updater` for a better prompt.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

/// Asks for the update a reflection calls for.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Updater {
    /// The answer's status and body; `None` when there is none in time.
    async fn update(&self, reflection_id: Uuid, timeout: Duration) -> Option<(u16, String)>;
}

/// What a result says of an update: prompt-updater's own answer, or why there is none. A failed update is still owed,
/// and the next call asks for it again.
pub fn report(answer: Option<(u16, String)>) -> Value {
    let Some((status, body)) = answer else { return failed("updater_unreachable") };
    let mut body: Value = serde_json::from_slice(body.as_bytes()).unwrap_or_default();
    if let (200, Some(fields)) = (status, body.as_object_mut()) {
        fields.remove("request_id");
        body
    } else {
        failed(body.get("code").and_then(Value::as_str).unwrap_or("updater_failed"))
    }
}

/// An update that did not come about, by a stable code.
pub fn failed(code: &str) -> Value {
    json!({"failed": true, "code": code})
}
