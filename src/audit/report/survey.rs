use std::collections::BTreeMap;

use serde_json::Value;

use super::super::names::{EventName, Subject};
use super::super::read::Filter;
use super::super::record::Record;
use super::cell::{short, text_of};
use super::tally::Tally;
use super::trail::Trail;

/// What is gathered from records, one after the other, in bounded memory.
pub struct Survey {
    pub(super) filter: Filter,
    /// The most rows of a table.
    pub(super) rows: usize,
    pub(super) records: u64,
    pub(super) first: Option<(u64, String)>,
    pub(super) last: Option<(u64, String)>,
    /// Lines that are no records, in a log that does not hold.
    pub(super) unreadable: u64,
    /// Refusals that were only counted when they came.
    pub(super) left_out: u64,
    /// Starts that came after a start, without a stop between them.
    pub(super) crashes: u64,
    runs_service: bool,
    pub(super) events: BTreeMap<&'static str, u64>,
    pub(super) principals: Tally<4>,
    pub(super) runs: Tally<4>,
    pub(super) outcomes: Tally<1>,
    pub(super) denied: Tally<1>,
    pub(super) fenced: Tally<2>,
    pub(super) limits: Tally<1>,
    pub(super) logins: Tally<1>,
    pub(super) changes: Trail,
    pub(super) alerts: Trail,
    pub(super) service: Trail,
}

/// Events of a later version.
const UNKNOWN: &str = "(others)";

impl Survey {
    /// The most rows that a table can be asked for.
    pub const MOST_ROWS: usize = 1000;

    pub fn new(filter: Filter, rows: usize) -> Self {
        let rows = rows.clamp(1, Self::MOST_ROWS);
        Self {
            filter,
            rows,
            records: 0,
            first: None,
            last: None,
            unreadable: 0,
            left_out: 0,
            crashes: 0,
            runs_service: false,
            events: BTreeMap::new(),
            principals: Tally::new(),
            runs: Tally::new(),
            outcomes: Tally::new(),
            denied: Tally::new(),
            fenced: Tally::new(),
            limits: Tally::new(),
            logins: Tally::new(),
            changes: Trail::new(rows),
            alerts: Trail::new(rows),
            service: Trail::new(rows),
        }
    }

    /// Takes a record in, if it was asked for.
    pub fn hear(&mut self, record: &Record<'_>) {
        if !self.filter.matches(record) {
            return;
        }
        self.records += 1;
        let place = || (record.seq, record.time.to_owned());
        self.first.get_or_insert_with(place);
        self.last = Some(place());
        let name = record.event.parse::<EventName>().ok();
        *self.events.entry(name.map_or(UNKNOWN, EventName::as_str)).or_default() += 1;
        let Some(name) = name else { return };
        let details = Details::of(record, name);
        self.left_out = self.left_out.saturating_add(details.number("left_out_before"));
        self.who(record, name);
        match name {
            EventName::CommandStarted | EventName::CommandExecuted | EventName::CommandLost => {
                self.run(record, name, &details);
            }
            EventName::AccessDenied => {
                let [tenant, principal] = by(record);
                let key = vec![tenant, principal, text_of(record.action), text_of(record.reason)];
                self.denied.count(key, [1], record);
            }
            EventName::PermissionDenied => {
                let [tenant, principal] = by(record);
                let (tried, path) = (details.text("tried"), details.text("path"));
                let key = vec![tenant, principal, tried, path, text_of(record.reason)];
                self.fenced.count(key, [1, details.number("times").max(1)], record);
            }
            EventName::LimitExceeded => {
                let [tenant, principal] = by(record);
                let key = vec![tenant, principal, what_ran(&details), details.text("limit")];
                self.limits.count(key, [1], record);
            }
            EventName::LoginRefused => {
                self.logins.count(vec![details.text("address"), text_of(record.reason)], [1], record);
            }
            EventName::AlertRaised => self.alerts.add(record),
            _ => self.by_itself(record, name),
        }
    }

    fn who(&mut self, record: &Record<'_>, name: EventName) {
        if record.principal.is_none() {
            return;
        }
        let is = |names: &[EventName]| u64::from(names.contains(&name));
        let counts = [
            1,
            is(&[EventName::CommandStarted]),
            is(&[EventName::AccessDenied, EventName::PermissionDenied]),
            is(&[EventName::LimitExceeded]),
        ];
        self.principals.count(by(record).into(), counts, record);
    }

    fn run(&mut self, record: &Record<'_>, name: EventName, details: &Details) {
        let is = |other: EventName| u64::from(name == other);
        let [tenant, principal] = by(record);
        let counts = [
            is(EventName::CommandStarted),
            is(EventName::CommandExecuted),
            is(EventName::CommandLost),
            details.number("denials"),
        ];
        self.runs.count(vec![tenant, principal, what_ran(details)], counts, record);
        if name == EventName::CommandExecuted {
            self.outcomes.count(vec![details.text("outcome")], [1], record);
        }
    }

    /// What is told one by one.
    fn by_itself(&mut self, record: &Record<'_>, name: EventName) {
        match name {
            EventName::ServiceStarted => {
                self.crashes += u64::from(std::mem::replace(&mut self.runs_service, true));
                self.service.add(record);
            }
            EventName::ServiceStopped => {
                self.runs_service = false;
                self.service.add(record);
            }
            EventName::LogCreated | EventName::TailCut | EventName::ClockSetBack => self.service.add(record),
            _ if is_change(record, name) => self.changes.add(record),
            _ => {}
        }
    }
}

fn by(record: &Record<'_>) -> [String; 2] {
    [text_of(record.tenant), text_of(record.principal)]
}

/// Changes of who may do what, of keys and of settings. Tokens come with each login, and are only counted.
/// A component; else the fence, and the command of the machine that was in it.
fn what_ran(details: &Details) -> String {
    let component = details.text("component");
    if component.is_empty() {
        return format!("{} {}", details.text("backend"), details.text("command")).trim().to_owned();
    }
    component
}

fn is_change(record: &Record<'_>, name: EventName) -> bool {
    match name {
        EventName::TokenCreated | EventName::TokenRevoked => false,
        EventName::ConfigurationChanged
        | EventName::SigningKeyAdded
        | EventName::SigningKeyRemoved
        | EventName::RecordsPruned => true,
        // It may be done or not.
        EventName::ActUnanswered => {
            let action = text_of(record.action);
            ["keys:", "policies:", "roles:", "principals:", "tenants:"].iter().any(|about| action.starts_with(about))
        }
        _ => matches!(name.subject(), Subject::People | Subject::Rules),
    }
}

/// The details of events of which some are told; of others they are not read.
struct Details(Value);

impl Details {
    fn of(record: &Record<'_>, name: EventName) -> Self {
        let read = matches!(
            name,
            EventName::CommandStarted
                | EventName::CommandExecuted
                | EventName::CommandLost
                | EventName::PermissionDenied
                | EventName::LimitExceeded
                | EventName::LoginRefused
        ) || record.details.contains("\"left_out_before\"");
        Self(if read { serde_json::from_str(record.details).unwrap_or_default() } else { Value::Null })
    }

    fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).map(short).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or(0)
    }
}
