//! What a command says in words, from the JSON that it would answer with: the same words, whether this machine or a
//! server did the work.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::model::{LimitName, show_bytes};
use crate::workspace::{Left, shown};

pub(super) fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(of: &Value, key: &str) -> u64 {
    of.get(key).and_then(Value::as_u64).unwrap_or_default()
}

pub(super) fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// One line for each field of an object.
pub(super) fn fields(of: &Value) -> String {
    let mut out = String::new();
    for (name, value) in of.as_object().into_iter().flatten() {
        let _ = match value {
            Value::String(text) if text.contains('\n') => {
                writeln!(out, "{name}:\n  {}", text.trim_end().replace('\n', "\n  "))
            }
            Value::String(text) => writeln!(out, "{name}: {text}"),
            value => writeln!(out, "{name}: {value}"),
        };
    }
    out
}

/// Labels in one word.
pub(super) fn labels(of: &Value) -> String {
    let pair = |(name, value): (&String, &Value)| format!("{name}={}", value.as_str().unwrap_or_default());
    let all: Vec<String> = of.get("labels").and_then(Value::as_object).into_iter().flatten().map(pair).collect();
    all.join(",")
}

fn size(of: &Value) -> String {
    format!("{} files, {}", number(of, "files"), show_bytes(number(of, "bytes")))
}

/// What was not taken, as a server tells it.
pub(super) fn left(all: &[Left]) -> Vec<Value> {
    all.iter().map(|left| json!({"path": left.path, "because": left.because("--with-secrets")})).collect()
}

pub(super) fn made_workspace(made: &Value) -> String {
    let workspace = made.get("workspace").unwrap_or(&Value::Null);
    let mut lines = vec![format!("{}: {}", text(workspace, "name"), size(workspace))];
    let left = |left: &Value| format!("left out  {}  ({})", shown(text(left, "path")), text(left, "because"));
    lines.extend(list(made, "left_out").iter().map(left));
    let taken = |found: &Value| {
        format!("taken as told  {}:{}  ({})", shown(text(found, "path")), number(found, "line"), text(found, "what"))
    };
    lines.extend(list(made, "credentials").iter().map(taken));
    lines.join("\n") + "\n"
}

pub(super) fn workspaces(all: &Value) -> String {
    let mut lines = Vec::new();
    for record in list(all, "workspaces") {
        lines.push(format!("{}  {}", text(record, "name"), size(record)));
        let own = list(all, "drafts").iter().filter(|draft| text(draft, "workspace") == text(record, "name"));
        lines.extend(own.map(|draft| {
            let base = draft.get("base").and_then(Value::as_str);
            let old = base.is_some_and(|base| base != text(record, "tree"));
            format!("  {}{}", text(draft, "id"), if old { "  (the workspace moved on since)" } else { "" })
        }));
    }
    if lines.is_empty() {
        lines.push("no workspaces; make one with: ringfence workspace create NAME --from FOLDER".to_owned());
    }
    lines.join("\n") + "\n"
}

pub(super) fn workspace(told: &Value) -> String {
    let record = told.get("workspace").unwrap_or(&Value::Null);
    let mut lines = vec![format!("{}  {}", text(record, "name"), text(record, "tree"))];
    lines.extend(list(told, "entries").iter().map(|entry| {
        let (path, node) = (shown(text(entry, "path")), entry.get("node").unwrap_or(&Value::Null));
        let executable = node.get("executable").and_then(Value::as_bool).unwrap_or_default();
        match text(node, "kind") {
            "folder" => format!("{path}/"),
            "link" => format!("{path} → {}", shown(text(node, "target"))),
            _ => {
                format!("{path}  {}{}", show_bytes(number(node, "bytes")), if executable { "  executable" } else { "" })
            }
        }
    }));
    lines.join("\n") + "\n"
}

pub(super) fn exported(record: &Value) -> String {
    size(record) + "\n"
}

/// How much of each kind.
pub(super) fn summary(changes: &[Value]) -> String {
    let count = |kind: &str| changes.iter().filter(|change| text(change, "change") == kind).count();
    let all = ["added", "changed", "removed"].map(|kind| (count(kind), kind));
    let said: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if said.is_empty() { "nothing changed".to_owned() } else { said.join(", ") }
}

pub(super) fn diff(changes: &[Value]) -> String {
    let mut out = format!("{}\n", summary(changes));
    for change in changes {
        let letter = match text(change, "change") {
            "added" => 'A',
            "changed" => 'M',
            _ => 'D',
        };
        let lines = if change.get("truncated").is_some() { "  (no room for its lines)" } else { "" };
        let _ = writeln!(out, "{letter} {}{}{lines}", shown(text(change, "path")), about(change));
    }
    for diff in changes.iter().filter_map(|change| change.get("diff").and_then(Value::as_str)) {
        out.push('\n');
        out.push_str(diff);
    }
    out
}

/// What lines alone would not show.
fn about(change: &Value) -> String {
    let side = |name: &str| change.get(name).filter(|node| !node.is_null());
    let (before, after) = (side("before"), side("after"));
    let kind = |node: Option<&Value>| node.map_or("", |node| text(node, "kind")).to_owned();
    match (kind(before).as_str(), kind(after).as_str(), before, after) {
        (_, "folder", ..) | ("folder", "", ..) => "/".to_owned(),
        (_, "link", _, Some(node)) => format!(" → {}", shown(text(node, "target"))),
        ("file", "file", Some(before), Some(after)) => {
            format!("  ({} → {} bytes)", number(before, "bytes"), number(after, "bytes"))
        }
        ("", "file", _, Some(node)) | ("file", "", Some(node), _) => format!("  ({} bytes)", number(node, "bytes")),
        _ => String::new(),
    }
}

pub(super) fn applied(told: &Value, draft: &str) -> String {
    let workspace = told.get("workspace").unwrap_or(&Value::Null);
    let mut out = format!("{}: {}\n", text(workspace, "name"), summary(list(told, "changes")));
    if number(told, "left") > 0 {
        let _ = writeln!(out, "{} more in {draft} still", number(told, "left"));
    }
    out
}

/// What was asked for and not given.
pub(super) fn cuts(cut: &[Value]) -> String {
    let one = |cut: &Value| {
        let (what, by) = (text(cut, "what"), text(cut, "by"));
        let limit = LimitName::ALL.iter().find(|name| name.as_str() == what);
        let shown = |field: &str| match limit {
            Some(name) => name.show(number(cut, field)),
            None => cut.get(field).unwrap_or(&Value::Null).to_string(),
        };
        format!("{what} {} → {} ({by})", shown("asked"), shown("given"))
    };
    let all: Vec<String> = cut.iter().map(one).collect();
    format!("the server gives less than was asked for: {}", all.join(", "))
}

pub(super) fn program(description: &Value) -> String {
    let kind = match text(description, "kind") {
        "component" => "component",
        "command_module" => "preview-1 module, run as a command",
        _ => "core module that describes a component",
    };
    let is = |name: &str| description.get(name).and_then(Value::as_bool).unwrap_or_default();
    let mut lines = vec![
        text(description, "digest").to_owned(),
        format!("{kind}{}", if is("text") { ", given as text" } else { "" }),
        format!("command: {}", if is("command") { "yes" } else { "no; use --call" }),
        "imports:".to_owned(),
    ];
    let import = |import: &Value| format!("  {}  → {}", text(import, "name"), text(import, "grant"));
    lines.extend(list(description, "imports").iter().map(import));
    lines.push("exports:".to_owned());
    for export in list(description, "exports") {
        let of = |name: &str| export.get(name).filter(|_| export.get("foreign").is_none());
        let signature = match (of("params").filter(|params| !params.is_null()), of("result")) {
            (Some(params), Some(result)) => format!("{} → {}", parameters(params), short(result)),
            _ => "not callable from here: it takes or gives a resource".to_owned(),
        };
        lines.push(format!("  {}  {signature}", text(export, "name")));
    }
    lines.join("\n") + "\n"
}

fn parameters(schema: &Value) -> String {
    let properties = schema.get("properties").and_then(Value::as_object);
    let each: Vec<String> =
        properties.into_iter().flatten().map(|(name, schema)| format!("{name}: {}", short(schema))).collect();
    format!("({})", each.join(", "))
}

/// A schema in a few words; `--json` has all of them.
fn short(schema: &Value) -> String {
    let text = |key: &str| schema.get(key).and_then(Value::as_str);
    match text("type") {
        Some("array") => match schema.get("items") {
            Some(items) if items.is_object() => format!("[{}]", short(items)),
            _ => "array".to_owned(),
        },
        Some("object") => {
            let names = schema.get("properties").and_then(Value::as_object);
            let names: Vec<&str> = names.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            format!("{{{}}}", names.join(", "))
        }
        Some(name) => name.to_owned(),
        None => {
            let any = ["anyOf", "oneOf", "enum"].iter().find_map(|key| schema.get(*key)?.as_array());
            let each: Vec<String> = any.into_iter().flatten().map(short_or_value).collect();
            each.join(" | ")
        }
    }
}

fn short_or_value(item: &Value) -> String {
    match item {
        Value::Object(fields) => match fields.get("const") {
            Some(constant) => constant.to_string(),
            None => short(item),
        },
        value => value.to_string(),
    }
}
