use std::collections::HashMap;
use std::fmt::Write as _;

use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentValType, ResourceId,
};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{Parser, Payload, Validator};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, UnresolvedPackageGroup, WorldId};

use super::super::error::{Refusal, RefusedImport, quoted};
use super::MESSAGE;

/// The interfaces that `grants` links, as their authors wrote them.
pub(in super::super) const OFFERED: [(&str, &str); 7] = [
    ("io.wit", include_str!("../../../wit/deps/io.wit")),
    ("clocks.wit", include_str!("../../../wit/deps/clocks.wit")),
    ("random.wit", include_str!("../../../wit/deps/random.wit")),
    ("filesystem.wit", include_str!("../../../wit/deps/filesystem.wit")),
    ("sockets.wit", include_str!("../../../wit/deps/sockets.wit")),
    ("cli.wit", include_str!("../../../wit/deps/cli.wit")),
    ("runtime.wit", include_str!("../../../wit/runtime.wit")),
];

/// The interface that ends a command.
pub(super) const EXIT: &str = "wasi:cli/exit@0.2.12";

/// What we offer ourselves: where the sockets of preview 1 lead, so that their use is denied and recorded like any other.
const OWN: &str = "package ringfence:host@0.1.0;
    interface preview1-sockets {
        sock-accept: func(fd: u32, how: u32, accepted: u32) -> u32;
        sock-recv: func(fd: u32, pieces: u32, count: u32, how: u32, length: u32, told: u32) -> u32;
        sock-send: func(fd: u32, pieces: u32, count: u32, how: u32, length: u32) -> u32;
        sock-shutdown: func(fd: u32, how: u32) -> u32;
    }";
pub(super) const SOCKETS: &str = "ringfence:host/preview1-sockets@0.1.0";

/// Refuses, each by name, the imports that the host does not offer or offers with another type.
///
/// Both sides are components to the same reader: the guest, and one made from the WIT that imports all there is.
/// So two types are the same exactly when they print the same.
pub(super) fn check_imports(component: &[u8], types: &Types) -> Result<(), Refusal> {
    let wanted = Interfaces::of(component, types.as_ref());
    if wanted.0.is_empty() {
        return Ok(());
    }
    let offered = offered().map_err(|error| Refusal::CompileFailed { message: format!("the offer: {error:#}") })?;
    let mut imports = Vec::new();
    for (name, item) in &wanted.0 {
        let shown = || quoted(name, MESSAGE);
        match (item, offered.0.get(&versionless(name))) {
            (Item::Plain(what), _) => imports.push(RefusedImport {
                name: shown(),
                reason: format!("a {what} of its own; only interfaces are offered, and none by this name"),
            }),
            (Item::Interface(functions), Some(Item::Interface(ours))) => {
                imports.extend(differences(name, functions, ours));
            }
            // Types alone need nobody behind them.
            (Item::Interface(functions), _) if functions.is_empty() => {}
            (Item::Interface(_), _) => imports.push(RefusedImport { name: shown(), reason: who_offers(name).into() }),
        }
    }
    imports.sort_by(|a, b| a.name.cmp(&b.name));
    if imports.is_empty() { Ok(()) } else { Err(Refusal::Imports { imports }) }
}

fn differences(name: &str, wanted: &Functions, ours: &Functions) -> Vec<RefusedImport> {
    let difference = |(function, ty): (&String, &String)| {
        let reason = match ours.get(function) {
            Some(offered) if offered == ty => return None,
            Some(offered) => {
                format!(
                    "its type differs: it wants `{}`, offered is `{}`",
                    quoted(ty, MESSAGE),
                    quoted(offered, MESSAGE)
                )
            }
            None => format!("{} has no such function", quoted(name, MESSAGE)),
        };
        Some(RefusedImport { name: quoted(&format!("{name}#{function}"), MESSAGE), reason })
    };
    wanted.iter().filter_map(difference).collect()
}

fn who_offers(interface: &str) -> &'static str {
    let version = interface.split('@').nth(1).unwrap_or_default();
    match interface {
        _ if interface.starts_with("wasi:http/") => "HTTP: guests have no network here",
        _ if interface.starts_with("wasi:") && version.starts_with("0.3") => {
            "WASI 0.3, which is not offered; build for WASI 0.2"
        }
        _ if interface.starts_with("wasi:keyvalue/")
            || interface.starts_with("wasi:blobstore/")
            || interface.starts_with("wasi:messaging/")
            || interface.starts_with("wasi:config/")
            || interface.starts_with("wasi:logging/") =>
        {
            "a proposal outside of WASI 0.2, offered by hosts such as wasmCloud or Spin"
        }
        _ if interface.starts_with("fermyon:") || interface.starts_with("spin:") => "Spin's own interface",
        _ if interface.starts_with("wasi:") => "not an interface of WASI 0.2",
        _ => "unknown here; offered are the interfaces of WASI 0.2 (wasi:cli/imports)",
    }
}

/// `wasi:io/streams@0.2.3` and `wasi:io/streams@0.2.0` are one interface: a release only adds.
fn versionless(name: &str) -> String {
    match name.split_once("@0.2.") {
        Some((interface, _)) => format!("{interface}@0.2"),
        None => name.to_owned(),
    }
}

type Functions = HashMap<String, String>;

enum Item {
    Interface(Functions),
    /// What it is, when it is no interface.
    Plain(&'static str),
}

struct Interfaces(HashMap<String, Item>);

impl Interfaces {
    fn of(component: &[u8], types: TypesRef<'_>) -> Self {
        let mut printer = Printer { types, resources: HashMap::new() };
        let mut found = HashMap::new();
        let mut depth = 0u32;
        for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section.into_iter().map_while(Result::ok) {
                        let name = import.name.name;
                        if let Some(item) = types.component_item_for_import(name) {
                            found.insert(name.to_owned(), printer.item(name, &item.ty));
                        }
                    }
                }
                _ => {}
            }
        }
        Self(found)
    }
}

/// Writes types as text, resources by the interface that exports them.
struct Printer<'a> {
    types: TypesRef<'a>,
    resources: HashMap<ResourceId, String>,
}

#[expect(clippy::indexing_slicing, reason = "an id comes from the very list of types that it is looked up in")]
impl Printer<'_> {
    fn item(&mut self, name: &str, ty: &ComponentEntityType) -> Item {
        let ComponentEntityType::Instance(id) = ty else {
            return Item::Plain(match ty {
                ComponentEntityType::Func(_) => "function",
                ComponentEntityType::Module(_) => "module",
                ComponentEntityType::Component(_) => "component",
                ComponentEntityType::Value(_) => "value",
                _ => "type",
            });
        };
        let mut functions = HashMap::new();
        for (inner, item) in &self.types[*id].exports {
            match &item.ty {
                ComponentEntityType::Type { created: ComponentAnyTypeId::Resource(resource), .. } => {
                    self.resources
                        .entry(resource.resource())
                        .or_insert_with(|| format!("{}/{inner}", versionless(name)));
                }
                ComponentEntityType::Func(id) => {
                    let function = &self.types[*id];
                    let mut out = String::from(if function.async_ { "async func(" } else { "func(" });
                    for (index, (name, ty)) in function.params.iter().enumerate() {
                        let comma = if index == 0 { "" } else { ", " };
                        let _ = write!(out, "{comma}{}: ", name.as_str());
                        self.value(&mut out, ty);
                    }
                    out.push(')');
                    if let Some(result) = &function.result {
                        out.push_str(" -> ");
                        self.value(&mut out, result);
                    }
                    functions.insert(inner.clone(), out);
                }
                ComponentEntityType::Type { .. } => {}
                other => {
                    // Nothing that is offered has these; any text that no offer prints will do.
                    functions.insert(inner.clone(), format!("{other:?}"));
                }
            }
        }
        Item::Interface(functions)
    }

    fn value(&self, out: &mut String, ty: &ComponentValType) {
        let id = match ty {
            ComponentValType::Primitive(primitive) => {
                let _ = write!(out, "{primitive}");
                return;
            }
            ComponentValType::Type(id) => *id,
        };
        match &self.types[id] {
            ComponentDefinedType::Primitive(primitive) => {
                let _ = write!(out, "{primitive}");
            }
            ComponentDefinedType::Record(record) => {
                out.push_str("record{");
                for (name, ty) in &record.fields {
                    let _ = write!(out, "{}: ", name.as_str());
                    self.value(out, ty);
                    out.push(',');
                }
                out.push('}');
            }
            ComponentDefinedType::Variant(variant) => {
                out.push_str("variant{");
                for (name, case) in &variant.cases {
                    out.push_str(name.as_str());
                    self.payload(out, case.ty.as_ref());
                    out.push(',');
                }
                out.push('}');
            }
            ComponentDefinedType::List { element, .. } => self.wrapped(out, "list", &[Some(element)]),
            ComponentDefinedType::Map { key, value, .. } => self.wrapped(out, "map", &[Some(key), Some(value)]),
            ComponentDefinedType::Tuple(tuple) => {
                self.wrapped(out, "tuple", &tuple.types.iter().map(Some).collect::<Vec<_>>());
            }
            ComponentDefinedType::Option { ty, .. } => self.wrapped(out, "option", &[Some(ty)]),
            ComponentDefinedType::Result { ok, err, .. } => self.wrapped(out, "result", &[ok.as_ref(), err.as_ref()]),
            ComponentDefinedType::Flags(names) => {
                let _ = write!(out, "flags{:?}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
            }
            ComponentDefinedType::Enum(names) => {
                let _ = write!(out, "enum{:?}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>());
            }
            ComponentDefinedType::Own(resource) => self.handle(out, "own", resource.resource()),
            ComponentDefinedType::Borrow(resource) => self.handle(out, "borrow", resource.resource()),
            other => {
                let _ = write!(out, "{other:?}");
            }
        }
    }

    fn wrapped(&self, out: &mut String, name: &str, inner: &[Option<&ComponentValType>]) {
        let _ = write!(out, "{name}<");
        for (index, ty) in inner.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match ty {
                Some(ty) => self.value(out, ty),
                None => out.push('_'),
            }
        }
        out.push('>');
    }

    fn payload(&self, out: &mut String, ty: Option<&ComponentValType>) {
        if let Some(ty) = ty {
            out.push('(');
            self.value(out, ty);
            out.push(')');
        }
    }

    fn handle(&self, out: &mut String, kind: &str, resource: ResourceId) {
        let name = self.resources.get(&resource).map_or("a resource of its own", String::as_str);
        let _ = write!(out, "{kind}<{name}>");
    }
}

/// A world over the offered interfaces: `items` are what it imports.
pub(super) fn world(items: &str) -> anyhow::Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let text = format!("{OWN} world host {{ {items} }}");
    for (name, text) in OFFERED.into_iter().chain([("world.wit", text.as_str())]) {
        let group = UnresolvedPackageGroup::parse(name, text).map_err(|(_, error)| anyhow::anyhow!("{error:?}"))?;
        let package = resolve.push_group(group)?;
        if name == "world.wit" {
            let world = resolve.select_world(&[package], None)?;
            return Ok((resolve, world));
        }
    }
    anyhow::bail!("there is no world")
}

fn offered() -> anyhow::Result<Interfaces> {
    let own = "import preview1-sockets; import ringfence:runtime/tools@0.1.0; import ringfence:runtime/control@0.1.0;";
    let (resolve, world) = world(&format!("include wasi:cli/imports@0.2.12; {own}"))?;
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    let component = ComponentEncoder::default().module(&module)?.encode()?;
    let types = Validator::new().validate_all(&component)?;
    let Interfaces(interfaces) = Interfaces::of(&component, types.as_ref());
    Ok(Interfaces(interfaces.into_iter().map(|(name, item)| (versionless(&name), item)).collect()))
}
