use std::sync::LazyLock;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};

use super::super::intake::OFFERED;

/// Ours, of what decides what code a program becomes. The lock file stands for all that is not ours.
const SOURCES: [&str; 12] = [
    env!("CARGO_PKG_VERSION"),
    include_str!("../../../Cargo.lock"),
    include_str!("../fence.rs"),
    include_str!("../intake/bulk.rs"),
    include_str!("../intake/doors/module.rs"),
    include_str!("../intake/doors/open.rs"),
    include_str!("../intake/doors/parts.rs"),
    include_str!("../intake/image.rs"),
    include_str!("../intake/mod.rs"),
    include_str!("../intake/module.rs"),
    include_str!("../intake/offer.rs"),
    include_str!("worker.rs"),
];

/// Which build of ours runs a program: another one may spend other fuel on the same.
pub fn build_name() -> String {
    format!("{}/{:.16}", env!("CARGO_PKG_VERSION"), makers())
}

/// Changes whenever the same program could become other code: then old code is not found, and a worker of another
/// build is not believed.
pub(super) fn makers() -> &'static str {
    static MAKERS: LazyLock<String> = LazyLock::new(|| {
        let adapters = [WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER];
        let texts = SOURCES.into_iter().chain(OFFERED.into_iter().map(|(_, text)| text)).map(str::as_bytes);
        let mut all = blake3::Hasher::new();
        for part in texts.chain(adapters) {
            all.update(&part.len().to_le_bytes()).update(part);
        }
        all.finalize().to_hex().to_string()
    });
    &MAKERS
}
