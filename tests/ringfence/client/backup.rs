use std::fs::File;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use ringfence::runtimes::Shelf;
use ringfence::workspace::archive::TarWriter;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde_json::{Value, json};

use super::Desk;
use super::desk::fails;
use crate::service::House;
use crate::support::still_patient;

/// What is copied is the store that `serve` would open with the same settings, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_of_the_folder_that_the_settings_name() {
    let desk = Desk::new().await;
    let data = desk.house.dir.path().join("data").display().to_string();
    desk.house.person("backed-up", &["viewer"]).await;
    let runtime = Shelf::of(Path::new(&data)).add(&"ours".parse().unwrap(), b"a runtime", None).unwrap();
    let file = desk.file("ringfence.toml", format!("data_dir = '{data}'\n")).display().to_string();
    let set = format!("data_dir={data}");
    for (number, named) in [["--config", &file], ["--set", &set], ["--data-dir", &data]].into_iter().enumerate() {
        let folder = format!("copy-{number}");
        let output = desk.here(&[&["backup", "--json", "--to", &folder], &named[..]].concat());
        assert!(output.status.success(), "{output:?}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["data_dir"], data, "{told}");
        let known = ["policy", "explain", "runs:read", "--principal", "backed-up", "--data", &folder];
        assert!(desk.here(&known).status.success(), "the copy is of another store");
    }
    let (copied, kept) = (Shelf::of(&desk.path("copy-0")), Shelf::of(Path::new(&data)));
    assert_eq!(copied.list().unwrap(), kept.list().unwrap());
    assert_eq!(copied.bytes(&runtime).unwrap(), b"a runtime");
    let mut command = desk.command(&["backup", "--to", "by-variable"]);
    command.env("RINGFENCE_CONFIG", &file);
    let output = desk.fed(command, b"");
    assert!(String::from_utf8(output.stdout).unwrap().contains(&data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_makes_no_store_where_there_is_none() {
    let desk = Desk::new().await;
    std::fs::create_dir(desk.path("empty")).unwrap();
    fails(&desk.here(&["backup", "--data-dir", "empty", "--to", "copy"]), 118, "empty holds no store");
    assert!(!desk.path("copy").exists());
    assert_eq!(std::fs::read_dir(desk.path("empty")).unwrap().count(), 0);
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    for (path, content) in files {
        tar.file(path, false, content.len() as u64, &mut content.as_bytes()).unwrap();
    }
    tar.finish().unwrap()
}

/// A tenant with something of everything: its key, its sandbox and its run.
struct Filled {
    key: String,
    sandbox: String,
    component: String,
    run: String,
}

async fn fill(house: &House, key: &str) -> Filled {
    let archive = tar(&[("changed", "before"), ("kept", "of the workspace")]);
    house.put(key, "/v1/workspaces/w", archive).await.is(201);
    let sandbox = house.post(key, "/v1/sandboxes", json!({"workspace": "w"})).await.is(201);
    let sandbox = format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    house.put(key, &format!("{sandbox}/files?path=changed"), "after").await.is(204);
    house.put(key, &format!("{sandbox}/files?path=a/b/new"), "new").await.is(204);
    let component = house.submit(key, "hello").await;
    let run = house.post(key, "/v1/runs", json!({"component": component, "command": ["backed-up"]})).await.is(200);
    Filled { key: key.to_owned(), sandbox, component, run: run["id"].as_str().unwrap().to_owned() }
}

async fn text(house: &House, key: &str, path: &str) -> String {
    let reply = house.get(key, path).await;
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    String::from_utf8(reply.bytes).unwrap()
}

async fn is_all_there(house: &House, filled: &Filled, ran: &Value) {
    let Filled { key, sandbox, component, run } = filled;
    assert_eq!(house.get(key, &format!("/v1/runs/{run}")).await.is(200), *ran);
    for (path, content) in [("kept", "of the workspace"), ("changed", "after"), ("a/b/new", "new")] {
        assert_eq!(text(house, key, &format!("{sandbox}/files?path={path}")).await, content);
    }
    let changes = house.get(key, &format!("{sandbox}/diff")).await.is(200);
    let paths: Vec<_> = changes["changes"].as_array().unwrap().iter().map(|change| &change["path"]).collect();
    assert_eq!(paths, ["a", "a/b", "a/b/new", "changed"], "{changes}");
    // It goes on: the component runs, in the sandbox as well, and what was changed can be applied.
    let again = json!({"component": component, "command": ["again"]});
    house.post(key, "/v1/runs", again.clone()).await.is(200);
    house.post(key, &format!("{sandbox}/runs"), again).await.is(200);
    house.post(key, &format!("{sandbox}/apply"), json!({})).await.is(200);
    assert!(text(house, key, "/v1/workspaces/w").await.contains("a/b/new"));
}

fn modes(folder: &Path, seen: &mut Vec<(String, u32)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        seen.push((path.display().to_string(), meta.permissions().mode() & 0o777));
        if meta.is_dir() {
            modes(&path, seen);
        }
    }
}

/// As one who restores: the copy, with the secrets that were kept apart.
fn with_secrets(desk: &Desk, copy: &Path) {
    let from = desk.house.dir.path().join("data/secrets");
    std::fs::create_dir(copy.join("secrets")).unwrap();
    for name in ["audit", "pepper", "signing"] {
        std::fs::copy(from.join(name), copy.join("secrets").join(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_starts_on_a_backup_and_has_all_that_was_there() {
    let desk = Desk::new().await;
    let house = &desk.house;
    let other = house.tenant("acme").await;
    let (ours, theirs) = (fill(house, &house.admin).await, fill(house, &other).await);
    let (our_run, their_run) = (format!("/v1/runs/{}", ours.run), format!("/v1/runs/{}", theirs.run));
    let ran = (house.get(&ours.key, &our_run).await.is(200), house.get(&theirs.key, &their_run).await.is(200));
    let data = house.dir.path().join("data").display().to_string();
    let restored = tempfile::tempdir().unwrap();
    let copy = restored.path().join("data");
    let backup = ["backup", "--data-dir", &data, "--to", copy.to_str().unwrap()];
    let output = desk.here(&backup);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1, "nothing is missing: {output:?}");
    fails(&desk.here(&backup), 117, "is there already");
    // For nobody else, and what must not leave did not.
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o700);
    let mut seen = Vec::new();
    modes(&copy, &mut seen);
    let private = |(path, mode): &&(String, u32)| mode & 0o077 == 0 || path.contains("/files/") && *mode == 0o444;
    assert_eq!(seen.iter().find(|each| !private(each)), None);
    assert!(!copy.join("secrets").exists() && !copy.join("code").exists());
    // What happens after it is not in it.
    house.delete(&theirs.key, &theirs.sandbox).await.is(204);
    house.put(&ours.key, &format!("{}/files?path=changed", ours.sandbox), "later").await.is(204);
    with_secrets(&desk, &copy);
    let mut house = House::over(restored, desk.house.admin.clone()).await;
    is_all_there(&house, &ours, &ran.0).await;
    is_all_there(&house, &theirs, &ran.1).await;
    house.stop().await;
}

/// A draft shares with its workspace what it did not change, in the copy as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_takes_no_more_room_than_what_it_is_of() {
    let desk = Desk::new().await;
    let key = &desk.house.admin;
    desk.house.put(key, "/v1/workspaces/w", tar(&[("f", "shared")])).await.is(201);
    desk.house.post(key, "/v1/sandboxes", json!({"workspace": "w"})).await.is(201);
    let data = desk.house.dir.path().join("data").display().to_string();
    assert!(desk.here(&["backup", "--data-dir", &data, "--to", "copy"]).status.success());
    let mut drafts = std::fs::read_dir(desk.path("copy/drafts")).unwrap();
    let file = drafts.next().unwrap().unwrap().path().join("files/f").metadata().unwrap();
    assert_eq!((file.nlink(), file.permissions().mode() & 0o777), (2, 0o444));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_nothing_and_follows_no_link() {
    let desk = Desk::new().await;
    fill(&desk.house, &desk.house.admin).await;
    let data = desk.house.dir.path().join("data");
    std::fs::rename(data.join("components"), data.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(data.join("elsewhere"), data.join("components")).unwrap();
    let output = desk.here(&["backup", "--data-dir", data.to_str().unwrap(), "--to", "copy"]);
    fails(&output, 117, "components");
    let left: Vec<_> = std::fs::read_dir(desk.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("copy")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_in_a_restored_folder_is_told_and_can_be_deleted() {
    let desk = Desk::new().await;
    let filled = fill(&desk.house, &desk.house.admin).await;
    let (key, sandbox) = (&filled.key, &filled.sandbox);
    let data = desk.house.dir.path().join("data").display().to_string();
    let restored = tempfile::tempdir().unwrap();
    let copy = restored.path().join("data");
    assert!(desk.here(&["backup", "--data-dir", &data, "--to", copy.to_str().unwrap()]).status.success());
    with_secrets(&desk, &copy);
    for lost in ["drafts", "files", "components"] {
        std::fs::remove_dir_all(copy.join(lost)).unwrap();
    }
    let mut house = House::over(restored, key.clone()).await;
    let of = async |method: &str, path: String, body: Value| {
        let reply = house.with_json(key, method, &path, body).await;
        (reply.status, reply.code())
    };
    let missing = (410, "files_missing".to_owned());
    let run = json!({"component": filled.component});
    for (method, path, body) in [
        ("GET", "files?path=kept", Value::Null),
        ("GET", "archive", Value::Null),
        ("GET", "diff", Value::Null),
        ("POST", "apply", json!({})),
        ("POST", "discard", json!({})),
    ] {
        assert_eq!(of(method, format!("{sandbox}/{path}"), body).await, missing, "{path}");
    }
    let lost = (410, "store_damaged".to_owned());
    assert_eq!(of("GET", "/v1/workspaces/w".into(), Value::Null).await, lost);
    assert_eq!(of("GET", "/v1/workspaces/w/archive".into(), Value::Null).await, lost);
    assert_eq!(of("POST", "/v1/sandboxes".into(), json!({"workspace": "w"})).await, lost);
    assert_eq!(of("POST", "/v1/runs".into(), run.clone()).await, (404, "no_component".to_owned()));
    house.submit(key, "hello").await;
    house.post(key, "/v1/runs", run.clone()).await.is(200);
    assert_eq!(of("POST", format!("{sandbox}/runs"), run).await, missing);
    // A backup of such a folder says what is missing in it.
    let data = house.dir.path().join("data").display().to_string();
    let told = desk.here(&["backup", "--json", "--data-dir", &data, "--to", "again"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["missing"].as_array().unwrap().len(), 1, "{told}");
    house.delete(key, sandbox).await.is(204);
    assert_eq!(house.get(key, sandbox).await.code(), "not_found");
    house.delete(key, "/v1/workspaces/w").await.is(204);
    house.put(key, "/v1/workspaces/w", tar(&[("f", "anew")])).await.is(201);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_tenant_has_lost_is_told_and_all_else_is_copied() {
    let desk = Desk::new().await;
    fill(&desk.house, &desk.house.admin).await;
    let boss = desk.house.tenant("lost").await;
    fill(&desk.house, &boss).await;
    let data = desk.house.dir.path().join("data");
    std::fs::rename(desk.house.folder_of("lost"), data.join("aside")).unwrap();
    let data = data.display().to_string();
    let told = desk.here(&["backup", "--json", "--data-dir", &data, "--to", "copy"]);
    assert!(told.status.success(), "{told:?}");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["missing"][0], "the folder of the tenant lost");
    assert_eq!(told["missing"].as_array().unwrap().len(), 2, "and the files of its sandbox: {told}");
    assert_eq!(std::fs::read_dir(desk.path("copy/drafts")).unwrap().count(), 1);
    assert!(desk.path("copy/files").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_not_put_into_what_it_is_of() {
    let desk = Desk::new().await;
    let data = desk.house.dir.path().join("data");
    std::os::unix::fs::symlink(&data, desk.path("link")).unwrap();
    for to in [data.join("copy"), desk.path("link/copy")] {
        let output = desk.here(&["backup", "--data-dir", data.to_str().unwrap(), "--to", to.to_str().unwrap()]);
        fails(&output, 118, "inside of the data folder");
        assert!(!to.exists());
    }
}

/// What the copied rows name is there until it is copied: nobody removes contents before.
#[tokio::test(flavor = "multi_thread")]
async fn no_contents_are_removed_while_they_are_copied() {
    let desk = Desk::new().await;
    fill(&desk.house, &desk.house.admin).await;
    let data = desk.house.dir.path().join("data");
    let draft = std::fs::read_dir(data.join("drafts")).unwrap().next().unwrap().unwrap().path();
    // As somebody who applies it: the backup waits for his end.
    let applying = File::open(draft.join("files")).unwrap();
    flock(&applying, FlockOperation::LockExclusive).unwrap();
    let mut backup = desk.command(&["backup", "--data-dir", data.to_str().unwrap(), "--to", "copy"]).spawn().unwrap();
    let begun = std::time::Instant::now();
    let at_work = || {
        let aside = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(".copy.");
        let mut names = std::fs::read_dir(desk.home.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.find(aside).is_some_and(|name| desk.path(name.to_str().unwrap()).join("files").exists())
    };
    while !at_work() {
        still_patient(begun);
        tokio::task::yield_now().await;
    }
    let contents = File::open(data.join("files.lock")).unwrap();
    assert_eq!(flock(&contents, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK));
    drop(applying);
    assert!(tokio::task::block_in_place(|| backup.wait().unwrap()).success());
    flock(&contents, FlockOperation::LockExclusive).unwrap();
    assert_eq!(
        std::fs::read(desk.path("copy/drafts").join(draft.file_name().unwrap()).join("files/changed")).unwrap(),
        b"after"
    );
}

/// Sandboxes that come and go, with workspaces that move on, until somebody says that it is enough.
async fn churn(house: &House, number: usize, enough: &AtomicBool) {
    let key = &house.admin;
    let workspace = format!("w{number}");
    house.put(key, &format!("/v1/workspaces/{workspace}"), tar(&[("f", &workspace)])).await.is(201);
    let mut last = None;
    for round in 0.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let sandbox = house.post(key, "/v1/sandboxes", json!({"workspace": workspace})).await.is(201);
        let sandbox = format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
        house.put(key, &format!("{sandbox}/files?path=f"), format!("{workspace} {round}")).await.is(204);
        let applied = house.post(key, &format!("{sandbox}/apply"), json!({})).await;
        // A draft is held while it is copied.
        assert!(applied.status == 200 || applied.code() == "draft_in_use", "{applied:?}");
        if let Some(last) = last.replace(sandbox) {
            house.delete(key, &last).await.is(204);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_whole_whatever_comes_and_goes_meanwhile() {
    let desk = Desk::new().await;
    let (house, enough) = (&desk.house, AtomicBool::new(false));
    let data = house.dir.path().join("data").display().to_string();
    let copies: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let backups = async {
        for copy in &copies {
            let to = copy.path().join("data").display().to_string();
            let mut backup = tokio::process::Command::from(desk.command(&["backup", "--data-dir", &data, "--to", &to]));
            let output = backup.output().await.unwrap();
            assert!(output.status.success(), "{output:?}");
            assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1, "{output:?}");
        }
        enough.store(true, Ordering::Relaxed);
    };
    let churns = join_all((0..6).map(|number| churn(house, number, &enough)));
    tokio::join!(backups, churns);
    for copy in copies {
        with_secrets(&desk, &copy.path().join("data"));
        let mut restored = House::over(copy, house.admin.clone()).await;
        let key = &restored.admin;
        let of = async |path: &str, list: &str, name: &str| {
            let found = restored.get(key, path).await.is(200)[list].as_array().unwrap().clone();
            found.iter().map(|one| format!("{path}/{}", one[name].as_str().unwrap())).collect::<Vec<_>>()
        };
        for sandbox in of("/v1/sandboxes", "sandboxes", "id").await {
            let content = text(&restored, key, &format!("{sandbox}/files?path=f")).await;
            assert!(content.starts_with('w'), "{content}");
            restored.get(key, &format!("{sandbox}/diff")).await.is(200);
        }
        for workspace in of("/v1/workspaces", "workspaces", "name").await {
            assert_eq!(restored.get(key, &format!("{workspace}/archive")).await.status, 200);
        }
        restored.stop().await;
    }
}
