//! JavaScript: the only module that names it, beside each function's entry.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, select};
use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, future_to_promise};

use crate::{
    ApiError, Request, Response, cors,
    log::{self, Level},
    route,
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["Deno", "env"], js_name = get)]
    fn deno_env_get(name: &str) -> Option<String>;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &JsValue, milliseconds: u32) -> f64;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: f64);
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_name = fetch)]
    fn js_fetch(request: &web_sys::Request) -> Promise;
}

/// An environment variable; the platform has already put the project's secrets there.
pub fn variable(name: &str) -> Option<String> {
    deno_env_get(name)
}

/// Milliseconds of a clock that never goes back; its zero means nothing.
pub fn now_ms() -> f64 {
    performance_now()
}

/// A new random id.
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws ids")]
pub fn new_id() -> uuid::Uuid {
    uuid::Uuid::new_v4()
}

/// Decodes a request, runs `handler` on it and encodes what comes of it. The work is registered with the platform's
/// `waitUntil`, so it is finished also when the client has left.
pub async fn serve<F, R, E>(request: web_sys::Request, handler: F) -> web_sys::Response
where
    F: FnOnce(Request, String) -> R + 'static,
    R: Future<Output = Result<Response, E>> + 'static,
    E: Into<ApiError> + 'static,
{
    std::panic::set_hook(Box::new(log_panic));
    let request_id = new_id().to_string();
    let work = future_to_promise(async move {
        let response = match read(&request).await {
            Ok(request) => {
                inject_fault(&request).await;
                let id = request_id.clone();
                route::route(request, &request_id, |request| handler(request, id)).await
            }
            Err(_) => {
                let error = ApiError::new(400, "unreadable_body", "The connection broke before the body was read.");
                cors::allow(route::refuse(&error, &request_id))
            }
        };
        encode(&response).map(JsValue::from)
    });
    wait_until(&work);
    match JsFuture::from(work).await {
        Ok(response) => response.unchecked_into(),
        Err(_) => crashed(),
    }
}

/// The answer to requests whose instance is gone. Called on the fresh instance.
pub fn crashed() -> web_sys::Response {
    let request_id = new_id().to_string();
    let response = cors::allow(ApiError::internal().render(&request_id)).with_header("x-request-id", request_id);
    // Static headers and a status in range: this cannot fail, and an empty answer is still one.
    encode(&response).unwrap_or_else(|_| web_sys::Response::error())
}

/// Sends a request and reads the answer whole. `None` when there is none: no connection, or none in time.
pub async fn fetch(url: &str, request: &Request, timeout: Duration) -> Option<Response> {
    let exchange = async {
        let init = web_sys::RequestInit::new();
        init.set_method(&request.method);
        init.set_headers(&serde_wasm_bindgen::to_value(&request.headers)?);
        init.set_body(&js_sys::Uint8Array::from(request.body.as_slice()));
        let sent = js_fetch(&web_sys::Request::new_with_str_and_init(url, &init)?);
        let response: web_sys::Response = JsFuture::from(sent).await?.unchecked_into();
        let body = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
        Ok::<_, JsValue>(Response { status: response.status(), headers: Vec::new(), body })
    };
    match select(Box::pin(exchange), sleep(timeout)).await {
        Either::Left((response, _)) => response.ok(),
        Either::Right(((), _)) => None,
    }
}

/// Waits, and gives the timer back when it is dropped before its time.
pub fn sleep(duration: Duration) -> Pin<Box<dyn Future<Output = ()>>> {
    let milliseconds = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    let timer = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&timer);
    let promise = Promise::new(&mut |resolve, _| {
        *slot.borrow_mut() = Some(set_timeout(&resolve, milliseconds));
    });
    let id = timer.borrow().unwrap_or_default();
    Box::pin(Sleep { id, elapsed: JsFuture::from(promise) })
}

struct Sleep {
    id: f64,
    elapsed: JsFuture,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.elapsed).poll(context).map(|_| ())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        clear_timeout(self.id);
    }
}

pub(crate) fn write_line(is_error: bool, line: &str) {
    let line = JsValue::from_str(line);
    if is_error { web_sys::console::error_1(&line) } else { web_sys::console::log_1(&line) }
}

/// A panic's message may quote what it choked on; its place in the code does not.
fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map(|l| format!("{}:{}", l.file(), l.line()));
    log::event(Level::Error, "panic", &[("at", place.into())]);
}

async fn read(request: &web_sys::Request) -> Result<Request, JsValue> {
    let pairs = Array::from(&request.headers()).into();
    let headers: Vec<(String, String)> = serde_wasm_bindgen::from_value(pairs)?;
    let body = JsFuture::from(request.array_buffer()?).await?;
    let body = js_sys::Uint8Array::new(&body).to_vec();
    Ok(Request { method: request.method(), headers, body })
}

fn encode(response: &Response) -> Result<web_sys::Response, JsValue> {
    let headers: JsValue = serde_wasm_bindgen::to_value(&response.headers)?;
    let init = web_sys::ResponseInit::new();
    init.set_status(response.status);
    init.set_headers(&headers);
    let body = (!response.body.is_empty()).then_some(response.body.as_str());
    web_sys::Response::new_with_opt_str_and_init(body, &init)
}

/// Hands a promise to `EdgeRuntime.waitUntil`, which local runtimes may not have.
fn wait_until(promise: &Promise) {
    let Ok(edge_runtime) = Reflect::get(&js_sys::global(), &"EdgeRuntime".into()) else { return };
    let Ok(wait_until) = Reflect::get(&edge_runtime, &"waitUntil".into()) else { return };
    if let Some(wait_until) = wait_until.dyn_ref::<js_sys::Function>() {
        // Whether the platform could take it changes nothing for this request.
        let _ = wait_until.call1(&edge_runtime, promise);
    }
}

#[cfg(not(feature = "fault-injection"))]
#[expect(clippy::unused_async, reason = "the other build awaits")]
async fn inject_fault(_request: &Request) {}

/// Panics as the header `x-pawl-fault` says: at once, after a wait, or while other requests run.
#[cfg(feature = "fault-injection")]
#[expect(clippy::panic, reason = "this build is there to panic")]
async fn inject_fault(request: &Request) {
    match request.header("x-pawl-fault") {
        Some("panic") => panic!("asked to, before any wait"),
        Some("panic-after-wait") => {
            sleep(Duration::from_millis(5)).await;
            panic!("asked to, after a wait");
        }
        Some("slow") => sleep(Duration::from_millis(200)).await,
        _ => {}
    }
}
