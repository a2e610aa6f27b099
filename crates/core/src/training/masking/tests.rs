use proptest::prelude::*;

thread_local! {
    /// Characters that were read: what the work is measured by.
    pub(super) static READ: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

use super::*;

/// What is masked, and as what.
const FOUND: &[(&str, &str)] = &[
    // E-mail.
    ("write to jane.doe+x@mail.example.co.uk.", "write to [email]."),
    ("<mailto:o'neil@example.org>, ok", "<mailto:[email]>, ok"),
    ("'kim@example.io'", "'[email]'"),
    ("jörg@müller.de ruft", "[email] ruft"),
    ("\"john doe\"@example.com", "[email]"),
    ("?mail=a.b%40example.com&x=1", "?mail=[email]&x=1"),
    ("user＠example.jp", "[email]"),
    ("a@b.co,c@d.org", "[email],[email]"),
    ("x@example.xn--p1ai", "[email]"),
    ("5551234@example.com", "[email]"),
    // Telephone.
    ("+1-202-555-0143", "[phone]"),
    ("+49 (0)30 901820.", "[phone]."),
    ("tel:+33612345678", "tel:[phone]"),
    ("＋81 ９０ １２３４ ５６７８", "[phone]"),
    ("0049 30 901820", "[phone]"),
    ("(202) 555-0143 or 202.555.0143", "[phone] or [phone]"),
    ("call me: 202 555 0143, 1 202 555 0143", "call me: [phone], [phone]"),
    ("1-800-555-0199", "[phone]"),
    ("06 12 34 56 78, 01.23.45.67.89, 06-12-34-56-78", "[phone], [phone], [phone]"),
    ("020 7946 0958 / 0171/2345678", "[phone] / [phone]"),
    ("07700900123", "[phone]"),
    ("0412 345 678", "[phone]"),
    ("98765 43210", "[phone]"),
    ("612 34 56 78", "[phone]"),
    ("138 0013 8000", "[phone]"),
    ("(11) 91234-5678, 11 91234-5678", "[phone], [phone]"),
    ("my phone is 5551234567", "my phone is [phone]"),
    ("Fax: 901820-11", "Fax: [phone]"),
    ("090-1234-5678", "[phone]"),
    ("٠١٢ ٣٤٥٦ ٧٨٩٠", "[phone]"),
    // What is masked does not hide its neighbour.
    ("a@b.co=0612345678", "[email]=[phone]"),
    ("612 345 678, 912-345-678", "[phone], [phone]"),
    ("13812345678, 89161234567, 8-916-123-45-67, 8 (916) 123-45-67", "[phone], [phone], [phone], [phone]"),
    ("347 1234567", "[phone]"),
    ("555-123-4567x123, 555-123-4567 ext. 12 or 0612345678 x9", "[phone], [phone] or [phone]"),
    ("+12345678901+12345678901", "[phone][phone]"),
    // In tables and pairs.
    ("Jane,4111111111111111,12/27,123", "Jane,[card],12/27,123"),
    ("Jane Doe,555-123-4567,x", "Jane Doe,[phone],x"),
    ("card=4111111111111111&tel=030 1234567", "card=[card]&tel=[phone]"),
    ("ssn=078-05-1120", "ssn=[national id]"),
    ("phone=+15551234567", "phone=[phone]"),
    ("a,0612345678,0612345679", "a,[phone],[phone]"),
    ("12345678Z.0612345678", "[national id].[phone]"),
    // Cards and accounts.
    ("DE89 3704 0044 0532 0130 00 is mine", "[card] is mine"),
    ("x,de89370400440532013000,GB82 WEST 1234 5698 7654 32.", "x,[card],[card]."),
    ("MT84 MALT 0110 0001 2345 MTLC AST0 01S", "[card]"),
    ("4111 1111 1111 1111 12/29", "[card] 12/29"),
    ("5555-5555-5555-4444", "[card]"),
    ("378282246310005", "[card]"),
    ("3782 822463 10005", "[card]"),
    ("4222222222222", "[card]"),
    ("6011000990139424,", "[card],"),
    // National identity numbers.
    ("SSN 123-45-6789", "SSN [national id]"),
    ("ssn: 123456789", "ssn: [national id]"),
    ("AB 12 34 56 C and ab123456c", "[national id] and [national id]"),
    ("DNI 12345678Z, 12345678-z", "DNI [national id], [national id]"),
    ("NIE X1234567L, X-1234567-L", "NIE [national id], [national id]"),
    ("RSSMRA85T10A562S", "[national id]"),
    ("rss mra 85t10 a562s", "[national id]"),
    ("529.982.247-25 52998224725", "[national id] [national id]"),
    ("1 85 05 78 006 084 91", "[national id]"),
    ("255081416802538", "[national id]"),
    ("2341 2341 2346", "[national id]"),
    ("aadhaar 234123412346", "aadhaar [national id]"),
    ("86 095 742 719, 86095742719", "[national id], [national id]"),
    ("BSN 111222333", "BSN [national id]"),
];

/// What stays.
const KEPT: &[&str] = &[
    "",
    "no number at all",
    "@handle and a @ b, 3 @ 5.00",
    "react@18.2.0, root@localhost, x@1.2",
    "2024-01-15 10:30:00",
    "01.02.2024 10:30",
    "01/02/2024 10 am, 1/2/24 12",
    "2024-01-15T10:30:00.000Z",
    "20240115103000",
    "1614265330",
    "1614265330123",
    "192.168.100.200 and 10.0.0.1:8080",
    "550e8400-e29b-41d4-a716-446655440000",
    "11111111-2222-3333-4444-555555555555",
    "v1.2.3, 10.15.7.1234, 2.0.0-rc.1",
    "1,234,567.89 and $1234567890 and 1.234.567,89",
    "1 234 567 890 people",
    "01 02 03 04 05 06 07 08",
    "01 02 03 04 05 06 07 08 09 10 11 12 05 06 07 08 09",
    "250 300 4000 rows",
    "1 712 345 678 people",
    "y +10000000",
    "git@github.com:owner/repo, me@host.example.com:/var/log",
    "1,234,567, 12,345,678",
    "pay 1,200,555.01",
    "Order #0612345678",
    "order number 0612345678",
    "order 202-555-0143",
    "ISBN 0306406152",
    "ORD-202-555-0143",
    "/orders/0612345678?id=0612345678",
    "100 200 3000",
    "pages 100-2000",
    "(2020) 1234567",
    "4111 1111 1111 1112",
    "9111111111111111",
    "000-12-3456, 666-12-3456, 123-00-4567",
    "123456789",
    "111222333",
    "12345678A",
    "RSSMRA85T10A562T",
    "529.982.247-26",
    "185057800608492",
    "2341 2341 2347",
    "234123412346",
    "86095742718",
    "QQ123456C",
    "from 0.5 to 0.75, 12:30-14:45",
    "3.14159265358979",
    "0x1234567890",
    "[email] [phone] [card] [national id]",
];

#[test]
fn what_looks_like_a_persons_is_masked() {
    for (text, masked) in FOUND {
        assert_eq!(mask(text).0, *masked, "of {text:?}");
    }
}

#[test]
fn what_looks_like_anything_else_stays() {
    for text in KEPT {
        assert_eq!(mask(text), ((*text).to_owned(), Masked::default()));
    }
}

#[test]
fn it_is_counted_by_kind() {
    let text = "a@b.co, c@d.org; +1-202-555-0143; 4111111111111111; 123-45-6789";
    let (_, counted) = mask(text);
    assert_eq!(counted, Masked { email: 2, phone: 1, card: 1, national_id: 1 });
    assert_eq!(serde_json::to_string(&counted).unwrap(), r#"{"email":2,"phone":1,"card":1,"national_id":1}"#);
    assert_eq!(serde_json::to_string(&mask("x@y.org").1).unwrap(), r#"{"email":1}"#);
}

/// Characters that are read to mask it.
fn work(text: &str) -> usize {
    READ.set(0);
    mask(text);
    READ.get()
}

#[test]
fn a_long_text_takes_no_longer_than_its_length() {
    let pieces = [
        "a@",
        "1 ",
        "(1) ",
        "+1 ",
        "12-",
        "0123 456 ",
        "%40",
        "x.",
        "A1",
        "\"@",
        "+12345678901",
        "01 ",
        "123 ",
        "AB12",
        "AB12 ",
        "1,",
        "a@b.co:x",
        "0612345678,",
        "1",
        "+1",
    ];
    for piece in pieces {
        let (one, two) = (work(&piece.repeat(2_000)), work(&piece.repeat(4_000)));
        assert!(two <= 2 * one + 10_000, "{piece:?}: {one}, {two}");
        assert!(one <= 150 * 2_000 * piece.len(), "{piece:?}: {one}");
    }
}

/// As people write, with an order's number and a date.
fn ordinary(n: u32) -> String {
    format!(
        "Order {} of 2024-03-{:02} came late, and one of the boxes was open when it did. Can I send back the lamp with \
         the broken shade and keep what else was in it, and who pays for that? I am sorry about it. You can send back \
         the lamp alone within thirty days: print the label from your orders, pack it well, and leave it at any shop. \
         We pay for that, and the money is with you within a week.",
        1_000_000 + n,
        n % 28 + 1
    )
}

#[test]
fn only_what_is_near_digits_is_looked_at() {
    let text = ordinary(7);
    assert_eq!(mask(&text).0, text);
    assert!(work(&text) < 2 * text.len(), "{} of {}", work(&text), text.len());
    assert_eq!(work(&text.replace(|c: char| c.is_ascii_digit(), "x")), 0);
}

/// Pieces that numbers and addresses are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = FOUND.iter().map(|(text, _)| *text).chain(KEPT.iter().copied()).collect();
    let piece = prop_oneof![
        prop::sample::select(known).prop_map(str::to_owned),
        "[0-9]{1,6}",
        "[-. +()/@:#,A-Za-z]{1,3}",
        prop::sample::select(vec!["phone ", "order ", "ssn ", "BSN ", "[phone]", "%40", ".com", "\u{a0}", "é", "𝟘"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_far_from_digits_does_not_matter(
        pieces in prop::collection::vec(pieces(), 1..6),
        far in " [a-z ]{0,90} ",
    ) {
        let text = pieces.join(&far);
        let text = text.replace(['@', '＠', '%'], " ");
        let whole = numbers(&text, std::iter::once(0..text.len()), &mut Masked::default());
        prop_assert_eq!(mask(&text).0, whole);
    }

    #[test]
    fn masking_again_changes_nothing(text in pieces()) {
        let (once, _) = mask(&text);
        prop_assert_eq!(mask(&once), (once.clone(), Masked::default()));
    }

    #[test]
    fn any_text_can_be_masked(text in any::<String>()) {
        let (once, counted) = mask(&text);
        prop_assert_eq!(counted == Masked::default(), once == text);
    }

    #[test]
    fn what_stands_around_it_stays(before in "[a-z ]{0,12} ", after in " [a-z ]{0,12}", which in 0..FOUND.len()) {
        // The words around may name it otherwise: only its own kind is asked for.
        let (text, masked) = FOUND[which];
        prop_assume!(!["order", "id", "ref", "case", "port"].iter().any(|word| before.contains(word)));
        prop_assert_eq!(mask(&format!("{before}{text}{after}")).0, format!("{before}{masked}{after}"));
    }

    #[test]
    fn every_card_number_is_found(digits in prop::collection::vec(0_u8..10, 12..18), first in 3_u8..7) {
        let mut number = vec![first];
        number.extend(digits);
        let check = (0..10).find(|check| luhn(&[number.clone(), vec![*check]].concat())).unwrap();
        number.push(check);
        let text: String = number.iter().map(|digit| char::from(b'0' + digit)).collect();
        let (clean, _) = mask(&text);
        prop_assert!(clean.starts_with('['), "{} of {}", clean, text);
    }
}
