use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bollard::Docker as Api;
use bollard::models::{ContainerSummary, ContainerSummaryStateEnum};
use bollard::query_parameters::{ListContainersOptions, RemoveContainerOptions};

use super::engine::said;
use super::room::remove;

/// The label that says whose a container is.
pub(super) const HOST: &str = "ringfence.host";
/// And which run it is.
pub(super) const RUN: &str = "ringfence.run";

/// What containers and folders of copies are called.
pub(super) const NAME: &str = "ringfence-";

/// One process of one start of one machine: no other is ever the same, however numbers of processes come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostId {
    /// Of this start of the machine.
    boot: String,
    /// Of the namespace in which `pid` is a number.
    space: u64,
    pid: u32,
    /// When it began, in ticks since the machine did.
    began: u64,
    /// Which of the backends that it has: each takes away its own.
    backend: u64,
}

/// Backends that this process had so far.
static BACKENDS: AtomicU64 = AtomicU64::new(0);

/// Whether a host is still there, as far as can be told from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Dead,
    /// It is of another namespace, where the same numbers are others.
    Unknown,
    /// Of an earlier start of the machine, or of another machine.
    Elsewhere,
}

impl HostId {
    pub(super) fn own() -> io::Result<Self> {
        let pid = std::process::id();
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().replace('-', "");
        let began = began(pid).ok_or_else(|| io::Error::other("/proc does not say when this process began"))?;
        let backend = BACKENDS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { boot, space: fs::metadata("/proc/self/ns/pid")?.ino(), pid, began, backend })
    }

    pub(super) fn text(&self) -> String {
        format!("{}-{}-{}-{}-{}", self.boot, self.space, self.pid, self.began, self.backend)
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split('-');
        let boot = words.next()?.to_owned();
        let id = Self {
            boot,
            space: words.next()?.parse().ok()?,
            pid: words.next()?.parse().ok()?,
            began: words.next()?.parse().ok()?,
            backend: words.next()?.parse().ok()?,
        };
        words.next().is_none().then_some(id)
    }

    /// The name of a run of this host.
    pub(super) fn run(&self) -> String {
        format!("{NAME}{}-{}", self.text(), uuid::Uuid::now_v7().simple())
    }

    fn life(&self, own: &Self) -> Life {
        if self.boot != own.boot {
            return Life::Elsewhere;
        }
        match (self.space == own.space, began(self.pid) == Some(self.began)) {
            (true, true) => Life::Alive,
            (true, false) => Life::Dead,
            (false, _) => Life::Unknown,
        }
    }
}

/// When a process began, if it is there.
fn began(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which may hold anything; the state comes first, and this is the 22nd field of all. One that has ended
    // and is waited for by nobody does no more.
    let mut fields = text.rsplit(')').next()?.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whose containers are looked for.
pub(super) enum Whose<'a> {
    /// Those of hosts that are dead, as seen by this one.
    Dead(&'a HostId),
    /// Those of this backend of this host.
    Of(&'a HostId),
}

/// Removes containers, and says how many. Who is alive, or may be, keeps what is his.
pub(super) async fn containers(api: &Api, whose: &Whose<'_>) -> Result<usize, String> {
    let options = ListContainersOptions {
        all: true,
        filters: Some([("label".to_owned(), vec![HOST.to_owned()])].into()),
        ..Default::default()
    };
    let all = api.list_containers(Some(options)).await.map_err(|error| said(&error))?;
    let mut removed = 0;
    for id in all.iter().filter(|found| is_left(found, whose)).filter_map(|found| found.id.as_deref()) {
        let options = RemoveContainerOptions { force: true, v: true, link: false };
        // Another may be at it as well.
        removed += usize::from(api.remove_container(id, Some(options)).await.is_ok());
    }
    Ok(removed)
}

fn is_left(found: &ContainerSummary, whose: &Whose<'_>) -> bool {
    let label = found.labels.as_ref().and_then(|labels| labels.get(HOST));
    let Some(host) = label.and_then(|text| HostId::read(text)) else { return false };
    let running = matches!(found.state, Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::PAUSED));
    match whose {
        Whose::Of(own) => host == **own,
        Whose::Dead(own) => match host.life(own) {
            Life::Dead => true,
            // Nothing of an earlier start runs; what runs is another machine's.
            Life::Elsewhere => !running,
            Life::Alive | Life::Unknown => false,
        },
    }
}

/// Removes folders with copies. Only what belongs to this user, and has such a name, is one.
pub(super) fn copies(dir: &Path, whose: &Whose<'_>) {
    let own_user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let host = name
            .to_str()
            .and_then(|name| name.strip_prefix(NAME)?.rsplit_once('-'))
            .and_then(|(host, _)| HostId::read(host));
        let is_ours = entry.metadata().is_ok_and(|found| found.is_dir() && found.uid() == own_user);
        let (Some(host), true) = (host, is_ours) else { continue };
        let left = match whose {
            Whose::Of(own) => host == **own,
            Whose::Dead(own) => matches!(host.life(own), Life::Dead | Life::Elsewhere),
        };
        if left {
            remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_itself_and_nobody_else() {
        let own = HostId::own().unwrap();
        assert_eq!(HostId::read(&own.text()), Some(own.clone()));
        assert_eq!(own.life(&own), Life::Alive);
        let other = |change: fn(&mut HostId)| {
            let mut other = own.clone();
            change(&mut other);
            other.life(&own)
        };
        assert_eq!(other(|host| host.began += 1), Life::Dead, "its number was given to another");
        assert_eq!(other(|host| host.pid = u32::MAX), Life::Dead);
        assert_eq!(other(|host| host.space += 1), Life::Unknown);
        assert_eq!(other(|host| host.boot.push('0')), Life::Elsewhere);
        assert_eq!(other(|host| host.backend += 1), Life::Alive);
        for text in ["", "a", "a-1-2-3", "a-1-2-3-4-5", "a-b-2-3-4"] {
            assert_eq!(HostId::read(text), None, "{text}");
        }
    }
}
