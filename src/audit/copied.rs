use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use super::folder;
use super::lines::{Line, Lines};
use super::record::Record;

/// Cuts a copy of a log that went on meanwhile back to the records that are whole in it. The segment that is written to is
/// written over space that was taken ahead: of what came while it was copied, a later piece may be in the copy and an earlier
/// one not, which a start would take for damage.
pub fn cut_back(root: &Path) -> io::Result<()> {
    let names = std::fs::read_dir(root.join(folder::LOG))?;
    let firsts = names.filter_map(|entry| folder::segment_first(&entry.ok()?.file_name().to_string_lossy()));
    let Some(first) = firsts.max() else { return Ok(()) };
    let name = folder::segment(first);
    let mut lines = Lines::new(folder::open(root, &name)?);
    let (mut next, mut end) = (first, 0);
    while let Some(Line::Whole(line)) = lines.next()?
        && Record::parse(line).is_ok_and(|record| record.seq == next)
    {
        (next, end) = (next + 1, lines.offset());
    }
    let path = root.join(name);
    // One that was full when it was copied cannot be written, and is whole.
    if path.metadata()?.len() == end {
        return Ok(());
    }
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(end)?;
    file.sync_all()
}
