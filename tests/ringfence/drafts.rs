//! Drafts against guests and accidents that would spoil them: for the person who reviews, applies or throws away.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use ringfence::engine::{CopyOnWrite, Mount, RunRequest};
use ringfence::fs_policy::Level;
use ringfence::model::{Grants, LimitName, Outcome};
use ringfence::store::Store;
use serde_json::Value;

use crate::support::{WORKER, command, guest, guest_path, load, run, with};

struct House {
    dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let house = Self { dir: tempfile::tempdir().unwrap() };
        house.put("site/d/inner", "inner\n").put("site/readme", "one\ntwo\n");
        house
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(WORKER, args).output().unwrap()
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir.path()).env("RINGFENCE_DATA_DIR", self.path("data"));
        command.env("RINGFENCE_CACHE_DIR", PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli-code"));
        command
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, args: &[&str], words: &str) {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }

    /// A run of the probe on the workspace `w`, and what it says of its draft.
    fn work(&self, flags: &[&str], operations: &[String]) -> Value {
        let probe = guest_path("probe").to_str().unwrap().to_owned();
        let mut args = vec!["run", &probe, "--workspace", "w::/", "--json"];
        args.extend(flags);
        args.push("--");
        args.extend(operations.iter().map(String::as_str));
        let told: Value = serde_json::from_slice(&self.run(&args).stdout).unwrap();
        assert_eq!(told["outcome"]["kind"], "exited", "{told}");
        told["draft"].clone()
    }

    fn contents(&self) -> usize {
        let folders = std::fs::read_dir(self.path("data/files")).unwrap();
        folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
    }
}

fn words(operations: &[&str]) -> Vec<String> {
    operations.iter().map(|operation| (*operation).to_owned()).collect()
}

/// Folders in one another, made from the inside out, so that no path is ever long for the guest.
fn nest(levels: usize, name: &str) -> Vec<String> {
    let mut operations = vec![format!("mkdir|{name}")];
    for _ in 0..levels {
        operations.extend(["mkdir|t".to_owned(), format!("mv|{name}|t/{name}"), format!("mv|t|{name}")]);
    }
    operations
}

#[test]
fn f13_a_draft_too_deep_to_be_looked_through_keeps_the_outcome_and_can_be_thrown_away() {
    let house = House::new();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let mut operations = nest(300, "d1");
    operations.push("put|result|hours of work".into());
    let draft = house.work(&["--limits", "medium"], &operations);
    assert_eq!(draft["error"]["code"], "path_too_deep", "{draft}");
    let id = draft["id"].as_str().unwrap();
    house.fails(&["diff", id], "[path_too_deep]");
    // Fewer descriptors than the draft has levels.
    let script = format!("ulimit -n 64; exec {WORKER} discard {id}");
    let output = house.command("sh", &["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_dir(house.path("data/drafts")).unwrap().count(), 0);
}

#[test]
fn paths_longer_than_the_host_takes_at_once_are_compared_and_applied() {
    let house = House::new();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let mut operations = nest(20, &"n".repeat(250));
    operations.push("put|result|hours of work".into());
    let draft = house.work(&[], &operations);
    assert_eq!(draft["changes"].as_array().unwrap().len(), 22, "{draft}");
    assert!(house.ok(&["apply", draft["id"].as_str().unwrap()]).contains("22 added"));
}

#[test]
fn f09_a_copy_of_a_shared_file_counts_as_written() {
    let house = House::new();
    house.put("site/big", vec![b'x'; 3 << 20]);
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let probe = guest_path("probe").to_str().unwrap().to_owned();
    for operation in ["append|big|+", "times|big"] {
        let args = ["run", &probe, "--workspace", "w::/", "--json", "--written-bytes", "1MiB", "--", operation];
        let told: Value = serde_json::from_slice(&house.run(&args).stdout).unwrap();
        assert_eq!(told["outcome"]["limit"], "written_bytes", "{operation}: {told}");
        assert_eq!(told["draft"], Value::Null, "nothing of the copy is left: {told}");
    }
    // What is cut to nothing is not copied first.
    let draft = house.work(&["--written-bytes", "1KiB"], &words(&["put|big|small"]));
    assert_eq!(draft["changes"][0]["after"]["bytes"], 5);
}

#[tokio::test]
async fn a_copy_that_nobody_waits_for_is_not_finished() {
    let house = House::new();
    for folder in ["tree", "copies"] {
        std::fs::create_dir(house.path(folder)).unwrap();
    }
    let shared = house.path("tree/shared");
    std::fs::File::create(&shared).unwrap().set_len(64 << 30).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o444)).unwrap();
    let before = std::fs::metadata(&shared).unwrap().ino();
    let held: Arc<dyn Send + Sync> = Arc::new(());
    let mut grants = Grants::clocks_and_randomness();
    grants.args = vec!["append|shared|+".into()];
    let limits = with(&[(LimitName::DeadlineMs, 100), (LimitName::WrittenBytes, 128 << 30)]);
    let mut request = RunRequest::new(command(), limits, grants);
    let mut mount = Mount::whole(house.path("tree"), "/", Level::Write);
    mount.copy_on_write = Some(CopyOnWrite { copies: house.path("copies"), held: Arc::clone(&held) });
    request.mounts = vec![mount];
    let report = run(&*load(guest("probe")).await, request).await;
    assert!(matches!(report.outcome, Outcome::DeadlineExceeded { .. }), "{report:?}");
    while Arc::strong_count(&held) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(std::fs::metadata(&shared).unwrap().ino(), before, "it came into the tree after the run was over");
    assert_eq!(std::fs::read_dir(house.path("copies")).unwrap().count(), 0);
}

#[test]
fn f13_a_content_that_a_power_cut_left_half_is_told_and_healed() {
    let house = House::new();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let digest = ringfence::model::Digest::of(b"inner\n").hex();
    let content = house.path("data/files").join(&digest[..2]).join(&digest[2..]);
    std::fs::remove_file(&content).unwrap();
    std::fs::write(&content, "").unwrap();
    let probe = guest_path("probe").to_str().unwrap().to_owned();
    house.fails(&["run", &probe, "--workspace", "w", "--", "read|d/inner"], "[store_damaged]");
    // The next upload of the same content brings the whole of it.
    house.ok(&["workspace", "create", "again", "--from", "site"]);
    assert_eq!(house.ok(&["run", &probe, "--workspace", "w::/", "--", "read|d/inner"]), "ok inner\n\n");
}

#[test]
fn f13_what_cannot_be_swept_does_not_undo_what_was_asked() {
    let house = House::new();
    house.put("other/file", "other");
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    house.ok(&["workspace", "create", "x", "--from", "other"]);
    let list: Value = serde_json::from_str(&house.ok(&["workspace", "list", "--json"])).unwrap();
    let tree = list["workspaces"][0]["tree"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned();
    std::fs::remove_file(house.path("data/files").join(&tree[..2]).join(&tree[2..])).unwrap();
    let before = house.contents();
    assert_eq!(house.ok(&["workspace", "delete", "x"]), "x is gone\n");
    assert_eq!(house.contents(), before, "nobody knows what the damaged one holds, so nothing goes");
    house.ok(&["workspace", "delete", "w"]);
    assert_eq!(house.contents(), 0);
}

#[test]
fn a_name_cannot_write_lines_into_a_review() {
    let house = House::new();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let draft = house.work(&[], &words(&["put|note\nD secret\u{1b}[2J|x", "put|mac|a\rb\n"]));
    let id = draft["id"].as_str().unwrap();
    let diff = house.ok(&["diff", id]);
    assert!(diff.contains("A \"note\\nD secret\\033[2J\"  (1 bytes)"), "{diff}");
    assert!(diff.contains("+++ \"b/note\\nD secret\\033[2J\"\n"), "{diff}");
    assert!(!diff.lines().any(|line| line.starts_with("D ")), "{diff}");
    assert!(diff.contains("@@ -0,0 +1 @@\n+a\rb\n"), "a line ends where `patch` says: {diff}");
    let output = house.run(&["apply", id, "no\u{1b}[31m"]);
    assert!(!output.stderr.contains(&0x1b), "{output:?}");
}

#[test]
fn a_folder_that_one_side_removed_and_the_other_filled_is_a_conflict() {
    let house = House::new();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let ours = house.work(&[], &words(&["rm|d/inner", "rmdir|d"]));
    let theirs = house.work(&[], &words(&["put|d/new|x"]));
    house.ok(&["apply", theirs["id"].as_str().unwrap()]);
    house.fails(&["apply", ours["id"].as_str().unwrap()], "changed on both sides: d/new");
}

#[test]
fn paths_to_apply_may_be_written_as_a_shell_completes_them() {
    let house = House::new();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let draft = house.work(&[], &words(&["put|d/a|x", "put|d/b|x", "put|c|x", "put|e|x"]));
    let id = draft["id"].as_str().unwrap();
    assert!(house.ok(&["apply", id, "./d//a"]).contains("1 added\n3 more"));
    assert!(house.ok(&["apply", id, "./c/"]).contains("1 added\n2 more"));
    assert_eq!(house.ok(&["apply", id, "."]), "w: 2 added\n");
}

#[test]
fn how_many_drafts_share_a_file_does_not_show() {
    let house = House::new();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let _other = house.work(&[], &words(&["put|x|y"]));
    let probe = guest_path("probe").to_str().unwrap().to_owned();
    let said = house.ok(&["run", &probe, "--workspace", "w::/", "--", "stat|readme"]);
    assert!(said.contains("links=1"), "{said}");
}

#[test]
fn many_may_open_a_new_store_at_once() {
    let house = House::new();
    for round in 0..20 {
        let path = house.path(&format!("{round}.db"));
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| Store::open(&path).unwrap());
            }
        });
    }
}

#[test]
fn a_store_that_is_damaged_or_newer_is_told_and_left_alone() {
    let house = House::new();
    house.put("data/ringfence.db", b"not a database, and longer than a header would be, for certain".repeat(40));
    let before = std::fs::read(house.path("data/ringfence.db")).unwrap();
    house.fails(&["workspace", "list"], "[store_damaged]");
    assert_eq!(std::fs::read(house.path("data/ringfence.db")).unwrap(), before);
    std::fs::remove_file(house.path("data/ringfence.db")).unwrap();
    house.ok(&["workspace", "list"]);
    let newer = rusqlite::Connection::open(house.path("data/ringfence.db")).unwrap();
    newer.pragma_update(None, "user_version", 999).unwrap();
    drop(newer);
    house.fails(&["workspace", "list"], "[store_newer]");
}

/// A file system after a power cut, or a restore that was not finished: to begin anew would sweep away all contents.
#[test]
fn a_store_that_went_away_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::of(dir.path()).unwrap());
    // The first start may have come no further than this.
    std::fs::remove_file(dir.path().join("ringfence.db")).unwrap();
    drop(Store::of(dir.path()).unwrap());
    let content = dir.path().join("components/ab/cd");
    std::fs::create_dir_all(content.parent().unwrap()).unwrap();
    std::fs::write(&content, "kept").unwrap();
    for empty in [false, true] {
        std::fs::remove_file(dir.path().join("ringfence.db")).unwrap();
        if empty {
            std::fs::write(dir.path().join("ringfence.db"), "").unwrap();
        }
        assert_eq!(Store::of(dir.path()).err().unwrap().code(), "store_missing");
        std::fs::write(dir.path().join("ringfence.db"), "").unwrap();
    }
    assert_eq!(std::fs::read_to_string(content).unwrap(), "kept");
}
