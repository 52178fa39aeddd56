use std::fmt;
use std::str::FromStr;

const NAME_CHARS: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name; write 1 to 64 of a-z, 0-9, `-`, `_` and `.`, with a letter or digit first")]
pub struct BadName(String);

/// What a workspace is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct WorkspaceName(String);

/// What a draft is called; made by us.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct DraftId(String);

fn check(text: &str) -> Result<String, BadName> {
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if first && text.len() <= NAME_CHARS && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err(BadName(text.chars().take(NAME_CHARS).flat_map(char::escape_debug).collect()))
    }
}

impl DraftId {
    pub fn random() -> Self {
        Self(format!("draft-{:010x}", rand::random::<u64>() & 0xff_ffff_ffff))
    }
}

macro_rules! name {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                check(text).map(Self)
            }
        }
    };
}

name!(WorkspaceName);
name!(DraftId);
