use std::collections::HashMap;

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Type};

use super::compile::Origin;
use super::describe::{Description, each_function, is_command};
use super::error::{CallError, EngineError, Refusal, RefusedImport, quoted};
use super::fence::{Build, Fence};
use super::schema;
use super::state::RunState;

/// A program that is compiled, linked and ready: what is left of a start is the instance.
pub struct Program {
    pub(super) pre: InstancePre<RunState>,
    build: Build,
    description: Description,
    origin: Origin,
    functions: HashMap<String, Function>,
}

/// An exported function as a call needs it.
pub(super) struct Function {
    pub(super) index: ComponentExportIndex,
    pub(super) params: Vec<(String, Type)>,
    pub(super) result: Option<Type>,
    /// Why it cannot be called, if it cannot.
    foreign: Option<(String, &'static str)>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("digest", &self.description.digest).field("build", &self.build).finish()
    }
}

impl Program {
    pub(super) fn link(
        fence: &Fence,
        build: Build,
        component: &Component,
        description: Description,
        origin: Origin,
    ) -> Result<Self, EngineError> {
        // The names were checked before compiling; this is the check of the runtime itself, and it has the last word.
        let pre = fence.linker.instantiate_pre(component).map_err(|reason| {
            let reason = quoted(&format!("{reason:#}"), 400);
            Refusal::Imports { imports: vec![RefusedImport { name: "the component".into(), reason }] }
        })?;
        let mut functions = HashMap::new();
        each_function(&fence.engine, component, |instance, name, function| {
            let parent = instance.and_then(|instance| component.get_export_index(None, instance));
            let inner = name.rsplit('#').next().unwrap_or(&name);
            if instance.is_some() && parent.is_none() {
                return;
            }
            if let Some(index) = component.get_export_index(parent.as_ref(), inner) {
                functions.insert(name, Function::new(index, function));
            }
        });
        Ok(Self { pre, build, description, origin, functions })
    }

    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Where its code came from when it was made ready.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn build(&self) -> Build {
        self.build
    }

    pub(super) fn command(&self) -> Result<&Function, CallError> {
        self.functions
            .iter()
            .find(|(name, _)| is_command(name))
            .map(|(_, function)| function)
            .ok_or_else(|| CallError::NoCommand { callable: self.description.callable() })
    }

    /// Finds a function by its full name, or by any end of it that only one has: `add`, `math#add`, `math.add`.
    pub(super) fn function(&self, name: &str) -> Result<&Function, CallError> {
        let (full, function) = match self.functions.get_key_value(name) {
            Some(found) => found,
            None => self.function_by_short_name(name)?,
        };
        match &function.foreign {
            None => Ok(function),
            Some((at, found)) => Err(CallError::NotCallable {
                function: quoted(full, 200),
                at: quoted(at, 200),
                found: (*found).to_owned(),
            }),
        }
    }

    fn function_by_short_name(&self, name: &str) -> Result<(&String, &Function), CallError> {
        let mut found: Vec<_> = self.functions.iter().filter(|(full, _)| is_short_for(name, full)).collect();
        found.sort_by_key(|(full, _)| *full);
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(CallError::NoFunction { name: quoted(name, 200), callable: self.description.callable() }),
            many => Err(CallError::Ambiguous {
                name: quoted(name, 200),
                candidates: many.iter().map(|(full, _)| (*full).clone()).collect(),
            }),
        }
    }
}

fn is_short_for(name: &str, full: &str) -> bool {
    let Some((interface, function)) = full.split_once('#') else { return false };
    let versionless = interface.split('@').next().unwrap_or(interface);
    let bare = versionless.rsplit('/').next().unwrap_or(versionless);
    match name.rsplit_once(['#', '.']) {
        Some((of, short)) => short == function && (of == versionless || of == bare),
        None => name == function,
    }
}

impl Function {
    fn new(index: ComponentExportIndex, function: &ComponentFunc) -> Self {
        let params: Vec<(String, Type)> = function.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
        let result = function.results().next();
        let foreign = params
            .iter()
            .map(|(name, ty)| (format!("parameter `{name}`"), ty))
            .chain(result.iter().map(|ty| ("the result".to_owned(), ty)))
            .find_map(|(at, ty)| schema::foreign(ty).map(|found| (at, found)));
        Self { index, params, result, foreign }
    }
}
