//! A dataset, part by part.

use pawl_core::training::decide::Why;
use pawl_store::{
    StoreError,
    training::{
        DatasetPage, DatasetRow, Filters, FindRows, ModelVersion, OpenVersion, Part, RecordParts, RecordedDataset,
        SealDataset, Split, Status, Training,
    },
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{QUALITY, RIVAL, claim, collect_all, place, stock, votes};
use crate::{
    scenarios::{HOLDER, reflections::Place},
    worlds::World,
};

/// Rows of an assistant, of the type `how_to` (the first) and `data` (the second so many).
pub async fn rows(world: &impl World, how_to: usize, data: usize) -> (Place, Vec<Uuid>) {
    let place = place(world).await;
    let mut people = Vec::new();
    for (named, count) in [("how_to", how_to), ("data", data)] {
        for i in 0..count {
            let (question, answer) = (format!("{named} number {i}"), format!("this is answer {i}"));
            people.push(votes(world, &place, &question, &answer, true).await);
        }
    }
    collect_all(world, &place).await;
    (place, people)
}

pub async fn opened(store: &impl Training, place: &Place, filters: Filters) -> ModelVersion {
    match store.open_model_version(HOLDER, place.assistant_id, &Why::Forced, &filters).await.unwrap() {
        OpenVersion::Ok { version } => version,
        otherwise => panic!("no version was begun: {otherwise:?}"),
    }
}

pub type Page = (Vec<DatasetRow>, Option<Uuid>, Option<String>, Option<RecordedDataset>);

pub async fn page(store: &impl Training, version: &ModelVersion, after: Option<Uuid>, limit: u32) -> Page {
    match store.dataset_page(HOLDER, version.id, after, limit).await.unwrap() {
        DatasetPage::Ok { rows, next, system_prompt, recorded } => (rows, next, system_prompt, recorded),
        otherwise => panic!("no rows: {otherwise:?}"),
    }
}

pub fn part<'a>(number: u32, split: Split, path: &'a str, sha256: &'a str, ids: &'a [Uuid]) -> Part<'a> {
    Part { number, split, path, bytes: 100, sha256, ids }
}

pub fn filters() -> Filters {
    Filters { quality: QUALITY, keep: vec![], held_out_percent: 0 }
}

pub async fn a_dataset_is_the_same_at_every_call(world: &impl World) {
    let (place, people) = rows(world, 4, 2).await;
    let store = world.service();
    votes(world, &place, "how_to late", "Too late.", true).await;
    let version = opened(&store, &place, filters()).await;
    let named = (version.version.as_str(), version.number, version.status, version.base_model.as_str());
    assert_eq!(named, ("v1", 1, Status::Curating, "claude-sonnet-5-5"));
    assert_eq!((version.prompt_version, version.cursor, version.parts, version.rows), (1, None, 0, 0));
    assert_eq!(version.filters, filters());
    let again = store.open_model_version(HOLDER, place.assistant_id, &Why::Schedule, &filters()).await.unwrap();
    assert_eq!(again, OpenVersion::Unfinished { version: version.clone() });
    let rival = store.open_model_version(RIVAL, place.assistant_id, &Why::Forced, &filters()).await.unwrap();
    assert_eq!(rival, OpenVersion::LeaseLost);
    assert_eq!(store.dataset_page(RIVAL, version.id, None, 2).await.unwrap(), DatasetPage::LeaseLost);
    assert_eq!(store.dataset_page(HOLDER, Uuid::max(), None, 2).await.unwrap(), DatasetPage::LeaseLost);
    assert!(stock(&store, &place, QUALITY).await.unfinished);
    assert!(stock(&store, &place, QUALITY).await.last_version_at.is_some());

    // What is collected from now on is the next version's.
    collect_all(world, &place).await;
    assert_eq!(claim_version(&store, &place).await, version);
    assert_eq!(stock(&store, &place, QUALITY).await.total, 7);
    let (all, next, prompt, recorded) = page(&store, &version, None, 100).await;
    assert_eq!((all.len(), next, recorded), (6, None, Some(RecordedDataset::default())));
    assert_eq!(prompt.as_deref(), Some("You answer questions about bicycles."));
    let mut ids: Vec<_> = all.iter().map(|row| row.id).collect();
    ids.sort();
    assert_eq!(all.iter().map(|row| row.id).collect::<Vec<_>>(), ids, "in the order of their ids");
    let mut by_question = all.clone();
    by_question.sort_by(|a, b| a.example.messages.cmp(&b.example.messages));
    let first = &by_question[0];
    let said = ("user".to_owned(), "data number 0".to_owned());
    assert_eq!((&first.example.messages, first.example.answer.as_str()), (&vec![said], "this is answer 0"));
    assert_eq!((first.question_type.as_str(), first.held_out), ("data", false));

    // By pages it is the same.
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let (rows, next, prompt, recorded) = page(&store, &version, after, 2).await;
        assert_eq!((prompt.is_some(), recorded.is_some()), (after.is_none(), next.is_none()));
        paged.extend(rows);
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(paged, all);

    // Parts are recorded, each number once.
    let sha = "0123456789abcdef".repeat(4);
    let parts = [
        part(1, Split::Train, "p/train-1", &sha, &ids[..3]),
        part(1, Split::HeldOut, "p/held-out-1", &sha, &ids[3..4]),
    ];
    assert_eq!(store.record_parts(RIVAL, version.id, ids[3], &parts).await.unwrap(), RecordParts::LeaseLost);
    assert_eq!(store.record_parts(HOLDER, version.id, ids[3], &parts).await.unwrap(), RecordParts::Ok);
    let other = [part(1, Split::Train, "p/other", &sha, &ids)];
    assert_eq!(store.record_parts(HOLDER, version.id, ids[5], &other).await.unwrap(), RecordParts::Already);
    let now = claim_version(&store, &place).await;
    assert_eq!((now.cursor, now.parts, now.rows), (Some(ids[3]), 1, 4));
    let last = [part(2, Split::Train, "p/train-2", &sha, &ids[4..])];
    assert_eq!(store.record_parts(HOLDER, version.id, ids[5], &last).await.unwrap(), RecordParts::Ok);
    let (rows, next, _, recorded) = page(&store, &version, Some(ids[5]), 10).await;
    let recorded = recorded.unwrap();
    assert_eq!((rows.len(), next), (0, None));
    let listed: Vec<_> = recorded.parts.iter().map(|p| (p.number, p.split, p.path.as_str(), p.rows, p.bytes)).collect();
    let expected = [
        (1, Split::Train, "p/train-1", 3, 100),
        (1, Split::HeldOut, "p/held-out-1", 1, 100),
        (2, Split::Train, "p/train-2", 2, 100),
    ];
    assert_eq!(listed, expected);
    assert_eq!(recorded.by_type, [("data".to_owned(), 2), ("how_to".to_owned(), 4)]);
    assert_eq!((recorded.masked.len(), recorded.parts[0].sha256.as_str()), (0, sha.as_str()));

    // A part can be made again; but for what people have taken back.
    let read = async || match store.dataset_rows(version.id, 1, Split::Train).await.unwrap() {
        FindRows::Ok { rows, missing, path, sha256, system_prompt } => (rows, missing, path, sha256, system_prompt),
        FindRows::NoPart | FindRows::NotFound => panic!("no such part"),
    };
    let (rows, missing, path, sha256, system_prompt) = read().await;
    assert_eq!((missing, path.as_str(), sha256, system_prompt.is_some()), (0, "p/train-1", sha.clone(), true));
    let example = |id: &Uuid| all.iter().find(|row| row.id == *id).map(|row| row.example.clone()).unwrap();
    assert_eq!(rows.iter().map(|r| (r.id, r.example.clone())).collect::<Vec<_>>(), examples(&ids[..3], example));
    assert_eq!(store.dataset_rows(version.id, 3, Split::Train).await.unwrap(), FindRows::NoPart);
    assert_eq!(store.dataset_rows(Uuid::max(), 1, Split::Train).await.unwrap(), FindRows::NotFound);
    for person in people {
        world.forget(person).await;
    }
    let (rows, missing, ..) = read().await;
    assert_eq!((rows.len(), missing), (0, 3));
    let (_, user) = world.user().await;
    assert_eq!(user.dataset_rows(version.id, 1, Split::Train).await, Err(StoreError::Forbidden));
}

fn examples<T>(ids: &[Uuid], of: impl Fn(&Uuid) -> T) -> Vec<(Uuid, T)> {
    ids.iter().map(|id| (*id, of(id))).collect()
}

/// The unfinished version, from a claim of its own.
pub async fn claim_version(store: &impl Training, place: &Place) -> ModelVersion {
    store.release_training(HOLDER, place.assistant_id).await.unwrap();
    claim(store, place).await.version.expect("an unfinished version")
}

pub fn manifest(min_samples: u64) -> Value {
    json!({"format": "pawl-dataset/1", "min_samples": min_samples, "counts": {"train": 1}})
}

pub async fn a_dataset_is_sealed_once(world: &impl World) {
    let (place, _) = rows(world, 3, 3).await;
    let store = world.service();
    let (sha, other_sha) = ("ab".repeat(32), "cd".repeat(32));

    // Rows are kept by the hash of their texts, type by type; and held out by the hash of the question.
    let keep = vec![("data".to_owned(), 0.0), ("how_to".to_owned(), 1.0)];
    let version = opened(&store, &place, Filters { keep, held_out_percent: 100, ..filters() }).await;
    let (rows, ..) = page(&store, &version, None, 10).await;
    assert!(rows.iter().all(|row| row.question_type == "how_to" && row.held_out), "{rows:?}");
    assert_eq!(rows.len(), 3);

    // Too few rows are no dataset, and the next one may be begun.
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let parts = [part(1, Split::HeldOut, "p/1", &sha, &ids)];
    store.record_parts(HOLDER, version.id, ids[2], &parts).await.unwrap();
    let seal = async |holder, id, min, sha: &str| store.seal_dataset(holder, id, &manifest(min), sha).await.unwrap();
    assert_eq!(seal(RIVAL, version.id, 4, &sha).await, SealDataset::LeaseLost);
    assert_eq!(seal(HOLDER, version.id, 4, &sha).await, SealDataset::TooFew { samples: 3, needed: 4 });
    let failed = SealDataset::Closed { status: Status::Failed };
    assert_eq!(seal(HOLDER, version.id, 4, &sha).await, failed);
    let page_of = store.dataset_page(HOLDER, version.id, None, 10).await.unwrap();
    assert_eq!(page_of, DatasetPage::Closed { status: Status::Failed });
    let second = opened(&store, &place, filters()).await;
    assert_eq!((second.version.as_str(), second.number), ("v2", 2));

    store.record_parts(HOLDER, second.id, ids[2], &parts).await.unwrap();
    for _ in 0..2 {
        assert_eq!(seal(HOLDER, second.id, 3, &sha).await, SealDataset::Ok);
    }
    let pending = Status::Pending;
    assert_eq!(seal(HOLDER, second.id, 3, &other_sha).await, SealDataset::Closed { status: pending });
    let more = [part(2, Split::Train, "p/2", &sha, &ids)];
    let closed = store.record_parts(HOLDER, second.id, ids[2], &more).await.unwrap();
    assert_eq!(closed, RecordParts::Closed { status: pending });
    assert_eq!(claim_version(&store, &place).await.status, pending);
}
