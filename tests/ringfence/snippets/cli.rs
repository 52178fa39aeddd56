use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::shelved;
use crate::service::{House, tar};
use crate::support::{WORKER, guest_path};

struct Cli(tempfile::TempDir);

impl Cli {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        shelved(dir.path()).await;
        Self(dir)
    }

    fn command(&self, args: &[&str]) -> Command {
        let code = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("code");
        let mut command = Command::new(WORKER);
        command.args(args).env_clear().env("HOME", self.0.path()).env("RINGFENCE_DATA_DIR", self.0.path());
        command.env("RINGFENCE_CACHE_DIR", code).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    fn says(&self, args: &[&str], code: i32) -> (String, String) {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

#[tokio::test]
async fn exec_prints_what_the_snippet_prints_and_exits_as_it_does() {
    let cli = Cli::new().await;
    assert_eq!(cli.says(&["exec", "python", "print(1 + 1)"], 0), ("2\n".into(), String::new()));
    assert_eq!(cli.says(&["exec", "javascript", "console.log(2 ** 10)"], 0), ("1024\n".into(), String::new()));
    assert_eq!(cli.says(&["exec", "python", "import sys; sys.exit(9)"], 9), (String::new(), String::new()));
    let (printed, said) = cli.says(&["exec", "python", "print('first')\n1/0"], 1);
    assert_eq!(printed, "first\n");
    assert!(said.ends_with("ZeroDivisionError: division by zero\n") && said.contains("line 2, in <module>"), "{said}");
    let args = ["exec", "python", "sum(prices)", "--var", "prices=[1, 2, 3]", "--value"];
    assert_eq!(cli.says(&args, 0).0, "6\n");
    let file = cli.0.path().join("report.py");
    std::fs::write(&file, "import sys\nprint(sys.argv[1:])\nraise ValueError('late')").unwrap();
    let (printed, said) = cli.says(&["exec", "python", "--file", file.to_str().unwrap(), "--", "-x", "1"], 1);
    assert_eq!(printed, "['-x', '1']\n");
    assert!(said.contains("File \"report.py\", line 3"), "{said}");
    let (_, said) = cli.says(&["exec", "python", "while True: pass", "--deadline-ms", "200"], 112);
    assert!(said.contains("--deadline-ms") && said.lines().count() == 1, "{said}");
    let told: Value = serde_json::from_str(&cli.says(&["exec", "python", "[1]", "--json"], 0).0).unwrap();
    assert_eq!(told["outcome"]["kind"], "answered");
    assert_eq!(told["outcome"]["answer"]["value"], json!({"text": "[1]", "json": [1]}));
}

#[tokio::test]
async fn runtimes_are_added_listed_shown_and_removed() {
    let cli = Cli::new().await;
    let listed: Value = serde_json::from_str(&cli.says(&["runtime", "list", "--json"], 0).0).unwrap();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["javascript", "python"]);
    let (_, said) = cli.says(&["exec", "ruby", "1"], 117);
    assert!(said.contains("there are javascript, python") && said.contains("[no_such_runtime]"), "{said}");
    let js = guest_path("javascript-runtime");
    let (_, said) = cli.says(&["runtime", "add", "javascript", js.to_str().unwrap()], 117);
    assert!(said.contains("[runtime_exists]"), "{said}");
    let (_, said) = cli.says(&["runtime", "add", "hello", guest_path("hello").to_str().unwrap()], 117);
    assert!(said.contains("no language runtime") && said.contains("[no_runtime]"), "{said}");
    assert!(cli.says(&["runtime", "show", "javascript"], 0).0.contains("digest  sha256:"));
    cli.says(&["runtime", "remove", "javascript"], 0);
    cli.says(&["exec", "javascript", "1"], 117);
    cli.says(&["runtime", "add", "javascript", js.to_str().unwrap()], 0);
    // Somebody put another program in its place: nothing of it is run.
    std::fs::copy(guest_path("hello"), cli.0.path().join("runtimes/javascript.wasm")).unwrap();
    let (_, said) = cli.says(&["exec", "javascript", "1"], 118);
    assert!(said.contains("[runtime_changed]"), "{said}");
    let (_, said) = cli.says(&["runtime", "show", "Not A Name"], 2);
    assert!(said.contains("is no name of a runtime"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_speaks_to_a_server_too() {
    let house = House::new().await;
    shelved(&house.dir.path().join("data")).await;
    let cli = Cli(tempfile::tempdir().unwrap());
    house.put(&house.admin, "/v1/workspaces/w", tar(&[("a.txt", "milk")])).await.is(201);
    let there = |args: &[&str]| {
        let mut command = cli.command(args);
        command.env("RINGFENCE_SERVER", &house.url).env("RINGFENCE_API_KEY", &house.admin);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let told = there(&["exec", "python", "print(x)\nsys = __import__('sys'); sys.exit(3)", "--var", "x=[1]"]);
    assert_eq!(told, (Some(3), "[1]\n".into(), String::new()));
    let (code, printed, said) = there(&["exec", "javascript", "console.log(1); null.x", "--value"]);
    assert_eq!((code, printed.as_str()), (Some(1), "1\n"));
    assert!(said.contains("TypeError"), "{said}");
    let told = there(&["exec", "python", "open('a.txt').read()", "--workspace", "w", "--value"]);
    assert_eq!(told, (Some(0), "'milk'\n".into(), String::new()));
    let (code, _, said) = there(&["exec", "ruby", "1"]);
    assert!(code == Some(117) && said.contains("there are javascript, python"), "{code:?}: {said}");
}
