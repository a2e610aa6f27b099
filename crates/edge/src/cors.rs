//! Cross-origin requests: browsers call the functions from any site, with credentials in headers and never in cookies.

use crate::http::Response;

/// What supabase-js sends, and `idempotency-key`.
const ALLOWED_HEADERS: &str = "authorization, apikey, content-type, x-client-info, x-supabase-api-version, x-region, \
                               accept, idempotency-key, x-request-id";

/// The answer to a preflight request.
pub fn preflight() -> Response {
    Response::empty(204)
        .with_header("access-control-allow-methods", "POST, OPTIONS")
        .with_header("access-control-allow-headers", ALLOWED_HEADERS)
        .with_header("access-control-max-age", "86400")
}

/// Lets the page read the response: on every one, errors too.
#[must_use]
pub fn allow(response: Response) -> Response {
    response
        .with_header("access-control-allow-origin", "*")
        .with_header("access-control-expose-headers", "retry-after, x-request-id")
}
