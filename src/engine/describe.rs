use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Type};

use super::error::Refusal;
use super::schema::{NoSchema, Schemas};
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
        let imports =
            ty.imports(engine).map(|(name, _)| Import { grant: grant_of(name), name: name.to_owned() }).collect();
        let mut exports = Vec::new();
        let mut schemas = Schemas::new();
        let mut command = false;
        each_function(engine, component, |_, name, function| {
            command |= is_command(&name, function);
            exports.push(export(&mut schemas, name, function));
        });
        let exports = exports.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Self { digest, kind, text, command, imports, exports, bytes: schemas.bytes() })
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

/// Visits every exported function, with the instance that holds it where one does.
pub(super) fn each_function(
    engine: &wasmtime::Engine,
    component: &Component,
    mut visit: impl FnMut(Option<&str>, String, &ComponentFunc),
) {
    for (name, item) in component.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(function) => visit(None, name.to_owned(), &function),
            ComponentItem::ComponentInstance(instance) => {
                for (inner, item) in instance.exports(engine) {
                    if let ComponentItem::ComponentFunc(function) = item.ty {
                        visit(Some(name), format!("{name}#{inner}"), &function);
                    }
                }
            }
            _ => {}
        }
    }
}

fn export(schemas: &mut Schemas, name: String, function: &ComponentFunc) -> Result<Export, Refusal> {
    let foreign = |at: String, reason: NoSchema| match reason {
        NoSchema::Foreign(what) => Ok(Foreign { at, what }),
        NoSchema::TooLarge => Err(Refusal::TooDemanding {
            message: "the types of its exports are too large to be written out as schemas".into(),
        }),
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
        _ => "none needed",
    }
}
