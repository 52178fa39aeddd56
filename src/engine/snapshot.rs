use bytes::Bytes;

use super::compile;
use super::error::EngineError;
use super::host::Engine;
use super::program::Program;
use super::run::RunRequest;
use super::saved::{Saved, Unsaved};
use crate::model::{Digest, Report};

/// What became of a set-up.
#[derive(Debug)]
pub struct Snapshot {
    /// How it ended.
    pub report: Report,
    /// The runtime as it is after it: a component like the one that it was made from. `None` where the set-up did not come
    /// to its end, or not well.
    pub component: Option<Result<Vec<u8>, Unsaved>>,
}

/// What is to be kept of a run that ends well.
pub(super) struct Keep {
    /// All that there is, or what differs from a fresh instance.
    pub(super) whole: bool,
    pub(super) limit: u64,
    pub(super) saved: Option<Result<Saved, Unsaved>>,
}

impl Engine {
    /// Runs a snippet and keeps the state that it leaves behind, up to so many bytes, for others to go on from: what differs from
    /// a fresh instance. `None` where it did not come to its end, or not well.
    pub async fn run_and_save(
        &self,
        program: &Program,
        request: RunRequest,
        limit: u64,
    ) -> Result<(Report, Option<Result<Saved, Unsaved>>), EngineError> {
        let mut keep = Keep { whole: false, limit, saved: None };
        let report = self.run_keeping(self.place()?, program, request, Some(&mut keep)).await?;
        Ok((report, keep.saved))
    }

    /// Runs a snippet in a runtime, whose component this is, and makes a runtime of what that leaves behind.
    ///
    /// The set-up is a run like any other, with its limits and grants, up to the reading of its memory. What it chose is
    /// bounded by `memory_bytes` in the host, and by `module_bytes` in what comes out. The component is taken apart and put
    /// together again by a compile worker.
    pub async fn snapshot(
        &self,
        program: &Program,
        component: impl Into<Bytes>,
        request: RunRequest,
    ) -> Result<Snapshot, EngineError> {
        let component: Bytes = component.into();
        let same = component.clone();
        let digest = tokio::task::spawn_blocking(move || Digest::of(&same)).await;
        if digest.map_err(|error| EngineError::Internal(error.to_string()))? != program.description().digest {
            return Err(EngineError::Internal("a snapshot of another program was asked for".into()));
        }
        let mut keep = Keep { whole: true, limit: request.limits.memory_bytes, saved: None };
        let report = self.run_keeping(self.place()?, program, request, Some(&mut keep)).await?;
        let component = match keep.saved {
            None => None,
            Some(Err(reason)) => Some(Err(reason)),
            Some(Ok(saved)) => {
                let bytes = u64::try_from(component.len()).unwrap_or(u64::MAX).saturating_add(saved.bytes());
                let _places = self.compiling(bytes).await?;
                let flavour = program.build().flavour;
                Some(Ok(compile::image(self.settings(), &component, flavour, &saved).await?))
            }
        };
        Ok(Snapshot { report, component })
    }
}
