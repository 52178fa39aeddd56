//! What can go wrong. Paths are relative to the folder, so that no host path reaches a message.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum SelectError {
    #[error("this is not a folder; name the folder to upload")]
    NotAFolder,
    #[error("cannot read {path:?} in the folder; make it readable or list it in .sandboxignore")]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{path:?} is not a plain file, so its rules cannot be followed; put a plain file there")]
    IgnoreFileNotPlain { path: String },
    #[error("{path:?} is larger than {most_bytes} bytes; shorten it")]
    IgnoreFileTooLarge { path: String, most_bytes: u64 },
    #[error("line {line} of {path:?} is not a pattern that can be followed; correct or remove it")]
    Pattern {
        path: String,
        line: usize,
        #[source]
        source: ignore::Error,
    },
    #[error("the patterns of {path:?} are too many or too large together; shorten the file")]
    Patterns {
        path: String,
        #[source]
        source: ignore::Error,
    },
    #[error("more than {most_files} files; leave some out with .sandboxignore or raise the limit")]
    TooManyFiles { most_files: u64 },
    #[error("the files hold more than {most_bytes} bytes; leave some out with .sandboxignore or raise the limit")]
    TooManyBytes { most_bytes: u64 },
    #[error("{path:?} lies deeper than {most_depth} levels; nest folders less, or leave it out with .sandboxignore")]
    TooDeep { path: String, most_depth: usize },
    #[error("more than {most_entries} names to look at; name a smaller folder or ignore whole folders")]
    TooManyEntries { most_entries: u64 },
    #[error("the paths take more memory than there is room for")]
    NoRoom,
}

impl SelectError {
    pub(super) fn read(path: &str, source: io::Error) -> SelectError {
        let path = if path.is_empty() { "." } else { path };
        SelectError::Read { path: path.to_owned(), source }
    }
}
