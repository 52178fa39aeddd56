use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;

use super::paths::settle;
use super::variables::{ALSO, variable_of};
use crate::api::{HttpSettings, TlsSettings};
use crate::audit::{AuditSettings, forward};
use crate::backends::BackendsSettings;
use crate::identity::IdentitySettings;
use crate::model::parse_bytes;
use crate::sandbox::HallSettings;

/// All that a service can be told. Each section is declared by the area that it is for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where everything is kept; made with 0700 where it is not there.
    pub data_dir: Option<PathBuf>,
    pub log: LogSettings,
    pub http: HttpSettings,
    pub tls: TlsSettings,
    pub runs: HallSettings,
    pub engine: EngineSection,
    pub identity: IdentitySettings,
    pub audit: AuditSettings,
    pub backends: BackendsSettings,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// In the syntax of `tracing`: info, debug, ringfence::engine=trace, …
    pub filter: String,
    /// One JSON object on a line.
    pub json: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { filter: "info".to_owned(), json: false }
    }
}

/// What of the engine's own settings may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSection {
    /// Keeps compiled code on disk.
    pub cache: bool,
    /// Folder of the compile cache; in the data folder, where nothing is said.
    pub cache_dir: Option<PathBuf>,
    pub cache_bytes: u64,
    pub module_bytes: u64,
    pub compile_deadline_ms: u64,
    pub compile_memory_bytes: u64,
    pub disk_reserve_bytes: u64,
}

impl Default for EngineSection {
    fn default() -> Self {
        let own = crate::engine::EngineSettings::new(PathBuf::new());
        Self {
            cache: true,
            cache_dir: None,
            cache_bytes: own.cache_bytes,
            module_bytes: own.module_bytes,
            compile_deadline_ms: own.compile_deadline_ms,
            compile_memory_bytes: own.compile_memory_bytes,
            disk_reserve_bytes: own.disk_reserve_bytes,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{file} cannot be read: {reason}")]
    Unreadable { file: String, reason: std::io::Error },
    #[error("{file}: {reason}")]
    Syntax { file: String, reason: String },
    #[error("{key}, from {from}: {reason}")]
    Value { key: String, from: String, reason: String },
    #[error("there is no setting `{key}` ({from}); `ringfence config show` lists them")]
    Unknown { key: String, from: String },
    #[error("there is no setting for {name}; did you mean {near}? `ringfence config show` lists them all")]
    Variable { name: String, near: String },
    #[error("the settings together: {0}")]
    Together(String),
}

/// Settings that have no value unless they are given one.
const OPTIONAL: [&str; 11] = [
    "data_dir",
    "tls.cert_file",
    "tls.key_file",
    "engine.cache_dir",
    "audit.dir",
    "audit.key_file",
    "audit.origin",
    "audit.alerts.webhook.url",
    "audit.alerts.webhook.key_file",
    "backends.docker.socket",
    "backends.docker.image",
];

/// What has expired is gone within a minute.
const SWEEP_SECONDS: u64 = 30;
/// With less the compiler does not even start.
const COMPILER_BYTES: u64 = 64 << 20;

/// Something that was said about a setting, and by what.
struct Said<'a> {
    key: &'a str,
    text: &'a str,
    like: Option<&'a Value>,
    from: String,
}

impl Settings {
    /// The file, under the environment, under what the command line says.
    pub fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
        flags: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        let mut table = match file {
            Some(file) => read(file)?,
            None => Table::new(),
        };
        let from = file.map_or_else(|| "the settings".to_owned(), |file| file.display().to_string());
        // By itself first, so that what is wrong in it is told with its place.
        parsed(table.clone()).map_err(|reason| SettingsError::Syntax { file: from, reason })?;
        let keys = Self::keys();
        for (key, like) in &keys {
            let also = ALSO.iter().filter(|(_, of)| of == key).map(|(name, _)| (*name).to_owned());
            for name in also.chain([variable_of(key)]) {
                if let Some(text) = environment(&name).filter(|text| !text.is_empty()) {
                    set(&mut table, Said { key, text: &text, like: like.as_ref(), from: name })?;
                }
            }
        }
        for (key, text) in flags {
            let from = "flags".to_owned();
            let Some((_, like)) = keys.iter().find(|(known, _)| known == key) else {
                return Err(SettingsError::Unknown { key: key.clone(), from });
            };
            set(&mut table, Said { key, text, like: like.as_ref(), from })?;
        }
        let settings = parsed(table).map_err(SettingsError::Together)?;
        settings.check()?;
        Ok(settings)
    }

    /// Numbers with which nothing could be served.
    fn check(&self) -> Result<(), SettingsError> {
        let (http, runs) = (&self.http, &self.runs);
        let least = [
            ("http.page", u64::from(http.page), 1),
            ("http.body_bytes", http.body_bytes, 1),
            ("http.upload_bytes", http.upload_bytes, 1),
            ("http.header_bytes", u64::from(http.header_bytes), 256),
            ("http.connections", u64::from(http.connections), 1),
            ("http.address_connections", u64::from(http.address_connections), 1),
            ("http.requests", u64::from(http.requests), 1),
            ("http.headers", u64::from(http.headers), 8),
            ("http.header_ms", http.header_ms, 10),
            ("http.bodies_bytes", http.bodies_bytes, http.body_bytes),
            ("http.tenant_bodies_bytes", http.tenant_bodies_bytes, http.body_bytes),
            ("http.stall_ms", http.stall_ms, 10),
            ("http.body_ms", http.body_ms, 10),
            ("http.write_ms", http.write_ms, 10),
            ("http.streams", u64::from(http.streams), 1),
            ("runs.concurrent_runs", u64::from(runs.concurrent_runs), 1),
            ("runs.session_idle_seconds", runs.session_idle_seconds, 1),
            ("runs.history_runs", runs.history_runs, 1),
            ("runs.sweep_seconds", runs.sweep_seconds, 1),
            ("audit.checkpoint_seconds", self.audit.checkpoint_seconds, 1),
            ("audit.retention_days", self.audit.retention_days, 1),
            ("engine.cache_bytes", self.engine.cache_bytes, 1),
            ("engine.module_bytes", self.engine.module_bytes, 1),
            ("engine.compile_deadline_ms", self.engine.compile_deadline_ms, 1),
            ("engine.compile_memory_bytes", self.engine.compile_memory_bytes, COMPILER_BYTES),
        ];
        if let Some((key, value, least)) = least.into_iter().find(|(_, value, least)| value < least) {
            return Err(SettingsError::Together(format!("{key} is {value}, but must be at least {least}")));
        }
        if runs.sweep_seconds > SWEEP_SECONDS {
            let value = runs.sweep_seconds;
            let what = format!("runs.sweep_seconds is {value}, but must be at most {SWEEP_SECONDS}");
            return Err(SettingsError::Together(what));
        }
        self.check_words()
    }

    /// What would be found out at the start, or not at all.
    fn check_words(&self) -> Result<(), SettingsError> {
        let wrong = |what: String| Err(SettingsError::Together(what));
        if let Err(error) = EnvFilter::try_new(&self.log.filter) {
            return wrong(format!("log.filter: {error}"));
        }
        if self.tls.cert_file.is_some() != self.tls.key_file.is_some() {
            return wrong("tls.cert_file and tls.key_file go together; name both".to_owned());
        }
        if let Some(host) = self.http.hosts.iter().find(|host| !is_host(host)) {
            let how = "write what callers have between https:// and the port";
            return wrong(format!("http.hosts: `{host}` is no name of a host and no address; {how}"));
        }
        if let Err(error) = forward::check(&self.audit.forward) {
            return wrong(format!("audit.forward.{error}"));
        }
        if let Err(error) = self.audit.alerts.check() {
            return wrong(format!("audit.alerts.{error}"));
        }
        if let Err(error) = self.backends.check() {
            return wrong(format!("backends.{error}"));
        }
        self.identity.check().or_else(|error| wrong(format!("identity.{error}")))
    }

    /// All settings with their default values, those without one last.
    pub fn keys() -> Vec<(String, Option<Value>)> {
        let mut keys = Vec::new();
        if let Ok(table) = Table::try_from(Self::default()) {
            leaves("", &table, &mut keys);
        }
        keys.extend(OPTIONAL.iter().map(|key| ((*key).to_owned(), None)));
        keys
    }

    /// Each setting that has a value, as a file would say it.
    pub fn in_force(&self) -> BTreeMap<String, String> {
        let mut all = Vec::new();
        if let Ok(table) = Table::try_from(self) {
            leaves("", &table, &mut all);
        }
        all.into_iter().filter_map(|(key, value)| Some((key, value?.to_string()))).collect()
    }

    /// As a file would say it.
    pub fn text(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }
}

/// A name or an address, as callers write it.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    host.parse::<IpAddr>().is_ok() || (host.len() <= 253 && host.split('.').all(label))
}

fn parsed(table: Table) -> Result<Settings, String> {
    Settings::deserialize(table).map_err(|error| error.to_string().trim().replace('\n', "; "))
}

fn read(file: &Path) -> Result<Table, SettingsError> {
    let shown = || file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|reason| SettingsError::Unreadable { file: shown(), reason })?;
    let wrong = |reason: String| SettingsError::Syntax { file: shown(), reason: reason.trim().replace('\n', "; ") };
    let mut table: Table = toml::from_str(&text).map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    if !count(&mut table).map_err(wrong)? {
        // Read as settings, which knows the place of what is wrong; the table is for what comes on top.
        toml::from_str::<Settings>(&text).map_err(|error| wrong(error.to_string()))?;
    }
    if let Some(folder) = file.parent() {
        settle(&mut table, folder);
    }
    Ok(table)
}

/// Makes numbers of sizes that are written with a unit; whether there were any.
fn count(table: &mut Table) -> Result<bool, String> {
    let mut any = false;
    for (key, _) in
        Settings::keys().iter().filter(|(key, like)| is_size(key) && matches!(like, Some(Value::Integer(_))))
    {
        let mut names = key.split('.');
        let first = names.next().and_then(|name| table.get_mut(name));
        let found = names.fold(first, |at, name| at?.get_mut(name));
        if let Some(found @ Value::String(_)) = found {
            let read = number(key, found.as_str().unwrap_or_default());
            *found = Value::Integer(read.map_err(|reason| format!("{key}: {reason}"))?);
            any = true;
        }
    }
    Ok(any)
}

fn is_size(key: &str) -> bool {
    key.ends_with("_bytes")
}

fn number(key: &str, text: &str) -> Result<i64, String> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let told = |what: &str| if is_size(key) { what.to_owned() } else { format!("`{text}` is no whole number") };
    let bytes = parse_bytes(text).map_err(|error| told(&error.to_string()))?;
    i64::try_from(bytes).map_err(|_| told("is larger than any size can be"))
}

fn leaves(prefix: &str, table: &Table, into: &mut Vec<(String, Option<Value>)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => leaves(&key, inner, into),
            value => into.push((key, Some(value.clone()))),
        }
    }
}

/// A text as the kind of value that the setting has; what else does not fit is told by whoever reads the whole.
fn value(key: &str, text: &str, like: Option<&Value>) -> Result<Value, String> {
    let read = match like {
        Some(Value::Integer(_)) => Some(Value::Integer(number(key, text)?)),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        Some(Value::Float(_)) => text.parse().ok().map(Value::Float),
        Some(Value::Array(_)) => list(text),
        _ => None,
    };
    Ok(read.unwrap_or_else(|| Value::String(text.to_owned())))
}

/// A list as TOML writes one, or words with commas between them.
fn list(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('[') {
        return toml::from_str::<Table>(&format!("list = {text}")).ok()?.remove("list");
    }
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    Some(Value::Array(words.map(|word| Value::String(word.to_owned())).collect()))
}

fn set(table: &mut Table, said: Said<'_>) -> Result<(), SettingsError> {
    let wrong = |reason| SettingsError::Value { key: said.key.to_owned(), from: said.from.clone(), reason };
    let value = value(said.key, said.text, said.like).map_err(wrong)?;
    let mut alone = Table::new();
    put(&mut alone, said.key, value.clone());
    parsed(alone).map_err(wrong)?;
    put(table, said.key, value);
    Ok(())
}

fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
