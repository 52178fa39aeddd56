//! A disk in memory that fails when it is told to and, when its power goes, forgets what it was not told to keep.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use ringfence::audit::disk::{Disk, DiskFile, Entry, Stamp};

const SECTOR: usize = 512;

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    Cut(u64),
}

impl Change {
    fn to(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::Write(offset, new) => {
                let (start, end) = (*offset as usize, *offset as usize + new.len());
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(new);
            }
            Change::Cut(size) => bytes.resize(*size as usize, 0),
        }
    }
}

#[derive(Clone, Default)]
struct Inode {
    now: Vec<u8>,
    synced: Vec<u8>,
    since: Vec<Change>,
}

/// A name comes to mean another file, or none.
type Renaming = Vec<(String, Option<u64>)>;

#[derive(Default)]
struct State {
    inodes: BTreeMap<u64, Inode>,
    names: BTreeMap<String, u64>,
    synced_names: BTreeMap<String, u64>,
    names_since: BTreeMap<String, Vec<Renaming>>,
    changes: u64,
    /// How many operations were done, and at which they fail: from there on all of them, or that one.
    operations: u64,
    fail: Option<(u64, io::ErrorKind, bool)>,
    pub syncs: u64,
}

#[derive(Clone, Default)]
pub struct CrashDisk(Arc<Mutex<State>>);

fn folder_of(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}

impl State {
    /// Counts an operation; says whether it fails.
    fn step(&mut self) -> io::Result<()> {
        let now = self.operations;
        self.operations += 1;
        match self.fail {
            Some((at, kind, all)) if now == at || (all && now > at) => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn rename(&mut self, folder: &str, names: Renaming) {
        for (name, inode) in &names {
            match inode {
                Some(inode) => self.names.insert(name.clone(), *inode),
                None => self.names.remove(name),
            };
        }
        self.changes += 1;
        self.names_since.entry(folder.to_owned()).or_default().push(names);
    }
}

impl CrashDisk {
    pub fn fail_at(&self, operation: u64, kind: io::ErrorKind, all_after: bool) {
        self.0.lock().unwrap().fail = Some((operation, kind, all_after));
    }

    pub fn operations(&self) -> u64 {
        self.0.lock().unwrap().operations
    }

    pub fn syncs(&self) -> u64 {
        self.0.lock().unwrap().syncs
    }

    /// What a start finds after the power went: what was synced, and of the rest whatever reached the disk. Names go in
    /// the order in which they were changed, as a journal keeps them; sectors go as they please.
    pub fn after_power_cut(&self, seed: u64) -> CrashDisk {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let state = self.0.lock().unwrap();
        let mut names = state.synced_names.clone();
        for renamings in state.names_since.values() {
            let kept = random.random_range(0..=renamings.len());
            for (name, inode) in renamings[..kept].iter().flatten() {
                match inode {
                    Some(inode) => names.insert(name.clone(), *inode),
                    None => names.remove(name),
                };
            }
        }
        let mut inodes = BTreeMap::new();
        for (number, inode) in &state.inodes {
            let mut bytes = inode.synced.clone();
            // From all to nothing of it.
            let luck = random.random_range(0..=4_u32);
            for change in &inode.since {
                match change {
                    Change::Write(offset, new) => {
                        for (n, sector) in new.chunks(SECTOR).enumerate() {
                            if random.random_range(0..4_u32) < luck {
                                Change::Write(offset + (n * SECTOR) as u64, sector.to_vec()).to(&mut bytes);
                            }
                        }
                    }
                    cut => {
                        if random.random_range(0..4_u32) < luck {
                            cut.to(&mut bytes);
                        }
                    }
                }
            }
            inodes.insert(*number, Inode { now: bytes.clone(), synced: bytes, since: Vec::new() });
        }
        let after = State { inodes, synced_names: names.clone(), names, ..State::default() };
        CrashDisk(Arc::new(Mutex::new(after)))
    }

    /// As a process finds it that starts after another was killed: nothing is lost.
    pub fn after_kill(&self) -> CrashDisk {
        let state = self.0.lock().unwrap();
        let after = State {
            inodes: state.inodes.clone(),
            names: state.names.clone(),
            synced_names: state.synced_names.clone(),
            names_since: state.names_since.clone(),
            ..State::default()
        };
        CrashDisk(Arc::new(Mutex::new(after)))
    }

    /// Bytes at the end of the last segment that reached the disk and that nobody was told of.
    pub fn add_to_last_segment(&self, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap();
        let last = *state.names.iter().rfind(|(name, _)| name.starts_with("log/")).unwrap().1;
        let inode = state.inodes.get_mut(&last).unwrap();
        inode.now.extend(bytes);
        inode.synced = inode.now.clone();
        inode.since.clear();
    }

    /// Writes it all to a folder, for readers that know only real ones.
    pub fn write_to(&self, root: &Path) {
        let state = self.0.lock().unwrap();
        for folder in ["log", "tree", "checkpoints"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (name, inode) in &state.names {
            std::fs::write(root.join(name), &state.inodes[inode].now).unwrap();
        }
    }
}

impl Disk for CrashDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        let mut entries: Vec<Entry> = state
            .names
            .iter()
            .filter(|(name, _)| folder_of(name) == folder)
            .map(|(name, file)| Entry { name: name.rsplit('/').next().unwrap().to_owned(), file: *file })
            .collect();
        if folder.is_empty() {
            entries.extend(["log", "tree", "checkpoints"].map(|name| Entry { name: name.into(), file: 0 }));
        }
        Ok(entries)
    }

    fn make_folder(&self, _folder: &str) -> io::Result<()> {
        self.0.lock().unwrap().step()
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = state.inodes.len() as u64 + 1;
        state.inodes.insert(number, Inode::default());
        state.rename(&folder_of(path), vec![(path.to_owned(), Some(number))]);
        Ok(Box::new(CrashFile { disk: self.clone(), number }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        let number = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(CrashFile { disk: self.clone(), number }))
    }

    fn open_to_read(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.rename(&folder_of(to), vec![(to.to_owned(), Some(inode)), (from.to_owned(), None)]);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(&folder_of(path), vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn seal(&self, _path: &str) -> io::Result<()> {
        self.0.lock().unwrap().step()
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        for (name, inode) in state.names_since.remove(folder).unwrap_or_default().into_iter().flatten() {
            match inode {
                Some(inode) => state.synced_names.insert(name, inode),
                None => state.synced_names.remove(&name),
            };
        }
        Ok(())
    }

    fn is_in_place(&self) -> io::Result<bool> {
        self.0.lock().unwrap().step().map(|()| true)
    }

    fn log_stamp(&self) -> io::Result<Stamp> {
        let mut state = self.0.lock().unwrap();
        state.step()?;
        Ok((0, 0, state.changes))
    }
}

struct CrashFile {
    disk: CrashDisk,
    number: u64,
}

impl CrashFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        let failed = state.step();
        let inode = state.inodes.get_mut(&self.number).unwrap();
        let change = match (&failed, change) {
            (Ok(()), change) => change,
            // A write that fails has often written something.
            (Err(_), Change::Write(offset, bytes)) => Change::Write(offset, bytes[..bytes.len() / 2].to_vec()),
            (Err(_), Change::Cut(_)) => return failed,
        };
        change.to(&mut inode.now);
        inode.since.push(change);
        failed
    }
}

impl DiskFile for CrashFile {
    fn size(&self) -> io::Result<u64> {
        let mut state = self.disk.0.lock().unwrap();
        state.step()?;
        Ok(state.inodes[&self.number].now.len() as u64)
    }

    fn is_linked(&self) -> io::Result<bool> {
        let mut state = self.disk.0.lock().unwrap();
        state.step()?;
        Ok(state.names.values().any(|number| *number == self.number))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock().unwrap();
        state.step()?;
        let bytes = state.inodes[&self.number].now.get(offset as usize..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(Change::Write(offset, bytes.to_vec()))
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.change(Change::Cut(size))
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        state.syncs += 1;
        state.step()?;
        let inode = state.inodes.get_mut(&self.number).unwrap();
        inode.synced = inode.now.clone();
        inode.since.clear();
        Ok(())
    }
}
