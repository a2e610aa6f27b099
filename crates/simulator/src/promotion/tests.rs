use pawl_core::proof::{Agreement, Case, Decision, Kind, Observations, Pair, Reason, Unit, canary, rule};

use super::*;

fn wish(arguments: &str) -> Result<Wish, String> {
    Wish::read(&arguments.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn a_wish_is_read() {
    assert_eq!(wish(""), Ok(Wish { loops: 10_000, set: Set::Reported, only: None }));
    let some = Wish { loops: 300, set: Set::Tuning, only: Some("users".to_owned()) };
    assert_eq!(wish("--loops 300 --set tuning --only users"), Ok(some));
    for bad in ["--loops", "--loops x", "--loops 3", "--set third", "--weather fine", "users"] {
        assert!(wish(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_part_is_its_name_or_its_beginning() {
    let wish = wish("--only year").unwrap();
    assert!(wish.wants("year-good") && wish.wants("year") && !wish.wants("yearly") && !wish.wants("power"));
    let exact = Wish { only: Some("users".to_owned()), ..wish.clone() };
    assert!(exact.wants("users") && !exact.wants("heavy-users"));
    assert!(Wish { only: None, ..wish }.wants("anything"));
}

#[test]
fn a_loop_is_the_same_however_often_it_is_lived() {
    let world = worlds::nothing_on_people().remove(4);
    let time = |seed| format!("{:?}", canaries::live(&world, 0.05, seed, false));
    assert_eq!(time(3), time(3));
    assert_ne!(time(3), time(4));
    let (one, other) = (wish("--loops 10").unwrap(), wish("--loops 10 --set tuning").unwrap());
    let seeds = |wish: &Wish, name| wish.live(name, |seed| seed);
    assert_ne!(seeds(&one, "users"), seeds(&other, "users"));
    assert_ne!(seeds(&one, "users"), seeds(&one, "sticky"));
}

/// Few loops: that each promise is kept. The figures are `cargo run -p pawl-simulator --release -- promotion`.
fn kept(arguments: &str) -> Report {
    let report = measure(&wish(arguments).unwrap());
    let broken: Vec<_> = report.promises.iter().filter(|promise| !promise.met).collect();
    assert!(broken.is_empty() && !report.promises.is_empty(), "{broken:#?}");
    report
}

#[test]
fn nothing_is_promoted_where_nothing_helps() {
    for world in ["skewed", "users", "sticky", "rare", "thumbs", "worse"] {
        kept(&format!("--loops 30 --only {world}"));
    }
    let report = kept("--loops 300 --only replay");
    // The others do promote.
    let report::Cell::Share(naive) = report.tables[0].rows[0][2] else { panic!("a share") };
    let report::Cell::Share(z) = report.tables[0].rows[0][3] else { panic!("a share") };
    assert!(naive > 0.8 && z > 0.05, "{naive} {z}");
}

#[test]
fn single_figures_hold() {
    for part in ["year-nothing", "year-mixed", "power", "rollback"] {
        kept(&format!("--loops 200 --only {part}"));
    }
    kept("--loops 1000 --only paired");
}

#[test]
fn what_is_better_is_promoted_and_what_only_looks_so_is_stopped() {
    let report = measure(&wish("--loops 30 --only much-better").unwrap());
    assert_eq!(report.tables[0].rows[0][5], report::Cell::Share(1.0));
    kept("--loops 40 --only biased-blatant");
    let report = measure(&wish("--loops 40 --only biased-mild").unwrap());
    assert!(report.promises[0].met && report.promises[0].what.contains("people's guard"), "{:?}", report.promises);
}

#[test]
fn a_biased_judge_fails_its_trial_and_an_honest_one_passes() {
    let mut random = crate::random::Random::new(1, 1);
    let mut passed = |bias| (0..200).filter(|_| biased::trusted(bias, &mut random)).count();
    assert!(passed(0.0) > 190);
    assert_eq!(passed(2.0), 0);
}

#[test]
fn it_is_written_down() {
    let report = measure(&wish("--loops 20 --only replay").unwrap());
    let mut out = Vec::new();
    report.print(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("Replays, nothing is better") && text.contains("  met     replay-nothing"), "{text}");
    let svg = picture::draw(&report.tables);
    assert!(svg.contains("replay-position") && svg.ends_with("</svg>\n"));
}

/// The case of a canary after so many conversations, or of a replay.
fn case(kind: Kind, days: Option<f64>, observations: Observations) -> Case {
    Case {
        kind,
        level: Some(LEVEL),
        horizon: (kind == Kind::Replay).then_some(1_000),
        min_days: days.map(|_| 7.0),
        max_days: days.map(|_| 28.0),
        days,
        unit: None,
        agreement: Agreement::default(),
        floor: 0.2,
        before_up: None,
        before_n: None,
        observations,
    }
}

/// What is counted here is what would be ruled, at that conversation and not one before.
#[test]
fn a_life_ends_as_its_case_is_ruled() {
    let worlds =
        [worlds::nothing_on_people(), worlds::better_on_people(), vec![biased::WORLDS[2].on_people()]].concat();
    let mut promoted = 0;
    for (world, seed) in worlds.iter().filter(|w| !w.sticky).flat_map(|w| [(w, 1), (w, 2)]) {
        let lived = canaries::live(world, LEVEL, seed, false);
        let mut life = people::Life::new(world, seed);
        let units: Vec<Unit> = (0..people::A_DAY * people::DAYS)
            .filter_map(|_| life.next().unit)
            .map(|canary::Unit { arm, propensity, person, judged, reaction }| Unit {
                id: String::new(),
                arm,
                propensity,
                person,
                judged,
                reaction,
            })
            .collect();
        let ruled = |time: u32| {
            let days = Some(f64::from(time) / f64::from(people::A_DAY));
            let seen = units[..time as usize].to_vec();
            let ruling = rule(&case(Kind::Canary, days, Observations::Units(seen)));
            (ruling.decision, ruling.reason)
        };
        let end = match lived {
            canaries::Lived { promoted: Some(time), .. } => Some((time, (Decision::Promote, Reason::Better))),
            canaries::Lived { worse: Some(time), .. } => Some((time, (Decision::Reject, Reason::Worse))),
            canaries::Lived { liked_less: Some(time), .. } => {
                Some((time, (Decision::Reject, Reason::PeopleLikeItLess)))
            }
            _ => None,
        };
        let Some((time, ruling)) = end else {
            assert_eq!(ruled(people::A_DAY * people::DAYS).0, Decision::Reject, "{}", world.name);
            continue;
        };
        assert_eq!(ruled(time), ruling, "{}", world.name);
        assert_eq!(ruled(time - 1).0, Decision::GoOn, "{}", world.name);
        promoted += u32::from(ruling.0 == Decision::Promote);
    }
    assert!(promoted >= 10, "{promoted}");
}

#[test]
fn a_replay_ends_as_its_case_is_ruled() {
    for world in worlds::nothing_on_pairs().iter().chain(&worlds::better_on_pairs()).filter(|w| w.pool == 0) {
        let lived = replays::live(world, LEVEL, 7);
        let mut life = replays::Life::new(world, 7);
        for _ in 0..60 {
            life.next();
        }
        life.begin();
        let pairs: Vec<Pair> = (0..1_000)
            .map(|_| {
                let (first, second) = life.next();
                let d = replays::both((first, second));
                Pair { id: String::new(), d, first, second, longer: 0, question_type: "other" }
            })
            .collect();
        let ruling = rule(&case(Kind::Replay, None, Observations::Pairs(pairs)));
        assert_eq!(ruling.decision == Decision::Promote, lived.pawl.better_at.is_some(), "{}", world.name);
        assert_eq!(ruling.log_e, lived.pawl.log_e, "{}", world.name);
    }
}
