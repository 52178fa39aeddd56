//! The end record and the central directory of a zip, looked at before the `zip` crate takes them into memory.
//!
//! The crate is lenient: it looks for an end record anywhere near the end and moves offsets about to fit. Only the
//! layout that every reader understands alike is let through: directory, end records, end of the file, with no gap.

use std::collections::HashSet;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::error::{Refusal, at};
use super::meter::Meter;
use super::{Bounds, Fault};

const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR64: &[u8; 4] = b"PK\x06\x07";
const RECORD: &[u8; 4] = b"PK\x01\x02";
const END_BYTES: usize = 22;
const END64_BYTES: usize = 56;
const LOCATOR64_BYTES: usize = 20;
const RECORD_BYTES: u64 = 46;
/// Names, extra fields and comments that entries have on average, with the record itself.
const MEAN_RECORD_BYTES: u64 = 512;
const LONGEST_COMMENT: usize = 0xffff;

/// Where the directory is, and how much is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directory {
    pub(super) start: u64,
    pub(super) entries: u64,
    bytes: u64,
}

/// Finds the directory and walks it once, holding no more than its names.
pub(super) fn inspect<R: Read + Seek>(input: &mut R, bounds: &Bounds, meter: &Meter) -> Result<Directory, Refusal> {
    let directory = locate(input, meter)?;
    if directory.entries > bounds.entries {
        return Err(Fault::TooManyEntries { limit: bounds.entries }.into());
    }
    let limit = bounds.entries.saturating_mul(MEAN_RECORD_BYTES).saturating_add(64 << 10);
    if directory.bytes > limit {
        return Err(Fault::DirectoryTooLarge { limit }.into());
    }
    if directory.entries > directory.bytes / RECORD_BYTES {
        return Err(malformed("the central directory is too short for its entries").into());
    }
    input.seek(SeekFrom::Start(directory.start)).map_err(|error| meter.fault(error))?;
    let mut records = BufReader::new(input.take(directory.bytes));
    let mut names = HashSet::new();
    for _ in 0..directory.entries {
        let name = record_name(&mut records).map_err(|error| directory_fault(error, meter))?;
        if names.contains(&name) {
            return Err(at(&name)(Fault::Duplicate));
        }
        names.insert(name);
    }
    let rest = records.read(&mut [0]).map_err(|error| meter.fault(error))?;
    if rest != 0 {
        return Err(malformed("the central directory is longer than its entries").into());
    }
    Ok(directory)
}

/// One record, of which only the name matters here.
fn record_name(records: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut fixed = [0; 46];
    records.read_exact(&mut fixed)?;
    let lengths = [28, 30, 32].map(|at| field(&fixed, at).map(u16::from_le_bytes));
    let [Some(name), Some(extra), Some(comment)] = lengths else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    if !fixed.starts_with(RECORD) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a record of the central directory is none"));
    }
    let mut name = vec![0; usize::from(name)];
    records.read_exact(&mut name)?;
    let skip = u64::from(extra) + u64::from(comment);
    if io::copy(&mut records.take(skip), &mut io::sink())? != skip {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(name)
}

/// The directory ends before the archive does, so its end is no sign that the archive was cut.
fn directory_fault(error: io::Error, meter: &Meter) -> Fault {
    match meter.fault(error) {
        Fault::Truncated => malformed("the central directory is shorter than its entries"),
        fault => fault,
    }
}

fn locate<R: Read + Seek>(input: &mut R, meter: &Meter) -> Result<Directory, Fault> {
    let io = |error| meter.fault(error);
    let length = input.seek(SeekFrom::End(0)).map_err(|source| Fault::Unreadable { source })?;
    let longest = END_BYTES + LONGEST_COMMENT + LOCATOR64_BYTES + END64_BYTES;
    let tail_start = length.saturating_sub(u64::try_from(longest).unwrap_or(u64::MAX));
    input.seek(SeekFrom::Start(tail_start)).map_err(io)?;
    let mut tail = Vec::new();
    input.by_ref().take(length - tail_start).read_to_end(&mut tail).map_err(io)?;

    // The last mark counts, for it is the one that other readers find first.
    let at = tail.windows(END.len()).rposition(|window| window == END).ok_or(Fault::Truncated)?;
    let (before, end) = tail.split_at_checked(at).ok_or(Fault::Truncated)?;
    let comment = field(end, 20).map(u16::from_le_bytes).ok_or(Fault::Truncated)?;
    let end_length = END_BYTES + usize::from(comment);
    match end.len() {
        length if length < end_length => return Err(Fault::Truncated),
        length if length > end_length => return Err(Fault::TrailingData),
        _ => {}
    }
    let end_start = length - u64::try_from(end.len()).unwrap_or_default();
    let narrow = claims32(end).ok_or(Fault::Truncated)?;
    let (directory, directory_end) = match claims64(before, end_start)? {
        None => (narrow, end_start),
        // Whichever of the two a reader goes by, it must find the same.
        Some((wide, _)) if !agree(narrow, wide) => return Err(malformed("its two end records disagree")),
        Some(found) => found,
    };
    if directory.start.checked_add(directory.bytes) != Some(directory_end) {
        return Err(malformed("the central directory does not end where the end record begins"));
    }
    Ok(directory)
}

/// A field of the end record that is all ones says: see the record of zip64.
fn agree(narrow: Directory, wide: Directory) -> bool {
    (narrow.entries == 0xffff || narrow.entries == wide.entries)
        && (narrow.bytes == 0xffff_ffff || narrow.bytes == wide.bytes)
        && (narrow.start == 0xffff_ffff || narrow.start == wide.start)
}

fn claims32(end: &[u8]) -> Option<Directory> {
    let entries = field(end, 10).map(u16::from_le_bytes)?;
    Some(Directory {
        start: field(end, 16).map(u32::from_le_bytes)?.into(),
        entries: entries.into(),
        bytes: field(end, 12).map(u32::from_le_bytes)?.into(),
    })
}

/// The claims of zip64 and where its record begins, if there is one before the end record.
fn claims64(before: &[u8], end_start: u64) -> Result<Option<(Directory, u64)>, Fault> {
    let Some((before, locator)) = before.split_last_chunk::<LOCATOR64_BYTES>() else {
        return Ok(None);
    };
    if !locator.starts_with(LOCATOR64) {
        return Ok(None);
    }
    let bytes = u64::try_from(LOCATOR64_BYTES + END64_BYTES).unwrap_or_default();
    let record = before.last_chunk::<END64_BYTES>().filter(|record| record.starts_with(END64));
    let start = end_start.checked_sub(bytes);
    let plain = record.and_then(|record| field(record, 4)).map(u64::from_le_bytes) == Some(44);
    let (Some(record), Some(start), true) = (record, start, plain) else {
        return Err(malformed("the zip64 end record is not right before its locator"));
    };
    let number = |at| field(record, at).map(u64::from_le_bytes).ok_or(Fault::Truncated);
    if field(locator, 8).map(u64::from_le_bytes) != Some(start) {
        return Err(malformed("the zip64 locator points elsewhere"));
    }
    let directory = Directory { start: number(48)?, entries: number(32)?, bytes: number(40)? };
    Ok(Some((directory, start)))
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn malformed(why: &str) -> Fault {
    Fault::Malformed { why: why.to_owned() }
}
