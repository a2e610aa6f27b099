//! The experiment `drift`: what alarms where nothing has happened, and what notices a fall.

mod worlds;

use std::{
    fs,
    io::{self, Write as _},
};

use pawl_core::training::drift::{Drift, LEVEL, Metric, Window, drift};
use serde_json::{Value, json};
use worlds::{Life, WORLDS};

use crate::{
    lives::all,
    promotion::report::{Cell, FOLDER, Table, median, print_table, share, table_json},
};

/// The product's defaults.
const THRESHOLD: f64 = 0.3;
const WINDOW: usize = 7;
const BASELINE: usize = 28;
/// The first look, when both windows are full.
const FIRST: usize = WINDOW + BASELINE;
/// Daily looks of a year.
const YEAR: usize = 365;
/// Looks before a fall, which the document's rule averages over, and after it: then the baseline has fallen too.
const BEFORE: usize = 100;
const AFTER: usize = FIRST;
/// Rows that the document's rule averages over.
const ROWS: usize = 100;
/// The share of thumbs up that falls …
const LIKED: f64 = 0.8;
/// … to one of these.
const FALLS: [f64; 4] = [0.7, 0.6, 0.5, 0.4];

/// Rules, in the order of the columns.
const RULES: [&str; 6] = ["Pawl", "score ≥ 0.3", "exact test", "PSI ≥ 0.3", "PSI ≥ 0.2", "document"];

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub lives: u64,
}

impl Wish {
    /// From what stands after `drift`.
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        let lives = match arguments {
            [] => 120,
            [option, n] if option == "--lives" => n.parse().map_err(|_| "--lives: a number")?,
            _ => return Err("drift takes --lives N only".to_owned()),
        };
        if !(10..=100_000).contains(&lives) {
            return Err("--lives: 10 to 100000".to_owned());
        }
        Ok(Self { lives })
    }
}

/// Lives through all worlds and reports.
pub fn run(wish: &Wish, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "Rules of the worlds: crates/simulator/README.md. Lives a world: {}.", wish.lives)?;
    let tables = [looks_and_years(wish.lives), falls(wish.lives)].concat();
    for table in &tables {
        print_table(out, table)?;
    }
    let written: Vec<Value> = tables.iter().map(table_json).collect();
    fs::create_dir_all(FOLDER)?;
    let report = json!({"lives": wish.lives, "tables": written});
    fs::write(format!("{FOLDER}/drift.json"), format!("{report:#}\n"))?;
    writeln!(out, "\nwritten: {FOLDER}/drift.json")
}

/// How often each rule alarms in a look, and in a year of them, where the model stays the same.
fn looks_and_years(lives: u64) -> Vec<Table> {
    let (mut looks, mut years) = (Vec::new(), Vec::new());
    for world in WORLDS {
        progress(world.name);
        let lived = all(lives, |seed| {
            let alarms = alarms(&Life::new(&world, seed, FIRST + YEAR, None), FIRST..FIRST + YEAR);
            let of_looks: [f64; RULES.len()] = std::array::from_fn(|rule| share(&alarms, |look| look[rule]));
            of_looks
        });
        let name = || [Cell::from(world.name), Cell::from(world.what)];
        let mean = |rule: usize| lived.iter().map(|life| life[rule]).sum::<f64>() / lived.len() as f64;
        looks.push(name().into_iter().chain((0..RULES.len()).map(|rule| Cell::Share(mean(rule)))).collect());
        let any = |rule: usize| Cell::Share(share(&lived, |life| life[rule] > 0.0));
        years.push(name().into_iter().chain((0..RULES.len()).map(any)).collect());
    }
    vec![
        table("looks", "Looks that alarm although the model is the same", &["world", "what"], looks),
        table("years", "Years of daily looks with any such alarm", &["world", "what"], years),
    ]
}

/// How many lives notice a fall before the baseline has fallen too, and after how many days.
fn falls(lives: u64) -> Vec<Table> {
    let (mut noticed, mut days) = (Vec::new(), Vec::new());
    for world in WORLDS.iter().filter(|world| world.falls) {
        for to in FALLS {
            progress(world.name);
            let lived = all(lives, |seed| {
                let life = Life::new(world, 1_000_000 + seed, FIRST + BEFORE + AFTER, Some((FIRST + BEFORE, to)));
                let alarms = alarms(&life, FIRST..FIRST + BEFORE + AFTER);
                let after = alarms.get(BEFORE..).unwrap_or_default();
                let first = |rule: usize| (0..).zip(after).find(|(_, look)| look[rule]).map(|(day, _): (u32, _)| day);
                std::array::from_fn::<_, { RULES.len() }, _>(first)
            });
            let name = || [Cell::from(world.name), Cell::Text(format!("{LIKED:.2} to {to:.2}"))];
            let share = |rule: usize| Cell::Share(share(&lived, |life| life[rule].is_some()));
            noticed.push(name().into_iter().chain((0..RULES.len()).map(share)).collect());
            let middle = |rule: usize| median(lived.iter().map(|life| life[rule]));
            days.push(name().into_iter().chain((0..RULES.len()).map(middle)).collect());
        }
    }
    vec![
        table("noticed", "Falls that are noticed within five weeks", &["world", "liked"], noticed),
        table("days", "Days until half of the lives have noticed", &["world", "liked"], days),
    ]
}

fn table(name: &'static str, title: &'static str, first: &[&str], rows: Vec<Vec<Cell>>) -> Table {
    let columns = first.iter().chain(&RULES).map(|column| (*column).to_owned()).collect();
    Table { name, title, columns, rows }
}

/// What each rule says at the end of each of these days.
fn alarms(life: &Life, days: std::ops::Range<usize>) -> Vec<[bool; RULES.len()]> {
    let mut indices = Vec::new();
    days.map(|day| {
        let Some(Drift { drift_score, alert, details, .. }) = look(life, day) else { return [false; RULES.len()] };
        indices.push(details.psi);
        let newest = indices.get(indices.len().saturating_sub(ROWS)..).unwrap_or_default();
        let average = newest.iter().sum::<f64>() / newest.len() as f64;
        [
            alert,
            drift_score >= THRESHOLD,
            details.p_value < LEVEL,
            details.psi >= THRESHOLD,
            details.psi >= 0.2,
            average > THRESHOLD,
        ]
    })
    .collect()
}

/// The product's look at the days before this one.
fn look(life: &Life, day: usize) -> Option<Drift> {
    let (baseline, current) = (life.scores(day - FIRST..day - WINDOW), life.scores(day - WINDOW..day));
    let [baseline, current] = [&baseline, &current].map(|(answers, people)| Window { answers, people });
    drift(Metric::FeedbackScore, &baseline, &current, THRESHOLD).ok()
}

fn progress(world: &str) {
    let _ = writeln!(io::stderr(), "drift: {world}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_a_number_of_lives() {
        let of = |arguments: &[&str]| Wish::read(&arguments.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&[]), Ok(Wish { lives: 120 }));
        assert_eq!(of(&["--lives", "20"]), Ok(Wish { lives: 20 }));
        for wrong in [&["--lives"][..], &["--lives", "1"], &["--lives", "x"], &["--seeds", "20"]] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_deep_fall_is_noticed_and_none_is_not() {
        let plain = &WORLDS[0];
        let fallen = alarms(&Life::new(plain, 1, 2 * FIRST, Some((FIRST, 0.3))), FIRST..2 * FIRST);
        assert!(!fallen[0][0] && fallen[WINDOW][0] && !fallen[FIRST - 1][0]);
        let quiet = alarms(&Life::new(plain, 1, 2 * FIRST, None), FIRST..2 * FIRST);
        assert!(quiet.iter().all(|look| !look[0]));
    }

    #[test]
    fn the_exact_test_keeps_its_level_whatever_the_windows_lengths() {
        let lives = (1..=20).map(|seed| alarms(&Life::new(&WORLDS[0], seed, 300, None), FIRST..300));
        let looks: Vec<_> = lives.flatten().collect();
        assert!(share(&looks, |look| look[2]) < 0.02);
    }

    #[test]
    fn the_document_averages_over_what_was_before() {
        let life = Life::new(&WORLDS[0], 1, FIRST + BEFORE + AFTER, Some((FIRST + BEFORE, 0.3)));
        let looks = alarms(&life, FIRST..FIRST + BEFORE + AFTER);
        // The index itself is large when the document's rule still is quiet.
        assert!(looks[BEFORE + WINDOW][3] && !looks[BEFORE + WINDOW][5]);
    }
}
