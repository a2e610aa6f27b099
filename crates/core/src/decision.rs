//! What an overall score calls for.

use serde::{Deserialize, Serialize};

/// Below which score what happens, on the scale of 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Below it the prompt is rewritten.
    pub auto_update: f64,
    /// Below it a person gets a suggestion.
    pub suggestion: f64,
    /// Below it the reflection is only logged; from it on nothing is called for.
    pub acceptable: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { auto_update: 2.5, suggestion: 3.5, acceptable: 4.0 }
    }
}

/// What a reflection calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Write a better prompt, which then has to prove itself.
    PromptUpdate,
    /// Leave a suggestion for a person.
    Suggestion,
    /// Keep the log row.
    LogOnly,
    /// All is well.
    None,
}

/// The action for a mean overall score. Without one (no judgement counted) there is nothing to act on: it is logged.
pub fn decide(overall: Option<f64>, thresholds: &Thresholds) -> Action {
    match overall {
        None => Action::LogOnly,
        Some(x) if x < thresholds.auto_update => Action::PromptUpdate,
        Some(x) if x < thresholds.suggestion => Action::Suggestion,
        Some(x) if x < thresholds.acceptable => Action::LogOnly,
        Some(_) => Action::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_defaults_are_the_ladder_of_the_design() {
        let t = Thresholds::default();
        let ladder = [
            (1.0, Action::PromptUpdate),
            (2.4999, Action::PromptUpdate),
            (2.5, Action::Suggestion),
            (3.4999, Action::Suggestion),
            (3.5, Action::LogOnly),
            (3.9999, Action::LogOnly),
            (4.0, Action::None),
            (5.0, Action::None),
        ];
        for (score, action) in ladder {
            assert_eq!(decide(Some(score), &t), action, "at {score}");
        }
        assert_eq!(decide(None, &t), Action::LogOnly);
    }

    proptest! {
        #[test]
        fn a_better_score_never_calls_for_more(a in 1.0f64..5.0, b in 1.0f64..5.0) {
            let t = Thresholds::default();
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(decide(Some(low), &t) <= decide(Some(high), &t));
        }
    }
}
