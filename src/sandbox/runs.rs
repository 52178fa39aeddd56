use std::any::Any;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

use super::chronicle::{By, Heard};
use super::ending::{Ending, failed};
use super::error::SandboxError;
use super::events::{Events, HasRoom};
use super::hall::{Hall, covers, covers_in};
use super::live::Live;
use super::plan::{RunAsk, What};
use super::record::{Given, RetryRecord, RunRecord, RunState};
use super::retry::{Again, Before, Held, RetryKey};
use super::state::Move;
use super::tools::{Kit, Rights, ToolAsk, ToolBy};
use super::work::{Files, Place, Planned};
use crate::authz::{Action, Permit};
use crate::model::{Caller, RequestId, RunId, SandboxId, TenantId};

/// A run that is at work.
pub struct Started {
    hall: Hall,
    live: Arc<Live>,
    record: RunRecord,
    end: oneshot::Receiver<Result<Arc<RunRecord>, SandboxError>>,
    /// Ends the run if whoever started it goes away; nothing for one that goes on by itself, or that he can ask for again.
    guard: Option<DropGuard>,
}

impl Started {
    /// Waits for its end. If the waiting is given up, the run is cancelled unless it goes on by itself or
    /// has a key for a retry.
    pub async fn end(self) -> Result<Arc<RunRecord>, SandboxError> {
        let _guard = self.guard;
        self.end.await.unwrap_or_else(|_| Err(SandboxError::Internal("the run was not brought to an end".into())))
    }

    /// Watches it, for as long as somebody does.
    pub fn watch(self, room: HasRoom) -> (Events, Option<DropGuard>) {
        (Events::of(self.hall, self.live, room), self.guard)
    }

    /// As it is written down.
    pub fn record(&self) -> RunRecord {
        self.record.clone()
    }
}

/// What became of a request for a run.
pub enum Asked {
    Before(Before),
    Now(Box<Started>),
}

/// How a run is asked for.
#[derive(Default)]
pub struct Manner {
    pub retry: Option<RetryKey>,
    /// It is written down before it begins, can be asked for meanwhile, and goes on without whoever asked.
    pub apart: bool,
    /// When whoever asked is told of it; of one that is apart, from its start.
    pub heard: Heard,
    pub sandbox: Option<SandboxId>,
    /// The request in which it was asked for.
    pub request: Option<RequestId>,
    /// The right to read the workspace that it gets the files of, where it gets some.
    pub of: Option<Permit>,
    /// Cancelled when the right to wait for it is taken away; a run with a key ends then, and not when only the
    /// connection is lost.
    pub withdrawn: Option<CancellationToken>,
    /// Who is asked at each call of a tool; a run that is given tools has this.
    pub rights: Option<Arc<dyn Rights>>,
    /// What counts what came with the request as being in memory; dropped when the engine has that, whoever still waits,
    /// or when what is kept to run it again is written down.
    pub counted: Option<Box<dyn Any + Send>>,
}

/// All that a run needs to be at work.
struct Begun {
    ending: Ending,
    run: RunRecord,
    by: By,
    planned: Planned,
    retry: Option<RetryRecord>,
    held: Option<Held>,
    apart: bool,
    heard: Heard,
}

enum Beginning {
    Before(Before),
    Now(Box<Begun>),
}

impl Hall {
    /// Starts a run. What can be refused is refused before this returns. Whoever gives up waiting for this leaves nothing
    /// half begun: the run is recorded, as one that goes on or as one that was cancelled.
    pub async fn run(
        &self,
        permit: &Permit,
        caller: &Caller,
        ask: RunAsk,
        mut manner: Manner,
    ) -> Result<Asked, SandboxError> {
        match &manner.sandbox {
            Some(id) => covers(permit, Action::SandboxesRun, &caller.tenant, id.as_str())?,
            None => covers_in(permit, Action::RunsCreate)?,
        }
        // A stop waits for whoever has found the door open.
        let _inside = self.inner().tasks.token();
        self.open()?;
        let (tell, told) = oneshot::channel();
        let by = By { caller: caller.clone(), policies: permit.policies().to_vec(), request: manner.request.clone() };
        let hall = self.clone();
        let whole = async move {
            let (counted, withdrawn) = (manner.counted.take(), manner.withdrawn.take());
            match hall.begin(by, ask, manner).await {
                Ok(Beginning::Now(begun)) => begun.whole(hall, counted, withdrawn, tell).await,
                Ok(Beginning::Before(run)) => drop(tell.send(Ok(Asked::Before(run)))),
                Err(error) => drop(tell.send(Err(error))),
            }
        };
        self.inner().tasks.spawn(whole.in_current_span());
        told.await.unwrap_or_else(|_| Err(SandboxError::Internal("the run was not begun".into())))
    }

    /// Everything before the guest's first instruction.
    async fn begin(&self, by: By, ask: RunAsk, manner: Manner) -> Result<Beginning, SandboxError> {
        let Manner { retry, apart, heard, sandbox, of, rights, .. } = manner;
        let is_watched = apart || heard == Heard::FromItsStart;
        // What a run does in a sandbox is seen there, whatever is told of the run.
        let heard = if apart || sandbox.is_some() { Heard::FromItsStart } else { heard };
        let caller = &by.caller;
        let held = match retry {
            None => None,
            Some(key) => match self.again(caller, key)? {
                Again::Done(before) => return Ok(Beginning::Before(before)),
                Again::New(held) => Some(held),
            },
        };
        let tenant = &caller.tenant;
        let mut run = self.new_run(caller, &ask, sandbox.clone());
        let place = match (&sandbox, &ask.what) {
            (Some(_), _) if ask.place.is_some() => {
                let message = "a run in a sandbox has the files of the sandbox".into();
                return Err(SandboxError::Invalid { field: "workspace", message });
            }
            (Some(id), What::Session(session)) => {
                let turn = self.turn(tenant, id, session, &run.id)?;
                Some(Place { sandbox: self.found(tenant, id)?, files: Files::Session(turn) })
            }
            (Some(id), _) => Some(self.enter(tenant, id).await?),
            (None, _) => None,
        };
        if !is_watched {
            nobody_is_asked(&ask.tools)?;
        }
        let mut planned = self.plan(caller, ask, of.as_ref(), place).await?;
        let rights = match (rights, planned.tools.is_empty()) {
            (None, false) => return Err(SandboxError::Internal("nobody can be asked about the tools of a run".into())),
            (rights, _) => rights,
        };
        (run.component, run.fence) = (planned.digest, planned.worth.take());
        run.cut.clone_from(&planned.cut);
        let (limits, grants) = (planned.request.limits.clone(), &planned.request.grants);
        run.given = Some(Given { limits, clocks: grants.clocks, randomness: grants.randomness });
        let retry = held.as_ref().map(|held| held.record(&run.id, run.created));
        let ending = Ending::watching(self, &run, apart)?;
        // From here on a stop of its sandbox either cancels it or is seen here.
        if let Some(id) = &run.sandbox
            && let Err(error) = self.may_run_in(tenant, id)
        {
            ending.never_began();
            return Err(error);
        }
        let tools = std::mem::take(&mut planned.tools);
        if let Some(rights) = rights.filter(|_| !tools.is_empty()) {
            let kit = Kit::of(self, (&run, &by, ending.live()), tools, rights, &planned.request.limits);
            planned.request.tools = Some(Arc::new(kit));
        }
        Ok(Beginning::Now(Box::new(Begun { ending, run, by, planned, retry, held, apart, heard })))
    }

    pub(super) fn may_run_in(&self, tenant: &TenantId, sandbox: &SandboxId) -> Result<(), SandboxError> {
        Ok(self.found(tenant, sandbox)?.state.after(Move::Run).map(drop)?)
    }

    fn new_run(&self, caller: &Caller, ask: &RunAsk, sandbox: Option<SandboxId>) -> RunRecord {
        RunRecord {
            id: RunId::random(),
            tenant: caller.tenant.clone(),
            owner: caller.principal.clone(),
            backend: ask.backend,
            component: None,
            command: match &ask.what {
                What::Native(name) => Some(name.clone()),
                _ => None,
            },
            fence: None,
            session: match &ask.what {
                What::Session(session) => Some(session.clone()),
                _ => None,
            },
            sandbox,
            state: RunState::Running,
            labels: ask.labels.clone(),
            created: self.now(),
            ended: None,
            report: None,
            failure: None,
            cut: Vec::new(),
            given: None,
            order: Vec::new(),
        }
    }
}

/// A call that nobody can hear of would wait until the run is over.
fn nobody_is_asked(tools: &[ToolAsk]) -> Result<(), SandboxError> {
    if !tools.iter().any(|tool| matches!(tool.by, ToolBy::Caller { .. })) {
        return Ok(());
    }
    let message = "a tool that its caller answers is told as an event of the run: ask with `Accept: text/event-stream`, or with \"async\": true and watch it";
    Err(SandboxError::Invalid { field: "tools", message: message.to_owned() })
}

impl Begun {
    /// Puts the start on record, and one that is apart where it can be asked for.
    fn recorded(&self, hall: &Hall) -> impl Future<Output = Result<(), SandboxError>> + use<> {
        let Self { run, by, planned, retry, apart, heard, .. } = self;
        let begins = hall.inner().chronicle.begins(run, by, &planned.request, planned.replayable.as_deref(), *heard);
        let apart = apart.then(|| (hall.clone(), run.clone(), by.clone(), retry.clone()));
        async move {
            begins.await?;
            let Some((hall, run, by, retry)) = apart else { return Ok(()) };
            let Err(error) = hall.inner().ledger.put_run(Arc::new(run.clone()), retry, None).await else {
                return Ok(());
            };
            let error = SandboxError::from(error);
            // That nothing came of it belongs on record then.
            hall.inner().chronicle.ended(&failed(run, &error, hall.now()), &by).await?;
            Err(error)
        }
    }

    /// Runs it and brings it to its end for everybody, whether or not whoever asked still listens.
    async fn whole(
        self,
        hall: Hall,
        counted: Option<Box<dyn Any + Send>>,
        withdrawn: Option<CancellationToken>,
        tell: oneshot::Sender<Result<Asked, SandboxError>>,
    ) {
        let recorded = self.recorded(&hall).await;
        // What is kept of a run is in memory until it is written down; all else the engine has.
        let _counted = counted.filter(|_| self.planned.replayable.is_some());
        let Self { ending, run, by, planned, retry, held, apart, .. } = self;
        // Nobody is told of a start that is not on record.
        if let Err(error) = recorded {
            ending.refused(run, &error);
            drop(held);
            return drop(tell.send(Err(error)));
        }
        ending.began();
        // Whoever asks again finds what is written down.
        let held = held.filter(|_| !apart);
        let (tell_end, end) = oneshot::channel();
        let (live, record) = (Arc::clone(ending.live()), run.clone());
        let end_it = live.cancel.clone();
        // Whoever lost his connection and has a key comes back for the answer, not for a run that was cancelled for that.
        let guard = (!apart && retry.is_none()).then(|| live.cancel.clone().drop_guard());
        // Where nobody takes it, it is dropped here, and the guard ends what is about to begin.
        drop(tell.send(Ok(Asked::Now(Box::new(Started { hall, live, record, end, guard })))));
        let span = tracing::info_span!(
            "run", id = %run.id, tenant = %run.tenant, owner = %run.owner, backend = run.backend.as_str(),
            component = run.component.map(tracing::field::display), outcome = tracing::field::Empty
        );
        let done = unless(withdrawn, &end_it, ending.whole(run, by, planned, retry).instrument(span)).await;
        // First of all: whoever hears of the end may ask again at once.
        drop(held);
        drop(tell_end.send(done));
    }
}

/// Brings a run to its end; cancelled, when the right to wait for it is taken away.
async fn unless<T>(
    withdrawn: Option<CancellationToken>,
    end_it: &CancellationToken,
    run: impl Future<Output = T>,
) -> T {
    let Some(withdrawn) = withdrawn else { return run.await };
    tokio::pin!(run);
    tokio::select! {
        biased;
        () = withdrawn.cancelled() => end_it.cancel(),
        done = &mut run => return done,
    }
    run.await
}

impl Live {
    /// One that ends with all others when the service stops.
    pub(super) fn of(run: &RunRecord, all: &CancellationToken) -> Arc<Self> {
        Self::new(run.id.clone(), run.tenant.clone(), run.sandbox.clone(), all.child_token())
    }
}
