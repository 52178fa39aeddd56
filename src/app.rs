//! The composition root: settings in, something that works out. The only place that names concrete types together.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{self, Overrides};
use crate::engine::{CodeCache, Engine};

/// An engine for this process.
pub fn engine(overrides: &Overrides, concurrent_runs: u32) -> anyhow::Result<Engine> {
    Ok(Engine::new(config::engine_settings(overrides, concurrent_runs)?)?)
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
