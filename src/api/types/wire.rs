use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// The largest number that is read: beyond it programs begin to disagree about what was written.
const MOST: u64 = i64::MAX.cast_unsigned();

/// A whole number from nought on. To JSON 5.0 is one as well, and it is taken as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = i64, minimum = 0)]
pub(in crate::api) struct Whole(pub(in crate::api) u64);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number)
    }
}

impl From<Whole> for u64 {
    fn from(whole: Whole) -> Self {
        whole.0
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number of 0 to {MOST}")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Whole, E> {
        let fits = number <= MOST;
        if fits { Ok(Whole(number)) } else { Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)) }
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Whole, E> {
        let positive = u64::try_from(number);
        positive.map(Whole).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Whole, E> {
        // As far as each whole number has its own.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.fract() != 0.0 || !(0.0..=EXACT).contains(&number) {
            return Err(E::invalid_value(de::Unexpected::Float(number), &self));
        }
        // Without a fraction it is written with digits alone.
        format!("{:.0}", number.abs()).parse().map(Whole).map_err(E::custom)
    }
}

/// What a change says of a field: nothing, that it should be gone (`null`), or what it should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::api) enum Change<T> {
    #[default]
    AsItIs,
    Gone,
    To(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Gone, Self::To))
    }
}

impl<T> Change<T> {
    /// What it is after the change, where it was `now`, and is `without` where it is gone.
    pub(in crate::api) fn of<U: From<T>>(self, now: U, without: U) -> U {
        match self {
            Self::AsItIs => now,
            Self::Gone => without,
            Self::To(value) => value.into(),
        }
    }
}

/// Bytes as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands for a body in the document")]
pub(in crate::api) struct Raw(Vec<u8>);

/// One event of a stream. `data` is JSON: the number of the event as `seq`, and with it the id of the run (`started`,
/// `done`), what it wrote (`stdout`, `stderr`: as `text`, or as `base64` where it is none), or the run without what it
/// wrote (`result`, `error`). An `error` without an id is one of the stream: what it says, and ask again for the rest.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for what is streamed in the document")]
pub(in crate::api) struct StreamedEvent {
    #[schema(pattern = "^(started|stdout|stderr|tool_call|result|error|done)$")]
    event: String,
    /// Grows, but for a `tool_call`, which has that of the event before; with it as `Last-Event-ID` a stream begins after this event.
    #[schema(pattern = "^[0-9]+$")]
    id: String,
    data: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_however_they_are_written_and_nothing_else_is() {
        let read = |text: &str| serde_json::from_str::<Whole>(text).map(|whole| whole.0);
        for (text, number) in [("0", 0), ("-0", 0), ("5.0", 5), ("1e3", 1_000), ("9223372036854775807", MOST)] {
            assert_eq!(read(text).unwrap(), number, "{text}");
        }
        for text in ["-1", "1.5", "1e300", "9223372036854775808", "18446744073709551616", "\"5\"", "true", "[5]"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
