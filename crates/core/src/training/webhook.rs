//! Signed requests in both directions, as Standard Webhooks describes (<https://www.standardwebhooks.com>, 1.0.0):
//! HMAC-SHA256 over `id.timestamp.body`.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A signature is taken for so many seconds before and after its time.
pub const TOLERANCE_SECONDS: u64 = 300;
/// Of the signatures on a request so many are looked at: secrets change one at a time.
const MOST_SIGNATURES: usize = 10;
/// Most bytes of the three headers.
const MOST_ID: usize = 255;
const MOST_TIMESTAMP: usize = 20;
const MOST_SIGNED: usize = 2_048;
/// Bytes of an HMAC-SHA256 in Base64.
const SUM: usize = 44;
/// Begins every secret.
const SECRET: &str = "whsec_";
/// Begins every signature of this kind.
const SIGNATURE: &str = "v1,";

/// The key that both ends share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads `whsec_` and 24 to 64 bytes in Base64.
    pub fn read(text: &str) -> Option<Self> {
        let key = Base64::decode_vec(text.strip_prefix(SECRET)?).ok()?;
        (24..=64).contains(&key.len()).then_some(Self(key))
    }

    fn hmac(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for piece in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            hmac.update(piece);
        }
        Some(hmac)
    }
}

/// What it is is nobody's business.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is written on a signed request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// `webhook-id`: the same each time that it is sent.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`: one or more, with blanks between.
    pub signature: Option<&'a str>,
}

/// Why a request is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// One of the headers is not there or empty.
    Missing,
    /// The time is not a number of seconds, the id has a dot in it or more than 255 bytes, or there are more than 2,048
    /// bytes of signatures.
    Malformed,
    /// Signed more than [`TOLERANCE_SECONDS`] ago, or as long ahead.
    Stale,
    /// None of the signatures is right.
    Wrong,
}

/// The value of `webhook-signature`. `timestamp` is in seconds since 1970, `body` what is sent, byte for byte.
pub fn sign(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    // A key of any length makes an HMAC.
    let hmac = secret.hmac(id, &timestamp.to_string(), body);
    let sum = hmac.map(|hmac| Base64::encode_string(&hmac.finalize().into_bytes())).unwrap_or_default();
    format!("{SIGNATURE}{sum}")
}

/// Whether a request is from who has one of the secrets, and new: `now` is in seconds since 1970. A request within the
/// time may still be one that came before: whoever acts on it remembers its id.
///
/// What it costs is bounded by the body's length and the number of secrets: nothing that is written in the headers has
/// the body read once more. The first ten `v1` signatures are looked at.
///
/// # Errors
/// Why not. The signature is looked at before the time, so that nobody without the secret learns anything of the clock.
pub fn verify(secrets: &[Secret], headers: &Headers<'_>, body: &[u8], now: i64) -> Result<(), Refusal> {
    let (id, timestamp, signatures) = (there(headers.id)?, there(headers.timestamp)?, there(headers.signature)?);
    if id.len() > MOST_ID || timestamp.len() > MOST_TIMESTAMP || signatures.len() > MOST_SIGNED {
        return Err(Refusal::Malformed);
    }
    let at: i64 = timestamp.parse().map_err(|_| Refusal::Malformed)?;
    // A dot in the id, or a sign, could be read as another message that was signed.
    if id.contains('.') || !timestamp.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Refusal::Malformed);
    }
    let sums = signatures.split(' ').filter_map(|one| one.strip_prefix(SIGNATURE)).filter(|sum| sum.len() == SUM);
    let sums: Vec<_> = sums.take(MOST_SIGNATURES).filter_map(|sum| Base64::decode_vec(sum).ok()).collect();
    // The body is read once a secret; a copy compares in constant time.
    let is_right = |secret: &Secret| {
        let hmac = secret.hmac(id, timestamp, body);
        hmac.is_some_and(|hmac| sums.iter().any(|sum| hmac.clone().verify_slice(sum).is_ok()))
    };
    if sums.is_empty() || !secrets.iter().any(is_right) {
        return Err(Refusal::Wrong);
    }
    if at.abs_diff(now) > TOLERANCE_SECONDS { Err(Refusal::Stale) } else { Ok(()) }
}

fn there(header: Option<&str>) -> Result<&str, Refusal> {
    header.filter(|text| !text.is_empty()).ok_or(Refusal::Missing)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // The published vector.
    const SECRET_TEXT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> Secret {
        Secret::read(SECRET_TEXT).unwrap()
    }

    fn headers<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> Headers<'a> {
        Headers { id: Some(id), timestamp: Some(timestamp), signature: Some(signature) }
    }

    #[test]
    fn the_published_vector_holds() {
        assert_eq!(sign(&secret(), ID, AT, BODY), SIGNED);
        assert_eq!(verify(&[secret()], &headers(ID, "1614265330", SIGNED), BODY, AT), Ok(()));
    }

    #[test]
    fn one_right_signature_of_several_is_enough() {
        let wrong = format!("v1,{}", Base64::encode_string(&[7; 32]));
        for all in [format!("{wrong} {SIGNED}"), format!("{SIGNED} v1a,xyz"), format!("v2,abc  {SIGNED} ")] {
            assert_eq!(verify(&[secret()], &headers(ID, "1614265330", &all), BODY, AT), Ok(()), "{all}");
        }
        let cut = SIGNED.trim_end_matches('=');
        let other_kind = SIGNED.replace("v1,", "v2,");
        for none in [wrong.as_str(), "v1,", "v1", "garbage", " ", cut, &other_kind, &SIGNED[3..]] {
            assert_eq!(verify(&[secret()], &headers(ID, "1614265330", none), BODY, AT), Err(Refusal::Wrong), "{none}");
        }
    }

    #[test]
    fn what_is_missing_malformed_or_stale_is_refused() {
        let of = |headers: &Headers<'_>, now| verify(&[secret()], headers, BODY, now);
        let good = headers(ID, "1614265330", SIGNED);
        for missing in [
            Headers { id: None, ..good },
            Headers { timestamp: None, ..good },
            Headers { signature: None, ..good },
            Headers { id: Some(""), ..good },
            Headers::default(),
        ] {
            assert_eq!(of(&missing, AT), Err(Refusal::Missing));
        }
        for timestamp in ["now", "1614265330.5", "99999999999999999999", " 1614265330", "+1614265330"] {
            assert_eq!(of(&Headers { timestamp: Some(timestamp), ..good }, AT), Err(Refusal::Malformed), "{timestamp}");
        }
        assert_eq!(of(&Headers { id: Some("a.b"), ..good }, AT), Err(Refusal::Malformed));
        for (now, answer) in [
            (AT + 300, Ok(())),
            (AT - 300, Ok(())),
            (AT + 301, Err(Refusal::Stale)),
            (AT - 301, Err(Refusal::Stale)),
            (i64::MIN, Err(Refusal::Stale)),
        ] {
            assert_eq!(of(&good, now), answer);
        }
        // Who has not the secret is not told that it is stale.
        assert_eq!(of(&Headers { signature: Some("v1,AA=="), ..good }, AT + 301), Err(Refusal::Wrong));
    }

    #[test]
    fn any_of_the_secrets_will_do_and_none_is_no_secret() {
        let other = Secret(vec![1; 32]);
        let good = headers(ID, "1614265330", SIGNED);
        assert_eq!(verify(&[other.clone(), secret()], &good, BODY, AT), Ok(()));
        assert_eq!(verify(&[secret(), other.clone()], &good, BODY, AT), Ok(()));
        assert_eq!(verify(&[other], &good, BODY, AT), Err(Refusal::Wrong));
        assert_eq!(verify(&[], &good, BODY, AT), Err(Refusal::Wrong));
    }

    #[test]
    fn headers_have_a_length_and_ten_signatures_are_looked_at() {
        let wrong = |n: usize| format!("v1,{} ", Base64::encode_string(&[7; 32])).repeat(n);
        let of = |id: &str, signature: &str| verify(&[secret()], &headers(id, "1614265330", signature), BODY, AT);
        assert_eq!(of(ID, &format!("{}{SIGNED}", wrong(9))), Ok(()));
        assert_eq!(of(ID, &format!("{}{SIGNED}", wrong(10))), Err(Refusal::Wrong));
        // What is none does not count.
        assert_eq!(of(ID, &format!("{}{SIGNED}", "v1,AA== v1a,x ".repeat(20))), Ok(()));
        assert_eq!(of(ID, &format!("{SIGNED} {}", wrong(60))), Err(Refusal::Malformed));
        let long = |n: usize| "i".repeat(n);
        assert_eq!(of(&long(255), &sign(&secret(), &long(255), AT, BODY)), Ok(()));
        assert_eq!(of(&long(256), &sign(&secret(), &long(256), AT, BODY)), Err(Refusal::Malformed));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it measures")]
    fn what_is_written_in_the_headers_does_not_have_the_body_read_again() {
        let body = vec![b'x'; 1 << 20];
        let took = |signatures: &str| {
            let of = |_| {
                let begun = std::time::Instant::now();
                assert!(verify(&[secret()], &headers(ID, "1614265330", signatures), &body, AT).is_err());
                begun.elapsed()
            };
            (0..5).map(of).min().unwrap()
        };
        let one = format!("v1,{}", Base64::encode_string(&[7; 32]));
        let (once, often) = (took(&one), took(&[one.as_str(); 42].join(" ")));
        assert!(often < once * 4, "{often:?}, and {once:?} for one");
    }

    #[test]
    fn a_secret_is_24_to_64_bytes() {
        let of = |bytes: usize| Secret::read(&format!("whsec_{}", Base64::encode_string(&vec![1; bytes])));
        assert!(of(24).is_some() && of(64).is_some() && of(23).is_none() && of(65).is_none());
        assert!(Secret::read(&SECRET_TEXT[6..]).is_none() && Secret::read("whsec_!").is_none());
        assert_eq!(format!("{:?}", secret()), "Secret(…)");
    }

    proptest! {
        #[test]
        fn what_was_signed_holds_and_nothing_else(
            key in prop::collection::vec(any::<u8>(), 24..64),
            id in "[a-zA-Z0-9_]{1,20}",
            at in 0_i64..4_000_000_000,
            body in prop::collection::vec(any::<u8>(), 0..100),
            (place, bit) in (any::<prop::sample::Index>(), 0_u8..8),
        ) {
            let secret = Secret(key.clone());
            let all = [secret.clone()];
            let (signature, time) = (sign(&secret, &id, at, &body), at.to_string());
            let these = headers(&id, &time, &signature);
            prop_assert_eq!(verify(&all, &these, &body, at), Ok(()));
            let mut other = key;
            let at_key = place.index(other.len());
            other[at_key] ^= 1 << bit;
            prop_assert_eq!(verify(&[Secret(other)], &these, &body, at), Err(Refusal::Wrong));
            let longer = [body.as_slice(), b"x"].concat();
            prop_assert_eq!(verify(&all, &these, &longer, at), Err(Refusal::Wrong));
            let another = format!("{id}x");
            prop_assert_eq!(verify(&all, &headers(&another, &time, &signature), &body, at), Err(Refusal::Wrong));
            let later = (at + 1).to_string();
            prop_assert_eq!(verify(&all, &headers(&id, &later, &signature), &body, at), Err(Refusal::Wrong));
        }

        #[test]
        fn no_header_breaks_it(
            id in any::<String>(), at in any::<String>(), signed in any::<String>(), now in any::<i64>()
        ) {
            prop_assert!(verify(&[secret()], &headers(&id, &at, &signed), BODY, now).is_err());
        }
    }
}
