use serde::Deserialize;

use crate::model::show_bytes;

/// What a server said went wrong, as RFC 9457 says it. Fields that a newer server adds are nothing to stumble over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub field: Option<String>,
    pub retry_after: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("{address}: {what}")]
    Address { address: String, what: String },
    #[error("the key cannot be sent: {0}")]
    BadKey(&'static str),
    #[error("{path}: {what}")]
    File { path: String, what: String },
    #[error("{server} cannot be reached: {reason}")]
    Unreachable { server: String, reason: String },
    #[error("{server} answers with a redirect to {to}, which is not followed; give that address if you trust it")]
    Redirected { server: String, to: String },
    #[error("{server} answers as no ringfence does: {what}")]
    Strange { server: String, what: String },
    #[error("{server} answers with more than {}", show_bytes(*most))]
    TooMuch { server: String, most: u64 },
    #[error("{}", words(.0))]
    Problem(Problem),
}

fn words(problem: &Problem) -> String {
    let mut text = match &problem.field {
        Some(field) if !problem.detail.starts_with(field.as_str()) => format!("{field}: {}", problem.detail),
        _ => problem.detail.clone(),
    };
    if let Some(seconds) = problem.retry_after {
        text.push_str(&format!(" (try again in {seconds} s)"));
    }
    text
}

impl ClientError {
    /// A word that stays the same from version to version; the server's own, where it is its.
    pub fn code(&self) -> &str {
        match self {
            ClientError::Address { .. } => "bad_server",
            ClientError::BadKey(_) => "bad_key",
            ClientError::File { .. } => "bad_file",
            ClientError::Unreachable { .. } => "unreachable",
            ClientError::Redirected { .. } => "redirected",
            ClientError::Strange { .. } | ClientError::TooMuch { .. } => "strange_answer",
            ClientError::Problem(problem) => &problem.code,
        }
    }

    /// Whether it was wrong before anything was sent.
    pub const fn is_typed_wrong(&self) -> bool {
        matches!(self, ClientError::Address { .. } | ClientError::BadKey(_) | ClientError::File { .. })
    }

    /// Whether the caller can mend it, by asking for something else.
    pub const fn is_callers(&self) -> bool {
        match self {
            ClientError::Problem(problem) => problem.status < 500 && problem.status != 429,
            _ => self.is_typed_wrong(),
        }
    }

    /// Whether the server said this of what was asked.
    pub fn is_problem(&self, code: &str) -> bool {
        matches!(self, ClientError::Problem(problem) if problem.code == code)
    }
}
