//! Writing tar, the same bytes for the same tree.

use std::io::{Read, Write};

use tar::{EntryType, Header};

use super::WriteError;
use super::order::{Order, copy};
use super::tree::Kind;

const BLOCK: u64 = 512;
/// 1980-01-01, the earliest that zip can say, too.
const MTIME: u64 = 315_532_800;
/// What GNU tar calls the header of a long name.
const LONG_NAME: &str = "././@LongLink";

/// Writes a tar. Entries come in ascending byte order of their paths, which puts folders before what lies in them.
///
/// The `tar` crate's own builder is not used: it finishes an archive on drop, even one that broke in the middle.
pub struct TarWriter<W> {
    into: W,
    order: Order,
}

impl<W: Write> TarWriter<W> {
    pub fn new(into: W) -> Self {
        TarWriter { into, order: Order::new() }
    }

    pub fn folder(&mut self, path: &str) -> Result<(), WriteError> {
        let path = self.order.begin(path, Kind::Folder)?;
        self.header(&format!("{}/", path.as_str()), "", EntryType::Directory, 0o755, 0)?;
        self.order.written();
        Ok(())
    }

    /// `size` is exact: another amount of content is an error.
    pub fn file(&mut self, path: &str, executable: bool, size: u64, content: &mut dyn Read) -> Result<(), WriteError> {
        let path = self.order.begin(path, Kind::File)?;
        let mode = if executable { 0o755 } else { 0o644 };
        self.header(path.as_str(), "", EntryType::Regular, mode, size)?;
        copy(&path, size, content, &mut self.into)?;
        self.pad(size)?;
        self.order.written();
        Ok(())
    }

    pub fn link(&mut self, path: &str, target: &str) -> Result<(), WriteError> {
        let path = self.order.begin(path, Kind::Link)?;
        let target = self.order.target(target, &path)?;
        self.header(path.as_str(), &target, EntryType::Symlink, 0o777, 0)?;
        self.order.written();
        Ok(())
    }

    /// Writes the end and gives the output back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.order.check()?;
        self.put(&[0; 1024])?;
        self.into.flush().map_err(WriteError::Output)?;
        Ok(self.into)
    }

    fn header(&mut self, path: &str, target: &str, kind: EntryType, mode: u32, size: u64) -> Result<(), WriteError> {
        let mut header = blank(kind, mode, size);
        let (mut long_path, mut long_target) = (true, true);
        if let Some(gnu) = header.as_gnu_mut() {
            long_path = !fit(path, &mut gnu.name);
            long_target = !fit(target, &mut gnu.linkname);
        }
        header.set_cksum();
        if long_target {
            self.long(target, EntryType::GNULongLink)?;
        }
        if long_path {
            self.long(path, EntryType::GNULongName)?;
        }
        self.put(header.as_bytes())
    }

    fn long(&mut self, text: &str, kind: EntryType) -> Result<(), WriteError> {
        let bytes = [text.as_bytes(), b"\0"].concat();
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let mut header = blank(kind, 0o644, size);
        if let Some(gnu) = header.as_gnu_mut() {
            fit(LONG_NAME, &mut gnu.name);
        }
        header.set_cksum();
        self.put(header.as_bytes())?;
        self.put(&bytes)?;
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> Result<(), WriteError> {
        let padding = usize::try_from((BLOCK - size % BLOCK) % BLOCK).unwrap_or_default();
        self.put([0; 512].get(..padding).unwrap_or_default())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.into.write_all(bytes).map_err(WriteError::Output)
    }
}

fn blank(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MTIME);
    header.set_size(size);
    header
}

/// Writes text into a field of the header, cut where it is too long; false if it was.
fn fit(text: &str, field: &mut [u8]) -> bool {
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    text.len() <= field.len()
}
