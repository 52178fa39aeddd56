//! From a stranger's bytes to machine code that we trust, in three steps kept apart:
//!
//! - `process` starts a child of ours for each compilation: bounded in time, memory and priority, so that a
//!   compile bomb kills the child and a running guest keeps its share;
//! - `worker` is that child: the only code that reads a stranger's bytes;
//! - `cache` keeps the code on disk under a key of its own, and loads nothing that it did not write itself.

mod cache;
mod makers;
mod process;
mod worker;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::describe::Kind;
use super::error::Refusal;
use super::fence::Flavour;
use super::intake::Doors;
use super::saved::Shape;

pub(super) use cache::Found;
pub use cache::{CacheEntry, CodeCache};
pub use makers::build_name;
use makers::makers;
pub(super) use process::{compile, image};
pub use worker::serve as serve_compile_worker;

/// What the worker is told, in one line before the program's bytes and what belongs to them.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    /// Who asks; a worker of another build refuses to work for it.
    makers: String,
    flavour: Flavour,
    memory_bytes: u64,
    cpu_seconds: u64,
    task: Task,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Task {
    /// Machine code.
    Compile,
    /// The program as it is in a state, which follows it.
    Image { program_bytes: u64, state: Shape, most_bytes: u64 },
}

/// What the worker answers, in one line before the code or the program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Compiled(Origins),
    Image,
    Refused(Refusal),
    /// The program on disk was replaced while this process runs.
    OtherBuild,
}

/// What a program was before it was compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origins {
    pub(super) kind: Kind,
    pub(super) text: bool,
    pub(super) doors: Doors,
}

/// Code as it came from the worker.
pub(super) struct Compiled {
    pub(super) origins: Origins,
    pub(super) code: Vec<u8>,
}

/// Where the code of a program came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Compiled now; `rejected` says why what the cache held was not loaded, if it held something.
    Compiled {
        rejected: Option<String>,
    },
    Cache {
        file: PathBuf,
    },
}
