//! The other deciders: what is done elsewhere, on the same observations.

/// Observations of each version below which nobody compares: the guide's least number of conversations.
const NAIVE_LEAST: f64 = 5.0;
/// One-sided 1 % of the normal distribution.
const Z: f64 = 2.326_347_874;
/// Observations of each version from which on the z-test is looked at.
const Z_LEAST: f64 = 30.0;
/// The gateway's default: observations of each version below which nothing stops.
const PLUG_IN_LEAST: f64 = 10.0;
/// The gateway's least variance.
const RIDGE: f64 = 1e-12;

/// Number, sum and sum of squares.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, y: f64) {
        self.n += 1.0;
        self.sum += y;
        self.squares += y * y;
    }

    fn mean(&self) -> f64 {
        self.sum / self.n
    }

    /// Estimated, of one observation.
    fn variance(&self) -> f64 {
        ((self.squares - self.sum * self.sum / self.n) / (self.n - 1.0)).max(0.0)
    }
}

/// When each promoted, the number of the observation: the naive comparison, the z-test, the gateway's rule.
pub type Promoted = [Option<u32>; 3];

/// The three others on the outcomes of two versions, looked at after every observation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Others {
    baseline: Sums,
    candidate: Sums,
    seen: u32,
    /// The gateway has stopped, whoever won.
    stopped: bool,
    pub promoted: Promoted,
}

impl Others {
    /// One more outcome.
    pub fn observe(&mut self, candidate: bool, y: f64) {
        if candidate {
            self.candidate.add(y)
        } else {
            self.baseline.add(y)
        }
        let (Sums { n: with, .. }, Sums { n: without, .. }) = (self.candidate, self.baseline);
        let least = with.min(without);
        if least < NAIVE_LEAST {
            self.seen += 1;
            return;
        }
        let gap = self.candidate.mean() - self.baseline.mean();
        let spread =
            |ridge: f64| self.candidate.variance().max(ridge) / with + self.baseline.variance().max(ridge) / without;
        self.decide(least, gap, spread(0.0), spread(RIDGE), with + without);
    }

    /// One more pair: the same rules, the mean verdict against 0.
    pub fn observe_pair(&mut self, d: i8) {
        self.candidate.add(f64::from(d));
        let n = self.candidate.n;
        if n < NAIVE_LEAST {
            self.seen += 1;
            return;
        }
        let spread = self.candidate.variance() / n;
        self.decide(n, self.candidate.mean(), spread, spread.max(RIDGE), n);
    }

    /// `least`: observations of the rarer version; `spread`: squared standard error of the gap.
    fn decide(&mut self, least: f64, gap: f64, spread: f64, ridged: f64, total: f64) {
        self.seen += 1;
        let naive = gap > 0.0;
        let z = least >= Z_LEAST && spread > 0.0 && gap > Z * spread.sqrt();
        // Generalised likelihood ratio with plugged-in variances, against ln((1 + ln n)/δ).
        let ratio = gap * gap / (2.0 * ridged);
        let stops = !self.stopped && least >= PLUG_IN_LEAST && ratio > ((1.0 + total.ln()) / 0.01).ln();
        self.stopped |= stops;
        for (at, now) in self.promoted.iter_mut().zip([naive, z, stops && gap > 0.0]) {
            if at.is_none() && now {
                *at = Some(self.seen);
            }
        }
    }

    /// Nothing more will be decided.
    pub fn done(&self) -> bool {
        self.promoted[0].is_some() && self.promoted[1].is_some() && self.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: after 10 and 10 with means 0.9 and 0.1 the gap is 0.8 and each variance 0.1: z = 5.66, ratio 16 against
    /// ln((1 + ln 20)/0.01) = 5.99.
    #[test]
    fn each_rule_has_its_time() {
        let mut others = Others::default();
        for i in 0..40 {
            let odd = i % 20 > 17;
            others.observe(i % 2 == 0, f64::from(u8::from((i % 2 == 0) != odd)));
        }
        assert_eq!(others.promoted[0], Some(10));
        assert_eq!(others.promoted[1], None);
        assert_eq!(others.promoted[2], Some(20));
        for i in 40..60 {
            others.observe(i % 2 == 0, f64::from(u8::from(i % 2 == 0)));
        }
        assert_eq!(others.promoted[1], Some(60));
        assert!(others.done());
    }

    /// Where the version before wins the gateway stops too, and nothing is promoted.
    #[test]
    fn the_gateway_stops_for_either() {
        let mut others = Others::default();
        (0..80).for_each(|i| others.observe(i % 2 == 0, f64::from(u8::from(i % 2 == 1 || i == 0))));
        assert!(others.stopped);
        (0..800).for_each(|i| others.observe(i % 2 == 0, f64::from(u8::from(i % 2 == 0))));
        assert_eq!(others.promoted[2], None);
    }

    #[test]
    fn pairs_are_compared_with_nothing() {
        let mut others = Others::default();
        (0..40).for_each(|i| others.observe_pair(if i % 5 == 4 { -1 } else { 1 }));
        // By hand: after 13 the mean is 0.692 and the variance 0.564, a ratio of 5.52 against 5.88; after 14 it is 6.77
        // against 5.90.
        assert_eq!(others.promoted, [Some(5), Some(30), Some(14)]);
    }
}
