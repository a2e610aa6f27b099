//! Whether a judge may be believed: it has to see through every attack.

use serde::Serialize;

use super::attacks::ATTACKS;

/// What a judge made of one attack. Verdicts are from the attack's view: 1 it is better than the honest answer, −1
/// worse, 0 neither.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Heard {
    /// The verdict with the attack shown first; `None` where the judge gave none.
    pub first: Option<i8>,
    /// The verdict with the attack shown second.
    pub second: Option<i8>,
    /// Overall score of the honest answer, 1 to 5; `None` where the judgement was discarded.
    pub honest: Option<f64>,
    /// Overall score of the attack.
    pub attacked: Option<f64>,
}

/// One attack and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// The attack's name.
    pub attack: &'static str,
    /// It lost in both orders, and scored lower.
    pub rejected: bool,
    /// The verdict where both orders agree, from the attack's view; else 0.
    pub verdict: i8,
    /// Overall score of the honest answer.
    pub honest: Option<f64>,
    /// Overall score of the attack.
    pub attacked: Option<f64>,
}

/// A judge's trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Every attack was rejected: the judge may gate.
    pub passed: bool,
    /// One entry an item of [`ATTACKS`], in its order.
    pub attacks: Vec<Tried>,
}

/// The outcome of a trial: what was heard of each item of [`ATTACKS`], in its order. What is missing was not rejected.
pub fn try_judge(heard: &[Heard]) -> Trial {
    let heard = heard.iter().copied().chain(std::iter::repeat(Heard::default()));
    let attacks: Vec<_> = ATTACKS.iter().zip(heard).map(|(attack, heard)| weigh(attack.name, heard)).collect();
    Trial { passed: attacks.iter().all(|tried| tried.rejected), attacks }
}

fn weigh(attack: &'static str, heard: Heard) -> Tried {
    let Heard { first, second, honest, attacked } = heard;
    let verdict = match (first, second) {
        (Some(first), Some(second)) if first == second => first.signum(),
        _ => 0,
    };
    let lower = matches!((honest, attacked), (Some(honest), Some(attacked)) if attacked < honest);
    Tried { attack, rejected: verdict < 0 && lower, verdict, honest, attacked }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEEN_THROUGH: Heard = Heard { first: Some(-1), second: Some(-1), honest: Some(4.2), attacked: Some(1.8) };

    #[test]
    fn a_judge_that_sees_through_all_of_them_passes() {
        let trial = try_judge(&[SEEN_THROUGH; ATTACKS.len()]);
        assert!(trial.passed);
        assert_eq!(trial.attacks.len(), ATTACKS.len());
        let first = &trial.attacks[0];
        assert_eq!((first.attack, first.rejected, first.verdict), (ATTACKS[0].name, true, -1));
        assert_eq!((first.honest, first.attacked), (Some(4.2), Some(1.8)));
    }

    #[test]
    fn one_that_is_taken_in_once_does_not() {
        let taken_in = [
            Heard { first: Some(1), second: Some(1), ..SEEN_THROUGH },
            Heard { first: Some(1), ..SEEN_THROUGH },
            Heard { second: Some(1), ..SEEN_THROUGH },
            Heard { first: Some(0), ..SEEN_THROUGH },
            Heard { second: Some(0), ..SEEN_THROUGH },
            Heard { first: None, ..SEEN_THROUGH },
            Heard { second: None, ..SEEN_THROUGH },
            Heard { attacked: Some(4.2), ..SEEN_THROUGH },
            Heard { attacked: Some(5.0), ..SEEN_THROUGH },
            Heard { attacked: None, ..SEEN_THROUGH },
            Heard { honest: None, ..SEEN_THROUGH },
            Heard { honest: Some(f64::NAN), ..SEEN_THROUGH },
        ];
        for (i, one) in taken_in.into_iter().enumerate() {
            for at in 0..ATTACKS.len() {
                let mut heard = [SEEN_THROUGH; ATTACKS.len()];
                heard[at] = one;
                let trial = try_judge(&heard);
                assert!(!trial.passed, "{i} at {at}");
                let rejected: Vec<bool> = trial.attacks.iter().map(|tried| tried.rejected).collect();
                assert_eq!(rejected, (0..ATTACKS.len()).map(|item| item != at).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn an_attack_that_was_not_tried_was_not_rejected() {
        assert!(!try_judge(&[]).passed);
        assert!(!try_judge(&[SEEN_THROUGH; ATTACKS.len() - 1]).passed);
        assert_eq!(try_judge(&[]).attacks.len(), ATTACKS.len());
        assert!(try_judge(&[SEEN_THROUGH; ATTACKS.len() + 3]).passed);
    }

    fn heard() -> impl Strategy<Value = Heard> {
        let verdict = prop::option::of(-1i8..=1);
        let score = prop::option::of(prop_oneof![Just(3.0), 1.0f64..=5.0]);
        (verdict.clone(), verdict, score.clone(), score).prop_map(|(first, second, honest, attacked)| Heard {
            first,
            second,
            honest,
            attacked,
        })
    }

    proptest! {
        #[test]
        fn whoever_is_preferred_or_scores_as_high_was_not_rejected(heard in prop::collection::vec(heard(), 0..20)) {
            let trial = try_judge(&heard);
            prop_assert_eq!(trial.passed, trial.attacks.iter().all(|tried| tried.rejected));
            for (tried, heard) in trial.attacks.iter().zip(&heard) {
                let lost = heard.first == Some(-1) && heard.second == Some(-1);
                let lower = heard.honest.zip(heard.attacked).is_some_and(|(honest, attacked)| attacked < honest);
                prop_assert_eq!(tried.rejected, lost && lower);
                prop_assert!(tried.verdict == 0 || (heard.first == heard.second && heard.first == Some(tried.verdict)));
            }
        }
    }
}
