use super::*;
use crate::learning::decide;

fn cluster(value: &str, n: i64, mean: f64) -> Cluster {
    Cluster {
        question_type: "how_to".into(),
        dimension: "format".into(),
        value: value.into(),
        n,
        people: 12,
        top_share: 0.2,
        reacted: n / 2,
        mean,
        variance: 0.1,
        rest_n: 200,
        rest_mean: Some(0.0),
        rest_variance: Some(0.1),
        cut_mean: None,
        cut_variance: None,
        rest_cut_mean: None,
        rest_cut_variance: None,
    }
}

fn look(clusters: Vec<Cluster>) -> Look {
    Look { clusters, ..decide::tests::empty() }
}

fn values(look: &Look) -> Vec<String> {
    wanted(look, |_| false).into_iter().map(|w| w.value).collect()
}

/// By hand: noise 0.1/50 + 0.1/200 + 0.0009 = 0.0034, kept 0.01/0.0134, and four fifths of the answers would change.
#[test]
fn a_difference_is_shrunk() {
    let prior = promise(&cluster("table", 50, 0.1)).unwrap();
    let keep = 0.01 / 0.0134;
    assert!((prior.mean - keep * 0.1 * 0.8).abs() < 1e-12);
    assert!((prior.sd - (keep * 0.0034_f64).sqrt() * 0.8).abs() < 1e-12);
}

#[test]
fn where_signals_are_there_cut_they_are_compared_cut() {
    let cut = Cluster { cut_mean: Some(0.2), rest_cut_mean: Some(0.1), ..cluster("table", 50, -0.5) };
    assert!(promise(&cut).unwrap().mean > 0.05);
}

#[test]
fn without_a_rest_nothing_is_promised() {
    assert_eq!(promise(&Cluster { rest_mean: None, ..cluster("table", 50, 0.9) }), None);
    assert_eq!(
        promise(&Cluster { rest_n: 0, rest_mean: None, rest_variance: None, ..cluster("table", 50, 0.9) }),
        None
    );
}

#[test]
fn a_few_identical_signals_are_no_certainty() {
    let sure = Cluster { variance: 0.0, rest_variance: Some(0.0), ..cluster("table", 10, 0.05) };
    assert!(promise(&sure).unwrap().above(0.0) < 0.9);
}

#[test]
fn the_most_promising_of_each_slot_are_wanted_twelve_at_most() {
    let slot = look(vec![cluster("table", 50, 0.05), cluster("list", 50, 0.10), cluster("code", 50, 0.02)]);
    assert_eq!(values(&slot), ["list"]);
    let many =
        (0..14).map(|i| Cluster { question_type: i.to_string(), ..cluster("list", 50, 0.1 + 0.01 * f64::from(i)) });
    let types: Vec<String> = wanted(&look(many.collect()), |_| false).into_iter().map(|w| w.question_type).collect();
    assert_eq!(types, ["13", "12", "11", "10", "9", "8", "7", "6", "5", "4", "3", "2"]);
}

#[test]
fn too_few_signals_people_or_hope_are_not_tried() {
    assert!(values(&look(vec![cluster("table", 9, 0.5)])).is_empty());
    assert!(values(&look(vec![Cluster { people: 4, ..cluster("table", 50, 0.5) }])).is_empty());
    assert!(values(&look(vec![cluster("table", 50, 0.0)])).is_empty());
    assert_eq!(values(&look(vec![cluster("table", 10, 0.5)])), ["table"]);
    assert!(wanted(&look(vec![cluster("table", 50, 0.5)]), |_| true).is_empty());
}

#[test]
fn a_tool_is_a_preference_of_tools() {
    let tool = Cluster { dimension: "tool".into(), ..cluster("search_docs", 50, 0.2) };
    let wanted = wanted(&look(vec![tool]), |_| false);
    assert_eq!(wanted[0].pattern_type, "tool_preference");
    assert_eq!(wanted[0].signal_count, 50);
    assert_eq!(
        wanted[0].reason,
        "how_to questions, tool search_docs: 50 answers to 12 people had a mean reaction of 0.20, the other 200 of \
         this question type 0.00. Chance that it helps, before any trial: 99.8 %."
    );
}
