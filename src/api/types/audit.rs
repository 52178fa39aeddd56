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
