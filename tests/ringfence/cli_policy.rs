//! `ringfence policy`: whether policies would be taken, and who may do what.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::service::House;
use crate::support::WORKER;

struct Cli(tempfile::TempDir);

const NIGHT: &str = r#"@id("night") forbid (principal, action == Action::"runs:create", resource)
when { context.now > datetime("2030-01-01") };
@id("greedy") forbid (principal in Role::"developer", action == Action::"runs:create", resource)
when { context has wants && context.wants.fuel > 5000 };
@id("office") permit (principal == Principal::"ci", action == Action::"runs:read", resource)
when { context.address.isInRange(ip("10.0.0.0/8")) && resource.hasTag("team") };
"#;

impl Cli {
    fn new(files: &[(&str, &str)]) -> Self {
        let cli = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            std::fs::write(cli.0.path().join(name), text).unwrap();
        }
        cli
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(WORKER);
        command.arg("policy").args(args).current_dir(self.0.path()).env_remove("RINGFENCE_DATA_DIR");
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    fn says(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, args: &[&str], code: i32) -> Value {
        serde_json::from_str(&self.says(&[args, &["--json"]].concat(), code)).unwrap()
    }
}

#[test]
fn policies_are_checked_with_the_place_of_each_mistake() {
    let broken = "permit (principal, action, resource)\nwhen { context.colour == 1 };\n\
                  forbid (principal, action == Action::\"runs:fly\", resource);\n";
    let cli = Cli::new(&[
        ("night.cedar", NIGHT),
        ("broken.cedar", broken),
        ("again.cedar", NIGHT),
        ("syntax.cedar", "permit ("),
    ]);
    assert_eq!(cli.says(&["check", "night.cedar"], 0), "night.cedar: would be taken: night, greedy, office\n");
    let said = cli.says(&["check", "night.cedar", "broken.cedar"], 117);
    assert!(said.contains("broken.cedar:2:8: error: ") && said.contains("broken.cedar:3:30: error: "), "{said}");
    let told = cli.json(&["check", "broken.cedar"], 117);
    assert_eq!((&told["ok"], &told["files"][0]["code"]), (&json!(false), &json!("policy_invalid")));
    let places: Vec<_> = told["files"][0]["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["line"].clone(), f["column"].clone()))
        .collect();
    assert_eq!(places, [(json!(2), json!(8)), (json!(3), json!(30))]);
    assert_eq!(cli.json(&["check", "syntax.cedar"], 117)["files"][0]["code"], "policy_syntax");
    // Each is right, and the two cannot hold at once.
    let told = cli.json(&["check", "night.cedar", "again.cedar"], 117);
    assert!(told["files"][1]["ok"] == true && told["together"].as_str().unwrap().contains("`night`"), "{told}");
    let long = Cli::new(&[("long.cedar", &"// long\n".repeat(20_000))]);
    assert_eq!(long.json(&["check", "long.cedar"], 117)["files"][0]["code"], "policy_too_long");
    cli.says(&["check", "nothing.cedar"], 2);
    cli.says(&["check"], 2);
}

#[test]
fn who_may_do_what_is_explained_from_files() {
    let roles = json!([{"name": "reader", "actions": ["runs:read"], "own_only": true}]).to_string();
    let cli = Cli::new(&[("night.cedar", NIGHT), ("roles.json", &roles)]);
    let ask = |more: &[&str], code: i32| {
        cli.json(
            &[&["explain", "--principal", "ci", "--policy", "night.cedar", "--roles", "roles.json"], more].concat(),
            code,
        )
    };
    let at_day = ["--at", "2026-11-21T12:00:00Z", "--role", "developer"];
    let told = ask(&[&["runs:create"][..], &at_day, &["--fuel", "5000"]].concat(), 0);
    assert_eq!((&told["allowed"], &told["policies"]), (&json!(true), &json!(["role:developer"])));
    assert_eq!((&told["roles"], &told["scopes"]), (&json!([{"role": "developer", "reach": "all"}]), &Value::Null));
    let told = ask(&[&["runs:create"][..], &at_day, &["--fuel", "5001"]].concat(), 115);
    assert_eq!((&told["reason"], &told["policies"]), (&json!("forbidden"), &json!(["greedy"])));
    let told = ask(&["runs:create", "--role", "agent", "--at", "2031-01-01T00:00:00Z"], 115);
    assert_eq!(told["policies"], json!(["night"]));
    let told = ask(&[&["runs:create"][..], &at_day, &["--scope", "keys:*"]].concat(), 115);
    assert_eq!((&told["reason"], &told["scopes"]), (&json!("scope"), &json!([])));
    // By a role, its own and others'; by a policy that asks from where, and about what.
    let own = ask(&["runs:read", "--role", "reader", "--owner", "ci", "--scope", "runs:*", "--scope", "*"], 0);
    assert_eq!((&own["policies"], &own["scopes"]), (&json!(["role:reader:own"]), &json!(["runs:*", "*"])));
    assert_eq!(own["roles"], json!([{"role": "reader", "reach": "own"}]));
    assert_eq!(ask(&["runs:read", "--role", "reader", "--owner", "bob"], 115)["reason"], "no_policy");
    let office = ["runs:read", "--address", "10.1.2.3", "--label", "team=red"];
    assert_eq!(ask(&office, 0)["policies"], json!(["office"]));
    ask(&office[..3], 115);
    let said = cli.says(&["explain", "--principal", "ci", "runs:read", "--role", "viewer"], 0);
    assert!(said.contains("role        viewer gives it for everything in the tenant"), "{said}");
    let all = cli.says(&["explain", "--principal", "ci", "--role", "viewer"], 0);
    assert!(
        all.contains("allowed  runs:read                 role:viewer\n") && all.contains("denied   runs:create"),
        "{all}"
    );
    for bad in
        [&["runs:fly"][..], &["runs:read", "--kind", "robot"], &["runs:read", "--scope", "files"], &["--at", "noon"]]
    {
        cli.says(&[&["explain", "--principal", "ci"], bad].concat(), 2);
    }
}

/// What the data folder says is what the service decides, by the API and without it.
#[tokio::test]
async fn who_may_do_what_is_explained_from_a_data_folder() {
    let house = House::new().await;
    let admin = &house.admin;
    house.with_json(admin, "PUT", "/v1/policies/night", json!({"text": NIGHT})).await.is(200);
    house.with_json(admin, "PUT", "/v1/roles/clerk", json!({"actions": ["roles:read"]})).await.is(200);
    house
        .with_json(admin, "PUT", "/v1/principals/dev", json!({"kind": "agent", "roles": ["developer", "clerk"]}))
        .await
        .is(201);
    let data = house.dir.path().join("data").display().to_string();
    let cli = Cli::new(&[]);
    let wants = json!({"fuel": 6000, "memory_bytes": 1, "deadline_ms": 1, "network": false, "backend": "wasm"});
    for (action, flags, more) in [
        ("runs:create", &["--fuel", "6000"][..], json!({"wants": wants})),
        ("runs:create", &["--at", "2031-01-01T00:00:00Z"], json!({"at": "2031-01-01T00:00:00Z"})),
        ("roles:read", &[], json!({})),
        ("roles:read", &["--scope", "keys:*"], json!({"scopes": ["keys:*"]})),
        ("runs:read", &["--owner", "dev"], json!({"owner": "dev"})),
        (
            "runs:read",
            &["--address", "10.0.0.1", "--label", "team=a"],
            json!({"address": "10.0.0.1", "labels": {"team": "a"}}),
        ),
    ] {
        let mut body = json!({"principal": "dev", "action": action, "id": "any"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let by_api = house.post(admin, "/v1/policy-explain", body).await.is(200);
        let args = [&["explain", action, "--data", &data, "--principal", "dev"], flags].concat();
        let code = if by_api["allowed"] == true { 0 } else { 115 };
        let told = cli.json(&args, code);
        for field in ["allowed", "reason", "message", "policies", "scopes"] {
            assert_eq!(told[field], by_api[field], "{action} {flags:?} {field}");
        }
        for given in told["roles"].as_array().unwrap() {
            assert_eq!(by_api["roles"][given["role"].as_str().unwrap()], given["reach"], "{action}");
        }
    }
    for bad in [&["--principal", "nobody"][..], &["--principal", "dev", "--tenant", "nowhere"]] {
        assert_ne!(cli.run(&[&["explain", "runs:read", "--data", &data], bad].concat()).status.code(), Some(0));
    }
    let missing = cli.run(&["explain", "--data", "/nowhere", "--principal", "dev"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("holds no store"), "{missing:?}");
    // However the folder is named, it is asked.
    let night = ["explain", "runs:create", "--principal", "dev", "--at", "2031-01-01T00:00:00Z", "--json"];
    let named = [&night[..], &["--data-dir", &data]].concat();
    let told: Value = serde_json::from_str(&cli.says(&named, 115)).unwrap();
    assert_eq!(told["policies"], json!(["greedy", "night"]));
    let by_variable = |args: &[&str]| cli.command(args).env("RINGFENCE_DATA_DIR", &data).output().unwrap();
    let told: Value = serde_json::from_slice(&by_variable(&night).stdout).unwrap();
    assert_eq!(told["policies"], json!(["greedy", "night"]));
    std::fs::write(cli.0.path().join("none.cedar"), "forbid (principal == Principal::\"nobody\", action, resource);")
        .unwrap();
    let from_files = [&night[..], &["--policy", "none.cedar", "--role", "developer"]].concat();
    let told = by_variable(&from_files);
    assert!(told.status.success(), "files are stronger than the environment: {told:?}");
    for (args, words) in [
        ([&named[..], &["--data", &data]].concat(), "leave one out"),
        ([&from_files[..], &["--data-dir", &data]].concat(), "leave it out"),
    ] {
        let output = cli.run(&args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn what_is_said_of_running_is_refused_where_nothing_runs() {
    let cli = Cli::new(&[("night.cedar", NIGHT)]);
    let check = ["policy", "check", "night.cedar"];
    let explain = ["policy", "explain", "runs:read", "--principal", "ci", "--role", "viewer"];
    let fs = ["fs", "presets"];
    let output = Command::new(WORKER).args(explain).args(["--at", "foo"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("2031-01-01T00:00:00Z"), "{output:?}");
    for command in [&check[..], &explain, &fs] {
        for flag in [
            &["--no-cache"][..],
            &["--module-bytes", "1"],
            &["--cache-dir", "c"],
            &["--cache-bytes", "1"],
            &["--disk-reserve-bytes", "1"],
            &["--compile-deadline-ms", "1"],
            &["--compile-memory-bytes", "1"],
            &["--data-dir", "/nonexist"],
        ] {
            let output = Command::new(WORKER).args(command).args(flag).current_dir(cli.0.path()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let asked = command == explain && flag[0] == "--data-dir";
            let words = if asked { "holds no store" } else { flag[0] };
            assert!(!output.status.success() && said.contains(words), "{command:?} {flag:?}: {output:?}");
        }
    }
}
