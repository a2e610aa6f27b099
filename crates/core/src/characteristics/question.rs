//! The kind of question.

use super::{
    OTHER,
    cues::{KINDS, MAKING, POLITENESS, PROGRAMS, REWORDING, SQL, STATEMENTS, TEXTS, WEIGHING, WRITING},
};

/// Bytes looked at, of a long message's beginning and of its end: there it says what it wants. Between them stand the
/// texts, logs and tables that it is about.
const BEGINNING: usize = 800;
const END: usize = 300;

/// How far after "write" the thing to be written is looked for, in words.
const REACH: usize = 8;

/// What a user's message asks for: one of [`super::QUESTION_TYPES`]. Capitals, punctuation and blanks make no
/// difference; the time it takes grows with the message's length and no faster.
///
/// The first of these that fits: a text that is wanted (`writing`) or code that is (`code`, `database`), something that
/// went wrong (`troubleshooting`), things weighed up (`comparison`), what it is about (`database`, `code`, `data`), how
/// it is put (`how_to`, `recommendation`, `explanation`).
pub fn question_type(message: &str) -> &'static str {
    let Said { prose, code } = Said::of(message);
    if let Some(wanted) = what_is_to_be_made(&prose) {
        return wanted;
    }
    for (kind, one_tells, two_tell) in KINDS {
        let fits = count(&prose, one_tells) > 0
            || count(&prose, two_tell) > 1
            || match kind {
                "comparison" => prose.split(BEGINS).any(weighs_up),
                "database" => count(&code, SQL) > 0,
                "code" => !code.is_empty(),
                _ => false,
            };
        if fits {
            return kind;
        }
    }
    // "Write something nice."
    if prose.split(BEGINS).any(|sentence| begins_with(sentence, WRITING)) { "writing" } else { OTHER }
}

/// What a sentence orders that begins with "write", "create", …: by the first thing named after it.
fn what_is_to_be_made(prose: &str) -> Option<&'static str> {
    if count(prose, REWORDING) > 0 {
        return Some("writing");
    }
    for order in prose.split(BEGINS).filter(|sentence| begins_with(sentence, MAKING)) {
        for word in order.split(' ').skip(1).take(REACH) {
            for (kind, things) in [("writing", TEXTS), ("database", STATEMENTS), ("code", PROGRAMS)] {
                if things.split('|').any(|thing| is_meant(word, thing)) {
                    return Some(kind);
                }
            }
        }
    }
    None
}

fn weighs_up(sentence: &str) -> bool {
    count(sentence, "or|than") > 0 && (begins_with(sentence, "which") || count(sentence, WEIGHING) > 0)
}

fn begins_with(sentence: &str, words: &str) -> bool {
    let first = sentence.split(' ').next().unwrap_or_default();
    words.split('|').any(|word| word == first)
}

/// Whether a word is this one, or with a `*` begins like it.
fn is_meant(word: &str, cue: &str) -> bool {
    cue.strip_suffix('*').map_or(word == cue, |start| word.starts_with(start))
}

/// How many of these cues a text holds.
fn count(text: &str, cues: &str) -> usize {
    cues.split('|').filter(|cue| !cue.is_empty() && holds(text, cue)).count()
}

/// (Bytes, and no searcher of the standard library: a short text, and less wasm.)
fn holds(text: &str, cue: &str) -> bool {
    let (cue, any_end) = cue.strip_suffix('*').map_or((cue, false), |start| (start, true));
    let (cue, begins) = cue.strip_prefix(". ").map_or((cue, false), |rest| (rest, true));
    let text = text.as_bytes();
    text.windows(cue.len()).enumerate().any(|(at, window)| {
        // Before a sentence stands its mark, or in a part of the text nothing.
        let before = at.checked_sub(1).and_then(|before| text.get(before)).unwrap_or(&(BEGINS as u8));
        (*before == BEGINS as u8 || (!begins && *before == b' '))
            && window == cue.as_bytes()
            && (any_end || text.get(at + cue.len()).is_none_or(|after| *after == b' '))
    })
}

/// A message as words in small letters with a space after each, and a mark before each sentence.
struct Said {
    prose: String,
    /// What stands in fenced blocks, with the names of their languages.
    code: String,
}

/// The mark.
const BEGINS: char = '\n';

impl Said {
    fn of(message: &str) -> Self {
        let (mut prose, mut code) = (Words::default(), Words::default());
        let mut in_code = false;
        for line in message.split('\n') {
            match line.trim_start().strip_prefix("```") {
                Some(language) => {
                    in_code = !in_code;
                    code.push(language);
                }
                None if in_code => code.push(line),
                None => prose.push(line),
            }
        }
        Self { prose: prose.ends(), code: code.ends() }
    }
}

#[derive(Default)]
struct Words {
    text: String,
    in_word: bool,
    in_sentence: bool,
    /// Where the last word begins.
    word: usize,
}

impl Words {
    /// Adds a line, which ends a sentence.
    fn push(&mut self, line: &str) {
        let mut ends = false;
        for c in line.chars() {
            match c {
                '\'' | '’' => {}
                c if is_of_word(c) => {
                    self.begin();
                    self.text.push(c.to_ascii_lowercase());
                }
                c => {
                    self.end_word();
                    // A stop within a word ("node.js") ends no sentence.
                    self.in_sentence &= !(ends && c.is_whitespace());
                }
            }
            ends = matches!(c, '.' | '?' | '!' | ':' | ';') || ends && matches!(c, '"' | ')' | '*');
        }
        self.end_word();
        self.in_sentence = false;
    }

    fn begin(&mut self) {
        if !self.in_word {
            if !self.in_sentence {
                self.text.push(BEGINS);
            }
            (self.in_word, self.in_sentence, self.word) = (true, true, self.text.len());
        }
    }

    fn end_word(&mut self) {
        if !self.in_word {
            return;
        }
        self.in_word = false;
        let (before, word) = self.text.split_at_checked(self.word).unwrap_or_default();
        let is_polite = before.ends_with(BEGINS) && POLITENESS.split('|').any(|polite| polite == word);
        let is_mark = word.bytes().all(|byte| matches!(byte, b'+' | b'#' | b'_'));
        if is_mark || is_polite {
            self.text.truncate(self.word);
        } else {
            self.text.push(' ');
        }
    }

    /// All of it, or its beginning and its end.
    fn ends(self) -> String {
        let text = self.text;
        if text.len() <= BEGINNING + END {
            return text;
        }
        let mut ends = String::new();
        let first = text.get(..text.floor_char_boundary(BEGINNING)).unwrap_or_default();
        ends.push_str(first.rsplit_once(' ').map_or("", |(whole, _)| whole));
        ends.push_str(" \n");
        let last = text.get(text.ceil_char_boundary(text.len() - END)..).unwrap_or_default();
        ends.push_str(last.split_once(' ').map_or("", |(_, whole)| whole));
        ends
    }
}

/// Of scripts that are not looked into, all but their quotation marks, dashes and stops. (The tables that tell letters
/// weigh more than these rules.)
fn is_of_word(c: char) -> bool {
    match c {
        '+' | '#' | '_' => true,
        '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff20}' => false,
        c => c.is_ascii_alphanumeric() || !c.is_ascii(),
    }
}

#[cfg(test)]
pub(super) fn bytes_looked_at(message: &str) -> usize {
    let Said { prose, code } = Said::of(message);
    prose.len() + code.len()
}
