use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::pattern::{Pattern, PatternError};

/// What may be done with a path. Each level holds those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It does not exist, in every way in which that can be asked.
    None,
    /// It is listed and can be looked at from the outside.
    View,
    Read,
    /// It can be created, changed, renamed and removed.
    Write,
}

impl Level {
    pub const ALL: [Level; 4] = [Level::None, Level::View, Level::Read, Level::Write];

    pub const fn as_str(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::View => "view",
            Level::Read => "read",
            Level::Write => "write",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the pattern of a rule is read, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One path, letter for letter.
    File,
    /// A folder, letter for letter, and everything below it.
    Directory,
    Glob,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Glob => "glob",
        }
    }
}

/// A rule as a person writes it. One that exists has a pattern that parses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rule {
    pattern: String,
    level: Level,
    #[serde(rename = "type")]
    kind: Kind,
    priority: i32,
    /// Upper and lower case are the same to it, whatever the file system says.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    any_case: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    pattern: String,
    level: Level,
    #[serde(rename = "type", default = "glob")]
    kind: Kind,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    any_case: bool,
}

fn glob() -> Kind {
    Kind::Glob
}

impl TryFrom<Written> for Rule {
    type Error = RuleError;

    fn try_from(written: Written) -> Result<Self, RuleError> {
        let rule = Rule::new(&written.pattern, written.level, written.kind, written.priority)?;
        Ok(if written.any_case { rule.in_any_case() } else { rule })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("`{0}` is no rule; write PATTERN:LEVEL, as in /data/**:read")]
    NoLevel(String),
    #[error("`{0}` is no level; write none, view, read or write")]
    Level(String),
    #[error("`{0}` is no option of a rule; write glob, directory, file, any-case or priority=NUMBER")]
    Option(String),
    #[error("the pattern `{pattern}` cannot be used: {reason}")]
    Pattern { pattern: String, reason: PatternError },
}

impl Rule {
    pub fn new(pattern: &str, level: Level, kind: Kind, priority: i32) -> Result<Self, RuleError> {
        let rule = Self { pattern: pattern.to_owned(), level, kind, priority, any_case: false };
        Pattern::of(&rule, false).map_err(|reason| RuleError::Pattern { pattern: short(pattern), reason })?;
        Ok(rule)
    }

    /// The same for names in upper and in lower case.
    pub fn in_any_case(self) -> Self {
        Self { any_case: true, ..self }
    }

    pub fn any_case(&self) -> bool {
        self.any_case
    }

    pub(super) fn capped(&self, most: Level) -> Self {
        Self { level: self.level.min(most), ..self.clone() }
    }

    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    pub fn level(&self) -> Level {
        self.level
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn priority(&self) -> i32 {
        self.priority
    }
}

/// `PATTERN:LEVEL`, and after commas `glob`, `directory`, `file`, `any-case` and `priority=NUMBER`.
impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (pattern, rest) = text.rsplit_once(':').ok_or_else(|| RuleError::NoLevel(short(text)))?;
        let mut parts = rest.split(',').map(str::trim);
        let word = parts.next().unwrap_or_default();
        let level = Level::ALL.into_iter().find(|level| level.as_str() == word);
        let level = level.ok_or_else(|| RuleError::Level(short(word)))?;
        let (mut kind, mut priority, mut any_case) = (Kind::Glob, 0, false);
        for part in parts {
            match (part, part.strip_prefix("priority=").and_then(|number| number.parse().ok())) {
                ("glob", _) => kind = Kind::Glob,
                ("directory", _) => kind = Kind::Directory,
                ("file", _) => kind = Kind::File,
                ("any-case", _) => any_case = true,
                (_, Some(number)) => priority = number,
                _ => return Err(RuleError::Option(short(part))),
            }
        }
        let rule = Rule::new(pattern.trim(), level, kind, priority)?;
        Ok(if any_case { rule.in_any_case() } else { rule })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.pattern, self.level)?;
        if self.kind != Kind::Glob {
            write!(f, ",{}", self.kind.as_str())?;
        }
        if self.priority != 0 {
            write!(f, ",priority={}", self.priority)?;
        }
        if self.any_case {
            f.write_str(",any-case")?;
        }
        Ok(())
    }
}

/// Text that somebody wrote, fit for one line of an error.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 80;
    let mut out: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        out.push('…');
    }
    out
}
