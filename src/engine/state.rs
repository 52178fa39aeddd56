use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtx;
use wasmtime_wasi::sockets::WasiSocketsCtx;

use super::grants::clocks::Clocks;
use super::grants::input::Input;
use super::grants::output::Sink;
use super::grants::random::Randomness;
use super::meter::Meter;
use crate::model::Denial;

/// Denials of different kinds that one run reports; a guest cannot grow the host by being denied.
const DENIALS: usize = 64;

/// What the host holds for one run, and drops with it.
pub(super) struct RunState {
    pub(super) table: ResourceTable,
    pub(super) meter: Meter,
    pub(super) denials: Vec<Denial>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) stdin: Input,
    pub(super) stdout: Arc<Sink>,
    pub(super) stderr: Arc<Sink>,
    pub(super) clocks: Clocks,
    pub(super) randomness: Randomness,
    pub(super) files: WasiFilesystemCtx,
    pub(super) sockets: WasiSocketsCtx,
    /// In deterministic mode: what a file is called instead of its number on this disk.
    pub(super) file_numbers: Option<HashMap<(u64, u64), u64>>,
}

/// The guest used what it was not granted, in a place that has no answer for that.
#[derive(Debug, thiserror::Error)]
#[error("{} is not granted", .0.tried)]
pub(super) struct DeniedForGood(pub Denial);

impl RunState {
    /// Writes down that the guest was denied something.
    pub(super) fn deny(&mut self, tried: &str, missing: &str) {
        if let Some(denial) = self.denials.iter_mut().find(|d| d.tried == tried) {
            denial.times = denial.times.saturating_add(1);
        } else if self.denials.len() < DENIALS {
            self.denials.push(Denial { tried: tried.to_owned(), missing: missing.to_owned(), times: 1 });
        }
    }

    /// Denies where the interface has no error to answer with: the run ends.
    pub(super) fn deny_for_good(&mut self, tried: &str, missing: &str) -> wasmtime::Error {
        self.deny(tried, missing);
        let denial = Denial { tried: tried.to_owned(), missing: missing.to_owned(), times: 1 };
        wasmtime::Error::new(DeniedForGood(denial))
    }
}
