//! Worlds of people: who asks, what an answer is worth, what the judge says of it, how they react.

use pawl_core::{
    learning::reaction::{Reactions, Thumb, settle},
    proof::canary::Unit,
};

use crate::random::Random;

/// Conversations a day, and days of a canary.
pub const A_DAY: u32 = 200;
pub const DAYS: u32 = 28;
/// How the judge's scores and people's satisfaction scatter about an answer's worth, points of 1 to 5.
const JUDGE_SD: f64 = 0.85;
const TASTE_SD: f64 = 0.69;
/// Answers are short enough for long reading to count.
const CHARACTERS: Option<i64> = Some(300);
/// Of people whose coin is theirs: the newest this many are about, and one conversation in five is a newcomer's.
const ABOUT: usize = 200;
const NEWCOMERS: f64 = 0.2;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// A judge's integer score of 1 to 5 about this mean.
    Judge(f64),
    /// Good (1) or not (0), with this chance of good.
    Binary(f64),
    /// Thumbs alone: on 8 % of answers, up with this chance; else silence.
    Thumbs(f64),
}

/// A world.
#[derive(Debug, Clone, Copy)]
pub struct World {
    pub name: &'static str,
    pub about: &'static str,
    pub measure: Measure,
    /// By how much the candidate's answers are judged better: points of 1 to 5, or of the share.
    pub judged: f64,
    /// By how much people like them better, points of 1 to 5.
    pub liked: f64,
    /// How much people differ, standard deviation in points.
    pub people_sd: f64,
    pub people: usize,
    /// The nth most active asks 1/n as much as the first; else all ask alike.
    pub heavy: bool,
    /// The coin is thrown once a person.
    pub sticky: bool,
    /// By how much the judge's mean swings about, points, period ten days.
    pub drift: f64,
    /// Answers in a conversation that people react to; one of them is judged.
    pub answers: u32,
    /// Share of answers that anybody reacts to in any way.
    pub reacting: f64,
    /// Share of the conversations, or people, that the candidate gets.
    pub share: f64,
}

impl World {
    pub const NOTHING: Self = Self {
        name: "nothing",
        about: "nothing helps",
        measure: Measure::Judge(3.8),
        judged: 0.0,
        liked: 0.0,
        people_sd: 0.0,
        people: 100,
        heavy: false,
        sticky: false,
        drift: 0.0,
        answers: 1,
        reacting: 1.0,
        share: 0.2,
    };
}

/// What one conversation was worth.
struct Outcome {
    y: f64,
    reaction: f64,
}

/// A person: number, whether the coin gave them the candidate, how they differ.
#[derive(Debug, Clone, Copy)]
struct Person {
    number: u32,
    arm: bool,
    differs: f64,
}

/// A conversation as the others see it, and the unit that Pawl sees by then.
pub struct Seen {
    pub arm: bool,
    pub y: f64,
    pub unit: Option<Unit>,
}

/// A world that goes on.
pub struct Life<'a> {
    world: &'a World,
    random: Random,
    people: Vec<Person>,
    activity: Vec<f64>,
    /// Sticky: what is known of those about, oldest first.
    about: std::collections::VecDeque<(Person, f64, f64, f64)>,
    newcomers: u32,
    time: u32,
}

impl<'a> Life<'a> {
    pub fn new(world: &'a World, seed: u64) -> Self {
        let mut random = Random::new(seed, 0x9E0);
        let mut people: Vec<Person> = (0..world.people)
            .map(|i| Person { number: i as u32 + 1, arm: false, differs: world.people_sd * random.normal() })
            .collect();
        if world.sticky {
            people.clear();
        }
        let activity = (1..=world.people).map(|n| if world.heavy { 1.0 / n as f64 } else { 1.0 }).collect();
        let about = std::collections::VecDeque::new();
        Self { world, random, people, activity, about, newcomers: 0, time: 0 }
    }

    /// The next conversation.
    pub fn next(&mut self) -> Seen {
        self.time += 1;
        if self.world.sticky {
            return self.next_of_sticky();
        }
        let i = if self.world.heavy { self.random.pick(&self.activity) } else { self.random.below(self.people.len()) };
        let person = self.people[i];
        let arm = self.random.chance(self.world.share);
        let Outcome { y, reaction } = self.outcome(person.differs, arm);
        let unit = Unit { arm, propensity: self.world.share, person: person.number, judged: Some(y), reaction };
        Seen { arm, y, unit: Some(unit) }
    }

    /// The unit of a person comes when their week is over: what was judged is one exchange, the first.
    fn next_of_sticky(&mut self) -> Seen {
        let mut unit = None;
        let new = self.about.len() < ABOUT / 4 || self.random.chance(NEWCOMERS);
        let i = if new {
            self.newcomers += 1;
            let differs = self.world.people_sd * self.random.normal();
            let person = Person { number: self.newcomers, arm: self.random.chance(self.world.share), differs };
            self.about.push_back((person, f64::NAN, 0.0, 0.0));
            if self.about.len() > ABOUT
                && let Some((Person { arm, number, .. }, judged, reactions, n)) = self.about.pop_front()
            {
                let (judged, reaction) = (Some(judged), reactions / n);
                unit = Some(Unit { arm, propensity: self.world.share, person: number, judged, reaction });
            }
            self.about.len() - 1
        } else {
            self.random.below(self.about.len())
        };
        let Person { arm, differs, .. } = self.about[i].0;
        let Outcome { y, reaction } = self.outcome(differs, arm);
        let (_, judged, reactions, n) = &mut self.about[i];
        if *n == 0.0 {
            *judged = y;
        }
        *reactions += reaction;
        *n += 1.0;
        Seen { arm, y, unit }
    }

    fn outcome(&mut self, differs: f64, arm: bool) -> Outcome {
        let (world, random) = (self.world, &mut self.random);
        let judged = if arm { world.judged } else { 0.0 };
        let liked = if arm { world.liked } else { 0.0 };
        let y = match world.measure {
            Measure::Judge(mean) => {
                let swing = world.drift * (std::f64::consts::TAU * f64::from(self.time) / f64::from(10 * A_DAY)).sin();
                let score = (mean + judged + swing + differs + JUDGE_SD * random.normal()).round().clamp(1.0, 5.0);
                (score - 1.0) / 4.0
            }
            Measure::Binary(share) => f64::from(u8::from(random.chance(share + judged))),
            Measure::Thumbs(share) => {
                let y = match random.chance(0.08) {
                    true => f64::from(u8::from(random.chance(share + judged))),
                    false => 0.5,
                };
                return Outcome { y, reaction: y };
            }
        };
        let mut reaction = 0.0;
        for _ in 0..world.answers {
            reaction += if world.reacting >= 1.0 || random.chance(world.reacting) {
                let satisfaction = 3.6 + liked + differs + TASTE_SD * random.normal();
                react(random, satisfaction)
            } else {
                0.5
            };
        }
        let reaction = reaction / f64::from(world.answers);
        Outcome { y, reaction }
    }
}

/// How somebody of that satisfaction, 1 to 5, reacts: 0 to 1.
fn react(random: &mut Random, satisfaction: f64) -> f64 {
    let s = satisfaction - 3.6;
    let voted = random.chance(0.08);
    let thumb = voted.then(|| if random.chance(up(s)) { Thumb::Up } else { Thumb::Down });
    let reactions = Reactions {
        thumb,
        copied: random.chance(logistic(-2.197 + 0.55 * s)),
        followed_up: random.chance(logistic(-0.663 - 0.86 * s)),
        dwell_seconds: random.chance(logistic(-3.0 - 0.6 * s)).then_some(90.0),
        rating: None,
    };
    (f64::from(settle(&reactions, CHARACTERS)) / 100.0 + 1.0) / 2.0
}

/// The chance that a vote is up, by satisfaction less 3.6.
fn up(s: f64) -> f64 {
    logistic(0.405 + 1.4 * s)
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The share of thumbs up among votes where satisfaction is so much higher: over people's taste.
pub fn share_up(liked: f64) -> f64 {
    let steps: Vec<f64> = (-40..=40).map(|i| f64::from(i) / 10.0).collect();
    let weights: Vec<f64> = steps.iter().map(|z| (-z * z / 2.0).exp()).collect();
    let sum: f64 = steps.iter().zip(&weights).map(|(z, w)| w * up(liked + TASTE_SD * z)).sum();
    sum / weights.iter().sum::<f64>()
}
