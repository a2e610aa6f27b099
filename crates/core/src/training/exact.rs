//! The exact two-sample test of Kolmogorov and Smirnov where values may be the same.
//!
//! Given the pooled values every way to deal them to the two samples is equally likely if both are of one kind. Dealing
//! them in ascending order is a walk on a lattice, and the largest distance between the two distribution functions is
//! looked for where a value ends only (Schröer & Trenkler 1995). The chance of a walk that gets as far away is summed
//! step by step, as a chance: no number is too large and none is a difference of two.

/// The chance that two samples of one kind are as far apart as these, above 0 up to 1. `groups`: for each value, in
/// ascending order, how often each sample has it. Takes n · (n + m) steps.
pub fn p_value(groups: &[(u64, u64)]) -> f64 {
    let (n, m) = groups.iter().fold((0, 0), |(n, m), (b, c)| (n + b, m + c));
    let mut seen = (0, 0);
    let distances = groups.iter().map(|(b, c)| {
        seen = (seen.0 + b, seen.1 + c);
        distance(seen.0, seen.1, n, m)
    });
    // Times n · m, to stay whole.
    let farthest = distances.max().unwrap_or(0);
    if farthest == 0 {
        return 1.0;
    }
    let size = usize::try_from(n).unwrap_or(usize::MAX).saturating_add(1);
    // How likely the walk is to have dealt i of the values so far to the first sample, and has not been as far away.
    let mut at = vec![0.0; size];
    if let Some(start) = at.first_mut() {
        *start = 1.0;
    }
    let (mut dealt, mut reached) = (0, 0.0);
    for (b, c) in groups {
        for _ in 0..b + c {
            deal(&mut at, n, m, dealt);
            dealt += 1;
        }
        for (i, chance) in (0..).zip(&mut at) {
            if i <= dealt && dealt - i <= m && distance(i, dealt - i, n, m) >= farthest {
                reached += std::mem::take(chance);
            }
        }
    }
    f64::clamp(reached, f64::MIN_POSITIVE, 1.0)
}

/// |i / n − j / m|, times n · m.
fn distance(i: u64, j: u64, n: u64, m: u64) -> u64 {
    (i * m).abs_diff(j * n)
}

/// One more value is dealt: to a sample with the chance that its share of the values left is.
fn deal(at: &mut [f64], n: u64, m: u64, dealt: u64) {
    let left = (n + m - dealt) as f64;
    let mut from_before = 0.0;
    for (i, chance) in (0..).zip(at) {
        if i > dealt + 1 {
            return;
        }
        let to_first = *chance * n.saturating_sub(i) as f64 / left;
        // Where i is larger than what was dealt the chance is 0, whatever is left.
        let to_second = *chance * (m + i).saturating_sub(dealt) as f64 / left;
        *chance = to_second + from_before;
        from_before = to_first;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By dealing the pooled values in every way.
    fn counted(groups: &[(u64, u64)]) -> f64 {
        let (n, m) = groups.iter().fold((0, 0), |(n, m), (b, c)| (n + b, m + c));
        let values: Vec<usize> = (0..).zip(groups).flat_map(|(v, (b, c))| vec![v; (b + c) as usize]).collect();
        let apart = |dealt: &[(u64, u64)]| {
            let (mut seen, mut most) = ((0, 0), 0);
            for (b, c) in dealt {
                seen = (seen.0 + b, seen.1 + c);
                most = most.max(distance(seen.0, seen.1, n, m));
            }
            most
        };
        let (mut all, mut as_far) = (0, 0);
        for hand in 0_u32..1 << values.len() {
            if u64::from(hand.count_ones()) == n {
                let mut dealt = vec![(0, 0); groups.len()];
                for (i, value) in values.iter().enumerate() {
                    if hand >> i & 1 == 1 { dealt[*value].0 += 1 } else { dealt[*value].1 += 1 }
                }
                all += 1;
                as_far += u32::from(apart(&dealt) >= apart(groups));
            }
        }
        f64::from(as_far) / f64::from(all)
    }

    #[test]
    fn the_table_of_small_samples_is_met() {
        // 4 and 4 without ties: far apart as can be in 2 of 70 ways.
        let apart = [(1, 0), (1, 0), (1, 0), (1, 0), (0, 1), (0, 1), (0, 1), (0, 1)];
        assert!((p_value(&apart) - 2.0 / 70.0).abs() < 1e-15);
        assert_eq!(p_value(&[(3, 3)]), 1.0);
        assert_eq!(p_value(&[(3, 6), (1, 2)]), 1.0);
        assert_eq!(p_value(&[]), 1.0);
        assert_eq!(p_value(&[(5, 0)]), 1.0);
    }

    #[test]
    fn large_samples_stay_exact_where_nothing_else_is_left() {
        // All of one sample below all of the other: 2 ways of all.
        let ways: f64 = (1..=40).map(|i| f64::from(40 + i) / f64::from(i)).product();
        let p = p_value(&[(40, 0), (0, 40)]);
        assert!((p * ways / 2.0 - 1.0).abs() < 1e-9, "{p}");
        assert_eq!(p_value(&[(2_000, 0), (0, 2_000)]), f64::MIN_POSITIVE);
    }

    proptest! {
        #[test]
        fn it_is_the_share_of_all_ways(groups in prop::collection::vec((0_u64..3, 0_u64..3), 1..5)) {
            let (n, m) = groups.iter().fold((0, 0), |(n, m), (b, c)| (n + b, m + c));
            prop_assume!(n > 0 && m > 0 && n + m <= 10);
            let (p, exact) = (p_value(&groups), counted(&groups));
            prop_assert!((p - exact).abs() < 1e-12, "{} for {}", p, exact);
        }

        #[test]
        fn it_is_a_chance_and_the_same_from_both_sides(
            groups in prop::collection::vec((0_u64..40, 0_u64..40), 0..12)
        ) {
            let turned: Vec<_> = groups.iter().map(|(b, c)| (*c, *b)).collect();
            let (p, back) = (p_value(&groups), p_value(&turned));
            prop_assert!(p > 0.0 && p <= 1.0);
            prop_assert!((p - back).abs() <= 1e-9 * p, "{} and {}", p, back);
            let reversed: Vec<_> = groups.into_iter().rev().collect();
            prop_assert!((p - p_value(&reversed)).abs() <= 1e-9 * p);
        }
    }
}
