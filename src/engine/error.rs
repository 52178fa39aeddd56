use std::sync::Arc;

use crate::model::{LimitsError, show_bytes};

/// Why the engine did not run something. What a guest does is never here: that is an `Outcome`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The program cannot run here; nothing of it was compiled or executed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The call does not fit the program.
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Limits(#[from] LimitsError),
    #[error("the folder {path} cannot be opened for the guest: {reason}")]
    Dir { path: String, reason: Arc<std::io::Error> },
    #[error("the host is busy: {0} runs are alive, which is the most it holds; try again later")]
    Busy(u32),
    #[error("the compiler is busy: no more than {} of programs may wait for it; try again later", show_bytes(*.0))]
    CompilerBusy(u64),
    #[error("the compile cache at {path} cannot be used: {reason}")]
    Cache { path: String, reason: String },
    #[error("the engine could not start: {0}")]
    Start(String),
    #[error("the compiler could not be started: {0}")]
    Worker(String),
    /// A fault of ours. It costs one run.
    #[error("the host failed while running this program: {0}")]
    Internal(String),
}

impl EngineError {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        match self {
            EngineError::Refused(refusal) => refusal.code(),
            EngineError::Call(call) => call.code(),
            EngineError::Limits(_) => "bad_limits",
            EngineError::Dir { .. } => "dir_unavailable",
            EngineError::Busy(_) | EngineError::CompilerBusy(_) => "busy",
            EngineError::Cache { .. } => "cache_unusable",
            EngineError::Start(_) => "engine_unavailable",
            EngineError::Worker(_) => "compiler_unavailable",
            EngineError::Internal(_) => "internal",
        }
    }

    /// Whether the caller can mend it, by another program, another call or other limits.
    pub const fn is_callers(&self) -> bool {
        matches!(
            self,
            EngineError::Refused(_) | EngineError::Call(_) | EngineError::Limits(_) | EngineError::Dir { .. }
        )
    }
}

/// Why a program is not run at all. Words of the program appear escaped, never raw.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    #[error("this is not WebAssembly: {found}; give a component, a WASI preview-1 module, or the text of either")]
    NotWasm { found: String },
    #[error("the text does not parse: {message}")]
    BadText { message: String },
    #[error("the program ends before it is whole: {message}")]
    Truncated { message: String },
    #[error("the program is not valid: {message}")]
    Invalid { message: String },
    #[error("the program uses a proposal that is switched off here: {message}")]
    ProposalOff { message: String },
    #[error("{}", show_imports(imports))]
    Imports { imports: Vec<RefusedImport> },
    #[error(
        "this core module exports no `_start` and describes no component: there is nothing to run; build it as a command, or as a component"
    )]
    NothingToRun,
    #[error("the program is {}, but at most {} are looked at", show_bytes(*bytes), show_bytes(*limit))]
    TooLarge { bytes: u64, limit: u64 },
    #[error("compiling took longer than {limit_ms} ms and was stopped")]
    CompileDeadline { limit_ms: u64 },
    #[error("compiling took more memory than {} and was stopped", show_bytes(*limit_bytes))]
    CompileMemory { limit_bytes: u64 },
    #[error("compiling failed: {message}")]
    CompileFailed { message: String },
    #[error("the program needs more of the fence than any run has: {message}")]
    TooDemanding { message: String },
}

impl Refusal {
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::NotWasm { .. } => "not_wasm",
            Refusal::BadText { .. } => "bad_text",
            Refusal::Truncated { .. } => "truncated",
            Refusal::Invalid { .. } => "invalid",
            Refusal::ProposalOff { .. } => "proposal_off",
            Refusal::Imports { .. } => "imports",
            Refusal::NothingToRun => "nothing_to_run",
            Refusal::TooLarge { .. } => "too_large",
            Refusal::CompileDeadline { .. } => "compile_deadline",
            Refusal::CompileMemory { .. } => "compile_memory",
            Refusal::CompileFailed { .. } => "compile_failed",
            Refusal::TooDemanding { .. } => "too_demanding",
        }
    }
}

/// An import that this host does not offer, or offers otherwise.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RefusedImport {
    pub name: String,
    pub reason: String,
}

const IMPORTS_SHOWN: usize = 8;

fn show_imports(imports: &[RefusedImport]) -> String {
    let mut shown: Vec<String> =
        imports.iter().take(IMPORTS_SHOWN).map(|import| format!("`{}`: {}", import.name, import.reason)).collect();
    if imports.len() > IMPORTS_SHOWN {
        shown.push(format!("and {} more", imports.len() - IMPORTS_SHOWN));
    }
    format!("the program imports what is not offered here: {}", shown.join("; "))
}

/// Why a call does not fit the program that it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("the program is no command: it exports no `wasi:cli/run`; {}", show_choice(.callable))]
    NoCommand { callable: Vec<String> },
    #[error("the program is no language runtime: it does not export `{}`", super::snippet::INTERPRETER)]
    NoRuntime,
    #[error("the program exports no function `{name}`; {}", show_choice(.callable))]
    NoFunction { name: String, callable: Vec<String> },
    #[error("`{name}` could be any of {}; write one of them in full", .candidates.join(", "))]
    Ambiguous { name: String, candidates: Vec<String> },
    #[error("`{function}` cannot be called from here: {at} is {found}, which has no meaning outside the program")]
    NotCallable { function: String, at: String, found: String },
    #[error("wrong argument at {at}: expected {expected}, found {found}")]
    Argument { at: String, expected: String, found: String },
    #[error("the program was prepared by another engine, for another stack_bytes or another mode; load it again")]
    OtherBuild,
    #[error("the state is one of another program: nothing can go on from it here")]
    OtherState,
}

impl CallError {
    pub const fn code(&self) -> &'static str {
        match self {
            CallError::NoCommand { .. } => "no_command",
            CallError::NoRuntime => "no_runtime",
            CallError::NoFunction { .. } => "no_function",
            CallError::Ambiguous { .. } => "ambiguous_function",
            CallError::NotCallable { .. } => "not_callable",
            CallError::Argument { .. } => "bad_argument",
            CallError::OtherBuild => "other_build",
            CallError::OtherState => "other_state",
        }
    }
}

const NAMES_SHOWN: usize = 12;

fn show_choice(callable: &[String]) -> String {
    match callable {
        [] => "it exports no function at all".to_owned(),
        names => match names.get(..NAMES_SHOWN) {
            Some(first) => format!("it exports {} functions: {}, …", names.len(), first.join(", ")),
            None => format!("it exports {}", names.join(", ")),
        },
    }
}

/// Writes text that a stranger chose so that it stays one line, harmless on a terminal, and short.
pub(crate) fn quoted(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == most {
            out.push('…');
            break;
        }
        if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
