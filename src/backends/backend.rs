use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::claims::Standing;
use super::error::BackendError;
use crate::engine::{Mount, OutputListener, Stdin};
use crate::model::{Grants, LimitName, Limits, Report};

/// What a backend does later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One kind of fence.
pub trait Backend: Send + Sync {
    fn name(&self) -> BackendName;

    /// Whether it can be used on this machine, and what it holds here. Found out once.
    fn standing(&self) -> Pending<'_, Standing>;

    /// Runs once and returns when nothing of it is left. Dropping the future ends the run, and cleans up after it.
    fn run(&self, run: Run) -> Pending<'_, Result<Report, BackendError>>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendName {
    Wasm,
    Process,
    Docker,
}

impl BackendName {
    pub const ALL: [BackendName; 3] = [BackendName::Wasm, BackendName::Process, BackendName::Docker];

    pub const fn as_str(self) -> &'static str {
        match self {
            BackendName::Wasm => "wasm",
            BackendName::Process => "process",
            BackendName::Docker => "docker",
        }
    }
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no backend is called `{0}`; there are wasm, process and docker")]
pub struct UnknownBackend(String);

impl FromStr for BackendName {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let found = BackendName::ALL.into_iter().find(|backend| backend.as_str() == name);
        found.ok_or_else(|| UnknownBackend(name.to_owned()))
    }
}

/// What is run. Each backend knows one of them.
#[derive(Debug, Clone)]
pub enum Program {
    /// WebAssembly, run as a command under this name.
    Component { name: String, bytes: Bytes },
    /// A program of the machine or of an image, by path or by name.
    Command(String),
}

/// Everything that one run is given.
pub struct Run {
    pub program: Program,
    pub limits: Limits,
    pub grants: Grants,
    /// Folders, each under a name of the guest's and with rules of its own.
    pub mounts: Vec<Mount>,
    pub stdin: Stdin,
    /// Told of output as it comes.
    pub listener: Option<Arc<dyn OutputListener>>,
    /// Ends the run when its caller has gone away.
    pub cancel: Option<CancellationToken>,
    /// Limits and rules, by name, without which nothing is to be run.
    pub required: Vec<String>,
    /// Limits that somebody gave a number of his own: what holds nothing of one does not run.
    pub chosen: Vec<LimitName>,
}

impl Run {
    /// A run with no grants but those given, no input, and nobody who listens.
    pub fn new(program: Program, limits: Limits, grants: Grants) -> Self {
        Self {
            program,
            limits,
            grants,
            mounts: Vec::new(),
            stdin: Stdin::Empty,
            listener: None,
            cancel: None,
            required: Vec::new(),
            chosen: Vec::new(),
        }
    }
}
