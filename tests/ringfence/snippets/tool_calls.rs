//! Tools over HTTP: functions of components, and what is true of all.

use serde_json::{Value, json};

use super::shelved;
use crate::service::{House, Reply};
use crate::support::hostile;

pub(super) async fn house() -> House {
    let house = House::new().await;
    shelved(&house.dir.path().join("data")).await;
    house
}

/// A component that asks for tools itself, and says how many it has.
const ASKS: &str = r#"(component
  (import "ringfence:runtime/tools@0.1.0" (instance $tools
    (type $raw (record (field "name" string) (field "about" string) (field "input-schema" string)))
    (export "description" (type $description (eq $raw)))
    (type $list (list $description))
    (export "available" (func (result $list)))))
  (core module $memory (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $m (instantiate $memory))
  (core func $available
    (canon lower (func $tools "available") (memory $m "memory") (realloc (func $m "realloc"))))
  (core module $main
    (import "host" "available" (func $available (param i32)))
    (import "host" "memory" (memory 1))
    (func (export "count") (result i32) (call $available (i32.const 0)) (i32.load (i32.const 4))))
  (core instance $i (instantiate $main (with "host" (instance
    (export "available" (func $available)) (export "memory" (memory $m "memory"))))))
  (func (export "count") (result u32) (canon lift (core func $i "count"))))"#;

async fn submitted(house: &House, key: &str, bytes: impl Into<reqwest::Body>) -> String {
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(bytes);
    House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned()
}

pub(super) fn tool(name: &str, component: &str, function: &str) -> Value {
    json!({"name": name, "component": component, "function": function})
}

/// A function of the caller that takes a text.
pub(super) fn ask_tool() -> Value {
    let schema = json!({
        "type": "object", "properties": {"q": {"type": "string", "maxLength": 100}}, "required": ["q"],
        "additionalProperties": false
    });
    json!({"name": "ask", "about": "asks whoever runs this", "input_schema": schema})
}

async fn execute(house: &House, key: &str, language: &str, code: &str, tools: Value) -> Reply {
    house.post(key, "/v1/execute", json!({"language": language, "code": code, "tools": tools})).await
}

#[track_caller]
pub(super) fn value(run: &Value) -> Value {
    assert_eq!(run["outcome"]["kind"], "answered", "{run}");
    assert!(run["outcome"]["answer"]["error"].is_null(), "{run}");
    run["outcome"]["answer"]["value"]["json"].clone()
}

/// A run as it is watched.
pub(super) struct Watch {
    answer: reqwest::Response,
    came: String,
}

impl Watch {
    pub(super) async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
        Self { answer, came: String::new() }
    }

    pub(super) async fn execute(house: &House, key: &str, body: &Value) -> Self {
        Self::of(house.ask("POST", "/v1/execute").header("x-api-key", key).json(body)).await
    }

    pub(super) async fn events(house: &House, key: &str, run: &str) -> Self {
        Self::of(house.ask("GET", &format!("/v1/runs/{run}/events")).header("x-api-key", key)).await
    }

    pub(super) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.came.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (name, data) = (field("event: "), field("data: "));
                self.came = rest.to_owned();
                if let (Some(name), Some(data)) = (name, data) {
                    return Some((name, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            self.came += std::str::from_utf8(&self.answer.chunk().await.unwrap()?).unwrap();
        }
    }

    /// The next event of a name.
    pub(super) async fn until(&mut self, wanted: &str) -> Value {
        loop {
            let (name, data) = self.next().await.unwrap_or_else(|| panic!("no {wanted} came"));
            if name == wanted {
                return data;
            }
            assert!(!matches!(name.as_str(), "result" | "error" | "done"), "{wanted}: {name} {data}");
        }
    }
}

pub(super) async fn answer(house: &House, key: &str, run: &str, call: &Value, body: Value) -> Reply {
    house.post(key, &format!("/v1/runs/{run}/calls/{}", call["call"].as_str().unwrap()), body).await
}

/// The records of the calls of a run.
pub(super) async fn recorded(house: &House, run: &Value) -> Vec<Value> {
    let path = format!("/v1/audit/events?event=tool_called&resource={}", run["id"].as_str().unwrap());
    house.get(&house.admin, &path).await.is(200)["events"].as_array().unwrap().clone()
}

/// A run that calls a function of a component, and one of its caller.
pub async fn called(house: &House, key: &str) {
    shelved(&house.dir.path().join("data")).await;
    let types = house.submit(key, "types").await;
    let dial = submitted(house, key, hostile("dial")).await;
    let code = "tools.add({ a: 1, b: 2 }) + tools.ask({ q: 'a' }) + tools.dial({})";
    let tools = [tool("add", &types, "add"), tool("dial", &dial, "dial"), ask_tool()];
    let body = json!({"language": "javascript", "code": code, "tools": tools});
    let mut watch = Watch::execute(house, key, &body).await;
    let id = watch.until("started").await["id"].as_str().unwrap().to_owned();
    let call = watch.until("tool_call").await;
    answer(house, key, &id, &call, json!({"result": 4})).await.is(204);
    assert_eq!(value(&watch.until("result").await), 14);
}

/// C07: who answered a call is on record, who need not be who asked for the run; and what the run of a component was denied.
#[tokio::test]
async fn c07_who_answered_and_what_a_component_was_denied_are_on_record() {
    let house = house().await;
    let (key, bob) = (&house.admin, house.person("bob", &["admin"]).await);
    let dial = submitted(&house, key, hostile("dial")).await;
    let code = "from ringfence import tools\n[tools.dial(), tools.ask(q='a')]";
    let body = json!({"language": "python", "code": code, "tools": [tool("dial", &dial, "dial"), ask_tool()]});
    let mut watch = Watch::execute(&house, key, &body).await;
    let id = watch.until("started").await["id"].as_str().unwrap().to_owned();
    let call = watch.until("tool_call").await;
    answer(&house, &bob, &id, &call, json!({"result": 4})).await.is(204);
    let run = watch.until("result").await;
    assert_eq!(value(&run), json!([7, 4]), "each of the three was denied");
    let calls = recorded(&house, &run).await;
    let keys = house.get(key, "/v1/keys?principal=bob").await.is(200);
    let by_bob = &calls[1]["details"];
    assert_eq!((&by_bob["answered_by"], &by_bob["answered_with"]), (&json!("bob"), &keys["keys"][0]["id"]));
    assert_eq!(calls[1]["principal"], "admin", "who asked for the run");
    assert!(by_bob["answered"].as_str().unwrap().starts_with("req_") && by_bob["denials"].is_null(), "{by_bob}");
    assert_eq!((&calls[0]["details"]["denials"], &calls[0]["details"]["by"]), (&json!(3), &json!(dial)));
    let path = format!("/v1/audit/events?event=permission_denied&resource={id}");
    let denied = house.get(key, &path).await.is(200)["events"].as_array().unwrap().clone();
    let tried: Vec<_> = denied.iter().map(|one| one["details"]["tried"].as_str().unwrap()).collect();
    let wanted =
        ["tcp-create-socket", "udp-create-socket", "ip-name-lookup"].map(|name| format!("wasi:sockets/{name}"));
    assert_eq!(tried, wanted);
    for one in &denied {
        let (tool, by) = (&one["details"]["tool"], &one["details"]["by"]);
        assert_eq!((tool, by, &one["decision"]), (&json!("dial"), &json!(dial), &json!("denied")));
        assert!(one["seq"].as_u64() < calls[0]["seq"].as_u64(), "before the call that it is of: {one}");
    }
}

#[tokio::test]
async fn code_calls_functions_of_components() {
    let house = house().await;
    let types = house.submit(&house.admin, "types").await;
    let tools = json!([tool("add", &types, "add"), tool("checked", &types, "echo-result")]);
    let code = "from ringfence import tools\n[tools.add(a=40, b=2), tools.checked(v={'ok': 7})]";
    let run = execute(&house, &house.admin, "python", code, tools.clone()).await.is(200);
    assert_eq!(value(&run), json!([42, 7]), "the value of a `result`, and not that it is one");
    assert_eq!(run["usage"]["tool_calls"], 2);
    let calls = recorded(&house, &run).await;
    assert_eq!(calls.len(), 2, "{calls:#?}");
    let details = &calls[0]["details"];
    assert_eq!(
        (&details["tool"], &details["outcome"], &details["by"]),
        (&json!("add"), &json!("answered"), &json!(types))
    );
    assert!(details["function"].as_str() == Some("add") && details["fuel"].as_u64() > Some(0), "{details}");
    assert_eq!((&calls[0]["decision"], &calls[0]["principal"]), (&json!("allowed"), &json!("admin")));
    assert!(details["input"]["digest"].as_str().unwrap().starts_with("sha256:"));

    let code = "const seen = [tools.add({ a: 1, b: 2 })];
        try { tools.checked({ v: { err: 'too late' } }) } catch (error) { seen.push([error.code, error.message]) }
        seen";
    let run = execute(&house, &house.admin, "javascript", code, tools).await.is(200);
    assert_eq!(value(&run), json!([3, ["failed", "too late"]]));
    assert_eq!(recorded(&house, &run).await[1]["details"]["outcome"], "failed");
    let path = format!("/v1/audit/events?event=command_started&resource={}", run["id"].as_str().unwrap());
    let start = house.get(&house.admin, &path).await.is(200);
    assert_eq!(start["events"][0]["details"]["tools"], json!(["add", "checked"]));
}

/// C07: of a component's function, each refusal is of that call only, told to the code, and on record.
#[tokio::test]
async fn c07_a_call_of_a_component_is_refused_checked_and_limited_by_itself() {
    let house = house().await;
    let types = house.submit(&house.admin, "types").await;
    let spin = submitted(&house, &house.admin, hostile("spin")).await;
    let asks = submitted(&house, &house.admin, ASKS).await;
    let mut slow = tool("slow", &spin, "in-an-export");
    slow["limits"] = json!({"deadline_ms": 50});
    let mut weak = tool("weak", &spin, "in-an-export");
    weak["limits"] = json!({"fuel": 100_000});
    let mut short = tool("short", &types, "echo-string");
    short["limits"] = json!({"result_bytes": 100, "args_bytes": 10_000});
    let tools = json!([tool("add", &types, "add"), slow, weak, short, tool("asks", &asks, "count")]);
    let code = r#"
from ringfence import tools, ToolError
from _ringfence_world.imports import tools as host
seen = []
def call(name, text):
    try: seen.append(host.call(name, text))
    except Exception as error: seen.append([error.value.code, error.value.message])
call("add", '{"a": 1, "b": "x"}')
call("add", '{"a": 1}')
call("add", '[1, 2]')
call("add", '{"a": 1')
call("nothing", '{}')
call("slow", '{}')
call("weak", '{}')
call("short", '{"v": "' + "y" * 200 + '"}')
call("short", '{"v": "' + "y" * 20_000 + '"}')
call("asks", '{}')
call("add", '{"a": 1, "b": 2}')
seen
"#;
    let run = execute(&house, &house.admin, "python", code, tools).await.is(200);
    let seen = value(&run);
    let said = |at: usize, code: &str, words: &str| {
        assert_eq!(seen[at][0], code, "{seen:#}");
        assert!(seen[at][1].as_str().unwrap().contains(words), "{seen:#}");
    };
    said(0, "bad_input", "wrong argument at $.b: expected");
    said(1, "bad_input", "wrong argument at $.b: expected a value, found nothing");
    said(2, "bad_input", "an object");
    said(3, "bad_input", "no JSON");
    said(4, "no_tool", "no tool of this name");
    said(5, "deadline_exceeded", "longer than 50 ms");
    said(6, "out_of_fuel", "100000");
    said(7, "limit_exceeded", "result_bytes");
    said(8, "limit_exceeded", "args_bytes");
    assert_eq!(seen[9], "0", "a tool has no tools: {seen:#}");
    assert_eq!(seen[10], "3", "and the next call is made as if nothing had been");
    let calls = recorded(&house, &run).await;
    let outcomes: Vec<_> = calls.iter().map(|call| call["details"]["outcome"].as_str().unwrap()).collect();
    let expected = [
        "bad_input",
        "bad_input",
        "bad_input",
        "bad_input",
        "no_tool",
        "deadline_exceeded",
        "out_of_fuel",
        "limit_exceeded",
        "limit_exceeded",
        "answered",
        "answered",
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(run["usage"]["tool_calls"], 11);

    // In a loop, to the limit of the run; and no call outlives the run that made it.
    let body = |code: &str, limits: Value| {
        json!({
            "language": "python", "code": code, "limits": limits,
            "tools": [tool("add", &types, "add"), tool("spin", &spin, "in-an-export")]
        })
    };
    let looped = "from ringfence import tools\nwhile True: tools.add(a=1, b=2)";
    let run = house.post(&house.admin, "/v1/execute", body(looped, json!({"tool_calls": 5}))).await.is(200);
    assert_eq!((&run["outcome"]["limit"], &run["usage"]["tool_calls"]), (&json!("tool_calls"), &json!(5)), "{run}");
    let late = "from ringfence import tools\nwhile True:\n  try: tools.spin()\n  except Exception: pass";
    let run = house.post(&house.admin, "/v1/execute", body(late, json!({"deadline_ms": 300}))).await.is(200);
    assert_eq!(run["outcome"]["kind"], "deadline_exceeded", "{run}");
}

/// C07: who may call is asked at each call.
#[tokio::test]
async fn c07_a_right_that_is_taken_away_refuses_the_next_call() {
    let house = house().await;
    let admin = &house.admin;
    let types = house.submit(admin, "types").await;
    let code = "from ringfence import tools, ToolError\nseen = [tools.add(a=1, b=2), tools.ask(q='now')]\nfor call in (lambda: tools.add(a=1, b=2), lambda: tools.ask(q='then')):\n  try: seen.append(call())\n  except ToolError as error: seen.append(error.code)\nseen";
    let tools = json!([tool("add", &types, "add"), ask_tool()]);
    let body = json!({"language": "python", "code": code, "tools": tools, "async": true});
    let bob = house.person("bob", &["developer"]).await;
    let forbid = json!({"text": "@id(\"stop\") forbid (principal, action == Action::\"runs:create\", resource) when { principal == Principal::\"eve\" };"});
    let eve = house.person("eve", &["developer"]).await;
    for (key, expected) in [(&bob, "bad_credential"), (&eve, "denied")] {
        let id = house.post(key, "/v1/execute", body.clone()).await.is(202)["id"].as_str().unwrap().to_owned();
        let mut watch = Watch::events(&house, admin, &id).await;
        let call = watch.until("tool_call").await;
        if key == &bob {
            let keys = house.get(admin, "/v1/keys?principal=bob").await.is(200);
            house.delete(admin, &format!("/v1/keys/{}", keys["keys"][0]["id"].as_str().unwrap())).await.is(204);
            let late = answer(&house, key, &id, &call, json!({"result": 1})).await;
            assert_eq!(late.code(), "bad_credential");
        } else {
            let put = house.with_json(admin, "PUT", "/v1/policies/stop", forbid.clone()).await;
            assert!(matches!(put.status, 200 | 201), "{put:?}");
        }
        answer(&house, admin, &id, &call, json!({"result": "said"})).await.is(204);
        let run = watch.until("result").await;
        assert_eq!(value(&run), json!([3, "said", expected, expected]));
        let calls = recorded(&house, &run).await;
        let decisions: Vec<_> = calls.iter().map(|call| call["decision"].as_str().unwrap()).collect();
        assert_eq!(decisions, ["allowed", "allowed", "denied", "denied"], "{calls:#?}");
    }
}

/// C07: nor does a loop of calls fill more of the log than the tenant may, or keep its quotas from counting.
#[tokio::test]
async fn c07_calls_count_in_the_quotas_of_the_tenant() {
    let house = house().await;
    let code = "from ringfence import tools, ToolError\nseen = set()\nfor n in range(40):\n  try: tools.add(a=1, b=2)\n  except ToolError as error: seen.add((error.code, error.retry))\nsorted(seen)";
    for (name, ceiling, most, expected) in [
        ("log", "audit_bytes_per_minute", 10_000, "too_much_audit_a_minute"),
        ("runs", "runs_per_minute", 10, "too_many_runs_a_minute"),
        ("at-once", "concurrent_runs", 1, "too_many_runs"),
    ] {
        let key = house.tenant_with(name, &[(ceiling, most)]).await;
        let types = house.submit(&key, "types").await;
        let run = execute(&house, &key, "python", code, json!([tool("add", &types, "add")])).await.is(200);
        assert_eq!(value(&run), json!([[expected, true]]), "{ceiling}");
        assert_eq!(run["usage"]["tool_calls"], 40);
        let there = recorded(&house, &run).await.len();
        assert!(if name == "log" { (1..20).contains(&there) } else { there == 40 }, "{ceiling}: {there}");
    }
}

#[tokio::test]
async fn tools_that_cannot_be_given_are_refused_by_name() {
    let house = house().await;
    let types = house.submit(&house.admin, "types").await;
    let never = format!("sha256:{}", "0".repeat(64));
    let add = || tool("add", &types, "add");
    let with = |key: &str, value: Value| {
        let mut tool = add();
        tool[key] = value;
        json!([tool])
    };
    let caller = |schema: Value| json!([{"name": "ask", "input_schema": schema}]);
    for (tools, status, code, field) in [
        (json!([ask_tool()]), 422, "invalid", "tools"),
        (with("name", json!("not a name")), 422, "invalid", "tools[0].name"),
        (json!([add(), tool("Add", &types, "add")]), 422, "invalid", "tools"),
        (with("component", json!(never)), 404, "no_component", "component"),
        (with("component", json!("x")), 422, "invalid", "tools[0].component"),
        (with("function", json!("nothing")), 422, "no_function", "function"),
        (with("function", json!("next")), 422, "no_function", "function"),
        (with("limits", json!({"fuel": 0})), 422, "bad_limits", "limits.fuel"),
        (with("input_schema", json!({"type": "object"})), 422, "invalid", "tools[0].input_schema"),
        (with("about", json!("x".repeat(5_000))), 422, "invalid", "tools"),
        (json!([{"name": "x"}]), 422, "invalid", "tools[0].component"),
        (json!([{"name": "x", "component": types}]), 422, "invalid", "tools[0].function"),
        (json!([{"name": "x", "function": "add"}]), 422, "invalid", "tools[0].component"),
        (caller(json!({"type": "array"})), 422, "invalid", "tools"),
        (caller(json!({"type": "object", "unevaluatedItems": false})), 422, "invalid", "tools"),
        (json!((0..65).map(|n| tool(&format!("t{n}"), &types, "add")).collect::<Vec<_>>()), 422, "invalid", "tools"),
        (json!([["x"]]), 400, "bad_json", "tools[0]"),
        (json!([{"name": "x", "more": 1}]), 400, "bad_json", "tools[0].more"),
    ] {
        let said = tools.to_string();
        let async_too = tools[0]["name"] == "ask" && tools[0]["about"].is_null();
        let body = json!({"language": "python", "code": "1", "tools": tools, "async": async_too});
        let reply = house.post(&house.admin, "/v1/execute", body).await;
        let field_told = reply.json()["field"].clone();
        assert_eq!(
            (reply.status, reply.code().as_str(), &field_told),
            (status, code, &json!(field)),
            "{said}: {reply:?}"
        );
    }
    let body = json!({"language": "python", "code": "1", "tools": [add()], "deterministic": {"seed": 1}});
    let reply = house.post(&house.admin, "/v1/execute", body).await;
    assert_eq!((reply.code().as_str(), reply.json()["field"].as_str()), ("invalid", Some("tools")));
    assert!(reply.json()["detail"].as_str().unwrap().contains("deterministic"), "{reply:?}");
    // What a caller may not see he cannot call either.
    let blind = json!({"actions": ["runs:create", "runs:read"]});
    house.with_json(&house.admin, "PUT", "/v1/roles/blind", blind).await.is(200);
    let mole = house.person("mole", &["blind"]).await;
    assert_eq!(execute(&house, &mole, "python", "1", json!([add()])).await.code(), "denied");
}
