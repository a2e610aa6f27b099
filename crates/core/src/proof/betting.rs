//! What a fair gambler would have won by now.
//!
//! Before each observation x ∈ [−1, 1] a share λ of what one has is bet on x being above 0: what one has becomes
//! (1 + λx) times as much. Where x is at most 0 on average, whatever came before, nobody gains on average: the chance
//! of ever having 1/α times what one began with is at most α (Ville 1939). So it may be looked at after every
//! observation, and a test may end whenever it likes. What suits the truth best is not known, so the stake is shared
//! out evenly over several λ, and their mean wealth is what counts (Waudby-Smith & Ramdas 2024).

/// Where a wealth is brought back to ordinary size, so that no run of luck leaves the range of numbers.
const LARGE: f64 = 1e100;

/// Wealth of a stake shared out evenly over `K` bets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bets<const K: usize> {
    bets: [f64; K],
    wealth: [f64; K],
    /// ln of what all wealth is to be multiplied by.
    log_scale: f64,
}

impl<const K: usize> Bets<K> {
    /// A stake of 1. Each bet is a share of what it has, 0 to 1 (cut to that).
    pub fn new(bets: [f64; K]) -> Self {
        Self { bets: bets.map(|bet| bet.clamp(0.0, 1.0)), wealth: [1.0; K], log_scale: 0.0 }
    }

    /// One more observation, −1 to 1 (cut to that; no number is 0).
    pub fn observe(&mut self, x: f64) {
        let x = if x.is_nan() { 0.0 } else { x.clamp(-1.0, 1.0) };
        let mut most: f64 = 0.0;
        for (wealth, bet) in self.wealth.iter_mut().zip(self.bets) {
            *wealth *= 1.0 + bet * x;
            most = most.max(*wealth);
        }
        if most > LARGE || (most < 1.0 / LARGE && most > 0.0) {
            for wealth in &mut self.wealth {
                *wealth /= most;
            }
            self.log_scale += most.ln();
        }
    }

    /// The e-value's logarithm, nats: 0 before anything was seen. −∞ where all was lost.
    pub fn log_e(&self) -> f64 {
        (self.wealth.iter().sum::<f64>() / K as f64).ln() + self.log_scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FEW: [f64; 3] = [0.1, 0.5, 1.0];

    fn after(xs: &[f64]) -> Bets<3> {
        let mut bets = Bets::new(FEW);
        xs.iter().for_each(|x| bets.observe(*x));
        bets
    }

    /// By hand: 1.1, 1.5 and 2, times 1.05, 1.25 and 1.5.
    #[test]
    fn wealth_is_multiplied() {
        assert_eq!(after(&[]).log_e(), 0.0);
        assert!((after(&[1.0]).log_e().exp() - 4.6 / 3.0).abs() < 1e-12);
        assert!((after(&[1.0, 0.5]).log_e().exp() - (1.155 + 1.875 + 3.0) / 3.0).abs() < 1e-12);
        assert!((after(&[-1.0]).log_e().exp() - 1.4 / 3.0).abs() < 1e-12);
    }

    /// Over all sequences of six, by their probabilities: exactly what one began with.
    #[test]
    fn nobody_gains_on_average_where_there_is_nothing_to_gain() {
        for outcomes in [vec![(1.0, 0.5), (-1.0, 0.5)], vec![(1.0, 0.2), (0.0, 0.4), (-0.5, 0.4)]] {
            let mut mean = 0.0;
            let mut all = vec![(1.0, Bets::new(FEW))];
            for _ in 0..6 {
                let next = all.iter().flat_map(|(chance, bets)| {
                    outcomes.iter().map(move |(x, p)| {
                        let mut bets = *bets;
                        bets.observe(*x);
                        (chance * p, bets)
                    })
                });
                all = next.collect();
            }
            for (chance, bets) in &all {
                mean += chance * bets.log_e().exp();
            }
            assert!((mean - 1.0).abs() < 1e-12, "{mean} over {}", all.len());
        }
    }

    #[test]
    fn a_long_run_stays_a_number() {
        let won = after(&[1.0; 100_000]);
        assert!((won.log_e() - 100_000.0 * 2_f64.ln() + 3_f64.ln()).abs() < 1e-6, "{}", won.log_e());
        let lost = after(&[-0.9; 100_000]);
        assert!((lost.log_e() - 100_000.0 * 0.91_f64.ln() + 3_f64.ln()).abs() < 1e-6, "{}", lost.log_e());
        let mut all = Bets::new([1.0]);
        all.observe(-1.0);
        all.observe(1.0);
        assert_eq!(all.log_e(), f64::NEG_INFINITY);
    }

    proptest! {
        #[test]
        fn the_better_it_went_the_more_one_has(
            xs in prop::collection::vec(-1.0f64..=1.0, 1..80), at: prop::sample::Index, more in 0.0f64..=2.0
        ) {
            let mut higher = xs.clone();
            let at = at.index(xs.len());
            higher[at] = (higher[at] + more).min(1.0);
            prop_assert!(after(&higher).log_e() >= after(&xs).log_e() - 1e-12);
        }

        #[test]
        fn order_makes_no_difference(xs in prop::collection::vec(-1.0f64..=1.0, 0..80)) {
            let back: Vec<f64> = xs.iter().rev().copied().collect();
            let (forth, back) = (after(&xs).log_e(), after(&back).log_e());
            prop_assert!(forth == back || (forth - back).abs() < 1e-9, "{forth} {back}");
        }

        #[test]
        fn nothing_doubles_more_than_once_an_observation(xs in prop::collection::vec(any::<f64>(), 0..80)) {
            let log_e = after(&xs).log_e();
            prop_assert!(!log_e.is_nan() && log_e <= xs.len() as f64 * 2_f64.ln() + 1e-9);
        }
    }
}
