//! How likely it is that a pattern beats doing without.

use serde::{Deserialize, Serialize};

use super::evidence::Weighed;

/// What was believed about an effect before its trial: a normal distribution, on the signal's scale of [−1, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation, above 0.
    pub sd: f64,
}

/// What is believed about an effect after the evidence: the prior times the normal likelihood of the effect measured.
pub fn posterior(prior: Prior, evidence: &Weighed) -> Prior {
    let Some((effect, variance)) = evidence.effect() else { return prior };
    let (known, learned) = (1.0 / (prior.sd * prior.sd), 1.0 / variance);
    if !known.is_finite() || !learned.is_finite() {
        return prior;
    }
    let precision = known + learned;
    Prior { mean: (known * prior.mean + learned * effect) / precision, sd: (1.0 / precision).sqrt() }
}

impl Prior {
    /// P(effect > `least`), 0 to 1.
    pub fn above(&self, least: f64) -> f64 {
        if self.sd > 0.0 { normal_cdf((self.mean - least) / self.sd) } else { 0.5 }
    }
}

impl Prior {
    /// P(this effect > that one), 0 to 1.
    pub fn beats(&self, other: &Self) -> f64 {
        Self { mean: self.mean - other.mean, sd: (self.sd * self.sd + other.sd * other.sd).sqrt() }.above(0.0)
    }
}

/// The standard normal distribution function, to 7.5e-8 (Abramowitz & Stegun 1964, 26.2.17). A NaN gives 0.5.
pub fn normal_cdf(x: f64) -> f64 {
    if x.is_nan() {
        return 0.5;
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let upper = series.iter().fold(0.0, |sum, c| (sum + c) * t) * (-0.5 * x * x).exp() * 0.398_942_280_401_432_7;
    if x > 0.0 { 1.0 - upper } else { upper }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEUTRAL: Prior = Prior { mean: 0.0, sd: 0.1 };

    fn evidence(n: f64, effect: f64) -> Weighed {
        // A fair coin, a signal of variance 0.1.
        Weighed { n, info: 0.25 * n, z: 0.25 * n * effect, zz: 0.025 * n, wealth: [0.0; 4] }
    }

    #[test]
    fn the_normal_distribution_is_the_one_in_the_tables() {
        let table = [(0.0, 0.5), (1.0, 0.841_344_746), (1.959_964, 0.975), (-3.0, 0.001_349_898), (9.0, 1.0)];
        for (x, p) in table {
            assert!((normal_cdf(x) - p).abs() < 1e-7, "at {x}: {}", normal_cdf(x));
        }
        assert_eq!(normal_cdf(f64::INFINITY), 1.0);
        assert_eq!(normal_cdf(f64::NAN), 0.5);
    }

    #[test]
    fn before_any_evidence_the_prior_stands() {
        let none = Weighed { n: 0.0, info: 0.0, z: 0.0, zz: 0.0, wealth: [0.0; 4] };
        assert_eq!(posterior(NEUTRAL, &none), NEUTRAL);
        assert!((NEUTRAL.above(0.0) - 0.5).abs() < 1e-7);
    }

    /// By hand: precision 100 + n·0.25²/0.025 = 100 + 1,000; mean 1,000·0.1/1,100.
    #[test]
    fn precisions_add() {
        let p = posterior(NEUTRAL, &evidence(400.0, 0.1));
        assert!((p.mean - 100.0 / 1_100.0).abs() < 1e-12);
        assert!((p.sd - (1.0_f64 / 1_100.0).sqrt()).abs() < 1e-12);
        assert!(p.above(0.0) > 0.998);
    }

    proptest! {
        #[test]
        fn it_is_a_probability_and_grows_with_the_effect(
            n in 1.0f64..1e5, a in -0.5f64..0.5, b in -0.5f64..0.5, mean in -0.3f64..0.3, sd in 0.01f64..0.5
        ) {
            let prior = Prior { mean, sd };
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            let confidence = |effect| posterior(prior, &evidence(n, effect)).above(0.0);
            let (p, q) = (confidence(low), confidence(high));
            prop_assert!((0.0..=1.0).contains(&p) && (0.0..=1.0).contains(&q));
            prop_assert!(p <= q + 1e-7);
        }

        #[test]
        fn any_number_is_handled(x: f64, mean: f64, sd: f64, n: f64, z: f64, zz: f64, info: f64) {
            normal_cdf(x);
            posterior(Prior { mean, sd }, &Weighed { n, info, z, zz, wealth: [0.0; 4] }).above(0.0);
        }
    }
}
