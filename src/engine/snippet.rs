use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::{self, Answer, Form, Json, Outcome, SnippetError};

/// How a language runtime is driven: `wit/runtime.wit`.
pub(super) const INTERPRETER: &str = "ringfence:runtime/interpreter@0.1.0";
pub(super) const PREPARE: &str = "prepare";
pub(super) const EXECUTE: &str = "execute";
pub(super) const SETTLE: &str = "settle";

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

    pub(super) fn arguments(&self, args: &[String]) -> Value {
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

/// `answer` of `wit/runtime.wit`, as values of the component model are written.
#[derive(Deserialize)]
struct Told {
    ending: Ending,
    value: Option<Shown>,
    shown: Vec<Shown>,
    count: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ending {
    Finished,
    Failed(Failure),
    Exited(u32),
}

#[derive(Deserialize)]
struct Failure {
    name: String,
    message: String,
    traceback: String,
    line: Option<u32>,
}

#[derive(Deserialize)]
struct Shown {
    json: Option<String>,
    text: String,
    cut: bool,
    forms: Vec<Form>,
}

impl From<Shown> for model::Shown {
    fn from(shown: Shown) -> Self {
        let Shown { json, text, cut, forms } = shown;
        // What others cannot read is left out; the text of the value is there all the same.
        let json = json.and_then(Json::of_guest);
        Self { text, json, forms, cut }
    }
}

/// What a runtime said of a snippet, as the outcome of the run.
pub(super) fn answered(returned: &Json) -> Result<Outcome, serde_json::Error> {
    let Told { ending, value, shown, count } = serde_json::from_str(returned.text())?;
    let (code, error) = match ending {
        Ending::Finished => (0, None),
        Ending::Exited(code) => (u8::try_from(code & 0xff).unwrap_or(u8::MAX), None),
        Ending::Failed(Failure { name, message, traceback, line }) => {
            (1, Some(SnippetError { name, value: message, traceback, line }))
        }
    };
    let shown = shown.into_iter().map(Into::into).collect();
    let answer = Answer { count, error, value: value.map(Into::into), shown };
    Ok(Outcome::Answered { code, answer: Json::written(&answer)? })
}
