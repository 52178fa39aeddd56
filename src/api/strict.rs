use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};

use super::problem::Problem;

/// How deep a document may be; `serde_json` itself gives up at 128.
const DEPTH: usize = 64;

/// The most characters of the place of what is not plain.
const FIELD: usize = 100;

/// Reads JSON from a caller: nothing twice, nothing too deep, nothing unknown, and the place of what is wrong.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let plain = Plain { depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end());
    plain.map_err(|error| wrong(&error, place_of(bytes).as_deref()))?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read: Result<Named<T>, _> = serde_path_to_error::deserialize(&mut reader);
    read.map(|named| named.0).map_err(|error| wrong(error.inner(), Some(&error.path().to_string())))
}

/// Where it stops to be plain: looked for only when something is wrong.
fn place_of(bytes: &[u8]) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let read = Plain { depth: 0 }.deserialize(serde_path_to_error::Deserializer::new(&mut reader, &mut track));
    let path = read.err().map(|_| track.path().to_string())?;
    // A request is an object; of what is far too deep the way in is enough.
    (!path.starts_with(['[', '?'])).then(|| path.chars().take(FIELD).collect())
}

fn wrong(error: &serde_json::Error, path: Option<&str>) -> Problem {
    let said = error.to_string();
    let problem = Problem::bad("bad_json", said.as_str());
    match path.and_then(|path| place(&said, path)) {
        Some(field) => problem.at(field),
        None => problem,
    }
}

/// The field at fault, from where the reader stood and what it said: of one that is missing it knows the name only.
pub(super) fn place(said: &str, path: &str) -> Option<String> {
    let path = if path == "." { "" } else { path };
    let named = |words: &str| said.strip_prefix(words).and_then(|rest| rest.split('`').next());
    match named("missing field `").or_else(|| named("unknown field `")).or_else(|| named("the field `")) {
        Some(name) if path.is_empty() => Some(name.to_owned()),
        Some(name) if path != name && !path.ends_with(&format!(".{name}")) => Some(format!("{path}.{name}")),
        _ => (!path.is_empty()).then(|| path.to_owned()),
    }
}

/// An object. Serde itself would take an array in its place, and read the fields by their order.
pub(super) struct Named<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Fields(PhantomData)).map(Self)
    }
}

/// `Named`, for the fields of a document.
pub(super) fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Named::deserialize(deserializer).map(|named| named.0)
}

/// The same of a field that may be left out.
pub(super) fn named_or_none<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Named<T>>::deserialize(deserializer)?.map(|named| named.0))
}

/// The same of each in a list.
pub(super) fn each_named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Named<T>>::deserialize(deserializer)?.into_iter().map(|named| named.0).collect())
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// Looks through a document without keeping it. A name that comes twice would mean one thing to us and another to
/// whoever looked at the request before us.
struct Plain {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Plain {
    fn deeper<E: serde::de::Error>(&self) -> Result<Plain, E> {
        if self.depth >= DEPTH {
            return Err(E::custom(format!("it is deeper than {DEPTH} levels")));
        }
        Ok(Plain { depth: self.depth + 1 })
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
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

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen: HashSet<String> = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if seen.contains(&name) {
                return Err(A::Error::custom(format!("the field `{name}` is there twice")));
            }
            seen.insert(name);
            fields.next_value_seed(self.deeper()?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn refused(text: &str) -> String {
        let problem = read::<Value>(text.as_bytes()).unwrap_err();
        serde_json::to_value(&problem).unwrap()["detail"].as_str().unwrap().to_owned()
    }

    #[test]
    fn what_is_not_plain_is_named() {
        let field = |text: &str| {
            let problem = read::<Value>(text.as_bytes()).unwrap_err();
            serde_json::to_value(&problem).unwrap()["field"].as_str().map(str::to_owned)
        };
        assert_eq!(field(r#"{"a": 1, "a": 2}"#).unwrap(), "a");
        assert_eq!(field(r#"{"a": {"b": [0, {"c": 1, "c": 2}]}}"#).unwrap(), "a.b[1].c");
        let deep = format!(r#"{{"args": [{}1{}]}}"#, "[".repeat(70), "]".repeat(70));
        assert!(field(&deep).unwrap().starts_with("args[0][0]"));
        assert_eq!(field("{"), None);
    }

    #[test]
    fn a08_what_could_mean_two_things_is_refused_with_its_place() {
        assert!(refused(r#"{"a": 1, "b": {"c": 1, "c": 2}}"#).contains("`c` is there twice at line 1"));
        assert!(refused(r#"{"a": 1, "\u0061": 2}"#).contains("`a` is there twice"), "however it is written");
        assert!(refused(&format!("{}1{}", "[".repeat(70), "]".repeat(70))).contains("deeper than 64"));
        assert!(refused(&"[".repeat(100_000)).contains("deeper than 64"));
        assert!(refused("NaN").contains("line 1 column 1"));
        assert!(refused(r#""\ud800""#).contains("escape"));
        assert!(refused("1e999").contains("out of range"));
        assert!(refused("{} {}").contains("trailing"));
        assert_eq!(read::<Value>(br#"{"a": [1, {"b": null}]}"#).unwrap()["a"][0], 1);
    }
}
