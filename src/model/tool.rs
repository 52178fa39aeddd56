use std::fmt;
use std::str::FromStr;

const NAME_BYTES: usize = 64;

/// Names that JavaScript asks every object for.
const TAKEN: [&str; 2] = ["then", "constructor"];

/// The name by which code calls a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no name of a tool: write 1 to 64 of A-Z, a-z, 0-9, `-` and `_`, with a letter first, and neither `then` nor `constructor`"
)]
pub struct BadToolName;

impl FromStr for ToolName {
    type Err = BadToolName;

    fn from_str(text: &str) -> Result<Self, BadToolName> {
        let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let good = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let free = !TAKEN.contains(&text);
        if first && good && free && text.len() <= NAME_BYTES { Ok(Self(text.to_owned())) } else { Err(BadToolName) }
    }
}

impl fmt::Display for ToolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ToolName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As code of any language may write it: `getUser`, `get-user` and `get_user` are one name.
    pub fn written(&self) -> String {
        let mut out = String::new();
        for c in self.0.chars() {
            match c {
                '-' => out.push('_'),
                upper if upper.is_ascii_uppercase() => out.extend(['_', upper.to_ascii_lowercase()]),
                other => out.push(other),
            }
        }
        out.trim_start_matches('_').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_code_can_write_and_alike_is_the_same() {
        for good in ["search", "getUser", "get-user", "a1_b"] {
            assert_eq!(good.parse::<ToolName>().unwrap().to_string(), good);
        }
        for bad in ["", "_a", "1a", "a b", "é", "then", "constructor", "a.b", &"a".repeat(65)] {
            assert!(bad.parse::<ToolName>().is_err(), "{bad}");
        }
        let written = |name: &str| name.parse::<ToolName>().unwrap().written();
        assert_eq!(["getUser", "get-user", "get_user", "GetUser"].map(written), ["get_user"; 4]);
    }
}
