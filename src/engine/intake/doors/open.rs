use serde::{Deserialize, Serialize};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, Component, ComponentAliasSection, ComponentExportKind,
    ComponentExportSection, ComponentInstanceSection, ComponentTypeSection, ComponentValType, ExportKind,
    InstanceSection, ModuleArg, ModuleSection, PrimitiveValType,
};
use wasmparser::types::TypesRef;
use wasmtime_wizer::{ComponentContext, Wizer};

use super::module;
use super::parts::{Facts, Part, Parts, without_reader};

/// The instance by which the engine reaches the state of a runtime.
pub(in super::super::super) const DOORS: &str = "ringfence:engine/doors";

/// Whether the state of its instances can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super::super) enum Doors {
    /// It is no runtime.
    None,
    /// With `steady` each new instance is like any other, so that what differs from one is the whole state.
    Made { steady: bool },
    /// Why not.
    Impossible(String),
}

/// Appends the doors to a valid component, whose types these are.
pub(in super::super) fn put_in(component: &[u8], types: TypesRef<'_>) -> Result<(Vec<u8>, bool), String> {
    let (_, exported) = instrument(component)?;
    let (kept, reader) = without_reader(&exported, types.module_count())?;
    let parts = Parts::of(reader)?;
    let facts = Facts::of(component)?;
    let mut changed = kept.to_vec();
    // A component without its first eight bytes is a run of sections.
    let sections = appended(&parts, &facts, types).finish();
    changed.extend(sections.get(8..).unwrap_or_default());
    Ok((changed, facts.steady))
}

/// The first half of taking an image.
pub(in super::super) fn instrument(component: &[u8]) -> Result<(ComponentContext<'_>, Vec<u8>), String> {
    Wizer::new().instrument_component(component).map_err(|error| format!("{error:#}"))
}

/// The memories and globals in the order in which an image is taken of them.
pub(in super::super) fn parts(exported: &[u8], modules: u32) -> Result<Vec<Part>, String> {
    let (_, reader) = without_reader(exported, modules)?;
    Ok(Parts::of(reader)?.kinds())
}

/// How a door is lifted: its name, its core function, and what that works with.
struct Door {
    name: String,
    takes: Vec<ComponentValType>,
    gives: Option<ComponentValType>,
    memory: Option<u32>,
    done: Option<&'static str>,
}

impl Door {
    fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), takes: Vec::new(), gives: None, memory: None, done: None }
    }
}

fn appended(parts: &Parts, facts: &Facts, types: TypesRef<'_>) -> Component {
    let number = ComponentValType::Primitive(PrimitiveValType::U32);
    let bytes = ComponentValType::Type(types.component_type_count());
    let memory = |index: u32| types.memory_count() + index;
    let mut doors = vec![
        Door { gives: Some(bytes), memory: Some(memory(0)), done: Some("told"), ..Door::plain("tell") },
        Door::plain("take"),
        Door::plain("let-go"),
        Door::plain("forget"),
        Door { takes: vec![number], ..Door::plain("aim") },
    ];
    for (index, _) in (0..).zip(parts.memories()) {
        let at = Some(memory(index));
        doors.push(Door { gives: Some(bytes), memory: at, done: Some("read"), ..Door::plain(&format!("read{index}")) });
        doors.push(Door { takes: vec![bytes, number], memory: at, ..Door::plain(&format!("write{index}")) });
        doors.push(Door { takes: vec![number], gives: Some(number), ..Door::plain(&format!("grow{index}")) });
    }
    wrapped(&doors, parts, facts, types)
}

/// The core module, an instance of it beside those that are there, and its functions as those of an exported instance.
fn wrapped(doors: &[Door], parts: &Parts, facts: &Facts, types: TypesRef<'_>) -> Component {
    let mut component = Component::new();
    component.section(&ModuleSection(&module::make(parts, facts)));
    let mut instances = InstanceSection::new();
    let used = parts.instances(facts);
    instances.instantiate(
        types.module_count(),
        used.iter().map(|instance| (instance.to_string(), ModuleArg::Instance(*instance))),
    );
    component.section(&instances);

    let ours = types.core_instance_count();
    let mut aliases = ComponentAliasSection::new();
    for (instance, name) in parts.memories() {
        aliases.alias(Alias::CoreInstanceExport { instance, kind: ExportKind::Memory, name });
    }
    let mut functions = types.function_count();
    let mut alias = |name: &str| {
        aliases.alias(Alias::CoreInstanceExport { instance: ours, kind: ExportKind::Func, name });
        functions += 1;
        functions - 1
    };
    let room = alias("room");
    let mut component_types = ComponentTypeSection::new();
    component_types.defined_type().list(ComponentValType::Primitive(PrimitiveValType::U8));
    let mut lifts = CanonicalFunctionSection::new();
    let mut items = Vec::new();
    for (index, door) in (0..).zip(doors) {
        let function = alias(&door.name);
        let done = door.done.map(|what| match door.name.strip_prefix(what) {
            Some(memory) => alias(&format!("{what}-done{memory}")),
            None => alias(what),
        });
        let mut options = Vec::new();
        options.extend(door.memory.map(CanonicalOption::Memory));
        options.extend(door.memory.filter(|_| !door.takes.is_empty()).map(|_| CanonicalOption::Realloc(room)));
        options.extend(done.map(CanonicalOption::PostReturn));
        let ty = types.component_type_count() + component_types.len();
        let params = ["it", "next"].into_iter().zip(door.takes.iter().copied());
        component_types.function().params(params.collect::<Vec<_>>()).result(door.gives);
        lifts.lift(function, ty, options);
        items.push((door.name.as_str(), ComponentExportKind::Func, types.component_function_count() + index));
    }
    component.section(&aliases);
    component.section(&component_types);
    component.section(&lifts);
    let mut exported = ComponentInstanceSection::new();
    exported.export_items(items);
    component.section(&exported);
    let mut exports = ComponentExportSection::new();
    exports.export(DOORS, ComponentExportKind::Instance, types.component_instance_count(), None);
    component.section(&exports);
    component
}
