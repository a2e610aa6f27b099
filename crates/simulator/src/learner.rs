//! One organisation's learning by Pawl's own code, with the look put together as the database does it.

use std::collections::VecDeque;

use pawl_core::learning::{
    decide::decide,
    discovery::{CUT, MOST_A_RUN},
    evidence::{Evidence, observe},
    life::SURVIVES_WITHOUT,
    look::{Closed, Cluster, Look, Pattern, Settings, State, Votes},
    plan::{Plan, Update},
};

use crate::{
    votes::{self, Vote},
    world::{FORMATS, QUESTION_TYPES},
};

const MATURITY_RUNS: usize = 4;
const WATCH_RUNS: usize = 14 * 4;
const VOTES_BEFORE: usize = 500;
const VOTES_SINCE: usize = 5_000;
const SETTINGS: Settings = Settings { holdout: 0.07, cap: 0.1 };
const YEAR: i64 = 2026;

/// An answer, as it is stored.
#[derive(Debug, Clone)]
pub struct Answer {
    pub question: usize,
    pub person: usize,
    /// The format it had.
    pub format: usize,
    pub signal: i16,
    pub reacted: bool,
    pub vote: Option<bool>,
    pub exposure: Option<Exposure>,
}

/// A live pattern applied to an answer.
#[derive(Debug, Clone, Copy)]
pub struct Exposure {
    pattern: usize,
    pub shown: bool,
    propensity: f64,
    pub format: usize,
}

/// What happened, for the tables.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    pub run: usize,
    pub pattern: usize,
    pub question: usize,
    pub format: usize,
    pub from: State,
    pub to: State,
}

#[derive(Debug, Clone)]
struct Kept {
    question: usize,
    format: usize,
    now: Update,
    prior: (f64, f64),
    in_trial_year: bool,
    signals: i64,
    last_used: usize,
    on_trial: Option<usize>,
    activated: Option<usize>,
    evidence: Vec<Evidence>,
    recent: VecDeque<i16>,
}

#[derive(Debug, Clone)]
struct Tally {
    n: i64,
    sum: i64,
    squares: i64,
    cut_sum: i64,
    cut_squares: i64,
    reacted: i64,
    by_person: Vec<i64>,
}

pub struct Learner {
    people: usize,
    waiting: VecDeque<(usize, Answer)>,
    tallies: Vec<Tally>,
    settled: Vec<i64>,
    votes: Vec<Vote>,
    patterns: Vec<Kept>,
    live: Vec<Option<usize>>,
    closed: Vec<(usize, usize)>,
    pub events: Vec<Event>,
}

impl Learner {
    pub fn new(people: usize) -> Self {
        let tally =
            Tally { n: 0, sum: 0, squares: 0, cut_sum: 0, cut_squares: 0, reacted: 0, by_person: vec![0; people] };
        Self {
            people,
            waiting: VecDeque::new(),
            tallies: vec![tally; QUESTION_TYPES * FORMATS],
            settled: vec![0; people],
            votes: Vec::new(),
            patterns: Vec::new(),
            live: vec![None; QUESTION_TYPES],
            closed: Vec::new(),
            events: Vec::new(),
        }
    }

    /// What the coin decides for a question; `coin` is even in [0, 1).
    pub fn expose(&self, question: usize, coin: f64) -> Option<Exposure> {
        let pattern = self.live[question]?;
        let kept = &self.patterns[pattern];
        let propensity = kept.now.influence;
        (propensity > 0.0).then_some(Exposure { pattern, shown: coin < propensity, propensity, format: kept.format })
    }

    /// What is shown for a question, and how often.
    pub fn shown(&self, question: usize) -> Option<(usize, f64)> {
        let kept = &self.patterns[self.live[question]?];
        Some((kept.format, kept.now.influence))
    }

    /// The pattern is live.
    pub fn is_live(&self, pattern: usize) -> bool {
        self.live.contains(&Some(pattern))
    }

    pub fn trials(&self) -> usize {
        self.patterns.iter().filter(|p| p.in_trial_year).count()
    }

    /// An answer given before the run with this number.
    pub fn store(&mut self, run: usize, answer: Answer) {
        if let Some(vote) = answer.vote {
            self.votes.push((run, answer.person, vote));
        }
        if let Some(Exposure { pattern, shown: true, .. }) = answer.exposure {
            self.patterns[pattern].last_used = run;
        }
        self.waiting.push_back((run, answer));
    }

    /// A learning run.
    pub fn run(&mut self, run: usize) {
        while let Some((given, _)) = self.waiting.front()
            && given + MATURITY_RUNS <= run
        {
            if let Some((_, answer)) = self.waiting.pop_front() {
                self.settle(&answer);
            }
        }
        let plan = decide(&self.look(run));
        self.record(run, plan);
    }

    fn settle(&mut self, answer: &Answer) {
        self.settled[answer.person] += 1;
        if !answer.exposure.is_some_and(|e| e.shown) {
            let tally = &mut self.tallies[answer.question * FORMATS + answer.format];
            let signal = i64::from(answer.signal);
            tally.n += 1;
            tally.sum += signal;
            tally.squares += signal * signal;
            let cut = i64::from(answer.signal.clamp(-CUT, CUT));
            tally.cut_sum += cut;
            tally.cut_squares += cut * cut;
            tally.reacted += i64::from(answer.reacted);
            tally.by_person[answer.person] += 1;
        }
        let Some(Exposure { pattern, shown, propensity, .. }) = answer.exposure else { return };
        let kept = &mut self.patterns[pattern];
        let Some(baseline) = kept.now.baseline else { return };
        kept.evidence[answer.person] += observe(answer.signal, baseline, shown, propensity);
        kept.signals += i64::from(answer.reacted);
        if shown {
            kept.recent.push_back(answer.signal);
            if kept.recent.len() > 200 {
                kept.recent.pop_front();
            }
        }
    }

    fn look(&self, run: usize) -> Look {
        Look {
            now_day: 20_454 + run as i64 / 4,
            year: YEAR,
            settings: SETTINGS,
            people: self.settled.iter().filter(|n| **n > 0).count() as i64,
            answers: self.settled.iter().sum(),
            trials_this_year: self.trials() as i64,
            others: Vec::new(),
            clusters: self.clusters(),
            patterns: self
                .patterns
                .iter()
                .enumerate()
                .filter(|(_, p)| !ended(p.now.state))
                .map(|(i, p)| p.seen(i, run))
                .collect(),
            closed: self.closed.iter().map(|(pattern, at)| self.patterns[*pattern].closed(run - at)).collect(),
            votes: self.watched(run),
        }
    }

    fn clusters(&self) -> Vec<Cluster> {
        let mut clusters = Vec::new();
        for (i, tally) in self.tallies.iter().enumerate().filter(|(_, t)| t.n >= 10) {
            let question = i / FORMATS;
            let all = &self.tallies[question * FORMATS..(question + 1) * FORMATS];
            let over = |of: fn(&Tally) -> i64| all.iter().map(of).sum::<i64>() - of(tally);
            let (rest_n, rest_sum, rest_squares) = (over(|t| t.n), over(|t| t.sum), over(|t| t.squares));
            let (mean, variance) = moments(tally.n, tally.sum, tally.squares).unwrap_or_default();
            let rest = moments(rest_n, rest_sum, rest_squares);
            let cut = moments(tally.n, tally.cut_sum, tally.cut_squares);
            let rest_cut = moments(rest_n, over(|t| t.cut_sum), over(|t| t.cut_squares));
            clusters.push(Cluster {
                question_type: question.to_string(),
                dimension: "format".to_owned(),
                value: (i % FORMATS).to_string(),
                n: tally.n,
                people: tally.by_person.iter().filter(|n| **n > 0).count() as i64,
                top_share: tally.by_person.iter().max().map_or(0.0, |most| *most as f64 / tally.n as f64),
                reacted: tally.reacted,
                mean,
                variance,
                rest_n,
                rest_mean: rest.map(|(mean, _)| mean),
                rest_variance: rest.map(|(_, variance)| variance),
                cut_mean: cut.map(|(mean, _)| mean),
                cut_variance: cut.map(|(_, variance)| variance),
                rest_cut_mean: rest_cut.map(|(mean, _)| mean),
                rest_cut_variance: rest_cut.map(|(_, variance)| variance),
            });
        }
        clusters
    }

    fn watched(&self, run: usize) -> Votes {
        let recent: Vec<(usize, usize)> = self
            .live
            .iter()
            .flatten()
            .filter_map(|p| self.patterns[*p].activated.filter(|at| run - at <= WATCH_RUNS).map(|at| (*p, at)))
            .collect();
        let earliest = recent.iter().map(|(_, at)| *at).min();
        let begin = earliest.unwrap_or(run.saturating_sub(WATCH_RUNS));
        let (before, since) = self.votes.split_at(self.votes.partition_point(|(at, ..)| *at <= begin));
        let before = votes::newest(before, VOTES_BEFORE, SETTINGS.cap, self.people);
        let since = votes::newest(since, VOTES_SINCE, SETTINGS.cap, self.people);
        Votes {
            watched_days: earliest.map(|at| (run - at) as f64 / 4.0),
            before_up: before.iter().filter(|up| **up).count() as u64,
            before_n: before.len() as u64,
            since: since.iter().map(|up| if *up { '1' } else { '0' }).collect(),
            recent_pattern_ids: recent.iter().map(|(p, _)| p.to_string()).collect(),
        }
    }

    fn record(&mut self, run: usize, plan: Plan) {
        for update in plan.patterns {
            let Ok(i) = update.id.parse::<usize>() else { continue };
            let kept = &mut self.patterns[i];
            let (from, to) = (kept.now.state, update.state);
            kept.now = update;
            kept.in_trial_year |= kept.now.begin_trial;
            if from == to {
                continue;
            }
            self.events.push(Event { run, pattern: i, question: kept.question, format: kept.format, from, to });
            match to {
                State::Trial => {
                    self.live[kept.question] = Some(i);
                    kept.on_trial = Some(run);
                }
                State::Active if from == State::Trial => kept.activated = Some(run),
                State::Pruned | State::Reverted => {
                    if self.live[kept.question] == Some(i) {
                        self.live[kept.question] = None;
                    }
                    self.closed.push((i, run));
                }
                _ => {}
            }
        }
        for wanted in plan.wanted.into_iter().take(MOST_A_RUN) {
            let (Ok(question), Ok(format)) = (wanted.question_type.parse(), wanted.value.parse()) else { continue };
            self.patterns.push(Kept {
                question,
                format,
                now: Update {
                    id: self.patterns.len().to_string(),
                    state: State::Candidate,
                    influence: 0.0,
                    confidence: wanted.confidence,
                    score: None,
                    log_e: None,
                    begin_trial: false,
                    baseline: None,
                    reason: Some(wanted.reason),
                },
                prior: (wanted.prior_mean, wanted.prior_sd),
                in_trial_year: false,
                signals: wanted.signal_count,
                last_used: run,
                on_trial: None,
                activated: None,
                evidence: vec![Evidence::default(); self.people],
                recent: VecDeque::new(),
            });
        }
    }
}

impl Kept {
    fn seen(&self, id: usize, run: usize) -> Pattern {
        let mut top: Vec<Evidence> = self.evidence.iter().copied().filter(|e| e.n > 0).collect();
        top.sort_by_key(|e| std::cmp::Reverse(e.n));
        let people = top.len() as i64;
        let mut winners = top.clone();
        winners.sort_by_key(|e| std::cmp::Reverse(e.wealth.iter().sum::<i64>()));
        winners.truncate(SURVIVES_WITHOUT);
        top.truncate((1.0 / SETTINGS.cap).ceil() as usize + 3);
        Pattern {
            id: id.to_string(),
            question_type: self.question.to_string(),
            dimension: "format".to_owned(),
            value: self.format.to_string(),
            state: self.now.state,
            influence: self.now.influence,
            confidence: self.now.confidence,
            score: self.now.score,
            baseline: self.now.baseline,
            prior_mean: self.prior.0,
            prior_sd: self.prior.1,
            log_e: self.now.log_e,
            trial_year: self.in_trial_year.then_some(YEAR),
            signal_count: self.signals,
            idle_days: (run - self.last_used) as f64 / 4.0,
            trial_days: self.on_trial.map(|at| (run - at) as f64 / 4.0),
            days_active: self.activated.map(|at| (run - at) as f64 / 4.0),
            totals: self.evidence.iter().copied().sum(),
            people,
            top,
            winners,
            recent: self.recent.iter().copied().collect(),
        }
    }

    fn closed(&self, runs_ago: usize) -> Closed {
        Closed {
            question_type: self.question.to_string(),
            dimension: "format".to_owned(),
            value: self.format.to_string(),
            days_ago: runs_ago as f64 / 4.0,
            by_person: false,
        }
    }
}

fn ended(state: State) -> bool {
    matches!(state, State::Pruned | State::Reverted)
}

/// Mean and variance of signals in hundredths, on the scale of [−1, 1].
fn moments(n: i64, sum: i64, squares: i64) -> Option<(f64, f64)> {
    (n > 0).then(|| {
        let mean = sum as f64 / n as f64 / 100.0;
        (mean, squares as f64 / n as f64 / 10_000.0 - mean * mean)
    })
}
