//! How far a judge and people agree, beyond chance: the kappa with quadratic weights (Cohen 1968).

use super::case::Agreement;

/// Rated answers below which nothing is said.
pub const MIN_RATED: u64 = 30;

/// Answers that both have rated.
pub fn rated(agreement: &Agreement) -> u64 {
    agreement.0.iter().flatten().fold(0, |sum, n| sum.saturating_add(*n))
}

/// 1 − Σ w·observed / Σ w·expected with w = (row − column)²: 1 for perfect agreement, 0 for chance, below 0 for worse,
/// never below −1. `None` below [`MIN_RATED`] answers, and where all stand in one cell of the diagonal: who always says
/// the same agrees by saying nothing.
pub fn kappa(agreement: &Agreement) -> Option<f64> {
    if rated(agreement) < MIN_RATED {
        return None;
    }
    let counts = agreement.0.map(|row| row.map(|n| n as f64));
    let total: f64 = counts.iter().flatten().sum();
    let rows = counts.map(|row| row.iter().sum::<f64>());
    let mut columns = [0.0; 5];
    for row in &counts {
        for (sum, n) in columns.iter_mut().zip(row) {
            *sum += n;
        }
    }
    let (mut observed, mut expected) = (0.0, 0.0);
    for ((i, row), in_row) in counts.iter().enumerate().zip(rows) {
        for ((j, n), in_column) in row.iter().enumerate().zip(columns) {
            let weight = (i as f64 - j as f64).powi(2);
            observed += weight * n;
            expected += weight * in_row * in_column / total;
        }
    }
    (expected > 0.0).then(|| (1.0 - observed / expected).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn corner(a: u64, b: u64, c: u64, d: u64) -> Agreement {
        let mut counts = [[0; 5]; 5];
        (counts[0][0], counts[0][1], counts[1][0], counts[1][1]) = (a, b, c, d);
        Agreement(counts)
    }

    /// Of two values the weights make no difference: (0.7 − 0.5)/(1 − 0.5).
    #[test]
    fn of_two_values_it_is_the_plain_kappa() {
        assert!((kappa(&corner(20, 5, 10, 15)).unwrap() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn a_distance_of_four_weighs_sixteen_times_as_much_as_one_of_one() {
        let with = |(row, column): (usize, usize)| {
            let mut counts = [[0; 5]; 5];
            (0..5).for_each(|i| counts[i][i] = 20);
            (counts[row][column], counts[column][row]) = (1, 1);
            1.0 - kappa(&Agreement(counts)).unwrap()
        };
        assert!((with((0, 4)) / with((2, 3)) - 16.0).abs() < 1.0, "{}", with((0, 4)) / with((2, 3)));
    }

    #[test]
    fn from_few_answers_and_from_one_value_nothing_follows() {
        assert_eq!(kappa(&corner(14, 0, 0, 15)), None);
        assert_eq!(kappa(&corner(15, 0, 0, 15)), Some(1.0));
        assert_eq!(kappa(&corner(500, 0, 0, 0)), None);
        assert_eq!(kappa(&corner(250, 250, 0, 0)), Some(0.0), "who always says the same agrees by chance alone");
        assert_eq!(kappa(&Agreement::default()), None);
    }

    fn counts() -> impl Strategy<Value = [[u64; 5]; 5]> {
        prop::array::uniform5(prop::array::uniform5(prop_oneof![Just(0u64), 0u64..40]))
    }

    proptest! {
        /// With quadratic weights it is 2·cov / (var + var + (difference of means)²) (Fleiss & Cohen 1973).
        #[test]
        fn it_is_what_the_moments_say(counts in counts()) {
            let agreement = Agreement(counts);
            let Some(kappa) = kappa(&agreement) else { return Ok(()) };
            let n = rated(&agreement) as f64;
            let mean = |f: &dyn Fn(f64, f64) -> f64| {
                let cells = (0..5).flat_map(|i| (0..5).map(move |j| (i, j)));
                cells.map(|(i, j)| counts[i][j] as f64 * f(i as f64, j as f64)).sum::<f64>() / n
            };
            let (one, other) = (mean(&|i, _| i), mean(&|_, j| j));
            let covariance = mean(&|i, j| (i - one) * (j - other));
            let variances = mean(&|i, _| (i - one).powi(2)) + mean(&|_, j| (j - other).powi(2));
            let expected = 2.0 * covariance / (variances + (one - other).powi(2));
            prop_assert!((kappa - expected).abs() < 1e-9, "{kappa} {expected}");
        }

        #[test]
        fn it_is_a_kappa(counts in counts()) {
            prop_assume!(kappa(&Agreement(counts)).is_some());
            let here = kappa(&Agreement(counts)).unwrap();
            prop_assert!((-1.0..=1.0).contains(&here));
            let transposed = std::array::from_fn(|i| std::array::from_fn(|j| counts[j][i]));
            prop_assert!((kappa(&Agreement(transposed)).unwrap() - here).abs() < 1e-12);
            let thrice = counts.map(|row| row.map(|n| 3 * n));
            prop_assert!((kappa(&Agreement(thrice)).unwrap() - here).abs() < 1e-12, "only shares count");
        }

        #[test]
        fn who_agrees_always_gets_1_and_who_agrees_by_chance_0(
            diagonal in prop::array::uniform5(0u64..50), rows in prop::array::uniform5(0u64..20),
            columns in prop::array::uniform5(0u64..20)
        ) {
            let same = std::array::from_fn(|i| std::array::from_fn(|j| if i == j { diagonal[i] } else { 0 }));
            if let Some(kappa) = kappa(&Agreement(same)) {
                prop_assert_eq!(kappa, 1.0);
            }
            let independent = std::array::from_fn(|i| std::array::from_fn(|j| rows[i] * columns[j]));
            if let Some(kappa) = kappa(&Agreement(independent)) {
                prop_assert!(kappa.abs() < 1e-9, "{kappa}");
            }
        }

        #[test]
        fn any_counts_are_handled(counts in prop::array::uniform5(prop::array::uniform5(any::<u64>()))) {
            prop_assert!(kappa(&Agreement(counts)).is_none_or(|kappa| (-1.0..=1.0).contains(&kappa)));
        }
    }
}
