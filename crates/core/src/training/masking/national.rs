//! Numbers that a state gives to its people, told by their form and their check digits.

use super::text::{Text, digit, is_blank, is_dash};

/// Any of them has at least so many.
pub const FEWEST_DIGITS: usize = 6;
/// And at most so many digits and letters.
const MOST_SIGNS: usize = 16;

struct Form {
    /// `9` a digit, `A` a letter, `X` either, a blank: nothing, a blank, a dash, a point or a slash.
    pattern: &'static str,
    /// Of what it is made of: digits as 0 to 9, letters in upper case.
    holds: fn(&[u8]) -> bool,
    /// Words of which one stands before it …
    names: &'static [&'static str],
    /// … always, or only if it is written without separators.
    always_named: bool,
}

const FORMS: [Form; 11] = [
    // United States, social security number: 20 CFR 422; no check digit.
    form("999 99 9999", ssn, &["ssn", "social", "security"], false),
    // United Kingdom, national insurance number: HMRC NIM39110.
    form("AA 99 99 99 A", nino, &[], false),
    // Spain, DNI and NIE.
    form("99999999 A", dni, &[], false),
    form("A 9999999 A", nie, &[], false),
    // Italy, codice fiscale: DM 23/12/1976.
    form("AAA AAA XXAXX AXXXA", codice_fiscale, &[], false),
    // France, NIR; the department may be Corsica's, 2A or 2B.
    form("9 99 99 9X 999 999 99", nir, &[], false),
    // Brazil, CPF.
    form("999 999 999 99", cpf, &[], false),
    // India, Aadhaar.
    form("9999 9999 9999", aadhaar, &["aadhaar", "aadhar", "adhaar", "uidai"], false),
    // Germany, Steuer-Identifikationsnummer.
    form("99 999 999 999", steuer_id, &[], false),
    // Netherlands, burgerservicenummer: one in eleven of all numbers would do.
    form("999999999", bsn, &["bsn", "burgerservicenummer", "sofinummer"], true),
    form("9999 99 999", bsn, &["bsn", "burgerservicenummer", "sofinummer"], true),
];

const fn form(
    pattern: &'static str,
    holds: fn(&[u8]) -> bool,
    names: &'static [&'static str],
    always_named: bool,
) -> Form {
    Form { pattern, holds, names, always_named }
}

/// Where the number ends that begins there.
pub fn ends(text: Text<'_>, begin: usize) -> Option<usize> {
    let first = if text.digit(begin).is_some() { b'9' } else { b'A' };
    FORMS.iter().filter(|form| form.pattern.as_bytes().first() == Some(&first)).find_map(|form| {
        let Read { signs, count, end, separated } = read(text, begin, form.pattern)?;
        let may_go = !form.names.is_empty() && (form.always_named || !separated);
        let is_named = || text.named(begin, |word| form.names.contains(&word).then_some(())).is_some();
        (text.ends(end) && (form.holds)(signs.get(..count)?) && (!may_go || is_named())).then_some(end)
    })
}

struct Read {
    /// What stands there: the first `count` of them.
    signs: [u8; MOST_SIGNS],
    count: usize,
    end: usize,
    /// Anything separates it.
    separated: bool,
}

/// What stands there in that form.
fn read(text: Text<'_>, begin: usize, pattern: &str) -> Option<Read> {
    let mut read = Read { signs: [0; MOST_SIGNS], count: 0, end: begin, separated: false };
    for kind in pattern.bytes() {
        let c = text.at(read.end);
        if kind == b' ' {
            let here = c.is_some_and(|c| is_blank(c) || is_dash(c) || matches!(c, '.' | '/'));
            read.separated |= here;
            read.end += usize::from(here);
            continue;
        }
        let letter = || c.filter(char::is_ascii_alphabetic).and_then(|c| u8::try_from(c.to_ascii_uppercase()).ok());
        let number = c.and_then(digit);
        let sign = match kind {
            b'9' => number,
            b'A' => letter(),
            _ => number.or_else(letter),
        };
        *read.signs.get_mut(read.count)? = sign?;
        read.count += 1;
        read.end += 1;
    }
    Some(read)
}

/// The digits as a number.
fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, digit| 10 * n + u64::from(*digit))
}

fn ssn(signs: &[u8]) -> bool {
    let all = number(signs);
    let (area, group, serial) = (all / 1_000_000, all / 10_000 % 100, all % 10_000);
    area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

fn nino(signs: &[u8]) -> bool {
    let [first, second, .., suffix] = signs else { return false };
    let never = [b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"];
    !b"DFIQUV".contains(first)
        && !b"DFIQUVO".contains(second)
        && !never.contains(&&[*first, *second])
        && (b'A'..=b'D').contains(suffix)
}

fn dni(signs: &[u8]) -> bool {
    let Some((letter, digits)) = signs.split_last() else { return false };
    let place = usize::try_from(number(digits) % 23).unwrap_or_default();
    b"TRWAGMYFPDXBNJZSQVHLCKE".get(place) == Some(letter)
}

fn nie(signs: &[u8]) -> bool {
    let Some((first @ b'X'..=b'Z', rest)) = signs.split_first() else { return false };
    let mut plain = vec![first - b'X'];
    plain.extend(rest);
    dni(&plain)
}

fn codice_fiscale(signs: &[u8]) -> bool {
    // Odd places count by this table, a digit as the letter of its number.
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let Some((check, body)) = signs.split_last() else { return false };
    let mut sum = 0;
    for (i, sign) in body.iter().enumerate() {
        let is_digit = *sign < 10;
        // A letter stands for a digit where two persons would have the same number.
        if [6, 7, 9, 10, 12, 13, 14].contains(&i) && !is_digit && !b"LMNPQRSTUV".contains(sign) {
            return false;
        }
        let value = if is_digit { *sign } else { sign.saturating_sub(b'A') };
        sum += if i % 2 == 0 { ODD.get(usize::from(value)).copied().unwrap_or(0) } else { u32::from(value) };
    }
    u32::from(check.saturating_sub(b'A')) == sum % 26
}

fn nir(signs: &[u8]) -> bool {
    let mut plain = signs.to_vec();
    let (mut less, mut corsica) = (0, false);
    if let Some(sign @ (b'A' | b'B')) = plain.get_mut(6) {
        less = if *sign == b'A' { 1_000_000 } else { 2_000_000 };
        *sign = 0;
        corsica = true;
    }
    let Some((body, key)) = plain.split_at_checked(13) else { return false };
    let month = number(plain.get(3..5).unwrap_or_default());
    let at_home = !corsica || signs.get(5) == Some(&2);
    plain.iter().all(|digit| *digit < 10)
        && at_home
        && matches!(plain.first(), Some(1 | 2))
        && month >= 1
        && 97 - number(body).saturating_sub(less) % 97 == number(key)
}

fn cpf(signs: &[u8]) -> bool {
    let check = |n: usize| {
        let sum: usize = signs.iter().take(n).enumerate().map(|(i, d)| usize::from(*d) * (n + 1 - i)).sum();
        signs.get(n).is_some_and(|digit| usize::from(*digit) == sum * 10 % 11 % 10)
    };
    signs.iter().any(|digit| Some(digit) != signs.first()) && check(9) && check(10)
}

/// Verhoeff 1969: the dihedral group of order 10.
fn aadhaar(signs: &[u8]) -> bool {
    const PERMUTED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permute = |digit: u8, times: usize| {
        (0..times % 8).fold(digit, |digit, _| PERMUTED.get(usize::from(digit)).copied().unwrap_or_default())
    };
    let sum = signs.iter().rev().enumerate().fold(0, |sum, (i, digit)| product(sum, permute(*digit, i)));
    sum == 0 && signs.first().is_some_and(|digit| *digit > 1)
}

/// Of the first ten digits exactly one comes twice or three times (§ 139b AO); check digit by ISO/IEC 7064, MOD 11,10.
fn steuer_id(signs: &[u8]) -> bool {
    let Some((check, body)) = signs.split_last() else { return false };
    let mut seen = [0_u8; 10];
    for digit in body {
        if let Some(count) = seen.get_mut(usize::from(*digit)) {
            *count += 1;
        }
    }
    let more: Vec<u8> = seen.into_iter().filter(|count| *count > 1).collect();
    let product = body.iter().fold(10_u32, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    matches!(*more, [2 | 3]) && body.first() != Some(&0) && (11 - product) % 10 == u32::from(*check)
}

/// The eleven-test.
fn bsn(signs: &[u8]) -> bool {
    let Some((last, body)) = signs.split_last() else { return false };
    let sum: u32 = body.iter().zip((2..=9).rev()).map(|(digit, weight): (_, u32)| u32::from(*digit) * weight).sum();
    number(signs) != 0 && sum % 11 == u32::from(*last)
}
