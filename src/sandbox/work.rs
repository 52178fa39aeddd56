use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::error::SandboxError;
use super::fences::Fence;
use super::hall::Hall;
use super::live::Live;
use super::own::Own;
use super::plan::{self, Cut, LimitsAsk, Most, RunAsk, What, Wished};
use super::quota::Running;
use super::record::{SandboxRecord, Wants, Worth};
use super::replayable::{PROGRAM, Replayable};
use super::storage::Visit;
use super::tools::Tool;
use super::turn::Turn;
use crate::authz::Permit;
use crate::backends::BackendError;
use crate::engine::{Build, CopyOnWrite, EngineError, Entry, FUEL_TOLD, Mount, Program, RunPlace, RunRequest, Stdin};
use crate::fs_policy::{Level, Policy};
use crate::model::{Caller, Ceilings, Digest, LimitName, Limits, Outcome, Report, Room, TenantId, Weight};
use crate::runtimes::{self, Runtime};
use crate::workspace::{DraftRecord, Entered};

/// What is about to be run, and what was taken from it before.
pub(super) struct Planned {
    on: On,
    pub(super) request: RunRequest,
    /// Of the program, where it is one of ours.
    pub(super) digest: Option<Digest>,
    /// What fences it, where that was asked about or holds less than all.
    pub(super) worth: Option<Worth>,
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

/// What runs it.
enum On {
    Engine(Arc<Program>),
    Fence(Fence),
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

/// Files that a command gets a copy of.
struct Copied {
    sandbox: SandboxRecord,
    folder: PathBuf,
    draft: DraftRecord,
}

impl Place {
    fn copied(&self) -> Option<Copied> {
        let entered = self.files.entered()?;
        let (folder, draft) = (entered.folder.clone(), entered.draft.clone());
        Some(Copied { sandbox: self.sandbox.clone(), folder, draft })
    }
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

/// What a command of the machine takes of the fuel of a minute: one unit for each nanosecond of a processor.
const FUEL_PER_MS: u64 = 1_000_000;
const FUEL_PER_US: u64 = 1_000;

impl Hall {
    /// Everything that can be refused is refused here, before the guest's first instruction.
    pub(super) async fn plan(
        &self,
        caller: &Caller,
        ask: RunAsk,
        of: Option<&Permit>,
        place: Option<Place>,
    ) -> Result<Planned, SandboxError> {
        let fence = self.fence(&ask).await?;
        let (native, worth) = (ask.is_native(), fence.worth());
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
        let running = self.counted(tenant, &ceilings, native, (&ask.limits, &mut limits, &mut cut))?;
        fence.forget_cuts(&mut cut);
        let build = Build::of(&limits, ask.mode);
        let (on, digest, declared) = match &ask.what {
            // What the machine gives to everybody, a command may as well want.
            What::Native(_) => (None, None, Wants { clocks: true, randomness: true }),
            what => {
                let (program, digest, declared) = self.program(tenant, what, started, build).await?;
                (Some(On::Engine(program)), Some(digest), declared)
            }
        };
        let tools = self.tools(tenant, &ceilings, ask.tools.clone(), ask.mode).await?;
        let at = self.engine().place()?;
        let grants = plan::grants(&ask, declared, &most, &mut cut);
        fence.withholds(&grants)?;
        // Last of all that may be refused, since it makes something.
        let place = match (place, ask.place) {
            (None, Some(asked)) => Some(self.own_place(caller, asked, of, &limits).await?),
            (place, _) => place,
        };
        let taken = match &place {
            Some(place) => {
                let copied = if native { place.copied() } else { None };
                self.fit_into_room(tenant, copied, (&ask.limits, &mut limits, &mut cut)).await?
            }
            None => Weight::default(),
        };
        let entry = match ask.wished {
            Wished::Command { .. } => Entry::Command { name: command_name(ask.what) },
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
            Some(place) => Some(self.inside(tenant, place, taken, &mut request).await?),
            None => None,
        };
        let replayable = Replayable::of(&request);
        let on = on.unwrap_or(On::Fence(fence));
        Ok(Planned { on, request, digest, worth, cut, replayable, tools, place: running, at, inside })
    }

    /// Lets it into its files. Others write at the same time: room is taken as it goes, but for what is taken here, since
    /// a command asks nobody on the way.
    async fn inside(
        &self,
        tenant: &TenantId,
        Place { sandbox, files }: Place,
        taken: Weight,
        request: &mut RunRequest,
    ) -> Result<Inside, SandboxError> {
        if let Some(folder) = files.entered().map(|entered| entered.folder.clone()) {
            let policy = self.policy(&sandbox, folder).await?;
            request.mounts.extend(files.entered().map(|entered| mount(&sandbox, entered, policy)));
        }
        if let Files::Session(turn) = &files {
            request.interrupt = Some(turn.interrupt());
        }
        let room = self.room(tenant).await?;
        self.take(tenant, &room, taken).await?;
        request.room = Some(Arc::clone(&room) as Arc<dyn Room>);
        Ok(Inside { files, visit: self.visit(tenant, &sandbox.draft, room) })
    }

    /// A place for it, and of what is counted by the minute no more than is left: fuel, or the time of a command.
    fn counted(
        &self,
        tenant: &TenantId,
        ceilings: &Ceilings,
        native: bool,
        (asked, limits, cut): (&LimitsAsk, &mut Limits, &mut Vec<Cut>),
    ) -> Result<Running, SandboxError> {
        let (name, units) = if native { (LimitName::DeadlineMs, FUEL_PER_MS) } else { (LimitName::Fuel, 1) };
        let wanted = limits.get(name);
        let running = self.inner().quota.run(tenant, ceilings, wanted.saturating_mul(units), self.now())?;
        let given = running.fuel() / units;
        if given < wanted {
            if asked.names(name) {
                cut.push(Cut::new(name.as_str(), wanted, given, "tenant"));
            }
            limits.set(name, given);
            limits.check()?;
        }
        Ok(running)
    }

    /// What it may write is no more than the tenant has room for. What a command may come to have of its own is room to be
    /// taken before it begins.
    async fn fit_into_room(
        &self,
        tenant: &TenantId,
        copied: Option<Copied>,
        (asked, limits, cut): (&LimitsAsk, &mut Limits, &mut Vec<Cut>),
    ) -> Result<Weight, SandboxError> {
        let native = copied.is_some();
        let shared = match copied {
            Some(copied) => self.may_come_to_own(tenant, copied).await?,
            None => 0,
        };
        let files = if native { limits.files_created } else { 0 };
        let wanted = Weight { bytes: limits.written_bytes.saturating_add(shared), files };
        let left = self.room_to_work(tenant, wanted).await?;
        let files = if native { left.files } else { u64::MAX };
        for (name, left) in
            [(LimitName::WrittenBytes, left.bytes.saturating_sub(shared)), (LimitName::FilesCreated, files)]
        {
            let wanted = limits.get(name);
            if wanted > left {
                if asked.names(name) {
                    cut.push(Cut::new(name.as_str(), wanted, left, "storage"));
                }
                limits.set(name, left);
            }
        }
        let Limits { written_bytes, files_created, .. } = *limits;
        let taken = Weight { bytes: written_bytes.saturating_add(shared), files: files_created };
        Ok(if native { taken } else { Weight::default() })
    }

    /// Bytes that a draft shares and a command may replace: it gets a copy of all, and nobody sees how it changes that.
    async fn may_come_to_own(
        &self,
        tenant: &TenantId,
        Copied { sandbox, folder, draft }: Copied,
    ) -> Result<u64, SandboxError> {
        let policy = self.policy(&sandbox, folder).await?;
        let root = policy.root();
        if policy.level(&root) < Level::Write && !policy.may_be_made_below(&root) {
            return Ok(0);
        }
        self.on_shelf(tenant, move |shelf| shelf.base_bytes(&draft)).await
    }

    async fn program(
        &self,
        tenant: &TenantId,
        what: &What,
        started: Option<Arc<Program>>,
        build: Build,
    ) -> Result<(Arc<Program>, Digest, Wants), SandboxError> {
        match what {
            What::Native(_) => Err(SandboxError::Internal("a command of the machine is no program of ours".into())),
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
        let Planned { on, mut request, mut place, at, inside, .. } = planned;
        request.cancel = Some(cancel.clone());
        request.listener = match live {
            Some(live) => Some(live),
            None => None,
        };
        place.begins();
        let native = matches!(on, On::Fence(_));
        let engine = self.engine().clone();
        let work = async move {
            match (on, inside) {
                (_, Some(Inside { files: Files::Session(mut turn), visit })) => {
                    let done = turn.call(at, request, &cancel).await;
                    drop(visit);
                    (done.map_err(SandboxError::from), None)
                }
                (On::Engine(program), inside) => {
                    (engine.run_at(at, &program, request).await.map_err(SandboxError::from), inside)
                }
                (On::Fence(fence), inside) => {
                    let done = fence.run(request).await;
                    drop(at);
                    (done, inside)
                }
            }
        };
        let (done, inside) = match self.inner().guests.run(work).await {
            Ok(worked) => worked,
            Err(error) => (Err(EngineError::Internal(error.to_string()).into()), None),
        };
        if let Some(Inside { files: Files::Run { entered, own }, visit }) = inside {
            if let (true, Ok(report)) = (native, &done) {
                visit.brought_back(brought_back(report));
            }
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
        match &done {
            Ok(report) if native => place.ends_with(report.usage.cpu_us.saturating_mul(FUEL_PER_US), self.now()),
            done => {
                if let Some(fuel) = spent(done) {
                    place.ends(fuel, self.now());
                }
            }
        }
        done
    }
}

/// As it is called on the command line that it sees.
fn command_name(what: What) -> String {
    match what {
        What::Native(name) => name,
        _ => PROGRAM.to_owned(),
    }
}

/// Bytes that a command left in its folders.
fn brought_back(report: &Report) -> u64 {
    let streams = report.stdout.bytes.len().saturating_add(report.stderr.bytes.len());
    report.usage.bytes_out.saturating_sub(u64::try_from(streams).unwrap_or(u64::MAX))
}

/// The most that a run has spent of its fuel, where that is known.
fn spent(done: &Result<Report, SandboxError>) -> Option<u64> {
    match done {
        Ok(Report { outcome: Outcome::DeadlineExceeded { .. } | Outcome::Cancelled, usage, .. }) => {
            Some(usage.fuel.saturating_add(FUEL_TOLD))
        }
        Ok(report) => Some(report.usage.fuel),
        Err(SandboxError::Engine(EngineError::Internal(_))) => None,
        Err(SandboxError::Backend { error: BackendError::Internal(_) | BackendError::WriteBack(_), .. }) => None,
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
