use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ringfence::engine::{Build, Engine, EngineError, EngineSettings, Entry, Program, Refusal, RunRequest};
use ringfence::model::{Grants, LimitName, Limits, Mode, Outcome, Preset, Report};
use serde_json::Value;

pub const WORKER: &str = env!("CARGO_BIN_EXE_ringfence");

/// Longer than any test takes on the slowest machine.
const LONGEST: Duration = Duration::from_secs(300);

/// Somebody who asks over HTTP, and does not wait for ever.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(LONGEST).build().unwrap()
}

/// A test that asks again and again for what never comes fails, where it would keep all others waiting.
#[track_caller]
pub fn still_patient(since: Instant) {
    assert!(since.elapsed() < LONGEST, "what this test waits for does not come");
}

pub fn settings() -> EngineSettings {
    let mut settings = EngineSettings::new(PathBuf::from(WORKER));
    settings.cache_dir = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("code"));
    settings.concurrent_runs = 64;
    settings
}

/// The engine that most tests share, as the threads of a service would.
pub fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(settings()).unwrap()).clone()
}

/// Small limits, so that a test which is wrong ends soon.
pub fn limits() -> Limits {
    let mut limits = Preset::Small.limits();
    limits.deadline_ms = 10_000;
    limits
}

pub fn with(changes: &[(LimitName, u64)]) -> Limits {
    let mut limits = limits();
    for (name, value) in changes {
        limits.set(*name, *value);
    }
    limits
}

pub fn hostile(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/hostile").join(format!("{name}.wat"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A program that `guests/build.py` made.
pub fn guest(name: &str) -> Vec<u8> {
    std::fs::read(guest_path(name)).unwrap_or_else(|error| panic!("{name}: {error}; run `make guests`"))
}

pub fn guest_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/build").join(format!("{name}.wasm"))
}

pub fn call(function: &str, args: Value) -> Entry {
    Entry::Call { function: function.to_owned(), args }
}

pub fn command() -> Entry {
    Entry::Command { name: "guest".to_owned() }
}

pub async fn load(bytes: Vec<u8>) -> Arc<Program> {
    engine().load(bytes, Build::of(&limits(), Mode::Ordinary)).await.unwrap()
}

pub async fn refusal(bytes: Vec<u8>) -> Refusal {
    match engine().load(bytes, Build::of(&limits(), Mode::Ordinary)).await {
        Err(EngineError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

pub async fn run(program: &Program, request: RunRequest) -> Report {
    engine().run(program, request).await.unwrap()
}

/// Calls one function of a program with ordinary grants.
pub async fn run_call(bytes: Vec<u8>, function: &str, args: Value, limits: Limits) -> Report {
    let program = load(bytes).await;
    run(&program, RunRequest::new(call(function, args), limits, Grants::clocks_and_randomness())).await
}

pub async fn run_command(bytes: Vec<u8>, args: &[&str], limits: Limits) -> Report {
    let mut grants = Grants::clocks_and_randomness();
    grants.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let program = load(bytes).await;
    run(&program, RunRequest::new(command(), limits, grants)).await
}

#[track_caller]
pub fn assert_limit(report: &Report, name: LimitName) {
    match &report.outcome {
        Outcome::LimitExceeded { limit, value, used } => {
            assert_eq!(*limit, name, "{report:?}");
            assert!(used > value, "{report:?}");
        }
        other => panic!("expected the limit {name}, got {other:?}"),
    }
}

/// After an attack the host answers others as before.
pub async fn assert_well() {
    let report = run_call(ADD.into(), "add", serde_json::json!([2, 3]), limits()).await;
    assert_eq!(report.outcome, Outcome::Returned { value: 5.into() });
}

pub const ADD: &str = r#"(component
  (core module $m (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
  (core instance $i (instantiate $m))
  (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add"))))"#;
