use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::catalog::DraftRecord;

/// A draft that a run works on. While this lives, the draft is neither applied nor thrown away.
#[derive(Debug)]
pub struct Entered {
    pub draft: DraftRecord,
    /// Its files belong to the workspace as well: mount it copy on write, with copies made in the other folder.
    pub folder: PathBuf,
    pub copies: PathBuf,
    /// To be kept by whoever may still touch the folder.
    pub held: Arc<Held>,
    over: Receiver<()>,
}

/// A draft is in use while somebody has this.
#[derive(Debug)]
pub struct Held {
    _lock: File,
    _over: SyncSender<()>,
}

impl Entered {
    pub(super) fn new(draft: DraftRecord, folder: PathBuf, lock: File) -> Self {
        let (tell, over) = sync_channel(0);
        let (held, copies) = (Arc::new(Held { _lock: lock, _over: tell }), folder.with_file_name("copies"));
        Self { draft, folder, copies, held, over }
    }

    /// Waits for those who still touch the folder after their run is over; not for ever.
    pub fn leave(self) {
        let Self { held, over, .. } = self;
        drop(held);
        // Nothing is ever sent: this ends when the last holder is gone.
        let _ = over.recv_timeout(LEAVING);
    }
}

/// How long the end of a run's last operation is waited for.
const LEAVING: Duration = Duration::from_secs(5);
