use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::ends::ends;
use crate::audit::{Detail, Event, EventName, Reader, Standing};
use crate::engine::{Entry, Mount, RunRequest, Stdin, build_name};
use crate::model::{Captured, Denial, Digest, Grants, Mode, Outcome, Report, RequestId, RunId, TenantId};
use crate::sandbox::{
    By, Called, Chronicle, Ends, Heard, Kept, Replayable, RunRecord, SandboxRecord, SessionRecord, Unkept,
};

/// The most denials of one run that have a record each; the record of its end says how many there were.
const DENIALS: usize = 32;

/// What runs and sandboxes do, into the audit log.
pub(super) struct IntoLog {
    pub(super) log: Arc<Standing>,
    pub(super) reader: Arc<Reader>,
}

impl IntoLog {
    /// Handed in together, so that they share one sync; the last is on disk after all others.
    fn append(&self, events: &[Event]) -> Kept {
        let pending: Vec<_> = events.iter().map(|event| self.log.append(event)).collect();
        Box::pin(async move {
            for one in pending {
                one.await.map_err(|error| Unkept(error.to_string()))?;
            }
            Ok(())
        })
    }
}

impl Chronicle for IntoLog {
    fn begins(
        &self,
        run: &RunRecord,
        by: &By,
        asked: &RunRequest,
        replayable: Option<&Replayable>,
        heard: Heard,
    ) -> Kept {
        let policies = by.policies.iter().map(String::as_str);
        let event = of_run(EventName::CommandStarted, run, by).action(action(run)).allowed(policies);
        let event = asked_for(event, asked);
        let event = match &run.fence {
            Some(worth) => event.detail("fence", Detail::of(worth)),
            None => event,
        };
        let event = match replayable {
            Some(kept) => event.detail("asked", kept.digest().to_string()).detail("engine", build_name()),
            None => event,
        };
        if heard == Heard::FromItsStart {
            return self.append(&[event]);
        }
        let written = self.log.write(&event);
        Box::pin(async move { written.await.map_err(|error| Unkept(error.to_string())) })
    }

    fn called(&self, run: &RunRecord, by: &By, call: &Called) -> Kept {
        let denials = telling(&call.denials).map(|denial| of_tool(refused(run, by, denial), call));
        let events = denials.chain([tool_called(run, by, call)]);
        let written: Vec<_> = events.map(|event| self.log.write(&event)).collect();
        Box::pin(async move {
            for one in written {
                one.await.map_err(|error| Unkept(error.to_string()))?;
            }
            Ok(())
        })
    }

    fn has_room(&self, tenant: &TenantId, most: u64) -> bool {
        self.log.room(tenant.as_str(), most).is_ok()
    }

    fn ended(&self, run: &RunRecord, by: &By) -> Kept {
        let mut events = Vec::new();
        let mut event = of_run(EventName::CommandExecuted, run, by)
            .action(action(run))
            .detail("outcome", run.outcome().unwrap_or("failed"))
            .detail("milliseconds", number(run.ended.unwrap_or(run.created).saturating_sub(run.created)));
        if let Some(failure) = &run.failure {
            event = event.detail("failure", failure.code.as_str());
        }
        if let Some(report) = &run.report {
            event = came_of_it(event, report);
            events.extend(telling(&report.denials).map(|denial| refused(run, by, denial)));
            events.extend(exceeded(&report.outcome).map(|(limit, value, used)| {
                let event = of_run(EventName::LimitExceeded, run, by).detail("limit", limit);
                event.detail("value", number(value)).detail("used", number(used))
            }));
        }
        events.push(event);
        self.append(&events)
    }

    fn lost(&self, run: &RunRecord) -> Kept {
        let event = Event::new(EventName::CommandLost)
            .tenant(run.tenant.as_str())
            .principal(run.owner.as_str())
            .action(action(run));
        self.append(&[about(event, run)])
    }

    fn ends(&self, runs: Vec<RunId>) -> Ends {
        let (log, reader) = (Arc::clone(&self.log), Arc::clone(&self.reader));
        Box::pin(async move {
            let size = *log.now().size().borrow();
            let read = tokio::task::spawn_blocking(move || ends(&reader, size, &runs));
            let read = read.await.map_err(|error| Unkept(error.to_string()))?;
            read.map_err(|error| Unkept(error.to_string()))
        })
    }

    fn expired(&self, sandbox: &SandboxRecord, now: u64) -> Kept {
        let event = Event::new(EventName::SandboxExpired)
            .tenant(sandbox.tenant.as_str())
            .principal(sandbox.owner.as_str())
            .resource("sandbox", sandbox.id.as_str());
        self.append(&[event.detail("seconds", number(now.saturating_sub(sandbox.created) / 1_000))])
    }

    fn idle(&self, session: &SessionRecord, now: u64) -> Kept {
        let event = Event::new(EventName::SessionEnded)
            .tenant(session.tenant.as_str())
            .principal(session.owner.as_str())
            .resource("session", session.id.as_str())
            .detail("sandbox", session.sandbox.as_str());
        self.append(&[event.detail("idle_seconds", number(now.saturating_sub(session.used) / 1_000))])
    }
}

/// The tool, and the component whose function it is.
fn of_tool(event: Event, call: &Called) -> Event {
    let event = event.detail("tool", call.tool.as_str());
    match &call.component {
        Some((digest, function)) => event.detail("by", digest.to_string()).detail("function", function.as_str()),
        None => event,
    }
}

/// A call of a tool. The input is known again by its digest.
fn tool_called(run: &RunRecord, by: &By, call: &Called) -> Event {
    let event = of_tool(of_run(EventName::ToolCalled, run, by), call)
        .action(action(run))
        .detail(
            "input",
            Detail::of(&json!({"bytes": call.input_bytes, "digest": call.input.map(|digest| digest.to_string())})),
        )
        .detail("outcome", call.failure.as_deref().unwrap_or("answered"))
        .detail("milliseconds", number(call.milliseconds));
    let event = match &call.decision {
        Some(Ok(policies)) => event.allowed(policies.iter().map(String::as_str)),
        Some(Err(why)) => event.denied(&why.reason, why.policies.iter().map(String::as_str)),
        None => event,
    };
    let event = match call.fuel {
        Some(fuel) => event.detail("fuel", fuel).detail("denials", refusals(&call.denials)),
        None => event,
    };
    match &call.answered {
        Some(By { caller, request, .. }) => event
            .detail("answered", request.as_ref().map_or("", RequestId::as_str))
            .detail("answered_by", caller.principal.as_str())
            .detail("answered_with", caller.credential.to_string()),
        None => event,
    }
}

/// What was asked of the engine, as the record of a start tells it.
pub(super) fn asked_for(event: Event, asked: &RunRequest) -> Event {
    let (what, arguments) = called(asked);
    let event = event
        .detail("call", what)
        .detail("arguments", Detail::of(&digest_of(&arguments)))
        .detail("limits", Detail::of(&asked.limits))
        .detail("grants", granted(&asked.grants))
        .detail("mode", Detail::of(&asked.mode));
    let event = match &asked.stdin {
        Stdin::Bytes(bytes) => event.detail("stdin", of_bytes(bytes, false)),
        _ => event,
    };
    let mount = |mount: &Mount| json!({"at": mount.guest, "rules": mount.policy.rules()});
    let mounts: Vec<Value> = asked.mounts.iter().map(mount).collect();
    let event = if mounts.is_empty() { event } else { event.detail("mounts", Detail::of(&mounts)) };
    let event = match &asked.tools {
        Some(tools) => event.detail("tools", tools.available().into_iter().map(|tool| tool.name).collect::<Detail>()),
        None => event,
    };
    match &asked.mode {
        Mode::Deterministic { seed } => event.detail("seed", seed.to_string().as_str()),
        Mode::Ordinary => event,
    }
}

/// What came of a run, as the record of its end tells it.
pub(super) fn came_of_it(event: Event, report: &Report) -> Event {
    let event = event
        .detail("outcome", report.outcome.kind())
        .detail("usage", Detail::of(&report.usage))
        .detail("stdout", of_captured(&report.stdout))
        .detail("stderr", of_captured(&report.stderr))
        .detail("denials", refusals(&report.denials));
    match &report.outcome {
        Outcome::Exited { code } => event.detail("code", i64::from(*code)),
        Outcome::Returned { value } => event.detail("value", Detail::of(&digest_of(value.text()))),
        Outcome::Answered { code, answer } => {
            event.detail("code", i64::from(*code)).detail("value", Detail::of(&digest_of(answer.text())))
        }
        _ => event,
    }
}

fn action(run: &RunRecord) -> &'static str {
    if run.sandbox.is_some() { "sandboxes:run" } else { "runs:create" }
}

fn of_run(name: EventName, run: &RunRecord, by: &By) -> Event {
    let event = Event::new(name).by(&by.caller);
    match &by.request {
        Some(request) => about(event.request(request.as_str()), run),
        None => about(event, run),
    }
}

fn about(event: Event, run: &RunRecord) -> Event {
    let mut event = event.resource("run", run.id.as_str());
    if let Some(sandbox) = &run.sandbox {
        event = event.detail("sandbox", sandbox.as_str());
    }
    if let Some(session) = &run.session {
        event = event.detail("session", session.as_str());
    }
    match &run.component {
        Some(component) => event.detail("component", component.to_string().as_str()),
        None => {
            event.detail("backend", run.backend.as_str()).detail("command", run.command.as_deref().unwrap_or_default())
        }
    }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What is called, in a word, and what with.
fn called(asked: &RunRequest) -> (&str, String) {
    match &asked.entry {
        Entry::Command { .. } => ("command", json!(asked.grants.args).to_string()),
        Entry::Call { function, args } => (function.as_str(), args.to_string()),
        Entry::Snippet(snippet) => ("snippet", json!({"snippet": snippet, "args": asked.grants.args}).to_string()),
    }
}

/// Arguments and results may be secrets: how long they are, and a digest by which whoever has them knows them again.
fn digest_of(text: &str) -> Value {
    json!({"bytes": text.len(), "digest": Digest::of(text.as_bytes()).to_string()})
}

fn of_bytes(bytes: &[u8], truncated: bool) -> Detail {
    Detail::of(&json!({"bytes": bytes.len(), "digest": Digest::of(bytes).to_string(), "truncated": truncated}))
}

fn of_captured(stream: &Captured) -> Detail {
    of_bytes(&stream.bytes, stream.truncated)
}

/// Without arguments, and of the environment the names.
fn granted(grants: &Grants) -> Detail {
    let mut told = serde_json::to_value(grants).unwrap_or_default();
    if let Some(fields) = told.as_object_mut() {
        fields.remove("args");
        fields.insert("env".to_owned(), grants.env.iter().map(|(name, _)| name.as_str()).collect());
    }
    Detail::of(&told)
}

fn refused(run: &RunRecord, by: &By, denial: &Denial) -> Event {
    let event = of_run(EventName::PermissionDenied, run, by).denied(&denial.missing, []);
    let event = event.detail("tried", denial.tried.as_str()).detail("times", number(denial.times));
    match &denial.path {
        Some(path) => event.detail("path", path.as_str()),
        None => event,
    }
}

/// How often something was refused.
fn refusals(denials: &[Denial]) -> i64 {
    number(denials.iter().map(|denial| denial.times).sum())
}

/// The first of each operation before all others: none is buried under many of another.
fn telling(denials: &[Denial]) -> impl Iterator<Item = &Denial> {
    let mut seen = HashSet::new();
    let (first, more): (Vec<_>, Vec<_>) = denials.iter().partition(|denial| seen.insert(&denial.tried));
    first.into_iter().chain(more).take(DENIALS)
}

/// The limit that ended a run, what it was, and what the run would have come to.
fn exceeded(outcome: &Outcome) -> Option<(&'static str, u64, u64)> {
    match *outcome {
        Outcome::OutOfFuel { limit, used } => Some(("fuel", limit, used)),
        Outcome::DeadlineExceeded { limit_ms, used_ms } => Some(("deadline_ms", limit_ms, used_ms)),
        Outcome::OutOfMemory { limit_bytes, used_bytes, requested_bytes } => {
            Some(("memory_bytes", limit_bytes, used_bytes.saturating_add(requested_bytes)))
        }
        Outcome::LimitExceeded { limit, value, used } => Some((limit.as_str(), value, used)),
        _ => None,
    }
}
