//! Datasets.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{
    lessons::StoredLesson,
    looks::type_of,
    models::{StoredDelivery, StoredModel, StoredPart},
};
use crate::{
    fake::State,
    training::{
        DatasetPage, DatasetRow, DeliveryState, Example, Filters, FindRows, Part, RecordParts, RecordedDataset,
        RecordedPart, SealDataset, Split, Status, StoredRow,
    },
};

impl State {
    /// As `pawl_dataset_page`.
    pub(super) fn dataset_page(&self, model: &StoredModel, after: Option<Uuid>, limit: usize) -> DatasetPage {
        if model.status != Status::Curating {
            return DatasetPage::Closed { status: model.status };
        }
        let mut ours: Vec<_> = self.training.lessons.iter().filter(|l| l.assistant_id == model.assistant_id).collect();
        ours.sort_by_key(|l| l.id);
        ours.retain(|l| after.is_none_or(|after| l.id > after) && l.created_at <= model.created_at);
        ours.truncate(limit);
        let next = ours.last().filter(|_| ours.len() == limit).map(|l| l.id);
        ours.retain(|l| self.teaches(l, model.filters.quality) && is_kept(l, &model.filters));
        let rows = ours.into_iter().map(|lesson| DatasetRow {
            id: lesson.id,
            example: example(lesson),
            question_type: type_of(lesson),
            held_out: self.is_held_out(lesson, model.filters.held_out_percent),
        });
        DatasetPage::Ok {
            rows: rows.collect(),
            next,
            system_prompt: after.is_none().then(|| self.prompt(model.prompt_id).map(|p| p.content.clone())).flatten(),
            recorded: next.is_none().then(|| self.recorded(model)),
        }
    }

    fn recorded(&self, model: &StoredModel) -> RecordedDataset {
        let mut parts: Vec<_> = model.parts.iter().collect();
        parts.sort_by_key(|part| (part.number, part.split));
        let (mut by_type, mut masked) = (BTreeMap::new(), BTreeMap::new());
        let ids = || model.parts.iter().flat_map(|part| &part.ids);
        for lesson in self.training.lessons.iter().filter(|l| ids().any(|id| *id == l.id)) {
            *by_type.entry(type_of(lesson)).or_insert(0) += 1;
            let found = lesson.sample.masked;
            for (kind, n) in [
                ("email", found.email),
                ("phone", found.phone),
                ("card", found.card),
                ("national_id", found.national_id),
            ] {
                if n > 0 {
                    *masked.entry(kind.to_owned()).or_insert(0) += n;
                }
            }
        }
        let part = |part: &StoredPart| RecordedPart {
            number: part.number,
            split: part.split,
            path: part.path.clone(),
            rows: part.ids.len() as u64,
            bytes: part.bytes,
            sha256: part.sha256.clone(),
        };
        RecordedDataset {
            parts: parts.into_iter().map(part).collect(),
            by_type: by_type.into_iter().collect(),
            masked: masked.into_iter().collect(),
        }
    }

    /// Whole conversations are, by the last byte of their ids: a row where all that it is of are.
    fn is_held_out(&self, lesson: &StoredLesson, percent: u32) -> bool {
        let mut sessions = lesson.sources.iter().filter_map(|source| self.session_of(source.message_id)).peekable();
        sessions.peek().is_some()
            && sessions.all(|id| {
                let [.., byte] = id.into_bytes();
                u32::from(byte) * 100 < percent * 256
            })
    }

    /// As `pawl_seal_dataset`.
    pub(super) fn seal_dataset(&mut self, id: Uuid, manifest: &Value, sha256: &str, now: DateTime<Utc>) -> SealDataset {
        let known: Vec<_> = self.training.lessons.iter().map(|lesson| lesson.id).collect();
        let Some(model) = self.model_mut(id) else { return SealDataset::LeaseLost };
        if model.status != Status::Curating {
            let same = model.manifest_sha256.as_deref() == Some(sha256);
            return if same { SealDataset::Ok } else { SealDataset::Closed { status: model.status } };
        }
        if model.parts.iter().flat_map(|part| &part.ids).any(|id| !known.contains(id)) {
            model.fail("rows_gone");
            return SealDataset::Closed { status: model.status };
        }
        let samples = model.parts.iter().map(|part| part.ids.len() as u64).sum();
        let needed = manifest.get("min_samples").and_then(Value::as_u64).unwrap_or(1);
        model.samples = samples;
        if samples < needed {
            model.fail("too_few_rows");
            return SealDataset::TooFew { samples, needed };
        }
        (model.manifest, model.manifest_sha256) = (manifest.clone(), Some(sha256.to_owned()));
        model.set_status(Status::Pending);
        model.delivery = Some(StoredDelivery {
            webhook_id: format!("msg_{}", id.simple()),
            state: DeliveryState::Waiting,
            attempts: 0,
            next_at: now,
            last_status: None,
            last_error: None,
        });
        SealDataset::Ok
    }

    /// As `pawl_dataset_rows`.
    pub(super) fn dataset_rows(&self, id: Uuid, number: u32, split: Split) -> FindRows {
        let Some(model) = self.training.models.iter().find(|m| m.id == id) else { return FindRows::NotFound };
        let part = model.parts.iter().find(|part| part.number == number && part.split == split);
        let Some(part) = part else { return FindRows::NoPart };
        let lesson = |id: &Uuid| self.training.lessons.iter().find(|l| l.id == *id);
        let rows: Vec<_> =
            part.ids.iter().filter_map(lesson).map(|l| StoredRow { id: l.id, example: example(l) }).collect();
        FindRows::Ok {
            missing: (part.ids.len() - rows.len()) as u64,
            rows,
            system_prompt: self.prompt(model.prompt_id).map(|p| p.content.clone()),
            path: part.path.clone(),
            sha256: part.sha256.clone(),
        }
    }
}

impl StoredModel {
    /// As `pawl_record_parts`.
    pub(super) fn record_parts(&mut self, cursor: Uuid, parts: &[Part<'_>]) -> RecordParts {
        if self.status != Status::Curating {
            return RecordParts::Closed { status: self.status };
        }
        if parts.iter().any(|part| self.parts.iter().any(|known| known.number == part.number)) {
            return RecordParts::Already;
        }
        self.parts.extend(parts.iter().map(|part| StoredPart {
            number: part.number,
            split: part.split,
            path: part.path.to_owned(),
            bytes: part.bytes,
            sha256: part.sha256.to_owned(),
            cursor,
            ids: part.ids.to_vec(),
        }));
        RecordParts::Ok
    }
}

fn example(lesson: &StoredLesson) -> Example {
    let messages = lesson.sample.messages.iter().map(|m| (m.role.to_owned(), m.content.clone()));
    Example { messages: messages.collect(), answer: lesson.sample.answer.clone() }
}

/// By the first four bytes of the content's hash.
fn is_kept(lesson: &StoredLesson, filters: &Filters) -> bool {
    let [a, b, c, d, ..] = lesson.sample.content_hash;
    let share = f64::from(u32::from_be_bytes([a, b, c, d])) / 4_294_967_296.0;
    let named = type_of(lesson);
    filters.keep.iter().find(|(name, _)| *name == named).is_none_or(|(_, keep)| share < *keep)
}
