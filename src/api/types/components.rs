use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::time;
use crate::model::{Json, Labels};
use crate::sandbox::ComponentRecord;

/// A program that was submitted, with all that is said of it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Component {
    #[serde(flatten)]
    summary: ComponentSummary,
    /// What can be called, with JSON Schemas of arguments and results.
    #[schema(value_type = serde_json::Value)]
    exports: Box<RawValue>,
    /// What it wants of the host, each with the grant that it needs.
    #[schema(value_type = serde_json::Value)]
    imports: Box<RawValue>,
}

/// A program that was submitted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ComponentSummary {
    /// The SHA-256 of its bytes as they were sent.
    digest: String,
    owner: String,
    bytes: u64,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    created: String,
    /// `component`, `command_module` or `reactor_module`.
    kind: &'static str,
    /// It can be run as a command.
    command: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Components {
    components: Vec<ComponentSummary>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Components {
    pub(in crate::api) fn new(components: Vec<ComponentSummary>, next: Option<String>) -> Self {
        Self { components, next }
    }
}

#[derive(Deserialize)]
struct Described {
    exports: Box<RawValue>,
    imports: Box<RawValue>,
}

impl Component {
    pub(in crate::api) fn new(record: &ComponentRecord, described: &Json) -> serde_json::Result<Self> {
        let Described { exports, imports } = serde_json::from_str(described.text())?;
        Ok(Self { summary: record.into(), exports, imports })
    }
}

impl From<&ComponentRecord> for ComponentSummary {
    fn from(record: &ComponentRecord) -> Self {
        Self {
            digest: record.digest.to_string(),
            owner: record.owner.to_string(),
            bytes: record.bytes,
            labels: record.labels.clone(),
            created: time(record.created),
            kind: record.kind.as_str(),
            command: record.command,
        }
    }
}
