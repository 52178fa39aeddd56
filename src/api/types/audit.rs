use serde::Serialize;
use utoipa::ToSchema;

/// Records as they stand in the log; docs/audit.md says what is in each.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct AuditEvents {
    #[schema(value_type = Vec<Object>)]
    pub(in crate::api) events: Vec<serde_json::Value>,
    /// To be sent as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::api) next: Option<String>,
}

/// One event of the tail: a record, as it stands in the log.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for what is streamed in the document")]
pub(in crate::api) struct AuditStreamed {
    /// The name of what was done: `command_executed`, `permission_denied`, …
    #[schema(pattern = "^[a-z_]+$")]
    event: String,
    /// The number of the record; with it as `Last-Event-ID` a tail begins after this one.
    #[schema(pattern = "^[0-9]+$")]
    id: String,
    /// The record: the JSON of one line of the log.
    data: String,
}
