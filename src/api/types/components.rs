use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::time;
use crate::model::Labels;
use crate::sandbox::ComponentRecord;

/// A program that was submitted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Component {
    /// The SHA-256 of its bytes as they were sent.
    digest: String,
    owner: String,
    bytes: u64,
    #[schema(value_type = std::collections::HashMap<String, String>)]
    labels: Labels,
    created: String,
    /// `component`, `command_module` or `reactor_module`.
    kind: Value,
    /// It can be run as a command.
    command: Value,
    /// What can be called, with JSON Schemas of arguments and results.
    exports: Value,
    /// What it wants of the host, each with the grant that it needs.
    imports: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Components {
    components: Vec<Component>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Components {
    pub(in crate::api) fn new(components: Vec<Component>, next: Option<String>) -> Self {
        Self { components, next }
    }
}

impl From<&ComponentRecord> for Component {
    fn from(record: &ComponentRecord) -> Self {
        let said = |name: &str| record.description.get(name).cloned().unwrap_or_default();
        Self {
            digest: record.digest.to_string(),
            owner: record.owner.to_string(),
            bytes: record.bytes,
            labels: record.labels.clone(),
            created: time(record.created),
            kind: said("kind"),
            command: said("command"),
            exports: said("exports"),
            imports: said("imports"),
        }
    }
}
