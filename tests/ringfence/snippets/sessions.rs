use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::shelved;
use crate::service::{House, Reply};

/// A house with both runtimes, and a sandbox of its administrator that is large enough for them.
pub(super) async fn house(set: &[(&str, &str)]) -> (House, String) {
    let house = House::with(set).await;
    shelved(&house.dir.path().join("data")).await;
    let sandbox = sandbox(&house, &house.admin).await;
    (house, sandbox)
}

pub(super) async fn sandbox(house: &House, key: &str) -> String {
    let made = house.post(key, "/v1/sandboxes", json!({"limits": {"preset": "medium"}, "env": {"TEAM": "red"}})).await;
    made.is(201)["id"].as_str().unwrap().to_owned()
}

pub(super) async fn session(house: &House, language: &str, sandbox: &str) -> String {
    let made = house.post(&house.admin, "/v1/sessions", json!({"language": language, "sandbox": sandbox})).await;
    made.is(201)["id"].as_str().unwrap().to_owned()
}

async fn ask(house: &House, key: &str, session: &str, body: Value) -> Reply {
    house.post(key, &format!("/v1/sessions/{session}/execute"), body).await
}

pub(super) async fn call(house: &House, session: &str, code: &str) -> Value {
    ask(house, &house.admin, session, json!({"code": code})).await.is(200)
}

pub(super) async fn show(house: &House, session: &str) -> Value {
    house.get(&house.admin, &format!("/v1/sessions/{session}")).await.is(200)
}

pub(super) fn value(run: &Value) -> &Value {
    assert_eq!(run["outcome"]["kind"], "answered", "{run}");
    &run["outcome"]["answer"]["value"]["json"]
}

/// Begins a call that does not end by itself, and waits until it is at work in the guest.
async fn begun(house: &House, session: &str, code: &str) -> String {
    let body = json!({"code": code, "async": true, "limits": {"deadline_ms": 600_000, "fuel": 1_000_000_000_000_u64}});
    let run = ask(house, &house.admin, session, body).await.is(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(show(house, session).await["state"], "busy");
    run
}

async fn over(house: &House, run: &str) -> Value {
    loop {
        let told = house.get(&house.admin, &format!("/v1/runs/{run}")).await.is(200);
        if told["state"] == "ended" {
            return told;
        }
        tokio::task::yield_now().await;
    }
}

/// All that can be done with a session, where there are runtimes; one is left to itself.
pub(crate) async fn lived(house: &House) {
    let sandbox = sandbox(house, &house.admin).await;
    let one = session(house, "javascript", &sandbox).await;
    call(house, &one, "1").await;
    for (verb, body) in [("interrupt", json!({})), ("restart", json!({})), ("fork", json!({"count": 1}))] {
        let done = house.post(&house.admin, &format!("/v1/sessions/{one}/{verb}"), body).await;
        assert!(done.status < 300, "{verb}: {done:?}");
    }
    house.post(&house.admin, &format!("/v1/sessions/{one}/fork"), json!({"count": 0})).await.is(422);
    house.delete(&house.admin, &format!("/v1/sessions/{one}")).await.is(204);
}

#[tokio::test]
async fn a_session_keeps_what_was_done_in_it_from_call_to_call() {
    let (house, sandbox) = house(&[]).await;
    let python = session(&house, "python", &sandbox).await;
    call(&house, &python, "import json as j, os\ndef twice(n): return n * 2\nns = [1, 2]").await;
    let run = call(&house, &python, "ns.append(twice(3))\nprint('hi')\n[ns, os.environ['TEAM'], j.dumps(1)]").await;
    assert_eq!(value(&run), &json!([[1, 2, 6], "red", "1"]));
    assert_eq!(
        (&run["stdout"]["text"], &run["session"], &run["sandbox"]),
        (&json!("hi\n"), &json!(python), &json!(sandbox))
    );
    assert_eq!(run["outcome"]["answer"]["count"], 2);
    // The last value, and an error that loses nothing.
    assert_eq!(value(&call(&house, &python, "_[1]").await), "red");
    // What a snippet calls so itself stays.
    call(&house, &python, "_ = len\n41").await;
    assert_eq!(value(&call(&house, &python, "_('abc')").await), 3);
    let failed = call(&house, &python, "gone = 1\nns.missing").await;
    assert_eq!(failed["outcome"]["answer"]["error"]["line"], 2);
    assert_eq!(value(&call(&house, &python, "[gone, len(ns)]").await), &json!([1, 3]));
    // Its own input for each call, its own variables and arguments.
    let body = json!({"code": "import sys\n[sys.stdin.read(), x, sys.argv[1:]]", "stdin": "one", "variables": {"x": 1}, "args": ["a"]});
    assert_eq!(value(&ask(&house, &house.admin, &python, body).await.is(200)), &json!(["one", 1, ["a"]]));
    let body = json!({"code": "[sys.stdin.read(), x, sys.argv[1:]]", "stdin": "two"});
    assert_eq!(value(&ask(&house, &house.admin, &python, body).await.is(200)), &json!(["two", 1, []]));
    let javascript = session(&house, "javascript", &sandbox).await;
    call(&house, &javascript, "let n = 1; const twice = n => n * 2; class A {}").await;
    assert_eq!(value(&call(&house, &javascript, "n += 1; twice(n) + (new A() instanceof A ? 1 : 0)").await), 5);
    let listed = house.get(&house.admin, &format!("/v1/sessions?sandbox={sandbox}")).await.is(200);
    let told = |at: usize| (listed["sessions"][at]["id"].clone(), listed["sessions"][at]["calls"].clone());
    assert_eq!((told(0), told(1)), ((json!(python), json!(9)), (json!(javascript), json!(2))));
    assert!(listed["sessions"][0]["memory_bytes"].as_u64().unwrap() > 8 << 20, "{listed}");
}

#[tokio::test]
async fn what_is_due_at_the_end_of_a_process_is_not_done_between_calls() {
    let (house, sandbox) = house(&[]).await;
    let id = session(&house, "python", &sandbox).await;
    let code = "import atexit\nseen = []\natexit.register(seen.append, 'exit')\n\
                class A:\n    def __del__(self): seen.append('gone')\na = A()\n1";
    assert_eq!(value(&call(&house, &id, code).await), &json!(1));
    let code = "[seen, type(a).__name__]";
    assert_eq!(value(&call(&house, &id, code).await), &json!([[], "A"]));
    assert_eq!(value(&call(&house, &id, "a = None\nseen").await), &json!(["gone"]));
}

#[tokio::test]
async fn files_of_a_session_are_those_of_its_sandbox_and_stay_when_it_ends() {
    let (house, sandbox) = house(&[]).await;
    let python = session(&house, "python", &sandbox).await;
    call(&house, &python, "f = open('kept.txt', 'w'); f.write('milk'); f.flush()").await;
    let read = format!("/v1/sandboxes/{sandbox}/files?path=kept.txt");
    assert_eq!(house.get(&house.admin, &read).await.bytes, b"milk");
    let javascript = session(&house, "javascript", &sandbox).await;
    let run = call(&house, &javascript, "require('fs').readFileSync('/workspace/kept.txt', 'utf8')").await;
    assert_eq!(value(&run), "milk");
    // What it has open would be written to after it became the workspace's.
    for verb in ["apply", "discard"] {
        let refused = house.post(&house.admin, &format!("/v1/sandboxes/{sandbox}/{verb}"), json!({})).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "has_sessions"));
    }
    call(&house, &python, "f.write(', eggs'); f.close()").await;
    for session in [&python, &javascript] {
        house.delete(&house.admin, &format!("/v1/sessions/{session}")).await.is(204);
        assert_eq!(house.get(&house.admin, &format!("/v1/sessions/{session}")).await.status, 404);
    }
    assert_eq!(house.get(&house.admin, &read).await.bytes, b"milk, eggs");
    house.post(&house.admin, &format!("/v1/sandboxes/{sandbox}/discard"), json!({})).await.is(204);
}

/// C05: what ends an interpreter ends that session and no other, and says so.
#[tokio::test]
async fn c05_an_outcome_that_ends_the_interpreter_is_told_until_it_is_restarted() {
    let (house, sandbox) = house(&[]).await;
    let other = session(&house, "python", &sandbox).await;
    call(&house, &other, "mine = 1").await;
    for (code, limits, kind) in [
        ("while True: pass", json!({"fuel": 100_000_000}), "out_of_fuel"),
        ("import time; time.sleep(60)", json!({"deadline_ms": 50}), "deadline_exceeded"),
        ("print('x' * 1000)", json!({"stdout_bytes": 10}), "limit_exceeded"),
        ("import os; os._exit(3)", json!({}), "exited"),
    ] {
        let session = session(&house, "python", &sandbox).await;
        call(&house, &session, "kept = 1").await;
        let run = ask(&house, &house.admin, &session, json!({"code": code, "limits": limits})).await.is(200);
        assert_eq!(run["outcome"]["kind"], kind, "{run}");
        let told = show(&house, &session).await;
        assert_eq!((&told["state"], &told["run"], &told["outcome"]), (&json!("ended"), &run["id"], &json!(kind)));
        let refused = ask(&house, &house.admin, &session, json!({"code": "kept"})).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "session_ended"));
        assert!(refused.json()["detail"].as_str().unwrap().contains("restart"), "{refused:?}");
        let path = format!("/v1/sessions/{session}/restart");
        let again = house.post(&house.admin, &path, json!({})).await.is(200);
        assert_eq!((&again["state"], &again["calls"]), (&json!("idle"), &json!(0)));
        let fresh = call(&house, &session, "kept").await;
        assert_eq!(fresh["outcome"]["answer"]["error"]["name"], "NameError", "nothing of before is there");
    }
    // What was refused before the interpreter was asked costs nothing.
    let long = json!({"code": "x".repeat(2000), "limits": {"args_bytes": 1000}});
    assert_eq!(ask(&house, &house.admin, &other, long).await.is(200)["outcome"]["kind"], "limit_exceeded");
    assert_eq!(value(&call(&house, &other, "mine").await), 1);
    assert_eq!(value(&call(&house, &other, "import sys\ntry: sys.exit(4)\nfinally: pass").await), &Value::Null);
    assert_eq!(value(&call(&house, &other, "mine").await), 1, "a code of its own is no end of the interpreter");
}

/// C05: one call at a time; an interrupt ends the code and not the interpreter, where the code hears it.
#[tokio::test]
async fn c05_a_second_call_is_refused_and_an_interrupt_keeps_the_state() {
    let (house, sandbox) = house(&[]).await;
    let loops = [
        ("python", "import time\nn = 1\nwhile True: time.sleep(0.01)", "n", "KeyboardInterrupt"),
        ("javascript", "var n = 1; for (;;) {}", "n", "Interrupted"),
        ("javascript", "import fs from 'fs'; var n = 1; for (;;) {}", "n", "Interrupted"),
        (
            "javascript",
            "var n = 1; (async () => { try { await n; for (;;); } finally { n = 2 } })(); 5",
            "n",
            "Interrupted",
        ),
        // What is left of them among promises ends as well, so that the next call is none of theirs.
        ("javascript", "var n = 1; const go = async () => { for (;;) await n; }; go(); go(); go()", "n", "Interrupted"),
    ];
    for (language, code, kept, error) in loops {
        let session = session(&house, language, &sandbox).await;
        let interrupt = format!("/v1/sessions/{session}/interrupt");
        assert_eq!(
            house.post(&house.admin, &interrupt, json!({})).await.is(202)["state"],
            "idle",
            "nothing is at work"
        );
        let run = begun(&house, &session, code).await;
        let refused = ask(&house, &house.admin, &session, json!({"code": kept})).await;
        assert_eq!((refused.status, refused.code().as_str()), (409, "session_busy"));
        assert!(refused.headers.contains_key("retry-after"));
        house.post(&house.admin, &interrupt, json!({})).await.is(202);
        let ended = over(&house, &run).await;
        assert_eq!(ended["outcome"]["kind"], "answered", "{ended}");
        assert_eq!(ended["outcome"]["answer"]["error"]["name"], error, "{ended}");
        assert_eq!(value(&call(&house, &session, kept).await), 1);
    }
    // Code that does not hear it is ended, and with it the interpreter: the answer says so.
    let deaf = session(&house, "python", &sandbox).await;
    let run = begun(&house, &deaf, "while True: pass").await;
    house.post(&house.admin, &format!("/v1/sessions/{deaf}/interrupt"), json!({})).await.is(202);
    assert_eq!(over(&house, &run).await["outcome"]["kind"], "cancelled");
    assert_eq!(show(&house, &deaf).await["state"], "ended");
    // A restart and an end do not wait for the code.
    let path = format!("/v1/sessions/{deaf}");
    house.post(&house.admin, &format!("{path}/restart"), json!({})).await.is(200);
    for (method, tail) in [("POST", "/restart"), ("DELETE", "")] {
        let run = begun(&house, &deaf, "while True: pass").await;
        let asked = house.ask(method, &format!("{path}{tail}")).header("x-api-key", &house.admin);
        assert!(House::send(asked).await.status < 300, "{method}");
        assert_eq!(over(&house, &run).await["outcome"]["kind"], "cancelled");
    }
    assert_eq!(ask(&house, &house.admin, &deaf, json!({"code": "1"})).await.status, 404, "it is deleted");
}

/// C05: whoever may not run something in the sandbox may do nothing in its sessions.
#[tokio::test]
async fn c05_a_session_of_another_is_out_of_reach() {
    let (house, mine) = house(&[]).await;
    let session = session(&house, "javascript", &mine).await;
    call(&house, &session, "var secret = 42").await;
    let (stranger, agent) = (house.tenant("theirs").await, house.person("bot", &["agent"]).await);
    let all = |key: String| {
        let (house, session) = (&house, &session);
        async move {
            let path = format!("/v1/sessions/{session}");
            let code = json!({"code": "secret"});
            [
                house.get(&key, &path).await,
                house.post(&key, &format!("{path}/execute"), code).await,
                house.post(&key, &format!("{path}/interrupt"), json!({})).await,
                house.post(&key, &format!("{path}/restart"), json!({})).await,
                house.post(&key, &format!("{path}/fork"), json!({"count": 1})).await,
                house.delete(&key, &path).await,
            ]
        }
    };
    for reply in all(stranger.clone()).await {
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{reply:?}");
    }
    // An agent runs what it likes in its own sandboxes, and in nobody else's.
    for reply in all(agent.clone()).await {
        assert!([403, 404].contains(&reply.status), "{reply:?}");
    }
    let body = json!({"language": "javascript", "sandbox": mine});
    for key in [&stranger, &agent] {
        assert!([403, 404].contains(&house.post(key, "/v1/sessions", body.clone()).await.status));
        assert_eq!(house.get(key, "/v1/sessions").await.is(200)["sessions"], json!([]));
    }
    assert_eq!(value(&call(&house, &session, "secret").await), 42, "nothing was done to it");
    let own = sandbox(&house, &agent).await;
    let made = house.post(&agent, "/v1/sessions", json!({"language": "javascript", "sandbox": own})).await.is(201);
    let theirs = made["id"].as_str().unwrap();
    let run = ask(&house, &agent, theirs, json!({"code": "typeof secret"})).await.is(200);
    assert_eq!(value(&run), "undefined", "sessions see only themselves");
}

#[tokio::test]
pub(crate) async fn sessions_end_with_their_sandbox_their_tenant_and_when_nobody_calls_them() {
    let (house, first) = house(&[("runs.session_idle_seconds", "1"), ("runs.sweep_seconds", "1")]).await;
    let (stopped, gone) = (sandbox(&house, &house.admin).await, sandbox(&house, &house.admin).await);
    for (of, method, tail) in [(&stopped, "POST", "/stop"), (&gone, "DELETE", "")] {
        let session = session(&house, "javascript", of).await;
        let run = begun(&house, &session, "for (;;) {}").await;
        let asked = house.ask(method, &format!("/v1/sandboxes/{of}{tail}")).header("x-api-key", &house.admin);
        assert!(House::send(asked).await.status < 300);
        assert_eq!(over(&house, &run).await["outcome"]["kind"], "cancelled");
        assert_eq!(house.get(&house.admin, &format!("/v1/sessions/{session}")).await.status, 404);
    }
    let refused = house.post(&house.admin, "/v1/sessions", json!({"language": "javascript", "sandbox": stopped})).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "wrong_state"));
    let closed = house.tenant("closed").await;
    let theirs = sandbox(&house, &closed).await;
    let body = json!({"language": "javascript", "sandbox": theirs});
    let theirs = house.post(&closed, "/v1/sessions", body).await.is(201)["id"].as_str().unwrap().to_owned();
    house.with_json(&house.admin, "PATCH", "/v1/tenants/closed", json!({"open": false})).await.is(200);
    house.with_json(&house.admin, "PATCH", "/v1/tenants/closed", json!({"open": true})).await.is(200);
    assert_eq!(house.get(&closed, &format!("/v1/sessions/{theirs}")).await.status, 404);
    let idle = session(&house, "javascript", &first).await;
    while house.get(&house.admin, &format!("/v1/sessions/{idle}")).await.status == 200 {
        tokio::task::yield_now().await;
    }
    let ended = house.get(&house.admin, "/v1/audit/events?event=session_ended").await.is(200);
    let told = ended["events"].as_array().unwrap().iter().any(|event| event["resource"]["id"] == json!(idle));
    assert!(told, "{ended}");
}

#[tokio::test]
pub(crate) async fn there_are_only_so_many_sessions() {
    let (house, sandbox) = house(&[("runs.live_sessions", "3")]).await;
    let tenant = house.tenant("small").await;
    let few = json!({"ceilings": {"live_sessions": 1}});
    house.with_json(&house.admin, "PATCH", "/v1/tenants/small", few).await.is(200);
    let theirs = self::sandbox(&house, &tenant).await;
    let make = async |key: &str, sandbox: &str| {
        house.post(key, "/v1/sessions", json!({"language": "javascript", "sandbox": sandbox})).await
    };
    let first = make(&tenant, &theirs).await.is(201);
    let refused = make(&tenant, &theirs).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_sessions"));
    house.delete(&tenant, &format!("/v1/sessions/{}", first["id"].as_str().unwrap())).await.is(204);
    make(&tenant, &theirs).await.is(201);
    for _ in 0..2 {
        make(&house.admin, &sandbox).await.is(201);
    }
    let refused = make(&house.admin, &sandbox).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_sessions_in_all"));
}

#[tokio::test]
async fn calls_stream_are_answered_once_for_a_key_and_are_on_record() {
    let (house, sandbox) = house(&[]).await;
    let session = session(&house, "javascript", &sandbox).await;
    let path = format!("/v1/sessions/{session}/execute");
    let asked = |code: &str| house.ask("POST", &path).header("x-api-key", &house.admin).json(&json!({"code": code}));
    let streamed = House::send(asked("var n = 1; console.log('a'); n").header("accept", "text/event-stream")).await;
    let text = String::from_utf8(streamed.bytes).unwrap();
    let order: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(order, ["started", "stdout", "result", "done"], "{text}");
    let again = async || House::send(asked("++n").header("idempotency-key", "one")).await.is(200);
    let (first, second) = (again().await, again().await);
    assert_eq!((value(&first), &first["id"]), (&json!(2), &second["id"]));
    assert_eq!(value(&call(&house, &session, "n").await), 2, "it was run once");
    for name in ["session_created", "command_started", "command_executed"] {
        let all = house.get(&house.admin, &format!("/v1/audit/events?event={name}")).await.is(200);
        let of =
            |event: &Value| event["details"]["session"] == json!(session) || event["resource"]["id"] == json!(session);
        assert!(all["events"].as_array().unwrap().iter().any(of), "{name}: {all}");
    }
    for (body, field) in [
        (json!({"language": "ruby", "sandbox": sandbox}), "language"),
        (json!({"language": "python", "sandbox": "x"}), "sandbox"),
    ] {
        let refused = house.post(&house.admin, "/v1/sessions", body).await;
        assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some(field)));
    }
    let refused = ask(&house, &house.admin, &session, json!({"code": "1", "env": {"A": "1"}})).await;
    assert_eq!(refused.status, 400, "the environment is that of the sandbox");
}

#[tokio::test]
async fn a_session_is_forked_into_others_that_go_separate_ways() {
    let (house, sandbox) = house(&[]).await;
    let fork = async |session: &str, count: u64| {
        house.post(&house.admin, &format!("/v1/sessions/{session}/fork"), json!({"count": count})).await
    };
    for (language, begin, add) in [
        ("python", "import random\nnotes = ['milk']\ndef add(note): notes.append(note); return notes", "add('NOTE')"),
        ("javascript", "const notes = ['milk']; const add = note => { notes.push(note); return notes }", "add('NOTE')"),
    ] {
        let first = session(&house, language, &sandbox).await;
        // Of one in which nothing was done the copy is a fresh one.
        let empty = fork(&first, 1).await.is(201)["sessions"][0]["id"].as_str().unwrap().to_owned();
        call(&house, &first, begin).await;
        let made = fork(&first, 2).await.is(201);
        let ids: Vec<_> = (0..2).map(|at| made["sessions"][at]["id"].as_str().unwrap()).collect();
        let say =
            async |session: &str, note: &str| value(&call(&house, session, &add.replace("NOTE", note)).await).clone();
        assert_eq!(say(ids[0], "bread").await, json!(["milk", "bread"]));
        assert_eq!(say(ids[1], "eggs").await, json!(["milk", "eggs"]));
        assert_eq!(say(&first, "tea").await, json!(["milk", "tea"]));
        assert_eq!(say(ids[0], "jam").await, json!(["milk", "bread", "jam"]));
        // A fork of a fork, and one of a session that was never called itself.
        let later = fork(ids[0], 1).await.is(201)["sessions"][0]["id"].as_str().unwrap().to_owned();
        let again = fork(&later, 1).await.is(201)["sessions"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(say(&again, "x").await, json!(["milk", "bread", "jam", "x"]));
        assert!(call(&house, &empty, "notes").await["outcome"]["answer"]["error"]["name"].is_string());
    }
    let python = session(&house, "python", &sandbox).await;
    call(&house, &python, "import random\nf = open('kept.txt', 'w')").await;
    let refused = fork(&python, 1).await;
    assert_eq!((refused.status, refused.code().as_str()), (409, "not_at_rest"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("kept.txt"), "{refused:?}");
    call(&house, &python, "f.close()").await;
    let made = fork(&python, 2).await.is(201);
    let mut drawn = Vec::new();
    for at in 0..2 {
        let id = made["sessions"][at]["id"].as_str().unwrap();
        drawn.push(value(&call(&house, id, "random.random()").await).clone());
    }
    assert_ne!(drawn[0], drawn[1], "randomness is each one's own");
    // Whether it was copied or not, it goes on as before; and as often as one likes.
    call(&house, &python, "n, f = 1, open('kept.txt')").await;
    assert_eq!(fork(&python, 1).await.code(), "not_at_rest");
    let around = "import os\n[n, os.environ['TEAM'], sorted(os.listdir())]";
    assert_eq!(value(&call(&house, &python, around).await), &json!([1, "red", ["kept.txt"]]));
    call(&house, &python, "f.close()").await;
    for _ in 0..20 {
        let made = fork(&python, 1).await.is(201);
        let body = json!({"code": around, "limits": {"resources": 64, "open_files": 4}});
        let run = ask(&house, &house.admin, &python, body).await.is(200);
        assert_eq!(value(&run), &json!([1, "red", ["kept.txt"]]));
        let copy = made["sessions"][0]["id"].as_str().unwrap();
        house.delete(&house.admin, &format!("/v1/sessions/{copy}")).await.is(204);
    }
    for (count, status) in [(0, 422), (17, 422)] {
        assert_eq!(fork(&python, count).await.status, status);
    }
    let before = house.get(&house.admin, "/v1/sessions").await.is(200)["sessions"].as_array().unwrap().len();
    let agent = house.person("bot", &["agent"]).await;
    let denied = house.post(&agent, &format!("/v1/sessions/{python}/fork"), json!({"count": 1})).await;
    assert!([403, 404].contains(&denied.status));
    let after = house.get(&house.admin, "/v1/sessions").await.is(200)["sessions"].as_array().unwrap().len();
    assert_eq!(before, after);
}

/// Their memory is the same, and the state of generators is in it: each is seeded anew, and so is the one that was copied.
#[tokio::test]
async fn forks_of_a_session_draw_numbers_of_their_own() {
    let (house, sandbox) = house(&[]).await;
    let first = session(&house, "javascript", &sandbox).await;
    call(&house, &first, "const kept = Math.random; kept()").await;
    let path = format!("/v1/sessions/{first}/fork");
    let made = house.post(&house.admin, &path, json!({"count": 3})).await.is(201);
    let forks = made["sessions"].as_array().unwrap().iter().map(|fork| fork["id"].as_str().unwrap());
    let all: Vec<_> = std::iter::once(first.as_str()).chain(forks).collect();
    for draw in ["Math.random()", "kept()", "crypto.getRandomValues(new Uint8Array(8)).join()", "crypto.randomUUID()"] {
        let mut drawn = BTreeSet::new();
        for session in &all {
            drawn.insert(value(&call(&house, session, draw).await).to_string());
        }
        assert_eq!(drawn.len(), 4, "{draw}: {drawn:?}");
    }
}

/// C05: to come to rest is work of the guest: it has an end, and writes nothing.
#[tokio::test]
async fn c05_code_that_strikes_while_a_session_is_copied_is_held() {
    let (house, sandbox) = house(&[]).await;
    for strike in ["while True: pass", "open('/workspace/late.txt', 'w').write('x' * 1000)"] {
        let python = session(&house, "python", &sandbox).await;
        let code = format!("class Trap:\n  def __del__(self):\n    {strike}\nt = Trap()\nt.me = t\ndel t");
        call(&house, &python, &code).await;
        let made = house.post(&house.admin, &format!("/v1/sessions/{python}/fork"), json!({"count": 1})).await;
        assert!(made.status == 201 || made.code() == "not_at_rest", "{made:?}");
        let late = house.get(&house.admin, &format!("/v1/sandboxes/{sandbox}/files?path=late.txt")).await;
        assert!(late.status == 404 || late.bytes.is_empty(), "{late:?}");
        house.delete(&house.admin, &format!("/v1/sessions/{python}")).await.is(204);
    }
}

#[tokio::test]
async fn an_interrupt_ends_the_wait_for_a_tool_and_keeps_the_state() {
    let (house, sandbox) = house(&[]).await;
    let python = session(&house, "python", &sandbox).await;
    let tool = json!({"name": "ask", "about": "asks", "input_schema": {"type": "object", "properties": {}}});
    let code = "from ringfence import tools\nkept = 1\ntools.ask()";
    let body = json!({"code": code, "tools": [tool], "async": true, "limits": {"deadline_ms": 600_000}});
    let run = ask(&house, &house.admin, &python, body).await.is(202)["id"].as_str().unwrap().to_owned();
    house.post(&house.admin, &format!("/v1/sessions/{python}/interrupt"), json!({})).await.is(202);
    let ended = over(&house, &run).await;
    assert_eq!(ended["outcome"]["answer"]["error"]["name"], "KeyboardInterrupt", "{ended}");
    assert_eq!(value(&call(&house, &python, "1").await), 1);
}
