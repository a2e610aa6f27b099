use proptest::prelude::*;

use super::{
    super::{canary, replay::replay as process},
    *,
};

const TRAFFIC: Traffic = Traffic {
    conversations_a_day: 140.0,
    people_a_day: 30.0,
    pool: 2_000,
    pairs_a_day: 400.0,
    tests_this_year: 3,
    promoted_this_year: 1,
    year: 2026,
};
const SETTINGS: ProofSettings = ProofSettings {
    method: None,
    pairs: 1_000,
    canary_share: 0.2,
    canary_unit: UnitKind::Conversation,
    canary_min_days: 7.0,
    canary_max_days: 28.0,
    yearly_budget: true,
    fixed_level: 0.01,
};

/// Uniform on [0, 1).
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Box & Muller 1958.
fn normal(state: &mut u64) -> f64 {
    (-2.0 * (1.0 - draw(state)).ln()).sqrt() * (std::f64::consts::TAU * draw(state)).cos()
}

/// The sorted numbers of units until a typical improvement is proved, over simulated canaries.
fn units_needed(level: f64, share: f64, runs: u64) -> Vec<usize> {
    let mut needed: Vec<usize> = (0..runs)
        .map(|seed| {
            let mut state = seed * 7 + 1;
            let mut test = canary::Canary::new(level);
            for n in 1..20_000 {
                let arm = draw(&mut state) < share;
                let score = 3.6 + if arm { 0.2 } else { 0.0 } + 0.95 * normal(&mut state);
                let judged = Some(((score - 1.0) / 4.0).clamp(0.0, 1.0));
                test.observe(&canary::Unit { arm, propensity: share, person: n as u32, judged, reaction: 0.5 });
                if test.now().better_at.is_some() {
                    return n;
                }
            }
            20_000
        })
        .collect();
    needed.sort_unstable();
    needed
}

#[test]
fn a_canary_takes_as_many_units_as_is_said() {
    for (level, share) in [(0.01, 0.2), (1.0 / 1_200.0, 0.2), (0.01, 0.5), (1.0 / 1_200.0, 0.5), (0.01, 0.05)] {
        let settings = ProofSettings { canary_share: share, method: Some(Method::Canary), ..SETTINGS };
        let said = plan(&TRAFFIC, &settings, level).expected_units as f64;
        let needed = units_needed(level, share, 200);
        let median = needed[100] as f64;
        assert!((0.85..=1.17).contains(&(said / median)), "{level} {share}: said {said}, took {median}");
    }
}

#[test]
fn where_a_canary_is_chosen_four_in_five_end_in_time() {
    for share in [0.2, 0.5] {
        let settings = ProofSettings { canary_share: share, ..SETTINGS };
        // The least traffic with which it is chosen.
        let chosen = |a_day: &u32| {
            let traffic = Traffic { conversations_a_day: f64::from(*a_day), ..TRAFFIC };
            plan(&traffic, &settings, 0.01).method == Method::Canary
        };
        let least = (1..1_000).find(chosen).unwrap();
        let within = (settings.canary_max_days - DAYS_OF_CONVERSATION) * f64::from(least);
        let needed = units_needed(0.01, share, 200);
        let in_time = needed.iter().filter(|n| **n as f64 <= within).count();
        assert!((145..=180).contains(&in_time), "{share}: {in_time} of 200 at {least} a day");
    }
}

#[test]
fn a_replay_takes_as_many_pairs_as_is_said() {
    for level in [0.05, 0.01, 1.0 / 1_200.0] {
        let settings = ProofSettings { method: Some(Method::Replay), pairs: 2_000, ..SETTINGS };
        let said = plan(&TRAFFIC, &settings, level).expected_units as f64;
        let mut needed: Vec<usize> = (0..400_u64)
            .map(|seed| {
                let mut state = seed * 11 + 5;
                let ds = (0..2_000).map(|_| match draw(&mut state) {
                    x if x < TYPICAL_WON => 1,
                    x if x < TYPICAL_WON + TYPICAL_LOST => -1,
                    _ => 0,
                });
                process(ds.collect::<Vec<_>>(), level, 2_000).n
            })
            .collect();
        needed.sort_unstable();
        let median = needed[200] as f64;
        assert!((0.85..=1.17).contains(&(said / median)), "{level}: said {said}, took {median}");
    }
}

#[test]
fn with_much_traffic_a_canary_and_with_little_a_replay() {
    let level = level(&TRAFFIC, &SETTINGS);
    assert_eq!(level, 2.0 * 0.05 / 60.0);
    let much = plan(&TRAFFIC, &SETTINGS, level);
    assert_eq!((much.method, much.position, much.year), (Method::Canary, Some(4), Some(2026)));
    assert_eq!(much.words, "Canary: 20 % of new conversations; at today's 140 conversations a day about 16 days.");
    let little = plan(&Traffic { conversations_a_day: 12.0, ..TRAFFIC }, &SETTINGS, level);
    assert_eq!((little.method, little.expected_days), (Method::Replay, Some(1.0)));
    assert_eq!(
        little.words,
        "Replay: up to 1,000 earlier questions, answered by both versions; at today's 400 pairs a day about a day."
    );
    let by_person = plan(&TRAFFIC, &ProofSettings { canary_unit: UnitKind::User, ..SETTINGS }, level);
    assert_eq!(by_person.method, Method::Replay, "30 people a day are too few");
}

#[test]
fn what_is_set_is_kept_to_and_what_that_means_is_said() {
    let canary = ProofSettings { method: Some(Method::Canary), yearly_budget: false, ..SETTINGS };
    assert_eq!(level(&TRAFFIC, &canary), 0.01);
    let slow = plan(&Traffic { conversations_a_day: 3.46, ..TRAFFIC }, &canary, 0.01);
    assert_eq!((slow.method, slow.position, slow.year), (Method::Canary, None, None));
    assert_eq!(
        slow.words,
        "Canary: 20 % of new conversations; at today's 3.5 conversations a day too few to decide within 28 days, \
         unless it is much better."
    );
    assert_eq!(plan(&Traffic { conversations_a_day: 0.0, ..TRAFFIC }, &canary, 0.01).expected_days, None);
    let much = plan(
        &Traffic { people_a_day: 5_000.0, ..TRAFFIC },
        &ProofSettings { canary_unit: UnitKind::User, ..canary },
        0.01,
    );
    assert_eq!(much.words, "Canary: 20 % of people; at today's 5,000 people a day about 9 days.");
    let replay = ProofSettings { method: Some(Method::Replay), pairs: 100, ..SETTINGS };
    let empty = plan(&Traffic { pool: 60, ..TRAFFIC }, &replay, 0.01);
    assert_eq!((empty.expected_units, empty.expected_days), (100, None));
    assert_eq!(
        empty.words,
        "Replay: up to 100 earlier questions, answered by both versions; it waits for 100 earlier questions, and there \
         are 60."
    );
    let small = plan(&Traffic { pool: 180, ..TRAFFIC }, &ProofSettings { pairs: 1_000, ..replay }, 1e-4);
    assert_eq!(small.expected_units, 180);
    assert!(small.words.starts_with("Replay: up to 180 earlier questions"), "{}", small.words);
    let broke = plan(&Traffic { pairs_a_day: 0.0, ..TRAFFIC }, &replay, 0.01);
    assert!(broke.words.ends_with("today's limits of tokens and money leave nothing for it."), "{}", broke.words);
}

proptest! {
    #[test]
    fn more_traffic_never_takes_longer(
        few in 0.1f64..5_000.0, more in 0.0f64..5_000.0, share in 0.05f64..=0.5, promoted in 0u32..60
    ) {
        let settings = ProofSettings { canary_share: share, ..SETTINGS };
        let of = |a_day: f64| {
            let traffic = Traffic { conversations_a_day: a_day, promoted_this_year: promoted, ..TRAFFIC };
            plan(&traffic, &settings, level(&traffic, &settings))
        };
        let (slow, fast) = (of(few), of(few + more));
        if slow.method == Method::Canary {
            prop_assert_eq!(fast.method, Method::Canary);
            prop_assert!(fast.expected_days <= slow.expected_days);
            prop_assert!(slow.expected_days.is_some_and(|days| (7.0..=28.0).contains(&days)));
        }
    }

    #[test]
    fn a_lower_level_never_takes_less(level in 1e-6f64..0.04, more in 0.0f64..0.01, method: bool) {
        let method = Some(if method { Method::Canary } else { Method::Replay });
        let settings = ProofSettings { method, pairs: 2_000, ..SETTINGS };
        let (strict, loose) = (plan(&TRAFFIC, &settings, level), plan(&TRAFFIC, &settings, level + more));
        prop_assert!(strict.expected_units >= loose.expected_units);
        prop_assert!(strict.expected_days >= loose.expected_days);
    }

    #[test]
    fn any_traffic_is_planned_for(
        conversations in any::<f64>(), people in any::<f64>(), pairs in any::<f64>(), pool: u32, tests: u32,
        level in any::<f64>()
    ) {
        let traffic = Traffic {
            conversations_a_day: conversations, people_a_day: people, pool, pairs_a_day: pairs,
            tests_this_year: tests, ..TRAFFIC
        };
        for method in [None, Some(Method::Canary), Some(Method::Replay)] {
            let words = plan(&traffic, &ProofSettings { method, ..SETTINGS }, level).words;
            prop_assert!(words.ends_with('.') && !words.contains("NaN") && !words.contains("inf"), "{words}");
        }
    }
}
