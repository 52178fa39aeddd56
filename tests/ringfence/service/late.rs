//! A05: a body that comes slowly keeps no right open that is taken away meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::House;

const PROGRAM: &str = "(module (func (export \"_start\")))";
/// A tar that holds nothing.
const TAR: [u8; 1024] = [0; 1024];

/// A request of which half the body is under way.
struct Half {
    what: String,
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Half {
    async fn new(house: &House, key: &str, (method, path): (&str, &str), body: &[u8]) -> Self {
        let at = house.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(at).await.unwrap();
        let (first, rest) = body.split_at(body.len() / 2);
        let kind = if body == TAR { "application/x-tar" } else { "application/json" };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {at}\r\nx-api-key: {key}\r\ncontent-type: {kind}\r\n\
             expect: 100-continue\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // It asks for the body when it knows who is calling.
        let mut told = [0; 25];
        let reading = stream.read_exact(&mut told);
        tokio::time::timeout(Duration::from_secs(120), reading).await.expect("the body is asked for").unwrap();
        assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n", "{path}");
        stream.write_all(first).await.unwrap();
        Self { what: path.to_owned(), stream, rest: rest.to_vec() }
    }

    /// Half of each request by which somebody could keep or get something.
    async fn of_all(house: &House, key: &str, own: &str, program: &str) -> Vec<Self> {
        let text = |value: Value| value.to_string().into_bytes();
        let asked = [
            ("POST", "/v1/keys", text(json!({"name": "late"}))),
            ("PUT", own, text(person(&["admin"], false))),
            ("PUT", "/v1/principals/late", text(person(&["admin"], false))),
            ("POST", "/v1/tenants", text(json!({"id": "late", "admin": "me"}))),
            ("PUT", "/v1/policies/late", text(json!({"text": "permit (principal, action, resource);"}))),
            ("PUT", "/v1/roles/late", text(json!({"actions": ["runs:read"]}))),
            ("POST", "/v1/runs", text(json!({"component": program, "async": true}))),
            ("POST", "/v1/sandboxes", text(json!({}))),
            ("PUT", "/v1/workspaces/late", TAR.to_vec()),
        ];
        let mut halves = Vec::new();
        for (method, path, body) in &asked {
            halves.push(Self::new(house, key, (method, path), body).await);
        }
        halves
    }

    /// Sends the rest; the status that it is told.
    async fn end(mut self) -> (String, u16) {
        // It may be told before it has sent all.
        let _ = self.stream.write_all(&self.rest).await;
        let mut told = Vec::new();
        let reading = self.stream.read_to_end(&mut told);
        let _ = tokio::time::timeout(Duration::from_secs(120), reading).await.expect("it is answered");
        let told = String::from_utf8_lossy(&told).into_owned();
        let status = told.split(' ').nth(1).and_then(|status| status.parse().ok());
        (self.what, status.unwrap_or_else(|| panic!("{told}")))
    }
}

fn person(roles: &[&str], suspended: bool) -> Value {
    json!({"kind": "person", "roles": roles, "suspended": suspended})
}

async fn program(house: &House, key: &str) -> String {
    let request = house.ask("POST", "/v1/components").header("x-api-key", key).body(PROGRAM);
    House::send(request).await.is(201)["digest"].as_str().unwrap().to_owned()
}

/// Nothing that was asked for late is there.
async fn nothing_came_of_it(house: &House, key: &str, way: &str) {
    for path in ["principals/late", "tenants/late", "policies/late", "workspaces/late"] {
        assert_eq!(house.get(key, &format!("/v1/{path}")).await.status, 404, "{way}: {path}");
    }
    for (path, of) in [("keys?limit=100", "keys"), ("roles", "roles"), ("runs", "runs"), ("sandboxes", "sandboxes")] {
        let all = house.get(key, &format!("/v1/{path}")).await.is(200);
        let late = |one: &Value| one["name"] == "late" || matches!(of, "runs" | "sandboxes");
        assert!(!all[of].as_array().unwrap().iter().any(late), "{way}: {all}");
    }
}

#[tokio::test]
async fn nothing_comes_of_what_was_half_asked_when_rights_are_taken_away() {
    let house = House::new().await;
    let admin = &house.admin;
    let program = program(&house, admin).await;
    let at = "/v1/principals/mallory";
    for way in ["revoked", "suspended", "deleted", "demoted"] {
        house.with_json(admin, "PUT", at, person(&["admin"], false)).await;
        let made = house.post(admin, "/v1/keys", json!({"name": "m", "principal": "mallory"})).await.is(201);
        let (key, id) = (made["secret"].as_str().unwrap(), made["key"]["id"].as_str().unwrap());
        let halves = Half::of_all(&house, key, at, &program).await;
        match way {
            "revoked" => house.delete(admin, &format!("/v1/keys/{id}")).await.is(204),
            "suspended" => house.with_json(admin, "PUT", at, person(&["admin"], true)).await.is(200),
            "deleted" => house.delete(admin, at).await.is(204),
            _ => house.with_json(admin, "PUT", at, person(&[], false)).await.is(200),
        };
        for half in halves {
            let (what, status) = half.end().await;
            // One who is let in still is told what he may not do; an upload was permitted, and ends.
            let wanted = if way == "demoted" && !what.contains("workspaces") { 403 } else { 401 };
            assert_eq!(status, wanted, "{way}: {what}");
        }
        nothing_came_of_it(&house, admin, way).await;
        let mallory = house.get(admin, at).await;
        match way {
            "revoked" => {}
            "suspended" => assert_eq!(mallory.is(200)["suspended"], true),
            "deleted" => assert_eq!(mallory.status, 404),
            _ => assert_eq!(mallory.is(200)["roles"], json!([])),
        }
    }
}

#[tokio::test]
async fn nothing_comes_of_what_was_half_asked_in_a_tenant_that_is_closed() {
    let house = House::new().await;
    let boss = house.tenant("acme").await;
    let halves = Half::of_all(&house, &boss, "/v1/principals/boss", &program(&house, &boss).await).await;
    let open = |open: bool| house.with_json(&house.admin, "PATCH", "/v1/tenants/acme", json!({"open": open}));
    open(false).await.is(200);
    for half in halves {
        let (what, status) = half.end().await;
        assert_eq!(status, 401, "{what}");
    }
    open(true).await.is(200);
    nothing_came_of_it(&house, &boss, "closed").await;
}

/// What is decided of a sandbox is decided of it as it is when all has come.
#[tokio::test]
async fn nothing_comes_of_what_was_half_asked_of_a_sandbox_that_is_frozen_meanwhile() {
    let house = House::new().await;
    let admin = &house.admin;
    let program = program(&house, admin).await;
    let mallory = house.person("mallory", &["admin"]).await;
    let text = r#"forbid (
        principal == Principal::"mallory", action in [Action::"sandboxes:run", Action::"sandboxes:write_files"], resource
    ) when { resource.hasTag("frozen") };"#;
    house.with_json(admin, "PUT", "/v1/policies/frozen", json!({"text": text})).await.is(200);
    let sandbox = house.sandbox(admin).await;
    let run = json!({"component": program}).to_string().into_bytes();
    let asked = [
        ("POST", format!("{sandbox}/runs"), run),
        ("PUT", format!("{sandbox}/files?path=late"), b"late".to_vec()),
        ("PUT", format!("{sandbox}/archive"), TAR.to_vec()),
    ];
    for (labels, status) in [(json!({"frozen": ""}), 403), (json!({}), 200)] {
        let mut halves = Vec::new();
        for (method, path, body) in &asked {
            halves.push(Half::new(&house, &mallory, (method, path), body).await);
        }
        house.with_json(admin, "PATCH", &sandbox, json!({"labels": labels})).await.is(200);
        for half in halves {
            let (what, told) = half.end().await;
            let wanted = match what.rsplit('/').next() {
                Some("files?path=late") if status == 200 => 204,
                // This holds nothing that could be unpacked; that is seen after he was let.
                Some("archive") if status == 200 => 422,
                _ => status,
            };
            assert_eq!(told, wanted, "{what}");
        }
        let runs = house.get(admin, "/v1/runs").await.is(200);
        assert_eq!(runs["runs"].as_array().unwrap().len(), usize::from(status == 200), "{runs}");
        let file = house.get(admin, &format!("{sandbox}/files?path=late")).await.status;
        assert_eq!(file, if status == 200 { 200 } else { 404 });
        house.with_json(admin, "PATCH", &sandbox, json!({"labels": {}})).await.is(200);
    }
}
