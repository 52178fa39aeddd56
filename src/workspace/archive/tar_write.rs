//! Writing tar, the same bytes for the same tree.

use std::io::{Read, Write};

use tar::{EntryType, Header};

use super::WriteError;
use super::name::Names;
use super::order::{Order, copy};
use super::tar_extended::NAMES_HERE;
use super::tree::Kind;

const BLOCK: u64 = 512;
/// 1980-01-01, the earliest that zip can say, too.
const MTIME: u64 = 315_532_800;
/// What GNU tar calls the header of a long name.
const LONG_NAME: &str = "././@LongLink";

/// Writes a tar, with names as they are: where other systems would take one for another, it says that it is meant so.
/// Entries come in ascending byte order of their paths, which puts folders before what lies in them.
///
/// The `tar` crate's own builder is not used: it finishes an archive on drop, even one that broke in the middle.
pub struct TarWriter<W> {
    into: W,
    order: Order,
    says_names: bool,
}

impl<W: Write> TarWriter<W> {
    pub fn new(into: W) -> Self {
        TarWriter { into, order: Order::new(Names::Here), says_names: false }
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
        if self.order.names == Names::Here && !self.says_names {
            self.say_names()?;
        }
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

    /// Once, before the first entry whose name other systems would take for another.
    fn say_names(&mut self) -> Result<(), WriteError> {
        let (key, value) = NAMES_HERE;
        // The length of a record counts its own digits: two here.
        let record = format!("{} {key}={value}\n", key.len() + value.len() + 5);
        let size = u64::try_from(record.len()).unwrap_or(u64::MAX);
        let mut header = Header::new_ustar();
        describe(&mut header, EntryType::XGlobalHeader, 0o644, size);
        fit("pax_global_header", &mut header.as_old_mut().name);
        header.set_cksum();
        self.put(header.as_bytes())?;
        self.put(record.as_bytes())?;
        self.pad(size)?;
        self.says_names = true;
        Ok(())
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
    describe(&mut header, kind, mode, size);
    header
}

fn describe(header: &mut Header, kind: EntryType, mode: u32, size: u64) {
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(MTIME);
    header.set_size(size);
}

/// Writes text into a field of the header, cut where it is too long; false if it was.
fn fit(text: &str, field: &mut [u8]) -> bool {
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    text.len() <= field.len()
}
