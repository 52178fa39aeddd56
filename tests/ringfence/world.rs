//! A folder for a guest, with something outside of it to be found.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence::engine::{Mount, RunRequest};
use ringfence::fs_policy::{Level, Policy, Rules};
use ringfence::model::{Grants, Limits, Report};

use crate::support::{command, guest, limits, load, run};

/// A tree outside of which there is something to be found, and a folder in it for the guest.
pub struct World {
    pub dir: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(world.folder()).unwrap();
        std::fs::write(world.dir.path().join("outside"), "outside").unwrap();
        world
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("inside")
    }

    pub fn put(&self, path: &str, text: &str) -> &Self {
        let path = self.folder().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub fn link(&self, path: &str, target: impl AsRef<Path>) -> &Self {
        symlink(target, self.folder().join(path)).unwrap();
        self
    }

    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.folder().join(path)).ok()
    }

    pub async fn report(&self, rules: &str, operations: &[&str], limits: Limits) -> Report {
        let policy = match rules {
            "" => Policy::all(Level::Write),
            text => text.parse::<Rules>().unwrap().policy(false).unwrap(),
        };
        let mut grants = Grants::clocks_and_randomness();
        grants.args = operations.iter().map(|operation| (*operation).to_owned()).collect();
        let mut request = RunRequest::new(command(), limits, grants);
        request.mounts =
            vec![Mount { host: self.folder(), guest: "/".into(), policy: Arc::new(policy), copy_on_write: None }];
        run(&*load(guest("probe")).await, request).await
    }

    pub async fn probe(&self, rules: &str, operations: &[&str]) -> Vec<String> {
        let report = self.report(rules, operations, limits()).await;
        let text = String::from_utf8(report.stdout.bytes.clone()).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), operations.len(), "{report:?}");
        lines
    }

    #[track_caller]
    pub fn outside_is_as_it_was(&self) {
        assert_eq!(std::fs::read_to_string(self.dir.path().join("outside")).unwrap(), "outside");
        assert_eq!(std::fs::read_dir(self.dir.path()).unwrap().count(), 2);
    }
}
