use std::process::ExitCode;

use crate::app::{DataDirError, ReplayError, SecretError, StoreError};
use crate::audit::note::BadNote;
use crate::audit::{AuditError, Fault, WitnessError};
use crate::backends::BackendError;
use crate::bench::BenchError;
use crate::client::ClientError;
use crate::engine::Unsaved;
use crate::model::Outcome;
use crate::runtimes::RuntimeError;
use crate::workspace::WorkspaceError;

use super::{engine_error, show};

pub(super) const HELP: &str = "\
Exit codes of `run`:
  the guest's own  it exited, or 0 when a called function returned
  110 trapped      111 out of fuel     112 deadline exceeded   113 out of memory
  114 another limit exceeded           115 denied              116 cancelled
  117 refused: the program, the call, the limits or the files cannot be used
  118 the host failed                  2 the command line is wrong
Of `replay`: 119 the run came out otherwise

Environment:
  RINGFENCE_CACHE_DIR, RINGFENCE_CACHE_BYTES   the compile cache
  RINGFENCE_DATA_DIR                           workspaces and drafts
  RINGFENCE_LOG                                what the host says of itself (warn; info, debug, …)
  RINGFENCE_SERVER, RINGFENCE_API_KEY          the server that does the work, and the key for it
  RINGFENCE_CONFIG, DOCKER_HOST                of --backend docker: the settings, and the engine if they name none
  NO_COLOR                                     no colours, even on a terminal";

/// A policy that is not taken, as a program that is not.
pub(super) const REFUSED: u8 = 117;
/// What a question was answered with, as the end of a run.
pub(super) const DENIED: u8 = 115;
const HOST_FAILED: u8 = 118;
/// A run that was run again came out otherwise.
pub(super) const DIFFERS: u8 = 119;

/// The documented code for the end of a run. A guest may exit with any code; `--json` tells which was whose.
pub(super) const fn of(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Exited { code } | Outcome::Answered { code, .. } => *code,
        Outcome::Returned { .. } => 0,
        Outcome::Trapped { .. } => 110,
        Outcome::OutOfFuel { .. } => 111,
        Outcome::DeadlineExceeded { .. } => 112,
        Outcome::OutOfMemory { .. } => 113,
        Outcome::LimitExceeded { .. } => 114,
        Outcome::Denied { .. } => 115,
        Outcome::Cancelled => 116,
    }
}

/// A mistake of the person who typed the command, beyond what its syntax shows.
#[derive(Debug, thiserror::Error)]
pub(super) enum Mistake {
    #[error("cannot read {file}: {reason}")]
    File { file: String, reason: std::io::Error },
    #[error("--env {0}: a name is missing before `=`")]
    EnvName(String),
    #[error("--env {0}: it is not set here, or not text; write {0}=VALUE")]
    EnvUnset(String),
    #[error("{0}")]
    Rules(String),
    #[error("{0}")]
    Question(String),
    #[error("{0}")]
    Draft(String),
    #[error("{0}")]
    Setting(String),
    /// Which server, or what is said of it.
    #[error("{0}")]
    Server(String),
    #[error("{0}")]
    NoKey(String),
    /// What this machine can do and a server cannot, or the other way round.
    #[error("{0}")]
    NoEqual(String),
    /// What a server was asked for, and what it does not have.
    #[error("{0}")]
    NotThere(String),
    #[error("{0}")]
    Tool(String),
    #[error("the proof does not show that this is the record")]
    Proof,
    #[error("standard input cannot be the program and its input as well; give the program as a file")]
    StdinTwice,
}

impl Mistake {
    const fn code(&self) -> &'static str {
        match self {
            Mistake::File { .. } => "unreadable_file",
            Mistake::EnvName(_) | Mistake::EnvUnset(_) => "bad_env",
            Mistake::Rules(_) => "bad_rules",
            Mistake::Question(_) => "bad_question",
            Mistake::Draft(_) => "no_draft",
            Mistake::Setting(_) => "bad_settings",
            Mistake::Server(_) => "bad_server",
            Mistake::NoKey(_) => "no_credential",
            Mistake::NoEqual(_) => "no_equal",
            Mistake::NotThere(_) => "not_found",
            Mistake::Tool(_) => "bad_tool",
            Mistake::Proof => "proof_fails",
            Mistake::StdinTwice => "bad_stdin",
        }
    }
}

/// As a process that was ended by the signal of a closed pipe.
const NOBODY_READS: u8 = 141;
const WRONG: u8 = 2;

/// Says what went wrong in one line.
pub(super) fn failed(error: &anyhow::Error) -> ExitCode {
    if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        return ExitCode::from(NOBODY_READS);
    }
    if let Some(mistake) = error.downcast_ref::<Mistake>() {
        show::complain(&mistake.to_string(), Some(mistake.code()));
        return ExitCode::from(if matches!(mistake, Mistake::NotThere(_)) { REFUSED } else { WRONG });
    }
    if let Some(client) = error.downcast_ref::<ClientError>() {
        show::complain(&client.to_string(), Some(client.code()));
        return ExitCode::from(match client {
            client if client.is_typed_wrong() => WRONG,
            client if client.is_callers() => REFUSED,
            _ => HOST_FAILED,
        });
    }
    if let Some(workspace) = error.downcast_ref::<WorkspaceError>() {
        show::complain(&workspace.to_string(), Some(workspace.code()));
        return ExitCode::from(REFUSED);
    }
    if let Some(backend) = error.downcast_ref::<BackendError>() {
        show::complain(&backend.to_string(), Some(backend.code()));
        return ExitCode::from(if backend.is_callers() { REFUSED } else { HOST_FAILED });
    }
    if let Some(bench) = error.downcast_ref::<BenchError>() {
        show::complain(&bench.to_string(), Some(bench.code()));
        return ExitCode::from(if bench.is_callers() { REFUSED } else { HOST_FAILED });
    }
    if let Some(runtime) = error.downcast_ref::<RuntimeError>() {
        show::complain(&runtime.to_string(), Some(runtime.code()));
        return ExitCode::from(if runtime.is_callers() { REFUSED } else { HOST_FAILED });
    }
    if let Some(unsaved) = error.downcast_ref::<Unsaved>() {
        show::complain(&unsaved.to_string(), Some(unsaved.code()));
        return ExitCode::from(REFUSED);
    }
    if let Some(store) = error.downcast_ref::<StoreError>() {
        show::complain(&store.to_string(), Some(store.code()));
        return ExitCode::from(HOST_FAILED);
    }
    if let Some(data) = error.downcast_ref::<DataDirError>() {
        show::complain(&data.to_string(), Some(data.code()));
        return ExitCode::from(HOST_FAILED);
    }
    if let Some(replay) = error.downcast_ref::<ReplayError>() {
        show::complain(&replay.to_string(), Some(replay.code()));
        return ExitCode::from(REFUSED);
    }
    if let Some(secret) = error.downcast_ref::<SecretError>() {
        show::complain(&secret.to_string(), Some(secret.code()));
        return ExitCode::from(HOST_FAILED);
    }
    if let Some((code, exit)) = audit(error) {
        show::complain(&format!("{error:#}"), Some(code));
        return ExitCode::from(exit);
    }
    let (code, exit) = match engine_error(error) {
        Some(engine) if engine.is_callers() => (Some(engine.code()), REFUSED),
        Some(engine) => (Some(engine.code()), HOST_FAILED),
        None => (None, HOST_FAILED),
    };
    show::complain(&format!("{error:#}"), code);
    ExitCode::from(exit)
}

/// What is wrong with a log or a note is told as refused; a log that cannot be read or written, as our failure.
fn audit(error: &anyhow::Error) -> Option<(&'static str, u8)> {
    let fault = error.downcast_ref().map(|fault: &Fault| (fault.code(), REFUSED));
    let note = error.downcast_ref().map(|note: &BadNote| (note.code(), REFUSED));
    let witness = error.downcast_ref().map(|witness: &WitnessError| (witness.code(), REFUSED));
    let log = error.downcast_ref().map(|log: &AuditError| (log.code(), HOST_FAILED));
    fault.or(note).or(witness).or(log)
}

/// A wrong command line: help goes to standard output as asked, a mistake is one line and where help is.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    // What is wrong may go on over lines that name the missing pieces; tips and usage come after a blank line.
    let first: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let what = first.join(" ");
    show::complain(&format!("{} (see --help)", what.strip_prefix("error: ").unwrap_or(&what)), None);
    ExitCode::from(WRONG)
}
