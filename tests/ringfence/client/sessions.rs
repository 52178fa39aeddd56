use serde_json::json;

use super::Desk;
use crate::snippets::shelved;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_on_a_server_is_made_called_interrupted_restarted_and_deleted() {
    let desk = Desk::new().await;
    shelved(&desk.house.dir.path().join("data")).await;
    let made = desk.json(&["session", "create", "javascript", "--json"]);
    let id = made["id"].as_str().unwrap();
    assert_eq!((&made["state"], &made["calls"]), (&json!("idle"), &json!(0)));
    assert_eq!(desk.ok(&["session", "run", id, "let n = 6; console.log('hi')"]), "hi\n");
    desk.file("step.js", "n * m");
    assert_eq!(desk.ok(&["session", "run", id, "--file", "step.js", "--var", "m=7", "--value"]), "42\n");
    let told = desk.json(&["session", "run", id, "n + process.argv.length", "--json", "--", "a"]);
    assert_eq!(told["outcome"]["answer"]["count"], 3, "{told}");
    assert_eq!(told["session"], json!(id));
    let failed = desk.there(&["session", "run", id, "missing()"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&failed.stderr).contains("ReferenceError"), "{failed:?}");
    let line = format!("{id}  javascript  idle  4 calls  {}\n", made["sandbox"].as_str().unwrap());
    assert_eq!(desk.ok(&["session", "list"]), line);
    assert!(desk.ok(&["session", "show", id]).contains("calls"));
    let forks = desk.json(&["session", "fork", id, "--count", "2", "--json"]);
    let fork = forks["sessions"][1]["id"].as_str().unwrap();
    assert_eq!(desk.ok(&["session", "run", fork, "n++, n", "--value"]), "7\n");
    assert_eq!(desk.ok(&["session", "run", id, "n", "--value"]), "6\n");
    for fork in forks["sessions"].as_array().unwrap() {
        desk.ok(&["session", "delete", fork["id"].as_str().unwrap()]);
    }
    assert_eq!(desk.json(&["session", "interrupt", id, "--json"])["state"], "idle");
    let ended = desk.there(&["session", "run", id, "for (;;);", "--deadline-ms", "100"]);
    assert_eq!(ended.status.code(), Some(112), "{ended:?}");
    desk.fails(&["session", "run", id, "n"], 117, "[session_ended]");
    assert_eq!(desk.json(&["session", "restart", id, "--json"])["calls"], 0);
    assert_eq!(desk.ok(&["session", "run", id, "typeof n", "--value"]), "'undefined'\n");
    assert_eq!(desk.ok(&["session", "delete", id]), format!("{id} is gone\n"));
    desk.fails(&["session", "show", id], 117, "[not_found]");
    // In a sandbox that is there; one that was made for a session that could not be goes again.
    let sandbox = desk.json(&["sandbox", "create", "--json", "--limits", "medium"]);
    let sandbox = sandbox["id"].as_str().unwrap();
    let second = desk.json(&["session", "create", "javascript", "--sandbox", sandbox, "--json"]);
    assert_eq!(second["sandbox"], json!(sandbox));
    let before = desk.json(&["sandbox", "list", "--json"])["sandboxes"].as_array().unwrap().len();
    desk.fails(&["session", "create", "ruby"], 117, "[invalid]");
    assert_eq!(desk.json(&["sandbox", "list", "--json"])["sandboxes"].as_array().unwrap().len(), before);
}
