//! The environment, read in one place. On wasm the lookup is `runtime::variable`; in tests it is a closure.

use serde_json::Value;

use crate::ApiError;

/// How a variable is looked up. An empty one counts as missing.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the platform gives every function about its own project.
#[derive(Clone, PartialEq, Eq)]
pub struct Project {
    /// `SUPABASE_URL`, without a trailing slash.
    pub url: String,
    /// `SUPABASE_PUBLISHABLE_KEYS`' `default`, or `SUPABASE_ANON_KEY`.
    pub publishable_key: String,
    /// `SUPABASE_SECRET_KEYS`' `default`, or `SUPABASE_SERVICE_ROLE_KEY`.
    pub secret_key: String,
}

impl Project {
    /// Reads the three; 500 `misconfigured` names the first that is missing.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            url: required(lookup, "SUPABASE_URL")?.trim_end_matches('/').to_owned(),
            publishable_key: api_key(lookup, "SUPABASE_PUBLISHABLE_KEYS", "SUPABASE_ANON_KEY")?,
            secret_key: api_key(lookup, "SUPABASE_SECRET_KEYS", "SUPABASE_SERVICE_ROLE_KEY")?,
        })
    }

    /// 500 `misconfigured`: the database refuses the secret key.
    pub fn refused_secret() -> ApiError {
        ApiError::misconfigured("SUPABASE_SECRET_KEYS", "holds a key that the database does not accept")
    }

    /// 500 `misconfigured`: the secret key cannot travel in a header.
    pub fn unusable_secret() -> ApiError {
        ApiError::misconfigured("SUPABASE_SECRET_KEYS", "holds a key that no HTTP header may carry")
    }
}

/// The model's address and key, as the owner of the project set them.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelAccess {
    /// `ANTHROPIC_API_KEY`.
    pub key: String,
    /// `ANTHROPIC_BASE_URL`, or the provider's own.
    pub base_url: String,
}

impl ModelAccess {
    /// Reads them; 500 `misconfigured` names what is missing.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ApiError> {
        let base_url = optional(lookup, "ANTHROPIC_BASE_URL");
        Ok(Self {
            key: required(lookup, "ANTHROPIC_API_KEY")?,
            base_url: base_url.unwrap_or_else(|| "https://api.anthropic.com".to_owned()),
        })
    }

    /// 500 `misconfigured`: the key cannot travel in a header.
    pub fn unusable() -> ApiError {
        ApiError::misconfigured("ANTHROPIC_API_KEY", "holds a key that no HTTP header may carry")
    }

    /// 500 `misconfigured`: the model refuses the key.
    pub fn refused() -> ApiError {
        ApiError::misconfigured("ANTHROPIC_API_KEY", "holds a key that the model does not accept")
    }
}

/// Models at an address of their own, as the owner of the project set them. Where there are none, nothing is missing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OwnModels {
    /// `ML_MODEL_API_KEY`; empty without.
    pub key: String,
    /// `ML_MODEL_HOSTS`, at its commas; none without.
    pub hosts: Vec<String>,
}

impl OwnModels {
    /// Reads them.
    pub fn from_env(lookup: Lookup<'_>) -> Self {
        let hosts = optional(lookup, "ML_MODEL_HOSTS").unwrap_or_default();
        let hosts = hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        Self {
            key: optional(lookup, "ML_MODEL_API_KEY").unwrap_or_default(),
            hosts: hosts.map(str::to_owned).collect(),
        }
    }

    /// 500 `misconfigured`: a version's own model is at a host that is not listed.
    pub fn not_allowed() -> ApiError {
        ApiError::misconfigured("ML_MODEL_HOSTS", "does not name the host of the live version's own model")
    }

    /// 500 `misconfigured`: a version's own model cannot be asked with the key.
    pub fn refused() -> ApiError {
        ApiError::misconfigured(
            "ML_MODEL_API_KEY",
            "is not set, or holds a key that the live version's own model does not accept",
        )
    }
}

/// A variable that must be there.
pub fn required(lookup: Lookup<'_>, name: &str) -> Result<String, ApiError> {
    optional(lookup, name).ok_or_else(|| ApiError::misconfigured(name, "is not set"))
}

/// A variable that may be missing.
pub fn optional(lookup: Lookup<'_>, name: &str) -> Option<String> {
    lookup(name).filter(|value| !value.trim().is_empty())
}

/// A project key: from the JSON object of keys by name, where `default` is meant if it is there and the first if it is
/// not; else from the older variable that holds one key.
fn api_key(lookup: Lookup<'_>, keys: &str, fallback: &str) -> Result<String, ApiError> {
    let Some(json) = optional(lookup, keys) else {
        return optional(lookup, fallback)
            .ok_or_else(|| ApiError::misconfigured(keys, &format!("is not set, nor is {fallback}")));
    };
    let Ok(Value::Object(named)) = serde_json::from_slice(json.as_bytes()) else {
        return Err(ApiError::misconfigured(keys, "is not a JSON object of keys by name"));
    };
    let key = named.get("default").or_else(|| named.values().next()).and_then(Value::as_str);
    key.map(str::to_owned).ok_or_else(|| ApiError::misconfigured(keys, "holds no key"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Project, ApiError> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Project::from_env(&|name| variables.get(name).map(|&value| value.to_owned()))
    }

    #[test]
    fn the_new_keys_come_first_and_the_old_ones_still_work() {
        let project = read(&[
            ("SUPABASE_URL", "https://x.supabase.co/"),
            ("SUPABASE_PUBLISHABLE_KEYS", r#"{"default":"sb_publishable_1","web":"sb_publishable_2"}"#),
            ("SUPABASE_ANON_KEY", "old"),
            ("SUPABASE_SERVICE_ROLE_KEY", "old-service"),
        ])
        .unwrap();
        assert_eq!(project.url, "https://x.supabase.co");
        assert_eq!(project.publishable_key, "sb_publishable_1");
        assert_eq!(project.secret_key, "old-service");
    }

    #[test]
    fn own_models_are_a_list_of_hosts_and_a_key() {
        let own = |hosts: &str| OwnModels::from_env(&|name| (name == "ML_MODEL_HOSTS").then(|| hosts.to_owned())).hosts;
        assert_eq!(
            own(" models.example.com, *.trainer.example ,,127.0.0.1"),
            ["models.example.com", "*.trainer.example", "127.0.0.1"]
        );
        assert!(own(" ").is_empty() && own(",").is_empty());
        let key = OwnModels::from_env(&|name| (name == "ML_MODEL_API_KEY").then(|| "ml-1".to_owned()));
        assert_eq!((key.key.as_str(), key.hosts.len()), ("ml-1", 0));
        assert!(OwnModels::from_env(&|_| None) == OwnModels::default());
        for (error, name) in [(OwnModels::not_allowed(), "ML_MODEL_HOSTS"), (OwnModels::refused(), "ML_MODEL_API_KEY")]
        {
            assert_eq!((error.status, error.code), (500, "misconfigured"));
            assert!(error.message.contains(name), "{}", error.message);
        }
    }

    #[test]
    fn what_is_missing_is_named_and_no_value_is() {
        let error = read(&[]).err().unwrap();
        assert_eq!((error.status, error.code), (500, "misconfigured"));
        assert!(error.message.contains("SUPABASE_URL"));

        let broken =
            [("SUPABASE_URL", "u"), ("SUPABASE_PUBLISHABLE_KEYS", "{}"), ("SUPABASE_SECRET_KEYS", "sb_secret_leaky")];
        let error = read(&broken).err().unwrap();
        assert!(error.message.contains("SUPABASE_PUBLISHABLE_KEYS"), "{}", error.message);
        let error = read(&[broken[0], ("SUPABASE_ANON_KEY", "a"), broken[2]]).err().unwrap();
        assert!(error.message.contains("SUPABASE_SECRET_KEYS"), "{}", error.message);
        assert!(!error.message.contains("leaky"));
    }
}
