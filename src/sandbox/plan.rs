use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::error::SandboxError;
use super::record::Wants;
use super::tools::ToolAsk;
use crate::backends::BackendName;
use crate::engine::Snippet;
use crate::fs_policy::Rules;
use crate::model::{Ceilings, Digest, Grants, Json, Labels, LimitName, Limits, Mode, Preset, SessionId};
use crate::runtimes::{Runtime, Shelf};
use crate::workspace::WorkspaceName;

/// Which program.
#[derive(Debug, Clone)]
pub enum What {
    /// One that the tenant has submitted.
    Known(Digest),
    /// One that comes along, and is not kept.
    Brought(Bytes),
    /// A language runtime of this host.
    Runtime(Arc<Shelf>, Runtime),
    /// The interpreter of a session of the sandbox that the run is in.
    Session(SessionId),
    /// A command of the machine, by path or by name.
    Native(String),
}

/// What of it is run.
#[derive(Debug, Clone, PartialEq)]
pub enum Wished {
    Command { args: Vec<String> },
    Call { function: String, args: Json },
    Snippet { snippet: Snippet, args: Vec<String> },
}

/// A preset, and numbers on top of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitsAsk {
    pub preset: Option<Preset>,
    pub set: Vec<(LimitName, u64)>,
}

impl LimitsAsk {
    /// Whether a number for this limit was asked for, by its name or with a preset.
    pub(super) fn names(&self, name: LimitName) -> bool {
        self.preset.is_some() || self.set.iter().any(|(set, _)| *set == name)
    }

    /// All that is asked for, before anything is cut. In a sandbox, what nothing was said of is as the sandbox has it.
    pub fn wanted(&self, sandbox: Option<&Limits>) -> Limits {
        let mut limits = match (self.preset, sandbox) {
            (Some(preset), _) => preset.limits(),
            (None, Some(base)) => base.clone(),
            (None, None) => Preset::Small.limits(),
        };
        for &(name, value) in &self.set {
            limits.set(name, value);
        }
        limits
    }
}

/// Files of a workspace for a run or a sandbox, and what may be done with them.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceAsk {
    pub workspace: Option<WorkspaceName>,
    /// Where it is for the guest.
    pub at: String,
    pub rules: Rules,
}

/// All that a caller asks of one run.
#[derive(Debug, Clone)]
pub struct RunAsk {
    pub what: What,
    pub wished: Wished,
    pub env: Vec<(String, String)>,
    pub stdin: Bytes,
    /// `None` leaves it to what the component declares.
    pub clocks: Option<bool>,
    pub randomness: Option<bool>,
    pub limits: LimitsAsk,
    pub mode: Mode,
    pub backend: BackendName,
    /// Limits and rules, by name, without which nothing is to be run.
    pub required: Vec<String>,
    pub labels: Labels,
    /// Files of its own, which are thrown away when it is over; a run in a sandbox has those of the sandbox.
    pub place: Option<PlaceAsk>,
    /// What its code may call.
    pub tools: Vec<ToolAsk>,
}

impl RunAsk {
    /// Whether it is a command of the machine, and no program of ours.
    pub(super) fn is_native(&self) -> bool {
        matches!(self.what, What::Native(_))
    }
}

/// Something that was asked for and not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// A limit, or `clocks`, `randomness`, `ttl_seconds`.
    pub what: String,
    pub asked: u64,
    pub given: u64,
    /// Whose word it is: `tenant` or `component`, `sandbox`.
    pub by: String,
}

impl Cut {
    pub(super) fn new(what: &str, asked: u64, given: u64, by: &str) -> Self {
        Self { what: what.to_owned(), asked, given, by: by.to_owned() }
    }
}

/// The most that may be given: what the tenant may have, and within a sandbox what that was made with.
pub(super) struct Most<'a> {
    pub(super) ceilings: &'a Ceilings,
    pub(super) sandbox: Option<&'a super::record::SandboxSpec>,
}

/// Limits within the ceilings, and what that took away.
pub(super) fn limits(ask: &LimitsAsk, most: &Most<'_>, cut: &mut Vec<Cut>) -> Result<Limits, SandboxError> {
    let base = most.sandbox.map(|spec| &spec.limits);
    for &(name, value) in &ask.set {
        let (least, _) = name.range();
        if value < least {
            return Err(SandboxError::TooLittle { name, asked: value, least });
        }
    }
    let mut limits = ask.wanted(base);
    for &name in LimitName::ALL {
        let by_sandbox = base.map_or(u64::MAX, |base| base.get(name));
        let by_tenant = most.ceilings.limits.get(name);
        let (ceiling, by) = if by_sandbox < by_tenant { (by_sandbox, "sandbox") } else { (by_tenant, "tenant") };
        let asked = limits.get(name);
        if asked > ceiling {
            limits.set(name, ceiling);
            // From whoever left it to us nothing was taken.
            if ask.names(name) {
                cut.push(Cut::new(name.as_str(), asked, ceiling, by));
            }
        }
    }
    limits.check()?;
    Ok(limits)
}

/// The grants: what the component declares, cut by what was asked, cut by what the tenant and the sandbox may have.
pub(super) fn grants(ask: &RunAsk, declared: Wants, most: &Most<'_>, cut: &mut Vec<Cut>) -> Grants {
    let mut one = |what: &str, asked: Option<bool>, tenant: bool, sandbox: bool| -> bool {
        let declared = declares(declared, what);
        // Where nothing is said it is for the program to want it.
        let wanted = asked.unwrap_or(declared);
        let refuses = match () {
            () if !tenant => Some("tenant"),
            () if !sandbox => Some("sandbox"),
            () if !declared => Some("component"),
            () => None,
        };
        if let Some(by) = refuses.filter(|_| wanted) {
            cut.push(Cut::new(what, 1, 0, by));
        }
        wanted && refuses.is_none()
    };
    let spec = most.sandbox;
    let clocks = one("clocks", ask.clocks, most.ceilings.clocks, spec.is_none_or(|spec| spec.clocks));
    let randomness = one("randomness", ask.randomness, most.ceilings.randomness, spec.is_none_or(|s| s.randomness));
    let args = match &ask.wished {
        Wished::Command { args } | Wished::Snippet { args, .. } => args.clone(),
        Wished::Call { .. } => Vec::new(),
    };
    let mut env = spec.map(|spec| spec.env.clone()).unwrap_or_default();
    env.retain(|(name, _)| ask.env.iter().all(|(own, _)| own != name));
    env.extend(ask.env.iter().cloned());
    Grants { args, env, clocks, randomness }
}

fn declares(declared: Wants, grant: &str) -> bool {
    match grant {
        "clocks" => declared.clocks,
        "randomness" => declared.randomness,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::SandboxSpec;
    use super::*;

    fn ask() -> RunAsk {
        RunAsk {
            what: What::Known(Digest::of(b"")),
            wished: Wished::Command { args: Vec::new() },
            env: Vec::new(),
            stdin: Bytes::new(),
            clocks: None,
            randomness: None,
            limits: LimitsAsk::default(),
            mode: Mode::Ordinary,
            backend: BackendName::Wasm,
            required: Vec::new(),
            labels: Labels::new(),
            place: None,
            tools: Vec::new(),
        }
    }

    fn spec() -> SandboxSpec {
        let (limits, rules) = (Preset::Small.limits(), (&Rules { preset: None, rules: Vec::new() }).into());
        let (at, env, cut) = ("/workspace".to_owned(), Vec::new(), Vec::new());
        SandboxSpec { at, rules, limits, clocks: true, randomness: true, env, cut }
    }

    #[test]
    fn what_is_above_the_ceiling_is_cut_and_told() {
        let mut ceilings = Ceilings::ordinary();
        ceilings.limits.fuel = 1_000;
        let most = Most { ceilings: &ceilings, sandbox: None };
        let mut cut = Vec::new();
        let asked = LimitsAsk { preset: None, set: vec![(LimitName::Fuel, 5_000), (LimitName::DeadlineMs, 50)] };
        let given = limits(&asked, &most, &mut cut).unwrap();
        assert_eq!((given.fuel, given.deadline_ms), (1_000, 50));
        assert_eq!(cut, [Cut::new("fuel", 5_000, 1_000, "tenant")]);
        cut.clear();
        let silent = LimitsAsk { preset: None, set: vec![(LimitName::DeadlineMs, 50)] };
        assert_eq!(limits(&silent, &most, &mut cut).unwrap().fuel, 1_000, "it is held all the same");
        assert_eq!(cut, [], "nobody asked for more");
        let preset = LimitsAsk { preset: Some(Preset::Small), set: Vec::new() };
        limits(&preset, &most, &mut cut).unwrap();
        assert_eq!(cut, [Cut::new("fuel", Preset::Small.limits().fuel, 1_000, "tenant")]);
        let too_little = LimitsAsk { preset: None, set: vec![(LimitName::Fuel, 0)] };
        assert_eq!(limits(&too_little, &most, &mut cut).unwrap_err().code(), "bad_limits");
    }

    #[test]
    fn a_grant_needs_the_component_the_caller_and_the_tenant() {
        let declared = Wants { clocks: true, randomness: false };
        let mut ceilings = Ceilings::ordinary();
        let mut cut = Vec::new();
        let given = grants(&ask(), declared, &Most { ceilings: &ceilings, sandbox: None }, &mut cut);
        assert!(given.clocks && !given.randomness && cut.is_empty());
        let mut explicit = ask();
        explicit.randomness = Some(true);
        grants(&explicit, declared, &Most { ceilings: &ceilings, sandbox: None }, &mut cut);
        assert_eq!(cut, [Cut::new("randomness", 1, 0, "component")]);
        ceilings.clocks = false;
        cut.clear();
        let given = grants(&ask(), declared, &Most { ceilings: &ceilings, sandbox: None }, &mut cut);
        assert!(!given.clocks);
        assert_eq!(cut, [Cut::new("clocks", 1, 0, "tenant")], "the program wants it");
        // What neither the program nor the caller wants is not cut, whoever would not give it.
        (ceilings.randomness, ceilings.clocks) = (false, true);
        let none = SandboxSpec { randomness: false, ..spec() };
        for sandbox in [None, Some(&none)] {
            cut.clear();
            let given = grants(&ask(), declared, &Most { ceilings: &ceilings, sandbox }, &mut cut);
            assert!(given.clocks && !given.randomness && cut.is_empty(), "{cut:?}");
        }
    }
}
