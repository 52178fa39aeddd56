//! The store and its log after accidents: what was damaged or taken away is told, what a crash leaves is opened.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ringfence::app::{Service, StoreError};
use ringfence::config::Settings;
use ringfence::store::Store;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;

use super::House;
use super::child::Served;
use crate::support::WORKER;

/// What a service left that was killed: the key of its administrator, and one that was revoked at last.
struct Killed {
    dir: tempfile::TempDir,
    admin: String,
    revoked: String,
}

impl Killed {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let served = Served::start(dir.path(), &[]);
        let admin = served.first_key.clone().unwrap();
        served.submit(&admin, "hello").await;
        let (mut revoked, mut id) = (String::new(), String::new());
        for name in 0..20 {
            let request = served.ask(&admin, "POST", "/v1/keys").json(&json!({"name": name.to_string()}));
            let made = Served::answer(request).await.unwrap().is(201);
            revoked = made["secret"].as_str().unwrap().to_owned();
            id = made["key"]["id"].as_str().unwrap().to_owned();
        }
        Served::answer(served.ask(&admin, "DELETE", &format!("/v1/keys/{id}"))).await.unwrap().is(204);
        served.signal_kill();
        drop(served);
        // All that is left of whoever had it open.
        fs::remove_file(dir.path().join("data/ringfence.db-shm")).unwrap();
        Self { dir, admin, revoked }
    }

    fn copy(&self) -> tempfile::TempDir {
        let to = tempfile::tempdir().unwrap();
        copy(&self.dir.path().join("data"), &to.path().join("data"));
        to
    }

    /// A service over a copy knows all that was acknowledged.
    async fn opens(&self, dir: tempfile::TempDir) {
        ringfence::app::check(&settings(&dir.path().join("data"))).unwrap();
        let mut house = House::over(dir, self.admin.clone()).await;
        assert_eq!(house.get(&self.revoked, "/v1/whoami").await.status, 401);
        assert_eq!(house.get(&self.admin, "/v1/components").await.is(200)["components"].as_array().unwrap().len(), 1);
        house.stop().await;
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            match fs::copy(entry.path(), to) {
                // A service that stopped folded its log in, and may be about to remove it.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                done => drop(done.unwrap()),
            }
        }
    }
}

pub(super) fn settings(data: &Path) -> Settings {
    let flags = [("data_dir", data.display().to_string()), ("http.listen", "127.0.0.1:0".to_owned())];
    let flags: Vec<_> = flags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Settings::load(None, |_| None, &flags).unwrap()
}

/// The store, its log and the components.
fn kept(data: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut paths = vec![data.join("ringfence.db"), data.join("ringfence.db-wal")];
    for folder in fs::read_dir(data.join("components")).unwrap().map(Result::unwrap) {
        paths.extend(fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    paths.into_iter().map(|path| (path.clone(), fs::read(path).ok())).collect()
}

/// A start and `config check` say why not, with this code, and leave everything as it is.
async fn refuses(data: &Path, code: &str, place: &str) {
    let before = kept(data);
    let settings = settings(data);
    let checked = ringfence::app::check(&settings).err();
    let started = Service::with_worker(settings, WORKER.into()).await.err();
    for error in [checked, started] {
        let error = error.unwrap_or_else(|| panic!("{place}: not told"));
        assert_eq!(error.downcast_ref::<StoreError>().map(StoreError::code), Some(code), "{place}: {error}");
    }
    assert!(before == kept(data), "{place}: changed");
}

/// Without it no key opens anything, and with a new one none would ever again.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_its_pepper_is_told_which_file_it_needs() {
    let mut house = House::new().await;
    house.stop().await;
    let data = house.dir.path().join("data");
    fs::remove_file(data.join("secrets/pepper")).unwrap();
    let error = Service::with_worker(settings(&data), WORKER.into()).await.err().unwrap().to_string();
    let file = data.join("secrets/pepper").display().to_string();
    assert!(error.starts_with(&format!("{file} is missing")), "{error}");
    assert!(error.contains("a copy of a data folder needs its secrets/pepper") && !error.contains("backup"), "{error}");
    assert!(!data.join("secrets/pepper").exists(), "no other is made in its place");
}

pub(super) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_damaged_or_gone_is_told() {
    let killed = Killed::new().await;
    let log = |dir: &tempfile::TempDir| dir.path().join("data/ringfence.db-wal");
    let bytes = usize::try_from(fs::metadata(log(&killed.dir)).unwrap().len()).unwrap();
    for at in [0, 9, 17, 40, 3_000, bytes / 2, bytes / 100 * 98] {
        let dir = killed.copy();
        flip(&log(&dir), at);
        refuses(&dir.path().join("data"), "store_damaged", &format!("byte {at} of {bytes}")).await;
    }
    let dir = killed.copy();
    fs::write(log(&dir), &fs::read(log(&dir)).unwrap()[..bytes / 2]).unwrap();
    refuses(&dir.path().join("data"), "store_damaged", "cut").await;
    fs::write(log(&dir), &fs::read(log(&dir)).unwrap()[..32]).unwrap();
    refuses(&dir.path().join("data"), "store_damaged", "a head and nothing else").await;
    fs::write(log(&dir), "").unwrap();
    refuses(&dir.path().join("data"), "store_damaged", "empty").await;
    fs::remove_file(log(&dir)).unwrap();
    refuses(&dir.path().join("data"), "store_damaged", "gone").await;
    // Whoever wants to go on with what is left can.
    fs::remove_file(dir.path().join("data/ringfence.db-mark")).unwrap();
    ringfence::app::check(&settings(&dir.path().join("data"))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_leaves_of_the_log_is_opened() {
    let killed = Killed::new().await;
    killed.opens(killed.copy()).await;
    let whole = fs::read(killed.dir.path().join("data/ringfence.db-wal")).unwrap();
    let frames = &whole[32..];
    // Half a frame, one whose page did not come, room that was never written to, and what an older log had there.
    let older: Vec<u8> = frames.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at % 4_120 == 11)).collect();
    let blank = [&frames[..24], &[0; 4_096]].concat();
    for tail in [&frames[..2_000], &blank, &[0; 9_000], &older[..4_120 * 3]] {
        let dir = killed.copy();
        fs::write(dir.path().join("data/ringfence.db-wal"), [&whole, tail].concat()).unwrap();
        killed.opens(dir).await;
    }
}

/// Nobody waited for the disk, so what came later may be there and what came first not.
#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_wait_for_the_disk_may_be_lost_in_any_order() {
    let (killed, dir) = (Killed::new().await, tempfile::tempdir().unwrap());
    let data = killed.dir.path().join("data");
    let before = usize::try_from(fs::metadata(data.join("ringfence.db-wal")).unwrap().len()).unwrap();
    let other = Connection::open(data.join("ringfence.db")).unwrap();
    for name in ["a", "b"] {
        other.execute("INSERT INTO facts (name, value) VALUES (?1, 1)", [name]).unwrap();
    }
    copy(&data, &dir.path().join("data"));
    drop(other);
    fs::remove_file(dir.path().join("data/ringfence.db-shm")).unwrap();
    flip(&dir.path().join("data/ringfence.db-wal"), before + 100);
    killed.opens(dir).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_makes_nothing_beside_a_log_that_is_left_alone() {
    let killed = Killed::new().await;
    let data = killed.dir.path().join("data");
    let all = || -> BTreeMap<_, _> {
        let files = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| (path.clone(), fs::read(path).ok())).collect()
    };
    let before = all();
    assert!(!before[&data.join("ringfence.db-wal")].as_ref().unwrap().is_empty());
    ringfence::app::check(&settings(&data)).unwrap();
    assert!(before == all(), "nothing is made, changed or taken away");
    // And it was read: the store alone knows of nothing yet.
    fs::write(data.join("ringfence.db-wal"), b"").unwrap();
    let error = ringfence::app::check(&settings(&data)).unwrap_err();
    assert_eq!(error.downcast_ref::<StoreError>().map(StoreError::code), Some("store_damaged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_is_gone_or_half_written_stops_nothing() {
    let killed = Killed::new().await;
    for left in [None, Some(""), Some("0123456789abcdef")] {
        let dir = killed.copy();
        let mark = dir.path().join("data/ringfence.db-mark");
        fs::remove_file(&mark).unwrap();
        if let Some(left) = left {
            fs::write(mark, left).unwrap();
        }
        killed.opens(dir).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_house_is_in_the_store_and_not_in_its_log_alone() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &[]);
    let admin = served.first_key.clone().unwrap();
    served.get(&admin, "/v1/whoami").await.is(200);
    served.signal_kill();
    drop(served);
    let alone = format!("file:{}?immutable=1", dir.path().join("data/ringfence.db").display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let store = Connection::open_with_flags(alone, flags).unwrap();
    assert_eq!(store.query_row("SELECT count(*) FROM keys", (), |row| row.get::<_, u64>(0)).unwrap(), 1);
}

/// What is left of a young store without its log.
#[test]
fn a_store_without_tables_is_not_begun_anew_beside_what_it_knew_of() {
    for beside in ["secrets/pepper", "components/ab", "tenants/acme", "drafts/d"] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ringfence.db");
        let hollow = Connection::open(&path).unwrap();
        hollow.pragma_update(None, "journal_mode", "WAL").unwrap();
        drop(hollow);
        let before = fs::read(&path).unwrap();
        assert_eq!(before.len(), 4_096);
        fs::create_dir_all(dir.path().join(beside)).unwrap();
        for refused in [Store::look(dir.path()).err(), Store::of(dir.path()).err()] {
            assert_eq!(refused.as_ref().map(StoreError::code), Some("store_missing"), "{beside}");
        }
        assert_eq!(fs::read(&path).unwrap(), before);
        // A first start that was killed leaves the same, with nothing beside it.
        fs::remove_dir_all(dir.path().join(beside).parent().unwrap()).unwrap();
        drop(Store::of(dir.path()).unwrap());
    }
}

/// A copy is no log and a store that does not know of one: to make it know would be to change it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_that_is_damaged_is_left_as_it_is() {
    let house = House::new().await;
    house.submit(&house.admin, "hello").await;
    let (data, copy) = (house.dir.path().join("data"), house.dir.path().join("copy"));
    ringfence::app::back_up(&settings(&data), &copy).unwrap();
    super::torn::copy(&data.join("secrets"), &copy.join("secrets"));
    let mut bytes = fs::read(copy.join("ringfence.db")).unwrap();
    assert_eq!(&bytes[18..20], [1, 1], "it knows of no log");
    bytes[19 * 4_096..20 * 4_096].fill(0xff);
    fs::write(copy.join("ringfence.db"), bytes).unwrap();
    refuses(&copy, "store_damaged", "page 20").await;
}
