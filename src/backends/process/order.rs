use std::io::{self, Read, Write};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::copies::Folder;
pub(super) use super::super::failure::{Failure, Why};
use crate::model::{Denial, LimitName};

/// Longer than any order: arguments, environment and rules have limits of their own, far below.
const MOST_BYTES: u32 = 512 << 20;

/// What a supervisor is told to fence.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The program and its arguments; with none the fence is only built, to see whether it can be.
    pub(super) command: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// Where the command starts.
    pub(super) folder: String,
    /// Folders of the machine that are there to be read and executed.
    pub(super) system: Vec<PathBuf>,
    pub(super) mounts: Vec<Folder>,
    pub(super) bounds: Bounds,
    /// What its control group must have: as much as was claimed. With none, whatever there is.
    pub(super) controllers: Option<Controllers>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub(super) deadline_ms: u64,
    /// Of each process: a second line behind the deadline.
    pub(super) cpu_seconds: u64,
    pub(super) memory_bytes: u64,
    pub(super) stack_bytes: u64,
    pub(super) processes: u64,
    pub(super) open_files: u64,
    pub(super) written_bytes: u64,
    pub(super) files_created: u64,
    /// What the folders may hold that are copied for the guest.
    pub(super) copied_bytes: u64,
    pub(super) copied_files: u64,
    /// What is left free on a disk that is written back to.
    pub(super) reserve_bytes: u64,
}

/// What a supervisor answers, in this order; `Failed` ends it anywhere.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    Built(Fence),
    Ended(Ended),
    Failed(Failure),
}

/// What there is of a fence beyond what there must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// The version of Landlock; 0 where there is none.
    pub landlock: i32,
    /// `/proc` shows the guest its own processes. Where that is not given, there is no `/proc`.
    pub own_proc: bool,
    /// What a control group holds of the whole tree.
    pub controllers: Controllers,
}

/// What a group of processes can be bound by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controllers {
    pub memory: bool,
    pub pids: bool,
    pub cpu: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) how: How,
    pub(super) wall_us: u64,
    pub(super) cpu_us: u64,
    pub(super) peak_memory_bytes: u64,
    /// Read into the folders of the guest, and written back from them.
    pub(super) copied_in: u64,
    pub(super) copied_back: u64,
    pub(super) files_created: u64,
    pub(super) denials: Vec<Denial>,
    /// The guest's files took all the room that they had, or all the names.
    pub(super) full: Option<LimitName>,
    /// What it left was more than it may, so nothing was brought back.
    pub(super) over: Option<(LimitName, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum How {
    Exited(u8),
    Signal(i32),
    Deadline,
    /// More memory in the whole tree than it may have.
    Memory {
        used_bytes: u64,
    },
    /// The host asked for the end.
    Stopped,
}

/// One message after its length.
pub(super) fn send(mut to: impl Write, message: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let length = u32::try_from(text.len()).ok().filter(|length| *length <= MOST_BYTES);
    let length = length.ok_or_else(|| io::Error::other("a message that is too long"))?;
    let mut whole = length.to_le_bytes().to_vec();
    whole.extend_from_slice(&text);
    to.write_all(&whole)
}

/// `None`: the other end is gone.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let length = u32::from_le_bytes(length);
    if length > MOST_BYTES {
        return Err(io::Error::other("a message that is too long"));
    }
    let mut text = Vec::new();
    from.take(length.into()).read_to_end(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}
