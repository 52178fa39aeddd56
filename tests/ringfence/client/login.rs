use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use super::Desk;
use super::desk::fails;
use crate::service::House;
use crate::support::guest_path;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_keeps_a_key_that_was_checked_where_nobody_else_reads_it() {
    let desk = Desk::new().await;
    let (url, key) = (desk.house.url.clone(), desk.house.admin.clone());
    let login = ["login", "--server", &url];
    let file = desk.path(".config/ringfence/credentials.toml");
    fails(&desk.fed(desk.command(&login), b"rf_wrong\n"), 117, "[bad_credential]");
    fails(&desk.fed(desk.command(&login), b"\n"), 2, "[no_credential]");
    fails(&desk.here(&["whoami"]), 2, "[bad_server]");
    assert!(!file.exists(), "a key that does not open anything is not kept");

    let mut command = desk.command(&login);
    command.env("RINGFENCE_API_KEY", "rf_wrong");
    let output = desk.fed(command, format!("{key}\n").as_bytes());
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&url) && said.contains("(admin)") && !said.contains(&key), "{said}");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    let whoami = desk.here(&["whoami", "--json"]);
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&whoami.stdout).unwrap()["roles"][0], "admin");
    assert!(desk.here(&["whoami", "--server", "saved"]).status.success());
    assert!(desk.here(&["whoami", "--server", &url.replace("127.0.0.1", "127.1")]).status.success(), "one server");

    for (path, loose, private) in [(file.as_path(), 0o640, 0o600), (file.parent().unwrap(), 0o750, 0o700)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(loose)).unwrap();
        fails(&desk.here(&["whoami"]), 2, "[bad_file]");
        fails(&desk.fed(desk.command(&login), key.as_bytes()), 2, "[bad_file]");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(private)).unwrap();
    }
    assert!(desk.here(&["logout"]).status.success());
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&key));
    fails(&desk.here(&["whoami"]), 2, "[bad_server]");
    fails(&desk.here(&["whoami", "--server", &url]), 2, "[no_credential]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_forgets_the_server_that_the_environment_names() {
    let (desk, last) = (Desk::new().await, House::new().await);
    for house in [&desk.house, &last] {
        let login = desk.command(&["login", "--server", &house.url]);
        assert!(desk.fed(login, house.admin.as_bytes()).status.success());
    }
    let logout = || {
        let mut command = desk.command(&["logout"]);
        command.env("RINGFENCE_SERVER", &desk.house.url);
        desk.fed(command, b"")
    };
    let told = logout();
    assert!(told.status.success() && String::from_utf8_lossy(&told.stdout).contains(&desk.house.url), "{told:?}");
    fails(&desk.here(&["whoami", "--server", &desk.house.url]), 2, "[no_credential]");
    assert!(desk.here(&["whoami", "--server", &last.url]).status.success(), "the other is kept");
    fails(&logout(), 2, "[no_credential]");
    assert!(desk.here(&["whoami"]).status.success(), "and is the last login still");
}

/// Whoever is logged in has named no server: what can be done here is done here.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_alone_sends_no_run_to_the_server() {
    let desk = Desk::new().await;
    let login = desk.command(&["login", "--server", &desk.house.url]);
    assert!(desk.fed(login, desk.house.admin.as_bytes()).status.success());
    let hello = guest_path("hello");
    let run = ["run", hello.to_str().unwrap(), "--", "you"];
    assert_eq!(desk.here(&run).stdout, b"hello, you\n");
    assert_eq!(desk.here(&["runs", "list"]).stdout, b"", "nothing ran there");
    let named = [&["--server", "saved"], &run[..]].concat();
    assert_eq!(desk.here(&named).stdout, b"hello, you\n");
    assert_eq!(desk.here(&["runs", "list"]).stdout.iter().filter(|b| **b == b'\n').count(), 1);
    // A key alone names no server either, and says so: what was meant is not what would be done.
    fails(&desk.here(&[&["--api-key", "rf_x"], &run[..]].concat()), 2, "--server");
}

/// The key of one server is for that one: not for another, not for whom a server would send us to, not for the open.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_to_its_server_and_nowhere_else() {
    let desk = Desk::new().await;
    let login = desk.command(&["login", "--server", &desk.house.url]);
    assert!(desk.fed(login, desk.house.admin.as_bytes()).status.success());
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let elsewhere = format!("http://{}", other.local_addr().unwrap());
    fails(&desk.here(&["whoami", "--server", &elsewhere]), 2, "[no_credential]");

    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", door.local_addr().unwrap());
    let to = elsewhere.clone();
    let answering = std::thread::spawn(move || {
        let (mut caller, _) = door.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            caller.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let answer =
            format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}/v1/whoami\r\nContent-Length: 0\r\n\r\n");
        caller.write_all(answer.as_bytes()).unwrap();
    });
    fails(&desk.here(&["whoami", "--server", &address, "--api-key", "rf_other"]), 118, "[redirected]");
    answering.join().unwrap();
    assert_eq!(other.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody came");

    for address in
        ["http://192.0.2.1:7070", "http://example.org", "ftp://example.org", "example.org", "https://a:b@c.d"]
    {
        fails(&desk.here(&["whoami", "--server", address, "--api-key", "rf_x"]), 2, "[bad_server]");
    }
    let free = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    fails(&desk.here(&["whoami", "--server", &free, "--api-key", "rf_x"]), 118, "[unreachable]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_ones_own_is_believed_where_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name).display().to_string();
        std::fs::write(&path, text).unwrap();
        path
    };
    let (cert, key) = (file("cert.pem", made.cert.pem()), file("key.pem", made.signing_key.serialize_pem()));
    let desk = Desk::with(&[("tls.cert_file", &cert), ("tls.key_file", &key)]).await;
    assert!(desk.house.url.starts_with("https://"));
    fails(&desk.there(&["whoami"]), 118, "[unreachable]");
    assert!(desk.ok(&["whoami", "--ca", &cert]).contains("principal: "));
    desk.fails(&["whoami", "--ca", &key], 2, "[bad_file]");
    // A login remembers whom it believed.
    let login = desk.command(&["login", "--server", &desk.house.url, "--ca", &cert]);
    assert!(desk.fed(login, desk.house.admin.as_bytes()).status.success());
    assert!(desk.here(&["whoami"]).status.success());
    assert!(desk.here(&["whoami", "--server", &desk.house.url, "--api-key", &desk.house.admin]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_comes_from_a_file_or_a_flag_before_the_environment() {
    let desk = Desk::new().await;
    let key = desk.house.admin.clone();
    let file = desk.file("key", format!("{key}\n"));
    let with = |args: &[&str]| {
        let mut command = desk.command(args);
        command.env("RINGFENCE_SERVER", "http://127.0.0.1:1").env("RINGFENCE_API_KEY", "rf_wrong");
        tokio::task::block_in_place(|| command.output().unwrap())
    };
    let url = desk.house.url.as_str();
    fails(&with(&["whoami", "--server", url]), 117, "[bad_credential]");
    assert!(with(&["whoami", "--server", url, "--api-key", &key]).status.success());
    assert!(with(&["whoami", "--server", url, "--api-key-file", file.to_str().unwrap()]).status.success());
    fails(&with(&["whoami", "--server", url, "--api-key-file", "nowhere"]), 2, "[unreadable_file]");
    fails(&with(&["whoami", "--server", url, "--api-key", "a\nb"]), 2, "[bad_key]");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_keys_are_listed_however_many_a_page_has() {
    let desk = Desk::with(&[("http.page", "2")]).await;
    for name in ["a", "b", "c", "d"] {
        desk.ok(&["key", "create", "--name", name]);
    }
    assert_eq!(desk.json(&["key", "list", "--json"])["keys"].as_array().unwrap().len(), 5);
    assert_eq!(desk.ok(&["key", "list"]).lines().count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_listed_and_revoked() {
    let desk = Desk::new().await;
    let key = desk.ok(&["key", "create", "--name", "ci", "--scope", "runs:*", "--ttl-seconds", "600"]);
    assert!(key.starts_with("rf_") && key.lines().count() == 1, "{key}");
    let file = desk.file("key", &key);
    let own = |args: &[&str]| desk.there(&[args, &["--api-key-file", file.to_str().unwrap()]].concat());
    assert!(own(&["runs", "list"]).status.success());
    fails(&own(&["workspace", "create", "w"]), 117, "[scope]");
    let keys = desk.json(&["key", "list", "--json"]);
    let ci = keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == "ci").unwrap();
    let id = ci["id"].as_str().unwrap();
    assert!(desk.ok(&["key", "list"]).contains(&format!("{id}  ")));
    assert_eq!(desk.ok(&["key", "revoke", id]), format!("{id} is revoked\n"));
    fails(&own(&["runs", "list"]), 117, "[bad_credential]");
    assert!(desk.ok(&["key", "list"]).contains("revoked 2"));
}
