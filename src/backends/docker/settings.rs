use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What an engine of containers is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerSettings {
    /// The socket of the engine, as a path or as `unix://PATH`.
    pub socket: Option<PathBuf>,
    /// The image that commands are run from.
    pub image: Option<String>,
    pub pull: Pull,
    /// Processes and threads that one run may have at one time.
    pub processes: u64,
    /// Processors that one run may keep busy.
    pub cpus: f64,
    /// Where the copies of folders are while a run goes on: on this machine, and seen by the engine under the same path.
    pub copies_dir: PathBuf,
    /// What the folders of one run may hold, which are copied for it.
    pub copied_bytes: u64,
    pub copied_files: u64,
    /// What commands leave free on a disk that they may write, whatever their own limits.
    #[serde(skip)]
    pub disk_reserve_bytes: u64,
    /// The program that is started, with `docker-worker` as its argument, to clean up when this host dies: this one.
    #[serde(skip)]
    pub worker: PathBuf,
}

/// What is done about an image that is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// It is refused by name.
    #[default]
    Never,
    /// The engine is asked to fetch it, before a run and outside of its time.
    Missing,
}

impl Default for DockerSettings {
    fn default() -> Self {
        Self {
            socket: None,
            image: None,
            pull: Pull::Never,
            processes: 64,
            cpus: 1.0,
            copies_dir: PathBuf::from("/var/tmp"),
            copied_bytes: 1 << 30,
            copied_files: 100_000,
            disk_reserve_bytes: 256 << 20,
            worker: PathBuf::new(),
        }
    }
}

impl DockerSettings {
    /// What is wrong with them, in words that begin with the name of the setting.
    pub fn check(&self) -> Result<(), String> {
        if !(0.01..=1_024.0).contains(&self.cpus) {
            return Err(format!("cpus is {}, but must be from 0.01 to 1024", self.cpus));
        }
        // An engine takes a limit of 0 for none.
        if !(1..=1_000_000).contains(&self.processes) {
            return Err(format!("processes is {}, but must be from 1 to 1000000", self.processes));
        }
        Ok(())
    }
}
