use serde_json::{Value, json};
use wasmtime::component::Type;

/// The largest whole number that every JSON reader keeps exactly.
pub(super) const EXACT: i64 = (1 << 53) - 1;

/// The JSON Schema of a type: what [`super::values`] reads and writes for it. `None` for what has no meaning
/// outside of the program.
pub(super) fn of(ty: &Type) -> Option<Value> {
    Some(match ty {
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
        Type::List(list) => json!({"type": "array", "items": of(&list.ty())?}),
        Type::FixedLengthList(list) => {
            json!({"type": "array", "items": of(&list.ty())?, "minItems": list.len(), "maxItems": list.len()})
        }
        Type::Map(map) => {
            let pair = [of(&map.key())?, of(&map.value())?];
            json!({"type": "array", "items": {"type": "array", "prefixItems": pair, "items": false, "minItems": 2}})
        }
        Type::Record(record) => {
            let mut properties = serde_json::Map::new();
            let mut required = Vec::new();
            for field in record.fields() {
                properties.insert(field.name.to_owned(), of(&field.ty)?);
                if !matches!(field.ty, Type::Option(_)) {
                    required.push(field.name.to_owned());
                }
            }
            json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
        }
        Type::Tuple(tuple) => {
            let items = tuple.types().map(|ty| of(&ty)).collect::<Option<Vec<_>>>()?;
            let length = items.len();
            json!({"type": "array", "prefixItems": items, "items": false, "minItems": length})
        }
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| match case.ty {
                None => Some(json!({"const": case.name})),
                Some(ty) => Some(tagged(case.name, of(&ty)?)),
            });
            json!({"oneOf": cases.collect::<Option<Vec<_>>>()?})
        }
        Type::Enum(cases) => json!({"enum": cases.names().collect::<Vec<_>>()}),
        Type::Option(option) => {
            let inner = option.ty();
            let some = match inner {
                Type::Option(_) => tagged("some", of(&inner)?),
                _ => of(&inner)?,
            };
            json!({"anyOf": [{"type": "null"}, some]})
        }
        Type::Result(result) => {
            let side = |ty: Option<Type>| ty.map_or(Some(json!({"type": "null"})), |ty| of(&ty));
            json!({"oneOf": [tagged("ok", side(result.ok())?), tagged("err", side(result.err())?)]})
        }
        Type::Flags(flags) => {
            json!({"type": "array", "items": {"enum": flags.names().collect::<Vec<_>>()}, "uniqueItems": true})
        }
        Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => return None,
    })
}

/// The schema of all parameters, by name; a list in their order is understood too.
pub(super) fn of_params<'a>(params: impl Iterator<Item = (&'a str, &'a Type)>) -> Option<Value> {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for (name, ty) in params {
        properties.insert(name.to_owned(), of(ty)?);
        if !matches!(ty, Type::Option(_)) {
            required.push(name.to_owned());
        }
    }
    Some(json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false}))
}

fn integer<N: serde::Serialize>(low: N, high: N) -> Value {
    json!({"type": "integer", "minimum": low, "maximum": high})
}

fn tagged(tag: &str, schema: Value) -> Value {
    json!({"type": "object", "properties": {tag: schema}, "required": [tag], "additionalProperties": false})
}

/// What in a type has no meaning outside of the program, if anything.
pub(super) fn foreign(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Own(_) | Type::Borrow(_) => Some("a resource"),
        Type::Future(_) => Some("a future"),
        Type::Stream(_) => Some("a stream"),
        Type::ErrorContext => Some("an error context"),
        Type::List(list) => foreign(&list.ty()),
        Type::FixedLengthList(list) => foreign(&list.ty()),
        Type::Map(map) => foreign(&map.key()).or_else(|| foreign(&map.value())),
        Type::Record(record) => record.fields().find_map(|field| foreign(&field.ty)),
        Type::Tuple(tuple) => tuple.types().find_map(|ty| foreign(&ty)),
        Type::Variant(variant) => variant.cases().find_map(|case| foreign(&case.ty?)),
        Type::Option(option) => foreign(&option.ty()),
        Type::Result(result) => {
            result.ok().and_then(|ty| foreign(&ty)).or_else(|| result.err().and_then(|ty| foreign(&ty)))
        }
        _ => None,
    }
}
