//! How sure one has to be, where many versions are tested in a year.
//!
//! Sixty tests at 1 % promote something useless more often than every other year. e-LOND (Xu & Ramdas 2024, after
//! Javanmard & Montanari 2018) gives each test a level beforehand: its even share of 5 %, times one more than what was
//! promoted before it. Whatever depends on what, on average at most 5 % of a year's promotions are no improvement; and
//! where nothing helps, nothing at all is promoted in 95 of 100 years.

/// The share of a year's promotions that may be none, on average.
pub const LEVEL: f64 = 0.05;
/// Tests in a year, at most.
pub const TESTS_A_YEAR: u32 = 60;

/// The chance of a false promotion that a test may have, `promoted_before` versions having been promoted this year:
/// 1/1,200 at first, never more than [`LEVEL`].
pub fn level(promoted_before: u32) -> f64 {
    let tests = f64::from(TESTS_A_YEAR);
    LEVEL * (f64::from(promoted_before) + 1.0).min(tests) / tests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_at_one_in_1200_and_grows_with_each_promotion() {
        assert!((level(0) - 1.0 / 1_200.0).abs() < 1e-15);
        assert!((level(11) - 0.01).abs() < 1e-15);
        assert!((1..TESTS_A_YEAR).all(|r| (level(r) - f64::from(r + 1) * level(0)).abs() < 1e-15));
        assert_eq!([level(59), level(60), level(u32::MAX)], [LEVEL; 3]);
    }

    /// Where nothing helps, the first promotion comes at the first level, at any of sixty places.
    #[test]
    fn a_year_of_nothing_stays_within_it() {
        assert!(f64::from(TESTS_A_YEAR) * level(0) <= LEVEL + 1e-15);
    }

    /// What e-LOND's proof rests on: in any year the false share of promotions is at most Σ 5 %/60 · e over the tests
    /// of what does not help. The mean of each of these e is at most 1, so the mean share is at most 5 %.
    #[test]
    fn the_false_share_is_held_whatever_the_year() {
        let tests = 8;
        // Each test: not promoted, promoted for nothing, promoted and better; just so at its level.
        for year in 0..3_u32.pow(tests) {
            let (mut promoted, mut falsely, mut bound) = (0, 0, 0.0);
            for test in 0..tests {
                let kind = year / 3_u32.pow(test) % 3;
                if kind == 1 {
                    bound += level(0) / level(promoted);
                    falsely += 1;
                }
                promoted += u32::from(kind > 0);
            }
            let share = f64::from(falsely) / f64::from(promoted.max(1));
            assert!(share <= bound + 1e-12, "{year}: {share} {bound}");
        }
    }
}
