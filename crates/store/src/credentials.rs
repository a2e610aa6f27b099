//! Who a call is made as.

use reqwest::header::HeaderValue;

use crate::StoreError;

/// What travels to PostgREST as `apikey` and `authorization`. Its parts are known to be fit for headers: the client
/// library panics on others.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(crate) apikey: String,
    pub(crate) authorization: Option<String>,
}

impl Credentials {
    /// A caller's own. Without an `apikey` (a JWT alone, or nothing) the project's publishable key stands in: the
    /// gateway wants one, and it gives no right.
    pub fn of_caller(
        authorization: Option<&str>,
        apikey: Option<&str>,
        publishable_key: &str,
    ) -> Result<Self, StoreError> {
        match apikey {
            Some(key) => Self::new(key, authorization),
            None => Self::new(publishable_key, authorization),
        }
    }

    /// The project's secret key.
    pub fn of_service(secret_key: &str) -> Result<Self, StoreError> {
        Self::new(secret_key, None)
    }

    fn new(apikey: &str, authorization: Option<&str>) -> Result<Self, StoreError> {
        // Keys of the older kind are JWTs, and PostgREST takes a JWT's role from `authorization` alone.
        let own = || apikey.starts_with("eyJ").then(|| format!("Bearer {apikey}"));
        let authorization = authorization.map(str::to_owned).or_else(own);
        let fit = |text: &str| HeaderValue::from_str(text).is_ok();
        if !fit(apikey) || !authorization.as_deref().is_none_or(fit) {
            return Err(StoreError::Unauthenticated);
        }
        Ok(Self { apikey: apikey.to_owned(), authorization })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_alone_travels_with_the_publishable_key() {
        let c = Credentials::of_caller(Some("Bearer jwt"), None, "sb_publishable_1").ok().unwrap();
        assert_eq!((c.apikey.as_str(), c.authorization.as_deref()), ("sb_publishable_1", Some("Bearer jwt")));
        let c = Credentials::of_caller(None, Some("sb_secret_1"), "sb_publishable_1").ok().unwrap();
        assert_eq!((c.apikey.as_str(), c.authorization), ("sb_secret_1", None));
    }

    #[test]
    fn an_old_key_is_its_own_token() {
        let c = Credentials::of_service("eyJhbGciOi").ok().unwrap();
        assert_eq!(c.authorization.as_deref(), Some("Bearer eyJhbGciOi"));
    }

    #[test]
    fn what_no_header_may_hold_is_nobody() {
        for bad in ["a\nb", "a\u{0}b", "\u{7f}"] {
            assert_eq!(Credentials::of_service(bad).err(), Some(StoreError::Unauthenticated));
            let caller = Credentials::of_caller(Some(bad), Some("k"), "p");
            assert_eq!(caller.err(), Some(StoreError::Unauthenticated));
        }
    }
}
