//! Bodies of requests and responses.

mod answer;

use pawl_edge::{ApiError, Request, body};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

pub use answer::{AnalyzeResponse, Answered, DatasetSeen, DriftSeen, PartRebuilt, Rebuilt, RunResponse, Worked};

/// The window of an analysis, where the caller names none.
const DAYS: f64 = 7.0;
const MAX_DAYS: f64 = 365.0;
/// Most characters of a model's name, and of an address.
const MAX_MODEL: usize = 200;
const MAX_URL: usize = 2_000;

/// What the schedule, a backend, an admin or a trainer sends. Which fields belong together is up to
/// [`TrainRequest::read`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    /// `run` where it is left out.
    #[serde(default)]
    pub action: Action,
    /// run: only this organisation's assistants. analyze: the organisation; the caller's only one without.
    pub organization_id: Option<Uuid>,
    /// run: only assistants with this slug. analyze: the assistant; the default one without.
    pub assistant: Option<String>,
    /// run: look for drift although it was looked for of late, and train although nothing calls for it.
    pub force: Option<bool>,
    /// analyze: feedback of so many days, above 0 up to 365.
    pub days: Option<f64>,
    /// rebuild, callback: the version of a model.
    pub model_version_id: Option<Uuid>,
    /// rebuild: number of the part to begin with.
    pub part: Option<u32>,
    /// callback: `accepted`, `succeeded` or `failed`.
    pub status: Option<String>,
    /// callback: what the trainer measured, a number by name.
    pub metrics: Option<Map<String, Value>>,
    /// callback: what it trained on, `{manifest_sha256, parts: {path: sha256}}`.
    pub dataset: Option<SeenDataset>,
    /// callback: where the model answers.
    pub base_url: Option<String>,
    /// callback: what the model is called there.
    pub model: Option<String>,
    /// callback: why it failed, as a code.
    pub error: Option<String>,
}

/// What a trainer says that it trained on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenDataset {
    /// SHA-256 of the manifest's file.
    pub manifest_sha256: String,
    /// SHA-256 of each part, by its path.
    pub parts: Map<String, Value>,
}

/// What to do.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Collect, look for drift, curate, trigger.
    #[default]
    Run,
    /// What people made of the answers of late.
    Analyze,
    /// Make a dataset again and compare.
    Rebuild,
    /// A trainer answers.
    Callback,
}

/// A request whose fields fit its action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command<'a> {
    /// See [`Action::Run`].
    Run(Filter<'a>),
    /// See [`Action::Analyze`].
    Analyze {
        /// Whose.
        filter: Filter<'a>,
        /// Of how many days.
        days: f64,
    },
    /// See [`Action::Rebuild`].
    Rebuild {
        /// Whose dataset.
        model_version_id: Uuid,
        /// From which part on.
        part: u32,
    },
    /// See [`Action::Callback`].
    Callback(Said<'a>),
}

/// Which assistants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only this organisation's.
    pub organization_id: Option<Uuid>,
    /// Only those with this slug.
    pub assistant: Option<&'a str>,
    /// Although nothing calls for it.
    pub force: bool,
}

/// What a trainer says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said<'a> {
    /// Of which version.
    pub model_version_id: Uuid,
    /// `accepted`, `succeeded` or `failed`.
    pub status: &'a str,
    /// Numbers by name.
    pub metrics: Option<&'a Map<String, Value>>,
    /// SHA-256 of the manifest, and of each part by its path.
    pub dataset: Option<(&'a str, &'a Map<String, Value>)>,
    /// Where the model answers, and what it is called there.
    pub served: Option<(&'a str, &'a str)>,
    /// Why there is none.
    pub error: Option<&'a str>,
}

/// The fields of a body; none of one that is empty: a schedule may have nothing to say.
pub fn fields(request: &Request) -> Result<Map<String, Value>, ApiError> {
    if request.body.is_empty() { Ok(Map::new()) } else { body::read_object(request) }
}

impl TrainRequest {
    /// 400 names a field that is unknown, of the wrong form, or does not belong to the action.
    pub fn read(fields: Map<String, Value>) -> Result<Self, ApiError> {
        // A word is also read from an object with nothing in it: one way to write an action is enough.
        if fields.get("action").is_some_and(|action| !action.is_string()) {
            return Err(ApiError::invalid_field("action", "must be a text"));
        }
        let given: Vec<String> =
            fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect();
        let read: Self = body::decode(Value::Object(fields))?;
        match given.iter().find(|name| *name != "action" && !read.action.takes(name)) {
            Some(stray) => Err(ApiError::invalid_field(stray, "does not belong to this action")),
            None => Ok(read),
        }
    }

    /// What it asks for. 400 names a field that is missing or out of its range.
    pub fn command(&self) -> Result<Command<'_>, ApiError> {
        let force = self.force.unwrap_or_default();
        let filter = Filter { organization_id: self.organization_id, assistant: self.assistant.as_deref(), force };
        Ok(match self.action {
            Action::Run => Command::Run(filter),
            Action::Analyze => {
                let days = self.days.unwrap_or(DAYS);
                if days <= 0.0 || days > MAX_DAYS {
                    return Err(ApiError::invalid_field("days", "must be above 0 and at most 365"));
                }
                Command::Analyze { filter, days }
            }
            Action::Rebuild => {
                let part = self.part.unwrap_or(1);
                if part == 0 {
                    return Err(ApiError::invalid_field("part", "must be 1 or more"));
                }
                Command::Rebuild { model_version_id: required("model_version_id", self.model_version_id)?, part }
            }
            Action::Callback => Command::Callback(self.said()?),
        })
    }

    fn said(&self) -> Result<Said<'_>, ApiError> {
        let status = required("status", self.status.as_deref())?;
        if !["accepted", "succeeded", "failed"].contains(&status) {
            return Err(ApiError::invalid_field("status", "must be `accepted`, `succeeded` or `failed`"));
        }
        let dataset = self.dataset.as_ref().map(|seen| (seen.manifest_sha256.as_str(), &seen.parts));
        let mut served = None;
        if status == "succeeded" {
            required("dataset", dataset)?;
            let base_url = short("base_url", required("base_url", self.base_url.as_deref())?, MAX_URL)?;
            served = Some((base_url, short("model", required("model", self.model.as_deref())?, MAX_MODEL)?));
        }
        Ok(Said {
            model_version_id: required("model_version_id", self.model_version_id)?,
            status,
            metrics: self.metrics.as_ref(),
            dataset,
            served,
            error: self.error.as_deref(),
        })
    }
}

impl Action {
    fn takes(self, field: &str) -> bool {
        let own: &[&str] = match self {
            Self::Run => &["organization_id", "assistant", "force"],
            Self::Analyze => &["organization_id", "assistant", "days"],
            Self::Rebuild => &["model_version_id", "part"],
            Self::Callback => &["model_version_id", "status", "metrics", "dataset", "base_url", "model", "error"],
        };
        own.contains(&field)
    }
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| missing(field))
}

/// 400: a field that the action needs.
pub fn missing(field: &str) -> ApiError {
    ApiError::invalid_field(field, "is required")
}

fn short<'a>(field: &str, text: &'a str, most: usize) -> Result<&'a str, ApiError> {
    let is_good = !text.trim().is_empty() && text.len() <= most;
    if is_good { Ok(text) } else { Err(ApiError::invalid_field(field, format!("must have 1 to {most} characters"))) }
}
