use rustix::process::Signal;

use super::order::{Ended, How};
use crate::model::{LimitName, Limits, Outcome, TrapKind};

/// Says in our words how a command ended, where the host did not end it.
pub(super) fn of(ended: &Ended, limits: &Limits) -> Outcome {
    match ended.how {
        How::Exited(code) => match (code, ended.full) {
            // It gave up, and its files had no room left: that is why.
            (1.., Some(name)) => over(name, limits),
            _ => Outcome::Exited { code },
        },
        How::Signal(number) if number == Signal::XFSZ.as_raw() => over(LimitName::WrittenBytes, limits),
        How::Signal(number) => {
            let message = match name(number) {
                Some((name, about)) => format!("{name}: {about}"),
                None => format!("signal {number}"),
            };
            Outcome::Trapped { trap: TrapKind::Signal, message, backtrace: Vec::new() }
        }
        How::Deadline => {
            Outcome::DeadlineExceeded { limit_ms: limits.deadline_ms, used_ms: ended.wall_us.div_ceil(1_000) }
        }
        How::Memory { used_bytes } => {
            Outcome::OutOfMemory { limit_bytes: limits.memory_bytes, used_bytes, requested_bytes: used_bytes }
        }
        How::Stopped => Outcome::Cancelled,
    }
}

fn over(limit: LimitName, limits: &Limits) -> Outcome {
    let value = limits.get(limit);
    Outcome::LimitExceeded { limit, value, used: value.saturating_add(1) }
}

fn name(number: i32) -> Option<(&'static str, &'static str)> {
    let signal = Signal::from_named_raw(number)?;
    Some(match signal {
        Signal::ABORT => ("SIGABRT", "it gave up"),
        Signal::SEGV => ("SIGSEGV", "it used memory that it does not have"),
        Signal::BUS => ("SIGBUS", "it used memory that is not there"),
        Signal::ILL => ("SIGILL", "it came to an instruction that there is none of"),
        Signal::FPE => ("SIGFPE", "it divided by zero, or the like"),
        Signal::SYS => ("SIGSYS", "it made a system call that there is none of"),
        Signal::KILL => ("SIGKILL", "it was killed"),
        Signal::TERM => ("SIGTERM", "it was asked to end"),
        Signal::PIPE => ("SIGPIPE", "nobody reads what it writes"),
        Signal::XCPU => ("SIGXCPU", "it used all of its processor time"),
        _ => return None,
    })
}
