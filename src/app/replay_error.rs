use crate::model::{Digest, RunId};

/// Why a run cannot be run again. What is wrong with the log itself is told as a fault of that.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the audit log knows no run {run}{}", pruned(*first))]
    NoRun { run: RunId, first: u64 },
    #[error("the audit log has no end of {0}: it is still at work, or the service went down meanwhile")]
    NoEnd(RunId),
    #[error("{run} was a command of the machine, fenced by the backend {backend}: the machine is not the same twice")]
    Native { run: RunId, backend: String },
    #[error("{0} was an ordinary run; only one that was asked for as deterministic can be run again")]
    NotDeterministic(RunId),
    #[error("{0} had files, of a workspace or a sandbox, and they are in no record; it cannot be run again")]
    HasFiles(RunId),
    #[error("{0} was made by a version that did not keep what runs were asked for; it cannot be run again")]
    NotKept(RunId),
    #[error("{run} ended as `{outcome}`, which does not come of the program and its input; nothing would show")]
    NotRepeatable { run: RunId, outcome: String },
    #[error("{0} is forgotten: the store does not keep (any more) what it was asked for")]
    Forgotten(RunId),
    #[error("what the store keeps of {run} is not what the audit log says was asked; it differs in: {what}")]
    StoreChanged { run: RunId, what: String },
    #[error(
        "the store tells of {run} otherwise than the audit log, which is what it was held against; it differs in: {}",
        what.join(", ")
    )]
    StoreContradicts { run: RunId, what: Vec<&'static str> },
    #[error("{component}, the component of {run}, is not in the store (any more); give it with --component")]
    NoComponent { run: RunId, component: Digest },
    #[error("the component of {run} cannot be read: {reason}")]
    Component { run: RunId, reason: String },
    #[error("this is {given}, and {run} was one of {component}")]
    OtherComponent { run: RunId, given: Digest, component: Digest },
    #[error(
        "the records of {0} are under no checkpoint (one is signed every few seconds): whoever can write the log could have \
         made them up; wait, or take them as they are with --unsigned"
    )]
    NotSigned(RunId),
    #[error("record {seq} is no record of {run} as a service writes it: {what}")]
    Record { run: RunId, seq: u64, what: String },
    #[error(
        "{run} came out otherwise, but was made by the build {recorded} of the engine, and this is {own}: it may be that; \
         run it again with that build"
    )]
    OtherBuild { run: RunId, recorded: String, own: String },
}

fn pruned(first: u64) -> String {
    if first == 0 { String::new() } else { format!(" (records before {first} were pruned)") }
}

impl ReplayError {
    pub(super) fn record(run: &RunId, seq: u64, what: &str) -> Self {
        Self::Record { run: run.clone(), seq, what: what.to_owned() }
    }

    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        match self {
            ReplayError::NoRun { .. } => "no_run",
            ReplayError::NoEnd(_) => "no_end",
            ReplayError::Native { .. } => "native_run",
            ReplayError::NotDeterministic(_) => "not_deterministic",
            ReplayError::HasFiles(_) => "has_files",
            ReplayError::NotKept(_) => "not_kept",
            ReplayError::NotRepeatable { .. } => "not_repeatable",
            ReplayError::Forgotten(_) => "run_forgotten",
            ReplayError::StoreChanged { .. } => "store_changed",
            ReplayError::StoreContradicts { .. } => "store_contradicts",
            ReplayError::NoComponent { .. } => "no_component",
            ReplayError::Component { .. } => "component_unreadable",
            ReplayError::OtherComponent { .. } => "other_component",
            ReplayError::NotSigned(_) => "not_signed",
            ReplayError::Record { .. } => "bad_record",
            ReplayError::OtherBuild { .. } => "other_build",
        }
    }
}
