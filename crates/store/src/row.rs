//! Reading what the database answers, field by field: what serde's derives generate for the larger answers weighs 100 KB
//! of wasm.

use serde_json::Value;
use uuid::Uuid;

/// A JSON value whose fields are read by name.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a>(&'a Value);

impl<'a> Row<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        Self(value)
    }

    pub(crate) fn itself(self) -> &'a Value {
        self.0
    }

    pub(crate) fn at(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name)
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.at(name)?.as_i64()
    }

    pub(crate) fn num(&self, name: &str) -> Option<f64> {
        self.at(name)?.as_f64()
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.at(name).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        Some(self.at(name)?.as_str()?.to_owned())
    }

    pub(crate) fn id(&self, name: &str) -> Option<Uuid> {
        Uuid::parse_str(self.at(name)?.as_str()?).ok()
    }

    /// The elements of a list, each read; `None` if one cannot be.
    pub(crate) fn all<T>(&self, name: &str, read: fn(Row<'a>) -> Option<T>) -> Option<Vec<T>> {
        self.at(name)?.as_array()?.iter().map(|element| read(Row(element))).collect()
    }

    pub(crate) fn itself_text(self) -> Option<String> {
        self.0.as_str().map(str::to_owned)
    }

    pub(crate) fn itself_id(self) -> Option<Uuid> {
        Uuid::parse_str(self.0.as_str()?).ok()
    }
}
