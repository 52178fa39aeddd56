//! Who is known on a server and what they may, from the command line.

use serde_json::json;

use super::Desk;
use super::desk::fails;

#[tokio::test(flavor = "multi_thread")]
async fn principals_are_made_changed_and_forgotten() {
    let desk = Desk::new().await;
    desk.ok(&["principal", "set", "ci", "--kind", "service", "--role", "developer", "--label", "team=a"]);
    let shown = desk.json(&["principal", "show", "ci", "--json"]);
    assert_eq!((&shown["kind"], &shown["roles"]), (&json!("service"), &json!(["developer"])));
    assert!(desk.ok(&["principal", "list"]).contains("ci  service  developer  team=a\n"));
    let key = desk.file("key", desk.ok(&["key", "create", "--name", "ci", "--principal", "ci"]));
    let own = |args: &[&str]| desk.there(&[args, &["--api-key-file", key.to_str().unwrap()]].concat());
    assert!(own(&["runs", "list"]).status.success());
    // What is left out is taken away.
    desk.ok(&["principal", "set", "ci", "--kind", "service", "--suspended"]);
    fails(&own(&["runs", "list"]), 117, "[bad_credential]");
    assert!(desk.ok(&["principal", "list"]).contains("ci  service      suspended\n"));
    assert_eq!(desk.ok(&["principal", "delete", "ci"]), "ci is deleted\n");
    desk.fails(&["principal", "show", "ci"], 117, "[not_found]");
    desk.fails(&["principal", "set", "x", "--label", "a"], 2, "NAME=VALUE");
    let people = desk.json(&["principal", "list", "--json"])["principals"].as_array().unwrap().len();
    assert_eq!(people, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_defined_and_deleted() {
    let desk = Desk::new().await;
    desk.ok(&["role", "set", "runner", "--action", "runs:*", "--action", "components:read", "--own-only"]);
    let shown = desk.json(&["role", "show", "runner", "--json"]);
    assert_eq!((&shown["actions"], &shown["own_only"]), (&json!(["runs:*", "components:read"]), &json!(true)));
    let list = desk.ok(&["role", "list"]);
    assert!(
        list.contains("runner  own, for what is his  runs:*,components:read\n") && list.contains("admin  built in")
    );
    assert_eq!(desk.json(&["role", "delete", "runner", "--json"]), json!({"deleted": "runner"}));
    desk.fails(&["role", "show", "runner"], 117, "[not_found]");
    desk.fails(&["role", "set", "admin", "--action", "runs:*"], 117, "[role_reserved]");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_of_a_server_are_put_in_force_and_taken_out() {
    let desk = Desk::new().await;
    let text = r#"forbid (principal, action == Action::"runs:create", resource);"#;
    let file = desk.file("night.cedar", text);
    desk.ok(&["policy", "set", "night", file.to_str().unwrap()]);
    assert_eq!(desk.json(&["policy", "show", "night", "--json"])["text"], text);
    assert!(desk.ok(&["policy", "list"]).starts_with("night  2"));
    let wrong = desk.file("wrong.cedar", "forbid (principal");
    desk.fails(&["policy", "set", "night", wrong.to_str().unwrap()], 117, "[policy_syntax]");
    desk.fails(&["policy", "set", "night", "nowhere"], 2, "[unreadable_file]");
    assert_eq!(desk.ok(&["policy", "delete", "night"]), "night is deleted\n");
    assert_eq!(desk.ok(&["policy", "list"]), "");
    // What is asked without a server still is, and only there.
    assert!(desk.here(&["policy", "check", file.to_str().unwrap()]).status.success());
    fails(&desk.here(&["policy", "check", file.to_str().unwrap(), "--server", &desk.house.url]), 2, "[no_equal]");
    fails(&desk.here(&["policy", "list"]), 2, "[bad_server]");
    desk.fails(&["policy", "list", "--no-cache"], 2, "[no_equal]");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_and_revoked() {
    let desk = Desk::new().await;
    let made = desk.json(&["token", "create", "--scope", "runs:read", "--ttl-seconds", "60", "--json"]);
    let own = |args: &[&str]| desk.there(&[args, &["--api-key", made["token"].as_str().unwrap()]].concat());
    assert!(own(&["runs", "list"]).status.success());
    fails(&own(&["workspace", "create", "w"]), 117, "[scope]");
    let id = made["id"].as_str().unwrap();
    assert_eq!(desk.ok(&["token", "revoke", id]), format!("{id} is revoked\n"));
    fails(&own(&["runs", "list"]), 117, "[bad_credential]");
    let alone = desk.ok(&["token", "create", "--scope", "runs:*"]);
    assert_eq!((alone.lines().count(), alone.matches('.').count()), (1, 2), "{alone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_are_made_bounded_and_closed() {
    let desk = Desk::new().await;
    let key = desk.file("key", desk.ok(&["tenant", "create", "acme", "--admin", "boss"]));
    let own = |args: &[&str]| desk.there(&[args, &["--api-key-file", key.to_str().unwrap()]].concat());
    assert!(own(&["whoami"]).status.success());
    let before = desk.json(&["tenant", "show", "acme", "--json"]);
    desk.ok(&[
        "tenant",
        "set",
        "acme",
        "--ceiling",
        "keys=7",
        "--ceiling",
        "limits.fuel=1000",
        "--ceiling",
        "clocks=false",
    ]);
    let after = desk.json(&["tenant", "show", "acme", "--json"]);
    let mut expected = before["ceilings"].clone();
    (expected["keys"], expected["limits"]["fuel"], expected["clocks"]) = (json!(7), json!(1_000), json!(false));
    assert_eq!(after["ceilings"], expected);
    desk.ok(&["tenant", "set", "acme", "--ceiling", "limits.fuel=none"]);
    let widest = desk.json(&["tenant", "show", "acme", "--json"])["ceilings"]["limits"]["fuel"].as_u64().unwrap();
    assert!(widest > before["ceilings"]["limits"]["fuel"].as_u64().unwrap());
    desk.fails(&["tenant", "set", "acme", "--ceiling", "nothing=1"], 117, "nothing");
    desk.ok(&["tenant", "set", "acme", "--closed", "true"]);
    fails(&own(&["whoami"]), 117, "[bad_credential]");
    assert!(desk.ok(&["tenant", "list"]).lines().any(|line| line.starts_with("acme  ") && line.ends_with("  closed")));
}
