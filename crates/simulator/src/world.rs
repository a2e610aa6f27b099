//! The worlds, by the rules of the README.

use pawl_core::learning::reaction::{Reactions, Thumb};

use crate::random::Random;

pub const DAYS: usize = 90;
/// Learning runs, one every six hours.
pub const RUNS: usize = 4 * DAYS;
pub const QUESTION_TYPES: usize = 8;
pub const FORMATS: usize = 5;
const PEOPLE: usize = 60;
const SIGNALS: f64 = 12_000.0;
const EVENTS_AN_ANSWER: f64 = 0.53;
const FORMAT_SHARES: [f64; FORMATS] = [0.32, 0.24, 0.20, 0.14, 0.10];
const MOST_D: f64 = 2.2;
const MOOD_SD: f64 = 0.4;
const ANSWER_SD: f64 = 0.69;

/// What kind of world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Preferences to be found.
    True,
    /// None.
    Null,
    /// Preferences, and one person who asks so many percent of all and pushes a format.
    Poisoned(u32),
}

pub struct World {
    pub organizations: Vec<Organization>,
    /// What the preferred format adds.
    pub d: f64,
}

pub struct Organization {
    pub questions: Vec<Question>,
    shares: Vec<f64>,
    moods: Vec<f64>,
    activity: Vec<f64>,
    /// Pushed by the last person, in a poisoned world.
    pub pushed: Option<usize>,
}

pub struct Question {
    /// Part of the organisation's answers.
    pub share: f64,
    /// Satisfaction without a preference, less 3.6.
    difficulty: f64,
    pub preferred: Option<usize>,
    /// Shares of the formats without a pattern.
    pub mix: Vec<f64>,
}

/// Something asked, before it is answered.
pub struct Asked {
    pub organization: usize,
    pub question: usize,
    pub person: usize,
    /// The format it is answered in without a pattern.
    pub format: usize,
}

impl World {
    pub fn new(kind: Kind, organizations: usize, seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let delta = random.between(0.7, 1.0);
        let organizations: Vec<_> = (0..organizations).map(|_| Organization::new(kind, &mut random)).collect();
        let open: f64 = organizations.iter().map(Organization::open).sum::<f64>() / organizations.len() as f64;
        let d = if open > 0.0 { (delta / open).min(MOST_D) } else { 0.0 };
        Self { organizations, d }
    }

    /// What is asked before the run with this number.
    pub fn traffic(&self, run: usize, random: &mut Random) -> Vec<Asked> {
        let by = |run: usize| (SIGNALS / EVENTS_AN_ANSWER / RUNS as f64 * run as f64) as usize;
        (by(run)..by(run + 1)).map(|_| self.ask(random)).collect()
    }

    fn ask(&self, random: &mut Random) -> Asked {
        let organization = random.below(self.organizations.len());
        let o = &self.organizations[organization];
        let question = random.pick(&o.shares);
        let person = random.pick(&o.activity);
        Asked { organization, question, person, format: random.pick(&o.questions[question].mix) }
    }

    /// How the person reacts to an answer in `format`; `fallen` is what harm takes from the share of thumbs up.
    pub fn react(&self, asked: &Asked, format: usize, fallen: f64, random: &mut Random) -> Reactions {
        let o = &self.organizations[asked.organization];
        if let Some(pushed) = o.pushed
            && asked.person + 1 == o.moods.len()
        {
            let thumb = if format == pushed { Thumb::Up } else { Thumb::Down };
            return Reactions { thumb: Some(thumb), ..Reactions::default() };
        }
        let q = &o.questions[asked.question];
        let gain = if q.preferred == Some(format) { self.d } else { 0.0 };
        let s = q.difficulty + gain + o.moods[asked.person] + ANSWER_SD * random.normal();
        let votes = random.chance(0.08);
        let up = random.chance(sigmoid(0.405 + 1.4 * s) * (1.0 - fallen));
        let copied = random.chance(sigmoid(-2.197 + 0.55 * s));
        let followed_up = random.chance(sigmoid(-0.663 - 0.86 * s));
        let dwelled = random.chance(sigmoid(-3.0 - 0.6 * s));
        Reactions {
            thumb: votes.then_some(if up { Thumb::Up } else { Thumb::Down }),
            copied,
            followed_up,
            dwell_seconds: dwelled.then_some(90.0),
            rating: None,
        }
    }

    /// What the oracle gains on the scale of 1 to 5, on average over the organisations.
    pub fn oracle(&self) -> f64 {
        self.d * self.organizations.iter().map(Organization::open).sum::<f64>() / self.organizations.len() as f64
    }

    /// Gain of a policy, as the oracle's: `shown(organisation, question)` is what is shown there and how often.
    pub fn gain(&self, shown: impl Fn(usize, usize) -> Option<(usize, f64)>) -> f64 {
        let mut gain = 0.0;
        for (i, o) in self.organizations.iter().enumerate() {
            for (k, q) in o.questions.iter().enumerate() {
                let (Some(preferred), Some((format, influence))) = (q.preferred, shown(i, k)) else { continue };
                let hit = if format == preferred { 1.0 } else { 0.0 };
                gain += q.share * self.d * influence * (hit - q.mix[preferred]);
            }
        }
        gain / self.organizations.len() as f64
    }

    /// The format is what these questions prefer.
    pub fn is_true(&self, organization: usize, question: usize, format: usize) -> bool {
        self.organizations[organization].questions[question].preferred == Some(format)
    }
}

impl Organization {
    fn new(kind: Kind, random: &mut Random) -> Self {
        let shares = scaled((0..QUESTION_TYPES).map(|_| random.gamma(3.0)).collect());
        let questions = shares.iter().map(|share| Question::new(kind, *share, random)).collect();
        let mut moods: Vec<f64> = (0..PEOPLE).map(|_| MOOD_SD * random.normal()).collect();
        let mut activity: Vec<f64> = (0..PEOPLE).map(|_| random.normal().exp()).collect();
        let mut pushed = None;
        if let Kind::Poisoned(percent) = kind {
            pushed = Some(random.below(FORMATS));
            moods.push(0.0);
            let share = f64::from(percent) / 100.0;
            activity.push(activity.iter().sum::<f64>() * share / (1.0 - share));
        }
        Self { questions, shares, moods, activity, pushed }
    }

    /// Share of answers that would change if all were as preferred.
    fn open(&self) -> f64 {
        self.questions.iter().map(|q| q.preferred.map_or(0.0, |p| q.share * (1.0 - q.mix[p]))).sum()
    }

    /// Persons.
    pub fn people(&self) -> usize {
        self.moods.len()
    }
}

impl Question {
    fn new(kind: Kind, share: f64, random: &mut Random) -> Self {
        let difficulty = 0.3 * random.normal();
        let mix = scaled(FORMAT_SHARES.iter().map(|base| random.gamma(8.0 * base) + 0.05).collect());
        let prefers = random.chance(0.75);
        let which = random.below(FORMATS);
        let preferred = (kind != Kind::Null && prefers).then_some(which);
        Self { share, difficulty, preferred, mix }
    }
}

fn scaled(weights: Vec<f64>) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
