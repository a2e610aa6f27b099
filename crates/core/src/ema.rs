//! A debiased exponential moving average with a moving step: a score to show and to rank by. It never decides.
//!
//! The correction by the weight seen so far is that of Adam (Kingma & Ba, 2015, section 3) carried over to a step that
//! changes: with `S ← (1−a)S + a·x` and `W ← (1−a)W + a` the score is `S/W`, a weighted mean of the signals whose
//! weights sum to one. With a constant step, `W = 1 − (1−a)^k`, which is Adam's term.

use serde::{Deserialize, Serialize};

/// Step of the first signal.
pub const FIRST_STEP: f64 = 0.15;
/// Step from [`WARMUP`] signals on.
pub const LAST_STEP: f64 = 0.05;
/// Signals over which the step goes from [`FIRST_STEP`] to [`LAST_STEP`], linearly.
pub const WARMUP: u64 = 30;
/// After more than this many signals, one that disagrees with the score makes the next step half as long.
pub const CAUTIOUS_AFTER: u64 = 5;

/// The running average of signals in [−1, 1]. `Default` has seen none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Ema {
    /// S: weighted sum of the signals.
    sum: f64,
    /// W: weight they carry together, in [0, 1].
    weight: f64,
    /// Q: sum of the squared weights.
    squares: f64,
    /// k: signals seen.
    count: u64,
    /// The last signal disagreed: the next step is halved, whatever its sign.
    cautious: bool,
}

impl Ema {
    /// The average after one more signal. `x` is clamped to [−1, 1]; a NaN is silence, which is not a signal.
    #[must_use]
    pub fn after(self, x: f64) -> Self {
        if x.is_nan() {
            return self;
        }
        let x = x.clamp(-1.0, 1.0);
        let a = if self.cautious { step(self.count) / 2.0 } else { step(self.count) };
        let keep = 1.0 - a;
        let disagrees = self.count > CAUTIOUS_AFTER && self.score().is_some_and(|score| x * score < 0.0);
        Self {
            sum: keep * self.sum + a * x,
            weight: keep * self.weight + a,
            squares: keep * keep * self.squares + a * a,
            count: self.count + 1,
            cautious: disagrees,
        }
    }

    /// S/W, in [−1, 1]; `None` before the first signal.
    pub fn score(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| (self.sum / self.weight).clamp(-1.0, 1.0))
    }

    /// W²/Q: how many equally weighted signals would be worth as much (Kish, 1965). 0 before the first.
    pub fn effective_sample(&self) -> f64 {
        if self.squares > 0.0 { self.weight * self.weight / self.squares } else { 0.0 }
    }

    /// Signals seen.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// The step after `k` earlier signals: 0.15 − 0.10·k/30, and 0.05 from 30 on.
pub fn step(k: u64) -> f64 {
    if k < WARMUP { FIRST_STEP - (FIRST_STEP - LAST_STEP) * k as f64 / WARMUP as f64 } else { LAST_STEP }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(signals: impl IntoIterator<Item = f64>) -> Ema {
        signals.into_iter().fold(Ema::default(), Ema::after)
    }

    #[test]
    fn the_step_warms_up_and_stays() {
        assert_eq!(step(0), 0.15);
        assert!((step(15) - 0.10).abs() < 1e-12);
        assert_eq!(step(30), 0.05);
        assert_eq!(step(u64::MAX), 0.05);
    }

    #[test]
    fn nothing_seen_is_no_score() {
        assert_eq!(Ema::default().score(), None);
        assert_eq!(Ema::default().effective_sample(), 0.0);
        assert_eq!(Ema::default().after(f64::NAN), Ema::default());
    }

    #[test]
    fn a_disagreement_halves_the_next_step_whatever_its_sign() {
        let agreed = run([1.0; 6]);
        let after_no = agreed.after(-1.0);
        // The signal that disagrees has its full step …
        let a = step(6);
        assert!((after_no.sum - ((1.0 - a) * agreed.sum - a)).abs() < 1e-12);
        // … and the one after it, agreeing or not, has half.
        for x in [1.0, -1.0] {
            let half = step(7) / 2.0;
            let next = after_no.after(x);
            assert!((next.sum - ((1.0 - half) * after_no.sum + half * x)).abs() < 1e-12);
        }
    }

    #[test]
    fn the_first_signals_and_silence_make_nobody_cautious() {
        assert!(!run([1.0, 1.0, 1.0, 1.0, 1.0, -1.0]).cautious);
        assert!(!run([1.0; 8]).after(0.0).cautious);
        assert!(run([1.0; 8]).after(-0.1).cautious);
    }

    /// The half-step on the signal itself would settle near ±0.33 here (a bias the next-step rule does not have).
    #[test]
    fn a_balanced_stream_is_not_pushed_from_zero() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut coin = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state & 1 == 0 { 1.0 } else { -1.0 }
        };
        let (mut ema, mut total) = (Ema::default(), 0.0);
        for _ in 0..200_000 {
            ema = ema.after(coin());
            total += ema.score().unwrap();
        }
        assert!((total / 200_000.0).abs() < 0.02, "mean score {}", total / 200_000.0);
    }

    proptest! {
        #[test]
        fn the_score_lies_between_the_smallest_and_the_largest_signal(
            signals in prop::collection::vec(-1.0f64..=1.0, 1..200)
        ) {
            let score = run(signals.iter().copied()).score().unwrap();
            let low = signals.iter().copied().fold(f64::INFINITY, f64::min);
            let high = signals.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert!(low - 1e-12 <= score && score <= high + 1e-12);
        }

        #[test]
        fn a_constant_signal_is_its_own_score_at_every_step(x in -1.0f64..=1.0, n in 1usize..200) {
            let mut ema = Ema::default();
            for _ in 0..n {
                ema = ema.after(x);
                prop_assert!((ema.score().unwrap() - x).abs() < 1e-12);
            }
        }

        /// From the 30th signal on the step is constant; an average begun there is Adam's.
        #[test]
        fn with_a_constant_step_it_is_adams_correction(signals in prop::collection::vec(0.0f64..=1.0, 1..100)) {
            let ema = signals.iter().fold(Ema { count: WARMUP, ..Ema::default() }, |e, &x| e.after(x));
            let (mut m, beta) = (0.0, 1.0 - LAST_STEP);
            for x in &signals {
                m = beta * m + (1.0 - beta) * x;
            }
            let adam = m / (1.0 - beta.powi(signals.len() as i32));
            prop_assert!((ema.score().unwrap() - adam).abs() < 1e-9);
        }

        #[test]
        fn the_effective_sample_is_at_least_one_and_at_most_the_count(
            signals in prop::collection::vec(-1.0f64..=1.0, 1..200)
        ) {
            let ema = run(signals.iter().copied());
            prop_assert!(1.0 - 1e-9 <= ema.effective_sample());
            prop_assert!(ema.effective_sample() <= signals.len() as f64 + 1e-9);
            prop_assert_eq!(ema.count(), signals.len() as u64);
        }

        #[test]
        fn any_number_is_handled(signals in prop::collection::vec(any::<f64>(), 0..50)) {
            let score = run(signals).score();
            prop_assert!(score.is_none_or(|s| (-1.0..=1.0).contains(&s)));
        }
    }
}
