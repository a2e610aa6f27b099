//! Replays: the judge's verdicts on pairs, and one replay lived through by all four deciders.

use pawl_core::proof::{
    replay::{Process, Replay},
    screening::{PairSeen, screening},
};

use super::deciders::{Others, Promoted};
use crate::random::Random;

/// Most pairs.
pub const PAIRS: usize = 1_000;
/// How two orders of the same pair differ by chance.
const ORDER_SD: f64 = 0.3;

/// A world of pairs. What the candidate's answer is worth less the baseline's: `judged` + the question's own + Normal.
#[derive(Debug, Clone, Copy)]
pub struct World {
    pub name: &'static str,
    pub about: &'static str,
    /// Advantage in the judge's eyes, in standard deviations.
    pub judged: f64,
    /// Differences below this are none.
    pub tie: f64,
    /// By how much it prefers the answer shown first.
    pub position: f64,
    /// By how much `tie` grows from the first pair to the last.
    pub drift: f64,
    /// How much the questions differ in whom they favour.
    pub questions_sd: f64,
    /// Questions there are. 0: no end of them.
    pub pool: usize,
    /// A question may be drawn again; else each is drawn once, and a replay ends with them.
    pub again: bool,
}

impl World {
    /// 36 % ties.
    pub const NOTHING: Self = Self {
        name: "replay-nothing",
        about: "nothing helps",
        judged: 0.0,
        tie: 0.31,
        position: 0.0,
        drift: 0.0,
        questions_sd: 0.0,
        pool: 0,
        again: false,
    };
}

/// Pairs of a world.
pub struct Life<'a> {
    world: &'a World,
    random: Random,
    questions: Vec<f64>,
    time: usize,
}

impl<'a> Life<'a> {
    pub fn new(world: &'a World, seed: u64) -> Self {
        let mut random = Random::new(seed, 0xA17);
        // A pool is a sample of all questions that people ask; the screening has its own.
        let again = if world.again { world.pool } else { 0 };
        let questions = (0..again).map(|_| world.questions_sd * random.normal()).collect();
        Self { world, random, questions, time: 0 }
    }

    /// The screening is over: the judge starts anew.
    pub fn begin(&mut self) {
        self.time = 0;
    }

    /// The next pair's verdicts: with the candidate shown first, and second.
    pub fn next(&mut self) -> (i8, i8) {
        let (world, random) = (self.world, &mut self.random);
        let question = match self.questions.as_slice() {
            [] => world.questions_sd * random.normal(),
            all => all[random.below(all.len())],
        };
        let tie = world.tie + world.drift * self.time as f64 / PAIRS as f64;
        self.time += 1;
        // Together the question and the answers vary by 1.
        let rest = (1.0 - world.questions_sd * world.questions_sd).max(0.0).sqrt();
        let worth = world.judged + question + rest * random.normal();
        let mut verdict = |position: f64| {
            let seen = worth + position + ORDER_SD * random.normal();
            i8::from(seen > tie) - i8::from(seen < -tie)
        };
        (verdict(world.position), verdict(-world.position))
    }
}

/// What both orders say.
pub fn both((first, second): (i8, i8)) -> i8 {
    if first == second { first } else { 0 }
}

/// What became of a replay; times are pairs.
#[derive(Debug, Clone, Copy)]
pub struct Lived {
    pub others: Promoted,
    pub pawl: Process,
    /// It would have passed the screening that comes before.
    pub screened: bool,
}

/// Lives through all of it.
pub fn live(world: &World, level: f64, seed: u64) -> Lived {
    let mut life = Life::new(world, seed);
    // The screening's questions are its own.
    let seen: Vec<PairSeen<'_>> = (0..60)
        .map(|_| {
            let (first, second) = life.next();
            PairSeen { d: both((first, second)), first, second, longer: 0, question_type: "other" }
        })
        .collect();
    let screened = screening(&seen).passes();
    life.begin();
    let mut replay = Replay::new(level);
    let mut others = Others::default();
    let pairs = if world.pool > 0 && !world.again { world.pool.min(PAIRS) } else { PAIRS };
    for _ in 0..pairs {
        let d = both(life.next());
        others.observe_pair(d);
        replay.observe(d);
    }
    Lived { others: others.promoted, pawl: replay.now(), screened }
}
