//! Building a dataset: rows become lines, lines become parts in storage, and a manifest says what they are.
//!
//! A part is stored, then recorded with the last row it was made of; whoever comes next goes on behind that row. A part
//! that was stored and not recorded is made anew, under the same name.

use std::{collections::BTreeMap, mem, time::Duration};

use pawl_core::training::{
    example,
    manifest::{self, Counts, FORMAT, Manifest},
    normal::sha256,
};
use pawl_store::{
    StoreError,
    training::{
        DatasetPage, DatasetRow, Example, ModelVersion, Part, RecordParts, RecordedDataset, RecordedPart, SealDataset,
        Split, Status, Training,
    },
};
use serde_json::{Map, json};
use uuid::Uuid;

use crate::{
    allowance::Allowance,
    deciding::{elsewhere, insufficient},
    host::Host,
    running::{Bench, Stop},
    storage::StorageError,
    wire::{DatasetSeen, Worked},
};

/// Bytes of a part at the most; a single longer line is a part of its own.
const PART_BYTES: usize = 4_000_000;
/// Another page is begun only with this much time left: what was begun has to be stored and recorded.
const PAGE_NEEDS: Duration = Duration::from_secs(45);
/// The file that says what the others are.
const MANIFEST: &str = "manifest.json";
const LINES: &str = "application/jsonl";
const JSON: &str = "application/json";

/// What came of it.
pub enum Curated {
    /// The dataset is whole, and the trainer is to be told.
    Sealed,
    /// Call again.
    Unfinished,
    /// The version is not to be gone on with.
    Ended {
        /// Where it stands.
        status: Status,
        /// Why.
        reason: String,
    },
}

/// Lines of one split that are not stored yet.
#[derive(Default)]
struct Lines {
    text: String,
    ids: Vec<Uuid>,
}

/// A dataset in the making.
struct Making<'a, S, H> {
    bench: &'a Bench<'a, S, H>,
    version: &'a ModelVersion,
    /// Number of the last part recorded.
    number: u32,
    rows: u64,
    train: Lines,
    held_out: Lines,
    /// All rows up to this one are in recorded parts, in the lines above, or not in the dataset.
    looked_at: Option<Uuid>,
    /// The same of the recorded parts alone.
    recorded: Option<Uuid>,
}

/// Why making one ends before its end.
enum Break {
    Stop(Stop),
    Closed(Status),
}

impl From<Stop> for Break {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<StoreError> for Break {
    fn from(fault: StoreError) -> Self {
        Self::Stop(fault.into())
    }
}

impl From<StorageError> for Break {
    fn from(fault: StorageError) -> Self {
        Self::Stop(fault.into())
    }
}

/// Goes on with a version's dataset, for as long as there is time.
pub async fn curate<S: Training, H: Host>(
    bench: &Bench<'_, S, H>,
    version: &ModelVersion,
    allowance: &mut Allowance,
    worked: &mut Worked,
) -> Result<Curated, Stop> {
    let mut making = Making {
        bench,
        version,
        number: version.parts,
        rows: version.rows,
        train: Lines::default(),
        held_out: Lines::default(),
        looked_at: version.cursor,
        recorded: version.cursor,
    };
    let ended = making.go_on(allowance).await;
    let done = matches!(ended, Ok(Curated::Sealed));
    worked.dataset = Some(DatasetSeen { rows: making.rows, parts: making.number, done });
    match ended {
        Ok(curated) => Ok(curated),
        Err(Break::Stop(stop)) => Err(stop),
        Err(Break::Closed(status)) => Ok(Curated::Ended { status, reason: elsewhere(version, status) }),
    }
}

impl<S: Training, H: Host> Making<'_, S, H> {
    async fn go_on(&mut self, allowance: &mut Allowance) -> Result<Curated, Break> {
        let mut prompt = None;
        if self.looked_at.is_some() {
            // It comes with the first page alone.
            prompt = Some(self.page(None, 1).await?.system_prompt.unwrap_or_default());
        }
        loop {
            let limit = if self.bench.deadline.has(PAGE_NEEDS) { allowance.page() } else { 0 };
            if limit == 0 {
                self.record().await?;
                return Ok(Curated::Unfinished);
            }
            let Page { rows, next, system_prompt, recorded } = self.page(self.looked_at, limit).await?;
            let prompt = prompt.get_or_insert_with(|| system_prompt.unwrap_or_default());
            let mut bytes = 0;
            for row in &rows {
                bytes += self.add(row, prompt).await?;
            }
            allowance.spend(limit, bytes);
            match (next, recorded) {
                (Some(next), _) => self.looked_at = Some(next),
                // The end; what is recorded is asked for once all is.
                (None, _) if !self.is_recorded() => self.record().await?,
                (None, Some(recorded)) => return self.seal(recorded).await,
                (None, None) => return Err(StoreError::Unexpected("no parts at the end".to_owned()).into()),
            }
        }
    }

    async fn page(&self, after: Option<Uuid>, limit: u32) -> Result<Page, Break> {
        match self.bench.store.dataset_page(self.bench.holder, self.version.id, after, limit).await? {
            DatasetPage::Ok { rows, next, system_prompt, recorded } => Ok(Page { rows, next, system_prompt, recorded }),
            DatasetPage::Closed { status } => Err(Break::Closed(status)),
            DatasetPage::LeaseLost => Err(Stop::LeaseLost.into()),
        }
    }

    /// Adds a row to its split; what was there before is stored first where both together would be too much. Its bytes.
    async fn add(&mut self, row: &DatasetRow, prompt: &str) -> Result<usize, Break> {
        let line = line(prompt, &row.example);
        let (rows, bytes) =
            (self.train.ids.len() + self.held_out.ids.len(), self.train.text.len() + self.held_out.text.len());
        if rows > 0 && (rows + 1 > self.bench.settings.part_rows || bytes + line.len() > PART_BYTES) {
            self.record().await?;
        }
        let lines = if row.held_out { &mut self.held_out } else { &mut self.train };
        lines.text.push_str(&line);
        lines.ids.push(row.id);
        self.looked_at = Some(row.id);
        Ok(line.len())
    }

    fn is_recorded(&self) -> bool {
        self.train.ids.is_empty() && self.held_out.ids.is_empty()
    }

    /// Stores the lines there are as one part, of one file a split, and records it with how far it goes. Where all that
    /// was looked at is not in the dataset, an empty file holds the place: else the same would be looked at for ever.
    async fn record(&mut self) -> Result<(), Break> {
        let Some(cursor) = self.looked_at.filter(|_| self.looked_at != self.recorded) else { return Ok(()) };
        let number = self.number + 1;
        let (train, held_out) = (mem::take(&mut self.train), mem::take(&mut self.held_out));
        let named = [(Split::Train, "train", &train), (Split::HeldOut, "held-out", &held_out)];
        let written = named
            .into_iter()
            .filter(|(split, _, lines)| !lines.ids.is_empty() || (*split == Split::Train && held_out.ids.is_empty()));
        let mut files = Vec::new();
        for (split, name, lines) in written {
            let path = self.path(&format!("{name}-{number:05}.jsonl"));
            self.put(&path, LINES, lines.text.as_bytes()).await?;
            files.push((split, path, sha256(lines.text.as_bytes()), lines));
        }
        let parts = files.iter().map(|(split, path, sha256, lines)| Part {
            number,
            split: *split,
            path,
            bytes: lines.text.len() as u64,
            sha256,
            ids: &lines.ids,
        });
        let parts: Vec<_> = parts.collect();
        match self.bench.store.record_parts(self.bench.holder, self.version.id, cursor, &parts).await? {
            RecordParts::Ok => {}
            // Somebody else was here since this version was handed out.
            RecordParts::Already | RecordParts::LeaseLost => return Err(Stop::LeaseLost.into()),
            RecordParts::Closed { status } => return Err(Break::Closed(status)),
        }
        self.recorded = Some(cursor);
        self.number = number;
        self.rows += (train.ids.len() + held_out.ids.len()) as u64;
        Ok(())
    }

    /// Stores the manifest, and closes the dataset with it.
    async fn seal(&mut self, recorded: RecordedDataset) -> Result<Curated, Break> {
        let manifest = self.manifest(recorded);
        let bytes = manifest.bytes();
        self.put(&self.path(MANIFEST), JSON, &bytes).await?;
        let (holder, id, value, hash) = (self.bench.holder, self.version.id, manifest.value(), sha256(&bytes));
        match self.bench.store.seal_dataset(holder, id, &value, &hash).await? {
            SealDataset::Ok => Ok(Curated::Sealed),
            SealDataset::TooFew { samples, needed } => {
                Ok(Curated::Ended { status: Status::Failed, reason: insufficient(samples, needed) })
            }
            SealDataset::Closed { status } => Err(Break::Closed(status)),
            SealDataset::LeaseLost => Err(Stop::LeaseLost.into()),
        }
    }

    fn manifest(&self, recorded: RecordedDataset) -> Manifest {
        let version = self.version;
        let of = |split| recorded.parts.iter().filter(|part| part.split == split).map(|part| part.rows).sum();
        let counts = Counts {
            train: of(Split::Train),
            held_out: of(Split::HeldOut),
            by_type: by_name(recorded.by_type),
            masked: by_name(recorded.masked),
        };
        let mut keep = Map::new();
        for (name, share) in &version.filters.keep {
            keep.insert(name.clone(), (*share).into());
        }
        Manifest {
            format: FORMAT,
            model_version_id: version.id.to_string(),
            model_name: self.bench.about.assistant.clone(),
            version: version.version.clone(),
            base_model: version.base_model.clone(),
            prompt_version: i64::from(version.prompt_version),
            created_at: version.created_at.as_str().to_owned(),
            filters: json!({
                "quality": version.filters.quality,
                "keep": keep,
                "held_out_percent": version.filters.held_out_percent,
            }),
            min_samples: self.bench.settings.min_samples,
            counts,
            parts: recorded.parts.into_iter().map(described).collect(),
        }
    }

    fn path(&self, file: &str) -> String {
        format!("{}/{}/{file}", self.bench.about.assistant_id, self.version.version)
    }

    async fn put(&self, path: &str, content_type: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.bench.storage().put(path, content_type, bytes, self.bench.deadline.left()).await
    }
}

/// A page of rows.
struct Page {
    rows: Vec<DatasetRow>,
    next: Option<Uuid>,
    system_prompt: Option<String>,
    recorded: Option<RecordedDataset>,
}

/// (Collecting into a map brings a sort of its own: 5 KB of wasm.)
fn by_name(counts: Vec<(String, u64)>) -> BTreeMap<String, u64> {
    let mut named = BTreeMap::new();
    for (name, count) in counts {
        named.insert(name, count);
    }
    named
}

fn described(part: RecordedPart) -> manifest::Part {
    let RecordedPart { split, path, rows, bytes, sha256, .. } = part;
    manifest::Part { path, split: split.code().to_owned(), rows, bytes, sha256 }
}

/// The line that an example is, behind the prompt that the model is tuned for.
pub fn line(prompt: &str, example: &Example) -> String {
    let messages = example.messages.iter().map(|(role, content)| (role.as_str(), content.as_str()));
    example::line(prompt, messages, &example.answer)
}
