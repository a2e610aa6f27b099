//! How a version will prove itself, and how long that will take.
//!
//! How long is told for a typical improvement, by how fast a stake grows: where a bet's outcome has mean δ and variance
//! v, the best bet's logarithm gains δ²/(2v) an observation on average (Kelly 1956, for small δ).

use serde::Serialize;

use super::{MIN_CANARY_DAYS, case::UnitKind, names::names, words};

/// A typical improvement in a canary: 0.2 points of the scale of 1 to 5, whose scores have a standard deviation of
/// 0.95; here as shares of the scale's 4 points.
const TYPICAL: f64 = 0.2 / 4.0;
const DEVIATION: f64 = 0.95 / 4.0;
/// By how much a unit that is a person says less than a conversation: of a conversation the person's earlier ones tell
/// what to expect.
const PERSON: f64 = 0.93;
/// A typical improvement in a replay: 65 pairs won to 35 lost, with 30 % ties.
const TYPICAL_WON: f64 = 0.455;
const TYPICAL_LOST: f64 = 0.245;
/// What it costs, as a logarithm, that the best bet is not known and the stake is shared out, less what is saved by
/// those that are lucky early; by simulation, for the median.
const SHARED_OUT: f64 = 0.3;
/// Four proofs in five of a typical improvement are to end within a canary's days: so many standard deviations.
const FOUR_IN_FIVE: f64 = 0.84;
/// Days from a unit's begin until it can be observed.
const DAYS_OF_CONVERSATION: f64 = 2.0;
const DAYS_OF_PERSON: f64 = 8.0;
/// Earlier questions that a replay needs at least.
pub const MIN_POOL: u32 = 100;

/// What there is to prove it with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// New conversations a day.
    pub conversations_a_day: f64,
    /// Different people a day, over a longer time: those of four weeks, divided by 28. Who comes every day is one.
    pub people_a_day: f64,
    /// Earlier questions that can be drawn.
    pub pool: u32,
    /// Pairs that the daily budget allows.
    pub pairs_a_day: f64,
    /// Proofs begun this year, placebos not counted.
    pub tests_this_year: u32,
    /// Those of them that were promoted.
    pub promoted_this_year: u32,
    /// The calendar year.
    pub year: i32,
}

/// What the owner has set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProofSettings {
    /// By which method; `None`: whichever can decide.
    pub method: Option<Method>,
    /// Most pairs of a replay.
    pub pairs: u32,
    /// Share of the canary's units that get the candidate, in (0, 1).
    pub canary_share: f64,
    /// What its coin is thrown for.
    pub canary_unit: UnitKind,
    /// Days before which a canary promotes nothing.
    pub canary_min_days: f64,
    /// Days after which it ends.
    pub canary_max_days: f64,
    /// The level comes from the yearly budget.
    pub yearly_budget: bool,
    /// The level without it, in (0, 1).
    pub fixed_level: f64,
}

names! {
    /// How a version proves itself.
    Method {
        /// A share of the people's conversations.
        Canary => "canary",
        /// Earlier questions, answered again.
        Replay => "replay",
    }
}

/// The plan of a proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// By which method.
    pub method: Method,
    /// The chance of a false promotion it may have.
    pub level: f64,
    /// Its place in the year's budget, from 1; `None` without the budget.
    pub position: Option<u32>,
    /// The budget's year.
    pub year: Option<i32>,
    /// Days that a typical improvement takes to be proved, in half of all proofs; `None` without any traffic.
    pub expected_days: Option<f64>,
    /// Pairs or units that it takes.
    pub expected_units: u32,
    /// For the owner.
    pub words: String,
}

/// The level at which the next proof is to be held.
pub fn level(traffic: &Traffic, settings: &ProofSettings) -> f64 {
    if settings.yearly_budget { super::budget::level(traffic.promoted_this_year) } else { settings.fixed_level }
}

/// A plan by the method that is set; else a canary, where today's traffic lets it decide, and a replay where not.
/// `level`: see [`level`].
pub fn plan(traffic: &Traffic, settings: &ProofSettings, level: f64) -> Plan {
    let canary = canary(traffic, settings, level);
    let method = settings.method.unwrap_or(if canary.decides { Method::Canary } else { Method::Replay });
    let position = settings.yearly_budget.then(|| traffic.tests_this_year.saturating_add(1));
    let (expected_days, expected_units, words) = match method {
        Method::Canary => (canary.days, canary.units, canary.words(traffic, settings)),
        Method::Replay => {
            // Each question is drawn once at most.
            let horizon = settings.pairs.min(traffic.pool.max(MIN_POOL));
            let (days, pairs) = replay(traffic, horizon, level);
            (days, pairs, words::replay_planned(traffic, horizon, days))
        }
    };
    Plan { method, level, position, year: position.map(|_| traffic.year), expected_days, expected_units, words }
}

struct Canary {
    units: u32,
    days: Option<f64>,
    decides: bool,
}

fn canary(traffic: &Traffic, settings: &ProofSettings, level: f64) -> Canary {
    let share = settings.canary_share;
    let (a_day, lag, worth) = match settings.canary_unit {
        UnitKind::Conversation => (traffic.conversations_a_day, DAYS_OF_CONVERSATION, 1.0),
        UnitKind::User => (traffic.people_a_day, DAYS_OF_PERSON, PERSON),
    };
    // Weighted by chance, a residual of deviation s has the variance s²/(π(1 − π)).
    let gain = worth * TYPICAL * TYPICAL * share * (1.0 - share) / (2.0 * DEVIATION * DEVIATION);
    let goal = SHARED_OUT - level.ln();
    let days = |units: f64| (units / a_day + lag).max(settings.canary_min_days.max(MIN_CANARY_DAYS));
    let units = goal / gain;
    // After n units the logarithm is n·gain on average, with a variance of 2n·gain: u² − z√2·u = goal, u = √(n·gain).
    let late = FOUR_IN_FIVE * std::f64::consts::FRAC_1_SQRT_2;
    let units_of_most = (late + (late * late + goal).sqrt()).powi(2) / gain;
    let comes = a_day > 0.0;
    Canary {
        units: units.ceil() as u32,
        days: comes.then(|| days(units).ceil()),
        decides: comes && days(units_of_most) <= settings.canary_max_days,
    }
}

impl Canary {
    fn words(&self, traffic: &Traffic, settings: &ProofSettings) -> String {
        words::canary_planned(traffic, settings, self.days.filter(|days| *days <= settings.canary_max_days))
    }
}

/// Days and pairs.
fn replay(traffic: &Traffic, horizon: u32, level: f64) -> (Option<f64>, u32) {
    // Of outcomes 1 and −1 the best bet is (won − lost)/(won + lost).
    let bet = (TYPICAL_WON - TYPICAL_LOST) / (TYPICAL_WON + TYPICAL_LOST);
    let gain = TYPICAL_WON * bet.ln_1p() + TYPICAL_LOST * (-bet).ln_1p();
    let pairs = ((SHARED_OUT - level.ln()) / gain).ceil().min(f64::from(horizon));
    let can = traffic.pairs_a_day > 0.0 && traffic.pool >= MIN_POOL;
    (can.then(|| (pairs / traffic.pairs_a_day).ceil()), pairs as u32)
}

#[cfg(test)]
mod tests;
