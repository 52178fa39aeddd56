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
    // Code may begin as an option does, where it is none; and an option that was misspelt is not run as code.
    assert_eq!(cli.says(&["exec", "python", "-7 // 2", "--value"], 0).0, "-4\n");
    assert_eq!(cli.says(&["exec", "python", "--value", "-1"], 0).0, "-1\n");
    for word in ["--vlaue", "-x", "--deadlin-ms=5"] {
        let (_, said) = cli.says(&["exec", "python", word], 2);
        assert!(said.contains("there is no option") && said.contains("--file") && said.lines().count() == 1, "{said}");
    }
    let (printed, said) = cli.says(&["exec", "python", "import sys\nsys.excepthook = print\n1/0"], 1);
    assert!(printed.starts_with("<class 'ZeroDivisionError'>") && said.is_empty(), "{printed}{said}");
    let args = ["exec", "python", "sum(prices)", "--var", "prices=[1, 2, 3]", "--value"];
    assert_eq!(cli.says(&args, 0).0, "6\n");
    // Numbers are what was written, whatever other programs make of large ones.
    let large = ["exec", "python", "n + 1", "--var", "n=[1]", "--var", "n=18446744073709551616", "--value"];
    assert_eq!(cli.says(&large, 0).0, "18446744073709551617\n");
    let told = cli.says(&["exec", "python", "{'a': [2 ** 70, 1.5]}", "--json"], 0).0;
    let told: Value = serde_json::from_str(&told.replace("1180591620717411303424", "7")).unwrap();
    assert_eq!(told["outcome"]["answer"]["value"]["json"], json!({"a": [7, 1.5]}));
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
async fn exec_gives_code_functions_of_programs_to_call() {
    let cli = Cli::new().await;
    let types = guest_path("types");
    let add = format!("add={}#add", types.display());
    let code = "from ringfence import tools\nprint(tools.add(a=40, b=2))";
    assert_eq!(cli.says(&["exec", "python", code, "--tool", &add], 0), ("42\n".into(), String::new()));
    let checked = format!("checked={}#echo-result", types.display());
    let code = "try { tools.checked({ v: { err: 'no' } }) } catch (error) { console.log(error.code, tools.add({ a: 1, b: 2 })) }";
    let args = ["exec", "javascript", code, "--tool", &add, "--tool", &checked];
    assert_eq!(cli.says(&args, 0).0, "failed 3\n");
    let (_, said) = cli.says(&["exec", "python", "tools", "--tool", &add, "--tool", &add], 2);
    assert!(said.contains("two tools have this name") && said.contains("[bad_tool]"), "{said}");
    let nothing = format!("x={}#nothing", types.display());
    let (_, said) = cli.says(&["exec", "python", "1", "--tool", &nothing], 117);
    assert!(said.contains("[no_function]"), "{said}");
    let digest = format!("x=sha256:{}#f", "0".repeat(64));
    assert!(cli.says(&["exec", "python", "1", "--tool", &digest], 2).1.contains("add --server"));
    assert!(cli.says(&["exec", "python", "1", "--tool", "x=y"], 2).1.contains("NAME=PROGRAM#FUNCTION"));
    cli.says(&["exec", "python", "1", "--tool", &add, "--deterministic"], 2);
    let code = "from ringfence import tools\nwhile True: tools.add(a=1, b=2)";
    let (_, said) = cli.says(&["exec", "python", code, "--tool", &add, "--tool-calls", "3"], 114);
    assert!(said.contains("tool_calls") || said.contains("--tool-calls"), "{said}");
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
    // A card that is damaged is told, is in nobody's way, and goes as it says.
    let card = cli.0.path().join("runtimes/javascript.json");
    std::fs::write(&card, "").unwrap();
    let (listed, said) = cli.says(&["runtime", "list"], 0);
    assert!(listed.contains("python") && said.contains("[runtime_changed]"), "{listed}{said}");
    cli.says(&["runtime", "add", "other", js.to_str().unwrap()], 0);
    cli.says(&["runtime", "add", "javascript", js.to_str().unwrap()], 117);
    cli.says(&["exec", "javascript", "1"], 118);
    cli.says(&["runtime", "remove", "javascript"], 0);
    assert!(!card.exists());
    cli.says(&["runtime", "remove", "javascript"], 117);
    let (_, said) = cli.says(&["runtime", "show", "Not A Name"], 2);
    assert!(said.contains("is no name of a runtime"), "{said}");
}

#[tokio::test]
async fn snapshots_are_created_and_told_why_not() {
    let cli = Cli::new().await;
    let file = |name: &str, text: &str| {
        let path = cli.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let setup = file("setup.js", "console.log('once', rate); const tax = n => n * rate");
    let create = ["snapshot", "create", "--from", "javascript", "--name", "shop", "--var", "rate=2", "--setup", &setup];
    let (printed, said) = cli.says(&create, 0);
    assert!(
        printed.starts_with("name    shop\ndigest  sha256:") && printed.contains("from    javascript"),
        "{printed}"
    );
    assert_eq!(said, "once 2\n");
    assert_eq!(cli.says(&["exec", "shop", "console.log(tax(21))"], 0), ("42\n".into(), String::new()));
    let (_, said) = cli.says(&create, 117);
    assert!(said.contains("[runtime_exists]") && said.lines().count() == 1, "{said}");
    let told = |language: &str, code: &str, more: &[&str], exit: i32| {
        let setup = file("other", code);
        let args = ["snapshot", "create", "--from", language, "--name", "other", "--setup", &setup];
        cli.says(&[&args, more].concat(), exit)
    };
    let (_, said) = told("python", "import sys; sys.exit(3)", &[], 3);
    assert!(said.contains("exited with 3: no snapshot was made [setup_ended]") && said.lines().count() == 1, "{said}");
    let folder = format!("{}::/workspace", cli.0.path().display());
    let told_json: Value = serde_json::from_str(&told("javascript", "1", &["--json"], 0).0).unwrap();
    assert_eq!(
        (told_json["runtime"]["name"].as_str(), told_json["runtime"]["from"].as_str()),
        (Some("other"), Some("javascript"))
    );
    assert_eq!(told_json["outcome"]["kind"], "answered");
    cli.says(&["runtime", "remove", "other"], 0);
    let (_, said) = told("javascript", "let n = 1\nnull.x", &[], 1);
    assert!(said.contains("TypeError") && said.contains("other:2"), "{said}");
    let told_json: Value = serde_json::from_str(&told("javascript", "null.x", &["--json"], 1).0).unwrap();
    assert_eq!(told_json["runtime"], Value::Null);
    let (_, said) = told("javascript", "for (;;);", &["--deadline-ms", "200"], 112);
    assert!(said.contains("--deadline-ms") && said.lines().count() == 1, "{said}");
    let (_, said) = told("python", "import os; os._exit(0)", &[], 117);
    assert!(said.contains("[setup_ended]"), "{said}");
    let (_, said) = told("python", "notes = open('other')", &["--dir", &folder], 117);
    assert!(
        said.contains("a file is open: /workspace/other")
            && said.contains("[not_at_rest]")
            && said.lines().count() == 1,
        "{said}"
    );
    let large = "const kept = new Uint8Array(8 << 20).fill(1)";
    let (_, said) = told("javascript", large, &["--module-bytes", "50MiB", "--json"], 0);
    assert_eq!(said, "");
    cli.says(&["runtime", "remove", "other"], 0);
    let (_, said) = told("javascript", large, &["--module-bytes", "5MiB"], 117);
    assert!(said.contains("[too_large]"), "{said}");
    cli.says(&["exec", "other", "1"], 117);
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
    let told = there(&["exec", "python", "[n, 2 ** 70]", "--var", "n=123456789012345678901", "--json"]);
    let digits: String = told.1.split_whitespace().collect();
    assert!(digits.contains(r#""json":[123456789012345678901,1180591620717411303424]"#), "{told:?}");
    let (code, printed, said) = there(&["exec", "javascript", "console.log(1); null.x", "--value"]);
    assert_eq!((code, printed.as_str()), (Some(1), "1\n"));
    assert!(said.contains("TypeError"), "{said}");
    let told = there(&["exec", "python", "open('a.txt').read()", "--workspace", "w", "--value"]);
    assert_eq!(told, (Some(0), "'milk'\n".into(), String::new()));
    // A program that the server does not know is submitted.
    let add = format!("add={}#add", guest_path("types").display());
    let code = "from ringfence import tools\nprint(tools.add(a=40, b=2))";
    for _ in 0..2 {
        assert_eq!(there(&["exec", "python", code, "--tool", &add]), (Some(0), "42\n".into(), String::new()));
    }
    let unknown = format!("x=sha256:{}#f", "0".repeat(64));
    let (code, _, said) = there(&["exec", "python", "1", "--tool", &unknown]);
    assert!(code == Some(117) && said.contains("[no_component]"), "{code:?}: {said}");
    let (code, _, said) = there(&["exec", "ruby", "1"]);
    assert!(code == Some(117) && said.contains("there are javascript, python"), "{code:?}: {said}");
}
