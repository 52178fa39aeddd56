use ringfence::fs_policy::Rules;
use ringfence::model::{LimitName, Mode, Outcome};
use tokio_util::sync::CancellationToken;

use super::{failure, javascript, limits, mount, python, request, run, stdout, text};
use crate::support::{assert_limit, assert_well, engine};

#[tokio::test]
async fn each_limit_ends_a_snippet_that_reaches_it() {
    for (language, spin, sleep) in [
        ("python", "while True: pass", "import time; time.sleep(3600)"),
        ("javascript", "for (;;);", "await new Promise(done => setTimeout(done, 3600000))"),
    ] {
        for code in [spin, sleep] {
            let mut asked = request(code);
            asked.limits = limits(&[(LimitName::DeadlineMs, 300)]);
            let report = run(language, asked).await;
            assert!(matches!(report.outcome, Outcome::DeadlineExceeded { limit_ms: 300, .. }), "{code}: {report:?}");
        }
        let mut asked = request(spin);
        asked.limits = limits(&[(LimitName::Fuel, 50_000_000)]);
        let report = run(language, asked).await;
        assert!(matches!(report.outcome, Outcome::OutOfFuel { .. }), "{report:?}");
    }
    let mut flood = request("while True: print('x' * 1000)");
    flood.limits = limits(&[(LimitName::StdoutBytes, 10_000)]);
    assert_limit(&run("python", flood).await, LimitName::StdoutBytes);
    let mut flood = request("for (;;) console.error('x'.repeat(1000))");
    flood.limits = limits(&[(LimitName::StderrBytes, 10_000)]);
    assert_limit(&run("javascript", flood).await, LimitName::StderrBytes);
    assert_well().await;
}

/// It arrives in the language first: the snippet can go on without what it did not get.
#[tokio::test]
async fn memory_that_is_refused_is_an_error_of_the_language() {
    let code = "kept = []\ntry:\n  while True: kept.append(bytearray(1 << 20))\nexcept MemoryError:\n  n = len(kept); kept.clear()\nn > 5";
    let mut asked = request(code);
    asked.limits = limits(&[(LimitName::MemoryBytes, 64 << 20)]);
    assert_eq!(text(&run("python", asked).await), "True");
    let mut asked = request(
        "const kept = []; let n = 0;\ntry { for (;;) { kept.push(new Uint8Array(1 << 20)); n++ } } catch (e) { kept.length = 0 }\nn > 5",
    );
    asked.limits = limits(&[(LimitName::MemoryBytes, 32 << 20)]);
    assert_eq!(text(&run("javascript", asked).await), "true");
    assert_eq!(failure(&python("def f(n): return f(n + 1)\nf(0)").await).0, "RecursionError");
    assert_eq!(failure(&javascript("function f(n) { return f(n + 1) + 1 }\nf(0)").await).0, "RangeError");
}

#[tokio::test]
async fn files_are_under_the_same_rules_as_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "TOKEN=1").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "milk").unwrap();
    let rules: Rules = Rules { preset: Some("agent-safe".parse().unwrap()), rules: vec!["/**:write".parse().unwrap()] };
    let rules = || rules.policy(false).unwrap();
    let asked = |code: &str| {
        let mut asked = request(code);
        asked.mounts = vec![mount(folder.path(), rules())];
        asked
    };
    let report =
        run("python", asked("import os\n[os.getcwd(), os.listdir('/workspace'), open('notes.txt').read()]")).await;
    assert_eq!(text(&report), "['/workspace', ['notes.txt'], 'milk']");
    for code in ["open('/workspace/.env')", "import pathlib; pathlib.Path('.env').read_text()"] {
        let report = run("python", asked(code)).await;
        assert_eq!(failure(&report).0, "FileNotFoundError", "{code}");
        assert!(report.denials.iter().any(|denial| denial.path.as_deref() == Some("/workspace/.env")), "{report:?}");
    }
    for code in ["open('/etc/passwd')", "open('/proc/self/environ')", "import os; os.listdir('/')"] {
        let report = run("python", asked(code)).await;
        let (name, ..) = failure(&report);
        assert!(["FileNotFoundError", "PermissionError", "OSError"].contains(&name.as_str()), "{code}: {name}");
    }
    let report = run("javascript", asked("require('fs').readFileSync('/workspace/notes.txt', 'utf8')")).await;
    assert_eq!(text(&report), "'milk'");
    let (_, words, _) = failure(&run("javascript", asked("require('fs').readFileSync('/workspace/.env')")).await);
    assert!(words.contains("ENOENT"), "{words}");
}

/// The ways out that have worked elsewhere: inside there is nothing that they lead to.
#[tokio::test]
async fn what_escapes_other_fences_leads_nowhere() {
    let code = "found = [c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'Popen']\n\
                import sys, builtins\n\
                names = [n for n in sys.modules if 'posix' in n or n == 'os']\n\
                import posix\n\
                [hasattr(posix, n) for n in ('fork', 'execv', 'system', 'posix_spawn')]";
    let report = python(code).await;
    assert_eq!(text(&report), "[False, False, False, False]");
    assert_eq!(
        failure(&python("().__class__.__base__.__subclasses__()[0].__init__.__globals__").await).0,
        "AttributeError"
    );
    assert_eq!(
        text(&javascript("typeof process.binding + typeof globalThis.std + typeof globalThis.os").await),
        "'undefinedundefinedundefined'"
    );
    assert_well().await;
}

#[tokio::test]
async fn each_run_is_fresh_and_has_randomness_of_its_own_unless_it_is_to_repeat() {
    python("import builtins, sys, json\nbuiltins.print = None\njson.loads = None\nsys.modules['os'] = None\nx = 1")
        .await;
    let report = python("import json, os\nprint('here', json.loads('1'), 'x' in globals())").await;
    assert_eq!(stdout(&report), "here 1 False\n");
    javascript("globalThis.leak = 1; console.log = null").await;
    assert_eq!(text(&javascript("typeof leak + typeof console.log").await), "'undefinedfunction'");
    let draw = [
        ("python", "import random, secrets, uuid\n[random.random(), secrets.token_hex(8), str(uuid.uuid4())]"),
        ("javascript", "[Math.random(), crypto.randomUUID()]"),
    ];
    for (language, code) in draw {
        let one = text(&run(language, request(code)).await);
        let two = text(&run(language, request(code)).await);
        assert_ne!(one, two, "{language}");
        let repeat = async || {
            let mut asked = request(code);
            asked.mode = Mode::Deterministic { seed: 7 };
            let build = ringfence::engine::Build::of(&asked.limits, asked.mode);
            let bytes = crate::support::guest(&format!("{language}-runtime"));
            let program = engine().load(bytes, build).await.unwrap();
            text(&engine().run(&program, asked).await.unwrap())
        };
        // Compiling a second flavour of the whole of CPython takes half a minute: the smaller one shows it.
        if language == "javascript" {
            assert_eq!(repeat().await, repeat().await, "{language}");
        }
    }
}

#[tokio::test]
async fn an_interrupt_is_an_error_that_the_snippet_can_hear() {
    let interrupt = CancellationToken::new();
    let mut asked = request("let n = 0;\ntry { for (;;) n++ } catch (e) { n = -1 }\nn");
    // It is asked for in the loop, whenever it was said.
    asked.interrupt = Some(interrupt.clone());
    interrupt.cancel();
    let report = run("javascript", asked).await;
    assert!(matches!(report.outcome, Outcome::Answered { .. }), "{report:?}");
    let interrupt = CancellationToken::new();
    interrupt.cancel();
    let mut asked = request("import time\nwhile True: time.sleep(0.01)");
    asked.interrupt = Some(interrupt);
    assert_eq!(failure(&run("python", asked).await).0, "KeyboardInterrupt");
}
