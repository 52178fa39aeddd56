use serde_json::{Map, Number, Value};
use wasmtime::component::{Type, Val};

use super::super::meter::LimitHit;
use super::super::schema::EXACT;
use crate::model::LimitName;

/// Why a result was not written.
#[derive(Debug)]
pub(in super::super) enum Unwritten {
    Limit(LimitHit),
    /// It took more steps than it was allowed, or the time was over.
    Unfinished,
}

/// Writes what a function returned, as long as it stays within `result_bytes`. `go_on` is asked once in a while.
pub(in super::super) fn result(
    ty: &Type,
    value: &Val,
    limit: u64,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Value, Unwritten> {
    Writer { limit, used: 0, steps: 0, go_on }.write(ty, value)
}

/// Steps between two questions whether to go on: some tens of microseconds.
const STEPS: usize = 4_096;

struct Writer<'a> {
    limit: u64,
    used: u64,
    steps: usize,
    go_on: &'a mut dyn FnMut() -> bool,
}

impl Writer<'_> {
    fn step(&mut self, steps: usize) -> Result<(), Unwritten> {
        self.steps += steps;
        if self.steps >= STEPS {
            self.steps = 0;
            if !(self.go_on)() {
                return Err(Unwritten::Unfinished);
            }
        }
        Ok(())
    }

    /// Counts what a piece will take when written; the pieces are counted before they are made.
    fn count(&mut self, bytes: usize) -> Result<(), Unwritten> {
        self.used = self.used.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.used > self.limit {
            let hit = LimitHit { name: LimitName::ResultBytes, value: self.limit, used: self.used };
            return Err(Unwritten::Limit(hit));
        }
        Ok(())
    }

    fn number(&mut self, number: impl Into<Number>) -> Result<Value, Unwritten> {
        let number = number.into();
        self.count(number.to_string().len())?;
        Ok(Value::Number(number))
    }

    fn text(&mut self, text: &str) -> Result<Value, Unwritten> {
        // Looking at each byte of a long one takes its time.
        self.step(text.len() / 64)?;
        self.count(written(text))?;
        Ok(Value::String(text.to_owned()))
    }

    fn float(&mut self, value: f64) -> Result<Value, Unwritten> {
        match Number::from_f64(value) {
            Some(number) => self.number(number),
            None if value.is_nan() => self.text("NaN"),
            None if value > 0.0 => self.text("Infinity"),
            None => self.text("-Infinity"),
        }
    }

    fn items<'v>(&mut self, items: impl ExactSizeIterator<Item = (Type, &'v Val)>) -> Result<Value, Unwritten> {
        self.count(1 + items.len().max(1))?;
        let mut out = Vec::new();
        for (ty, item) in items {
            out.push(self.write(&ty, item)?);
        }
        Ok(Value::Array(out))
    }

    fn tagged(&mut self, tag: &str, ty: Option<&Type>, payload: Option<&Val>) -> Result<Value, Unwritten> {
        self.count(tag.len() + 5)?;
        let payload = match (ty, payload) {
            (Some(ty), Some(payload)) => self.write(ty, payload)?,
            _ => Value::Null,
        };
        Ok(Value::Object(Map::from_iter([(tag.to_owned(), payload)])))
    }

    fn write(&mut self, ty: &Type, value: &Val) -> Result<Value, Unwritten> {
        self.step(1)?;
        match (value, ty) {
            (Val::Bool(value), _) => {
                self.count(5)?;
                Ok(Value::Bool(*value))
            }
            (Val::S8(value), _) => self.number(*value),
            (Val::U8(value), _) => self.number(*value),
            (Val::S16(value), _) => self.number(*value),
            (Val::U16(value), _) => self.number(*value),
            (Val::S32(value), _) => self.number(*value),
            (Val::U32(value), _) => self.number(*value),
            (Val::S64(value), _) if (-EXACT..=EXACT).contains(value) => self.number(*value),
            (Val::S64(value), _) => self.text(&value.to_string()),
            (Val::U64(value), _) if *value <= EXACT.unsigned_abs() => self.number(*value),
            (Val::U64(value), _) => self.text(&value.to_string()),
            (Val::Float32(value), _) => self.float(shortest(*value)),
            (Val::Float64(value), _) => self.float(*value),
            (Val::Char(value), _) => self.text(&value.to_string()),
            (Val::String(text), _) | (Val::Enum(text), _) => self.text(text),
            (Val::List(items), Type::List(list)) => {
                let ty = list.ty();
                self.items(items.iter().map(|item| (ty.clone(), item)))
            }
            (Val::FixedLengthList(items), Type::FixedLengthList(list)) => {
                let ty = list.ty();
                self.items(items.iter().map(|item| (ty.clone(), item)))
            }
            (Val::Tuple(items), Type::Tuple(tuple)) => {
                let types: Vec<Type> = tuple.types().collect();
                self.items(types.into_iter().zip(items))
            }
            (Val::Map(pairs), Type::Map(map)) => {
                self.count(2)?;
                let mut out = Vec::new();
                for (key, value) in pairs {
                    self.count(4)?;
                    out.push(Value::Array(vec![self.write(&map.key(), key)?, self.write(&map.value(), value)?]));
                }
                Ok(Value::Array(out))
            }
            (Val::Record(values), Type::Record(record)) => {
                self.count(2)?;
                let mut out = Map::new();
                for (field, (name, value)) in record.fields().zip(values) {
                    self.count(name.len() + 4)?;
                    let value = self.write(&field.ty, value)?;
                    out.insert(name.clone(), value);
                }
                Ok(Value::Object(out))
            }
            (Val::Variant(name, payload), Type::Variant(variant)) => {
                // A name among many, again for each item of a list: it is looked for at the price of its place.
                let place = variant.cases().position(|case| case.name == name).unwrap_or_default();
                self.step(place)?;
                match variant.cases().nth(place).and_then(|case| case.ty) {
                    None => self.text(name),
                    Some(ty) => self.tagged(name, Some(&ty), payload.as_deref()),
                }
            }
            (Val::Option(None), _) => {
                self.count(4)?;
                Ok(Value::Null)
            }
            (Val::Option(Some(inner)), Type::Option(option)) => match option.ty() {
                ty @ Type::Option(_) => self.tagged("some", Some(&ty), Some(inner)),
                ty => self.write(&ty, inner),
            },
            (Val::Result(Ok(payload)), Type::Result(result)) => {
                self.tagged("ok", result.ok().as_ref(), payload.as_deref())
            }
            (Val::Result(Err(payload)), Type::Result(result)) => {
                self.tagged("err", result.err().as_ref(), payload.as_deref())
            }
            (Val::Flags(names), _) => {
                self.count(2)?;
                names.iter().map(|name| self.text(name)).collect::<Result<_, _>>().map(Value::Array)
            }
            // Functions that could return these are not callable; `Program` refuses them by name.
            _ => Ok(Value::Null),
        }
    }
}

/// How long a text is between its quotes, where one byte may become six.
fn written(text: &str) -> usize {
    let byte = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(byte).sum::<usize>() + 2
}

/// The double whose shortest form is that of the float: 0.1 stays 0.1.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
