//! Who promotes what, world by world.

use pawl_core::crash::lower_limit;

use super::{
    LEVEL, Wish,
    biased::{self, Stopped, VOTES_AFTER},
    canaries::{self, LIMITS, Lived},
    deciders::Promoted,
    replays,
    report::{Cell, Report, count, median, median_of_some, share},
    worlds,
};

const NOTHING: [&str; 9] =
    ["world", "", "naive", "z-test", "plug-in", "Pawl: evidence", "Pawl: promoted", "lower limit", "level"];
const BETTER: [&str; 12] = [
    "world",
    "",
    "naive",
    "z-test",
    "plug-in",
    "Pawl",
    "worse",
    "liked less",
    "naive, median",
    "z-test, median",
    "plug-in, median",
    "Pawl, median",
];

fn others<T>(lived: &[T], of: impl Fn(&T) -> Promoted) -> Vec<Cell> {
    (0..3).map(|i| Cell::Share(share(lived, |l| of(l)[i].is_some()))).collect()
}

fn medians<T>(lived: &[T], of: impl Fn(&T) -> Promoted) -> Vec<Cell> {
    (0..3).map(|i| median(lived.iter().map(|l| of(l)[i]))).collect()
}

/// The row of a world in which nothing is better, and whether its false promotions are within the level.
fn nothing_row(
    (name, about): (&str, &str),
    others: Vec<Cell>,
    (reached, promoted): (usize, usize),
    loops: usize,
    report: &mut Report,
) -> Vec<Cell> {
    let limit = lower_limit(reached as u64, loops as u64);
    let (found, of) = (reached as f64 / loops as f64, promoted as f64 / loops as f64);
    report.promise(
        format!("{name}: lower limit of false promotions at most 1 %"),
        format!("{reached} of {loops} ({:.2} %), lower limit {:.2} %", 100.0 * found, 100.0 * limit),
        limit <= LEVEL,
    );
    let mut row = vec![name.into(), about.into()];
    row.extend(others);
    row.extend([Cell::Share(found), Cell::Share(of), Cell::Share(limit), Cell::Share(LEVEL)]);
    row
}

pub fn nothing_on_people(wish: &Wish, report: &mut Report) {
    let mut rows = Vec::new();
    for world in worlds::nothing_on_people().iter().filter(|w| wish.wants(w.name)) {
        let lived = wish.live(world.name, |seed| canaries::live(world, LEVEL, seed, false));
        let found = (count(&lived, |l| l.reached.is_some()), count(&lived, |l| l.promoted.is_some()));
        let others = others(&lived, |l: &Lived| l.others);
        rows.push(nothing_row((world.name, world.about), others, found, lived.len(), report));
    }
    report.table("canary_nothing", "Canaries, nothing is better: promoted by mistake", &NOTHING, rows);
}

pub fn nothing_on_pairs(wish: &Wish, report: &mut Report) {
    let mut rows = Vec::new();
    for world in worlds::nothing_on_pairs().iter().filter(|w| wish.wants(w.name)) {
        let lived = wish.live(world.name, |seed| replays::live(world, LEVEL, seed));
        let better = |l: &replays::Lived| l.pawl.better_at.is_some();
        let found = (count(&lived, better), count(&lived, |l| better(l) && l.screened));
        let others = others(&lived, |l| l.others);
        rows.push(nothing_row((world.name, world.about), others, found, lived.len(), report));
    }
    report.table("replay_nothing", "Replays, nothing is better: promoted by mistake", &NOTHING, rows);
}

/// Not what Pawl does: why it draws each question once.
pub fn drawn_again(wish: &Wish, report: &mut Report) {
    let mut rows = Vec::new();
    for world in worlds::drawn_again().iter().filter(|w| wish.wants(w.name)) {
        let lived = wish.live(world.name, |seed| replays::live(world, LEVEL, seed));
        let reached = count(&lived, |l| l.pawl.better_at.is_some());
        let limit = lower_limit(reached as u64, lived.len() as u64);
        let found = reached as f64 / lived.len() as f64;
        rows.push(vec![world.name.into(), world.about.into(), Cell::Share(found), Cell::Share(limit)]);
    }
    let title = "Why each question is drawn once: 1,000 pairs drawn again and again, nothing is better (no promise)";
    report.table("drawn_again", title, &["world", "", "Pawl's test", "lower limit"], rows);
}

pub fn better_on_people(wish: &Wish, report: &mut Report) {
    let (mut rows, mut limits) = (Vec::new(), Vec::new());
    for world in worlds::better_on_people().iter().filter(|w| wish.wants(w.name)) {
        let lived = wish.live(world.name, |seed| canaries::live(world, LEVEL, seed, true));
        let mut row: Vec<Cell> = vec![world.name.into(), world.about.into()];
        row.extend(others(&lived, |l: &Lived| l.others));
        row.push(Cell::Share(share(&lived, |l| l.promoted.is_some())));
        row.push(Cell::Share(share(&lived, |l| l.promoted.is_none() && l.worse.is_some())));
        row.push(Cell::Share(share(&lived, |l| l.promoted.is_none() && l.liked_less.is_some())));
        row.extend(medians(&lived, |l| l.others));
        row.push(median(lived.iter().map(|l| l.promoted)));
        rows.push(row);
        limits.push(limits_row(world.name, world.about, &lived));
    }
    report.table(
        "canary_better",
        "Canaries, the candidate is better: promoted; medians in conversations",
        &BETTER,
        rows,
    );
    limits_table("limits_better", "The same, by the limit of the people's guard (promoted; median)", limits, report);
}

fn limits_row(name: &str, about: &str, lived: &[Lived]) -> Vec<Cell> {
    let mut row: Vec<Cell> = vec![name.into(), about.into()];
    row.extend((0..LIMITS.len()).map(|i| Cell::Share(share(lived, |l| l.by_limit[i].is_some()))));
    row.push(median_of_some(lived.iter().map(|l| l.by_limit[0])));
    row.extend([2, 4].map(|i: usize| median_of_some(lived.iter().map(|l| l.by_limit[i]))));
    row
}

fn limits_table(name: &'static str, title: &'static str, rows: Vec<Vec<Cell>>, report: &mut Report) {
    let mut columns = vec!["world".to_owned(), String::new(), "no guard".to_owned()];
    columns.extend(LIMITS.iter().skip(1).map(|limit| format!("z ≥ {limit}")));
    columns.extend(["median, no guard", "z ≥ -1, median", "z ≥ 0, median"].map(str::to_owned));
    report.table(name, title, &columns.iter().map(String::as_str).collect::<Vec<_>>(), rows);
}

pub fn better_on_pairs(wish: &Wish, report: &mut Report) {
    let mut rows = Vec::new();
    for world in worlds::better_on_pairs().iter().filter(|w| wish.wants(w.name)) {
        let lived = wish.live(world.name, |seed| replays::live(world, LEVEL, seed));
        let mut row: Vec<Cell> = vec![world.name.into(), world.about.into()];
        row.extend(others(&lived, |l| l.others));
        row.push(Cell::Share(share(&lived, |l| l.pawl.better_at.is_some())));
        row.push(Cell::Share(share(&lived, |l| l.pawl.worse_at.is_some())));
        row.push(Cell::Share(share(&lived, |l| l.screened)));
        row.extend(medians(&lived, |l| l.others));
        row.push(median(lived.iter().map(|l| l.pawl.better_at.map(|n| n as u32))));
        rows.push(row);
    }
    let mut columns = BETTER;
    columns[7] = "screened in";
    report.table("replay_better", "Replays, the candidate is better: promoted; medians in pairs", &columns, rows);
}

pub fn biased(wish: &Wish, report: &mut Report) {
    let (mut rows, mut limits) = (Vec::new(), Vec::new());
    for world in biased::WORLDS.iter().filter(|w| wish.wants(w.name)) {
        let lived = wish.live(world.name, |seed| biased::live(world, LEVEL, seed));
        let about = world.about();
        let canaries: Vec<Lived> = lived.iter().map(|s| s.canary).collect();
        limits.push(limits_row(world.name, &about, &canaries));
        let evident = |s: &Stopped| s.canary.reached.is_some();
        let guarded = |s: &Stopped| evident(s) && s.canary.promoted.is_none();
        let promoted = |s: &Stopped| s.trusted && s.canary.promoted.is_some();
        let of_evident = |of: &dyn Fn(&Stopped) -> bool| {
            count(&lived, |s| evident(s) && of(s)) as f64 / count(&lived, evident).max(1) as f64
        };
        let (trial, guard) = (of_evident(&|s| !s.trusted), of_evident(&guarded));
        let left = of_evident(&promoted);
        let mut row = vec![world.name.into(), Cell::Text(about)];
        row.extend(others(&canaries, |l: &Lived| l.others));
        row.push(Cell::Share(share(&lived, evident)));
        row.extend([trial, guard].map(Cell::Share));
        row.push(Cell::Share(share(&lived, promoted)));
        row.push(Cell::Share(share(&lived, |s| s.trusted && s.replay)));
        row.push(Cell::Share(share(&lived, |s| s.rolled_back.is_some())));
        row.push(median(lived.iter().map(|s| s.rolled_back)));
        rows.push(row);
        if world.less > 0.0 {
            let figure = format!(
                "of {} canaries that the judge would promote the trial stops {:.1} %, the people's guard {:.1} %, both \
                 {:.2} %",
                count(&lived, evident),
                100.0 * trial,
                100.0 * guard,
                100.0 * (1.0 - left)
            );
            let what = format!("{}: trial and people's guard stop it in 95 of 100 cases", world.name);
            report.promise(what, figure, left <= 0.05);
            // Nobody is shown a replay: there is no guard but the trial, and the rollback afterwards.
            let replays = share(&lived, |s| s.trusted && s.replay);
            let what = format!("{}, by replay: the trial alone stops it in 95 of 100 cases", world.name);
            report.promise(what, format!("{:.1} %", 100.0 * (1.0 - replays)), replays <= 0.05);
        }
    }
    let columns = [
        "world",
        "",
        "naive",
        "z-test",
        "plug-in",
        "evidence",
        "trial stops",
        "guard stops",
        "promoted",
        "by replay",
        "rolled back",
        "votes, median",
    ];
    let title = "Biased judges: stops as shares of what the evidence would promote; rollback within 10,000 votes";
    debug_assert_eq!(VOTES_AFTER, 10_000);
    report.table("biased", title, &columns, rows);
    let title = "The same, by the limit of the people's guard, without the trial (promoted; median)";
    limits_table("limits_biased", title, limits, report);
}
