use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::sockets::WasiSocketsCtx;

use super::error::quoted;
use super::grants::clocks::Clocks;
use super::grants::fs::Files;
use super::grants::input::Input;
use super::grants::output::Sink;
use super::grants::random::Randomness;
use super::grants::tools::Tools;
use super::meter::Meter;
use crate::model::Denial;

/// Denials of different kinds that one run reports; a guest cannot grow the host by being denied.
const DENIALS: usize = 128;
const OTHERS: &str = "(more paths than can be told one by one)";
const PATH: usize = 400;

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
    pub(super) files: Files,
    pub(super) sockets: WasiSocketsCtx,
    /// Asks a language runtime to end its snippet by itself.
    pub(super) interrupt: Option<CancellationToken>,
    pub(super) tools: Option<Arc<dyn Tools>>,
    /// Whether this is the last call of the instance.
    pub(super) last: bool,
    /// Whether a runtime is made of it after this call.
    pub(super) set_up: bool,
}

/// The guest used what it was not granted, in a place that has no answer for that.
#[derive(Debug, thiserror::Error)]
#[error("{} is not granted", .0.tried)]
pub(super) struct DeniedForGood(pub Denial);

impl RunState {
    /// Writes down that the guest was denied something.
    pub(super) fn deny(&mut self, tried: &str, missing: &str) {
        self.note(tried, None, missing);
    }

    /// The same of a path, as the guest knows it.
    pub(super) fn deny_path(&mut self, tried: &str, path: &str, missing: &str) {
        self.note(tried, Some(path), missing);
    }

    fn note(&mut self, tried: &str, path: Option<&str>, missing: &str) {
        let path = path.map(|path| quoted(path, PATH));
        if self.again(tried, path.as_deref()) {
            return;
        }
        let denial =
            |path, missing: &str| Denial { tried: tried.to_owned(), path, missing: missing.to_owned(), times: 1 };
        if self.denials.len() < DENIALS {
            self.denials.push(denial(path, missing));
        } else if !self.again(tried, Some(OTHERS)) {
            // What there is no room for is counted for each operation, of which there are only so many: nothing that is
            // tried can be buried under other things.
            self.denials.push(denial(Some(OTHERS.to_owned()), "several"));
        }
    }

    /// Counts what is written down already.
    fn again(&mut self, tried: &str, path: Option<&str>) -> bool {
        let known = |denial: &&mut Denial| denial.tried == tried && denial.path.as_deref() == path;
        let found = self.denials.iter_mut().find(known);
        found.map(|denial| denial.times = denial.times.saturating_add(1)).is_some()
    }

    /// Denies where the interface has no error to answer with: the run ends.
    pub(super) fn deny_for_good(&mut self, tried: &str, missing: &str) -> wasmtime::Error {
        self.deny(tried, missing);
        let denial = Denial { tried: tried.to_owned(), path: None, missing: missing.to_owned(), times: 1 };
        wasmtime::Error::new(DeniedForGood(denial))
    }
}
