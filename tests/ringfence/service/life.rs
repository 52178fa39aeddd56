use serde_json::json;

use super::House;

#[tokio::test]
async fn files_live_across_runs_and_count_when_they_are_applied() {
    let house = House::new().await;
    let key = &house.admin;
    let probe = house.submit(key, "probe").await;
    let archive = tar(&[(".env", "SECRET=1\n"), ("readme", "one\n")]);
    let request = house.ask("PUT", "/v1/workspaces/site").header("x-api-key", key).body(archive);
    let made = House::send(request).await.is(201);
    assert_eq!((&made["workspace"]["files"], &made["left_out"][0]["path"]), (&json!(1), &json!(".env")));
    // In the words of those who ask over HTTP.
    let because = made["left_out"][0]["because"].as_str().unwrap();
    assert!(because.contains("?with_secrets=true") && !because.contains("--"), "{because}");
    let body = json!({"workspace": "site", "preset": "development", "labels": {"team": "red"}});
    let sandbox = house.post(key, "/v1/sandboxes", body).await.is(201);
    let at = format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    let run_at = format!("{at}/runs");
    let run = |operations: &[&str]| house.post(key, &run_at, json!({"component": probe, "command": operations}));
    assert_eq!(run(&["append|readme|two\n", "put|new|x"]).await.is(200)["stdout"]["text"], "ok\nok\n");
    let second = run(&["read|readme", "put|.env|x"]).await.is(200);
    assert_eq!(second["stdout"]["text"], "ok one\ntwo\n\nNOENT\n");
    assert_eq!(second["denials"][0]["path"], "/workspace/.env");
    let diff = house.get(key, &format!("{at}/diff")).await.is(200);
    assert_eq!(diff["changes"].as_array().unwrap().len(), 2);
    assert_eq!(house.post(key, &format!("{at}/apply"), json!({"paths": ["readme"]})).await.is(200)["left"], 1);
    let tree = house.get(key, "/v1/workspaces/site").await.is(200);
    assert_eq!(tree["workspace"]["bytes"], 8);
    house.post(key, &format!("{at}/discard"), json!({})).await.is(204);
    assert_eq!(house.get(key, &format!("{at}/diff")).await.is(200)["changes"], json!([]));
    assert_eq!(run(&["read|readme", "read|new"]).await.is(200)["stdout"]["text"], "ok one\ntwo\n\nNOENT\n");
    // From outside: write, read, list, an archive in and out, remove.
    let file =
        |method: &str, path: &str| house.ask(method, &format!("{at}/files?path={path}")).header("x-api-key", key);
    House::send(file("PUT", "deep/down/file").body("content")).await.is(204);
    assert_eq!(House::send(file("GET", "deep/down/file")).await.bytes, b"content");
    let archive = House::send(house.ask("GET", &format!("{at}/archive?path=deep")).header("x-api-key", key)).await;
    assert_eq!(archive.kind, "application/x-tar");
    let request = house.ask("PUT", &format!("{at}/archive?path=copy")).header("x-api-key", key).body(archive.bytes);
    House::send(request).await.is(204);
    assert_eq!(House::send(file("GET", "copy/down/file")).await.bytes, b"content");
    House::send(file("DELETE", "deep")).await.is(204);
    assert_eq!(House::send(file("GET", "deep/down/file")).await.code(), "no_file");
    for bad in ["../x", "a/../../x", "copy", "%00"] {
        assert_eq!(House::send(file("GET", bad)).await.code(), "bad_path", "{bad}");
    }
    house.post(key, &format!("{at}/stop"), json!({})).await.is(200);
    let refused = run(&["ls|."]).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "wrong_state"));
    assert_eq!(house.get(key, "/v1/sandboxes?label=team=red").await.is(200)["sandboxes"].as_array().unwrap().len(), 1);
    assert_eq!(house.get(key, "/v1/sandboxes?label=team=blue").await.is(200)["sandboxes"], json!([]));
    house.delete(key, &at).await.is(204);
    assert_eq!(house.get(key, &at).await.code(), "not_found");
    house.delete(key, "/v1/workspaces/site").await.is(204);
}

/// Files of a workspace for one run: nothing of them stays, and nobody finds them.
#[tokio::test]
async fn a_run_works_on_a_workspace_and_leaves_it_as_it_was() {
    let house = House::new().await;
    let key = &house.admin;
    let probe = house.submit(key, "probe").await;
    house.put(key, "/v1/workspaces/site", tar(&[("readme", "one\n")])).await.is(201);
    let before = house.get(key, "/v1/workspaces/site").await.is(200);
    let drafts = || {
        let folder = house.dir.path().join("data/drafts");
        std::fs::read_dir(folder).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    };
    let operations = ["read|readme", "append|readme|two\n", "read|readme", "put|new|x"];
    let body = json!({"component": probe, "command": operations, "workspace": "site"});
    for _ in 0..2 {
        let run = house.post(key, "/v1/runs", body.clone()).await.is(200);
        assert_eq!(run["stdout"]["text"], "ok one\n\nok\nok one\ntwo\n\nok\n");
        // It is thrown away before anybody hears of the end.
        assert_eq!(drafts(), 0);
    }
    assert_eq!(house.get(key, "/v1/workspaces/site").await.is(200), before);
    assert_eq!(house.get(key, "/v1/sandboxes").await.is(200)["sandboxes"], json!([]));
    let body = json!({"component": probe, "command": ["put|new|x"], "workspace": "site", "preset": "read-only"});
    assert_ne!(house.post(key, "/v1/runs", body).await.is(200)["stdout"]["text"], "ok\n");
    // Who may not read it does not work on it either, and what has no files has no rules.
    let sandbox = house.sandbox(key).await;
    for (path, more, status, field) in [
        ("/v1/runs".to_owned(), json!({"workspace": "other"}), 404, None),
        ("/v1/runs".to_owned(), json!({"rules": ["**:write"]}), 422, Some("rules")),
        (format!("{sandbox}/runs"), json!({"workspace": "site"}), 422, Some("workspace")),
    ] {
        let mut body = json!({"component": probe});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = house.post(key, &path, body).await;
        assert_eq!(reply.status, status, "{path} {more}");
        if let Some(field) = field {
            assert_eq!(reply.json()["field"], field);
        }
    }
    assert_eq!(drafts(), 1, "that of the sandbox");
}

/// A guest makes a link, and whoever reads from outside does not follow it.
#[tokio::test]
async fn links_of_guests_are_not_followed_from_outside() {
    let house = House::new().await;
    let key = &house.admin;
    let probe = house.submit(key, "probe").await;
    let sandbox = house.post(key, "/v1/sandboxes", json!({})).await.is(201);
    let at = format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    let body = json!({"component": probe, "command": ["mkdir|d", "put|d/f|x", "sym|d|link", "sym|d/f|file"]});
    assert_eq!(house.post(key, &format!("{at}/runs"), body).await.is(200)["stdout"]["text"], "ok\nok\nok\nok\n");
    for path in ["file", "link/f"] {
        assert_eq!(house.get(key, &format!("{at}/files?path={path}")).await.code(), "bad_path", "{path}");
    }
    let apply = house.post(key, &format!("{at}/apply"), json!({})).await;
    assert_eq!((apply.status, apply.code().as_str()), (422, "no_workspace"));
}

#[tokio::test]
async fn an_expired_sandbox_is_gone_also_after_a_restart() {
    let house = House::new().await;
    let key = house.admin.clone();
    let short = house.post(&key, "/v1/sandboxes", json!({"ttl_seconds": 1})).await.is(201);
    let long = house.post(&key, "/v1/sandboxes", json!({"ttl_seconds": 600})).await.is(201);
    let of = |sandbox: &serde_json::Value| format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    let drafts = house.dir.path().join("data/drafts");
    while house.get(&key, &of(&short)).await.status == 200 {
        tokio::task::yield_now().await;
    }
    let house = house.again(&[]).await;
    assert_eq!(house.get(&key, &of(&short)).await.code(), "not_found");
    house.get(&key, &of(&long)).await.is(200);
    assert_eq!(std::fs::read_dir(drafts).unwrap().count(), 1, "the storage of the one that is gone is gone");
}

/// Whatever runs at work may still spend is nobody else's, in whichever minute they spend it.
#[tokio::test]
async fn a06_ten_runs_at_once_share_the_fuel_of_a_minute() {
    const MOST: u64 = 1_000_000_000_000_000;
    const ASKED: u64 = 300_000_000_000_000;
    let house = House::new().await;
    let boss = house.tenant("small").await;
    let mut ceilings = ringfence::model::Ceilings { fuel_per_minute: MOST, ..ringfence::model::Ceilings::ordinary() };
    (ceilings.limits.fuel, ceilings.limits.deadline_ms) = (MOST, 600_000);
    house.with_json(&house.admin, "PATCH", "/v1/tenants/small", json!({"ceilings": ceilings})).await.is(200);
    let endless = "(module (func (export \"_start\") (loop (br 0))))";
    let request = house.ask("POST", "/v1/components").header("x-api-key", &boss).body(endless);
    let digest = House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned();
    let limits = json!({"preset": "medium", "fuel": ASKED, "deadline_ms": 600_000});
    let body = json!({"component": digest, "async": true, "limits": limits});
    let run = || house.post(&boss, "/v1/runs", body.clone());
    let mut cuts = Vec::new();
    for reply in futures_util::future::join_all((0..10).map(|_| run())).await {
        if reply.status == 202 {
            cuts.push(reply.json()["cut"].clone());
        } else {
            assert_eq!((reply.status, reply.code().as_str()), (429, "too_much_fuel_a_minute"));
            assert_eq!(reply.headers["retry-after"], "1");
        }
    }
    // Three get all that they ask for, the fourth what is left, and is told so.
    let told = json!([{"what": "fuel", "asked": ASKED, "given": MOST - 3 * ASKED, "by": "tenant"}]);
    assert_eq!((cuts.len(), cuts.iter().filter(|cut| **cut == told).count()), (4, 1), "{cuts:?}");
    let running = || async { house.get(&boss, "/v1/runs?state=running").await.is(200)["runs"].take() };
    for run in running().await.as_array().unwrap() {
        let id = run["id"].as_str().unwrap();
        house.post(&boss, &format!("/v1/runs/{id}/cancel"), json!({})).await.is(202);
    }
    while running().await != json!([]) {
        tokio::task::yield_now().await;
    }
    // What was not spent is there again.
    let again = run().await.is(202);
    assert!(again.get("cut").is_none_or(|cut| *cut == json!([])), "{again}");
}

pub fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = ringfence::workspace::archive::TarWriter::new(Vec::new());
    for (path, text) in files {
        tar.file(path, false, text.len() as u64, &mut text.as_bytes()).unwrap();
    }
    tar.finish().unwrap()
}

#[tokio::test]
async fn files_are_where_the_document_says_that_they_can_be_and_nowhere_else() {
    let house = House::new().await;
    let document = House::send(house.ask("GET", "/openapi.json")).await.is(200);
    for body in ["SandboxBody", "RunBody"] {
        let at = &document["components"]["schemas"][body]["properties"]["at"];
        assert_eq!((&at["pattern"], &at["maxLength"]), (&json!("^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"), &json!(255)));
    }
    let digest = house.submit(&house.admin, "hello").await;
    house.put(&house.admin, "/v1/workspaces/site", "").await.is(201);
    let run = |at: &str| json!({"component": digest, "workspace": "site", "at": at});
    let long = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
    for good in ["/w", "/workspace", "/a.b/C-d/_e", &long(255)] {
        let made = house.post(&house.admin, "/v1/sandboxes", json!({"at": good})).await.is(201);
        assert_eq!(made["at"], good);
        house.post(&house.admin, "/v1/runs", run(good)).await.is(200);
    }
    for bad in ["", "/", "w", "/w/", "//w", "/.", "/w/..", "/.w", "/w w", "/w\n", "/ä", "/w\0", &long(256)] {
        for (path, body) in [("/v1/sandboxes", json!({"at": bad})), ("/v1/runs", run(bad))] {
            let refused = house.post(&house.admin, path, body).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"), "{path} {bad:?}");
            assert_eq!(refused.json()["field"], "at", "{path} {bad:?}");
        }
    }
}
