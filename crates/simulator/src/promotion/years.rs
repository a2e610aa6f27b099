//! A year of tests under the yearly budget, and without it.

use pawl_core::proof::{
    budget::{TESTS_A_YEAR, level},
    replay::Replay,
};

use super::replays::PAIRS;
use crate::random::Random;

/// Share of ties among the pairs of a test.
const TIES: f64 = 0.3;

/// What a year's candidates are: of the decided pairs they win this share, with this chance.
pub struct Mix {
    pub name: &'static str,
    pub about: &'static str,
    pub candidates: &'static [(f64, f64)],
}

pub const MIXES: [Mix; 5] = [
    Mix { name: "year-nothing", about: "nothing helps", candidates: &[(0.5, 1.0)] },
    Mix {
        name: "year-hardly",
        about: "2 in 100 win 60 %, 8 win 45 %",
        candidates: &[(0.5, 0.9), (0.45, 0.08), (0.6, 0.02)],
    },
    Mix {
        name: "year-mixed",
        about: "10 in 100 win 60 %, 5 win 65 %, 15 win 45 %",
        candidates: &[(0.5, 0.7), (0.45, 0.15), (0.6, 0.1), (0.65, 0.05)],
    },
    Mix { name: "year-some", about: "15 in 100 win 60 %", candidates: &[(0.5, 0.85), (0.6, 0.15)] },
    Mix {
        name: "year-good",
        about: "35 in 100 win 60 %, 20 win 65 %",
        candidates: &[(0.5, 0.45), (0.6, 0.35), (0.65, 0.2)],
    },
];

/// What a year brought.
#[derive(Debug, Clone, Copy, Default)]
pub struct Year {
    pub rightly: u32,
    pub falsely: u32,
    /// Candidates that were better.
    pub better: u32,
}

impl Year {
    pub fn promoted(&self) -> u32 {
        self.rightly + self.falsely
    }

    pub fn false_share(&self) -> f64 {
        f64::from(self.falsely) / f64::from(self.promoted().max(1))
    }
}

/// A year: `fixed` is the level of each test without the budget.
pub fn live(mix: &Mix, fixed: Option<f64>, seed: u64) -> Year {
    let mut random = Random::new(seed, 0x1EA2);
    let chances: Vec<f64> = mix.candidates.iter().map(|(_, chance)| *chance).collect();
    let mut year = Year::default();
    for _ in 0..TESTS_A_YEAR {
        let wins = mix.candidates[random.pick(&chances)].0;
        let level = fixed.unwrap_or_else(|| level(year.promoted()));
        let promoted = proved(wins, TIES, level, PAIRS, &mut random).is_some();
        year.better += u32::from(wins > 0.5);
        match (promoted, wins > 0.5) {
            (true, true) => year.rightly += 1,
            (true, false) => year.falsely += 1,
            (false, _) => {}
        }
    }
    year
}

/// The pair at which a replay proves a candidate that wins this share of the decided ones.
pub fn proved(wins: f64, ties: f64, level: f64, pairs: usize, random: &mut Random) -> Option<usize> {
    let mut replay = Replay::new(level);
    for _ in 0..pairs {
        replay.observe(if random.chance(ties) { 0 } else { 2 * i8::from(random.chance(wins)) - 1 });
        if replay.ended() {
            break;
        }
    }
    replay.now().better_at
}
