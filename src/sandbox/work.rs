use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::error::SandboxError;
use super::hall::Hall;
use super::live::Live;
use super::own::Own;
use super::plan::{self, Cut, Most, RunAsk, What, Wished};
use super::quota::Running;
use super::record::{SandboxRecord, Wants};
use super::replayable::{PROGRAM, Replayable};
use super::storage::Visit;
use super::tools::Tool;
use super::turn::Turn;
use crate::authz::Permit;
use crate::engine::{Build, CopyOnWrite, EngineError, Entry, FUEL_TOLD, Mount, Program, RunPlace, RunRequest, Stdin};
use crate::fs_policy::{Level, Policy};
use crate::model::{Caller, Digest, LimitName, Outcome, Report, Room, TenantId};
use crate::runtimes::{self, Runtime};
use crate::workspace::Entered;

/// What the engine is about to be asked, and what was taken from it before.
pub(super) struct Planned {
    pub(super) program: Arc<Program>,
    pub(super) request: RunRequest,
    pub(super) digest: Digest,
    pub(super) cut: Vec<Cut>,
    /// What is kept of what was asked, where it can be run again.
    pub(super) replayable: Option<Arc<Replayable>>,
    /// What its code may call, to be given to it when it begins.
    pub(super) tools: Vec<Tool>,
    /// Given back when the run is over.
    place: Running,
    at: RunPlace,
    inside: Option<Inside>,
}

/// A run in a sandbox: nobody else throws its files away, and what it writes is counted when it is over.
struct Inside {
    files: Files,
    visit: Visit,
}

/// Where a run works: a sandbox whose files somebody may be looking at meanwhile.
pub(super) struct Place {
    pub(super) sandbox: SandboxRecord,
    pub(super) files: Files,
}

/// Who holds the files of a sandbox while a run works with them.
pub(super) enum Files {
    Run {
        entered: Box<Entered>,
        /// Where it is there for this run alone.
        own: Option<Box<Own>>,
    },
    /// The session that the run is a call of.
    Session(Turn),
}

impl Files {
    fn entered(&self) -> Option<&Entered> {
        match self {
            Files::Run { entered, .. } => Some(entered),
            Files::Session(turn) => turn.entered(),
        }
    }
}

/// The only backend so far.
const WASM: &str = "wasm";

impl Hall {
    /// Everything that can be refused is refused here, before the guest's first instruction.
    pub(super) async fn plan(
        &self,
        caller: &Caller,
        ask: RunAsk,
        of: Option<&Permit>,
        place: Option<Place>,
    ) -> Result<Planned, SandboxError> {
        if let Some(other) = ask.backend.as_deref().filter(|name| *name != WASM) {
            return Err(SandboxError::NoBackend(other.to_owned()));
        }
        let tenant = &caller.tenant;
        let ceilings = self.ceilings(tenant)?;
        let most = Most { ceilings: &ceilings, sandbox: place.as_ref().map(|place| &place.sandbox.spec) };
        let mut cut = Vec::new();
        let mut limits = plan::limits(&ask.limits, &most, &mut cut)?;
        let started = match place.as_ref().map(|place| &place.files) {
            Some(Files::Session(turn)) => Some(Arc::clone(turn.program()?)),
            Some(Files::Run { .. }) | None => None,
        };
        if let Some(started) = &started {
            limits.stack_bytes = started.build().stack_bytes;
        }
        let running = self.inner().quota.run(tenant, &ceilings, limits.fuel, self.now())?;
        if running.fuel() < limits.fuel {
            cut.push(Cut::new(LimitName::Fuel.as_str(), limits.fuel, running.fuel(), "tenant"));
            limits.fuel = running.fuel();
        }
        let build = Build::of(&limits, ask.mode);
        let (program, digest, declared) = self.program(tenant, &ask.what, started, build).await?;
        let tools = self.tools(tenant, &ceilings, ask.tools.clone(), ask.mode).await?;
        let at = self.engine().place()?;
        let grants = plan::grants(&ask, declared, &most, &mut cut);
        // Last of all that may be refused, since it makes something.
        let place = match (place, ask.place) {
            (None, Some(asked)) => Some(self.own_place(caller, asked, of, &limits).await?),
            (place, _) => place,
        };
        if place.is_some() {
            let left = self.room_to_work(tenant, limits.written_bytes).await?;
            if limits.written_bytes > left {
                if ask.limits.names(LimitName::WrittenBytes) {
                    cut.push(Cut::new(LimitName::WrittenBytes.as_str(), limits.written_bytes, left, "storage"));
                }
                limits.written_bytes = left;
            }
        }
        let entry = match ask.wished {
            Wished::Command { .. } => Entry::Command { name: PROGRAM.to_owned() },
            Wished::Snippet { snippet, .. } => Entry::Snippet(snippet),
            // A tree many times as large as the text, made when the program is ready and only for one that has a place.
            Wished::Call { function, args } => {
                let wrong =
                    |error: serde_json::Error| SandboxError::Invalid { field: "args", message: error.to_string() };
                Entry::Call { function, args: args.value().map_err(wrong)? }
            }
        };
        let mut request = RunRequest::new(entry, limits, grants);
        request.mode = ask.mode;
        request.stdin = if ask.stdin.is_empty() { Stdin::Empty } else { Stdin::Bytes(ask.stdin) };
        let inside = match place {
            Some(Place { sandbox, files }) => {
                if let Some(folder) = files.entered().map(|entered| entered.folder.clone()) {
                    let policy = self.policy(&sandbox, folder).await?;
                    request.mounts.extend(files.entered().map(|entered| mount(&sandbox, entered, policy)));
                }
                if let Files::Session(turn) = &files {
                    request.interrupt = Some(turn.interrupt());
                }
                // Others write at the same time: room is taken as it goes.
                let room = self.room(tenant).await?;
                request.room = Some(Arc::clone(&room) as Arc<dyn Room>);
                Some(Inside { files, visit: self.visit(tenant, &sandbox.draft, room) })
            }
            None => None,
        };
        let replayable = Replayable::of(&request);
        Ok(Planned { program, request, digest, cut, replayable, tools, place: running, at, inside })
    }

    async fn program(
        &self,
        tenant: &TenantId,
        what: &What,
        started: Option<Arc<Program>>,
        build: Build,
    ) -> Result<(Arc<Program>, Digest, Wants), SandboxError> {
        match what {
            What::Session(id) => {
                let program = started.ok_or_else(|| SandboxError::NoSession(id.clone()))?;
                let (digest, wants) = (program.description().digest, Wants::of(program.description()));
                Ok((program, digest, wants))
            }
            What::Known(digest) => {
                let missing = || SandboxError::NoComponent(digest.to_string());
                let known = self.known(tenant, *digest)?.ok_or_else(missing)?;
                Ok((self.ready(*digest, build).await?, *digest, known.wants))
            }
            What::Runtime(shelf, runtime) => {
                let program = self.runtime(shelf, runtime, build).await?;
                let wants = Wants::of(program.description());
                Ok((program, runtime.digest, wants))
            }
            What::Brought(bytes) => {
                let program = self.engine().load(Bytes::clone(bytes), build).await?;
                let (digest, wants) = (program.description().digest, Wants::of(program.description()));
                Ok((program, digest, wants))
            }
        }
    }

    /// A runtime is large: who finds it not ready reads it, one at a time.
    pub(super) async fn runtime(
        &self,
        shelf: &Arc<runtimes::Shelf>,
        runtime: &Runtime,
        build: Build,
    ) -> Result<Arc<Program>, SandboxError> {
        if let Some(ready) = self.engine().ready(runtime.digest, build).await {
            return Ok(ready);
        }
        let _alone = self.inner().readers.lock().await;
        if let Some(ready) = self.engine().ready(runtime.digest, build).await {
            return Ok(ready);
        }
        let (shelf, runtime) = (Arc::clone(shelf), runtime.clone());
        // Not in the turn of a tenant: others wait for this one.
        let bytes = tokio::task::spawn_blocking(move || shelf.bytes(&runtime)).await;
        let bytes = bytes.map_err(|error| SandboxError::Internal(error.to_string()))??;
        Ok(self.engine().load(bytes, build).await?)
    }

    /// The rules of a sandbox, ready to be asked. A thousand of them take longer to be made ready than a run takes: that
    /// is done once, and not where others wait.
    async fn policy(&self, sandbox: &SandboxRecord, folder: PathBuf) -> Result<Arc<Policy>, SandboxError> {
        if sandbox.spec.rules.as_str().is_empty() {
            return Ok(Arc::new(Policy::all(Level::Write)));
        }
        if let Some(ready) = self.inner().rules.get(&sandbox.id) {
            return Ok(ready);
        }
        let kept = sandbox.spec.rules.clone();
        let made = move || {
            let rules = kept.read().map_err(|error| error.to_string())?;
            if rules.is_empty() {
                return Ok(Policy::all(Level::Write));
            }
            rules.policy(crate::engine::folds_case(&folder)).map_err(|error| error.to_string())
        };
        let made = self.apart(&sandbox.tenant, made).await?;
        let made: Policy = made.map_err(|message| SandboxError::Invalid { field: "rules", message })?;
        let made = Arc::new(made);
        self.inner().rules.insert(sandbox.id.clone(), Arc::clone(&made));
        Ok(made)
    }

    /// Runs it. Nothing of the guest is left when this is over; the files of its sandbox may be looked at.
    pub(super) async fn work(
        &self,
        planned: Planned,
        live: Option<Arc<Live>>,
        cancel: CancellationToken,
    ) -> Result<Report, SandboxError> {
        let Planned { program, mut request, mut place, at, inside, .. } = planned;
        request.cancel = Some(cancel.clone());
        request.listener = match live {
            Some(live) => Some(live),
            None => None,
        };
        place.begins();
        let engine = self.engine().clone();
        let work = async move {
            match inside {
                Some(Inside { files: Files::Session(mut turn), visit }) => {
                    let done = turn.call(at, request, &cancel).await;
                    drop(visit);
                    (done, None)
                }
                inside => (engine.run_at(at, &program, request).await, inside),
            }
        };
        let (done, inside) = match self.inner().guests.run(work).await {
            Ok(worked) => worked,
            Err(error) => (Err(EngineError::Internal(error.to_string())), None),
        };
        if let Some(Inside { files: Files::Run { entered, own }, visit }) = inside {
            // What still touches the draft is waited for where waiting is allowed.
            let left = tokio::task::spawn_blocking(move || {
                entered.leave();
                drop(visit);
            });
            let _ = left.await;
            if let Some(own) = own {
                own.clear().await;
            }
        }
        if let Some(fuel) = spent(&done) {
            place.ends(fuel, self.now());
        }
        Ok(done?)
    }
}

/// The most that a run has spent of its fuel, where that is known.
fn spent(done: &Result<Report, EngineError>) -> Option<u64> {
    match done {
        Ok(Report { outcome: Outcome::DeadlineExceeded { .. } | Outcome::Cancelled, usage, .. }) => {
            Some(usage.fuel.saturating_add(FUEL_TOLD))
        }
        Ok(report) => Some(report.usage.fuel),
        Err(EngineError::Internal(_)) => None,
        // The guest was not run at all.
        Err(_) => Some(0),
    }
}

fn mount(sandbox: &SandboxRecord, entered: &Entered, policy: Arc<Policy>) -> Mount {
    Mount {
        host: entered.folder.clone(),
        guest: sandbox.spec.at.clone(),
        policy,
        copy_on_write: Some(CopyOnWrite { copies: entered.copies.clone(), held: entered.held.clone() }),
    }
}
