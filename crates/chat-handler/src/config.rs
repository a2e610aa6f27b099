//! What this function reads from the environment.

use std::time::Duration;

use pawl_edge::{
    ApiError, Request,
    env::{self, Lookup, ModelAccess, OwnModels, Project},
};
use pawl_model::{Anthropic, Host};
use pawl_store::{Credentials, Postgrest, Sleep};

use crate::Error;

/// How long the database may take for one call.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after a request came the model may still be asked. The platform gives a request 150 s to its first byte and a
/// turn's lease lasts as long; storing the answer, if need be in several tries, has to fit in as well.
const DEADLINE: Duration = Duration::from_secs(120);
/// Makes that shorter, in seconds.
const DEADLINE_VARIABLE: &str = "PAWL_CHAT_DEADLINE_SECONDS";

/// The environment, read.
pub struct Config {
    project: Project,
    model: Result<ModelAccess, ApiError>,
    own_models: OwnModels,
    /// How long after a request came the model may still be asked.
    pub deadline: Duration,
}

impl Config {
    /// 500 `misconfigured` names a variable that is missing or out of range.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ApiError> {
        let deadline = deadline(lookup)?;
        let (model, own_models) = (ModelAccess::from_env(lookup), OwnModels::from_env(lookup));
        Ok(Self { project: Project::from_env(lookup)?, model, own_models, deadline })
    }

    /// The store as the caller: Postgres judges the credentials.
    pub fn store_as_caller(&self, request: &Request, sleep: Sleep) -> Result<Postgrest, Error> {
        let (authorization, apikey) = (request.header("authorization"), request.header("apikey"));
        let credentials = Credentials::of_caller(authorization, apikey, &self.project.publishable_key)?;
        Ok(Postgrest::new(&self.project.url, &credentials, STORE_TIMEOUT, sleep))
    }

    /// The store with the project's secret key.
    pub fn store_as_service(&self, sleep: Sleep) -> Result<Postgrest, ApiError> {
        let credentials = Credentials::of_service(&self.project.secret_key).map_err(|_| Project::unusable_secret())?;
        Ok(Postgrest::new(&self.project.url, &credentials, STORE_TIMEOUT, sleep))
    }

    /// The model, and those that versions have of their own. Who asks a model of their own needs no key for ours.
    pub fn model(&self, host: Host) -> Result<Anthropic, ApiError> {
        let access = self.model.as_ref().map_err(Clone::clone)?;
        let anthropic = Anthropic::new(&access.base_url, &access.key, host).ok_or_else(ModelAccess::unusable)?;
        let OwnModels { key, hosts } = self.own_models.clone();
        Ok(anthropic.with_own_models(pawl_model::OwnModels { key, hosts }))
    }
}

fn deadline(lookup: Lookup<'_>) -> Result<Duration, ApiError> {
    let Some(seconds) = env::optional(lookup, DEADLINE_VARIABLE) else { return Ok(DEADLINE) };
    let seconds: Option<u32> = seconds.trim().parse().ok();
    let deadline = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    deadline
        .filter(|deadline| (Duration::from_secs(1)..=DEADLINE).contains(deadline))
        .ok_or_else(|| ApiError::misconfigured(DEADLINE_VARIABLE, "is not a whole number from 1 to 120"))
}
