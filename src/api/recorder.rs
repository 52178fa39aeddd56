use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::problem::Problem;
use crate::audit::{AuditError, Detail, Event, EventName, Reader, Standing};
use crate::authz::{Action, Permit};
use crate::model::{Caller, RequestId, show_bytes};

/// Refusals of one tenant, or of strangers, that are recorded one by one in each second; more are counted, and the next
/// record says how many there were. A caller must not fill the disk with what he may not do.
const REFUSALS: u32 = 20;
const SECOND: Duration = Duration::from_secs(1);
/// Tenants of which refusals are counted; there are not more unless somebody makes them for that.
const COUNTED: usize = 10_000;

/// What requests do, into the audit log: what is permitted before it is done, what was done before it is acknowledged.
pub(super) struct Recorder {
    log: Arc<Standing>,
    pub(super) reader: Arc<Reader>,
    refusals: Mutex<HashMap<String, Refusals>>,
}

struct Refusals {
    since: Instant,
    recorded: u32,
    left_out: u64,
}

/// What a request tells of what it did, besides what was permitted.
#[derive(Debug, Default, Clone)]
pub(super) struct Deed {
    pub(super) name: Option<EventName>,
    /// Kind and id of what was made.
    pub(super) made: Option<(&'static str, String)>,
    pub(super) details: Vec<(&'static str, Detail)>,
}

impl Recorder {
    pub(super) fn new(log: Arc<Standing>, reader: Arc<Reader>) -> Self {
        Self { log, reader, refusals: Mutex::default() }
    }

    pub(super) fn log(&self) -> &Standing {
        &self.log
    }

    /// Asked before what will be on record: a caller must not fill the disk with what he may do either. Whoever takes
    /// rights away from another who fills it, or ends what he does, has an eighth more for that alone.
    pub(super) fn room(&self, caller: &Caller, action: Action, deed: &Deed, most: u64) -> Result<(), Problem> {
        if !is_recorded(action) {
            return Ok(());
        }
        let full = |retry_after| {
            let detail = format!(
                "what the tenant does has filled {} of the audit log in this minute, which is the most it may; try again in {retry_after} s",
                show_bytes(most)
            );
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_much_audit_a_minute", detail).after(Some(retry_after))
        };
        let tenant = caller.tenant.as_str();
        match self.log.room(tenant, most) {
            Err(_) if takes_away(action, deed).is_some_and(|what| self.log.reserve(tenant, what, most / 8)) => Ok(()),
            other => other.map_err(full),
        }
    }

    async fn append(&self, event: Event) -> Result<(), Problem> {
        self.log.append(&event).await.map(drop).map_err(|error| unavailable(&error))
    }

    /// Awaited before something is changed: what cannot be recorded is not done.
    pub(super) async fn permitted(
        &self,
        caller: &Caller,
        request: &RequestId,
        permit: &Permit,
        deed: &Deed,
    ) -> Result<(), Problem> {
        if !changes(permit.action(), deed) {
            return Ok(());
        }
        let event = of(EventName::AccessAllowed, caller, request, permit.action()).about(permit).named(deed);
        self.append(match (deed.name, &deed.made) {
            (Some(_), Some((kind, id))) => event.detail(kind, id.as_str()),
            _ => event,
        })
        .await
    }

    /// Awaited before it is said that something was done.
    pub(super) async fn done(
        &self,
        caller: &Caller,
        request: &RequestId,
        permit: &Permit,
        deed: &Deed,
    ) -> Result<(), Problem> {
        let Some(name) = deed.name.or_else(|| done(permit.action())) else { return Ok(()) };
        self.append(of(name, caller, request, permit.action()).about(permit).with(deed)).await
    }

    /// What was permitted and was not done after all, in the words of the answer.
    pub(super) async fn failed(
        &self,
        caller: &Caller,
        request: &RequestId,
        permit: &Permit,
        deed: &Deed,
        why: (StatusCode, &str),
    ) {
        let action = permit.action();
        let name = match action {
            Action::ComponentsCreate if why.0 == StatusCode::UNPROCESSABLE_ENTITY => EventName::ComponentRefused,
            _ => EventName::ActFailed,
        };
        // Of a change it stands there already that it was permitted. Who is refused a run has taken nothing so far.
        let left_out = match action {
            Action::RunsCreate | Action::SandboxesRun if deed.name.is_none() => self.refusal(caller.tenant.as_str()),
            _ => changes(action, deed).then_some(0),
        };
        let Some(left_out) = left_out else { return };
        let event = of(name, caller, request, action).about(permit).named(deed).with(deed).detail("code", why.1);
        let _ = self.log.append(&counting(event, left_out)).await;
    }

    /// Whoever asked left before he was answered, or lost the right: it may be done or not. The log has it now; nobody is
    /// there to wait until it is on the disk.
    pub(super) fn unanswered(&self, caller: &Caller, request: &RequestId, permit: &Permit, deed: &Deed) {
        if changes(permit.action(), deed) {
            let event = of(EventName::ActUnanswered, caller, request, permit.action()).about(permit);
            drop(self.log.append(&event.named(deed).with(deed)));
        }
    }

    /// Somebody who is known asked for what he may not.
    pub(super) async fn denied(
        &self,
        caller: &Caller,
        request: &RequestId,
        action: Action,
        about: (&str, &str),
        why: (&str, &[String]),
    ) {
        let Some(left_out) = self.refusal(caller.tenant.as_str()) else { return };
        let (kind, id) = about;
        let (reason, policies) = why;
        let event = of(EventName::AccessDenied, caller, request, action)
            .resource(kind, id)
            .denied(reason, policies.iter().map(String::as_str));
        let _ = self.log.append(&counting(event, left_out)).await;
    }

    /// Nobody was let in.
    pub(super) async fn no_login(
        &self,
        request: &RequestId,
        address: std::net::IpAddr,
        reason: &str,
        shown: Option<&str>,
    ) {
        let Some(left_out) = self.refusal("") else { return };
        let event = Event::new(EventName::LoginRefused)
            .request(request.as_str())
            .denied(reason, [])
            .detail("address", address.to_string());
        let event = match shown {
            Some(shown) => event.detail("credential", shown),
            None => event,
        };
        let _ = self.log.append(&counting(event, left_out)).await;
    }

    /// Whether one more is recorded, and how many were not before it.
    fn refusal(&self, of: &str) -> Option<u64> {
        let mut all = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COUNTED && !all.contains_key(of) {
            all.retain(|_, known| known.left_out > 0 || known.since.elapsed() < SECOND);
        }
        let fresh = || Refusals { since: Instant::now(), recorded: 0, left_out: 0 };
        let known = all.entry(of.to_owned()).or_insert_with(fresh);
        if known.since.elapsed() >= SECOND {
            known.since = Instant::now();
            known.recorded = 0;
        }
        if known.recorded >= REFUSALS {
            known.left_out = known.left_out.saturating_add(1);
            return None;
        }
        known.recorded += 1;
        Some(std::mem::take(&mut known.left_out))
    }
}

fn counting(event: Event, left_out: u64) -> Event {
    if left_out == 0 { event } else { event.detail("left_out_before", left_out) }
}

fn of(name: EventName, caller: &Caller, request: &RequestId, action: Action) -> Event {
    Event::new(name).by(caller).request(request.as_str()).action(action.as_str())
}

trait About {
    fn about(self, permit: &Permit) -> Self;
    /// Which act it is, where the action does not say that.
    fn named(self, deed: &Deed) -> Self;
    fn with(self, deed: &Deed) -> Self;
}

impl About for Event {
    fn about(self, permit: &Permit) -> Self {
        let policies = permit.policies().iter().map(String::as_str);
        let event = self.resource(permit.kind().as_str(), permit.id()).allowed(policies);
        // The house does something to another tenant.
        match permit.tenant() == permit.caller_tenant() {
            true => event,
            false => event.detail("of_tenant", permit.tenant().as_str()),
        }
    }

    fn named(self, deed: &Deed) -> Self {
        match deed.name {
            Some(name) => self.detail("act", name.as_str()),
            None => self,
        }
    }

    fn with(mut self, deed: &Deed) -> Self {
        if let Some((kind, id)) = &deed.made {
            self = self.resource(kind, id);
        }
        for (key, value) in &deed.details {
            self = self.detail(key, value.clone());
        }
        self
    }
}

pub(super) fn unavailable(error: &AuditError) -> Problem {
    tracing::error!(code = error.code(), "the audit log took nothing: {error}");
    let detail =
        "nothing is done that cannot be recorded, and the audit log takes nothing now; the log of the service says why";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "audit_unavailable", detail).after(Some(5))
}

/// Whether the permit for it is recorded before anything is done. The beginning of a run has a record of its own, and so
/// has a call of a tool that is answered.
pub(super) fn is_change(action: Action) -> bool {
    use Action as A;
    !matches!(
        action,
        A::ComponentsRead
            | A::RunsCreate
            | A::RunsRead
            | A::RunsAnswer
            | A::SandboxesRun
            | A::SandboxesRead
            | A::SandboxesReadFiles
            | A::WorkspacesRead
            | A::WorkspacesReadFiles
            | A::KeysRead
            | A::PrincipalsRead
            | A::RolesRead
            | A::PoliciesRead
            | A::PoliciesExplain
            | A::TenantsRead
            | A::AuditRead
            | A::ServiceRead
    )
}

/// The same of what was permitted for this: what is done to a session changes it, and needs the right to run something there.
fn changes(action: Action, deed: &Deed) -> bool {
    is_change(action) || deed.name.is_some()
}

/// Whether anything of it is on record, where it is permitted.
fn is_recorded(action: Action) -> bool {
    matches!(action, Action::RunsCreate | Action::SandboxesRun) || is_change(action) || done(action).is_some()
}

/// What ends what others do, by the reserve that it has. Those who may only stop things use up none of that for rights.
fn takes_away(action: Action, deed: &Deed) -> Option<&'static str> {
    use {Action as A, EventName as E};
    match action {
        A::SandboxesRun => {
            let stops = matches!(deed.name, Some(E::SessionInterrupted | E::SessionRestarted | E::SessionEnded));
            stops.then_some("stops")
        }
        A::KeysRevoke
        | A::TokensRevoke
        | A::PrincipalsUpdate
        | A::PrincipalsDelete
        | A::PoliciesCreate
        | A::TenantsUpdate => Some("rights"),
        A::RunsCancel | A::SandboxesUpdate | A::SandboxesDelete => Some("stops"),
        _ => None,
    }
}

/// How it is called when it was done, where it has a record of its own.
fn done(action: Action) -> Option<EventName> {
    use {Action as A, EventName as E};
    Some(match action {
        A::ComponentsCreate => E::ComponentSubmitted,
        A::ComponentsDelete => E::ComponentDeleted,
        A::RunsCancel => E::RunCancelled,
        A::SandboxesCreate => E::SandboxCreated,
        A::SandboxesUpdate => E::SandboxUpdated,
        A::SandboxesReadFiles | A::WorkspacesReadFiles => E::FilesRead,
        A::SandboxesWriteFiles => E::FilesWritten,
        A::SandboxesApply => E::ChangesApplied,
        A::SandboxesDelete => E::SandboxDestroyed,
        A::WorkspacesCreate => E::WorkspaceCreated,
        A::WorkspacesDelete => E::WorkspaceDeleted,
        A::KeysCreate => E::KeyCreated,
        A::KeysRevoke => E::KeyRevoked,
        A::TokensCreate => E::TokenCreated,
        A::TokensRevoke => E::TokenRevoked,
        A::PrincipalsCreate => E::PrincipalCreated,
        A::PrincipalsUpdate => E::PrincipalUpdated,
        A::PrincipalsDelete => E::PrincipalDeleted,
        A::RolesCreate => E::RoleCreated,
        A::RolesDelete => E::RoleDeleted,
        A::PoliciesCreate => E::PolicyCreated,
        A::PoliciesDelete => E::PolicyDeleted,
        A::TenantsCreate => E::TenantCreated,
        A::TenantsUpdate => E::TenantUpdated,
        A::AuditRead => E::AuditRead,
        A::ComponentsRead
        | A::RunsCreate
        | A::RunsRead
        | A::RunsAnswer
        | A::SandboxesRun
        | A::SandboxesRead
        | A::WorkspacesRead
        | A::WorkspacesApply
        | A::KeysRead
        | A::PrincipalsRead
        | A::RolesRead
        | A::PoliciesRead
        | A::PoliciesExplain
        | A::TenantsRead
        | A::ServiceRead => return None,
    })
}
