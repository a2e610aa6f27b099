//! An answer as events: `start`, a `delta` for each piece of text, then `done` or `error`.

use std::cell::Cell;

use pawl_edge::{
    ApiError, Response,
    events::{Event, Events, Sink, Sleep},
    route,
};
use pawl_model::Chat;
use pawl_store::turns::{StoredAnswer, Turn, TurnLedger};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    Error,
    handler::Ports,
    turn,
    wire::{ChatRequest, Delta, Failure, Start},
};

/// Answers an open turn. The first event leaves at once; the answer is stored also when nobody listens any more.
pub fn answer<C, S, M>(turn: Turn, message: ChatRequest, request_id: String, ports: Ports<C, S>, model: M) -> Response
where
    C: 'static,
    S: TurnLedger + 'static,
    M: Chat + 'static,
{
    let sleep = ports.sleep.clone();
    let work = move |sink| async move {
        let events = Numbered { sink, turn_id: turn.turn_id, attempt: turn.attempt, count: Cell::new(0) };
        let (turn_id, session_id, message_id) = (turn.turn_id, turn.session_id, turn.message_id);
        events.put("start", &Start { turn_id, session_id, message_id, request_id: &request_id });
        let on_text = &mut |text: &str| events.put("delta", &Delta { text });
        match turn::answer(&turn, &message, &request_id, &ports, &model, on_text).await {
            Ok(answered) => events.put("done", &answered.told(&turn, &request_id, false)),
            Err(error) => events.fail(error, &request_id),
        }
    };
    Response::events(Events::of(work, sleep))
}

/// Gives an answer of before, in one piece.
pub fn replay(stored: StoredAnswer, request_id: String, sleep: Sleep) -> Response {
    let work = move |sink| async move {
        let (turn_id, session_id, message_id) = (stored.turn_id, stored.session_id, stored.message_id);
        let events = Numbered { sink, turn_id, attempt: 0, count: Cell::new(0) };
        events.put("start", &Start { turn_id, session_id, message_id, request_id: &request_id });
        events.put("delta", &Delta { text: &stored.answer });
        events.put("done", &turn::told_again(&stored, &request_id, false));
    };
    Response::events(Events::of(work, sleep))
}

/// Events with ids that tell them apart, also over several connections: `<turn>.<attempt>.<number>`. A replay is
/// attempt 0.
struct Numbered {
    sink: Sink,
    turn_id: Uuid,
    attempt: i32,
    count: Cell<u32>,
}

impl Numbered {
    fn put(&self, name: &str, data: &impl Serialize) {
        let id = format!("{}.{}.{}", self.turn_id, self.attempt, self.count.get());
        self.count.set(self.count.get() + 1);
        self.sink.put(Event::new(name, Some(&id), data));
    }

    fn fail(&self, error: Error, request_id: &str) {
        let error = ApiError::from(error);
        route::log_refusal(&error, request_id);
        let failure = Failure {
            status: error.status,
            code: error.code,
            message: &error.message,
            request_id,
            retry_after: error.retry_after,
        };
        self.put("error", &failure);
    }
}
