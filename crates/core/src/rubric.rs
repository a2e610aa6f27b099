//! What answers are judged by.

use serde::{Deserialize, Serialize};

/// Lowest score of a criterion.
pub const MIN_SCORE: u8 = 1;
/// Highest score of a criterion.
pub const MAX_SCORE: u8 = 5;

/// One thing an answer is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// Its name in scores, unique in the rubric.
    pub key: String,
    /// What the judge is asked.
    pub description: String,
    /// Its share in the overall score, relative to the others'; finite and above 0.
    #[serde(default = "one")]
    pub weight: f64,
    /// What a score of 1, 2, 3, 4 and 5 looks like, in this order.
    pub anchors: [String; 5],
}

fn one() -> f64 {
    1.0
}

/// Criteria with distinct keys and usable weights; at least one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Criterion>", into = "Vec<Criterion>")]
pub struct Rubric(Vec<Criterion>);

/// Why a list of criteria is no rubric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRubric {
    /// The list is empty.
    #[error("a rubric needs at least one criterion")]
    Empty,
    /// Two criteria share a key.
    #[error("criterion `{0}` stands twice")]
    Duplicate(String),
    /// A weight is not a finite number above 0.
    #[error("criterion `{0}` has a weight that is not a finite number above 0")]
    Weight(String),
}

impl TryFrom<Vec<Criterion>> for Rubric {
    type Error = InvalidRubric;

    fn try_from(criteria: Vec<Criterion>) -> Result<Self, InvalidRubric> {
        if criteria.is_empty() {
            return Err(InvalidRubric::Empty);
        }
        for (i, criterion) in criteria.iter().enumerate() {
            if criteria.iter().take(i).any(|c| c.key == criterion.key) {
                return Err(InvalidRubric::Duplicate(criterion.key.clone()));
            }
            if !(criterion.weight.is_finite() && criterion.weight > 0.0) {
                return Err(InvalidRubric::Weight(criterion.key.clone()));
            }
        }
        Ok(Self(criteria))
    }
}

impl From<Rubric> for Vec<Criterion> {
    fn from(rubric: Rubric) -> Self {
        rubric.0
    }
}

impl Rubric {
    /// Its criteria, in the order given.
    pub fn criteria(&self) -> &[Criterion] {
        &self.0
    }

    /// The weight of all criteria together; above 0.
    pub fn total_weight(&self) -> f64 {
        self.0.iter().map(|c| c.weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(key: &str, weight: f64) -> Criterion {
        Criterion { key: key.into(), description: String::new(), weight, anchors: Default::default() }
    }

    #[test]
    fn a_rubric_refuses_what_cannot_be_averaged() {
        assert_eq!(Rubric::try_from(vec![]), Err(InvalidRubric::Empty));
        assert_eq!(
            Rubric::try_from(vec![criterion("a", 1.0), criterion("a", 2.0)]),
            Err(InvalidRubric::Duplicate("a".into()))
        );
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Rubric::try_from(vec![criterion("a", weight)]), Err(InvalidRubric::Weight("a".into())));
        }
    }

    #[test]
    fn a_stored_rubric_needs_five_anchors_and_weighs_one_by_default() {
        let stored = r#"[{"key":"depth","description":"?","anchors":["1","2","3","4","5"]}]"#;
        let rubric: Rubric = serde_json::from_str(stored).unwrap();
        assert_eq!(rubric.total_weight(), 1.0);
        assert!(serde_json::from_str::<Rubric>(r#"[{"key":"depth","description":"?","anchors":["1","2"]}]"#).is_err());
    }
}
