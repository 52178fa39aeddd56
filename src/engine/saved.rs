use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, Val, WasmList};
use wasmtime::{Store, Trap};

use super::error::{CallError, quoted};
use super::fence::Fence;
use super::intake::DESK;
use super::open::Open;
use super::program::{Program, Reached};
use super::snapshot::Keep;
use super::snippet::SETTLE;
use super::state::RunState;
use crate::model::{Digest, Grants, show_bytes};

/// What is compared, and kept or not.
const PIECE: usize = 4 << 10;
const NOTHING: [u8; PIECE] = [0; PIECE];
const PAGE_BYTES: u64 = 64 << 10;
const WORDS: usize = 400;

/// The whole state of an instance of a language runtime that is at rest: its globals, and its memories as far as they differ
/// from those of a new one, or from nothing. There is nothing else: no code runs, its tables never change, and what it held
/// of the host it has let go of.
#[derive(Debug, Clone)]
pub struct Saved {
    of: Digest,
    shape: Shape,
    content: Vec<u8>,
}

/// How the bytes are to be read: first the globals, then each run of each memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shape {
    pub(super) globals_bytes: u32,
    pub(super) memories: Vec<Memory>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    pages: u32,
    /// Where bytes go, and how many.
    pub(super) runs: Vec<(u32, u32)>,
}

impl Memory {
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.pages) * PAGE_BYTES
    }
}

/// Why a state is not kept. Words of the guest are escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsaved {
    #[error("the state of this runtime cannot be saved: {0}")]
    NoDoors(String),
    #[error("the state cannot be saved: {0}")]
    Refused(String),
    #[error("its copy did not come to rest: {0}")]
    Restless(&'static str),
    #[error("the state takes more than {}", show_bytes(*.limit))]
    TooLarge { limit: u64 },
}

impl Unsaved {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        match self {
            Unsaved::NoDoors(_) => "not_saveable",
            Unsaved::Refused(_) | Unsaved::Restless(_) => "not_at_rest",
            Unsaved::TooLarge { .. } => "state_too_large",
        }
    }
}

impl Saved {
    pub fn bytes(&self) -> u64 {
        let runs: usize = self.shape.memories.iter().map(|memory| memory.runs.len()).sum();
        u64::try_from(self.content.len() + runs * size_of::<(u32, u32)>()).unwrap_or(u64::MAX)
    }

    /// Whether a program is the one that it is a state of.
    pub(super) fn check(&self, program: &Program) -> Result<(), CallError> {
        let same = program.description().digest == self.of;
        if same && program.doors().is_ok() { Ok(()) } else { Err(CallError::OtherState) }
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }
}

/// A store and an instance in it.
pub(super) struct Alive<'a> {
    pub(super) store: &'a mut Store<RunState>,
    pub(super) instance: Instance,
}

impl Alive<'_> {
    async fn call<P, R>(&mut self, door: ComponentExportIndex, params: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let function = self.instance.get_func(&mut *self.store, door).ok_or_else(gone)?;
        function.typed::<P, R>(&*self.store)?.call_async(&mut *self.store, params).await
    }

    /// A whole memory is lifted as one list: allowed as far as the run has memory, and only here.
    async fn tell<R>(&mut self, door: ComponentExportIndex) -> wasmtime::Result<R>
    where
        R: Lift + Send + Sync + 'static,
    {
        let usual = self.store.hostcall_fuel();
        let most = self.store.data().meter.memory_bytes().saturating_add(PAGE_BYTES);
        self.store.set_hostcall_fuel(usize::try_from(most).unwrap_or(usize::MAX));
        let told = self.call::<(), (R,)>(door, ()).await;
        self.store.set_hostcall_fuel(usual);
        Ok(told?.0)
    }

    /// Lets go of the streams and folders that the C library has. It asks for them again.
    async fn let_go(&mut self, doors: &Reached) -> wasmtime::Result<()> {
        self.call::<(), ()>(doors.let_go, ()).await
    }

    /// Makes the adapter forget the handles that it has, which are of this instance, or of the one whose memory it got. They
    /// are not dropped: of one that is to go on they would be left over.
    async fn forget(&mut self, doors: &Reached) -> wasmtime::Result<()> {
        self.call::<(), ()>(doors.forget, ()).await
    }
}

pub(super) fn has_open(path: &str) -> Unsaved {
    Unsaved::Refused(format!("a file is open: {}", quoted(path, WORDS)))
}

/// Brings a runtime to rest; an error says what it cannot let go of.
pub(super) async fn settle(alive: &mut Alive<'_>, program: &Program) -> wasmtime::Result<Result<(), Unsaved>> {
    let Ok(settle) = program.runtime(SETTLE) else {
        return Ok(Err(Unsaved::NoDoors("it does not settle".into())));
    };
    let (settled,) = alive.call::<(), (Result<(), String>,)>(settle.index, ()).await?;
    Ok(settled.map_err(|reason| Unsaved::Refused(quoted(&reason, WORDS))))
}

/// Brings a runtime to rest after its last snippet, and keeps its state.
pub(super) async fn settled(
    mut alive: Alive<'_>,
    program: &Program,
    fence: &Fence,
    keep: &mut Keep,
) -> wasmtime::Result<Option<Val>> {
    let settled = settle(&mut alive, program).await?;
    keep.saved = Some(match settled {
        Ok(()) if keep.whole => save(&mut alive, program, None, keep.limit).await?,
        Ok(()) => {
            let limits = alive.store.data().meter.limits().clone();
            let mut fresh = Open::untouched(fence, program, &limits, Grants::default()).await?;
            save(&mut alive, program, Some(&mut fresh.alive()?), keep.limit).await?
        }
        Err(reason) => Err(reason),
    });
    Ok(None)
}

/// Makes an instance that has run nothing come to rest in the stead of another, of which this is a copy.
pub(super) async fn rested(
    alive: &mut Alive<'_>,
    program: &Program,
    as_it_was: Saved,
    fresh: &mut Alive<'_>,
    limit: u64,
) -> wasmtime::Result<Result<Saved, Unsaved>> {
    restore(alive, program, &as_it_was).await?;
    drop(as_it_was);
    if let Ok(doors) = program.doors() {
        alive.forget(doors).await?;
    }
    match settle(alive, program).await? {
        Ok(()) => save(alive, program, Some(fresh), limit).await,
        Err(reason) => Ok(Err(reason)),
    }
}

/// Saves an instance that has come to rest, and is not to go on. What is kept is what differs from `fresh`, another instance
/// of the same program that has run nothing, or all that is not zero.
pub(super) async fn save(
    alive: &mut Alive<'_>,
    program: &Program,
    fresh: Option<&mut Alive<'_>>,
    limit: u64,
) -> wasmtime::Result<Result<Saved, Unsaved>> {
    if let Ok(doors) = program.doors() {
        alive.forget(doors).await?;
    }
    copied(alive, program, fresh, limit).await
}

/// The same of one that goes on afterwards.
pub(super) async fn copied(
    alive: &mut Alive<'_>,
    program: &Program,
    mut fresh: Option<&mut Alive<'_>>,
    limit: u64,
) -> wasmtime::Result<Result<Saved, Unsaved>> {
    let doors = match program.doors() {
        Ok(doors) if doors.steady || fresh.is_none() => doors,
        Ok(_) => return Ok(Err(Unsaved::NoDoors("code runs at the start of each instance".into()))),
        Err(reason) => return Ok(Err(Unsaved::NoDoors(reason.to_owned()))),
    };
    if let Some(path) = alive.store.data().files.open_file() {
        return Ok(Err(has_open(path)));
    }
    alive.let_go(doors).await?;
    let mut content = alive.tell::<Vec<u8>>(doors.tell).await?;
    let mut shape = Shape { globals_bytes: narrow(content.len())?, memories: Vec::new() };
    // Where the globals stand while they are taken: what was there must come back.
    let mut always = usize::try_from(DESK)? + content.len();
    for memory in &doors.memories {
        let now = alive.tell::<WasmList<u8>>(memory.read).await?;
        let base = match &mut fresh {
            Some(fresh) => Some((fresh.tell::<WasmList<u8>>(memory.read).await?, &*fresh.store)),
            None => None,
        };
        let base = base.as_ref().map_or(&[][..], |(list, store)| list.as_le_slice(*store));
        match differing(now.as_le_slice(&*alive.store), base, std::mem::take(&mut always), &mut content, limit) {
            Some(memory) => shape.memories.push(memory),
            None => return Ok(Err(Unsaved::TooLarge { limit })),
        }
    }
    Ok(Ok(Saved { of: program.description().digest, shape, content }))
}

/// Makes an instance that has run nothing go on from a state. It still has to be told whose it is (`prepare`).
pub(super) async fn restore(alive: &mut Alive<'_>, program: &Program, saved: &Saved) -> wasmtime::Result<()> {
    let doors = program.doors().map_err(|reason| wasmtime::format_err!("it has no doors: {reason}"))?;
    saved.check(program)?;
    let (globals, mut rest) = split(&saved.content, saved.shape.globals_bytes)?;
    for (index, (memory, door)) in saved.shape.memories.iter().zip(&doors.memories).enumerate() {
        let size = u64::try_from(alive.tell::<WasmList<u8>>(door.read).await?.as_le_slice(&*alive.store).len())?;
        let missing = memory.bytes().checked_sub(size).ok_or_else(|| wasmtime::format_err!("a memory is too large"))?;
        let (grown,) = alive.call::<_, (u32,)>(door.grow, (narrow(missing / PAGE_BYTES)?,)).await?;
        if grown == u32::MAX {
            // As a guest that is refused memory and gives up.
            return Err(Trap::UnreachableCodeReached.into());
        }
        let mut to = Vec::with_capacity(memory.runs.len() + 1);
        if index == 0 {
            to.push((DESK, globals));
        }
        for (at, length) in &memory.runs {
            let (bytes, left) = split(rest, *length)?;
            rest = left;
            to.push((*at, bytes));
        }
        let nexts = to.iter().skip(1).map(|(at, _)| *at).chain([0]);
        if let Some((first, _)) = to.first() {
            alive.call::<_, ()>(doors.aim, (*first,)).await?;
        }
        let write = alive.instance.get_func(&mut *alive.store, door.write).ok_or_else(gone)?;
        let write = write.typed::<(&[u8], u32), ()>(&*alive.store)?;
        for (turn, ((_, bytes), next)) in to.iter().zip(nexts).enumerate() {
            write.call_async(&mut *alive.store, (bytes, next)).await?;
            if index == 0 && turn == 0 {
                alive.call::<(), ()>(doors.take, ()).await?;
            }
        }
    }
    Ok(())
}

/// The pieces of a memory that differ from another, which is as long or shorter, and in any case the first `always` bytes.
/// `None` where that is too much.
fn differing(now: &[u8], base: &[u8], always: usize, content: &mut Vec<u8>, limit: u64) -> Option<Memory> {
    let mut memory = Memory { pages: narrow(now.len() >> 16).ok()?, runs: Vec::new() };
    let mut known = base.chunks(PIECE);
    for (index, piece) in now.chunks(PIECE).enumerate() {
        let at = index * PIECE;
        let is_same = known.next().unwrap_or(&NOTHING) == piece;
        if is_same && at >= always {
            continue;
        }
        if u64::try_from(content.len() + piece.len()).unwrap_or(u64::MAX) > limit {
            return None;
        }
        content.extend_from_slice(piece);
        let (Ok(at), Ok(length)) = (narrow(at), narrow(piece.len())) else { return None };
        match memory.runs.last_mut() {
            Some((start, before)) if *start + *before == at => *before += length,
            _ => memory.runs.push((at, length)),
        }
    }
    Some(memory)
}

fn gone() -> wasmtime::Error {
    wasmtime::format_err!("a door is gone from its own instance")
}

fn split(bytes: &[u8], length: u32) -> wasmtime::Result<(&[u8], &[u8])> {
    let parts = bytes.split_at_checked(usize::try_from(length)?);
    parts.ok_or_else(|| wasmtime::format_err!("the state ends early"))
}

fn narrow<T: TryInto<u32>>(number: T) -> wasmtime::Result<u32> {
    number.try_into().map_err(|_| wasmtime::format_err!("a state of 4 GiB or more"))
}
