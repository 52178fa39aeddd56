use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A value as it is written down: it takes as much memory as it is long, and not many times that, as its tree would.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    pub fn of(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }

    /// What something is written down as.
    pub fn written(value: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::of)
    }

    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Its tree. An error only for what is deeper than any reader goes.
    pub fn value(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(self.text())
    }
}

/// From what becomes a tree, such as a number.
impl<T: Into<Value>> From<T> for Json {
    fn from(value: T) -> Self {
        // A tree of JSON is JSON.
        let raw = serde_json::value::to_raw_value(&value.into()).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self(raw.into())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// By way of its tree, so that it may stand anywhere. Whoever reads what may be large takes a [`RawValue`].
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}
