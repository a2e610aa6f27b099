//! Which learned patterns a turn is told: those that apply, as many as fit, each by a coin of its own.
//!
//! A coin decides whether a pattern that applies is shown or held back; only by comparing the two can anybody tell
//! whether it helps. So it has to be a fair coin of a known chance, and depend on nothing but the turn and the pattern:
//! not on who asks, nor on the other patterns or their coins. It is drawn by hashing the two ids; the same turn tried
//! again has the same coins.

use std::cmp::Ordering;

use crate::tokens;

/// The most that learned instructions may cost, in estimated tokens ([`tokens::estimate`]), all shown.
pub const BUDGET_TOKENS: usize = 500;

/// What stands before the instructions.
const HEADING: &str = "What people who asked here before found helpful:";
/// And before each of them.
const BULLET: &str = "\n- ";

/// A live pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pattern<'a> {
    /// Its id.
    pub id: u128,
    /// The kind of question it is for.
    pub question_type: &'a str,
    /// The data it is for; any without.
    pub data_source: Option<&'a str>,
    /// What the model is told.
    pub instruction: &'a str,
    /// The probability that it beats doing without, in [0, 1].
    pub confidence: f64,
    /// The chance that it is shown, in [0, 1]. One of zero is not live.
    pub influence: f64,
}

/// A pattern that applied to a turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposure {
    /// Its id.
    pub pattern_id: u128,
    /// Whether the model was told, or it was held back.
    pub shown: bool,
    /// The chance of being shown that the coin had, in (0, 1].
    pub propensity: f64,
}

/// What a turn is told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// The patterns that applied, best first.
    pub exposures: Vec<Exposure>,
    /// What the model is told, to stand after the prompt; `None` where nothing is shown.
    pub instructions: Option<String>,
}

/// Chooses for a turn. A pattern applies when it is for this kind of question and, if it names a data source, for this
/// one. Those for the data source come before those for any, then those of higher confidence; what no longer fits into
/// [`BUDGET_TOKENS`] as if all before it were shown does not apply, whatever the coins say.
pub fn select<'a>(
    turn_id: u128,
    question_type: &str,
    data_source: Option<&str>,
    patterns: impl IntoIterator<Item = Pattern<'a>>,
) -> Selection {
    let applies = |pattern: &Pattern<'_>| {
        pattern.question_type == question_type
            && pattern.data_source.is_none_or(|named| data_source == Some(named))
            && pattern.influence > 0.0
    };
    // (Put in one by one: they are few, and the sort of the standard library weighs 4 KB of wasm.)
    let mut applying: Vec<Pattern<'a>> = Vec::new();
    for pattern in patterns.into_iter().filter(applies) {
        let at = applying.iter().position(|other| rank(&pattern, other).is_lt()).unwrap_or(applying.len());
        applying.insert(at, pattern);
    }

    let mut left = BUDGET_TOKENS - tokens::estimate(HEADING);
    let mut selection = Selection::default();
    for pattern in applying {
        let mut line = BULLET.to_owned();
        for (i, word) in pattern.instruction.split_whitespace().enumerate() {
            line.push_str(if i == 0 { "" } else { " " });
            line.push_str(word);
        }
        // (Tokens are rounded up for each line: the sum is no less than the whole.)
        let Some(rest) = left.checked_sub(tokens::estimate(&line)) else { continue };
        left = rest;
        let propensity = pattern.influence.min(1.0);
        let shown = is_shown(turn_id, pattern.id, propensity);
        selection.exposures.push(Exposure { pattern_id: pattern.id, shown, propensity });
        if shown {
            selection.instructions.get_or_insert_with(|| HEADING.to_owned()).push_str(&line);
        }
    }
    selection
}

/// Better first; the ids leave nothing to the order in which they were read.
fn rank(a: &Pattern<'_>, b: &Pattern<'_>) -> Ordering {
    (b.data_source.is_some().cmp(&a.data_source.is_some()))
        .then(b.confidence.total_cmp(&a.confidence))
        .then(a.id.cmp(&b.id))
}

/// The coin of a pattern in a turn: true with this chance over all turns.
pub fn is_shown(turn_id: u128, pattern_id: u128, chance: f64) -> bool {
    let halves = |id: u128| [(id >> 64) as u64, id as u64];
    let [a, b] = halves(turn_id);
    let [c, d] = halves(pattern_id);
    let hash = [a, b, c, d].into_iter().fold(0, |hash, half| mix(hash ^ half));
    // As many bits as a double holds exactly: the quotient stays below one.
    ((hash >> 11) as f64) < chance * (1_u64 << 53) as f64
}

/// SplitMix64 (Steele, Lea, Flood 2014): a step of its counter and its finaliser, in which every bit of the argument
/// moves every bit of the result.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(id: u128, instruction: &str) -> Pattern<'_> {
        Pattern { id, question_type: "code", data_source: None, instruction, confidence: 0.6, influence: 1.0 }
    }

    fn told(patterns: &[Pattern<'_>]) -> Selection {
        select(7, "code", Some("sales"), patterns.iter().copied())
    }

    fn ids(selection: &Selection) -> Vec<u128> {
        selection.exposures.iter().map(|exposure| exposure.pattern_id).collect()
    }

    /// Ids as a database draws them, and as a test counts them.
    fn turns(count: u128) -> impl Iterator<Item = u128> {
        (0..count).chain((0..count).map(|i| (u128::from(mix(i as u64)) << 64) | u128::from(mix(!i as u64))))
    }

    fn share(of: impl Iterator<Item = bool>) -> f64 {
        let all: Vec<_> = of.collect();
        all.iter().filter(|shown| **shown).count() as f64 / all.len() as f64
    }

    #[test]
    fn the_model_is_told_in_a_line_each() {
        let selection = told(&[pattern(1, "Begin with the\n\n- query."), pattern(2, " Say why. ")]);
        let text = "What people who asked here before found helpful:\n- Begin with the - query.\n- Say why.";
        assert_eq!(selection.instructions.as_deref(), Some(text));
        assert_eq!(told(&[]), Selection::default());
        let held_back = told(&[Pattern { influence: f64::MIN_POSITIVE, ..pattern(1, "x") }]);
        assert_eq!((held_back.instructions, held_back.exposures[0].shown), (None, false));
    }

    #[test]
    fn only_patterns_for_this_question_and_its_data_apply() {
        let patterns = [
            Pattern { question_type: "database", ..pattern(1, "x") },
            Pattern { data_source: Some("weather"), ..pattern(2, "x") },
            Pattern { data_source: Some("sales"), ..pattern(3, "x") },
            pattern(4, "x"),
            Pattern { influence: 0.0, ..pattern(5, "x") },
            Pattern { influence: f64::NAN, ..pattern(6, "x") },
        ];
        assert_eq!(ids(&told(&patterns)), [3, 4]);
        assert_eq!(ids(&select(7, "code", None, patterns)), [4], "of a question about no known data");
    }

    #[test]
    fn the_nearest_and_surest_come_first_and_the_order_given_is_nothing() {
        let mut patterns = [
            Pattern { confidence: 0.7, ..pattern(1, "x") },
            Pattern { confidence: 0.9, ..pattern(2, "x") },
            Pattern { confidence: 0.5, data_source: Some("sales"), ..pattern(3, "x") },
            Pattern { confidence: 0.7, ..pattern(4, "x") },
        ];
        assert_eq!(ids(&told(&patterns)), [3, 2, 1, 4]);
        patterns.reverse();
        assert_eq!(ids(&told(&patterns)), [3, 2, 1, 4]);
    }

    #[test]
    fn what_does_not_fit_leaves_room_for_what_does() {
        let long = "x".repeat(800);
        let sure = |id, instruction, confidence| Pattern { confidence, ..pattern(id, instruction) };
        let patterns = [sure(1, &long, 0.9), sure(2, &long, 0.8), sure(3, "short", 0.7)];
        assert_eq!(ids(&told(&patterns)), [1, 3]);
        // Though the first is held back: whether the second is tried must not depend on another's coin.
        let [first, rest @ ..] = patterns;
        let first = Pattern { influence: f64::MIN_POSITIVE, ..first };
        let selection = told(&[first].into_iter().chain(rest).collect::<Vec<_>>());
        assert_eq!((ids(&selection), selection.exposures[0].shown), (vec![1, 3], false));
    }

    #[test]
    fn a_coin_shows_its_share_of_the_turns() {
        for chance in [0.05, 0.2, 0.5, 0.93] {
            for pattern_id in [1, 2, u128::MAX, 0xF00D << 70] {
                let seen = share(turns(20_000).map(|turn| is_shown(turn, pattern_id, chance)));
                // Five standard errors of 40,000 throws.
                assert!((seen - chance).abs() < 5.0 * (chance * (1.0 - chance) / 40_000.0).sqrt(), "{chance}: {seen}");
            }
        }
        assert!(
            turns(1000).all(|turn| is_shown(turn, 1, 1.0) && !is_shown(turn, 1, 0.0) && !is_shown(turn, 1, f64::NAN))
        );
    }

    #[test]
    fn two_patterns_of_a_turn_have_nothing_to_do_with_each_other() {
        for (a, b) in [(1, 2), (1, 1 << 64), (5, !5)] {
            let both = |turn| (is_shown(turn, a, 0.5), is_shown(turn, b, 0.5));
            for expected in [(true, true), (true, false), (false, true), (false, false)] {
                let seen = share(turns(20_000).map(|turn| both(turn) == expected));
                assert!((seen - 0.25).abs() < 5.0 * (0.1875_f64 / 40_000.0).sqrt(), "{a} {b} {expected:?}: {seen}");
            }
        }
    }

    #[test]
    fn the_coins_stay_as_they_are() {
        // What was thrown before an update of this code is checked after it.
        let thrown: String = (0..32).map(|turn| if is_shown(turn, 9, 0.5) { '1' } else { '0' }).collect();
        assert_eq!(thrown, "10001101100010001001001011010101");
    }

    type Drawn = (u128, usize, Option<bool>, String, f64, f64);

    fn patterns() -> impl Strategy<Value = Vec<Drawn>> {
        let instruction = prop_oneof!["\\PC{0,60}", ".{0,400}", "[a-z ]{1,400}", "[漢字]{1,400}"];
        let source = prop::option::of(any::<bool>());
        prop::collection::vec((any::<u128>(), 0..3_usize, source, instruction, 0.0..=1.0, 0.0..=1.0), 0..40)
    }

    fn read((id, kind, about, instruction, confidence, influence): &Drawn) -> Pattern<'_> {
        Pattern {
            id: *id,
            question_type: ["code", "data", "other"][*kind],
            data_source: about.map(|about| if about { "sales" } else { "weather" }),
            instruction,
            confidence: *confidence,
            influence: *influence,
        }
    }

    proptest! {
        #[test]
        fn the_budget_is_hard_and_the_rest_as_promised(drawn in patterns(), turn in any::<u128>()) {
            let patterns: Vec<_> = drawn.iter().map(read).collect();
            let all_shown = patterns.iter().map(|pattern| Pattern { influence: 1.0, ..*pattern });
            for patterns in [patterns.clone(), all_shown.collect()] {
                let selection = told_in(turn, &patterns);
                let text = selection.instructions.clone().unwrap_or_default();
                prop_assert!(tokens::estimate(&text) <= BUDGET_TOKENS);
                let shown = selection.exposures.iter().filter(|exposure| exposure.shown).count();
                prop_assert_eq!(text.lines().count(), if shown == 0 { 0 } else { shown + 1 });
                for exposure in &selection.exposures {
                    let pattern = patterns.iter().find(|pattern| pattern.id == exposure.pattern_id);
                    let pattern = pattern.expect("one of those given");
                    prop_assert_eq!(pattern.question_type, "code");
                    prop_assert!(pattern.data_source.is_none_or(|named| named == "sales"));
                    prop_assert_eq!(exposure.propensity, pattern.influence);
                    prop_assert_eq!(exposure.shown, is_shown(turn, exposure.pattern_id, exposure.propensity));
                }
                prop_assert_eq!(told_in(turn, &patterns), selection);
            }
        }

        #[test]
        fn what_applies_depends_on_no_coin(drawn in patterns(), one in any::<u128>(), other in any::<u128>()) {
            let patterns: Vec<_> = drawn.iter().map(read).collect();
            let of = |turn| ids(&told_in(turn, &patterns));
            prop_assert_eq!(of(one), of(other));
        }
    }

    fn told_in(turn: u128, patterns: &[Pattern<'_>]) -> Selection {
        select(turn, "code", Some("sales"), patterns.iter().copied())
    }
}
