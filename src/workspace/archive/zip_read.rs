//! Reading zip.
//!
//! A zip says everything twice, and readers differ on what they believe. So all headers are compared first, and
//! nothing is handed over until the whole of the archive agrees with itself; then the content is counted as it streams.

use std::io::{Read, Seek};

use zip::read::{ArchiveOffset, Config, ZipReadOptions};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::error::{Refusal, at};
use super::intake::Intake;
use super::meter::{Content, Decoded, End, Input, Meter};
use super::name::Name;
use super::zip_directory::{Directory, inspect};
use super::{ArchiveError, Bounds, Fault, Receiver, Summary};

/// The kinds of file in the mode of Unix.
const KIND_MASK: u32 = 0o170_000;
const FIFO: u32 = 0o010_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const FOLDER: u32 = 0o040_000;
const BLOCK_DEVICE: u32 = 0o060_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;
const SOCKET: u32 = 0o140_000;

/// Reads a zip and hands its entries over, in the order of its central directory.
pub fn read_zip<R: Read + Seek, T: Receiver>(
    input: R,
    bounds: &Bounds,
    into: &mut T,
) -> Result<Summary, ArchiveError<T::Error>> {
    let meter = Meter::default();
    let mut input = Input::new(input, &meter);
    let directory = inspect(&mut input, bounds, &meter)?;
    let mut archive = open(input, directory, &meter)?;
    compare_headers(&mut archive, &meter)?;
    meter.restart();
    let mut intake = Intake::new(bounds, into);
    for index in 0..archive.len() {
        hand_over(&mut archive, index, &meter, &mut intake)?;
    }
    Ok(intake.summary())
}

fn open<R: Read + Seek>(input: Input<R>, directory: Directory, meter: &Meter) -> Result<ZipArchive<Input<R>>, Refusal> {
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let archive = ZipArchive::with_config(config, input).map_err(|error| fault(error, meter))?;
    // That the crate found another directory than the one inspected must not go unseen.
    let same = archive.offset() == 0
        && (archive.is_empty() || archive.central_directory_start() == directory.start)
        && u64::try_from(archive.len()) == Ok(directory.entries);
    if !same {
        let why = "its central directory can be read in two ways".to_owned();
        return Err(Fault::Malformed { why }.into());
    }
    Ok(archive)
}

/// Holds each local header against the directory, and refuses entries that share bytes: thousands may share one bomb.
fn compare_headers<R: Read + Seek>(archive: &mut ZipArchive<Input<R>>, meter: &Meter) -> Result<(), Refusal> {
    let mut ranges = Vec::new();
    for index in 0..archive.len() {
        let raw = archive.by_index_data(index).map_err(|error| fault(error, meter))?.name_raw().to_vec();
        let range = compare(archive, index, meter).map_err(at(&raw))?;
        ranges.push((range, index));
    }
    ranges.sort_unstable();
    let ends = ranges.iter().map(|((start, _), _)| *start).skip(1).chain([archive.central_directory_start()]);
    if let Some(((_, index), _)) = ranges.iter().zip(ends).find(|(((_, end), _), next)| end > next) {
        let entry = archive.by_index_data(*index).map_err(|error| fault(error, meter))?;
        return Err(at(entry.name_raw())(Fault::Overlaps));
    }
    // Last for what it finds beyond the above: entries in the gaps that the directory does not list.
    archive.validate_header_consistency().map_err(|error| fault(error, meter))?;
    Ok(())
}

/// Where the entry begins and ends.
fn compare<R: Read + Seek>(
    archive: &mut ZipArchive<Input<R>>,
    index: usize,
    meter: &Meter,
) -> Result<(u64, u64), Fault> {
    let listed = archive.by_index_data(index).map_err(|error| fault(error, meter))?;
    if listed.encrypted() {
        return Err(Fault::Encrypted);
    }
    if !matches!(listed.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(Fault::CompressionUnsupported);
    }
    let options = ZipReadOptions::new().enforce_header_consistency(true);
    let entry = archive.by_index_with_options(index, options).map_err(|error| match error {
        ZipError::InvalidArchive(why) => Fault::HeadersDisagree { why: why.into_owned() },
        error => fault(error, meter),
    })?;
    let end = entry.data_start().and_then(|start| start.checked_add(entry.compressed_size()));
    Ok((entry.header_start(), end.ok_or(Fault::Overlaps)?))
}

fn hand_over<R: Read + Seek, T: Receiver>(
    archive: &mut ZipArchive<Input<R>>,
    index: usize,
    meter: &Meter,
    intake: &mut Intake<'_, T>,
) -> Result<(), ArchiveError<T::Error>> {
    // The checksum is Content's to check, so that a wrong one is told from a wrong size.
    let options = ZipReadOptions::new().ignore_crc32(true);
    let entry = archive.by_index_with_options(index, options).map_err(|error| fault(error, meter))?;
    let raw = entry.name_raw().to_vec();
    let name = intake.begin(&raw).map_err(at(&raw))?;
    let (size, mode) = (entry.size(), mode_of(&entry));
    let kind = kind_of(&name, mode).map_err(at(&raw))?;
    let end = End::Source { crc32: entry.crc32() };
    let mut source = Decoded::new(entry, meter, intake.bounds);
    match kind {
        ZipKind::Folder if size != 0 => Err(at(&raw)(Fault::ContentUnexpected).into()),
        ZipKind::Folder => intake.folder(&name),
        ZipKind::File => {
            intake.check_size(size).map_err(at(&raw))?;
            let content = Content::new(&mut source, meter, size, end);
            intake.file(&name, mode & 0o111 != 0, size, content)
        }
        ZipKind::Link => {
            let limit = intake.bounds.path_bytes;
            if usize::try_from(size).map_or(true, |size| size > limit) {
                return Err(at(&raw)(Fault::LinkTooLong { limit }).into());
            }
            let mut target = Vec::new();
            let mut content = Content::new(&mut source, meter, size, end);
            // Its error is what settling tells.
            let _ = content.read_to_end(&mut target);
            content.settle().map_err(at(&raw))?;
            intake.link(&name, &target)
        }
    }
}

enum ZipKind {
    Folder,
    File,
    Link,
}

fn kind_of(name: &Name, mode: u32) -> Result<ZipKind, Fault> {
    let named_folder = matches!(name, Name::Root | Name::Below { folder: true, .. });
    match mode & KIND_MASK {
        // Many writers say nothing but the slash.
        0 if named_folder => Ok(ZipKind::Folder),
        0 => Ok(ZipKind::File),
        FOLDER if named_folder => Ok(ZipKind::Folder),
        FOLDER => Err(Fault::FolderUnmarked),
        FILE => Ok(ZipKind::File),
        LINK => Ok(ZipKind::Link),
        FIFO => Err(Fault::Fifo),
        SOCKET => Err(Fault::Socket),
        CHARACTER_DEVICE | BLOCK_DEVICE => Err(Fault::Device),
        _ => Err(Fault::KindUnknown),
    }
}

/// The mode of Unix, 0 if the archive was made elsewhere.
fn mode_of<R: Read>(entry: &zip::read::ZipFile<'_, R>) -> u32 {
    match entry.system() {
        zip::System::Unix | zip::System::OsDarwin => entry.external_attributes() >> 16,
        _ => 0,
    }
}

fn fault(error: ZipError, meter: &Meter) -> Fault {
    match error {
        ZipError::Io(error) => meter.fault(error),
        ZipError::CompressionMethodNotSupported(_) => Fault::CompressionUnsupported,
        error => Fault::Malformed { why: error.to_string() },
    }
}
