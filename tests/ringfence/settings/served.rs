//! What only a process of its own shows: where it listens, where it keeps things, what it says.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use sha2::Digest as _;

use crate::support::WORKER;

/// `ringfence serve`, as a person starts it.
struct Served {
    child: Child,
    url: String,
    /// The first line that it said.
    told: Value,
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
        Self { url: told["url"].as_str().unwrap().to_owned(), told, child, dir }
    }

    fn key(&self) -> String {
        self.told["first_key"].as_str().unwrap().to_owned()
    }

    fn whoami(&self) {
        let output = Command::new(WORKER)
            .args(["whoami", "--server", &self.url, "--api-key", &self.key()])
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

/// Also what an older version left for others to read.
#[test]
fn the_files_of_the_store_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let modes = || {
        let named = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap());
        let store = named.filter(|entry| entry.file_name().to_str().unwrap().starts_with("ringfence.db"));
        store.map(|entry| entry.metadata().unwrap().permissions().mode() & 0o777).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let served = Served::with(&[&format!("data_dir={}", data.display())]);
        assert_eq!(modes(), [0o600; 4]);
        served.log();
        std::fs::set_permissions(data.join("ringfence.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// What a start says of its certificate is enough for `--ca`, and is told again at each start.
#[test]
fn a_start_says_by_which_certificate_it_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let data = format!("data_dir={}", dir.path().join("data").display());
    let mut told = Vec::new();
    let mut key = String::new();
    for _ in 0..2 {
        let served = Served::with(&[&data, "tls.self_made=true", "http.listen=0.0.0.0:0"]);
        let file = served.told["certificate"]["file"].as_str().unwrap().to_owned();
        key = if key.is_empty() { served.key() } else { key };
        let url = served.url.replace("0.0.0.0", "127.0.0.1");
        let whoami = |more: &[&str]| {
            let mut command = Command::new(WORKER);
            command.args(["whoami", "--server", &url, "--api-key", &key]).args(more);
            command.env_clear().env("HOME", dir.path()).output().unwrap().status.success()
        };
        assert!(whoami(&["--ca", &file]) && !whoami(&[]));
        told.push(served.told["certificate"].clone());
        served.log();
    }
    assert_eq!(told[0], told[1]);
    let file = std::fs::read(told[0]["file"].as_str().unwrap()).unwrap();
    let der = rustls_pki_types::CertificateDer::from_pem_slice(&file).unwrap();
    let sum: Vec<String> = sha2::Sha256::digest(&der).iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(told[0]["sha256"], sum.join(":"));
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
