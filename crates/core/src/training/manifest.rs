//! What a dataset consists of, so that it can be checked and built again.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The format's name.
pub const FORMAT: &str = "pawl-dataset/1";

/// A dataset's description.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: &'static str,
    /// Whose dataset it is.
    pub model_version_id: String,
    /// The assistant's slug.
    pub model_name: String,
    /// `v1`, `v2`, …
    pub version: String,
    /// The model that is to be trained further.
    pub base_model: String,
    /// Version of the prompt that its lines begin with.
    pub prompt_version: i64,
    /// When the version was begun, as the database writes it: no later row is in it.
    pub created_at: String,
    /// What decided which rows are in it.
    pub filters: Value,
    /// Fewer rows are no dataset.
    pub min_samples: u64,
    /// Rows.
    pub counts: Counts,
    /// Its files, in the order of their writing.
    pub parts: Vec<Part>,
}

/// Rows by split, question type, and what was masked in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// To learn from.
    pub train: u64,
    /// To measure by.
    pub held_out: u64,
    /// Of both, by question type.
    pub by_type: BTreeMap<String, u64>,
    /// Masked in both: [`super::masking::Masked`]'s kinds.
    pub masked: BTreeMap<String, u64>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Where in the bucket.
    pub path: String,
    /// `train` or `held_out`.
    pub split: String,
    /// Lines.
    pub rows: u64,
    /// Size.
    pub bytes: u64,
    /// SHA-256 of its bytes, 64 hexadecimal digits in lower case.
    pub sha256: String,
}

impl Manifest {
    /// As JSON, for the database.
    pub fn value(&self) -> Value {
        // No key but strings, no number but finite ones: it always can be written.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The file: [`canonical`].
    pub fn bytes(&self) -> Vec<u8> {
        canonical(&self.value())
    }
}

/// JSON in one way of writing: keys sorted (by their bytes), two blanks a level, a line feed at the end. Numbers of up
/// to 15 digits are read back as they were.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text.into_bytes()
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let newline = |depth: usize, text: &mut String| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    let (open, close) = match value {
        Value::Array(items) if !items.is_empty() => ('[', ']'),
        Value::Object(fields) if !fields.is_empty() => ('{', '}'),
        plain => return text.push_str(&plain.to_string()),
    };
    text.push(open);
    let mut before = "";
    let mut next = |text: &mut String| {
        text.push_str(before);
        before = ",";
        newline(depth + 1, text);
    };
    match value {
        Value::Array(items) => {
            for item in items {
                next(text);
                write(item, depth + 1, text);
            }
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            for (key, field) in fields {
                next(text);
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push_str(": ");
                write(field, depth + 1, text);
            }
        }
        _ => {}
    }
    newline(depth, text);
    text.push(close);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn manifest() -> Manifest {
        let part = |path: &str, split: &str| Part {
            path: path.to_owned(),
            split: split.to_owned(),
            rows: 2,
            bytes: 120,
            sha256: "ab".repeat(32),
        };
        Manifest {
            format: FORMAT,
            model_version_id: "00000000-0000-0000-0000-000000000001".to_owned(),
            model_name: "support".to_owned(),
            version: "v1".to_owned(),
            base_model: "claude-haiku-5-5".to_owned(),
            prompt_version: 3,
            created_at: "2026-11-21T10:00:00Z".to_owned(),
            filters: json!({"quality": 0.7, "keep": {"other": 0.0534, "code": 1.0}, "held_out_percent": 10}),
            min_samples: 1_000,
            counts: Counts {
                train: 2,
                held_out: 2,
                by_type: BTreeMap::from([("other".to_owned(), 3), ("code".to_owned(), 1)]),
                masked: BTreeMap::from([("email".to_owned(), 4)]),
            },
            parts: vec![part("a/v1/train-00001.jsonl", "train"), part("a/v1/held-out-00001.jsonl", "held_out")],
        }
    }

    #[test]
    fn it_is_written_in_one_way() {
        let text = String::from_utf8(manifest().bytes()).unwrap();
        assert!(text.starts_with(concat!(
            "{\n  \"base_model\": \"claude-haiku-5-5\",\n  \"counts\": {\n    \"by_type\": {\n      \"code\": 1,\n",
            "      \"other\": 3\n    },\n    \"held_out\": 2,\n    \"masked\": {\n      \"email\": 4\n    },\n"
        )));
        assert!(text.contains("  \"format\": \"pawl-dataset/1\",\n"));
        assert!(text.ends_with("  \"prompt_version\": 3,\n  \"version\": \"v1\"\n}\n"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), manifest().value());
    }

    #[test]
    fn what_comes_back_from_a_database_is_written_the_same() {
        // In another order, and spaced otherwise.
        let mut fields: Vec<(String, Value)> = manifest().value().as_object().unwrap().clone().into_iter().collect();
        fields.reverse();
        let sent: Vec<String> = fields.iter().map(|(key, field)| format!("\"{key}\" :{field}")).collect();
        let back: Value = serde_json::from_str(&format!("{{{}}}", sent.join(" , "))).unwrap();
        assert_eq!(canonical(&back), manifest().bytes());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (0_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 10_000.0)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_json_says_the_same_and_stays_the_same(value in value()) {
            let bytes = canonical(&value);
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(canonical(&read), bytes);
        }
    }
}
