use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::exit::Mistake;
use super::server::{ServerFlags, no_host_flags};
use super::{component, program, show, words};
use crate::app;
use crate::client::Client;
use crate::config::Overrides;
use crate::engine::Build;
use crate::model::{Mode, Preset};

/// Say what a program is without running it: kind, digest, imports and the grants they need, exports with schemas
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ringfence inspect tool.wasm\n  ringfence inspect tool.wasm --json | jq '.exports[0].params'"
)]
pub(super) struct InspectArgs {
    /// A component, a preview-1 module, or the text of either; `-` for standard input; of a server also a digest
    file: PathBuf,
    /// All of it, with the JSON Schema of each function
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &InspectArgs, host: &Overrides, to: &ServerFlags) -> anyhow::Result<ExitCode> {
    let description = match to.named()? {
        Some(client) => there(args, host, &client)?,
        None => here(args, host)?,
    };
    let text =
        if args.json { serde_json::to_string_pretty(&description)? + "\n" } else { words::program(&description) };
    show::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn here(args: &InspectArgs, host: &Overrides) -> anyhow::Result<Value> {
    let engine = app::engine(host, 1)?;
    let bytes = program::read(&args.file, engine.settings().module_bytes)?;
    let build = Build::of(&Preset::Medium.limits(), Mode::Ordinary);
    let program = super::block_on(program::load(&engine, bytes, build))??;
    Ok(serde_json::to_value(program.description())?)
}

/// What a server knows of a program that was submitted to it. Asking submits nothing.
fn there(args: &InspectArgs, host: &Overrides, client: &Client) -> anyhow::Result<Value> {
    no_host_flags(host)?;
    let digest = component::Named::of(&args.file)?.digest();
    let found = super::block_on(component::get(client, &digest))?;
    match found {
        Err(error) if error.is_problem("not_found") => Err(Mistake::NotThere(format!(
            "{} does not know {digest}: submit it with `ringfence compile`, or inspect it here, without --server",
            client.server()
        ))
        .into()),
        found => Ok(found?),
    }
}
