use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::{program, show};
use crate::app;
use crate::config::Overrides;
use crate::engine::{Build, Origin};
use crate::model::{Mode, Preset};

/// Compile a program into the cache, so that its first run starts at once
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ringfence compile interpreter.wasm")]
pub(super) struct CompileArgs {
    /// A component, a preview-1 module, or the text of either; `-` for standard input
    file: PathBuf,
    /// Compile for runs with --deterministic
    #[arg(long)]
    deterministic: bool,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CompileArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let engine = app::engine(host, 1)?;
    let bytes = program::read(&args.file, engine.settings().module_bytes)?;
    let mode = if args.deterministic { Mode::Deterministic { seed: 0 } } else { Mode::Ordinary };
    let start = Instant::now();
    let program = super::block_on(program::load(&engine, bytes, Build::of(&Preset::Medium.limits(), mode)))??;
    let ms = start.elapsed().as_millis();
    let digest = program.description().digest;
    let (state, rejected) = match program.origin() {
        Origin::Compiled { rejected } => ("compiled", rejected.as_deref()),
        Origin::Cache { .. } => ("cached", None),
    };
    let text = if args.json {
        let ms = u64::try_from(ms)?;
        format!("{}\n", json!({"digest": digest, "state": state, "rejected": rejected, "ms": ms}))
    } else {
        format!("{digest} {state} in {ms} ms\n")
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
