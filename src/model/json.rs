use std::fmt;
use std::sync::Arc;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
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

    /// What a guest says is JSON, where every reader can read it: a lone surrogate, a number that no float holds, or more
    /// levels than a reader goes down would make the whole of the answer unreadable. It is read without being kept.
    pub fn of_guest(text: String) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(&text);
        Levels(LEVELS).deserialize(&mut reader).and_then(|()| reader.end()).ok()?;
        RawValue::from_string(text).ok().map(Self::of)
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

/// Readers stop at 128, and an answer stands some levels deep in what is sent.
const LEVELS: usize = 64;

/// Reads a value of so many levels, and keeps nothing of it.
#[derive(Clone, Copy)]
struct Levels(usize);

impl Levels {
    fn below<E: de::Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("too many levels"))
    }
}

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while items.next_element_seed(below)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let below = self.below()?;
        while entries.next_entry_seed(below, below)?.is_some() {}
        Ok(())
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
