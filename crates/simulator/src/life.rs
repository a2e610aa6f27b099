//! One world lived through, by Pawl's rule or by the document's.

use pawl_core::learning::{
    look::State,
    reaction::{Reactions, Thumb, settle},
};

use crate::{
    document::Document,
    learner::{Answer, Learner},
    random::Random,
    world::{Asked, Kind, RUNS, World},
};

/// Answers are short enough for long reading to count.
const CHARACTERS: Option<i64> = Some(300);

/// What became of one world.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Share of the oracle's gain at the end of each day.
    pub curve: Vec<f64>,
    /// Oracle's gain, on the scale of 1 to 5.
    pub oracle: f64,
    /// Gain at the end, on the same scale.
    pub gain: f64,
    pub adopted_true: usize,
    pub adopted_false: usize,
    /// Adopted what a person pushed, where it is not preferred.
    pub poisoned: usize,
    pub trials: usize,
    pub reverts: usize,
    /// Feedback events.
    pub events: usize,
    pub crash: Option<Crash>,
}

/// What became of a crash.
#[derive(Debug, Clone, Copy)]
pub struct Crash {
    /// The share of thumbs up was multiplied by one less this.
    pub fall: f64,
    /// Votes since, at the run that ended the pattern; `None`: it lived to the end.
    pub votes_until_ended: Option<usize>,
    /// The first run that held 200 votes had ended it, or none held so many.
    pub in_time: bool,
    /// 200 votes were seen.
    pub held_200: bool,
}

/// A crash on its way.
struct Harm {
    after_day: usize,
    delay: usize,
    fall: f64,
    pattern: Option<(usize, usize)>,
    votes: usize,
    /// Votes since, when a run first held 200, and whether the pattern was live after it.
    late: Option<bool>,
    ended_at: Option<usize>,
}

/// Lives through a world with Pawl.
pub fn pawl(kind: Kind, organizations: usize, seed: u64, crash: bool) -> Outcome {
    let world = World::new(kind, organizations, seed);
    let mut random = Random::new(seed, 2);
    let mut harm = crash.then(|| Harm::new(&mut Random::new(seed, 3)));
    let mut learners: Vec<_> = world.organizations.iter().map(|o| Learner::new(o.people())).collect();
    let mut outcome = Outcome { oracle: world.oracle(), ..Outcome::default() };
    for run in 0..RUNS {
        let fall = harm.as_ref().map_or(0.0, |h| h.now(run, &learners[0]));
        for asked in world.traffic(run, &mut random) {
            let learner = &mut learners[asked.organization];
            let exposure = learner.expose(asked.question, random.uniform());
            let format = exposure.filter(|e| e.shown).map_or(asked.format, |e| e.format);
            let reactions = world.react(&asked, format, fall, &mut random);
            outcome.events += events(&reactions);
            let answer = answer(&asked, format, &reactions);
            if let Some(harm) = &mut harm
                && harm.begun(run)
            {
                harm.votes += usize::from(answer.vote.is_some());
            }
            learner.store(run, Answer { exposure, ..answer });
        }
        for learner in &mut learners {
            learner.run(run);
        }
        if let Some(harm) = &mut harm {
            harm.watch(run, &learners[0]);
        }
        if run % 4 == 3 {
            outcome.gain = world.gain(|o, q| learners[o].shown(q));
            outcome.curve.push(share(outcome.gain, outcome.oracle));
        }
    }
    for (i, learner) in learners.iter().enumerate() {
        outcome.trials += learner.trials();
        outcome.reverts += learner.events.iter().filter(|e| e.to == State::Reverted).count();
        // Adopted: the first time it became active.
        let mut adopted = vec![];
        for event in learner.events.iter().filter(|e| e.to == State::Active) {
            if !adopted.contains(&event.pattern) {
                adopted.push(event.pattern);
                let holds = world.is_true(i, event.question, event.format);
                outcome.adopted_true += usize::from(holds);
                outcome.adopted_false += usize::from(!holds);
                outcome.poisoned += usize::from(!holds && world.organizations[i].pushed == Some(event.format));
            }
        }
    }
    outcome.crash = harm.and_then(Harm::outcome);
    outcome
}

/// Lives through the same world with the document's rule.
pub fn document(kind: Kind, organizations: usize, seed: u64) -> Outcome {
    let world = World::new(kind, organizations, seed);
    let mut random = Random::new(seed, 4);
    let mut documents: Vec<_> = world.organizations.iter().map(|_| Document::new()).collect();
    let mut outcome = Outcome { oracle: world.oracle(), ..Outcome::default() };
    for run in 0..RUNS {
        for asked in world.traffic(run, &mut random) {
            let document = &mut documents[asked.organization];
            let format = document.shown(asked.question).unwrap_or(asked.format);
            let reactions = world.react(&asked, format, 0.0, &mut random);
            outcome.events += events(&reactions);
            let answer = answer(&asked, format, &reactions);
            if answer.reacted {
                document.store(asked.question, format, answer.signal);
            }
        }
        documents.iter_mut().for_each(Document::run);
        if run % 4 == 3 {
            outcome.gain = world.gain(|o, q| documents[o].shown(q).map(|format| (format, 1.0)));
            outcome.curve.push(share(outcome.gain, outcome.oracle));
        }
    }
    for (i, document) in documents.iter().enumerate() {
        for (question, format) in &document.adopted {
            let holds = world.is_true(i, *question, *format);
            outcome.adopted_true += usize::from(holds);
            outcome.adopted_false += usize::from(!holds);
            outcome.poisoned += usize::from(!holds && world.organizations[i].pushed == Some(*format));
        }
    }
    outcome
}

fn share(gain: f64, oracle: f64) -> f64 {
    if oracle > 0.0 { gain / oracle } else { 0.0 }
}

fn events(reactions: &Reactions) -> usize {
    let Reactions { thumb, copied, followed_up, dwell_seconds, .. } = reactions;
    [thumb.is_some(), *copied, *followed_up, dwell_seconds.is_some()].into_iter().filter(|x| *x).count()
}

fn answer(asked: &Asked, format: usize, reactions: &Reactions) -> Answer {
    Answer {
        question: asked.question,
        person: asked.person,
        format,
        signal: settle(reactions, CHARACTERS),
        reacted: events(reactions) > 0,
        vote: reactions.thumb.map(|thumb| thumb == Thumb::Up),
        exposure: None,
    }
}

impl Harm {
    fn new(random: &mut Random) -> Self {
        Self {
            after_day: 30 + random.below(31),
            delay: 1 + random.below(8),
            fall: random.between(0.3, 0.6),
            pattern: None,
            votes: 0,
            late: None,
            ended_at: None,
        }
    }

    fn begun(&self, run: usize) -> bool {
        self.ended_at.is_none() && self.pattern.is_some_and(|(_, at)| run >= at)
    }

    /// By how much the share of thumbs up is cut now.
    fn now(&self, run: usize, learner: &Learner) -> f64 {
        let live = self.pattern.is_some_and(|(pattern, _)| learner.is_live(pattern));
        if live && self.begun(run) { self.fall } else { 0.0 }
    }

    fn watch(&mut self, run: usize, learner: &Learner) {
        let Some((pattern, _)) = self.pattern else {
            let first = learner.events.iter().find(|e| e.from == State::Trial && e.to == State::Active && e.run == run);
            if run >= 4 * self.after_day
                && let Some(event) = first
            {
                self.pattern = Some((event.pattern, run + self.delay));
            }
            return;
        };
        let live = learner.is_live(pattern);
        if self.votes >= 200 && self.late.is_none() {
            self.late = Some(live && self.ended_at.is_none());
        }
        if !live && self.ended_at.is_none() {
            self.ended_at = Some(self.votes);
        }
    }

    fn outcome(self) -> Option<Crash> {
        (self.votes > 0).then(|| Crash {
            fall: self.fall,
            votes_until_ended: self.ended_at,
            in_time: self.late == Some(false) || (self.late.is_none() && self.ended_at.is_some()),
            held_200: self.late.is_some() || self.ended_at.is_some(),
        })
    }
}
