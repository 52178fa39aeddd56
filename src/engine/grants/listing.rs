use std::fs::File;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, ErrorCode};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::super::meter::LimitHit;
use crate::model::LimitName;

/// What an entry takes besides its name.
const ENTRY_BYTES: u64 = 64;

pub(super) struct Entry {
    /// `None` for a name that is no text, which a guest cannot be given.
    pub(super) name: Option<String>,
    pub(super) type_: DescriptorType,
}

/// What entries take.
pub(super) fn bytes(entries: &[Entry]) -> u64 {
    let names: usize = entries.iter().map(|entry| entry.name.as_ref().map_or(0, String::len)).sum();
    let each = u64::try_from(entries.len()).unwrap_or(u64::MAX).saturating_mul(ENTRY_BYTES);
    each.saturating_add(u64::try_from(names).unwrap_or(u64::MAX))
}

/// What a folder holds, last name first, so that the next is popped from the end. The order on the disk says how a
/// folder came to be; by name it is the same each time.
pub(super) fn list(dir: &File, most_bytes: u64) -> FsResult<Vec<Entry>> {
    let failed = |error: rustix::io::Errno| FsError::from(ErrorCode::from(std::io::Error::from(error)));
    let mut entries = Vec::new();
    let mut used = 0u64;
    // A granted folder may be open for nothing but finding what is in it.
    let readable = openat(dir, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    for entry in readable.and_then(Dir::new).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        used = used.saturating_add(ENTRY_BYTES).saturating_add(u64::try_from(name.count_bytes()).unwrap_or(u64::MAX));
        if used > most_bytes {
            let hit = LimitHit { name: LimitName::HostcallBytes, value: most_bytes, used };
            return Err(FsError::trap(wasmtime::Error::new(hit)));
        }
        let kind = match entry.file_type() {
            // Some file systems tell it only when asked for each.
            FileType::Unknown => statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            known => known,
        };
        entries.push(Entry { name: name.to_str().ok().map(str::to_owned), type_: descriptor_type(kind) });
    }
    entries.sort_by(|a, b| b.name.cmp(&a.name));
    Ok(entries)
}

fn descriptor_type(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}
