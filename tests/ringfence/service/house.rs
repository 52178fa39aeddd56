//! A service on a port of its own, in a folder of its own.

use std::path::PathBuf;
use std::time::Instant;

use reqwest::{Client, Method, RequestBuilder};
use ringfence::app::Service;
use ringfence::config::Settings;
use ringfence::sandbox::Hands;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{client, guest, still_patient};

pub struct House {
    pub dir: tempfile::TempDir,
    pub url: String,
    pub admin: String,
    client: Client,
    began: Instant,
    stop: CancellationToken,
    serving: Option<tokio::task::JoinHandle<()>>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub kind: String,
    pub bytes: Vec<u8>,
    pub headers: reqwest::header::HeaderMap,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem, which must be one.
    #[track_caller]
    pub fn code(&self) -> String {
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
        let id = self.headers["x-request-id"].to_str().unwrap();
        assert!(problem["instance"].as_str().unwrap().ends_with(id), "{problem}");
        problem["code"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }
}

fn settings(dir: &tempfile::TempDir, more: &[(&str, &str)]) -> Settings {
    let mut flags = vec![
        ("data_dir".to_owned(), dir.path().join("data").display().to_string()),
        ("http.listen".to_owned(), "127.0.0.1:0".to_owned()),
        // Compiled guests are shared with all tests.
        ("engine.cache_dir".to_owned(), PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("code").display().to_string()),
        ("engine.compile_deadline_ms".to_owned(), "60000".to_owned()),
        ("runs.sweep_seconds".to_owned(), "1".to_owned()),
    ];
    flags.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Settings::load(None, |_| None, &flags).unwrap()
}

impl House {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(more: &[(&str, &str)]) -> Self {
        // This test binary is no compiler: the worker is the product's own binary.
        Self::with_worker(more, crate::support::WORKER).await
    }

    /// With another program that compiles and builds fences.
    pub async fn with_worker(more: &[(&str, &str)], worker: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut service = Service::with_worker(settings(&dir, more), worker.into()).await.unwrap();
        let admin = service.first_key.take().unwrap().expose().to_owned();
        let mut house = Self {
            url: service.url().unwrap(),
            dir,
            admin,
            client: client(),
            began: Instant::now(),
            stop: CancellationToken::new(),
            serving: None,
        };
        house.serving = Some(tokio::spawn(service.serve(house.stop.clone())));
        house
    }

    /// Over a folder that somebody else filled: one in which `data` is.
    pub async fn over(dir: tempfile::TempDir, admin: String) -> Self {
        let service = Self::service(settings(&dir, &[])).await;
        assert!(service.first_key.is_none(), "it is known there");
        let (url, stop) = (service.url().unwrap(), CancellationToken::new());
        let serving = Some(tokio::spawn(service.serve(stop.clone())));
        Self { dir, url, admin, client: client(), began: Instant::now(), stop, serving }
    }

    async fn service(settings: Settings) -> Service {
        Service::with_worker(settings, crate::support::WORKER.into()).await.unwrap()
    }

    /// Stops, and starts again over the same folder.
    pub async fn again(mut self, more: &[(&str, &str)]) -> Self {
        self.stop().await;
        let service = Self::service(settings(&self.dir, more)).await;
        assert!(service.first_key.is_none(), "the first key is made once");
        self.url = service.url().unwrap();
        self.stop = CancellationToken::new();
        self.serving = Some(tokio::spawn(service.serve(self.stop.clone())));
        self
    }

    /// By a clock of the test's own.
    pub async fn at(hands: Box<dyn Hands>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut service = Self::service_at(settings(&dir, &[]), hands).await.unwrap();
        let admin = service.first_key.take().unwrap().expose().to_owned();
        let (url, stop) = (service.url().unwrap(), CancellationToken::new());
        let serving = Some(tokio::spawn(service.serve(stop.clone())));
        Self { dir, url, admin, client: client(), began: Instant::now(), stop, serving }
    }

    pub async fn again_at(mut self, hands: Box<dyn Hands>) -> Self {
        self.stop().await;
        let service = Self::service_at(settings(&self.dir, &[]), hands).await.unwrap();
        self.url = service.url().unwrap();
        self.stop = CancellationToken::new();
        self.serving = Some(tokio::spawn(service.serve(self.stop.clone())));
        self
    }

    /// Why it does not start again over its folder.
    pub async fn cannot_begin(&self) -> String {
        let begun = Service::with_worker(settings(&self.dir, &[]), crate::support::WORKER.into()).await;
        format!("{:#}", begun.err().expect("it begins"))
    }

    async fn service_at(settings: Settings, hands: Box<dyn Hands>) -> anyhow::Result<Service> {
        Service::with_clock(settings, crate::support::WORKER.into(), hands).await
    }

    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.await.unwrap();
        }
    }

    #[track_caller]
    pub fn ask(&self, method: &str, path: &str) -> RequestBuilder {
        still_patient(self.began);
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.url))
    }

    pub async fn send(request: RequestBuilder) -> Reply {
        let answer = request.send().await.unwrap();
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Reply {
            status: answer.status().as_u16(),
            kind: kind.to_owned(),
            headers: answer.headers().clone(),
            bytes: answer.bytes().await.unwrap().to_vec(),
        }
    }

    pub async fn get(&self, key: &str, path: &str) -> Reply {
        Self::send(self.ask("GET", path).header("x-api-key", key)).await
    }

    pub async fn with_json(&self, key: &str, method: &str, path: &str, body: Value) -> Reply {
        Self::send(self.ask(method, path).header("x-api-key", key).json(&body)).await
    }

    pub async fn post(&self, key: &str, path: &str, body: Value) -> Reply {
        self.with_json(key, "POST", path, body).await
    }

    pub async fn delete(&self, key: &str, path: &str) -> Reply {
        Self::send(self.ask("DELETE", path).header("x-api-key", key)).await
    }

    /// Submits a guest and gives its digest.
    pub async fn submit(&self, key: &str, name: &str) -> String {
        let request = self.ask("POST", "/v1/components").header("x-api-key", key).body(guest(name));
        let reply = Self::send(request.header("content-type", "application/wasm")).await;
        assert!(matches!(reply.status, 200 | 201), "{reply:?}");
        reply.json()["digest"].as_str().unwrap().to_owned()
    }

    /// A key of a new principal of the house with a role.
    pub async fn person(&self, name: &str, roles: &[&str]) -> String {
        let body = json!({"kind": "person", "roles": roles});
        let reply = self.with_json(&self.admin, "PUT", &format!("/v1/principals/{name}"), body).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        let reply = self.post(&self.admin, "/v1/keys", json!({"name": name, "principal": name})).await;
        reply.is(201)["secret"].as_str().unwrap().to_owned()
    }

    /// The key of the administrator of a new tenant.
    pub async fn tenant(&self, name: &str) -> String {
        let reply = self.post(&self.admin, "/v1/tenants", json!({"id": name, "admin": "boss"})).await;
        reply.is(201)["secret"].as_str().unwrap().to_owned()
    }

    /// The same with ceilings of its own.
    pub async fn tenant_with(&self, name: &str, ceilings: &[(&str, u64)]) -> String {
        let mut all = serde_json::to_value(ringfence::model::Ceilings::ordinary()).unwrap();
        for (ceiling, value) in ceilings {
            all[*ceiling] = json!(value);
        }
        let body = json!({"id": name, "admin": "boss", "ceilings": all});
        self.post(&self.admin, "/v1/tenants", body).await.is(201)["secret"].as_str().unwrap().to_owned()
    }

    pub fn folder_of(&self, tenant: &str) -> PathBuf {
        self.dir.path().join("data/tenants").join(tenant)
    }

    /// A new sandbox without files: its path.
    pub async fn sandbox(&self, key: &str) -> String {
        let sandbox = self.post(key, "/v1/sandboxes", json!({})).await.is(201);
        format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap())
    }

    pub async fn put(&self, key: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        Self::send(self.ask("PUT", path).header("x-api-key", key).body(body)).await
    }
}
