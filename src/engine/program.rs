use std::collections::HashMap;

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Type};

use super::compile::Origin;
use super::describe::{Description, Export, Foreign, each_function, is_command};
use super::error::{CallError, EngineError, Refusal, RefusedImport, quoted};
use super::fence::{Build, Fence};
use super::intake::{DOORS, Doors};
use super::snippet::{EXECUTE, INTERPRETER, PREPARE};
use super::state::RunState;

/// What a program takes besides its code and its description, about.
const PROGRAM_BYTES: usize = 64 << 10;

/// A program that is compiled, linked and ready: what is left of a start is the instance.
pub struct Program {
    pub(super) pre: InstancePre<RunState>,
    build: Build,
    description: Description,
    origin: Origin,
    functions: HashMap<String, Function>,
    /// The one that runs it as a command.
    command: Option<String>,
    /// How the state of its instances is reached, or why it is not.
    doors: Result<Reached, String>,
    code_bytes: usize,
}

/// The doors of a runtime (`intake/doors`).
pub(super) struct Reached {
    /// Each new instance is like any other.
    pub(super) steady: bool,
    pub(super) let_go: ComponentExportIndex,
    pub(super) forget: ComponentExportIndex,
    pub(super) tell: ComponentExportIndex,
    pub(super) take: ComponentExportIndex,
    pub(super) aim: ComponentExportIndex,
    pub(super) memories: Vec<MemoryDoors>,
}

pub(super) struct MemoryDoors {
    pub(super) read: ComponentExportIndex,
    pub(super) write: ComponentExportIndex,
    pub(super) grow: ComponentExportIndex,
}

impl Reached {
    fn of(component: &Component, doors: &Doors) -> Result<Self, String> {
        let steady = match doors {
            Doors::Made { steady } => *steady,
            Doors::None => return Err("it is no language runtime".to_owned()),
            Doors::Impossible(reason) => return Err(reason.clone()),
        };
        let instance = component.get_export_index(None, DOORS);
        let door = |name: &str| component.get_export_index(Some(instance.as_ref()?), name);
        let memory = |index: u32| {
            let door = |name: &str| door(&format!("{name}{index}"));
            Some(MemoryDoors { read: door("read")?, write: door("write")?, grow: door("grow")? })
        };
        let reached = || {
            let memories = (0..).map_while(memory).collect();
            Some(Self {
                steady,
                let_go: door("let-go")?,
                forget: door("forget")?,
                tell: door("tell")?,
                take: door("take")?,
                aim: door("aim")?,
                memories,
            })
        };
        reached().ok_or_else(|| "its doors are not there".to_owned())
    }
}

/// An exported function as a call needs it.
pub(super) struct Function {
    pub(super) index: ComponentExportIndex,
    pub(super) params: Vec<(String, Type)>,
    pub(super) result: Option<Type>,
    /// Why it cannot be called, if it cannot.
    foreign: Option<Foreign>,
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
        doors: &Doors,
        origin: Origin,
    ) -> Result<Self, EngineError> {
        // The names were checked before compiling; this is the check of the runtime itself, and it has the last word.
        let pre = fence.linker.instantiate_pre(component).map_err(|reason| {
            let reason = quoted(&format!("{reason:#}"), 400);
            Refusal::Imports { imports: vec![RefusedImport { name: "the component".into(), reason }] }
        })?;
        let uncallable = |export: &Export| Some((export.name.clone(), export.foreign.clone()?));
        let mut foreign: HashMap<_, _> = description.exports.iter().filter_map(uncallable).collect();
        let mut functions = HashMap::new();
        let mut command = None;
        each_function(&fence.engine, component, |of, function| {
            let name = of.to_string();
            if is_command(&name, function) {
                command = Some(name.clone());
            }
            let parent = of.instance.and_then(|instance| component.get_export_index(None, instance));
            if of.instance.is_some() && parent.is_none() {
                return Ok(());
            }
            if let Some(index) = component.get_export_index(parent.as_ref(), of.function) {
                let foreign = foreign.remove(&name);
                functions.insert(name, Function::new(index, function, foreign));
            }
            Ok(())
        })?;
        let code = component.image_range();
        let code_bytes = code.end.addr().saturating_sub(code.start.addr()).saturating_add(PROGRAM_BYTES);
        let doors = Reached::of(component, doors);
        Ok(Self { pre, build, description, origin, functions, command, doors, code_bytes })
    }

    pub(super) fn doors(&self) -> Result<&Reached, &str> {
        self.doors.as_ref().map_err(String::as_str)
    }

    pub fn description(&self) -> &Description {
        &self.description
    }

    /// What it takes in memory, about: its code, which may be shared with other processes, and what is said of it.
    pub(super) fn bytes(&self) -> usize {
        self.code_bytes.saturating_add(self.description.bytes)
    }

    /// Where its code came from when it was made ready.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    pub fn build(&self) -> Build {
        self.build
    }

    pub(super) fn command(&self) -> Result<&Function, CallError> {
        let command = self.command.as_ref().and_then(|name| self.functions.get(name));
        command.ok_or_else(|| CallError::NoCommand { callable: self.description.callable() })
    }

    /// One of the functions by which a language runtime is driven.
    pub(super) fn runtime(&self, name: &str) -> Result<&Function, CallError> {
        self.functions.get(&format!("{INTERPRETER}#{name}")).ok_or(CallError::NoRuntime)
    }

    /// Whether it is a language runtime.
    pub fn is_runtime(&self) -> bool {
        [PREPARE, EXECUTE].into_iter().all(|name| self.runtime(name).is_ok())
    }

    /// Finds a function by its full name, or by any end of it that only one has: `add`, `math#add`, `math.add`.
    pub(super) fn function(&self, name: &str) -> Result<&Function, CallError> {
        let (full, function) = match self.functions.get_key_value(name) {
            Some(found) => found,
            None => self.function_by_short_name(name)?,
        };
        match &function.foreign {
            None => Ok(function),
            Some(Foreign { at, what }) => Err(CallError::NotCallable {
                function: quoted(full, 200),
                at: quoted(at, 200),
                found: (*what).to_owned(),
            }),
        }
    }

    /// What is said of a function that can be called, found as a call finds it.
    pub fn export(&self, name: &str) -> Result<&Export, CallError> {
        let found = self.function(name)?;
        let full = self.functions.iter().find_map(|(full, function)| std::ptr::eq(function, found).then_some(full));
        let export = full.and_then(|full| self.description.exports.iter().find(|export| export.name == *full));
        let callable = || self.description.callable();
        export.ok_or_else(|| CallError::NoFunction { name: quoted(name, 200), callable: callable() })
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
    fn new(index: ComponentExportIndex, function: &ComponentFunc, foreign: Option<Foreign>) -> Self {
        let params = function.params().map(|(name, ty)| (name.to_owned(), ty)).collect();
        Self { index, params, result: function.results().next(), foreign }
    }
}
