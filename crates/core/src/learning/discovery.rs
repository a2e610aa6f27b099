//! What is worth trying: characteristics whose answers were received better than the rest of their question type.
//!
//! This only chooses what a coin is tossed for. Who asks what, and who gets which kind of answer, is nobody's
//! experiment, so a difference seen here is shrunk, given a variance of its own for what confounds it, and never
//! adopts anything.

use super::{
    confidence::Prior,
    life::MIN_SIGNALS,
    look::{Cluster, Look},
    plan::Wanted,
    words,
};

/// At most so many are worded in a run. Kept by who words them, going through [`wanted`] in its order until so many
/// have been worded: what cannot be worded must not keep the rest waiting.
pub const MOST_A_RUN: usize = 3;
/// At most so many are named in a run.
pub const MOST_WANTED: usize = 12;
/// Effects are this large before anything is seen (standard deviation, signal's scale).
pub const EFFECT_SD: f64 = 0.10;
/// Signals are compared cut to ± this many hundredths: a vote is rare and counts 1, and eight tenths of a signal's
/// variance are votes. Cut, half as many answers tell as much. What is adopted is decided on the whole signal.
pub const CUT: i16 = 30;
/// Standard deviation of what a difference between people and questions may feign.
pub const CONFOUNDING_SD: f64 = 0.03;
/// A variance seen in a handful of answers is taken to be at least this.
pub const LEAST_VARIANCE: f64 = 0.02;
/// What is tried is at least this likely to help.
pub const MIN_CONFIDENCE: f64 = 0.6;
/// With fewer persons nothing could survive without its three most active.
pub const MIN_PEOPLE: i64 = 5;
/// What was ended is not tried again for so many days.
pub const REST_DAYS: f64 = 20.0;
/// The same where a person took it back: they have said no, and not that it was too early to tell.
pub const PERSON_REST_DAYS: f64 = 90.0;

/// What a cluster promises: the effect of always answering so, compared with answering as now. `None` without a rest to
/// compare it with.
pub fn promise(cluster: &Cluster) -> Option<Prior> {
    let (mean, variance) = (cluster.cut_mean.unwrap_or(cluster.mean), cluster.cut_variance.unwrap_or(cluster.variance));
    let (rest_mean, rest_variance) =
        (cluster.rest_cut_mean.or(cluster.rest_mean)?, cluster.rest_cut_variance.or(cluster.rest_variance)?);
    if cluster.n < 1 || cluster.rest_n < 1 {
        return None;
    }
    let (n, rest_n) = (cluster.n as f64, cluster.rest_n as f64);
    let noise =
        variance.max(LEAST_VARIANCE) / n + rest_variance.max(LEAST_VARIANCE) / rest_n + CONFOUNDING_SD * CONFOUNDING_SD;
    let keep = EFFECT_SD * EFFECT_SD / (EFFECT_SD * EFFECT_SD + noise);
    // Some of the answers are so already: only the others would change.
    let others = rest_n / (n + rest_n);
    Some(Prior { mean: keep * (mean - rest_mean) * others, sd: (keep * noise).sqrt() * others })
}

/// The characteristics to word next, the most promising of each slot, most promising first, at most [`MOST_WANTED`] (of
/// which [`MOST_A_RUN`] are worded). `taken` says of a cluster
/// whether its slot has a pattern, or this value was ended lately.
pub fn wanted(look: &Look, taken: impl Fn(&Cluster) -> bool) -> Vec<Wanted> {
    let mut found: Vec<(Prior, &Cluster)> = Vec::new();
    for cluster in &look.clusters {
        if cluster.people < MIN_PEOPLE || cluster.n < MIN_SIGNALS || taken(cluster) {
            continue;
        }
        let Some(prior) = promise(cluster) else { continue };
        if prior.above(0.0) < MIN_CONFIDENCE {
            continue;
        }
        match found.iter_mut().find(|(_, other)| same_slot(other, cluster)) {
            Some(best) if best.0.mean < prior.mean => *best = (prior, cluster),
            Some(_) => {}
            None => found.push((prior, cluster)),
        }
    }
    found.sort_by(|(a, _), (b, _)| b.mean.total_cmp(&a.mean));
    found.truncate(MOST_WANTED);
    found.into_iter().map(|(prior, cluster)| want(prior, cluster)).collect()
}

/// The most promising other characteristic of a slot: what a trial there is measured against.
pub fn rival<'a>(
    look: &'a Look,
    question_type: &str,
    dimension: &str,
    may_be_tried: impl Fn(&Cluster) -> bool,
) -> Option<(Prior, &'a Cluster)> {
    look.clusters
        .iter()
        .filter(|c| c.question_type == question_type && c.dimension == dimension)
        .filter(|c| c.people >= MIN_PEOPLE && c.n >= MIN_SIGNALS && may_be_tried(c))
        .filter_map(|c| Some((promise(c)?, c)))
        .max_by(|(a, _), (b, _)| a.mean.total_cmp(&b.mean))
}

fn same_slot(a: &Cluster, b: &Cluster) -> bool {
    a.question_type == b.question_type && a.dimension == b.dimension
}

fn want(prior: Prior, cluster: &Cluster) -> Wanted {
    let pattern_type = if cluster.dimension == "tool" { "tool_preference" } else { "response_format" };
    let confidence = prior.above(0.0);
    Wanted {
        pattern_type: pattern_type.to_owned(),
        question_type: cluster.question_type.clone(),
        dimension: cluster.dimension.clone(),
        value: cluster.value.clone(),
        confidence,
        prior_mean: prior.mean,
        prior_sd: prior.sd,
        signal_count: cluster.n,
        reason: words::found(cluster, confidence),
    }
}

#[cfg(test)]
mod tests;
