//! What this function reads from the environment.

use std::time::Duration;

use pawl_core::training::webhook::Secret;
use pawl_edge::{
    ApiError, Request,
    env::{Lookup, OwnModels, Project, optional},
};
use pawl_model::own_models;
use pawl_store::{Credentials, Postgrest, Sleep};
use serde_json::Value;

use crate::Error;

/// How long the database may take for one call.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
const PART_ROWS: usize = 2_000;
const ROWS: u32 = 20_000;
/// Hosts that a webhook may go to without encryption: this machine, and this machine as seen from a container on it.
const NEAR: [&str; 4] = ["localhost", "127.0.0.1", "[::1]", "host.docker.internal"];

/// The environment, read.
pub struct Config {
    project: Project,
    /// What the owner of the project sets.
    pub settings: Settings,
}

/// When a model is trained, on what, and by whom.
pub struct Settings {
    /// The project's address, without a trailing slash.
    pub project_url: String,
    /// The project's secret key, for storage.
    pub storage_key: String,
    /// `ML_STORAGE_BUCKET`: where datasets lie.
    pub bucket: String,
    /// `ML_RETRAIN_THRESHOLD`: from which drift score there is an alert, above 0 up to 10.
    pub threshold: f64,
    /// `ML_MIN_SAMPLES_FOR_RETRAIN`: the least rows of a dataset.
    pub min_samples: u64,
    /// `ML_QUALITY_THRESHOLD`: the least score of a row, 0 to 1.
    pub quality: f64,
    /// `ML_RETRAIN_EVERY_DAYS`: also without drift; 0 is never.
    pub every_days: f64,
    /// `ML_DRIFT_WINDOW_DAYS`: days of the current window.
    pub window_days: f64,
    /// `ML_DRIFT_BASELINE_DAYS`: days of the window before it.
    pub baseline_days: f64,
    /// Lines of a part of a dataset.
    pub part_rows: usize,
    /// Rows that one invocation looks at: what the platform's limit of CPU time allows.
    pub rows: u32,
    /// `ML_WEBHOOK_URL`: where the trainer is told.
    pub webhook_url: Option<String>,
    /// `ML_WEBHOOK_SECRET`: the first signs that, and any of them what the trainer answers.
    pub webhook_secrets: Vec<Secret>,
    /// `ML_CALLBACK_URL`, or this function's own address: where the trainer answers.
    pub callback_url: String,
    /// `ML_MODEL_HOSTS`: where a trained model may be.
    pub model_hosts: Vec<String>,
}

impl Config {
    /// 500 `misconfigured` names a variable that is missing or unusable.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ApiError> {
        let project = Project::from_env(lookup)?;
        let settings = Settings::from_env(&project, lookup)?;
        Ok(Self { project, settings })
    }

    /// The store as the caller: Postgres judges the credentials.
    pub fn store_as_caller(&self, request: &Request, sleep: Sleep) -> Result<Postgrest, Error> {
        let (authorization, apikey) = (request.header("authorization"), request.header("apikey"));
        let credentials = Credentials::of_caller(authorization, apikey, &self.project.publishable_key)?;
        Ok(Postgrest::new(&self.project.url, &credentials, STORE_TIMEOUT, sleep))
    }

    /// The store with the project's secret key: for what a trainer says, once its signature held.
    pub fn store_as_service(&self, sleep: Sleep) -> Result<Postgrest, ApiError> {
        let credentials = Credentials::of_service(&self.project.secret_key).map_err(|_| Project::unusable_secret())?;
        Ok(Postgrest::new(&self.project.url, &credentials, STORE_TIMEOUT, sleep))
    }
}

impl Settings {
    fn from_env(project: &Project, lookup: Lookup<'_>) -> Result<Self, ApiError> {
        let webhook_url = optional(lookup, "ML_WEBHOOK_URL").map(|url| address("ML_WEBHOOK_URL", url)).transpose()?;
        let webhook_secrets = optional(lookup, "ML_WEBHOOK_SECRET").map(|text| secrets(&text)).transpose()?;
        let webhook_secrets = webhook_secrets.unwrap_or_default();
        if webhook_url.is_some() && webhook_secrets.is_empty() {
            return Err(ApiError::misconfigured("ML_WEBHOOK_SECRET", "is not set, and ML_WEBHOOK_URL is"));
        }
        let own = || format!("{}/functions/v1/retrain-trigger", project.url);
        let callback_url =
            optional(lookup, "ML_CALLBACK_URL").map(|url| address("ML_CALLBACK_URL", url)).transpose()?;
        Ok(Self {
            project_url: project.url.clone(),
            storage_key: project.secret_key.clone(),
            bucket: bucket(lookup)?,
            threshold: number(lookup, "ML_RETRAIN_THRESHOLD", 0.3, [0.01, 10.0], "0.01 to 10")?,
            min_samples: count(lookup, "ML_MIN_SAMPLES_FOR_RETRAIN", 1e3, [1.0, 1e7], "1 to 10000000")?,
            quality: number(lookup, "ML_QUALITY_THRESHOLD", 0.7, [0.0, 1.0], "0 to 1")?,
            every_days: number(lookup, "ML_RETRAIN_EVERY_DAYS", 0.0, [0.0, 3_650.0], "0 to 3650")?,
            window_days: number(lookup, "ML_DRIFT_WINDOW_DAYS", 7.0, [1.0, 365.0], "1 to 365")?,
            baseline_days: number(lookup, "ML_DRIFT_BASELINE_DAYS", 28.0, [1.0, 365.0], "1 to 365")?,
            part_rows: PART_ROWS,
            rows: ROWS,
            webhook_url,
            webhook_secrets,
            callback_url: callback_url.unwrap_or_else(own),
            model_hosts: hosts(lookup)?,
        })
    }
}

/// A number in a range; the default where there is none. It is read as JSON reads numbers (Rust's own reading and
/// writing of floats weighs 15 KB of wasm); a zero before the point may be left out.
fn number(lookup: Lookup<'_>, name: &str, default: f64, [least, most]: [f64; 2], range: &str) -> Result<f64, ApiError> {
    let Some(text) = optional(lookup, name) else { return Ok(default) };
    let text = text.trim();
    let whole = if text.starts_with('.') { format!("0{text}") } else { text.to_owned() };
    let value: Value = serde_json::from_slice(whole.as_bytes()).unwrap_or_default();
    let good = value.as_f64().filter(|value| (least..=most).contains(value));
    good.ok_or_else(|| ApiError::misconfigured(name, &format!("is not a number from {range}")))
}

/// The same of a number without a fraction.
fn count(lookup: Lookup<'_>, name: &str, default: f64, limits: [f64; 2], range: &str) -> Result<u64, ApiError> {
    let value = number(lookup, name, default, limits, range)?;
    if value.fract() == 0.0 { Ok(value as u64) } else { Err(ApiError::misconfigured(name, "has a fraction")) }
}

/// An address that dataset's addresses, or answers about them, may travel to.
fn address(name: &str, url: String) -> Result<String, ApiError> {
    let is_near = |host: &str| NEAR.iter().any(|near| near.eq_ignore_ascii_case(host));
    let base = url.split(['?', '#']).next().and_then(own_models::read);
    let is_good = base.is_some_and(|(is_encrypted, host)| is_encrypted || is_near(host));
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good && is_plain { Ok(url) } else { Err(ApiError::misconfigured(name, "is not an address with https://")) }
}

/// Up to five, with commas or blanks between: the one that signs, and those that it takes the place of.
fn secrets(text: &str) -> Result<Vec<Secret>, ApiError> {
    let texts = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty());
    let read: Option<Vec<_>> = texts.map(Secret::read).collect();
    read.filter(|secrets| (1..=5).contains(&secrets.len())).ok_or_else(|| {
        ApiError::misconfigured("ML_WEBHOOK_SECRET", "is not one to five of `whsec_` and 24 to 64 bytes in Base64")
    })
}

fn hosts(lookup: Lookup<'_>) -> Result<Vec<String>, ApiError> {
    let hosts = OwnModels::from_env(lookup).hosts;
    if hosts.iter().all(|host| own_models::is_entry(host)) {
        return Ok(hosts);
    }
    Err(ApiError::misconfigured("ML_MODEL_HOSTS", "holds an entry that is no host: it has no scheme, port or path"))
}

/// A name that needs no escape in a path.
fn bucket(lookup: Lookup<'_>) -> Result<String, ApiError> {
    const NAME: &str = "ML_STORAGE_BUCKET";
    let bucket = optional(lookup, NAME).unwrap_or_else(|| "pawl-training".to_owned());
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    if bucket.len() <= 63 && bucket.bytes().all(is_part) {
        return Ok(bucket);
    }
    Err(ApiError::misconfigured(NAME, "is not a name of up to 63 small letters, digits, - and _"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, ApiError> {
        let project =
            [("SUPABASE_URL", "https://x.co/"), ("SUPABASE_ANON_KEY", "a"), ("SUPABASE_SERVICE_ROLE_KEY", "s")];
        let variables: BTreeMap<_, _> = project.iter().chain(variables).copied().collect();
        Config::from_env(&|name| variables.get(name).map(|&value| value.to_owned())).map(|config| config.settings)
    }

    #[test]
    fn nothing_has_to_be_set() {
        let settings = read(&[]).unwrap_or_else(|error| panic!("{}", error.message));
        assert_eq!((settings.threshold, settings.min_samples, settings.quality), (0.3, 1_000, 0.7));
        assert_eq!((settings.every_days, settings.window_days, settings.baseline_days), (0.0, 7.0, 28.0));
        assert_eq!((settings.bucket.as_str(), settings.webhook_url), ("pawl-training", None));
        assert_eq!(settings.callback_url, "https://x.co/functions/v1/retrain-trigger");
        assert!(settings.webhook_secrets.is_empty() && settings.model_hosts.is_empty());
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let settings = read(&[("ML_RETRAIN_THRESHOLD", ".25"), ("ML_MIN_SAMPLES_FOR_RETRAIN", " 50 ")]).ok().unwrap();
        assert_eq!((settings.threshold, settings.min_samples), (0.25, 50));
    }

    #[test]
    fn hosts_are_a_list() {
        let settings = read(&[("ML_MODEL_HOSTS", " models.example.com, *.tuned.dev,, ")]).ok().unwrap();
        assert_eq!(settings.model_hosts, ["models.example.com", "*.tuned.dev"]);
    }

    #[test]
    fn a_bad_value_is_named_and_not_repeated() {
        let cases = [
            ("ML_RETRAIN_THRESHOLD", "leaky"),
            ("ML_RETRAIN_THRESHOLD", "0"),
            ("ML_RETRAIN_THRESHOLD", "NaN"),
            ("ML_MIN_SAMPLES_FOR_RETRAIN", "0"),
            ("ML_MIN_SAMPLES_FOR_RETRAIN", "-5"),
            ("ML_MIN_SAMPLES_FOR_RETRAIN", "10.5"),
            ("ML_QUALITY_THRESHOLD", "1.1"),
            ("ML_RETRAIN_EVERY_DAYS", "-1"),
            ("ML_DRIFT_WINDOW_DAYS", "0"),
            ("ML_DRIFT_BASELINE_DAYS", "inf"),
            ("ML_STORAGE_BUCKET", "a/leaky"),
            ("ML_WEBHOOK_URL", "http://leaky.example.com/hook"),
            ("ML_WEBHOOK_URL", "http://localhost.leaky.com/hook"),
            ("ML_WEBHOOK_URL", "leaky"),
            ("ML_WEBHOOK_URL", "http://localhost:x@leaky.com/"),
            ("ML_WEBHOOK_URL", "https://leaky@example.com/"),
            ("ML_WEBHOOK_URL", "http://leaky.com#@localhost/"),
            ("ML_WEBHOOK_SECRET", ","),
            ("ML_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,leaky"),
            ("ML_MODEL_HOSTS", "models.example.com,https://leaky.example.com"),
            ("ML_MODEL_HOSTS", "leaky.example.com:8443"),
            ("ML_MODEL_HOSTS", "leaky.example.com/v1"),
            ("ML_MODEL_HOSTS", "*.*.leaky.com"),
            ("ML_MODEL_HOSTS", "*"),
            ("ML_WEBHOOK_SECRET", "leaky"),
            ("ML_CALLBACK_URL", "ftp://leaky"),
        ];
        for (name, value) in cases {
            let error = read(&[(name, value)]).err().unwrap_or_else(|| panic!("{name}={value}"));
            assert_eq!((error.status, error.code), (500, "misconfigured"), "{name}");
            assert!(error.message.contains(name) && !error.message.contains("leaky"), "{}", error.message);
        }
        let error = read(&[("ML_WEBHOOK_URL", "https://t.example.com")]).err().unwrap();
        assert!(error.message.contains("ML_WEBHOOK_SECRET"), "{}", error.message);
    }

    #[test]
    fn secrets_are_a_list_with_the_one_that_signs_first() {
        let (new, old) = ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let both = [Secret::read(new).unwrap(), Secret::read(old).unwrap()];
        for text in [format!("{new},{old}"), format!(" {new}\n{old} "), format!("{new}, {old},")] {
            assert!(read(&[("ML_WEBHOOK_SECRET", &text)]).ok().unwrap().webhook_secrets == both, "{text}");
        }
        assert!(read(&[("ML_WEBHOOK_SECRET", &[new; 6].join(","))]).is_err());
    }

    #[test]
    fn a_trainer_is_told_over_https_or_on_this_machine() {
        let secret = ("ML_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        for url in [
            "https://t.example.com/a?b=c",
            "http://127.0.0.1:9999/",
            "http://[::1]:1",
            "http://localhost/x",
            "HTTP://LOCALHOST:80",
        ] {
            assert!(read(&[("ML_WEBHOOK_URL", url), secret]).is_ok(), "{url}");
        }
    }
}
