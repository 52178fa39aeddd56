use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::problem::Problem;
use super::asks::{RunBody, given};
use super::execute::{runtime, snippet};
use super::{LimitsBody, ToolBody, Whole, labels, time};
use crate::api::strict;
use crate::model::{Labels, SessionId};
use crate::runtimes::{self, Shelf};
use crate::sandbox::{RunAsk, SessionRecord, SessionState, What, Wished};

/// An interpreter that is to live over several calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct SessionBody {
    /// The runtime: `python`, `javascript`, or another of `GET /v1/runtimes`.
    #[schema(pattern = "^[a-z][a-z0-9_-]{0,63}$", example = "python", required)]
    language: String,
    /// The sandbox whose files, environment, limits and grants it has, and with which it ends.
    #[schema(pattern = "^sbx_[0-9a-f]{32}$", example = "sbx_00000000000000000000000000000000", required)]
    pub(in crate::api) sandbox: String,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
}

impl SessionBody {
    /// Which runtime it is to have; its card is on the disk.
    pub(in crate::api) fn ask(self, shelf: &Shelf) -> Result<(runtimes::Runtime, Labels), Problem> {
        Ok((runtime(shelf, &self.language)?, labels(self.labels)?))
    }
}

/// Code for a session, and what it may have. Its files, environment, clocks and randomness are those of the sandbox.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct CallBody {
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
    /// Standard input, as text.
    stdin: Option<String>,
    /// Standard input, in base64.
    stdin_base64: Option<String>,
    /// What the code may call in this call, by `from ringfence import tools`.
    #[serde(deserialize_with = "strict::each_named")]
    #[schema(max_items = 64)]
    tools: Vec<ToolBody>,
    /// As the sandbox has them, where nothing is said; the stack is always that of the sandbox.
    #[serde(deserialize_with = "strict::named")]
    limits: LimitsBody,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    /// Answers at once with 202 and the id of the run.
    #[serde(rename = "async")]
    pub(in crate::api) apart: bool,
}

impl CallBody {
    pub(in crate::api) fn ask(self, session: SessionId) -> Result<RunAsk, Problem> {
        let snippet = snippet(self.code, self.filename, self.variables)?;
        let rest = RunBody {
            stdin: self.stdin,
            stdin_base64: self.stdin_base64,
            limits: self.limits,
            labels: self.labels,
            ..RunBody::default()
        };
        let tools = self.tools.into_iter().enumerate().map(|(at, tool)| tool.ask(at)).collect::<Result<_, _>>()?;
        let mut ask = given(rest, What::Session(session), Wished::Snippet { snippet, args: self.args })?;
        ask.tools = tools;
        Ok(ask)
    }
}

/// How often a session is to be copied.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ForkBody {
    #[schema(value_type = i64, minimum = 1, maximum = 16)]
    pub(in crate::api) count: Whole,
}

/// An interpreter that lives over several calls.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Session {
    id: String,
    sandbox: String,
    language: String,
    /// Of the runtime.
    digest: String,
    owner: String,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    /// `idle`, `busy`, or `ended`: its interpreter is gone, and a restart gives it a fresh one.
    state: &'static str,
    /// The run that is at work in it, or that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// The outcome that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Calls that this interpreter has answered.
    calls: u64,
    /// The most memory that it had in its last call.
    memory_bytes: u64,
    created: String,
    /// When it was last called.
    used: String,
}

impl From<SessionRecord> for Session {
    fn from(record: SessionRecord) -> Self {
        let (state, run, outcome) = match record.state {
            SessionState::Idle => ("idle", None, None),
            SessionState::Busy(run) => ("busy", run, None),
            SessionState::Ended(run, outcome) => ("ended", run, Some(outcome)),
        };
        Self {
            id: record.id.to_string(),
            sandbox: record.sandbox.to_string(),
            language: record.runtime.name.to_string(),
            digest: record.runtime.digest.to_string(),
            owner: record.owner.to_string(),
            labels: record.labels,
            state,
            run: run.map(|run| run.to_string()),
            outcome,
            calls: record.calls,
            memory_bytes: record.memory_bytes,
            created: time(record.created),
            used: time(record.used),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Sessions {
    sessions: Vec<Session>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Sessions {
    pub(in crate::api) fn new(rows: Vec<SessionRecord>, next: Option<String>) -> Self {
        Self { sessions: rows.into_iter().map(Into::into).collect(), next }
    }
}
