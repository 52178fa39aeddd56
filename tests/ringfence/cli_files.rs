//! Rules and workspaces on the command line, as a person would use them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{WORKER, guest_path};

struct Cli {
    dir: tempfile::TempDir,
}

impl Cli {
    fn new() -> Self {
        let cli = Self { dir: tempfile::tempdir().unwrap() };
        for (path, text) in [("site/readme", "one\n"), ("site/src/code", "code\n"), ("site/.env", "A=1\n")] {
            let path = cli.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        cli
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(WORKER);
        command.args(args).current_dir(self.dir.path()).env("HOME", self.dir.path());
        command.env("RINGFENCE_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli-code"));
        command.env_remove("RINGFENCE_DATA_DIR").env_remove("XDG_DATA_HOME").output().unwrap()
    }

    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn fails(&self, args: &[&str], code: i32, words: &str) {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{args:?}: {said}");
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }
}

fn probe() -> String {
    guest_path("probe").to_str().unwrap().to_owned()
}

#[test]
fn rules_hold_for_each_folder_or_for_one() {
    let cli = Cli::new();
    let probe = probe();
    let run = |flags: &[&str], operations: &[&str]| {
        let mut args = vec!["run", probe.as_str(), "--dir", "site::/a"];
        args.extend(flags);
        args.push("--");
        args.extend(operations);
        cli.ok(&args)
    };
    assert_eq!(run(&[], &["ls|.", "read|.env"]), "ok .env,readme,src\nok A=1\n\n");
    assert_eq!(
        run(&["--fs-preset", "agent-safe"], &["ls|.", "read|.env", "put|readme|x"]),
        "ok readme,src\nNOENT\nPERM\n"
    );
    let own = ["--fs-preset", "agent-safe", "--fs", "/src/**:write"];
    assert_eq!(run(&own, &["put|src/code|new", "put|src/.env|x"]), "ok\nNOENT\n");
    assert_eq!(run(&["--fs", "/src/**:read"], &["ls|.", "read|readme"]), "ok src\nNOENT\n");
    // Another folder's rule does not concern this one; and `:ro` caps what the rules say.
    let two = ["--dir", "site/src::/b:ro", "--fs", "/b=/**:none", "--fs", "/**:write"];
    assert_eq!(run(&two, &["ls|."]), "ok .env,readme,src\n");
    let capped = cli.ok(&["run", &probe, "--dir", "site::/a:ro", "--fs", "/**:write", "--", "put|readme|x"]);
    assert_eq!(capped, "PERM\n");
    std::fs::write(cli.path("rules"), "preset view-only\n/readme:read\n").unwrap();
    assert_eq!(run(&["--fs-rules", "rules"], &["read|readme", "read|src/code"]), "ok one\n\nPERM\n");
    assert_eq!(std::fs::read_to_string(cli.path("site/readme")).unwrap(), "one\n");
    cli.fails(&["run", &probe, "--fs", "/a:read", "--", "ls|."], 2, "--dir HOST::GUEST");
    // A mode of another tool is no part of a name, and one of ours is told.
    for (dir, mode) in
        [("site::/tmp:rw", ":rw"), ("site::/tmp:z", ":z"), ("site::/a:ro,Z", ":ro,Z"), ("site::/a:rw:ro", ":rw")]
    {
        cli.fails(&["run", &probe, "--dir", dir, "--", "ls|."], 2, &format!("`{mode}` is no mode here"));
        cli.fails(&["run", &probe, "--dir", dir, "--", "ls|."], 2, ":ro to only read");
    }
    assert_eq!(cli.ok(&["run", &probe, "--dir", "site::/a:b", "--", "read|readme"]), "ok one\n\n");
    cli.fails(&["run", &probe, "--dir", "site::/a", "--fs", "/a:wrong", "--", "ls|."], 2, "none, view, read or write");
    std::fs::write(cli.path("rules"), "/a:read\n/b\n").unwrap();
    cli.fails(&["run", &probe, "--dir", "site::/a", "--fs-rules", "rules", "--", "ls|."], 2, "line 2");
    cli.fails(&["run", &probe, "--dir", "site::/a", "--fs-preset", "none", "--", "ls|."], 2, "agent-safe");
}

#[test]
fn rules_are_explained() {
    let cli = Cli::new();
    std::fs::write(cli.path("rules"), "preset agent-safe\n/src/**:write\n").unwrap();
    let told = cli.ok(&["fs", "explain", "--rules", "rules", "/src/.env"]);
    assert!(told.starts_with("/src/.env: none\ndecided by  **/.env/:none,priority=100,any-case\n"), "{told}");
    assert!(told.contains("beaten      /src/**:write  (a lower priority)"), "{told}");
    let json = cli.json(&["fs", "explain", "--preset", "read-only", "--rule", "/x:write", "/x", "--json"]);
    assert_eq!((json["level"].as_str(), json["winner"]["pattern"].as_str()), (Some("write"), Some("/x")));
    assert!(cli.ok(&["fs", "presets"]).contains("view-only:\n  /**:view,priority=-100"));
    std::fs::write(cli.path("bad"), b"/a:read\n/\xff:read\n").unwrap();
    cli.fails(&["fs", "explain", "--rules", "bad", "/x"], 2, "bad: line 2: this is no text");
    std::fs::write(cli.path("bad"), format!("/a:read\n{}", "#\n".repeat(1 << 20))).unwrap();
    cli.fails(&["fs", "explain", "--rules", "bad", "/x"], 2, "bad: line 524286: this is where the rules get longer");
    cli.fails(&["fs", "explain", "--rules", "missing", "/x"], 2, "missing");
    cli.fails(&["fs", "explain", "--rules", "rules", "--preset", "read-only", "/x"], 2, "preset already");
}

#[test]
fn a_workspace_from_its_making_to_its_end() {
    let cli = Cli::new();
    let probe = probe();
    let made = cli.ok(&["workspace", "create", "w", "--from", "site"]);
    assert!(made.starts_with("w: 2 files, 9B\nleft out  .env"), "{made}");
    // Several files, each as it is; none twice, and no folder among them.
    std::fs::create_dir(cli.path("more")).unwrap();
    std::fs::write(cli.path("more/b"), "b").unwrap();
    std::fs::write(cli.path("a"), "a").unwrap();
    assert_eq!(cli.ok(&["workspace", "create", "two", "--from", "a", "--from", "more/b"]), "two: 2 files, 2B\n");
    let said = cli.ok(&["run", &probe, "--workspace", "two", "--", "read|b"]);
    assert!(said.starts_with("ok b\n"), "{said}");
    std::fs::write(cli.path("more/a"), "b").unwrap();
    cli.fails(&["workspace", "create", "x", "--from", "a", "--from", "more/a"], 117, "same name");
    cli.fails(&["workspace", "create", "x", "--from", "a", "--from", "more"], 117, "[special_file]");
    cli.fails(&["workspace", "create", "w"], 117, "[workspace_exists]");
    cli.fails(&["workspace", "create", "NOT A NAME"], 2, "is no name");
    cli.fails(&["diff"], 2, "[no_draft]");
    cli.fails(&["run", &probe, "--workspace", "nobody", "--", "ls|."], 117, "[no_workspace]");
    // Nothing changed: no draft is left.
    assert_eq!(cli.ok(&["run", &probe, "--workspace", "w", "--", "ls|."]), "ok readme,src\n");
    assert_eq!(cli.json(&["workspace", "list", "--json"])["drafts"].as_array().unwrap().len(), 0);

    let output = cli.run(&["run", &probe, "--workspace", "w::/", "--", "append|readme|two\n", "put|new|x"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 added, 1 changed; see `ringfence diff draft-"), "{said}");
    let diff = cli.ok(&["diff"]);
    assert!(diff.contains("M readme  (4 → 8 bytes)") && diff.contains("\n one\n+two\n"), "{diff}");
    assert!(!cli.ok(&["diff", "--stat"]).contains("+two"));
    let id = cli.json(&["diff", "--json"])["draft"].as_str().unwrap().to_owned();
    cli.fails(&["workspace", "delete", "w"], 117, "[has_drafts]");
    assert!(cli.ok(&["apply", &id, "new"]).contains("1 more in draft-"));
    assert_eq!(cli.ok(&["apply", &id]), "w: 1 changed\n");
    cli.ok(&["workspace", "export", "w", "--to", "out"]);
    assert_eq!(std::fs::read_to_string(cli.path("out/readme")).unwrap(), "one\ntwo\n");
    assert_eq!(std::fs::read_to_string(cli.path("site/readme")).unwrap(), "one\n");
    for archive in ["out.tar", "out.zip"] {
        cli.ok(&["workspace", "export", "w", "--to", archive]);
        let name = archive.replace('.', "-");
        cli.ok(&["workspace", "create", &name, "--from", archive]);
    }
    let json = cli.json(&[
        "run",
        &probe,
        "--workspace",
        "w",
        "--json",
        "--fs-preset",
        "agent-safe",
        "--",
        "put|other|x",
        "put|new|y",
    ]);
    assert_eq!(json["denials"][0]["path"], "/workspace/other");
    assert_eq!(json["draft"], Value::Null);
    let json = cli.json(&["run", &probe, "--workspace", "w", "--json", "--", "rm|new"]);
    assert_eq!(json["draft"]["changes"][0]["change"], "removed");
    // Another run goes on where the first one ended, and leaves the draft there even if it changes nothing back.
    let id = json["draft"]["id"].as_str().unwrap();
    let place = format!("{id}::/w");
    assert_eq!(cli.ok(&["run", &probe, "--draft", &place, "--", "ls|.", "put|again|z"]), "ok readme,src\nok\n");
    let json = cli.json(&["run", &probe, "--draft", id, "--json", "--", "rm|again"]);
    assert_eq!(json["draft"]["changes"].as_array().unwrap().len(), 1);
    cli.fails(&["run", &probe, "--draft", "draft-0", "--", "ls|."], 117, "[no_draft]");
    cli.fails(&["run", &probe, "--draft", id, "--workspace", "w", "--", "ls|."], 2, "--workspace");
    cli.ok(&["discard", id]);
    cli.ok(&["workspace", "delete", "w"]);
    cli.fails(&["workspace", "show", "w"], 117, "[no_workspace]");
}
