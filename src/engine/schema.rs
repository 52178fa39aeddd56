use serde_json::{Value, json};
use wasmtime::component::Type;

/// The largest whole number that every JSON reader keeps exactly.
pub(super) const EXACT: i64 = (1 << 53) - 1;

/// What the schemas and names of one program may take in memory. A type that is used twice is written twice, so a few
/// lines of a program can describe more than a machine holds.
pub(super) const MOST_BYTES: usize = 8 << 20;
/// What one JSON object takes, rounded up.
const OBJECT_BYTES: usize = 1 << 10;

/// Why a type has no schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSchema {
    /// What in it has no meaning outside of the program.
    Foreign(&'static str),
    /// The types of the program are too large to write out.
    TooLarge,
}

/// Writes the JSON Schema of types: what [`super::values`] reads and writes for them.
pub(super) struct Schemas {
    left: usize,
}

impl Schemas {
    pub(super) fn new() -> Self {
        Self { left: MOST_BYTES }
    }

    /// What the schemas written so far take.
    pub(super) fn bytes(&self) -> usize {
        MOST_BYTES - self.left
    }

    fn take(&mut self, bytes: usize) -> Result<(), NoSchema> {
        self.left = self.left.checked_sub(bytes).ok_or(NoSchema::TooLarge)?;
        Ok(())
    }

    fn name(&mut self, name: &str) -> Result<(), NoSchema> {
        // Once where it is described, once where it is required.
        self.take(name.len().saturating_add(64).saturating_mul(2))
    }

    /// Takes what the name of a function or an import takes: where it is described, where it is found, and written out.
    pub(super) fn named(&mut self, bytes: usize) -> Result<(), NoSchema> {
        self.take(bytes.saturating_add(64).saturating_mul(3))
    }

    fn names<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<Value, NoSchema> {
        let mut out = Vec::new();
        for name in names {
            self.name(name)?;
            out.push(Value::from(name));
        }
        Ok(Value::Array(out))
    }

    /// An object of these fields and no others. Only what may be `null` may be left out.
    pub(super) fn object<'a>(&mut self, fields: impl Iterator<Item = (&'a str, Type)>) -> Result<Value, NoSchema> {
        self.take(OBJECT_BYTES)?;
        let mut properties = serde_json::Map::new();
        let mut required = Vec::new();
        for (name, ty) in fields {
            self.name(name)?;
            properties.insert(name.to_owned(), self.of(&ty)?);
            if !matches!(ty, Type::Option(_)) {
                required.push(name.to_owned());
            }
        }
        Ok(json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}))
    }

    fn tuple(&mut self, types: impl Iterator<Item = Type>) -> Result<Value, NoSchema> {
        let items = types.map(|ty| self.of(&ty)).collect::<Result<Vec<_>, _>>()?;
        let length = items.len();
        Ok(json!({"type": "array", "prefixItems": items, "items": false, "minItems": length}))
    }

    fn tagged(&mut self, tag: &str, ty: Option<Type>) -> Result<Value, NoSchema> {
        self.take(OBJECT_BYTES)?;
        self.name(tag)?;
        let schema = match ty {
            Some(ty) => self.of(&ty)?,
            None => json!({"type": "null"}),
        };
        Ok(json!({"type": "object", "properties": {tag: schema}, "required": [tag], "additionalProperties": false}))
    }

    /// The schema of a type.
    pub(super) fn of(&mut self, ty: &Type) -> Result<Value, NoSchema> {
        self.take(OBJECT_BYTES)?;
        Ok(match ty {
            Type::Bool => json!({"type": "boolean"}),
            Type::S8 => integer(i8::MIN, i8::MAX),
            Type::U8 => integer(u8::MIN, u8::MAX),
            Type::S16 => integer(i16::MIN, i16::MAX),
            Type::U16 => integer(u16::MIN, u16::MAX),
            Type::S32 => integer(i32::MIN, i32::MAX),
            Type::U32 => integer(u32::MIN, u32::MAX),
            Type::S64 => json!({"anyOf": [integer(i64::MIN, i64::MAX), {"type": "string", "pattern": "^-?[0-9]+$"}]}),
            Type::U64 => json!({"anyOf": [integer(u64::MIN, u64::MAX), {"type": "string", "pattern": "^[0-9]+$"}]}),
            Type::Float32 | Type::Float64 => {
                json!({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]})
            }
            Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
            Type::String => json!({"type": "string"}),
            Type::List(list) => json!({"type": "array", "items": self.of(&list.ty())?}),
            Type::FixedLengthList(list) => {
                let items = self.of(&list.ty())?;
                json!({"type": "array", "items": items, "minItems": list.len(), "maxItems": list.len()})
            }
            Type::Map(map) => {
                let pair = self.tuple([map.key(), map.value()].into_iter())?;
                json!({"type": "array", "items": pair})
            }
            Type::Record(record) => self.object(record.fields().map(|field| (field.name, field.ty)))?,
            Type::Tuple(tuple) => self.tuple(tuple.types())?,
            Type::Variant(variant) => {
                let mut cases = Vec::new();
                for case in variant.cases() {
                    cases.push(match case.ty {
                        None => {
                            self.take(OBJECT_BYTES)?;
                            self.name(case.name)?;
                            json!({"const": case.name})
                        }
                        Some(ty) => self.tagged(case.name, Some(ty))?,
                    });
                }
                json!({"oneOf": cases})
            }
            Type::Enum(cases) => json!({"enum": self.names(cases.names())?}),
            Type::Option(option) => {
                let some = match option.ty() {
                    inner @ Type::Option(_) => self.tagged("some", Some(inner))?,
                    inner => self.of(&inner)?,
                };
                json!({"anyOf": [{"type": "null"}, some]})
            }
            Type::Result(result) => {
                json!({"oneOf": [self.tagged("ok", result.ok())?, self.tagged("err", result.err())?]})
            }
            Type::Flags(flags) => {
                json!({"type": "array", "items": {"enum": self.names(flags.names())?}, "uniqueItems": true})
            }
            Type::Own(_) | Type::Borrow(_) => return Err(NoSchema::Foreign("a resource")),
            Type::Future(_) => return Err(NoSchema::Foreign("a future")),
            Type::Stream(_) => return Err(NoSchema::Foreign("a stream")),
            Type::ErrorContext => return Err(NoSchema::Foreign("an error context")),
        })
    }
}

fn integer<N: serde::Serialize>(low: N, high: N) -> Value {
    json!({"type": "integer", "minimum": low, "maximum": high})
}
