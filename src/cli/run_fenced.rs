use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Map;
use tokio_util::sync::CancellationToken;

use super::draft::Work;
use super::exit::Mistake;
use super::run::{Printer, RunArgs, environment, finish, interrupted};
use crate::app;
use crate::backends::{BackendName, Program, Run};
use crate::config::Overrides;
use crate::engine::Stdin;
use crate::model::Grants;

/// Runs a command of the machine, or of an image, in a fence that the kernel builds.
pub(super) fn run(name: BackendName, args: &RunArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    only_a_command(name, args)?;
    let Some((program, command_args)) = args.command_args.split_first() else {
        return Err(no_command(name).into());
    };
    if name == BackendName::Process {
        no_settings(name, args)?;
    }
    let limits = args.limits.limits().map_err(crate::backends::BackendError::from)?;
    let grants = Grants {
        args: command_args.to_vec(),
        env: environment(&args.env)?,
        clocks: !args.no_clocks,
        randomness: !args.no_randomness,
    };
    let draft = match (&args.workspace, &args.draft) {
        (Some((name, guest)), _) => Some(Work::start(name, guest, host)?),
        (None, Some((id, guest))) => Some(Work::go_on(id, guest, host)?),
        (None, None) => None,
    };
    let cancel = CancellationToken::new();
    let mut run = Run::new(Program::Command(program.clone()), limits, grants);
    run.mounts = args.mounts.mounts(draft.as_ref().and_then(Work::place))?;
    run.cancel = Some(cancel.clone());
    run.required = args.require.clone();
    run.chosen = args.limits.set().collect();
    if args.stdin {
        run.stdin = Stdin::Live(Box::new(tokio::io::stdin()));
    }
    let writer = (!args.json).then(|| {
        let (printer, writer) = Printer::start();
        run.listener = Some(Arc::new(printer));
        writer
    });
    let report = super::block_on(async {
        let backend = app::backend(name, host)?;
        let mut running = backend.run(run);
        tokio::select! {
            report = &mut running => return Ok::<_, anyhow::Error>(report?),
            () = interrupted() => cancel.cancel(),
        }
        Ok(running.await?)
    })??;
    // The listener went with the run, so the writer ends when all is written.
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    finish(args.json, &report, draft.map(Work::end).as_ref(), Map::new())
}

pub(super) fn no_command(name: BackendName) -> Mistake {
    Mistake::NoEqual(format!("--backend {name} runs a command: write it after `--`, as in -- /bin/ls"))
}

/// What only WebAssembly can be asked for is refused by name.
pub(super) fn only_a_command(name: BackendName, args: &RunArgs) -> Result<(), Mistake> {
    let asked = [
        (args.file.is_some(), "a file is run by the backend wasm; write a command after `--`"),
        (args.call.is_some(), "--call: a command has no functions to be called"),
        (args.deterministic, "--deterministic: the machine gives a command its own time and randomness"),
    ];
    match asked.iter().find(|(is, _)| *is) {
        Some((_, what)) => Err(Mistake::NoEqual(format!("--backend {name}: {what}"))),
        None => Ok(()),
    }
}

/// What is said of settings that a backend has none of.
pub(super) fn no_settings(name: BackendName, args: &RunArgs) -> Result<(), Mistake> {
    if args.settings.is_given() {
        let what = format!("--set and --config: the backend {name} has no settings; these are for --backend docker");
        return Err(Mistake::NoEqual(what));
    }
    Ok(())
}
