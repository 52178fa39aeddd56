//! Functions of whoever asks for the run: he hears of each call over the open stream, and answers it.

use serde_json::json;

use super::tool_calls::{Watch, answer, ask_tool, house, recorded, value};

#[tokio::test]
async fn code_calls_functions_of_its_caller_over_the_open_stream() {
    let house = house().await;
    let key = &house.admin;
    for (language, code) in [
        ("python", "from ringfence import tools\nprint('first', flush=True)\n[tools.ask(q='a'), tools.ask(q='b')]"),
        ("javascript", "console.log('first'); [tools.ask({ q: 'a' }), tools.ask({ q: 'b' })]"),
    ] {
        let body = json!({"language": language, "code": code, "tools": [ask_tool()]});
        let mut watch = Watch::execute(&house, key, &body).await;
        let id = watch.until("started").await["id"].as_str().unwrap().to_owned();
        assert!(
            watch.until("stdout").await["text"].as_str().unwrap().starts_with("first"),
            "what was written before it"
        );
        let call = watch.until("tool_call").await;
        assert_eq!((&call["name"], &call["input"]), (&json!("ask"), &json!({"q": "a"})));
        // Whoever looks now, or again, is told what waits.
        let again = Watch::events(&house, key, &id).await.until("tool_call").await;
        assert_eq!(again["call"], call["call"]);
        answer(&house, key, &id, &call, json!({"result": {"n": [1, null]}})).await.is(204);
        let next = watch.until("tool_call").await;
        assert_ne!(next["call"], call["call"]);
        assert_eq!(answer(&house, key, &id, &call, json!({"result": 1})).await.code(), "no_call", "it was answered");
        answer(&house, key, &id, &next, json!({"result": null})).await.is(204);
        let run = watch.until("result").await;
        assert_eq!(value(&run), json!([{"n": [1, null]}, null]), "{language}");
        assert_eq!(watch.until("done").await["id"], id);
        assert_eq!(answer(&house, key, &id, &next, json!({"result": 1})).await.code(), "run_over");
        let calls = recorded(&house, &run).await;
        assert!(calls[0]["details"]["answered"].as_str().unwrap().starts_with("req_"), "{calls:#?}");
    }
}

/// What the signature in the guest lets through is what the schema takes here.
#[tokio::test]
async fn python_passes_on_what_the_schema_of_its_caller_takes() {
    let house = house().await;
    let key = &house.admin;
    let schema = json!({
        "type": "object", "required": ["$filter"], "additionalProperties": {"type": "string"},
        "properties": {"from": {"type": ["string", "null"]}, "$filter": {"type": "integer"}}
    });
    let code = "from ringfence import tools, ToolError\nseen = [tools.find(from_=None, other='x', **{'$filter': 3.0})]\ntry: tools.find(other=1, **{'$filter': 3})\nexcept ToolError as error: seen.append(error.code)\nseen";
    let body = json!({"language": "python", "code": code, "tools": [{"name": "find", "input_schema": schema}]});
    let mut watch = Watch::execute(&house, key, &body).await;
    let id = watch.until("started").await["id"].as_str().unwrap().to_owned();
    let call = watch.until("tool_call").await;
    assert_eq!(call["input"], json!({"from": null, "other": "x", "$filter": 3.0}));
    answer(&house, key, &id, &call, json!({"result": 1})).await.is(204);
    assert_eq!(value(&watch.until("result").await), json!([1, "bad_input"]));
}

/// C07: what a caller answers is somebody's word as well, and what comes late is told so.
#[tokio::test]
async fn c07_wrong_late_and_huge_answers_are_told_and_leave_the_call_as_it_is() {
    let house = house().await;
    let key = &house.admin;
    let code = "from ringfence import tools, ToolError\nfrom _ringfence_world.imports import tools as host\nseen = []\nfor q in ['a', 'x' * 101, 7, 'b']:\n  try: seen.append(tools['ask'](q) if q != 7 else host.call('ask', '{\"q\": 7}'))\n  except ToolError as error: seen.append([error.code, error.message, error.retry])\n  except Exception as error: seen.append(error.value.message)\nseen";
    let body = json!({"language": "python", "code": code, "tools": [ask_tool()], "limits": {"result_bytes": 2_000}, "async": true});
    let run = house.post(key, "/v1/execute", body).await.is(202);
    let id = run["id"].as_str().unwrap();
    let mut watch = Watch::events(&house, key, id).await;
    let call = watch.until("tool_call").await;
    for (wrong, status, code) in [
        (json!({}), 422, "invalid"),
        (json!({"result": 1, "error": {"code": "x", "message": "y"}}), 422, "invalid"),
        (json!({"error": {"code": "Not a word", "message": "y"}}), 422, "invalid"),
        (json!({"error": {"code": "x", "message": "y".repeat(5_000)}}), 422, "invalid"),
        (json!({"error": {"code": "x"}}), 400, "bad_json"),
        (json!({"result": "y".repeat(3_000)}), 413, "too_large"),
    ] {
        let reply = answer(&house, key, id, &call, wrong).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
    }
    let other = json!({"call": "call_00000000000000000000000000000000"});
    assert_eq!(answer(&house, key, id, &other, json!({"result": 1})).await.code(), "no_call");
    let viewer = house.person("eve", &["viewer"]).await;
    assert_eq!(answer(&house, &viewer, id, &call, json!({"result": 1})).await.code(), "denied");
    let agent = house.person("bot", &["agent"]).await;
    assert_eq!(answer(&house, &agent, id, &call, json!({"result": 1})).await.code(), "denied", "it is not his");
    let failed = json!({"error": {"code": "not_now", "message": "try later", "retry": true}});
    answer(&house, key, id, &call, failed).await.is(204);
    let next = watch.until("tool_call").await;
    assert_eq!(next["input"], json!({"q": "b"}), "what does not fit is not told");
    answer(&house, key, id, &next, json!({"result": "fine"})).await.is(204);
    let seen = value(&watch.until("result").await);
    assert_eq!((&seen[0], &seen[3]), (&json!(["not_now", "try later", true]), &json!("fine")));
    let unfit = seen[1][1].as_str().unwrap();
    assert!(
        seen[1][0] == "bad_input" && unfit.contains("$.q: there are 101 characters, and 100 are the most"),
        "{seen}"
    );
    assert!(seen[2].as_str().unwrap().contains("$.q: expected string, found number"), "{seen}");
    // Nobody answers: the run waits no longer than it may, and what comes then is too late.
    let code = "from ringfence import tools\ntools.ask(q='a')";
    let limits = json!({"deadline_ms": 2_000});
    let body = json!({"language": "python", "code": code, "tools": [ask_tool()], "limits": limits});
    let mut watch = Watch::execute(&house, key, &body).await;
    let id = watch.until("started").await["id"].as_str().unwrap().to_owned();
    let call = watch.until("tool_call").await;
    let run = watch.until("result").await;
    assert_eq!(run["outcome"]["kind"], "deadline_exceeded", "{run}");
    assert_eq!(answer(&house, key, &id, &call, json!({"result": 1})).await.code(), "run_over");
    while recorded(&house, &run).await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(recorded(&house, &run).await[0]["details"]["outcome"], "unanswered");
}
