//! What kind of exchange it was, told from its texts: what was asked for, and what the answer looks like.
//!
//! No model is asked. The answer's form is read off its Markdown. The kind of question is a guess from turns of phrase,
//! English ones: it leans on what people usually mean, it is wrong at times, and what it does not know (most of what is
//! not English too) is [`OTHER`]. It only has to be the same guess for the same text: answers are compared within their
//! kind. An app that knows better says so itself.

mod cues;
mod question;

pub use question::question_type;

/// What [`question_type`] does not know.
pub const OTHER: &str = "other";

/// The names that [`question_type`] gives. They are stored: a name never comes to mean something else.
pub const QUESTION_TYPES: [&str; 10] = [
    "writing",
    "troubleshooting",
    "comparison",
    "database",
    "code",
    "data",
    "how_to",
    "recommendation",
    "explanation",
    OTHER,
];

/// Characters below which an answer is short, and medium.
const SHORT: usize = 400;
const MEDIUM: usize = 1500;

/// `short` below 400 characters, `medium` below 1,500, else `long`.
pub fn length_class(answer: &str) -> &'static str {
    match answer.chars().take(MEDIUM).count() {
        ..SHORT => "short",
        SHORT..MEDIUM => "medium",
        _ => "long",
    }
}

/// What an answer's Markdown holds: `code` (a fenced block), `table`, `list` (two items or more), `mix` of these, or
/// none of them: `prose`. What stands in a fenced block is code, whatever it looks like.
pub fn response_format(answer: &str) -> &'static str {
    let (mut code, mut table, mut items) = (false, false, 0_usize);
    let mut fence = None;
    let mut line_before = "";
    for line in answer.split('\n').map(str::trim) {
        let marker = ["```", "~~~"].into_iter().find(|marker| line.starts_with(marker));
        match (fence, marker) {
            (None, Some(marker)) => (fence, code) = (Some(marker), true),
            (Some(open), Some(marker)) if open == marker => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                items += usize::from(is_item(line));
                table |= line_before.contains('|') && is_rule_of_table(line);
            }
        }
        line_before = if fence.is_none() { line } else { "" };
    }
    match (code, table, items > 1) {
        (false, false, false) => "prose",
        (true, false, false) => "code",
        (false, true, false) => "table",
        (false, false, true) => "list",
        _ => "mix",
    }
}

/// `- x`, `* x`, `+ x`, `• x`, `1. x`, `1) x`.
fn is_item(line: &str) -> bool {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = line.chars().skip(digits);
    let is_mark = match rest.next() {
        Some('.' | ')') => digits > 0,
        Some('-' | '*' | '+' | '•') => digits == 0,
        _ => false,
    };
    is_mark && rest.next().is_some_and(char::is_whitespace) && !is_rule(line)
}

/// `* * *` is a line across the page.
fn is_rule(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '-' | '*' | '_') || c.is_whitespace())
}

/// The line between a table's head and its rows: `|---|:--:|`.
fn is_rule_of_table(line: &str) -> bool {
    line.contains('|') && line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

#[cfg(test)]
mod tests;
