use std::time::Duration;

use wasmtime::component::{ResourceTableError, Val};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::error::{EngineError, quoted};
use super::intake::OURS;
use super::meter::LimitHit;
use super::state::{DeniedForGood, RunState};
use crate::model::{Frame, LimitName, Limits, Outcome, TrapKind};

const MESSAGE: usize = 400;
const NAME: usize = 200;

/// How the guest stopped being polled.
pub(super) enum End {
    Own(wasmtime::Result<Option<Val>>),
    /// With the time that had passed.
    Deadline(Duration),
    Cancelled,
    Panic(String),
}

/// How a run ended, but for what it returned, which is still to be written down.
pub(super) enum Ended {
    Is(Outcome),
    Returned(Option<Val>),
}

/// Says in our words how a run ended.
pub(super) fn of(end: End, store: &Store<RunState>, is_command: bool) -> Result<Ended, EngineError> {
    let limits = store.data().meter.limits();
    Ok(Ended::Is(match end {
        End::Own(Ok(Some(Val::Result(result)))) if is_command => Outcome::Exited { code: u8::from(result.is_err()) },
        End::Own(Ok(value)) => return Ok(Ended::Returned(value)),
        End::Own(Err(error)) => of_error(&error, store)?,
        End::Deadline(used) => deadline(limits, used),
        End::Cancelled => Outcome::Cancelled,
        End::Panic(text) => return Err(EngineError::Internal(quoted(&text, MESSAGE))),
    }))
}

pub(super) fn limit(hit: LimitHit) -> Outcome {
    Outcome::LimitExceeded { limit: hit.name, value: hit.value, used: hit.used }
}

pub(super) fn deadline(limits: &Limits, used: Duration) -> Outcome {
    Outcome::DeadlineExceeded {
        limit_ms: limits.deadline_ms,
        used_ms: u64::try_from(used.as_millis()).unwrap_or(u64::MAX),
    }
}

fn of_error(error: &wasmtime::Error, store: &Store<RunState>) -> Result<Outcome, EngineError> {
    let meter = &store.data().meter;
    let limits = meter.limits();
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        // A code is eight bits wide on the outside, as everywhere.
        return Ok(Outcome::Exited { code: u8::try_from(exit.0 & 0xff).unwrap_or(u8::MAX) });
    }
    if let Some(hit) = error.downcast_ref::<LimitHit>() {
        return Ok(limit(*hit));
    }
    if let Some(denied) = error.downcast_ref::<DeniedForGood>() {
        return Ok(Outcome::Denied { denial: denied.0.clone() });
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return Err(EngineError::Busy(0));
    }
    let over = |name: LimitName| {
        let value = limits.get(name);
        Outcome::LimitExceeded { limit: name, value, used: value.saturating_add(1) }
    };
    if matches!(error.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full)) {
        return Ok(over(LimitName::Resources));
    }
    let text = format!("{error:#}");
    let trap = error.downcast_ref::<Trap>().copied();
    match trap {
        Some(Trap::OutOfFuel) => return Ok(Outcome::OutOfFuel { limit: limits.fuel, used: limits.fuel }),
        Some(Trap::StackOverflow) => return Ok(over(LimitName::StackBytes)),
        _ => {}
    }
    // The runtime has no types for these.
    for (words, name) in [
        ("fuel allocated for hostcalls has been exhausted", LimitName::HostcallBytes),
        ("resource limit exceeded: instance", LimitName::Instances),
        ("resource limit exceeded: memory", LimitName::Instances),
        ("resource limit exceeded: table", LimitName::Instances),
        ("handle limit exceeded", LimitName::Resources),
    ] {
        if trap.is_none() && text.contains(words) {
            return Ok(over(name));
        }
    }
    // Memory was refused and then the guest gave up or fell over the missing piece: that is why.
    let gave_up = matches!(trap, None | Some(Trap::UnreachableCodeReached | Trap::MemoryOutOfBounds));
    if let Some(requested) = meter.memory_refused()
        && gave_up
    {
        return Ok(Outcome::OutOfMemory {
            limit_bytes: limits.memory_bytes,
            used_bytes: meter.memory_bytes(),
            requested_bytes: requested,
        });
    }
    let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
    let message = match trap {
        Some(trap) => trap.to_string(),
        None => quoted(&error.root_cause().to_string(), MESSAGE),
    };
    Ok(Outcome::Trapped { trap: trap.map_or(TrapKind::BadCall, kind), message, backtrace })
}

fn frames(backtrace: &WasmBacktrace) -> Vec<Frame> {
    let frame = |frame: &wasmtime::FrameInfo| Frame {
        module: frame.module().name().map(|name| quoted(name, NAME)),
        function: frame
            .symbols()
            .iter()
            .find_map(|symbol| symbol.name())
            .or_else(|| frame.func_name())
            .map(|name| quoted(name, NAME)),
        function_index: frame.func_index(),
    };
    let own = |frame: &Frame| frame.function.as_deref() != Some(OURS);
    backtrace.frames().iter().map(frame).filter(own).collect()
}

fn kind(trap: Trap) -> TrapKind {
    match trap {
        Trap::UnreachableCodeReached => TrapKind::Unreachable,
        Trap::MemoryOutOfBounds => TrapKind::MemoryOutOfBounds,
        Trap::TableOutOfBounds => TrapKind::TableOutOfBounds,
        Trap::IndirectCallToNull => TrapKind::IndirectCallToNull,
        Trap::BadSignature => TrapKind::BadSignature,
        Trap::IntegerOverflow => TrapKind::IntegerOverflow,
        Trap::IntegerDivisionByZero => TrapKind::IntegerDivisionByZero,
        Trap::BadConversionToInteger => TrapKind::BadConversionToInteger,
        Trap::HeapMisaligned => TrapKind::UnalignedAccess,
        Trap::CannotEnterComponent
        | Trap::CannotLeaveComponent
        | Trap::InvalidChar
        | Trap::StringOutOfBounds
        | Trap::ListOutOfBounds
        | Trap::InvalidDiscriminant
        | Trap::UnalignedPointer => TrapKind::BadCall,
        _ => TrapKind::Other,
    }
}
