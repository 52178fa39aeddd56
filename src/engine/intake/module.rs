use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::super::describe::Kind;
use super::super::error::{Refusal, RefusedImport, quoted};
use super::MESSAGE;

/// Turns a core module into a component: through the preview-1 adapter, and along the description that
/// `wit-bindgen` leaves in a module where there is one.
pub(super) fn to_component(module: &[u8]) -> Result<(Vec<u8>, Kind), Refusal> {
    let facts = Facts::of(module);
    if !facts.imports.is_empty() && !facts.described {
        return Err(Refusal::Imports { imports: facts.imports });
    }
    let (adapter, kind) = match (facts.start, facts.described) {
        (true, _) => (COMMAND, Kind::CommandModule),
        (false, true) => (REACTOR, Kind::ReactorModule),
        (false, false) => return Err(Refusal::NothingToRun),
    };
    let component = ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.adapter(PREVIEW1, adapter))
        .and_then(|encoder| encoder.validate(false).encode());
    match component {
        Ok(component) => Ok((component, kind)),
        Err(error) => {
            Err(Refusal::Invalid { message: quoted(&format!("it cannot become a component: {error:#}"), MESSAGE) })
        }
    }
}

struct Facts {
    start: bool,
    described: bool,
    /// Imports that are not of preview 1.
    imports: Vec<RefusedImport>,
}

impl Facts {
    fn of(module: &[u8]) -> Self {
        let mut facts = Facts { start: false, described: false, imports: Vec::new() };
        // The module is valid already: what does not read here was not there.
        for payload in Parser::new(0).parse_all(module).map_while(Result::ok) {
            match payload {
                Payload::ImportSection(section) => {
                    for import in section.into_imports().map_while(Result::ok) {
                        if import.module != PREVIEW1 {
                            facts.imports.push(RefusedImport {
                                name: quoted(&format!("{}.{}", import.module, import.name), MESSAGE),
                                reason: who_offers(import.module).into(),
                            });
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    facts.start |= section.into_iter().map_while(Result::ok).any(|export| export.name == "_start");
                }
                Payload::CustomSection(section) => {
                    facts.described |= section.name().starts_with("component-type");
                }
                _ => {}
            }
        }
        facts
    }
}

/// What offers the imports that people meet most; the way out where there is one.
fn who_offers(module: &str) -> &'static str {
    match module {
        "wasi_unstable" => "preview 0 of WASI, which nothing offers any more; build with a current toolchain",
        "wasix_32v1" | "wasix_64v1" => "WASIX, offered by Wasmer; build for wasm32-wasip1",
        "env" => {
            "what Emscripten or a linker without WASI expects from its own host; build for wasm32-wasip1 or wasip2"
        }
        "go" | "gojs" => "Go's JavaScript host; build with GOOS=wasip1",
        "wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" => {
            "wasm-bindgen's JavaScript glue; build for wasm32-wasip2"
        }
        "wasi_nn" | "wasi_ephemeral_nn" => "WASI-NN, which needs devices that guests are not given",
        _ => "not an interface of WASI preview 1, the only one that a core module may import",
    }
}
