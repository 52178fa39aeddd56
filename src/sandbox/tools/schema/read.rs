use std::collections::HashMap;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::place::Place;

/// How deep a schema may be.
const DEPTH: usize = 32;
/// Patterns are matched in a time that grows with the text only; how fast is bounded by what one may come to.
pub(in super::super) const PATTERNS: usize = 32;
const PATTERN_BYTES: usize = 256;
const PATTERN_COMPILED: usize = 64 << 10;
const TYPES: [&str; 7] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/// What a caller says that his tool takes. Words that are not checked are refused, so that nobody relies on them.
#[derive(Debug)]
pub(in super::super) struct Schema {
    pub(super) root: Value,
    pub(super) patterns: HashMap<String, Regex>,
}

impl Schema {
    /// Reads a schema of objects, or says what in it cannot be checked.
    pub(in super::super) fn read(text: &str) -> Result<Self, String> {
        let root: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if root.get("type").is_none_or(|kind| kind != "object") {
            return Err("the input of a tool is an object: write \"type\": \"object\"".to_owned());
        }
        let mut reader = Reader { root: &root, patterns: HashMap::new() };
        reader.schema(&root, &Place::Root, 0)?;
        let patterns = reader.patterns;
        Ok(Self { root, patterns })
    }

    /// How many patterns are kept ready for it.
    pub(in super::super) fn patterns(&self) -> usize {
        self.patterns.len()
    }

    pub(super) fn target(&self, reference: &str) -> Option<&Value> {
        target(&self.root, reference)
    }
}

/// Only places in the schema itself that have a name.
fn target<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    if reference == "#" {
        return Some(root);
    }
    let (group, name) = reference.strip_prefix("#/")?.split_once('/')?;
    let named = matches!(group, "$defs" | "definitions") && !name.contains(['/', '~', '%']);
    if named { root.get(group)?.get(name) } else { None }
}

struct Reader<'a> {
    root: &'a Value,
    patterns: HashMap<String, Regex>,
}

impl Reader<'_> {
    fn schema(&mut self, schema: &Value, at: &Place<'_>, depth: usize) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{}: {what}", at.show()));
        match schema {
            Value::Bool(_) => Ok(()),
            Value::Object(_) if depth >= DEPTH => wrong("it is deeper than 32 schemas"),
            Value::Object(words) => {
                words.iter().try_for_each(|(word, value)| self.word(word, value, &Place::Field(at, word), depth + 1))
            }
            _ => wrong("a schema is an object, true or false"),
        }
    }

    fn word(&mut self, word: &str, value: &Value, at: &Place<'_>, depth: usize) -> Result<(), String> {
        let good = match word {
            "title" | "description" | "default" | "examples" | "deprecated" | "format" | "$schema" | "$comment" => true,
            "type" => match value {
                Value::Array(kinds) => !kinds.is_empty() && kinds.iter().all(is_type),
                kind => is_type(kind),
            },
            "properties" | "$defs" | "definitions" => match value.as_object() {
                Some(all) => {
                    return all.iter().try_for_each(|(name, one)| self.schema(one, &Place::Field(at, name), depth));
                }
                None => false,
            },
            "items" | "additionalProperties" | "not" => return self.schema(value, at, depth),
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => match value.as_array() {
                Some(all) if !all.is_empty() => {
                    let mut each = all.iter().enumerate();
                    return each.try_for_each(|(n, one)| self.schema(one, &Place::Item(at, n), depth));
                }
                _ => false,
            },
            "required" => value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
            "enum" => value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_plain)),
            "const" => is_plain(value),
            "uniqueItems" => value.is_boolean(),
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => value.is_u64(),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
            "multipleOf" => value.as_f64().is_some_and(|step| step > 0.0),
            "pattern" => return self.pattern(value, at),
            "$ref" => value.as_str().is_some_and(|name| target(self.root, name).is_some()),
            other if other.starts_with("x-") => true,
            _ => return Err(format!("{}: this word is not checked here; leave it out", at.show())),
        };
        if good { Ok(()) } else { Err(format!("{}: this is not what stands there in a schema", at.show())) }
    }

    fn pattern(&mut self, value: &Value, at: &Place<'_>) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{}: {what}", at.show()));
        let Some(text) = value.as_str() else { return wrong("a pattern is a text") };
        if self.patterns.contains_key(text) {
            return Ok(());
        }
        if text.len() > PATTERN_BYTES || self.patterns.len() >= PATTERNS {
            return wrong("there are at most 32 patterns, of 256 bytes each");
        }
        let made = RegexBuilder::new(text).size_limit(PATTERN_COMPILED).dfa_size_limit(PATTERN_COMPILED << 2).build();
        match made {
            Ok(pattern) => {
                self.patterns.insert(text.to_owned(), pattern);
                Ok(())
            }
            Err(_) => {
                wrong("the pattern cannot be read, or comes to too much; look-around and references are not taken")
            }
        }
    }
}

fn is_type(name: &Value) -> bool {
    name.as_str().is_some_and(|name| TYPES.contains(&name))
}

fn is_plain(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}
