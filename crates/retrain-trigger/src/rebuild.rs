//! Making a dataset again: the rows that were recorded, through the same code, must give the same bytes.

use std::time::Duration;

use pawl_core::training::normal::sha256;
use pawl_edge::{Response, deadline::Deadline};
use pawl_store::training::{FindRows, Split, Training};
use uuid::Uuid;

use crate::{
    curating::line,
    error::Error,
    handler::Ports,
    host::Host,
    wire::{PartRebuilt, Rebuilt},
};

/// Bytes that one call makes again: what the platform's limit of CPU time allows with much to spare.
const BYTES: usize = 16_000_000;
/// Another part is begun only with this much time left.
const PART_NEEDS: Duration = Duration::from_secs(20);

/// Makes parts again, from this number on, and compares their hashes with those that were recorded.
pub async fn rebuild<S: Training, H: Host>(
    model_version_id: Uuid,
    from: u32,
    request_id: &str,
    ports: &Ports<'_, S, H>,
) -> Result<Response, Error> {
    let deadline = Deadline::of_invocation(ports.now_ms);
    let (mut parts, mut bytes, mut next_part) = (Vec::new(), 0, None);
    for number in from.. {
        if bytes >= BYTES || !deadline.has(PART_NEEDS) {
            next_part = Some(number);
            break;
        }
        let before = parts.len();
        for split in [Split::Train, Split::HeldOut] {
            let found = ports.store.dataset_rows(model_version_id, number, split).await?;
            let (rows, missing, system_prompt, path, recorded) = match found {
                FindRows::Ok { rows, missing, system_prompt, path, sha256 } => {
                    (rows, missing, system_prompt, path, sha256)
                }
                FindRows::NoPart => continue,
                FindRows::NotFound => return Err(Error::ModelVersionNotFound),
            };
            let prompt = system_prompt.unwrap_or_default();
            let text: String = rows.iter().map(|row| line(&prompt, &row.example)).collect();
            bytes += text.len();
            parts.push(PartRebuilt { path, identical: sha256(text.as_bytes()) == recorded, missing });
        }
        if parts.len() == before {
            break;
        }
    }
    let identical = parts.iter().all(|part| part.identical);
    Ok(Response::json(200, &Rebuilt { identical, parts, next_part, request_id }))
}
