//! One exchange as an example to learn from: masked, and with the hashes that tell it from others.

use serde::Serialize;

use super::{
    masking::{Masked, mask},
    normal::{content_hash, input_hash},
};
use crate::conversation::{Exchange, spoken};

/// What one of the two said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spoken {
    /// `user` or `assistant`.
    pub role: &'static str,
    /// What, masked.
    pub content: String,
}

/// An exchange to learn from. No text in it is as a person wrote it: all of it went through [`mask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The history, oldest first, then the question.
    pub messages: Vec<Spoken>,
    /// The answer.
    pub answer: String,
    /// What was masked in all of it.
    pub masked: Masked,
    /// Of the messages. The same for those who ask the same.
    pub input_hash: [u8; 32],
    /// Of the messages and the answer.
    pub content_hash: [u8; 32],
}

/// The example that an exchange is. Hashes are of the masked text: two persons who differ by their e-mail address alone
/// have asked the same.
pub fn sample(history: &[Exchange], message: &str, answer: &str) -> Sample {
    let mut masked = Masked::default();
    let mut clean = |text: &str| {
        let (text, found) = mask(text);
        masked += found;
        text
    };
    let messages: Vec<Spoken> = spoken(history, message)
        .map(|(who, text)| Spoken { role: if who == "user" { "user" } else { "assistant" }, content: clean(text) })
        .collect();
    let answer = clean(answer);
    let input_hash = input_hash(messages.iter().map(|m| (m.role, m.content.as_str())));
    let content_hash = content_hash(&input_hash, &answer);
    Sample { messages, answer, masked, input_hash, content_hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier() -> Vec<Exchange> {
        vec![Exchange { user_message: "I am a@b.org".to_owned(), answer: "Hello a@b.org!".to_owned() }]
    }

    #[test]
    fn all_that_was_said_is_masked() {
        let sample = sample(&earlier(), "Call +1-202-555-0143", "I call +1-202-555-0143.");
        let said: Vec<_> = sample.messages.iter().map(|m| (m.role, m.content.as_str())).collect();
        let masked = [("user", "I am [email]"), ("assistant", "Hello [email]!"), ("user", "Call [phone]")];
        assert_eq!(said, masked);
        assert_eq!(sample.answer, "I call [phone].");
        assert_eq!(sample.masked, Masked { email: 2, phone: 2, card: 0, national_id: 0 });
    }

    #[test]
    fn who_asks_does_not_make_another_question() {
        let of = |message: &str, answer: &str| sample(&[], message, answer);
        let (one, other) = (of("Mail me at a@b.org", "Done."), of("mail me at kim@example.com.", "done"));
        assert_eq!((one.input_hash, one.content_hash), (other.input_hash, other.content_hash));
        let contradicts = of("Mail me at a@b.org", "No.");
        assert_eq!(one.input_hash, contradicts.input_hash);
        assert_ne!(one.content_hash, contradicts.content_hash);
        assert_ne!(one.input_hash, sample(&earlier(), "Mail me at a@b.org", "Done.").input_hash);
    }
}
