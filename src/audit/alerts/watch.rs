use super::seen::{Seen, Subject};
use super::settings::{AlertSettings, Level, Rule};
use super::windows::{Who, Windows};
use crate::audit::{Event, EventName, Quoted, Record};
use crate::model::{KeyId, PrincipalId, SandboxId, TenantId};

/// The rules there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleName {
    Denials,
    Limits,
    Sandboxes,
    Sessions,
    FailedStarts,
    FailedLogins,
}

impl RuleName {
    pub const fn as_str(self) -> &'static str {
        match self {
            RuleName::Denials => "denials",
            RuleName::Limits => "limits",
            RuleName::Sandboxes => "sandboxes",
            RuleName::Sessions => "sessions",
            RuleName::FailedStarts => "failed_starts",
            RuleName::FailedLogins => "failed_logins",
        }
    }
}

/// What is to be done about an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Nothing,
    StopSandbox(TenantId, SandboxId),
    /// Of this principal: a token of an issuer may be called like somebody else's key.
    SuspendKey(TenantId, PrincipalId, KeyId),
}

impl Deed {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Deed::Nothing => "none",
            Deed::StopSandbox(..) => "stop_sandbox",
            Deed::SuspendKey(..) => "suspend_key",
        }
    }
}

/// Something happened too often, or for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    pub rule: RuleName,
    pub severity: Level,
    /// Whom it is counted for: kind and id.
    pub subject: (&'static str, String),
    /// How much it was, where not more than `more_than` is to be in `window_s`.
    pub count: u64,
    pub more_than: u32,
    pub window_s: u32,
    pub deed: Deed,
    /// Number and time of the record with which it was too much, and who did what that record tells.
    pub record: u64,
    pub time: String,
    pub tenant: Option<String>,
    pub principal: Option<String>,
    pub key: Option<String>,
    pub request: Option<String>,
}

impl Alert {
    /// As it is recorded itself.
    pub fn event(&self) -> Event {
        let (kind, id) = &self.subject;
        let event = Event::new(EventName::AlertRaised)
            .resource(kind, id)
            .detail("rule", self.rule.as_str())
            .detail("severity", self.severity.as_str())
            .detail("count", self.count)
            .detail("more_than", u64::from(self.more_than))
            .detail("window_s", u64::from(self.window_s))
            .detail("record", self.record)
            .detail("act", self.deed.as_str());
        let said = |event: Event, text: &Option<String>, say: fn(Event, &str) -> Event| match text {
            Some(text) => say(event, text),
            None => event,
        };
        let event = said(event, &self.tenant, Event::tenant);
        let event = said(event, &self.principal, Event::principal);
        let event = said(event, &self.key, Event::key);
        said(event, &self.request, Event::request)
    }
}

struct Watched {
    name: RuleName,
    rule: Rule,
    windows: Windows,
}

/// All rules, and what they remember.
pub struct Alerts {
    denials: Watched,
    limits: Watched,
    sandboxes: Watched,
    sessions: Watched,
    failed_starts: Watched,
    failed_logins: Watched,
}

impl Alerts {
    pub fn new(settings: &AlertSettings) -> Self {
        let subjects = usize::try_from(settings.subjects).unwrap_or(usize::MAX);
        let watched = |name, rule: &Rule| {
            let windows = Windows::new(u64::from(rule.window_s) * 1_000, u64::from(rule.more_than), subjects);
            Watched { name, rule: rule.clone(), windows }
        };
        Self {
            denials: watched(RuleName::Denials, &settings.denials),
            limits: watched(RuleName::Limits, &settings.limits),
            sandboxes: watched(RuleName::Sandboxes, &settings.sandboxes),
            sessions: watched(RuleName::Sessions, &settings.sessions),
            failed_starts: watched(RuleName::FailedStarts, &settings.failed_starts),
            failed_logins: watched(RuleName::FailedLogins, &settings.failed_logins.rule()),
        }
    }

    /// Takes the next record of the log; what is to be told of because of it.
    pub fn see(&mut self, record: &Record<'_>) -> Vec<Alert> {
        let Some(seen) = Seen::of(record) else { return Vec::new() };
        let told = match record.event {
            "command_started" => [self.session(&seen), None, None],
            "command_executed" => [self.denied(&seen), self.session(&seen), self.began(&seen)],
            "files_read" | "files_written" | "changes_applied" => [self.session(&seen), None, None],
            "limit_exceeded" => [self.limits.count(&seen, seen.place(), 1), None, None],
            "sandbox_created" => {
                self.failed_starts.forgive(&seen, &seen.principal());
                [self.sandboxes.count(&seen, seen.principal(), 1), None, None]
            }
            "act_failed" if seen.is_start() => [self.failed_starts.count_once(&seen, seen.principal()), None, None],
            "login_refused" => [self.failed_logins.count(&seen, seen.address(), 1), None, None],
            _ => [None, None, None],
        };
        told.into_iter().flatten().collect()
    }

    /// What a run was denied is known in whole at its end.
    fn denied(&mut self, seen: &Seen<'_>) -> Option<Alert> {
        let denials = seen.number("denials").filter(|denials| *denials > 0)?;
        self.denials.count(seen, seen.place(), denials)
    }

    fn session(&mut self, seen: &Seen<'_>) -> Option<Alert> {
        let ms = match &seen.sandbox {
            Some(sandbox) => seen.time.saturating_sub(sandbox.made()),
            None => seen.number("milliseconds")?,
        };
        self.sessions.measure(seen, seen.place(), ms / 1_000)
    }

    /// One that failed before the guest was there has no outcome of a guest.
    fn began(&mut self, seen: &Seen<'_>) -> Option<Alert> {
        if seen.word("outcome") == Some("failed") {
            return self.failed_starts.count_once(seen, seen.principal());
        }
        self.failed_starts.forgive(seen, &seen.principal());
        None
    }
}

impl Watched {
    fn count(&mut self, seen: &Seen<'_>, subject: Subject, times: u64) -> Option<Alert> {
        self.told(seen, subject, |windows, who| windows.count(who, seen.time, times, 0))
    }

    /// The answer to a request and the end of its run tell of the same.
    fn count_once(&mut self, seen: &Seen<'_>, subject: Subject) -> Option<Alert> {
        self.told(seen, subject, |windows, who| windows.count(who, seen.time, 1, seen.request()))
    }

    fn measure(&mut self, seen: &Seen<'_>, subject: Subject, much: u64) -> Option<Alert> {
        self.told(seen, subject, |windows, who| windows.measure(who, seen.time, much))
    }

    fn forgive(&mut self, seen: &Seen<'_>, subject: &Subject) {
        if let Some((kind, id)) = subject {
            self.windows.forgive(&seen.who(kind, id));
        }
    }

    fn told(
        &mut self,
        seen: &Seen<'_>,
        subject: Subject,
        count: impl FnOnce(&mut Windows, Who) -> Option<u64>,
    ) -> Option<Alert> {
        if self.rule.severity == Level::Off {
            return None;
        }
        let (kind, id) = subject?;
        let count = count(&mut self.windows, seen.who(kind, &id))?;
        let text = |quoted: Option<Quoted<'_>>| quoted.map(|quoted| quoted.text());
        Some(Alert {
            rule: self.name,
            severity: self.rule.severity,
            subject: (kind, id),
            count,
            more_than: self.rule.more_than,
            window_s: self.rule.window_s,
            deed: seen.deed(self.rule.act).unwrap_or(Deed::Nothing),
            record: seen.record.seq,
            time: seen.record.time.to_owned(),
            tenant: text(seen.record.tenant),
            principal: text(seen.record.principal),
            key: text(seen.record.key),
            request: text(seen.record.request),
        })
    }
}
