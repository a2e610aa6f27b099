//! From a request to a response: every function takes `POST` with a JSON body and answers preflights.

use std::future::Future;

use crate::{
    ApiError, Request, Response, cors,
    log::{self, Level},
};

/// Runs `handler` on a `POST`, answers `OPTIONS`, refuses the rest; renders and logs errors; adds what every response
/// carries (CORS, `x-request-id`).
pub async fn route<F, R, E>(request: Request, request_id: &str, handler: F) -> Response
where
    F: FnOnce(Request) -> R,
    R: Future<Output = Result<Response, E>>,
    E: Into<ApiError>,
{
    let result = match request.method.as_str() {
        "OPTIONS" => Ok(cors::preflight()),
        "POST" => handler(request).await.map_err(Into::into),
        _ => {
            let message = "This endpoint takes POST requests.";
            Err(ApiError::new(405, "method_not_allowed", message).with_header("allow", "POST, OPTIONS"))
        }
    };
    let response = result.unwrap_or_else(|error| refuse(&error, request_id));
    cors::allow(response).with_header("x-request-id", request_id)
}

/// Logs an error and renders it.
pub fn refuse(error: &ApiError, request_id: &str) -> Response {
    log_refusal(error, request_id);
    error.render(request_id)
}

/// Logs an error that is told otherwise than by a response of its own.
pub fn log_refusal(error: &ApiError, request_id: &str) {
    let level = if error.status >= 500 { Level::Error } else { Level::Info };
    let cause = error.cause.clone().into();
    let fields = [
        ("request_id", request_id.into()),
        ("status", error.status.into()),
        ("code", error.code.into()),
        ("cause", cause),
    ];
    log::event(level, "request_failed", &fields);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{pin::pin, task::Poll};

    /// These futures never wait.
    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("the future waits"),
        }
    }

    fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
        response.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn answer(method: &str) -> Response {
        let request = Request { method: method.into(), ..Request::default() };
        now(route(request, "r1", |_| async { Err::<Response, _>(ApiError::new(418, "teapot", "No coffee.")) }))
    }

    #[test]
    fn errors_have_one_shape_and_every_response_may_be_read_by_a_page() {
        let response = answer("POST");
        assert_eq!(response.status, 418);
        assert_eq!(response.text(), r#"{"code":"teapot","message":"No coffee.","request_id":"r1"}"#);
        assert_eq!(header(&response, "access-control-allow-origin"), Some("*"));
        assert_eq!(header(&response, "x-request-id"), Some("r1"));
    }

    #[test]
    fn a_preflight_is_answered_and_other_methods_are_refused() {
        let response = answer("OPTIONS");
        assert_eq!(response.status, 204);
        let allowed = header(&response, "access-control-allow-headers").unwrap();
        for name in ["authorization", "apikey", "content-type", "x-client-info", "idempotency-key"] {
            assert!(allowed.contains(name), "{name}");
        }
        assert!(header(&response, "access-control-expose-headers").unwrap().contains("retry-after"));
        for method in ["GET", "PUT", "DELETE", "HEAD"] {
            let response = answer(method);
            assert_eq!((response.status, header(&response, "allow")), (405, Some("POST, OPTIONS")), "{method}");
        }
    }
}
