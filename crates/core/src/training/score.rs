//! How good an answer was, by all that is known of it.

use serde::{Serialize, Serializer};

use crate::learning::reaction::{Reactions, settle};

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A person, outright.
    User,
    /// What was done with the answer, or an application that measured something.
    Automated,
    /// A model that judged it.
    LlmJudge,
}

impl Source {
    /// `user`, `automated` or `llm-judge`: the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Automated => "automated",
            Self::LlmJudge => "llm-judge",
        }
    }

    /// What has this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::User, Self::Automated, Self::LlmJudge].into_iter().find(|source| source.name() == name)
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What an answer was worth as an example.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scored {
    /// 0 to 1.
    pub score: f64,
    /// A person said so outright: a thumb or a rating.
    pub validated: bool,
    /// Who says so.
    pub source: Source,
}

/// The score of one answer, or `None` where nothing was said or done: silence teaches nothing.
///
/// What a person said outright counts first: a thumb or a rating, together with what else they did with the answer
/// ((signal + 1) / 2, see [`settle`]), else an `other` value of theirs. Then what they did without saying anything,
/// then the `other` value of a judge or an application. `other` is cut to [0, 1]; one that is no number says nothing.
/// `answer_characters` is the answer's length, if known.
pub fn score(reactions: &Reactions, answer_characters: Option<i64>, other: Option<(Source, f64)>) -> Option<Scored> {
    let other = other.filter(|(_, value)| !value.is_nan()).map(|(source, value)| (source, value.clamp(0.0, 1.0)));
    let signal = f64::from(settle(reactions, answer_characters));
    let done = Scored { score: (signal + 100.0) / 200.0, validated: false, source: Source::Automated };
    let said = reactions.thumb.is_some() || reactions.rating.is_some_and(|rating| !rating.is_nan());
    match other {
        _ if said => Some(Scored { validated: true, source: Source::User, ..done }),
        Some((Source::User, score)) => Some(Scored { score, validated: true, source: Source::User }),
        _ if signal != 0.0 => Some(done),
        Some((source, score)) => Some(Scored { score, validated: false, source }),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::learning::reaction::Thumb;

    fn of(reactions: Reactions, other: Option<(Source, f64)>) -> Option<(f64, bool, &'static str)> {
        score(&reactions, Some(100), other).map(|s| (s.score, s.validated, s.source.name()))
    }

    #[test]
    fn what_was_said_outright_counts_before_what_was_done() {
        let silence = Reactions::default;
        let up = || Reactions { thumb: Some(Thumb::Up), ..silence() };
        let down = || Reactions { thumb: Some(Thumb::Down), ..silence() };
        let copied = || Reactions { copied: true, ..silence() };
        assert_eq!(of(silence(), None), None);
        assert_eq!(of(up(), None), Some((1.0, true, "user")));
        assert_eq!(of(down(), Some((Source::LlmJudge, 0.9))), Some((0.0, true, "user")));
        assert_eq!(of(Reactions { copied: true, ..down() }, None), Some((0.15, true, "user")));
        assert_eq!(of(Reactions { rating: Some(0.5), ..silence() }, None), Some((0.5, true, "user")));
        assert_eq!(of(Reactions { rating: Some(f64::NAN), ..silence() }, None), None);
        assert_eq!(of(copied(), None), Some((0.65, false, "automated")));
        assert_eq!(of(copied(), Some((Source::User, 0.2))), Some((0.2, true, "user")));
        assert_eq!(of(copied(), Some((Source::LlmJudge, 0.2))), Some((0.65, false, "automated")));
        assert_eq!(of(silence(), Some((Source::LlmJudge, 0.2))), Some((0.2, false, "llm-judge")));
        assert_eq!(of(silence(), Some((Source::Automated, 7.0))), Some((1.0, false, "automated")));
        assert_eq!(of(silence(), Some((Source::User, f64::NAN))), None);
    }

    #[test]
    fn names_lead_back() {
        for source in [Source::User, Source::Automated, Source::LlmJudge] {
            assert_eq!(Source::named(source.name()), Some(source));
        }
        assert_eq!(Source::named("llm_judge"), None);
    }

    proptest! {
        #[test]
        fn a_score_is_a_share(
            thumb in prop::sample::select(vec![None, Some(Thumb::Up), Some(Thumb::Down)]),
            (copied, followed_up) in any::<(bool, bool)>(),
            rating in prop::option::of(any::<f64>()),
            dwell_seconds in prop::option::of(any::<f64>()),
            other in prop::option::of(any::<f64>()),
            characters in prop::option::of(any::<i64>()),
        ) {
            let reactions = Reactions { thumb, copied, followed_up, rating, dwell_seconds };
            for source in [Source::User, Source::Automated, Source::LlmJudge] {
                if let Some(scored) = score(&reactions, characters, other.map(|value| (source, value))) {
                    prop_assert!((0.0..=1.0).contains(&scored.score));
                    prop_assert_eq!(scored.validated, scored.source == Source::User);
                    prop_assert!(!scored.validated || thumb.is_some() || rating.is_some() || source == Source::User);
                }
            }
        }
    }
}
