//! A service in a process of its own, which can be killed, starved and read.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use reqwest::{Client, Method, RequestBuilder};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};

use super::house::Reply;
use crate::support::{WORKER, client, guest, still_patient};

pub struct Served {
    child: Child,
    pub url: String,
    /// The first key, where this was the first start.
    pub first_key: Option<String>,
    client: Client,
    began: Instant,
}

impl Served {
    /// Starts it over a folder, with settings; what it logs goes into `log` there.
    pub fn start(dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_after(":", dir, settings)
    }

    /// The same after something that the shell does first.
    pub fn start_after(first: &str, dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_over(first, dir, &dir.join("data"), settings)
    }

    /// The same from within the folder, and with a data folder that is named from there.
    pub fn start_within(dir: &Path, settings: &[(&str, &str)]) -> Self {
        Self::start_over(&format!("cd '{}'", dir.display()), dir, Path::new("data"), settings)
    }

    fn start_over(first: &str, dir: &Path, data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        // What a full disk does is tried with a limit on files, which must be told and not deadly.
        let script = format!("{first}; trap '' XFSZ; exec \"$@\"");
        command.args(["-c", &script, "sh", WORKER, "serve", "--json", "--listen", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(data);
        let code = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("code");
        command.arg("--set").arg(format!("engine.cache_dir={}", code.display()));
        for (key, value) in settings {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("{error}: {line}{}", std::fs::read_to_string(dir.join("log")).unwrap());
        });
        Self {
            child,
            url: said["url"].as_str().unwrap().to_owned(),
            first_key: said["first_key"].as_str().map(str::to_owned),
            client: client(),
            began: Instant::now(),
        }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// At once, in the middle of whatever it does.
    pub fn signal_kill(&self) {
        kill_process(self.pid(), Signal::KILL).unwrap();
    }

    /// A line of its status, in KiB.
    pub fn memory(&self, name: &str) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim_end_matches(" kB").trim().parse().unwrap()
    }

    /// From now on the most memory that it had (`VmHWM`) is what it has.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    /// As an operator stops it.
    pub fn stop(mut self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// Gives it so much of something from now on; without a number, as much as there is.
    pub fn give(&self, resource: Resource, most: Option<u64>) {
        let maximum = rustix::process::getrlimit(resource).maximum;
        prlimit(Some(self.pid()), resource, Rlimit { current: most.or(maximum), maximum }).unwrap();
    }

    /// How many descriptors may be numbered so that it can open `more`; some that it inherited have high numbers.
    pub fn room_for(&self, more: usize) -> u64 {
        let all = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let open: Vec<u64> = all.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
        (0..).filter(|number| !open.contains(number)).nth(more).unwrap()
    }

    #[track_caller]
    pub fn ask(&self, key: &str, method: &str, path: &str) -> RequestBuilder {
        still_patient(self.began);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{}{path}", self.url)).header("x-api-key", key)
    }

    /// An answer, or none where the process went away meanwhile.
    pub async fn answer(request: RequestBuilder) -> Option<Reply> {
        let answer = request.send().await.ok()?;
        let headers = answer.headers().clone();
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
        Some(Reply { status: answer.status().as_u16(), kind, headers, bytes: answer.bytes().await.ok()?.to_vec() })
    }

    pub async fn get(&self, key: &str, path: &str) -> Reply {
        Self::answer(self.ask(key, "GET", path)).await.unwrap()
    }

    pub async fn post(&self, key: &str, path: &str, body: Value) -> Reply {
        Self::answer(self.ask(key, "POST", path).json(&body)).await.unwrap()
    }

    pub async fn submit(&self, key: &str, name: &str) -> String {
        let request = self.ask(key, "POST", "/v1/components").body(guest(name));
        Self::answer(request).await.unwrap().json()["digest"].as_str().unwrap().to_owned()
    }

    pub async fn sandbox(&self, key: &str) -> String {
        self.post(key, "/v1/sandboxes", json!({})).await.is(201)["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
