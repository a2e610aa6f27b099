//! From what people did to what counts.

use pawl_core::learning::{
    evidence::{Evidence, observe},
    reaction,
};
use pawl_store::learning::{Contribution, Exposed, Settled, SettledAnswer, Waiting};

/// Signals of a page of answers, and what they say of the patterns that applied to them. Of an answer that counted before
/// only the difference is told, so that what is stored is the same as if it had been settled once.
pub fn settle(page: &[Waiting]) -> Settled {
    let mut settled = Settled::default();
    for answer in page {
        let signal = reaction::settle(&answer.reactions, answer.answer_characters);
        let Waiting { message_id, revision, user_id, period, .. } = *answer;
        settled.answers.push(SettledAnswer { message_id, revision, signal });
        for exposed in &answer.exposures {
            let evidence = observed(exposed, Some(signal)) - observed(exposed, answer.signal);
            if !evidence.is_zero() {
                let pattern_id = exposed.pattern_id;
                settled.evidence.push(Contribution { message_id, pattern_id, user_id, period, evidence });
            }
        }
    }
    settled
}

fn observed(exposed: &Exposed, signal: Option<i16>) -> Evidence {
    signal.map_or_else(Evidence::default, |signal| observe(signal, exposed.baseline, exposed.shown, exposed.propensity))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pawl_core::learning::reaction::{Reactions, Thumb};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn waiting(id: u128, signal: Option<i16>, thumb: Option<Thumb>, exposures: Vec<Exposed>) -> Waiting {
        Waiting {
            message_id: Uuid::from_u128(id),
            revision: 3,
            user_id: Uuid::from_u128(id % 3),
            period: 600,
            signal,
            reactions: Reactions { thumb, ..Reactions::default() },
            answer_characters: Some(100),
            exposures,
        }
    }

    fn exposed(pattern: u128, shown: bool) -> Exposed {
        Exposed { pattern_id: Uuid::from_u128(pattern), shown, propensity: 0.5, baseline: 4 }
    }

    #[test]
    fn silence_is_settled_too() {
        let settled = settle(&[waiting(1, None, None, vec![exposed(7, true)])]);
        assert_eq!(settled.answers, [SettledAnswer { message_id: Uuid::from_u128(1), revision: 3, signal: 0 }]);
        assert_eq!(settled.evidence.len(), 1);
        assert_eq!(settled.evidence[0].evidence, observe(0, 4, true, 0.5));
    }

    #[test]
    fn what_counts_already_is_not_counted_again() {
        let settled = settle(&[waiting(1, Some(100), Some(Thumb::Up), vec![exposed(7, true)])]);
        assert_eq!(settled.answers[0].signal, 100);
        assert_eq!(settled.evidence, []);
    }

    proptest! {
        /// Thumbs change between runs, any number of times, in any order of answers; what is stored in the end is what one
        /// clean run over the last thumbs stores.
        #[test]
        fn any_history_of_corrections_ends_as_one_clean_run(
            history in prop::collection::vec((0u128..8, prop::option::of(any::<bool>())), 0..60)
        ) {
            let thumb = |up: Option<bool>| up.map(|up| if up { Thumb::Up } else { Thumb::Down });
            let exposures = |id: u128| vec![exposed(1, id.is_multiple_of(2)), exposed(2, id.is_multiple_of(3))];
            let mut stored: BTreeMap<(Uuid, Uuid), Evidence> = BTreeMap::new();
            let mut signals: BTreeMap<u128, i16> = BTreeMap::new();
            let mut last = BTreeMap::new();
            for (id, up) in &history {
                let settled = settle(&[waiting(*id, signals.get(id).copied(), thumb(*up), exposures(*id))]);
                signals.insert(*id, settled.answers[0].signal);
                for c in settled.evidence {
                    *stored.entry((c.pattern_id, c.user_id)).or_default() += c.evidence;
                }
                last.insert(*id, *up);
            }
            let clean: Vec<_> = last.iter().map(|(id, up)| waiting(*id, None, thumb(*up), exposures(*id))).collect();
            let mut expected: BTreeMap<(Uuid, Uuid), Evidence> = BTreeMap::new();
            for c in settle(&clean).evidence {
                *expected.entry((c.pattern_id, c.user_id)).or_default() += c.evidence;
            }
            prop_assert_eq!(stored, expected);
        }
    }
}
