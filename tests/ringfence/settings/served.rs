//! What only a process of its own shows: where it listens, where it keeps things, what it says.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::WORKER;

/// `ringfence serve`, as a person starts it.
struct Served {
    child: Child,
    url: String,
    key: String,
    dir: tempfile::TempDir,
}

impl Served {
    fn with(set: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(WORKER);
        command.args(["serve", "--json"]).env_clear().env("HOME", dir.path());
        for (key, value) in [("data_dir", dir.path().join("data").to_str().unwrap()), ("http.listen", "127.0.0.1:0")] {
            if !set.iter().any(|set| set.starts_with(key)) {
                command.args(["--set", &format!("{key}={value}")]);
            }
        }
        for set in set {
            command.args(["--set", set]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let said = |name: &str| told[name].as_str().unwrap().to_owned();
        Self { url: said("url"), key: said("first_key"), child, dir }
    }

    fn whoami(&self) {
        let output = Command::new(WORKER)
            .args(["whoami", "--server", &self.url, "--api-key", &self.key])
            .env_clear()
            .env("HOME", self.dir.path())
            .output();
        assert!(output.as_ref().is_ok_and(|output| output.status.success()), "{output:?}");
    }

    /// Asks for the end, and gives what it said of itself.
    fn log(mut self) -> String {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success(), "{log}");
        log
    }
}

#[test]
pub fn data_dir_is_where_the_store_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("elsewhere");
    let served = Served::with(&[&format!("data_dir={}", data.display())]);
    served.whoami();
    assert!(data.join("ringfence.db").exists() && !served.dir.path().join("data").exists());
    served.log();
}

#[test]
pub fn http_listen_is_where_it_is_reached() {
    let served = Served::with(&["http.listen=127.0.0.2:0"]);
    assert!(served.url.starts_with("http://127.0.0.2:"), "{}", served.url);
    served.whoami();
    served.log();
}

#[test]
pub fn log_filter_says_what_is_told() {
    for (filter, told) in [("log.filter=off", false), ("log.filter=ringfence=debug", true)] {
        let served = Served::with(&[filter]);
        served.whoami();
        let log = served.log();
        assert_eq!((log.contains("answered"), log.is_empty()), (told, !told), "{filter}: {log}");
    }
}

#[test]
pub fn log_json_makes_each_line_an_object() {
    for (json, object) in [("log.json=true", true), ("log.json=false", false)] {
        let log = Served::with(&[json]).log();
        assert!(log.lines().count() > 0, "a stop is told");
        for line in log.lines() {
            assert_eq!(serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()), object, "{line}");
        }
    }
}
