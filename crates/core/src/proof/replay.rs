//! Earlier questions answered again by both versions: whether the candidate's answers are the better ones.

use super::betting::Bets;

/// What is bet on the next pair. An advantage of the candidate among all pairs, (won − lost)/all, is best bet on with
/// λ near it: these suit 65 to 35 with 30 % ties, and more and less.
pub const PAIR_BETS: [f64; 6] = [0.06, 0.12, 0.2, 0.3, 0.45, 0.65];
/// The e-value from which on a candidate counts as worse: it stays what it was, so one in twenty will do.
pub const WORSE_E: f64 = 20.0;

/// Where a replay stands. It ends at the first pair at which something is clear; pairs after that change nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Process {
    /// Evidence that the candidate is better: ln of the e-value, nats.
    pub log_e: f64,
    /// Evidence that it is worse.
    pub log_e_worse: f64,
    /// The pair at which it was clear that it is better, from 1.
    pub better_at: Option<usize>,
    /// The pair at which it was clear that it is worse.
    pub worse_at: Option<usize>,
    /// Pairs looked at.
    pub n: usize,
    /// Of these: the candidate's answer was the better one.
    pub wins: usize,
    /// It was the worse one.
    pub losses: usize,
    /// Neither, or each in one order.
    pub ties: usize,
}

impl Process {
    /// (won − lost) / all, −1 to 1; 0 before any pair.
    pub fn effect(&self) -> f64 {
        (self.wins as f64 - self.losses as f64) / self.n.max(1) as f64
    }
}

/// A replay that goes on.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    better: Bets<6>,
    worse: Bets<6>,
    threshold: f64,
    now: Process,
}

impl Replay {
    /// Before the first pair. `level`: the chance of a false promotion, 0 to 1.
    pub fn new(level: f64) -> Self {
        let now = Process {
            log_e: 0.0,
            log_e_worse: 0.0,
            better_at: None,
            worse_at: None,
            n: 0,
            wins: 0,
            losses: 0,
            ties: 0,
        };
        Self { better: Bets::new(PAIR_BETS), worse: Bets::new(PAIR_BETS), threshold: -level.ln(), now }
    }

    /// One more pair: 1 the candidate's answer is better, −1 the baseline's, 0 neither.
    pub fn observe(&mut self, d: i8) {
        if self.ended() {
            return;
        }
        let d = d.signum();
        self.better.observe(f64::from(d));
        self.worse.observe(f64::from(-d));
        let now = &mut self.now;
        now.n += 1;
        match d {
            1 => now.wins += 1,
            -1 => now.losses += 1,
            _ => now.ties += 1,
        }
        now.log_e = self.better.log_e();
        now.log_e_worse = self.worse.log_e();
        if now.log_e >= self.threshold {
            now.better_at = Some(now.n);
        } else if now.log_e_worse >= WORSE_E.ln() {
            now.worse_at = Some(now.n);
        }
    }

    /// Something is clear.
    pub fn ended(&self) -> bool {
        self.now.better_at.is_some() || self.now.worse_at.is_some()
    }

    /// Where it stands.
    pub fn now(&self) -> Process {
        self.now
    }
}

/// Where a replay stands after these pairs (1, 0, −1 from the candidate's view, in order), at most `horizon` of them.
/// `level`: the chance of a false promotion it may have, above 0, at most 1.
pub fn replay(ds: impl IntoIterator<Item = i8>, level: f64, horizon: usize) -> Process {
    let mut replay = Replay::new(level);
    for d in ds.into_iter().take(horizon) {
        replay.observe(d);
        if replay.ended() {
            break;
        }
    }
    replay.now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the number of decided pairs up to `n`, of which a share `win` are won: the chance of having ended as better,
    /// as worse, and the mean e-value. Over every sequence, exactly: those with the same counts have the same wealth.
    fn ends(level: f64, n: usize, win: f64) -> Vec<(f64, f64, f64)> {
        let mut going = vec![(1.0, Replay::new(level))];
        let (mut better, mut worse, mut ended) = (0.0, 0.0, 0.0);
        let mut all = vec![(0.0, 0.0, 1.0)];
        for _ in 0..n {
            // By wins.
            let mut next: Vec<Option<(f64, Replay)>> = vec![None; n + 1];
            for (chance, replay) in going {
                for (d, p) in [(1, win), (-1, 1.0 - win)] {
                    let mut replay = replay;
                    replay.observe(d);
                    let now = replay.now();
                    if replay.ended() {
                        ended += chance * p * now.log_e.exp();
                        if now.better_at.is_some() { better += chance * p } else { worse += chance * p }
                    } else {
                        next[now.wins].get_or_insert((0.0, replay)).0 += chance * p;
                    }
                }
            }
            going = next.into_iter().flatten().collect();
            let open: f64 = going.iter().map(|(chance, replay)| chance * replay.now().log_e.exp()).sum();
            all.push((better, worse, ended + open));
        }
        all
    }

    /// The chance of having ended as better and as worse within `n` pairs, of which each is decided with chance 0.7.
    fn within(level: f64, n: usize, win: f64) -> (f64, f64) {
        let (mut better, mut worse) = (0.0, 0.0);
        let mut chance = 0.3_f64.powi(n as i32);
        for (decided, (b, w, _)) in ends(level, n, win).into_iter().enumerate() {
            better += chance * b;
            worse += chance * w;
            chance *= (n - decided) as f64 / (decided + 1) as f64 * (0.7 / 0.3);
        }
        (better, worse)
    }

    /// Exactly: where neither is better, 700 decided pairs promote at most at the level, and the mean e-value is 1.
    #[test]
    fn neither_better_is_promoted_at_most_at_the_level() {
        for level in [0.05, 0.01, 1.0 / 1_200.0] {
            let (better, worse, mean) = ends(level, 700, 0.5).pop().unwrap();
            assert!(better <= level && better > level / 4.0, "{level}: {better}");
            assert!(worse <= 1.0 / WORSE_E, "{worse}");
            assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        }
    }

    /// 65 to 35 with 30 % ties: nine in ten within 400 pairs at 1 %, exactly.
    #[test]
    fn a_real_advantage_is_seen() {
        let (better, worse) = within(0.01, 400, 0.65);
        assert!(better >= 0.9, "{better}");
        assert!(worse < 0.02, "{worse}");
        let (better, worse) = within(0.01, 400, 0.35);
        assert!(better < 1e-4 && worse > 0.95, "{better} {worse}");
    }

    #[test]
    fn thirty_pairs_prove_nothing() {
        let (better, _) = within(0.01, 30, 0.65);
        assert!(better < 0.05, "{better}");
    }

    #[test]
    fn no_more_than_the_horizon_is_looked_at() {
        let process = replay([1; 500], 1e-9, 20);
        assert_eq!((process.n, process.better_at), (20, None));
        assert_eq!(replay([0; 500], 0.01, 300).ties, 300);
        assert_eq!(replay([], 0.01, 300).effect(), 0.0);
    }

    #[test]
    fn it_says_when_it_was_clear() {
        let process = replay([1; 500], 0.01, 500);
        assert_eq!(process.better_at, Some(process.n));
        assert_eq!((process.n, process.effect(), process.losses), (13, 1.0, 0));
        let process = replay([-1; 500], 0.01, 500);
        assert_eq!((process.better_at, process.worse_at, process.losses), (None, Some(9), 9));
    }

    fn pairs() -> impl Strategy<Value = Vec<i8>> {
        prop::collection::vec(-1i8..=1, 0..300)
    }

    proptest! {
        #[test]
        fn batches_make_no_difference(ds in pairs(), cut: prop::sample::Index, more in pairs()) {
            let mut replay = Replay::new(0.2);
            let (one, two) = ds.split_at(cut.index(ds.len() + 1));
            one.iter().chain(two).for_each(|d| replay.observe(*d));
            let whole = super::replay(ds.iter().copied(), 0.2, 300);
            prop_assert_eq!(replay.now(), whole);
            // What comes after the end changes nothing.
            if replay.ended() {
                let longer = super::replay(ds.iter().chain(&more).copied(), 0.2, 600);
                prop_assert_eq!(longer, whole);
            }
        }

        #[test]
        fn a_pair_that_went_better_never_speaks_against_it(ds in pairs(), at: prop::sample::Index) {
            prop_assume!(!ds.is_empty());
            let mut higher = ds.clone();
            let at = at.index(ds.len());
            higher[at] = (higher[at] + 1).min(1);
            // At levels that end nothing.
            let (high, low) = (super::replay(higher, 1e-300, 300), super::replay(ds, 1e-300, 300));
            if high.worse_at.is_none() && low.worse_at.is_none() {
                prop_assert!(high.log_e >= low.log_e - 1e-9 && high.log_e_worse <= low.log_e_worse + 1e-9);
            }
        }

        #[test]
        fn counts_add_up(ds in pairs(), level in 1e-6f64..=1.0, horizon in 0usize..400) {
            let p = super::replay(ds.iter().copied(), level, horizon);
            prop_assert_eq!(p.wins + p.losses + p.ties, p.n);
            prop_assert!(p.n <= ds.len().min(horizon));
            prop_assert!(p.better_at.is_none() || p.worse_at.is_none());
            prop_assert!((-1.0..=1.0).contains(&p.effect()));
        }
    }
}
