use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, ErrorCode};

use super::denied::{Done, Refused};
use super::mount::Folder;
use super::stat::descriptor_type;
use super::{tree, way};
use crate::fs_policy::Level;
use crate::model::LimitName;

use super::super::super::meter::LimitHit;

/// What an entry takes besides its name.
const ENTRY_BYTES: u64 = 64;
/// Names that are looked at for one listing, shown or not.
const NAMES: usize = 1_000_000;

pub(super) struct Entry {
    /// `None` for a name that is no text, which a guest cannot be given.
    pub(super) name: Option<String>,
    pub(super) type_: DescriptorType,
}

impl Entry {
    fn bytes(&self) -> u64 {
        let name = self.name.as_ref().map_or(0, String::len);
        ENTRY_BYTES.saturating_add(u64::try_from(name).unwrap_or(u64::MAX))
    }
}

/// What entries take.
pub(super) fn bytes(entries: &[Entry]) -> u64 {
    entries.iter().map(Entry::bytes).sum()
}

/// What a folder shows, last name first, so that the next is popped from the end. The order on the disk says how a
/// folder came to be; by name it is the same each time. What is hidden counts for nothing.
pub(super) fn list(folder: &Folder, most_bytes: u64, most_entries: u64) -> Done<Vec<Entry>> {
    let policy = &folder.mount.policy;
    let mut entries = Vec::new();
    let mut used = 0u64;
    each(folder, |name, kind| {
        let spot = policy.step(&folder.spot, name.to_bytes());
        let shown = match policy.level(&spot) {
            Level::None if kind == FileType::Directory && policy.is_passable(&spot) => {
                tree::open(folder, name).ok().flatten().map_or(Ok(false), |inner| way::leads(&inner))?
            }
            Level::None => false,
            Level::View | Level::Read | Level::Write => true,
        };
        if !shown {
            return Ok(());
        }
        let entry = Entry { name: name.to_str().ok().map(str::to_owned), type_: descriptor_type(kind) };
        used = used.saturating_add(entry.bytes());
        entries.push(entry);
        within(LimitName::HostcallBytes, used, most_bytes)?;
        within(LimitName::EntriesRead, u64::try_from(entries.len()).unwrap_or(u64::MAX), most_entries)
    })?;
    entries.sort_by(|a, b| b.name.cmp(&a.name));
    Ok(entries)
}

fn within(name: LimitName, used: u64, value: u64) -> Done<()> {
    if used > value { Err(Refused::Limit(LimitHit { name, value, used })) } else { Ok(()) }
}

/// Visits what is in a folder, hidden or not.
pub(super) fn each(folder: &Folder, mut visit: impl FnMut(&std::ffi::CStr, FileType) -> Done<()>) -> Done<()> {
    // The folder may be open for nothing but finding what is in it.
    let readable = openat(&folder.dir, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for (count, entry) in Dir::new(readable)?.enumerate() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if count > NAMES {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let kind = match entry.file_type() {
            // Some file systems tell it only when asked for each.
            FileType::Unknown => statat(&folder.dir, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            known => known,
        };
        visit(name, kind)?;
    }
    Ok(())
}
