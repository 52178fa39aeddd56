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
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let shown = if names.is_empty() { "/".to_owned() } else { names.iter().flat_map(|name| ["/", name]).collect() };
        let mut spot = self.root();
        let mut wall = None;
        for name in &names {
            spot = self.step(&spot, name.as_bytes());
            // Above what is asked about: what is hidden there hides all that is in it.
            let closed = self.level(&spot) == Level::None && !self.is_passable(&spot);
            wall = wall.or_else(|| closed.then(|| self.fitting(&spot).first().map(|rule| (*rule).clone())).flatten());
        }
        let fitting: Vec<Rule> = self.fitting(&spot).into_iter().cloned().collect();
        let own = self.level(&spot);
        let Some(wall) = wall.filter(|_| own > Level::None) else {
            let mut fitting = fitting.into_iter();
            let winner = fitting.next();
            let beaten = match &winner {
                None => Vec::new(),
                Some(winner) => fitting.map(|rule| Heard { because: why(winner, &rule), rule }).collect(),
            };
            return Ok(Explanation { path: shown, level: own, winner, beaten, passable: self.is_passable(&spot) });
        };
        let others = fitting.into_iter().filter(|rule| *rule != wall);
        let because = |rule: &Rule| if rule.level() > Level::None { WALLED } else { why(&wall, rule) };
        let beaten = others.map(|rule| Heard { because: because(&rule), rule }).collect();
        Ok(Explanation { path: shown, level: Level::None, winner: Some(wall), beaten, passable: false })
    }
}

const WALLED: &str = "a rule for any depth leads nowhere in a folder that is hidden in particular";

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
