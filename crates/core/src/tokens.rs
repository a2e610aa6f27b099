//! Token budgets, by an estimate: there is no local tokenizer for the model.

use crate::conversation::Exchange;

/// Tokens a text costs at the most, in all likelihood: three ASCII bytes a token (English runs near four), and a token
/// for each byte of other scripts. It errs upwards, so that a budget holds.
pub fn estimate(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    ascii.div_ceil(3) + (text.len() - ascii)
}

/// Tokens of an exchange, with 4 a message for its role.
pub fn estimate_exchange(exchange: &Exchange) -> usize {
    estimate(&exchange.user_message) + estimate(&exchange.answer) + 8
}

/// The newest whole exchanges that fit a budget of estimated tokens, in the order given (oldest first). Nothing older
/// than the first that does not fit is kept: a history has no gaps.
pub fn newest_within(history: &[Exchange], budget: usize) -> &[Exchange] {
    let mut left = budget;
    let kept = history.iter().rev().take_while(|exchange| spend(&mut left, estimate_exchange(exchange))).count();
    history.get(history.len() - kept..).unwrap_or_default()
}

/// The first exchanges that fit a budget of estimated tokens, and always one: an exchange bigger than the budget must
/// not block those behind it for ever.
pub fn first_within(exchanges: &[Exchange], budget: usize) -> usize {
    let mut left = budget;
    let fitting = exchanges.iter().take_while(|exchange| spend(&mut left, estimate_exchange(exchange))).count();
    fitting.max(1).min(exchanges.len())
}

/// Takes a cost from what is left, if there is enough.
fn spend(left: &mut usize, cost: usize) -> bool {
    let rest = left.checked_sub(cost);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exchange(user_message: &str, answer: &str) -> Exchange {
        Exchange { user_message: user_message.into(), answer: answer.into() }
    }

    fn exchanges() -> impl Strategy<Value = Vec<Exchange>> {
        prop::collection::vec((".{0,60}", ".{0,60}").prop_map(|(q, a)| exchange(&q, &a)), 0..20)
    }

    #[test]
    fn the_oldest_goes_first_and_turns_stay_whole() {
        let history = [exchange("a", "b"), exchange(&"x".repeat(3000), "y"), exchange("c", "d")];
        assert_eq!(newest_within(&history, 100), &history[2..]);
        assert_eq!(newest_within(&history, 5000), &history[..]);
        assert_eq!(newest_within(&history, 0), &[]);
    }

    #[test]
    fn one_exchange_is_always_judged() {
        let big = exchange(&"x".repeat(3000), "y");
        assert_eq!(first_within(&[big.clone(), big], 10), 1);
        assert_eq!(first_within(&[], 10), 0);
    }

    proptest! {
        #[test]
        fn the_history_is_a_suffix_within_the_budget(history in exchanges(), budget in 0usize..500) {
            let kept = newest_within(&history, budget);
            prop_assert!(history.ends_with(kept));
            prop_assert!(kept.iter().map(estimate_exchange).sum::<usize>() <= budget);
            if kept.len() < history.len() {
                let next = &history[history.len() - kept.len() - 1..];
                prop_assert!(next.iter().map(estimate_exchange).sum::<usize>() > budget);
            }
        }

        #[test]
        fn a_longer_text_never_costs_less(a in ".{0,100}", b in ".{0,100}") {
            let both = format!("{a}{b}");
            prop_assert!(estimate(&both) >= estimate(&a).max(estimate(&b)));
        }
    }
}
