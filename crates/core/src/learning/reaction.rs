//! What one answer was worth, by how its person reacted.

use serde::Deserialize;

/// An explicit yes or no counts this much, in hundredths of the signal's scale.
const THUMB: i32 = 100;
/// Text copied from the answer.
const COPIED: i32 = 30;
/// The next message came within 30 s: the answer left something open.
const FOLLOWED_UP: i32 = -20;
/// Long reading of a short answer: it was not clear.
const DWELLED: i32 = -10;
/// Reading counts from more than this many seconds …
const LONG_DWELL_SECONDS: f64 = 60.0;
/// … on an answer of fewer characters than this.
const SHORT_ANSWER: i64 = 400;

/// A thumb, up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thumb {
    /// Yes.
    Up,
    /// No.
    Down,
}

/// What one person did about one answer, as it stands now. `Default` is silence.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Reactions {
    /// The thumb that stands, if any.
    pub thumb: Option<Thumb>,
    /// They copied from it.
    pub copied: bool,
    /// Their next message came within 30 s.
    pub followed_up: bool,
    /// How long they read, if known.
    pub dwell_seconds: Option<f64>,
    /// Their own rating, 0 to 1.
    pub rating: Option<f64>,
}

/// The signal of one answer in hundredths, −100 to 100: the sum of what was done, cut to that range.
///
/// Weights: thumb ±1, copy +0.3, follow-up within 30 s −0.2, over 60 s on an answer under 400 characters −0.1, a
/// rating r in [0, 1] counts 2r − 1. `answer_characters` is the answer's length; unknown, reading says nothing.
/// Silence is 0: it is information, not absence.
pub fn settle(reactions: &Reactions, answer_characters: Option<i64>) -> i16 {
    let thumb = match reactions.thumb {
        Some(Thumb::Up) => THUMB,
        Some(Thumb::Down) => -THUMB,
        None => 0,
    };
    let copied = if reactions.copied { COPIED } else { 0 };
    let followed_up = if reactions.followed_up { FOLLOWED_UP } else { 0 };
    let short = answer_characters.is_some_and(|characters| characters < SHORT_ANSWER);
    let long = reactions.dwell_seconds.is_some_and(|seconds| seconds > LONG_DWELL_SECONDS);
    let dwelled = if short && long { DWELLED } else { 0 };
    // A cast of NaN is 0: silence.
    let rated = reactions.rating.map_or(0, |r| (100.0 * (2.0 * r.clamp(0.0, 1.0) - 1.0)).round() as i32);
    (thumb + copied + followed_up + dwelled + rated).clamp(-100, 100) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn silence() -> Reactions {
        Reactions::default()
    }

    #[test]
    fn each_reaction_has_its_weight() {
        let up = Reactions { thumb: Some(Thumb::Up), ..silence() };
        let down = Reactions { thumb: Some(Thumb::Down), ..silence() };
        let copied = Reactions { copied: true, ..silence() };
        let followed_up = Reactions { followed_up: true, ..silence() };
        let dwelled = Reactions { dwell_seconds: Some(60.1), ..silence() };
        for (reactions, worth) in
            [(silence(), 0), (up, 100), (down, -100), (copied, 30), (followed_up, -20), (dwelled, -10)]
        {
            assert_eq!(settle(&reactions, Some(399)), worth, "{reactions:?}");
        }
    }

    #[test]
    fn reading_counts_when_it_was_long_and_the_answer_short() {
        let read = |seconds| Reactions { dwell_seconds: Some(seconds), ..silence() };
        assert_eq!(settle(&read(60.0), Some(399)), 0);
        assert_eq!(settle(&read(61.0), Some(400)), 0);
        assert_eq!(settle(&read(61.0), None), 0);
        assert_eq!(settle(&read(f64::NAN), Some(10)), 0);
    }

    #[test]
    fn a_rating_is_stretched_to_both_sides() {
        let rated = |r| settle(&Reactions { rating: Some(r), ..silence() }, None);
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0, 7.0, f64::NAN].map(rated), [-100, -50, 0, 50, 100, 100, 0]);
    }

    #[test]
    fn the_sum_is_cut() {
        let delighted = Reactions { thumb: Some(Thumb::Up), copied: true, rating: Some(1.0), ..silence() };
        assert_eq!(settle(&delighted, None), 100);
        let torn = Reactions { thumb: Some(Thumb::Down), copied: true, ..silence() };
        assert_eq!(settle(&torn, None), -70);
    }

    #[test]
    fn it_is_read_as_the_database_writes_it() {
        let row = r#"{"thumb":"up","copied":true,"followed_up":false,"dwell_seconds":null,"rating":0.5}"#;
        let reactions: Reactions = serde_json::from_str(row).unwrap();
        assert_eq!(settle(&reactions, None), 100);
    }

    proptest! {
        #[test]
        fn any_reaction_gives_a_signal(
            thumb in prop::option::of(prop_oneof![Just(Thumb::Up), Just(Thumb::Down)]),
            copied: bool, followed_up: bool,
            dwell_seconds in prop::option::of(any::<f64>()), rating in prop::option::of(any::<f64>()),
            characters in prop::option::of(any::<i64>()),
        ) {
            let signal = settle(&Reactions { thumb, copied, followed_up, dwell_seconds, rating }, characters);
            prop_assert!((-100..=100).contains(&signal));
        }
    }
}
