use std::{cell::RefCell, collections::VecDeque};

use super::*;

/// Address, headers and body.
type Asked = (String, Vec<(String, String)>, Vec<u8>);

/// Answers as it is told, and remembers what it was asked.
#[derive(Default)]
struct Script {
    answers: RefCell<VecDeque<Option<(u16, &'static str)>>>,
    asked: RefCell<Vec<Asked>>,
}

impl Host for Script {
    async fn post(&self, url: &str, headers: &[(&str, &str)], body: &[u8], _: Duration) -> Option<(u16, String)> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.asked.borrow_mut().push((url.to_owned(), headers, body.to_vec()));
        let answer = self.answers.borrow_mut().pop_front().expect("one request too many");
        answer.map(|(status, text)| (status, text.to_owned()))
    }
}

const STORED: Option<(u16, &str)> = Some((200, r#"{"Key": "bucket/a/v1/train-00001.jsonl", "Id": "x"}"#));
const NO_BUCKET: Option<(u16, &str)> =
    Some((400, r#"{"statusCode": "404", "error": "Bucket not found", "message": "Bucket not found"}"#));

async fn put(answers: &[Option<(u16, &'static str)>]) -> (Result<(), StorageError>, Vec<String>) {
    let script = Script::default();
    script.answers.borrow_mut().extend(answers);
    let storage = Storage { host: &script, project_url: "https://x.co", key: "sb_secret_1", bucket: "pawl-training" };
    let done = storage.put("a/v1/train-00001.jsonl", "application/jsonl", b"{}\n", TIMEOUT).await;
    assert!(script.answers.borrow().is_empty(), "every answer was asked for");
    let asked = script.asked.borrow().iter().map(|(url, ..)| url.replace("https://x.co/storage/v1/", "")).collect();
    (done, asked)
}

#[tokio::test]
async fn an_object_is_stored_with_the_secret_key_and_in_place_of_an_earlier_one() {
    let script = Script::default();
    script.answers.borrow_mut().push_back(STORED);
    let storage = Storage { host: &script, project_url: "https://x.co", key: "sb_secret_1", bucket: "b" };
    storage.put("a/v1/manifest.json", "application/json", b"{}", TIMEOUT).await.unwrap();
    let (url, headers, body) = script.asked.borrow()[0].clone();
    assert_eq!((url.as_str(), body.as_slice()), ("https://x.co/storage/v1/object/b/a/v1/manifest.json", &b"{}"[..]));
    for wanted in [
        ("apikey", "sb_secret_1"),
        ("authorization", "Bearer sb_secret_1"),
        ("content-type", "application/json"),
        ("x-upsert", "true"),
    ] {
        assert!(headers.iter().any(|(name, value)| (name.as_str(), value.as_str()) == wanted), "{wanted:?}");
    }
}

#[tokio::test]
async fn a_missing_bucket_is_made_and_is_private() {
    let object = "object/pawl-training/a/v1/train-00001.jsonl".to_owned();
    let (done, asked) = put(&[NO_BUCKET, Some((200, r#"{"name": "pawl-training"}"#)), STORED]).await;
    assert_eq!((done, asked), (Ok(()), vec![object.clone(), "bucket".to_owned(), object.clone()]));
    let duplicate = Some((400, r#"{"statusCode": "409", "error": "Duplicate", "message": "exists"}"#));
    let (done, asked) = put(&[NO_BUCKET, duplicate, STORED]).await;
    assert_eq!((done, asked.len()), (Ok(()), 3), "somebody else made it");
    let script = Script::default();
    script.answers.borrow_mut().extend([NO_BUCKET, Some((200, "{}")), STORED]);
    let storage = Storage { host: &script, project_url: "https://x.co", key: "k", bucket: "b" };
    storage.put("p", "application/json", b"", TIMEOUT).await.unwrap();
    let made: Value = serde_json::from_slice(&script.asked.borrow()[1].2).unwrap();
    assert_eq!(made, json!({"id": "b", "name": "b", "public": false}));
}

#[tokio::test]
async fn every_fault_has_its_code() {
    let cases = [
        (None, "storage_unavailable"),
        (Some((500, "oh")), "storage_unavailable"),
        (Some((503, "{}")), "storage_unavailable"),
        (Some((400, r#"{"statusCode": "429", "error": "too_many", "message": ""}"#)), "storage_unavailable"),
        (Some((400, r#"{"statusCode": 503}"#)), "storage_unavailable"),
        (Some((400, r#"{"statusCode": "413", "error": "Payload too large", "message": ""}"#)), "storage_full"),
        (Some((413, "nginx")), "storage_full"),
        (Some((402, "{}")), "storage_full"),
        (Some((400, r#"{"statusCode": "403", "error": "Unauthorized", "message": ""}"#)), "storage_refused"),
        (Some((400, r#"{"statusCode": "409", "error": "Duplicate", "message": ""}"#)), "storage_refused"),
        (Some((404, "no such route")), "storage_refused"),
    ];
    for (answer, code) in cases {
        // What is missing is made once; then it is a refusal like any other.
        let missing = matches!(answer, Some((404, _)));
        let answers = if missing { vec![answer, Some((200, "{}")), answer] } else { vec![answer] };
        let (done, _) = put(&answers).await;
        assert_eq!(done.unwrap_err().code(), code, "{answer:?}");
    }
    let (done, _) = put(&[NO_BUCKET, None]).await;
    assert_eq!(done.unwrap_err().code(), "storage_unavailable");
}

#[tokio::test]
async fn an_address_is_whole_and_none_is_made_up() {
    let script = Script::default();
    let signed = r#"{"signedURL": "/object/sign/b/p?token=t"}"#;
    script.answers.borrow_mut().extend([Some((200, signed)), Some((200, "{}"))]);
    let storage = Storage { host: &script, project_url: "https://x.co", key: "k", bucket: "b" };
    assert_eq!(storage.sign("p", 60, TIMEOUT).await.unwrap(), "https://x.co/storage/v1/object/sign/b/p?token=t");
    assert_eq!(script.asked.borrow()[0].2, br#"{"expiresIn":60}"#);
    assert_eq!(storage.sign("p", 60, TIMEOUT).await.unwrap_err().code(), "storage_unavailable");
}
