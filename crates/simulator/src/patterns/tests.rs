use super::*;
use crate::life::Outcome;

fn wish(arguments: &str) -> Result<Wish, String> {
    Wish::read(&arguments.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn a_wish_is_read() {
    let organizations = vec![1, 2, 3, 6, 12];
    assert_eq!(wish("patterns"), Ok(Wish { seeds: 50, set: Set::First, organizations }));
    let some = wish("patterns --seeds 3 --set second --organizations 1,3");
    assert_eq!(some, Ok(Wish { seeds: 3, set: Set::Second, organizations: vec![1, 3] }));
    for bad in
        ["", "weather", "patterns --seeds", "patterns --seeds x", "patterns --set fourth", "patterns --organizations 0"]
    {
        assert!(wish(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_two_sets_share_no_seed() {
    let (first, second) = (wish("patterns").unwrap(), wish("patterns --set second").unwrap());
    assert_eq!((first.seed(30_050), second.seed(1)), (30_050, 1_000_001));
}

#[test]
fn a_world_is_the_same_however_often_it_is_lived() {
    let (a, b) = (life::pawl(Kind::True, 1, 5, false), life::pawl(Kind::True, 1, 5, false));
    assert_eq!((a.curve, a.events), (b.curve, b.events));
}

fn last(outcomes: &[Outcome]) -> f64 {
    outcomes.iter().map(|o| o.curve[89]).sum::<f64>() / outcomes.len() as f64
}

/// Few worlds, wide bounds: directions. The figures are `cargo run -p pawl-simulator --release -- patterns`.
#[test]
fn pawl_learns_what_is_there_and_nothing_else() {
    let one = all(3, |seed| life::pawl(Kind::True, 1, seed, false));
    let three = all(3, |seed| life::pawl(Kind::True, 3, seed, false));
    let document = all(3, |seed| life::document(Kind::True, 3, seed));
    assert!(last(&one) > 0.7, "one: {}", last(&one));
    assert!(last(&three) > 0.5 && last(&three) < last(&one), "three: {}", last(&three));
    assert!(last(&document) < last(&three), "document: {}", last(&document));
    let falsely = |o: &[Outcome]| o.iter().map(|o| o.adopted_false).sum::<usize>();
    assert!(falsely(&one) + falsely(&three) <= 1);
    assert!(falsely(&document) > 5);
    assert!(one.iter().chain(&three).all(|o| o.reverts == 0));
    let nothing = all(4, |seed| life::pawl(Kind::Null, 1, 10_000 + seed, false));
    assert!(falsely(&nothing) <= 1);
}

#[test]
fn a_crash_is_taken_back() {
    let crashes: Vec<_> =
        all(8, |seed| life::pawl(Kind::True, 1, 20_000 + seed, true)).iter().filter_map(|o| o.crash).collect();
    let caught = crashes.iter().filter(|c| c.held_200 && c.in_time).count();
    assert!(caught >= 3, "{crashes:?}");
}

/// One person with 5 % of answers who votes on each: without the rule about who speaks most for a pattern, three of
/// these six worlds adopt what they push.
#[test]
fn a_quiet_person_who_votes_on_everything_pushes_nothing_through() {
    let pushed = all(6, |seed| life::pawl(Kind::Poisoned(5), 3, 30_000 + seed, false));
    let worlds = pushed.iter().filter(|o| o.poisoned > 0).count();
    assert!(worlds <= 1, "{worlds}");
    assert!(pushed.iter().any(|o| o.adopted_true > 0));
}
