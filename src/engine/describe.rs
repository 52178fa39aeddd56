use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Type};

use super::error::Refusal;
use super::intake::DOORS;
use super::schema::{MOST_BYTES, NoSchema, Schemas};
use crate::model::Digest;

/// What a program was when it was submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Component,
    /// A preview-1 module with a `_start`, turned into a component by the host.
    CommandModule,
    /// A core module that carries the description of a component, turned into one by the host.
    ReactorModule,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Component => "component",
            Kind::CommandModule => "command_module",
            Kind::ReactorModule => "reactor_module",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let all = [Kind::Component, Kind::CommandModule, Kind::ReactorModule];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no kind of program has this name")]
pub struct UnknownKind;

/// What can be said of a program without running it.
#[derive(Debug, Clone, Serialize)]
pub struct Description {
    pub digest: Digest,
    pub kind: Kind,
    /// It was submitted as text.
    pub text: bool,
    /// It can be run as a command.
    pub command: bool,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    /// What all of this takes in memory, about.
    #[serde(skip)]
    pub(super) bytes: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct Import {
    pub name: String,
    /// The grant without which the guest is told no.
    pub grant: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub struct Export {
    /// The name to call it by: `function`, or `interface#function`.
    pub name: String,
    /// JSON Schema; `None` where the function takes or gives what has no meaning outside of the program.
    pub params: Option<Value>,
    /// JSON Schema of what it returns; `null` for nothing.
    pub result: Option<Value>,
    /// Where and what that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
}

impl Export {
    /// Whether it may give an error in the place of a value: a `result` of both, or what is written like one.
    pub fn fails(&self) -> bool {
        let cases = self.result.as_ref().and_then(|schema| schema.get("oneOf")?.as_array());
        let is = |case: &Value, name: &str| case.pointer("/required/0").is_some_and(|tag| tag == name);
        matches!(cases.map(Vec::as_slice), Some([ok, err]) if is(ok, "ok") && is(err, "err"))
    }
}

/// What a function takes or gives that has no meaning outside of the program.
#[derive(Debug, Clone, Serialize)]
pub struct Foreign {
    pub at: String,
    pub what: &'static str,
}

impl Description {
    pub(super) fn new(
        engine: &wasmtime::Engine,
        component: &Component,
        digest: Digest,
        kind: Kind,
        text: bool,
    ) -> Result<Self, Refusal> {
        let ty = component.component_type();
        let mut schemas = Schemas::new();
        let mut imports = Vec::new();
        for (name, _) in ty.imports(engine) {
            schemas.named(name.len()).map_err(|_| too_large())?;
            imports.push(Import { grant: grant_of(name), name: name.to_owned() });
        }
        let mut exports = Vec::new();
        let mut command = false;
        each_function(engine, component, |name, function| {
            // An instance has one name and each of its functions has it too: a few lines can come to gigabytes.
            schemas.named(name.len()).map_err(|_| too_large())?;
            let name = name.to_string();
            command |= is_command(&name, function);
            exports.push(export(&mut schemas, name, function)?);
            Ok(())
        })?;
        Ok(Self { digest, kind, text, command, imports, exports, bytes: schemas.bytes() })
    }

    /// Whether it imports what needs this grant.
    pub fn wants(&self, grant: &str) -> bool {
        self.imports.iter().any(|import| import.grant == grant)
    }

    /// The names that `--call` understands.
    pub fn callable(&self) -> Vec<String> {
        self.exports.iter().filter(|export| export.params.is_some()).map(|export| export.name.clone()).collect()
    }
}

/// Whether a function is the one that runs a command, of any 0.2 release: by its name and by its type.
pub(super) fn is_command(name: &str, function: &ComponentFunc) -> bool {
    let plain = |ty: Type| matches!(ty, Type::Result(result) if result.ok().is_none() && result.err().is_none());
    name.starts_with("wasi:cli/run@0.2.")
        && name.ends_with("#run")
        && function.params().len() == 0
        && function.results().next().is_some_and(plain)
}

/// The name of an exported function: of its own, or in an instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct FunctionName<'a> {
    pub(super) instance: Option<&'a str>,
    pub(super) function: &'a str,
}

impl FunctionName<'_> {
    fn len(self) -> usize {
        self.instance.map_or(0, |instance| instance.len() + 1) + self.function.len()
    }
}

impl fmt::Display for FunctionName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance {
            Some(instance) => write!(f, "{instance}#{}", self.function),
            None => f.write_str(self.function),
        }
    }
}

/// Visits every exported function, until one is refused.
pub(super) fn each_function(
    engine: &wasmtime::Engine,
    component: &Component,
    mut visit: impl FnMut(FunctionName<'_>, &ComponentFunc) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(function) => {
                visit(FunctionName { instance: None, function: name }, &function)?;
            }
            // Ours, for the engine alone.
            ComponentItem::ComponentInstance(_) if name == DOORS => {}
            ComponentItem::ComponentInstance(instance) => {
                for (inner, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(function) = item.ty {
                        visit(FunctionName { instance: Some(name), function: inner }, &function)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn too_large() -> Refusal {
    let most = crate::model::show_bytes(MOST_BYTES as u64);
    let message =
        format!("the names and types of its exports and imports take more than {most} when they are written out");
    Refusal::TooDemanding { message }
}

fn export(schemas: &mut Schemas, name: String, function: &ComponentFunc) -> Result<Export, Refusal> {
    let foreign = |at: String, reason: NoSchema| match reason {
        NoSchema::Foreign(what) => Ok(Foreign { at, what }),
        NoSchema::TooLarge => Err(too_large()),
    };
    // One that cannot be called says so in both places.
    let uncallable =
        |foreign: Foreign, name: String| Export { name, params: None, result: None, foreign: Some(foreign) };
    let params = match schemas.object(function.params()) {
        Ok(params) => params,
        Err(reason) => {
            let culprit = function.params().find(|(_, ty)| schemas.of(ty).is_err());
            let at = culprit.map_or("a parameter".to_owned(), |(name, _)| format!("parameter `{name}`"));
            return Ok(uncallable(foreign(at, reason)?, name));
        }
    };
    let result = match function.results().next() {
        None => json!({"type": "null"}),
        Some(ty) => match schemas.of(&ty) {
            Ok(result) => result,
            Err(reason) => return Ok(uncallable(foreign("the result".into(), reason)?, name)),
        },
    };
    Ok(Export { name, params: Some(params), result: Some(result), foreign: None })
}

fn grant_of(import: &str) -> &'static str {
    let interface = import.split('@').next().unwrap_or(import);
    match interface {
        "wasi:cli/environment" => "args, env",
        "wasi:cli/stdin" => "stdin",
        "wasi:cli/stdout" | "wasi:cli/stderr" => "none needed (bounded by stdout_bytes, stderr_bytes)",
        _ if interface.starts_with("wasi:clocks/") => "clocks",
        _ if interface.starts_with("wasi:random/") => "randomness",
        _ if interface.starts_with("wasi:filesystem/") => "folders",
        _ if interface.starts_with("wasi:sockets/") || interface.starts_with("ringfence:host/") => {
            "never granted: guests have no network"
        }
        "ringfence:runtime/tools" => "tools",
        _ => "none needed",
    }
}
