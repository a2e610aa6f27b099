//! Tables, the JSON file and the picture of the learning curve.

use std::{fmt::Write as _, fs, io};

use serde_json::{Value, json};

use crate::life::Outcome;

const FOLDER: &str = "target/simulator";

/// The same worlds under both rules.
pub struct Row {
    pub organizations: usize,
    pub pawl: Vec<Outcome>,
    pub document: Vec<Outcome>,
}

pub fn progress(out: &mut impl io::Write, done: &str) -> io::Result<()> {
    writeln!(out, "[done] {done}")?;
    out.flush()
}

fn mean(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    outcomes.iter().map(of).sum::<f64>() / outcomes.len().max(1) as f64
}

fn last(outcome: &Outcome) -> f64 {
    outcome.curve.last().copied().unwrap_or(0.0)
}

/// The value that a tenth of the worlds stay below.
fn tenth(outcomes: &[Outcome]) -> f64 {
    let mut gains: Vec<f64> = outcomes.iter().map(last).collect();
    gains.sort_by(f64::total_cmp);
    gains.get(gains.len() / 10).copied().unwrap_or(0.0)
}

/// Mean over the worlds of the false share among what was adopted (0 where nothing was).
fn false_share(outcomes: &[Outcome]) -> f64 {
    mean(outcomes, |o| o.adopted_false as f64 / (o.adopted_true + o.adopted_false).max(1) as f64)
}

fn standard_error(outcomes: &[Outcome]) -> f64 {
    let m = mean(outcomes, last);
    (mean(outcomes, |o| (last(o) - m).powi(2)) / outcomes.len().max(1) as f64).sqrt()
}

pub fn gains(out: &mut impl io::Write, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "\nShare of the oracle's gain at day 90")?;
    writeln!(
        out,
        "{:>5} {:<9} {:>7} {:>6} {:>8} {:>7} {:>8} {:>6} {:>6} {:>7} {:>7}",
        "orgs", "rule", "mean", "± se", "10 % <", "1–5", "oracle", "true", "false", "false %", "trials"
    )?;
    for row in rows {
        for (rule, o) in [("Pawl", &row.pawl), ("document", &row.document)] {
            let trials = mean(o, |o| o.trials as f64) / row.organizations as f64;
            writeln!(
                out,
                "{:>5} {:<9} {:>6.1}% {:>5.1}% {:>7.1}% {:>+7.2} {:>+8.2} {:>6.1} {:>6.2} {:>6.1}% {:>7.1}",
                row.organizations,
                rule,
                100.0 * mean(o, last),
                100.0 * standard_error(o),
                100.0 * tenth(o),
                mean(o, |o| o.gain),
                mean(o, |o| o.oracle),
                mean(o, |o| o.adopted_true as f64),
                mean(o, |o| o.adopted_false as f64),
                100.0 * false_share(o),
                trials,
            )?;
        }
    }
    let events = mean(&rows.iter().flat_map(|r| r.pawl.clone()).collect::<Vec<_>>(), |o| o.events as f64);
    writeln!(out, "(true, false: adopted a world; trials: an organisation; feedback events a world: {events:.0})\n")
}

fn adopting(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|o| o.adopted_true + o.adopted_false > 0).count()
}

pub fn nulls(out: &mut impl io::Write, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "\nWorlds without any preference")?;
    for row in rows {
        for (rule, o) in [("Pawl", &row.pawl), ("document", &row.document)] {
            writeln!(out, "{:>5} {rule:<9} {} of {} adopt anything", row.organizations, adopting(o), o.len())?;
        }
    }
    writeln!(out)
}

pub fn crashes<'a>(
    out: &mut impl io::Write,
    worlds: &[Outcome],
    quiet: impl Iterator<Item = &'a Row>,
) -> io::Result<()> {
    let crashes: Vec<_> = worlds.iter().filter_map(|o| o.crash).filter(|c| c.held_200).collect();
    let in_time = crashes.iter().filter(|c| c.in_time).count();
    writeln!(out, "\nCrashes: {in_time} of {} reverted by the first run that held 200 votes since", crashes.len())?;
    for (low, high) in [(0.3, 0.4), (0.4, 0.5), (0.5, 0.61)] {
        let these: Vec<_> = crashes.iter().filter(|c| c.fall >= low && c.fall < high).collect();
        let mut votes: Vec<usize> = these.iter().filter_map(|c| c.votes_until_ended).collect();
        votes.sort_unstable();
        let median = votes.get(votes.len() / 2).copied().unwrap_or(0);
        let in_time = these.iter().filter(|c| c.in_time).count();
        let (from, to) = (100.0 * low, 100.0 * high);
        writeln!(out, "  fall {from:.0} to {to:.0} %: {in_time} of {}, median {median} votes", these.len())?;
    }
    let quiet: Vec<&Outcome> = quiet.flat_map(|row| &row.pawl).collect();
    let reverting = quiet.iter().filter(|o| o.reverts > 0).count();
    writeln!(out, "Without a crash: {reverting} of {} worlds revert anything\n", quiet.len())
}

/// Worlds that adopt what was pushed where it is wrong.
fn fooled(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|o| o.poisoned > 0).count()
}

fn reverting(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|o| o.reverts > 0).count()
}

/// `rows`: by the percentage of answers that the person gets.
pub fn poisoned(out: &mut impl io::Write, rows: &[(u32, Row)]) -> io::Result<()> {
    writeln!(out, "\nOne person who votes on every answer pushes one format")?;
    for (percent, row) in rows {
        writeln!(out, "{percent} % of answers, {} organisations", row.organizations)?;
        for (rule, o) in [("Pawl", &row.pawl), ("document", &row.document)] {
            let (worlds, of, gain) = (fooled(o), o.len(), 100.0 * mean(o, last));
            let reverting = reverting(o);
            writeln!(
                out,
                "  {rule:<9} {worlds} of {of} worlds adopt it where it is wrong; {reverting} revert anything; \
                 gain {gain:.1} %"
            )?;
        }
    }
    writeln!(out)
}

pub fn write(
    out: &mut impl io::Write,
    set: &str,
    rows: &[Row],
    nulls: &[Row],
    crashes: &[Outcome],
    poisoned: &[(u32, Row)],
) -> io::Result<()> {
    let caught: Vec<_> = crashes.iter().filter_map(|o| o.crash).filter(|c| c.held_200).collect();
    let report = json!({
        "set": set,
        "gains": rows.iter().map(row_json).collect::<Vec<_>>(),
        "null": nulls.iter().map(|r| json!({
            "organizations": r.organizations, "worlds": r.pawl.len(),
            "pawl_adopting": adopting(&r.pawl), "document_adopting": adopting(&r.document),
        })).collect::<Vec<_>>(),
        "crash": {"worlds": caught.len(), "in_time": caught.iter().filter(|c| c.in_time).count()},
        "poisoned": poisoned.iter().map(|(percent, row)| json!({
            "percent": percent, "worlds": row.pawl.len(),
            "pawl": fooled(&row.pawl), "document": fooled(&row.document), "pawl_reverting": reverting(&row.pawl),
        })).collect::<Vec<_>>(),
    });
    fs::create_dir_all(FOLDER)?;
    fs::write(format!("{FOLDER}/patterns.json"), format!("{report:#}\n"))?;
    fs::write(format!("{FOLDER}/patterns.svg"), picture(rows))?;
    writeln!(out, "written: {FOLDER}/patterns.json, {FOLDER}/patterns.svg")
}

fn row_json(row: &Row) -> Value {
    let rule = |o: &[Outcome]| {
        json!({
            "gain_share": mean(o, last), "standard_error": standard_error(o), "tenth": tenth(o),
            "gain": mean(o, |o| o.gain), "oracle": mean(o, |o| o.oracle),
            "adopted_true": mean(o, |o| o.adopted_true as f64), "adopted_false": mean(o, |o| o.adopted_false as f64),
            "false_share": false_share(o), "trials": mean(o, |o| o.trials as f64), "curve": curve(o),
        })
    };
    json!({
        "organizations": row.organizations, "worlds": row.pawl.len(),
        "pawl": rule(&row.pawl), "document": rule(&row.document),
    })
}

/// Mean share of the oracle's gain at the end of each day.
fn curve(outcomes: &[Outcome]) -> Vec<f64> {
    let days = outcomes.first().map_or(0, |o| o.curve.len());
    (0..days).map(|day| mean(outcomes, |o| o.curve[day])).collect()
}

const COLOURS: [&str; 6] = ["#1b6ca8", "#2a9d8f", "#e07a1f", "#8e44ad", "#c0392b", "#555555"];
/// Of the plot, in pixels: left edge, top edge, width, height.
const PLOT: (f64, f64, f64, f64) = (60.0, 40.0, 640.0, 360.0);
/// Shares at the bottom and at the top.
const RANGE: (f64, f64) = (-0.2, 1.0);

fn picture(rows: &[Row]) -> String {
    let (left, top, width, height) = PLOT;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 460\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"860\" height=\"460\" fill=\"white\"/>\n\
         <text x=\"60\" y=\"24\" font-size=\"15\">Share of the oracle's gain, by days of learning</text>\n",
    );
    for percent in (-20..=100).step_by(20) {
        let y = place(0.0, f64::from(percent) / 100.0).1;
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{percent} %</text>",
            left + width,
            left - 6.0,
            y + 4.0
        );
    }
    for day in (0..=90).step_by(15) {
        let x = place(f64::from(day), 0.0).0;
        let y = top + height + 18.0;
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{day}</text>");
    }
    for (i, row) in rows.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        line(&mut svg, &curve(&row.pawl), colour, "");
        line(&mut svg, &curve(&row.document), colour, " stroke-dasharray=\"5 4\" stroke-opacity=\"0.6\"");
        let y = top + 14.0 + 18.0 * i as f64;
        let _ = writeln!(
            svg,
            "<text x=\"715\" y=\"{y}\" fill=\"{colour}\">{} organisation{}</text>",
            row.organizations,
            if row.organizations == 1 { "" } else { "s" }
        );
    }
    let y = top + 32.0 + 18.0 * rows.len() as f64;
    let _ = writeln!(svg, "<text x=\"715\" y=\"{y}\">solid: Pawl</text>");
    let _ = writeln!(svg, "<text x=\"715\" y=\"{}\">dashed: the document</text>", y + 18.0);
    svg.push_str("</svg>\n");
    svg
}

fn place(day: f64, share: f64) -> (f64, f64) {
    let (left, top, width, height) = PLOT;
    let share = share.clamp(RANGE.0, RANGE.1);
    (left + width * day / 90.0, top + height * (RANGE.1 - share) / (RANGE.1 - RANGE.0))
}

fn line(svg: &mut String, curve: &[f64], colour: &str, more: &str) {
    svg.push_str("<polyline fill=\"none\" stroke-width=\"2\" points=\"");
    for (day, share) in curve.iter().enumerate() {
        let (x, y) = place((day + 1) as f64, *share);
        let _ = write!(svg, "{x:.1},{y:.1} ");
    }
    let _ = writeln!(svg, "\" stroke=\"{colour}\"{more}/>");
}
