//! Commands of the machine as runs of the service: the same door, files, limits and records as those of components have.

use serde_json::{Value, json};

use super::House;
use super::child::Served;
use super::life::tar;
use super::proven::{events as records, one};
use super::runs::events;
use crate::backends::world::{gone, here, there};

/// A service that offers the process backend, where this machine has it.
async fn offering(more: &[(&str, &str)]) -> Option<House> {
    here().await?;
    Some(House::with(&[&[("backends.allowed", "wasm,process")], more].concat()).await)
}

/// A command, with room to run in.
fn native(command: &[&str]) -> Value {
    json!({"backend": "process", "command": command, "limits": roomy()})
}

fn roomy() -> Value {
    json!({"deadline_ms": 10_000, "memory_bytes": 512 << 20})
}

fn with(mut body: Value, more: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    body
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_command_is_a_run_as_any_other_and_says_what_its_fence_was_worth() {
    let Some(house) = offering(&[]).await else { return };
    let key = &house.admin;
    let body = native(&["sh", "-c", "cat; printf %s \"$WORD\"; printf oops >&2; exit 7"]);
    let more =
        json!({"stdin": "in, ", "env": {"WORD": "out"}, "labels": {"team": "red"}, "require": ["network", "files"]});
    let run = house.post(key, "/v1/runs", with(body, more)).await.is(200);
    assert_eq!(run["outcome"], json!({"kind": "exited", "code": 7}));
    assert_eq!((&run["stdout"]["text"], &run["stderr"]["text"]), (&json!("in, out"), &json!("oops")));
    assert_eq!((&run["backend"], &run["command"], run.get("component")), (&json!("process"), &json!("sh"), None));
    let fence = &run["fence"];
    assert_eq!(fence["required"], json!(["files", "network"]));
    assert!(
        names(&fence["not_held"]).contains(&"fuel") && names(&fence["partly"]).contains(&"memory_bytes"),
        "{fence}"
    );
    assert_eq!((&run["usage"]["fuel"], &run["limits"]["deadline_ms"]), (&json!(0), &json!(10_000)));
    // In the history it is the same, and events are told from there.
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    assert_eq!(house.get(key, &path).await.is(200), run);
    let listed = &house.get(key, "/v1/runs?label=team=red").await.is(200)["runs"][0];
    assert_eq!((&listed["backend"], listed.get("component")), (&json!("process"), None));
    let told = events(std::str::from_utf8(&house.get(key, &format!("{path}/events")).await.bytes).unwrap());
    assert_eq!(told[told.len() - 2].2["fence"], *fence);
    // What is ours is told as well, where something was required of it.
    let hello = house.submit(key, "hello").await;
    let ours = house.post(key, "/v1/runs", json!({"component": hello, "require": ["fuel"]})).await.is(200);
    assert_eq!(ours["backend"], "wasm");
    assert_eq!(ours["fence"], json!({"required": ["fuel"], "partly": [], "not_held": []}));
    let ours = house.post(key, "/v1/runs", json!({"component": hello})).await.is(200);
    assert_eq!(ours.get("fence"), None);
}

#[tokio::test]
async fn its_output_comes_as_it_is_written_and_it_ends_when_it_is_cancelled() {
    let Some(house) = offering(&[]).await else { return };
    let key = &house.admin;
    let mark = "4104.25";
    let body = native(&["sh", "-c", "echo first; exec sleep $0", mark]);
    let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("accept", "text/event-stream");
    let mut live = request.json(&body).send().await.unwrap();
    let mut text = String::new();
    while !text.contains("first") {
        text += std::str::from_utf8(&live.chunk().await.unwrap().expect("more comes")).unwrap();
    }
    there(mark).await;
    let id = events(&text)[0].2["id"].as_str().unwrap().to_owned();
    house.post(key, &format!("/v1/runs/{id}/cancel"), json!({})).await.is(202);
    while let Some(chunk) = live.chunk().await.unwrap() {
        text += std::str::from_utf8(&chunk).unwrap();
    }
    let all = events(&text);
    assert_eq!(all[all.len() - 2].2["outcome"]["kind"], "cancelled", "{text}");
    gone(mark).await;
    // The same of one that goes on by itself; and of one whose caller goes away.
    let mark = "4104.5";
    let body = with(native(&["sleep", mark]), json!({"async": true}));
    let id = house.post(key, "/v1/runs", body).await.is(202)["id"].as_str().unwrap().to_owned();
    there(mark).await;
    assert_eq!(house.get(key, "/v1/runs?state=running").await.is(200)["runs"][0]["id"], id.as_str());
    house.post(key, &format!("/v1/runs/{id}/cancel"), json!({})).await.is(202);
    house.get(key, &format!("/v1/runs/{id}/events")).await;
    assert_eq!(house.get(key, &format!("/v1/runs/{id}")).await.is(200)["outcome"]["kind"], "cancelled");
    let mark = "4104.75";
    let waiting =
        tokio::spawn(house.ask("POST", "/v1/runs").header("x-api-key", key).json(&native(&["sleep", mark])).send());
    there(mark).await;
    waiting.abort();
    gone(mark).await;
}

#[tokio::test]
async fn its_limits_are_those_of_any_run_as_far_as_they_are_held() {
    let Some(house) = offering(&[]).await else { return };
    let key = &house.admin;
    let ask = async |command: &[&str], limits: Value| {
        let body = with(native(command), json!({"limits": with(roomy(), limits)}));
        house.post(key, "/v1/runs", body).await.is(200)["outcome"].clone()
    };
    let late = ask(&["sleep", "600"], json!({"deadline_ms": 300})).await;
    assert_eq!((&late["kind"], &late["limit_ms"]), (&json!("deadline_exceeded"), &json!(300)));
    let loud = ask(&["cat", "/dev/zero"], json!({"stdout_bytes": 1000})).await;
    assert_eq!((&loud["kind"], &loud["limit"]), (&json!("limit_exceeded"), &json!("stdout_bytes")));
    let full = ask(&["sh", "-c", "exec cat /dev/zero > /tmp/x"], json!({"written_bytes": 1 << 20})).await;
    assert_eq!((&full["kind"], &full["limit"]), (&json!("limit_exceeded"), &json!("written_bytes")));
    let long = ask(&["true", &"x".repeat(5_000)], json!({"args_bytes": 4_096})).await;
    assert_eq!((&long["kind"], &long["limit"]), (&json!("limit_exceeded"), &json!("args_bytes")));
    // The ceilings of a tenant cut it, and where a limit is not held, nothing was taken.
    let mut ceilings = serde_json::to_value(ringfence::model::Ceilings::ordinary()).unwrap();
    (ceilings["limits"]["deadline_ms"], ceilings["limits"]["fuel"]) = (json!(700), json!(1_000));
    let body = json!({"id": "small", "admin": "boss", "ceilings": ceilings});
    let small = house.post(key, "/v1/tenants", body).await.is(201)["secret"].as_str().unwrap().to_owned();
    let body = json!({"backend": "process", "command": ["true"], "limits": {"preset": "medium", "deadline_ms": 5_000}});
    let run = house.post(&small, "/v1/runs", body).await.is(200);
    assert_eq!(run["limits"]["deadline_ms"], 700);
    let cut: Vec<&str> = run["cut"].as_array().unwrap().iter().map(|cut| cut["what"].as_str().unwrap()).collect();
    assert!(cut.contains(&"deadline_ms") && !cut.contains(&"fuel"), "{cut:?}");
}

/// The four levels hold in the files of a sandbox, and what it wrote there is a draft as that of any run.
#[tokio::test]
async fn its_files_are_those_of_a_workspace_under_the_same_rules() {
    let Some(house) = offering(&[]).await else { return };
    let key = &house.admin;
    let files = [("a", "one\n"), ("fixed", "as it is\n"), ("hidden/key", "secret\n"), ("listed", "no words\n")];
    house.put(key, "/v1/workspaces/site", tar(&files)).await.is(201);
    let rules = ["/**:write", "/hidden/**:none", "/listed:view", "/fixed:read"];
    let body = json!({"workspace": "site", "rules": rules, "limits": roomy()});
    let sandbox = house.post(key, "/v1/sandboxes", body).await.is(201);
    let at = format!("/v1/sandboxes/{}", sandbox["id"].as_str().unwrap());
    let script =
        "wc -l /workspace/a; ls -A; cat listed hidden/key; cat fixed; echo two >> a; echo new > b; rm -f fixed";
    let body = json!({"backend": "process", "command": ["sh", "-c", script]});
    let run = house.post(key, &format!("{at}/runs"), body.clone()).await.is(200);
    let out = run["stdout"]["text"].as_str().unwrap();
    assert_eq!(out, "1 /workspace/a\na\nfixed\nlisted\nas it is\n", "{run}");
    assert!(!run["stderr"]["text"].as_str().unwrap().contains("secret"), "{run}");
    let diff = house.get(key, &format!("{at}/diff")).await.is(200);
    let changed: Vec<&str> = names_of(&diff["changes"], "path");
    assert_eq!(changed, ["a", "b"], "{diff}");
    house.post(key, &format!("{at}/apply"), json!({"paths": ["a"]})).await.is(200);
    let (a, fixed) = (format!("{at}/files?path=a"), format!("{at}/files?path=fixed"));
    assert_eq!(house.get(key, &a).await.bytes, b"one\ntwo\n");
    assert_eq!(house.get(key, &fixed).await.bytes, b"as it is\n");
    // One that has them for itself leaves nothing.
    let alone = with(body.clone(), json!({"workspace": "site", "rules": rules, "limits": roomy()}));
    let run = house.post(key, "/v1/runs", alone).await.is(200);
    assert!(run["stdout"]["text"].as_str().unwrap().starts_with("2 /workspace/a\n"), "{run}");
    let kept = house.get(key, "/v1/workspaces/site").await.is(200);
    let bytes: usize = files.iter().map(|(_, text)| text.len()).sum::<usize>() + "two\n".len();
    assert_eq!(kept["workspace"]["bytes"], bytes);
    // What cannot be given to it is told by the names that its caller knows.
    let within = json!({"workspace": "site", "at": "/etc", "backend": "process", "command": ["true"]});
    let refused = house.post(key, "/v1/runs", within).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "dir_unavailable"));
    house.post(key, &format!("{at}/stop"), json!({})).await.is(200);
    assert_eq!(house.post(key, &format!("{at}/runs"), body).await.code(), "wrong_state");
}

fn names_of<'a>(list: &'a Value, what: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|one| one[what].as_str().unwrap()).collect()
}

/// What a tenant may keep is taken before the command writes, and counted when it has.
#[tokio::test]
async fn what_it_keeps_counts_as_storage() {
    let Some(house) = offering(&[]).await else { return };
    let key = house.tenant_with("small", &[("storage_bytes", 1 << 20)]).await;
    let made =
        house.post(&key, "/v1/sandboxes", json!({"limits": {"deadline_ms": 9_000, "written_bytes": 1 << 20}})).await;
    let runs = format!("/v1/sandboxes/{}/runs", made.is(201)["id"].as_str().unwrap());
    let write = |kib: u32, name: &str| {
        let script = format!("head -c {}k /dev/zero > {name}", kib);
        json!({"backend": "process", "command": ["sh", "-c", script], "limits": {"memory_bytes": 64 << 20}})
    };
    let run = house.post(&key, &runs, write(700, "first")).await.is(200);
    assert_eq!(run["outcome"], json!({"kind": "exited", "code": 0}), "{run}");
    let run = house.post(&key, &runs, write(700, "second")).await.is(200);
    assert_eq!(
        (&run["outcome"]["kind"], &run["outcome"]["limit"]),
        (&json!("limit_exceeded"), &json!("written_bytes"))
    );
    // What it may replace has to have room as well: a workspace that fills what there is can be read, and not rewritten.
    let key = house.tenant("full").await;
    house.put(&key, "/v1/workspaces/site", tar(&[("a", &"x".repeat(700 << 10))])).await.is(201);
    let less = json!({"ceilings": {"storage_bytes": 1 << 20}});
    house.with_json(&house.admin, "PATCH", "/v1/tenants/full", less).await.is(200);
    let body = |rules: &str| json!({"backend": "process", "command": ["wc", "-c", "a"], "workspace": "site", "rules": [rules], "limits": roomy()});
    let refused = house.post(&key, "/v1/runs", body("/**:write")).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "storage_full"));
    let run = house.post(&key, "/v1/runs", body("/**:read")).await.is(200);
    assert_eq!(run["stdout"]["text"], "716800 a\n");
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name_and_so_is_what_is_not_there() {
    let house = House::new().await;
    let key = &house.admin;
    let refused = house.post(key, "/v1/runs", json!({"backend": "process", "command": ["true"]})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "backend_not_allowed"));
    assert_eq!(refused.json()["field"], "backend");
    let sandbox = house.sandbox(key).await;
    let there = house.post(key, &format!("{sandbox}/runs"), json!({"backend": "process", "command": ["true"]})).await;
    assert_eq!(there.code(), "backend_not_allowed");
    let unknown = house.post(key, "/v1/runs", json!({"backend": "vm", "command": ["true"]})).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (422, "no_backend"));
    let told = house.get(key, "/v1/backends").await.is(200);
    assert_eq!(names_of(&told["backends"], "backend"), ["wasm"]);
    assert!(told["backends"][0]["claims"].as_array().unwrap().iter().all(|claim| claim["holds"] == "yes"));
    let viewer = house.person("looks", &["viewer"]).await;
    assert_eq!(house.get(&viewer, "/v1/backends").await.code(), "denied");
    assert_eq!(house.get(key, "/v1/runs").await.is(200)["runs"], json!([]), "nothing was begun");
    // What makes the fence is no such program here.
    let house = House::with_worker(&[("backends.allowed", "wasm,process")], "/bin/false").await;
    let key = &house.admin;
    let told = house.get(key, "/v1/backends").await.is(200);
    let process = &told["backends"][1];
    assert_eq!(
        (&process["backend"], &process["available"], &process["claims"]),
        (&json!("process"), &json!(false), &json!([]))
    );
    assert!(process["reason"].as_str().is_some_and(|why| !why.is_empty()), "{process}");
    let refused = house.post(key, "/v1/runs", json!({"backend": "process", "command": ["true"]})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "backend_unavailable"));
    assert_eq!(house.get(key, "/v1/runs").await.is(200)["runs"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_had_of_a_fence_is_refused_by_name_before_anything_runs() {
    let Some(house) = offering(&[]).await else { return };
    let key = &house.admin;
    let hello = house.submit(key, "hello").await;
    let native = |more: Value| with(json!({"backend": "process", "command": ["true"]}), more);
    let untimed = house.post(key, "/v1/sandboxes", json!({"clocks": false})).await.is(201);
    let untimed = format!("/v1/sandboxes/{}/runs", untimed["id"].as_str().unwrap());
    let runs = "/v1/runs".to_owned();
    for (path, body, code, field) in [
        (&runs, native(json!({"require": ["memory_bytes"]})), "not_enforced", "require"),
        (&runs, native(json!({"require": ["magic"]})), "unknown_requirement", "require"),
        (&runs, json!({"component": hello, "require": ["magic"]}), "unknown_requirement", "require"),
        (&runs, native(json!({"limits": {"fuel": 1_000}})), "not_enforced", "limits.fuel"),
        (&runs, native(json!({"limits": {"entries_read": 9}})), "not_enforced", "limits.entries_read"),
        (&runs, native(json!({"clocks": false})), "not_enforced", "clocks"),
        (&runs, native(json!({"randomness": false})), "not_enforced", "randomness"),
        (&untimed, native(json!({})), "not_enforced", "clocks"),
        (&runs, native(json!({"component": hello})), "wrong_program", "component"),
        (&runs, native(json!({"function": "f"})), "wrong_program", "function"),
        (&runs, json!({"component": hello, "backend": "process"}), "wrong_program", "component"),
        (&runs, json!({"backend": "process"}), "invalid", "command"),
        (&runs, native(json!({"command": []})), "invalid", "command"),
        (&runs, native(json!({"command": ["true", "a\0b"]})), "invalid", "command[1]"),
        (&runs, native(json!({"deterministic": {"seed": 1}})), "invalid", "deterministic"),
        (&runs, json!({"command": ["true"]}), "invalid", "component"),
        (&runs, native(json!({"backend": "wasm"})), "invalid", "component"),
    ] {
        let refused = house.post(key, path, body.clone()).await;
        assert_eq!((refused.status, refused.code().as_str()), (422, code), "{body}");
        assert_eq!(refused.json()["field"], field, "{body}");
    }
    assert_eq!(house.get(key, "/v1/runs").await.is(200)["runs"], json!([]), "nothing was begun");
    // What only the machine can say is the end of a run that was begun.
    let missing = house.post(key, "/v1/runs", native(json!({"command": ["no-such-command"]}))).await;
    assert_eq!((missing.status, missing.code().as_str()), (422, "command_unavailable"));
    let failed = &house.get(key, "/v1/runs?outcome=failed").await.is(200)["runs"][0];
    let failed = house.get(key, &format!("/v1/runs/{}", failed["id"].as_str().unwrap())).await.is(200);
    assert_eq!(
        (&failed["failure"]["code"], &failed["command"]),
        (&json!("command_unavailable"), &json!("no-such-command"))
    );
}

#[tokio::test]
async fn policies_tell_backends_apart_and_another_tenant_sees_nothing() {
    let Some(house) = offering(&[]).await else { return };
    let (ours, theirs) = (house.tenant("ours").await, house.tenant("theirs").await);
    let run = house.post(&ours, "/v1/runs", native(&["true"])).await.is(200);
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/events")), ("POST", format!("{path}/cancel"))]
    {
        let reply = House::send(house.ask(method, &path).header("x-api-key", &theirs)).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
    let text = "@id(\"only-ours\") forbid (principal, action in [Action::\"runs:create\", Action::\"sandboxes:run\"], resource) \
                when { context has wants && context.wants.backend != \"wasm\" };";
    house.with_json(&ours, "PUT", "/v1/policies/fences", json!({"text": text})).await.is(200);
    let sandbox = house.sandbox(&ours).await;
    for at in ["/v1/runs".to_owned(), format!("{sandbox}/runs")] {
        let refused = house.post(&ours, &at, native(&["true"])).await;
        assert_eq!((refused.status, refused.code().as_str()), (403, "denied"), "{at}");
    }
    let hello = house.submit(&ours, "hello").await;
    house.post(&ours, "/v1/runs", json!({"component": hello})).await.is(200);
    house.post(&theirs, "/v1/runs", native(&["true"])).await.is(200);
    for (backend, allowed) in [("process", false), ("wasm", true)] {
        let ask = json!({"action": "runs:create", "wants": {"backend": backend}});
        let told = house.post(&ours, "/v1/policy-explain", ask).await.is(200);
        assert_eq!(told["allowed"], allowed, "{told}");
        assert_eq!(told["policies"].to_string().contains("only-ours"), !allowed, "{told}");
    }
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_the_command_ran_once() {
    let Some(house) = offering(&[]).await else { return };
    let key = &house.admin;
    let sandbox = house.sandbox(key).await;
    let ask = async |word: &str| {
        let body = with(native(&["sh", "-c", "echo ran >> log; cat log", word]), json!({"limits": {}}));
        let request = house.ask("POST", &format!("{sandbox}/runs")).header("x-api-key", key);
        House::send(request.header("idempotency-key", "one").json(&body)).await
    };
    let first = ask("x").await.is(200);
    assert_eq!(first["stdout"]["text"], "ran\n", "{first}");
    assert_eq!(ask("x").await.is(200), first);
    assert_eq!(ask("y").await.code(), "idempotency_mismatch");
    assert_eq!(house.get(key, &format!("{sandbox}/files?path=log")).await.bytes, b"ran\n");
}

#[tokio::test]
async fn a_stop_of_the_service_ends_its_whole_tree_and_says_so() {
    let Some(mut house) = offering(&[("runs.grace_ms", "1")]).await else { return };
    let key = house.admin.clone();
    let (one, two) = ("4105.25", "4105.5");
    let body = with(native(&["sh", "-c", "setsid sleep $0 & sleep $1", one, two]), json!({"async": true}));
    let id =
        house.post(&key, "/v1/runs", with(body, json!({"limits": {"deadline_ms": 60_000, "preset": "medium"}}))).await;
    let id = id.is(202)["id"].as_str().unwrap().to_owned();
    there(one).await;
    there(two).await;
    house.stop().await;
    gone(one).await;
    gone(two).await;
    let house = house.again(&[("backends.allowed", "wasm,process")]).await;
    let run = house.get(&key, &format!("/v1/runs/{id}")).await.is(200);
    assert_eq!(
        (&run["state"], &run["outcome"]["kind"], &run["backend"]),
        (&json!("ended"), &json!("cancelled"), &json!("process"))
    );
}

#[tokio::test]
async fn it_is_recorded_with_its_fence_and_without_its_arguments() {
    let Some(house) = offering(&[]).await else { return };
    let key = &house.admin;
    let body = native(&["sh", "-c", "echo secret-output", "secret-argument\n"]);
    let more = json!({"require": ["network"], "env": {"TOKEN": "secret-variable"}, "stdin": "secret-input"});
    let run = house.post(key, "/v1/runs", with(body, more)).await.is(200);
    let all = records(&house, key, &format!("resource={}", run["id"].as_str().unwrap())).await;
    let (started, ended) = (one(&all, "command_started"), one(&all, "command_executed"));
    for record in [started, ended] {
        assert_eq!((&record["details"]["backend"], &record["details"]["command"]), (&json!("process"), &json!("sh")));
        assert_eq!(record["details"].get("component"), None, "{record}");
    }
    assert_eq!(started["details"]["fence"], run["fence"]);
    assert_eq!(
        (&started["details"]["grants"]["env"], &started["details"]["stdin"]["bytes"]),
        (&json!(["TOKEN"]), &json!(12))
    );
    assert!(started["details"]["arguments"]["digest"].as_str().unwrap().starts_with("sha256:"), "{started}");
    assert_eq!((&ended["details"]["outcome"], &ended["details"]["code"]), (&json!("exited"), &json!(0)));
    assert!(!json!(all).to_string().contains("secret"), "{all:#?}");
    // A name is cut and written out as all words of callers are.
    let name = format!("/\u{1b}[2J{}", "x".repeat(3_000));
    house.post(key, "/v1/runs", json!({"backend": "process", "command": [name]})).await;
    let all = records(&house, key, "event=command_started").await;
    let told = all[all.len() - 1]["details"]["command"].as_str().unwrap();
    assert!(told.starts_with("/\\u{1b}[2J") && told.len() <= 1_024, "{told}");
}

/// It takes the place of a run, and its time is counted where others' fuel is.
#[tokio::test]
async fn it_counts_as_a_run_against_what_the_tenant_may_have() {
    let Some(house) = offering(&[]).await else { return };
    let key = house.tenant_with("one", &[("concurrent_runs", 1)]).await;
    let hello = house.submit(&key, "hello").await;
    let mark = "4106.25";
    let id = house.post(&key, "/v1/runs", with(native(&["sleep", mark]), json!({"async": true}))).await.is(202)["id"]
        .clone();
    there(mark).await;
    assert_eq!(house.post(&key, "/v1/runs", json!({"component": hello})).await.code(), "too_many_runs");
    assert_eq!(house.post(&key, "/v1/runs", native(&["true"])).await.code(), "too_many_runs");
    house.post(&key, &format!("/v1/runs/{}/cancel", id.as_str().unwrap()), json!({})).await.is(202);
    gone(mark).await;
    // Half a second of a processor in a minute.
    let key = house.tenant_with("slow", &[("fuel_per_minute", 500_000_000)]).await;
    let run = house.post(&key, "/v1/runs", native(&["sh", "-c", "while :; do :; done"])).await.is(200);
    let cut = run["cut"].as_array().unwrap().iter().find(|cut| cut["what"] == "deadline_ms").unwrap();
    assert_eq!((&cut["asked"], &cut["given"], &cut["by"]), (&json!(10_000), &json!(500), &json!("tenant")));
    assert_eq!(run["outcome"]["kind"], "deadline_exceeded");
    assert!(run["usage"]["cpu_us"].as_u64().unwrap() > 0, "{run}");
}

/// Wherever it was started, and also if it goes down in the middle: what the fence is made of is a process of another folder.
#[tokio::test]
async fn a_service_of_a_folder_named_from_within_runs_commands_and_takes_them_along_when_it_is_killed() {
    if here().await.is_none() {
        return;
    }
    let (dir, settings) = (tempfile::tempdir().unwrap(), [("backends.allowed", "wasm,process")]);
    let service = Served::start_within(dir.path(), &settings);
    let key = service.first_key.clone().unwrap();
    let runs = format!("/v1/sandboxes/{}/runs", service.sandbox(&key).await);
    let body = json!({"backend": "process", "command": ["sh", "-c", "echo text > file; pwd"]});
    assert_eq!(service.post(&key, &runs, body).await.is(200)["stdout"]["text"], "/workspace\n");
    let mark = "4107.25";
    let id = service.post(&key, "/v1/runs", with(native(&["sleep", mark]), json!({"async": true}))).await.is(202)["id"]
        .clone();
    there(mark).await;
    service.signal_kill();
    drop(service);
    gone(mark).await;
    let service = Served::start_within(dir.path(), &settings);
    let run = service.get(&key, &format!("/v1/runs/{}", id.as_str().unwrap())).await.is(200);
    assert_eq!((&run["failure"]["code"], &run["backend"]), (&json!("service_stopped"), &json!("process")));
    service.stop();
}
