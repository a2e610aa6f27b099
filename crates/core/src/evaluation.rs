//! From what a judge says to a score: evidence is checked, and the overall score is computed here.

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    conversation::Exchange,
    evidence,
    rubric::{MAX_SCORE, MIN_SCORE, Rubric},
};

/// Share of the rubric's weight that must rest on valid scores for a judgement to count, 0 to 1.
pub const MIN_VALID_SHARE: f64 = 0.6;

/// Something for each criterion, in the rubric's order; written as a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct ByCriterion<T>(Vec<(String, T)>);

impl<T> ByCriterion<T> {
    /// What there is for a criterion.
    pub fn get(&self, criterion: &str) -> Option<&T> {
        self.iter().find(|(key, _)| *key == criterion).map(|(_, value)| value)
    }

    /// All of it, with the criteria's keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

impl<T: Serialize> Serialize for ByCriterion<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// One score as the judge gave it; nothing about it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedScore {
    /// Key of a criterion.
    pub criterion: String,
    /// Should be 1 to 5.
    pub score: i64,
    /// Should be a quote from the exchange.
    pub evidence: String,
}

/// One score after the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedScore {
    /// As claimed.
    pub score: i64,
    /// As claimed.
    pub evidence: String,
    /// In range, and the evidence stands in the exchange.
    pub valid: bool,
}

/// A judgement of one answer after the check.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// By criterion, valid or not; criteria the judge left out are missing.
    pub scores: ByCriterion<CheckedScore>,
    /// Weighted mean of the valid scores, 1 to 5; `None` when they carry less than [`MIN_VALID_SHARE`] of the weight,
    /// and the judgement is to be asked for again or discarded.
    pub overall: Option<f64>,
}

/// Checks a judge's scores of one exchange against it and averages what holds.
///
/// The first score of a criterion counts, later ones and unknown criteria do not.
pub fn evaluate(claimed: &[ClaimedScore], exchange: &Exchange, rubric: &Rubric) -> Evaluation {
    let mut scores = Vec::new();
    let (mut weighted, mut weight) = (0.0, 0.0);
    for criterion in rubric.criteria() {
        let Some(claim) = claimed.iter().find(|c| c.criterion == criterion.key) else { continue };
        let in_range = (i64::from(MIN_SCORE)..=i64::from(MAX_SCORE)).contains(&claim.score);
        let valid = in_range && evidence::occurs(&claim.evidence, exchange);
        if valid {
            weighted += criterion.weight * claim.score as f64;
            weight += criterion.weight;
        }
        let checked = CheckedScore { score: claim.score, evidence: claim.evidence.clone(), valid };
        scores.push((criterion.key.clone(), checked));
    }
    let enough = weight > 0.0 && weight >= MIN_VALID_SHARE * rubric.total_weight() * (1.0 - f64::EPSILON * 16.0);
    Evaluation { scores: ByCriterion(scores), overall: enough.then(|| clamp_score(weighted / weight)) }
}

/// Means over the answers of a reflection.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Mean of the overall scores, 1 to 5; `None` when no judgement counted.
    pub overall: Option<f64>,
    /// Mean of the valid scores by criterion, 1 to 5.
    pub criteria: ByCriterion<f64>,
    /// Judgements that counted.
    pub evaluated: usize,
    /// Judgements that did not.
    pub discarded: usize,
}

/// Averages evaluations; discarded ones are counted and enter no mean.
pub fn summarize<'a>(evaluations: impl IntoIterator<Item = &'a Evaluation>) -> Summary {
    let mut overall = Mean::default();
    let mut criteria: Vec<(String, Mean)> = Vec::new();
    let mut discarded = 0;
    for evaluation in evaluations {
        let Some(score) = evaluation.overall else {
            discarded += 1;
            continue;
        };
        overall.add(score);
        for (key, checked) in evaluation.scores.iter().filter(|(_, s)| s.valid) {
            match criteria.iter_mut().find(|(other, _)| other == key) {
                Some((_, mean)) => mean.add(checked.score as f64),
                None => criteria.push((key.to_owned(), Mean { sum: checked.score as f64, count: 1 })),
            }
        }
    }
    Summary {
        overall: overall.value(),
        criteria: ByCriterion(criteria.into_iter().filter_map(|(key, mean)| Some((key, mean.value()?))).collect()),
        evaluated: overall.count,
        discarded,
    }
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, x: f64) {
        self.sum += x;
        self.count += 1;
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| clamp_score(self.sum / self.count as f64))
    }
}

/// A mean of scores is a score; rounding in the last place may say otherwise.
fn clamp_score(x: f64) -> f64 {
    x.clamp(f64::from(MIN_SCORE), f64::from(MAX_SCORE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rubric::Criterion;
    use proptest::prelude::*;

    fn rubric(weights: &[f64]) -> Rubric {
        let criteria = weights.iter().enumerate().map(|(i, &weight)| Criterion {
            key: format!("c{i}"),
            description: String::new(),
            weight,
            anchors: Default::default(),
        });
        Rubric::try_from(criteria.collect::<Vec<_>>()).unwrap()
    }

    fn exchange() -> Exchange {
        Exchange { user_message: "How long do I boil an egg?".into(), answer: "Eight minutes in boiling water.".into() }
    }

    fn claim(criterion: usize, score: i64, evidence: &str) -> ClaimedScore {
        ClaimedScore { criterion: format!("c{criterion}"), score, evidence: evidence.into() }
    }

    const QUOTE: &str = "eight minutes";

    #[test]
    fn the_overall_score_is_the_weighted_mean() {
        let e = evaluate(&[claim(0, 5, QUOTE), claim(1, 2, QUOTE)], &exchange(), &rubric(&[3.0, 1.0]));
        assert_eq!(e.overall, Some(4.25));
    }

    #[test]
    fn invented_evidence_voids_its_score() {
        let e = evaluate(
            &[claim(0, 5, "ten minutes exactly"), claim(1, 2, QUOTE), claim(2, 2, QUOTE)],
            &exchange(),
            &rubric(&[1.0; 3]),
        );
        assert!(!e.scores.get("c0").unwrap().valid);
        assert_eq!(e.overall, Some(2.0));
    }

    #[test]
    fn scores_off_the_scale_are_void() {
        for score in [0, 6, -3, i64::MAX] {
            assert_eq!(evaluate(&[claim(0, score, QUOTE)], &exchange(), &rubric(&[1.0])).overall, None);
        }
    }

    #[test]
    fn too_few_valid_scores_are_no_judgement() {
        let two_of_five = [claim(0, 5, QUOTE), claim(1, 5, QUOTE)];
        assert_eq!(evaluate(&two_of_five, &exchange(), &rubric(&[1.0; 5])).overall, None);
        let three_of_five = [claim(0, 5, QUOTE), claim(1, 5, QUOTE), claim(4, 5, QUOTE)];
        assert_eq!(evaluate(&three_of_five, &exchange(), &rubric(&[1.0; 5])).overall, Some(5.0));
    }

    #[test]
    fn unknown_and_repeated_criteria_do_not_count() {
        let e = evaluate(&[claim(7, 1, QUOTE), claim(0, 4, QUOTE), claim(0, 1, QUOTE)], &exchange(), &rubric(&[1.0]));
        assert_eq!(e.overall, Some(4.0));
    }

    #[test]
    fn a_discarded_judgement_enters_no_mean() {
        let good = evaluate(&[claim(0, 4, QUOTE)], &exchange(), &rubric(&[1.0]));
        let void = evaluate(&[claim(0, 1, "not there at all")], &exchange(), &rubric(&[1.0]));
        let summary = summarize([&good, &void]);
        assert_eq!(summary.overall, Some(4.0));
        assert_eq!((summary.evaluated, summary.discarded), (1, 1));
        assert_eq!(summary.criteria.get("c0"), Some(&4.0));
        assert_eq!(serde_json::to_string(&summary.criteria).unwrap(), r#"{"c0":4.0}"#);
        assert_eq!(summarize([&void]).overall, None);
    }

    proptest! {
        #[test]
        fn the_overall_score_lies_between_the_valid_ones(
            claims in prop::collection::vec((-2i64..9, any::<bool>()), 1..8),
            weights in prop::collection::vec(0.001f64..1000.0, 8)
        ) {
            let claims: Vec<_> = claims.iter().enumerate()
                .map(|(i, &(score, honest))| claim(i, score, if honest { QUOTE } else { "invented quote" }))
                .collect();
            let e = evaluate(&claims, &exchange(), &rubric(&weights));
            let valid: Vec<_> = e.scores.iter().filter(|(_, s)| s.valid).map(|(_, s)| s.score as f64).collect();
            if let Some(overall) = e.overall {
                let low = valid.iter().copied().fold(f64::INFINITY, f64::min);
                let high = valid.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(low - 1e-9 <= overall && overall <= high + 1e-9);
                prop_assert!((1.0..=5.0).contains(&overall));
            }
        }

        #[test]
        fn the_order_of_claims_does_not_matter(scores in prop::collection::vec(1i64..6, 5), swap in 0usize..5) {
            let mut claims: Vec<_> = scores.iter().enumerate().map(|(i, &s)| claim(i, s, QUOTE)).collect();
            let before = evaluate(&claims, &exchange(), &rubric(&[1.0; 5]));
            claims.rotate_left(swap);
            prop_assert_eq!(before, evaluate(&claims, &exchange(), &rubric(&[1.0; 5])));
        }
    }
}
