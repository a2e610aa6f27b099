//! Whether to ask the model again, and when. Pure: chance and the time left are arguments.

use std::time::Duration;

use crate::error::ModelError;

/// Most times that one question is asked.
pub(crate) const MAX_ATTEMPTS: u32 = 4;
/// What the second attempt waits at the most, when the model names no time; each one after it twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// A failed attempt, with what the model said about another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) error: ModelError,
    /// `retry-after`, or `retry-after-ms`.
    pub(crate) after: Option<Duration>,
    /// `x-should-retry`.
    pub(crate) advice: Option<bool>,
}

impl From<ModelError> for Fault {
    fn from(error: ModelError) -> Self {
        Self { error, after: None, advice: None }
    }
}

/// How long to wait before attempt `attempt + 1`, or `None` to give up.
///
/// `chance` is drawn from [0, 1). Without a word of the model's the pause is half fixed and half chance ("equal jitter",
/// Brooker 2015), so that many callers that failed together do not come back together; with one it is at least what the
/// model asked for. A pause that would take more than half of `left` is not begun: the caller is better told to come
/// back than kept waiting for an answer that then has no time.
pub(crate) fn pause(fault: &Fault, attempt: u32, chance: f64, left: Duration) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS || !is_worth_it(fault) {
        return None;
    }
    let part_of = |whole: Duration| Duration::from_millis((whole.as_millis() as f64 * chance) as u64);
    let pause = match fault.after {
        Some(asked) => asked.saturating_add(part_of(FIRST_PAUSE)),
        None => {
            let half = FIRST_PAUSE.saturating_mul(1 << (attempt - 1).min(16)) / 2;
            half + part_of(half)
        }
    };
    (pause <= left / 2).then_some(pause)
}

/// What passes by itself. A spending limit does not, whatever the headers beside it say.
fn is_worth_it(fault: &Fault) -> bool {
    match fault.error {
        ModelError::SpendLimit => false,
        ModelError::Timeout
        | ModelError::Unreachable
        | ModelError::RateLimited(_)
        | ModelError::Overloaded(_)
        | ModelError::ServerError
        | ModelError::BrokenOff => fault.advice != Some(false),
        ModelError::Rejected(_) => fault.advice == Some(true),
        ModelError::Unauthorized
        | ModelError::NotAllowed
        | ModelError::OwnKeyRefused
        | ModelError::Refused
        | ModelError::Empty
        | ModelError::CutOff
        | ModelError::Malformed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: Duration = Duration::from_secs(1000);

    fn fault(error: ModelError) -> Fault {
        error.into()
    }

    #[test]
    fn what_passes_is_tried_again_and_what_does_not_is_not() {
        let again = |error| pause(&fault(error), 1, 0.0, LONG).is_some();
        assert!(again(ModelError::RateLimited(None)) && again(ModelError::Overloaded(None)));
        assert!(again(ModelError::ServerError) && again(ModelError::Timeout));
        assert!(again(ModelError::Unreachable) && again(ModelError::BrokenOff));
        for error in [
            ModelError::SpendLimit,
            ModelError::Unauthorized,
            ModelError::Rejected("invalid_request_error".into()),
            ModelError::Refused,
            ModelError::Empty,
            ModelError::Malformed,
        ] {
            assert!(!again(error));
        }
    }

    #[test]
    fn the_models_advice_counts_but_never_for_a_spending_limit() {
        let advised = |error, advice| pause(&Fault { advice: Some(advice), ..fault(error) }, 1, 0.0, LONG).is_some();
        assert!(!advised(ModelError::Overloaded(None), false));
        assert!(advised(ModelError::Rejected(String::new()), true));
        assert!(!advised(ModelError::SpendLimit, true));
    }

    proptest! {
        #[test]
        fn pauses_are_bounded_jittered_and_inside_the_deadline(
            attempt in 1u32..10, chance in 0.0..1.0f64, asked in prop::option::of(0u64..100), left in 0u64..200
        ) {
            let (asked, left) = (asked.map(Duration::from_secs), Duration::from_secs(left));
            let fault = Fault { after: asked, ..fault(ModelError::Overloaded(None)) };
            match pause(&fault, attempt, chance, left) {
                Some(pause) => {
                    prop_assert!(attempt < MAX_ATTEMPTS && pause * 2 <= left);
                    let least = asked.unwrap_or(Duration::from_millis(500) * (1 << (attempt - 1)));
                    prop_assert!(pause >= least && pause <= (least * 2).max(least + FIRST_PAUSE), "{pause:?}");
                }
                None => prop_assert!(attempt >= MAX_ATTEMPTS || (asked.unwrap_or(FIRST_PAUSE * 4) + FIRST_PAUSE) * 2 >= left),
            }
        }

        #[test]
        fn two_callers_wait_differently(a in 0.0..1.0f64, b in 0.0..1.0f64) {
            prop_assume!((a - b).abs() > 0.01);
            let after = |chance| pause(&fault(ModelError::Overloaded(None)), 1, chance, LONG);
            prop_assert_ne!(after(a), after(b));
        }
    }
}
