use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind, Result};

/// The processes of this machine that can be seen, each with its parent.
pub(super) struct Processes(BTreeMap<u32, u32>);

impl Processes {
    pub(super) fn now() -> Result<Self> {
        let ids = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        Ok(Self(ids.filter_map(|id| Some((id, parent(id)?))).collect()))
    }

    /// We, and all that came of us; those with this among their words, and what brought them up since `before`.
    pub(super) fn of(&self, word: &str, before: &Self) -> BTreeSet<u32> {
        let own = std::process::id();
        let mut ours: BTreeSet<u32> = self.0.keys().copied().filter(|id| self.above(*id).any(|it| it == own)).collect();
        ours.insert(own);
        for id in self.0.keys().copied().filter(|id| !before.0.contains_key(id) && has_word(*id, word)) {
            ours.insert(id);
            ours.extend(self.above(id).take_while(|above| !before.0.contains_key(above)));
        }
        ours
    }

    fn above(&self, id: u32) -> impl Iterator<Item = u32> {
        // Processes come and go while they are listed; a ring of them would have no end.
        std::iter::successors(self.0.get(&id).copied(), |id| self.0.get(id).copied()).take(100)
    }
}

/// Its name is in brackets and may hold any.
fn parent(id: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn has_word(id: u32, word: &str) -> bool {
    let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|found| found == word.as_bytes())
}

/// The memory of processes in bytes; of what they share with others, each its part.
pub(super) fn memory(ids: &BTreeSet<u32>) -> Result<u64> {
    let mut sum = 0;
    for id in ids {
        match std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")) {
            Ok(text) => sum += kib(&text, "Pss:").unwrap_or(0) << 10,
            // It is gone, or it was and nobody has asked for it yet.
            Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(GONE) => {}
            Err(error) => return Err(Error::new(error.kind(), format!("the memory of process {id}: {error}"))),
        }
    }
    Ok(sum)
}

/// `ESRCH`.
const GONE: i32 = 3;

/// What the whole machine could give to others.
pub(super) fn available() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    Ok(kib(&text, "MemAvailable:").unwrap_or(0) << 10)
}

fn kib(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}
