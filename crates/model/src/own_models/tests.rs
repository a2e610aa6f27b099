use proptest::{collection, prelude::*, sample};
use url::Url;

use super::*;

const HOSTS: [&str; 6] = ["models.example.com", "*.trainer.example", "10.0.0.7", "localhost", "127.0.0.1", "[::1]"];

fn hosts() -> Vec<String> {
    HOSTS.map(str::to_owned).into()
}

fn allowed(base_url: &str) -> bool {
    is_allowed(&hosts(), base_url)
}

#[test]
fn a_listed_host_may_be_asked() {
    for base_url in [
        "https://models.example.com",
        "https://models.example.com/",
        "https://models.example.com:8443/v7/shop@home",
        "HTTPS://Models.Example.COM",
        "https://eu.trainer.example",
        "https://a.b.trainer.example/x",
        "https://10.0.0.7:9000",
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://[::1]:3000/m",
        "https://[::1]",
    ] {
        assert!(allowed(base_url), "{base_url}");
    }
}

#[test]
fn no_other_address_may_be_asked() {
    for base_url in [
        "",
        "https://",
        "models.example.com",
        "//models.example.com",
        "https:models.example.com",
        "https:/models.example.com",
        "https:///models.example.com",
        "ftp://models.example.com",
        "javascript://models.example.com",
        // In the clear, but for this machine.
        "http://models.example.com",
        "http://eu.trainer.example",
        "http://10.0.0.7",
        "http://127.0.0.2",
        // Another host.
        "https://example.com",
        "https://evil.com",
        "https://xmodels.example.com",
        "https://a.models.example.com",
        "https://models.example.com.evil.com",
        "https://models.example.computer",
        "https://trainer.example",
        "https://.trainer.example",
        "https://a..trainer.example",
        "https://xtrainer.example",
        "https://a.trainer.example.evil.com",
        "https://models.example.com.",
        "https://a.trainer.example.",
        // A user.
        "https://models.example.com@evil.com",
        "https://models.example.com:8443@evil.com",
        "https://user:word@models.example.com",
        "https://@models.example.com",
        "https://evil.com#@models.example.com",
        // What some read as a slash, leave out, or turn into something else.
        "https://models.example.com\\@evil.com",
        "https://evil.com\\.trainer.example",
        "https:\\\\models.example.com",
        "https://models.example.com/v7\\x",
        "https://evil.com\t.trainer.example",
        "https://models.example.com\n",
        " https://models.example.com",
        "https://models.example.com ",
        "https://models%2eexample.com",
        "https://evil.com%2f.trainer.example",
        "https://evil.com%00.trainer.example",
        "https://models.example。com",
        "https://ｍodels.example.com",
        "https://ſ.trainer.example",
        // What would swallow the path that is added.
        "https://models.example.com?x",
        "https://models.example.com/v7?x",
        "https://models.example.com/v7#x",
        "https://models.example.com/#",
        "https://evil.com?.trainer.example",
        // No port.
        "https://models.example.com:",
        "https://models.example.com:x",
        "https://models.example.com:+80",
        "https://models.example.com:65536",
        "https://models.example.com:80:80",
        // No host of this list.
        "http://[::1",
        "http://::1",
        "http://[::1]evil.com",
        "http://[::1].trainer.example",
        "http://[]",
        "http://[::1%25eth0]",
        "https://[::ffff:10.0.0.7]",
        "http://127.1",
        "http://2130706433",
        "http://0x7f.0.0.1",
        "http://localhost.evil.com",
    ] {
        assert!(!allowed(base_url), "{base_url}");
    }
}

#[test]
fn an_entry_that_names_no_host_allows_nothing() {
    for entry in
        ["", " ", "*", "*.", "*..", "*.*", "https://models.example.com", "*.0.0.1", "*.1", "models.example.com:443"]
    {
        for base_url in ["https://models.example.com", "https://.", "https://x", "https://10.0.0.1", "https://"] {
            assert!(!is_allowed(&[entry.to_owned()], base_url), "{entry} {base_url}");
        }
    }
    assert!(!is_allowed(&[], "http://localhost"), "not even this machine, unless it is listed");
    assert!(is_allowed(&[" Models.Example.com ".to_owned()], "https://models.example.com"));
    assert!(is_allowed(&["*.Trainer.Example".to_owned()], "https://EU.trainer.example"));
}

/// Addresses put together of what addresses are made of, and of what they are forged with.
fn forged() -> impl Strategy<Value = String> {
    let part = sample::select(vec![
        "https",
        "http",
        "HTTPS",
        "ftp",
        ":",
        "://",
        "//",
        "/",
        "\\",
        "@",
        "#",
        "?",
        "%",
        "%2e",
        "%40",
        "%5c",
        ".",
        "..",
        "*",
        "*.",
        "[",
        "]",
        "[::1]",
        "::1",
        "models.example.com",
        "MODELS.example.com",
        "trainer.example",
        ".trainer.example",
        "evil.com",
        "localhost",
        "127.0.0.1",
        "10.0.0.7",
        "127.1",
        "0x7f",
        "80",
        ":443",
        "65536",
        " ",
        "\t",
        "\n",
        "\r",
        "\u{0}",
        "\u{ad}",
        "。",
        "／",
        "＠",
        "ß",
        "xn--",
        "-",
        "_",
        "a",
        "v1",
        ";",
        ",",
        "|",
        "^",
        "<",
    ]);
    let of_parts = collection::vec(part, 1..9).prop_map(|parts| parts.concat());
    prop_oneof![
        of_parts.clone(),
        of_parts.clone().prop_map(|rest| format!("https://{rest}")),
        of_parts.clone().prop_map(|rest| format!("http://{rest}")),
        of_parts.clone().prop_map(|rest| format!("https://models.example.com{rest}")),
        of_parts.prop_map(|rest| format!("https://{rest}.trainer.example")),
        "\\PC{0,24}".prop_map(|rest| format!("https://{rest}")),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// What the platform's `fetch` makes of an address that is let through (the URL Standard, of which the crate `url` is
    /// an implementation) is a listed host, encrypted or this machine, with nobody's name in it; and the path that is
    /// added to it stays a path.
    #[test]
    fn what_is_asked_is_a_listed_host(base_url in forged()) {
        if allowed(&base_url) {
            for asked in [base_url.clone(), format!("{}/v1/messages", base_url.trim_end_matches('/'))] {
                let Ok(url) = Url::parse(&asked) else { continue };
                let host = url.host_str().unwrap_or_default();
                let here = ["localhost", "127.0.0.1", "[::1]"].contains(&host);
                prop_assert!(url.scheme() == "https" || (url.scheme() == "http" && here), "{asked:?} {url}");
                let below = host.strip_suffix(".trainer.example").is_some_and(|below| !below.is_empty());
                prop_assert!(HOSTS.contains(&host) || below, "{asked:?} {url}");
                prop_assert_eq!((url.username(), url.password()), ("", None));
                prop_assert_eq!((url.query(), url.fragment()), (None, None));
                prop_assert!(asked == base_url || url.path().ends_with("/v1/messages"), "{asked:?} {url}");
            }
        }
    }

    /// Upper and lower case are one, and so is every path and port.
    #[test]
    fn how_a_listed_host_is_written_does_not_matter(
        upper in collection::vec(any::<bool>(), 40),
        host in sample::select(vec!["models.example.com", "x.trainer.example", "a.b.trainer.example", "localhost"]),
        port in proptest::option::of(any::<u16>()),
        path in "(/[a-z0-9@:._-]{0,5}){0,3}",
    ) {
        let plain = format!("https://{host}");
        let cased = plain.chars().zip(upper).map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c });
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let base_url = cased.collect::<String>() + &port + &path;
        prop_assert!(allowed(&base_url), "{}", base_url);
    }
}
