use std::collections::HashMap;
use std::path::Path;

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountBindOptions, MountType,
    ResourcesUlimits,
};
use rustix::process::{getegid, geteuid};

use super::super::error::BackendError;
use super::engine::{Facts, Users};
use super::image::Image;
use super::leftovers::{HOST, RUN};
use super::room::Shown;
use super::seccomp::profile;
use super::settings::DockerSettings;
use crate::model::{LimitName, Limits};

/// Engines take no less.
pub(super) const LEAST_MEMORY: u64 = 6 << 20;

/// Numbers of users that no machine gives to anybody; engines take none above 2^31.
const NOBODY_ELSE: u32 = 2_000_000_000;
const NOBODY_ELSES: u32 = 100_000_000;
/// Who the guest is in a namespace of the engine's.
const GUEST: u32 = 1_000;

/// The longest word that a kernel takes.
const WORD: usize = 128 << 10;
const PAGE: u64 = 4_096;
const TMP: &str = "/tmp";

/// Windows into the machine, in addition to those that engines close themselves.
const CLOSED: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys",
];
const FIXED: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Who the guest is, inside and outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guest {
    inside: (u32, u32),
    /// Whom its files are to be given to; `None`: they are ours, and so is the guest.
    pub(super) owner: Option<(u32, u32)>,
}

impl Guest {
    /// Never the root of the machine, and nobody who owns anything where that can be chosen.
    pub(super) fn new(users: Users, with_folders: bool) -> Result<Self, BackendError> {
        let root = geteuid().is_root();
        let same = |number: u32| (number, number);
        match users {
            Users::Same if root => {
                let number = same(NOBODY_ELSE + random() % NOBODY_ELSES);
                Ok(Self { inside: number, owner: Some(number) })
            }
            Users::Same => Ok(Self { inside: (geteuid().as_raw(), getegid().as_raw()), owner: None }),
            Users::From(first) if root => Ok(Self { inside: same(GUEST), owner: Some(same(first + GUEST)) }),
            _ if !with_folders => Ok(Self { inside: same(GUEST), owner: None }),
            _ => Err(BackendError::Folder(
                "this engine maps users, and only root can give files to them; run without folders, or use another engine"
                    .to_owned(),
            )),
        }
    }
}

fn random() -> u32 {
    let id = uuid::Uuid::now_v7();
    id.as_fields().3.iter().rev().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// Everything about one run that an engine has to know.
pub(super) struct Plan<'a> {
    pub(super) settings: &'a DockerSettings,
    pub(super) facts: &'a Facts,
    pub(super) image: &'a Image,
    pub(super) limits: &'a Limits,
    pub(super) env: &'a [(String, String)],
    pub(super) args: &'a [String],
    pub(super) folder: &'a str,
    pub(super) shown: &'a [Shown],
    pub(super) guest: Guest,
    pub(super) live_input: bool,
    pub(super) host: &'a str,
    pub(super) name: &'a str,
}

impl Plan<'_> {
    pub(super) fn check(words: &[String], env: &[(String, String)], limits: &Limits) -> Result<(), BackendError> {
        // The kernel takes no more, and the engine's first process would say so in its own way.
        let pairs = env.iter().map(|(name, value)| name.len() + value.len() + 1);
        let lengths: Vec<usize> = words.iter().map(String::len).chain(pairs).collect();
        let sum = lengths.iter().map(|length| length + 1 + size_of::<usize>()).sum::<usize>();
        let most = usize::try_from(limits.stack_bytes / 4).unwrap_or(usize::MAX);
        if lengths.iter().any(|length| *length >= WORD) || sum > most {
            let why = "its arguments and environment are too long (Argument list too long)";
            return Err(BackendError::Command(why.to_owned()));
        }
        if limits.memory_bytes >= LEAST_MEMORY {
            return Ok(());
        }
        Err(BackendError::NotEnforced {
            name: LimitName::MemoryBytes.as_str(),
            backend: super::super::backend::BackendName::Docker,
            how: format!("engines take no less than {}", crate::model::show_bytes(LEAST_MEMORY)),
        })
    }

    pub(super) fn container(&self, program: &str) -> ContainerCreateBody {
        let (uid, gid) = self.guest.inside;
        ContainerCreateBody {
            image: Some(self.image.id.clone()),
            entrypoint: Some(vec![program.to_owned()]),
            cmd: Some(self.args.to_vec()),
            env: Some(self.environment()),
            working_dir: Some(self.folder.to_owned()),
            user: Some(format!("{uid}:{gid}")),
            hostname: Some("ringfence".to_owned()),
            tty: Some(false),
            open_stdin: Some(self.live_input),
            stdin_once: Some(self.live_input),
            attach_stdin: Some(self.live_input),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            // What an image says of its own health would be one more command.
            healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..Default::default() }),
            labels: Some(HashMap::from([
                (HOST.to_owned(), self.host.to_owned()),
                (RUN.to_owned(), self.name.to_owned()),
            ])),
            host_config: Some(self.fence()),
            ..Default::default()
        }
    }

    /// A name without a value takes away what image and engine would add.
    fn environment(&self) -> Vec<String> {
        let granted = self.env.iter().map(|(name, value)| format!("{name}={value}"));
        let added = self.image.env.iter().map(String::as_str).chain(["PATH", "HOSTNAME", "TERM"]);
        let unset = added.filter(|name| self.env.iter().all(|(granted, _)| granted != name)).map(str::to_owned);
        granted.chain(unset).collect()
    }

    fn fence(&self) -> HostConfig {
        let (limits, settings) = (self.limits, self.settings);
        let memory = signed(limits.memory_bytes);
        let words = |list: &[&str]| Some(list.iter().map(|word| (*word).to_owned()).collect());
        HostConfig {
            memory: Some(memory),
            // The sum of both: no swap.
            memory_swap: Some(memory),
            nano_cpus: self.facts.cpu.then(|| nanos(settings.cpus.min(self.facts.cpus))),
            // One is the first process, which is the engine's.
            pids_limit: Some(signed(settings.processes.saturating_add(1))),
            ulimits: Some(self.ulimits()),
            readonly_rootfs: Some(true),
            privileged: Some(false),
            cap_drop: words(&["ALL"]),
            security_opt: Some(vec!["no-new-privileges".to_owned(), format!("seccomp={}", profile())]),
            masked_paths: words(&CLOSED),
            readonly_paths: words(&FIXED),
            network_mode: Some("none".to_owned()),
            ipc_mode: Some("private".to_owned()),
            dns: words(&["127.0.0.1"]),
            dns_search: words(&["."]),
            shm_size: Some(signed(limits.written_bytes.max(PAGE))),
            tmpfs: Some(self.memory_folders()),
            mounts: Some(self.mounts()),
            // Signals do to a command what they do elsewhere, and its orphans are reaped.
            init: Some(true),
            // Where the machine has no memory left, this goes before the host.
            oom_score_adj: Some(500),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..Default::default()
        }
    }

    fn ulimits(&self) -> Vec<ResourcesUlimits> {
        let limits = self.limits;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let seconds = limits.deadline_ms.div_ceil(1_000).saturating_add(1);
        let all = [
            ("nofile", limits.open_files),
            ("fsize", limits.written_bytes),
            ("stack", limits.stack_bytes),
            // Of each process: a second line behind the deadline.
            ("cpu", seconds.saturating_mul(u64::try_from(cores).unwrap_or(1))),
            ("core", 0),
            ("msgqueue", 0),
            ("memlock", 0),
        ];
        all.map(|(name, most)| ResourcesUlimits {
            name: Some(name.to_owned()),
            soft: Some(signed(most)),
            hard: Some(signed(most)),
        })
        .to_vec()
    }

    /// What can be written beside the folders; also where the image wants a place of its own, which would have no bound.
    fn memory_folders(&self) -> HashMap<String, String> {
        let pages = self.limits.written_bytes.div_ceil(PAGE).max(1);
        let names = self.limits.files_created.saturating_add(1);
        // The mode may be that of the folder in the image: what counts is whose it is.
        let (bytes, (uid, gid)) = (pages.saturating_mul(PAGE), self.guest.inside);
        let options = format!("rw,exec,nosuid,nodev,mode=1777,uid={uid},gid={gid},size={bytes},nr_inodes={names}");
        let taken = |place: &str| self.shown.iter().any(|shown| shown.guest.as_path() == Path::new(place));
        let places = self.image.volumes.iter().map(String::as_str).chain([TMP]).filter(|place| !taken(place));
        places.map(|place| (place.to_owned(), options.clone())).collect()
    }

    fn mounts(&self) -> Vec<Mount> {
        let mount = |shown: &Shown| Mount {
            typ: Some(MountType::BIND),
            source: Some(shown.host.display().to_string()),
            target: Some(shown.guest.display().to_string()),
            read_only: Some(shown.fixed),
            bind_options: Some(MountBindOptions { non_recursive: Some(true), ..Default::default() }),
            ..Default::default()
        };
        self.shown.iter().map(mount).collect()
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_possible_truncation, reason = "a setting has at most 1024 processors")]
fn nanos(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}
