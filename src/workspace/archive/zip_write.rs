//! Writing zip, the same bytes for the same tree.

use std::io::{self, Read, Seek, Write};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System};

use super::WriteError;
use super::name::Names;
use super::order::{Order, copy};
use super::tree::Kind;

/// zlib's own middle; given, so that no other default changes the bytes.
const DEFLATE_LEVEL: i64 = 6;

/// Writes a zip; names that do not mean the same on every system are refused, for nothing in a zip says on which they were
/// meant. Entries come in ascending byte order of their paths, which puts folders before what lies in them.
///
/// Dropped without [`ZipWriter::finish`], it still ends the archive: after an error, throw the output away.
pub struct ZipWriter<W: Write + Seek> {
    into: zip::ZipWriter<W>,
    method: CompressionMethod,
    order: Order,
}

impl<W: Write + Seek> ZipWriter<W> {
    pub fn new(into: W) -> Self {
        Self::with(into, CompressionMethod::Deflated)
    }

    /// As it is: larger, but never so much smaller than its content that a reader takes it for a bomb.
    pub fn stored(into: W) -> Self {
        Self::with(into, CompressionMethod::Stored)
    }

    fn with(into: W, method: CompressionMethod) -> Self {
        ZipWriter { into: zip::ZipWriter::new(into), method, order: Order::new(Names::Everywhere) }
    }

    pub fn folder(&mut self, path: &str) -> Result<(), WriteError> {
        let path = self.order.begin(path, Kind::Folder)?;
        self.into.add_directory(path.as_str(), options(0o755, 0, CompressionMethod::Stored)).map_err(output)?;
        self.order.written();
        Ok(())
    }

    /// `size` is exact: another amount of content is an error.
    pub fn file(&mut self, path: &str, executable: bool, size: u64, content: &mut dyn Read) -> Result<(), WriteError> {
        let path = self.order.begin(path, Kind::File)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let level = (self.method == CompressionMethod::Deflated).then_some(DEFLATE_LEVEL);
        let options = options(mode, size, self.method).compression_level(level);
        self.into.start_file(path.as_str(), options).map_err(output)?;
        copy(&path, size, content, &mut self.into)?;
        self.order.written();
        Ok(())
    }

    pub fn link(&mut self, path: &str, target: &str) -> Result<(), WriteError> {
        let path = self.order.begin(path, Kind::Link)?;
        let target = self.order.target(target, &path)?;
        let options = options(0o777, 0, CompressionMethod::Stored);
        self.into.add_symlink(path.as_str(), target, options).map_err(output)?;
        self.order.written();
        Ok(())
    }

    /// Writes the directory and gives the output back.
    pub fn finish(self) -> Result<W, WriteError> {
        self.order.check()?;
        let mut into = self.into.finish().map_err(output)?;
        into.flush().map_err(WriteError::Output)?;
        Ok(into)
    }
}

fn options(mode: u32, size: u64, method: CompressionMethod) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(mode)
        // Deflating can add a little, so zip64 begins well before its limit.
        .large_file(size > u64::from(u32::MAX / 2))
}

fn output(error: ZipError) -> WriteError {
    WriteError::Output(match error {
        ZipError::Io(error) => error,
        error => io::Error::other(error),
    })
}
