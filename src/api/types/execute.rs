use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::failures::invalid;
use super::super::problem::Problem;
use super::asks::{Deterministic, RunBody, given};
use super::{LimitsBody, ToolBody};
use crate::api::strict;
use crate::engine::Snippet;
use crate::model::{Labels, Preset};
use crate::runtimes::{self, RuntimeError, RuntimeName, Shelf};
use crate::sandbox::{RunAsk, SandboxError, What, Wished};

/// The most bytes of each form in which a value is answered.
const VALUE_BYTES: u32 = 256 << 10;
const FILENAME: usize = 200;

/// Code, and what it may have.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct ExecuteBody {
    /// The runtime: `python`, `javascript`, or another of `GET /v1/runtimes`.
    #[schema(pattern = "^[a-z][a-z0-9_-]{0,63}$", example = "python", required)]
    language: String,
    #[schema(example = "print(sum(range(10)))", required)]
    code: String,
    /// What tracebacks call it.
    #[schema(max_length = 200)]
    filename: Option<String>,
    /// Each becomes a variable before the code runs.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    variables: Option<Box<RawValue>>,
    /// Arguments of the snippet, after its name.
    args: Vec<String>,
    /// The whole environment.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    env: BTreeMap<String, String>,
    /// Standard input, as text.
    stdin: Option<String>,
    /// Standard input, in base64.
    stdin_base64: Option<String>,
    /// Its files begin as those of this workspace and are thrown away when it is over.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    workspace: Option<String>,
    /// Where they are for the snippet: `/workspace`, where nothing is said.
    #[schema(pattern = "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$", max_length = 255)]
    at: Option<String>,
    /// Rules with a name: agent-safe, development, read-only, full-access, view-only.
    #[schema(pattern = "^(agent-safe|development|read-only|full-access|view-only)$")]
    preset: Option<String>,
    /// Rules on top, as `PATTERN:LEVEL[,TYPE][,priority=N]`.
    rules: Vec<String>,
    clocks: Option<bool>,
    randomness: Option<bool>,
    /// `medium`, where no preset is named.
    #[serde(deserialize_with = "strict::named")]
    limits: LimitsBody,
    /// Gives the run a world that is the same each time: seeded randomness, stepped clocks.
    #[serde(deserialize_with = "strict::named_or_none")]
    deterministic: Option<Deterministic>,
    /// What the code may call: at most 64.
    #[serde(deserialize_with = "strict::each_named")]
    #[schema(max_items = 64)]
    tools: Vec<ToolBody>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    /// Answers at once with 202 and the id of the run.
    #[serde(rename = "async")]
    pub(in crate::api) apart: bool,
}

impl ExecuteBody {
    pub(in crate::api) fn ask(self, shelf: &Arc<Shelf>) -> Result<RunAsk, Problem> {
        let runtime = runtime(shelf, &self.language)?;
        let snippet = snippet(self.code, self.filename, self.variables)?;
        let rest = RunBody {
            env: self.env,
            stdin: self.stdin,
            stdin_base64: self.stdin_base64,
            workspace: self.workspace,
            at: self.at,
            preset: self.preset,
            rules: self.rules,
            clocks: self.clocks,
            randomness: self.randomness,
            limits: self.limits,
            deterministic: self.deterministic,
            labels: self.labels,
            ..RunBody::default()
        };
        let tools = self.tools.into_iter().enumerate().map(|(at, tool)| tool.ask(at)).collect::<Result<_, _>>()?;
        let what = What::Runtime(Arc::clone(shelf), runtime);
        let mut ask = given(rest, what, Wished::Snippet { snippet, args: self.args })?;
        // An interpreter is no small program.
        ask.limits.preset.get_or_insert(Preset::Medium);
        ask.tools = tools;
        Ok(ask)
    }
}

/// Code with a name and variables, as it goes to an interpreter.
pub(super) fn snippet(
    code: String,
    filename: Option<String>,
    variables: Option<Box<RawValue>>,
) -> Result<Snippet, Problem> {
    let filename = filename.unwrap_or_default();
    if filename.len() > FILENAME || filename.chars().any(char::is_control) {
        return Err(invalid("filename", format!("write at most {FILENAME} bytes, without control characters")));
    }
    let variables = variables.map_or_else(String::new, |given| given.get().to_owned());
    if !variables.is_empty() && !variables.starts_with('{') {
        return Err(invalid("variables", "write an object: a value for each name"));
    }
    Ok(Snippet { code, filename, variables, value_bytes: VALUE_BYTES })
}

/// The runtime of this name.
pub(super) fn runtime(shelf: &Shelf, name: &str) -> Result<runtimes::Runtime, Problem> {
    let unknown = |error: RuntimeError| invalid("language", error.to_string());
    let name: RuntimeName = name.parse().map_err(unknown)?;
    shelf.find(&name).map_err(|error| match error {
        RuntimeError::Unknown { .. } => unknown(error),
        other => Problem::from(SandboxError::from(other)),
    })
}

/// A language runtime of this host.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Runtime {
    name: String,
    digest: String,
    bytes: u64,
    added: String,
    /// The runtime that it is a snapshot of.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

impl From<runtimes::Runtime> for Runtime {
    fn from(runtime: runtimes::Runtime) -> Self {
        let runtimes::Runtime { name, digest, bytes, added, from } = runtime;
        let from = from.map(|from| from.to_string());
        Self { name: name.to_string(), digest: digest.to_string(), bytes, added, from }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Runtimes {
    runtimes: Vec<Runtime>,
}

impl From<Vec<runtimes::Runtime>> for Runtimes {
    fn from(all: Vec<runtimes::Runtime>) -> Self {
        Self { runtimes: all.into_iter().map(Into::into).collect() }
    }
}
