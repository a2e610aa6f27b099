//! How much of each question type a dataset keeps, so that what is asked most does not drown the rest.

/// The most that one question type may have of what is kept …
const SHARE: f64 = 0.4;
/// … or this divided by the number of types, where that is more: of two types either may have all.
const SHARES_OF_FEW: f64 = 2.0;

/// What is kept of one question type.
#[derive(Debug, Clone, PartialEq)]
pub struct Keep {
    /// Which.
    pub question_type: String,
    /// The share of them that is kept, above 0 up to 1, in ten-thousandths rounded up.
    pub fraction: f64,
}

/// For each of the question types (each named once), in their order, how much of it is kept.
///
/// A type has at most max(40 %, 2 / number of types) of what is kept, and as much as possible is kept. But not fewer
/// than `at_least` and four standard deviations (of what a hash happens to keep): there balance yields, because a model
/// learns more from enough examples of one type than from too few. Types without any example do not count.
pub fn balance(types: &[(String, u64)], at_least: u64) -> Vec<Keep> {
    let counts: Vec<u64> = types.iter().map(|(_, count)| *count).filter(|count| *count > 0).collect();
    let limit = limit(&counts, SHARE.max(SHARES_OF_FEW / counts.len().max(1) as f64));
    let enough = at_least as f64 + 4.0 * (at_least as f64).sqrt();
    let limit = limit.max(reaching(&counts, enough));
    let keep = |(name, count): &(String, u64)| Keep {
        question_type: name.clone(),
        fraction: if (*count as f64) <= limit { 1.0 } else { (1e4 * limit / *count as f64 - 1e-6).ceil() / 1e4 },
    };
    types.iter().map(keep).collect()
}

/// The highest number of rows a type such that none has more than `share` of all that are kept.
fn limit(counts: &[u64], share: f64) -> f64 {
    // With the j largest cut to L and the rest whole: L = share · (j·L + rest). Cutting more of them lowers L.
    let mut sorted = counts.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let mut rest: f64 = sorted.iter().map(|count| *count as f64).sum();
    for (j, count) in (0_u32..).zip(sorted) {
        // `count` is the largest that is not cut yet.
        let cut = share * rest / (1.0 - share * f64::from(j));
        if count as f64 <= cut {
            return cut;
        }
        rest -= count as f64;
    }
    // Only without any: the shares of all types together are at least 2.
    f64::INFINITY
}

/// The least number of rows a type with which `wanted` are kept in all.
fn reaching(counts: &[u64], wanted: f64) -> f64 {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let mut left = wanted;
    for (i, count) in sorted.iter().enumerate() {
        let even = left / (sorted.len() - i) as f64;
        if even <= *count as f64 {
            return even;
        }
        left -= *count as f64;
    }
    sorted.last().map_or(0.0, |most| *most as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(counts: &[u64], at_least: u64) -> Vec<f64> {
        let types: Vec<_> = counts.iter().enumerate().map(|(i, n)| (format!("type {i}"), *n)).collect();
        balance(&types, at_least).iter().map(|keep| keep.fraction).collect()
    }

    #[test]
    fn what_is_asked_most_is_cut_to_its_share() {
        // 40 % of 1,333: the rest are 800.
        assert_eq!(of(&[10_000, 200, 200, 200, 200], 0), [0.0534, 1.0, 1.0, 1.0, 1.0]);
        // Two that are too many: 40 % each, and 300 are the fifth that is left.
        assert_eq!(of(&[5_000, 4_000, 100, 100, 100], 0), [0.12, 0.15, 1.0, 1.0, 1.0]);
        // Of few types one may have more.
        assert_eq!(of(&[900, 100], 0), [1.0, 1.0]);
        assert_eq!(of(&[900, 100, 100], 0), [0.4445, 1.0, 1.0]);
        assert_eq!(of(&[7], 0), [1.0]);
        assert!(of(&[], 1_000).is_empty());
    }

    #[test]
    fn balance_yields_to_enough_examples() {
        let counts = [10_000, 200, 200, 200, 200];
        // 1,000 and four times their root, less the 800.
        assert_eq!(of(&counts, 1_000), [0.0534, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(of(&counts, 5_000), [0.4483, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(of(&counts, 20_000), [1.0; 5]);
        assert_eq!(of(&[900, 0, 50], 0), [1.0; 3]);
    }

    proptest! {
        #[test]
        fn no_type_has_more_than_its_share_and_nothing_is_wasted(
            counts in prop::collection::vec(prop_oneof![0_u64..50, 0_u64..100_000], 0..14)
        ) {
            let fractions = of(&counts, 0);
            let there = counts.iter().filter(|count| **count > 0).count();
            let share = (2.0 / there.max(1) as f64).max(0.4);
            let kept: Vec<f64> = counts.iter().zip(&fractions).map(|(n, f)| *n as f64 * f).collect();
            let all: f64 = kept.iter().sum();
            // Up to ten-thousandths of each.
            let rounded = counts.iter().sum::<u64>() as f64 / 1e4 + 1e-6;
            for (f, kept) in fractions.iter().zip(&kept) {
                prop_assert!(*f > 0.0 && *f <= 1.0);
                prop_assert!(*kept <= share * all + rounded, "{} of {}", kept, all);
                prop_assert!(*f == 1.0 || *kept >= share * all - rounded, "{} of {}", kept, all);
            }
        }

        #[test]
        fn enough_are_kept_where_there_are_enough(
            counts in prop::collection::vec(0_u64..10_000, 1..14), at_least in 1_u64..5_000
        ) {
            let fractions = of(&counts, at_least);
            let all: f64 = counts.iter().zip(&fractions).map(|(n, f)| *n as f64 * f).sum();
            let enough = at_least as f64 + 4.0 * (at_least as f64).sqrt();
            prop_assert!(all >= enough - 1e-6 || fractions.iter().all(|f| *f == 1.0));
        }
    }
}
