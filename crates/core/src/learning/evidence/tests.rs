use proptest::prelude::*;

use super::*;

/// SplitMix64.
struct Coins(u64);

impl Coins {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A signal like people's: mostly silence, some copies and follow-ups, few votes.
    fn signal(&mut self) -> i16 {
        match self.uniform() {
            u if u < 0.05 => 100,
            u if u < 0.08 => -100,
            u if u < 0.18 => 30,
            u if u < 0.45 => -20,
            _ => 0,
        }
    }
}

fn of(answers: &[(i16, i16, bool, f64)]) -> Evidence {
    answers.iter().map(|(x, m, shown, p)| observe(*x, *m, *shown, *p)).sum()
}

fn answers() -> impl Strategy<Value = Vec<(i16, i16, bool, f64)>> {
    prop::collection::vec((-100i16..=100, -100i16..=100, any::<bool>(), 0.0f64..=1.0), 0..60)
}

/// By hand: p = 1/2, x = 1, m = 0: Z = 1/2.
#[test]
fn one_answer() {
    let e = observe(100, 0, true, 0.5);
    assert_eq!((e.n, e.shown, e.shown_sum, e.info, e.z, e.zz), (1, 1, 100, 250_000, 500_000, 250_000));
    assert_eq!(e.wealth, BETS.map(|bet| ((1.0 + bet / 2.0).ln() * 1e9).floor() as i64));
    let held_back = observe(100, 0, false, 0.5);
    assert_eq!((held_back.n, held_back.shown, held_back.shown_sum, held_back.z), (1, 0, 0, -500_000));
}

#[test]
fn without_a_coin_nothing_is_learned() {
    for p in [0.0, 1.0, -1.0, 7.0, f64::NAN] {
        let e = observe(100, 0, true, p);
        assert_eq!(e, Evidence { n: 1, shown: 1, shown_sum: 100, ..Evidence::default() }, "{p}");
    }
}

#[test]
fn it_is_written_as_the_database_has_it() {
    let json = r#"{"n":1,"shown":1,"shown_sum":2,"info":3,"z":-4,"zz":5,"wealth":[6,7,8,-9]}"#;
    let evidence: Evidence = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&evidence).unwrap(), json);
}

/// Ville: where showing makes no difference, an e-value reaches 20 in at most one of 20 lives, however often one looks.
/// A late pattern (p = 0.93) and a wrong baseline change nothing about it.
#[test]
fn an_e_value_seldom_grows_by_chance() {
    for (p, m) in [(0.5, 0), (0.5, 60), (0.93, -5)] {
        let mut coins = Coins(11);
        let lives = 2_000;
        let mut high = 0;
        for _ in 0..lives {
            let mut sum = Evidence::default();
            for _ in 0..400 {
                let shown = coins.uniform() < p;
                sum += observe(coins.signal(), m, shown, p);
                if Weighed::of(&sum).log_e() >= 20.0_f64.ln() {
                    high += 1;
                    break;
                }
            }
        }
        // 100 expected at most; three standard errors of a binomial are 29.
        assert!(high <= 129, "p {p}, m {m}: {high} of {lives}");
    }
}

/// Where it does make a difference, the e-value gets there.
#[test]
fn an_e_value_grows_where_there_is_an_effect() {
    let mut coins = Coins(12);
    let sum: Evidence = (0..1_000)
        .map(|_| {
            let shown = coins.uniform() < 0.5;
            let better = if shown && coins.uniform() < 0.3 { 30 } else { 0 };
            observe((coins.signal() + better).min(100), 0, shown, 0.5)
        })
        .sum();
    assert!(Weighed::of(&sum).log_e() > 1_200.0_f64.ln(), "{}", Weighed::of(&sum).log_e());
    let (effect, variance) = Weighed::of(&sum).effect().unwrap();
    assert!((effect - 0.09).abs() < 3.0 * variance.sqrt(), "{effect} ± {}", variance.sqrt());
}

#[test]
fn under_twenty_people_nobody_is_capped() {
    let person = Evidence { n: 50, z: 1_000_000, ..Evidence::default() };
    let all: Evidence = (0..19).map(|_| Evidence { n: 1, ..person }).chain([person]).sum();
    let top = [person];
    assert_eq!(Totals::new(&all, 19, &top).capped(0.1), Totals::new(&all, 19, &top).full());
    assert_ne!(Totals::new(&all, 20, &top).capped(0.1), Totals::new(&all, 20, &top).full());
}

#[test]
fn without_the_top_three_the_others_are_left() {
    let people: Vec<Evidence> =
        (1..=6).rev().map(|n| Evidence { n, z: n * 1_000_000, ..Evidence::default() }).collect();
    let all = people.iter().copied().sum();
    let left = Totals::new(&all, 6, &people).without_top(3);
    assert_eq!((left.n, left.z), (6.0, 6.0));
    assert_eq!(Totals::new(&all, 3, &people[..3]).without_top(3).n, 6.0);
}

proptest! {
    #[test]
    fn the_order_does_not_matter(answers in answers(), seed: u64) {
        let mut shuffled = answers.clone();
        let mut coins = Coins(seed);
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, (coins.uniform() * (i + 1) as f64) as usize);
        }
        prop_assert_eq!(of(&answers), of(&shuffled));
    }

    #[test]
    fn what_is_added_and_taken_away_leaves_nothing(answers in answers()) {
        let sum = of(&answers);
        prop_assert!((sum - sum).is_zero());
        let left = answers.iter().fold(sum, |left, (x, m, shown, p)| left - observe(*x, *m, *shown, *p));
        prop_assert!(left.is_zero());
    }

    /// Each answer is settled at some time and corrected some times, runs fail and are taken up again, in any order:
    /// what counts in the end is what one clean pass over the last values gives.
    #[test]
    fn corrections_in_any_order_equal_one_clean_pass(
        answers in answers(),
        corrections in prop::collection::vec((any::<prop::sample::Index>(), -100i16..=100), 0..120)
    ) {
        prop_assume!(!answers.is_empty());
        let mut counted: Vec<Option<i16>> = vec![None; answers.len()];
        let mut sum = Evidence::default();
        let mut settle = |at: usize, signal: i16| {
            let (_, m, shown, p) = answers[at];
            let before = counted[at].map_or_else(Evidence::default, |old| observe(old, m, shown, p));
            sum += observe(signal, m, shown, p) - before;
            counted[at] = Some(signal);
        };
        for (at, signal) in &corrections {
            settle(at.index(answers.len()), *signal);
        }
        for (at, answer) in answers.iter().enumerate() {
            settle(at, answer.0);
        }
        prop_assert_eq!(sum, of(&answers));
    }

    /// 1 + λZ ≥ 0.1 for whatever could have come, so no answer costs a bet more than ln 10.
    #[test]
    fn a_bet_never_loses_all(x: i16, m: i16, shown: bool, p in 1e-6f64..=0.999_999) {
        for wealth in observe(x, m, shown, p).wealth {
            prop_assert!(wealth as f64 / 1e9 >= LEAST_FACTOR.ln() - 1e-6, "{}", wealth);
        }
    }

    /// Over the coin alone, whatever the signal: the mean of 1 + λZ is at most 1.
    #[test]
    fn on_average_a_bet_wins_nothing(x in -100i16..=100, m in -100i16..=100, p in 0.05f64..=0.95) {
        let (shown, held_back) = (observe(x, m, true, p), observe(x, m, false, p));
        for (a, b) in shown.wealth.iter().zip(held_back.wealth) {
            let mean = p * (*a as f64 / 1e9).exp() + (1.0 - p) * (b as f64 / 1e9).exp();
            prop_assert!(mean <= 1.0 + 1e-12, "{}", mean);
        }
    }

    #[test]
    fn nobody_weighs_more_than_the_cap(
        mut answered in prop::collection::vec(1i64..2_000, 20..80), cap in 0.05f64..=1.0
    ) {
        answered.sort_unstable_by(|a, b| b.cmp(a));
        let people: Vec<Evidence> = answered.iter().map(|n| Evidence { n: *n, ..Evidence::default() }).collect();
        let all: Evidence = people.iter().copied().sum();
        let top = &people[..people.len().min((1.0 / cap).ceil() as usize + 3)];
        let totals = Totals::new(&all, people.len() as i64, top);
        let (counted, over) = (totals.capped(cap), totals.over(cap));
        prop_assert!(over as f64 * cap <= 1.0 + 1e-9);
        let limit = cap * counted.n;
        for person in &people[over..] {
            prop_assert!(person.n as f64 <= limit + 1e-6);
        }
        // Those over it count exactly the cap, and nobody else lost anything.
        let rest: i64 = answered[over..].iter().sum();
        prop_assert!((counted.n - (rest as f64 + over as f64 * limit)).abs() < 1e-6 * counted.n);
        prop_assert!(counted.n <= all.n as f64 + 1e-6);
    }

    #[test]
    fn any_number_is_handled(x: i16, m: i16, shown: bool, p: f64, n: i64, people: i64, cap: f64) {
        let e = observe(x, m, shown, p);
        let top = [e, Evidence { n, ..e }];
        let totals = Totals::new(&e, people, &top);
        totals.capped(cap).log_e();
        totals.without_top(9).effect();
    }
}
