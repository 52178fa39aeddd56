use std::env;
use std::path::PathBuf;

use super::check_variables;
use super::service::{Settings, SettingsError};
use crate::backends::{DockerSettings, ProcessSettings};
use crate::engine::EngineSettings;
use crate::model::{QuantityError, parse_bytes};

/// What a person may set for the whole process; `None` leaves it to the next source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    pub data_dir: Option<PathBuf>,
    pub disk_reserve_bytes: Option<u64>,
    pub cache_dir: Option<PathBuf>,
    pub cache_bytes: Option<u64>,
    pub no_cache: bool,
    pub module_bytes: Option<u64>,
    pub compile_deadline_ms: Option<u64>,
    pub compile_memory_bytes: Option<u64>,
    /// A file of settings, and single ones that are stronger: those of a container engine are found there.
    pub config: Option<PathBuf>,
    pub set: Vec<(String, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the path of this program cannot be found, and it is needed to compile: {0}")]
    OwnPath(#[source] std::io::Error),
    #[error("there is no folder for the compile cache: set RINGFENCE_CACHE_DIR or HOME, or use --no-cache")]
    NoCacheDir,
    #[error("there is no folder for what is kept: set RINGFENCE_DATA_DIR or HOME, or use --data-dir")]
    NoDataDir,
    #[error("there is no folder to keep keys in: set XDG_CONFIG_HOME or HOME, or give the key with --api-key-file")]
    NoConfigDir,
    #[error("RINGFENCE_CACHE_BYTES: {0}")]
    CacheBytes(#[source] QuantityError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// The settings of the engine: the command line, then the environment, then what fits an ordinary machine.
pub fn engine_settings(overrides: &Overrides, concurrent_runs: u32) -> Result<EngineSettings, ConfigError> {
    let mut settings = EngineSettings::new(own_program()?);
    settings.concurrent_runs = concurrent_runs;
    settings.cache_dir = if overrides.no_cache { None } else { Some(cache_dir(overrides)?) };
    if let Some(bytes) = env::var_os("RINGFENCE_CACHE_BYTES") {
        settings.cache_bytes = parse_bytes(&bytes.to_string_lossy()).map_err(ConfigError::CacheBytes)?;
    }
    let set = |to: &mut u64, from: Option<u64>| {
        if let Some(value) = from {
            *to = value;
        }
    };
    set(&mut settings.cache_bytes, overrides.cache_bytes);
    set(&mut settings.disk_reserve_bytes, overrides.disk_reserve_bytes);
    set(&mut settings.module_bytes, overrides.module_bytes);
    set(&mut settings.compile_deadline_ms, overrides.compile_deadline_ms);
    set(&mut settings.compile_memory_bytes, overrides.compile_memory_bytes);
    Ok(settings)
}

/// The settings of fences around native commands.
pub fn process_settings(overrides: &Overrides) -> Result<ProcessSettings, ConfigError> {
    let mut settings = ProcessSettings::new(own_program()?);
    if let Some(bytes) = overrides.disk_reserve_bytes {
        settings.disk_reserve_bytes = bytes;
    }
    Ok(settings)
}

/// The settings of containers around native commands, from where those of a service come from.
pub fn docker_settings(overrides: &Overrides) -> Result<DockerSettings, ConfigError> {
    check_variables(variable_names())?;
    let file = overrides.config.clone().or_else(|| env::var_os("RINGFENCE_CONFIG").map(PathBuf::from));
    let settings = Settings::load(file.as_deref(), variable, &overrides.set)?;
    let reserve = overrides.disk_reserve_bytes.unwrap_or(settings.engine.disk_reserve_bytes);
    docker_here(settings.backends.docker, reserve)
}

/// The same for one that has its settings: what is found on this machine, where they say nothing.
pub fn docker_here(mut settings: DockerSettings, disk_reserve_bytes: u64) -> Result<DockerSettings, ConfigError> {
    settings.worker = own_program()?;
    settings.disk_reserve_bytes = disk_reserve_bytes;
    let named = env::var_os("DOCKER_HOST").filter(|value| !value.is_empty()).map(PathBuf::from);
    settings.socket = settings.socket.or(named);
    Ok(settings)
}

/// This very program, even if the file that it was started from has been replaced since.
pub fn own_program() -> Result<PathBuf, ConfigError> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { env::current_exe().map_err(ConfigError::OwnPath) }
}

/// The folder of the compile cache: as told, else by the environment, else where caches of a user belong.
pub fn cache_dir(overrides: &Overrides) -> Result<PathBuf, ConfigError> {
    let from = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    overrides
        .cache_dir
        .clone()
        .or_else(|| from("RINGFENCE_CACHE_DIR"))
        .or_else(|| from("XDG_CACHE_HOME").map(|base| base.join("ringfence").join("code")))
        .or_else(|| from("HOME").map(|home| home.join(".cache").join("ringfence").join("code")))
        .ok_or(ConfigError::NoCacheDir)
}

/// The folder of what is kept between processes: as told, else by the environment, else where data of a user belongs.
pub fn data_dir(overrides: &Overrides) -> Result<PathBuf, ConfigError> {
    let from = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    overrides
        .data_dir
        .clone()
        .or_else(|| from("RINGFENCE_DATA_DIR"))
        .or_else(|| from("XDG_DATA_HOME").map(|base| base.join("ringfence")))
        .or_else(|| from("HOME").map(|home| home.join(".local").join("share").join("ringfence")))
        .ok_or(ConfigError::NoDataDir)
}

/// The folder where this person keeps how things are set up: the keys of servers.
pub fn config_dir() -> Result<PathBuf, ConfigError> {
    let from = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    from("XDG_CONFIG_HOME")
        .or_else(|| from("HOME").map(|home| home.join(".config")))
        .map(|base| base.join("ringfence"))
        .ok_or(ConfigError::NoConfigDir)
}

/// What the host itself logs, in the syntax of `tracing`: warnings unless RINGFENCE_LOG says otherwise.
pub fn log_filter() -> String {
    env::var("RINGFENCE_LOG").unwrap_or_else(|_| "warn".to_owned())
}

/// Whether colours are unwanted even on a terminal.
pub fn no_color() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// A variable of our own environment, for a person who passes it on by name.
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The names of all variables of our environment.
pub fn variable_names() -> Vec<String> {
    env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
}
