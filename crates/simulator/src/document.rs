//! The document's rule, for comparison: what its text and code say, on the same worlds.

use crate::world::{FORMATS, QUESTION_TYPES};

const MIN_SIGNALS: u32 = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Score {
    score: f64,
    used: u32,
}

impl Score {
    /// Its moving average, correction fed back and cautious half-step included.
    fn update(&mut self, signal: f64) {
        let alpha = if self.used < 30 { 0.15 - 0.10 * f64::from(self.used) / 30.0 } else { 0.05 };
        let raw = alpha * signal + (1.0 - alpha) * self.score;
        let debiased = raw / (1.0 - (1.0 - alpha).powi(self.used as i32 + 1));
        let contradicts = signal.signum() != self.score.signum() && self.used > 5;
        self.score = if contradicts { self.score + 0.5 * (debiased - self.score) } else { debiased };
        self.used += 1;
    }
}

/// One organisation's learning by the document's rule.
pub struct Document {
    scores: [Score; QUESTION_TYPES * FORMATS],
    sum: f64,
    n: u32,
    best: [Option<usize>; QUESTION_TYPES],
    /// (question, format) of every pattern that was ever shown.
    pub adopted: Vec<(usize, usize)>,
}

impl Document {
    pub fn new() -> Self {
        Self {
            scores: [Score::default(); QUESTION_TYPES * FORMATS],
            sum: 0.0,
            n: 0,
            best: [None; QUESTION_TYPES],
            adopted: Vec::new(),
        }
    }

    /// The format that is shown for a question.
    pub fn shown(&self, question: usize) -> Option<usize> {
        self.best[question]
    }

    /// An answer that had a reaction; `signal` in hundredths.
    pub fn store(&mut self, question: usize, format: usize, signal: i16) {
        let signal = f64::from(signal) / 100.0;
        self.scores[question * FORMATS + format].update(signal);
        self.sum += signal;
        self.n += 1;
    }

    /// A learning run.
    pub fn run(&mut self) {
        let baseline = if self.n > 0 { self.sum / f64::from(self.n) } else { 0.0 };
        for question in 0..QUESTION_TYPES {
            let score = |format: &usize| self.scores[question * FORMATS + format];
            let beats = (0..FORMATS).filter(|f| score(f).used >= MIN_SIGNALS && score(f).score > baseline);
            self.best[question] = beats.max_by(|a, b| score(a).score.total_cmp(&score(b).score));
            if let Some(format) = self.best[question]
                && !self.adopted.contains(&(question, format))
            {
                self.adopted.push((question, format));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A constant +1 gives 1.0, 3.68, 8.87, … as its code does.
    #[test]
    fn it_is_the_documents_average() {
        let mut score = Score::default();
        let mut seen = Vec::new();
        for _ in 0..3 {
            score.update(1.0);
            seen.push((score.score * 100.0).round() / 100.0);
        }
        assert_eq!(seen, [1.0, 3.68, 8.87]);
    }
}
