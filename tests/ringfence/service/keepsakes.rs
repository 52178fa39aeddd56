//! What a service cannot go on without: its secrets and its audit log. What is gone or is another is told, by a start as by
//! `config check`, and never made anew.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ringfence::app::{SecretError, Service};
use ringfence::audit::{AuditError, Fault};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::House;
use super::child::Served;
use super::torn::{copy, flip, settings};
use crate::support::WORKER;

/// Every file of a folder, but the lock that a start takes.
fn all(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => found.extend(all(&path)),
            path if path.ends_with("serve.lock") => {}
            path => drop(found.insert(path.clone(), fs::read(path).unwrap())),
        }
    }
    found
}

fn segment(data: &Path) -> PathBuf {
    let mut entries = fs::read_dir(data.join("audit/log")).unwrap();
    entries.next().unwrap().unwrap().path()
}

fn code(error: &anyhow::Error) -> &'static str {
    let secret = error.downcast_ref().map(SecretError::code);
    secret.or(error.downcast_ref().map(AuditError::code)).or(error.downcast_ref().map(Fault::code)).unwrap_or("none")
}

type Accident = fn(&Path);

const REMOVED: Accident = |file| fs::remove_file(file).unwrap();
const EMPTIED: Accident = |file| fs::write(file, "").unwrap();
const FLIPPED: Accident = |file| flip(file, 20);
const OPENED: Accident = |file| fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_or_another_is_told_by_a_check_and_by_a_start_and_never_made_anew() {
    let mut house = House::new().await;
    house.person("dev", &["developer"]).await;
    house.stop().await;
    let whole = house.dir.path().join("data");
    ringfence::app::check(&settings(&whole)).unwrap();
    for (name, accident, wanted) in [
        ("secrets/audit", REMOVED, "audit_lost_keys"),
        ("secrets/audit", EMPTIED, "audit_no_key"),
        ("secrets/audit", FLIPPED, "audit_bad_note"),
        ("secrets/audit", OPENED, "audit_loose_keys"),
        ("secrets/pepper", REMOVED, "secret_missing"),
        ("secrets/pepper", EMPTIED, "secret_damaged"),
        ("secrets/pepper", FLIPPED, "secret_wrong"),
        ("secrets/pepper", OPENED, "secret_loose"),
        ("secrets/signing", REMOVED, "secret_missing"),
        ("secrets/signing", EMPTIED, "secret_damaged"),
        ("secrets/signing", FLIPPED, "secret_wrong"),
        ("secrets/signing", OPENED, "secret_loose"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        copy(&whole, &data);
        accident(&data.join(name));
        refuses(&data, name, wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_log_that_is_gone_or_damaged_is_told_with_the_place() {
    let mut house = House::new().await;
    house.person("dev", &["developer"]).await;
    house.stop().await;
    let whole = house.dir.path().join("data");
    let gone: Accident = |data| fs::remove_dir_all(data.join("audit")).unwrap();
    let damaged: Accident = |data| flip(&segment(data), 700);
    for (accident, place, wanted) in [(gone, "/audit", "audit_no_log"), (damaged, "log/", "")] {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        copy(&whole, &data);
        accident(&data);
        refuses(&data, place, wanted).await;
        let mut serve = Command::new(WORKER);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data).env_remove("RINGFENCE_CONFIG");
        let told = String::from_utf8(serve.output().unwrap().stderr).unwrap();
        let line = told.lines().find(|line| line.starts_with("ringfence: ")).unwrap_or_default();
        assert!(line.contains(place) && line.contains("secrets/audit"), "{told}");
        assert!(line.contains("byte ") || line.contains("there is no audit log"), "{told}");
    }
}

/// A check and a start both say why not, with the file, and the check leaves everything as it is.
async fn refuses(data: &Path, file: &str, wanted: &str) {
    let before = all(data);
    let checked = ringfence::app::check(&settings(data)).expect_err(file);
    assert!(before == all(data), "{file}: changed by a check");
    let started = Service::with_worker(settings(data), WORKER.into()).await.err().unwrap_or_else(|| panic!("{file}"));
    for error in [checked, started] {
        let told = format!("{error:#}");
        assert!(told.contains(file) && !told.contains("slice"), "{file}: {told}");
        assert!(wanted.is_empty() || code(&error) == wanted, "{file}, {wanted}: {told}");
    }
    // The store of the start that failed may still be about to let go; the secrets are not its.
    let made: Vec<_> = all(&data.join("secrets")).into_keys().filter(|path| !before.contains_key(path)).collect();
    assert!(made.is_empty(), "{file}: made anew: {made:?}");
}

#[test]
fn a_check_beside_what_a_crash_left_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[]);
    served.signal_kill();
    drop(served);
    let data = dir.path().join("data");
    left_alone(&data);
    // Killed as it had folded its log in, or had begun the next.
    let (store, log) = (Connection::open(data.join("ringfence.db")).unwrap(), data.join("ringfence.db-wal"));
    store.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    store.execute("INSERT INTO facts (name, value) VALUES ('a', 1)", ()).unwrap();
    let begun = fs::read(&log).unwrap();
    store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
    drop(store);
    for left in [&[], &begun[..32]] {
        fs::write(&log, left).unwrap();
        left_alone(&data);
    }
}

/// A check leaves all files as they are, with those of the store's log that are beside it.
fn left_alone(data: &Path) {
    let before = all(data);
    assert!(["ringfence.db-shm", "ringfence.db-wal"].iter().all(|name| before.contains_key(&data.join(name))));
    ringfence::app::check(&settings(data)).unwrap();
    let after = all(data);
    let both = before.keys().chain(after.keys());
    let changed: Vec<_> = both.filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "{changed:?}");
}
