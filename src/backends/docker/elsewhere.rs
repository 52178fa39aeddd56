use super::super::backend::{Backend, BackendName, Pending, Run};
use super::super::claims::Standing;
use super::super::error::BackendError;
use super::settings::DockerSettings;
use crate::model::Report;

/// Where an engine runs in a machine of its own, which sees no folder of this one.
pub struct Docker(());

impl Docker {
    pub fn new(_: DockerSettings) -> Self {
        Self(())
    }
}

impl Backend for Docker {
    fn name(&self) -> BackendName {
        BackendName::Docker
    }

    fn standing(&self) -> Pending<'_, Standing> {
        let reason = format!(
            "it needs an engine of this very machine, which is a Linux on x86_64 or aarch64, and this is {} on {}; the \
             backend wasm runs here",
            std::env::consts::OS,
            std::env::consts::ARCH
        );
        Box::pin(std::future::ready(Standing::missing(BackendName::Docker, reason)))
    }

    fn run(&self, run: Run) -> Pending<'_, Result<Report, BackendError>> {
        Box::pin(async move {
            self.standing().await.check(&run.required, &run.chosen)?;
            Err(BackendError::Internal("a backend that is not there was to run".to_owned()))
        })
    }
}

pub fn serve() -> std::io::Result<()> {
    Err(std::io::Error::other("there is no docker backend on this system"))
}
