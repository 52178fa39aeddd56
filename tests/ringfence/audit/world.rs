use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ringfence::audit::disk::RealDisk;
use ringfence::audit::note::{KeyKind, SigningKey, VerifyingKey};
use ringfence::audit::{
    AuditError, Begin, Event, EventName, Fault, Log, LogSettings, Opened, VerifyOptions, VerifyReport, verify,
};

pub const ORIGIN: &str = "ringfence.example/audit";

/// A folder for a log, its keys, and a clock that goes on by a millisecond with each look.
pub struct World {
    folder: tempfile::TempDir,
    pub seeds: Vec<u8>,
    pub clock: Arc<AtomicI64>,
    pub settings: LogSettings,
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::of_seed(ORIGIN, KeyKind::Log, [seed; 32].into()).unwrap()
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(AtomicI64::new(1_795_000_000_000));
        let mut settings = LogSettings::new(ORIGIN);
        let ticks = Arc::clone(&clock);
        settings.clock =
            Arc::new(move || jiff::Timestamp::from_millisecond(ticks.fetch_add(1, Ordering::Relaxed)).unwrap());
        settings.begin = Begin::OrCreate;
        settings.segment_bytes = 2000;
        Self { folder: tempfile::tempdir().unwrap(), seeds: vec![1], clock, settings }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("audit")
    }

    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn keys(&self) -> Vec<SigningKey> {
        self.seeds.iter().copied().map(key).collect()
    }

    pub fn try_open(&self) -> Result<(Log, Opened), AuditError> {
        Log::open(Box::new(RealDisk::open(&self.path())?), &self.settings, self.keys())
    }

    pub fn open(&self) -> Log {
        self.try_open().unwrap().0
    }

    /// A log with `events` records after its first, closed.
    pub fn filled(events: u64) -> Self {
        let world = Self::new();
        world.add(events);
        world
    }

    /// Opens the log, appends and closes it.
    pub fn add(&self, events: u64) {
        let log = self.open();
        fill(&log, events);
        log.close().wait().unwrap();
    }

    pub fn options(&self) -> VerifyOptions {
        let keys: Vec<VerifyingKey> = self.keys().iter().map(|key| key.public().clone()).collect();
        VerifyOptions { keys, origin: Some(ORIGIN.into()), ..VerifyOptions::default() }
    }

    pub fn verify(&self) -> VerifyReport {
        verify(&self.path(), &self.options())
    }

    pub fn fault(&self) -> Option<Fault> {
        self.verify().fault
    }

    /// What is wrong with a copy in which somebody did something.
    pub fn after(&self, change: impl FnOnce(&Path)) -> Option<Fault> {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&self.path(), copy.path());
        change(copy.path());
        verify(copy.path(), &self.options()).fault
    }
}

pub fn event(n: u64) -> Event {
    Event::new(EventName::CommandExecuted)
        .tenant("acme")
        .principal(if n.is_multiple_of(3) { "alice" } else { "bob" })
        .key("key_0123456789abcdef0123456789abcdef")
        .request(&format!("req_{n:032x}"))
        .action("runs:create")
        .resource("run", &format!("run_{n:032x}"))
        .allowed(["builtin.member"])
        .detail("component", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        .detail("fuel", n * 1000)
}

pub fn fill(log: &Log, events: u64) {
    for n in 0..events {
        log.append(&event(n)).wait().unwrap();
    }
}

pub fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            std::fs::write(&to, std::fs::read(&path).unwrap()).unwrap();
        }
    }
}

pub fn segments(root: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(root.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}
