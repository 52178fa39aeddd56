use ringfence::model::{LimitName, Preset};
use serde_json::{Value, json};

use super::House;

/// Events of a stream: names, ids and data.
pub fn events(text: &str) -> Vec<(String, u64, Value)> {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_default().to_owned()
    };
    text.split("\n\n")
        .filter(|block| block.contains("data:"))
        .map(|block| {
            let data = serde_json::from_str(&field(block, "data")).unwrap();
            (field(block, "event"), field(block, "id").parse().unwrap(), data)
        })
        .collect()
}

#[tokio::test]
async fn a_component_is_submitted_once_and_run_as_command_and_by_function() {
    let house = House::new().await;
    let key = &house.admin;
    let digest = house.submit(key, "hello").await;
    assert_eq!(house.submit(key, "hello").await, digest);
    let run = house.post(key, "/v1/runs", json!({"component": digest, "command": ["world"]})).await.is(200);
    assert_eq!((&run["outcome"]["kind"], &run["stdout"]["text"]), (&json!("exited"), &json!("hello, world\n")));
    let types = house.submit(key, "types").await;
    let described = house.get(key, &format!("/v1/components/{types}")).await.is(200);
    assert!(described["exports"].as_array().unwrap().len() > 3 && described["imports"].is_array(), "{described}");
    let wrong = house.post(key, "/v1/runs", json!({"component": types, "function": "nothing-like-it"})).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (422, "no_function"));
    let listed = house.get(key, "/v1/components?limit=1").await.is(200);
    assert_eq!(listed["components"].as_array().unwrap().len(), 1);
    let next = listed["next"].as_str().unwrap();
    let listed = house.get(key, &format!("/v1/components?cursor={next}")).await.is(200);
    assert_eq!((listed["components"].as_array().unwrap().len(), &listed["next"]), (1, &Value::Null));
    house.delete(key, &format!("/v1/components/{digest}")).await.is(204);
    assert_eq!(house.get(key, &format!("/v1/components/{digest}")).await.code(), "not_found");
    let gone = house.post(key, "/v1/runs", json!({"component": digest})).await;
    assert_eq!((gone.status, gone.code().as_str()), (404, "no_component"));
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens_and_again_from_any_event_on() {
    let house = House::new().await;
    let key = &house.admin;
    let digest = house.submit(key, "hello").await;
    let body = json!({"component": digest, "command": ["stream"]});
    let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("accept", "text/event-stream");
    let live = House::send(request.json(&body)).await;
    assert_eq!(live.kind, "text/event-stream");
    let live = events(std::str::from_utf8(&live.bytes).unwrap());
    let names: Vec<&str> = live.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["started", "stdout", "result", "done"]);
    assert!(live.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{live:?}");
    // Each says its number, and the last but one says no more of the output than whether it is all.
    assert!(live.iter().all(|(_, number, data)| data["seq"] == *number), "{live:?}");
    assert_eq!((&live[2].2["stdout"], &live[2].2["outcome"]["kind"]), (&json!({"truncated": false}), &json!("exited")));
    // Long after, from the history, it is the same.
    let id = live[2].2["id"].as_str().unwrap();
    let path = format!("/v1/runs/{id}/events");
    let again = events(std::str::from_utf8(&house.get(key, &path).await.bytes).unwrap());
    assert_eq!(again, live);
    let request = house.ask("GET", &path).header("x-api-key", key).header("last-event-id", live[1].1);
    let rest = events(std::str::from_utf8(&House::send(request).await.bytes).unwrap());
    assert_eq!(rest, live[2..]);
    let body = json!({"component": digest, "async": true});
    let reply = house.post(key, "/v1/runs", body).await;
    assert_eq!(
        reply.headers["location"].to_str().unwrap(),
        format!("/v1/runs/{}", reply.json()["id"].as_str().unwrap())
    );
    let id = reply.is(202)["id"].as_str().unwrap().to_owned();
    // Watching it to its end is waiting for it.
    house.get(key, &format!("/v1/runs/{id}/events")).await;
    assert_eq!(house.get(key, &format!("/v1/runs/{id}")).await.is(200)["outcome"]["kind"], "exited");
}

const LOOP: &str = "(module (func (export \"_start\") (loop (br 0))))";

#[tokio::test]
async fn a_run_apart_is_cancelled_and_said_so() {
    let house = House::new().await;
    let key = &house.admin;
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(LOOP);
    let digest = House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned();
    let limits = json!({"preset": "large", "deadline_ms": 60_000, "fuel": 1_000_000_000_000_000_u64});
    let body = json!({"component": digest, "async": true, "limits": limits});
    let id = house.post(key, "/v1/runs", body).await.is(202)["id"].as_str().unwrap().to_owned();
    let running = house.get(key, "/v1/runs?state=running").await.is(200);
    assert_eq!(running["runs"][0]["id"], id.as_str());
    house.post(key, &format!("/v1/runs/{id}/cancel"), json!({})).await.is(202);
    house.get(key, &format!("/v1/runs/{id}/events")).await;
    assert_eq!(house.get(key, &format!("/v1/runs/{id}")).await.is(200)["outcome"]["kind"], "cancelled");
    // Whoever waits and goes away has cancelled as well, and it is in the history.
    let body = json!({"component": digest, "limits": limits});
    let waiting = tokio::spawn(house.ask("POST", "/v1/runs").header("x-api-key", key).json(&body).send());
    while !String::from_utf8_lossy(&house.get(key, "/metrics").await.bytes).contains("ringfence_running 1") {}
    waiting.abort();
    loop {
        let ended = house.get(key, "/v1/runs?outcome=cancelled").await.is(200);
        if ended["runs"].as_array().unwrap().len() == 2 {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// Whoever has a key has not gone away for good.
#[tokio::test]
async fn a_lost_connection_does_not_cancel_what_can_be_asked_for_again() {
    let house = House::new().await;
    let key = &house.admin;
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(LOOP);
    let digest = House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned();
    for accept in ["application/json", "text/event-stream"] {
        let ask = || {
            let limits = json!({"preset": "large", "deadline_ms": 2_000, "fuel": 1_000_000_000_000_000_u64});
            let request = house.ask("POST", "/v1/runs").header("x-api-key", key).header("idempotency-key", accept);
            request.header("accept", accept).json(&json!({"component": digest, "limits": limits}))
        };
        {
            let first = ask().send();
            tokio::pin!(first);
            // Gone as soon as it is at work: the half of an answer that there may be goes with it.
            let at_work = async {
                let busy = "ringfence_running 1";
                while !String::from_utf8_lossy(&house.get(key, "/metrics").await.bytes).contains(busy) {}
            };
            tokio::select! {
                biased;
                () = at_work => {}
                // The head of a stream comes at once, and is kept until it is at work.
                head = &mut first => drop(head),
            }
        }
        let reply = loop {
            let reply = House::send(ask()).await;
            if reply.status != 409 {
                break String::from_utf8(reply.bytes.to_vec()).unwrap();
            }
            assert_eq!(reply.code(), "idempotency_in_use");
            tokio::task::yield_now().await;
        };
        assert!(reply.contains("deadline_exceeded") && !reply.contains("cancelled"), "{accept}: {reply}");
    }
    assert_eq!(house.get(key, "/v1/runs").await.is(200)["runs"].as_array().unwrap().len(), 2);
}

/// Each look at a guest that computes takes a beat: on the thread that answers, these would take minutes.
#[tokio::test]
async fn e09_guests_that_compute_keep_no_caller_waiting() {
    let house = House::new().await;
    let key = &house.admin;
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(LOOP);
    let digest = House::send(request).await.is(201)["digest"].clone();
    let limits = json!({"preset": "large", "deadline_ms": 600_000, "fuel": 1_000_000_000_000_000_u64});
    let mut runs = Vec::new();
    for _ in 0..4 {
        let body = json!({"component": digest, "async": true, "limits": limits});
        runs.push(house.post(key, "/v1/runs", body).await.is(202)["id"].as_str().unwrap().to_owned());
    }
    let turns = async {
        for turn in 0..50_000 {
            tokio::task::yield_now().await;
            if turn % 1_000 == 0 {
                house.get(key, "/v1/whoami").await.is(200);
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), turns).await.expect("guests hold up who answers");
    for id in runs {
        house.post(key, &format!("/v1/runs/{id}/cancel"), json!({})).await.is(202);
    }
}

#[tokio::test]
async fn a_module_comes_along_in_a_form() {
    let house = House::new().await;
    let form = reqwest::multipart::Form::new()
        .part("run", reqwest::multipart::Part::text(json!({"command": ["form"]}).to_string()))
        .part("module", reqwest::multipart::Part::bytes(crate::support::guest("hello")));
    let reply = House::send(house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).multipart(form)).await;
    assert_eq!(reply.is(200)["stdout"]["text"], "hello, form\n");
    assert_eq!(house.get(&house.admin, "/v1/components").await.is(200)["components"], json!([]), "it is not kept");
}

#[tokio::test]
async fn a_retry_gets_the_first_answer() {
    let house = House::new().await;
    let digest = house.submit(&house.admin, "hello").await;
    let ask = |body: Value| {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin);
        House::send(request.header("idempotency-key", "one").json(&body))
    };
    let first = ask(json!({"component": digest})).await.is(200);
    assert_eq!(ask(json!({"component": digest})).await.is(200), first);
    let other = ask(json!({"component": digest, "command": ["x"]})).await;
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_mismatch"));
    assert_eq!(house.get(&house.admin, "/v1/runs").await.is(200)["runs"].as_array().unwrap().len(), 1);
    // Also after a restart.
    let house = house.again(&[]).await;
    let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).header("idempotency-key", "one");
    assert_eq!(House::send(request.json(&json!({"component": digest}))).await.is(200), first);
    // Two keys are none: somebody in front of us may have looked at the other one.
    for second in ["one", "two"] {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin).header("idempotency-key", "one");
        let twice = House::send(request.header("idempotency-key", second).json(&json!({"component": digest}))).await;
        assert_eq!((twice.status, twice.code().as_str()), (400, "bad_header"), "{second}");
        assert_eq!(twice.json()["field"], "Idempotency-Key");
    }
    assert_eq!(house.get(&house.admin, "/v1/runs").await.is(200)["runs"].as_array().unwrap().len(), 1);
    // A key has a length.
    for (long, status) in [(255, 200), (256, 400)] {
        let request = house.ask("POST", "/v1/runs").header("x-api-key", &house.admin);
        let request = request.header("idempotency-key", "k".repeat(long)).json(&json!({"component": digest}));
        assert_eq!(House::send(request).await.status, status, "{long}");
    }
}

#[tokio::test]
async fn what_is_above_the_ceilings_is_cut_and_told() {
    let house = House::new().await;
    let boss = house.tenant("acme").await;
    let digest = house.submit(&boss, "hello").await;
    let limits = json!({"preset": "large", "fuel": 7_000_000_000_000_u64});
    let run = house.post(&boss, "/v1/runs", json!({"component": digest, "limits": limits})).await.is(200);
    let cut = run["cut"].as_array().unwrap();
    let fuel = cut.iter().find(|cut| cut["what"] == "fuel").unwrap();
    assert_eq!(
        (&fuel["asked"], &fuel["given"], &fuel["by"]),
        (&json!(7_000_000_000_000_u64), &json!(100_000_000_000_u64), &json!("tenant"))
    );
    // And all that it had is told, asked for or not.
    let ceilings = house.get(&house.admin, "/v1/tenants/acme").await.is(200)["ceilings"]["limits"].clone();
    assert_eq!(run["limits"]["fuel"], fuel["given"]);
    let large = Preset::Large.limits();
    for name in LimitName::ALL.iter().filter(|name| name.as_str() != "fuel") {
        let most = large.get(*name).min(ceilings[name.as_str()].as_u64().unwrap());
        assert_eq!(run["limits"][name.as_str()], json!(most), "{name}");
    }
    let read = house.get(&boss, &format!("/v1/runs/{}", run["id"].as_str().unwrap())).await.is(200);
    let told = |run: &Value| json!([run["limits"], run["clocks"], run["randomness"]]);
    assert_eq!(told(&read), told(&run));
    let begun = house.post(&boss, "/v1/runs", json!({"component": digest, "async": true})).await.is(202);
    assert_eq!(begun["limits"], serde_json::to_value(Preset::Small.limits()).unwrap());
    let refused = house.post(&boss, "/v1/runs", json!({"component": digest, "limits": {"fuel": 0}})).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "bad_limits"));
}

/// Of what nobody asked for nothing was cut, though it is held; and what is given or not is told so.
#[tokio::test]
async fn what_was_not_asked_for_is_not_told_as_cut() {
    let house = House::new().await;
    let boss = house.tenant("acme").await;
    let submit = async |text: &'static str| {
        let request = house.ask("POST", "/v1/components").header("x-api-key", &boss).body(text);
        House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned()
    };
    // Neither wants to know the time or anything random.
    let plain = submit("(module (func (export \"_start\")))").await;
    let endless = submit("(module (func (export \"_start\") (loop (br 0))))").await;
    let less = json!({"ceilings": {"clocks": false, "randomness": false, "limits": {"fuel": 1_000_000}}});
    house.with_json(&house.admin, "PATCH", "/v1/tenants/acme", less).await.is(200);
    let run = async |component: &str, more: Value| {
        let mut body = json!({"component": component});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.post(&boss, "/v1/runs", body).await.is(200)
    };
    let cut = |run: &Value| -> Vec<Value> {
        let all = run.get("cut").map_or(&[][..], |cut| cut.as_array().unwrap().as_slice());
        all.iter().map(|cut| json!([cut["what"], cut["asked"], cut["given"], cut["by"]])).collect()
    };
    assert_eq!(cut(&run(&plain, json!({})).await), [] as [Value; 0]);
    // The end names the limit as it was held.
    let ended = run(&endless, json!({})).await;
    assert_eq!((&ended["outcome"]["kind"], &ended["outcome"]["limit"]), (&json!("out_of_fuel"), &json!(1_000_000)));
    let asked = run(&plain, json!({"randomness": true, "clocks": false, "limits": {"fuel": 2_000_000}})).await;
    let told = [json!(["fuel", 2_000_000, 1_000_000, "tenant"]), json!(["randomness", true, false, "tenant"])];
    assert_eq!(cut(&asked), told);
    assert_eq!(
        (&asked["limits"]["fuel"], &asked["clocks"], &asked["randomness"]),
        (&json!(1_000_000), &json!(false), &json!(false))
    );
    // A sandbox tells all that a run in it has.
    let made = house.post(&boss, "/v1/sandboxes", json!({})).await.is(201);
    assert_eq!((cut(&made).len(), &made["limits"]["fuel"], &made["clocks"]), (0, &json!(1_000_000), &json!(false)));
    let made = house.post(&boss, "/v1/sandboxes", json!({"clocks": true, "ttl_seconds": 90_000})).await.is(201);
    assert_eq!(
        cut(&made),
        [json!(["clocks", true, false, "tenant"]), json!(["ttl_seconds", 90_000, 86_400, "tenant"])]
    );
}
