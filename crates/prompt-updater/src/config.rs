//! What this function reads from the environment.

use std::time::Duration;

use pawl_edge::{
    ApiError, Request,
    env::{Lookup, ModelAccess, OwnModels, Project},
};
use pawl_model::{Anthropic, Host};
use pawl_store::{Credentials, Postgrest, Sleep};

use crate::Error;

/// How long the database may take for one call.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// The environment, read.
pub struct Config {
    project: Project,
    /// People's decisions need no model.
    model: Result<ModelAccess, ApiError>,
    own_models: OwnModels,
}

impl Config {
    /// 500 `misconfigured` names a variable of the project's that is missing.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ApiError> {
        let (model, own_models) = (ModelAccess::from_env(lookup), OwnModels::from_env(lookup));
        Ok(Self { project: Project::from_env(lookup)?, model, own_models })
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

    /// The model, and those that versions have of their own; 500 `misconfigured` where its variables are missing or unusable.
    pub fn model(&self, host: Host) -> Result<Anthropic, ApiError> {
        let access = self.model.as_ref().map_err(Clone::clone)?;
        let anthropic = Anthropic::new(&access.base_url, &access.key, host).ok_or_else(ModelAccess::unusable)?;
        let OwnModels { key, hosts } = self.own_models.clone();
        Ok(anthropic.with_own_models(pawl_model::OwnModels { key, hosts }))
    }
}
