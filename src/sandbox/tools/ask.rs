use std::collections::HashSet;
use std::sync::Arc;

use super::super::error::SandboxError;
use super::super::hall::Hall;
use super::super::plan::{self, LimitsAsk, Most};
use super::schema::{PATTERNS, Schema};
use crate::engine::{Build, EngineError, ToolDescription};
use crate::model::{Ceilings, Digest, Json, Mode, TenantId, ToolName, show_bytes};

/// The most tools of one run.
const TOOLS: usize = 64;
/// What one may say of itself, the schema of its input, and all of them together.
const ABOUT_BYTES: usize = 4 << 10;
const SCHEMA_BYTES: usize = 64 << 10;
const ALL_BYTES: usize = 256 << 10;

/// A tool that a run is to be given.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolAsk {
    pub name: ToolName,
    /// For whoever writes the code.
    pub about: String,
    pub by: ToolBy,
}

/// Who does what the tool is for.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolBy {
    /// A function of a component of the tenant, in an instance of its own for each call.
    Component { digest: Digest, function: String, limits: LimitsAsk },
    /// Whoever asked for the run, told by an event of it.
    Caller { input_schema: Json },
}

/// One that was found to be there, or whose schema can be checked.
#[derive(Clone)]
pub(in super::super) struct Tool {
    pub(super) description: ToolDescription,
    pub(super) way: Way,
}

#[derive(Clone)]
pub(super) enum Way {
    /// With whether it may give an error in the place of a value.
    Component {
        digest: Digest,
        function: String,
        limits: LimitsAsk,
        fails: bool,
    },
    Caller(Arc<Schema>),
}

fn wrong(message: String) -> SandboxError {
    SandboxError::Invalid { field: "tools", message }
}

impl Hall {
    /// Looks at what a run is to be given, before it begins.
    pub(in super::super) async fn tools(
        &self,
        tenant: &TenantId,
        ceilings: &Ceilings,
        asked: Vec<ToolAsk>,
        mode: Mode,
    ) -> Result<Vec<Tool>, SandboxError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        if matches!(mode, Mode::Deterministic { .. }) {
            let what = "what a tool answers is not the same each time; leave out `tools` or `deterministic`";
            return Err(wrong(what.to_owned()));
        }
        if asked.len() > TOOLS {
            return Err(wrong(format!("there are {} tools, and a run has at most {TOOLS}", asked.len())));
        }
        let mut names = HashSet::new();
        if let Some(twice) = asked.iter().find(|tool| !names.insert(tool.name.written())) {
            return Err(wrong(format!("two tools are called `{}`, or are written alike in code", twice.name)));
        }
        let mut tools = Vec::new();
        for one in asked {
            tools.push(self.tool(tenant, ceilings, one).await?);
            // Each comes to far more in memory than it is long.
            let patterns: usize = tools.iter().map(Tool::patterns).sum();
            if patterns > PATTERNS {
                return Err(wrong(format!("the schemas of the tools have more than {PATTERNS} patterns together")));
            }
        }
        let all: usize = tools.iter().map(|tool| tool.description.bytes()).sum();
        if all > ALL_BYTES {
            let (all, most) = (show_bytes(all as u64), show_bytes(ALL_BYTES as u64));
            return Err(wrong(format!("what is said of the tools takes {all}, and {most} are the most")));
        }
        Ok(tools)
    }

    async fn tool(&self, tenant: &TenantId, ceilings: &Ceilings, asked: ToolAsk) -> Result<Tool, SandboxError> {
        let ToolAsk { name, about, by } = asked;
        if about.len() > ABOUT_BYTES {
            return Err(wrong(format!("`{name}`: `about` has more than {}", show_bytes(ABOUT_BYTES as u64))));
        }
        let (schema, way) = match by {
            ToolBy::Caller { input_schema } => {
                short(&name, input_schema.text())?;
                let schema = Schema::read(input_schema.text())
                    .map_err(|error| wrong(format!("`{name}`: input_schema at {error}")))?;
                (input_schema.text().to_owned(), Way::Caller(Arc::new(schema)))
            }
            ToolBy::Component { digest, function, limits } => {
                let missing = || SandboxError::NoComponent(digest.to_string());
                self.known(tenant, digest)?.ok_or_else(missing)?;
                let given = plan::limits(&limits, &Most { ceilings, sandbox: None }, &mut Vec::new())?;
                let program = self.ready(digest, Build::of(&given, Mode::Ordinary)).await?;
                let export = program.export(&function).map_err(EngineError::from)?;
                let schema = export.params.as_ref().map(ToString::to_string).unwrap_or_default();
                short(&name, &schema)?;
                (schema, Way::Component { digest, function: export.name.clone(), limits, fails: export.fails() })
            }
        };
        let description = ToolDescription { name: name.to_string(), about, input_schema: schema };
        Ok(Tool { description, way })
    }
}

impl Tool {
    fn patterns(&self) -> usize {
        match &self.way {
            Way::Caller(schema) => schema.patterns(),
            Way::Component { .. } => 0,
        }
    }
}

fn short(name: &ToolName, schema: &str) -> Result<(), SandboxError> {
    if schema.len() <= SCHEMA_BYTES {
        return Ok(());
    }
    Err(wrong(format!("`{name}`: the schema of its input has more than {}", show_bytes(SCHEMA_BYTES as u64))))
}
