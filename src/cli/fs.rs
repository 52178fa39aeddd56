use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::Mistake;
use super::{mounts, server, show};
use crate::config::Overrides;
use crate::fs_policy::{Explanation, Preset, Rule, Rules};

/// Ask the rules for files without running anything
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence fs explain --rules rules.txt /src/main.rs
  ringfence fs explain --preset agent-safe --rule '/src/**:write' /src/.env
  ringfence fs presets")]
pub(super) struct FsArgs {
    #[command(subcommand)]
    action: Action,
    /// Answer with JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say which level a path has, which rule decided, and which it beat
    #[command(after_help = "Example:\n  ringfence fs explain --rules rules.txt /src/main.rs")]
    Explain {
        /// A path from the mounted folder
        path: String,
        /// A file of rules, one on a line: PATTERN:LEVEL[,glob|directory|file][,priority=N], or `preset NAME`
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Rules with a name
        #[arg(long, value_name = "NAME", value_parser = Preset::from_str)]
        preset: Option<Preset>,
        /// One more rule
        #[arg(long, value_name = "PATTERN:LEVEL")]
        rule: Vec<String>,
        /// As on a file system that takes upper and lower case for the same
        #[arg(long)]
        folded: bool,
    },
    /// Show the rules of each preset
    Presets,
}

pub(super) fn run(args: &FsArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    server::only_asks(host)?;
    let text = match &args.action {
        Action::Presets => presets(args.json)?,
        Action::Explain { path, rules, preset, rule, folded } => {
            let mut all = match rules {
                Some(file) => mounts::read_rules(file)?,
                None => Rules::default(),
            };
            if preset.is_some() && all.preset.is_some() {
                return Err(Mistake::Rules("--rules names a preset already; leave out --preset".into()).into());
            }
            all.preset = all.preset.or(*preset);
            for text in rule {
                let rule: Rule = text.parse().map_err(|error| Mistake::Rules(format!("--rule {text}: {error}")))?;
                all.rules.push(rule);
            }
            let policy = all.policy(*folded).map_err(|error| Mistake::Rules(error.to_string()))?;
            let told = policy.explain(path).map_err(|error| Mistake::Rules(format!("{path}: {error}")))?;
            if args.json { serde_json::to_string_pretty(&told)? + "\n" } else { in_words(&told) }
        }
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn in_words(told: &Explanation) -> String {
    let mut lines = vec![format!("{}: {}", told.path, told.level)];
    match &told.winner {
        Some(rule) => lines.push(format!("decided by  {rule}")),
        None => lines.push("no rule names it, so it is hidden".to_owned()),
    }
    for heard in &told.beaten {
        lines.push(format!("beaten      {}  ({})", heard.rule, heard.because));
    }
    if told.passable {
        lines.push("a folder here may lead to what can be seen".to_owned());
    }
    lines.join("\n") + "\n"
}

fn presets(as_json: bool) -> anyhow::Result<String> {
    if as_json {
        let all: Vec<_> =
            Preset::ALL.iter().map(|preset| json!({"preset": preset.as_str(), "rules": preset.rules()})).collect();
        return Ok(serde_json::to_string_pretty(&all)? + "\n");
    }
    let mut lines = Vec::new();
    for preset in Preset::ALL {
        lines.push(format!("{preset}:"));
        lines.extend(preset.rules().iter().map(|rule| format!("  {rule}")));
    }
    Ok(lines.join("\n") + "\n")
}
