use rustix::process::Signal;

use crate::model::{LimitName, Limits, Outcome, TrapKind};

/// How a command ended that a signal ended.
pub(super) fn signalled(number: i32, limits: &Limits) -> Outcome {
    if number == Signal::XFSZ.as_raw() {
        return over(LimitName::WrittenBytes, limits);
    }
    let message = match name(number) {
        Some((name, about)) => format!("{name}: {about}"),
        None => format!("signal {number}"),
    };
    Outcome::Trapped { trap: TrapKind::Signal, message, backtrace: Vec::new() }
}

pub(super) fn over(limit: LimitName, limits: &Limits) -> Outcome {
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
