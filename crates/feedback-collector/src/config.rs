//! What this function reads from the environment.

use std::time::Duration;

use pawl_edge::{
    ApiError, Request,
    env::{Lookup, Project},
};
use pawl_store::{Credentials, Postgrest, Sleep};

use crate::Error;

/// How long the database may take for one call.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// The environment, read.
pub struct Config {
    project: Project,
}

impl Config {
    /// 500 `misconfigured` names a variable that is missing.
    pub fn from_env(lookup: Lookup<'_>) -> Result<Self, ApiError> {
        Ok(Self { project: Project::from_env(lookup)? })
    }

    /// The store as the caller: Postgres judges the credentials.
    pub fn store_as_caller(&self, request: &Request, sleep: Sleep) -> Result<Postgrest, Error> {
        let (authorization, apikey) = (request.header("authorization"), request.header("apikey"));
        let credentials = Credentials::of_caller(authorization, apikey, &self.project.publishable_key)?;
        Ok(Postgrest::new(&self.project.url, &credentials, STORE_TIMEOUT, sleep))
    }
}
