use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

/// When somebody should hear of it, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertSettings {
    /// Sandboxes, callers or addresses that each rule remembers; beyond it the oldest are forgotten.
    pub subjects: u32,
    /// What guests tried without a grant, in a sandbox or in runs of a principal without one.
    #[serde(deserialize_with = "denials")]
    pub denials: Rule,
    /// Limits that ended a run, in the same.
    #[serde(deserialize_with = "limits")]
    pub limits: Rule,
    /// Sandboxes that one principal made.
    #[serde(deserialize_with = "sandboxes")]
    pub sandboxes: Rule,
    /// How many seconds a sandbox is old that is still used, or a run without one took.
    #[serde(deserialize_with = "sessions")]
    pub sessions: Rule,
    /// Runs and sandboxes of one principal that could not begin, with none in between that did.
    #[serde(deserialize_with = "failed_starts")]
    pub failed_starts: Rule,
    /// Credentials from one IPv4 address or one IPv6 /64 that opened nothing.
    #[serde(deserialize_with = "failed_logins")]
    pub failed_logins: LoginRule,
    pub webhook: WebhookSettings,
}

/// More than so much, within so many seconds; told once in that time of each that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub severity: Level,
    pub more_than: u32,
    pub window_s: u32,
    pub act: Act,
}

/// The same where there is nobody known to act upon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoginRule {
    pub severity: Level,
    pub more_than: u32,
    pub window_s: u32,
}

/// How much an alert should worry; `off` raises none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Off,
    Low,
    Medium,
    High,
}

impl Level {
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
        }
    }
}

/// What is done besides telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    None,
    /// The sandbox that it happened in: what runs there ends, and nothing more begins.
    StopSandbox,
    /// The key that it was done with, or that the token goes back to: it is revoked.
    SuspendKey,
}

/// Where each alert is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// `https`, or `http` to this machine.
    pub url: Option<String>,
    /// A file with what each alert is signed with, 32 bytes at least; one line end after it is not part of it.
    pub key_file: Option<PathBuf>,
    /// The address may lead to a private network; otherwise only to the internet or to this machine.
    pub private: bool,
    /// Alerts that wait to be sent; one more is not sent.
    pub queue: u32,
    /// How often each is tried.
    pub tries: u32,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self { url: None, key_file: None, private: false, queue: 1_000, tries: 12 }
    }
}

const fn rule(severity: Level, more_than: u32, window_s: u32) -> Rule {
    Rule { severity, more_than, window_s, act: Act::None }
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            subjects: 10_000,
            denials: rule(Level::High, 10, 60),
            limits: rule(Level::Medium, 0, 60),
            sandboxes: rule(Level::Medium, 100, 3_600),
            sessions: rule(Level::Low, 3_600, 3_600),
            failed_starts: rule(Level::Medium, 2, 3_600),
            failed_logins: LoginRule { severity: Level::High, more_than: 5, window_s: 60 },
            webhook: WebhookSettings::default(),
        }
    }
}

/// What is said of a rule; the rest is as each rule has it by itself.
#[derive(Deserialize)]
#[serde(rename = "Rule", deny_unknown_fields)]
struct Said {
    severity: Option<Level>,
    more_than: Option<u32>,
    window_s: Option<u32>,
    act: Option<Act>,
}

#[derive(Deserialize)]
#[serde(rename = "LoginRule", deny_unknown_fields)]
struct LoginSaid {
    severity: Option<Level>,
    more_than: Option<u32>,
    window_s: Option<u32>,
}

impl Said {
    fn over(self, own: &Rule) -> Rule {
        Rule {
            severity: self.severity.unwrap_or(own.severity),
            more_than: self.more_than.unwrap_or(own.more_than),
            window_s: self.window_s.unwrap_or(own.window_s),
            act: self.act.unwrap_or(own.act),
        }
    }
}

macro_rules! over_its_own {
    ($($name:ident)*) => { $(
        fn $name<'de, D: Deserializer<'de>>(from: D) -> Result<Rule, D::Error> {
            Ok(Said::deserialize(from)?.over(&AlertSettings::default().$name))
        }
    )* };
}

over_its_own! { denials limits sandboxes sessions failed_starts }

fn failed_logins<'de, D: Deserializer<'de>>(from: D) -> Result<LoginRule, D::Error> {
    let (said, own) = (LoginSaid::deserialize(from)?, AlertSettings::default().failed_logins);
    Ok(LoginRule {
        severity: said.severity.unwrap_or(own.severity),
        more_than: said.more_than.unwrap_or(own.more_than),
        window_s: said.window_s.unwrap_or(own.window_s),
    })
}

impl LoginRule {
    pub(super) fn rule(&self) -> Rule {
        rule(self.severity, self.more_than, self.window_s)
    }
}

/// A day.
const WINDOW_S: u32 = 86_400;

impl AlertSettings {
    /// Refuses by name what cannot be held, before anything starts.
    pub fn check(&self) -> Result<(), String> {
        within("subjects", self.subjects, 100, 1_000_000)?;
        let rules = [
            ("denials", &self.denials),
            ("limits", &self.limits),
            ("sandboxes", &self.sandboxes),
            ("sessions", &self.sessions),
            ("failed_starts", &self.failed_starts),
            ("failed_logins", &self.failed_logins.rule()),
        ];
        for (name, rule) in rules {
            within(&format!("{name}.window_s"), rule.window_s, 1, WINDOW_S)?;
        }
        within("webhook.queue", self.webhook.queue, 1, 100_000)?;
        within("webhook.tries", self.webhook.tries, 1, 100)
    }
}

fn within(field: &str, value: u32, least: u32, most: u32) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("{field} is {value}; it must be {least} to {most}"))
}
