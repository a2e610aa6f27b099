//! What a caller is told when something is wrong.

use serde::Serialize;

use crate::http::Response;

/// An answer that is not a success. [`ApiError::message`] is for the caller; [`ApiError::cause`] is for the log alone.
/// Neither ever holds a key or the text of a prompt or message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Stable, in snake_case; programs branch on it.
    pub code: &'static str,
    /// Says what is wrong and what to do about it.
    pub message: String,
    /// The field of the body that is wrong, if it is one.
    pub field: Option<Box<str>>,
    /// What the log is told beside the code: a stable code of the database or the model.
    pub cause: Option<String>,
    /// Seconds after which another try may do better: the header `retry-after`.
    pub retry_after: Option<u32>,
    /// Further headers: `allow`.
    pub headers: Vec<(&'static str, String)>,
}

impl ApiError {
    /// An error with a status, a stable code and a message.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, field: None, cause: None, retry_after: None, headers: Vec::new() }
    }

    /// 400 `invalid_request`: a field of the body is wrong. The message names the field.
    pub fn invalid_field(field: &str, expected: impl std::fmt::Display) -> Self {
        let message = format!("`{field}`: {expected}");
        Self { field: Some(field.into()), ..Self::new(400, "invalid_request", message) }
    }

    /// 500 `misconfigured`: an environment variable is missing or unusable. Names it, never its value.
    pub fn misconfigured(variable: &str, problem: &str) -> Self {
        Self::new(500, "misconfigured", format!("The environment variable {variable} {problem}."))
    }

    /// A fault of another part: what the caller is told (status, code, message) and what the log is.
    pub fn fault((status, code, message): (u16, &'static str, &str), cause: Option<&str>) -> Self {
        Self { cause: cause.map(str::to_owned), ..Self::new(status, code, message) }
    }

    /// 500 `internal`.
    pub fn internal() -> Self {
        Self::new(500, "internal", "Something went wrong on our side. Give the request_id when you report it.")
    }

    /// With what the log is told.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With the seconds after which another try may do better.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The one place where an error becomes a body: `{code, message, request_id}`.
    pub fn render(&self, request_id: &str) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            message: &'a str,
            request_id: &'a str,
        }
        let body = Body { code: self.code, message: &self.message, request_id };
        let response = Response::json(self.status, &body);
        let response = self.headers.iter().fold(response, |response, (name, value)| response.with_header(name, value));
        match self.retry_after {
            Some(seconds) => response.with_header("retry-after", seconds.to_string()),
            None => response,
        }
    }
}
