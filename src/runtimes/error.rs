use std::io;

/// Why a runtime cannot be had, kept or used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("`{0}` is no name of a runtime; write 1 to 64 of a-z, 0-9, `-` and `_`, with a letter first")]
    BadName(String),
    #[error("there is no runtime `{name}`; {}", known(.there))]
    Unknown { name: String, there: Vec<String> },
    #[error("there is a runtime `{0}` already; remove it first, or take another name")]
    Taken(String),
    #[error("there are {0} runtimes already; remove one first")]
    TooMany(usize),
    #[error("the file of the runtime `{name}` is not the one that was added: {why}; remove it and add it again")]
    Changed { name: String, why: String },
    #[error("the runtimes cannot be {doing}: {reason}")]
    Disk { doing: &'static str, reason: io::Error },
}

impl RuntimeError {
    /// A word that stays the same from version to version.
    pub const fn code(&self) -> &'static str {
        match self {
            RuntimeError::BadName(_) => "bad_runtime_name",
            RuntimeError::Unknown { .. } => "no_such_runtime",
            RuntimeError::Taken(_) => "runtime_exists",
            RuntimeError::TooMany(_) => "too_many_runtimes",
            RuntimeError::Changed { .. } => "runtime_changed",
            RuntimeError::Disk { .. } => "runtimes_unusable",
        }
    }

    /// Whether whoever asked can do something about it.
    pub const fn is_callers(&self) -> bool {
        !matches!(self, RuntimeError::Disk { .. } | RuntimeError::Changed { .. })
    }

    pub(super) fn disk(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |reason| RuntimeError::Disk { doing, reason }
    }
}

fn known(there: &[String]) -> String {
    match there {
        [] => "there is none yet: add one with `ringfence runtime add NAME FILE`".to_owned(),
        names => format!("there are {}", names.join(", ")),
    }
}
