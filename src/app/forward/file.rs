use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::OFlags;

/// No line is longer in any format.
const LINE_BYTES: u64 = 256 << 10;
/// Nothing is opened in the place of a file, nor waited for.
const FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// A file that lines are added to, of which each is whole and on the disk when it is said so. It may be moved away at any
/// time; another is begun then.
pub(in crate::app) struct Lines {
    path: PathBuf,
    /// The folder of the log, no file of which is added to.
    audit: PathBuf,
    open: Option<File>,
}

impl Lines {
    pub(super) const fn new(path: PathBuf, audit: PathBuf) -> Self {
        Self { path, audit, open: None }
    }

    pub(super) async fn add(&mut self, lines: &Bytes) -> io::Result<()> {
        let (path, audit, open, lines) = (self.path.clone(), self.audit.clone(), self.open.take(), lines.clone());
        let added = tokio::task::spawn_blocking(move || {
            let mut file = match open {
                Some(file) if is_there(&file, &path) => file,
                _ => begin(&path, &audit, &lines)?,
            };
            file.write_all(&lines)?;
            file.sync_data()?;
            Ok::<_, io::Error>(file)
        });
        self.open = Some(added.await.map_err(io::Error::other)??);
        Ok(())
    }
}

/// What is wrong with a file, or with one that would be made there. Neither a link nor another name leads to the log itself.
pub(super) fn wrong(path: &Path, audit: &Path) -> io::Result<Option<&'static str>> {
    if let Some(within) = path.parent()
        && is_own(&fs::metadata(within)?, audit)?
    {
        return Ok(Some("that is in the folder of the log itself"));
    }
    match fs::symlink_metadata(path) {
        Ok(about) => fault(&about, audit),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn fault(about: &Metadata, audit: &Path) -> io::Result<Option<&'static str>> {
    Ok(if about.is_symlink() {
        Some("that is a link; name the file that it leads to")
    } else if !about.is_file() {
        Some("that is no file")
    } else if is_own(about, audit)? {
        Some("that is a file of the log itself, by another name")
    } else {
        None
    })
}

/// Whether something is the folder of the log, or lies in it, whatever it is called.
fn is_own(about: &Metadata, audit: &Path) -> io::Result<bool> {
    let is = |other: &Metadata| (about.dev(), about.ino()) == (other.dev(), other.ino());
    let mut folders = match fs::metadata(audit) {
        Ok(root) if is(&root) => return Ok(true),
        Ok(_) => vec![audit.to_owned()],
        // It is made later, and then by us.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(found) if is(&found) => return Ok(true),
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(_) => {}
                // It is at work, and files leave.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(false)
}

fn is_there(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

/// Opens or makes it. What an earlier write left of a line is taken back where we write that line now; what is not ours is
/// ended and left.
fn begin(path: &Path, audit: &Path, lines: &[u8]) -> io::Result<File> {
    if let Some(wrong) = wrong(path, audit)? {
        return Err(io::Error::other(wrong));
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600).custom_flags(FLAGS.bits().cast_signed());
    let mut file = options.open(path)?;
    // What was opened is what is written to, whatever lay there a moment before.
    if let Some(wrong) = fault(&file.metadata()?, audit)? {
        return Err(io::Error::other(wrong));
    }
    if let Some(within) = path.parent() {
        File::open(within)?.sync_all()?;
    }
    let length = file.metadata()?.len();
    let mut end = vec![0; usize::try_from(length.min(LINE_BYTES)).unwrap_or_default()];
    file.read_exact_at(&mut end, length.saturating_sub(LINE_BYTES))?;
    let torn = end.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if torn.is_empty() {
        return Ok(file);
    }
    if lines.split(|byte| *byte == b'\n').any(|line| line.starts_with(torn)) {
        file.set_len(length - torn.len() as u64)?;
    } else {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_was_cut_off_is_written_again_and_what_is_not_ours_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let lines = Bytes::from_static(b"{\"a\":1}\n{\"b\":2}\n");
        for (before, after) in [
            ("", "{\"a\":1}\n{\"b\":2}\n"),
            ("x\n", "x\n{\"a\":1}\n{\"b\":2}\n"),
            ("x\n{\"b\"", "x\n{\"a\":1}\n{\"b\":2}\n"),
            ("x\n{\"b\":2}", "x\n{\"a\":1}\n{\"b\":2}\n"),
            ("{", "{\"a\":1}\n{\"b\":2}\n"),
            ("not ours", "not ours\n{\"a\":1}\n{\"b\":2}\n"),
        ] {
            fs::write(&path, before).unwrap();
            Lines::new(path.clone(), dir.path().join("audit")).add(&lines).await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after, "{before}");
        }
    }

    #[tokio::test]
    async fn a_file_that_was_moved_away_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (path, away) = (dir.path().join("log"), dir.path().join("log.1"));
        let mut lines = Lines::new(path.clone(), dir.path().join("audit"));
        lines.add(&Bytes::from_static(b"1\n")).await.unwrap();
        fs::rename(&path, &away).unwrap();
        lines.add(&Bytes::from_static(b"2\n")).await.unwrap();
        lines.add(&Bytes::from_static(b"3\n")).await.unwrap();
        assert_eq!((fs::read(&away).unwrap(), fs::read(&path).unwrap()), (b"1\n".to_vec(), b"2\n3\n".to_vec()));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn nothing_is_added_to_the_log_itself_by_whatever_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("audit/log")).unwrap();
        fs::write(at("audit/log/0.jsonl"), "own\n").unwrap();
        fs::hard_link(at("audit/log/0.jsonl"), at("hard")).unwrap();
        std::os::unix::fs::symlink(at("audit/log/0.jsonl"), at("soft")).unwrap();
        std::os::unix::fs::symlink(at("audit/log/1.jsonl"), at("to-come")).unwrap();
        std::os::unix::fs::symlink(at("audit/log"), at("folder")).unwrap();
        for name in ["hard", "soft", "to-come", "folder/1.jsonl", "folder/0.jsonl", "audit/1.jsonl"] {
            let added = Lines::new(at(name), at("audit")).add(&Bytes::from_static(b"x\n")).await;
            assert!(added.is_err(), "{name}");
        }
        assert_eq!(fs::read(at("audit/log/0.jsonl")).unwrap(), b"own\n");
        assert!(!at("audit/log/1.jsonl").exists() && !at("audit/1.jsonl").exists());
        // A file that has another name elsewhere is one.
        fs::write(at("one"), "").unwrap();
        fs::hard_link(at("one"), at("two")).unwrap();
        Lines::new(at("two"), at("audit")).add(&Bytes::from_static(b"x\n")).await.unwrap();
        assert_eq!(fs::read(at("one")).unwrap(), b"x\n");
    }
}
