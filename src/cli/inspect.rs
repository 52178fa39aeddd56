use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{program, show};
use crate::app;
use crate::config::Overrides;
use crate::engine::{Build, Description, Kind};
use crate::model::{Mode, Preset};

/// Say what a program is without running it: kind, digest, imports and the grants they need, exports with schemas
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ringfence inspect tool.wasm\n  ringfence inspect tool.wasm --json | jq '.exports[0].params'"
)]
pub(super) struct InspectArgs {
    /// A component, a preview-1 module, or the text of either; `-` for standard input
    file: PathBuf,
    /// All of it, with the JSON Schema of each function
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InspectArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let engine = app::engine(host, 1)?;
    let bytes = program::read(&args.file, engine.settings().module_bytes)?;
    let build = Build::of(&Preset::Medium.limits(), Mode::Ordinary);
    let program = super::block_on(program::load(&engine, bytes, build))??;
    let description = program.description();
    let text = if args.json { serde_json::to_string_pretty(description)? + "\n" } else { describe(description) };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(description: &Description) -> String {
    let kind = match description.kind {
        Kind::Component => "component",
        Kind::CommandModule => "preview-1 module, run as a command",
        Kind::ReactorModule => "core module that describes a component",
    };
    let mut lines = vec![
        format!("{}", description.digest),
        format!("{kind}{}", if description.text { ", given as text" } else { "" }),
        format!("command: {}", if description.command { "yes" } else { "no; use --call" }),
        "imports:".to_owned(),
    ];
    lines.extend(description.imports.iter().map(|import| format!("  {}  → {}", import.name, import.grant)));
    lines.push("exports:".to_owned());
    for export in &description.exports {
        let signature = match (&export.params, &export.result) {
            (Some(params), Some(result)) => format!("{} → {}", fields(params), short(result)),
            _ => "not callable from here: it takes or gives a resource".to_owned(),
        };
        lines.push(format!("  {}  {signature}", export.name));
    }
    lines.join("\n") + "\n"
}

fn fields(schema: &serde_json::Value) -> String {
    let properties = schema.get("properties").and_then(serde_json::Value::as_object);
    let each: Vec<String> =
        properties.into_iter().flatten().map(|(name, schema)| format!("{name}: {}", short(schema))).collect();
    format!("({})", each.join(", "))
}

/// A schema in a few words; `--json` has all of them.
fn short(schema: &serde_json::Value) -> String {
    let text = |key: &str| schema.get(key).and_then(serde_json::Value::as_str);
    match text("type") {
        Some("array") => match schema.get("items") {
            Some(items) if items.is_object() => format!("[{}]", short(items)),
            _ => "array".to_owned(),
        },
        Some("object") => {
            let names = schema.get("properties").and_then(serde_json::Value::as_object);
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

fn short_or_value(item: &serde_json::Value) -> String {
    match item {
        serde_json::Value::Object(fields) => match fields.get("const") {
            Some(constant) => constant.to_string(),
            None => short(item),
        },
        value => value.to_string(),
    }
}
