use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{ADD, WORKER, guest_path, still_patient};

struct Cli {
    dir: tempfile::TempDir,
}

impl Cli {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(WORKER);
        command.args(args).env_clear().env("HOME", self.dir.path()).env("SECRET", "hidden").stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }
}

#[track_caller]
fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "colour without a terminal: {text:?}");
    text
}

#[test]
fn run_prints_what_the_program_prints_and_exits_as_it_does() {
    let cli = Cli::new();
    let hello = guest_path("hello");
    let hello = hello.to_str().unwrap();
    let output = cli.run(&["run", hello, "--", "you"]);
    assert_exit(&output, 0);
    assert_eq!(output.stdout, b"hello, you\n");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_exit(&cli.run(&["run", hello, "--", "--exit", "42"]), 42);
    assert_eq!(cli.run(&["run", hello, "--", "--env"]).stdout, b"");
    assert_eq!(
        cli.run(&["run", hello, "--env", "A=b", "--env", "SECRET", "--", "--env"]).stdout,
        b"A=b\nSECRET=hidden\n"
    );
}

#[test]
fn run_passes_standard_input_only_when_told() {
    let cli = Cli::new();
    let hello = guest_path("hello");
    for (flags, expected) in [(&["--stdin"][..], "words"), (&[], "")] {
        let mut args = vec!["run", hello.to_str().unwrap()];
        args.extend_from_slice(flags);
        args.extend(["--", "--stdin"]);
        let mut child =
            cli.command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"words").unwrap();
        assert_eq!(child.wait_with_output().unwrap().stdout, expected.as_bytes());
    }
}

#[test]
fn each_outcome_has_its_exit_code_and_names_the_flag() {
    let cli = Cli::new();
    let spin = cli.file("spin.wat", &String::from_utf8(crate::support::hostile("spin")).unwrap());
    let traps = cli.file("traps.wat", &String::from_utf8(crate::support::hostile("traps")).unwrap());
    let grow = cli.file("grow.wat", &String::from_utf8(crate::support::hostile("grow")).unwrap());
    let wait = cli.file("wait.wat", &String::from_utf8(crate::support::hostile("wait")).unwrap());
    let call = |file: &PathBuf, args: &[&str]| {
        let mut all = vec!["run", file.to_str().unwrap()];
        all.extend_from_slice(args);
        cli.run(&all)
    };
    for (output, code, word) in [
        (call(&traps, &["--call", "divide"]), 110, "integer divide by zero"),
        (call(&spin, &["--call", "in-an-export", "--fuel", "1000"]), 111, "--fuel"),
        (call(&spin, &["--call", "in-an-export", "--deadline-ms", "20"]), 112, "--deadline-ms"),
        (call(&grow, &["--call", "and-give-up", "--memory-bytes", "1MiB"]), 113, "--memory-bytes"),
        (call(&wait, &["--call", "hoard", "--resources", "20"]), 114, "--resources"),
        (call(&wait, &["--call", "ask", "--no-clocks"]), 115, "clocks"),
        (call(&wait, &["--call", "missing"]), 117, "no function `missing`"),
        (call(&wait, &["--call", "ask", "--stack-bytes", "100000"]), 117, "power of two"),
        (call(&wait, &["--call", "ask", "--fuel", "0"]), 117, "fuel"),
        (cli.run(&["run", "/no/such/file.wasm"]), 2, "/no/such/file.wasm"),
        (call(&wait, &["--dir", "nowhere"]), 2, "HOST::GUEST"),
        (call(&wait, &["--call", "ask", "--args", "{"]), 2, "not JSON"),
        (call(&wait, &["--memory-bytes", "many"]), 2, "64MiB"),
        (call(&wait, &["--no-such-flag"]), 2, "--no-such-flag"),
        (cli.run(&["run"]), 2, "FILE"),
    ] {
        assert_exit(&output, code);
        let said = one_line(&output);
        assert!(said.contains(word) || said.contains(&word.to_lowercase()), "{said}");
    }
}

#[test]
fn run_answers_json_with_the_whole_outcome() {
    let cli = Cli::new();
    let add = cli.file("add.wat", ADD);
    let output = cli.run(&["run", add.to_str().unwrap(), "--call", "add", "--args", "[2, 3]", "--json"]);
    assert_exit(&output, 0);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcome"], serde_json::json!({"kind": "returned", "value": 5}));
    for field in ["fuel", "wall_us", "cpu_us", "peak_memory_bytes", "host_calls", "bytes_in", "bytes_out"] {
        assert!(report["usage"][field].is_u64(), "{field}");
    }
    let plain = cli.run(&["run", add.to_str().unwrap(), "--call", "add", "--args", "{\"a\": 2, \"b\": 3}"]);
    assert_eq!(plain.stdout, b"5\n");
}

#[test]
fn run_gives_folders_as_told() {
    let cli = Cli::new();
    let data = cli.dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let files = guest_path("files");
    let dir = format!("{}::/d", data.display());
    let args = ["run", files.to_str().unwrap(), "--dir", &dir, "--", "write", "/d/f", "text"];
    assert_exit(&cli.run(&args), 0);
    assert_eq!(std::fs::read(data.join("f")).unwrap(), b"text");
    let dir = format!("{}::/d:ro", data.display());
    let output = cli.run(&["run", files.to_str().unwrap(), "--dir", &dir, "--", "write", "/d/g", "text"]);
    assert_exit(&output, 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("denied"), "{output:?}");
}

#[test]
fn deterministic_runs_repeat_themselves() {
    let cli = Cli::new();
    let hello = guest_path("hello");
    let run = |seed: &str| {
        cli.run(&["run", hello.to_str().unwrap(), "--deterministic", "--seed", seed, "--", "--random"]).stdout
    };
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn compile_fills_the_cache_that_cache_lists_and_clears() {
    let cli = Cli::new();
    let add = cli.file("add.wat", ADD);
    let compile =
        || -> Value { serde_json::from_slice(&cli.run(&["compile", add.to_str().unwrap(), "--json"]).stdout).unwrap() };
    assert_eq!(compile()["state"], "compiled");
    assert_eq!(compile()["state"], "cached");
    let list: Value = serde_json::from_slice(&cli.run(&["cache", "list", "--json"]).stdout).unwrap();
    assert_eq!(list[0]["digest"], compile()["digest"]);
    assert_exit(&cli.run(&["cache", "clear"]), 0);
    assert_eq!(cli.run(&["cache", "list"]).stdout, b"");
    assert_eq!(compile()["state"], "compiled");
    let none: Value =
        serde_json::from_slice(&cli.run(&["compile", add.to_str().unwrap(), "--json", "--no-cache"]).stdout).unwrap();
    assert_eq!(none["state"], "compiled");
}

#[test]
fn inspect_says_what_a_program_is() {
    let cli = Cli::new();
    let add = cli.file("add.wat", ADD);
    let text = String::from_utf8(cli.run(&["inspect", add.to_str().unwrap()]).stdout).unwrap();
    assert!(text.contains("sha256:") && text.contains("add  (a: integer, b: integer) → integer"), "{text}");
    let json: Value = serde_json::from_slice(&cli.run(&["inspect", add.to_str().unwrap(), "--json"]).stdout).unwrap();
    assert_eq!(json["exports"][0]["params"]["required"], serde_json::json!(["a", "b"]));
    let bad = cli.file("bad.wasm", "hello");
    let output = cli.run(&["inspect", bad.to_str().unwrap()]);
    assert_exit(&output, 117);
    assert!(one_line(&output).contains("[not_wasm]"));
}

#[test]
fn a_terminal_gets_escapes_as_text() {
    let Ok(script) = Command::new("script").arg("--version").output() else {
        eprintln!("skipped: there is no `script` to make a terminal with");
        return;
    };
    assert!(script.status.success());
    let cli = Cli::new();
    let flood = cli.file("flood.wat", &String::from_utf8(crate::support::hostile("flood")).unwrap());
    let line = format!("{WORKER} run {} --stdout-bytes 25", flood.display());
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("HOME", cli.dir.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("\\u{1b}[2J"), "{text:?}");
    assert!(!text.contains("\u{1b}]0;owned"), "{text:?}");
}

/// What a function returns may be a guest's own words as well.
#[test]
fn a_terminal_gets_returned_words_as_text() {
    let cli = Cli::new();
    let text = r#"(component (core module $m (memory (export "memory") 1) (data (i32.const 16) "a\c2\9bb\e2\80\aec\7fd")
        (data (i32.const 0) "\10\00\00\00\0a\00\00\00") (func (export "f") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func (export "f") (result string) (canon lift (core func $i "f") (memory $i "memory"))))"#;
    let file = cli.file("words.wat", text);
    for json in ["", "--json"] {
        let output = Command::new("script")
            .args(["-qec", &format!("{WORKER} run {} --call f {json}", file.display()), "/dev/null"])
            .env("HOME", cli.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains("a\\u009bb\\u202ec\\u007fd"), "{shown:?}");
    }
}

#[test]
fn a_mistake_is_told_with_a_code_and_exits_with_2() {
    let cli = Cli::new();
    let hello = guest_path("hello");
    let hello = hello.to_str().unwrap();
    for (args, code) in [
        (&["run", "no-such-file.wasm"][..], "unreadable_file"),
        (&["run", "."], "unreadable_file"),
        (&["inspect", "no-such-file.wasm"], "unreadable_file"),
        (&["run", hello, "--env", "=x"], "bad_env"),
        (&["run", hello, "--env", "SURELY_NOT_SET_ANYWHERE"], "bad_env"),
        (&["run", "-", "--stdin"], "bad_stdin"),
    ] {
        let output = cli.run(args);
        assert_exit(&output, 2);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.lines().count() == 1 && said.contains(&format!("[{code}]")), "{said}");
    }
}

#[test]
fn an_interrupt_ends_the_compiler_too() {
    let cli = Cli::new();
    let python = guest_path("python");
    let child = cli.command(&["run", python.to_str().unwrap()]).stderr(Stdio::piped()).spawn().unwrap();
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let began = std::time::Instant::now();
    let worker = loop {
        still_patient(began);
        let found = std::fs::read_to_string(&children).unwrap();
        if let Some(pid) = found.split_whitespace().next() {
            break pid.to_owned();
        }
        std::thread::yield_now();
    };
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_exit(&child.wait_with_output().unwrap(), 116);
    // A process that ended may still wait to be looked after.
    let alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        stat.contains("ringfence") && !stat.contains(") Z")
    };
    let start = std::time::Instant::now();
    while alive() {
        assert!(start.elapsed().as_secs() < 20, "the compiler goes on");
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupt_cancels_the_run() {
    let cli = Cli::new();
    let hello = guest_path("hello");
    let mut child = cli
        .command(&["run", hello.to_str().unwrap(), "--deadline-ms", "60000", "--", "x", "--sleep-ms", "60000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It runs once it has said hello.
    let mut first = [0; 1];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_exit(&output, 116);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cancelled"));
}

#[test]
fn calibrate_and_completions_answer() {
    let cli = Cli::new();
    let json: Value = serde_json::from_slice(&cli.run(&["calibrate", "--json"]).stdout).unwrap();
    assert!(json["fuel_per_second"].as_u64().unwrap() > 1_000_000);
    for shell in ["bash", "zsh", "fish"] {
        assert!(String::from_utf8_lossy(&cli.run(&["completions", shell]).stdout).contains("ringfence"));
    }
    for command in ["run", "inspect", "compile", "cache", "calibrate"] {
        let help = cli.run(&[command, "--help"]);
        assert_exit(&help, 0);
        assert!(String::from_utf8_lossy(&help.stdout).contains("Example"), "{command}");
    }
}
