use serde_json::{Value, json};

use super::shelved;
use crate::service::{House, Reply};

async fn house() -> House {
    let house = House::new().await;
    shelved(&house.dir.path().join("data")).await;
    house
}

async fn execute(house: &House, body: Value) -> Reply {
    house.post(&house.admin, "/v1/execute", body).await
}

#[tokio::test]
async fn a_snippet_is_run_and_answered_over_http() {
    let house = house().await;
    let body = json!({"language": "python", "code": "print('hi')\nimport sys\nprint('oh', file=sys.stderr)\nprint('ho')\n[n * 2 for n in ns]", "variables": {"ns": [1, 2]}});
    let run = execute(&house, body).await.is(200);
    assert_eq!(run["outcome"]["kind"], "answered");
    assert_eq!(run["outcome"]["code"], 0);
    assert_eq!(run["outcome"]["answer"]["value"], json!({"text": "[2, 4]", "json": [2, 4]}));
    assert_eq!((&run["stdout"]["text"], &run["stderr"]["text"]), (&json!("hi\nho\n"), &json!("oh\n")));
    assert_eq!(run["order"], json!([3, 3, 3]));
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    assert_eq!(house.get(&house.admin, &path).await.is(200)["outcome"], run["outcome"], "it is in the history");
    let run = execute(&house, json!({"language": "javascript", "code": "null.x", "filename": "a.js"})).await.is(200);
    let error = &run["outcome"]["answer"]["error"];
    assert_eq!((&error["name"], &error["line"]), (&json!("TypeError"), &json!(1)));
    assert!(error["traceback"].as_str().unwrap().contains("a.js"), "{error}");
    let listed = house.get(&house.admin, "/v1/runs?outcome=answered").await.is(200);
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2);
    let runtimes = house.get(&house.admin, "/v1/runtimes").await.is(200);
    assert_eq!(runtimes["runtimes"][1]["name"], "python");
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_with_the_field_at_fault() {
    let house = house().await;
    for (body, field) in [
        (json!({"language": "ruby", "code": "1"}), "language"),
        (json!({"language": "../python", "code": "1"}), "language"),
        (json!({"language": "python", "code": "1", "variables": [1]}), "variables"),
        (json!({"language": "python", "code": "1", "filename": "a\nb"}), "filename"),
        (json!({"language": "python", "code": "1", "at": "/x"}), "at"),
        (json!({"language": "python", "code": "1", "limits": {"fuel": 0}}), "limits.fuel"),
    ] {
        let refused = execute(&house, body.clone()).await;
        assert_eq!((refused.status, refused.json()["field"].as_str()), (422, Some(field)), "{body}");
    }
    let viewer = house.person("eve", &["viewer"]).await;
    let body = json!({"language": "python", "code": "1"});
    assert_eq!(house.post(&viewer, "/v1/execute", body.clone()).await.code(), "denied");
    assert_eq!(house.get(&viewer, "/v1/runtimes").await.code(), "denied");
    let agent = house.person("bot", &["agent"]).await;
    house.post(&agent, "/v1/execute", body).await.is(200);
}

#[tokio::test]
async fn a_snippet_streams_is_limited_and_has_the_files_of_a_workspace() {
    let house = house().await;
    let key = &house.admin;
    let body = json!({"language": "python", "code": "print('one', flush=True)\nprint('two')\n3"});
    let streamed = house.ask("POST", "/v1/execute").header("x-api-key", key).header("accept", "text/event-stream");
    let streamed = House::send(streamed.json(&body)).await;
    let text = String::from_utf8(streamed.bytes).unwrap();
    let order: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!((order.first(), order.last()), (Some(&"started"), Some(&"done")), "{text}");
    assert!(order.contains(&"stdout") && text.contains("\"kind\":\"answered\""), "{text}");
    let spin = json!({"language": "javascript", "code": "for (;;);", "limits": {"deadline_ms": 200}});
    assert_eq!(execute(&house, spin).await.is(200)["outcome"]["kind"], "deadline_exceeded");
    house.put(key, "/v1/workspaces/w", crate::service::tar(&[(".env", "X=1"), ("a.txt", "milk")])).await.is(201);
    let body = json!({
        "language": "python", "workspace": "w", "preset": "agent-safe",
        "code": "import os\n[sorted(os.listdir()), open('a.txt').read(), os.path.exists('.env')]"
    });
    let run = execute(&house, body).await.is(200);
    assert_eq!(run["outcome"]["answer"]["value"]["json"], json!([["a.txt"], "milk", false]), "{run}");
}
