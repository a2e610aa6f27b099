//! What an owner reads. Numbers are put together from integers: formatting floats weighs more wasm than all of this.

use super::{
    evidence::Weighed,
    look::{Cluster, Look},
};
use crate::crash::Fall;

/// "0.11", "−0.03": hundredths.
pub fn hundredths(x: f64) -> String {
    let whole = (x * 100.0).round() as i64;
    let sign = if whole < 0 { "−" } else { "" };
    let size = whole.unsigned_abs();
    format!("{sign}{}.{}{}", size / 100, size / 10 % 10, size % 10)
}

/// "99.7 %": down to tenths, and never up to certainty.
pub fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).floor() as i64;
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// "how_to questions answered with format table".
fn cluster_name(cluster: &Cluster) -> String {
    format!("{} questions, {} {}", cluster.question_type, cluster.dimension, cluster.value)
}

pub fn found(cluster: &Cluster, confidence: f64) -> String {
    format!(
        "{}: {} answers to {} people had a mean reaction of {}, the other {} of this question type {}. Chance that it \
         helps, before any trial: {}.",
        cluster_name(cluster),
        cluster.n,
        cluster.people,
        hundredths(cluster.mean),
        cluster.rest_n,
        hundredths(cluster.rest_mean.unwrap_or(0.0)),
        percent(confidence)
    )
}

pub fn trial_begins(signals: i64) -> String {
    format!("It rests on {signals} settled signals. From now on a fair coin shows it to half of matching answers.")
}

/// "reactions better by 0.11 (confidence 99.7 %)".
fn measured(evidence: &Weighed, confidence: f64) -> String {
    let effect = evidence.effect().map_or(0.0, |(effect, _)| effect);
    let (word, size) = if effect < 0.0 { ("worse", -effect) } else { ("better", effect) };
    format!("reactions {word} by {} (confidence {})", hundredths(size), percent(confidence))
}

pub fn adopted(n: i64, evidence: &Weighed, confidence: f64, holdout: f64) -> String {
    format!(
        "Shown to a random half of {n} matching answers: {}. Adopted; {} of matching answers stay without it.",
        measured(evidence, confidence),
        percent(holdout)
    )
}

pub fn given_up(n: i64, evidence: &Weighed, confidence: f64) -> String {
    format!("Tried on a random half of {n} matching answers: {}. Given up.", measured(evidence, confidence))
}

pub fn superseded(n: i64, evidence: &Weighed, confidence: f64, rival: &Cluster) -> String {
    format!(
        "Tried on a random half of {n} matching answers: {}. {} {} looks better and is tried instead.",
        measured(evidence, confidence),
        rival.dimension,
        rival.value
    )
}

pub fn undecided(days: f64, n: i64, evidence: &Weighed, confidence: f64) -> String {
    format!(
        "No difference that could be told in {} days, tried on a random half of {n} matching answers: {}. Given up.",
        days as i64,
        measured(evidence, confidence)
    )
}

pub fn idle(days: f64) -> String {
    format!("Not used for {} days.", days as i64)
}

pub fn not_believed(evidence: &Weighed, confidence: f64) -> String {
    format!("It does not seem to help any more: {}.", measured(evidence, confidence))
}

pub fn weaker(evidence: &Weighed, confidence: f64, influence: f64) -> String {
    format!("In doubt: {}. Shown to {} of matching answers.", measured(evidence, confidence), percent(influence))
}

pub fn stronger(evidence: &Weighed, confidence: f64, influence: f64) -> String {
    format!("Recovers: {}. Shown to {} of matching answers.", measured(evidence, confidence), percent(influence))
}

pub fn holdout_changed(holdout: f64) -> String {
    format!("As set, {} of matching answers stay without it.", percent(holdout))
}

pub fn reverted(fall: &Fall, days_active: Option<f64>) -> String {
    let age = match days_active {
        Some(days) if days >= 1.0 => format!("{} days before", days as i64),
        Some(_) => "less than a day before".to_owned(),
        None => "before".to_owned(),
    };
    format!("{} It was adopted {age} and is taken back.", crash(fall))
}

pub fn crash(fall: &Fall) -> String {
    format!("Thumbs up fell from {} to {} in the last {} votes.", percent(fall.from), percent(fall.to), fall.votes)
}

pub fn basis(look: &Look) -> String {
    format!("{} people, {} settled answers in 90 days.", look.people, look.answers)
}
