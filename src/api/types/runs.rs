use std::mem::take;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa::ToSchema;

use super::limits::AllLimits;
use super::time;
use crate::model::{Captured, Denial, Labels, Outcome, Usage};
use crate::sandbox::{self as record, Cut, RunRecord, Worth};

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

/// What a fence was worth for one run. All that it could hold and that is neither in `partly` nor in `not_held`, it held.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct FenceBody {
    /// Without these nothing was to be run.
    required: Vec<String>,
    partly: Vec<String>,
    /// Limits and rules that did not hold for this run, whatever their numbers are.
    not_held: Vec<String>,
}

impl From<&Worth> for FenceBody {
    fn from(worth: &Worth) -> Self {
        let Worth { required, partly, not_held } = worth.clone();
        Self { required, partly, not_held }
    }
}

/// One execution.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Run {
    id: String,
    /// `running` or `ended`.
    state: &'static str,
    /// What fenced it.
    backend: &'static str,
    /// Absent where it is a command of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
    /// What such a command is called, without its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// What the fence was worth, where something was required of it, and where it does not hold all that it could.
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<FenceBody>,
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
            backend: record.backend.as_str(),
            component: record.component.map(|digest| digest.to_string()),
            command: record.command.clone(),
            fence: record.fence.as_ref().map(FenceBody::from),
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
    backend: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<String>,
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
            backend: run.backend.as_str(),
            component: run.component.map(|digest| digest.to_string()),
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
