use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::text::{clean, clean_bytes};

/// The most bytes of one text of the details, escaped.
pub const DETAIL_TEXT_BYTES: usize = 1024;
/// The most entries of one list or map, and how deep they may lie in each other.
pub const DETAIL_ENTRIES: usize = 64;
pub const DETAIL_DEPTH: usize = 4;
const NODES: usize = 1024;
pub(super) const KEY_BYTES: usize = 64;

/// The largest number that every reader of JSON reads alike; one beyond is written as text.
pub const LARGEST_NUMBER: i64 = 9_007_199_254_740_991;

/// A fact about an event. It cannot be made but escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail(pub(super) Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Text(String),
    Number(i64),
    Flag(bool),
    List(Vec<Detail>),
    Map(BTreeMap<String, Detail>),
    /// Something was here that was too large or too deep.
    Cut,
}

impl Detail {
    /// Bytes that may be no text.
    pub fn bytes(bytes: &[u8]) -> Self {
        Detail(Kind::Text(clean_bytes(bytes, DETAIL_TEXT_BYTES)))
    }

    /// Any document of ours: limits, grants, usage, an outcome. Never hand in contents or secrets.
    pub fn of(document: &impl Serialize) -> Self {
        match serde_json::to_value(document) {
            Ok(value) => Self::of_value(&value, 0, &mut NODES.clone()).unwrap_or(Detail(Kind::Cut)),
            Err(_) => Detail(Kind::Cut),
        }
    }

    fn of_value(value: &Value, depth: usize, nodes: &mut usize) -> Option<Self> {
        *nodes = nodes.checked_sub(1)?;
        if depth > DETAIL_DEPTH {
            return Some(Detail(Kind::Cut));
        }
        Some(match value {
            Value::Null => return None,
            Value::Bool(flag) => Detail(Kind::Flag(*flag)),
            Value::Number(number) => number.as_i64().map_or_else(|| Detail::from(number.to_string()), Detail::from),
            Value::String(text) => Detail::from(text.as_str()),
            Value::Array(items) => {
                let mut list: Vec<_> = items
                    .iter()
                    .take(DETAIL_ENTRIES)
                    .filter_map(|item| Self::of_value(item, depth + 1, nodes))
                    .collect();
                if items.len() > DETAIL_ENTRIES {
                    list.push(Detail(Kind::Cut));
                }
                Detail(Kind::List(list))
            }
            Value::Object(fields) => {
                let take = fields.iter().take(DETAIL_ENTRIES);
                let mut map: BTreeMap<_, _> = take
                    .filter_map(|(key, value)| Some((clean_key(key), Self::of_value(value, depth + 1, nodes)?)))
                    .collect();
                if fields.len() > DETAIL_ENTRIES {
                    map.insert("~".to_owned(), Detail(Kind::Cut));
                }
                Detail(Kind::Map(map))
            }
        })
    }
}

/// Names within details are ASCII, so that their order is the same by bytes and, as RFC 8785 has it, by UTF-16.
pub(super) fn clean_key(key: &str) -> String {
    if key.len() <= KEY_BYTES && key.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        return key.to_owned();
    }
    let ascii: String = key.chars().take(KEY_BYTES).flat_map(char::escape_default).collect();
    ascii.chars().map(|c| if c == '\\' { '%' } else { c }).take(KEY_BYTES).collect()
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Detail(Kind::Text(clean(text, DETAIL_TEXT_BYTES)))
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Detail::from(text.as_str())
    }
}

impl From<i64> for Detail {
    fn from(number: i64) -> Self {
        if number.unsigned_abs() <= LARGEST_NUMBER.unsigned_abs() {
            Detail(Kind::Number(number))
        } else {
            Detail(Kind::Text(number.to_string()))
        }
    }
}

impl From<u64> for Detail {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or_else(|_| Detail(Kind::Text(number.to_string())), Detail::from)
    }
}

impl From<bool> for Detail {
    fn from(flag: bool) -> Self {
        Detail(Kind::Flag(flag))
    }
}

impl<T: Into<Detail>> FromIterator<T> for Detail {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items = items.into_iter();
        let mut list: Vec<Detail> = items.by_ref().take(DETAIL_ENTRIES).map(Into::into).collect();
        if items.next().is_some() {
            list.push(Detail(Kind::Cut));
        }
        Detail(Kind::List(list))
    }
}
