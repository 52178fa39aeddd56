use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::policy::{Policy, PolicyError, RULES};
use super::presets::{Preset, UnknownPreset};
use super::rule::{Level, Rule, RuleError};

/// Rules are no longer than this.
pub const TEXT_BYTES: usize = 1 << 20;

/// What a person says of a mount: a preset, and rules on top.
///
/// As text, a line each: `preset NAME`, or a rule as `PATTERN:LEVEL[,TYPE][,priority=NUMBER]`. Empty lines and lines
/// that begin with `#` say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    pub preset: Option<Preset>,
    pub rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    #[error("line {line}: {reason}")]
    Rule { line: usize, reason: RuleError },
    #[error("line {line}: {reason}")]
    Preset { line: usize, reason: UnknownPreset },
    #[error("line {line}: a second preset; one set of rules has one")]
    SecondPreset { line: usize },
    #[error("line {line}: more than {RULES} rules; say the same with fewer patterns")]
    TooMany { line: usize },
    #[error("line {line}: this is where the rules get longer than 1 MiB")]
    TooLong { line: usize },
    #[error("line {line}: this is no text (UTF-8)")]
    NotText { line: usize },
    /// A line that parses and is one too many.
    #[error("line {line}: {reason}")]
    Policy { line: usize, reason: PolicyError },
}

impl Rules {
    /// Ready to be asked; `folded` as in [`Policy::new`].
    pub fn policy(&self, folded: bool) -> Result<Policy, PolicyError> {
        let preset = self.preset.map(Preset::rules).unwrap_or_default();
        Policy::new(preset.into_iter().chain(self.rules.iter().cloned()).collect(), folded)
    }

    /// From the bytes of a file, of which no more than a byte beyond [`TEXT_BYTES`] need be read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RulesError> {
        let line = |upto: usize| 1 + bytes.iter().take(upto).filter(|byte| **byte == b'\n').count();
        if bytes.len() > TEXT_BYTES {
            return Err(RulesError::TooLong { line: line(TEXT_BYTES) });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| RulesError::NotText { line: line(error.valid_up_to()) })?;
        Self::parse(text)
    }

    fn parse(text: &str) -> Result<Self, RulesError> {
        let (rules, lines) = Self::of_lines(text)?;
        rules.fit_together(&lines)?;
        Ok(rules)
    }

    /// With the line of each; whether they are too much together is not looked at.
    fn of_lines(text: &str) -> Result<(Self, Vec<usize>), RulesError> {
        let mut rules = Rules::default();
        let mut lines = Vec::new();
        let mut room = RULES;
        for (index, written) in text.lines().enumerate() {
            let (line, written) = (index + 1, written.trim());
            if written.is_empty() || written.starts_with('#') {
                continue;
            }
            if let Some(name) = written.strip_prefix("preset ") {
                let preset: Preset = name.trim().parse().map_err(|reason| RulesError::Preset { line, reason })?;
                if rules.preset.replace(preset).is_some() {
                    return Err(RulesError::SecondPreset { line });
                }
                room = room.saturating_sub(preset.rules().len());
            } else {
                let rule = written.parse().map_err(|reason| RulesError::Rule { line, reason })?;
                rules.rules.push(rule);
                lines.push(line);
            }
            if rules.rules.len() > room {
                return Err(RulesError::TooMany { line });
            }
        }
        Ok((rules, lines))
    }

    /// Rules that each parse can be too much together; then the line is told from which on they are.
    fn fit_together(&self, lines: &[usize]) -> Result<(), RulesError> {
        // They are to be good for any file system: where case counts, patterns have less in common; where it does not,
        // some are shorter.
        let fit = |rules: &Rules| rules.policy(false).and_then(|_| rules.policy(true));
        let Err(reason) = fit(self) else { return Ok(()) };
        let first =
            |count: usize| Rules { preset: self.preset, rules: self.rules.iter().take(count).cloned().collect() };
        let (mut fits, mut too_many) = (0, self.rules.len());
        while too_many > fits + 1 {
            let middle = fits + (too_many - fits) / 2;
            if fit(&first(middle)).is_ok() { fits = middle } else { too_many = middle }
        }
        Err(RulesError::Policy { line: lines.get(fits).copied().unwrap_or_default(), reason })
    }

    /// The same with nothing above a level.
    pub fn capped(&self, most: Level) -> Self {
        let preset = self.preset.map(Preset::rules).unwrap_or_default();
        let cap = |rule: &Rule| rule.capped(most);
        Self { preset: None, rules: preset.iter().chain(&self.rules).map(cap).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.preset.is_none() && self.rules.is_empty()
    }
}

/// As [`Rules::from_str`] reads it.
impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(preset) = self.preset {
            writeln!(f, "preset {preset}")?;
        }
        self.rules.iter().try_for_each(|rule| writeln!(f, "{rule}"))
    }
}

impl FromStr for Rules {
    type Err = RulesError;

    fn from_str(text: &str) -> Result<Self, RulesError> {
        Self::from_bytes(text.as_bytes())
    }
}

/// Rules that were taken, as text: whoever only shows them need not read them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptRules(String);

impl KeptRules {
    /// Each by itself; that they fit together is seen when a policy is made of them.
    pub fn read(&self) -> Result<Rules, RulesError> {
        Ok(Rules::of_lines(&self.0)?.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Rules> for KeptRules {
    fn from(rules: &Rules) -> Self {
        Self(rules.to_string())
    }
}
