//! Single figures: the year, power, pairs, rollback, and how long a proof takes.

use pawl_core::proof::budget::TESTS_A_YEAR;

use super::{
    LEVEL, Wish, biased,
    report::{Cell, Report, count, median, share},
    samples,
    years::{self, MIXES, Year},
};
use crate::random::Random;

fn mean<T>(all: &[T], of: impl Fn(&T) -> f64) -> f64 {
    all.iter().map(of).sum::<f64>() / all.len().max(1) as f64
}

pub fn years(wish: &Wish, report: &mut Report) {
    let mut rows = Vec::new();
    for mix in MIXES.iter().filter(|mix| wish.wants(mix.name)) {
        let on = wish.live(mix.name, |seed| years::live(mix, None, seed));
        let off = wish.live_some(wish.loops / 10, mix.name, |seed| years::live(mix, Some(LEVEL), seed));
        let (wrong, any) = (mean(&on, Year::false_share), share(&on, |y| y.promoted() > 0));
        report.promise(
            format!("{}: mean false share of a year's promotions at most 5 %", mix.name),
            format!("{:.2} %", 100.0 * wrong),
            wrong <= 0.05,
        );
        if mix.candidates.iter().all(|(wins, _)| *wins <= 0.5) {
            let figure = format!("{:.2} %", 100.0 * any);
            report.promise("years in which nothing helps and anything is promoted at most 5 %", figure, any <= 0.05);
        }
        let mut row: Vec<Cell> = vec![mix.name.into(), mix.about.into()];
        for years in [&on, &off] {
            let better: u32 = years.iter().map(|y| y.better).sum();
            let rightly: u32 = years.iter().map(|y| y.rightly).sum();
            row.push(Cell::Share(mean(years, Year::false_share)));
            row.push(Cell::Share(share(years, |y| y.promoted() > 0)));
            row.push(Cell::Number(mean(years, |y| f64::from(y.promoted()))));
            row.push(if better > 0 { Cell::Share(f64::from(rightly) / f64::from(better)) } else { Cell::None });
        }
        rows.push(row);
    }
    debug_assert_eq!(TESTS_A_YEAR, 60);
    let columns = [
        "year",
        "",
        "false share",
        "any promoted",
        "promotions",
        "power",
        "off: false share",
        "off: any",
        "off: promotions",
        "off: power",
    ];
    report.table("years", "Years of 60 tests by replay, ledger on; off: 1 % each", &columns, rows);
}

pub fn power(wish: &Wish, report: &mut Report) {
    let mut rows = Vec::new();
    if wish.wants("power") {
        for wins in [0.6, 0.65, 0.7] {
            for level in [LEVEL, 1.0 / 1_200.0] {
                let proved = wish.live("power", |seed| {
                    years::proved(wins, 0.3, level, 1_000, &mut Random::new(seed, 0x70)).map(|n| n as u32)
                });
                let by = |n: u32| share(&proved, |at| at.is_some_and(|at| at <= n));
                if wins == 0.65 && level == LEVEL {
                    let what = "power at 65 to 35 with 30 % ties, 400 pairs, at 1 % at least 90 %";
                    report.promise(what, format!("{:.2} %", 100.0 * by(400)), by(400) >= 0.9);
                }
                let mut row = vec![Cell::Text(format!("{:.0} to {:.0}", 100.0 * wins, 100.0 - 100.0 * wins))];
                row.extend([Cell::Share(level)]);
                row.extend([30, 60, 200, 400, 600, 1_000].map(|n| Cell::Share(by(n))));
                row.push(median(proved.into_iter()));
                rows.push(row);
            }
        }
    }
    let columns =
        ["decided pairs", "level", "by 30", "by 60", "by 200", "by 400", "by 600", "by 1,000", "median pairs"];
    report.table("power", "Replays with 30 % ties: proved by so many pairs", &columns, rows);
}

pub fn paired(wish: &Wish, report: &mut Report) {
    if !wish.wants("paired") {
        return;
    }
    let pairs = wish.live("paired", |seed| samples::paired(1.0 / LEVEL, seed));
    let apart = wish.live("paired-apart", |seed| samples::unpaired(1.0 / LEVEL, seed));
    let of = |all: &[u32]| {
        let mut sorted = all.to_vec();
        sorted.sort_unstable();
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
        (f64::from(median), mean(all, |n| f64::from(*n)))
    };
    let ((median, mean), (median_apart, mean_apart)) = (of(&pairs), of(&apart));
    for (name, one, other) in [("median", median, median_apart), ("mean", mean, mean_apart)] {
        let figure = format!("{one:.0} of {other:.0}: {:.1} %", 100.0 * one / other);
        report.promise(format!("paired against unpaired, 80 to 86 %, {name} at most 40 %"), figure, one <= 0.4 * other);
    }
}

pub fn rollback(wish: &Wish, report: &mut Report) {
    if !wish.wants("rollback") {
        return;
    }
    let (before, after) = (0.8, 0.6);
    let divergence = |p: f64, q: f64| p * (p / q).ln() + (1.0 - p) * ((1.0 - p) / (1.0 - q)).ln();
    let unit = 1e4_f64.ln() / divergence(after, before);
    let mut rows = Vec::new();
    for (votes, most) in [(2_000, 1.5), (500, 1.8)] {
        let name = format!("rollback-{votes}");
        let until = |after: f64| {
            move |seed: u64| biased::until_rolled_back(before, after, votes, &mut Random::new(seed, 0x2011))
        };
        let fallen = wish.live(&name, until(after));
        let quiet = wish.live(&format!("{name}-quiet"), until(before));
        // Histories, each lived on 50 times.
        let histories = wish.live_some(wish.loops.div_ceil(50), &format!("{name}-histories"), |seed| {
            let mut random = Random::new(seed, 0x4157);
            let ups = (0..votes).map(|_| u64::from(random.chance(before))).sum();
            (0..50).filter(|_| biased::until_alarm(ups, votes, before, &mut random).is_some()).count()
        });
        let middle = median(fallen.iter().copied());
        let Cell::Number(middle) = middle else { continue };
        let falsely = share(&quiet, Option::is_some);
        let bad = share(&histories, |alarms| *alarms > 10);
        report.promise(
            format!("rollback 80 to 60 %, {votes} votes before: median at most {most} × {unit:.1} votes"),
            format!("{middle:.0} votes, {:.2} ×", middle / unit),
            middle <= most * unit,
        );
        report.promise(
            format!("false rollback in 10,000 votes, {votes} votes before, at most 5 %"),
            format!("{:.2} % ({} of {})", 100.0 * falsely, count(&quiet, Option::is_some), quiet.len()),
            falsely <= 0.05,
        );
        let over = Cell::Share(mean(&histories, |alarms| *alarms as f64 / 50.0));
        rows.push(vec![
            Cell::Text(format!("{votes} votes before")),
            "80 to 60 %".into(),
            Cell::Number(middle),
            Cell::Number(middle / unit),
            Cell::Share(falsely),
            over,
            Cell::Share(bad),
        ]);
    }
    let columns = [
        "history",
        "fall",
        "median votes",
        "× ln(10⁴)/KL",
        "false in 10,000",
        "over histories",
        "histories with over 20 %",
    ];
    report.table("rollback", "Rollback", &columns, rows);
}

pub fn plans(wish: &Wish, report: &mut Report) {
    let mut rows = Vec::new();
    for (share, sticky, level) in samples::PLANS.into_iter().filter(|_| wish.wants("plan")) {
        let units = wish.live_some(wish.loops.div_ceil(10), "plan", |seed| samples::units(share, sticky, level, seed));
        let mut sorted: Vec<u32> = units.iter().map(|n| n.unwrap_or(u32::MAX)).collect();
        sorted.sort_unstable();
        let late = sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(u32::MAX);
        let days = |a_day: f64| match median(units.iter().copied()) {
            Cell::Number(n) => Cell::Number(n / a_day),
            other => other,
        };
        let unit = if sticky { "person" } else { "conversation" };
        rows.push(vec![
            Cell::Text(format!("{:.0} % by {unit}", 100.0 * share)),
            Cell::Share(level),
            median(units.iter().copied()),
            if late < u32::MAX { Cell::Number(f64::from(late)) } else { Cell::None },
            days(50.0),
            days(200.0),
        ]);
    }
    let columns = ["share", "level", "median units", "nine in ten", "days at 50 a day", "days at 200 a day"];
    report.table("plans", "Units until the judge's evidence is enough: 0.2 points better, ICC 0.2", &columns, rows);
}
