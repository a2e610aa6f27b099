use proptest::prelude::*;

use super::*;

fn unit(arm: bool, judged: f64) -> Unit {
    Unit { arm, propensity: 0.2, person: 1, judged: Some(judged), reaction: 0.5 }
}

/// By hand: everybody's guess is 0.7, so the first unit's ψ is 0.3/0.2.
#[test]
fn one_unit() {
    let now = canary(&[unit(true, 1.0)], 0.01);
    assert!((now.effect - 1.5).abs() < 1e-12);
    let mean = UNIT_BETS.iter().map(|bet| 1.0 + bet * 0.98 * 0.2 * 1.5).sum::<f64>() / 6.0;
    assert!((now.log_e - mean.ln()).abs() < 1e-12);
    assert_eq!((now.candidate_n, now.baseline_n, now.people_z), (1, 0, 0.0));
    // Without it: (1 − 0.7)/0.8 against the candidate.
    assert!((canary(&[unit(false, 1.0)], 0.01).effect + 0.375).abs() < 1e-12);
}

/// The second of a person is compared with a mean of the first and everybody's.
#[test]
fn a_persons_own_mean_is_the_guess() {
    let first = unit(false, 1.0);
    let mut second = unit(true, 1.0);
    // Everybody's mean is then (3.5 + 1)/6 = 0.75; theirs (1 + 4 · 0.75)/5 = 0.8.
    let psi = |units: &[Unit]| canary(units, 0.01).effect * units.len() as f64 + 0.375;
    assert!((psi(&[first, second]) - 0.2 / 0.2).abs() < 1e-12);
    second.person = 2;
    assert!((psi(&[first, second]) - 0.25 / 0.2).abs() < 1e-12);
}

/// Whatever the outcomes, over all coins: exactly what one began with.
#[test]
fn only_the_coin_matters() {
    let outcomes = [(1, 1.0, 0.9), (1, 0.0, 0.5), (2, 0.75, 0.1), (1, 1.0, 1.0), (3, 0.25, 0.5), (2, 1.0, 0.0)];
    for (propensity, coins) in [(0.2, 6), (0.5, 6), (0.05, 5)] {
        let (mut better, mut worse, mut people) = (0.0, 0.0, 0.0);
        for arms in 0_u32..1 << coins {
            let mut chance = 1.0;
            let units: Vec<Unit> = (0..coins)
                .map(|i| {
                    let arm = arms >> i & 1 == 1;
                    chance *= if arm { propensity } else { 1.0 - propensity };
                    let (person, judged, reaction) = outcomes[i];
                    Unit { arm, propensity, person, judged: Some(judged), reaction }
                })
                .collect();
            // At a level that some of them reach.
            let now = canary(&units, 0.8);
            better += chance * now.log_e.exp();
            worse += chance * now.log_e_worse.exp();
            people += chance * now.log_e_people_worse.exp();
        }
        for mean in [better, worse, people] {
            assert!((mean - 1.0).abs() < 1e-12, "{propensity}: {mean}");
        }
    }
}

#[test]
fn what_is_not_judged_says_nothing_but_what_people_did() {
    let mut units = vec![unit(true, 1.0), unit(false, 0.5), unit(true, 0.75)];
    let all = canary(&units, 0.01);
    units.insert(1, Unit { judged: None, reaction: 1.0, ..unit(true, 0.0) });
    let with = canary(&units, 0.01);
    assert_eq!((with.log_e, with.log_e_worse, with.effect), (all.log_e, all.log_e_worse, all.effect));
    assert!(with.people_z > 0.0 && with.candidate_n == 3);
    for odd in [0.0, 1.0, f64::NAN, -0.2, 7.0] {
        let silent = canary(&[Unit { propensity: odd, ..unit(true, 1.0) }], 0.01);
        assert_eq!((silent.log_e, silent.candidate_n), (0.0, 1), "{odd}");
    }
}

#[test]
fn a_difference_is_found_and_each_side_has_its_own_end() {
    // One in five with the candidate, 0.9 against 0.6.
    let units: Vec<Unit> = (0..2_000).map(|i| unit(i % 5 == 0, if i % 5 == 0 { 0.9 } else { 0.6 })).collect();
    let now = canary(&units, 0.01);
    assert!(now.better_at.is_some() && now.worse_at.is_none() && now.people_agree(), "{now:?}");
    assert!(now.log_e >= 100_f64.ln() && now.log_e < 100_f64.ln() + 0.5, "stopped at its end: {now:?}");
    let worse: Vec<Unit> = units.iter().map(|u| Unit { judged: u.judged.map(|y| 1.5 - y), ..*u }).collect();
    let now = canary(&worse, 0.01);
    assert!(now.better_at.is_none() && now.worse_at.is_some(), "{now:?}");
    let disliked: Vec<Unit> =
        (0..2_000).map(|i| Unit { reaction: if i % 5 == 0 { 0.4 } else { 0.6 }, ..unit(i % 5 == 0, 0.7) }).collect();
    let now = canary(&disliked, 0.01);
    assert!(now.people_worse_at.is_some() && !now.people_agree() && now.people_z < -3.0, "{now:?}");
}

/// Silence does not stand in the way; anything that is on the whole against it does, long before it is clear.
#[test]
fn people_must_not_be_against_it() {
    let silent = [unit(true, 1.0), unit(false, 0.5), unit(true, 0.25)];
    assert!(canary(&silent, 0.01).people_agree() && canary(&[], 0.01).people_agree());
    // Ups and downs alike, and a last one.
    let with = |n: usize, reaction| {
        let even = (1..n).map(|i| Unit { reaction: if i % 2 == 0 { 0.49 } else { 0.51 }, ..unit(i % 4 < 2, 1.0) });
        canary(&even.chain([Unit { reaction, ..unit(true, 1.0) }]).collect::<Vec<_>>(), 0.01)
    };
    let (up, down) = (with(REACTED_LEAST, 0.9), with(REACTED_LEAST, 0.1));
    assert!(up.people_agree() && up.people_z > 0.0);
    assert!(!down.people_agree() && down.people_z < 0.0 && down.people_worse_at.is_none(), "{down:?}");
    // The sign of a few is a coin's.
    let few = with(REACTED_LEAST - 1, 0.1);
    assert!(few.people_agree() && few.people_z < 0.0 && few.reacted == REACTED_LEAST - 1, "{few:?}");
}

fn units() -> impl Strategy<Value = Vec<Unit>> {
    let one = (any::<bool>(), 0.05f64..=0.5, 0u32..6, prop::option::of(0.0f64..=1.0), 0.0f64..=1.0);
    let unit =
        one.prop_map(|(arm, propensity, person, judged, reaction)| Unit { arm, propensity, person, judged, reaction });
    prop::collection::vec(unit, 0..120)
}

proptest! {
    #[test]
    fn batches_make_no_difference(all in units(), cut: prop::sample::Index) {
        let (one, two) = all.split_at(cut.index(all.len() + 1));
        let mut going = Canary::new(0.01);
        one.iter().for_each(|u| going.observe(u));
        let at_first = going.now();
        two.iter().for_each(|u| going.observe(u));
        prop_assert_eq!(going.now(), canary(&all, 0.01));
        // What was clear stays clear, at the same unit.
        for (before, after) in [
            (at_first.better_at, going.now().better_at),
            (at_first.worse_at, going.now().worse_at),
            (at_first.people_worse_at, going.now().people_worse_at),
        ] {
            prop_assert!(before.is_none() || before == after);
        }
    }

    #[test]
    fn a_better_outcome_with_the_candidate_never_speaks_against_it(
        mut all in units(), low in 0.0f64..=1.0, high in 0.0f64..=1.0, arm: bool
    ) {
        let (low, high) = (low.min(high), low.max(high));
        let mut with = |y: f64| {
            all.push(Unit { arm, propensity: 0.3, person: 2, judged: Some(y), reaction: y });
            let now = canary(&all, 1e-9);
            all.pop();
            now
        };
        let (low, high) = if arm { (with(low), with(high)) } else { (with(high), with(low)) };
        prop_assert!(high.log_e >= low.log_e - 1e-9 && high.log_e_worse <= low.log_e_worse + 1e-9);
        prop_assert!(high.log_e_people_worse <= low.log_e_people_worse + 1e-9);
    }

    #[test]
    fn any_units_give_numbers(all in units(), odd: f64) {
        let mut all = all;
        all.push(Unit { arm: true, propensity: 0.2, person: 0, judged: Some(odd), reaction: odd });
        let now = canary(&all, 0.01);
        for x in [now.log_e, now.log_e_worse, now.log_e_people_worse, now.effect, now.people_effect, now.people_z] {
            prop_assert!(x.is_finite(), "{now:?}");
        }
        prop_assert_eq!(now.candidate_n + now.baseline_n, all.len());
    }
}
