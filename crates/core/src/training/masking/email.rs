//! Where an e-mail address is.

use super::text::{Text, is_word};

/// Characters that the first folder of a path may have.
const FOLDER: usize = 64;

/// Without a sign of one there is none.
pub fn may_hold(text: &str) -> bool {
    text.contains(['@', '＠']) || text.contains("%40")
}

/// Begin and end of the next address from `from` on.
pub fn next(text: Text<'_>, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    // A name does not reach back over what was looked at.
    let mut floor = from;
    loop {
        let c = text.at(at)?;
        let wide = match c {
            '@' | '＠' => 1,
            '%' if text.at(at + 1) == Some('4') && text.at(at + 2) == Some('0') => 3,
            _ => {
                at += 1;
                continue;
            }
        };
        let found = name(text, at, floor).zip(host(text, at + wide));
        if found.is_some_and(|(_, end)| !is_place(text, end)) {
            return found;
        }
        at += wide;
        floor = at;
    }
}

/// A path behind the host: `git@github.com:owner/repo` is a place, no person. A number that the path began with may have
/// been masked.
fn is_place(text: Text<'_>, end: usize) -> bool {
    if text.at(end) != Some(':') {
        return false;
    }
    match (text.at(end + 1), text.at(end + 2)) {
        (Some('/'), _) | (Some('~'), Some('/')) | (Some('['), Some('n')) => true,
        (Some(c), _) if c.is_alphabetic() => {
            let is_of_folder = |i: &usize| text.at(*i).is_some_and(|c| is_word(c) || c == '-');
            let folder = (end + 1..).take(FOLDER).take_while(is_of_folder).count();
            text.at(end + 1 + folder) == Some('/')
        }
        _ => false,
    }
}

/// Where the name before the sign begins.
fn name(text: Text<'_>, sign: usize, floor: usize) -> Option<usize> {
    if text.before(sign, 1) == Some('"') {
        let quote = |i: &usize| text.at(*i) == Some('"');
        // Nor does it reach over what was masked.
        let line = |i: &usize| !matches!(text.at(*i), Some('\n' | ']'));
        return (floor..sign - 1).rev().take(66).take_while(line).find(quote);
    }
    let is_of_name = |i: &usize| text.at(*i).is_some_and(|c| is_word(c) || ".%+-'~!#$&*^".contains(c));
    let begin = (floor..sign).rev().take_while(is_of_name).last()?;
    // A quote, a dash or a full stop before it belongs to the sentence.
    (begin..sign).find(|i| text.is_word(*i))
}

/// Where the host behind the sign ends: labels with points between, at least two, the last of letters.
fn host(text: Text<'_>, begin: usize) -> Option<usize> {
    let (mut at, mut label, mut ends) = (begin, begin, None);
    loop {
        let c = text.at(at);
        if c.is_some_and(|c| c.is_alphanumeric() || c == '-') {
            at += 1;
            continue;
        }
        let is_last = |i: usize| text.at(i).is_some_and(char::is_alphabetic);
        let encoded = text.at(label) == Some('x') && text.at(label + 1) == Some('n') && text.at(label + 2) == Some('-');
        if label > begin && at >= label + 2 && (encoded || (label..at).all(is_last)) {
            ends = Some(at);
        }
        if c != Some('.') || at == label {
            return ends;
        }
        at += 1;
        label = at;
    }
}
