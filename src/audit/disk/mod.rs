//! All that the writer does to a disk, as a trait: tests put one beneath it that fails at each step, or forgets what
//! was not synced.

mod real;

use std::io;

pub use real::RealDisk;

/// A folder. Paths are relative to it and go through at most one folder.
pub trait Disk: Send {
    /// What is in a folder; "" is the root.
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>>;
    /// Makes a folder unless it is there.
    fn make_folder(&self, folder: &str) -> io::Result<()>;
    /// Makes a file that is not there yet.
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to read and write.
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file to read.
    fn open_to_read(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Takes the right to write a file away, as a hint to people.
    fn seal(&self, path: &str) -> io::Result<()>;
    /// Makes what was created, renamed and removed in a folder last.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    /// Whether the folder is still where it was opened.
    fn is_in_place(&self) -> io::Result<bool>;
    /// Changes whenever a name in the folder `log` comes, goes or changes.
    fn log_stamp(&self) -> io::Result<Stamp>;
}

/// A file that is open.
pub trait DiskFile: Send {
    fn size(&self) -> io::Result<u64>;
    /// Whether it still has a name.
    fn is_linked(&self) -> io::Result<bool>;
    /// Reads until the buffer is full or the file ends.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all or fails.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn cut(&mut self, size: u64) -> io::Result<()>;
    /// Makes its contents and size last.
    fn sync(&mut self) -> io::Result<()>;
}

/// A name in a folder, and the number of the file that it names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    pub file: u64,
}

/// Which folder it is, and when names in it last changed.
pub type Stamp = (u64, i64, u64);

/// Reads a small file whole.
pub(super) fn read_small(disk: &dyn Disk, path: &str, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open_to_read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![0; most + 1];
    let read = file.read_at(&mut bytes, 0)?;
    if read > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too large"));
    }
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Puts a small file in place so that a crash leaves the old one or the new one, never a part.
pub(super) fn replace(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = format!("{path}.new");
    match disk.remove(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = disk.create(&aside)?;
    file.write_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&aside, path)?;
    disk.sync_folder(path.rsplit_once('/').map_or("", |(folder, _)| folder))
}
