use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const NAME_CHARS: usize = 64;

/// A text that is no id or name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no {kind}: write {shape}")]
pub struct BadId {
    pub kind: &'static str,
    pub shape: &'static str,
}

macro_rules! text {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }
    };
}

/// Names that people choose: short, lower case, harmless in a path, a header and a log.
macro_rules! names {
    ($($(#[$about:meta])* $name:ident $kind:literal)*) => { $(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        text!($name);

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
                let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '@');
                if first && text.len() <= NAME_CHARS && text.chars().all(good) {
                    return Ok(Self(text.to_owned()));
                }
                let shape = "1 to 64 of a-z, 0-9, `-`, `_`, `.` and `@`, with a letter or digit first";
                Err(BadId { kind: $kind, shape })
            }
        }
    )* };
}

/// Ids that we make: a word that says of what, and a number that sorts by the time of its making.
macro_rules! ids {
    ($($(#[$about:meta])* $name:ident $prefix:literal $kind:literal)*) => { $(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        text!($name);

        impl $name {
            pub fn random() -> Self {
                Self(format!(concat!($prefix, "{}"), uuid::Uuid::now_v7().simple()))
            }

            /// When it was made, in milliseconds since 1970.
            pub fn made(&self) -> u64 {
                let digits = self.0.get($prefix.len()..$prefix.len() + 12).unwrap_or_default();
                u64::from_str_radix(digits, 16).unwrap_or(0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let number = text.strip_prefix($prefix).unwrap_or_default();
                let good = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                if number.len() == 32 && number.chars().all(good) {
                    return Ok(Self(text.to_owned()));
                }
                Err(BadId { kind: $kind, shape: concat!("`", $prefix, "` and 32 hexadecimal digits") })
            }
        }
    )* };
}

names! {
    /// Who pays, and whose objects are whose.
    TenantId "name of a tenant"
    /// A person, a service or an agent of a tenant.
    PrincipalId "name of a principal"
    /// A set of rights with a name.
    RoleName "name of a role"
    /// A policy of a tenant.
    PolicyName "name of a policy"
}

ids! {
    /// One execution.
    RunId "run_" "id of a run"
    /// An isolated place that lives across runs.
    SandboxId "sbx_" "id of a sandbox"
    /// An interpreter that lives over several calls.
    SessionId "ses_" "id of a session"
    /// A call of a tool that its caller answers.
    CallId "call_" "id of a call"
    /// An API key; not the secret of it.
    KeyId "key_" "id of a key"
    /// One request to the service.
    RequestId "req_" "id of a request"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_read_back_what_they_print_and_nothing_else() {
        let run = RunId::random();
        assert_eq!(run.to_string().parse::<RunId>().unwrap(), run);
        assert!(run.to_string().parse::<SandboxId>().is_err());
        let made: SandboxId = "sbx_0192e4a31c007a3bb1f2000000000000".parse().unwrap();
        assert_eq!(made.made(), 0x0192_e4a3_1c00);
        assert_eq!("alice@corp".parse::<PrincipalId>().unwrap().as_str(), "alice@corp");
        for bad in ["", "A", "-a", "a/b", "a b", "a\n", &"a".repeat(65), "é"] {
            assert!(bad.parse::<TenantId>().is_err(), "{bad}");
        }
    }
}
