//! What both benches start from.

#![allow(dead_code, reason = "each bench uses a part")]
#![allow(clippy::print_stderr, reason = "says what it leaves out")]

use std::path::PathBuf;

use ringfence::engine::{Engine, EngineSettings, Entry};
use ringfence::model::{Limits, Preset};
use serde_json::Value;

pub const WORKER: &str = env!("CARGO_BIN_EXE_ringfence");

/// A no-op export in a component that imports some of WASI, as real ones do.
pub const NOOP: &str = r#"(component
  (import "wasi:cli/environment@0.2.0" (instance $env (export "get-arguments" (func (result (list string))))))
  (import "wasi:random/random@0.2.0" (instance (export "get-random-u64" (func (result u64)))))
  (core module $m
    (memory (export "memory") 1)
    (func (export "noop"))
    (func (export "ten") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) local.get 9))
  (core instance $i (instantiate $m))
  (func (export "noop") (canon lift (core func $i "noop")))
  (func (export "ten") (param "a" u32) (param "b" u32) (param "c" u32) (param "d" u32) (param "e" u32) (param "f" u32)
    (param "g" u32) (param "h" u32) (param "i" u32) (param "j" u32) (result u32) (canon lift (core func $i "ten"))))"#;

pub fn settings(dir: &tempfile::TempDir) -> EngineSettings {
    let mut settings = EngineSettings::new(PathBuf::from(WORKER));
    settings.cache_dir = Some(dir.path().join("code"));
    settings.concurrent_runs = 1_100;
    settings
}

pub fn engine() -> (Engine, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (Engine::new(settings(&dir)).unwrap(), dir)
}

pub fn limits() -> Limits {
    Preset::Small.limits()
}

pub fn call(function: &str, args: Value) -> Entry {
    Entry::Call { function: function.to_owned(), args }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The tree whose guests are measured: where this was built, or what is named when it is started without cargo.
pub fn tree() -> String {
    std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned())
}

/// A sample program as built, where it was built.
pub fn guest(name: &str) -> Option<Vec<u8>> {
    let path = format!("{}/guests/build/{name}.wasm", tree());
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("figures: guests/build/{name}.wasm is missing and what needs it is left out; run `make guests`");
    }
    bytes
}
