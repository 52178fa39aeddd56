use std::future::Future;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ringfence::engine::{Build, Engine, Entry, Program, RunRequest, Snippet};
use ringfence::model::{Grants, Mode, Outcome, Preset};
use ringfence::runtimes::Shelf;
use serde_json::{Value, json};

use crate::api::{Client, service_with, text, together};
use crate::{Effort, Figure, micros, percentile, shared};

struct Language {
    name: &'static str,
    code: &'static str,
    /// The same with the language's own program.
    native: [&'static str; 2],
    /// Milliseconds, in process and through the API, and which part of the native one.
    most: (f64, f64, f64),
    what: [&'static str; 2],
}

const LANGUAGES: [Language; 2] = [
    Language {
        name: "python",
        code: "print(sum(range(10)))",
        native: ["python3", "-c"],
        most: (1.5, 2.5, 1.0 / 10.0),
        what: [
            "fresh Python snippet in process, p50, beside `python3 -c`",
            "fresh Python snippet through the API, p50, beside `python3 -c`",
        ],
    },
    Language {
        name: "javascript",
        code: "console.log([1, 2, 3].reduce((a, b) => a + b))",
        native: ["node", "-e"],
        most: (0.4, 1.0, 1.0 / 30.0),
        what: [
            "fresh JavaScript snippet in process, p50, beside `node -e`",
            "fresh JavaScript snippet through the API, p50, beside `node -e`",
        ],
    },
];

/// Loops, calls, lists, dicts and strings, in the seconds that they take by the clock of the language.
const WORK: &str = "\
import time
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def work():
    total, words = fib(20), {}
    for i in range(60000): total += i * i % 7
    for i in range(20000): words[f'w{i % 997}'] = words.get(f'w{i % 997}', 0) + 1
    return total + sum(sorted(words.values())) + len(','.join(map(str, range(20000))))
began = time.perf_counter(); work(); print(time.perf_counter() - began)";

fn request(code: &str, limits: Preset) -> RunRequest {
    let code = code.to_owned();
    let snippet = Snippet { code, filename: String::new(), variables: String::new(), value_bytes: 64 << 10 };
    RunRequest::new(Entry::Snippet(snippet), limits.limits(), Grants::clocks_and_randomness())
}

async fn loaded(engine: &Engine, name: &str) -> Option<Arc<Program>> {
    let bytes = shared::guest(&format!("{name}-runtime"))?;
    Some(engine.load(bytes, Build::of(&Preset::Medium.limits(), Mode::Ordinary)).await.unwrap())
}

pub async fn printed(engine: &Engine, program: &Program, code: &str, limits: Preset) -> String {
    let report = engine.run(program, request(code, limits)).await.unwrap();
    assert!(matches!(report.outcome, Outcome::Answered { code: 0, .. }), "{report:?}");
    String::from_utf8(report.stdout.bytes).unwrap()
}

/// The program itself, where what is called by its name is a script that looks for it.
fn program(name: &str) -> String {
    let itself = match name {
        "python3" => Command::new(name).args(["-c", "import sys; print(sys.executable)"]).output(),
        _ => Command::new(name).args(["-p", "process.execPath"]).output(),
    };
    let told = itself.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    if told.trim().is_empty() { name.to_owned() } else { told.trim().to_owned() }
}

fn native(language: [&str; 2], code: &str) -> Option<String> {
    static PROGRAMS: [OnceLock<String>; 2] = [const { OnceLock::new() }; 2];
    let found = PROGRAMS[usize::from(language[0] == "node")].get_or_init(|| program(language[0]));
    let output = Command::new(found).args([language[1], code]).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

pub async fn timed<T>(what: impl Future<Output = T>) -> Duration {
    let began = Instant::now();
    what.await;
    began.elapsed()
}

pub fn ms(samples: &mut [Duration]) -> f64 {
    micros(percentile(samples, 50)) / 1_000.0
}

/// A fresh interpreter for one small snippet: in process, through the whole service, and the language's own program, in turn.
pub fn fresh(effort: Effort) -> Vec<Figure> {
    shared::runtime().block_on(async {
        let mut all = Vec::new();
        for language in &LANGUAGES {
            all.extend(fresh_in(language, effort).await);
        }
        all
    })
}

async fn fresh_in(language: &Language, effort: Effort) -> Vec<Figure> {
    let (engine, _dir) = shared::engine();
    let Some(program) = loaded(&engine, language.name).await else { return Vec::new() };
    let house = house().await;
    let body = json!({"language": language.name, "code": language.code});
    let asked = text(&house.address, "/v1/execute", &house.key, &body.to_string());
    let mut client = Client::new(house.address).await;
    client.ask(&asked).await;
    let answer = printed(&engine, &program, language.code, Preset::Medium).await;
    assert_eq!(native(language.native, language.code).unwrap_or(answer.clone()), answer, "the same is compared");
    let (mut here, mut there, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..effort.of(40) {
        // In a row, each in its own: the service has another copy of the program, and the caches have room for one.
        let count = if effort.quick { 1 } else { 20 };
        for _ in 0..count {
            here.push(timed(printed(&engine, &program, language.code, Preset::Medium)).await);
        }
        for _ in 0..count {
            there.push(timed(client.ask(&asked)).await);
        }
        theirs.push(timed(async { native(language.native, language.code) }).await);
    }
    let (here, there, theirs) = (ms(&mut here), ms(&mut there), ms(&mut theirs));
    let (in_process, through_api, part) = language.most;
    let figure = |what, took: f64, most: f64| Figure {
        what,
        target: format!("{most} ms, and {part:.3} of the other"),
        measured: format!("{took:.2} ms against {theirs:.1} ms: {:.3} of it", took / theirs),
        met: Some(took <= most && took / theirs <= part),
    };
    vec![figure(language.what[0], here, in_process), figure(language.what[1], there, through_api)]
}

/// How many fresh Pythons a second for 16 clients, on the same cores.
pub fn throughput(effort: Effort) -> Vec<Figure> {
    if shared::guest("python-runtime").is_none() {
        return Vec::new();
    }
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let house = house().await;
        let body = json!({"language": "python", "code": LANGUAGES[0].code}).to_string();
        let asked = text(&house.address, "/v1/execute", &house.key, &body);
        Client::new(house.address).await.ask(&asked).await;
        let mut rates = Vec::new();
        for _ in 0..if effort.quick { 1 } else { 3 } {
            rates.push(together(house.address, &asked, effort.of(2_000)).await);
        }
        rates.sort_by(f64::total_cmp);
        let rate = rates[rates.len() / 2];
        vec![Figure {
            what: "fresh Python snippets through the API, 16 clients (median of three rounds)",
            target: "at least 800 a second".into(),
            measured: format!("{rate:.0} a second"),
            met: Some(rate >= 800.0),
        }]
    })
}

/// What computing costs in it, by the clock inside, against the machine's own Python.
pub fn computing(effort: Effort) -> Vec<Figure> {
    shared::runtime().block_on(async {
        let (engine, _dir) = shared::engine();
        let Some(program) = loaded(&engine, "python").await else { return Vec::new() };
        let seconds = |text: String| Duration::from_secs_f64(text.trim().parse().unwrap());
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..effort.of(20) {
            ours.push(seconds(printed(&engine, &program, WORK, Preset::Medium).await));
            theirs.extend(native(LANGUAGES[0].native, WORK).map(seconds));
        }
        if theirs.is_empty() {
            return Vec::new();
        }
        let (ours, theirs) = (ms(&mut ours), ms(&mut theirs));
        vec![Figure {
            what: "Python that computes (calls, loops, dicts, strings), against the machine's own",
            target: "2.5 times".into(),
            measured: format!("{:.2} times ({ours:.0} ms against {theirs:.0} ms)", ours / theirs),
            met: Some(ours / theirs <= 2.5),
        }]
    })
}

/// A call in a live session, and what many idle sessions cost.
pub fn sessions(effort: Effort) -> Vec<Figure> {
    if shared::guest("python-runtime").is_none() {
        return Vec::new();
    }
    shared::runtime().block_on(async {
        let house = house().await;
        let mut client = Client::new(house.address).await;
        let sandbox = json!({"limits": {"preset": "medium"}, "ttl_seconds": 3600});
        let sandbox = made(&mut client, &house, "/v1/sandboxes", &sandbox).await;
        let body = json!({"language": "python", "sandbox": sandbox});
        let one = made(&mut client, &house, "/v1/sessions", &body).await;
        let path = format!("/v1/sessions/{one}/execute");
        let asked = text(&house.address, &path, &house.key, &json!({"code": "n = 1\nn + 1"}).to_string());
        client.ask(&asked).await;
        let mut samples = Vec::new();
        for _ in 0..effort.of(3_000) {
            samples.push(timed(client.ask(&asked)).await);
        }
        let took = ms(&mut samples);
        let before = proportional();
        let count = effort.of(900);
        for _ in 0..count {
            let one = made(&mut client, &house, "/v1/sessions", &body).await;
            let path = format!("/v1/sessions/{one}/execute");
            let code = json!({"code": "import json\nrows = [n * n for n in range(100)]\nprint(json.dumps(rows))"});
            client.ask(&text(&house.address, &path, &house.key, &code.to_string())).await;
        }
        let grown = proportional().saturating_sub(before) as f64 / 1e6;
        let thousand = grown / count as f64;
        vec![
            Figure {
                what: "a call in a live Python session through the API, p50",
                target: "0.6 ms".into(),
                measured: format!("{took:.2} ms"),
                met: Some(took <= 0.6),
            },
            Figure {
                what: "live idle Python sessions, each called once",
                target: "3 GB for 1,000".into(),
                measured: format!("{grown:.0} MB for {count}: {thousand:.2} GB for 1,000"),
                met: Some(thousand <= 3.0),
            },
        ]
    })
}

/// A service with both runtimes, on threads of its own.
struct House {
    address: std::net::SocketAddr,
    key: String,
}

async fn house() -> House {
    let dir = tempfile::tempdir().unwrap().keep().join("data");
    let shelf = Shelf::of(&dir);
    let (tell, told) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let (address, key, _, stop) = service_with(dir).await;
            let _ = tell.send(House { address, key });
            // With the process.
            stop.cancelled().await;
        });
    });
    let house = told.await.unwrap();
    for language in &LANGUAGES {
        if let Some(bytes) = shared::guest(&format!("{}-runtime", language.name)) {
            shelf.add(&language.name.parse().unwrap(), &bytes, None).unwrap();
        }
    }
    house
}

async fn made(client: &mut Client, house: &House, path: &str, body: &Value) -> String {
    let answer = client.ask(&text(&house.address, path, &house.key, &body.to_string())).await;
    serde_json::from_slice::<Value>(&answer).unwrap()["id"].as_str().unwrap().to_owned()
}

/// What this process has in memory, of pages that are shared its part: those of an image are shared by all instances.
fn proportional() -> usize {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<usize>().unwrap() << 10
}
