//! The composition root: settings in, something that works out. The only place that names concrete types together.

mod alerts;
mod backup;
mod certificate;
mod chronicle;
mod data;
mod descriptors;
mod ends;
mod following;
mod forward;
mod hook;
mod log;
mod policies;
mod replay;
mod replay_error;
mod rules;
mod secrets;
mod service;

use std::io::IsTerminal as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use tracing_subscriber::EnvFilter;

use crate::backends::{Backend, BackendName, Docker, Process, Wasm};
use crate::config::{self, LogSettings, Overrides};
use crate::engine::{CodeCache, Engine};
use crate::model::TenantId;
use crate::runtimes;
pub use backup::{BackedUp, back_up};
pub use certificate::Certificate;
pub use data::DataDirError;
pub use policies::{Removal, remove_policy};
pub use replay::{Compared, ReplayAsk, Replayed, replay};
pub use replay_error::ReplayError;
pub use rules::{TenantRules, tenant_rules};
pub use secrets::SecretError;
pub use service::{Service, check};

pub use crate::store::StoreError;
use crate::store::{Store, TenantCatalog};
use crate::workspace::Workspaces;

/// An engine for this process.
pub fn engine(overrides: &Overrides, concurrent_runs: u32) -> anyhow::Result<Engine> {
    Ok(Engine::new(config::engine_settings(overrides, concurrent_runs)?)?)
}

/// What fences programs on this machine, by name.
pub fn backend(name: BackendName, overrides: &Overrides) -> anyhow::Result<Box<dyn Backend>> {
    Ok(match name {
        BackendName::Wasm => Box::new(Wasm::new(engine(overrides, 1)?)),
        BackendName::Process => Box::new(Process::new(config::process_settings(overrides)?)),
        BackendName::Docker => Box::new(Docker::new(config::docker_settings(overrides)?)),
    })
}

/// The workspaces of this person, kept in the data folder.
pub type Shelf = Workspaces<TenantCatalog>;

pub fn workspaces(overrides: &Overrides) -> anyhow::Result<Shelf> {
    let data = config::data_dir(overrides)?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&data).with_context(|| data.display().to_string())?;
    let store = Store::of(&data)?;
    Ok(Workspaces::open(&data, store.catalog(&house()?))?)
}

/// The language runtimes of this person, kept in the data folder.
pub fn runtimes(overrides: &Overrides) -> anyhow::Result<runtimes::Shelf> {
    Ok(runtimes::Shelf::of(&config::data_dir(overrides)?))
}

/// The tenant of those who own the machine; what is made on the command line without a server is its.
fn house() -> anyhow::Result<TenantId> {
    Ok(crate::authz::HOUSE.parse()?)
}

/// Who owns what is made on the command line.
pub fn owner() -> String {
    config::variable("USER").unwrap_or_else(|| "local".to_owned())
}

/// The compile cache alone.
pub fn code_cache(overrides: &Overrides) -> anyhow::Result<CodeCache> {
    let settings = config::engine_settings(overrides, 1)?;
    let dir = settings.cache_dir.ok_or(config::ConfigError::NoCacheDir)?;
    Ok(CodeCache::open(&dir, settings.cache_bytes)?)
}

/// Sends what the host has to say about itself to standard error.
pub fn start_log() {
    let colours = std::io::stderr().is_terminal() && !config::no_color();
    let filter = EnvFilter::try_new(config::log_filter()).unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .without_time()
        .init();
}

/// The same for a service, whose log may be read by programs.
pub fn start_service_log(settings: &LogSettings) {
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal() && !config::no_color();
    // A log that cannot be written, on a full disk perhaps, must not take what it tells of along.
    let log = tracing_subscriber::fmt().log_internal_errors(false).with_env_filter(filter);
    let log = log.with_writer(std::io::stderr);
    if settings.json {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(colours).with_target(false).init();
    }
}

/// The store of a data folder that has one; none is made.
fn existing_store(data: &Path) -> anyhow::Result<Store> {
    let file = data.join("ringfence.db");
    if !file.is_file() {
        bail!("{} holds no store; name the data folder of a service", data.display());
    }
    Ok(Store::of(data)?)
}
