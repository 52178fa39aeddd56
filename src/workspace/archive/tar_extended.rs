//! What the extended headers of a tar (GNU `L` and `K`, pax `x` and `g`) say of the entry after them.
//!
//! The `tar` crate reads these into memory whatever their size, and splits pax records at line ends although values
//! may hold these. Here they come in bounded and are cut by their lengths, as POSIX has it.

use super::Fault;

/// Most that one extended header may hold: it is read into memory.
pub(super) const EXTENDED_BYTES: u64 = 64 << 10;

/// In a global header it says that names are meant as they are. A comment, so that no other reader minds.
pub(super) const NAMES_HERE: (&str, &str) =
    ("comment", "ringfence: names as they are, on a system that tells case apart");

#[derive(Default)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    seen_pax: bool,
    seen_global: bool,
}

impl Extended {
    /// Whether nothing waits for an entry to describe.
    pub(super) fn is_empty(&self) -> bool {
        !self.seen_pax && self.path.is_none() && self.target.is_none()
    }

    pub(super) fn long_name(&mut self, data: Vec<u8>) -> Result<(), Fault> {
        once(&mut self.path, without_end(data))
    }

    pub(super) fn long_target(&mut self, data: Vec<u8>) -> Result<(), Fault> {
        once(&mut self.target, without_end(data))
    }

    pub(super) fn pax(&mut self, data: &[u8]) -> Result<(), Fault> {
        if self.seen_pax {
            return Err(Fault::ExtendedTwice);
        }
        self.seen_pax = true;
        for_each_record(data, |key, value| match key {
            b"path" => once(&mut self.path, value.to_vec()),
            b"linkpath" => once(&mut self.target, value.to_vec()),
            b"size" => once(&mut self.size, decimal(value).ok_or(Fault::ExtendedMalformed)?),
            key if key.starts_with(b"GNU.sparse.") => Err(Fault::Sparse),
            // Times, owners and attributes: none of them is handed on.
            _ => Ok(()),
        })
    }

    /// Whether it says [`NAMES_HERE`]. Global headers may say who made the archive. One before each entry at most, or they could go on for ever.
    pub(super) fn global(&mut self, data: &[u8]) -> Result<bool, Fault> {
        if self.seen_global {
            return Err(Fault::ExtendedTwice);
        }
        self.seen_global = true;
        let mut names_here = false;
        for_each_record(data, |key, value| match key {
            b"path" | b"linkpath" | b"size" => Err(Fault::GlobalName),
            key if key.starts_with(b"GNU.sparse.") => Err(Fault::Sparse),
            key => {
                names_here |= (key, value) == (NAMES_HERE.0.as_bytes(), NAMES_HERE.1.as_bytes());
                Ok(())
            }
        })?;
        Ok(names_here)
    }
}

/// Readers differ on which of two wins, so there may be only one.
fn once<V>(slot: &mut Option<V>, value: V) -> Result<(), Fault> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::ExtendedTwice),
    }
}

/// GNU ends long names with a NUL. One within the name stays, and is refused as such.
fn without_end(mut data: Vec<u8>) -> Vec<u8> {
    if data.last() == Some(&0) {
        data.pop();
    }
    data
}

/// Calls with each key and value of `"<length> <key>=<value>\n"` records, where the length counts all of the record.
fn for_each_record(mut rest: &[u8], mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
    while !rest.is_empty() {
        let (key, value, after) = record(rest).ok_or(Fault::ExtendedMalformed)?;
        // An empty value takes back a global one, and those are refused where it would matter.
        if key.is_empty() {
            return Err(Fault::ExtendedMalformed);
        }
        each(key, value)?;
        rest = after;
    }
    Ok(())
}

fn record(rest: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = rest.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(rest.get(..space)?)?).ok()?;
    let (record, after) = rest.split_at_checked(length)?;
    let body = record.get(space.checked_add(1)?..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((body.get(..equals)?, body.get(equals.checked_add(1)?..)?, after))
}

/// Digits only; `parse` alone would take a sign.
fn decimal(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}
