use serde_json::json;

use super::Desk;
use super::desk::fails;
use crate::service::tar;
use crate::support::guest_path;

fn probe() -> String {
    guest_path("probe").to_str().unwrap().to_owned()
}

fn site(desk: &Desk) {
    desk.file("site/readme", "one\n");
    desk.file("site/src/code", "code\n");
    desk.file("site/.env", "A=1\n");
    desk.file("site/.gitignore", "ignored\n");
    desk.file("site/ignored", "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_on_a_server_is_made_shown_and_exported_as_one_here() {
    let desk = Desk::new().await;
    site(&desk);
    desk.file("keys/config", "aws_secret_access_key = \"wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz\"\n");
    let all: &[&[&str]] = &[
        &["workspace", "create", "w", "--from", "site"],
        &["workspace", "create", "w"],
        &["workspace", "create", "empty"],
        &["workspace", "create", "leaky", "--from", "keys"],
        &["workspace", "list"],
        &["workspace", "show", "w"],
    ];
    for args in all {
        let (here, there) = (desk.here(args), desk.there(args));
        assert_eq!(here.status.code(), there.status.code(), "{args:?}: {here:?} {there:?}");
        assert_eq!(String::from_utf8_lossy(&here.stdout), String::from_utf8_lossy(&there.stdout), "{args:?}");
        assert_eq!(String::from_utf8_lossy(&here.stderr), String::from_utf8_lossy(&there.stderr), "{args:?}");
    }
    for args in [&["workspace", "show", "w", "--json"][..], &["workspace", "list", "--json"]] {
        let here: serde_json::Value = serde_json::from_slice(&desk.here(args).stdout).unwrap();
        let mut there = desk.json(args);
        let record = |told: &serde_json::Value| match told.get("workspace") {
            Some(record) => record.clone(),
            None => told["workspaces"][1].clone(),
        };
        assert_eq!(record(&here)["tree"], record(&there)["tree"], "{args:?}");
        assert!(record(&there)["created"].is_u64(), "{there}");
        assert_eq!(here["entries"], there["entries"].take());
    }
    let same = |path: &str| std::fs::read_to_string(desk.path(path)).unwrap();
    let told = desk.ok(&["workspace", "export", "w", "--to", "out"]);
    assert_eq!(told, "3 files, 17B\n");
    assert_eq!((same("out/src/code"), same("out/.gitignore")), ("code\n".to_owned(), "ignored\n".to_owned()));
    assert!(!desk.path("out/.env").exists());
    desk.fails(&["workspace", "export", "w", "--to", "out"], 117, "[occupied]");
    for archive in ["out.tar", "out.tar.gz", "out.zip"] {
        desk.ok(&["workspace", "export", "w", "--to", archive]);
        let name = archive.replace('.', "-");
        // What a server sent is what this machine takes.
        assert!(desk.here(&["workspace", "create", &name, "--from", archive]).status.success());
        let entries = |name: &str| desk.here(&["workspace", "show", name]).stdout.split_off(2 + name.len());
        assert_eq!(entries(&name), entries("w"), "{archive}");
    }
    assert_eq!(desk.ok(&["workspace", "delete", "w"]), "w is gone\n");
    desk.fails(&["workspace", "show", "w"], 117, "[not_found]");
    // Where this machine keeps its own is not sent anywhere.
    desk.fails(&["workspace", "create", "own", "--from", "."], 117, "[special_file]");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_for_files_hold_in_a_run_on_a_workspace() {
    let desk = Desk::new().await;
    site(&desk);
    let probe = probe();
    desk.ok(&["workspace", "create", "w", "--from", "site"]);
    let run = |flags: &[&str], operations: &[&str]| {
        desk.there(&[&["run", &probe, "--workspace", "w"], flags, &["--"], operations].concat())
    };
    let operations = ["ls|.", "put|readme|x", "put|src/new|x"];
    let output = run(&["--fs-preset", "agent-safe", "--fs", "/src/**:write"], &operations);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok .gitignore,readme,src\nPERM\nok\n", "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let id = said.split_whitespace().find(|word| word.starts_with("sbx_")).unwrap().trim_end_matches(':').to_owned();
    assert!(said.contains(&format!("{id}: 1 added; see `ringfence diff {id}`")), "{said}");
    // The rules of the file, for the place that they name; nothing changes, so nothing is left.
    desk.file("rules", "preset view-only\n/readme:read\n");
    let output =
        run(&["--fs-rules", "rules", "--fs", "/workspace=/src/**:none"], &["read|readme", "ls|src", "put|a|x"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok one\n\nNOENT\nPERM\n", "{output:?}");
    let list = desk.json(&["workspace", "list", "--json"]);
    assert_eq!(list["drafts"].as_array().unwrap().len(), 1, "{list}");

    // The next run goes on in it; then it counts, and is gone.
    let place = format!("{id}::/elsewhere");
    desk.fails(&["run", &probe, "--draft", &place, "--", "ls|."], 2, "at /workspace");
    let more = desk.there(&["run", &probe, "--draft", &id, "--", "put|readme|x", "put|src/code|new"]);
    assert_eq!(String::from_utf8_lossy(&more.stdout), "PERM\nok\n", "the sandbox keeps its rules");
    assert!(desk.ok(&["diff"]).contains("M src/code  (5 → 3 bytes)"));
    let stat = desk.json(&["diff", &id, "--stat", "--json"]);
    assert_eq!((&stat["draft"], &stat["changes"][1]["path"]), (&json!(id), &json!("src/new")));
    assert!(stat["changes"][0].get("diff").is_none());
    assert_eq!(desk.ok(&["apply", &id, "src/new"]), format!("w: 1 added\n1 more in {id} still\n"));
    assert_eq!(desk.ok(&["apply", &id]), "w: 1 changed\n");
    desk.fails(&["diff", &id], 117, "[not_found]");
    // One that is refused, or that nobody wants, leaves none behind.
    fails(&desk.there(&["run", &probe, "--workspace", "w", "--call", "missing"]), 117, "[no_function]");
    let json = desk.json(&["run", &probe, "--workspace", "w", "--json", "--", "rm|readme"]);
    assert_eq!(json["draft"]["changes"][0]["change"], "removed");
    let id = json["draft"]["id"].as_str().unwrap();
    assert_eq!(desk.ok(&["discard", id]), format!("{id} is gone\n"));
    assert_eq!(desk.ok(&["sandbox", "list"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_from_its_making_to_its_end() {
    let desk = Desk::new().await;
    site(&desk);
    let probe = probe();
    desk.ok(&["workspace", "create", "w", "--from", "site"]);
    let create = ["sandbox", "create", "--workspace", "w::/w", "--label", "team=red", "--env", "A=b", "--json"];
    let made =
        desk.json(&[&create[..], &["--ttl-seconds", "600", "--limits", "small", "--fuel", "1000000000"]].concat());
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["at"], &made["limits"]["fuel"]), (&json!("/w"), &json!(1_000_000_000)));
    assert!(desk.ok(&["sandbox", "list", "--label", "team=red"]).starts_with(&format!("{id}  ready  w  until ")));
    assert_eq!(desk.ok(&["sandbox", "list", "--label", "team=blue"]), "");
    assert!(desk.ok(&["sandbox", "show", id]).contains("at: /w\n"));
    let more = ["sandbox", "create", "--ttl-seconds", "99999999"];
    fails(&desk.there(&more), 0, "ttl_seconds 99999999 → ");
    // No limit was named, so none is cut: those of the sandbox hold.
    let output = desk.there(&["sandbox", "run", id, &probe, "--", "append|readme|two\n", "put|new|x"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\nok\n");
    fails(&output, 0, "1 added, 1 changed");
    let hello = guest_path("hello");
    assert_eq!(desk.there(&["sandbox", "run", id, hello.to_str().unwrap(), "--", "--env"]).stdout, b"A=b\n");

    let files = |args: &[&str]| desk.ok(&[&["sandbox", "files"], args].concat());
    assert_eq!(files(&["list", id]), ".gitignore  8B\nnew  1B\nreadme  8B\nsrc/\n");
    assert_eq!(files(&["get", id, "readme"]), "one\ntwo\n");
    files(&["put", id, "deep/down", "--from", "site/readme"]);
    let put = desk.remote(&["sandbox", "files", "put", id, "deep/fed", "--from", "-"]);
    assert!(desk.fed(put, b"fed").status.success());
    assert_eq!(files(&["list", id, "deep"]), "deep/down  4B\ndeep/fed  3B\n");
    files(&["download", id, "deep", "--to", "deep.zip"]);
    files(&["upload", id, "copy", "--from", "deep.zip"]);
    assert_eq!(files(&["get", id, "copy/fed"]), "fed");
    files(&["download", id, "--to", "all"]);
    assert_eq!(std::fs::read_to_string(desk.path("all/copy/down")).unwrap(), "one\n");
    files(&["remove", id, "deep"]);
    desk.fails(&["sandbox", "files", "get", id, "deep/down"], 117, "[no_file]");
    desk.fails(&["sandbox", "files", "get", id, "../x"], 117, "[bad_path]");

    assert!(desk.ok(&["sandbox", "diff", id]).contains("\n one\n+two\n"));
    assert!(desk.ok(&["sandbox", "apply", id, "readme"]).contains("w: 1 changed"));
    assert_eq!(desk.ok(&["sandbox", "discard", id]), format!("{id}: its files are again what they were\n"));
    assert_eq!(desk.ok(&["sandbox", "diff", id]), "nothing changed\n");
    let until = |told: &serde_json::Value| told["expires"].as_str().unwrap().to_owned();
    let longer = desk.json(&["sandbox", "extend", id, "--ttl-seconds", "7200", "--json"]);
    assert!(until(&longer) > until(&made));
    assert!(desk.ok(&["sandbox", "stop", id]).contains("  stopped  "));
    desk.fails(&["sandbox", "run", id, &probe, "--", "ls|."], 117, "[wrong_state]");
    assert_eq!(desk.ok(&["sandbox", "destroy", id]), format!("{id} is gone\n"));
    desk.fails(&["sandbox", "show", id], 117, "[not_found]");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_files_are_listed_however_many_come_at_once() {
    let desk = Desk::new().await;
    let key = &desk.house.admin;
    let paths: Vec<String> = (0..1_003).map(|n| format!("d/{n:04}")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
    desk.house.put(key, "/v1/workspaces/w", tar(&files)).await.is(201);
    let sandbox = desk.house.sandbox(key).await;
    desk.house.put(key, &format!("{sandbox}/archive"), tar(&files)).await.is(204);
    let id = sandbox.trim_start_matches("/v1/sandboxes/");
    let listed = desk.ok(&["sandbox", "files", "list", id, "d"]);
    assert!(listed.starts_with("d/0000  0B\nd/0001  0B\n"), "{listed}");
    assert_eq!(listed.lines().count(), 1_003);
    let shown = desk.ok(&["workspace", "show", "w"]);
    assert!(shown.ends_with("d/1002  0B\n"), "{shown}");
    assert_eq!(shown.lines().count(), 1_005);
    assert_eq!(desk.json(&["workspace", "show", "w", "--json"]).get("next"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_workspaces_are_listed_however_many_a_page_has() {
    let desk = Desk::with(&[("http.page", "2")]).await;
    for name in ["a", "b", "c", "d", "e"] {
        desk.ok(&["workspace", "create", name]);
    }
    let told = desk.json(&["workspace", "list", "--json"]);
    let names: Vec<_> = told["workspaces"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}
