use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::super::state::RunState;
use super::{look, wait};

/// A tool as code sees it.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower)]
#[component(record)]
pub struct ToolDescription {
    pub name: String,
    pub about: String,
    /// JSON Schema of the input.
    #[component(name = "input-schema")]
    pub input_schema: String,
}

/// Why a tool did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower, Lift)]
#[component(record)]
pub struct ToolFailure {
    /// A word that stays the same from version to version.
    pub code: String,
    pub message: String,
    pub retry: bool,
}

pub type ToolAnswer = Pin<Box<dyn Future<Output = Result<String, ToolFailure>> + Send>>;

/// The tools that a run may call; whoever implements it decides at each call.
pub trait Tools: Send + Sync {
    fn available(&self) -> Vec<ToolDescription>;
    fn call(&self, name: String, input: String) -> ToolAnswer;
}

/// The interface by which it asks whether to go on.
pub(in super::super) const CONTROL: &str = "ringfence:runtime/control@0.1.0";

/// The interface by which a language runtime asks for tools.
pub(in super::super) const TOOLS: &str = "ringfence:runtime/tools@0.1.0";

pub(super) fn link(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    linker.instance(CONTROL)?.func_wrap("interrupted", |mut store: StoreContextMut<'_, RunState>, (): ()| {
        let interrupt = &look(store.data_mut()).interrupt;
        Ok((interrupt.as_ref().is_some_and(CancellationToken::is_cancelled),))
    })?;
    let mut tools = linker.instance(TOOLS)?;
    tools.func_wrap("available", |mut store: StoreContextMut<'_, RunState>, (): ()| {
        let state = wait(store.data_mut());
        let there = state.tools.as_ref().map(|tools| tools.available()).unwrap_or_default();
        Ok((there,))
    })?;
    tools.func_wrap_async("call", |mut store: StoreContextMut<'_, RunState>, (name, input): (String, String)| {
        let state = wait(store.data_mut());
        state.meter.charge_copy(name.len() + input.len());
        let tools = state.tools.clone();
        Box::new(async move { Ok((called(tools, name, input).await,)) })
    })
}

async fn called(tools: Option<Arc<dyn Tools>>, name: String, input: String) -> Result<String, ToolFailure> {
    match tools {
        Some(tools) => tools.call(name, input).await,
        None => {
            Err(ToolFailure { code: "no_tools".into(), message: "this run was given no tools".into(), retry: false })
        }
    }
}
