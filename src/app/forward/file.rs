use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// No line is longer in any format.
const LINE_BYTES: u64 = 256 << 10;

/// A file that lines are added to, of which each is whole and on the disk when it is said so. It may be moved away at any
/// time; another is begun then.
pub(in crate::app) struct Lines {
    path: PathBuf,
    open: Option<File>,
}

impl Lines {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    pub(super) async fn add(&mut self, lines: &Bytes) -> io::Result<()> {
        let (path, open, lines) = (self.path.clone(), self.open.take(), lines.clone());
        let added = tokio::task::spawn_blocking(move || {
            let mut file = match open {
                Some(file) if is_there(&file, &path) => file,
                _ => begin(&path, &lines)?,
            };
            file.write_all(&lines)?;
            file.sync_data()?;
            Ok::<_, io::Error>(file)
        });
        self.open = Some(added.await.map_err(io::Error::other)??);
        Ok(())
    }
}

fn is_there(file: &File, path: &Path) -> bool {
    let (Ok(open), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

/// Opens or makes it. What an earlier write left of a line is taken back where we write that line now; what is not ours is
/// ended and left.
fn begin(path: &Path, lines: &[u8]) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(io::Error::other("that is no file"));
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
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
            Lines::new(path.clone()).add(&lines).await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after, "{before}");
        }
    }

    #[tokio::test]
    async fn a_file_that_was_moved_away_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (path, away) = (dir.path().join("log"), dir.path().join("log.1"));
        let mut lines = Lines::new(path.clone());
        lines.add(&Bytes::from_static(b"1\n")).await.unwrap();
        fs::rename(&path, &away).unwrap();
        lines.add(&Bytes::from_static(b"2\n")).await.unwrap();
        lines.add(&Bytes::from_static(b"3\n")).await.unwrap();
        assert_eq!((fs::read(&away).unwrap(), fs::read(&path).unwrap()), (b"1\n".to_vec(), b"2\n3\n".to_vec()));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}
