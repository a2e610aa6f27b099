//! Reading a JSON body, with errors that name the field and never repeat a value.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{ApiError, Request};

/// The most bytes a body may have: a 32 KiB message whose every byte is escaped, and room for the rest.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// Reads the body as `T`. 413 for too many bytes, 415 for another content type, 400 `invalid_json` for no JSON, 400
/// `invalid_request` for a field that is missing, unknown or of the wrong type.
pub fn read<T: DeserializeOwned>(request: &Request) -> Result<T, ApiError> {
    read_object(request).and_then(|fields| decode(Value::Object(fields)))
}

/// The body's fields, for those who decode them by what one of them says; the errors of [`read`].
pub fn read_object(request: &Request) -> Result<Map<String, Value>, ApiError> {
    let fields = parse_object(request)?;
    fields.iter().try_for_each(|(name, field)| storable(field, name))?;
    Ok(fields)
}

/// [`read_object`] for those who look at each field by itself: whether it is [`storable`] is theirs to check.
pub fn parse_object(request: &Request) -> Result<Map<String, Value>, ApiError> {
    if request.body.len() > MAX_BODY_BYTES {
        let message = format!("The body may have {MAX_BODY_BYTES} bytes at the most.");
        return Err(ApiError::new(413, "body_too_large", message));
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::new(415, "unsupported_media_type", "Send the body as content-type: application/json."));
    }
    let invalid_json = |e: serde_json::Error| {
        let place = format!("The body is not JSON (line {}, column {}).", e.line(), e.column());
        ApiError::new(400, "invalid_json", place)
    };
    let value: Value = serde_json::from_slice(&request.body).map_err(invalid_json)?;
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::new(400, "invalid_request", "The body must be a JSON object.")),
    }
}

/// Fields as a `T`; the errors of [`read`].
pub fn decode<T: DeserializeOwned>(fields: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(fields).map_err(|e| {
        let path = e.path().to_string();
        explain(if path == "." { "" } else { &path }, &e.into_inner().to_string())
    })
}

/// 400 `invalid_request` names the place where a field holds what Postgres cannot store: the character U+0000, in a text
/// or in a name.
pub fn storable(value: &Value, path: &str) -> Result<(), ApiError> {
    let refused = || Err(ApiError::invalid_field(path, "must not hold the character U+0000"));
    match value {
        Value::String(text) if text.contains('\0') => refused(),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(i, item)| storable(item, &format!("{path}.{i}")))
        }
        Value::Object(fields) if fields.keys().any(|name| name.contains('\0')) => refused(),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| storable(field, &format!("{path}.{name}"))),
        _ => Ok(()),
    }
}

/// Serde's message without the value it quotes: only what was expected, and the names of fields, which are ours or
/// (unknown ones) cut short.
fn explain(path: &str, message: &str) -> ApiError {
    let quoted = |message: &str| message.split('`').nth(1).unwrap_or_default().chars().take(64).collect::<String>();
    if message.starts_with("unknown field") {
        return ApiError::invalid_field(&quoted(message), "is not a field of this request");
    }
    if message.starts_with("missing field") {
        return ApiError::invalid_field(&quoted(message), "is required");
    }
    if message.starts_with("UUID parsing failed") {
        return ApiError::invalid_field(path, "must be a UUID");
    }
    let expected = message.rsplit_once(", expected ").map_or("has the wrong form", |(_, expected)| expected);
    let expected = if expected.starts_with("has") { expected.to_owned() } else { format!("expected {expected}") };
    ApiError::invalid_field(path, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[allow(dead_code)]
        message: String,
        #[allow(dead_code)]
        session_id: Option<uuid::Uuid>,
        #[allow(dead_code)]
        version: Option<i32>,
    }

    fn post(content_type: &str, body: &[u8]) -> Request {
        Request {
            method: "POST".into(),
            headers: vec![("content-type".into(), content_type.into())],
            body: body.to_vec(),
            received_ms: 0.0,
        }
    }

    fn error(body: &str) -> (u16, &'static str, String) {
        let e = read::<Body>(&post("application/json; charset=utf-8", body.as_bytes())).unwrap_err();
        (e.status, e.code, e.message)
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_repeated() {
        let cases = [
            (r#"{"message": "secret"#, "invalid_json", "line 1, column 19"),
            (r#"[]"#, "invalid_request", "JSON object"),
            (r#"{}"#, "invalid_request", "`message`: is required"),
            (r#"{"message": 7}"#, "invalid_request", "`message`: expected a string"),
            (r#"{"message": "secret", "session_id": "secret"}"#, "invalid_request", "`session_id`: must be a UUID"),
            (r#"{"message": "secret", "version": "secret, expected"}"#, "invalid_request", "`version`: expected i32"),
            (r#"{"message": "secret", "more": 1}"#, "invalid_request", "`more`: is not a field"),
            (r#"{"message": "secret\u0000"}"#, "invalid_request", "`message`: must not hold"),
            (r#"{"more": {"secret\u0000": 1}}"#, "invalid_request", "`more`: must not hold"),
            (r#"{"message": "\ud800"}"#, "invalid_json", "not JSON"),
        ];
        for (body, code, part) in cases {
            let (status, got, message) = error(body);
            assert_eq!((status, got), (400, code), "{body}: {message}");
            assert!(message.contains(part), "{body}: {message}");
            assert!(!message.contains("secret"), "{body}: {message}");
        }
    }

    #[test]
    fn size_and_content_type_are_checked_first() {
        let e = read::<Body>(&post("text/plain", b"{}")).unwrap_err();
        assert_eq!((e.status, e.code), (415, "unsupported_media_type"));
        let e = read::<Body>(&post("application/json", &vec![b' '; MAX_BODY_BYTES + 1])).unwrap_err();
        assert_eq!((e.status, e.code), (413, "body_too_large"));
    }
}
