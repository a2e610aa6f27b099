//! A text by its characters, and where a number in it may begin and end.

/// Words before a number that are looked at.
const WORDS: usize = 4;
/// Characters before a number that are looked at.
pub const REACH: usize = 40;

#[derive(Clone, Copy)]
pub struct Text<'a> {
    pub chars: &'a [char],
    /// What stands before it was masked: who looks back sees the bracket that it ends with.
    pub floor: usize,
}

impl Text<'_> {
    pub fn at(self, i: usize) -> Option<char> {
        #[cfg(test)]
        super::tests::READ.set(super::tests::READ.get() + 1);
        self.chars.get(i).copied()
    }

    /// `back` characters before `i`; `None` before the beginning.
    pub fn before(self, i: usize, back: usize) -> Option<char> {
        let i = i.checked_sub(back)?;
        if i < self.floor { Some(']') } else { self.at(i) }
    }

    pub fn digit(self, i: usize) -> Option<u8> {
        self.at(i).and_then(digit)
    }

    pub fn is_word(self, i: usize) -> bool {
        self.at(i).is_some_and(is_word)
    }

    /// A number may begin here: no part of a word, of another number, of an amount or a compound.
    pub fn begins(self, i: usize) -> bool {
        let starts = self.at(i).is_some_and(|c| c.is_ascii_alphabetic() || digit(c).is_some() || "+(＋（".contains(c));
        let Some(last) = self.before(i, 1).filter(|_| starts) else { return starts };
        match last {
            '$' | '€' | '£' | '¥' | '#' | '%' => false,
            '.' | ',' | ':' => !self.joins(i - 1),
            '\\' | '+' => !self.before(i, 2).is_some_and(is_word),
            _ if is_dash(last) => !self.before(i, 2).is_some_and(is_word),
            _ => !is_word(last),
        }
    }

    /// A number may end before `i`: nothing that would be part of it or makes it an amount, a time or a compound.
    pub fn ends(self, i: usize) -> bool {
        match self.at(i) {
            None => true,
            Some(',' | '.' | ':') => !self.joins(i),
            Some('-') => !self.at(i + 1).is_some_and(char::is_alphabetic),
            Some(next) => !(is_word(next) || matches!(next, '%' | '€')),
        }
    }

    /// The sign at `i` makes one number of the digits on both its sides. A comma does between thousands only: else it
    /// stands between the columns of a table.
    fn joins(self, i: usize) -> bool {
        let before = |back| self.before(i, back).and_then(digit).is_some();
        let after = |n| self.digit(i + n).is_some();
        let thousands = || !(2..=4).all(before) && after(2) && after(3) && !after(4);
        before(1) && after(1) && (self.at(i) != Some(',') || thousands())
    }

    /// The first answer that `of` has to one of the words before `i`, the nearest first. What was masked ends the
    /// looking.
    pub fn named<T>(self, i: usize, of: impl Fn(&str) -> Option<T>) -> Option<T> {
        let from = i.saturating_sub(REACH).max(self.floor);
        let near = self.chars.get(from..i)?;
        let near = near.rsplit(|c| *c == ']').next()?;
        let words = near.rsplit(|c| !c.is_alphabetic()).filter(|word| !word.is_empty());
        words.take(WORDS).find_map(|word| of(&word.iter().flat_map(|c| c.to_lowercase()).collect::<String>()))
    }
}

/// The digit's value, in the scripts that numbers of persons are typed in: ASCII, full width, Arabic (two kinds),
/// Devanagari.
pub fn digit(c: char) -> Option<u8> {
    let zero = match c {
        '0'..='9' => '0',
        '０'..='９' => '０',
        '٠'..='٩' => '٠',
        '۰'..='۹' => '۰',
        '०'..='९' => '०',
        _ => return None,
    };
    u8::try_from(u32::from(c) - u32::from(zero)).ok()
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A blank that stands within a line.
pub fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{3000}')
}

pub fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2013}' | '－')
}
