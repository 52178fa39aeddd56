//! The service killed at random points, again and again: whatever it had acknowledged is there afterwards, what it had not
//! is there whole or not at all, and nothing stays behind that nobody owns.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::child::Served;
use super::house::Reply;

const CLIENTS: usize = 4;
/// What fits into half a minute on two cores, with the start and the end; so many rounds are made on any machine.
const TIME: Duration = Duration::from_secs(15);
const ROUNDS: usize = 6;

/// Something that was acknowledged. Paths are written once and never again, so that each stays true.
#[derive(Debug, Clone)]
enum Fact {
    /// The run is in the history, with this end; of one apart nothing is known but that it is there.
    Run(String, Option<String>),
    Component(String),
    Sandbox(String),
    Expires(String, String),
    Destroyed(String),
    File(String, String),
    Workspace(String),
    Applied(String, String),
    Key(String),
    Revoked(String),
    /// The answer to this request with this key is this run, for ever.
    Retry(String, Value, String),
}

/// One client with things of its own, which nobody else touches.
struct Client {
    served: Arc<Served>,
    key: String,
    hello: String,
    random: ChaCha8Rng,
    name: String,
    done: u32,
    /// What all clients of this round have done.
    all: Arc<AtomicU32>,
    facts: Vec<Fact>,
    /// Sandboxes of its own that are there for all it knows, and the workspaces that they are of.
    sandboxes: Vec<(String, String)>,
    /// Keys of its own: what is said to the door, and what they are called.
    keys: Vec<(String, String)>,
}

impl Client {
    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Option<Reply> {
        let request = self.served.ask(&self.key, method, path);
        Served::answer(if let Some(body) = body { request.json(&body) } else { request }).await
    }

    /// Until the process is gone.
    async fn work(mut self) -> Self {
        while self.act().await.is_some() {
            self.done += 1;
            self.all.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// A name that nothing else has.
    fn new_name(&self, what: &str) -> String {
        format!("{what}-{}-{}", self.name, self.done)
    }

    async fn act(&mut self) -> Option<()> {
        match self.random.random_range(0..11) {
            0 => self.run(false).await,
            1 => self.run(true).await,
            2 => self.submit().await,
            3 | 4 => self.create().await,
            5 | 6 => self.write().await,
            7 => self.apply().await,
            8 => self.extend().await,
            9 => self.destroy().await,
            _ => self.hold_keys().await,
        }
    }

    async fn run(&mut self, apart: bool) -> Option<()> {
        let body = json!({"component": self.hello, "command": [self.new_name("run")], "async": apart});
        let key = self.new_name("retry");
        let request = self.served.ask(&self.key, "POST", "/v1/runs").header("idempotency-key", &key);
        let run = Served::answer(request.json(&body)).await?.is(if apart { 202 } else { 200 });
        let id = run["id"].as_str().unwrap().to_owned();
        let end = run["outcome"]["kind"].as_str().map(str::to_owned);
        self.facts.extend([Fact::Run(id.clone(), end), Fact::Retry(key, body, id)]);
        Some(())
    }

    async fn submit(&mut self) -> Option<()> {
        let name = self.new_name("c");
        let text = format!("(module (func (export \"_start\"))) ;; {name}");
        let request = self.served.ask(&self.key, "POST", "/v1/components").body(text);
        let made = Served::answer(request).await?.is(201);
        self.facts.push(Fact::Component(made["digest"].as_str().unwrap().to_owned()));
        Some(())
    }

    async fn create(&mut self) -> Option<()> {
        let workspace = self.new_name("w");
        self.send("PUT", &format!("/v1/workspaces/{workspace}"), None).await?.is(201);
        self.facts.push(Fact::Workspace(workspace.clone()));
        let made = self.send("POST", "/v1/sandboxes", Some(json!({"workspace": workspace}))).await?.is(201);
        let id = made["id"].as_str().unwrap().to_owned();
        self.facts.push(Fact::Sandbox(id.clone()));
        self.sandboxes.push((id, workspace));
        Some(())
    }

    async fn write(&mut self) -> Option<()> {
        let Some((id, _)) = self.sandboxes.last().cloned() else { return Some(()) };
        let path = self.new_name("f");
        let at = format!("/v1/sandboxes/{id}/files?path={path}");
        let request = self.served.ask(&self.key, "PUT", &at).body(path.clone());
        Served::answer(request).await?.is(204);
        self.facts.push(Fact::File(id, path));
        Some(())
    }

    async fn apply(&mut self) -> Option<()> {
        let Some((id, workspace)) = self.sandboxes.last().cloned() else { return Some(()) };
        let path = self.new_name("a");
        let request = self.served.ask(&self.key, "PUT", &format!("/v1/sandboxes/{id}/files?path={path}"));
        Served::answer(request.body(path.clone())).await?.is(204);
        self.send("POST", &format!("/v1/sandboxes/{id}/apply"), Some(json!({}))).await?.is(200);
        self.facts.push(Fact::Applied(workspace, path));
        Some(())
    }

    async fn extend(&mut self) -> Option<()> {
        let Some((id, _)) = self.sandboxes.first().cloned() else { return Some(()) };
        self.facts.retain(|fact| !matches!(fact, Fact::Expires(of, _) if *of == id));
        let ttl_seconds = self.random.random_range(3_600..80_000);
        let at = format!("/v1/sandboxes/{id}/extend");
        let made = self.send("POST", &at, Some(json!({"ttl_seconds": ttl_seconds}))).await?.is(200);
        self.facts.push(Fact::Expires(id, made["expires"].as_str().unwrap().to_owned()));
        Some(())
    }

    async fn destroy(&mut self) -> Option<()> {
        if self.sandboxes.len() < 3 {
            return Some(());
        }
        let (id, _) = self.sandboxes.remove(0);
        // From here on until it is acknowledged, both may be.
        self.facts.retain(|fact| match fact {
            Fact::Sandbox(of) | Fact::Expires(of, _) | Fact::File(of, _) => *of != id,
            _ => true,
        });
        self.send("DELETE", &format!("/v1/sandboxes/{id}"), None).await?.is(204);
        self.facts.push(Fact::Destroyed(id));
        Some(())
    }

    async fn hold_keys(&mut self) -> Option<()> {
        if self.keys.len() < 2 {
            let made = self.send("POST", "/v1/keys", Some(json!({"name": self.new_name("key")}))).await?.is(201);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            self.facts.push(Fact::Key(text(&made["secret"])));
            self.keys.push((text(&made["secret"]), text(&made["key"]["id"])));
            return Some(());
        }
        let (secret, id) = self.keys.remove(0);
        self.facts.retain(|fact| !matches!(fact, Fact::Key(of) if *of == secret));
        self.send("DELETE", &format!("/v1/keys/{id}"), None).await?.is(204);
        self.facts.push(Fact::Revoked(secret));
        Some(())
    }
}

impl Fact {
    async fn holds(&self, served: &Served, admin: &str) -> bool {
        let get = |path: String| async move { served.get(admin, &path).await };
        match self {
            Fact::Run(id, end) => {
                let run = get(format!("/v1/runs/{id}")).await.is(200);
                let failed = matches!(run["failure"]["code"].as_str(), Some("service_stopped" | "answer_lost"));
                run["state"] == "ended"
                    && end.as_ref().map_or(failed || run["outcome"]["kind"] == "exited", |end| {
                        run["outcome"]["kind"] == end.as_str()
                    })
            }
            Fact::Component(digest) => get(format!("/v1/components/{digest}")).await.status == 200,
            Fact::Sandbox(id) => get(format!("/v1/sandboxes/{id}")).await.status == 200,
            Fact::Expires(id, at) => get(format!("/v1/sandboxes/{id}")).await.is(200)["expires"] == at.as_str(),
            Fact::Destroyed(id) => get(format!("/v1/sandboxes/{id}")).await.status == 404,
            Fact::File(id, path) => get(format!("/v1/sandboxes/{id}/files?path={path}")).await.bytes == path.as_bytes(),
            Fact::Workspace(name) => get(format!("/v1/workspaces/{name}")).await.status == 200,
            Fact::Applied(name, path) => {
                let tree = get(format!("/v1/workspaces/{name}")).await.is(200);
                tree["entries"].as_array().unwrap().iter().any(|entry| entry["path"] == path.as_str())
            }
            Fact::Key(secret) => served.get(secret, "/v1/whoami").await.status == 200,
            Fact::Revoked(secret) => served.get(secret, "/v1/whoami").await.status == 401,
            Fact::Retry(key, body, id) => {
                let request = served.ask(admin, "POST", "/v1/runs").header("idempotency-key", key).json(body);
                Served::answer(request).await.unwrap().json()["id"] == id.as_str()
            }
        }
    }
}

async fn ids(served: &Served, admin: &str, kind: &str, field: &str) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let page = served.get(admin, &format!("/v1/{kind}?{next}")).await.is(200);
        let here = page[kind].as_array().unwrap().iter();
        all.extend(here.map(|one| one[field].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(cursor) => next = format!("cursor={cursor}"),
            None => return all,
        }
    }
}

fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let entries = entries.map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_when_the_service_is_killed() {
    let seed: u64 = std::env::var("RINGFENCE_KILL_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    eprintln!("RINGFENCE_KILL_SEED={seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let settings = [("runs.sweep_seconds", "1"), ("identity.guesses.failures_per_source", "100000")];
    let mut served = Arc::new(Served::start(dir.path(), &settings));
    let admin = served.first_key.clone().unwrap();
    let hello = served.submit(&admin, "hello").await;
    let mut facts = vec![Fact::Component(hello.clone())];
    let (began, mut rounds) = (Instant::now(), 0);
    while rounds < ROUNDS || began.elapsed() < TIME {
        let all = Arc::new(AtomicU32::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| Client {
                served: Arc::clone(&served),
                key: admin.clone(),
                hello: hello.clone(),
                random: ChaCha8Rng::seed_from_u64(random.next_u64()),
                name: format!("{rounds}-{n}"),
                done: 0,
                all: Arc::clone(&all),
                facts: Vec::new(),
                sandboxes: Vec::new(),
                keys: Vec::new(),
            })
            .map(|client| tokio::spawn(client.work()))
            .collect();
        // After so many acts of all, and some turns more: wherever each client then is in its next.
        let (acts, turns) = (random.random_range(0..60), random.random_range(0..20_000));
        let reached = async {
            while all.load(Ordering::Relaxed) < acts {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), reached).await.expect("the clients go on");
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        served.signal_kill();
        let mut acts = 0;
        for client in clients {
            let client = client.await.unwrap();
            acts += client.done;
            facts.extend(client.facts);
        }
        drop(served);
        served = Arc::new(Served::start(dir.path(), &settings));
        assert!(served.first_key.is_none());
        assert_eq!(served.get(&admin, "/v1/runs?state=running").await.is(200)["runs"], json!([]), "round {rounds}");
        let runs = ids(&served, &admin, "runs", "id").await.len();
        for fact in &facts {
            assert!(fact.holds(&served, &admin).await, "lost in round {rounds} after {acts} acts: {fact:?}");
        }
        assert_eq!(ids(&served, &admin, "runs", "id").await.len(), runs, "no retry ran anything again");
        // Those of long ago were looked at often enough.
        if facts.len() > 400 {
            facts.drain(..facts.len() - 400);
        }
        rounds += 1;
    }
    eprintln!("killed {rounds} times");
    for (kind, field) in [("sandboxes", "id"), ("workspaces", "name"), ("components", "digest")] {
        for id in ids(&served, &admin, kind, field).await {
            let reply = Served::answer(served.ask(&admin, "DELETE", &format!("/v1/{kind}/{id}"))).await.unwrap();
            assert_eq!(reply.status, 204, "{reply:?}");
        }
    }
    let swept =
        || ["files", "drafts", "components"].iter().flat_map(|name| files_in(&dir.path().join("data").join(name)));
    let deadline = Instant::now() + Duration::from_secs(20);
    while swept().count() > 0 && Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    assert_eq!(swept().collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new(), "nothing is left that nobody owns");
}
