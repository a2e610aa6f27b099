//! JavaScript: the only module that names it, beside each function's entry.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    Stream, StreamExt,
    future::{Either, select},
    stream,
};
use js_sys::{Array, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, future_to_promise, spawn_local};

use crate::{
    ApiError, Request, Response,
    body::MAX_BODY_BYTES,
    cors,
    events::Event,
    http::Body,
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

/// Seconds since 1970, by this machine's clock: for signatures, which say when they were made. What is stored has the
/// database's times.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time of day")]
pub fn unix_seconds() -> i64 {
    (js_sys::Date::now() / 1_000.0) as i64
}

/// Draws from [0, 1): for what must not happen everywhere at once.
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws by chance")]
pub fn chance() -> f64 {
    js_sys::Math::random()
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
    let received_ms = now_ms();
    let work = future_to_promise(async move {
        let response = match read(&request, received_ms).await {
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
        encode(response).map(JsValue::from)
    });
    wait_until(&work);
    match JsFuture::from(work).await {
        Ok(response) => response.unchecked_into(),
        Err(_) => crashed(),
    }
}

/// The answer to requests whose instance is gone. Called on the fresh instance.
pub fn crashed() -> web_sys::Response {
    // An id of its own: that of the request died with the instance.
    let request_id = new_id().to_string();
    let response = cors::allow(route::refuse(&ApiError::internal(), &request_id));
    let response = response.with_header("x-request-id", request_id);
    // Static headers and a status in range: this cannot fail, and an empty answer is still one.
    encode(response).unwrap_or_else(|_| web_sys::Response::error())
}

/// A body as it comes in; `None` where the connection broke.
pub type Chunks = Pin<Box<dyn Stream<Item = Option<Vec<u8>>>>>;
/// Status, headers (names in lower case) and body.
pub type Reply = (u16, Vec<(String, String)>, Chunks);

/// Sends a POST; `None` without a connection. Letting go of the future, or of the body, gives the request up.
pub fn post(
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Pin<Box<dyn Future<Output = Option<Reply>>>> {
    Box::pin(async move { open(&url, &headers, &body).await.ok() })
}

/// Sends a POST and reads the answer whole: its status and its text. `None` when there is none: no connection, or none in
/// time.
pub async fn fetch(
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    timeout: Duration,
) -> Option<(u16, String)> {
    let exchange = async {
        let (status, _, mut chunks) = post(url, headers, body).await?;
        let mut text = Vec::new();
        while let Some(bytes) = chunks.next().await {
            text.extend(bytes?);
        }
        Some((status, String::from_utf8(text).ok()?))
    };
    match select(Box::pin(exchange), sleep(timeout)).await {
        Either::Left((response, _)) => response,
        Either::Right(((), _)) => None,
    }
}

async fn open(url: &str, headers: &[(String, String)], body: &[u8]) -> Result<Reply, JsValue> {
    let abort = Abort(web_sys::AbortController::new()?);
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    // A key and what people wrote go where they were sent, or nowhere.
    init.set_redirect(web_sys::RequestRedirect::Error);
    init.set_headers(&serde_wasm_bindgen::to_value(headers)?);
    init.set_body(&Uint8Array::from(body));
    init.set_signal(Some(&abort.0.signal()));
    let sent = js_fetch(&web_sys::Request::new_with_str_and_init(url, &init)?);
    let response: web_sys::Response = JsFuture::from(sent).await?.unchecked_into();
    let headers = pairs(&response.headers());
    let reader = response.body().map(|body| body.get_reader().unchecked_into());
    let chunks = stream::unfold((reader, abort), |(reader, abort)| async move {
        let reader: web_sys::ReadableStreamDefaultReader = reader?;
        match next_chunk(&reader).await {
            Ok(Some(bytes)) => Some((Some(bytes), (Some(reader), abort))),
            Ok(None) => None,
            Err(_) => Some((None, (None, abort))),
        }
    });
    Ok((response.status(), headers, Box::pin(chunks)))
}

async fn next_chunk(reader: &web_sys::ReadableStreamDefaultReader) -> Result<Option<Vec<u8>>, JsValue> {
    let next = JsFuture::from(reader.read()).await?;
    if Reflect::get(&next, &"done".into())?.is_truthy() {
        return Ok(None);
    }
    Ok(Some(Uint8Array::new(&Reflect::get(&next, &"value".into())?).to_vec()))
}

/// Gives a request up when nobody waits for it any more.
struct Abort(web_sys::AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits. Let go of before its time, it gives back the timer, and what waits for it: a promise that never settles would
/// be held for as long as the isolate lives.
pub fn sleep(duration: Duration) -> Pin<Box<dyn Future<Output = ()>>> {
    let milliseconds = u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    let timer = RefCell::new(None);
    let promise = Promise::new(&mut |resolve, _| {
        let id = set_timeout(&resolve, milliseconds);
        *timer.borrow_mut() = Some((id, resolve));
    });
    Box::pin(Sleep { timer: timer.take(), elapsed: JsFuture::from(promise) })
}

struct Sleep {
    timer: Option<(f64, js_sys::Function)>,
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
        if let Some((id, resolve)) = self.timer.take() {
            clear_timeout(id);
            // Resolving what is resolved does nothing.
            let _ = resolve.call0(&JsValue::UNDEFINED);
        }
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

/// Name and value of each. (Decoding them with serde weighs 3 KB more.)
fn pairs(headers: &web_sys::Headers) -> Vec<(String, String)> {
    let text = |pair: &Array, at| pair.get(at).as_string();
    let pairs = Array::from(headers).iter().map(|pair| pair.unchecked_into::<Array>()).collect::<Vec<_>>();
    pairs.iter().filter_map(|pair| text(pair, 0).zip(text(pair, 1))).collect()
}

/// Reads a request; of a body that is too large no more than shows it.
async fn read(request: &web_sys::Request, received_ms: f64) -> Result<Request, JsValue> {
    let headers = pairs(&request.headers());
    let mut body = Vec::new();
    if let Some(stream) = request.body() {
        let reader: web_sys::ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        while let Some(bytes) = next_chunk(&reader).await? {
            body.extend(bytes);
            if body.len() > MAX_BODY_BYTES {
                swallow(reader.cancel());
                break;
            }
        }
    }
    Ok(Request { method: request.method(), headers, body, received_ms })
}

fn encode(response: Response) -> Result<web_sys::Response, JsValue> {
    let headers: JsValue = serde_wasm_bindgen::to_value(&response.headers)?;
    let init = web_sys::ResponseInit::new();
    init.set_status(response.status);
    init.set_headers(&headers);
    match response.body {
        Body::Text(text) => {
            let text = (!text.is_empty()).then_some(text.as_str());
            web_sys::Response::new_with_opt_str_and_init(text, &init)
        }
        Body::Events(events) => {
            let pipe = web_sys::TransformStream::new()?;
            let writer = pipe.writable().get_writer()?;
            wait_until(&future_to_promise(pump(events, writer)));
            web_sys::Response::new_with_opt_readable_stream_and_init(Some(&pipe.readable()), &init)
        }
    }
}

/// Writes events until there are no more. A client that has left is no reason to stop: what makes the events also stores
/// the answer. So nothing waits for a write, and none that fails is heard of.
async fn pump(
    mut events: Pin<Box<dyn Stream<Item = Event>>>,
    writer: web_sys::WritableStreamDefaultWriter,
) -> Result<JsValue, JsValue> {
    while let Some(event) = events.next().await {
        swallow(writer.write_with_chunk(&Uint8Array::from(event.as_str().as_bytes())));
    }
    swallow(writer.close());
    Ok(JsValue::UNDEFINED)
}

fn swallow(promise: Promise) {
    spawn_local(async move {
        let _ = JsFuture::from(promise).await;
    });
}

/// Has a run stored, after the answer: nobody waits for it, the platform is asked to let it end, and that it could not be
/// stored is logged and changes nothing. `store` says whether it was.
pub fn record<F: Future<Output = bool>>(
    run: Option<serde_json::Value>,
    request_id: String,
    store: impl FnOnce(serde_json::Value) -> F + 'static,
) {
    let Some(run) = run else { return };
    wait_until(&future_to_promise(async move {
        if !store(run).await {
            log::event(Level::Warn, "run_not_recorded", &[("request_id", request_id.into())]);
        }
        Ok(JsValue::UNDEFINED)
    }));
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
