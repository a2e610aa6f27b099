//! Supabase Storage over its REST interface: one private bucket, objects in it, addresses that hold for some days.
//!
//! Storage answers all errors but a 500 with HTTP 400 and names the status in the body, as a text:
//! `{"statusCode": "404", "error": …, "message": …}`. The body's is the one that counts here.

use std::time::Duration;

use serde_json::{Value, json};

use crate::host::Host;

/// How long Storage may take for one request. A part has some 4 MB.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why something is not stored, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No answer, or one that says "later": with a word for the log.
    #[error("storage is not available ({0})")]
    Unavailable(String),
    /// The object is larger than the project allows, or there is no room for it.
    #[error("storage takes no more ({0})")]
    Full(String),
    /// Another refusal: the key, the bucket's rules.
    #[error("storage refused the request ({0})")]
    Refused(String),
}

impl StorageError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "storage_unavailable",
            Self::Full(_) => "storage_full",
            Self::Refused(_) => "storage_refused",
        }
    }

    fn from_answer(status: u16) -> Self {
        match status {
            402 | 413 | 507 => Self::Full(status.to_string()),
            408 | 425 | 429 | 500.. => Self::Unavailable(status.to_string()),
            _ => Self::Refused(status.to_string()),
        }
    }
}

/// A bucket of the project's.
pub struct Storage<'a, H> {
    /// How requests are sent.
    pub host: &'a H,
    /// The project's, without a trailing slash.
    pub project_url: &'a str,
    /// The project's secret key.
    pub key: &'a str,
    /// The bucket; made, and private, where it is missing.
    pub bucket: &'a str,
}

impl<H: Host> Storage<'_, H> {
    /// Stores an object, in place of one that has its path. It may be stored although the answer got lost.
    pub async fn put(&self, path: &str, content_type: &str, bytes: &[u8], time: Duration) -> Result<(), StorageError> {
        let target = format!("object/{}/{path}", self.bucket);
        let headers = [("content-type", content_type), ("x-upsert", "true")];
        match self.post(&target, &headers, bytes, time).await? {
            (404, _) => {
                self.make_bucket(time).await?;
                accepted(self.post(&target, &headers, bytes, time).await?).map(drop)
            }
            answer => accepted(answer).map(drop),
        }
    }

    /// An address from which anyone reads the object, for so many seconds.
    pub async fn sign(&self, path: &str, seconds: u32, time: Duration) -> Result<String, StorageError> {
        let body = json!({"expiresIn": seconds}).to_string();
        let target = format!("object/sign/{}/{path}", self.bucket);
        let answer = self.post(&target, &[("content-type", "application/json")], body.as_bytes(), time).await?;
        let answer = accepted(answer)?;
        let signed = answer.get("signedURL").and_then(Value::as_str);
        let signed = signed.ok_or_else(|| StorageError::Unavailable("no signedURL".to_owned()))?;
        Ok(format!("{}/storage/v1/{}", self.project_url, signed.trim_start_matches('/')))
    }

    async fn make_bucket(&self, time: Duration) -> Result<(), StorageError> {
        let body = json!({"id": self.bucket, "name": self.bucket, "public": false}).to_string();
        match self.post("bucket", &[("content-type", "application/json")], body.as_bytes(), time).await? {
            // Somebody else made it meanwhile.
            (409, _) => Ok(()),
            answer => accepted(answer).map(drop),
        }
    }

    /// The status that counts, and the body.
    async fn post(
        &self,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        time: Duration,
    ) -> Result<(u16, Value), StorageError> {
        let url = format!("{}/storage/v1/{target}", self.project_url);
        // The gateway takes a key that is no JWT as a bearer token where the same stands in `apikey`.
        let bearer = format!("Bearer {}", self.key);
        let mut all = vec![("apikey", self.key), ("authorization", bearer.as_str())];
        all.extend(headers);
        let answer = self.host.post(&url, &all, body, time.min(TIMEOUT)).await;
        let (status, text) = answer.ok_or_else(|| StorageError::Unavailable("no answer".to_owned()))?;
        let body: Value = serde_json::from_slice(text.as_bytes()).unwrap_or_default();
        if status == 200 {
            return Ok((status, body));
        }
        let said = body.get("statusCode");
        let said = said.and_then(|code| code.as_str().and_then(|code| code.parse().ok()).or_else(|| to_u16(code)));
        Ok((said.unwrap_or(status), body))
    }
}

fn to_u16(value: &Value) -> Option<u16> {
    u16::try_from(value.as_u64()?).ok()
}

fn accepted((status, body): (u16, Value)) -> Result<Value, StorageError> {
    if (200..300).contains(&status) { Ok(body) } else { Err(StorageError::from_answer(status)) }
}

#[cfg(test)]
mod tests;
