//! Models at an address of their own, as one that was tuned for an assistant: which addresses may be asked.
//!
//! An address comes with a version of a prompt, out of the database, and before that from whoever trained the model. What
//! people write is sent there, so the owner of the project says which hosts it may go to, outside of the database.

/// Where models of one's own may be, and the key that they are asked with.
#[derive(Clone, Default)]
pub struct OwnModels {
    /// The key; empty where there is none.
    pub key: String,
    /// The hosts, as [`is_allowed`] has them.
    pub hosts: Vec<String>,
}

/// Whether a model at this address may be asked.
///
/// `hosts` holds names of hosts without a port, upper or lower case: `models.example.com`, `10.0.0.7`, `[::1]`; or
/// `*.example.com` for all below `example.com`, and not for itself. Any port of a host is as good as another.
///
/// `base_url` is `https://host[:port][/path]`; `http` only where the host is this machine (`localhost`, `127.0.0.1`,
/// `[::1]`). What else an address may hold is refused, above all whatever two parsers could read as two hosts: a user,
/// a backslash, a blank or control character, an escape or any other character that no name of a host has, a dot at its
/// end, a query, a fragment.
pub fn is_allowed(hosts: &[String], base_url: &str) -> bool {
    let Some((is_encrypted, host)) = read(base_url) else { return false };
    let is_here = ["localhost", "127.0.0.1", "[::1]"].iter().any(|here| here.eq_ignore_ascii_case(host));
    (is_encrypted || is_here) && hosts.iter().any(|entry| is_meant(entry.trim(), host))
}

/// Whether an entry of a list of hosts is one: `models.example.com`, `10.0.0.7`, `[::1]` or `*.example.com`.
pub fn is_entry(entry: &str) -> bool {
    entry.strip_prefix("*.").map_or_else(|| is_host(entry), |domain| is_host(domain) && !domain.starts_with('['))
}

/// Whether an address is encrypted, and its host as it stands there; none where two parsers could read two hosts.
pub fn read(base_url: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = base_url.split_once("://")?;
    let is_encrypted = scheme.eq_ignore_ascii_case("https");
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#'));
    if !is_plain || !(is_encrypted || scheme.eq_ignore_ascii_case("http")) {
        return None;
    }
    let authority = rest.split('/').next()?;
    // The colons in brackets are the address's.
    let end = authority.find(']').map(|bracket| bracket + 1).or_else(|| authority.find(':'));
    let (host, after) = authority.split_at_checked(end.unwrap_or(authority.len()))?;
    (is_host(host) && (after.is_empty() || after.strip_prefix(':').is_some_and(is_port)))
        .then_some((is_encrypted, host))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let is_part = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
        return address.strip_suffix(']').is_some_and(|inside| !inside.is_empty() && inside.chars().all(is_part));
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    host.split('.').all(|label| !label.is_empty() && label.chars().all(is_part))
}

fn is_port(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
}

/// Whether an entry of the list stands for this host.
fn is_meant(entry: &str, host: &str) -> bool {
    let Some(domain) = entry.strip_prefix("*.") else { return entry.eq_ignore_ascii_case(host) };
    // A name that ends in a number is an address: nothing is below another.
    let is_number = |label: &str| label.starts_with(|c: char| c.is_ascii_digit());
    let above = host.len().checked_sub(domain.len()).and_then(|start| host.split_at_checked(start));
    is_host(domain)
        && !host.rsplit('.').next().is_some_and(is_number)
        && above.is_some_and(|(below, end)| below.len() > 1 && below.ends_with('.') && end.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests;
