use std::collections::HashSet;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER as COMMAND,
    WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as REACTOR,
};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{MemoryType, SectionId};
use wasmparser::{Parser, Payload, TypeRef};
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
    let module = past_the_adapter(module, &facts).map_err(not_a_component)?;
    let component = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.adapter(PREVIEW1, adapter))
        .and_then(|encoder| encoder.validate(false).encode());
    Ok((component.map_err(not_a_component)?, kind))
}

fn not_a_component(error: anyhow::Error) -> Refusal {
    Refusal::Invalid { message: quoted(&format!("it cannot become a component: {error:#}"), MESSAGE) }
}

/// Where an import of preview 1 goes that the adapter would spoil: it turns every exit code but 0 into 1, and traps
/// at the use of a socket, where the guest should hear no and the report should say so. Both sides have the same
/// core type.
fn detour(import: &str) -> Option<(&'static str, &'static str)> {
    match import {
        "proc_exit" => Some((offer::EXIT, "exit-with-code")),
        "sock_accept" => Some((offer::SOCKETS, "sock-accept")),
        "sock_recv" => Some((offer::SOCKETS, "sock-recv")),
        "sock_send" => Some((offer::SOCKETS, "sock-send")),
        "sock_shutdown" => Some((offer::SOCKETS, "sock-shutdown")),
        _ => None,
    }
}

fn past_the_adapter(module: &[u8], facts: &Facts) -> anyhow::Result<Vec<u8>> {
    struct Past {
        detours: bool,
        /// The adapter works in the module's memory, so that there must be one.
        wants_memory: bool,
        adds_memory: bool,
    }

    impl Reencode for Past {
        type Error = wasmparser::BinaryReaderError;

        fn intersperse_section_hook(
            &mut self,
            module: &mut wasm_encoder::Module,
            _: Option<SectionId>,
            before: Option<SectionId>,
        ) -> Result<(), reencode::Error<Self::Error>> {
            use SectionId::{Function, Import, Table, Type};
            if self.wants_memory && !matches!(before, Some(Type | Import | Function | Table)) {
                self.wants_memory = false;
                let mut memories = wasm_encoder::MemorySection::new();
                memories.memory(MemoryType {
                    minimum: 1,
                    maximum: None,
                    memory64: false,
                    shared: false,
                    page_size_log2: None,
                });
                module.section(&memories);
                self.detours = true;
            }
            Ok(())
        }

        fn parse_export_section(
            &mut self,
            exports: &mut wasm_encoder::ExportSection,
            section: wasmparser::ExportSectionReader<'_>,
        ) -> Result<(), reencode::Error<Self::Error>> {
            reencode::utils::parse_export_section(self, exports, section)?;
            if self.adds_memory {
                exports.export("memory", wasm_encoder::ExportKind::Memory, 0);
            }
            Ok(())
        }

        fn parse_import_section(
            &mut self,
            imports: &mut wasm_encoder::ImportSection,
            section: wasmparser::ImportSectionReader<'_>,
        ) -> Result<(), reencode::Error<Self::Error>> {
            for import in section.into_imports() {
                let import = import?;
                let ty = self.entity_type(import.ty)?;
                match detour(import.name).filter(|_| import.module == PREVIEW1) {
                    Some((module, name)) => {
                        self.detours = true;
                        imports.import(module, name, ty);
                    }
                    None => {
                        imports.import(import.module, import.name, ty);
                    }
                }
            }
            Ok(())
        }
    }

    let mut past = Past { detours: false, wants_memory: !facts.has_memory, adds_memory: !facts.has_memory };
    let mut changed = wasm_encoder::Module::new();
    past.parse_core_module(&mut changed, Parser::new(0), module)?;
    if !past.detours {
        return Ok(module.to_vec());
    }
    let mut changed = changed.finish();
    let (resolve, world) = offer::world("import wasi:cli/exit@0.2.12; import preview1-sockets;")?;
    embed_component_metadata(&mut changed, &resolve, world, StringEncoding::UTF8)?;
    Ok(changed)
}

struct Facts {
    start: bool,
    has_memory: bool,
    described: bool,
    /// Imports that are not of preview 1.
    imports: Vec<RefusedImport>,
}

impl Facts {
    fn of(module: &[u8]) -> Self {
        let mut facts = Facts { start: false, has_memory: false, described: false, imports: Vec::new() };
        let adapted = exports(COMMAND);
        // The module is valid already: what does not read here was not there.
        for payload in Parser::new(0).parse_all(module).map_while(Result::ok) {
            match payload {
                Payload::ImportSection(section) => {
                    for import in section.into_imports().map_while(Result::ok) {
                        facts.has_memory |= matches!(import.ty, TypeRef::Memory(_));
                        let reason = match import.module {
                            PREVIEW1 if adapted.contains(&import.name) => continue,
                            PREVIEW1 => "not a function of WASI preview 1",
                            other => who_offers(other),
                        };
                        facts.imports.push(RefusedImport {
                            name: quoted(&format!("{}.{}", import.module, import.name), MESSAGE),
                            reason: reason.into(),
                        });
                    }
                }
                Payload::MemorySection(section) => facts.has_memory |= section.count() > 0,
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

/// The names that a module exports.
fn exports(module: &'static [u8]) -> HashSet<&'static str> {
    let mut names = HashSet::new();
    for payload in Parser::new(0).parse_all(module).map_while(Result::ok) {
        if let Payload::ExportSection(section) = payload {
            names.extend(section.into_iter().map_while(Result::ok).map(|export| export.name));
        }
    }
    names
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
