use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::super::state::RunState;
use super::{look, wait};
use crate::model::{Json, Outcome, show_bytes};

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
    let mut control = linker.instance(CONTROL)?;
    control.func_wrap("interrupted", |mut store: StoreContextMut<'_, RunState>, (): ()| {
        let interrupt = &look(store.data_mut()).interrupt;
        Ok((interrupt.as_ref().is_some_and(CancellationToken::is_cancelled),))
    })?;
    control.func_wrap("last", |mut store: StoreContextMut<'_, RunState>, (): ()| Ok((look(store.data_mut()).last,)))?;
    control
        .func_wrap("set-up", |mut store: StoreContextMut<'_, RunState>, (): ()| Ok((look(store.data_mut()).set_up,)))?;
    let mut tools = linker.instance(TOOLS)?;
    tools.func_wrap("available", |mut store: StoreContextMut<'_, RunState>, (): ()| {
        let state = wait(store.data_mut());
        let there = state.tools.as_ref().map(|tools| tools.available()).unwrap_or_default();
        // It may be asked for again and again.
        state.meter.charge_copy(there.iter().map(ToolDescription::bytes).sum());
        Ok((there,))
    })?;
    tools.func_wrap_async("call", |mut store: StoreContextMut<'_, RunState>, (name, input): (String, String)| {
        let state = wait(store.data_mut());
        state.meter.charge_copy(name.len() + input.len());
        let counted = state.meter.tool_call();
        let (tools, most) = (state.tools.clone(), state.meter.limits().hostcall_bytes);
        let interrupt = state.interrupt.clone().unwrap_or_default();
        Box::new(async move {
            counted.map_err(wasmtime::Error::new)?;
            let answer = tokio::select! {
                biased;
                answer = called(tools, name, input) => fitting(answer, most),
                () = interrupt.cancelled() => Err(ToolFailure::new("interrupted", "the caller ended the wait for it")),
            };
            store.data_mut().meter.charge_copy(length(&answer));
            Ok((answer,))
        })
    })
}

async fn called(tools: Option<Arc<dyn Tools>>, name: String, input: String) -> Result<String, ToolFailure> {
    match tools {
        Some(tools) => tools.call(name, input).await,
        None => Err(ToolFailure::new("no_tools", "this run was given no tools")),
    }
}

fn length(answer: &Result<String, ToolFailure>) -> usize {
    match answer {
        Ok(json) => json.len(),
        Err(failure) => failure.code.len() + failure.message.len(),
    }
}

/// What a tool answers is somebody else's: it is no more than what a call may make of us.
fn fitting(answer: Result<String, ToolFailure>, most: u64) -> Result<String, ToolFailure> {
    let bytes = u64::try_from(length(&answer)).unwrap_or(u64::MAX);
    if bytes <= most {
        return answer;
    }
    let message = format!("the tool answered {}, and hostcall_bytes allows {}", show_bytes(bytes), show_bytes(most));
    Err(ToolFailure::new("too_large", message))
}

impl ToolDescription {
    /// How much of it there is.
    pub fn bytes(&self) -> usize {
        self.name.len() + self.about.len() + self.input_schema.len()
    }
}

impl ToolFailure {
    /// One that comes again when the same is asked again.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retry: false }
    }

    /// What a program that is called as a tool came to. Where it `fails` by a `result` of its own, it is told what that
    /// stands for, and not that there is one.
    pub fn or(outcome: &Outcome, fails: bool) -> Result<String, Self> {
        match outcome {
            Outcome::Returned { value } if fails => returned(value),
            Outcome::Returned { value } => Ok(value.text().to_owned()),
            other => Err(Self::new(other.kind(), ended(other))),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Returned {
    Ok(Box<RawValue>),
    Err(Box<RawValue>),
}

fn returned(value: &Json) -> Result<String, ToolFailure> {
    match serde_json::from_str(value.text()) {
        Ok(Returned::Ok(value)) => Ok(value.get().to_owned()),
        Ok(Returned::Err(reason)) => {
            let words = serde_json::from_str(reason.get()).unwrap_or_else(|_| reason.get().to_owned());
            Err(ToolFailure::new("failed", words))
        }
        Err(_) => Ok(value.text().to_owned()),
    }
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Trapped { message, .. } => format!("the tool broke off: {message}"),
        Outcome::OutOfFuel { limit, .. } => format!("the tool used up its fuel, {limit}"),
        Outcome::DeadlineExceeded { limit_ms, .. } => format!("the tool took longer than {limit_ms} ms"),
        Outcome::OutOfMemory { limit_bytes, .. } => format!("the tool needs more than {}", show_bytes(*limit_bytes)),
        Outcome::LimitExceeded { limit, value, .. } => format!("the tool reached {limit}, {}", limit.show(*value)),
        Outcome::Denied { denial } => format!("the tool is not granted {}", denial.missing),
        Outcome::Cancelled => "the tool was ended with the run that called it".to_owned(),
        Outcome::Exited { .. } | Outcome::Answered { .. } | Outcome::Returned { .. } => {
            "the tool gave back no value".to_owned()
        }
    }
}
