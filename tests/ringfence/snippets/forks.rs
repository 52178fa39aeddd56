//! Forks of sessions, what may come between, and what is on record of all that is done to a session.

use ringfence::engine::{Build, Engine, Session};
use ringfence::model::{Mode, Preset};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::sessions::{call, house, sandbox, session, show, value};
use super::{request, text};
use crate::service::{House, Reply};
use crate::support::guest;

/// Something that is met when the interpreter comes to rest, and not before.
fn trap(strike: &str) -> String {
    format!(
        "import gc\ngc.disable()\nkept = 1\nclass Trap:\n  def __del__(self):\n    {strike}\nt = Trap()\nt.me = t\ndel t"
    )
}

/// For as long as it may take.
const SPIN: &str = "while True: pass";

async fn fork(house: &House, key: &str, session: &str, count: u64) -> Reply {
    house.post(key, &format!("/v1/sessions/{session}/fork"), json!({"count": count})).await
}

/// A fork that is at work.
async fn forking(house: &House, session: &str, count: u64) -> JoinHandle<Reply> {
    let path = format!("/v1/sessions/{session}/fork");
    let asked = house.ask("POST", &path).header("x-api-key", &house.admin).json(&json!({"count": count}));
    let asked = tokio::spawn(House::send(asked));
    while show(house, session).await["state"] != "busy" {
        assert!(!asked.is_finished(), "it was over at once");
    }
    asked
}

async fn listed(house: &House) -> Vec<Value> {
    house.get(&house.admin, "/v1/sessions").await.is(200)["sessions"].as_array().unwrap().clone()
}

async fn events(house: &House, query: &str) -> Vec<Value> {
    let path = format!("/v1/audit/events?limit=100&{query}");
    house.get(&house.admin, &path).await.is(200)["events"].as_array().unwrap().clone()
}

/// The records of a request.
async fn told(house: &House, reply: &Reply) -> Vec<Value> {
    events(house, &format!("request={}", reply.headers["x-request-id"].to_str().unwrap())).await
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

/// What came of the one fork that was permitted.
async fn came_of_it(house: &House) -> Value {
    let allowed = events(house, "event=access_allowed").await;
    let forks: Vec<_> = allowed.iter().filter(|event| event["details"]["act"] == "session_forked").collect();
    assert_eq!(forks.len(), 1, "{allowed:#?}");
    let request = forks[0]["request"].as_str().unwrap();
    loop {
        let all = events(house, &format!("request={request}")).await;
        if let [_, done] = &all[..] {
            return done.clone();
        }
        assert_eq!(all.len(), 1, "{all:#?}");
    }
}

/// As many more sessions as there may be find a place, soon: nobody holds one for nothing.
async fn places(house: &House, key: &str, sandbox: &str, free: usize) {
    let body = json!({"language": "javascript", "sandbox": sandbox});
    let mut made = 0;
    while made < free {
        made += usize::from(house.post(key, "/v1/sessions", body.clone()).await.status == 201);
    }
    let refused = house.post(key, "/v1/sessions", body).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_sessions_in_all"));
}

#[tokio::test]
async fn each_act_on_a_session_is_on_record_before_it_is_done_and_when_it_is() {
    let (house, sandbox) = house(&[]).await;
    let key = &house.admin;
    let made = house.post(key, "/v1/sessions", json!({"language": "javascript", "sandbox": sandbox})).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sessions/{id}");
    let mut acts = vec![("session_created", made)];
    for (verb, event) in
        [("interrupt", "session_interrupted"), ("restart", "session_restarted"), ("fork", "session_forked")]
    {
        acts.push((event, house.post(key, &format!("{path}/{verb}"), json!({"count": 1})).await));
    }
    acts.push(("session_ended", house.delete(key, &path).await));
    for (event, reply) in &acts {
        assert!(reply.status < 300, "{event}: {reply:?}");
        let all = told(&house, reply).await;
        assert_eq!(names(&all), ["access_allowed", *event]);
        let (before, after) = (&all[0], &all[1]);
        assert_eq!(before["resource"], json!({"id": sandbox, "kind": "sandbox"}));
        assert_eq!((&before["details"]["act"], &before["action"]), (&json!(event), &json!("sandboxes:run")));
        let known = if *event == "session_created" { Value::Null } else { json!(id) };
        assert_eq!(before["details"]["session"], known);
        assert_eq!(after["resource"], json!({"id": id, "kind": "session"}));
        assert_eq!((&after["details"]["sandbox"], &after["principal"]), (&json!(sandbox), &json!("admin")));
    }
    // What is not done after all says so, and which it was.
    let one = session(&house, "javascript", &sandbox).await;
    let refused = fork(&house, key, &one, 17).await;
    let all = told(&house, &refused).await;
    assert_eq!(names(&all), ["access_allowed", "act_failed"]);
    assert_eq!((&all[1]["details"]["act"], &all[1]["details"]["code"]), (&json!("session_forked"), &json!("invalid")));
    // Calls are on record as runs.
    let path = format!("/v1/sessions/{one}/execute");
    let run = house.post(key, &path, json!({"code": "1"})).await;
    assert_eq!(names(&told(&house, &run).await), ["command_started", "command_executed"]);
}

/// A06: whoever may only stop things has a little room in the log for that, also where what he stops is in a session.
#[tokio::test]
async fn a06_a_session_can_be_stopped_where_the_log_is_full_for_its_tenant() {
    let (house, _) = house(&[]).await;
    let key = &house.tenant_with("busy", &[("audit_bytes_per_minute", 20_000)]).await;
    let sandbox = sandbox(&house, key).await;
    let body = json!({"language": "javascript", "sandbox": sandbox});
    let id = house.post(key, "/v1/sessions", body.clone()).await.is(201)["id"].as_str().unwrap().to_owned();
    while house.post(key, "/v1/sandboxes", json!({})).await.status == 201 {}
    assert_eq!(house.post(key, "/v1/sessions", body).await.code(), "too_much_audit_a_minute");
    assert_eq!(fork(&house, key, &id, 1).await.code(), "too_much_audit_a_minute");
    let path = format!("/v1/sessions/{id}");
    house.post(key, &format!("{path}/interrupt"), json!({})).await.is(202);
    assert_eq!(house.delete(key, &path).await.code(), "too_much_audit_a_minute", "the reserve has an end as well");
}

#[tokio::test]
async fn a_fork_leaves_the_session_as_it_is_and_what_it_spent_is_on_record() {
    let (house, sandbox) = house(&[("runs.live_sessions", "3")]).await;
    let begin = "import os, random\nos.environ['TEAM'] = 'blue'\nos.mkdir('sub')\nos.chdir('sub')\nmine = random.Random(7)\nrandom.seed(7)";
    let around = "[os.environ['TEAM'], os.getcwd(), random.random() == mine.random()]";
    let python = session(&house, "python", &sandbox).await;
    call(&house, &python, begin).await;
    let made = fork(&house, &house.admin, &python, 1).await;
    let copy = made.json()["sessions"][0]["id"].as_str().unwrap().to_owned();
    let run = call(&house, &python, around).await;
    assert_eq!(value(&run), &json!(["blue", "/workspace/sub", true]));
    assert_eq!(run["outcome"]["answer"]["count"], 2, "it is the same interpreter");
    assert_eq!(value(&call(&house, &copy, around).await), &json!(["red", "/workspace", false]), "as from a start");
    let record = told(&house, &made).await.pop().unwrap();
    assert_eq!(record["details"]["into"], json!([copy]));
    assert!(record["details"]["fuel"].as_u64().unwrap() > 100_000, "{record}");
    // One in which nothing was done needs no rest.
    house.delete(&house.admin, &format!("/v1/sessions/{copy}")).await.is(204);
    let javascript = session(&house, "javascript", &sandbox).await;
    let made = fork(&house, &house.admin, &javascript, 1).await;
    assert_eq!(told(&house, &made).await[1]["details"]["fuel"], 0);
    // Where there is no room for all, none is made, and nothing was asked of the interpreter.
    let refused = fork(&house, &house.admin, &python, 1).await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_sessions_in_all"));
    assert!(told(&house, &refused).await[1]["details"]["fuel"].is_null());
    assert_eq!(listed(&house).await.len(), 3);
    assert_eq!(value(&call(&house, &python, around).await), &json!(["blue", "/workspace/sub", true]));
    let env = "process.env.TEAM = 'blue'; globalThis.n = (globalThis.n ?? 0) + 1";
    call(&house, &javascript, env).await;
    house.delete(&house.admin, &format!("/v1/sessions/{python}")).await.is(204);
    let made = fork(&house, &house.admin, &javascript, 1).await.is(201);
    let copy = made["sessions"][0]["id"].as_str().unwrap();
    let around = "[process.env.TEAM, n]";
    assert_eq!(value(&call(&house, &javascript, around).await), &json!(["blue", 1]));
    assert_eq!(value(&call(&house, copy, around).await), &json!(["red", 1]));
    call(&house, &javascript, "let m = 0; m").await;
}

/// The handles that it has of the host stay its own: a fork asks for none on its behalf.
#[tokio::test]
async fn forks_leave_nothing_behind_in_the_session() {
    let (house, _) = house(&[]).await;
    let limits = json!({"preset": "medium", "resources": 64});
    let made = house.post(&house.admin, "/v1/sandboxes", json!({"limits": limits})).await.is(201);
    let javascript = session(&house, "javascript", made["id"].as_str().unwrap()).await;
    let code =
        "require('fs').writeFileSync('n.txt', String(globalThis.n = (globalThis.n ?? 0) + 1)); console.log(n); n";
    for turn in 1..=30 {
        assert_eq!(value(&call(&house, &javascript, code).await), turn);
        let made = fork(&house, &house.admin, &javascript, 1).await.is(201);
        let copy = made["sessions"][0]["id"].as_str().unwrap();
        assert_eq!(value(&call(&house, copy, code).await), turn + 1);
        house.delete(&house.admin, &format!("/v1/sessions/{copy}")).await.is(204);
    }
}

/// C05: what strikes when the interpreter comes to rest strikes a copy, without files; the session does not hear of it.
#[tokio::test]
async fn c05_what_strikes_at_rest_costs_the_session_nothing() {
    let (house, sandbox) = house(&[]).await;
    for (strike, outcome) in [
        (SPIN, "deadline_exceeded"),
        ("import os; os._exit(3)", "exited"),
        ("global hoard; hoard = bytearray(200 << 20); more = bytearray(200 << 20)", ""),
        ("open('/workspace/late.txt', 'w').write('x')", ""),
    ] {
        let python = session(&house, "python", &sandbox).await;
        call(&house, &python, &trap(strike)).await;
        let made = fork(&house, &house.admin, &python, 1).await;
        if outcome.is_empty() {
            assert!(made.status == 201 || made.status == 409, "{strike}: {made:?}");
        } else {
            assert_eq!((made.status, made.code().as_str()), (409, "not_at_rest"), "{strike}");
            assert!(made.json()["detail"].as_str().unwrap().contains(outcome), "{made:?}");
            let record = told(&house, &made).await.pop().unwrap();
            assert_eq!((&record["event"], &record["details"]["code"]), (&json!("act_failed"), &json!("not_at_rest")));
            assert!(record["details"]["fuel"].as_u64().unwrap() > 10_000, "{record}");
        }
        assert_eq!(show(&house, &python).await["state"], "idle");
        assert_eq!(value(&call(&house, &python, "kept").await), 1, "{strike}");
        let late = house.get(&house.admin, &format!("/v1/sandboxes/{sandbox}/files?path=late.txt")).await;
        assert_eq!(late.status, 404, "{late:?}");
    }
}

#[tokio::test]
async fn a_fork_of_whom_nobody_waits_for_goes_on_and_is_on_record() {
    for (strike, copies) in [("for n in range(2_000_000): pass", 2), (SPIN, 0)] {
        let (house, sandbox) = house(&[("runs.live_sessions", "4")]).await;
        let python = session(&house, "python", &sandbox).await;
        call(&house, &python, &trap(strike)).await;
        forking(&house, &python, 2).await.abort();
        let record = came_of_it(&house).await;
        let event = if copies > 0 { "session_forked" } else { "act_failed" };
        assert_eq!(record["event"], event, "{record}");
        assert!(record["details"]["fuel"].as_u64().unwrap() > 100_000, "{record}");
        let mut there: Vec<_> = listed(&house).await.iter().map(|one| one["id"].clone()).collect();
        there.retain(|id| *id != json!(python));
        let into = record["details"]["into"].as_array().cloned().unwrap_or_default();
        assert_eq!((there.len(), into.len()), (copies, copies), "{record}");
        assert!(into.iter().all(|id| there.contains(id)), "{there:?}: {record}");
        assert_eq!(value(&call(&house, &python, "kept").await), 1);
        places(&house, &house.admin, &sandbox, 3 - copies).await;
    }
}

#[tokio::test]
async fn a_sandbox_that_goes_while_a_session_is_copied_takes_all_of_them_with_it() {
    for (method, tail) in [("DELETE", ""), ("POST", "/stop")] {
        let (house, other) = house(&[("runs.live_sessions", "3")]).await;
        let sandbox = sandbox(&house, &house.admin).await;
        let python = session(&house, "python", &sandbox).await;
        call(&house, &python, &trap(SPIN)).await;
        let forking = forking(&house, &python, 2).await;
        let gone = house.ask(method, &format!("/v1/sandboxes/{sandbox}{tail}")).header("x-api-key", &house.admin);
        assert!(House::send(gone).await.status < 300);
        let reply = forking.await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"));
        assert!(listed(&house).await.is_empty());
        let record = came_of_it(&house).await;
        assert_eq!((&record["event"], &record["details"]["code"]), (&json!("act_failed"), &json!("not_found")));
        places(&house, &house.admin, &other, 3).await;
    }
}

#[tokio::test]
async fn a_stop_of_the_service_ends_a_fork_and_leaves_a_record_of_it() {
    let (mut house, sandbox) = house(&[("runs.grace_ms", "1")]).await;
    let python = session(&house, "python", &sandbox).await;
    call(&house, &python, &trap(SPIN)).await;
    let forking = forking(&house, &python, 2).await;
    house.stop().await;
    // It may be told, or its connection may be gone.
    drop(forking.await);
    let house = house.again(&[("runs.live_sessions", "2")]).await;
    let record = came_of_it(&house).await;
    assert_eq!((&record["event"], &record["details"]["code"]), (&json!("act_failed"), &json!("not_at_rest")));
    assert!(listed(&house).await.is_empty(), "it was in the memory of the one before");
    places(&house, &house.admin, &sandbox, 2).await;
}

#[tokio::test]
async fn a_host_without_room_for_a_copy_costs_no_session() {
    let mut settings = crate::support::settings();
    (settings.concurrent_runs, settings.live_sessions) = (1, 1);
    let engine = Engine::new(settings).unwrap();
    let build = Build::of(&Preset::Medium.limits(), Mode::Ordinary);
    let program = engine.load(guest("javascript-runtime"), build).await.unwrap();
    assert!(engine.is_pooled(build).unwrap(), "this machine has no room for a pool of two");
    let mut session = Session::new(program).unwrap();
    engine.call(engine.place().unwrap(), &mut session, request("var n = 1; process.env.A = 'kept'")).await.unwrap();
    // The session has one of two, and a copy needs another beside a fresh one.
    let (limits, cancel) = (Preset::Medium.limits(), CancellationToken::new());
    let refused = engine.save(engine.place().unwrap(), &mut session, limits, cancel).await.unwrap_err();
    assert_eq!(refused.code(), "busy");
    let report = engine.call(engine.place().unwrap(), &mut session, request("[n, process.env.A]")).await.unwrap();
    assert_eq!(text(&report), "[ 1, 'kept' ]");
}
