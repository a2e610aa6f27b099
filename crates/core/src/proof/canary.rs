//! A candidate that a coin shows to a share of the people: whether conversations go better with it.
//!
//! A unit of the coin (a conversation; a person, where arms are kept by person) is a unit of the analysis. With π the
//! chance of the candidate and m a guess at the outcome y made from earlier units alone, ψ = (y − m)/π with the
//! candidate and −(y − m)/(1 − π) without has the difference of the two as its mean, whatever the person and whatever
//! the guess: only the coin matters (inverse propensity weighting; Horvitz & Thompson 1952). m is the person's own
//! earlier mean, drawn towards everybody's: it takes out how people differ. On ψ one bets ([`Bets`]).

use std::collections::BTreeMap;

use super::{betting::Bets, replay::WORSE_E};

/// Bets, as shares of what the coin allows to be lost.
pub const UNIT_BETS: [f64; 6] = [0.1, 0.2, 0.35, 0.5, 0.75, 1.0];
/// A bet never loses more than this share of what it has.
const MOST_LOST: f64 = 0.98;
/// Everybody's mean before anything is known, of judged scores (3.8 of 1 to 5) and of reactions (silence).
const JUDGED_BEFORE: f64 = 0.7;
const REACTION_BEFORE: f64 = 0.5;
/// As many units as these is that guess worth.
const UNITS_BEFORE: f64 = 5.0;
/// As many units as these is everybody's mean worth in a person's guess.
const UNITS_OF_ALL: f64 = 4.0;
/// The least that people's reactions may say of the candidate, in standard deviations: not, on the whole, against it.
/// Lower lets more of what only the judge likes pass; higher holds up what people do not notice (pawl-simulator's
/// README has the figures).
pub const PEOPLE_Z: f64 = 0.0;
/// In so many units somebody must have reacted before their reactions can stand in the way: the sign of fewer is a
/// coin's.
pub const REACTED_LEAST: usize = 20;

/// A unit, observed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    /// It was served by the candidate.
    pub arm: bool,
    /// With what chance the coin chose the candidate, above 0 and below 1; else the unit says nothing.
    pub propensity: f64,
    /// The person's number in this test.
    pub person: u32,
    /// The judge's overall score, 0 to 1. `None`: not judged, it says nothing.
    pub judged: Option<f64>,
    /// How people reacted, 0 to 1; 0.5 is silence.
    pub reaction: f64,
}

/// Where a canary stands. Each test stops betting when it has reached its threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CanaryProcess {
    /// Evidence that the judge finds the candidate better: ln of the e-value, nats.
    pub log_e: f64,
    /// Evidence that the judge finds it worse.
    pub log_e_worse: f64,
    /// Evidence that people like it less.
    pub log_e_people_worse: f64,
    /// The unit at which it was clear that it is better, from 1.
    pub better_at: Option<usize>,
    /// The unit at which it was clear that it is worse.
    pub worse_at: Option<usize>,
    /// The unit at which it was clear that people like it less.
    pub people_worse_at: Option<usize>,
    /// Units with the candidate.
    pub candidate_n: usize,
    /// Units without.
    pub baseline_n: usize,
    /// Weighted difference of the judge's scores, on the scale of 0 to 1; 0 before anything was judged.
    pub effect: f64,
    /// Weighted difference of reactions, on the scale of 0 to 1.
    pub people_effect: f64,
    /// The same in standard deviations; 0 before anybody reacted.
    pub people_z: f64,
    /// Units in which somebody reacted.
    pub reacted: usize,
}

impl CanaryProcess {
    /// People's reactions do not stand in the way of a promotion now.
    pub fn people_agree(&self) -> bool {
        self.people_worse_at.is_none() && (self.reacted < REACTED_LEAST || self.people_z >= PEOPLE_Z)
    }
}

/// Sum and number of outcomes.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    n: f64,
}

/// One kind of outcome.
#[derive(Debug, Clone)]
struct Outcomes {
    all: Mean,
    people: BTreeMap<u32, Mean>,
    psi: f64,
    psi_squared: f64,
    n: usize,
}

impl Outcomes {
    fn new(before: f64) -> Self {
        let all = Mean { sum: before * UNITS_BEFORE, n: UNITS_BEFORE };
        Self { all, people: BTreeMap::new(), psi: 0.0, psi_squared: 0.0, n: 0 }
    }

    /// ψ of an outcome of 0 to 1.
    fn observe(&mut self, unit: &Unit, y: f64) -> f64 {
        let y = y.clamp(0.0, 1.0);
        let person = self.people.entry(unit.person).or_default();
        let guess = (person.sum + UNITS_OF_ALL * self.all.sum / self.all.n) / (person.n + UNITS_OF_ALL);
        for mean in [person, &mut self.all] {
            mean.sum += y;
            mean.n += 1.0;
        }
        let residual = y - guess;
        let psi = if unit.arm { residual / unit.propensity } else { -residual / (1.0 - unit.propensity) };
        self.psi += psi;
        self.psi_squared += psi * psi;
        self.n += 1;
        psi
    }

    fn effect(&self) -> f64 {
        self.psi / self.n.max(1) as f64
    }

    fn z(&self) -> f64 {
        if self.psi_squared > 0.0 { self.psi / self.psi_squared.sqrt() } else { 0.0 }
    }
}

/// A test that stops betting when it has reached its threshold.
#[derive(Debug, Clone, Copy)]
struct Test {
    bets: Bets<6>,
    threshold: f64,
    log_e: f64,
    reached_at: Option<usize>,
}

impl Test {
    fn new(threshold: f64) -> Self {
        Self { bets: Bets::new(UNIT_BETS), threshold, log_e: 0.0, reached_at: None }
    }

    fn observe(&mut self, x: f64, number: usize) {
        if self.reached_at.is_none() {
            self.bets.observe(x);
            self.log_e = self.bets.log_e();
            self.reached_at = (self.log_e >= self.threshold).then_some(number);
        }
    }
}

/// A canary that goes on.
#[derive(Debug, Clone)]
pub struct Canary {
    judged: Outcomes,
    reactions: Outcomes,
    better: Test,
    worse: Test,
    people_worse: Test,
    candidate_n: usize,
    baseline_n: usize,
    reacted: usize,
}

impl Canary {
    /// Before the first unit. `level`: the chance of a false promotion, 0 to 1.
    pub fn new(level: f64) -> Self {
        Self {
            judged: Outcomes::new(JUDGED_BEFORE),
            reactions: Outcomes::new(REACTION_BEFORE),
            better: Test::new(-level.ln()),
            worse: Test::new(WORSE_E.ln()),
            people_worse: Test::new(WORSE_E.ln()),
            candidate_n: 0,
            baseline_n: 0,
            reacted: 0,
        }
    }

    /// One more unit, in the order in which they were recorded.
    pub fn observe(&mut self, unit: &Unit) {
        if unit.arm {
            self.candidate_n += 1
        } else {
            self.baseline_n += 1
        }
        let number = self.candidate_n + self.baseline_n;
        if !(unit.propensity > 0.0 && unit.propensity < 1.0) {
            return;
        }
        // |ψ| is at most 1/π or 1/(1 − π): this keeps what is bet on within ±MOST_LOST.
        let scale = MOST_LOST * unit.propensity.min(1.0 - unit.propensity);
        if let Some(y) = unit.judged.filter(|y| !y.is_nan()) {
            let x = scale * self.judged.observe(unit, y);
            self.better.observe(x, number);
            self.worse.observe(-x, number);
        }
        if !unit.reaction.is_nan() {
            self.reacted += usize::from(unit.reaction != REACTION_BEFORE);
            let x = scale * self.reactions.observe(unit, unit.reaction);
            self.people_worse.observe(-x, number);
        }
    }

    /// Where it stands.
    pub fn now(&self) -> CanaryProcess {
        CanaryProcess {
            log_e: self.better.log_e,
            log_e_worse: self.worse.log_e,
            log_e_people_worse: self.people_worse.log_e,
            better_at: self.better.reached_at,
            worse_at: self.worse.reached_at,
            people_worse_at: self.people_worse.reached_at,
            candidate_n: self.candidate_n,
            baseline_n: self.baseline_n,
            effect: self.judged.effect(),
            people_effect: self.reactions.effect(),
            people_z: self.reactions.z(),
            reacted: self.reacted,
        }
    }
}

/// Where a canary stands after these units, in the order in which they were recorded. `level`: the chance of a false
/// promotion it may have, above 0, at most 1.
pub fn canary(units: &[Unit], level: f64) -> CanaryProcess {
    let mut canary = Canary::new(level);
    units.iter().for_each(|unit| canary.observe(unit));
    canary.now()
}

#[cfg(test)]
mod tests;
