//! The command line killed in the middle, for real and again and again: what was acknowledged is there, what was not
//! is there whole or not at all, and nothing stays behind that nobody owns.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{WORKER, guest_path};

const FILES: usize = 400;
/// How many times each step is killed, from its beginning to after its end.
const KILLS: u32 = 24;

struct House {
    dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let house = Self { dir: tempfile::tempdir().unwrap() };
        for n in 0..FILES {
            let path = house.path(&format!("site/d{}/f{n}", n % 20));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("content {n}\n")).unwrap();
        }
        house
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(WORKER);
        command.args(args).current_dir(self.dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("RINGFENCE_DATA_DIR", self.path("data"));
        command.env("RINGFENCE_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-code"));
        command
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// Whether it was acknowledged before it was killed.
    fn killed(&self, args: &[&str], after: Duration) -> bool {
        let mut child = self.command(args).spawn().unwrap();
        let end = Instant::now() + after;
        while Instant::now() < end && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.signal() == Some(9) || output.status.success(), "{args:?}: {output:?}");
        output.status.success()
    }

    fn workspaces(&self) -> Vec<Value> {
        self.json(&["workspace", "list", "--json"])["workspaces"].as_array().unwrap().clone()
    }

    /// Reads every content, which is checked on the way.
    fn whole(&self, name: &str) {
        self.ok(&["workspace", "export", name, "--to", "out.tar"]);
        std::fs::remove_file(self.path("out.tar")).unwrap();
    }
}

fn files_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() && !path.is_symlink() { files_in(&path) } else { 1 }).sum()
}

#[test]
fn f13_killed_while_it_makes_a_workspace() {
    let house = House::new();
    let started = Instant::now();
    house.ok(&["workspace", "create", "model", "--from", "site"]);
    let whole = started.elapsed();
    let tree = house.workspaces()[0]["tree"].clone();
    for n in 0..KILLS {
        let acknowledged = house.killed(&["workspace", "create", "w", "--from", "site"], whole * n / (KILLS - 4));
        let made = house.workspaces().into_iter().find(|workspace| workspace["name"] == "w");
        assert!(made.is_some() || !acknowledged, "it was acknowledged and is not there");
        if let Some(made) = made {
            assert_eq!(made["tree"], tree);
            house.whole("w");
            house.killed(&["workspace", "delete", "w"], whole * n / KILLS);
            if house.workspaces().len() > 1 {
                house.ok(&["workspace", "delete", "w"]);
            }
        }
        house.whole("model");
    }
    house.ok(&["workspace", "delete", "model"]);
    assert_eq!(files_in(&house.path("data/files")), 0, "nothing is left that nobody owns");
}

#[test]
fn f13_killed_while_it_applies_or_discards() {
    let house = House::new();
    let probe = guest_path("probe").to_str().unwrap().to_owned();
    house.ok(&["workspace", "create", "w", "--from", "site"]);
    let mut work = vec!["run".to_owned(), probe, "--workspace".into(), "w::/".into(), "--json".into(), "--".into()];
    let mut whole = Duration::ZERO;
    for n in 0..KILLS {
        work.truncate(6);
        work.extend((0..120).map(|file| format!("put|d{}/f{file}|round {n} {file}", file % 20)));
        let draft = house.json(&work.iter().map(String::as_str).collect::<Vec<_>>())["draft"]["id"].clone();
        let draft = draft.as_str().unwrap();
        let before = house.workspaces()[0]["tree"].clone();
        let step = if n % 4 == 3 { "discard" } else { "apply" };
        // The first one is not killed: it says how long it takes.
        let started = Instant::now();
        let after = if n == 0 { Duration::from_secs(60) } else { whole * n / (KILLS - 4) };
        let acknowledged = house.killed(&[step, draft], after);
        if n == 0 {
            whole = started.elapsed();
        }
        let drafts = house.json(&["workspace", "list", "--json"])["drafts"].as_array().unwrap().len();
        let moved = house.workspaces()[0]["tree"] != before;
        match (step, drafts) {
            // Before: the draft is there as it was, and can still be applied.
            (_, 1) => {
                assert!(!moved && !acknowledged);
                let changes = house.json(&["diff", draft, "--json"]);
                assert_eq!(changes["changes"].as_array().unwrap().len(), 120);
                house.ok(&["apply", draft]);
            }
            ("apply", 0) => assert!(moved, "the draft is gone and its changes are not there"),
            (_, left) => assert!(!moved && left == 0),
        }
        house.whole("w");
    }
    house.ok(&["workspace", "delete", "w"]);
    assert_eq!(files_in(&house.path("data/files")), 0, "nothing is left that nobody owns");
    assert_eq!(files_in(&house.path("data/drafts")), 0);
}

#[test]
fn f13_killed_while_it_unpacks_an_archive() {
    let house = House::new();
    house.ok(&["workspace", "create", "model", "--from", "site"]);
    house.ok(&["workspace", "export", "model", "--to", "site.tar"]);
    let started = Instant::now();
    house.ok(&["workspace", "create", "w", "--from", "site.tar"]);
    let whole = started.elapsed();
    for n in 0..KILLS {
        house.ok(&["workspace", "delete", "w"]);
        house.killed(&["workspace", "create", "w", "--from", "site.tar"], whole * n / KILLS);
        if house.workspaces().len() == 1 {
            house.ok(&["workspace", "create", "w", "--from", "site.tar"]);
        }
        house.whole("w");
    }
    house.ok(&["workspace", "delete", "w"]);
    house.ok(&["workspace", "delete", "model"]);
    assert_eq!(files_in(&house.path("data/files")), 0, "nothing is left that nobody owns");
    assert_eq!(std::fs::read_dir(house.path("data/files/new")).unwrap().count(), 0);
}
