//! What a learning run has decided.

use serde::Serialize;

use super::look::State;

/// What becomes of each pattern, what is worth trying, and what the owner is told.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// One for each pattern of the look, in its order.
    pub patterns: Vec<Update>,
    /// What to word as an instruction and try, most promising first; at most [`super::discovery::MOST_WANTED`], of which
    /// the first [`super::discovery::MOST_A_RUN`] that can be worded are.
    pub wanted: Vec<Wanted>,
    /// The share of thumbs up has fallen.
    pub crash: Option<Crash>,
    /// Thumbs up among those that the crash detector saw.
    pub votes_up: u64,
    /// Thumbs down among them.
    pub votes_down: u64,
    /// What the run has to say, for the owner.
    pub message: String,
}

/// A pattern after the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Update {
    /// Which.
    pub id: String,
    /// Where it stands now.
    pub state: State,
    /// Probability of being shown from now on, 0 to 1.
    pub influence: f64,
    /// Posterior probability that it beats doing without, 0 to 1.
    pub confidence: f64,
    /// Moving average of the signals where it was shown, −1 to 1.
    pub score: Option<f64>,
    /// Log e-value; what it was at adoption, from then on.
    pub log_e: Option<f64>,
    /// Its trial begins with this run.
    pub begin_trial: bool,
    /// The signal its answers are measured from, hundredths.
    pub baseline: Option<i16>,
    /// Why, for the owner; null where nothing happened that they must know of.
    pub reason: Option<String>,
}

/// A characteristic worth an instruction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wanted {
    /// The most fitting of the eight types of patterns.
    pub pattern_type: String,
    /// For which questions.
    pub question_type: String,
    /// What of the answer.
    pub dimension: String,
    /// Which one.
    pub value: String,
    /// How likely it is to help, before its trial, 0 to 1.
    pub confidence: f64,
    /// Mean of the effect expected.
    pub prior_mean: f64,
    /// Standard deviation of that.
    pub prior_sd: f64,
    /// Settled signals that it was found by.
    pub signal_count: i64,
    /// Why, for the owner.
    pub reason: String,
}

/// A fall of the share of thumbs up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Crash {
    /// Share before, 0 to 1.
    pub fell_from: f64,
    /// Share now, 0 to 1.
    pub fell_to: f64,
    /// Votes since it fell.
    pub votes: usize,
}
