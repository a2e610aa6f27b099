//! Worlds with known truth, to measure what `pawl-core` decides. Native only. The rules: `README.md` beside this.

#![forbid(unsafe_code)]
#![expect(clippy::indexing_slicing, reason = "every index is drawn from the length of what it indexes")]

use std::{io::Write as _, process::ExitCode};

mod document;
mod drift;
mod learner;
mod life;
mod lives;
mod patterns;
mod promotion;
mod random;
mod report;
mod votes;
mod world;

const HELP: &str = "\
Usage: pawl-simulator patterns [--seeds N] [--set first|second|third] [--organizations 1,2,3,6,12]
       pawl-simulator promotion [--loops N] [--set tuning|reported] [--only PART]
       pawl-simulator drift [--lives N]

patterns lives through seeded worlds with Pawl's own code and with the document's rule, and prints what came of them.
Writes target/simulator/patterns.json and target/simulator/patterns.svg (the learning curve).

  --seeds N               worlds with preferences for each number of organisations (default 50); four times as many
                          without any, twice as many with a crash
  --set first|second|third  seeds for tuning (first, the default), and two sets that nothing was chosen on; README says
                          when each was used
  --organizations LIST    numbers of organisations that share the 12,000 signals (default 1,2,3,6,12)

promotion lets four deciders promote candidates of known worth, looked at after every observation, and says of each
promise whether it is met. Writes target/simulator/promotion.json and target/simulator/promotion.svg; says on standard
error how far it is. Minutes.

  --loops N               loops a world (default 10000)
  --set tuning|reported   seeds that the people's guard was chosen on, or others (reported, the default)
  --only PART             one world, or all whose names begin with it (nothing, users, sticky, replay, biased, year, …),
                          or power, paired, rollback, plan

drift looks every day at feedback that stays as it is, and at some that falls, by Pawl's rule, by bare figures and by
the document's rule. Writes target/simulator/drift.json. Under a minute.

  --lives N               lives a world (default 120)

The rules of the worlds: crates/simulator/README.md.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        return written(write!(out, "{HELP}"));
    }
    let done = match arguments.split_first() {
        Some((mode, rest)) if mode == "promotion" => {
            promotion::Wish::read(rest).map(|wish| promotion::run(&wish, &mut out))
        }
        Some((mode, rest)) if mode == "drift" => drift::Wish::read(rest).map(|wish| drift::run(&wish, &mut out)),
        _ => patterns::Wish::read(&arguments).map(|wish| patterns::run(&wish, &mut out)),
    };
    match done {
        Ok(result) => written(result),
        Err(problem) => {
            let _ = write!(std::io::stderr(), "pawl-simulator: {problem}\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn written(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "pawl-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}
