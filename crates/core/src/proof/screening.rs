//! Gate one: a few earlier questions answered by both versions, before anybody is shown the candidate. It proves
//! nothing; it turns away what is no better on the face of it.

use std::collections::BTreeMap;

use serde::Serialize;

/// Decided pairs of a question type below which nothing is clear.
pub const MIN_DECIDED: usize = 8;
/// A question type is clearly worse where as few wins or fewer would come with at most this chance if it were no
/// worse.
pub const CLEAR: f64 = 0.05;

/// A pair as the judge saw it, from the candidate's view: 1 its answer is better, −1 the baseline's is, 0 neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairSeen<'a> {
    /// Both orders together: what both say, else 0.
    pub d: i8,
    /// With the candidate's answer shown first.
    pub first: i8,
    /// With the candidate's answer shown second.
    pub second: i8,
    /// 1 the candidate's answer is clearly longer, −1 the baseline's is, 0 neither.
    pub longer: i8,
    /// What was asked for.
    pub question_type: &'a str,
}

/// Pairs by how they went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The candidate's answer is better.
    pub wins: usize,
    /// The baseline's is.
    pub losses: usize,
    /// Neither.
    pub ties: usize,
}

impl Tally {
    fn add(&mut self, d: i8) {
        match d.signum() {
            1 => self.wins += 1,
            -1 => self.losses += 1,
            _ => self.ties += 1,
        }
    }

    /// At least [`MIN_DECIDED`] decided pairs, and so few won that chance alone would leave as few in at most
    /// [`CLEAR`] of all cases (exact one-sided sign test).
    pub fn clearly_worse(&self) -> bool {
        let decided = self.wins + self.losses;
        decided >= MIN_DECIDED && at_most(self.wins, decided) <= CLEAR
    }
}

/// P(X ≤ `wins`) for X binomial(n, 1/2).
fn at_most(wins: usize, n: usize) -> f64 {
    let mut term = 0.5_f64.powi(n as i32);
    let mut sum = term;
    for k in 0..wins.min(n) {
        term *= (n - k) as f64 / (k + 1) as f64;
        sum += term;
    }
    sum
}

/// What came of the screening.
#[derive(Debug, Clone, PartialEq)]
pub struct Screened {
    /// All pairs.
    pub counts: Tally,
    /// Pairs by question type.
    pub by_question_type: BTreeMap<String, Tally>,
    /// Question types at which the candidate is clearly worse ([`Tally::clearly_worse`]).
    pub worse_types: Vec<String>,
    /// Of verdicts that favour one answer, the share for the one shown first, 0 to 1: 0.5 where position makes no
    /// difference. `None` where there are none.
    pub first_shown_share: Option<f64>,
    /// Of decided pairs with one answer clearly longer, the share that the longer one won, 0 to 1. `None` where there
    /// are none.
    pub longer_share: Option<f64>,
    /// Pairs on which the two orders say different things.
    pub disagreements: usize,
}

impl Screened {
    /// More won than lost.
    pub fn more_wins(&self) -> bool {
        self.counts.wins > self.counts.losses
    }

    /// More won than lost, and at no question type clearly worse.
    pub fn passes(&self) -> bool {
        self.more_wins() && self.worse_types.is_empty()
    }
}

/// What came of these pairs. The same is worth telling of a proof's pairs.
pub fn screening(pairs: &[PairSeen<'_>]) -> Screened {
    let mut counts = Tally::default();
    let mut by_question_type: BTreeMap<String, Tally> = BTreeMap::new();
    let (mut for_first, mut favouring, mut for_longer, mut uneven, mut disagreements) = (0, 0, 0, 0, 0);
    for pair in pairs {
        counts.add(pair.d);
        by_question_type.entry(pair.question_type.to_owned()).or_default().add(pair.d);
        // Shown second, a verdict for the candidate is one against the answer shown first.
        for (verdict, candidate_first) in [(pair.first, true), (pair.second, false)] {
            if verdict != 0 {
                favouring += 1;
                for_first += usize::from((verdict > 0) == candidate_first);
            }
        }
        disagreements += usize::from(pair.first != pair.second);
        if pair.d != 0 && pair.longer != 0 {
            uneven += 1;
            for_longer += usize::from(pair.d.signum() == pair.longer.signum());
        }
    }
    let worse = by_question_type.iter().filter(|(_, counts)| counts.clearly_worse());
    let worse_types = worse.map(|(name, _)| name.clone()).collect();
    Screened {
        counts,
        by_question_type,
        worse_types,
        first_shown_share: share(for_first, favouring),
        longer_share: share(for_longer, uneven),
        disagreements,
    }
}

fn share(some: usize, all: usize) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(d: i8, question_type: &str) -> PairSeen<'_> {
        PairSeen { d, first: d, second: d, longer: 0, question_type }
    }

    #[test]
    fn more_must_be_won_than_lost() {
        let pairs = |wins, losses| -> Vec<PairSeen<'_>> {
            [vec![pair(1, "code"); wins], vec![pair(-1, "code"); losses], vec![pair(0, "code"); 10]].concat()
        };
        assert!(screening(&pairs(26, 25)).passes());
        assert!(!screening(&pairs(25, 25)).passes());
        assert!(!screening(&pairs(0, 0)).passes());
        assert!(!screening(&[]).passes());
    }

    /// Of 8 one win is clear (P = 9/256 = 3.5 %), two are not (14.5 %); of 7 nothing is; of 13 three are (4.6 %).
    #[test]
    fn a_question_type_at_which_it_is_clearly_worse_stops_it() {
        for (wins, losses, worse) in
            [(0, 7, false), (0, 8, true), (1, 7, true), (2, 6, false), (3, 10, true), (4, 9, false)]
        {
            let pairs = [vec![pair(1, "code"); 40], vec![pair(1, "data"); wins], vec![pair(-1, "data"); losses]];
            let screened = screening(&pairs.concat());
            assert!(screened.more_wins());
            assert_eq!(screened.passes(), !worse, "{wins} to {losses}");
            assert_eq!(screened.worse_types, if worse { vec!["data"] } else { vec![] });
        }
        assert!((at_most(1, 8) - 9.0 / 256.0).abs() < 1e-15 && at_most(8, 8) == 1.0);
    }

    #[test]
    fn effects_are_told() {
        let seen = |first, second, longer| {
            let d = if first == second { first } else { 0 };
            PairSeen { d, first, second, longer, question_type: "other" }
        };
        // The one shown first, whichever; then the second; one that sticks to the longer; one to the shorter.
        let pairs = [seen(1, -1, 0), seen(1, -1, 1), seen(-1, 1, 0), seen(1, 1, 1), seen(-1, -1, 1), seen(0, -1, -1)];
        let screened = screening(&pairs);
        assert_eq!(screened.disagreements, 4);
        // 2 + 2 for the first, none of the third's; one of two; one of two; one.
        assert_eq!(screened.first_shown_share, Some(7.0 / 11.0));
        assert_eq!(screened.longer_share, Some(0.5));
        assert_eq!(screened.counts, Tally { wins: 1, losses: 1, ties: 4 });
        let none = screening(&[pair(0, "other")]);
        assert_eq!((none.first_shown_share, none.longer_share, none.disagreements), (None, None, 0));
    }

    fn pairs() -> impl Strategy<Value = Vec<(i8, i8, i8, usize)>> {
        prop::collection::vec((-1i8..=1, -1i8..=1, -1i8..=1, 0usize..4), 0..80)
    }

    fn seen(raw: &[(i8, i8, i8, usize)]) -> Vec<PairSeen<'static>> {
        let names = ["code", "data", "how_to", "other"];
        raw.iter()
            .map(|(first, second, longer, kind)| PairSeen {
                d: if first == second { *first } else { 0 },
                first: *first,
                second: *second,
                longer: *longer,
                question_type: names[*kind],
            })
            .collect()
    }

    proptest! {
        #[test]
        fn order_makes_no_difference(raw in pairs()) {
            let forth = screening(&seen(&raw));
            let back: Vec<_> = raw.iter().rev().copied().collect();
            prop_assert_eq!(screening(&seen(&back)), forth);
        }

        #[test]
        fn counts_add_up_and_shares_are_shares(raw in pairs()) {
            let s = screening(&seen(&raw));
            let total = s.by_question_type.values().map(|c| c.wins + c.losses + c.ties).sum::<usize>();
            prop_assert_eq!(total, raw.len());
            prop_assert!([s.first_shown_share, s.longer_share].iter().flatten().all(|x| (0.0..=1.0).contains(x)));
        }

        #[test]
        fn the_other_way_round_is_the_opposite(raw in pairs()) {
            // The candidate's and the baseline's places changed: what was shown first stays what was shown first.
            let other: Vec<_> = raw.iter().map(|(first, second, longer, k)| (-second, -first, -longer, *k)).collect();
            let (one, other) = (screening(&seen(&raw)), screening(&seen(&other)));
            prop_assert_eq!((one.counts.wins, one.counts.losses), (other.counts.losses, other.counts.wins));
            prop_assert_eq!(one.first_shown_share, other.first_shown_share);
            prop_assert_eq!(one.longer_share, other.longer_share);
            prop_assert!(!(one.passes() && other.passes()));
        }
    }
}
