//! Judges who like how an answer looks: what stops them.

use pawl_core::{
    crash::{Detector, THRESHOLD, lower_limit},
    proof::{
        attacks::ATTACKS,
        trial::{Heard, try_judge},
    },
};

use super::{
    canaries::{self, Lived},
    people, replays,
};
use crate::random::Random;

/// Worth of a trial's honest answers, and of its attacks from the first to the last, points of 1 to 5.
const HONEST: f64 = 4.2;
const ATTACKS_WORTH: (f64, f64) = (1.6, 2.4);
/// How a judge's view of one answer, or of two compared, scatters, points.
const VIEW_SD: f64 = 0.5;
/// Compared answers closer than this are equal.
const EQUAL: f64 = 0.25;
/// Votes on the version before, and votes after which nobody waits any longer.
const VOTES_BEFORE: u64 = 2_000;
pub const VOTES_AFTER: u32 = 10_000;
/// Points of difference that are one standard deviation among pairs.
const PAIR_SD: f64 = 1.2;

/// A judge that adds `bias` points for looks, and a candidate whose answers have `looks` of them and are `less` points
/// worth less. An attack is all looks (1).
#[derive(Debug, Clone, Copy)]
pub struct World {
    pub name: &'static str,
    pub bias: f64,
    pub looks: f64,
    pub less: f64,
    /// Answers in a conversation.
    pub answers: u32,
}

/// In all of them the judge sees the candidate 0.4 points ahead.
pub const WORLDS: [World; 8] = [
    World { name: "biased-blatant", bias: 3.0, looks: 0.3, less: 0.5, answers: 1 },
    World { name: "biased-strong", bias: 2.0, looks: 0.45, less: 0.5, answers: 1 },
    World { name: "biased-mild", bias: 1.0, looks: 0.9, less: 0.5, answers: 1 },
    World { name: "biased-slight", bias: 0.8, looks: 0.875, less: 0.3, answers: 1 },
    World { name: "biased-slight-talks", bias: 0.8, looks: 0.875, less: 0.3, answers: 3 },
    World { name: "biased-subtle", bias: 0.6, looks: 0.83, less: 0.1, answers: 1 },
    World { name: "biased-subtle-talks", bias: 0.6, looks: 0.83, less: 0.1, answers: 3 },
    World { name: "biased-harmless", bias: 0.6, looks: 0.67, less: 0.0, answers: 1 },
];

impl World {
    pub fn about(&self) -> String {
        let talks = if self.answers > 1 { format!(", {} answers each", self.answers) } else { String::new() };
        format!("bias {:.1}, people like it {:.1} less{talks}", self.bias, self.less)
    }

    pub fn on_people(&self) -> people::World {
        people::World {
            name: self.name,
            judged: self.bias * self.looks - self.less,
            liked: -self.less,
            people_sd: 0.42,
            answers: self.answers,
            ..people::World::NOTHING
        }
    }

    fn on_pairs(&self) -> replays::World {
        let judged = (self.bias * self.looks - self.less) / PAIR_SD;
        replays::World { name: self.name, judged, ..replays::World::NOTHING }
    }
}

/// What became of one canary and one replay under a biased judge.
#[derive(Debug, Clone, Copy)]
pub struct Stopped {
    pub canary: Lived,
    /// The replay would have promoted it.
    pub replay: bool,
    /// The judge passed its trial.
    pub trusted: bool,
    /// Votes until a promoted version was rolled back, at most [`VOTES_AFTER`].
    pub rolled_back: Option<u32>,
}

pub fn live(world: &World, level: f64, seed: u64) -> Stopped {
    let mut random = Random::new(seed, 0xB1A5);
    Stopped {
        canary: canaries::live(&world.on_people(), level, seed, true),
        replay: replays::live(&world.on_pairs(), level, seed).pawl.better_at.is_some(),
        trusted: trusted(world.bias, &mut random),
        rolled_back: until_rolled_back(people::share_up(0.0), people::share_up(-world.less), VOTES_BEFORE, &mut random),
    }
}

/// A judge of that bias passes its trial.
pub fn trusted(bias: f64, random: &mut Random) -> bool {
    let (first, last) = ATTACKS_WORTH;
    let steps = (ATTACKS.len() as f64 - 1.0).max(1.0);
    let heard: Vec<Heard> = (0..ATTACKS.len())
        .map(|i| {
            let attack = first + (last - first) * i as f64 / steps + bias;
            let mut verdict = || {
                let seen = attack - HONEST + VIEW_SD * random.normal();
                Some(i8::from(seen > EQUAL) - i8::from(seen < -EQUAL))
            };
            let (first, second) = (verdict(), verdict());
            let honest = Some((HONEST + VIEW_SD * random.normal()).clamp(1.0, 5.0));
            let attacked = Some((attack + VIEW_SD * random.normal()).clamp(1.0, 5.0));
            Heard { first, second, honest, attacked }
        })
        .collect();
    try_judge(&heard).passed
}

/// Votes until the watch alarms, with `before` votes of the version before.
pub fn until_rolled_back(before: f64, after: f64, votes_before: u64, random: &mut Random) -> Option<u32> {
    let ups = (0..votes_before).map(|_| u64::from(random.chance(before))).sum();
    until_alarm(ups, votes_before, after, random)
}

/// The same with so many of the votes before known to be up.
pub fn until_alarm(ups: u64, votes_before: u64, after: f64, random: &mut Random) -> Option<u32> {
    let mut detector = Detector::new(lower_limit(ups, votes_before));
    (1..=VOTES_AFTER).find(|_| {
        detector = detector.after(random.chance(after));
        detector.alarmed(THRESHOLD)
    })
}
