//! Which of many e-values may be believed together (e-BH: Wang & Ramdas 2022).
//!
//! Of M hypotheses, those with the k largest e-values are adopted for the largest k with e_(k) ≥ M/(αk). The share of
//! false ones among those adopted is then at most α on average, however the e-values depend on each other.

/// Level: of the patterns adopted in a year, on average at most 1 in 20 is no improvement.
pub const LEVEL: f64 = 0.05;
/// M: trials an organisation may begin in a year. Flat, so that the order of trials does not matter.
pub const FAMILY: i64 = 60;

/// How many of them may have begun by a day of the year (0 for its first): a third at once, the rest as the year goes
/// by, so that a busy spring does not leave nothing for the autumn.
pub fn may_have_begun(day_of_year: i64) -> i64 {
    FAMILY / 3 + (FAMILY - FAMILY / 3) * day_of_year.clamp(0, 364) / 364
}

/// The log e-value from which one of these may be adopted: ln(M/(αk)) for the largest k that holds. `log_es` are those
/// of the family that are known, in any order; others count as e = 0. Without any that hold it is ln(M/α).
pub fn threshold(log_es: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = log_es.iter().copied().filter(|e| !e.is_nan()).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let most = (FAMILY as f64 / LEVEL).ln();
    let mut threshold = most;
    for (rank, log_e) in sorted.iter().enumerate() {
        let needed = most - ((rank + 1) as f64).ln();
        if *log_e >= needed {
            threshold = needed;
        }
    }
    threshold
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_alone_needs_the_whole_factor_and_company_helps() {
        let most = 1_200_f64.ln();
        assert_eq!(threshold(&[]), most);
        assert_eq!(threshold(&[most - 0.01]), most);
        assert_eq!(threshold(&[most + 0.01]), most);
        // Two of e = 700 hold together (600 each are needed), one alone does not.
        let e = 700_f64.ln();
        assert!(threshold(&[e]) > e);
        assert!(threshold(&[e, e]) <= e);
        assert!(threshold(&[e, f64::NAN]) > e);
    }

    /// The step goes to the largest k, also where a smaller one fails.
    #[test]
    fn the_largest_k_counts() {
        let e = 310_f64.ln();
        assert!(threshold(&[e, e, e]) > e);
        assert!((threshold(&[e, e, e, e]) - 300_f64.ln()).abs() < 1e-12);
    }

    /// 60 hypotheses, 50 of them null with e-values of mean 1 (the heaviest there are: all or nothing), 10 true.
    #[test]
    fn the_false_share_stays_within_the_level() {
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let (mut share, worlds) = (0.0, 20_000);
        for _ in 0..worlds {
            // A null e-value that just suffices where the ten true ones hold: 0 but for 1 in 109.
            let suffices = 60.0 / (0.05 * 11.0);
            let nulls: Vec<f64> =
                (0..50).map(|_| if uniform() * suffices < 1.0 { suffices.ln() } else { -9.0 }).collect();
            let mut all = nulls.clone();
            all.extend([20.0; 10]);
            let threshold = threshold(&all);
            let wrong = nulls.iter().filter(|e| **e >= threshold).count() as f64;
            share += wrong / (wrong + 10.0);
        }
        let mean = share / f64::from(worlds);
        assert!(mean <= 0.05, "false share {mean}");
        assert!(mean > 0.02, "the nulls of this test are weak: {mean}");
    }

    proptest! {
        #[test]
        fn everything_adopted_holds_together(log_es in prop::collection::vec(-5.0f64..12.0, 0..60)) {
            let t = threshold(&log_es);
            let adopted = log_es.iter().filter(|e| **e >= t).count();
            for e in log_es.iter().filter(|e| **e >= t) {
                prop_assert!(*e >= (60.0 / (0.05 * adopted as f64)).ln() - 1e-9);
            }
        }

        #[test]
        fn more_evidence_never_takes_an_adoption_away(
            log_es in prop::collection::vec(-5.0f64..12.0, 1..60), i: prop::sample::Index, more in 0.0f64..5.0
        ) {
            let before = threshold(&log_es);
            let mut raised = log_es.clone();
            raised[i.index(log_es.len())] += more;
            prop_assert!(threshold(&raised) <= before);
        }
    }
}
