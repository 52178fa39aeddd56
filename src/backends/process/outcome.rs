use super::super::signals::{over, signalled};
use super::order::{Ended, How};
use crate::model::{Limits, Outcome};

/// Says in our words how a command ended, where the host did not end it.
pub(super) fn of(ended: &Ended, limits: &Limits) -> Outcome {
    if let Some((limit, used)) = ended.over {
        return Outcome::LimitExceeded { limit, value: limits.get(limit), used };
    }
    match ended.how {
        How::Exited(code) => match (code, ended.full) {
            // It gave up, and its files had no room left: that is why.
            (1.., Some(name)) => over(name, limits),
            _ => Outcome::Exited { code },
        },
        How::Signal(number) => signalled(number, limits),
        How::Deadline => {
            Outcome::DeadlineExceeded { limit_ms: limits.deadline_ms, used_ms: ended.wall_us.div_ceil(1_000) }
        }
        How::Memory { used_bytes } => {
            Outcome::OutOfMemory { limit_bytes: limits.memory_bytes, used_bytes, requested_bytes: used_bytes }
        }
        How::Stopped => Outcome::Cancelled,
    }
}
