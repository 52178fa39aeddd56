//! Readers that count, so that what an archive claims can be held against what it is.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use flate2::Crc;
use thiserror::Error;

use super::{Bounds, Fault};

/// Small archives of repetitive text compress better than any bound; nobody can be hurt with this much.
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// What went in and came out, shared by the readers around one decoder.
#[derive(Clone, Default)]
pub(super) struct Meter(Rc<Counts>);

#[derive(Default)]
struct Counts {
    compressed: Cell<u64>,
    decompressed: Cell<u64>,
    input_failed: Cell<bool>,
}

/// Carried through decoders inside an `io::Error`.
#[derive(Debug, Error)]
#[error("the ratio of decompressed to compressed bytes is too high")]
struct RatioExceeded {
    limit: u64,
}

impl Meter {
    /// Forgets what was read so far, such as a directory that was read to find the entries.
    pub(super) fn restart(&self) {
        self.0.compressed.set(0);
    }

    /// What a failed read means.
    pub(super) fn fault(&self, error: io::Error) -> Fault {
        if let Some(RatioExceeded { limit }) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return Fault::RatioTooHigh { limit: *limit };
        }
        if self.0.input_failed.get() {
            return Fault::Unreadable { source: error };
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Fault::Truncated;
        }
        Fault::Malformed { why: error.to_string() }
    }
}

/// The input, counted.
pub(super) struct Input<R> {
    inner: R,
    meter: Meter,
}

impl<R> Input<R> {
    pub(super) fn new(inner: R, meter: &Meter) -> Self {
        Input { inner, meter: meter.clone() }
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            self.meter.0.input_failed.set(true);
        }
        result
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let result = self.inner.read(into);
        let count = self.noted(result)?;
        add(&self.meter.0.compressed, count);
        Ok(count)
    }
}

impl<R: Seek> Seek for Input<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // A position out of range comes from the archive, not from the disk.
        self.inner.seek(to)
    }
}

/// What a decoder gives, counted and held against the ratio.
pub(super) struct Decoded<R> {
    inner: R,
    meter: Meter,
    ratio: u64,
}

impl<R> Decoded<R> {
    pub(super) fn new(inner: R, meter: &Meter, bounds: &Bounds) -> Self {
        Decoded { inner, meter: meter.clone(), ratio: bounds.ratio }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        add(&self.meter.0.decompressed, count);
        let decompressed = self.meter.0.decompressed.get();
        let allowed = self.meter.0.compressed.get().saturating_mul(self.ratio).max(RATIO_FREE_BYTES);
        if decompressed > allowed {
            return Err(io::Error::other(RatioExceeded { limit: self.ratio }));
        }
        Ok(count)
    }
}

fn add(cell: &Cell<u64>, count: usize) {
    cell.set(cell.get().saturating_add(u64::try_from(count).unwrap_or(u64::MAX)));
}

/// How the end of a file is known.
pub(super) enum End {
    /// By the size alone: what follows belongs to the next entry.
    Size,
    /// The source ends by itself, which must be where the size says, and its checksum must be this.
    Source { crc32: u32 },
}

/// The content of one file: never more than its declared size, and the fault when it is not what was declared.
pub(super) struct Content<'a> {
    source: &'a mut dyn Read,
    meter: &'a Meter,
    declared: u64,
    left: u64,
    end: End,
    crc: Crc,
    finished: bool,
    fault: Option<Fault>,
}

impl<'a> Content<'a> {
    pub(super) fn new(source: &'a mut dyn Read, meter: &'a Meter, declared: u64, end: End) -> Self {
        Content { source, meter, declared, left: declared, end, crc: Crc::new(), finished: false, fault: None }
    }

    /// Reads and checks what nobody wanted to read; the fault outlives a receiver that ignored it.
    pub(super) fn settle(mut self) -> Result<(), Fault> {
        if self.fault.is_none() {
            // Its error is the fault below.
            let _ = io::copy(&mut self, &mut io::sink());
        }
        self.fault.map_or(Ok(()), Err)
    }

    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    fn refuse<T>(&mut self, fault: Fault) -> io::Result<T> {
        let error = io::Error::new(io::ErrorKind::InvalidData, fault.to_string());
        self.fault = Some(fault);
        Err(error)
    }

    fn finish(&mut self) -> io::Result<usize> {
        if self.finished {
            return Ok(0);
        }
        if let End::Source { crc32 } = self.end {
            let mut beyond = [0];
            match self.source.read(&mut beyond) {
                Ok(0) if self.crc.sum() == crc32 => {}
                Ok(0) => return self.refuse(Fault::ChecksumWrong),
                Ok(_) => return self.refuse(Fault::SizeDisagrees { declared: self.declared }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                // So the zip reader says that there is more.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return self.refuse(Fault::SizeDisagrees { declared: self.declared });
                }
                Err(error) => {
                    let fault = self.meter.fault(error);
                    return self.refuse(fault);
                }
            }
        }
        self.finished = true;
        Ok(0)
    }
}

impl Read for Content<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(io::Error::new(io::ErrorKind::InvalidData, fault.to_string()));
        }
        if into.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.finish();
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let into = into.get_mut(..most).unwrap_or_default();
        match self.source.read(into) {
            Ok(0) => {
                let fault = match self.end {
                    End::Size => Fault::Truncated,
                    End::Source { .. } => Fault::SizeDisagrees { declared: self.declared },
                };
                self.refuse(fault)
            }
            Ok(count) => {
                self.left = self.left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                self.crc.update(into.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let fault = self.meter.fault(error);
                self.refuse(fault)
            }
        }
    }
}
