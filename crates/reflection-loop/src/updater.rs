//! Asking `prompt-updater` for a better prompt, and for the proof of those that were written.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

/// `prompt-updater`.
#[expect(async_fn_in_trait, reason = "one thread on wasm: no future has to be Send")]
pub trait Updater {
    /// The status and body of its answer to this body; `None` when there is none in time.
    async fn call(&self, body: &Value, timeout: Duration) -> Option<(u16, String)>;
}

/// The update a reflection calls for: prompt-updater's own answer, or why there is none. A failed update is still owed,
/// and the next call asks for it again.
pub async fn update(reflection_id: Uuid, timeout: Duration, updater: &impl Updater) -> Value {
    let answer = updater.call(&json!({"reflection_id": reflection_id}), timeout).await;
    read(answer).unwrap_or_else(|(_, code)| failed(&code))
}

/// Moves tests on for so long: prompt-updater's own answer; or the status and the code of what is in the way.
pub async fn prove(
    organization_id: Option<Uuid>,
    assistant: Option<&str>,
    time: Duration,
    timeout: Duration,
    updater: &impl Updater,
) -> Result<Value, (u16, String)> {
    let body = json!({
        "action": "prove", "organization_id": organization_id, "assistant": assistant, "seconds": time.as_secs()
    });
    read(updater.call(&body, timeout).await)
}

/// The fields of an answer; or its status and why it is none.
fn read(answer: Option<(u16, String)>) -> Result<Value, (u16, String)> {
    let Some((status, body)) = answer else { return Err((0, "updater_unreachable".to_owned())) };
    let mut body: Value = serde_json::from_slice(body.as_bytes()).unwrap_or_default();
    if let (200, Some(fields)) = (status, body.as_object_mut()) {
        fields.remove("request_id");
        Ok(body)
    } else {
        let code = body.get("code").and_then(Value::as_str).unwrap_or("updater_failed");
        Err((status, code.to_owned()))
    }
}

/// An update that did not come about, by a stable code.
pub fn failed(code: &str) -> Value {
    json!({"failed": true, "code": code})
}
