//! Server-Sent Events (WHATWG HTML, "Server-sent events"): a body that is written while the work is done.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::Stream;
use serde::Serialize;

/// How to wait.
pub type Sleep = Rc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()>>>>;

/// After this long without an event a ping is sent, so that nothing between us and the client takes the connection for
/// dead. (A client may count on one every 15 s.)
const PING_AFTER: Duration = Duration::from_secs(10);

/// One event, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(String);

impl Event {
    /// `data` is sent as JSON, which has no line breaks; `name` and `id` must have none either.
    pub fn new(name: &str, id: Option<&str>, data: &impl Serialize) -> Self {
        let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
        let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        Self(format!("{id}event: {name}\ndata: {data}\n\n"))
    }

    /// The bytes on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where the work puts its events. Putting never waits and never fails, also when the client has left.
#[derive(Clone, Default)]
pub struct Sink(Rc<RefCell<VecDeque<Event>>>);

impl Sink {
    /// Puts one.
    pub fn put(&self, event: Event) {
        self.0.borrow_mut().push_back(event);
    }
}

/// The events of some work, with pings in its silences. The work advances when the stream is polled, and only then: who
/// wants it done although nobody listens polls on and lets the events go.
pub struct Events {
    queue: Sink,
    work: Option<Pin<Box<dyn Future<Output = ()>>>>,
    sleep: Sleep,
    silence: Pin<Box<dyn Future<Output = ()>>>,
}

impl Events {
    /// `work` is given the sink to put its events into; its end is the stream's.
    pub fn of<F: Future<Output = ()> + 'static>(work: impl FnOnce(Sink) -> F, sleep: Sleep) -> Self {
        let queue = Sink::default();
        let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work(queue.clone()));
        let silence = sleep(PING_AFTER);
        Self { queue, work: Some(work), sleep, silence }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = &mut *self;
        if this.queue.0.borrow().is_empty()
            && let Some(work) = &mut this.work
            && work.as_mut().poll(context).is_ready()
        {
            this.work = None;
        }
        let event = this.queue.0.borrow_mut().pop_front();
        let event = match (event, &this.work) {
            (None, None) => return Poll::Ready(None),
            (None, Some(_)) if this.silence.as_mut().poll(context).is_pending() => return Poll::Pending,
            (None, Some(_)) => Event::new("ping", None, &serde_json::json!({})),
            (Some(event), _) => event,
        };
        this.silence = (this.sleep)(PING_AFTER);
        Poll::Ready(Some(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt, future};

    fn never() -> Sleep {
        Rc::new(|_| Box::pin(future::pending()))
    }

    fn at_once() -> Sleep {
        Rc::new(|_| Box::pin(future::ready(())))
    }

    fn named(name: &str) -> Event {
        Event::new(name, None, &1)
    }

    #[test]
    fn an_event_is_lines_and_a_blank_one_and_its_data_stays_on_one() {
        let event = Event::new("delta", Some("7"), &serde_json::json!({"text": "a\nb\r\n\u{2028}"}));
        assert_eq!(event.as_str(), "id: 7\nevent: delta\ndata: {\"text\":\"a\\nb\\r\\n\u{2028}\"}\n\n");
        assert_eq!(named("ping").as_str(), "event: ping\ndata: 1\n\n");
    }

    #[test]
    fn events_leave_in_order_and_as_soon_as_they_are_there() {
        let (go_on, wait) = futures_channel();
        let mut events = Events::of(
            |sink| async move {
                sink.put(named("a"));
                sink.put(named("b"));
                wait.await;
                sink.put(named("c"));
            },
            never(),
        );
        assert_eq!(events.next().now_or_never(), Some(Some(named("a"))));
        assert_eq!(events.next().now_or_never(), Some(Some(named("b"))));
        assert_eq!(events.next().now_or_never(), None, "the work is not done");
        go_on();
        assert_eq!(events.next().now_or_never(), Some(Some(named("c"))));
        assert_eq!(events.next().now_or_never(), Some(None));
    }

    #[test]
    fn silence_is_filled_with_pings_and_the_end_with_none() {
        let mut events = Events::of(|_| future::pending(), at_once());
        let ping = Event::new("ping", None, &serde_json::json!({}));
        assert_eq!(events.next().now_or_never(), Some(Some(ping.clone())));
        assert_eq!(events.next().now_or_never(), Some(Some(ping)));
        let mut ended = Events::of(|_| future::ready(()), at_once());
        assert_eq!(ended.next().now_or_never(), Some(None));
    }

    /// A future that is ready once the function was called.
    fn futures_channel() -> (impl FnOnce(), impl Future<Output = ()>) {
        let told = Rc::new(std::cell::Cell::new(false));
        let heard = Rc::clone(&told);
        let wait = future::poll_fn(move |_| if heard.get() { Poll::Ready(()) } else { Poll::Pending });
        (move || told.set(true), wait)
    }
}
