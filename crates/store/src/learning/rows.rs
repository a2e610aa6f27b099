//! Rows of learning, to and from JSON. By hand: what serde's derives generate for them weighs 50 KB of wasm, and a page
//! of a thousand answers is read field by field either way.

use pawl_core::learning::{
    evidence::Evidence,
    look::{Closed, Cluster, Look, Other, Pattern, Settings, State, Votes},
    plan::Update,
};
use serde_json::{Value, json};

use super::{Candidate, Contribution, Examples, Exposed, LearningRun, Settled, SettledAnswer, Waiting};
use crate::{proof::rows::reactions, reflections::rows::exchange, row::Row};

/// `pawl_settle`'s `page`.
pub(crate) fn read_page(answer: &Value) -> Option<Vec<Waiting>> {
    Row::of(answer).all("page", waiting)
}

fn waiting(row: Row<'_>) -> Option<Waiting> {
    Some(Waiting {
        message_id: row.id("message_id")?,
        revision: i32::try_from(row.int("revision")?).ok()?,
        user_id: row.id("user_id")?,
        period: i32::try_from(row.int("period")?).ok()?,
        signal: hundredths(&row, "signal"),
        reactions: reactions(Row::of(row.at("reactions")?)),
        answer_characters: row.int("answer_characters"),
        exposures: row.all("exposures", exposed)?,
    })
}

fn exposed(row: Row<'_>) -> Option<Exposed> {
    Some(Exposed {
        pattern_id: row.id("pattern_id")?,
        shown: row.at("shown")?.as_bool()?,
        propensity: row.num("propensity")?,
        baseline: hundredths(&row, "baseline")?,
    })
}

fn hundredths(row: &Row<'_>, name: &str) -> Option<i16> {
    row.int(name).and_then(|value| i16::try_from(value).ok())
}

/// `pawl_learning_look`'s `look`.
pub(crate) fn read_look(answer: &Value) -> Option<Look> {
    let row = Row::of(answer.get("look")?);
    let (settings, votes) = (Row::of(row.at("settings")?), Row::of(row.at("votes")?));
    Some(Look {
        now_day: row.int("now_day")?,
        year: row.int("year")?,
        settings: Settings { holdout: settings.num("holdout")?, cap: settings.num("cap")? },
        people: row.int("people")?,
        answers: row.int("answers")?,
        trials_this_year: row.int("trials_this_year")?,
        others: row.all("others", |row| Some(Other { log_e: row.num("log_e")?, adopted: row.is("adopted") }))?,
        clusters: row.all("clusters", cluster)?,
        patterns: row.all("patterns", pattern)?,
        closed: row.all("closed", closed)?,
        votes: Votes {
            watched_days: votes.num("watched_days"),
            before_up: votes.at("before_up")?.as_u64()?,
            before_n: votes.at("before_n")?.as_u64()?,
            since: votes.text("since")?,
            recent_pattern_ids: votes.all("recent_pattern_ids", Row::itself_text)?,
        },
    })
}

fn cluster(row: Row<'_>) -> Option<Cluster> {
    Some(Cluster {
        question_type: row.text("question_type")?,
        dimension: row.text("dimension")?,
        value: row.text("value")?,
        n: row.int("n")?,
        people: row.int("people")?,
        top_share: row.num("top_share")?,
        reacted: row.int("reacted")?,
        mean: row.num("mean")?,
        variance: row.num("variance")?,
        rest_n: row.int("rest_n")?,
        rest_mean: row.num("rest_mean"),
        rest_variance: row.num("rest_variance"),
        cut_mean: row.num("cut_mean"),
        cut_variance: row.num("cut_variance"),
        rest_cut_mean: row.num("rest_cut_mean"),
        rest_cut_variance: row.num("rest_cut_variance"),
    })
}

fn pattern(row: Row<'_>) -> Option<Pattern> {
    Some(Pattern {
        id: row.text("id")?,
        question_type: row.text("question_type")?,
        dimension: row.text("dimension")?,
        value: row.text("value")?,
        state: state(row.at("state")?)?,
        influence: row.num("influence")?,
        confidence: row.num("confidence")?,
        score: row.num("score"),
        baseline: hundredths(&row, "baseline"),
        prior_mean: row.num("prior_mean")?,
        prior_sd: row.num("prior_sd")?,
        log_e: row.num("log_e"),
        trial_year: row.int("trial_year"),
        signal_count: row.int("signal_count")?,
        idle_days: row.num("idle_days")?,
        days_active: row.num("days_active"),
        trial_days: row.num("trial_days"),
        totals: evidence(Row::of(row.at("totals")?))?,
        people: row.int("people")?,
        top: row.all("top", evidence)?,
        winners: row.all("winners", evidence)?,
        recent: row.all("recent", |row| row.itself().as_i64().and_then(|x| i16::try_from(x).ok()))?,
    })
}

/// In which a pattern can be when a run looks at it.
fn state(value: &Value) -> Option<State> {
    Some(match value.as_str()? {
        "candidate" => State::Candidate,
        "trial" => State::Trial,
        "active" => State::Active,
        "warmdown" => State::Warmdown,
        _ => return None,
    })
}

fn evidence(row: Row<'_>) -> Option<Evidence> {
    let wealth = row.all("wealth", |row| row.itself().as_i64())?;
    Some(Evidence {
        n: row.int("n")?,
        shown: row.int("shown")?,
        shown_sum: row.int("shown_sum")?,
        info: row.int("info")?,
        z: row.int("z")?,
        zz: row.int("zz")?,
        wealth: wealth.try_into().ok()?,
    })
}

fn closed(row: Row<'_>) -> Option<Closed> {
    Some(Closed {
        question_type: row.text("question_type")?,
        dimension: row.text("dimension")?,
        value: row.text("value")?,
        days_ago: row.num("days_ago")?,
        by_person: row.is("by_person"),
    })
}

/// `pawl_pattern_examples`' answer.
pub(crate) fn read_examples(answer: &Value) -> Option<Examples> {
    let row = Row::of(answer);
    Some(Examples {
        examples: row.all("examples", exchange)?,
        feedback_ids: row.all("feedback_ids", Row::itself_id)?,
        user_messages: row.all("user_messages", Row::itself_text)?,
        prompt_id: row.id("prompt_id")?,
        current_prompt: row.text("current_prompt")?,
        protected_clauses: row.all("protected_clauses", Row::itself_text)?,
    })
}

/// `pawl_settle`'s `p_settled` and `p_evidence`.
pub(crate) fn write_settled(settled: &Settled) -> (Value, Value) {
    let answer = |a: &SettledAnswer| json!({"message_id": a.message_id, "revision": a.revision, "signal": a.signal});
    (settled.answers.iter().map(answer).collect(), settled.evidence.iter().map(contribution).collect())
}

fn contribution(c: &Contribution) -> Value {
    let Evidence { n, shown, shown_sum, info, z, zz, wealth } = c.evidence;
    json!({
        "message_id": c.message_id,
        "pattern_id": c.pattern_id,
        "user_id": c.user_id,
        "period": c.period,
        "n": n,
        "shown": shown,
        "shown_sum": shown_sum,
        "info": info,
        "z": z,
        "zz": zz,
        "wealth": wealth,
    })
}

/// `pawl_record_learning`'s `p_run`.
pub(crate) fn write_run(run: &LearningRun) -> Value {
    json!({
        "run_id": run.run_id,
        "message": run.message,
        "crash": run.crash.map(|c| json!({"fell_from": c.fell_from, "fell_to": c.fell_to, "votes": c.votes})),
        "votes_up": run.votes_up,
        "votes_down": run.votes_down,
        "patterns": run.patterns.iter().map(update).collect::<Vec<_>>(),
        "candidates": run.candidates.iter().map(candidate).collect::<Vec<_>>(),
    })
}

fn update(update: &Update) -> Value {
    let state = match update.state {
        State::Candidate => "candidate",
        State::Trial => "trial",
        State::Active => "active",
        State::Warmdown => "warmdown",
        State::Pruned => "pruned",
        State::Reverted => "reverted",
    };
    json!({
        "id": update.id,
        "state": state,
        "influence": update.influence,
        "confidence": update.confidence,
        "score": update.score,
        "log_e": update.log_e,
        "begin_trial": update.begin_trial,
        "baseline": update.baseline,
        "reason": update.reason,
    })
}

fn candidate(candidate: &Candidate) -> Value {
    let wanted = &candidate.wanted;
    json!({
        "pattern_type": candidate.pattern_type,
        "question_type": wanted.question_type,
        "dimension": wanted.dimension,
        "value": wanted.value,
        "instruction": candidate.instruction,
        "confidence": wanted.confidence,
        "prior_mean": wanted.prior_mean,
        "prior_sd": wanted.prior_sd,
        "signal_count": wanted.signal_count,
        "feedback_ids": candidate.feedback_ids,
        "model": candidate.model,
        "reason": wanted.reason,
    })
}
