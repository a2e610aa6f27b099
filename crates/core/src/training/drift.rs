//! Whether the scores of late are other than those before.
//!
//! The population stability index says how far two histograms are apart, Σ (c − b) · ln(c / b) over the shares of their
//! bins (Jeffreys 1946; credit scoring's name for it). Of two samples of the same kind it is about (B − 1)(1/n + 1/m),
//! for it is a χ² of B − 1 degrees of freedom times (1/n + 1/m) (Yurdakul 2018): that is taken off. What is left says
//! how large a drift is, not how sure; beside it stands an exact test.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{exact, words};

/// Answers in each of the windows, below which nothing is said.
pub const MIN_ANSWERS: u64 = 50;
/// People in each of the windows from which they are compared, each once; below it answers are.
pub const MIN_PEOPLE: u64 = 20;
/// Larger samples are thinned to this size for the exact test.
pub const MAX_TESTED: u64 = 2_000;
/// An alert's chance where nothing has drifted is below this.
pub const LEVEL: f64 = 0.01;

/// No value is counted more often: what is summed stays within 64 bits.
const MOST: u64 = 1 << 40;

/// How often each value was seen, in hundredths of the metric's unit. Each value may come once or more often.
pub type Histogram = [(i64, u64)];

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// What people made of the answers: 0 to 1.
    FeedbackScore,
    /// What the judge gave them: 1 to 5.
    JudgeScore,
}

impl Metric {
    /// `feedback_score` or `judge_score`: the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::FeedbackScore => "feedback_score",
            Self::JudgeScore => "judge_score",
        }
    }

    /// What has this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::FeedbackScore, Self::JudgeScore].into_iter().find(|metric| metric.name() == name)
    }

    /// In hundredths.
    fn range(self) -> (i64, i64) {
        match self {
            Self::FeedbackScore => (0, 100),
            Self::JudgeScore => (100, 500),
        }
    }

    /// Tenths of the reactions' scale, half points of the judge's; the highest value is of the bin below it.
    fn bin(self, value: i64) -> i64 {
        match self {
            Self::FeedbackScore => (value / 10).min(9),
            Self::JudgeScore => ((value - 100) / 50).min(7),
        }
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The scores of a time.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// Each answer's.
    pub answers: &'a Histogram,
    /// Of each person one answer's, picked without looking at it. Not their means: those of a longer window scatter
    /// less, and the test would take that for a drift.
    pub people: &'a Histogram,
}

/// What the two windows say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// Of what.
    pub metric_type: Metric,
    /// Mean of the baseline's answers, in the metric's unit.
    pub baseline_value: f64,
    /// Mean of the current answers.
    pub current_value: f64,
    /// The index less its null mean; below 0 where the windows are more alike than chance makes them.
    pub drift_score: f64,
    /// It is as large as the threshold, and chance does that in less than 1 case in 100.
    pub alert: bool,
    /// What it comes of.
    pub details: Details,
}

/// What a drift comes of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Details {
    /// The population stability index, at least 0.
    pub psi: f64,
    /// Its mean where nothing has drifted.
    pub null_mean: f64,
    /// By how much the scores would have to be moved, in the metric's unit: the area between the two distribution
    /// functions (Wasserstein 1969; Vallender 1974).
    pub wasserstein: f64,
    /// Of the exact test, above 0 up to 1.
    pub p_value: f64,
    /// Whom the test compared.
    pub tested: Tested,
    /// The test took a proportional sample of at most [`MAX_TESTED`] a side.
    pub thinned: bool,
    /// Answers of the baseline.
    pub n_baseline: u64,
    /// Answers of late.
    pub n_current: u64,
    /// People of the baseline.
    pub people_baseline: u64,
    /// People of late.
    pub people_current: u64,
}

/// Whom the exact test compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tested {
    /// One answer of each person: one who votes much counts as much as one who does seldom. People who are in both
    /// windows make the test cautious.
    People,
    /// Answers, as if each were another person's, for there are too few people. Where few people say much they alarm
    /// more often than the level says (`crates/simulator/README.md` has figures).
    Answers,
}

/// Too few answers to say anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insufficient {
    /// Answers of the baseline.
    pub baseline: u64,
    /// Answers of late.
    pub current: u64,
}

/// How the current window differs from the baseline; an alert from a drift of `threshold` on.
///
/// # Errors
/// One of the windows has fewer than [`MIN_ANSWERS`].
pub fn drift(
    metric: Metric,
    baseline: &Window<'_>,
    current: &Window<'_>,
    threshold: f64,
) -> Result<Drift, Insufficient> {
    let answers = Table::of(metric, baseline.answers, current.answers);
    let (n, m) = answers.sizes();
    if n.min(m) < MIN_ANSWERS {
        return Err(Insufficient { baseline: n, current: m });
    }
    let people = Table::of(metric, baseline.people, current.people);
    let (people_baseline, people_current) = people.sizes();
    let by_people = people_baseline.min(people_current) >= MIN_PEOPLE;
    let (tested, compared) = if by_people { (Tested::People, &people) } else { (Tested::Answers, &answers) };
    let (p_value, thinned) = compared.p_value();
    let (psi, bins) = answers.index(metric);
    let null_mean = bins.saturating_sub(1) as f64 * (1.0 / n as f64 + 1.0 / m as f64);
    let drift_score = psi - null_mean;
    let (baseline_value, current_value) = answers.means();
    Ok(Drift {
        metric_type: metric,
        baseline_value,
        current_value,
        drift_score,
        alert: drift_score >= threshold && p_value < LEVEL,
        details: Details {
            psi,
            null_mean,
            wasserstein: answers.distance(),
            p_value,
            tested,
            thinned,
            n_baseline: n,
            n_current: m,
            people_baseline,
            people_current,
        },
    })
}

/// Each value with how often the baseline and the current window have it, in ascending order.
struct Table(BTreeMap<i64, (u64, u64)>);

impl Table {
    /// What lies outside the metric's range counts as its end.
    fn of(metric: Metric, baseline: &Histogram, current: &Histogram) -> Self {
        let (lowest, highest) = metric.range();
        let mut table = BTreeMap::<i64, (u64, u64)>::new();
        for (value, count) in baseline.iter().filter(|(_, count)| *count > 0) {
            let n = &mut table.entry((*value).clamp(lowest, highest)).or_default().0;
            *n = n.saturating_add(*count).min(MOST);
        }
        for (value, count) in current.iter().filter(|(_, count)| *count > 0) {
            let n = &mut table.entry((*value).clamp(lowest, highest)).or_default().1;
            *n = n.saturating_add(*count).min(MOST);
        }
        Self(table)
    }

    fn sizes(&self) -> (u64, u64) {
        self.0.values().fold((0, 0), |(n, m), (b, c)| (n + b, m + c))
    }

    fn means(&self) -> (f64, f64) {
        let sum = |(n, m): (f64, f64), (value, (b, c)): (&i64, &(u64, u64))| {
            (n + (*value * *b as i64) as f64, m + (*value * *c as i64) as f64)
        };
        let ((sum_n, sum_m), (n, m)) = (self.0.iter().fold((0.0, 0.0), sum), self.sizes());
        (sum_n / 100.0 / n as f64, sum_m / 100.0 / m as f64)
    }

    /// The index, and how many bins either window has something in; half an observation more in each of these keeps it
    /// finite.
    fn index(&self, metric: Metric) -> (f64, usize) {
        let mut bins = BTreeMap::<i64, (u64, u64)>::new();
        for (value, (b, c)) in &self.0 {
            let bin = bins.entry(metric.bin(*value)).or_default();
            *bin = (bin.0 + b, bin.1 + c);
        }
        let ((n, m), half) = (self.sizes(), 0.5 * bins.len() as f64);
        let share = |count: u64, of: u64| (count as f64 + 0.5) / (of as f64 + half);
        let of_bin = |(b, c): &(u64, u64)| {
            let (before, now) = (share(*b, n), share(*c, m));
            (now - before) * (now / before).ln()
        };
        (bins.values().map(of_bin).sum(), bins.len())
    }

    /// The area between the distribution functions, in the metric's unit.
    fn distance(&self) -> f64 {
        let ((n, m), mut seen, mut area) = (self.sizes(), (0, 0), 0.0);
        let next = self.0.keys().skip(1);
        for ((value, (b, c)), next) in self.0.iter().zip(next) {
            seen = (seen.0 + b, seen.1 + c);
            area += (seen.0 as f64 / n as f64 - seen.1 as f64 / m as f64).abs() * (next - value) as f64;
        }
        area / 100.0
    }

    /// Of the exact test; and whether it saw a sample.
    fn p_value(&self) -> (f64, bool) {
        let (n, m) = self.sizes();
        let thin = |seen: u64, of: u64| if of > MAX_TESTED { seen * MAX_TESTED / of } else { seen };
        let (mut seen, mut kept) = ((0, 0), (0, 0));
        let step = |(b, c): &(u64, u64)| {
            seen = (seen.0 + b, seen.1 + c);
            let upto = (thin(seen.0, n), thin(seen.1, m));
            let group = (upto.0 - kept.0, upto.1 - kept.1);
            kept = upto;
            group
        };
        let groups: Vec<(u64, u64)> = self.0.values().map(step).collect();
        (exact::p_value(&groups), n.max(m) > MAX_TESTED)
    }
}

/// What those that alert say, for the owner; empty where none does.
pub fn told(drifts: &[Drift]) -> String {
    words::drifted(drifts)
}

#[cfg(test)]
mod tests;
