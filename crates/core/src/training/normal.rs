//! When two texts count as the same, and the hashes by which examples are told apart.

use sha2::{Digest, Sha256};

/// Stands between the pieces that are hashed: no text holds it after [`normalise`].
const END: [u8; 1] = [0];

/// The text in lower case, each run of blanks and control characters one blank, without blanks and punctuation at its
/// ends. What is punctuation only stays as it is, but for the blanks. Doing it again changes nothing.
pub fn normalise(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let lower = text.to_lowercase();
    for word in lower.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(word);
    }
    let bare = plain.trim_matches(|c: char| c == ' ' || is_punctuation(c));
    if bare.is_empty() || bare.len() == plain.len() { plain } else { bare.to_owned() }
}

/// Of what was asked: who speaks and what, oldest first, each normalised.
pub fn input_hash<'a>(messages: impl IntoIterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (role, content) in messages {
        hash.update(role.as_bytes());
        hash.update(END);
        hash.update(normalise(content).as_bytes());
        hash.update(END);
    }
    hash.finalize().into()
}

/// Of a whole example: the hash of what was asked and the normalised answer.
pub fn content_hash(input_hash: &[u8; 32], answer: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(input_hash);
    hash.update(normalise(answer).as_bytes());
    hash.finalize().into()
}

/// SHA-256 of a file's bytes, as 64 hexadecimal digits in lower case.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Two hexadecimal digits a byte, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What ends a sentence or quotes it. Not signs that are part of what is meant: `C++`, `-5`, `f(x)`, `50 %`.
fn is_punctuation(c: char) -> bool {
    matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '"' | '\'' | '`' | '¡' | '¿' | '«' | '»' | '‹' | '›' | '…' | '‽')
        || matches!(c, '\u{2018}'..='\u{201f}' | '、' | '。' | '「'..='』' | '！' | '，' | '．' | '：' | '；' | '？' | '؟' | '،')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_means_the_same_is_the_same() {
        for (text, normal) in [
            ("  How do I\tsort\r\n a LIST?! ", "how do i sort a list"),
            ("“Ähnlich …”", "ähnlich"),
            ("¿Qué?", "qué"),
            ("C++ isn't C", "c++ isn't c"),
            ("-5 or f(x).", "-5 or f(x)"),
            ("a. b? c!", "a. b? c"),
            ("?!", "?!"),
            (" \n", ""),
            ("a\u{0}b", "a b"),
        ] {
            assert_eq!(normalise(text), normal, "of {text:?}");
        }
    }

    #[test]
    fn the_hashes_are_what_they_were() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let input = input_hash([("user", "How do I sort a list?")]);
        assert_eq!(hex(&input), "290892e91522c81617cd06e89015b239cbf9c0a47393603067ce97a9c56bb4e5");
        assert_eq!(
            hex(&content_hash(&input, "Use sort()")),
            "3283cbb90073478f50947d8bf62a8cdfdf6b5cdc27fb6c985451bd409c33eed5"
        );
    }

    #[test]
    fn who_said_what_counts() {
        let talk = [("user", "a"), ("assistant", "b"), ("user", "c")];
        let others = [
            vec![("user", "a"), ("user", "b"), ("user", "c")],
            vec![("user", "a"), ("assistant", "b")],
            vec![("user", "a"), ("assistant", "b c")],
            vec![("assistant", "b"), ("user", "a"), ("user", "c")],
        ];
        for other in others {
            assert_ne!(input_hash(talk), input_hash(other));
        }
        assert_ne!(content_hash(&input_hash(talk), "x"), content_hash(&input_hash(talk), "y"));
        assert_eq!(input_hash(talk), input_hash([("user", "A."), ("assistant", " b"), ("user", "c?")]));
    }

    proptest! {
        #[test]
        fn normalising_again_changes_nothing(text in any::<String>(), spaced in "[ .,!?a-zA-ZΣİß\t\u{a0}'\"]{0,20}") {
            for text in [text, spaced] {
                let once = normalise(&text);
                prop_assert_eq!(normalise(&once), once);
            }
        }

        #[test]
        fn case_blanks_and_a_full_stop_count_nothing(text in "[a-z]{1,8}( [a-z0-9]{1,8}){0,4}") {
            let loud = format!("  {}. ", text.to_uppercase().replace(' ', " \n"));
            prop_assert_eq!(normalise(&loud), normalise(&text));
        }
    }
}
