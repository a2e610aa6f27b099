//! All worlds with an unbiased judge.

use super::{
    people::{self, Measure},
    replays,
};

/// Worlds of canaries in which nothing is better: whatever is promoted is promoted by mistake.
pub fn nothing_on_people() -> Vec<people::World> {
    let nothing = people::World::NOTHING;
    vec![
        nothing,
        people::World { name: "skewed", about: "nearly all scores are 5", measure: Measure::Judge(4.6), ..nothing },
        people::World { name: "users", about: "people differ (ICC 0.2)", people_sd: 0.42, ..nothing },
        people::World {
            name: "heavy-users",
            about: "20 people, who differ much; few ask most",
            people_sd: 0.85,
            people: 20,
            heavy: true,
            ..nothing
        },
        people::World {
            name: "sticky",
            about: "arms kept by person, ICC 0.2",
            people_sd: 0.42,
            sticky: true,
            ..nothing
        },
        people::World {
            name: "sticky-much",
            about: "arms kept by person, ICC 0.5",
            people_sd: 0.85,
            sticky: true,
            ..nothing
        },
        people::World { name: "rare-failures", about: "2 % fail", measure: Measure::Binary(0.98), ..nothing },
        people::World { name: "rare-successes", about: "2 % succeed", measure: Measure::Binary(0.02), ..nothing },
        people::World { name: "drift", about: "the judge swings by ± 0.6", drift: 0.6, people_sd: 0.42, ..nothing },
        people::World { name: "thumbs", about: "thumbs alone, on 8 %", measure: Measure::Thumbs(0.9), ..nothing },
        people::World { name: "worse-a-little", about: "0.1 points worse", ..better(-0.1) },
        people::World { name: "worse", about: "0.3 points worse", ..better(-0.3) },
    ]
}

/// So many points better, in the judge's eyes and in people's; people differ.
fn better(points: f64) -> people::World {
    people::World { judged: points, liked: points, people_sd: 0.42, ..people::World::NOTHING }
}

/// Worlds of canaries in which the candidate is better.
pub fn better_on_people() -> Vec<people::World> {
    vec![
        people::World { name: "better-a-little", about: "0.1 points better", ..better(0.1) },
        people::World { name: "better", about: "0.2 points better", ..better(0.2) },
        people::World { name: "much-better", about: "0.5 points better", ..better(0.5) },
        people::World { name: "sticky-better", about: "0.3 better, arms kept by person", sticky: true, ..better(0.3) },
        people::World {
            name: "better-silent",
            about: "0.2 better, 1 answer in 50 has reactions",
            reacting: 0.02,
            ..better(0.2)
        },
        people::World {
            name: "better-unnoticed",
            about: "0.2 better, people feel no difference",
            liked: 0.0,
            ..better(0.2)
        },
        people::World {
            name: "rare-better",
            about: "5 % fail, 2 % with it",
            measure: Measure::Binary(0.95),
            judged: 0.03,
            ..people::World::NOTHING
        },
        people::World {
            name: "thumbs-better",
            about: "thumbs alone, 70 % up, 90 % with it",
            measure: Measure::Thumbs(0.7),
            judged: 0.2,
            ..people::World::NOTHING
        },
    ]
}

/// Worlds of replays in which nothing is better.
pub fn nothing_on_pairs() -> Vec<replays::World> {
    let nothing = replays::World::NOTHING;
    vec![
        nothing,
        replays::World { name: "replay-decided", about: "1 in 8 is a tie", tie: 0.0, ..nothing },
        replays::World { name: "replay-ties", about: "7 in 10 are ties", tie: 0.95, ..nothing },
        replays::World { name: "replay-position", about: "the judge likes what comes first", position: 0.5, ..nothing },
        replays::World { name: "replay-drift", about: "the judge grows cautious", tie: 0.1, drift: 1.5, ..nothing },
        replays::World {
            name: "replay-questions",
            about: "questions favour one or the other",
            questions_sd: 0.6,
            pool: 2_000,
            ..nothing
        },
        replays::World {
            name: "replay-few-questions",
            about: "the same, 300 questions",
            questions_sd: 0.6,
            pool: 300,
            ..nothing
        },
        replays::World {
            name: "replay-opinionated",
            about: "questions alone decide; 300 of them",
            questions_sd: 1.0,
            pool: 300,
            ..nothing
        },
        replays::World { name: "replay-worse", about: "45 to 55", judged: -0.1, ..nothing },
    ]
}

/// The same questions drawn again and again: which of them are there then decides, not which answers are better.
pub fn drawn_again() -> Vec<replays::World> {
    let again = replays::World { questions_sd: 0.6, again: true, ..replays::World::NOTHING };
    vec![
        replays::World { name: "again-2000", about: "2,000 questions", pool: 2_000, ..again },
        replays::World { name: "again-300", about: "300 questions", pool: 300, ..again },
        replays::World { name: "again-100", about: "100 questions", pool: 100, ..again },
    ]
}

/// Worlds of replays in which the candidate is better.
pub fn better_on_pairs() -> Vec<replays::World> {
    let nothing = replays::World::NOTHING;
    vec![
        replays::World { name: "replay-better-a-little", about: "about 55 to 45", judged: 0.1, ..nothing },
        replays::World { name: "replay-better", about: "about 61 to 39", judged: 0.21, ..nothing },
        replays::World { name: "replay-much-better", about: "about 67 to 33", judged: 0.32, ..nothing },
    ]
}
