//! What lies where in the audit folder.

use std::fs::File;
use std::io;
use std::path::Path;

/// Held by the one process that writes.
pub const LOCK: &str = "lock";
/// The name of the log; written last when a log is made, so its presence says that all else was there.
pub const ORIGIN: &str = "origin";
/// The public keys, for those who have no better source.
pub const KEYS: &str = "keys";
/// The newest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// The first record that is kept, where older ones were pruned.
pub const PRUNED: &str = "pruned";
/// The records.
pub const LOG: &str = "log";
/// The hashes of the tree.
pub const TREE: &str = "tree";
/// Checkpoints that are kept: at the end of each segment, at each stop, at each change of keys.
pub const CHECKPOINTS: &str = "checkpoints";

/// How far each target has got the log that it is forwarded to.
pub const FORWARD: &str = "forward";

const SEGMENT_END: &str = ".jsonl";
const DIGITS: usize = 20;

fn digits(text: &str) -> Option<u64> {
    let good = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| good)
}

/// The file of the records from `first` on.
pub fn segment(first: u64) -> String {
    format!("{LOG}/{first:020}{SEGMENT_END}")
}

/// The first record of the file of that name, if it is a segment's.
pub fn segment_first(name: &str) -> Option<u64> {
    digits(name.strip_suffix(SEGMENT_END)?)
}

/// The file of the hashes of a level.
pub fn level(level: usize) -> String {
    format!("{TREE}/level-{level}")
}

/// The file of a checkpoint that is kept.
pub fn kept_checkpoint(size: u64) -> String {
    format!("{CHECKPOINTS}/{size:020}")
}

/// The size of the checkpoint in a file of that name.
pub fn kept_checkpoint_size(name: &str) -> Option<u64> {
    digits(name)
}

/// The file of the position of a target.
pub fn forward(name: &str) -> String {
    format!("{FORWARD}/{name}")
}

/// Opens a file of the folder to read. What is no file is not opened: a pipe would wait for ever, a link lead elsewhere.
pub(super) fn open(root: &Path, name: &str) -> io::Result<File> {
    let path = root.join(name);
    if std::fs::symlink_metadata(&path)?.is_file() { File::open(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
}
