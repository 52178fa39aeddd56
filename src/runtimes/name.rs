use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::RuntimeError;

const CHARS: usize = 64;

/// What a runtime is called: `python`, `javascript`, `python-with-numpy`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RuntimeName(String);

impl RuntimeName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuntimeName {
    type Err = RuntimeError;

    fn from_str(text: &str) -> Result<Self, RuntimeError> {
        let first = text.starts_with(|c: char| c.is_ascii_lowercase());
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if first && text.len() <= CHARS && text.chars().all(good) {
            return Ok(Self(text.to_owned()));
        }
        Err(RuntimeError::BadName(text.chars().take(CHARS).flat_map(char::escape_debug).collect()))
    }
}

impl TryFrom<String> for RuntimeName {
    type Error = RuntimeError;

    fn try_from(text: String) -> Result<Self, RuntimeError> {
        text.parse()
    }
}

impl fmt::Display for RuntimeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
