use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::service::House;
use crate::support::WORKER;

/// A person with a home of his own, in front of a service.
pub struct Desk {
    pub house: House,
    pub home: tempfile::TempDir,
}

impl Desk {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self { house: House::with(settings).await, home: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Nothing of the environment but a home.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(WORKER);
        command.args(args).env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command.env("RINGFENCE_CACHE_DIR", PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli-code"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// On this machine.
    pub fn here(&self, args: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.command(args).output().unwrap())
    }

    /// The same on the service, as its administrator.
    pub fn there(&self, args: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.remote(args).output().unwrap())
    }

    pub fn remote(&self, args: &[&str]) -> Command {
        let mut command = self.command(args);
        command.env("RINGFENCE_SERVER", &self.house.url).env("RINGFENCE_API_KEY", &self.house.admin);
        command
    }

    pub fn fed(&self, mut command: Command, input: &[u8]) -> Output {
        tokio::task::block_in_place(|| {
            let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
            // Whoever does not want it may be gone by now.
            let _ = child.stdin.take().unwrap().write_all(input);
            child.wait_with_output().unwrap()
        })
    }

    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.there(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let text = self.ok(args);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
    }

    #[track_caller]
    pub fn fails(&self, args: &[&str], code: i32, words: &str) {
        fails(&self.there(args), code, words);
    }
}

/// It ended with this code, and said so in one line with these words in it.
#[track_caller]
pub fn fails(output: &Output, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(said.contains(words) && said.lines().count() == 1, "expected {words:?}: {said}");
}
