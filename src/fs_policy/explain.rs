use serde::Serialize;

use super::policy::Policy;
use super::rule::{Level, Rule};

/// Why a path has the level that it has.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    pub path: String,
    pub level: Level,
    /// `None`: no rule fits, so the path is hidden.
    pub winner: Option<Rule>,
    /// The others that fit, the strongest first, each with why it lost.
    pub beaten: Vec<Heard>,
    /// A folder here can be passed on the way to something that may be seen.
    pub passable: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct Heard {
    pub rule: Rule,
    pub because: &'static str,
}

/// A path that says where it is only if one knows the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write the path without `.` and `..`: where they lead is known only with the links on the way")]
pub struct NotPlain;

impl Policy {
    pub fn explain(&self, path: &str) -> Result<Explanation, NotPlain> {
        if path.split('/').any(|name| matches!(name, "." | "..")) {
            return Err(NotPlain);
        }
        let spot = self.spot_of(path);
        let mut fitting = self.fitting(&spot).into_iter().cloned();
        let winner = fitting.next();
        let beaten = match &winner {
            None => Vec::new(),
            Some(winner) => fitting.map(|rule| Heard { because: why(winner, &rule), rule }).collect(),
        };
        let mut shown: String = path.split('/').filter(|name| !name.is_empty()).flat_map(|name| ["/", name]).collect();
        if shown.is_empty() {
            shown.push('/');
        }
        Ok(Explanation { level: self.level(&spot), passable: self.is_passable(&spot), path: shown, winner, beaten })
    }
}

fn why(winner: &Rule, loser: &Rule) -> &'static str {
    if winner.priority() != loser.priority() {
        "a lower priority"
    } else if winner.kind() != loser.kind() {
        "a weaker type"
    } else if specificity(winner) != specificity(loser) {
        "a less specific pattern"
    } else if winner.level() != loser.level() {
        "as specific, but less strict"
    } else {
        "the same in every way"
    }
}

fn specificity(rule: &Rule) -> Option<super::pattern::Specificity> {
    super::pattern::Pattern::of(rule, false).ok().map(|pattern| pattern.specificity)
}
