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
        Self { end_ms: now_ms() + INVOCATION.as_secs_f64() * 1000.0, now_ms }
    }

    /// Time left; zero when it is over.
    pub fn left(&self) -> Duration {
        Duration::from_secs_f64(((self.end_ms - (self.now_ms)()) / 1000.0).max(0.0))
    }

    /// True with at least this much left.
    pub fn has(&self, needed: Duration) -> bool {
        self.left() >= needed
    }

    /// A timeout that ends before the invocation does.
    pub fn at_most(&self, timeout: Duration) -> Duration {
        timeout.min(self.left())
    }
}
