//! The service as a process of its own, asked to stop and killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::House;
use super::runs::events;
use crate::support::{WORKER, client};

struct Process {
    child: Child,
    url: String,
    key: Option<String>,
}

impl Process {
    async fn start(data: &std::path::Path, grace_ms: u32) -> Self {
        let mut command = Command::new(WORKER);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.args(["--set", &format!("runs.grace_ms={grace_ms}"), "--set", "engine.compile_deadline_ms=60000"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || BufReader::new(out).lines().next().unwrap().unwrap());
        let said: Value = serde_json::from_str(&line.await.unwrap()).unwrap();
        Self {
            child,
            url: said["url"].as_str().unwrap().to_owned(),
            key: said["first_key"].as_str().map(str::to_owned),
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    async fn end(mut self) -> std::process::ExitStatus {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap()).await.unwrap()
    }

    fn ask(&self, client: &Client, method: &str, path: &str, key: &str) -> RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        client.request(method, format!("{}{path}", self.url)).header("x-api-key", key)
    }
}

/// A run that does not end by itself.
fn looping(request: RequestBuilder) -> RequestBuilder {
    let limits = json!({"preset": "large", "deadline_ms": 120_000, "fuel": 1_000_000_000_000_000_u64});
    let form = reqwest::multipart::Form::new()
        .part("run", reqwest::multipart::Part::text(json!({"async": true, "limits": limits}).to_string()))
        .part("module", reqwest::multipart::Part::text("(module (func (export \"_start\") (loop (br 0))))"));
    request.multipart(form)
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_it_takes_no_new_work_and_ends_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let client = client();
    let process = Process::start(&data, 1_500).await;
    let key = process.key.clone().unwrap();
    let id = House::send(looping(process.ask(&client, "POST", "/v1/runs", &key))).await.is(202)["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    let stream = process.ask(&client, "GET", &format!("/v1/runs/{id}/events"), &key).send().await.unwrap();
    let made = House::send(process.ask(&client, "POST", "/v1/sandboxes", &key).json(&json!({}))).await.is(201);
    let sandbox = made["id"].as_str().unwrap();
    process.signal(Signal::TERM);
    // It goes on answering while what runs has its grace, and says that it takes nothing new.
    while House::send(process.ask(&client, "GET", "/readyz", &key)).await.status == 200 {
        tokio::task::yield_now().await;
    }
    let refused = House::send(looping(process.ask(&client, "POST", "/v1/runs", &key))).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "stopping"));
    let discard = process.ask(&client, "POST", &format!("/v1/sandboxes/{sandbox}/discard"), &key);
    assert_eq!(House::send(discard.json(&json!({}))).await.code(), "stopping");
    assert!(refused.headers.contains_key("retry-after"));
    let running = House::send(process.ask(&client, "GET", &format!("/v1/runs/{id}"), &key)).await.is(200);
    assert_eq!(running["state"], "running", "it has its grace");
    // Whoever watches is told how it ended.
    let told = events(&stream.text().await.unwrap());
    let names: Vec<&str> = told.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["started", "result", "done"]);
    assert_eq!(told[1].2["outcome"]["kind"], "cancelled");
    assert!(process.end().await.success());
    let process = Process::start(&data, 0).await;
    let run = House::send(process.ask(&client, "GET", &format!("/v1/runs/{id}"), &key)).await.is(200);
    assert_eq!(run["outcome"]["kind"], "cancelled");
    process.signal(Signal::TERM);
    assert!(process.end().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_it_runs_nothing_again_that_it_had_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let client = client();
    let process = Process::start(&data, 0).await;
    let key = process.key.clone().unwrap();
    let module = "(module (func (export \"_start\") (loop (br 0))))";
    let component = House::send(process.ask(&client, "POST", "/v1/components", &key).body(module)).await.is(201);
    let digest = component["digest"].as_str().unwrap();
    let ask = |process: &Process| {
        let limits = json!({"preset": "large", "deadline_ms": 120_000, "fuel": 1_000_000_000_000_000_u64});
        let body = json!({"component": digest, "async": true, "limits": limits});
        House::send(process.ask(&client, "POST", "/v1/runs", &key).header("idempotency-key", "once").json(&body))
    };
    let first = ask(&process).await;
    let location = first.headers["location"].clone();
    let first = first.is(202);
    let sandbox = House::send(process.ask(&client, "POST", "/v1/sandboxes", &key).json(&json!({}))).await.is(201);
    // A retry while it is at work gets what the first got.
    let again = ask(&process).await;
    assert_eq!((&again.headers["location"], &again.json()["id"]), (&location, &first["id"]));
    process.signal(Signal::KILL);
    process.end().await;
    let process = Process::start(&data, 0).await;
    let again = ask(&process).await;
    assert_eq!(again.headers["location"], location);
    let again = again.is(202);
    assert_eq!((&again["id"], &again["failure"]["code"]), (&first["id"], &json!("service_stopped")));
    let runs = House::send(process.ask(&client, "GET", "/v1/runs", &key)).await.is(200);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "it did not run again: {runs}");
    let sandboxes = House::send(process.ask(&client, "GET", "/v1/sandboxes", &key)).await.is(200);
    assert_eq!(sandboxes["sandboxes"][0]["id"], sandbox["id"]);
    process.signal(Signal::KILL);
    process.end().await;
}
