use std::collections::{BTreeSet, HashMap};

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{EntityType, ValType};
use wasmparser::{Encoding, ExternalKind, Instance, Parser, Payload};

/// What is handed over at once must fit into the first page of a memory, which each has.
const MOST: usize = 8_000;

/// What lets go of the streams and folders that the C library has, and drops their handles.
pub(super) const LET_GO: &str = "__wasilibc_reset_preopens";
/// What makes the preview-1 adapter forget those that it has, and drops none.
pub(super) const FORGET: &str = "reset_adapter_state";

type Wrong = String;

fn wrong(error: impl std::fmt::Display) -> Wrong {
    error.to_string()
}

/// Splits off what wizer appended: all from the module that it added, which is given as well.
pub(super) fn without_reader(exported: &[u8], modules: u32) -> Result<(&[u8], &[u8]), Wrong> {
    let mut depth = 0u32;
    let mut found = 0;
    for payload in Parser::new(0).parse_all(exported) {
        match payload.map_err(wrong)? {
            Payload::ModuleSection { unchecked_range, .. } => {
                found += u32::from(depth == 0);
                if depth == 0 && found > modules {
                    // Its length stands before it, and what kind of section it is before that.
                    let start = unchecked_range.start.checked_sub(1 + leb_bytes(unchecked_range.len()));
                    let kept = start.and_then(|start| exported.get(..start));
                    return kept.zip(exported.get(unchecked_range)).ok_or_else(|| "it ends early".to_owned());
                }
                depth += 1;
            }
            Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Err("nothing reads its state".into())
}

fn leb_bytes(value: usize) -> usize {
    std::iter::successors(Some(value), |value| Some(value >> 7)).skip(1).take_while(|value| *value > 0).count() + 1
}

/// A memory or a mutable global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Part {
    Global(ValType),
    Memory,
}

/// Where one is.
pub(super) struct Placed {
    pub(super) instance: u32,
    pub(super) name: String,
    pub(super) ty: EntityType,
    kind: Part,
}

/// All that there is of state.
pub(super) struct Parts(Vec<Placed>);

impl Parts {
    /// What the module imports that reads it all.
    pub(super) fn of(reader: &[u8]) -> Result<Self, Wrong> {
        let mut parts = Vec::new();
        for payload in Parser::new(0).parse_all(reader) {
            let Payload::ImportSection(section) = payload.map_err(wrong)? else { continue };
            for import in section.into_imports() {
                let import = import.map_err(wrong)?;
                let instance = import.module.parse().map_err(wrong)?;
                let ty = RoundtripReencoder.entity_type(import.ty).map_err(wrong)?;
                parts.push(Placed { instance, name: import.name.to_owned(), kind: kind(&ty)?, ty });
            }
        }
        if !parts.iter().any(|part| part.kind == Part::Memory) {
            return Err("it has no memory".into());
        }
        if parts.len() > MOST {
            return Err(format!("it has more than {MOST} globals"));
        }
        Ok(Self(parts))
    }

    pub(super) fn all(&self) -> &[Placed] {
        &self.0
    }

    pub(super) fn kinds(&self) -> Vec<Part> {
        self.0.iter().map(|part| part.kind).collect()
    }

    pub(super) fn memories(&self) -> impl Iterator<Item = (u32, &str)> {
        self.0.iter().filter(|part| part.kind == Part::Memory).map(|part| (part.instance, part.name.as_str()))
    }

    pub(super) fn globals(&self) -> impl Iterator<Item = ValType> {
        self.0.iter().filter_map(|part| match part.kind {
            Part::Global(ty) => Some(ty),
            Part::Memory => None,
        })
    }

    /// The core instances that have a part of it, or a function that is called.
    pub(super) fn instances(&self, facts: &Facts) -> BTreeSet<u32> {
        let called = facts.let_go.iter().map(|(instance, _)| *instance);
        self.0.iter().map(|part| part.instance).chain(called).collect()
    }
}

fn kind(ty: &EntityType) -> Result<Part, Wrong> {
    match ty {
        EntityType::Memory(memory) if memory.memory64 || memory.shared || memory.page_size_log2.is_some() => {
            Err("one of its memories is of an uncommon kind".into())
        }
        EntityType::Memory(memory) if memory.minimum == 0 => Err("one of its memories begins empty".into()),
        EntityType::Memory(_) => Ok(Part::Memory),
        EntityType::Global(global) => match global.val_type {
            ty @ (ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64) => Ok(Part::Global(ty)),
            _ => Err("one of its globals is no number".into()),
        },
        _ => Err("a part of its state is neither memory nor global".into()),
    }
}

/// What else has to be known of a component.
pub(super) struct Facts {
    /// No code runs while an instance is made.
    pub(super) steady: bool,
    /// Core instances and their functions that let go.
    pub(super) let_go: Vec<(u32, &'static str)>,
}

impl Facts {
    pub(super) fn of(component: &[u8]) -> Result<Self, Wrong> {
        let mut depth = 0u32;
        let mut modules = 0u32;
        let mut instances = 0u32;
        let mut instance_of = HashMap::new();
        let mut found = Vec::new();
        let mut steady = true;
        for payload in Parser::new(0).parse_all(component) {
            match payload.map_err(wrong)? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                // It stands first in each module.
                Payload::Version { encoding: Encoding::Module, .. } => modules += 1,
                Payload::StartSection { .. } => steady = false,
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.map_err(wrong)?;
                        let name = [LET_GO, FORGET].into_iter().find(|name| *name == export.name);
                        let function = export.kind == ExternalKind::Func;
                        found.extend(name.filter(|_| function).map(|name| (modules.saturating_sub(1), name)));
                    }
                }
                Payload::InstanceSection(section) if depth == 0 => {
                    for instance in section {
                        if let Instance::Instantiate { module_index, .. } = instance.map_err(wrong)? {
                            instance_of.insert(module_index, instances);
                        }
                        instances += 1;
                    }
                }
                _ => {}
            }
        }
        let placed = |(module, name)| Some((*instance_of.get(&module)?, name));
        Ok(Self { steady, let_go: found.into_iter().filter_map(placed).collect() })
    }
}
