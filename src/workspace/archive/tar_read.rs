//! Reading tar, plain or within gzip.
//!
//! Headers are decoded by the `tar` crate, but walked here: its own iterator reads extended headers without a bound,
//! does not notice a missing end and stops looking after it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use tar::{EntryType, Header};

use super::error::at;
use super::format::{GZIP_MAGIC, sum_is_right};
use super::intake::Intake;
use super::meter::{Content, Decoded, End, Input, Meter};
use super::name::{Name, Names};
use super::tar_extended::{EXTENDED_BYTES, Extended};
use super::{ArchiveError, Bounds, Fault, Receiver, Summary};

const BLOCK: u64 = 512;
/// Writers fill their last record up with zeros: GNU tar to 10 KiB, for tapes to a few hundred.
const END_PADDING_BYTES: u64 = 1 << 20;
const DECODED_BUFFER_BYTES: usize = 32 << 10;
/// Sizes from here on do not fit the header, so that a pax record may give another than it.
const HEADER_SIZE_LIMIT: u64 = 1 << 33;

/// Reads a tar, or a tar within gzip, as its first bytes say, and hands its entries over.
pub fn read_tar<R: Read, T: Receiver>(
    input: R,
    bounds: &Bounds,
    into: &mut T,
) -> Result<Summary, ArchiveError<T::Error>> {
    let meter = Meter::default();
    let mut input = BufReader::new(Input::new(input, &meter));
    let mut magic = Vec::new();
    input.by_ref().take(2).read_to_end(&mut magic).map_err(|error| meter.fault(error))?;
    let gzip = magic == GZIP_MAGIC;
    let mut input = magic.as_slice().chain(input);
    if !gzip {
        return Walk { source: &mut input, meter: &meter, intake: Intake::new(bounds, into) }.run();
    }
    let decoded = Decoded::new(GzDecoder::new(&mut input), &meter, bounds);
    let mut decoded = BufReader::with_capacity(DECODED_BUFFER_BYTES, decoded);
    let summary = Walk { source: &mut decoded, meter: &meter, intake: Intake::new(bounds, into) }.run()?;
    // A second gzip member is garbage, too: some readers stop at the first and would not see what we see.
    if !input.fill_buf().map_err(|error| meter.fault(error))?.is_empty() {
        return Err(Fault::TrailingData.into());
    }
    Ok(summary)
}

struct Walk<'a, 'i, T> {
    source: &'a mut dyn Read,
    meter: &'a Meter,
    intake: Intake<'i, T>,
}

impl<T: Receiver> Walk<'_, '_, T> {
    fn run(mut self) -> Result<Summary, ArchiveError<T::Error>> {
        let mut extended = Extended::default();
        while let Some(header) = self.header()? {
            let raw = header.path_bytes().into_owned();
            let kind = header.entry_type();
            match kind {
                EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader => {
                    self.extend(&mut extended, kind, &header).map_err(at(&raw))?;
                }
                _ => self.entry(&header, raw, std::mem::take(&mut extended))?,
            }
        }
        if !extended.is_empty() {
            return Err(Fault::Truncated.into());
        }
        self.end()?;
        Ok(self.intake.summary())
    }

    /// The next header; nothing at the mark that ends the archive.
    fn header(&mut self) -> Result<Option<Header>, Fault> {
        let mut header = Header::new_old();
        self.fill(header.as_mut_bytes())?;
        if is_zero(header.as_bytes()) {
            let mut second = [0; 512];
            self.fill(&mut second)?;
            let why = "a single empty block between entries".to_owned();
            return if is_zero(&second) { Ok(None) } else { Err(Fault::Malformed { why }) };
        }
        if !sum_is_right(&header) {
            return Err(Fault::Malformed { why: "the checksum of a header is wrong".to_owned() });
        }
        // Whether such a header has a prefix to its name, readers do not agree.
        let named_ustar = header.as_bytes().get(257..262) == Some(b"ustar".as_slice());
        if named_ustar && header.as_ustar().is_none() && header.as_gnu().is_none() {
            return Err(Fault::Malformed { why: "a header of an unknown version of ustar".to_owned() });
        }
        Ok(Some(header))
    }

    fn extend(&mut self, extended: &mut Extended, kind: EntryType, header: &Header) -> Result<(), Fault> {
        let size = size_of(header)?;
        if size > EXTENDED_BYTES {
            return Err(Fault::ExtendedTooLarge { limit: EXTENDED_BYTES });
        }
        let mut data = Vec::new();
        Read::take(&mut *self.source, size).read_to_end(&mut data).map_err(|error| self.meter.fault(error))?;
        if u64::try_from(data.len()) != Ok(size) {
            return Err(Fault::Truncated);
        }
        self.skip_padding(size)?;
        match kind {
            EntryType::GNULongName => extended.long_name(data),
            EntryType::GNULongLink => extended.long_target(data),
            EntryType::XHeader => extended.pax(&data),
            _ => {
                if extended.global(&data)? {
                    self.intake.names = Names::Here;
                }
                Ok(())
            }
        }
    }

    fn entry(&mut self, header: &Header, short: Vec<u8>, extended: Extended) -> Result<(), ArchiveError<T::Error>> {
        let raw = extended.path.unwrap_or(short);
        let name = self.intake.begin(&raw).map_err(at(&raw))?;
        let size = effective_size(header, extended.size).map_err(at(&raw))?;
        match kind_of(header, &name).map_err(at(&raw))? {
            TarKind::File { executable } => self.file(&raw, &name, executable, size)?,
            _ if size != 0 => return Err(at(&raw)(Fault::ContentUnexpected).into()),
            TarKind::Folder => self.intake.folder(&name)?,
            TarKind::Link => {
                let short = header.link_name_bytes().unwrap_or_default();
                self.intake.link(&name, extended.target.as_deref().unwrap_or(&short))?;
            }
        }
        Ok(())
    }

    fn file(&mut self, raw: &[u8], name: &Name, executable: bool, size: u64) -> Result<(), ArchiveError<T::Error>> {
        self.intake.check_size(size).map_err(at(raw))?;
        let content = Content::new(self.source, self.meter, size, End::Size);
        self.intake.file(name, executable, size, content)?;
        Ok(self.skip_padding(size).map_err(at(raw))?)
    }

    /// After the mark only the rest of a record of zeros may come. Read to the end, so that gzip checks its sum.
    fn end(&mut self) -> Result<(), Fault> {
        let (mut block, mut padding) = ([0; 512], 0u64);
        loop {
            let count = match self.source.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.meter.fault(error)),
            };
            padding = padding.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            if padding > END_PADDING_BYTES || !is_zero(block.get(..count).unwrap_or_default()) {
                return Err(Fault::TrailingData);
            }
        }
    }

    fn fill(&mut self, block: &mut [u8]) -> Result<(), Fault> {
        // Its end is an error even between entries: without the mark nobody knows whether more was to come.
        self.source.read_exact(block).map_err(|error| self.meter.fault(error))
    }

    fn skip_padding(&mut self, size: u64) -> Result<(), Fault> {
        let padding = size.next_multiple_of(BLOCK) - size;
        let skipped = io::copy(&mut Read::take(&mut *self.source, padding), &mut io::sink());
        match skipped.map_err(|error| self.meter.fault(error))? {
            count if count == padding => Ok(()),
            _ => Err(Fault::Truncated),
        }
    }
}

enum TarKind {
    Folder,
    File { executable: bool },
    Link,
}

fn kind_of(header: &Header, name: &Name) -> Result<TarKind, Fault> {
    match header.entry_type() {
        // Before ustar, the slash was what made a folder.
        EntryType::Regular if header.as_old().linkflag == [0] && is_folder(name) => Ok(TarKind::Folder),
        EntryType::Regular => {
            let mode = header.mode().map_err(|error| Fault::Malformed { why: error.to_string() })?;
            Ok(TarKind::File { executable: mode & 0o111 != 0 })
        }
        EntryType::Directory => Ok(TarKind::Folder),
        EntryType::Symlink => Ok(TarKind::Link),
        EntryType::Link => Err(Fault::HardLink),
        EntryType::Char | EntryType::Block => Err(Fault::Device),
        EntryType::Fifo => Err(Fault::Fifo),
        EntryType::GNUSparse => Err(Fault::Sparse),
        _ => Err(Fault::KindUnknown),
    }
}

fn is_folder(name: &Name) -> bool {
    matches!(name, Name::Root | Name::Below { folder: true, .. })
}

fn size_of(header: &Header) -> Result<u64, Fault> {
    let size = header.entry_size().map_err(|error| Fault::Malformed { why: error.to_string() })?;
    // So that rounding up to whole blocks cannot overflow.
    if size > u64::MAX / 2 { Err(Fault::Malformed { why: "a size is too large".to_owned() }) } else { Ok(size) }
}

/// Two sizes that differ let an entry hide others from one of two readers, so pax may only give what the header cannot.
fn effective_size(header: &Header, pax: Option<u64>) -> Result<u64, Fault> {
    let in_header = size_of(header)?;
    match pax {
        None => Ok(in_header),
        Some(size) if size == in_header => Ok(size),
        Some(size) if (HEADER_SIZE_LIMIT..u64::MAX / 2).contains(&size) => Ok(size),
        Some(declared) => Err(Fault::SizeDisagrees { declared }),
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
