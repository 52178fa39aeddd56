use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::engine::speak;
use super::leftovers::{HostId, Whose, containers, copies};
use super::settings::DockerSettings;

/// How long a worker tries to clean up behind a host.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// What a worker has to know, which is told to it at once.
#[derive(Debug, Serialize, Deserialize)]
struct Charge {
    settings: DockerSettings,
    host: String,
}

/// A process that outlives this one, by as long as it takes to remove what it left. It is not waited for: when this is
/// dropped, the pipe closes, and it finds nothing to do.
#[derive(Default)]
pub(super) struct Worker(Mutex<Option<(Child, ChildStdin)>>);

impl Worker {
    /// Starts it, if it is not there. It holds one end of a pipe, and reads from it until this process is no more.
    pub(super) fn start(&self, settings: &DockerSettings, host: &HostId) -> io::Result<()> {
        let mut started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((child, _)) = &mut *started
            && child.try_wait()?.is_none()
        {
            return Ok(());
        }
        let mut child = Command::new(&settings.worker)
            .arg("docker-worker")
            .env_clear()
            .current_dir("/")
            // A signal for the group of the host is not for it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|reason| io::Error::other(format!("{}: {reason}", settings.worker.display())))?;
        let mut pipe = child.stdin.take().ok_or_else(|| io::Error::other("a pipe to a process of ours is missing"))?;
        let charge = Charge { settings: settings.clone(), host: host.text() };
        pipe.write_all(&(serde_json::to_string(&charge)? + "\n").into_bytes())?;
        *started = Some((child, pipe));
        Ok(())
    }
}

/// The life of a worker.
pub fn serve() -> io::Result<()> {
    let mut text = String::new();
    // Until there is nobody who could write any more.
    io::stdin().lock().read_to_string(&mut text)?;
    let charge: Charge = serde_json::from_str(text.lines().next().unwrap_or_default())?;
    let host = HostId::read(&charge.host).ok_or_else(|| io::Error::other("no such host can be"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(clean(&charge.settings, &host));
    copies(Path::new(&charge.settings.copies_dir), &Whose::Of(&host));
    Ok(())
}

/// Until the engine has none of its containers, twice: one may be made while it is asked.
async fn clean(settings: &DockerSettings, host: &HostId) {
    let mut clean = 0;
    for _ in 0..TRIES {
        let removed = match speak(settings).await {
            Ok(api) => containers(&api, &Whose::Of(host)).await.ok(),
            Err(_) => None,
        };
        match removed {
            Some(0) if clean > 0 => return,
            Some(0) => clean += 1,
            _ => clean = 0,
        }
        tokio::time::sleep(PAUSE).await;
    }
}
