//! What a learning run looks at: everything it decides from, as the database sums it up.

use serde::Deserialize;

use super::evidence::Evidence;

/// The state of one assistant's learning. Shares, means and variances are on the signal's scale of [−1, 1].
#[derive(Debug, Clone, Deserialize)]
pub struct Look {
    /// Today, days since 1970-01-01.
    pub now_day: i64,
    /// The calendar year, whose budget of trials counts.
    pub year: i64,
    /// What the owner has set.
    pub settings: Settings,
    /// Persons with a settled answer in the last 90 days.
    pub people: i64,
    /// Answers settled in the last 90 days.
    pub answers: i64,
    /// Trials the organisation has begun this year, all of its assistants together.
    pub trials_this_year: i64,
    /// This year's trials of the organisation's other assistants.
    pub others: Vec<Other>,
    /// What could be tried.
    pub clusters: Vec<Cluster>,
    /// Candidates, and what is on trial, active or being warmed down.
    pub patterns: Vec<Pattern>,
    /// What was ended in the last 90 days.
    pub closed: Vec<Closed>,
    /// Thumbs, for the crash detector.
    pub votes: Votes,
}

/// Settings of learning.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Settings {
    /// Share of matching answers that an active pattern is held back from, 0.05 to 0.10.
    pub holdout: f64,
    /// The most that one person may weigh in a pattern, 0.05 to 1.
    pub cap: f64,
}

/// A trial of another assistant of the organisation.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Other {
    /// Its log e-value.
    pub log_e: f64,
    /// It was adopted.
    #[serde(default)]
    pub adopted: bool,
}

/// Settled answers of the last 90 days that share a characteristic, beside the rest of their question type. Answers to
/// which a pattern of the same dimension was shown are left out.
#[derive(Debug, Clone, Deserialize)]
pub struct Cluster {
    /// What was asked for.
    pub question_type: String,
    /// `format`, `length` or `tool`.
    pub dimension: String,
    /// Which one.
    pub value: String,
    /// Answers.
    pub n: i64,
    /// Persons who got them.
    pub people: i64,
    /// Share of `n` that went to the most active of them.
    pub top_share: f64,
    /// Answers with any reaction.
    pub reacted: i64,
    /// Mean signal.
    pub mean: f64,
    /// Its variance over the answers.
    pub variance: f64,
    /// The same of the rest.
    pub rest_n: i64,
    /// The same of the rest; null without any.
    #[serde(default)]
    pub rest_mean: Option<f64>,
    /// The same of the rest; null without any.
    #[serde(default)]
    pub rest_variance: Option<f64>,
    /// Mean and variance once more, of signals cut to ±0.3 (`discovery::CUT`); where null the plain ones are used.
    #[serde(default)]
    pub cut_mean: Option<f64>,
    /// See `cut_mean`.
    #[serde(default)]
    pub cut_variance: Option<f64>,
    /// See `cut_mean`; of the rest.
    #[serde(default)]
    pub rest_cut_mean: Option<f64>,
    /// See `cut_mean`; of the rest.
    #[serde(default)]
    pub rest_cut_variance: Option<f64>,
}

/// Where a pattern stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Worded; not shown yet.
    Candidate,
    /// Shown by a fair coin.
    Trial,
    /// Adopted.
    Active,
    /// Shown less and less.
    Warmdown,
    /// Ended: it did not help, or nobody needed it.
    Pruned,
    /// Ended by a crash.
    Reverted,
}

/// A candidate, or a live pattern.
#[derive(Debug, Clone, Deserialize)]
pub struct Pattern {
    /// Its id.
    pub id: String,
    /// For which questions.
    pub question_type: String,
    /// What of the answer it is about.
    pub dimension: String,
    /// What it asks for.
    pub value: String,
    /// candidate, trial, active or warmdown.
    pub state: State,
    /// Probability of being shown, 0 to 1.
    pub influence: f64,
    /// As last decided, 0 to 1.
    pub confidence: f64,
    /// As last computed.
    #[serde(default)]
    pub score: Option<f64>,
    /// The signal its answers are measured from, hundredths; fixed when the trial begins.
    #[serde(default)]
    pub baseline: Option<i16>,
    /// Mean of the effect expected when it was found.
    pub prior_mean: f64,
    /// Standard deviation of that.
    pub prior_sd: f64,
    /// As last computed; frozen at adoption.
    #[serde(default)]
    pub log_e: Option<f64>,
    /// The year whose budget its trial came from.
    #[serde(default)]
    pub trial_year: Option<i64>,
    /// Settled signals it rests on.
    pub signal_count: i64,
    /// Days since it was last shown, or since it was found.
    pub idle_days: f64,
    /// Days since its trial began; null before.
    #[serde(default)]
    pub trial_days: Option<f64>,
    /// Days since it was adopted.
    #[serde(default)]
    pub days_active: Option<f64>,
    /// What coins have told about it, over all persons.
    pub totals: Evidence,
    /// Persons in `totals`.
    pub people: i64,
    /// The most active of them, most answers first.
    pub top: Vec<Evidence>,
    /// Those of them whose evidence speaks most for it: the up to three of the largest summed `wealth`, largest first,
    /// of all that was ever settled. They may be in `top` too.
    #[serde(default)]
    pub winners: Vec<Evidence>,
    /// Up to 200 last signals of answers it was shown to, oldest first, hundredths.
    #[serde(default)]
    pub recent: Vec<i16>,
}

/// What was ended.
#[derive(Debug, Clone, Deserialize)]
pub struct Closed {
    /// For which questions.
    pub question_type: String,
    /// What of the answer it was about.
    pub dimension: String,
    /// What it asked for.
    pub value: String,
    /// How long ago.
    pub days_ago: f64,
    /// A person took it back.
    #[serde(default)]
    pub by_person: bool,
}

/// Thumbs on this assistant's answers.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Votes {
    /// Days since the earliest activation of the last 14 days; null without one.
    #[serde(default)]
    pub watched_days: Option<f64>,
    /// Thumbs up on earlier answers: of the newest 500, each person's newest up to the cap (see `since`).
    pub before_up: u64,
    /// Thumbs on earlier answers, the same.
    pub before_n: u64,
    /// Thumbs since, oldest first: a `1` for each up, a `0` for each down. Of the newest 5,000 those n that are each
    /// person's newest max(3, ⌈cap · 5,000 or as many as there are⌉): one person can neither feign a crash nor hide it.
    pub since: String,
    /// Patterns activated within the watch.
    #[serde(default)]
    pub recent_pattern_ids: Vec<String>,
}
