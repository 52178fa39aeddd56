use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use ringfence::audit::disk::RealDisk;
use ringfence::audit::{Begin, Event, EventName, Log, LogSettings, signing_keys};

use crate::service::House;

/// Longer than what is waited for here, shorter than what is waited for where the setting is ignored.
const SOON: Duration = Duration::from_secs(8);
const ORIGIN: &str = "here.example/audit";

/// A log in many small segments, which ended a hundred days ago.
pub async fn old_log(root: &Path) {
    let root = root.to_owned();
    let made = tokio::task::spawn_blocking(move || {
        let mut settings = LogSettings::new(ORIGIN);
        settings.begin = Begin::OrCreate;
        settings.segment_bytes = 2_000;
        let past = jiff::Timestamp::now().as_millisecond() - 100 * 86_400_000;
        let ticks = Arc::new(AtomicI64::new(past));
        settings.clock =
            Arc::new(move || jiff::Timestamp::from_millisecond(ticks.fetch_add(1, Ordering::Relaxed)).unwrap());
        let keys = signing_keys(&root.join("key"), ORIGIN).unwrap();
        let (log, _) = Log::open(Box::new(RealDisk::open(&root.join("log")).unwrap()), &settings, keys).unwrap();
        for n in 0..50_i64 {
            log.append(&Event::new(EventName::SandboxCreated).detail("n", n)).wait().unwrap();
        }
        log.close().wait().unwrap();
    });
    made.await.unwrap();
}

pub async fn over(root: &Path, more: &[(&str, &str)]) -> House {
    let (dir, key) = (root.join("log"), root.join("key"));
    let mut all = vec![("audit.dir", dir.to_str().unwrap()), ("audit.key_file", key.to_str().unwrap())];
    all.extend(more);
    House::with(&all).await
}

pub fn segments(root: &Path) -> Vec<std::path::PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(root.join("log/log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[tokio::test]
pub async fn dir_key_file_and_origin_are_those_of_the_log() {
    let root = tempfile::tempdir().unwrap();
    let house = over(root.path(), &[("audit.origin", ORIGIN)]).await;
    assert!(root.path().join("key").exists() && !house.dir.path().join("data/secrets/audit").exists());
    assert_eq!(segments(root.path()).len(), 1);
    assert!(!house.dir.path().join("data/audit").exists());
    let checkpoint = house.get(&house.admin, "/v1/audit/checkpoint").await;
    assert!(String::from_utf8(checkpoint.bytes).unwrap().starts_with(&format!("{ORIGIN}\n")));
}

#[tokio::test]
pub async fn checkpoint_seconds_are_how_long_a_record_waits() {
    let house = House::with(&[("audit.checkpoint_seconds", "1")]).await;
    let size = async || {
        let text = String::from_utf8(house.get(&house.admin, "/v1/audit/checkpoint").await.bytes).unwrap();
        text.lines().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = size().await;
    let grown = async { while size().await == before {} };
    tokio::time::timeout(SOON, grown).await.expect("the setting is ignored");
}

#[tokio::test]
pub async fn retention_days_let_old_segments_go() {
    let root = tempfile::tempdir().unwrap();
    old_log(root.path()).await;
    let all = segments(root.path()).len();
    let house = over(root.path(), &[("audit.retention_days", "101")]).await;
    house.sandbox(&house.admin).await;
    assert!(segments(root.path()).len() >= all && all > 3);
    drop(house);
    let root = tempfile::tempdir().unwrap();
    old_log(root.path()).await;
    let house = over(root.path(), &[("audit.retention_days", "99")]).await;
    let gone = async {
        while segments(root.path()).len() > 2 {
            house.get(&house.admin, "/v1/whoami").await;
        }
    };
    tokio::time::timeout(SOON, gone).await.expect("the setting is ignored");
}

#[tokio::test]
pub async fn check_everything_finds_what_is_damaged_far_back() {
    for (everything, starts) in [("false", true), ("true", false)] {
        let root = tempfile::tempdir().unwrap();
        old_log(root.path()).await;
        let segment = &segments(root.path())[2];
        let mut bytes = std::fs::read(segment).unwrap();
        let middle = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 40;
        bytes[middle] ^= 1;
        std::fs::set_permissions(segment, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(segment, bytes).unwrap();
        std::fs::set_permissions(segment, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
        let more = [("audit.check_everything", everything), ("audit.retention_days", "1000")];
        let started = AssertUnwindSafe(over(root.path(), &more)).catch_unwind().await;
        assert_eq!(started.is_ok(), starts, "{everything}");
    }
}
