//! What this function reads from the environment.

use std::time::Duration;

use pawl_edge::{
    ApiError, Request,
    env::{self, Lookup, Project},
};
use pawl_model::Anthropic;
use pawl_store::{Credentials, Postgrest, Sleep};

use crate::Error;

/// How long the database may take for one call.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the model may take for an answer: the platform gives a request 150 s to its first byte.
const MODEL_TIMEOUT: Duration = Duration::from_secs(120);

/// The environment, read.
pub struct Config {
    project: Project,
    anthropic_key: String,
    anthropic_url: String,
}

impl Config {
    /// 500 `misconfigured` names a variable that is missing.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            project: Project::from_env(lookup)?,
            anthropic_key: env::required(lookup, "ANTHROPIC_API_KEY")?,
            anthropic_url: env::optional(lookup, "ANTHROPIC_BASE_URL")
                .unwrap_or_else(|| "https://api.anthropic.com".to_owned()),
        })
    }

    /// The caller's own credentials, to be judged by Postgres.
    pub fn caller(&self, request: &Request) -> Result<Credentials, Error> {
        let (authorization, apikey) = (request.header("authorization"), request.header("apikey"));
        Ok(Credentials::of_caller(authorization, apikey, &self.project.publishable_key)?)
    }

    /// The project's secret key.
    pub fn service(&self) -> Result<Credentials, ApiError> {
        Credentials::of_service(&self.project.secret_key)
            .map_err(|_| ApiError::misconfigured("SUPABASE_SECRET_KEYS", "holds a key that no HTTP header may carry"))
    }

    /// The store, as somebody.
    pub fn store(&self, credentials: Credentials, sleep: Sleep) -> Postgrest {
        Postgrest::new(&self.project.url, &credentials, STORE_TIMEOUT, sleep)
    }

    /// The model.
    pub fn model(&self, sleep: Sleep) -> Result<Anthropic, ApiError> {
        Anthropic::new(&self.anthropic_url, &self.anthropic_key, MODEL_TIMEOUT, sleep)
            .ok_or_else(|| ApiError::misconfigured("ANTHROPIC_API_KEY", "holds a key that no HTTP header may carry"))
    }
}
