use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::SandboxError;
use super::hall::{Hall, covers, locked};
use super::plan::{self, LimitsAsk, Most};
use super::quota::Taken;
use super::record::SandboxRecord;
use super::turn::{Interpreter, Turn};
use super::work::{Files, Place};
use crate::authz::{Action, Permit};
use crate::engine::{Build, EngineError, Session};
use crate::model::{Labels, Limits, Mode, PrincipalId, RunId, SandboxId, SessionId, TenantId};
use crate::runtimes::{self, Runtime};
use crate::workspace::Entered;

/// How long code that was interrupted may take to end by itself, before it is ended with its interpreter.
const GRACE: Duration = Duration::from_secs(2);

/// Interpreters that live over several calls. They are in the memory of this process and nowhere else: a restart of the
/// service ends them all, and what they did to files stays in their sandboxes.
///
/// ```text
/// idle ──run──▶ busy ──it answered──▶ idle
///                 └──any other end──▶ ended ──restart──▶ idle, with nothing of before
/// ```
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<SessionId, Arc<Kept>>>);

/// A session of a sandbox.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) id: SessionId,
    pub(super) tenant: TenantId,
    pub(super) sandbox: SandboxId,
    owner: PrincipalId,
    pub(super) runtime: Runtime,
    pub(super) labels: Labels,
    created: u64,
    state: Mutex<State>,
    pub(super) interpreter: Arc<tokio::sync::Mutex<Interpreter>>,
}

/// Room for a session that is about to be made.
pub(super) struct Seat {
    taken: Taken,
    entered: Entered,
}

#[derive(Debug)]
struct State {
    at: At,
    calls: u64,
    used: u64,
    memory_bytes: u64,
}

#[derive(Debug)]
enum At {
    Idle,
    /// With a run, or while its state is saved.
    Busy {
        run: Option<RunId>,
        ways: Ways,
    },
    Ended {
        run: Option<RunId>,
        outcome: String,
    },
}

/// The two ways to end a call before its time.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    /// Asks the code to end by itself.
    pub(super) interrupt: CancellationToken,
    /// Ends the call, and with it the interpreter.
    pub(super) end: CancellationToken,
}

/// As it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    pub id: SessionId,
    pub tenant: TenantId,
    pub sandbox: SandboxId,
    pub owner: PrincipalId,
    pub runtime: Runtime,
    pub labels: Labels,
    pub state: SessionState,
    /// Calls that this interpreter has answered.
    pub calls: u64,
    pub created: u64,
    /// When it was last called.
    pub used: u64,
    /// The most that its interpreter had in its last call.
    pub memory_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    Idle,
    Busy(Option<RunId>),
    /// The run that ended the interpreter, and its outcome.
    Ended(Option<RunId>, String),
}

impl Kept {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) -> SessionRecord {
        let state = self.state();
        SessionRecord {
            id: self.id.clone(),
            tenant: self.tenant.clone(),
            sandbox: self.sandbox.clone(),
            owner: self.owner.clone(),
            runtime: self.runtime.clone(),
            labels: self.labels.clone(),
            state: match &state.at {
                At::Idle => SessionState::Idle,
                At::Busy { run, .. } => SessionState::Busy(run.clone()),
                At::Ended { run, outcome } => SessionState::Ended(run.clone(), outcome.clone()),
            },
            calls: state.calls,
            created: self.created,
            used: state.used,
            memory_bytes: state.memory_bytes,
        }
    }

    pub(super) fn begins(&self, run: Option<RunId>, now: u64) -> Result<Ways, SandboxError> {
        let mut state = self.state();
        match &state.at {
            At::Idle => {}
            At::Busy { .. } => return Err(SandboxError::SessionBusy(self.id.clone())),
            At::Ended { outcome, .. } => {
                return Err(SandboxError::SessionEnded(self.id.clone(), outcome.clone()));
            }
        }
        let ways = Ways::default();
        state.at = At::Busy { run, ways: ways.clone() };
        state.used = now;
        Ok(ways)
    }

    /// A call is over: the interpreter goes on, or `ended` says by which outcome it is gone.
    pub(super) fn ends(&self, run: Option<RunId>, ended: Option<&str>, memory_bytes: Option<u64>, now: u64) {
        let mut state = self.state();
        state.used = now;
        if let Some(bytes) = memory_bytes {
            state.memory_bytes = bytes;
        }
        match ended {
            Some(outcome) => state.at = At::Ended { run, outcome: outcome.to_owned() },
            None => {
                state.calls += u64::from(memory_bytes.is_some());
                state.at = At::Idle;
            }
        }
    }

    /// Of the call that is at work.
    fn ways(&self) -> Option<Ways> {
        match &self.state().at {
            At::Busy { ways, .. } => Some(ways.clone()),
            At::Idle | At::Ended { .. } => None,
        }
    }

    fn end_call(&self) {
        if let Some(ways) = self.ways() {
            ways.end.cancel();
        }
    }

    fn restarted(&self) {
        let mut state = self.state();
        *state = State { at: At::Idle, calls: 0, used: state.used, memory_bytes: 0 };
    }
}

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Kept>>> {
        locked(&self.0)
    }

    /// Those of which something holds, which are not found any more.
    fn take(&self, goes: impl Fn(&Kept) -> bool) -> Vec<Arc<Kept>> {
        self.all().extract_if(|_, kept| goes(kept)).map(|(_, kept)| kept).collect()
    }
}

impl Hall {
    /// Makes a session in a sandbox: an interpreter that keeps what is done in it, with the files of the sandbox. It starts
    /// with its first call.
    pub async fn create_session(
        &self,
        permit: &Permit,
        sandbox: &SandboxId,
        (shelf, runtime): (Arc<runtimes::Shelf>, Runtime),
        labels: Labels,
    ) -> Result<SessionRecord, SandboxError> {
        covers(permit, Action::SandboxesRun, permit.tenant(), sandbox.as_str())?;
        let _inside = self.inner().tasks.token();
        self.open()?;
        let limits = self.limits_in(&self.found(permit.tenant(), sandbox)?)?;
        // For the size of its stack the code is made ready; all else each call is given anew.
        let program = self.runtime(&shelf, &runtime, Build::of(&limits, Mode::Ordinary)).await?;
        let session = Session::new(program).map_err(EngineError::from)?;
        let seat = self.seat(permit.tenant(), sandbox).await?;
        let made = self.keep_sessions(permit, sandbox, (&runtime, &labels), vec![(session, seat)])?;
        made.into_iter().next().ok_or_else(|| SandboxError::Internal("no session was made".into()))
    }

    /// Room for one more: counted, and with the files of the sandbox.
    pub(super) async fn seat(&self, tenant: &TenantId, sandbox: &SandboxId) -> Result<Seat, SandboxError> {
        let ceilings = self.ceilings(tenant)?;
        let taken = self.inner().quota.session(tenant, &ceilings, self.inner().settings.live_sessions)?;
        let Place { files: Files::Run { entered, .. }, .. } = self.enter(tenant, sandbox).await? else {
            return Err(SandboxError::NoSandbox(sandbox.clone()));
        };
        Ok(Seat { taken, entered: *entered })
    }

    /// Makes sessions that others find: all or none.
    pub(super) fn keep_sessions(
        &self,
        permit: &Permit,
        sandbox: &SandboxId,
        (runtime, labels): (&Runtime, &Labels),
        new: Vec<(Session, Seat)>,
    ) -> Result<Vec<SessionRecord>, SandboxError> {
        let (tenant, now) = (permit.tenant(), self.now());
        let kept = |(session, Seat { taken, entered })| {
            Arc::new(Kept {
                id: SessionId::random(),
                tenant: tenant.clone(),
                sandbox: sandbox.clone(),
                owner: permit.principal().clone(),
                runtime: runtime.clone(),
                labels: labels.clone(),
                created: now,
                state: Mutex::new(State { at: At::Idle, calls: 0, used: now, memory_bytes: 0 }),
                interpreter: Arc::new(tokio::sync::Mutex::new(Interpreter::new(session, entered, taken))),
            })
        };
        let made: Vec<_> = new.into_iter().map(kept).collect();
        self.inner().sessions.all().extend(made.iter().map(|kept| (kept.id.clone(), Arc::clone(kept))));
        // From here on a stop of its sandbox either takes them away or is seen here.
        if let Err(error) = self.may_run_in(tenant, sandbox).and_then(|()| self.end_for(tenant).map(drop)) {
            self.let_go(self.inner().sessions.take(|other| made.iter().any(|made| made.id == other.id)));
            return Err(error);
        }
        Ok(made.iter().map(|kept| kept.record()).collect())
    }

    /// What a call in a sandbox may have at most.
    pub(super) fn limits_in(&self, sandbox: &SandboxRecord) -> Result<Limits, SandboxError> {
        let ceilings = self.ceilings(&sandbox.tenant)?;
        let most = Most { ceilings: &ceilings, sandbox: Some(&sandbox.spec) };
        plan::limits(&LimitsAsk::default(), &most, &mut Vec::new())
    }

    pub(super) fn session(&self, tenant: &TenantId, id: &SessionId) -> Result<Arc<Kept>, SandboxError> {
        let found = self.inner().sessions.all().get(id).filter(|kept| kept.tenant == *tenant).map(Arc::clone);
        found.ok_or_else(|| SandboxError::NoSession(id.clone()))
    }

    /// One that the tenant has, for whoever is then asked whether he may do something in its sandbox.
    pub fn known_session(&self, tenant: &TenantId, id: &SessionId) -> Result<SessionRecord, SandboxError> {
        Ok(self.session(tenant, id)?.record())
    }

    /// In the order in which they were made.
    pub fn sessions(
        &self,
        tenant: &TenantId,
        sandbox: Option<&SandboxId>,
        after: Option<&SessionId>,
        most: u32,
    ) -> Vec<SessionRecord> {
        let all = self.inner().sessions.all();
        let wanted = |kept: &&Arc<Kept>| {
            kept.tenant == *tenant
                && sandbox.is_none_or(|sandbox| kept.sandbox == *sandbox)
                && after.is_none_or(|after| kept.id > *after)
        };
        let mut found: Vec<_> = all.values().filter(wanted).map(Arc::clone).collect();
        drop(all);
        found.sort_by(|one, other| one.id.cmp(&other.id));
        found.truncate(most as usize);
        found.iter().map(|kept| kept.record()).collect()
    }

    /// The session, if the permit is for doing something in its sandbox.
    pub(super) fn session_for(&self, permit: &Permit, id: &SessionId) -> Result<Arc<Kept>, SandboxError> {
        let kept = self.session(permit.tenant(), id)?;
        covers(permit, Action::SandboxesRun, permit.tenant(), kept.sandbox.as_str())?;
        Ok(kept)
    }

    /// What an interpreter has open would be written to after it is somebody else's.
    pub(super) fn without_sessions(&self, tenant: &TenantId, sandbox: &SandboxId) -> Result<(), SandboxError> {
        let all = self.inner().sessions.all();
        match all.values().any(|kept| kept.tenant == *tenant && kept.sandbox == *sandbox) {
            true => Err(SandboxError::HasSessions),
            false => Ok(()),
        }
    }

    /// A turn in a session of a sandbox, for one run.
    pub(super) fn turn(
        &self,
        tenant: &TenantId,
        sandbox: &SandboxId,
        id: &SessionId,
        run: &RunId,
    ) -> Result<Turn, SandboxError> {
        let kept = self.session(tenant, id)?;
        if kept.sandbox != *sandbox {
            return Err(SandboxError::NoSession(id.clone()));
        }
        Turn::begin(self.clone(), kept, Some(run.clone()))
    }

    /// Asks the code that runs in a session to end, as an interrupt of the keyboard does: its interpreter stays. Code that
    /// does not hear it in time is ended with its interpreter. Whether anything was at work.
    pub fn interrupt(&self, permit: &Permit, id: &SessionId) -> Result<bool, SandboxError> {
        let Some(Ways { interrupt, end }) = self.session_for(permit, id)?.ways() else { return Ok(false) };
        interrupt.cancel();
        tokio::spawn(async move {
            tokio::time::sleep(GRACE).await;
            // Of a call that is over by then nothing is left to be ended.
            end.cancel();
        });
        Ok(true)
    }

    /// Ends what runs in a session, and gives it a fresh interpreter.
    pub async fn restart(&self, permit: &Permit, id: &SessionId) -> Result<SessionRecord, SandboxError> {
        let kept = self.session_for(permit, id)?;
        kept.end_call();
        let whole = async move {
            let mut interpreter = kept.interpreter.lock().await;
            interpreter.close();
            kept.restarted();
            Ok(kept.record())
        };
        self.to_its_end(whole).await
    }

    /// Ends a session and what runs in it.
    pub async fn end_session(&self, permit: &Permit, id: &SessionId) -> Result<(), SandboxError> {
        self.session_for(permit, id)?;
        let left = self.let_go(self.inner().sessions.take(|kept| kept.id == *id));
        self.to_its_end(async move { left.await.map_err(|error| SandboxError::Internal(error.to_string())) }).await
    }

    /// Ends those of a sandbox that is stopped or gone.
    pub(super) fn end_sessions_in(&self, sandbox: &SandboxId) {
        self.let_go(self.inner().sessions.take(|kept| kept.sandbox == *sandbox));
    }

    /// Ends those of a tenant that is closed.
    pub(super) fn end_sessions_of(&self, tenant: &TenantId) {
        self.let_go(self.inner().sessions.take(|kept| kept.tenant == *tenant));
    }

    /// Ends all, when the service stops.
    pub(super) fn end_all_sessions(&self) {
        self.let_go(self.inner().sessions.take(|_| true));
    }

    /// Ends those that nobody has called for so long. It is on record before.
    pub(super) async fn end_idle_sessions(&self) {
        let idle = self.inner().settings.session_idle_seconds.saturating_mul(1_000);
        let before = self.now().saturating_sub(idle);
        let is_idle = |kept: &Kept| {
            let state = kept.state();
            !matches!(state.at, At::Busy { .. }) && state.used < before
        };
        let found: Vec<_> = self.inner().sessions.all().values().filter(|kept| is_idle(kept)).cloned().collect();
        for kept in found {
            if let Err(error) = self.inner().chronicle.idle(&kept.record(), self.now()).await {
                tracing::warn!(session = %kept.id, "an idle session goes on, since its end cannot be recorded: {error}");
                continue;
            }
            // It may have been called meanwhile.
            self.let_go(self.inner().sessions.take(|other| other.id == kept.id && is_idle(other)));
        }
    }

    /// Lets go of sessions that nobody finds any more, each when its call is over.
    fn let_go(&self, gone: Vec<Arc<Kept>>) -> tokio::task::JoinHandle<()> {
        gone.iter().for_each(|kept| kept.end_call());
        self.inner().tasks.spawn(async move {
            for kept in gone {
                let ended = kept.interpreter.lock().await.end();
                // What still touches the files is waited for where waiting is allowed.
                let _ = tokio::task::spawn_blocking(move || drop(ended)).await;
            }
        })
    }
}
