use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::super::error::EngineError;
use super::super::fence::Flavour;
use super::Origins;
use crate::model::Digest;

/// Changes whenever what is written here changes its meaning.
const FORMAT: u32 = 2;
const KEY_BYTES: usize = 32;
const ENTRY_BYTES: u64 = 64 << 10;

/// Compiled code on disk.
///
/// ```text
/// key                the secret of this cache; made once, read by its owner only
/// NAME.entry         what the code is for, and the keyed hash of the code; itself sealed with the key
/// HASH.code          the code, named by its keyed hash, never changed after it was renamed into place
/// ```
///
/// Compiled code is trusted code. So it is loaded only if the folder and the file belong to us and nobody else can
/// write them, the entry's seal is ours and names this very program, engine and processor, and the code's hash is
/// the one in the entry. Everything else is a reason to compile anew, never to look closer.
#[derive(Debug)]
pub struct CodeCache {
    dir: PathBuf,
    key: [u8; KEY_BYTES],
    limit_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    format: u32,
    name: String,
    digest: Digest,
    flavour: Flavour,
    origins: Origins,
    code: String,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    entry: Entry,
    seal: String,
}

/// One program in the cache, as `cache list` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct CacheEntry {
    pub digest: Digest,
    pub flavour: Flavour,
    pub bytes: u64,
    /// Seconds since 1970.
    pub last_used: u64,
}

/// Code that was found whole and ours.
pub(in super::super) struct Found {
    pub(in super::super) file: File,
    pub(in super::super) path: PathBuf,
    pub(in super::super) origins: Origins,
    stamp: Stamp,
}

type Stamp = (u64, u64, i64, i64, i64, i64, u64);

fn stamp(meta: &fs::Metadata) -> Stamp {
    (meta.dev(), meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec(), meta.len())
}

impl Found {
    /// Whether the file is still what was verified; asked after it was mapped.
    pub(in super::super) fn is_unchanged(&self) -> bool {
        self.file.metadata().is_ok_and(|meta| stamp(&meta) == self.stamp)
    }

    /// The file that was verified, by its descriptor: a name could lead elsewhere by now.
    pub(in super::super) fn open_path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

impl CodeCache {
    /// Opens the cache, making the folder and its key where there are none. A folder that others can reach is refused.
    pub fn open(dir: &Path, limit_bytes: u64) -> Result<Self, EngineError> {
        let unusable = |reason: String| EngineError::Cache { path: dir.display().to_string(), reason };
        let plain = |error: std::io::Error| unusable(error.to_string());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(plain)?;
        Self::check(dir)?;
        let key = read_or_make_key(dir).map_err(unusable)?;
        Ok(Self { dir: dir.to_owned(), key, limit_bytes })
    }

    /// Whether a folder that is there could be one: nothing is made.
    pub fn check(dir: &Path) -> Result<(), EngineError> {
        let unusable = |reason: String| EngineError::Cache { path: dir.display().to_string(), reason };
        let meta = fs::symlink_metadata(dir).map_err(|error| unusable(error.to_string()))?;
        if !meta.is_dir() {
            return Err(unusable("it is not a folder, or only a link to one".into()));
        }
        ours_alone(&meta).map_err(|reason| unusable(format!("{reason}; chmod 700 it, or choose another (--cache-dir)")))
    }

    /// The name of a program's entry: changes with everything that changes the code.
    pub(in super::super) fn name(engine: &wasmtime::Engine, digest: Digest, flavour: Flavour) -> String {
        struct Feed(blake3::Hasher);
        impl Hasher for Feed {
            fn write(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }
            fn finish(&self) -> u64 {
                0
            }
        }
        let mut feed = Feed(blake3::Hasher::new());
        (FORMAT, env!("CARGO_PKG_VERSION"), super::makers(), digest, flavour).hash(&mut feed);
        engine.precompile_compatibility_hash().hash(&mut feed);
        feed.0.finalize().to_hex().to_string()
    }

    /// Finds the code of a program. `Err` says why something that was there is not to be trusted.
    pub(in super::super) fn find(&self, name: &str, digest: Digest, flavour: Flavour) -> Result<Option<Found>, String> {
        let path = self.dir.join(format!("{name}.entry"));
        let Some((mut file, _)) = open_own(&path)? else { return Ok(None) };
        let entry = self.unseal(&mut file)?;
        if (entry.format, entry.name.as_str(), entry.digest, entry.flavour) != (FORMAT, name, digest, flavour) {
            return Err("the entry is one of another program, version or processor".into());
        }
        let code = self.dir.join(format!("{}.code", entry.code));
        let (file, meta) = open_own(&code)?.ok_or("the code is missing")?;
        let found = Found { stamp: stamp(&meta), file, path: code, origins: entry.origins };
        let hash = self.hash_file(&found.open_path()).map_err(|error| format!("the code cannot be read: {error}"))?;
        if meta.len() != entry.bytes || hash != entry.code {
            return Err("the code is not what was written".into());
        }
        // For the trimming of the least recently used; nothing is lost when it fails.
        if let Ok(entry) = OpenOptions::new().write(true).custom_flags(nofollow()).open(&path) {
            let _ = entry.set_modified(SystemTime::now());
        }
        Ok(Some(found))
    }

    /// Writes code, so that a crash at any moment leaves the old entry or the new one.
    pub(in super::super) fn keep(
        &self,
        name: &str,
        digest: Digest,
        flavour: Flavour,
        compiled: &super::Compiled,
    ) -> std::io::Result<()> {
        let code = blake3::Hasher::new_keyed(&self.key).update_rayon(&compiled.code).finalize().to_hex().to_string();
        let bytes = u64::try_from(compiled.code.len()).unwrap_or(u64::MAX);
        self.write(&format!("{code}.code"), &compiled.code)?;
        let entry = Entry {
            format: FORMAT,
            name: name.to_owned(),
            digest,
            flavour,
            origins: compiled.origins.clone(),
            code,
            bytes,
        };
        let sealed = Sealed { seal: self.seal(&entry)?, entry };
        self.write(&format!("{name}.entry"), &serde_json::to_vec(&sealed)?)?;
        self.trim()
    }

    /// What the cache holds, the most recently used first. Entries that are not ours are left out.
    pub fn list(&self) -> std::io::Result<Vec<CacheEntry>> {
        let mut entries: Vec<CacheEntry> = self
            .entries()?
            .into_iter()
            .map(|(entry, used)| CacheEntry {
                digest: entry.digest,
                flavour: entry.flavour,
                bytes: entry.bytes,
                last_used: used.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            })
            .collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.last_used));
        Ok(entries)
    }

    /// Removes all code; the key stays. Returns how many programs were dropped.
    pub fn clear(&self) -> std::io::Result<usize> {
        let dropped = self.entries()?.len();
        for file in fs::read_dir(&self.dir)? {
            let path = file?.path();
            if path.extension().is_some_and(|end| end == "entry" || end == "code" || end == "tmp") {
                fs::remove_file(path)?;
            }
        }
        Ok(dropped)
    }

    fn entries(&self) -> std::io::Result<Vec<(Entry, SystemTime)>> {
        let mut entries = Vec::new();
        for file in fs::read_dir(&self.dir)? {
            let path = file?.path();
            if path.extension().is_some_and(|end| end == "entry")
                && let Ok(Some((mut file, meta))) = open_own(&path)
                && let Ok(entry) = self.unseal(&mut file)
            {
                entries.push((entry, meta.modified()?));
            }
        }
        Ok(entries)
    }

    /// Drops the least recently used until the rest fits, then code that no entry names.
    fn trim(&self) -> std::io::Result<()> {
        let mut entries = self.entries()?;
        entries.sort_by_key(|(_, used)| std::cmp::Reverse(*used));
        let mut sum = 0u64;
        let mut kept = std::collections::HashSet::new();
        for (entry, _) in entries {
            sum = sum.saturating_add(entry.bytes);
            if sum <= self.limit_bytes || kept.is_empty() {
                kept.insert(entry.code);
            } else {
                fs::remove_file(self.dir.join(format!("{}.entry", entry.name)))?;
            }
        }
        for file in fs::read_dir(&self.dir)? {
            let path = file?.path();
            let named = |stem: &std::ffi::OsStr| stem.to_str().is_some_and(|stem| kept.contains(stem));
            let orphan = match path.extension().and_then(|end| end.to_str()) {
                Some("code") => !path.file_stem().is_some_and(named),
                Some("tmp") => true,
                _ => false,
            };
            // Another process may be between its two writes: what is young is left alone.
            let old = || fs::symlink_metadata(&path).ok().and_then(|meta| meta.modified().ok()?.elapsed().ok());
            if orphan && old().is_some_and(|age| age.as_secs() > 60) {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().suffix(".tmp").tempfile_in(&self.dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(self.dir.join(name)).map_err(|error| error.error)?;
        Ok(())
    }

    fn seal(&self, entry: &Entry) -> std::io::Result<String> {
        let text = serde_json::to_vec(entry)?;
        Ok(blake3::keyed_hash(&self.key, &text).to_hex().to_string())
    }

    fn unseal(&self, file: &mut File) -> Result<Entry, String> {
        let mut text = Vec::new();
        file.take(ENTRY_BYTES).read_to_end(&mut text).map_err(|error| format!("the entry cannot be read: {error}"))?;
        let sealed: Sealed = serde_json::from_slice(&text).map_err(|_| "the entry is damaged")?;
        let ours = self.seal(&sealed.entry).map_err(|error| error.to_string())?;
        // Compared as hashes, which takes the same time wherever they differ.
        match (blake3::Hash::from_hex(&sealed.seal), blake3::Hash::from_hex(&ours)) {
            (Ok(theirs), Ok(ours)) if theirs == ours => Ok(sealed.entry),
            _ => Err("the entry is not sealed by this host".into()),
        }
    }

    fn hash_file(&self, path: &Path) -> std::io::Result<String> {
        Ok(blake3::Hasher::new_keyed(&self.key).update_mmap_rayon(path)?.finalize().to_hex().to_string())
    }
}

fn nofollow() -> i32 {
    i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC).bits()).unwrap_or(0)
}

/// Opens a plain file that belongs to us and that nobody else can write. `None` where there is none.
fn open_own(path: &Path) -> Result<Option<(File, fs::Metadata)>, String> {
    let file = match OpenOptions::new().read(true).custom_flags(nofollow()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("a file of the cache cannot be opened: {error}")),
    };
    let meta = file.metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("a file of the cache is not a plain file".into());
    }
    ours_alone(&meta)?;
    Ok(Some((file, meta)))
}

fn ours_alone(meta: &fs::Metadata) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != me {
        return Err(format!("it belongs to user {}, not to us ({me})", meta.uid()));
    }
    if meta.mode() & 0o077 != 0 {
        return Err(format!("others can reach it (mode {:o})", meta.mode() & 0o7777));
    }
    Ok(())
}

fn read_or_make_key(dir: &Path) -> Result<[u8; KEY_BYTES], String> {
    let path = dir.join("key");
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    let filled = rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty());
    if filled != Ok(KEY_BYTES) {
        return Err("the system gave no randomness for its key".into());
    }
    let mut file = tempfile::Builder::new().suffix(".tmp").tempfile_in(dir).map_err(|error| error.to_string())?;
    file.write_all(&key).and_then(|()| file.as_file().sync_data()).map_err(|error| error.to_string())?;
    // Two processes may start at once: the first key to arrive is the one that both use.
    if let Err(error) = file.persist_noclobber(&path)
        && error.error.kind() != std::io::ErrorKind::AlreadyExists
    {
        return Err(error.error.to_string());
    }
    read_key(&path)?.ok_or_else(|| "its key cannot be read back".into())
}

fn read_key(path: &Path) -> Result<Option<[u8; KEY_BYTES]>, String> {
    let Some((mut file, meta)) = open_own(path)? else { return Ok(None) };
    let mut key = [0; KEY_BYTES];
    if meta.len() != KEY_BYTES as u64 || file.read_exact(&mut key).is_err() {
        return Err("its key is damaged; remove the folder, it is only a cache".into());
    }
    Ok(Some(key))
}
