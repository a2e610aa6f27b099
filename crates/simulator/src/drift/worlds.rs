//! Who gives feedback, how often, and what it says.

use std::{f64::consts::TAU, ops::Range};

use super::LIKED;
use crate::random::Random;

/// A year of seasons, days.
const SEASONS: f64 = 365.0;
/// Where the question types are two: how much each is liked …
const EASY: f64 = 0.9;
const HARD: f64 = 0.6;
/// … and the least and the most that the second has of all questions.
const HARD_SHARE: (f64, f64) = (0.1, 0.5);

/// The rules of a world.
pub struct World {
    pub name: &'static str,
    pub what: &'static str,
    people: usize,
    /// Answers with feedback a day.
    answers: usize,
    /// Standard deviation of the people's logits, and whether few of them say most and half are away each week.
    differ: Option<f64>,
    /// All reactions instead of thumbs.
    graded: bool,
    seasons: bool,
    /// Falls are tried in it.
    pub falls: bool,
}

const PLAIN: World = World {
    name: "plain",
    what: "60 thumbs a day of 150 people",
    people: 150,
    answers: 60,
    differ: None,
    graded: false,
    seasons: false,
    falls: true,
};

pub const WORLDS: [World; 6] = [
    PLAIN,
    World {
        name: "people",
        what: "the same of 60 who differ; few say most, and half are away each week",
        people: 60,
        differ: Some(1.3),
        ..PLAIN
    },
    World {
        name: "few-people",
        what: "20 thumbs a day of 12 such people",
        people: 12,
        answers: 20,
        differ: Some(1.3),
        falls: false,
        ..PLAIN
    },
    World { name: "rare", what: "9 thumbs a day of 150 people", answers: 9, ..PLAIN },
    World { name: "graded", what: "9 reactions of all kinds a day", answers: 9, graded: true, ..PLAIN },
    World {
        name: "seasons",
        what: "60 thumbs a day; hard questions are 10 to 50 %, by season",
        seasons: true,
        falls: false,
        ..PLAIN
    },
];

/// Each value with how often it was seen.
type Counts = Vec<(i64, u64)>;

/// Days of feedback: who gave it, the score in hundredths, and a draw that has nothing to do with either.
pub struct Life {
    people: usize,
    days: Vec<Vec<(usize, usize, f64)>>,
}

impl Life {
    /// So many days; from the day of a fall on people like less than before.
    pub fn new(world: &World, seed: u64, days: usize, fall: Option<(usize, f64)>) -> Self {
        let mut random = Random::new(seed, world.name.bytes().fold(0, |n, byte| 31 * n + u64::from(byte)));
        let differ = world.differ.unwrap_or(0.0);
        let tastes: Vec<f64> = (0..world.people).map(|_| differ * random.normal()).collect();
        let talk = |random: &mut Random| if world.differ.is_some() { 0.01 + random.gamma(0.7) } else { 1.0 };
        let weights: Vec<f64> = (0..world.people).map(|_| talk(&mut random)).collect();
        let phase = random.uniform();
        let mut present = weights.clone();
        let day = |day: usize| {
            if world.differ.is_some() && day.is_multiple_of(7) {
                let here = |weight: &f64| if random.chance(0.5) { *weight } else { 1e-6 };
                present = weights.iter().map(here).collect();
            }
            let level = fall.filter(|(from, _)| day >= *from).map_or(LIKED, |(_, to)| to);
            let of_answer = |random: &mut Random| {
                let person = random.pick(&present);
                let liked = if world.seasons {
                    let season = 0.5 + 0.5 * (TAU * (day as f64 / SEASONS + phase)).sin();
                    let hard = HARD_SHARE.0 + (HARD_SHARE.1 - HARD_SHARE.0) * season;
                    if random.chance(hard) { HARD } else { EASY }
                } else {
                    shifted(level, tastes[person])
                };
                let likes = random.chance(liked);
                let score = if world.graded { reaction(likes, random) } else { 100 * usize::from(likes) };
                (person, score, random.uniform())
            };
            (0..world.answers).map(|_| of_answer(&mut random)).collect()
        };
        Self { people: world.people, days: (0..days).map(day).collect() }
    }

    /// The scores of these days, and of each person one of them.
    pub fn scores(&self, days: Range<usize>) -> (Counts, Counts) {
        let (mut answers, mut people) = ([0; 101], [0; 101]);
        let mut picked = vec![(f64::INFINITY, 0); self.people];
        for (person, score, draw) in self.days.get(days).unwrap_or_default().iter().flatten() {
            answers[*score] += 1;
            if *draw < picked[*person].0 {
                picked[*person] = (*draw, *score);
            }
        }
        for (_, score) in picked.iter().filter(|(draw, _)| draw.is_finite()) {
            people[*score] += 1;
        }
        let counts = |seen: [u64; 101]| (0..).zip(seen).filter(|(_, n)| *n > 0).collect();
        (counts(answers), counts(people))
    }
}

/// A share whose logit is moved.
fn shifted(share: f64, by: f64) -> f64 {
    1.0 / (1.0 + (1.0 - share) / share * (-by).exp())
}

/// In hundredths: a thumb, a copy, a follow-up, reading long, or a copy and a thumb down.
fn reaction(likes: bool, random: &mut Random) -> usize {
    let (scores, weights) = if likes { ([100, 65, 40], [0.4, 0.5, 0.1]) } else { ([0, 40, 45], [0.4, 0.4, 0.2]) };
    scores[random.pick(&weights)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_life() {
        let of = |seed| Life::new(&WORLDS[1], seed, 20, None).days;
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn people_like_as_much_as_they_should() {
        let liked = |world: &World, fall| {
            let (answers, _) = Life::new(world, 7, 400, fall).scores(100..400);
            let n: u64 = answers.iter().map(|(_, n)| n).sum();
            answers.iter().map(|(score, n)| *score as f64 * *n as f64).sum::<f64>() / 100.0 / n as f64
        };
        assert!((liked(&PLAIN, None) - 0.8).abs() < 0.01);
        assert!((liked(&PLAIN, Some((100, 0.6))) - 0.6).abs() < 0.01);
        // Over most of a year: 30 % hard questions.
        let (answers, people) = Life::new(&WORLDS[5], 7, 365, None).scores(0..365);
        let up = answers.iter().find(|(score, _)| *score == 100).map_or(0, |(_, n)| *n);
        assert!((up as f64 / 21_900.0 - 0.81).abs() < 0.01);
        assert_eq!(people.iter().map(|(_, n)| n).sum::<u64>(), 150);
    }
}
