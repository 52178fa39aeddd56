use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::BenchError;
use super::programs::{self, Empty, Shared};
use crate::backends::{Backend, BackendError, BackendName, Program, Run};
use crate::engine::{Build, Engine, Entry, Flavour, OutputListener, RunRequest, Stdin};
use crate::model::{Grants, LimitName, Limits, Outcome, Preset, Report};

/// The same program without a fence: a child of ours, by `posix_spawn`.
pub const NATIVE: &str = "native";
/// The engine without fuel, which nothing but this runs.
pub const NO_FUEL: &str = "wasm-no-fuel";

/// One of those that are compared.
#[derive(Clone)]
pub struct Fence {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) empty: Empty,
    pub(super) programs: Shared,
}

#[derive(Clone)]
pub(super) enum Kind {
    None,
    Backend(Arc<dyn Backend>),
    Unmetered(Engine),
}

/// What it is to do once.
#[derive(Default)]
pub(super) struct Job<'a> {
    /// Of `bench`; none is the empty program.
    pub(super) args: &'a [String],
    pub(super) input: &'static [u8],
    /// A folder of its own, whose name is one more argument.
    pub(super) folder: Option<&'a Path>,
}

pub(super) struct Done {
    pub(super) output: Vec<u8>,
    pub(super) took: Duration,
}

/// Nothing of what is measured comes to a limit.
fn limits() -> Limits {
    let mut limits = Preset::Large.limits();
    limits.set(LimitName::Fuel, LimitName::Fuel.range().1);
    limits
}

impl Fence {
    pub(super) fn runs_components(&self) -> bool {
        match &self.kind {
            Kind::None => false,
            Kind::Backend(backend) => backend.name() == BackendName::Wasm,
            Kind::Unmetered(_) => true,
        }
    }

    /// Runs once to its end, which has to be a good one.
    pub(super) async fn once(&self, job: &Job<'_>) -> Result<Done, BenchError> {
        let start = Instant::now();
        let report = match &self.kind {
            Kind::None => return self.spawned(job),
            Kind::Backend(backend) => backend.run(self.run(job)).await?,
            Kind::Unmetered(engine) => unmetered(engine, self.run(job)).await?,
        };
        let took = start.elapsed();
        self.check(job, &report)?;
        Ok(Done { output: report.stdout.bytes, took })
    }

    pub(super) fn run(&self, job: &Job<'_>) -> Run {
        let mut grants = Grants::clocks_and_randomness();
        let (program, mut mounts) = if job.args.is_empty() {
            let (program, mounts, args) = self.programs.empty(self.empty);
            grants.args = args;
            (program, mounts)
        } else {
            grants.args = job.args.to_vec();
            self.programs.work(self.runs_components())
        };
        if let Some(folder) = job.folder {
            mounts.push(programs::folder(folder));
            grants.args.push(programs::FOLDER.to_owned());
        }
        let mut run = Run::new(program, limits(), grants);
        run.mounts = mounts;
        if !job.input.is_empty() {
            run.stdin = Stdin::Bytes(bytes::Bytes::from_static(job.input));
        }
        run
    }

    pub(super) fn check(&self, job: &Job<'_>, report: &Report) -> Result<(), BenchError> {
        if report.outcome == (Outcome::Exited { code: 0 }) {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&report.stderr.bytes);
        Err(self.failed(job.args, format!("{:?} {}", report.outcome, said.trim())))
    }

    pub(super) fn failed(&self, args: &[String], why: impl std::fmt::Display) -> BenchError {
        let what = args.first().map_or_else(|| self.empty.about().to_owned(), |kind| format!("`bench {kind}`"));
        BenchError::Failed { what, fence: self.name, why: why.to_string() }
    }

    /// The command without any fence.
    pub(super) fn command(&self, args: &[String]) -> Command {
        let mut command = match args {
            [] => Command::new("/bin/true"),
            args => {
                let mut command = Command::new(self.programs.path());
                command.args(args);
                command
            }
        };
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn spawned(&self, job: &Job<'_>) -> Result<Done, BenchError> {
        let failed = |error: std::io::Error| self.failed(job.args, error);
        let mut command = self.command(job.args);
        command.args(job.folder);
        if !job.args.is_empty() {
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
        }
        let start = Instant::now();
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // It is closed behind this; what is written is less than a pipe holds.
            std::io::Write::write_all(&mut stdin, job.input).map_err(failed)?;
        }
        let output = child.wait_with_output().map_err(failed)?;
        let took = start.elapsed();
        if !output.status.success() {
            return Err(self.failed(job.args, output.status));
        }
        Ok(Done { output: output.stdout, took })
    }
}

/// As the backend does it, with code that counts no fuel.
async fn unmetered(engine: &Engine, run: Run) -> Result<Report, BenchError> {
    let Program::Component { name, bytes } = run.program else {
        return Err(BenchError::machine("a command of the machine was given to the engine"));
    };
    let build = Build { flavour: Flavour::Unmetered, stack_bytes: run.limits.stack_bytes };
    let program = engine.load(bytes, build).await?;
    let mut request = RunRequest::new(Entry::Command { name }, run.limits, run.grants);
    (request.mounts, request.stdin) = (run.mounts, run.stdin);
    Ok(engine.run(&program, request).await?)
}

/// Starts nothing and waits for its end, with the first of the empty programs that this backend has.
pub(super) async fn find_empty(backend: &Arc<dyn Backend>, programs: &Shared) -> Result<Empty, BenchError> {
    let mut fence = Fence {
        name: backend.name().as_str(),
        kind: Kind::Backend(Arc::clone(backend)),
        empty: Empty::Component,
        programs: Arc::clone(programs),
    };
    if backend.name() == BackendName::Wasm {
        return fence.once(&Job::default()).await.map(|_| Empty::Component);
    }
    fence.empty = Empty::True;
    match fence.once(&Job::default()).await {
        Ok(_) => return Ok(Empty::True),
        // An image without it.
        Err(BenchError::Failed { .. } | BenchError::Backend(BackendError::Command(_))) => {}
        Err(error) => return Err(error),
    }
    fence.empty = Empty::Static;
    fence.once(&Job::default()).await.map(|_| Empty::Static)
}

/// Told when a program that was started says its first word.
pub(super) struct FirstWord(pub(super) Arc<tokio::sync::Semaphore>);

impl OutputListener for FirstWord {
    fn output(&self, _: crate::model::Stream, bytes: &[u8]) {
        // One word is one line, however many pieces it comes in.
        if bytes.ends_with(b"\n") {
            self.0.add_permits(1);
        }
    }
}
