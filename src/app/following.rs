use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log::Audit;

/// How soon it is looked again whether there is another log after one that ended, or that takes nothing.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

impl Audit {
    /// Waits for more records, and a little for those that come with them; false when it is to stop.
    pub(super) async fn more(
        &self,
        size: &mut watch::Receiver<u64>,
        gather: Duration,
        stop: &CancellationToken,
    ) -> bool {
        let changed = tokio::select! {
            biased;
            changed = size.changed() => changed,
            () = stop.cancelled() => return false,
        };
        match changed {
            Ok(()) => drop(waited(gather, stop).await),
            // The log ended; when its disk is well again there is another.
            Err(_) if !waited(AGAIN, stop).await => return false,
            Err(_) => *size = self.log.now().size(),
        }
        true
    }
}

/// Whether so much time went by before the stop.
pub(super) async fn waited(time: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
