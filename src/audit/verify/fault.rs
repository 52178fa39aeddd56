use std::fmt;

use super::super::scan::BadRecord;

/// What is wrong with a log. Each has a code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    Unreadable,
    MissingFile,
    UnexpectedFile,
    TornTail,
    Record(BadRecord),
    /// A later record stands where this one should.
    RecordMissing,
    /// An earlier record stands here again, or one was put in.
    RecordRepeated,
    /// The record is not the one that the tree and the record after it know.
    RecordChanged,
    /// A record does not follow the one before it.
    ChainBroken,
    TimeGoesBack,
    BadDurable,
    /// The kept hashes are not those of the records.
    TreeChanged,
    TreeShort,
    BadPruneMark,
    WrongOrigin,
    BadCheckpoint,
    BadSignature,
    UnknownKey,
    /// The records are not those that were signed.
    RootDiffers,
    /// There is a checkpoint of more records than there are.
    LogTooShort,
    NotCosigned,
}

impl FaultKind {
    pub const fn code(self) -> &'static str {
        match self {
            FaultKind::Unreadable => "unreadable",
            FaultKind::MissingFile => "missing_file",
            FaultKind::UnexpectedFile => "unexpected_file",
            FaultKind::TornTail => "torn_tail",
            FaultKind::Record(bad) => bad.code(),
            FaultKind::RecordMissing => "record_missing",
            FaultKind::RecordRepeated => "record_repeated",
            FaultKind::RecordChanged => "record_changed",
            FaultKind::ChainBroken => "chain_broken",
            FaultKind::TimeGoesBack => "time_goes_back",
            FaultKind::BadDurable => "bad_durable",
            FaultKind::TreeChanged => "tree_changed",
            FaultKind::TreeShort => "tree_short",
            FaultKind::BadPruneMark => "bad_prune_mark",
            FaultKind::WrongOrigin => "wrong_origin",
            FaultKind::BadCheckpoint => "bad_checkpoint",
            FaultKind::BadSignature => "bad_signature",
            FaultKind::UnknownKey => "unknown_key",
            FaultKind::RootDiffers => "root_differs",
            FaultKind::LogTooShort => "log_too_short",
            FaultKind::NotCosigned => "not_cosigned",
        }
    }
}

/// Where: the file in the audit folder, and of a segment the line, the byte it begins at and the record expected there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    pub file: String,
    pub offset: Option<u64>,
    pub line: Option<u64>,
    pub seq: Option<u64>,
}

impl Place {
    pub(super) fn file(name: &str) -> Self {
        Self { file: name.to_owned(), ..Self::default() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(f, ", line {line}"))?;
        self.offset.map_or(Ok(()), |offset| write!(f, ", byte {offset}"))?;
        self.seq.map_or(Ok(()), |seq| write!(f, ", record {seq}"))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Fault {
    pub kind: FaultKind,
    pub place: Place,
    pub what: String,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, place: Place, what: impl Into<String>) -> Self {
        Self { kind, place, what: what.into() }
    }

    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }
}
