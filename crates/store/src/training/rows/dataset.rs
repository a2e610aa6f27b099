//! Datasets.

use serde_json::{Value, json};

use super::{count, status, whole};
use crate::{
    row::Row,
    training::{
        DatasetPage, DatasetRow, Example, FindRows, Part, RecordParts, RecordedDataset, RecordedPart, SealDataset,
        Split, StoredRow,
    },
};

/// `pawl_dataset_page`'s answer.
pub(crate) fn read_page(outcome: &str, row: Row<'_>) -> Option<DatasetPage> {
    Some(match outcome {
        "ok" => DatasetPage::Ok {
            rows: row.all("rows", dataset_row)?,
            next: row.id("next"),
            system_prompt: row.text("system_prompt"),
            recorded: match row.at("recorded") {
                None | Some(Value::Null) => None,
                Some(recorded) => Some(read_recorded(Row::of(recorded))?),
            },
        },
        "closed" => DatasetPage::Closed { status: status(row)? },
        "lease_lost" => DatasetPage::LeaseLost,
        _ => return None,
    })
}

fn read_recorded(row: Row<'_>) -> Option<RecordedDataset> {
    let counts = |name: &str| {
        let counts = row.at(name)?.as_object()?.iter();
        counts.map(|(name, n)| Some((name.clone(), n.as_u64()?))).collect::<Option<_>>()
    };
    Some(RecordedDataset {
        parts: row.all("parts", recorded_part)?,
        by_type: counts("by_type")?,
        masked: counts("masked")?,
    })
}

fn recorded_part(row: Row<'_>) -> Option<RecordedPart> {
    Some(RecordedPart {
        number: whole(row, "number")?,
        split: Split::named(row.at("split")?.as_str()?)?,
        path: row.text("path")?,
        rows: count(row, "rows")?,
        bytes: count(row, "bytes")?,
        sha256: row.text("sha256")?,
    })
}

fn example(row: Row<'_>) -> Option<Example> {
    let said = |row: Row<'_>| Some((row.text("role")?, row.text("content")?));
    Some(Example {
        messages: Row::of(row.at("input")?).all("messages", said)?,
        answer: Row::of(row.at("output")?).text("content")?,
    })
}

fn dataset_row(row: Row<'_>) -> Option<DatasetRow> {
    Some(DatasetRow {
        id: row.id("id")?,
        example: example(row)?,
        question_type: row.text("question_type").unwrap_or_else(|| "other".to_owned()),
        held_out: row.at("held_out")?.as_bool()?,
    })
}

/// `pawl_record_parts`' `p_parts`.
pub(crate) fn write_parts(parts: &[Part<'_>]) -> Value {
    let one = |part: &Part<'_>| {
        json!({
            "number": part.number,
            "split": part.split.code(),
            "path": part.path,
            "rows": part.ids.len(),
            "bytes": part.bytes,
            "sha256": part.sha256,
            "ids": part.ids,
        })
    };
    parts.iter().map(one).collect()
}

/// `pawl_record_parts`' answer.
pub(crate) fn read_parts(outcome: &str, row: Row<'_>) -> Option<RecordParts> {
    Some(match outcome {
        "ok" => RecordParts::Ok,
        "already" => RecordParts::Already,
        "closed" => RecordParts::Closed { status: status(row)? },
        "lease_lost" => RecordParts::LeaseLost,
        _ => return None,
    })
}

/// `pawl_seal_dataset`'s answer.
pub(crate) fn read_sealed(outcome: &str, row: Row<'_>) -> Option<SealDataset> {
    Some(match outcome {
        "ok" => SealDataset::Ok,
        "too_few" => SealDataset::TooFew { samples: count(row, "samples")?, needed: count(row, "needed")? },
        "closed" => SealDataset::Closed { status: status(row)? },
        "lease_lost" => SealDataset::LeaseLost,
        _ => return None,
    })
}

/// `pawl_dataset_rows`' answer.
pub(crate) fn read_rows(outcome: &str, row: Row<'_>) -> Option<FindRows> {
    Some(match outcome {
        "ok" => FindRows::Ok {
            rows: row.all("rows", stored_row)?,
            missing: count(row, "missing")?,
            system_prompt: row.text("system_prompt"),
            path: row.text("path")?,
            sha256: row.text("sha256")?,
        },
        "no_part" => FindRows::NoPart,
        "not_found" => FindRows::NotFound,
        _ => return None,
    })
}

fn stored_row(row: Row<'_>) -> Option<StoredRow> {
    Some(StoredRow { id: row.id("id")?, example: example(row)? })
}
