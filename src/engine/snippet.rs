use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How a language runtime is driven: `wit/runtime.wit`.
pub(super) const INTERPRETER: &str = "ringfence:runtime/interpreter@0.1.0";
pub(super) const PREPARE: &str = "prepare";
pub(super) const EXECUTE: &str = "execute";

/// Code for a language runtime.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snippet {
    pub code: String,
    /// What tracebacks call it; empty for a name of the runtime's own.
    pub filename: String,
    /// A JSON object of variables, or nothing.
    pub variables: String,
    /// The most bytes of each form in which a value is answered.
    pub value_bytes: u32,
}

impl Snippet {
    pub(super) fn len(&self) -> usize {
        self.code.len() + self.filename.len() + self.variables.len()
    }

    pub(super) fn arguments(self, args: Vec<String>) -> Value {
        let Self { code, filename, variables, value_bytes } = self;
        let snippet = json!({
            "code": code, "filename": filename, "variables": variables, "args": args, "value-bytes": value_bytes
        });
        json!([snippet])
    }
}

/// What a fresh instance is told first.
pub(super) fn begin(environment: &[(String, String)], folder: &str) -> Value {
    json!([{"environment": environment, "folder": folder}])
}
