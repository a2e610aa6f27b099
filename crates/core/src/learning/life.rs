//! The life of a pattern: candidate → trial → active → warmdown → pruned, one step a run.
//!
//! A candidate goes on trial when its slot is free; a trial is adopted on its e-value, and given up when it looks
//! futile; an active pattern in which confidence is lost is shown less and less over five runs, and comes back step by
//! step when it recovers. (A crash ends a life too: `decide`.)

use super::{
    confidence::{Prior, posterior},
    evidence::{Totals, Weighed},
    look::{Cluster, Pattern, State},
    plan::Update,
    words,
};
use crate::ema::Ema;

/// A trial shows the pattern by a fair coin, which tells most.
pub const TRIAL_INFLUENCE: f64 = 0.5;
/// How often a pattern is shown over the five runs of its warmdown.
pub const WARMDOWN: [f64; 5] = [0.8, 0.6, 0.4, 0.2, 0.0];
/// Below this confidence an active pattern is warmed down.
pub const DOUBT: f64 = 0.5;
/// Below this confidence a pattern ends.
pub const PRUNE: f64 = 0.3;
/// A trial makes way for another characteristic of its slot that is better with this probability.
pub const SUPERSEDE: f64 = 0.6;
/// A pattern that was not shown for so long ends.
pub const IDLE_DAYS: f64 = 30.0;
/// A trial that was not adopted after so long ends: what nobody can tell apart in half a year does not matter, and its
/// slot is needed.
pub const TRIAL_DAYS: f64 = 180.0;
/// A candidate rests on at least so many settled signals; an answer nobody reacted to is a signal of 0.
pub const MIN_SIGNALS: i64 = 10;
/// A pattern must hold without its so many most active contributors, and without as many whose evidence speaks most for
/// it: one who asks little and votes on everything has the weight of many who seldom vote …
pub const SURVIVES_WITHOUT: usize = 3;
/// … that far (e-value 100): at most one in a hundred patterns that only they push passes (Ville 1939), however often
/// one looks.
pub const SURVIVAL_LOG_E: f64 = 4.605_170_185_988_092;
/// The same without those who speak most for it (e-value 30). Less, for they are picked by what they won: that takes from
/// a pattern which helps everybody too. At 30 what a person with 3 to 7 % of answers pushes is still adopted seldom, and
/// little learning is lost (`crates/simulator/README.md` has the figures for 100, 50, 30 and 20).
pub const WINNERS_SURVIVAL_LOG_E: f64 = 3.401_197_381_662_155;

/// What a run knows about one pattern.
pub struct Standing<'a> {
    pattern: &'a Pattern,
    /// With each person's weight capped.
    evidence: Weighed,
    effect: Prior,
    confidence: f64,
    /// min(full, capped); after adoption what it was then.
    log_e: f64,
    survives: bool,
    score: Option<f64>,
}

/// What a run knows beside the pattern itself.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Share of matching answers that an active pattern is held back from.
    pub holdout: f64,
    /// Its slot is free and the year's budget of trials is not spent.
    pub may_begin: bool,
    /// The mean signal of its question type, hundredths.
    pub baseline: i16,
    /// The log e-value from which it may be adopted.
    pub threshold: f64,
    /// The most promising other characteristic of its slot.
    pub rival: Option<(Prior, &'a Cluster)>,
}

impl Setting<'_> {
    /// Of an active pattern; in ten-thousandths, as 0.93 is written.
    fn full_influence(&self) -> f64 {
        ((1.0 - self.holdout) * 1e4).round() / 1e4
    }
}

impl<'a> Standing<'a> {
    /// Where the pattern stands, each person's weight cut to `cap`.
    pub fn new(pattern: &'a Pattern, cap: f64) -> Self {
        let totals = Totals::new(&pattern.totals, pattern.people, &pattern.top);
        let (full, evidence) = (totals.full(), totals.capped(cap));
        let prior = Prior { mean: pattern.prior_mean, sd: pattern.prior_sd };
        let log_e = match pattern.state {
            State::Trial => full.log_e().min(evidence.log_e()),
            _ => pattern.log_e.unwrap_or(0.0),
        };
        let recent = pattern.recent.iter().fold(Ema::default(), |ema, signal| ema.after(f64::from(*signal) / 100.0));
        let effect = posterior(prior, &evidence);
        let winners = pattern.winners.iter().take(SURVIVES_WITHOUT);
        Self {
            pattern,
            effect,
            confidence: effect.above(0.0),
            log_e,
            survives: totals.without_top(SURVIVES_WITHOUT).log_e() >= SURVIVAL_LOG_E
                && totals.without_these(winners).log_e() >= WINNERS_SURVIVAL_LOG_E,
            score: recent.score().or(pattern.score),
            evidence,
        }
    }

    /// What it brings into the year's family: its log e-value where it is adopted, or may be as far as its own evidence
    /// goes.
    pub fn counts(&self) -> Option<f64> {
        let counts = match self.pattern.state {
            State::Active | State::Warmdown => true,
            State::Trial => self.survives,
            _ => false,
        };
        counts.then_some(self.log_e)
    }

    /// The pattern after this run.
    pub fn next(&self, setting: &Setting<'_>) -> Update {
        match self.pattern.state {
            State::Candidate => self.candidate(setting),
            State::Trial => self.trial(setting),
            State::Active | State::Warmdown => self.adopted(setting),
            State::Pruned | State::Reverted => self.stay(),
        }
    }

    /// As it was, with what was computed anew.
    fn stay(&self) -> Update {
        Update {
            id: self.pattern.id.clone(),
            state: self.pattern.state,
            influence: self.pattern.influence,
            confidence: self.confidence,
            score: self.score,
            log_e: self.pattern.trial_year.map(|_| self.log_e),
            begin_trial: false,
            baseline: self.pattern.baseline,
            reason: None,
        }
    }

    /// Ended.
    pub fn end(&self, state: State, reason: String) -> Update {
        Update { state, influence: 0.0, reason: Some(reason), ..self.stay() }
    }

    fn is_idle(&self) -> bool {
        self.pattern.idle_days >= IDLE_DAYS
    }

    fn candidate(&self, setting: &Setting<'_>) -> Update {
        if self.is_idle() {
            return self.end(State::Pruned, words::idle(self.pattern.idle_days));
        }
        if !setting.may_begin || self.pattern.signal_count < MIN_SIGNALS {
            return self.stay();
        }
        Update {
            state: State::Trial,
            influence: TRIAL_INFLUENCE,
            begin_trial: true,
            baseline: Some(setting.baseline),
            log_e: Some(0.0),
            reason: Some(words::trial_begins(self.pattern.signal_count)),
            ..self.stay()
        }
    }

    fn trial(&self, setting: &Setting<'_>) -> Update {
        let n = self.pattern.totals.n;
        if self.survives && self.log_e >= setting.threshold {
            return Update {
                state: State::Active,
                influence: setting.full_influence(),
                reason: Some(words::adopted(n, &self.evidence, self.confidence, setting.holdout)),
                ..self.stay()
            };
        }
        if self.confidence < PRUNE {
            return self.end(State::Pruned, words::given_up(n, &self.evidence, self.confidence));
        }
        if self.is_idle() {
            return self.end(State::Pruned, words::idle(self.pattern.idle_days));
        }
        if let Some((rival, cluster)) = setting.rival
            && rival.beats(&self.effect) >= SUPERSEDE
        {
            return self.end(State::Pruned, words::superseded(n, &self.evidence, self.confidence, cluster));
        }
        if self.pattern.trial_days.is_some_and(|days| days >= TRIAL_DAYS) {
            return self.end(State::Pruned, words::undecided(TRIAL_DAYS, n, &self.evidence, self.confidence));
        }
        self.stay()
    }

    fn adopted(&self, setting: &Setting<'_>) -> Update {
        if self.is_idle() {
            return self.end(State::Pruned, words::idle(self.pattern.idle_days));
        }
        let spent = self.pattern.state == State::Warmdown && self.pattern.influence <= 0.0;
        if self.confidence < PRUNE || (spent && self.confidence < DOUBT) {
            return self.end(State::Pruned, words::not_believed(&self.evidence, self.confidence));
        }
        if self.confidence < DOUBT {
            let influence = WARMDOWN.into_iter().find(|step| *step < self.pattern.influence - 1e-9).unwrap_or(0.0);
            let reason = Some(words::weaker(&self.evidence, self.confidence, influence));
            return Update { state: State::Warmdown, influence, reason, ..self.stay() };
        }
        let full = setting.full_influence();
        if self.pattern.state == State::Warmdown {
            let next = WARMDOWN.into_iter().rev().find(|step| *step > self.pattern.influence + 1e-9);
            let (state, influence) = next.map_or((State::Active, full), |step| (State::Warmdown, step));
            let reason = Some(words::stronger(&self.evidence, self.confidence, influence));
            return Update { state, influence, reason, ..self.stay() };
        }
        if (self.pattern.influence - full).abs() > 1e-9 {
            return Update { influence: full, reason: Some(words::holdout_changed(setting.holdout)), ..self.stay() };
        }
        self.stay()
    }
}

#[cfg(test)]
mod tests;
