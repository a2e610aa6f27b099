//! The experiment `promotion`: who promotes what, on worlds whose truth is known.

mod biased;
mod canaries;
mod deciders;
mod figures;
mod people;
mod picture;
mod replays;
pub mod report;
mod samples;
mod tables;
mod worlds;
mod years;

use std::io::{self, Write as _};

use report::Report;

use crate::lives::all;

/// The chance of a false promotion that each test may have, where the ledger is off.
const LEVEL: f64 = 0.01;

/// Which seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    Tuning,
    Reported,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub loops: u64,
    pub set: Set,
    pub only: Option<String>,
}

impl Wish {
    /// From what stands after `promotion`.
    pub fn read(arguments: &[String]) -> Result<Self, String> {
        let mut wish = Self { loops: 10_000, set: Set::Reported, only: None };
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(option) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("{option} needs a value"))?;
            match (option, value) {
                ("--loops", n) => wish.loops = n.parse().map_err(|_| "--loops: a number")?,
                ("--set", "tuning") => wish.set = Set::Tuning,
                ("--set", "reported") => wish.set = Set::Reported,
                ("--only", world) => wish.only = Some(world.to_owned()),
                _ => return Err(format!("unknown: {option} {value}")),
            }
        }
        if !(10..=1_000_000).contains(&wish.loops) {
            return Err("--loops: 10 to 1000000".to_owned());
        }
        Ok(wish)
    }

    /// That part was asked for: a part's name, or its beginning up to a `-`.
    fn wants(&self, name: &str) -> bool {
        let part_of = |only: &str| name == only || name.strip_prefix(only).is_some_and(|rest| rest.starts_with('-'));
        self.only.as_deref().is_none_or(part_of)
    }

    /// Lives through loops 1 to n of a world, each with a seed of its own.
    fn live<T: Send>(&self, name: &str, live: impl Fn(u64) -> T + Sync) -> Vec<T> {
        self.live_some(self.loops, name, live)
    }

    fn live_some<T: Send>(&self, loops: u64, name: &str, live: impl Fn(u64) -> T + Sync) -> Vec<T> {
        let _ = writeln!(io::stderr(), "{name}: {loops} loops");
        // FNV-1a of the name: no two worlds share a seed, and a world's stay its own when others come.
        let hash =
            name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
        let base = hash ^ ((self.set as u64 + 1) << 60);
        all(loops, |i| live(base.wrapping_add(i)))
    }
}

/// Lives through all worlds and reports.
pub fn run(wish: &Wish, out: &mut impl io::Write) -> io::Result<()> {
    let report = measure(wish);
    report.print(out)?;
    report.write(out)
}

fn measure(wish: &Wish) -> Report {
    let mut report = Report::new(wish);
    tables::nothing_on_people(wish, &mut report);
    tables::nothing_on_pairs(wish, &mut report);
    tables::drawn_again(wish, &mut report);
    tables::better_on_people(wish, &mut report);
    tables::better_on_pairs(wish, &mut report);
    tables::biased(wish, &mut report);
    figures::years(wish, &mut report);
    figures::power(wish, &mut report);
    figures::paired(wish, &mut report);
    figures::rollback(wish, &mut report);
    figures::plans(wish, &mut report);
    report
}

#[cfg(test)]
mod tests;
