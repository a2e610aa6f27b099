use proptest::prelude::*;

use super::*;

fn of(baseline: &Histogram, current: &Histogram) -> Result<Drift, Insufficient> {
    let window = |answers| Window { answers, people: &[] };
    drift(Metric::FeedbackScore, &window(baseline), &window(current), 0.3)
}

#[test]
fn the_index_is_the_one_computed_by_hand() {
    let drift = of(&[(0, 20), (100, 80)], &[(0, 50), (100, 50)]).unwrap();
    // Shares with half an observation more: 20.5/101, 80.5/101 against 50.5/101 twice.
    let psi = 30.0 / 101.0 * (80.5_f64 / 20.5).ln();
    let details = &drift.details;
    assert!((details.psi - psi).abs() < 1e-12 && (details.psi - 0.406_287).abs() < 1e-6, "{}", details.psi);
    assert!((details.null_mean - 0.02).abs() < 1e-15);
    assert!((drift.drift_score - (psi - 0.02)).abs() < 1e-12);
    assert!((details.wasserstein - 0.3).abs() < 1e-12);
    assert!((drift.baseline_value - 0.8).abs() < 1e-12 && (drift.current_value - 0.5).abs() < 1e-12);
    // Two values: Fisher's exact test, by the distance; 7.2e-6 one-sided, about twice that both.
    assert!(details.p_value > 7e-6 && details.p_value < 3e-5, "{}", details.p_value);
    assert!(drift.alert);
    assert_eq!((details.tested, details.thinned), (Tested::Answers, false));
}

#[test]
fn an_alert_needs_both_size_and_certainty() {
    // Surely other, but not by much.
    let small = of(&[(0, 2_000), (100, 8_000)], &[(0, 2_600), (100, 7_400)]).unwrap();
    assert!(small.details.p_value < 1e-4 && !small.alert && small.drift_score < 0.03);
    // By much, and perhaps by chance: a person each, of whom there are few.
    let spread: Vec<_> = (0..20).map(|i| (5 * i, 1)).collect();
    let (before, now) = ([(0, 20), (100, 80)], [(0, 50), (100, 50)]);
    let window = |answers, people| Window { answers, people };
    let of_people = drift(Metric::FeedbackScore, &window(&before, &spread), &window(&now, &spread), 0.3).unwrap();
    assert!(of_people.drift_score > 0.3 && of_people.details.p_value == 1.0 && !of_people.alert);
    assert_eq!(of_people.details.tested, Tested::People);
    let fewer = drift(Metric::FeedbackScore, &window(&before, &spread[1..]), &window(&now, &spread), 0.3).unwrap();
    assert_eq!((fewer.details.tested, fewer.alert), (Tested::Answers, true));
    let threshold = |threshold| {
        let plain = window(&before, &[]);
        drift(Metric::FeedbackScore, &plain, &window(&now, &[]), threshold).unwrap().alert
    };
    assert!(threshold(0.38) && !threshold(0.39) && !threshold(f64::NAN));
}

#[test]
fn too_few_answers_say_nothing() {
    assert_eq!(of(&[(50, 49)], &[(50, 500)]), Err(Insufficient { baseline: 49, current: 500 }));
    assert_eq!(of(&[(50, 500)], &[]), Err(Insufficient { baseline: 500, current: 0 }));
    assert!(of(&[(50, 50)], &[(50, 50)]).is_ok());
}

#[test]
fn large_samples_are_thinned_alike() {
    let (before, now) = ([(0, 20_000), (100, 80_000)], [(0, 500), (100, 500)]);
    let drift = of(&before, &now).unwrap();
    assert!(drift.details.thinned && drift.alert);
    let thinned = of(&[(0, 400), (100, 1_600)], &now).unwrap();
    assert_eq!(thinned.details.p_value, drift.details.p_value);
    assert!(!thinned.details.thinned);
    let extreme = of(&[(i64::MIN, u64::MAX), (i64::MAX, u64::MAX)], &[(0, u64::MAX), (3, 1)]).unwrap();
    assert!(extreme.details.thinned && extreme.details.p_value > 0.0 && extreme.current_value < 1e-9);
}

#[test]
fn the_judges_scale_is_its_own() {
    let window = |answers| Window { answers, people: &[] };
    let (before, now) = ([(420, 100), (480, 100)], [(320, 100), (380, 100)]);
    let drift = drift(Metric::JudgeScore, &window(&before), &window(&now), 0.3).unwrap();
    assert!((drift.baseline_value - 4.5).abs() < 1e-12 && (drift.current_value - 3.5).abs() < 1e-12);
    assert!((drift.details.wasserstein - 1.0).abs() < 1e-12 && drift.alert);
    let told = told(&[drift]);
    assert!(
        told.starts_with("The mean of the judge's scores (1 to 5) fell from 4.50 to 3.50: 200 answers before"),
        "{told}"
    );
    let quiet = of(&[(50, 100)], &[(50, 100)]).unwrap();
    assert_eq!((quiet.details.psi, quiet.drift_score, quiet.details.p_value), (0.0, 0.0, 1.0));
    assert_eq!(super::told(&[quiet]), "");
}

#[test]
fn it_is_written_as_the_table_keeps_it() {
    let drift = of(&[(0, 20), (100, 80)], &[(0, 50), (100, 50)]).unwrap();
    let written = serde_json::to_value(&drift).unwrap();
    assert_eq!(written["metric_type"], "feedback_score");
    assert_eq!(written["alert"], true);
    assert_eq!(written["details"]["tested"], "answers");
    assert_eq!(Metric::named("judge_score"), Some(Metric::JudgeScore));
    assert_eq!(Metric::named("score"), None);
}

fn histogram() -> impl Strategy<Value = Vec<(i64, u64)>> {
    prop::collection::vec((-5_i64..110, 0_u64..60), 3..12)
}

proptest! {
    #[test]
    fn both_ways_are_the_same_drift(before in histogram(), now in histogram()) {
        let (Ok(there), Ok(back)) = (of(&before, &now), of(&now, &before)) else { return Ok(()) };
        prop_assert!(there.details.psi >= 0.0 && there.details.psi.is_finite());
        prop_assert!((there.details.psi - back.details.psi).abs() < 1e-9);
        prop_assert!((there.details.p_value - back.details.p_value).abs() < 1e-9 * there.details.p_value);
        prop_assert!((there.details.wasserstein - back.details.wasserstein).abs() < 1e-9);
        let moved = (there.baseline_value - there.current_value).abs();
        prop_assert!(there.details.wasserstein <= 1.0 && moved <= there.details.wasserstein + 1e-9);
    }

    #[test]
    fn order_and_splitting_count_nothing(before in histogram(), now in histogram()) {
        let Ok(drift) = of(&before, &now) else { return Ok(()) };
        let mut split: Vec<_> = before.iter().flat_map(|(value, n)| [(*value, n / 2), (*value, n - n / 2)]).collect();
        split.reverse();
        prop_assert_eq!(of(&split, &now), Ok(drift));
    }
}
