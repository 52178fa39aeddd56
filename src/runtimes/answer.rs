use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::RuntimeError;

/// What a runtime says of a snippet that it ran to its end: `answer` of `wit/runtime.wit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answer {
    pub ending: Ending,
    pub value: Option<Shown>,
    /// What the code asked to show on its way.
    pub shown: Vec<Shown>,
    /// How many snippets this instance has run.
    pub count: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    Finished,
    Failed(Failure),
    Exited(u32),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Failure {
    pub name: String,
    pub message: String,
    pub traceback: String,
    pub line: Option<u32>,
}

/// A value in every form that it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shown {
    /// JSON text, where it can be JSON.
    pub json: Option<String>,
    pub text: String,
    pub cut: bool,
    pub forms: Vec<Form>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Form {
    pub mime: String,
    pub data: String,
    pub base64: bool,
}

impl Answer {
    /// Reads what a run of a runtime returned.
    pub fn read(returned: &str) -> Result<Self, RuntimeError> {
        serde_json::from_str(returned).map_err(|error| RuntimeError::NoAnswer(error.to_string()))
    }

    /// As it is told to whoever asked: values as they are, an error in the words of the language.
    pub fn told(&self) -> Value {
        let mut told = json!({"exit_code": self.exit_code(), "count": self.count});
        if let Ending::Failed(Failure { name, message, traceback, line }) = &self.ending {
            told["error"] = json!({"name": name, "value": message, "traceback": traceback, "line": line});
        }
        if let Some(value) = &self.value {
            told["value"] = value.told();
        }
        if !self.shown.is_empty() {
            told["shown"] = self.shown.iter().map(Shown::told).collect();
        }
        told
    }

    /// What a process would exit with.
    pub fn exit_code(&self) -> u8 {
        match &self.ending {
            Ending::Finished => 0,
            Ending::Failed(_) => 1,
            Ending::Exited(code) => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
        }
    }
}

impl Shown {
    fn told(&self) -> Value {
        let mut told = json!({"text": self.text, "cut": self.cut});
        if let Some(value) = self.json.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            told["json"] = value;
        }
        if !self.forms.is_empty() {
            told["forms"] = json!(self.forms);
        }
        told
    }
}
