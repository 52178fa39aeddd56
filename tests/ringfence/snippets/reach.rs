//! C01, C03 and C04: what a snippet reaches for and does not get, what it leaves for the next, what it uses up.

use ringfence::engine::RunRequest;
use ringfence::fs_policy::Rules;
use ringfence::model::{LimitName, Outcome, Report};

use super::{answer, failure, javascript, limits, mount, python, request, run, stdout, text};
use crate::support::{assert_limit, assert_well};

#[tokio::test]
async fn each_way_out_is_one_clear_error() {
    for (code, word) in [
        ("import os; os.fork()", "no process can be started"),
        ("import subprocess; subprocess.check_output('ls', shell=True)", "no process can be started"),
        ("import multiprocessing; multiprocessing.Process(target=print).start()", "no process can be started"),
        (
            "from concurrent.futures import ThreadPoolExecutor as P; list(P().map(print, [1]))",
            "no thread can be started",
        ),
        ("import http.client; http.client.HTTPConnection('x').request('GET', '/')", "no connection can be opened"),
        ("import asyncio\nawait asyncio.open_connection('x', 80)", "no connection can be opened"),
        ("import urllib.request; urllib.request.urlopen('http://169.254.169.254/')", "no connection can be opened"),
        ("import ctypes.util", "no native library can be loaded"),
        ("import ssl", "no connection can be opened"),
        ("import _thread; _thread.start_new_thread(print, ())", "no thread can be started"),
        ("import posix; posix.fork()", "has no attribute 'fork'"),
        ("import os; os.kill(1, 9)", "there is no other process"),
        ("import signal; signal.alarm(1)", "no signal arrives"),
    ] {
        let (_, words, _) = failure(&python(code).await);
        assert!(words.contains(word), "{code}: {words}");
    }
    for (code, word) in [
        ("await import('child_process')", "no process can be started"),
        ("require('worker_threads')", "no thread can be started"),
        ("require('node:net')", "no connection can be opened"),
        ("require('http').get('http://x')", "no connection can be opened"),
        ("new Function('return process')().binding('fs')", "not a function"),
        ("new WebAssembly.Module(new Uint8Array(8))", "WebAssembly"),
    ] {
        let (_, words, _) = failure(&javascript(code).await);
        assert!(words.contains(word), "{code}: {words}");
    }
}

/// Below the sentences, at the doors of the host, it is refused and recorded.
#[tokio::test]
async fn what_reaches_the_host_is_denied_and_recorded() {
    for (code, tried) in [
        ("import _socket; _socket.socket()", "tcp-create-socket"),
        ("import _socket; _socket.getaddrinfo('localhost', 80)", "ip-name-lookup"),
    ] {
        let report = python(code).await;
        assert_eq!(failure(&report).0, "PermissionError", "{code}");
        assert!(report.denials.iter().any(|denial| denial.tried.contains(tried)), "{:?}", report.denials);
    }
}

#[tokio::test]
async fn nothing_of_the_host_is_seen() {
    let code = "import os, platform, sys\n[dict(os.environ), platform.node(), sys.argv, sys.path, os.getcwd()]";
    let report = python(code).await;
    assert_eq!(text(&report), "[{}, '(none)', ['<snippet>'], [], '/']");
    let report = javascript("[process.env, require('os').hostname(), process.argv, process.cwd()]").await;
    assert_eq!(text(&report), "[ {}, 'ringfence', [ 'javascript', '<snippet>' ], '/' ]");
}

#[tokio::test]
async fn folders_are_not_deleted_past_their_rules() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("src/.git")).unwrap();
    std::fs::write(folder.path().join("src/.git/config"), "url").unwrap();
    std::fs::write(folder.path().join("src/main.py"), "x").unwrap();
    let rules = |rule: &str| Rules { preset: Some("agent-safe".parse().unwrap()), rules: vec![rule.parse().unwrap()] };
    let asked = |code: &str, rule: &str| -> RunRequest {
        let mut asked = request(code);
        asked.mounts = vec![mount(folder.path(), rules(rule).policy(false).unwrap())];
        asked
    };
    for code in ["import shutil; shutil.rmtree('/workspace/src')", "import os; os.remove('/workspace/src/main.py')"] {
        let report = run("python", asked(code, "/**:read")).await;
        let (name, ..) = failure(&report);
        assert!(["PermissionError", "OSError"].contains(&name.as_str()), "{code}: {name}");
    }
    // What may be written may go; what is hidden in there stays, and the folder with it.
    for (language, code) in [
        ("python", "import shutil; shutil.rmtree('/workspace/src')"),
        ("javascript", "require('fs').rmSync('/workspace/src', { recursive: true, force: true })"),
    ] {
        run(language, asked(code, "/**:write")).await;
        assert!(folder.path().join("src/.git/config").exists(), "{language}");
    }
}

/// C03: two runs one after the other, the first of which leaves all that it can.
#[tokio::test]
async fn a_run_leaves_nothing_for_the_next() {
    let leave = "import builtins, os, random, sys, json, decimal, locale\n\
        builtins.leak = sys.leak = json.leak = str.__name__\nos.environ['LEAK'] = '1'\nrandom.seed(1)\n\
        decimal.getcontext().prec = 3\nsys.path.append('/leak')\nsys.setrecursionlimit(77)\nsys.argv.append('leak')\n\
        sys.modules['leak'] = json\nimport _ringfence.values as v\nv.describe = None\n\
        for path in ('/tmp/leak', '/leak', 'leak'):\n  try: open(path, 'w')\n  except OSError: pass";
    python(leave).await;
    let look = "import builtins, os, sys, json, decimal\n\
        [hasattr(builtins, 'leak'), hasattr(sys, 'leak'), hasattr(json, 'leak'), dict(os.environ), decimal.getcontext().prec,\n\
         sys.path, sys.getrecursionlimit() > 500, len(sys.argv), 'leak' in sys.modules, os.path.exists('/tmp/leak'), os.path.exists('leak')]";
    let told = text(&python(look).await);
    assert_eq!(told, "[False, False, False, {}, 28, [], True, 1, False, False, False]");
    javascript("Object.prototype.leak = Array.prototype.leak = 1; globalThis.leak = 1; process.env.LEAK = '1'; Math.random = () => 4; require('fs').leak = 1; JSON.parse = null").await;
    let look =
        "[({}).leak, [].leak, typeof leak, process.env.LEAK, Math.random() === 4, require('fs').leak, JSON.parse('1')]";
    let told = text(&javascript(look).await);
    assert_eq!(told, "[ undefined, undefined, 'undefined', undefined, false, undefined, 1 ]");
}

async fn within(language: &str, code: &str, set: &[(LimitName, u64)]) -> Report {
    let mut asked = request(code);
    asked.limits = limits(set);
    run(language, asked).await
}

#[tokio::test]
async fn memory_that_is_not_there_is_told() {
    let string = "x = 'a' * 100_000_000\nlen(x)";
    // Ten megabytes do not hold the interpreter itself.
    let report = within("python", string, &[(LimitName::MemoryBytes, 10 << 20)]).await;
    assert!(matches!(report.outcome, Outcome::OutOfMemory { .. }), "{report:?}");
    let least = [(LimitName::MemoryBytes, 64 << 20)];
    let hoard = "l = []\nwhile True:\n  a = [0] * 1000; a.append(a); l.append(a)";
    let holes = "x = [bytearray(100_000) for i in range(200)]\nx[::2] = [None] * 100\ny = []\nwhile True: y.append(bytearray(150_000))";
    for code in [string, hoard, holes] {
        let report = within("python", code, &least).await;
        assert_eq!(failure(&report).0, "MemoryError", "{code}");
        assert!(report.usage.peak_memory_bytes <= 64 << 20, "{:?}", report.usage);
    }
    let ten = [(LimitName::MemoryBytes, 10 << 20)];
    assert_eq!(failure(&within("javascript", "'a'.repeat(100_000_000).length", &ten).await).1, "out of memory");
    // Where the snippet still holds all of it, there is none left to say so in: it failed all the same.
    let code = "const l = []; for (;;) { const a = [l]; a.push(a); l.push(a) }";
    let report = within("javascript", code, &ten).await;
    assert!(answer_is_failure(&report) && report.usage.peak_memory_bytes <= 10 << 20, "{report:?}");
    // Cycles that nobody holds are collected: it goes on until the time is up.
    let cycles = [(LimitName::MemoryBytes, 64 << 20), (LimitName::Fuel, 2_000_000_000)];
    let report = within("python", "while True:\n  a = [0] * 1000; a.append(a)", &cycles).await;
    assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{report:?}");
    let report = within("javascript", "for (;;) { const a = new Array(1000).fill(0); a.push(a) }", &cycles).await;
    assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{report:?}");
    assert_well().await;
}

#[tokio::test]
async fn time_and_output_end_when_they_are_used_up() {
    for (language, code) in [
        ("python", "import re; re.match('(a+)+$', 'a' * 40 + 'b')"),
        ("python", "10 ** 10 ** 9"),
        ("python", "len(str(3 ** 10 ** 7))"),
        ("python", "import time; time.sleep(10 ** 9)"),
        ("python", "import asyncio\nawait asyncio.sleep(10 ** 6)"),
        ("javascript", "/(a+)+$/.test('a'.repeat(40) + 'b')"),
        ("javascript", "let n = 3n; for (;;) n *= n"),
        ("javascript", "await new Promise(() => setInterval(() => 0, 1e9))"),
    ] {
        let report = within(language, code, &[(LimitName::DeadlineMs, 400)]).await;
        let ended = matches!(report.outcome, Outcome::DeadlineExceeded { .. });
        // A number that fits no memory is an error before the time is up.
        let refused = code.contains("3n") && answer_is_failure(&report);
        assert!(ended || refused, "{code}: {report:?}");
    }
    for (language, code) in [
        ("python", "for i in range(10 ** 6): print('x' * 1000)"),
        ("javascript", "for (let i = 0; i < 1e6; i++) console.log('x'.repeat(1000))"),
    ] {
        let report = within(language, code, &[(LimitName::StdoutBytes, 1 << 20)]).await;
        assert_limit(&report, LimitName::StdoutBytes);
        assert_eq!(stdout(&report).len(), 1 << 20, "{language}");
    }
    assert_well().await;
}

fn answer_is_failure(report: &Report) -> bool {
    matches!(report.outcome, Outcome::Answered { .. }) && answer(report).1.error.is_some()
}
