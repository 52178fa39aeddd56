use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::Mistake;
use crate::engine::{Build, Engine, EngineError, Program, Refusal};

/// Reads a program from a file, or from standard input where the file is called `-`; no more than the engine
/// would look at.
pub(super) fn read(file: &Path, limit: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = limit.saturating_add(1);
    let from = |reason| Mistake::File { file: file.display().to_string(), reason };
    if file == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(from)?;
    } else {
        let source = std::fs::File::open(file).map_err(from)?;
        let size = source.metadata().map_err(from)?.len();
        if size > limit {
            return Err(EngineError::from(Refusal::TooLarge { bytes: size, limit }).into());
        }
        bytes.reserve(usize::try_from(size).unwrap_or(0));
        source.take(most).read_to_end(&mut bytes).map_err(from)?;
    }
    Ok(bytes)
}

/// Loads a program, and shows on a terminal that compiling takes its time.
pub(super) async fn load(engine: &Engine, bytes: impl Into<Bytes>, build: Build) -> Result<Arc<Program>, EngineError> {
    let bytes: Bytes = bytes.into();
    let size = bytes.len();
    let load = engine.load(bytes, build);
    if !std::io::stderr().is_terminal() {
        return load.await;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(
        ProgressStyle::with_template("{spinner} compiling, once: {msg}, {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.set_message(format!("{} kB", size / 1_000));
    let mut load = std::pin::pin!(load);
    // Most programs are ready before anybody could read this.
    let loaded = match tokio::time::timeout(Duration::from_millis(200), &mut load).await {
        Ok(loaded) => loaded,
        Err(_) => {
            bar.enable_steady_tick(Duration::from_millis(100));
            load.await
        }
    };
    bar.finish_and_clear();
    loaded
}
