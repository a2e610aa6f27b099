//! The experiment `patterns`: which worlds, and what is said about them.

use std::io;

use crate::{
    life,
    lives::all,
    report::{self, Row},
    world::Kind,
};

/// How many percent of all answers the person gets who pushes a format.
const PUSHED: [u32; 4] = [3, 5, 7, 50];

/// Which seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    First,
    Second,
    Third,
}

impl Set {
    fn named(name: &str) -> Option<Self> {
        [Self::First, Self::Second, Self::Third].into_iter().find(|set| set.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
        }
    }
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Wish {
    pub seeds: u64,
    pub set: Set,
    pub organizations: Vec<usize>,
}

impl Wish {
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        let mut wish = Self { seeds: 50, set: Set::First, organizations: vec![1, 2, 3, 6, 12] };
        let mut rest = arguments.iter().map(String::as_str);
        if rest.next() != Some("patterns") {
            return Err("say what to simulate: patterns, promotion or drift".to_owned());
        }
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("{option} needs a value"))?;
            match (option, value) {
                ("--seeds", n) => wish.seeds = n.parse().map_err(|_| "--seeds: a number")?,
                ("--set", name) => wish.set = Set::named(name).ok_or("--set: first, second or third")?,
                ("--organizations", list) => {
                    let numbers: Result<Vec<usize>, _> = list.split(',').map(str::parse).collect();
                    wish.organizations = numbers.map_err(|_| "--organizations: numbers with commas")?;
                    if wish.organizations.contains(&0) {
                        return Err("--organizations: at least 1 each".to_owned());
                    }
                }
                _ => return Err(format!("unknown: {option} {value}")),
            }
        }
        Ok(wish)
    }

    fn seed(&self, world: u64) -> u64 {
        world + 1_000_000 * self.set as u64
    }
}

/// Lives through all worlds and reports.
pub fn run(wish: &Wish, out: &mut impl io::Write) -> io::Result<()> {
    let set = wish.set.name();
    writeln!(out, "Rules of the worlds: crates/simulator/README.md. Seeds: {set} set.\n")?;
    let mut rows = Vec::new();
    for n in &wish.organizations {
        let pawl = all(wish.seeds, |i| life::pawl(Kind::True, *n, wish.seed(i), false));
        let document = all(wish.seeds, |i| life::document(Kind::True, *n, wish.seed(i)));
        report::progress(out, &format!("worlds with preferences, organisations: {n}"))?;
        rows.push(Row { organizations: *n, pawl, document });
    }
    report::gains(out, &rows)?;

    let mut nulls = Vec::new();
    for n in wish.organizations.iter().filter(|n| [1, 3].contains(*n)) {
        let pawl = all(4 * wish.seeds, |i| life::pawl(Kind::Null, *n, wish.seed(10_000 + i), false));
        let document = all(4 * wish.seeds, |i| life::document(Kind::Null, *n, wish.seed(10_000 + i)));
        report::progress(out, &format!("worlds without any, organisations: {n}"))?;
        nulls.push(Row { organizations: *n, pawl, document });
    }
    report::nulls(out, &nulls)?;

    let crashes = all(2 * wish.seeds, |i| life::pawl(Kind::True, 1, wish.seed(20_000 + i), true));
    report::progress(out, "worlds with a crash")?;
    report::crashes(out, &crashes, rows.iter().chain(&nulls))?;

    let mut poisoned = Vec::new();
    for percent in PUSHED {
        let kind = Kind::Poisoned(percent);
        let row = Row {
            organizations: 3,
            pawl: all(wish.seeds, |i| life::pawl(kind, 3, wish.seed(30_000 + i), false)),
            document: all(wish.seeds, |i| life::document(kind, 3, wish.seed(30_000 + i))),
        };
        report::progress(out, &format!("poisoned worlds, {percent} % of answers"))?;
        poisoned.push((percent, row));
    }
    report::poisoned(out, &poisoned)?;
    report::write(out, set, &rows, &nulls, &crashes, &poisoned)
}

#[cfg(test)]
mod tests;
