use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::exit::Mistake;
use super::server::{ServerFlags, no_host_flags};
use super::{component, program, show, words};
use crate::app;
use crate::client::Client;
use crate::config::Overrides;
use crate::engine::{Build, Origin};
use crate::model::{Mode, Preset};

/// Compile a program into the cache, so that its first run starts at once; with --server, submit it there
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ringfence compile interpreter.wasm\n  ringfence compile interpreter.wasm --server https://fence.example.org"
)]
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

pub(super) fn run(args: &CompileArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    if let Some(client) = to.named()? {
        return there(args, host, &client);
    }
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

/// A server compiles what is submitted to it.
fn there(args: &CompileArgs, host: &Overrides, client: &Client) -> anyhow::Result<ExitCode> {
    no_host_flags(host)?;
    if args.deterministic {
        let what = "--deterministic: a server compiles for such runs when the first one comes; leave it out";
        return Err(Mistake::NoEqual(what.to_owned()).into());
    }
    let bytes = program::read(&args.file, component::most_bytes())?;
    let start = Instant::now();
    let (new, made) = super::block_on(component::submit(client, bytes.into(), &[]))??;
    let ms = u64::try_from(start.elapsed().as_millis())?;
    let (digest, state) = (words::text(&made, "digest"), if new { "submitted" } else { "known" });
    let text = if args.json {
        format!("{}\n", json!({"digest": digest, "state": state, "rejected": null, "ms": ms}))
    } else {
        format!("{digest} {state} in {ms} ms\n")
    };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
