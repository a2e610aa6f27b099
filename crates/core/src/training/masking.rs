//! Personal data taken out of texts: e-mail addresses, telephone numbers, payment cards, bank accounts and national
//! identity numbers, told by how they are written and by their check digits.
//!
//! What looks like one is masked even if it is none: a number that is lost teaches a model little less, a person's
//! number that stays may be said by it. But dates, times, addresses of machines, versions, amounts and what is called
//! an order or an id stay as they are. No name is found, and no address of a house.

mod email;
mod iban;
mod national;
mod phone;
mod text;

use std::{
    borrow::Cow,
    ops::{AddAssign, Range},
};

use serde::Serialize;
use text::Text;

/// What was masked, counted. In JSON an object of the counts that are not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Masked {
    /// E-mail addresses.
    #[serde(skip_serializing_if = "is_none")]
    pub email: u64,
    /// Telephone numbers.
    #[serde(skip_serializing_if = "is_none")]
    pub phone: u64,
    /// Payment cards and bank accounts (IBAN).
    #[serde(skip_serializing_if = "is_none")]
    pub card: u64,
    /// National identity, tax and insurance numbers.
    #[serde(skip_serializing_if = "is_none")]
    pub national_id: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl AddAssign for Masked {
    fn add_assign(&mut self, other: Self) {
        self.email += other.email;
        self.phone += other.phone;
        self.card += other.card;
        self.national_id += other.national_id;
    }
}

/// The text with what looks like personal data replaced by `[email]`, `[phone]`, `[card]`, `[national id]`, and how
/// often. Masking again changes nothing.
pub fn mask(text: &str) -> (String, Masked) {
    let mut masked = Masked::default();
    let text = if email::may_hold(text) { Cow::Owned(addresses(text, &mut masked)) } else { Cow::Borrowed(text) };
    let clean = numbers(&text, Places { text: &text, from: 0 }, &mut masked);
    (clean, masked)
}

fn addresses(plain: &str, masked: &mut Masked) -> String {
    let chars: Vec<char> = plain.chars().collect();
    let text = Text { chars: &chars, floor: 0 };
    let (mut clean, mut done) = (String::with_capacity(plain.len()), 0);
    while let Some((begin, end)) = email::next(text, done) {
        clean.extend(chars.get(done..begin).unwrap_or_default());
        clean.push_str("[email]");
        masked.email += 1;
        done = end;
    }
    clean.extend(chars.get(done..).unwrap_or_default());
    clean
}

/// Characters before the first digit that may belong to a number.
const LEAD: usize = 20;
/// Characters behind the last that may, or that tell where it ends.
const TRAIL: usize = 64;
/// Between the digits of one number are fewer bytes.
const GAP: usize = 24;

/// Where digits stand so near to each other that they could be a number: all else need not be looked at.
struct Places<'a> {
    text: &'a str,
    from: usize,
}

impl Iterator for Places<'_> {
    /// Bytes, from the first digit to behind the last.
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let (mut place, mut count) = (self.from..self.from, 0);
        for (i, c) in self.text.get(self.from..)?.char_indices() {
            let i = self.from + i;
            if count > 0 && i > place.end + GAP {
                if count >= national::FEWEST_DIGITS {
                    self.from = i;
                    return Some(place);
                }
                count = 0;
            }
            if text::digit(c).is_some() {
                place = if count == 0 { i } else { place.start }..i + c.len_utf8();
                count += 1;
            }
        }
        self.from = self.text.len();
        (count >= national::FEWEST_DIGITS).then_some(place)
    }
}

fn numbers(plain: &str, places: impl Iterator<Item = Range<usize>>, masked: &mut Masked) -> String {
    let part = |begin: usize, end: usize| plain.get(begin..end).unwrap_or_default();
    let back = |from: usize, n: usize| part(0, from).char_indices().rev().take(n).last().map_or(from, |(i, _)| i);
    let (mut clean, mut chars) = (String::with_capacity(plain.len()), Vec::new());
    // Bytes: up to where it is done, and where what was masked last ended.
    let (mut done, mut floor) = (0, 0);
    for place in places {
        let begin = back(place.start, LEAD).max(done);
        let context = back(begin, text::REACH + 2);
        let trail = part(place.end, plain.len()).chars().take(TRAIL).map(char::len_utf8).sum::<usize>();
        clean.push_str(part(done, begin));
        chars.clear();
        chars.extend(part(context, place.end + trail).chars());
        let mut text = Text { chars: &chars, floor: part(context, floor).chars().count() };
        let mut at = part(context, begin).chars().count();
        done = begin;
        while let Some(c) = text.at(at).filter(|_| done < place.end) {
            let (kind, end) = if text.begins(at) { number(text, at) } else { None }.unwrap_or((None, at + 1));
            let here = chars.get(at..end).unwrap_or_default();
            done += here.iter().map(|c| c.len_utf8()).sum::<usize>();
            at = end.max(at + 1);
            let Some(kind) = kind else {
                clean.push(c);
                clean.extend(here.iter().skip(1));
                continue;
            };
            (text.floor, floor) = (at, done);
            let (name, count) = match kind {
                Kind::Phone => ("[phone]", &mut masked.phone),
                Kind::Card => ("[card]", &mut masked.card),
                Kind::NationalId => ("[national id]", &mut masked.national_id),
            };
            clean.push_str(name);
            *count += 1;
        }
    }
    clean.push_str(part(done, plain.len()));
    clean
}

enum Kind {
    Phone,
    Card,
    NationalId,
}

/// The number that begins there, and where it ends; without a kind what is none and hides none.
fn number(text: Text<'_>, at: usize) -> Option<(Option<Kind>, usize)> {
    let of = |kind: Kind| move |end: usize| (Some(kind), end);
    if text.at(at).is_some_and(|c| c.is_ascii_alphabetic()) {
        return iban::ends(text, at).map(of(Kind::Card)).or_else(|| national::ends(text, at).map(of(Kind::NationalId)));
    }
    let groups = phone::groups(text, at + usize::from(phone::is_plus(text, at)));
    // A date may be followed by a time, and is no part of a number.
    if let Some(end) = phone::date_or_address(text, at, &groups) {
        return Some((None, end));
    }
    if phone::digits(&groups) < national::FEWEST_DIGITS {
        return None;
    }
    national::ends(text, at)
        .map(of(Kind::NationalId))
        .or_else(|| card_ends(text, at).map(of(Kind::Card)))
        .or_else(|| phone::list_ends(text, at, &groups).map(|end| (None, end)))
        .or_else(|| phone::ends(text, at, &groups).map(of(Kind::Phone)))
}

/// Where a card's number ends: 13 to 19 digits, in groups with blanks or dashes between or in one, the first 2 to 6,
/// the last a check digit (Luhn 1954; ISO/IEC 7812). 13 digits begin with 4: most others are articles.
fn card_ends(text: Text<'_>, begin: usize) -> Option<usize> {
    let (mut digits, mut ends, mut at) = (Vec::new(), None, begin);
    loop {
        while let Some(digit) = text.digit(at) {
            digits.push(digit);
            at += 1;
        }
        let first = digits.first()?;
        if digits.len() > 19 {
            return ends;
        }
        let right_kind = matches!((first, digits.len()), (2..=6, 14..) | (4, 13));
        if right_kind && text.ends(at) && luhn(&digits) {
            ends = Some(at);
        }
        let separated = text.at(at).is_some_and(|c| text::is_blank(c) || text::is_dash(c));
        if !separated || text.digit(at + 1).is_none() {
            return ends;
        }
        at += 1;
    }
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |d: u8| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(i, d)| u32::from(if i % 2 == 1 { doubled(*d) } else { *d })).sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests;
