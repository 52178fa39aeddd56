use serde::{Deserialize, Serialize};

use super::backend::BackendName;
use super::docker::DockerSettings;

/// What may be chosen of what fences programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackendsSettings {
    /// Those that callers of a service may name. `wasm` is always among them: snippets, sessions and tools run in it.
    pub allowed: Vec<BackendName>,
    pub docker: DockerSettings,
}

impl Default for BackendsSettings {
    fn default() -> Self {
        Self { allowed: vec![BackendName::Wasm], docker: DockerSettings::default() }
    }
}

impl BackendsSettings {
    /// What is wrong with them, in words that begin with the name of the setting.
    pub fn check(&self) -> Result<(), String> {
        if !self.allowed.contains(&BackendName::Wasm) {
            return Err(
                "allowed: `wasm` is missing, and snippets, sessions and tools run in it; name it as well".into()
            );
        }
        let twice = |at: usize, name| self.allowed.iter().skip(at + 1).any(|other| other == name);
        match self.allowed.iter().enumerate().find(|(at, name)| twice(*at, *name)) {
            Some((_, name)) => Err(format!("allowed: `{name}` is there twice")),
            None => self.docker.check().map_err(|reason| format!("docker.{reason}")),
        }
    }
}
