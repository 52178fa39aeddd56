//! Telling archives from files, by their first bytes and their names.

use std::io::Read as _;

use flate2::read::GzDecoder;
use tar::Header;

use super::Fault;

/// What an archive is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Tar,
    TarGz,
    Zip,
}

/// What the end of a file's name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Archive(Format),
    /// An archive of a kind that is neither read nor written here.
    Foreign,
    /// Something else.
    Other,
    /// The name has no end of its own.
    Nothing,
}

/// With these, [`format_of`] sees what is in a gzip whose own header is as long as one can be.
pub const FIRST_BYTES: u64 = 66 << 10;

pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BLOCK: usize = 512;
/// Archives even if the name does not say so; a lone xz or zstd may be anything.
const FOREIGN_MAGIC: [&[u8]; 2] = [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"];
const FOREIGN: [&str; 16] = [
    ".7z",
    ".rar",
    ".tar.7z",
    ".tar.br",
    ".tar.bz2",
    ".tar.lz",
    ".tar.lz4",
    ".tar.lzma",
    ".tar.xz",
    ".tar.z",
    ".tar.zst",
    ".tbz",
    ".tbz2",
    ".tlz",
    ".txz",
    ".tzst",
];

/// The end of a name, whatever the case of its letters.
pub fn ending_of(name: &str) -> Ending {
    let name = name.to_ascii_lowercase();
    let ends = |end: &&str| name.strip_suffix(*end).is_some_and(|stem| !stem.is_empty());
    let archives = [(".tar", Format::Tar), (".tar.gz", Format::TarGz), (".tgz", Format::TarGz), (".zip", Format::Zip)];
    if let Some((_, format)) = archives.iter().find(|(end, _)| ends(end)) {
        return Ending::Archive(*format);
    }
    if FOREIGN.iter().any(ends) {
        return Ending::Foreign;
    }
    match name.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && !end.is_empty() => Ending::Other,
        _ => Ending::Nothing,
    }
}

/// The archive that a file is, or `None` for a file that is taken as it is; give [`FIRST_BYTES`] of it, or all.
///
/// A tar is known by its content. So is a zip, but many kinds of documents are zips inside: it is an archive only if its
/// name says so, or says nothing. A gzip is an archive if a tar is in it.
pub fn format_of(first_bytes: &[u8], name: &str) -> Result<Option<Format>, Fault> {
    let ending = ending_of(name);
    if ending == Ending::Foreign || FOREIGN_MAGIC.iter().any(|magic| first_bytes.starts_with(magic)) {
        return Err(Fault::FormatForeign);
    }
    // The second is the end record, with which an empty zip begins.
    if first_bytes.starts_with(b"PK\x03\x04") || first_bytes.starts_with(b"PK\x05\x06") {
        return Ok(matches!(ending, Ending::Archive(_) | Ending::Nothing).then_some(Format::Zip));
    }
    if first_bytes.starts_with(&GZIP_MAGIC) {
        let mut inside = Vec::new();
        // It fails where the first bytes end; what came until then is what is asked for.
        let _ = GzDecoder::new(first_bytes).take(1_024).read_to_end(&mut inside);
        return Ok(is_tar(&inside, ending == Ending::Archive(Format::TarGz)).then_some(Format::TarGz));
    }
    Ok(is_tar(first_bytes, ending == Ending::Archive(Format::Tar)).then_some(Format::Tar))
}

/// An empty tar is only zeros, as other files may be; then the name decides.
fn is_tar(first_bytes: &[u8], named_so: bool) -> bool {
    let Some(block) = first_bytes.get(..BLOCK) else { return false };
    if block.iter().all(|byte| *byte == 0) {
        return named_so && first_bytes.iter().all(|byte| *byte == 0);
    }
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    // Tars older than ustar have no magic; one with it and a wrong sum is a damaged tar, and refused as such.
    block.get(257..262) == Some(b"ustar".as_slice()) || sum_is_right(&header)
}

pub(super) fn sum_is_right(header: &Header) -> bool {
    let mut summed = header.clone();
    summed.set_cksum();
    matches!((header.cksum(), summed.cksum()), (Ok(said), Ok(is)) if said == is)
}
