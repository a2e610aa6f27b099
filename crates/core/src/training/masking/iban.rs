//! Numbers of bank accounts: ISO 13616, the check digits by ISO/IEC 7064, MOD 97-10.

use super::text::{Text, is_blank, is_dash};

/// Of letters and digits, over all countries.
const LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;

/// Where the number ends that begins there: in one, or in groups of four with blanks or dashes between.
pub fn ends(text: Text<'_>, begin: usize) -> Option<usize> {
    let sign = |i: usize| text.digit(i).map(u32::from).or_else(|| text.at(i).and_then(|c| c.to_digit(36)));
    let (country, check) = ([sign(begin)?, sign(begin + 1)?], [text.digit(begin + 2)?, text.digit(begin + 3)?]);
    if country.iter().any(|letter| *letter < 10) {
        return None;
    }
    let with = |rest: u32, sign: u32| (rest * if sign > 9 { 100 } else { 10 } + sign) % 97;
    let (mut at, mut count, mut group, mut rest, mut ends) = (begin + 4, 4, 4, 0, None);
    loop {
        while let Some(sign) = sign(at) {
            rest = with(rest, sign);
            (at, count, group) = (at + 1, count + 1, group + 1);
            if count > *LENGTHS.end() {
                return ends;
            }
        }
        // The country and the check digits count as if they stood at the end.
        let whole = country.into_iter().chain(check.map(u32::from)).fold(rest, with);
        if count >= *LENGTHS.start() && whole == 1 && text.ends(at) {
            ends = Some(at);
        }
        let separated = text.at(at).is_some_and(|c| is_blank(c) || is_dash(c));
        if group != 4 || !separated || sign(at + 1).is_none() {
            return ends;
        }
        (at, group) = (at + 1, 0);
    }
}
