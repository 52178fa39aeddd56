use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::super::chronicle::By;
use super::super::error::{SandboxError, Sort};
use super::super::hall::Hall;
use super::super::live::Live;
use super::super::plan::{LimitsAsk, RunAsk, What, Wished};
use super::super::record::{ComponentRecord, RunRecord};
use super::ask::{Tool, Way};
use super::calls::Asking;
use super::schema::{Schema, Wrong};
use crate::authz::Wants;
use crate::backends::BackendName;
use crate::engine::{EngineError, ToolAnswer, ToolDescription, ToolFailure, Tools};
use crate::model::{CallId, Denial, Digest, Json, Labels, Limits, Mode, show_bytes};

/// The most that one call hands over, however much the run may.
const INPUT_BYTES: usize = 1 << 20;
/// What is read and checked where it is, and what is allowed elsewhere.
const SHORT_BYTES: usize = 64 << 10;
const SHORT_STEPS: u64 = 10_000;
const STEPS: u64 = 1_000_000;

/// Who is asked at each call whether whoever asked for the run still may: rights change while it works.
pub trait Rights: Send + Sync {
    /// The policies by which he may have such a run now, of this component where it is one's.
    fn again(&self, wants: &Wants, component: Option<&ComponentRecord>) -> Result<Vec<String>, NotAllowed>;
}

/// Why a call was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAllowed {
    pub code: &'static str,
    pub message: String,
    /// One word for the log, and the policies that forbid it.
    pub reason: String,
    pub policies: Vec<String>,
}

/// A call that was made or refused, for the log.
#[derive(Debug)]
pub struct Called {
    /// As the code named it.
    pub tool: String,
    pub input_bytes: usize,
    /// Nothing of one that is too large to be looked at.
    pub input: Option<Digest>,
    /// The component and its function, where it is one's.
    pub component: Option<(Digest, String)>,
    /// It was permitted by these policies, or why not; nothing where that was not asked.
    pub decision: Option<Result<Vec<String>, NotAllowed>>,
    /// The code of what it failed of.
    pub failure: Option<String>,
    /// Who answered it, where it is one of the caller's.
    pub answered: Option<By>,
    /// What the run of the component spent, and what it tried and was not granted.
    pub fuel: Option<u64>,
    pub denials: Vec<Denial>,
    pub milliseconds: u64,
}

/// The tools of one run.
pub(in super::super) struct Kit(Arc<Given>);

struct Given {
    hall: Hall,
    run: RunRecord,
    by: By,
    tools: Vec<Tool>,
    rights: Arc<dyn Rights>,
    live: Arc<Live>,
    limits: Limits,
    ends: Instant,
    /// Where what belongs to the service is done, and not to guests.
    threads: Handle,
}

impl Kit {
    pub(in super::super) fn of(
        hall: &Hall,
        (run, by, live): (&RunRecord, &By, &Arc<Live>),
        tools: Vec<Tool>,
        rights: Arc<dyn Rights>,
        limits: &Limits,
    ) -> Self {
        Self(Arc::new(Given {
            hall: hall.clone(),
            run: run.clone(),
            by: by.clone(),
            tools,
            rights,
            live: Arc::clone(live),
            limits: limits.clone(),
            ends: Instant::now() + Duration::from_millis(limits.deadline_ms),
            threads: Handle::current(),
        }))
    }
}

impl Tools for Kit {
    fn available(&self) -> Vec<ToolDescription> {
        self.0.tools.iter().map(|tool| tool.description.clone()).collect()
    }

    /// It goes on to its end, and is recorded, also when the run that made it has ended: then it is taken back.
    fn call(&self, name: String, input: String) -> ToolAnswer {
        let (kit, cancel) = (Arc::clone(&self.0), CancellationToken::new());
        let guard = cancel.clone().drop_guard();
        let (tell, told) = oneshot::channel();
        let whole = async move { drop(tell.send(kit.whole(name, input, cancel).await)) };
        self.0.hall.inner().tasks.spawn_on(whole, &self.0.threads);
        Box::pin(async move {
            let _guard = guard;
            told.await.unwrap_or_else(|_| Err(ToolFailure::new("internal", "the call was not brought to an end")))
        })
    }
}

type Done = Result<String, ToolFailure>;

impl Given {
    async fn whole(&self, name: String, input: String, cancel: CancellationToken) -> Done {
        self.room()?;
        let began = Instant::now();
        let mut called = Called {
            tool: name,
            input_bytes: input.len(),
            input: (input.len() <= INPUT_BYTES).then(|| Digest::of(input.as_bytes())),
            component: None,
            decision: None,
            failure: None,
            answered: None,
            fuel: None,
            denials: Vec::new(),
            milliseconds: 0,
        };
        let done = self.done(&mut called, input, cancel).await;
        called.failure = done.as_ref().err().map(|failure| failure.code.clone());
        called.milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let recorded = self.hall.inner().chronicle.called(&self.run, &self.by, &called).await;
        recorded.map_err(|unkept| of_ours(&unkept.into()))?;
        done
    }

    /// What will be on record must have room there: a guest must not fill the log either.
    fn room(&self) -> Result<(), ToolFailure> {
        let tenant = &self.by.caller.tenant;
        let ceilings = self.hall.ceilings(tenant).map_err(|error| of_ours(&error))?;
        if self.hall.inner().chronicle.has_room(tenant, ceilings.audit_bytes_per_minute) {
            return Ok(());
        }
        let message = "what the tenant does has filled its part of the audit log for this minute";
        Err(ToolFailure { retry: true, ..ToolFailure::new("too_much_audit_a_minute", message) })
    }

    async fn done(&self, called: &mut Called, input: String, cancel: CancellationToken) -> Done {
        let Some(tool) = self.tools.iter().find(|tool| tool.description.name == called.tool) else {
            return Err(ToolFailure::new("no_tool", "the run was given no tool of this name"));
        };
        match &tool.way {
            Way::Component { digest, function, limits, fails } => {
                called.component = Some((*digest, function.clone()));
                self.permitted(called, &limits.wanted(None), Some(*digest))?;
                short(&input)?;
                let ask = ask(*digest, function, limits, input)?;
                self.run(called, ask, *fails, cancel).await
            }
            Way::Caller(schema) => {
                self.permitted(called, &self.limits, None)?;
                short(&input)?;
                let input = self.checked(schema, input).await?;
                let asking = Asking { call: CallId::random(), tool: called.tool.clone(), input };
                self.answered(called, asking, cancel).await
            }
        }
    }

    fn permitted(&self, called: &mut Called, limits: &Limits, component: Option<Digest>) -> Result<(), ToolFailure> {
        let tenant = &self.by.caller.tenant;
        let component = match component {
            Some(digest) => {
                let known = self.hall.known(tenant, digest).map_err(|error| of_ours(&error))?;
                Some(known.ok_or_else(|| of_ours(&SandboxError::NoComponent(digest.to_string())))?)
            }
            None => None,
        };
        let decision = self.rights.again(&Wants::of(limits, None), component.as_deref());
        let refused = decision.as_ref().err().map(|why| ToolFailure::new(why.code, why.message.clone()));
        called.decision = Some(decision);
        refused.map_or(Ok(()), Err)
    }

    /// The input of a caller's tool, checked, and written anew so that nobody reads it otherwise than it was checked.
    async fn checked(&self, schema: &Arc<Schema>, input: String) -> Result<Json, ToolFailure> {
        if input.len() <= SHORT_BYTES {
            match fit(schema, &input, SHORT_STEPS) {
                Err(Untaken::Unfinished) => {}
                short => return short.map_err(ToolFailure::from),
            }
        }
        let schema = Arc::clone(schema);
        let checked = self.hall.apart(&self.by.caller.tenant, move || fit(&schema, &input, STEPS)).await;
        checked.map_err(|error| of_ours(&error))?.map_err(ToolFailure::from)
    }

    /// Lets whoever asked for the run answer.
    async fn answered(&self, called: &mut Called, asking: Asking, cancel: CancellationToken) -> Done {
        let most = self.limits.result_bytes.min(self.limits.hostcall_bytes);
        let Some(mut open) = self.live.calls.open(asking, most) else {
            return Err(ToolFailure::new("busy", "another call of this run waits for its answer"));
        };
        self.live.news.notify_waiters();
        let answered = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            answered = &mut open.answer => answered.ok(),
        };
        let Some(answered) = answered else {
            return Err(ToolFailure::new("unanswered", "the run ended before its caller answered"));
        };
        called.answered = Some(*answered.by);
        answered.answer.map(|value| value.text().to_owned())
    }

    /// Runs it in an instance of its own, within its own limits and what is left of the time of the run that calls it.
    async fn run(&self, called: &mut Called, ask: RunAsk, fails: bool, cancel: CancellationToken) -> Done {
        let planned = self.hall.plan(&self.by.caller, ask, None, None).await;
        let mut planned = planned.map_err(|error| of_ours(&error))?;
        let left = self.ends.saturating_duration_since(Instant::now()).as_millis();
        let limits = &mut planned.request.limits;
        limits.deadline_ms = limits.deadline_ms.min(u64::try_from(left).unwrap_or(u64::MAX)).max(1);
        let report = self.hall.work(planned, None, cancel).await.map_err(|error| of_ours(&error))?;
        called.fuel = Some(report.usage.fuel);
        called.denials = report.denials;
        ToolFailure::or(&report.outcome, fails)
    }
}

fn short(input: &str) -> Result<(), ToolFailure> {
    if input.len() <= INPUT_BYTES {
        return Ok(());
    }
    let (bytes, most) = (show_bytes(input.len() as u64), show_bytes(INPUT_BYTES as u64));
    Err(ToolFailure::new("bad_input", format!("the input has {bytes}, and a tool takes at most {most}")))
}

/// The run that a call of a component's function is.
fn ask(digest: Digest, function: &str, limits: &LimitsAsk, input: String) -> Result<RunAsk, ToolFailure> {
    if !input.trim_start().starts_with('{') {
        return Err(ToolFailure::new("bad_input", "the input of a tool is an object"));
    }
    let wrong = |error: serde_json::Error| ToolFailure::new("bad_input", format!("the input is no JSON: {error}"));
    let args = Json::of(RawValue::from_string(input).map_err(wrong)?);
    Ok(RunAsk {
        what: What::Known(digest),
        wished: Wished::Call { function: function.to_owned(), args },
        env: Vec::new(),
        stdin: bytes::Bytes::new(),
        clocks: None,
        randomness: None,
        limits: limits.clone(),
        mode: Mode::Ordinary,
        backend: BackendName::Wasm,
        required: Vec::new(),
        labels: Labels::new(),
        place: None,
        // A tool calls no tools: nothing comes back to where it began.
        tools: Vec::new(),
    })
}

/// A refusal in the words that callers hear; what is our own trouble is told to those who run the service.
fn of_ours(error: &SandboxError) -> ToolFailure {
    let retry = error.retry_after().is_some();
    let (code, message) = match error {
        SandboxError::Engine(EngineError::Call(call)) => ("bad_input", call.to_string()),
        other if matches!(other.sort(), Sort::Internal | Sort::Failing) => {
            tracing::error!(code = other.code(), "a tool could not be called: {other}");
            (other.code(), "the service failed to call the tool; its log says why".to_owned())
        }
        other => (other.code(), other.to_string()),
    };
    ToolFailure { retry, ..ToolFailure::new(code, message) }
}

enum Untaken {
    NoJson(String),
    Unfit(String),
    Unfinished,
}

impl From<Untaken> for ToolFailure {
    fn from(untaken: Untaken) -> Self {
        let message = match untaken {
            Untaken::NoJson(error) => format!("the input is no JSON: {error}"),
            Untaken::Unfit(wrong) => format!("the input does not fit: {wrong}"),
            Untaken::Unfinished => "to check the input against the schema of the tool takes too long".to_owned(),
        };
        ToolFailure::new("bad_input", message)
    }
}

fn fit(schema: &Schema, input: &str, steps: u64) -> Result<Json, Untaken> {
    let value: Value = serde_json::from_str(input).map_err(|error| Untaken::NoJson(error.to_string()))?;
    schema.check(&value, steps).map_err(|wrong| match wrong {
        Wrong::Unfit(wrong) => Untaken::Unfit(wrong),
        Wrong::Unfinished => Untaken::Unfinished,
    })?;
    Ok(Json::from(value))
}
