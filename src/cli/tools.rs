use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

use super::exit::Mistake;
use super::program;
use crate::engine::{
    Build, Engine, EngineError, Entry, Program, RunRequest, ToolAnswer, ToolDescription, ToolFailure, Tools,
};
use crate::model::{BadToolName, Digest, Grants, Mode, Preset, ToolName};

/// A function of a program that code may call.
#[derive(Debug, Clone)]
pub(super) struct ToolFlag {
    pub(super) name: ToolName,
    pub(super) program: PathBuf,
    pub(super) function: String,
}

pub(super) fn parse(text: &str) -> Result<ToolFlag, String> {
    let shape = "write NAME=PROGRAM#FUNCTION";
    let (name, at) = text.split_once('=').ok_or(shape)?;
    let (program, function) = at.split_once('#').ok_or(shape)?;
    if program.is_empty() || function.is_empty() {
        return Err(shape.to_owned());
    }
    let name = name.parse().map_err(|error: BadToolName| error.to_string())?;
    Ok(ToolFlag { name, program: program.into(), function: function.to_owned() })
}

/// The tools of a snippet that runs here: each call is a run of its own, with the limits of `small` and what is left of the
/// time of the snippet.
pub(super) struct Here {
    engine: Engine,
    tools: Vec<Tool>,
    ends: Instant,
}

struct Tool {
    description: ToolDescription,
    program: Arc<Program>,
    function: String,
    fails: bool,
}

impl Here {
    pub(super) async fn load(engine: &Engine, asked: &[ToolFlag], deadline_ms: u64) -> anyhow::Result<Self> {
        let (mut tools, mut names) = (Vec::new(), HashSet::new());
        for ToolFlag { name, program: file, function } in asked {
            if !names.insert(name.written()) {
                let what = format!("--tool {name}: two tools have this name, or are written alike in code");
                return Err(Mistake::Tool(what).into());
            }
            if file.to_str().is_some_and(|text| text.parse::<Digest>().is_ok()) {
                let what = format!("--tool {name}: a digest is known to a server; name a file, or add --server");
                return Err(Mistake::Tool(what).into());
            }
            let bytes = program::read(file, engine.settings().module_bytes)?;
            let build = Build::of(&Preset::Small.limits(), Mode::Ordinary);
            let program = program::load(engine, bytes, build).await?;
            let export = program.export(function).map_err(EngineError::from)?;
            let input_schema = export.params.as_ref().map(ToString::to_string).unwrap_or_default();
            let description = ToolDescription { name: name.to_string(), about: String::new(), input_schema };
            let (function, fails) = (export.name.clone(), export.fails());
            tools.push(Tool { description, program, function, fails });
        }
        Ok(Self { engine: engine.clone(), tools, ends: Instant::now() + Duration::from_millis(deadline_ms) })
    }

    fn request(&self, tool: &Tool, input: &str) -> Result<RunRequest, ToolFailure> {
        let wrong = |what: String| ToolFailure::new("bad_input", what);
        let args: Value = serde_json::from_str(input).map_err(|error| wrong(error.to_string()))?;
        if !args.is_object() {
            return Err(wrong("the input of a tool is an object".to_owned()));
        }
        let mut limits = Preset::Small.limits();
        let left = self.ends.saturating_duration_since(Instant::now()).as_millis();
        limits.deadline_ms = limits.deadline_ms.min(u64::try_from(left).unwrap_or(u64::MAX)).max(1);
        let entry = Entry::Call { function: tool.function.clone(), args };
        Ok(RunRequest::new(entry, limits, Grants::clocks_and_randomness()))
    }
}

impl Tools for Here {
    fn available(&self) -> Vec<ToolDescription> {
        self.tools.iter().map(|tool| tool.description.clone()).collect()
    }

    fn call(&self, name: String, input: String) -> ToolAnswer {
        let unknown = || ToolFailure::new("no_tool", "the run was given no tool of this name");
        let asked = self.tools.iter().find(|tool| tool.description.name == name).ok_or_else(unknown);
        let asked = asked.and_then(|tool| {
            Ok((self.request(tool, &input)?, Arc::clone(&tool.program), self.engine.clone(), tool.fails))
        });
        Box::pin(async move {
            let (request, program, engine, fails) = asked?;
            // Beside the run that calls it, and no longer than that.
            let run = AbortOnDropHandle::new(tokio::spawn(async move { engine.run(&program, request).await }));
            match run.await {
                Ok(Ok(report)) => ToolFailure::or(&report.outcome, fails),
                Ok(Err(EngineError::Call(wrong))) => Err(ToolFailure::new("bad_input", wrong.to_string())),
                Ok(Err(error)) => Err(ToolFailure::new(error.code(), error.to_string())),
                Err(error) => Err(ToolFailure::new("internal", error.to_string())),
            }
        })
    }
}
