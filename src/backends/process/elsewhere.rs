use super::super::backend::{Backend, BackendName, Pending, Run};
use super::super::claims::Standing;
use super::super::error::BackendError;
use super::settings::ProcessSettings;
use crate::model::Report;

/// Where the kernel has nothing that this is made of.
pub struct Process(());

impl Process {
    pub fn new(_: ProcessSettings) -> Self {
        Self(())
    }
}

impl Backend for Process {
    fn name(&self) -> BackendName {
        BackendName::Process
    }

    fn standing(&self) -> Pending<'_, Standing> {
        let reason = format!(
            "it is built of what Linux has on x86_64 and aarch64, and this is {} on {}; the backend wasm runs here",
            std::env::consts::OS,
            std::env::consts::ARCH
        );
        Box::pin(std::future::ready(Standing::missing(BackendName::Process, reason)))
    }

    fn run(&self, run: Run) -> Pending<'_, Result<Report, BackendError>> {
        Box::pin(async move {
            self.standing().await.check(&run.required, &run.chosen)?;
            Err(BackendError::Internal("a backend that is not there was to run".to_owned()))
        })
    }
}

pub fn serve() -> std::io::Result<()> {
    Err(std::io::Error::other("there is no process backend on this system"))
}
