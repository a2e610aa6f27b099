//! Faults of the database or on the way to it.

/// Why a call has no outcome.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database does not know who is asking (401).
    #[error("the database does not accept the credentials")]
    Unauthenticated,
    /// It does, and this caller may not call this function (403).
    #[error("the database refuses this caller")]
    Forbidden,
    /// It cannot be reached, did not answer in time or takes no connections: with a word for the log.
    #[error("the database is not available ({0})")]
    Unavailable(String),
    /// An answer that is a bug of ours or of an installation that is not whole: with PostgREST's or Postgres' code.
    #[error("the database answered unexpectedly ({0})")]
    Unexpected(String),
}

impl StoreError {
    /// What a caller is told: HTTP status, stable code, message.
    pub fn told(&self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Unauthenticated => {
                (401, "unauthorized", "Sign in, or send a secret key as apikey: these credentials are not accepted.")
            }
            Self::Forbidden => (403, "forbidden", "These credentials may not do this."),
            Self::Unavailable(_) => (503, "database_unavailable", "The database is not available now. Try again."),
            Self::Unexpected(_) => {
                (500, "internal", "Something went wrong on our side. Give the request_id when you report it.")
            }
        }
    }

    /// What the log is told beside the code.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Unavailable(cause) | Self::Unexpected(cause) => Some(cause),
            Self::Unauthenticated | Self::Forbidden => None,
        }
    }

    /// From an answer that is not a success. PostgREST's code decides; the status only where there is none, or where it
    /// tells a stranger from a caller without the right.
    pub(crate) fn from_answer(status: u16, code: &str) -> Self {
        match (code, status) {
            ("42501", 401) => Self::Unauthenticated,
            ("42501", _) => Self::Forbidden,
            // The server has no key to read tokens with: not the caller's fault.
            ("PGRST300", _) => Self::Unexpected(code.to_owned()),
            // PostgREST's own: no token it can read, an expired one, no anonymous access.
            (code, _) if code.starts_with("PGRST3") => Self::Unauthenticated,
            // No connection, no schema cache, no connection in time.
            ("PGRST000" | "PGRST001" | "PGRST002" | "PGRST003", _) => Self::Unavailable(code.to_owned()),
            // Connection exceptions, a transaction rolled back, insufficient resources, operator intervention (shutdown,
            // cancelled by timeout); read-only for want of disk space, a lock not to be had.
            (code, _) if ["08", "40", "53", "57", "25006", "55P03"].iter().any(|class| code.starts_with(class)) => {
                Self::Unavailable(code.to_owned())
            }
            ("", 401) => Self::Unauthenticated,
            ("", 403) => Self::Forbidden,
            // Something on the way answers instead: too busy, or without a connection to what is behind it.
            ("", 408 | 429 | 500..) => Self::Unavailable(status.to_string()),
            ("", _) => Self::Unexpected(status.to_string()),
            (code, _) => Self::Unexpected(code.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_decides_and_the_status_fills_in() {
        let unavailable = |cause: &str| StoreError::Unavailable(cause.into());
        let unexpected = |cause: &str| StoreError::Unexpected(cause.into());
        let cases = [
            (401, "42501", StoreError::Unauthenticated),
            (403, "42501", StoreError::Forbidden),
            (401, "PGRST301", StoreError::Unauthenticated),
            (401, "PGRST303", StoreError::Unauthenticated),
            (503, "PGRST002", unavailable("PGRST002")),
            (500, "57014", unavailable("57014")),
            (500, "53300", unavailable("53300")),
            (405, "25006", unavailable("25006")),
            (500, "40001", unavailable("40001")),
            (500, "PGRST300", unexpected("PGRST300")),
            (404, "PGRST202", unexpected("PGRST202")),
            (400, "P0001", unexpected("P0001")),
            (401, "", StoreError::Unauthenticated),
            (403, "", StoreError::Forbidden),
            (502, "", unavailable("502")),
            (500, "", unavailable("500")),
            (520, "", unavailable("520")),
            (429, "", unavailable("429")),
            (400, "", unexpected("400")),
        ];
        for (status, code, error) in cases {
            assert_eq!(StoreError::from_answer(status, code), error, "{status} {code}");
        }
    }
}
