use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasm_encoder::reencode::{self, Reencode};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use super::super::describe::Kind;
use super::super::error::{Refusal, RefusedImport, quoted};
use super::{MESSAGE, offer};

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
    let module = keep_exit_codes(module).map_err(not_a_component)?;
    let component = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.adapter(PREVIEW1, adapter))
        .and_then(|encoder| encoder.validate(false).encode());
    Ok((component.map_err(not_a_component)?, kind))
}

fn not_a_component(error: anyhow::Error) -> Refusal {
    Refusal::Invalid { message: quoted(&format!("it cannot become a component: {error:#}"), MESSAGE) }
}

/// The adapter turns every exit code but 0 into 1. So `proc_exit` goes past it, to the function of WASI 0.2 that
/// takes the code as it is and has the same type.
fn keep_exit_codes(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    struct PastTheAdapter(bool);

    impl Reencode for PastTheAdapter {
        type Error = wasmparser::BinaryReaderError;

        fn parse_import_section(
            &mut self,
            imports: &mut wasm_encoder::ImportSection,
            section: wasmparser::ImportSectionReader<'_>,
        ) -> Result<(), reencode::Error<Self::Error>> {
            for import in section.into_imports() {
                let import = import?;
                let ty = self.entity_type(import.ty)?;
                if (import.module, import.name) == (PREVIEW1, "proc_exit") {
                    self.0 = true;
                    imports.import(offer::EXIT, "exit-with-code", ty);
                } else {
                    imports.import(import.module, import.name, ty);
                }
            }
            Ok(())
        }
    }

    let mut past = PastTheAdapter(false);
    let mut changed = wasm_encoder::Module::new();
    past.parse_core_module(&mut changed, Parser::new(0), module)?;
    if !past.0 {
        return Ok(module.to_vec());
    }
    let mut changed = changed.finish();
    let (resolve, world) = offer::world("package ringfence:host; world exits { import wasi:cli/exit@0.2.12; }")?;
    embed_component_metadata(&mut changed, &resolve, world, StringEncoding::UTF8)?;
    Ok(changed)
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
