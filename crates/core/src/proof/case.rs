//! Everything a ruling is made from. Written as JSON it is what a receipt keeps; nothing else may enter a ruling.

use serde::Serialize;

use super::names::names;
use crate::characteristics::{OTHER, QUESTION_TYPES};

/// What is to be ruled on. Where a field has no sense for a kind of case it is `None`, in JSON null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Case {
    /// What is asked.
    pub kind: Kind,
    /// Replay and canary: the chance of promoting a prompt that is no better, in (0, 1).
    pub level: Option<f64>,
    /// Screening and replay: pairs after which it ends, decided or not.
    pub horizon: Option<u32>,
    /// Canary: days before which nothing is promoted.
    pub min_days: Option<f64>,
    /// Canary: days after which it ends, decided or not.
    pub max_days: Option<f64>,
    /// Canary: days since it began.
    pub days: Option<f64>,
    /// Canary: what a coin is thrown for.
    pub unit: Option<UnitKind>,
    /// How the judge's scores and people's ratings of the same answers agree.
    pub agreement: Agreement,
    /// The least agreement (a kappa, −1 to 1) of a judge that may promote.
    pub floor: f64,
    /// Watch: thumbs up among `before_n`.
    pub before_up: Option<u64>,
    /// Watch: votes on the version before.
    pub before_n: Option<u64>,
    /// What was observed, oldest first.
    pub observations: Observations,
}

names! {
    /// What a ruling is asked for.
    Kind {
        /// Gate one: may it be tried at all?
        Screening => "screening",
        /// Gate two, on earlier questions.
        Replay => "replay",
        /// Gate two, on people.
        Canary => "canary",
        /// Has the live version fallen behind the one before?
        Watch => "watch",
        /// Does the live version's model answer at all?
        Failures => "failures",
    }
}

names! {
    /// What a canary's coin is thrown for.
    UnitKind {
        /// Every conversation anew.
        Conversation => "conversation",
        /// Once a person.
        User => "user",
    }
}

/// Observations of one kind, oldest first; in JSON a plain list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Observations {
    /// Of a screening or a replay.
    Pairs(Vec<Pair>),
    /// Of a canary.
    Units(Vec<Unit>),
    /// Of a watch.
    Votes(Vec<Vote>),
    /// Of failures.
    Turns(Vec<Turn>),
}

impl Observations {
    /// The pairs; none of another kind of case.
    pub fn pairs(&self) -> &[Pair] {
        if let Self::Pairs(pairs) = self { pairs } else { &[] }
    }

    /// The units; none of another kind of case.
    pub fn units(&self) -> &[Unit] {
        if let Self::Units(units) = self { units } else { &[] }
    }

    /// The votes; none of another kind of case.
    pub fn votes(&self) -> &[Vote] {
        if let Self::Votes(votes) = self { votes } else { &[] }
    }

    /// The turns; none of another kind of case.
    pub fn turns(&self) -> &[Turn] {
        if let Self::Turns(turns) = self { turns } else { &[] }
    }
}

/// One question answered by both prompts, judged in both orders. Verdicts are from the candidate's view: 1 its answer
/// is better, −1 worse, 0 neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The observation's.
    pub id: String,
    /// The verdict, where both orders agree; else 0.
    pub d: i8,
    /// The verdict with the candidate's answer shown first.
    pub first: i8,
    /// The verdict with the candidate's answer shown second.
    pub second: i8,
    /// 1: the candidate's answer is longer by more than a tenth; −1: the other one is; 0: neither.
    pub longer: i8,
    /// What was asked for: one of [`QUESTION_TYPES`]. See [`question_type`].
    pub question_type: &'static str,
}

/// One conversation or person of a canary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unit {
    /// The observation's.
    pub id: String,
    /// The coin chose the candidate.
    pub arm: bool,
    /// With what chance, in (0, 1).
    pub propensity: f64,
    /// The person's number in this test.
    pub person: u32,
    /// The judge's score of one of its exchanges, 0 to 1; `None` where the judgement was discarded.
    pub judged: Option<f64>,
    /// What its reactions say, 0 to 1; 0.5 where there is none.
    pub reaction: f64,
}

/// A thumb on an answer of the live version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vote {
    /// The observation's.
    pub id: String,
    /// Thumbs up.
    pub up: bool,
}

/// A turn that the live version's model was asked in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// The observation's.
    pub id: String,
    /// The model gave no answer.
    pub failed: bool,
}

/// Answers that a judge scored and people rated, counted: row = the judge's score, column = people's, both 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Agreement(pub [[u64; 5]; 5]);

/// A stored name as one of [`QUESTION_TYPES`]; what is none of them is [`OTHER`].
pub fn question_type(name: &str) -> &'static str {
    QUESTION_TYPES.into_iter().find(|known| *known == name).unwrap_or(OTHER)
}
