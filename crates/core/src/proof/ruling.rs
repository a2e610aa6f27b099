//! What is ruled, and on what grounds.

use serde::{Serialize, Serializer};

use super::{
    case::Case,
    kappa::{kappa, rated},
    names::names,
    screening::Tally,
};

/// A ruling. What has no sense for a kind of case is `None`, in JSON null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ruling {
    /// What is to be done.
    pub decision: Decision,
    /// Why.
    pub reason: Reason,
    /// Natural logarithm of the e-value that the candidate is better; 0 where none is kept.
    pub log_e: f64,
    /// The same that it is worse. Of a watch: of the detector's statistic, at least 0.
    pub log_e_worse: f64,
    /// Canary: the same that people like it less.
    pub log_e_people_worse: Option<f64>,
    /// Number (from 1) of the observation that decided it.
    pub at: Option<usize>,
    /// Observations that it rests on: of pairs and votes those up to the one that decided.
    pub n: usize,
    /// Pairs the candidate won.
    pub wins: Option<usize>,
    /// Pairs it lost.
    pub losses: Option<usize>,
    /// Pairs that say nothing.
    pub ties: Option<usize>,
    /// Canary: units of the candidate.
    pub candidate_n: Option<usize>,
    /// Canary: units of the version before.
    pub baseline_n: Option<usize>,
    /// Pairs: the mean verdict, −1 to 1. Canary: the weighted difference of the judged scores, on their scale of 0 to 1.
    /// Watch: the change of the share of thumbs up. `None` where there is nothing to tell it from.
    pub effect: Option<f64>,
    /// Pairs: what else may have moved the judge.
    pub effects: Option<Effects>,
    /// How the judge and people agree; see [`super::kappa`].
    pub kappa: Option<f64>,
    /// Answers that both have rated.
    pub rated: u64,
    /// For the owner.
    pub words: String,
}

impl Ruling {
    /// To go on, from nothing observed.
    pub(super) fn of(case: &Case) -> Self {
        Self {
            decision: Decision::GoOn,
            reason: Reason::MoreNeeded,
            log_e: 0.0,
            log_e_worse: 0.0,
            log_e_people_worse: None,
            at: None,
            n: 0,
            wins: None,
            losses: None,
            ties: None,
            candidate_n: None,
            baseline_n: None,
            effect: None,
            effects: None,
            kappa: kappa(&case.agreement),
            rated: rated(&case.agreement),
            words: String::new(),
        }
    }

    pub(super) fn ends(self, decision: Decision, reason: Reason, words: String) -> Self {
        Self { decision, reason, words, ..self }
    }

    /// Its pairs.
    pub(super) fn tally(&self) -> Tally {
        let [wins, losses, ties] = [self.wins, self.losses, self.ties].map(Option::unwrap_or_default);
        Tally { wins, losses, ties }
    }
}

names! {
    /// What is to be done.
    Decision {
        /// Observe more.
        GoOn => "go_on",
        /// It goes live.
        Promote => "promote",
        /// It does not.
        Reject => "reject",
        /// It may be tried.
        Pass => "pass",
        /// The version before goes live again.
        Rollback => "rollback",
        /// Tell a person.
        Alert => "alert",
        /// Nothing.
        Quiet => "quiet",
    }
}

names! {
    /// Why.
    Reason {
        /// It has proved to be better.
        Better => "better",
        /// It has shown to be worse.
        Worse => "worse",
        /// The end came without proof.
        Undecided => "undecided",
        /// It did not win more pairs than it lost.
        NotMoreWins => "not_more_wins",
        /// It answers one type of questions clearly worse.
        QuestionTypeWorse => "question_type_worse",
        /// People like it less, whatever the judge says.
        PeopleLikeItLess => "people_like_it_less",
        /// The judge prefers it, and to the end what people made of it did not bear that out.
        NotBorneOut => "not_borne_out",
        /// The judge does not agree with people enough to be believed.
        JudgeDisagrees => "judge_disagrees",
        /// Proved, but the canary is too young.
        TooEarly => "too_early",
        /// Too little was observed.
        MoreNeeded => "more_needed",
        /// It won the screening.
        Passed => "passed",
        /// The share of thumbs up fell.
        Fell => "fell",
        /// It fell, as far as so few votes before can tell.
        TooFewVotes => "too_few_votes",
        /// The model of the live version does not answer.
        ModelUnreachable => "model_unreachable",
        /// No fall that could be told.
        Quiet => "quiet",
    }
}

/// What may move a judge besides the answers' worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effects {
    /// Share of the verdicts for either answer that went to the one shown first; a half where position counts nothing.
    pub first_shown_share: Option<f64>,
    /// Share of the decided pairs of unequal length that the longer answer won.
    pub longer_share: Option<f64>,
    /// Pairs in which the two orders led to different verdicts.
    pub disagreements: usize,
    /// Verdicts by what was asked for.
    pub by_question_type: ByQuestionType,
}

/// Verdicts by question type (one of [`crate::characteristics::QUESTION_TYPES`]), sorted by name; in JSON an object.
/// Types without a pair are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ByQuestionType(pub Vec<(&'static str, Tally)>);

impl Serialize for ByQuestionType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, tally)| (name, tally)))
    }
}
