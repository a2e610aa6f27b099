//! What a trainer says of its model, before anything of it is stored.

/// A metric's name has at most so many characters.
const MAX_NAME: usize = 41;
/// The most metrics that are taken.
pub const MAX_METRICS: usize = 50;
/// The most that a loss or a perplexity can be.
const MAX_LOSS: f64 = 1e6;
/// In the names of metrics that have no upper end.
const UNBOUNDED: [&str; 2] = ["loss", "perplexity"];

/// What is wrong with a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// There are more than [`MAX_METRICS`].
    TooMany,
    /// Its name is not `^[a-z][a-z0-9_]{0,40}$`.
    Name(String),
    /// It is not finite, or outside 0 to 1 (a loss or perplexity: 0 to 1,000,000).
    OutOfRange(String),
}

/// Takes metrics by name: each from 0 to 1, as shares, accuracies and scores are; one whose name holds `loss` or
/// `perplexity` from 0 to 1,000,000.
///
/// # Errors
/// The first that is wrong, with its name.
pub fn check<'a>(metrics: impl IntoIterator<Item = (&'a str, f64)>) -> Result<(), Wrong> {
    for (n, (name, value)) in metrics.into_iter().enumerate() {
        let upper = if UNBOUNDED.iter().any(|word| name.contains(word)) { MAX_LOSS } else { 1.0 };
        if n >= MAX_METRICS {
            return Err(Wrong::TooMany);
        }
        if !is_name(name) {
            return Err(Wrong::Name(name.chars().take(MAX_NAME).collect()));
        }
        if !(0.0..=upper).contains(&value) {
            return Err(Wrong::OutOfRange(name.to_owned()));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(name: &str) -> Result<(), Wrong> {
        Err(Wrong::OutOfRange(name.to_owned()))
    }

    #[test]
    fn shares_and_losses_have_their_ranges() {
        let good = [("accuracy", 1.0), ("f1", 0.0), ("win_rate", 0.5), ("eval_loss", 3.2), ("perplexity", 1e6)];
        assert_eq!(check(good), Ok(()));
        assert_eq!(check([]), Ok(()));
        for (name, value) in [
            ("accuracy", 1.000_001),
            ("score", -0.1),
            ("accuracy", f64::NAN),
            ("eval_loss", f64::INFINITY),
            ("eval_loss", -0.1),
            ("perplexity", 1_000_001.0),
            ("anything_else", 2.0),
        ] {
            assert_eq!(check([("f1", 0.5), (name, value)]), range(name), "{name} {value}");
        }
    }

    #[test]
    fn names_are_plain() {
        let longest = "a".repeat(41);
        assert_eq!(check([("a", 0.5), ("a_1", 0.5), (longest.as_str(), 0.5)]), Ok(()));
        for name in ["", "A", "1a", "_a", "a-b", "a b", "é", "a\n", "accuracy;", &"a".repeat(42)] {
            let cut: String = name.chars().take(41).collect();
            assert_eq!(check([(name, 0.5)]), Err(Wrong::Name(cut)));
        }
    }

    #[test]
    fn there_are_not_too_many() {
        let names: Vec<String> = (0..51).map(|i| format!("m{i}")).collect();
        let of = |n| check(names.iter().take(n).map(|name| (name.as_str(), 0.5)));
        assert_eq!((of(50), of(51)), (Ok(()), Err(Wrong::TooMany)));
    }
}
