//! How many observations it takes: pairs against two separate samples, and canaries.

use pawl_core::proof::{betting::Bets, replay::PAIR_BETS};

use super::{
    people::{A_DAY, Life, World},
    worlds,
};
use crate::random::Random;
use pawl_core::proof::canary::Canary;

/// Good answers of the two versions.
const GOOD: (f64, f64) = (0.80, 0.86);
/// Of the variance, what is left when both answer the same question.
const LEFT: f64 = 0.35;
/// Shifts of the logit that the unpaired test looks for.
const SHIFTS: [f64; 6] = [0.15, 0.3, 0.45, 0.6, 0.9, 1.2];
/// Nobody waits longer.
const CAP: u32 = 400_000;

/// Pairs until the candidate is proved: each pair is good for one, for the other, or neither.
pub fn paired(threshold: f64, seed: u64) -> u32 {
    let mut random = Random::new(seed, 0x9A12);
    let (a, b) = GOOD;
    let gain = b - a;
    let square = LEFT * (a * (1.0 - a) + b * (1.0 - b)) + gain * gain;
    let (win, loss) = ((square + gain) / 2.0, (square - gain) / 2.0);
    let mut bets = Bets::new(PAIR_BETS);
    for n in 1..=CAP {
        let u = random.uniform();
        bets.observe(if u < win { 1.0 } else { -f64::from(u8::from(u < win + loss)) });
        if bets.log_e() >= threshold.ln() {
            return n;
        }
    }
    CAP
}

/// Answers of each version until the candidate is proved from two samples: a mixture of likelihood ratios of blocks of
/// one and one, against the mean of the two rates (Turner, Ly & Grünwald 2024), the rate learned from earlier blocks.
pub fn unpaired(threshold: f64, seed: u64) -> u32 {
    let mut random = Random::new(seed, 0x0A12);
    let mut wealth = [1.0; SHIFTS.len()];
    let (mut good, mut n): (f64, f64) = (4.0, 5.0);
    for block in 1..=CAP {
        let (a, b) = (random.chance(GOOD.0), random.chance(GOOD.1));
        let logit = (good / (n - good)).ln();
        for (wealth, shift) in wealth.iter_mut().zip(SHIFTS) {
            let (low, high) = (rate(logit - shift / 2.0), rate(logit + shift / 2.0));
            let mean = f64::midpoint(low, high);
            *wealth *= chance(a, low) * chance(b, high) / (chance(a, mean) * chance(b, mean));
        }
        good += (f64::from(u8::from(a)) + f64::from(u8::from(b))) / 2.0;
        n += 1.0;
        if wealth.iter().sum::<f64>() / SHIFTS.len() as f64 >= threshold {
            return block;
        }
    }
    CAP
}

fn rate(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn chance(good: bool, rate: f64) -> f64 {
    if good { rate } else { 1.0 - rate }
}

/// Share of the candidate, whether the coin is a person's, and the level: for what a plan says.
pub const PLANS: [(f64, bool, f64); 10] = [
    (0.05, false, 0.01),
    (0.1, false, 0.01),
    (0.2, false, 0.01),
    (0.3, false, 0.01),
    (0.5, false, 0.01),
    (0.1, false, 1.0 / 1_200.0),
    (0.2, false, 1.0 / 1_200.0),
    (0.5, false, 1.0 / 1_200.0),
    (0.2, true, 0.01),
    (0.2, true, 1.0 / 1_200.0),
];

/// Units until the evidence of a candidate that is 0.2 points better is enough, people differing (ICC 0.2).
pub fn units(share: f64, sticky: bool, level: f64, seed: u64) -> Option<u32> {
    let mut worlds = worlds::better_on_people().into_iter();
    let world = World { sticky, share, ..worlds.find(|w| w.name == "better")? };
    let mut life = Life::new(&world, seed);
    let mut canary = Canary::new(level);
    let mut units = 0;
    for _ in 0..400 * A_DAY {
        if let Some(unit) = life.next().unit {
            units += 1;
            canary.observe(&unit);
            if canary.now().better_at.is_some() {
                return Some(units);
            }
        }
    }
    None
}
