//! What answers say about a pattern, as sums of integers.
//!
//! A live pattern that applies to an answer is shown or held back by a coin of known propensity p. With A = 1 where it
//! was shown, the answer's signal x and a baseline m fixed when the trial began, `Z = (A − p)(x − m)` has mean zero
//! whenever showing makes no difference, whoever the person, whatever the question: only the coin matters. So
//! `∏ (1 + λZ)` is a test martingale for every λ fixed beforehand, and its mean over a grid of λ is an e-value that may
//! be looked at after every answer (Waudby-Smith & Ramdas 2024; Ville 1939).

use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// Bets λ. An effect δ of a signal with variance v is best bet on with λ = δ/v: these suit effects of 0.05 to 0.15 at a
/// variance of 0.1, which reactions have. Closer together they would lose less to their mean and suit less.
pub const BETS: [f64; 4] = [0.5, 0.7, 0.9, 1.2];
/// A bet never loses more than nine tenths of what it has, whatever the outcome.
pub const LEAST_FACTOR: f64 = 0.1;
/// Units of `info`, `z` and `zz`.
const MILLION: f64 = 1e6;
/// Units of `wealth`.
const BILLION: f64 = 1e9;

/// What some answers say about one pattern. Sums: they add and subtract exactly, in any order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Answers.
    pub n: i64,
    /// Those it was shown to.
    pub shown: i64,
    /// Σ signal of those it was shown to, hundredths.
    pub shown_sum: i64,
    /// Σ p(1 − p), millionths: what the coins could tell.
    pub info: i64,
    /// Σ Z, millionths.
    pub z: i64,
    /// Σ Z², millionths.
    pub zz: i64,
    /// Σ ln(1 + λZ) for each of [`BETS`], billionths of a nat.
    pub wealth: [i64; 4],
}

/// The evidence of one answer. `signal` and `baseline` in hundredths, −100 to 100 (cut to it); `propensity` is the
/// probability with which the coin showed the pattern. Without a coin (0, 1 or no number) nothing is learned: the
/// answer is counted, no more.
pub fn observe(signal: i16, baseline: i16, shown: bool, propensity: f64) -> Evidence {
    let signal = signal.clamp(-100, 100);
    let counted = Evidence {
        n: 1,
        shown: i64::from(shown),
        shown_sum: if shown { i64::from(signal) } else { 0 },
        ..Evidence::default()
    };
    if !(propensity > 0.0 && propensity < 1.0) {
        return counted;
    }
    let (x, m) = (f64::from(signal) / 100.0, f64::from(baseline.clamp(-100, 100)) / 100.0);
    let z = (if shown { 1.0 } else { 0.0 } - propensity) * (x - m);
    // The worst that could have come: held back where all went well, or shown where nothing did.
    let worst = ((1.0 - propensity) * (1.0 + m)).max(propensity * (1.0 - m));
    let most = if worst > 0.0 { (1.0 - LEAST_FACTOR) / worst } else { 0.0 };
    Evidence {
        info: (propensity * (1.0 - propensity) * MILLION).round() as i64,
        z: (z * MILLION).round() as i64,
        zz: (z * z * MILLION).round() as i64,
        // Downwards: rounding must not make evidence.
        wealth: BETS.map(|bet| ((1.0 + bet.min(most) * z).ln() * BILLION).floor() as i64),
        ..counted
    }
}

impl Evidence {
    /// Nothing is left of it.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    fn with(self, other: Self, join: fn(i64, i64) -> i64) -> Self {
        let mut wealth = self.wealth;
        for (mine, theirs) in wealth.iter_mut().zip(other.wealth) {
            *mine = join(*mine, theirs);
        }
        Self {
            n: join(self.n, other.n),
            shown: join(self.shown, other.shown),
            shown_sum: join(self.shown_sum, other.shown_sum),
            info: join(self.info, other.info),
            z: join(self.z, other.z),
            zz: join(self.zz, other.zz),
            wealth,
        }
    }
}

impl Add for Evidence {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, i64::saturating_add)
    }
}

impl Sub for Evidence {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.with(other, i64::saturating_sub)
    }
}

impl AddAssign for Evidence {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Evidence {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// Evidence in which each person has a weight of 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighed {
    /// Σ weight: answers.
    pub n: f64,
    /// Σ weight · p(1 − p).
    pub info: f64,
    /// Σ weight · Z.
    pub z: f64,
    /// Σ weight² · Z²: the variance of `z` where showing makes no difference.
    pub zz: f64,
    /// Σ weight · ln(1 + λZ), nats. With weights set without regard to outcomes this is a wealth that could have been
    /// won: (1 + λZ)^weight has mean at most 1 too (Jensen).
    pub wealth: [f64; 4],
}

impl Weighed {
    fn of(evidence: &Evidence) -> Self {
        Self {
            n: evidence.n as f64,
            info: evidence.info as f64 / MILLION,
            z: evidence.z as f64 / MILLION,
            zz: evidence.zz as f64 / MILLION,
            wealth: evidence.wealth.map(|w| w as f64 / BILLION),
        }
    }

    fn add(&mut self, evidence: &Evidence, weight: f64) {
        let other = Self::of(evidence);
        self.n += weight * other.n;
        self.info += weight * other.info;
        self.z += weight * other.z;
        self.zz += weight * weight * other.zz;
        for (mine, theirs) in self.wealth.iter_mut().zip(other.wealth) {
            *mine += weight * theirs;
        }
    }

    /// Logarithm of the e-value: of the mean over the bets of what each has won.
    pub fn log_e(&self) -> f64 {
        let most = self.wealth.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.wealth.iter().map(|w| (w - most).exp()).sum();
        most + (sum / self.wealth.len() as f64).ln()
    }

    /// δ̂ = Σz/Σinfo: by how much the signal is higher where it was shown, and the variance of that. `None` before
    /// any coin.
    pub fn effect(&self) -> Option<(f64, f64)> {
        (self.info > 0.0 && self.zz > 0.0).then(|| (self.z / self.info, self.zz / (self.info * self.info)))
    }
}

/// All persons' evidence on one pattern, and that of the most active of them.
#[derive(Debug, Clone, Copy)]
pub struct Totals<'a> {
    all: &'a Evidence,
    people: i64,
    top: &'a [Evidence],
}

/// With fewer people than this a cap on one person's weight would silence everybody: it is off, and that is said.
pub const MIN_PEOPLE_FOR_CAP: i64 = 20;

impl<'a> Totals<'a> {
    /// `all`: over all `people`; `top`: of at least the ⌈1/cap⌉ + 3 most active (or all there are), most answers first.
    pub fn new(all: &'a Evidence, people: i64, top: &'a [Evidence]) -> Self {
        Self { all, people, top }
    }

    /// As it is.
    pub fn full(&self) -> Weighed {
        Weighed::of(self.all)
    }

    /// With each person's answers counting at most the share `cap` of what is counted, exactly; as it is where there
    /// are under [`MIN_PEOPLE_FOR_CAP`] people.
    ///
    /// With the j most active cut to L answers each and the others having R together, L = cap·(jL + R), so
    /// L = cap·R / (1 − cap·j). The j wanted is the least for which the next person is within L.
    pub fn capped(&self, cap: f64) -> Weighed {
        self.without(self.over(cap), cap)
    }

    /// How many persons are over the cap.
    pub fn over(&self, cap: f64) -> usize {
        if self.people < MIN_PEOPLE_FOR_CAP {
            return 0;
        }
        let mut rest = self.all.n as f64;
        for (over, person) in self.top.iter().enumerate() {
            let free = 1.0 - cap * over as f64;
            let most = if free > 0.0 { cap * rest / free } else { f64::INFINITY };
            if person.n as f64 <= most {
                return over;
            }
            rest -= person.n as f64;
        }
        self.top.len()
    }

    fn without(&self, over: usize, cap: f64) -> Weighed {
        let cut: Evidence = self.top.iter().take(over).copied().sum();
        let rest = *self.all - cut;
        let mut weighed = Weighed::of(&rest);
        let free = 1.0 - cap * over as f64;
        if over == 0 || free <= 0.0 {
            return weighed;
        }
        let most = cap * rest.n as f64 / free;
        for person in self.top.iter().take(over) {
            weighed.add(person, (most / person.n as f64).min(1.0));
        }
        weighed
    }

    /// Without the `count` most active.
    pub fn without_top(&self, count: usize) -> Weighed {
        self.without_these(self.top.iter().take(count))
    }

    /// Without these persons, who are among those summed.
    pub fn without_these<'b>(&self, persons: impl Iterator<Item = &'b Evidence>) -> Weighed {
        Weighed::of(&(*self.all - persons.copied().sum()))
    }
}

#[cfg(test)]
mod tests;
