//! Whether the share of yes among votes has fallen, decided vote by vote.
//!
//! A comparison of two shares fires falsely on 8 to 22 of 100 runs at small counts. This is a Shiryaev–Roberts
//! detector (Shiryaev 1963; Roberts 1966): for each of a grid of falls, given as shifts of the logit, R ← (1 + R) ·
//! (likelihood of the vote after the fall / before it); their mean is compared with a threshold. Where nothing has
//! changed R grows by at most 1 a vote on average, so a false alarm takes at least as many votes as the threshold, on
//! average. "Before" is the 95 % lower limit (Clopper & Pearson 1934) of the earlier share: with the estimate itself
//! that promise is broken in half of all histories.

/// Falls looked for: of the logit of the share.
const SHIFTS: [f64; 8] = [0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.8, 2.2];
/// From here on the share has fallen, where acting on it is dear: a prompt is rolled back.
pub const THRESHOLD: f64 = 1e5;
/// Certainty of the limit under the earlier share.
pub const LIMIT_LEVEL: f64 = 0.95;

/// Watches votes for a fall below a share.
#[derive(Debug, Clone, Copy)]
pub struct Detector {
    /// By shift: likelihood ratio of a yes, of a no, and R.
    watched: [(f64, f64, f64); SHIFTS.len()],
}

impl Detector {
    /// Watches for a fall below `share`, usually a [`lower_limit`]. Outside (0, 1) nothing is ever noticed: nothing
    /// lies below no yes at all, and every single no would refute none.
    pub fn new(share: f64) -> Self {
        let watched = SHIFTS.map(|shift| {
            if !(share > 0.0 && share < 1.0) {
                return (0.0, 0.0, 0.0);
            }
            // Odds after the fall; p = odds / (1 + odds).
            let odds = share / (1.0 - share) * (-shift).exp();
            let after = odds / (1.0 + odds);
            (after / share, (1.0 - after) / (1.0 - share), 0.0)
        });
        Self { watched }
    }

    /// One more vote.
    #[must_use]
    pub fn after(mut self, yes: bool) -> Self {
        for (if_yes, if_no, r) in &mut self.watched {
            // Cut so that a long fall stays a number.
            *r = ((1.0 + *r) * if yes { *if_yes } else { *if_no }).min(f64::MAX / 16.0);
        }
        self
    }

    /// The statistic: 0 before any vote.
    pub fn statistic(&self) -> f64 {
        self.watched.iter().map(|(_, _, r)| r / SHIFTS.len() as f64).sum()
    }

    /// It has reached the threshold: by mistake not before as many votes, on average.
    pub fn alarmed(&self, threshold: f64) -> bool {
        self.statistic() >= threshold
    }
}

/// A fall of the share of yes among votes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fall {
    /// Share before, 0 to 1.
    pub from: f64,
    /// Share since it most likely began, 0 to 1.
    pub to: f64,
    /// Votes since then.
    pub votes: usize,
}

/// Whether the share has fallen, `before_yes` of `before` votes being the standard and `since` what came after, oldest
/// first. `None`: not that anybody could tell.
pub fn fallen(before_yes: u64, before: u64, since: &[bool], threshold: f64) -> Option<Fall> {
    let standard = lower_limit(before_yes, before);
    let detector = since.iter().fold(Detector::new(standard), |detector, yes| detector.after(*yes));
    if !detector.alarmed(threshold) {
        return None;
    }
    let (to, votes) = lately(standard, since)?;
    Some(Fall { from: before_yes as f64 / before as f64, to, votes })
}

/// The share among the last votes and how many those are: those which are least likely at `standard`, compared with
/// what they are (the most likely time of a change).
fn lately(standard: f64, votes: &[bool]) -> Option<(f64, usize)> {
    let (mut yes, mut best) = (0.0, None);
    let mut most = 0.0;
    for (i, vote) in votes.iter().rev().enumerate() {
        let n = (i + 1) as f64;
        yes += f64::from(u8::from(*vote));
        let share = yes / n;
        if share < standard {
            let gain = share_of(yes, share / standard) + share_of(n - yes, (1.0 - share) / (1.0 - standard));
            if gain > most {
                most = gain;
                best = Some((share, i + 1));
            }
        }
    }
    best
}

/// count · ln(ratio), 0 for a count of 0.
fn share_of(count: f64, ratio: f64) -> f64 {
    if count > 0.0 { count * ratio.ln() } else { 0.0 }
}

/// The 95 % lower limit of a share of which `yes` of `n` votes were seen (Clopper & Pearson 1934): the share at which
/// as many or more would be seen one time in twenty. 0 without a yes. More than `n` count as `n`.
pub fn lower_limit(yes: u64, n: u64) -> f64 {
    let yes = yes.min(n);
    if yes == 0 {
        return 0.0;
    }
    // ln of n over `yes`, as a product of min(yes, n − yes) factors.
    let few = yes.min(n - yes);
    let log_ways: f64 = (0..few).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum();
    let (mut low, mut high) = (0.0, 1.0);
    // Halving 40 times is exact to 1e-12.
    for _ in 0..40 {
        let share = f64::midpoint(low, high);
        if at_least(yes, n, share, log_ways) > 1.0 - LIMIT_LEVEL { high = share } else { low = share }
    }
    low
}

/// P(X ≥ `yes`) for X binomial(n, share), from its first term on.
fn at_least(yes: u64, n: u64, share: f64, log_ways: f64) -> f64 {
    let odds = share / (1.0 - share);
    let first = log_ways + yes as f64 * share.ln() + (n - yes) as f64 * (1.0 - share).ln();
    // Above the mean the terms only fall; below it the answer is at least a third or so, however it is rounded.
    let (mut term, mut sum) = (1.0, 1.0);
    for k in yes..n {
        term *= (n - k) as f64 / (k + 1) as f64 * odds;
        sum += term;
        if term < sum * 1e-15 {
            break;
        }
    }
    if sum.is_finite() { (first + sum.ln()).exp() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Coins(u64);

    impl Coins {
        fn toss(&mut self, share: f64) -> bool {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64) < share
        }

        fn count(&mut self, n: u64, share: f64) -> u64 {
            (0..n).map(|_| u64::from(self.toss(share))).sum()
        }
    }

    /// Votes until the alarm, or `most`.
    fn until_alarm(coins: &mut Coins, history: u64, before: f64, after: f64, most: usize) -> usize {
        let standard = lower_limit(coins.count(history, before), history);
        let mut detector = Detector::new(standard);
        for votes in 1..=most {
            detector = detector.after(coins.toss(after));
            if detector.alarmed(THRESHOLD) {
                return votes;
            }
        }
        most
    }

    /// qbeta(0.05, yes, n − yes + 1), from tables of the beta distribution.
    #[test]
    fn the_limit_is_clopper_and_pearsons() {
        // All of n: 0.05^(1/n). One of n: 1 − 0.95^(1/n).
        for n in [1, 5, 50, 2_000] {
            assert!((lower_limit(n, n) - 0.05_f64.powf(1.0 / n as f64)).abs() < 1e-9, "all of {n}");
            assert!((lower_limit(1, n) - (1.0 - 0.95_f64.powf(1.0 / n as f64))).abs() < 1e-9, "one of {n}");
        }
        assert_eq!(lower_limit(0, 10), 0.0);
        assert_eq!(lower_limit(0, 0), 0.0);
        assert!((lower_limit(8, 10) - 0.493_098_7).abs() < 1e-6, "{}", lower_limit(8, 10));
        assert!((lower_limit(5, 10) - 0.222_441_1).abs() < 1e-6, "{}", lower_limit(5, 10));
    }

    #[test]
    fn the_limit_lies_below_the_share_19_times_in_20() {
        let mut coins = Coins(1);
        let below = (0..2_000).filter(|_| lower_limit(coins.count(300, 0.8), 300) <= 0.8).count();
        assert!((1_860..=1_960).contains(&below), "{below} of 2000");
    }

    /// Where nothing has changed, 10,000 votes raise an alarm in few histories.
    #[test]
    fn false_alarms_are_rare() {
        for history in [500, 2_000] {
            let mut coins = Coins(2);
            let alarms = (0..200).filter(|_| until_alarm(&mut coins, history, 0.8, 0.8, 10_000) < 10_000).count();
            assert!(alarms <= 14, "{alarms} of 200 with {history} votes before");
        }
    }

    /// From 80 % to 60 %: ln(10⁴) / KL(0.6, 0.8) is 88 votes.
    #[test]
    fn a_fall_is_noticed_soon() {
        for (history, median_most) in [(500, 190), (2_000, 150)] {
            let mut coins = Coins(3);
            let mut delays: Vec<usize> = (0..400).map(|_| until_alarm(&mut coins, history, 0.8, 0.6, 5_000)).collect();
            delays.sort_unstable();
            assert!(delays[200] <= median_most, "median {} with {history} votes before", delays[200]);
            assert!(delays[360] <= 2 * median_most, "nine in ten {} with {history} votes before", delays[360]);
        }
    }

    #[test]
    fn it_says_from_where_to_where_and_since_when() {
        let mut since = [true, true, true, false].repeat(50);
        since.extend([true, false, false].repeat(60));
        let fall = fallen(1_500, 2_000, &since, THRESHOLD).unwrap();
        assert_eq!(fall.from, 0.75);
        assert!((fall.to - 1.0 / 3.0).abs() < 0.02, "{fall:?}");
        assert!((170..=190).contains(&fall.votes), "{fall:?}");
        assert_eq!(fallen(1_500, 2_000, &since[..200], THRESHOLD), None);
    }

    #[test]
    fn without_a_standard_nothing_is_noticed() {
        assert_eq!(fallen(0, 0, &[false; 500], THRESHOLD), None);
        assert_eq!(fallen(0, 100, &[false; 500], THRESHOLD), None);
        assert!(fallen(100, 100, &[false; 500], THRESHOLD).is_some());
        assert!(!(0..5_000).fold(Detector::new(1.0), |d, _| d.after(false)).alarmed(THRESHOLD));
        assert!((0..50_000).fold(Detector::new(0.9), |d, _| d.after(false)).statistic().is_finite());
    }

    proptest! {
        #[test]
        fn a_yes_never_raises_it_and_a_no_never_lowers_it(share in 0.01f64..0.99, votes: Vec<bool>) {
            let d = votes.iter().fold(Detector::new(share), |d, v| d.after(*v));
            prop_assert!(d.after(true).statistic() <= d.after(false).statistic());
        }

        #[test]
        fn any_history_is_handled(yes in 0u64..3_000, n in 0u64..3_000, since: Vec<bool>) {
            let limit = lower_limit(yes, n);
            prop_assert!((0.0..=1.0).contains(&limit));
            if n > 0 { prop_assert!(limit <= yes.min(n) as f64 / n as f64); }
            fallen(yes.min(n), n, &since, THRESHOLD);
        }
    }
}
