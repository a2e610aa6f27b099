//! Telephone numbers, told by how their groups are written and by the words before them.

use super::text::{Text, is_blank, is_dash};

/// The most groups that a number is written in.
const MOST_GROUPS: usize = 9;
/// Without the code of a country and of an area it has so many digits.
const FEWEST_DIGITS: usize = 7;
/// Words for what a telephone number belongs to, in the languages that the forms of numbers are of …
const PHONE: &str = "phone telephone tel mobile cell cellphone fax whatsapp sms telefon telefonnummer handy \
                     handynummer mobil mobilnummer telefono teléfono celular móvil movil cellulare portable téléphone telefone";
/// … for what is done with one …
const CALL: &str = "call calling dial ring reach contact text number nummer numero número numéro";
/// … and for other numbers.
const OTHER: &str = "order orders invoice isbn ticket ref reference id sku tracking account serial version case issue commit \
                     port bestellung bestellnummer rechnung rechnungsnummer commande facture pedido ordine";

/// Digits and what stands before them.
#[derive(Clone, Copy)]
pub struct Group {
    /// 0 for the first; of several the first.
    separator: char,
    begin: usize,
    end: usize,
}

impl Group {
    fn len(self) -> usize {
        self.end - self.begin
    }
}

/// What words before a number say of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Phone,
    Other,
}

/// Where the number ends that begins there, with these groups.
pub fn ends(text: Text<'_>, begin: usize, groups: &[Group]) -> Option<usize> {
    if digits(groups) < FEWEST_DIGITS {
        return None;
    }
    let plus = is_plus(text, begin);
    let opened = groups.first().is_some_and(|first| first.begin > begin + usize::from(plus));
    let written = Written { plus, opened, begin, named: named(text, begin) };
    (1..=groups.len()).rev().filter_map(|n| groups.get(..n)).find_map(|these| {
        let end = these.last()?.end;
        let end = extension(text, end).or_else(|| text.ends(end).then_some(end))?;
        is_phone(text, these, &written).then_some(end)
    })
}

/// Where an extension ends that follows: `x123`, ` ext. 123`.
fn extension(text: Text<'_>, end: usize) -> Option<usize> {
    let blank = |i| usize::from(text.at(i).is_some_and(is_blank));
    let begin = end + blank(end);
    let is = |at: usize, c: char| text.at(at).is_some_and(|at| at.eq_ignore_ascii_case(&c));
    let says = |word: &str| word.chars().enumerate().all(|(i, c)| is(begin + i, c));
    let number = if says("ext") {
        let point = begin + 3 + usize::from(text.at(begin + 3) == Some('.'));
        point + blank(point)
    } else {
        begin + usize::from(says("x"))
    };
    let count = (number..).take(7).take_while(|i| text.digit(*i).is_some()).count();
    (number > begin && (1..7).contains(&count) && text.ends(number + count)).then_some(number + count)
}

fn named(text: Text<'_>, begin: usize) -> Option<Named> {
    text.named(begin, |word| {
        is_one_of(word, PHONE).then_some(Named::Phone).or_else(|| is_one_of(word, OTHER).then_some(Named::Other))
    })
}

fn is_one_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|one| one == word)
}

pub fn is_plus(text: Text<'_>, at: usize) -> bool {
    matches!(text.at(at), Some('+' | '＋'))
}

pub fn digits(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.len()).sum()
}

/// Where a list ends that begins there: six numbers and more of two digits, or thousands with blanks between. No telephone
/// number is written in so many groups.
pub fn list_ends(text: Text<'_>, begin: usize, groups: &[Group]) -> Option<usize> {
    if is_plus(text, begin) {
        return None;
    }
    let [first, second, third, fourth, ..] = groups else { return None };
    let one = |group: &Group| group.separator == second.separator && group.len() == second.len();
    let fits = match second.len() {
        2 => first.len() == 2 && groups.get(1..6).is_some_and(|more| more.iter().all(one)),
        3 => first.len() <= 3 && text.digit(first.begin) != Some(0) && is_blank(second.separator),
        _ => false,
    };
    if !(fits && one(third) && one(fourth)) || named(text, begin) == Some(Named::Phone) {
        return None;
    }
    let mut end = fourth.end;
    let is_next = |end: usize| {
        text.at(end) == Some(second.separator) && (1..=second.len()).all(|n| text.digit(end + n).is_some())
    };
    while is_next(end) && text.digit(end + second.len() + 1).is_none() {
        end += second.len() + 1;
    }
    Some(end)
}

/// Where a date or an address of a machine ends that begins there: not a number, nor where one begins.
pub fn date_or_address(text: Text<'_>, begin: usize, groups: &[Group]) -> Option<usize> {
    if is_plus(text, begin) {
        return None;
    }
    let goes_on = |end: usize, separator: char| text.at(end) == Some(separator) && text.digit(end + 1).is_some();
    let value = |group: &Group| {
        (group.begin..group.end).take(6).filter_map(|i| text.digit(i)).fold(0, |n, digit| 10 * n + u32::from(digit))
    };
    if let [a, b, c, d, ..] = *groups
        && [b, c, d].iter().all(|group| group.separator == '.')
        && [a, b, c, d].iter().all(|group| group.len() <= 3 && value(group) < 256)
        && !goes_on(d.end, '.')
    {
        return Some(d.end);
    }
    let [a, b, c, ..] = *groups else { return None };
    if b.separator != c.separator || !(is_dash(b.separator) || matches!(b.separator, '.' | '/')) {
        return None;
    }
    let day = |group: &Group| group.len() <= 2 && (1..=31).contains(&value(group));
    let year_first = a.len() == 4 && (1..3_000).contains(&value(&a)) && text.digit(a.begin) != Some(0);
    let year_last = matches!(c.len(), 2 | 4) && day(&a);
    let is_date = day(&b) && ((year_first && day(&c)) || year_last) && !goes_on(c.end, c.separator);
    is_date.then_some(c.end)
}

/// Groups of digits with one separator between, or a parenthesis and one.
pub fn groups(text: Text<'_>, begin: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    let (mut at, mut separator) = (begin + usize::from(opens(text, begin)), '\0');
    while groups.len() < MOST_GROUPS {
        let begin = at;
        while text.digit(at).is_some() {
            at += 1;
        }
        if at == begin {
            break;
        }
        groups.push(Group { separator, begin, end: at });
        let Some(next) = text.at(at) else { break };
        separator = next;
        let closed = matches!(next, ')' | '）');
        at += usize::from(closed);
        let between = text.at(at).is_some_and(|c| is_blank(c) || is_dash(c) || matches!(c, '.' | '/'));
        at += usize::from(between);
        let opened = opens(text, at);
        at += usize::from(opened);
        if !(closed || between || opened) {
            break;
        }
    }
    groups
}

fn opens(text: Text<'_>, at: usize) -> bool {
    matches!(text.at(at), Some('(' | '（')) && text.digit(at + 1).is_some()
}

/// How a number is written besides its groups.
struct Written {
    plus: bool,
    /// A parenthesis stands before its first group.
    opened: bool,
    begin: usize,
    named: Option<Named>,
}

fn is_phone(text: Text<'_>, groups: &[Group], written: &Written) -> bool {
    let lens: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let digits = digits(groups);
    let Some(first) = groups.first() else { return false };
    let lead = |n: usize| text.digit(first.begin + n).filter(|_| n < first.len());
    let is_phones = written.named == Some(Named::Phone);
    if written.plus {
        // `y +10000000` is a sum.
        let summand = digits < 10 && text.before(written.begin, 1).is_none_or(char::is_whitespace) && !is_phones;
        let right = if lens.len() == 1 { !summand } else { first.len() < 8 };
        return right && (8..=15).contains(&digits) && lead(0) != Some(0);
    }
    match written.named {
        Some(Named::Other) => return false,
        Some(Named::Phone) if (FEWEST_DIGITS..=15).contains(&digits) => return true,
        _ => {}
    }
    let is_spaced = groups.iter().skip(1).all(|group| is_blank(group.separator));
    let is_dashed = groups.iter().skip(1).all(|group| is_dash(group.separator));
    let last = groups.last().map_or('\0', |group| group.separator);
    let is_called = || text.named(written.begin, |word| is_one_of(word, CALL).then_some(())).is_some();
    match (lens.as_slice(), lead(0), lead(1)) {
        // An area code in parentheses; not a year.
        ([1..=3 | 5, _, ..], ..) if written.opened => (8..=13).contains(&digits),
        // Abroad: 0049 30 …
        ([_, _, ..], Some(0), Some(0)) => (10..=16).contains(&digits),
        // The trunk prefix: 030 1234567, 06 12 34 56 78.
        ([2..=5, _, ..], Some(0), Some(1..)) => (9..=12).contains(&digits),
        ([10 | 11], Some(0), Some(1..)) => true,
        // North America: 555-123-4567; with blanks it might be a list.
        ([3, 3, 4], ..) => !is_spaced || is_called(),
        ([1, 3, 3, 4], Some(1), _) => true,
        // India, Spain, China, Brazil, Russia, Italy.
        ([5, 5], Some(6..), _) => is_blank(last) || is_dash(last),
        ([3, 2, 2, 2], Some(6..), _) => true,
        ([3, 3, 3], Some(6 | 7 | 9), _) => is_spaced || is_dashed,
        ([3, 4, 4] | [11], Some(1), Some(3..)) => true,
        ([2, 4 | 5, 4], Some(1..), _) => is_dash(last),
        ([11], Some(8), Some(9)) | ([1, 3, 3, 2, 2], Some(7 | 8), _) => true,
        ([3, 7], Some(3), Some(2..)) => is_blank(last) || is_dash(last),
        _ => false,
    }
}
