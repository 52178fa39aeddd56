use std::collections::HashSet;

use serde_json::{Map, Value};

use super::place::Place;
use super::read::Schema;

/// How deep a schema may lead into itself while something is checked.
const DEEPER: usize = 64;
/// What a byte that is matched with a pattern counts, in steps.
const MATCHED: u64 = 16;

/// Why an input was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Wrong {
    /// Where it does not fit, and how.
    Unfit(String),
    /// More steps than were allowed.
    Unfinished,
}

impl Schema {
    /// Whether an input fits, found out in so many steps.
    pub(in super::super) fn check(&self, input: &Value, steps: u64) -> Result<(), Wrong> {
        Checker { schema: self, left: steps, depth: 0 }.check(&self.root, input, &Place::Root)
    }
}

struct Checker<'a> {
    schema: &'a Schema,
    left: u64,
    depth: usize,
}

type Fits = Result<(), Wrong>;

fn unfit(at: &Place<'_>, what: impl AsRef<str>) -> Fits {
    Err(Wrong::Unfit(format!("{}: {}", at.show(), what.as_ref())))
}

impl Checker<'_> {
    fn take(&mut self, steps: u64) -> Fits {
        self.left = self.left.checked_sub(steps).ok_or(Wrong::Unfinished)?;
        Ok(())
    }

    fn check(&mut self, schema: &Value, value: &Value, at: &Place<'_>) -> Fits {
        self.take(1)?;
        let words = match schema {
            Value::Object(words) => words,
            Value::Bool(false) => return unfit(at, "nothing may stand here"),
            _ => return Ok(()),
        };
        if self.depth >= DEEPER {
            return unfit(at, "it is deeper than is checked, or the schema of the tool goes around in circles");
        }
        self.depth += 1;
        let done = self.words(words, value, at);
        self.depth -= 1;
        done
    }

    fn words(&mut self, words: &Map<String, Value>, value: &Value, at: &Place<'_>) -> Fits {
        if let Some(to) = words.get("$ref").and_then(Value::as_str).and_then(|name| self.schema.target(name)) {
            self.check(to, value, at)?;
        }
        if let Some(kind) = words.get("type") {
            of_type(kind, value, at)?;
        }
        if let Some(constant) = words.get("const").filter(|constant| !same(constant, value)) {
            return unfit(at, format!("expected {}", short(constant)));
        }
        if let Some(all) = words.get("enum").and_then(Value::as_array) {
            self.take(wide(all.len()))?;
            if !all.iter().any(|one| same(one, value)) {
                let known: Vec<_> = all.iter().take(20).map(short).collect();
                return unfit(at, format!("expected one of {}", known.join(", ")));
            }
        }
        match value {
            Value::String(text) => self.string(words, text, at)?,
            Value::Number(number) => of_number(words, number.as_f64().unwrap_or(f64::NAN), at)?,
            Value::Array(items) => self.array(words, items, at)?,
            Value::Object(fields) => self.object(words, fields, at)?,
            Value::Null | Value::Bool(_) => {}
        }
        self.combined(words, value, at)
    }

    fn combined(&mut self, words: &Map<String, Value>, value: &Value, at: &Place<'_>) -> Fits {
        let all = |word: &str| words.get(word).and_then(Value::as_array);
        for one in all("allOf").into_iter().flatten() {
            self.check(one, value, at)?;
        }
        if let Some(any) = all("anyOf")
            && self.count(any, value, at, 1)? == 0
        {
            return unfit(at, "it is none of those that it may be");
        }
        if let Some(one) = all("oneOf")
            && self.count(one, value, at, 2)? != 1
        {
            return unfit(at, "it must be exactly one of those that it may be");
        }
        match words.get("not") {
            Some(not) if self.count(std::slice::from_ref(not), value, at, 1)? > 0 => {
                unfit(at, "it is what it must not be")
            }
            _ => Ok(()),
        }
    }

    /// How many of some schemas it fits; no more are looked for than are asked about.
    fn count(&mut self, all: &[Value], value: &Value, at: &Place<'_>, most: usize) -> Result<usize, Wrong> {
        let mut found = 0;
        for one in all {
            match self.check(one, value, at) {
                Ok(()) => found += 1,
                Err(Wrong::Unfit(_)) => {}
                Err(Wrong::Unfinished) => return Err(Wrong::Unfinished),
            }
            if found == most {
                break;
            }
        }
        Ok(found)
    }

    fn string(&mut self, words: &Map<String, Value>, text: &str, at: &Place<'_>) -> Fits {
        if words.contains_key("minLength") || words.contains_key("maxLength") {
            self.take(wide(text.len()) / 16)?;
            within(words, "minLength", "maxLength", text.chars().count(), "characters", at)?;
        }
        let Some(pattern) = words.get("pattern").and_then(Value::as_str) else { return Ok(()) };
        self.take(wide(text.len()).saturating_mul(MATCHED))?;
        match self.schema.patterns.get(pattern) {
            Some(known) if !known.is_match(text) => unfit(at, format!("it does not match {pattern}")),
            _ => Ok(()),
        }
    }

    fn array(&mut self, words: &Map<String, Value>, items: &[Value], at: &Place<'_>) -> Fits {
        within(words, "minItems", "maxItems", items.len(), "items", at)?;
        let first = words.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (n, (item, schema)) in items.iter().zip(first).enumerate() {
            self.check(schema, item, &Place::Item(at, n))?;
        }
        if let Some(rest) = words.get("items") {
            for (n, item) in items.iter().enumerate().skip(first.len()) {
                self.check(rest, item, &Place::Item(at, n))?;
            }
        }
        if words.get("uniqueItems").is_some_and(|unique| *unique == true) {
            let mut seen = HashSet::new();
            for (n, item) in items.iter().enumerate() {
                let text = item.to_string();
                self.take(1 + wide(text.len()) / 16)?;
                if !seen.insert(text) {
                    return unfit(&Place::Item(at, n), "it is there twice");
                }
            }
        }
        Ok(())
    }

    fn object(&mut self, words: &Map<String, Value>, fields: &Map<String, Value>, at: &Place<'_>) -> Fits {
        within(words, "minProperties", "maxProperties", fields.len(), "fields", at)?;
        let required = words.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        self.take(wide(required.len()) + wide(fields.len()))?;
        if let Some(name) = required.iter().filter_map(Value::as_str).find(|name| !fields.contains_key(*name)) {
            return unfit(&Place::Field(at, name), "it is missing");
        }
        let known = words.get("properties").and_then(Value::as_object);
        let more = words.get("additionalProperties");
        for (name, value) in fields {
            let at = Place::Field(at, name);
            match (known.and_then(|known| known.get(name)), more) {
                (Some(schema), _) => self.check(schema, value, &at)?,
                (None, Some(Value::Bool(false))) => {
                    let names: Vec<_> = known.into_iter().flat_map(Map::keys).take(20).map(String::as_str).collect();
                    return unfit(&at, format!("it is not known; there are: {}", names.join(", ")));
                }
                (None, Some(schema)) => self.check(schema, value, &at)?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Numbers are the same however they are written.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

/// In a few words, whatever its size: it is made for each thing that does not fit.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if text.len() > 80 => format!("\"{}…\"", text.chars().take(80).collect::<String>()),
        Value::Array(items) if !items.is_empty() => format!("a list of {}", items.len()),
        Value::Object(fields) if !fields.is_empty() => format!("an object of {}", fields.len()),
        other => other.to_string(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn of_type(kind: &Value, value: &Value, at: &Place<'_>) -> Fits {
    let is = |kind: &Value| match kind.as_str().unwrap_or_default() {
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        name => name == kind_of(value),
    };
    let kinds = kind.as_array().map_or(std::slice::from_ref(kind), Vec::as_slice);
    if kinds.iter().any(is) {
        return Ok(());
    }
    let wanted: Vec<_> = kinds.iter().filter_map(Value::as_str).collect();
    unfit(at, format!("expected {}, found {}", wanted.join(" or "), kind_of(value)))
}

fn of_number(words: &Map<String, Value>, number: f64, at: &Place<'_>) -> Fits {
    let bound = |word: &str| words.get(word).and_then(Value::as_f64);
    let breaks = |word: &str, breaks: fn(f64, f64) -> bool| bound(word).filter(|bound| breaks(number, *bound));
    if let Some(least) = breaks("minimum", |number, least| number < least) {
        return unfit(at, format!("it is less than {least}"));
    }
    if let Some(most) = breaks("maximum", |number, most| number > most) {
        return unfit(at, format!("it is more than {most}"));
    }
    if let Some(least) = breaks("exclusiveMinimum", |number, least| number <= least) {
        return unfit(at, format!("it is not more than {least}"));
    }
    if let Some(most) = breaks("exclusiveMaximum", |number, most| number >= most) {
        return unfit(at, format!("it is not less than {most}"));
    }
    // As near as numbers of this kind can be: 0.3 is a multiple of 0.1.
    match breaks("multipleOf", |number, step| ((number / step).round() - number / step).abs() > 1e-9) {
        Some(step) => unfit(at, format!("it is no multiple of {step}")),
        None => Ok(()),
    }
}

fn within(words: &Map<String, Value>, least: &str, most: &str, count: usize, what: &str, at: &Place<'_>) -> Fits {
    let bound = |word: &str| words.get(word).and_then(Value::as_u64);
    if let Some(least) = bound(least).filter(|least| wide(count) < *least) {
        return unfit(at, format!("there are {count} {what}, and {least} are the least"));
    }
    match bound(most).filter(|most| wide(count) > *most) {
        Some(most) => unfit(at, format!("there are {count} {what}, and {most} are the most")),
        None => Ok(()),
    }
}
