use std::str::FromStr;

use super::super::record::Record;
use super::super::scan::Quoted;
use super::super::text::clean;

/// A time as the log writes it, so that it compares as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogTime(String);

impl LogTime {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no time; write it like 2026-11-21T14:00:00Z")]
pub struct BadTime(String);

impl FromStr for LogTime {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<Self, BadTime> {
        let time: jiff::Timestamp = text.parse().map_err(|_| BadTime(clean(text, 100)))?;
        Ok(Self::from(time))
    }
}

impl From<jiff::Timestamp> for LogTime {
    fn from(time: jiff::Timestamp) -> Self {
        Self(format!("{time:.6}"))
    }
}

/// Which events are asked for. What is not said is not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this time on.
    pub since: Option<LogTime>,
    /// Before this time.
    pub until: Option<LogTime>,
    pub event: Option<String>,
    pub tenant: Option<String>,
    pub principal: Option<String>,
    pub key: Option<String>,
    pub request: Option<String>,
    pub action: Option<String>,
    pub resource_kind: Option<String>,
    pub resource_id: Option<String>,
    pub allowed: Option<bool>,
}

impl Filter {
    pub fn matches(&self, record: &Record<'_>) -> bool {
        self.since.as_ref().is_none_or(|since| record.time >= since.as_str())
            && self.until.as_ref().is_none_or(|until| record.time < until.as_str())
            && self.event.as_ref().is_none_or(|event| record.event == event)
            && self.allowed.is_none_or(|allowed| record.allowed == Some(allowed))
            && is(self.tenant.as_deref(), record.tenant)
            && is(self.principal.as_deref(), record.principal)
            && is(self.key.as_deref(), record.key)
            && is(self.request.as_deref(), record.request)
            && is(self.action.as_deref(), record.action)
            && is(self.resource_kind.as_deref(), record.resource_kind)
            && is(self.resource_id.as_deref(), record.resource_id)
    }
}

/// In the log stand escaped texts; who asks writes them as they are.
fn is(asked: Option<&str>, found: Option<Quoted<'_>>) -> bool {
    asked.is_none_or(|asked| found.is_some_and(|found| found.is(&clean(asked, 1024))))
}
