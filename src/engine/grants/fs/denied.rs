use rustix::io::Errno;
use wasmtime_wasi::p2::FsError;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::super::super::meter::LimitHit;
use crate::fs_policy::Level;

/// Why an operation on files was not done.
#[derive(Debug)]
pub(super) enum Refused {
    /// What the disk says, or would say.
    Code(ErrorCode),
    /// The rules: what the guest hears, and what the outcome tells of it.
    Denied {
        code: ErrorCode,
        tried: &'static str,
        path: String,
        missing: &'static str,
    },
    Limit(LimitHit),
}

pub(super) type Done<T> = Result<T, Refused>;

impl From<Errno> for Refused {
    fn from(errno: Errno) -> Self {
        Refused::Code(ErrorCode::from(std::io::Error::from(errno)))
    }
}

impl From<std::io::Error> for Refused {
    fn from(error: std::io::Error) -> Self {
        Refused::Code(ErrorCode::from(error))
    }
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Refused::Code(code)
    }
}

impl Refused {
    /// As the interface says it, once it was written down.
    pub(super) fn into_error(self) -> FsError {
        match self {
            Refused::Code(code) | Refused::Denied { code, .. } => code.into(),
            Refused::Limit(hit) => FsError::trap(wasmtime::Error::new(hit)),
        }
    }
}

/// The answer to who wants more than a path's level: what is hidden does not exist, the rest is not permitted.
pub(super) fn denied(tried: &'static str, path: &str, has: Level, wants: Level) -> Refused {
    let code = if has == Level::None { ErrorCode::NoEntry } else { ErrorCode::NotPermitted };
    let missing = match wants.min(if has == Level::None { Level::View } else { Level::Write }) {
        Level::None | Level::View => "a rule that shows it (view)",
        Level::Read => "a rule that lets it be read (read)",
        Level::Write => "a rule that lets it be changed (write)",
    };
    Refused::Denied { code, tried, path: path.to_owned(), missing }
}

/// Out of the folder, or to what is no file: no rule allows it.
pub(super) fn never(tried: &'static str, path: &str, missing: &'static str) -> Refused {
    Refused::Denied { code: ErrorCode::NotPermitted, tried, path: path.to_owned(), missing }
}
