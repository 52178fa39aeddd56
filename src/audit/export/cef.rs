use super::super::names::{EventName, Severity};
use super::super::record::Record;
use super::super::scan::Quoted;

/// `CEF:0|Ringfence|ringfence|VERSION|event|event|severity|key=value …`
pub(super) fn write(record: &Record<'_>) -> String {
    let severity = record.event.parse::<EventName>().map_or(Severity::Information, EventName::severity);
    let severity = match severity {
        Severity::Information => 1,
        Severity::Low => 3,
        Severity::Medium => 6,
        Severity::High => 9,
    };
    let name = header(record.event);
    let mut out = format!("CEF:0|Ringfence|ringfence|{}|{name}|{name}|{severity}|", env!("CARGO_PKG_VERSION"));
    let mut put = |key: &str, value: &str| {
        out.push_str(key);
        out.push('=');
        out.push_str(&extension(value));
        out.push(' ');
    };
    let text = |quoted: Option<Quoted<'_>>| quoted.map(|quoted| quoted.text());
    if let Ok(time) = record.time.parse::<jiff::Timestamp>() {
        put("rt", &time.as_millisecond().to_string());
    }
    put("externalId", &record.seq.to_string());
    let fields = [
        ("suser", text(record.principal)),
        ("suid", text(record.key)),
        ("act", text(record.action)),
        ("outcome", record.allowed.map(|allowed| if allowed { "allowed" } else { "denied" }.to_owned())),
        ("reason", text(record.reason)),
    ];
    for (key, value) in fields {
        value.map(|value| put(key, &value)).unwrap_or_default();
    }
    let strings = [
        ("tenant", text(record.tenant)),
        ("request", text(record.request)),
        ("resource", text(record.resource_id).zip(text(record.resource_kind)).map(|(id, kind)| format!("{kind} {id}"))),
        ("policies", record.policies.map(str::to_owned)),
        ("details", Some(record.details.to_owned())),
        ("prev", Some(record.prev.to_string())),
    ];
    for (n, (label, value)) in strings.into_iter().enumerate() {
        if let Some(value) = value {
            put(&format!("cs{}Label", n + 1), label);
            put(&format!("cs{}", n + 1), &value);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|")
}

fn extension(text: &str) -> String {
    text.replace('\\', "\\\\").replace('=', "\\=")
}
