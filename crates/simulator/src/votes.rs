//! Which votes a look holds: as the database picks them.

/// A vote: when (the run before which it was given), whose, and whether up.
pub type Vote = (usize, usize, bool);

/// The least that a person may have in a window.
const LEAST_A_PERSON: usize = 3;

/// Of the newest `most` of these votes, oldest first, each person's newest max(3, ⌈`cap` · as many as those are⌉),
/// oldest first.
pub fn newest(votes: &[Vote], most: usize, cap: f64, people: usize) -> Vec<bool> {
    let window = &votes[votes.len().saturating_sub(most)..];
    let a_person = ((cap * window.len() as f64).ceil() as usize).max(LEAST_A_PERSON);
    let mut had = vec![0; people];
    let mut kept: Vec<bool> = Vec::with_capacity(window.len());
    for (_, person, up) in window.iter().rev() {
        had[*person] += 1;
        if had[*person] <= a_person {
            kept.push(*up);
        }
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ups(votes: &[bool]) -> String {
        votes.iter().map(|up| if *up { '1' } else { '0' }).collect()
    }

    /// Person 0 votes 30 times, first down, then up; 1 to 10 twice each, down.
    #[test]
    fn each_persons_newest_count_up_to_the_cap() {
        let mut votes: Vec<Vote> = (0..30).map(|i| (i, 0, i >= 26)).collect();
        votes.extend((0..20).map(|i| (30 + i, 1 + i % 10, false)));
        // 50 votes: 5 a person, of which the oldest is the last that was down.
        assert_eq!(ups(&newest(&votes, 500, 0.1, 11)), format!("01111{}", "0".repeat(20)));
        // Only the newest 22: two of person 0 are left, and three are allowed.
        assert_eq!(ups(&newest(&votes, 22, 0.1, 11)), format!("11{}", "0".repeat(20)));
    }

    #[test]
    fn a_few_votes_are_never_cut_below_three_a_person() {
        let votes: Vec<Vote> = (0..5).map(|i| (i, 0, i == 1 || i == 3)).collect();
        assert_eq!(ups(&newest(&votes, 500, 0.1, 1)), "010");
        assert!(newest(&[], 500, 0.1, 0).is_empty());
    }
}
