use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::SandboxError;
use super::hall::Hall;
use super::plan::{Cut, RunAsk};
use super::record::Worth;
use crate::backends::{Backend, BackendError, BackendName, Claim, Holds, Program, Run, Standing, Wasm};
use crate::engine::{Engine, Entry, RunRequest};
use crate::model::{Grants, LimitName, Mode, Report};

/// What may fence the runs of a service: what it was told to offer, and nothing else.
pub struct Fences(Vec<Arc<dyn Backend>>);

impl Fences {
    pub const fn new(offered: Vec<Arc<dyn Backend>>) -> Self {
        Self(offered)
    }

    /// The engine alone.
    pub fn only_ours(engine: &Engine) -> Self {
        Self(vec![Arc::new(Wasm::new(engine.clone()))])
    }

    /// What each is worth here.
    pub async fn standings(&self) -> Vec<Standing> {
        let mut standings = Vec::new();
        for backend in &self.0 {
            standings.push(backend.standing().await);
        }
        standings
    }

    /// The one of this name, and never another.
    fn get(&self, name: BackendName) -> Result<&Arc<dyn Backend>, SandboxError> {
        let offered = || self.0.iter().map(|backend| backend.name().as_str()).collect();
        let found = self.0.iter().find(|backend| backend.name() == name);
        found.ok_or_else(|| SandboxError::NotOffered { name, offered: offered() })
    }
}

/// The fence that was asked for: it is offered, it is here, and it holds what it must.
pub(super) struct Fence {
    backend: Arc<dyn Backend>,
    /// Nothing of the engine where nothing was required: it holds all that can be asked for.
    standing: Option<Standing>,
    required: Vec<String>,
    chosen: Vec<LimitName>,
}

impl Hall {
    /// What runs can be fenced with here, of what is offered.
    pub async fn fences(&self) -> Vec<Standing> {
        self.inner().fences.standings().await
    }

    /// Refuses by name what cannot be had of the fence that was asked for; no other is taken in its place.
    pub(super) async fn fence(&self, ask: &RunAsk) -> Result<Fence, SandboxError> {
        let backend = Arc::clone(self.inner().fences.get(ask.backend)?);
        fits(ask)?;
        let required: BTreeSet<&String> = ask.required.iter().collect();
        let required: Vec<String> = required.into_iter().cloned().collect();
        let chosen: Vec<LimitName> = ask.limits.set.iter().map(|(name, _)| *name).collect();
        if !ask.is_native() && required.is_empty() {
            return Ok(Fence { backend, standing: None, required, chosen });
        }
        let standing = backend.standing().await;
        standing.check(&[], &[]).map_err(at("backend"))?;
        standing.check(&required, &[]).map_err(at("require"))?;
        for limit in &chosen {
            standing.check(&[], &[*limit]).map_err(at(&format!("limits.{limit}")))?;
        }
        Ok(Fence { backend, standing: Some(standing), required, chosen })
    }
}

fn at(field: &str) -> impl FnOnce(BackendError) -> SandboxError {
    let field = Some(field.to_owned());
    move |error| SandboxError::Backend { field, error }
}

/// Each backend knows one kind of program.
fn fits(ask: &RunAsk) -> Result<(), SandboxError> {
    let (backend, ours) = (ask.backend, ask.backend == BackendName::Wasm);
    if ours == ask.is_native() {
        let (field, runs) = if ours {
            ("backend", "WebAssembly, not commands of the machine; name a component")
        } else {
            ("component", "commands of the machine, not WebAssembly; leave the component out and write a `command`")
        };
        return Err(at(field)(BackendError::WrongProgram { backend, runs }));
    }
    if !ours && ask.mode != Mode::Ordinary {
        let message = format!("the machine gives a command of the backend {backend} its own time and randomness");
        return Err(SandboxError::Invalid { field: "deterministic", message });
    }
    Ok(())
}

impl Fence {
    /// What of all that it could hold it does not, and what was not to be missing.
    pub(super) fn worth(&self) -> Option<Worth> {
        let standing = self.standing.as_ref()?;
        let all_that = |holds| standing.claims.iter().filter(move |claim: &&Claim| claim.holds == holds);
        let names = |holds| all_that(holds).map(|claim| claim.name.to_owned()).collect();
        Some(Worth { required: self.required.clone(), partly: names(Holds::Partly), not_held: names(Holds::No) })
    }

    /// Of a limit that is not held nothing was taken.
    pub(super) fn forget_cuts(&self, cut: &mut Vec<Cut>) {
        let Some(standing) = &self.standing else { return };
        let is_held = |name: &str| standing.claims.iter().any(|claim| claim.name == name && claim.holds != Holds::No);
        let is_limit = |name: &str| LimitName::ALL.iter().any(|limit| limit.as_str() == name);
        cut.retain(|cut| !is_limit(&cut.what) || is_held(&cut.what));
    }

    /// What is withheld has to be held.
    pub(super) fn withholds(&self, grants: &Grants) -> Result<(), SandboxError> {
        let Some(standing) = &self.standing else { return Ok(()) };
        for (name, granted) in [("clocks", grants.clocks), ("randomness", grants.randomness)] {
            if !granted {
                standing.check(&[name.to_owned()], &[]).map_err(at(name))?;
            }
        }
        Ok(())
    }

    /// Runs a command of the machine, and returns when nothing of it is left.
    pub(super) async fn run(self, request: RunRequest) -> Result<Report, SandboxError> {
        let RunRequest { entry, limits, grants, mut mounts, stdin, listener, cancel, .. } = request;
        // Who builds a fence is in a folder of its own.
        for mount in &mut mounts {
            let whole = std::path::absolute(&mount.host);
            mount.host = whole.map_err(|error| SandboxError::Internal(error.to_string()))?;
        }
        let Entry::Command { name } = entry else {
            return Err(SandboxError::Internal("a command of the machine has no functions".into()));
        };
        let places: Vec<_> =
            mounts.iter().map(|mount| (mount.host.display().to_string(), mount.guest.clone())).collect();
        let mut run = Run::new(Program::Command(name), limits, grants);
        (run.mounts, run.stdin, run.listener, run.cancel) = (mounts, stdin, listener, cancel);
        (run.required, run.chosen) = (self.required, self.chosen);
        let done = self.backend.run(run).await;
        done.map_err(|error| SandboxError::Backend { field: None, error: as_inside(error, &places) })
    }
}

/// Folders are told of by the names that the caller knows: where they are on the machine is nobody's business.
fn as_inside(error: BackendError, places: &[(String, String)]) -> BackendError {
    let told = |text: String| places.iter().fold(text, |text, (host, guest)| text.replace(host.as_str(), guest));
    match error {
        BackendError::Folder(text) => BackendError::Folder(told(text)),
        BackendError::WriteBack(text) => BackendError::WriteBack(told(text)),
        other => other,
    }
}
