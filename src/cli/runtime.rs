use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{program, show};
use crate::app;
use crate::config::Overrides;
use crate::engine::{Build, Engine, EngineError};
use crate::model::{Mode, Preset, show_bytes};
use crate::runtimes::{Runtime, RuntimeName, Shelf};

/// Language runtimes: components that hold a whole interpreter
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence runtime add python guests/build/runtimes/python.wasm
  ringfence runtime list
  ringfence runtime show python --json
  ringfence runtime remove python")]
pub(super) struct RuntimeArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep a component that exports the runtime world (wit/runtime.wit) under a name; it is compiled first
    Add {
        name: RuntimeName,
        file: PathBuf,
        #[arg(long)]
        json: bool,
    },
    /// The runtimes that are there
    List {
        #[arg(long)]
        json: bool,
    },
    /// What one is
    Show {
        name: RuntimeName,
        #[arg(long)]
        json: bool,
    },
    /// Forget one; sessions that run go on
    Remove {
        name: RuntimeName,
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(args: &RuntimeArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let shelf = app::runtimes(host)?;
    match &args.command {
        Command::Add { name, file, json } => {
            let engine = app::engine(host, 1)?;
            let bytes = program::read(file, engine.settings().module_bytes)?;
            super::block_on(compiled(&engine, bytes.clone()))??;
            tell(&shelf.add(name, &bytes, None)?, *json)?;
        }
        Command::List { json } => list(&shelf, *json)?,
        Command::Show { name, json } => tell(&shelf.find(name)?, *json)?,
        Command::Remove { name, json } => {
            shelf.remove(name)?;
            let text = if *json { json!({"removed": name}).to_string() } else { format!("removed {name}") };
            show::print(&format!("{text}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(shelf: &Shelf, as_json: bool) -> anyhow::Result<()> {
    let (whole, damaged) = shelf.look()?;
    for error in damaged {
        show::complain(&error.to_string(), Some(error.code()));
    }
    if as_json {
        return Ok(show::print(&format!("{}\n", serde_json::to_string_pretty(&whole)?))?);
    }
    for runtime in whole {
        let size = show_bytes(runtime.bytes);
        show::print(&format!("{:<24} {}  {size:>10}  {}\n", runtime.name, runtime.digest, runtime.added))?;
    }
    Ok(())
}

/// Made ready once, so that the first snippet finds it so; what is no runtime is refused.
pub(super) async fn compiled(engine: &Engine, bytes: Vec<u8>) -> Result<(), EngineError> {
    let build = Build::of(&Preset::Medium.limits(), Mode::Ordinary);
    let program = program::load(engine, bytes, build).await?;
    if program.is_runtime() { Ok(()) } else { Err(crate::engine::CallError::NoRuntime.into()) }
}

pub(super) fn tell(runtime: &Runtime, as_json: bool) -> anyhow::Result<()> {
    let text = if as_json {
        serde_json::to_string_pretty(runtime)?
    } else {
        let from = runtime.from.as_ref().map_or_else(String::new, |from| format!("\nfrom    {from}"));
        format!(
            "name    {}\ndigest  {}\nsize    {}\nadded   {}{from}",
            runtime.name,
            runtime.digest,
            show_bytes(runtime.bytes),
            runtime.added
        )
    };
    Ok(show::print(&format!("{text}\n"))?)
}
