use std::collections::HashSet;

use serde_json::{Map, Value};
use wasmtime::component::{Type, Val};

use super::super::error::{CallError, quoted};
use super::super::meter::LimitHit;
use super::super::schema::EXACT;
use crate::model::LimitName;

const NAME: usize = 80;
const EXPECTED: usize = 600;
/// What comparing with one more name is charged: the time of a copy of so many bytes.
const SEARCH_BYTES: usize = 16;
/// What a name takes besides its letters.
const NAME_BYTES: usize = 48;

/// Why arguments were not read.
#[derive(Debug)]
pub(in super::super) enum Unread {
    Wrong(CallError),
    /// They take more memory as values than one call may make the host allocate.
    Limit(LimitHit),
}

/// Reads the arguments of a call: an array in order, or an object by name. `null` stands for none.
///
/// A short text can stand for much: `{}` is a record with all its options, each with a name. So what the values take
/// is counted before they are made.
pub(in super::super) fn arguments(params: &[(String, Type)], args: &Value, limit: u64) -> Result<Vec<Val>, Unread> {
    let mut reader = Reader { limit, used: 0 };
    let root = Place::Root;
    let mut out = Vec::new();
    match args {
        Value::Null if params.is_empty() => {}
        Value::Array(items) => {
            if items.len() > params.len() {
                return Err(wrong(&root, &format!("at most {} arguments", params.len()), &count(items.len())));
            }
            for (index, (name, ty)) in params.iter().enumerate() {
                out.push(match items.get(index) {
                    Some(item) => reader.read(ty, item, &Place::Item(&root, index))?,
                    None => absent(ty, &Place::Field(&root, name))?,
                });
            }
        }
        Value::Object(fields) => {
            refuse_unknown(fields, params.iter().map(|(name, _)| name.as_str()), &root)?;
            for (name, ty) in params {
                let at = Place::Field(&root, name);
                out.push(match fields.get(name) {
                    Some(item) => reader.read(ty, item, &at)?,
                    None => absent(ty, &at)?,
                });
            }
        }
        other => {
            return Err(wrong(&root, "an array of arguments, or an object with one field for each", describe(other)));
        }
    }
    Ok(out)
}

/// Where in the arguments we are; written out only when something is wrong.
enum Place<'a> {
    Root,
    Item(&'a Place<'a>, usize),
    Field(&'a Place<'a>, &'a str),
}

impl Place<'_> {
    fn show(&self) -> String {
        match self {
            Place::Root => "$".to_owned(),
            Place::Item(parent, index) => format!("{}[{index}]", parent.show()),
            Place::Field(parent, name) => format!("{}.{}", parent.show(), quoted(name, NAME)),
        }
    }
}

fn wrong(at: &Place<'_>, expected: &str, found: &str) -> Unread {
    let expected = quoted(expected, EXPECTED);
    Unread::Wrong(CallError::Argument { at: at.show(), expected, found: found.to_owned() })
}

fn count(items: usize) -> String {
    format!("{items}")
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn absent(ty: &Type, at: &Place<'_>) -> Result<Val, Unread> {
    match ty {
        Type::Option(_) => Ok(Val::Option(None)),
        _ => Err(wrong(at, "a value", "nothing")),
    }
}

fn refuse_unknown<'a>(
    fields: &Map<String, Value>,
    known: impl Iterator<Item = &'a str>,
    at: &Place<'_>,
) -> Result<(), Unread> {
    let known: Vec<&str> = known.collect();
    let names: HashSet<&str> = known.iter().copied().collect();
    match fields.keys().find(|name| !names.contains(name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let expected = if names.is_empty() { "no fields".to_owned() } else { some_of(known.into_iter()) };
            Err(wrong(&Place::Field(at, name), &expected, "a field of another name"))
        }
    }
}

/// Names for a message: the first of them, where there are many.
fn some_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.take(20).map(|name| quoted(name, NAME)).collect::<Vec<_>>().join(", ")
}

struct Reader {
    limit: u64,
    used: u64,
}

impl Reader {
    fn take(&mut self, bytes: usize) -> Result<(), Unread> {
        self.used = self.used.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.used > self.limit {
            return Err(Unread::Limit(LimitHit { name: LimitName::HostcallBytes, value: self.limit, used: self.used }));
        }
        Ok(())
    }

    /// Finding a name among many takes time, which is paid as if it were memory.
    fn search(&mut self, among: usize, name: &str) -> Result<(), Unread> {
        self.take(NAME_BYTES.saturating_add(name.len()).saturating_add(among.saturating_mul(SEARCH_BYTES)))
    }

    fn read(&mut self, ty: &Type, value: &Value, at: &Place<'_>) -> Result<Val, Unread> {
        self.take(size_of::<Val>())?;
        let not = |expected: &str| Err(wrong(at, expected, describe(value)));
        Ok(match ty {
            Type::Bool => match value {
                Value::Bool(value) => Val::Bool(*value),
                _ => return not("true or false"),
            },
            Type::S8 => Val::S8(integer(value, at)?),
            Type::U8 => Val::U8(integer(value, at)?),
            Type::S16 => Val::S16(integer(value, at)?),
            Type::U16 => Val::U16(integer(value, at)?),
            Type::S32 => Val::S32(integer(value, at)?),
            Type::U32 => Val::U32(integer(value, at)?),
            Type::S64 => Val::S64(integer(value, at)?),
            Type::U64 => Val::U64(integer(value, at)?),
            Type::Float32 => Val::Float32(float32(value, at)?),
            Type::Float64 => Val::Float64(float(value, at)?),
            Type::Char => {
                let mut chars = value.as_str().unwrap_or_default().chars();
                match (chars.next(), chars.next()) {
                    (Some(one), None) => Val::Char(one),
                    _ => return not("a string of one character"),
                }
            }
            Type::String => match value {
                Value::String(text) => {
                    self.take(text.len())?;
                    Val::String(text.clone())
                }
                _ => return not("a string"),
            },
            Type::List(list) => Val::List(self.items(&list.ty(), value, at)?),
            Type::FixedLengthList(list) => {
                let items = self.items(&list.ty(), value, at)?;
                if u32::try_from(items.len()) != Ok(list.len()) {
                    return Err(wrong(at, &format!("an array of {} items", list.len()), &count(items.len())));
                }
                Val::FixedLengthList(items)
            }
            Type::Map(map) => {
                let Value::Array(pairs) = value else { return not("an array of pairs") };
                let (key_ty, value_ty) = (map.key(), map.value());
                let mut out = Vec::new();
                for (index, pair) in pairs.iter().enumerate() {
                    let at = Place::Item(at, index);
                    let Some([key, value]) = pair.as_array().map(Vec::as_slice) else {
                        return Err(wrong(&at, "an array of a key and a value", describe(pair)));
                    };
                    let key = self.read(&key_ty, key, &Place::Item(&at, 0))?;
                    out.push((key, self.read(&value_ty, value, &Place::Item(&at, 1))?));
                }
                Val::Map(out)
            }
            Type::Record(record) => {
                let Value::Object(fields) = value else { return not("an object") };
                // Reading may be refused before all names were compared, so they are paid for first.
                self.take(record.fields().map(|field| NAME_BYTES + field.name.len()).sum())?;
                refuse_unknown(fields, record.fields().map(|field| field.name), at)?;
                let mut out = Vec::new();
                for field in record.fields() {
                    let at = Place::Field(at, field.name);
                    let value = match fields.get(field.name) {
                        Some(value) => self.read(&field.ty, value, &at)?,
                        None => absent(&field.ty, &at)?,
                    };
                    out.push((field.name.to_owned(), value));
                }
                Val::Record(out)
            }
            Type::Tuple(tuple) => {
                let length = tuple.types().len();
                match value {
                    Value::Array(items) if items.len() == length => {
                        let mut out = Vec::new();
                        for (index, (ty, item)) in tuple.types().zip(items).enumerate() {
                            out.push(self.read(&ty, item, &Place::Item(at, index))?);
                        }
                        Val::Tuple(out)
                    }
                    Value::Array(items) => {
                        return Err(wrong(at, &format!("an array of {length} items"), &count(items.len())));
                    }
                    _ => return not(&format!("an array of {length} items")),
                }
            }
            Type::Variant(variant) => {
                let (name, payload) = case(value, at)?;
                self.search(variant.cases().len(), name)?;
                let Some(case) = variant.cases().find(|case| case.name == name) else {
                    let names: Vec<_> = variant.cases().map(|case| case.name.to_owned()).collect();
                    return Err(wrong(at, &format!("one of {}", names.join(", ")), &quoted(name, NAME)));
                };
                let payload = match (case.ty, payload) {
                    (None, None) => None,
                    (Some(ty), Some(payload)) => Some(Box::new(self.read(&ty, payload, &Place::Field(at, name))?)),
                    (None, Some(_)) => return Err(wrong(at, &format!("\"{name}\" alone"), "an object")),
                    (Some(_), None) => return Err(wrong(at, &format!("{{\"{name}\": …}}"), "a string")),
                };
                Val::Variant(name.to_owned(), payload)
            }
            Type::Enum(cases) => {
                self.search(cases.names().len(), value.as_str().unwrap_or_default())?;
                match value.as_str() {
                    Some(name) if cases.names().any(|case| case == name) => Val::Enum(name.to_owned()),
                    _ => return not(&format!("one of {}", some_of(cases.names()))),
                }
            }
            Type::Option(option) => {
                let inner = option.ty();
                match (value, &inner) {
                    (Value::Null, _) => Val::Option(None),
                    (Value::Object(fields), Type::Option(_)) => match (fields.len(), fields.get("some")) {
                        (1, Some(some)) => {
                            Val::Option(Some(Box::new(self.read(&inner, some, &Place::Field(at, "some"))?)))
                        }
                        _ => return not("null or {\"some\": …}"),
                    },
                    (_, Type::Option(_)) => return not("null or {\"some\": …}"),
                    (some, _) => Val::Option(Some(Box::new(self.read(&inner, some, at)?))),
                }
            }
            Type::Result(result) => {
                let expected = "{\"ok\": …} or {\"err\": …}";
                let Value::Object(fields) = value else { return not(expected) };
                let mut fields = fields.iter();
                let (Some((side, payload)), None) = (fields.next(), fields.next()) else { return not(expected) };
                let at = Place::Field(at, side);
                let mut read_side = |ty: Option<Type>| match ty {
                    Some(ty) => self.read(&ty, payload, &at).map(|value| Some(Box::new(value))),
                    None if payload.is_null() => Ok(None),
                    None => Err(wrong(&at, "null", describe(payload))),
                };
                match side.as_str() {
                    "ok" => Val::Result(Ok(read_side(result.ok())?)),
                    "err" => Val::Result(Err(read_side(result.err())?)),
                    _ => return Err(wrong(&at, expected, "another field")),
                }
            }
            Type::Flags(flags) => {
                let Value::Array(items) = value else { return not("an array of names") };
                let mut out = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    self.search(flags.names().len(), item.as_str().unwrap_or_default())?;
                    match item.as_str() {
                        Some(name) if flags.names().any(|flag| flag == name) => out.push(name.to_owned()),
                        _ => {
                            let expected = format!("one of {}", some_of(flags.names()));
                            return Err(wrong(&Place::Item(at, index), &expected, describe(item)));
                        }
                    }
                }
                Val::Flags(out)
            }
            Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
                return Err(wrong(at, "nothing that can be written", describe(value)));
            }
        })
    }

    fn items(&mut self, ty: &Type, value: &Value, at: &Place<'_>) -> Result<Vec<Val>, Unread> {
        let Value::Array(items) = value else { return Err(wrong(at, "an array", describe(value))) };
        items.iter().enumerate().map(|(index, item)| self.read(ty, item, &Place::Item(at, index))).collect()
    }
}

/// `"name"`, or an object of one field.
fn case<'a>(value: &'a Value, at: &Place<'_>) -> Result<(&'a str, Option<&'a Value>), Unread> {
    match value {
        Value::String(name) => Ok((name, None)),
        Value::Object(fields) if fields.len() == 1 => {
            fields.iter().next().map(|(name, payload)| (name.as_str(), Some(payload))).ok_or_else(|| unreadable(at))
        }
        _ => Err(unreadable(at)),
    }
}

fn unreadable(at: &Place<'_>) -> Unread {
    wrong(at, "the name of a case, or an object with the case as its only field", "something else")
}

trait Whole: TryFrom<i128> {
    const EXPECTED: &str;
}

macro_rules! whole {
    ($($ty:ident $expected:literal)*) => { $(impl Whole for $ty { const EXPECTED: &str = $expected; })* };
}

whole! {
    i8 "a whole number from -128 to 127"
    u8 "a whole number from 0 to 255"
    i16 "a whole number from -32768 to 32767"
    u16 "a whole number from 0 to 65535"
    i32 "a whole number of 32 bits with a sign"
    u32 "a whole number of 32 bits without a sign"
    i64 "a whole number of 64 bits with a sign, or a string of its digits"
    u64 "a whole number of 64 bits without a sign, or a string of its digits"
}

/// `2.0` is a whole number to JSON.
#[expect(clippy::cast_possible_truncation, reason = "within what a double holds exactly")]
fn whole_double(number: f64) -> Option<i128> {
    (number.fract() == 0.0 && number.abs() <= EXACT as f64).then_some(number as i128)
}

fn integer<N: Whole>(value: &Value, at: &Place<'_>) -> Result<N, Unread> {
    let number = match value {
        Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .or_else(|| number.as_f64().and_then(whole_double)),
        // A double cannot carry these, so many clients write them as text.
        Value::String(digits) if size_of::<N>() == 8 && !digits.starts_with('+') => digits.parse::<i128>().ok(),
        _ => None,
    };
    number.and_then(|number| N::try_from(number).ok()).ok_or_else(|| {
        let found = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("\"{}\"", quoted(text, NAME)),
            other => describe(other).to_owned(),
        };
        wrong(at, N::EXPECTED, &found)
    })
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest is what a float32 means")]
fn float32(value: &Value, at: &Place<'_>) -> Result<f32, Unread> {
    let wide = float(value, at)?;
    let narrow = wide as f32;
    if wide.is_finite() && narrow.is_infinite() {
        return Err(wrong(at, "a number that a float of 32 bits can hold, or \"Infinity\"", &wide.to_string()));
    }
    Ok(narrow)
}

fn float(value: &Value, at: &Place<'_>) -> Result<f64, Unread> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(name) => match name.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| wrong(at, "a number, or \"NaN\", \"Infinity\", \"-Infinity\"", describe(value)))
}
