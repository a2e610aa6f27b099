//! How much of an invocation's time is left.

use std::time::Duration;

/// The platform gives a request 150 s to its first byte; the answer has to leave before.
pub const INVOCATION: Duration = Duration::from_secs(140);

/// An end, on a clock that never goes back.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end_ms: f64,
    now_ms: fn() -> f64,
}

impl Deadline {
    /// [`INVOCATION`] from now.
    pub fn of_invocation(now_ms: fn() -> f64) -> Self {
        Self::after(INVOCATION, now_ms)
    }

    /// So long from now; `now_ms` gives milliseconds.
    pub fn after(time: Duration, now_ms: fn() -> f64) -> Self {
        Self { end_ms: now_ms() + time.as_millis() as f64, now_ms }
    }

    /// Time left; zero when it is over.
    pub fn left(&self) -> Duration {
        // A cast of what is below zero is zero.
        Duration::from_millis((self.end_ms - (self.now_ms)()) as u64)
    }

    /// True with at least this much left.
    pub fn has(&self, needed: Duration) -> bool {
        self.left() >= needed
    }
}
