use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use moka::future::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use wasmtime::component::Component;

use super::compile::{CodeCache, Origin, Origins, compile};
use super::describe::Description;
use super::error::{EngineError, Refusal, quoted};
use super::fence::{Build, Fence};
use super::heartbeat::Heartbeat;
use super::program::Program;
use super::run::{self, RunRequest};
use super::saved::{Saved, Unsaved};
use super::session::Session;
use super::settings::EngineSettings;
use super::snapshot::Keep;
use crate::model::{Digest, Limits, Report};

/// Digests of programs up to this size are made where they are asked for; larger ones on a thread of their own.
const DIGEST_HERE_BYTES: usize = 256 << 10;

const ROOM: usize = Semaphore::MAX_PERMITS;

/// Loads programs and runs them. Cheap to clone; one is enough for a process.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    settings: EngineSettings,
    cache: Option<Arc<CodeCache>>,
    heart: Heartbeat,
    /// One engine of the runtime for each build that was asked for: stack size and flavour are fixed per engine.
    fences: Mutex<HashMap<Build, Arc<Fence>>>,
    programs: Cache<(Digest, Build), Arc<Program>>,
    /// Room for programs that wait to be compiled, a permit for each KiB.
    waiting: Semaphore,
    compiling: Semaphore,
    running: Arc<Semaphore>,
}

/// Until it is dropped one run less finds a place.
#[derive(Debug)]
pub struct RunPlace(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Engine {
    pub fn new(settings: EngineSettings) -> Result<Self, EngineError> {
        let cache = match &settings.cache_dir {
            Some(dir) => Some(Arc::new(CodeCache::open(dir, settings.cache_bytes)?)),
            None => None,
        };
        let heart = Heartbeat::start().map_err(|reason| EngineError::Start(reason.to_string()))?;
        Ok(Self(Arc::new(Inner {
            cache,
            heart,
            fences: Mutex::default(),
            programs: Cache::builder()
                .weigher(|_, program: &Arc<Program>| u32::try_from(program.bytes() >> 10).unwrap_or(u32::MAX))
                .max_capacity(settings.program_bytes >> 10)
                .build(),
            waiting: Semaphore::new(usize::try_from(settings.waiting_bytes >> 10).unwrap_or(usize::MAX).min(ROOM)),
            compiling: Semaphore::new(settings.compilations.max(1)),
            running: Arc::new(Semaphore::new(settings.concurrent_runs as usize)),
            settings,
        })))
    }

    pub fn settings(&self) -> &EngineSettings {
        &self.0.settings
    }

    /// Makes a program ready, by the shortest way: it is ready, its code is on disk, or it is compiled. Whoever
    /// asks for a program that is being made ready waits for that one.
    pub async fn load(&self, bytes: impl Into<Bytes>, build: Build) -> Result<Arc<Program>, EngineError> {
        let bytes: Bytes = bytes.into();
        let limit = self.0.settings.module_bytes;
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > limit {
            return Err(Refusal::TooLarge { bytes: size, limit }.into());
        }
        let digest = if bytes.len() <= DIGEST_HERE_BYTES {
            Digest::of(&bytes)
        } else {
            let bytes = bytes.clone();
            blocking(move || Digest::of(&bytes)).await?
        };
        let prepare = self.prepare(bytes, digest, build);
        self.0.programs.try_get_with((digest, build), prepare).await.map_err(|error| (*error).clone())
    }

    /// A program that is in memory already.
    pub async fn ready(&self, digest: Digest, build: Build) -> Option<Arc<Program>> {
        self.0.programs.get(&(digest, build)).await
    }

    /// Runs a program once. What the guest does is in the report; an error means that it was not run, or not whole.
    pub async fn run(&self, program: &Program, request: RunRequest) -> Result<Report, EngineError> {
        self.run_at(self.place()?, program, request).await
    }

    fn busy(&self) -> EngineError {
        EngineError::Busy(self.0.settings.concurrent_runs)
    }

    /// A place for one run, for whoever is to know that there is one before anything is begun.
    pub fn place(&self) -> Result<RunPlace, EngineError> {
        Arc::clone(&self.0.running).try_acquire_owned().map(RunPlace).map_err(|_| self.busy())
    }

    pub async fn run_at(&self, place: RunPlace, program: &Program, request: RunRequest) -> Result<Report, EngineError> {
        self.run_keeping(place, program, request, None).await
    }

    pub(super) async fn run_keeping(
        &self,
        _place: RunPlace,
        program: &Program,
        request: RunRequest,
        keep: Option<&mut Keep>,
    ) -> Result<Report, EngineError> {
        let fence = self.fence(program.build())?;
        let _beating = self.0.heart.beating();
        match run::run(&fence, program, request, self.0.settings.disk_reserve_bytes, keep).await {
            Err(EngineError::Busy(_)) => Err(self.busy()),
            other => other,
        }
    }

    /// Calls into a session, which is opened by its first call.
    pub async fn call(
        &self,
        _place: RunPlace,
        session: &mut Session,
        request: RunRequest,
    ) -> Result<Report, EngineError> {
        let fence = self.fence(session.program().build())?;
        let _beating = self.0.heart.beating();
        match session.call(&fence, request, self.0.settings.disk_reserve_bytes).await {
            Err(EngineError::Busy(_)) => Err(self.busy()),
            other => other,
        }
    }

    /// The state of a session at rest, for others to go on from, and the fuel that this took.
    pub async fn save(
        &self,
        _place: RunPlace,
        session: &mut Session,
        limits: Limits,
        cancel: CancellationToken,
    ) -> Result<(Result<Option<Arc<Saved>>, Unsaved>, u64), EngineError> {
        let fence = self.fence(session.program().build())?;
        let _beating = self.0.heart.beating();
        match session.save(&fence, limits, cancel).await {
            Err(EngineError::Busy(_)) => Err(self.busy()),
            other => other,
        }
    }

    /// Whether instances come from a pool, for those who want to know how fast they start.
    pub fn is_pooled(&self, build: Build) -> Result<bool, EngineError> {
        Ok(self.fence(build)?.pooled)
    }

    fn fence(&self, build: Build) -> Result<Arc<Fence>, EngineError> {
        let mut fences = self.0.fences.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fence) = fences.get(&build) {
            return Ok(Arc::clone(fence));
        }
        let fence = Fence::raise(build, self.0.settings.concurrent_runs.saturating_add(self.0.settings.live_sessions))
            .map_err(|reason| EngineError::Start(format!("{reason:#}")))?;
        self.0.heart.watch(&fence.engine);
        let fence = Arc::new(fence);
        fences.insert(build, Arc::clone(&fence));
        Ok(fence)
    }

    /// Room among what waits for the compiler, and a turn at it.
    pub(super) async fn compiling(&self, bytes: u64) -> Result<[SemaphorePermit<'_>; 2], EngineError> {
        let kib = u32::try_from(bytes >> 10).unwrap_or(u32::MAX).saturating_add(1);
        let busy = |_| EngineError::CompilerBusy(self.0.settings.waiting_bytes);
        let room = self.0.waiting.try_acquire_many(kib).map_err(busy)?;
        let closed = |_| EngineError::Internal("the compiler is closed".into());
        Ok([room, self.0.compiling.acquire().await.map_err(closed)?])
    }

    async fn prepare(&self, bytes: Bytes, digest: Digest, build: Build) -> Result<Arc<Program>, EngineError> {
        let fence = self.fence(build)?;
        let name = CodeCache::name(&fence.engine, digest, build.flavour);
        let mut rejected = None;
        if let Some(cache) = self.0.cache.clone() {
            let (fence, name) = (Arc::clone(&fence), name.clone());
            match blocking(move || load_kept(&cache, &fence, &name, digest, build)).await? {
                Ok(Some(program)) => return Ok(Arc::new(program)),
                Ok(None) => {}
                Err(reason) => {
                    tracing::warn!(%digest, reason, "compiled code on disk is not to be trusted; compiling anew");
                    rejected = Some(reason);
                }
            }
        }
        let compiled = {
            let _places = self.compiling(u64::try_from(bytes.len()).unwrap_or(u64::MAX)).await?;
            compile(&self.0.settings, bytes, build.flavour).await?
        };
        let cache = self.0.cache.clone();
        let make = move || {
            let component = load_code(&fence.engine, &Code::Made(&compiled.code))
                // Our own code of a moment ago: what can be wrong with it is that the pool has no place so large.
                .map_err(|reason| Refusal::TooDemanding { message: quoted(&format!("{reason:#}"), 400) })?;
            let program = link(&fence, build, &component, digest, &compiled.origins, Origin::Compiled { rejected })?;
            if let Some(cache) = cache
                && let Err(reason) = cache.keep(&name, digest, build.flavour, &compiled)
            {
                tracing::warn!(%digest, %reason, "compiled code could not be kept on disk");
            }
            Ok(program)
        };
        blocking(make).await?.map(Arc::new)
    }
}

/// Loads what the cache holds; `Err` says why it is not to be trusted.
fn load_kept(
    cache: &CodeCache,
    fence: &Fence,
    name: &str,
    digest: Digest,
    build: Build,
) -> Result<Option<Program>, String> {
    let Some(found) = cache.find(name, digest, build.flavour)? else { return Ok(None) };
    let component = load_code(&fence.engine, &Code::Kept(&found)).map_err(|reason| format!("{reason:#}"))?;
    if !found.is_unchanged() {
        return Err("the code was changed while it was read".into());
    }
    let origin = Origin::Cache { file: found.path.clone() };
    link(fence, build, &component, digest, &found.origins, origin).map(Some).map_err(|reason| reason.to_string())
}

fn link(
    fence: &Fence,
    build: Build,
    component: &Component,
    digest: Digest,
    origins: &Origins,
    origin: Origin,
) -> Result<Program, EngineError> {
    let description = Description::new(&fence.engine, component, digest, origins.kind, origins.text)?;
    Program::link(fence, build, component, description, &origins.doors, origin)
}

/// Code that we made. There is no other way to name code to `load_code`.
enum Code<'a> {
    /// By our worker, just now.
    Made(&'a [u8]),
    /// By our worker, and kept under our seal.
    Kept(&'a super::compile::Found),
}

/// The one place where machine code becomes runnable.
///
/// Safety: the runtime trusts what it is given here, so it must be code that a compiler of the same version made
/// and nobody has changed. `Made` came over a pipe from a child that runs this very executable. `Kept` was hashed
/// with our key on the descriptor that is mapped here, from a folder and a file that no other user can write;
/// the caller asks afterwards whether the file was touched in between. Another process of the same user could
/// still write into the mapped file, but such a process could as well write into ours.
#[expect(unsafe_code, reason = "the runtime has no safe way to load compiled code; argued above")]
fn load_code(engine: &wasmtime::Engine, code: &Code<'_>) -> wasmtime::Result<Component> {
    match code {
        Code::Made(bytes) => unsafe { Component::deserialize(engine, bytes) },
        Code::Kept(found) => unsafe { Component::deserialize_file(engine, found.open_path()) },
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EngineError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| EngineError::Internal(error.to_string()))
}
