use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a sandbox is in its life.
///
/// ```text
///          make           stop            extend, files, diff, apply, discard: while it is ready or stopped
///   making ─────▶ ready ─────────▶ stopped
///     │             │               │
///     └─────────────┴── destroy, expire ──▶ gone
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxState {
    /// It is written down so that a crash leaves nothing behind, and nobody can find it yet.
    Making,
    /// Runs may work in it.
    Ready,
    /// Its files are there, and nothing runs in it any more.
    Stopped,
    /// Its time is over or somebody ended it; its files are gone or about to be.
    Gone,
}

/// What may be done with a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Make,
    Run,
    ReadFiles,
    WriteFiles,
    Extend,
    Apply,
    Discard,
    Stop,
    Destroy,
    Expire,
}

impl Move {
    pub const ALL: [Move; 10] = [
        Move::Make,
        Move::Run,
        Move::ReadFiles,
        Move::WriteFiles,
        Move::Extend,
        Move::Apply,
        Move::Discard,
        Move::Stop,
        Move::Destroy,
        Move::Expire,
    ];

    const fn words(self) -> &'static str {
        match self {
            Move::Make => "make it",
            Move::Run => "run anything in it",
            Move::ReadFiles => "read its files",
            Move::WriteFiles => "write its files",
            Move::Extend => "extend its time",
            Move::Apply => "apply its changes",
            Move::Discard => "discard its changes",
            Move::Stop => "stop it",
            Move::Destroy => "destroy it",
            Move::Expire => "let it expire",
        }
    }
}

/// Something that cannot be done with a sandbox as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox is {state}: you cannot {}", .asked.words())]
pub struct IllegalMove {
    pub state: SandboxState,
    pub asked: Move,
}

impl SandboxState {
    pub const ALL: [SandboxState; 4] =
        [SandboxState::Making, SandboxState::Ready, SandboxState::Stopped, SandboxState::Gone];

    pub const fn as_str(self) -> &'static str {
        match self {
            SandboxState::Making => "making",
            SandboxState::Ready => "ready",
            SandboxState::Stopped => "stopped",
            SandboxState::Gone => "gone",
        }
    }

    /// Where a move leads, or why it leads nowhere.
    pub const fn after(self, asked: Move) -> Result<SandboxState, IllegalMove> {
        use Move as M;
        use SandboxState as S;
        match (self, asked) {
            (S::Making, M::Make) => Ok(S::Ready),
            (S::Ready, M::Run | M::ReadFiles | M::WriteFiles | M::Extend | M::Apply | M::Discard) => Ok(S::Ready),
            (S::Stopped, M::ReadFiles | M::Extend | M::Apply | M::Discard) => Ok(S::Stopped),
            (S::Ready | S::Stopped, M::Stop) => Ok(S::Stopped),
            (S::Making | S::Ready | S::Stopped, M::Destroy | M::Expire) => Ok(S::Gone),
            (S::Stopped, M::Run | M::WriteFiles) | (S::Ready | S::Stopped, M::Make) | (S::Making | S::Gone, _) => {
                Err(IllegalMove { state: self, asked })
            }
        }
    }
}

impl fmt::Display for SandboxState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for SandboxState {
    type Err = crate::model::BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = crate::model::BadId { kind: "state of a sandbox", shape: "making, ready, stopped or gone" };
        SandboxState::ALL.into_iter().find(|state| state.as_str() == text).ok_or(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_stays_gone_and_what_is_stopped_runs_no_more() {
        for asked in Move::ALL {
            assert_eq!(SandboxState::Gone.after(asked), Err(IllegalMove { state: SandboxState::Gone, asked }));
            assert_ne!(SandboxState::Stopped.after(asked), Ok(SandboxState::Ready), "{asked:?}");
            let ends = matches!(asked, Move::Make | Move::Destroy | Move::Expire);
            assert_eq!(SandboxState::Making.after(asked).is_ok(), ends, "{asked:?}");
        }
        let refused = SandboxState::Stopped.after(Move::Run).unwrap_err();
        assert_eq!(refused.to_string(), "the sandbox is stopped: you cannot run anything in it");
        assert_eq!(SandboxState::Ready.after(Move::Stop), Ok(SandboxState::Stopped));
        assert_eq!(SandboxState::Ready.after(Move::Run), Ok(SandboxState::Ready));
    }
}
