//! Telling archives apart by their first bytes.

/// What an archive is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Tar,
    TarGz,
    Zip,
}

pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BLOCK: usize = 512;

/// The format that begins like this; give at least 512 bytes, or the whole of a shorter archive.
///
/// A gzip stream is taken to hold a tar: nothing else can be read from one here.
pub fn format_of(first_bytes: &[u8]) -> Option<Format> {
    if first_bytes.starts_with(&GZIP_MAGIC) {
        return Some(Format::TarGz);
    }
    // The second is the end record, with which an empty zip begins.
    if first_bytes.starts_with(b"PK\x03\x04") || first_bytes.starts_with(b"PK\x05\x06") {
        return Some(Format::Zip);
    }
    let block = first_bytes.get(..BLOCK)?;
    // An empty tar is only its end mark. Tars older than `ustar` have no magic and are not guessed at.
    let empty = block.iter().all(|byte| *byte == 0);
    let ustar = block.get(257..262) == Some(b"ustar".as_slice());
    (empty || ustar).then_some(Format::Tar)
}
