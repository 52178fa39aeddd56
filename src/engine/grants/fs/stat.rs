use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;

use rustix::fs::{FileType, Stat};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorStat, DescriptorType, MetadataHashValue};

use super::mount::Open;

/// What a guest is told of a file. Where rules hide something, what counts names or entries says nothing.
pub(super) fn of(mount: &Open, stat: &Stat) -> DescriptorStat {
    let kind = FileType::from_raw_mode(stat.st_mode);
    let counts = mount.all_shown;
    let folder = kind == FileType::Directory;
    DescriptorStat {
        type_: descriptor_type(kind),
        link_count: if mount.counts_links() { number(stat.st_nlink) } else { 1 },
        size: if folder && !counts { 0 } else { number(stat.st_size) },
        data_access_timestamp: time(stat.st_atime, stat.st_atime_nsec),
        data_modification_timestamp: time(stat.st_mtime, stat.st_mtime_nsec),
        status_change_timestamp: time(stat.st_ctime, stat.st_ctime_nsec),
    }
}

/// How wide these numbers are differs between machines.
fn number(value: impl TryInto<u64>) -> u64 {
    value.try_into().unwrap_or(0)
}

/// Times before 1970 cannot be told.
fn time(seconds: impl TryInto<u64>, nanoseconds: impl TryInto<u32>) -> Option<Datetime> {
    Some(Datetime { seconds: seconds.try_into().ok()?, nanoseconds: nanoseconds.try_into().ok()? })
}

pub(super) fn descriptor_type(kind: FileType) -> DescriptorType {
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

/// The same for the same file, for as long as this process lives; what it is on the disk does not show.
pub(super) fn hash(stat: &Stat) -> MetadataHashValue {
    static KEYS: LazyLock<[RandomState; 2]> = LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    let [lower, upper] = &*KEYS;
    let file = (stat.st_dev, stat.st_ino);
    MetadataHashValue { lower: lower.hash_one(file), upper: upper.hash_one(file) }
}
