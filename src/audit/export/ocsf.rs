use serde_json::{Map, Value, json};

use super::super::names::{EventName, Severity, Subject};
use super::super::record::Record;
use super::super::scan::{BadRecord, Quoted};

/// Class, category and activity. Activities are 99 (other), with the event's own name beside it, where OCSF has no
/// word for it.
fn class(name: Option<EventName>) -> (u32, u32, u32) {
    let activity = match name {
        Some(EventName::LoginRefused | EventName::ServiceStarted) => 1,
        Some(EventName::ServiceStopped) => 4,
        _ => 99,
    };
    match name {
        Some(EventName::LoginRefused) => (3002, 3, activity),
        Some(EventName::ServiceStarted) => (6002, 6, 3),
        Some(EventName::ServiceStopped) => (6002, 6, activity),
        Some(name) if name.subject() == Subject::People => (3001, 3, activity),
        Some(name) if name.subject() == Subject::Rules => (3005, 3, activity),
        _ => (6003, 6, activity),
    }
}

pub(super) fn write(record: &Record<'_>, line: &str) -> Result<String, BadRecord> {
    let name = record.event.parse::<EventName>().ok();
    let (class, category, activity) = class(name);
    let severity = match name.map_or(Severity::Information, EventName::severity) {
        Severity::Information => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
    };
    let time = record.time.parse::<jiff::Timestamp>().map_err(|_| BadRecord::BadValue)?;
    let text = |quoted: Option<Quoted<'_>>| quoted.map(|quoted| Value::String(quoted.text()));
    let mut out = Map::new();
    out.insert("activity_id".into(), activity.into());
    out.insert("activity_name".into(), record.event.into());
    out.insert("category_uid".into(), category.into());
    out.insert("class_uid".into(), class.into());
    out.insert("type_uid".into(), (class * 100 + activity).into());
    out.insert("severity_id".into(), severity.into());
    out.insert("time".into(), time.as_millisecond().into());
    if let Some(allowed) = record.allowed {
        out.insert("status_id".into(), if allowed { 1 } else { 2 }.into());
        out.insert("status".into(), if allowed { "Success" } else { "Failure" }.into());
    }
    if let Some(reason) = text(record.reason) {
        out.insert("status_detail".into(), reason);
    }
    out.insert("metadata".into(), metadata(record, text(record.request)));
    let mut user = Map::new();
    let fields = [("name", record.principal), ("credential_uid", record.key), ("domain", record.tenant)];
    user.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value)?))));
    if !user.is_empty() {
        out.insert("actor".into(), json!({ "user": user }));
    }
    if let Some(action) = text(record.action) {
        out.insert("api".into(), json!({ "operation": action }));
    }
    if let (Some(id), Some(kind)) = (text(record.resource_id), text(record.resource_kind)) {
        out.insert("resources".into(), json!([{ "uid": id, "type": kind }]));
    }
    let details: Value = serde_json::from_str(record.details).map_err(|_| BadRecord::NotARecord)?;
    let policies: Value = serde_json::from_str(record.policies.unwrap_or("[]")).map_err(|_| BadRecord::NotARecord)?;
    out.insert("unmapped".into(), json!({ "details": details, "policies": policies, "prev": record.prev.to_string() }));
    out.insert("raw_data".into(), line.into());
    Ok(Value::Object(out).to_string())
}

fn metadata(record: &Record<'_>, request: Option<Value>) -> Value {
    let mut metadata = json!({
        "version": "1.3.0",
        "product": { "name": "ringfence", "vendor_name": "Ringfence", "version": env!("CARGO_PKG_VERSION") },
        "sequence": record.seq,
        "uid": record.seq.to_string(),
    });
    if let (Some(request), Some(fields)) = (request, metadata.as_object_mut()) {
        fields.insert("correlation_uid".into(), request);
    }
    metadata
}
