use std::collections::BTreeMap;
use std::mem::take;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::failures::invalid;
use super::super::problem::Problem;
use super::limits::AllLimits;
use super::{LimitsBody, Whole, labels, time};
use crate::api::strict;
use crate::fs_policy::{Preset, RULES, Rules};
use crate::model::{Captured, Denial, Json, Labels, Mode, Outcome, Usage};
use crate::sandbox::{self as record, Cut, PlaceAsk, RunAsk, RunRecord, What, Wished};

/// What is to be run, and with what.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::api) struct RunBody {
    /// The digest of a component that was submitted. Left out where the module comes in the same request.
    #[schema(
        pattern = "^sha256:[0-9a-f]{64}$",
        example = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
    )]
    pub(in crate::api) component: Option<String>,
    /// Calls this exported function; without it the component is run as a command.
    pub(super) function: Option<String>,
    /// Arguments of the function: an array in order, or an object by name.
    #[schema(value_type = Option<Value>)]
    pub(super) args: Option<Box<RawValue>>,
    /// Arguments of the command.
    pub(super) command: Option<Vec<String>>,
    /// The whole environment.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(super) env: BTreeMap<String, String>,
    /// Standard input, as text.
    pub(super) stdin: Option<String>,
    /// Standard input, in base64.
    pub(super) stdin_base64: Option<String>,
    /// Its files begin as those of this workspace and are thrown away when it is over. Not for a run in a sandbox.
    #[schema(pattern = "^[a-z0-9][a-z0-9._-]{0,63}$")]
    pub(super) workspace: Option<String>,
    /// Where they are for the guest: `/workspace`, where nothing is said.
    #[schema(pattern = "^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$", max_length = 255)]
    pub(super) at: Option<String>,
    /// Rules with a name: agent-safe, development, read-only, full-access, view-only.
    #[schema(pattern = "^(agent-safe|development|read-only|full-access|view-only)$")]
    pub(super) preset: Option<String>,
    /// Rules on top, as `PATTERN:LEVEL[,TYPE][,priority=N]`. With neither, everything may be written.
    pub(super) rules: Vec<String>,
    pub(super) clocks: Option<bool>,
    pub(super) randomness: Option<bool>,
    #[serde(deserialize_with = "strict::named")]
    pub(super) limits: LimitsBody,
    /// Gives the run a world that is the same each time: seeded randomness, stepped clocks.
    #[serde(deserialize_with = "strict::named_or_none")]
    pub(super) deterministic: Option<Deterministic>,
    /// `wasm`, where nothing is said.
    #[schema(pattern = "^wasm$")]
    pub(super) backend: Option<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub(super) labels: Labels,
    /// Answers at once with 202 and the id of the run.
    #[serde(rename = "async")]
    pub(in crate::api) apart: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Deterministic {
    seed: Whole,
}

/// What is asked, with the module that came along.
pub(in crate::api) fn ask(mut body: RunBody, module: Option<Bytes>) -> Result<RunAsk, Problem> {
    let what = match (&body.component, module) {
        (Some(_), Some(_)) => return Err(invalid("component", "name a digest or send a module, not both")),
        (Some(digest), None) => What::Known(
            digest.parse().map_err(|error: crate::model::DigestError| invalid("component", error.to_string()))?,
        ),
        (None, Some(module)) => What::Brought(module),
        (None, None) => return Err(invalid("component", "name the digest of a component, or send a module along")),
    };
    let wished = match (body.function.take(), body.args.take(), body.command.take()) {
        (Some(_), _, Some(_)) => return Err(invalid("command", "a function has `args`, a command has `command`")),
        (None, Some(_), _) => return Err(invalid("args", "arguments are for a `function`; a command has `command`")),
        (Some(function), args, None) => {
            Wished::Call { function, args: args.map_or_else(|| Json::from(Value::Null), Json::of) }
        }
        (None, None, command) => Wished::Command { args: command.unwrap_or_default() },
    };
    given(body, what, wished)
}

/// All that is asked but for what is run.
pub(super) fn given(body: RunBody, what: What, wished: Wished) -> Result<RunAsk, Problem> {
    let stdin = match (body.stdin, body.stdin_base64) {
        (Some(_), Some(_)) => return Err(invalid("stdin", "send `stdin` or `stdin_base64`, not both")),
        (Some(text), None) => text.into_bytes(),
        (None, Some(code)) => STANDARD.decode(code).map_err(|error| {
            invalid(
                "stdin_base64",
                format!("this is no base64 ({error}); write it in the alphabet with + and /, with padding"),
            )
        })?,
        (None, None) => Vec::new(),
    };
    variables(&body.env)?;
    if let Wished::Command { args } | Wished::Snippet { args, .. } = &wished
        && let Some(at) = args.iter().position(|arg| arg.contains('\0'))
    {
        return Err(invalid(&format!("command[{at}]"), "an argument has no NUL: a program would see two"));
    }
    let place = match body.workspace {
        Some(name) => Some(place(Some(name), body.at, body.preset, &body.rules)?),
        None => {
            let given =
                [("at", body.at.is_some()), ("preset", body.preset.is_some()), ("rules", !body.rules.is_empty())];
            match given.iter().find(|(_, given)| *given) {
                Some((field, _)) => return Err(invalid(field, "this is for the files of a `workspace`; name one")),
                None => None,
            }
        }
    };
    Ok(RunAsk {
        place,
        what,
        wished,
        env: body.env.into_iter().collect(),
        stdin: stdin.into(),
        clocks: body.clocks,
        randomness: body.randomness,
        limits: body.limits.ask(),
        mode: body.deterministic.map_or(Mode::Ordinary, |same| Mode::Deterministic { seed: same.seed.0 }),
        backend: body.backend,
        labels: labels(body.labels)?,
        tools: Vec::new(),
    })
}

/// What a program would read otherwise than it is written.
pub(in crate::api) fn variables(env: &BTreeMap<String, String>) -> Result<(), Problem> {
    if let Some(bad) = env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
        let why = "is no name of a variable; it is not empty, and has no `=` and no NUL";
        return Err(invalid("env", format!("`{bad}` {why}")));
    }
    match env.iter().find(|(_, value)| value.contains('\0')) {
        Some((name, _)) => {
            Err(invalid(&format!("env.{name}"), "a value has no NUL: a program would see two variables"))
        }
        None => Ok(()),
    }
}

/// The most that the rules of a sandbox or a run take together, as they are written.
const RULES_BYTES: usize = 64 << 10;

/// Where files come from and what may be done with them.
pub(in crate::api) fn place(
    workspace: Option<String>,
    at: Option<String>,
    preset: Option<String>,
    rules: &[String],
) -> Result<PlaceAsk, Problem> {
    let workspace = workspace.map(|name| name.parse()).transpose();
    let workspace = workspace.map_err(|error: crate::workspace::BadName| invalid("workspace", error.to_string()))?;
    let preset: Option<Preset> = preset
        .map(|name| name.parse())
        .transpose()
        .map_err(|error: crate::fs_policy::UnknownPreset| invalid("preset", error.to_string()))?;
    let (count, bytes) = (rules.len(), rules.iter().map(String::len).sum::<usize>());
    if count > RULES || bytes > RULES_BYTES {
        let most =
            format!("there are {count} rules of {bytes} bytes; write at most {RULES}, of {RULES_BYTES} bytes together");
        return Err(invalid("rules", most));
    }
    let parse = |(at, text): (usize, &String)| {
        text.parse().map_err(|error: crate::fs_policy::RuleError| invalid(&format!("rules[{at}]"), error.to_string()))
    };
    let rules = rules.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
    Ok(PlaceAsk { workspace, at: at.unwrap_or_else(|| "/workspace".to_owned()), rules: Rules { preset, rules } })
}

/// How much of it, or whether.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::api) enum Amount {
    Number(u64),
    Whether(bool),
}

/// Something that was asked for and not given.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct CutBody {
    /// A limit, `clocks`, `randomness` or `ttl_seconds`.
    what: String,
    asked: Amount,
    given: Amount,
    /// `tenant`, `sandbox`, `component` or `storage`.
    by: String,
}

impl From<&Cut> for CutBody {
    fn from(cut: &Cut) -> Self {
        let amount = |number| match cut.what.as_str() {
            "clocks" | "randomness" => Amount::Whether(number != 0),
            _ => Amount::Number(number),
        };
        Self { what: cut.what.clone(), asked: amount(cut.asked), given: amount(cut.given), by: cut.by.clone() }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FailureBody {
    code: String,
    message: String,
}

/// One stream as it was written, up to its limit.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Output {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    truncated: bool,
}

impl From<Captured> for Output {
    fn from(captured: Captured) -> Self {
        let truncated = captured.truncated;
        match String::from_utf8(captured.bytes) {
            Ok(text) => Self { text: Some(text), base64: None, truncated },
            Err(error) => Self { text: None, base64: Some(STANDARD.encode(error.as_bytes())), truncated },
        }
    }
}

/// Bytes as text where they are text.
pub(in crate::api) fn text_or_code(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct UsageBody {
    fuel: u64,
    wall_us: u64,
    cpu_us: u64,
    peak_memory_bytes: u64,
    host_calls: u64,
    bytes_in: u64,
    bytes_out: u64,
    files_created: u64,
    /// Calls of tools, also of those that were refused.
    tool_calls: u64,
}

impl From<&Usage> for UsageBody {
    fn from(usage: &Usage) -> Self {
        let Usage { fuel, wall_us, cpu_us, peak_memory_bytes, host_calls, bytes_in, bytes_out, .. } = *usage;
        let Usage { files_created, tool_calls, .. } = *usage;
        Self { fuel, wall_us, cpu_us, peak_memory_bytes, host_calls, bytes_in, bytes_out, files_created, tool_calls }
    }
}

/// Something that the guest tried and was not granted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct DenialBody {
    tried: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    missing: String,
    times: u64,
}

impl From<&Denial> for DenialBody {
    fn from(denial: &Denial) -> Self {
        let Denial { tried, path, missing, times } = denial.clone();
        Self { tried, path, missing, times }
    }
}

/// One execution.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Run {
    id: String,
    /// `running` or `ended`.
    state: &'static str,
    component: String,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<String>,
    /// The session that it is a call of.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    /// How it ended, by its `kind`: `exited`, `returned`, `trapped`, `out_of_fuel`, `deadline_exceeded`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<Output>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<Output>,
    /// How the two took turns: bytes of standard output, of standard error, of standard output, …
    #[serde(skip_serializing_if = "Vec::is_empty")]
    order: Vec<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    denials: Vec<DenialBody>,
    /// What was asked for and not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cut: Vec<CutBody>,
    /// What it may spend at most: what was asked for, or the preset has, as far as the sandbox and the tenant may have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<AllLimits>,
    /// Whether it is granted a clock: declared by the component, not asked to be left out, and allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    clocks: Option<bool>,
    /// The same of randomness.
    #[serde(skip_serializing_if = "Option::is_none")]
    randomness: Option<bool>,
    /// Why it did not run at all, or was cancelled by nobody who asked for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureBody>,
}

/// Takes what was written over: it may be large.
impl From<RunRecord> for Run {
    fn from(mut record: RunRecord) -> Self {
        let written = record.report.as_mut().map(|report| (take(&mut report.stdout), take(&mut report.stderr)));
        Self::of(&record, written.map(|(stdout, stderr)| (stdout.into(), stderr.into())).unzip())
    }
}

impl Run {
    fn of(record: &RunRecord, (stdout, stderr): (Option<Output>, Option<Output>)) -> Self {
        let (report, given) = (record.report.as_ref(), record.given.as_ref());
        Self {
            id: record.id.to_string(),
            state: record.state.as_str(),
            component: record.component.to_string(),
            owner: record.owner.to_string(),
            sandbox: record.sandbox.as_ref().map(ToString::to_string),
            session: record.session.as_ref().map(ToString::to_string),
            labels: record.labels.clone(),
            created: time(record.created),
            ended: record.ended.map(time),
            outcome: report.map(|report| report.outcome.clone()),
            usage: report.map(|report| UsageBody::from(&report.usage)),
            stdout,
            stderr,
            order: if record.order.len() > 1 { record.order.clone() } else { Vec::new() },
            denials: report.map(|report| report.denials.iter().map(DenialBody::from).collect()).unwrap_or_default(),
            cut: record.cut.iter().map(CutBody::from).collect(),
            limits: given.map(|given| AllLimits::from(&given.limits)),
            clocks: given.map(|given| given.clocks),
            randomness: given.map(|given| given.randomness),
            failure: record
                .failure
                .as_ref()
                .map(|failure| FailureBody { code: failure.code.clone(), message: failure.message.clone() }),
        }
    }
}

/// How a run ended, as the last but one event of its stream: what it wrote was told by those before, and is not repeated.
#[derive(Debug, Serialize)]
pub(in crate::api) struct RunOver {
    seq: u64,
    #[serde(flatten)]
    run: Run,
}

impl RunOver {
    pub(in crate::api) fn of(seq: u64, record: &RunRecord) -> Self {
        let told = |captured: &Captured| Output { text: None, base64: None, truncated: captured.truncated };
        let written = record.report.as_ref().map(|report| (told(&report.stdout), told(&report.stderr)));
        Self { seq, run: Run::of(record, written.unzip()) }
    }
}

/// One execution as a list shows it; `GET /v1/runs/{id}` shows the rest.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct RunSummary {
    id: String,
    /// `running` or `ended`.
    state: &'static str,
    component: String,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<String>,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Kind>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Kind {
    /// As that of a run; `failed` for one that did not run at all.
    kind: String,
}

impl From<&record::RunSummary> for RunSummary {
    fn from(run: &record::RunSummary) -> Self {
        Self {
            id: run.id.to_string(),
            state: run.state.as_str(),
            component: run.component.to_string(),
            owner: run.owner.to_string(),
            sandbox: run.sandbox.as_ref().map(ToString::to_string),
            labels: run.labels.clone(),
            created: time(run.created),
            ended: run.ended.map(time),
            outcome: run.outcome.clone().map(|kind| Kind { kind }),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Runs {
    /// Newest first.
    runs: Vec<RunSummary>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Runs {
    pub(in crate::api) fn new(runs: Vec<RunSummary>, next: Option<String>) -> Self {
        Self { runs, next }
    }
}
