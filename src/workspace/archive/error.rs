//! Why an archive was refused, for people (the message) and for programs (the code).

use std::io;

use thiserror::Error;

/// Characters of an entry's name that a message shows.
const SHOWN_CHARS: usize = 200;

/// Why reading stopped. `E` is the receiver's own error.
#[derive(Debug, Error)]
pub enum ArchiveError<E: std::error::Error> {
    /// One entry is refused; `entry` is its name, quoted.
    #[error("archive entry {entry}: {fault}")]
    Entry { entry: String, fault: Fault },
    /// The archive as a whole is refused.
    #[error("archive: {0}")]
    Whole(Fault),
    /// The receiver did not take an entry.
    #[error("archive entry {entry}: the receiver did not take it")]
    Receiver {
        entry: String,
        #[source]
        source: E,
    },
}

impl<E: std::error::Error> ArchiveError<E> {
    /// A stable word for the cause.
    pub fn code(&self) -> &'static str {
        match self {
            ArchiveError::Entry { fault, .. } | ArchiveError::Whole(fault) => fault.code(),
            ArchiveError::Receiver { .. } => "receiver_failed",
        }
    }
}

impl<E: std::error::Error> From<Fault> for ArchiveError<E> {
    fn from(fault: Fault) -> Self {
        ArchiveError::Whole(fault)
    }
}

/// A fault and the entry it concerns, where no receiver is known yet.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) entry: Option<String>,
    pub(super) fault: Fault,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal { entry: None, fault }
    }
}

impl<E: std::error::Error> From<Refusal> for ArchiveError<E> {
    fn from(refusal: Refusal) -> Self {
        match refusal.entry {
            Some(entry) => ArchiveError::Entry { entry, fault: refusal.fault },
            None => ArchiveError::Whole(refusal.fault),
        }
    }
}

/// Why writing stopped. What was written until then is not an archive; throw it away.
#[derive(Debug, Error)]
pub enum WriteError {
    #[error("archive entry {entry}: {fault}")]
    Entry { entry: String, fault: Fault },
    #[error("archive entry {entry}: comes after {after}; write entries in ascending byte order of their paths")]
    OutOfOrder { entry: String, after: String },
    #[error("archive entry {entry}: its content does not have the {size} bytes announced; announce its exact size")]
    SizeWrong { entry: String, size: u64 },
    #[error("archive entry {entry}: its content could not be read")]
    Content {
        entry: String,
        #[source]
        source: io::Error,
    },
    #[error("the archive could not be written")]
    Output(#[source] io::Error),
    #[error("an entry failed before, so the archive cannot be finished; start again")]
    Broken,
}

impl WriteError {
    /// A stable word for the cause.
    pub fn code(&self) -> &'static str {
        match self {
            WriteError::Entry { fault, .. } => fault.code(),
            WriteError::OutOfOrder { .. } => "out_of_order",
            WriteError::SizeWrong { .. } => "size_wrong",
            WriteError::Content { .. } => "content_unreadable",
            WriteError::Output(_) => "output_failed",
            WriteError::Broken => "broken",
        }
    }
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident $({ $($field:ident: $type:ty),* })? = $code:literal, $message:literal;)*) => {
        /// What is wrong with an entry or an archive, and what would be right.
        #[derive(Debug, Error)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[$doc])* #[error($message)] $variant $({ $($field: $type),* })?,)*
            #[error("the input could not be read; try again")]
            Unreadable { #[source] source: io::Error },
        }

        impl Fault {
            /// A stable word for the cause.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Fault::$variant { .. } => $code,)*
                    Fault::Unreadable { .. } => "unreadable",
                }
            }
        }
    };
}

// A macro, because forty variants with the code far from the message drift apart.
faults! {
    NameEmpty = "name_empty", "its name is empty; an entry needs a name below the root";
    NameAbsolute = "name_absolute", "its name is absolute; names must be relative to the root of the archive";
    NameClimbs = "name_climbs", "its name contains '..'; names must not climb";
    NameBackslash = "name_backslash", "its name contains a backslash; separate folders by '/'";
    NameNul = "name_nul", "its name contains a NUL; names must not contain one";
    NameNotUtf8 = "name_not_utf8", "its name is not UTF-8; encode names as UTF-8";
    NameTooLong { limit: usize } = "name_too_long", "a component of its name is longer than {limit} bytes; shorten it";
    PathTooLong { limit: usize } = "path_too_long", "its name is longer than {limit} bytes; shorten it";
    TooDeep { limit: usize } = "too_deep", "it lies deeper than {limit} levels; nest folders less";
    NamedLikeFolder = "named_like_folder", "its name ends in '/' but it is no folder; only the names of folders do";
    FolderUnmarked = "folder_unmarked", "it is a folder but its name does not end in '/'; the names of folders must";
    Device = "device", "it is a device; only files, folders and symbolic links are taken";
    Fifo = "fifo", "it is a FIFO; only files, folders and symbolic links are taken";
    Socket = "socket", "it is a socket; only files, folders and symbolic links are taken";
    HardLink = "hard_link", "it is a hard link; archive the file itself, or a symbolic link";
    Sparse = "sparse", "it is a sparse file; archive it in full";
    KindUnknown = "kind_unknown", "its kind is not known; only files, folders and symbolic links are taken";
    ContentUnexpected = "content_unexpected", "it is a folder or link but has content; only files have";
    LinkEmpty = "link_empty", "it links to nothing; give the link a target";
    LinkAbsolute = "link_absolute", "it links to an absolute path; link relative to the folder of the link";
    LinkLeaves = "link_leaves", "it links out of the archive; link to something within it";
    LinkWinds = "link_winds", "the target of the link has '..' after a name; '..' may only begin it";
    LinkBackslash = "link_backslash", "the target of the link contains a backslash; separate folders by '/'";
    LinkNul = "link_nul", "the target of the link contains a NUL; targets must not contain one";
    LinkNotUtf8 = "link_not_utf8", "the target of the link is not UTF-8; encode targets as UTF-8";
    LinkTooLong { limit: usize } = "link_too_long", "the target of the link is longer than {limit} bytes; shorten it";
    BelowFile { parent: String } = "below_file", "it lies below {parent}, which is a file; only folders hold entries";
    BelowLink { parent: String } = "below_link", "it lies below {parent}, which is a link; only folders hold entries";
    Duplicate = "duplicate", "there is an entry of this name already; each name may come once";
    CaseTwin { of: String } = "case_twin", "it differs from {of} only by case; rename one of them";
    Encrypted = "encrypted", "it is encrypted; archive it without a password";
    CompressionUnsupported = "compression_unsupported", "its compression is not supported; store or deflate it";
    HeadersDisagree { why: String } = "headers_disagree",
        "its local header does not agree with the central directory ({why}); write the archive anew";
    SizeDisagrees { declared: u64 } = "size_disagrees",
        "it does not have the {declared} bytes that its header says; write the archive anew";
    ChecksumWrong = "checksum_wrong", "its content does not have the checksum it should; write the archive anew";
    Overlaps = "overlaps", "it shares bytes of the archive with another entry; write the archive anew";
    ExtendedTooLarge { limit: u64 } = "extended_too_large",
        "its extended header is larger than {limit} bytes; leave out extended attributes";
    ExtendedMalformed = "extended_malformed", "its extended header is malformed; write the archive anew";
    ExtendedTwice = "extended_twice", "it is described by two extended headers that overlap; one may describe it";
    GlobalName = "global_name", "a global header sets names or sizes; these belong to single entries";
    TooManyEntries { limit: u64 } = "too_many_entries", "there are more than {limit} entries; split the archive";
    TooManyBytes { limit: u64 } = "too_many_bytes", "all files together exceed {limit} bytes; split the archive";
    FileTooLarge { limit: u64 } = "file_too_large", "it is larger than {limit} bytes; split or leave out the file";
    RatioTooHigh { limit: u64 } = "ratio_too_high",
        "it decompresses to more than {limit} times its size, as only bombs do; archive without compression";
    DirectoryTooLarge { limit: u64 } = "directory_too_large",
        "the central directory exceeds {limit} bytes; leave out comments and extra fields";
    TrailingData = "trailing_data", "there are bytes after the end of the archive; cut them off";
    Truncated = "truncated", "the archive ends too early; send the whole of it";
    FormatForeign = "format_unsupported",
        "archives of this kind are not read; send a tar, a gzipped tar or a zip, or, to keep it as a file, a folder with it";
    Malformed { why: String } = "malformed", "the archive is malformed ({why}); write it anew";
}

impl Fault {
    /// Whether it is none on a system like this one, but may be one elsewhere.
    pub fn is_elsewhere(&self) -> bool {
        use Fault::{CaseTwin, LinkAbsolute, LinkBackslash, NameAbsolute, NameBackslash};
        matches!(self, NameAbsolute | NameBackslash | CaseTwin { .. } | LinkAbsolute | LinkBackslash)
    }
}

/// A name fit for a message: quoted, escaped so that it stays on its line, and cut.
pub(super) fn quoted(raw: &[u8]) -> String {
    let mut shown = String::from("\"");
    let mut left = SHOWN_CHARS;
    for chunk in raw.utf8_chunks() {
        let valid = chunk.valid().chars().map(|c| c.escape_debug().collect::<String>());
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        for piece in valid.chain(invalid) {
            let width = piece.chars().count();
            if width > left {
                return shown + "…\"";
            }
            left -= width;
            shown.push_str(&piece);
        }
    }
    shown.push('"');
    shown
}

/// Lays a fault on an entry, by its raw name.
pub(super) fn at(raw: &[u8]) -> impl Fn(Fault) -> Refusal + '_ {
    move |fault| Refusal { entry: Some(quoted(raw)), fault }
}
