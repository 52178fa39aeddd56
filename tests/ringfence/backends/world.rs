//! Each backend that this machine has, and how it is asked to do the same thing.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ringfence::backends::{Backend, BackendError, BackendName, Process, ProcessSettings, Program, Run, Wasm};
use ringfence::engine::{Mount, Stdin};
use ringfence::fs_policy::Rules;
use ringfence::model::{Grants, Limits, Report};

use crate::support::{WORKER, engine, guest, limits};

/// The backend for native commands, one for all tests.
pub fn process() -> Arc<Process> {
    static PROCESS: OnceLock<Arc<Process>> = OnceLock::new();
    PROCESS.get_or_init(|| Arc::new(Process::new(ProcessSettings::new(PathBuf::from(WORKER))))).clone()
}

/// Whether there is one here. Where not, the test says that it does nothing, and why.
pub async fn here() -> Option<Arc<Process>> {
    let process = process();
    let standing = process.standing().await;
    if let Some(reason) = &standing.reason {
        eprintln!("skipped: there is no process backend on this machine: {reason}");
        return None;
    }
    Some(process)
}

/// What a guest is to do, in words that each backend has a program for.
#[derive(Debug, Clone, Copy)]
pub enum Task<'a> {
    Hello(&'a str),
    Env,
    Echo,
    Stderr(&'a str),
    Exit(u8),
    Sleep,
    Crash,
    /// Operations on files: `read|path`, `put|path|text`, `stat|path`, `ls|path`, `rm|path`.
    Files(&'a [&'a str]),
}

pub struct Door {
    pub backend: Arc<dyn Backend>,
    native: bool,
    /// What is in the environment of every guest, whatever was granted.
    pub always: &'static str,
}

/// All that can be started here; of each other one it is said why not.
pub async fn doors() -> Vec<Door> {
    let mut doors = vec![Door { backend: Arc::new(Wasm::new(engine())), native: false, always: "" }];
    for backend in natives().await {
        let always = if backend.name() == BackendName::Docker { "HOME=/\n" } else { "" };
        doors.push(Door { backend, native: true, always });
    }
    doors
}

/// The backends for native commands that can be started here.
pub async fn natives() -> Vec<Arc<dyn Backend>> {
    let process = here().await.map(|process| process as Arc<dyn Backend>);
    let docker = super::engine::docker().await.map(|docker| docker as Arc<dyn Backend>);
    process.into_iter().chain(docker).collect()
}

const FILES: &str = r#"
for op in "$@"; do
  what=${op%%|*}; rest=${op#*|}; path=${rest%%|*}; text=${rest#*|}
  { case $what in
    read) out=$(cat "$path");;
    put) out=; printf %s "$text" > "$path";;
    stat) out=; ls -d "$path" > /dev/null;;
    ls) out=$(ls -a "$path" | grep -v '^\.\.*$' | sort | tr '\n' ' ');;
    rm) out=; rm "$path";;
  esac && echo "ok${out:+ $out}" || echo no; } 2> /dev/null
done"#;

fn native(task: Task<'_>) -> Vec<String> {
    let words: Vec<&str> = match task {
        Task::Hello(who) => vec!["sh", "-c", "echo hello, $1", "sh", who],
        Task::Env => vec!["env"],
        Task::Echo => vec!["cat"],
        Task::Stderr(text) => vec!["sh", "-c", "printf %s $1 >&2", "sh", text],
        Task::Exit(code) => return vec!["sh".into(), "-c".into(), format!("exit {code}")],
        Task::Sleep => vec!["sleep", "600"],
        Task::Crash => vec!["sh", "-c", "kill -SEGV $$"],
        Task::Files(operations) => [&["sh", "-c", FILES, "sh"], operations].concat(),
    };
    words.into_iter().map(str::to_owned).collect()
}

fn component(task: Task<'_>) -> (&'static str, Vec<String>) {
    let words: Vec<&str> = match task {
        Task::Hello(who) => vec![who],
        Task::Env => vec!["--env"],
        Task::Echo => vec!["--stdin"],
        Task::Stderr(text) => vec!["--stderr", text],
        Task::Exit(code) => return ("hello", vec!["--exit".into(), code.to_string()]),
        Task::Sleep => vec!["--sleep-ms", "600000"],
        Task::Crash => vec!["--panic"],
        Task::Files(operations) => return ("probe", operations.iter().map(|op| (*op).to_owned()).collect()),
    };
    ("hello", words.into_iter().map(str::to_owned).collect())
}

impl Door {
    pub fn is_native(&self) -> bool {
        self.native
    }

    pub fn ask(&self, task: Task<'_>, limits: Limits) -> Run {
        let mut grants = Grants::clocks_and_randomness();
        let program = if self.native {
            let mut words = native(task).into_iter();
            let program = Program::Command(words.next().unwrap());
            grants.args = words.collect();
            program
        } else {
            let (name, args) = component(task);
            grants.args = args;
            Program::Component { name: name.to_owned(), bytes: guest(name).into() }
        };
        Run::new(program, limits, grants)
    }

    pub async fn run(&self, run: Run) -> Report {
        self.backend.run(run).await.unwrap_or_else(|error| panic!("{}: {error}", self.backend.name()))
    }

    pub async fn report(&self, task: Task<'_>) -> Report {
        self.run(self.ask(task, limits())).await
    }

    /// What operations in a folder come to: `ok` with what was found, or `no`.
    pub async fn files(&self, mount: Mount, operations: &[&str]) -> (Vec<String>, Report) {
        let mut run = self.ask(Task::Files(operations), limits());
        run.mounts = vec![mount];
        let report = self.run(run).await;
        let text = String::from_utf8(report.stdout.bytes.clone()).unwrap();
        let plain = |line: &str| if line.starts_with("ok") { line.trim_end().to_owned() } else { "no".to_owned() };
        (text.lines().map(plain).collect(), report)
    }
}

/// A folder under rules.
pub fn mount(host: impl Into<PathBuf>, rules: &str) -> Mount {
    let policy = Arc::new(rules.parse::<Rules>().unwrap().policy(false).unwrap());
    Mount { host: host.into(), guest: "/data".into(), policy, copy_on_write: None }
}

/// A command of the machine, with ordinary grants.
pub fn command(words: &[&str], limits: Limits) -> Run {
    let mut grants = Grants::clocks_and_randomness();
    grants.args = words.iter().skip(1).map(|word| (*word).to_owned()).collect();
    Run::new(Program::Command(words[0].to_owned()), limits, grants)
}

pub async fn shell(backend: &Arc<impl Backend + ?Sized>, script: &str, limits: Limits) -> Result<Report, BackendError> {
    backend.run(command(&["/bin/sh", "-c", script], limits)).await
}

/// What a script says that is expected to end by itself.
pub async fn said(backend: &Arc<impl Backend + ?Sized>, script: &str) -> String {
    let report = shell(backend, script, roomy()).await.unwrap();
    assert_eq!(report.outcome.kind(), "exited", "{report:?}");
    String::from_utf8(report.stdout.bytes).unwrap()
}

/// Limits under which ordinary programs of the machine run.
pub fn roomy() -> Limits {
    Limits { memory_bytes: 512 << 20, deadline_ms: 60_000, ..limits() }
}

/// Compiles an attacker, once for each source.
pub fn attacker(name: &str, source: &str) -> Option<tempfile::TempDir> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(format!("{name}.c"));
    std::fs::write(&file, source).unwrap();
    let made = std::process::Command::new("gcc")
        .arg("-O1")
        .arg("-w")
        .arg("-o")
        .arg(dir.path().join(name))
        .arg(&file)
        .arg("-pthread")
        .output();
    match made {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(dir)
        }
        Err(reason) => {
            eprintln!("skipped: there is no C compiler on this machine: {reason}");
            None
        }
    }
}

/// What a compiled attacker says, which is in a folder that it may read.
pub async fn attack(backend: &Arc<impl Backend + ?Sized>, name: &str, source: &str, limits: Limits) -> Option<Report> {
    let dir = attacker(name, source)?;
    let mut run = command(&[&format!("/data/{name}")], limits);
    run.mounts = vec![mount(dir.path(), "/**:read")];
    Some(backend.run(run).await.unwrap())
}

pub fn text(report: &Report) -> String {
    String::from_utf8_lossy(&report.stdout.bytes).into_owned()
}

pub fn input(words: &'static [u8]) -> Stdin {
    Stdin::Bytes(bytes::Bytes::from_static(words))
}

/// Whether a process runs on this machine that has this among its words.
pub fn runs(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| line.split(|byte| *byte == 0).any(|found| found == word.as_bytes()))
}

/// Waits until none does.
pub async fn gone(word: &str) {
    let since = std::time::Instant::now();
    while runs(word) {
        crate::support::still_patient(since);
        tokio::task::yield_now().await;
    }
}

/// Waits until one does.
pub async fn there(word: &str) {
    let since = std::time::Instant::now();
    while !runs(word) {
        crate::support::still_patient(since);
        tokio::task::yield_now().await;
    }
}

/// A word that no other process has.
pub fn mark() -> String {
    format!("600.{}", uuid::Uuid::now_v7().as_u128() % 1_000_000_000_000)
}
