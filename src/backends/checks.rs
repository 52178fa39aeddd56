//! What is wrong with a run of a native command, whatever fences it: found out before anything starts.

use std::collections::BTreeSet;
use std::path::{Component, Path};
use std::time::Instant;

use super::backend::Run;
use super::error::BackendError;
use super::streams::Hit;
use crate::engine::{Mount, Stdin};
use crate::model::{Captured, LimitName, Limits, Outcome, Report, Usage};

/// Where commands find what is ours; no folder of a guest's goes there.
const OURS: [&str; 4] = ["/dev", "/etc", "/proc", "/sys"];

/// What has to be held: what is asked for, and what is to be withheld.
pub(super) fn required(run: &Run) -> Vec<String> {
    let mut required: BTreeSet<&str> = run.required.iter().map(String::as_str).collect();
    required.extend((!run.grants.clocks).then_some("clocks"));
    required.extend((!run.grants.randomness).then_some("randomness"));
    required.into_iter().map(str::to_owned).collect()
}

/// Input that is given whole is looked at before anything starts.
pub(super) fn check_input(program: &str, run: &Run, limits: &Limits) -> Result<(), Hit> {
    let over = |name: LimitName, used: usize| {
        let (value, used) = (limits.get(name), u64::try_from(used).unwrap_or(u64::MAX));
        if used > value { Err(Hit { name, value, used }) } else { Ok(()) }
    };
    let args = run.grants.args.iter().map(|arg| arg.len() + 1).sum::<usize>();
    over(LimitName::ArgsBytes, program.len() + args)?;
    over(LimitName::EnvBytes, run.grants.env.iter().map(|(name, value)| name.len() + value.len() + 2).sum())?;
    match &run.stdin {
        Stdin::Bytes(bytes) => over(LimitName::StdinBytes, bytes.len()),
        Stdin::Empty | Stdin::Live(_) => Ok(()),
    }
}

pub(super) fn never_started(hit: Hit, start: Instant) -> Report {
    let wall_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    Report {
        outcome: Outcome::LimitExceeded { limit: hit.name, value: hit.value, used: hit.used },
        usage: Usage { wall_us, ..Usage::default() },
        stdout: Captured::default(),
        stderr: Captured::default(),
        denials: Vec::new(),
    }
}

/// The kernel ends words at a zero byte: what comes after it would be lost in silence.
pub(super) fn check_words(command: &[String], env: &[(String, String)]) -> Result<(), BackendError> {
    let pairs = env.iter().flat_map(|(name, value)| [name, value]);
    if command.iter().chain(pairs).any(|word| word.contains('\0')) {
        return Err(BackendError::Command("a word of it, or of its environment, holds a zero byte".to_owned()));
    }
    Ok(())
}

/// Folders have places of their own, not within one another nor within what is ours.
pub(super) fn check_places(mounts: &[Mount]) -> Result<(), BackendError> {
    let within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    for (index, mount) in mounts.iter().enumerate() {
        let guest = mount.guest.as_str();
        let plain = Path::new(guest).components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !plain || !guest.starts_with('/') || guest == "/" {
            return Err(BackendError::Folder(format!(
                "{guest}: a folder goes to an absolute path below / here, as in --dir ./data::/data"
            )));
        }
        if let Some(ours) = OURS.iter().find(|ours| within(guest, ours)) {
            return Err(BackendError::Folder(format!(
                "{guest} is within {ours}, which every command has; choose another"
            )));
        }
        let others = mounts.iter().skip(index + 1).map(|other| other.guest.as_str());
        if let Some(other) = others.into_iter().find(|other| within(other, guest) || within(guest, other)) {
            return Err(BackendError::Folder(format!("{guest} and {other} are within one another; give each its own")));
        }
    }
    Ok(())
}
