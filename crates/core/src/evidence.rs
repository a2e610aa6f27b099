//! Whether a quote that a judge gives stands in the conversation.

use crate::conversation::Exchange;

/// A quote shorter than this says nothing about where it came from, unless it is the whole message. Letters and digits
/// count 1 each, those outside ASCII 2 (in scripts without spaces a sign is nearer to a word).
pub const MIN_EVIDENCE_LENGTH: usize = 8;

/// True when `quote` occurs in the user's message or in the answer and is long enough to mean something.
///
/// White space, letter case, and the typographic forms of quotes and dashes do not count, nor do quotation marks around
/// the quote: judges change them in copying. Anything else must be verbatim.
pub fn occurs(quote: &str, exchange: &Exchange) -> bool {
    let quote = fold(quote);
    let quote = quote.trim_matches(['"', '\'', ' ']);
    if quote.is_empty() {
        return false;
    }
    let length: usize = quote.chars().filter(|c| c.is_alphanumeric()).map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    [&exchange.user_message, &exchange.answer].into_iter().any(|text| {
        let text = fold(text);
        let whole = text.trim_matches(['"', '\'', ' ']) == quote;
        whole || (length >= MIN_EVIDENCE_LENGTH && text.contains(quote))
    })
}

/// Lower case, one space for each run of white space, plain quotes and dashes.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_whitespace() => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{2032}' => folded.push('\''),
            '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{2033}' | '\u{AB}' | '\u{BB}' => folded.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => folded.push('-'),
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exchange(user_message: &str, answer: &str) -> Exchange {
        Exchange { user_message: user_message.into(), answer: answer.into() }
    }

    #[test]
    fn a_quote_counts_from_either_side_and_survives_copying() {
        let e = exchange("How do I boil\nan egg?", "Put it in water — for “eight” minutes.");
        assert!(occurs("boil an egg", &e));
        assert!(occurs("“put it in water - for \"eight\" minutes.”", &e));
        assert!(!occurs("for ten minutes", &e));
        assert!(!occurs("", &e));
        assert!(!occurs("  \"\" ", &e));
    }

    #[test]
    fn a_quote_too_short_to_mean_anything_is_none_unless_it_is_all_there_is() {
        assert!(!occurs("it", &exchange("How?", "Put it in water.")));
        assert!(occurs("Yes.", &exchange("Is it?", "Yes.")));
        assert!(occurs("八分鐘後", &exchange("?", "把蛋放進水裡，八分鐘後取出。")));
    }

    #[test]
    fn a_quote_may_not_join_the_two_sides() {
        assert!(!occurs("first part second part", &exchange("first part", "second part")));
    }

    proptest! {
        #[test]
        fn every_long_enough_slice_of_an_answer_is_evidence(
            answer in "[a-zA-Z ,.]{40,80}", start in 0usize..20, length in 18usize..20
        ) {
            let quote = &answer[start..start + length];
            prop_assume!(quote.chars().filter(|c| c.is_alphanumeric()).count() >= MIN_EVIDENCE_LENGTH);
            prop_assert!(occurs(quote, &exchange("?", &answer)));
        }

        #[test]
        fn a_quote_with_a_foreign_letter_is_none(answer in "[a-y ]{0,80}", quote in "[a-y ]{0,20}z[a-y ]{8,20}") {
            prop_assert!(!occurs(&quote, &exchange("?", &answer)));
        }

        #[test]
        fn any_text_is_handled(quote in ".*", question in ".*", answer in ".*") {
            occurs(&quote, &exchange(&question, &answer));
        }
    }
}
