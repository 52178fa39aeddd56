use std::io::Write as _;

use super::super::names::{EventName, Severity};
use super::super::record::Record;

/// `log audit`.
const FACILITY: u8 = 13;
const HOST_BYTES: usize = 255;
const EVENT_BYTES: usize = 32;

/// The host of an origin, as far as a message can say it.
pub(super) fn host(origin: &str) -> String {
    let host: String = origin.split('/').next().unwrap_or_default().chars().filter(char::is_ascii_graphic).collect();
    if host.is_empty() { "-".to_owned() } else { host.chars().take(HOST_BYTES).collect() }
}

/// One message of RFC 5424, after its length (RFC 6587, octet counting).
pub(super) fn write(record: &Record<'_>, host: &str, text: &str, into: &mut Vec<u8>) {
    let severity = match record.event.parse::<EventName>().map_or(Severity::Information, EventName::severity) {
        Severity::Information => 6,
        Severity::Low => 5,
        Severity::Medium => 4,
        Severity::High => 2,
    };
    let event = record.event.get(..EVENT_BYTES).unwrap_or(record.event);
    let head = format!("<{}>1 {} {host} ringfence - {event} - ", FACILITY * 8 + severity, record.time);
    // Writing to memory cannot fail.
    let _ = write!(into, "{} {head}{text}", head.len() + text.len());
}
