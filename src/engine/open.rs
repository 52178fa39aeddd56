use std::time::Duration;

use wasmtime::component::{Instance, ResourceTable, Val};
use wasmtime::{CallHook, Store, StoreContextMut, Trap};
use wasmtime_wasi::sockets::WasiSocketsCtx;

use super::error::EngineError;
use super::fence::Fence;
use super::grants::clocks::Clocks;
use super::grants::fs::Files;
use super::grants::input::Input;
use super::grants::output::Sink;
use super::grants::random::Randomness;
use super::meter::Meter;
use super::program::{Function, Program};
use super::run::{Entry, RunRequest};
use super::saved::{self, Alive, Saved, Unsaved};
use super::snapshot::Keep;
use super::state::RunState;
use crate::model::{Captured, Denial, Grants, Limits, Mode, Stream, Usage};

/// How much fuel a run that is ended by its deadline or its caller may have used and not told: about a millisecond of it.
pub const FUEL_TOLD: u64 = 10_000_000;

/// Many times what it takes to copy an instance; one whose library is broken has an end all the same.
const COPY_FUEL: u64 = 1_000_000_000;

/// A store with all that one run holds, and its instance once there is one.
pub(super) struct Open {
    pub(super) store: Store<RunState>,
    instance: Option<Instance>,
}

impl Open {
    /// For a first call.
    pub(super) fn fresh(fence: &Fence, request: RunRequest, disk_reserve_bytes: u64) -> Result<Self, EngineError> {
        let RunRequest {
            entry,
            limits,
            grants,
            mounts,
            mode,
            stdin,
            listener,
            interrupt,
            tools,
            room,
            last,
            set_up,
            ..
        } = request;
        let args = match entry {
            Entry::Command { name } => std::iter::once(name).chain(grants.args).collect(),
            // A snippet has its arguments with its code.
            Entry::Call { .. } | Entry::Snippet(_) => Vec::new(),
        };
        let deterministic = matches!(mode, Mode::Deterministic { .. });
        let files = Files::open(&mounts, deterministic, disk_reserve_bytes)?;
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(limits.resources).unwrap_or(usize::MAX));
        let state = RunState {
            table,
            denials: Vec::new(),
            args,
            meter: Meter::new(limits.clone(), files.disk(), room),
            files,
            env: grants.env,
            stdin: Input::new(stdin),
            stdout: Sink::new(Stream::Stdout, limits.stdout_bytes, listener.clone()),
            stderr: Sink::new(Stream::Stderr, limits.stderr_bytes, listener),
            clocks: match (grants.clocks, deterministic) {
                (false, _) => Clocks::NotGranted,
                (true, false) => Clocks::real(),
                (true, true) => Clocks::stepped(),
            },
            randomness: match (grants.randomness, mode) {
                (false, _) => Randomness::NotGranted,
                (true, Mode::Ordinary) => Randomness::System,
                (true, Mode::Deterministic { seed }) => Randomness::seeded(seed),
            },
            sockets: WasiSocketsCtx::default(),
            interrupt,
            tools,
            last,
            set_up,
        };
        let store = fenced_store(fence, state, &limits).map_err(|reason| EngineError::Start(reason.to_string()))?;
        Ok(Self { store, instance: None })
    }

    /// For one call more: its own fuel, counts, input and listener. What the instance is granted it was granted when it was
    /// opened.
    pub(super) fn renew(&mut self, request: RunRequest) -> Result<(), EngineError> {
        let RunRequest { limits, grants, stdin, listener, interrupt, tools, room, .. } = request;
        let failed = |reason: wasmtime::Error| EngineError::Start(reason.to_string());
        self.store.set_fuel(limits.fuel).map_err(failed)?;
        self.store.set_epoch_deadline(1);
        self.store.set_hostcall_fuel(usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX));
        let resources = usize::try_from(limits.resources).unwrap_or(usize::MAX);
        self.store.set_max_component_handles(resources);
        let state = self.store.data_mut();
        state.table.set_max_capacity(resources);
        state.stdin.renew(stdin)?;
        state.stdout.renew(limits.stdout_bytes, listener.clone());
        state.stderr.renew(limits.stderr_bytes, listener);
        state.meter.renew(limits, room);
        (state.interrupt, state.tools) = (interrupt, tools);
        // What was taken away since is gone for good; nothing comes on top.
        if !grants.clocks {
            state.clocks = Clocks::NotGranted;
        }
        if !grants.randomness {
            state.randomness = Randomness::NotGranted;
        }
        Ok(())
    }

    /// Calls one function after the other, in an instance that is made first where there is none.
    pub(super) async fn call(
        &mut self,
        program: &Program,
        calls: &[(&Function, Vec<Val>)],
        state: Option<&Saved>,
    ) -> wasmtime::Result<Option<Val>> {
        let store = &mut self.store;
        let instance = match self.instance {
            Some(instance) => instance,
            None => {
                let instance = *self.instance.insert(program.pre.instantiate_async(&mut *store).await?);
                if let Some(saved) = state {
                    saved::restore(&mut Alive { store: &mut *store, instance }, program, saved).await?;
                }
                instance
            }
        };
        let mut last = None;
        for (function, params) in calls {
            let target = instance
                .get_func(&mut *store, function.index)
                .ok_or_else(|| wasmtime::format_err!("an exported function is gone from its own instance"))?;
            let mut results = [Val::Bool(false)];
            let results = if function.result.is_some() { &mut results[..] } else { &mut [] };
            target.call_async(&mut *store, params, results).await?;
            last = results.first_mut().map(|value| std::mem::replace(value, Val::Bool(false)));
        }
        Ok(last)
    }

    /// An instance that runs nothing, and could: to see how one begins, or to become like another.
    pub(super) async fn untouched(
        fence: &Fence,
        program: &Program,
        limits: &Limits,
        grants: Grants,
    ) -> wasmtime::Result<Self> {
        let nothing = RunRequest::new(Entry::Command { name: String::new() }, limits.clone(), grants);
        let mut open = Self::fresh(fence, nothing, 0)?;
        open.instance = Some(program.pre.instantiate_async(&mut open.store).await?);
        Ok(open)
    }

    pub(super) fn alive(&mut self) -> wasmtime::Result<Alive<'_>> {
        let instance = self.instance.ok_or_else(|| wasmtime::format_err!("there is no instance"))?;
        Ok(Alive { store: &mut self.store, instance })
    }

    /// What differs from a fresh one. It lets go of the folders that its library has, and asks for them again when it goes
    /// on; else only doors of ours are at work, and none of it is the guest's to pay.
    pub(super) async fn copied(
        &mut self,
        program: &Program,
        fresh: &mut Self,
        limit: u64,
    ) -> wasmtime::Result<Result<Saved, Unsaved>> {
        self.store.set_fuel(COPY_FUEL)?;
        saved::copied(&mut self.alive()?, program, Some(&mut fresh.alive()?), limit).await
    }

    /// Becomes like another, and comes to rest in its stead, which is work of the guest: `keep` has what is left of it then.
    pub(super) async fn rested(
        &mut self,
        program: &Program,
        as_it_was: Saved,
        fresh: &mut Self,
        keep: &mut Keep,
    ) -> wasmtime::Result<Option<Val>> {
        let rested = saved::rested(&mut self.alive()?, program, as_it_was, &mut fresh.alive()?, keep.limit).await?;
        keep.saved = Some(rested);
        Ok(None)
    }

    /// Brings a runtime to rest after its last snippet, and keeps its state.
    pub(super) async fn settled(
        &mut self,
        program: &Program,
        fence: &Fence,
        keep: &mut Keep,
    ) -> wasmtime::Result<Option<Val>> {
        let Some(instance) = self.instance else { return Ok(None) };
        if let Some(path) = self.store.data().files.open_file() {
            keep.saved = Some(Err(saved::has_open(path)));
            return Ok(None);
        }
        saved::settled(Alive { store: &mut self.store, instance }, program, fence, keep).await
    }

    /// For a copy of it: what it may know of the world.
    pub(super) fn grants(&self) -> Grants {
        let state = self.store.data();
        let clocks = !matches!(state.clocks, Clocks::NotGranted);
        Grants { clocks, randomness: !matches!(state.randomness, Randomness::NotGranted), ..Grants::default() }
    }

    pub(super) fn usage(&self, limits: &Limits, wall: Duration, cpu: Duration) -> Usage {
        let state = self.store.data();
        let traffic = state.meter.traffic();
        Usage {
            // Where none is counted, none is spent.
            fuel: self.store.get_fuel().map_or(0, |left| limits.fuel.saturating_sub(left)),
            wall_us: micros(wall),
            cpu_us: micros(cpu),
            peak_memory_bytes: state.meter.memory_peak(),
            host_calls: state.meter.host_calls(),
            bytes_in: traffic.read().saturating_add(state.stdin.taken()),
            bytes_out: traffic.written().saturating_add(state.stdout.len()).saturating_add(state.stderr.len()),
            files_created: state.meter.files_created(),
            tool_calls: state.meter.tool_calls(),
        }
    }

    /// What it wrote and was denied in this call.
    pub(super) fn told(&mut self) -> (Captured, Captured, Vec<Denial>) {
        let state = self.store.data_mut();
        // At rest it holds nothing that was for one call.
        (state.tools, state.interrupt) = (None, None);
        (state.stdout.take(), state.stderr.take(), std::mem::take(&mut state.denials))
    }
}

fn fenced_store(fence: &Fence, state: RunState, limits: &Limits) -> wasmtime::Result<Store<RunState>> {
    let mut store = Store::new(&fence.engine, state);
    store.limiter(|state| &mut state.meter);
    if fence.metered {
        store.set_fuel(limits.fuel)?;
        // Code that is running keeps its count to itself: here it writes it down, so that a run which is ended from
        // outside can say what it used.
        store.fuel_async_yield_interval(Some(FUEL_TOLD))?;
        store.call_hook(charge);
    }
    // Each beat of the heart hands the thread back, so that the deadline is looked at and others get their turn.
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX));
    store.set_max_component_handles(usize::try_from(limits.resources).unwrap_or(usize::MAX));
    Ok(store)
}

/// Takes what a call to the host cost from the guest's fuel, when that very call returns.
///
/// In between the host may call back into the guest to ask for memory, and a beat of the heart may interrupt it there:
/// that is a call to the host as well, and then running code holds a count of its own that must not be overwritten.
/// So calls are told apart by their depth.
fn charge(mut store: StoreContextMut<'_, RunState>, hook: CallHook) -> wasmtime::Result<()> {
    let due = match hook {
        CallHook::CallingHost => {
            store.data_mut().meter.enter();
            return Ok(());
        }
        CallHook::ReturningFromHost => store.data_mut().meter.leave(),
        CallHook::CallingWasm | CallHook::ReturningFromWasm => return Ok(()),
    };
    if due == 0 {
        return Ok(());
    }
    match store.get_fuel()?.checked_sub(due) {
        Some(left) => store.set_fuel(left),
        None => {
            store.set_fuel(0)?;
            Err(Trap::OutOfFuel.into())
        }
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
