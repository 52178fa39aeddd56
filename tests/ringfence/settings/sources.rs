//! File, environment, flags: which one counts, and that nothing that a person says is lost without a word.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use ringfence::config::{Settings, SettingsError, check_variables, variable_of};
use serde_json::Value;

use super::table::ROWS;
use crate::support::WORKER;

/// All keys that a file may have, as the reader itself names them when it is given one that it does not know.
fn every_key() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut sections = vec![String::new()];
    while let Some(section) = sections.pop() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let header = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        std::fs::write(file.path(), format!("{header}zzz = 1\n")).unwrap();
        let error = Settings::load(Some(file.path()), |_| None, &[]).unwrap_err().to_string();
        let known = error.split("expected ").nth(1).unwrap_or_else(|| panic!("{error}"));
        for name in known.split('`').skip(1).step_by(2) {
            let key = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            std::fs::write(file.path(), format!("{key} = 'zzz'\n")).unwrap();
            // What a word cannot be told for is a section; a list is a key.
            let told = Settings::load(Some(file.path()), |_| None, &[]).err().map(|error| error.to_string());
            if told.is_some_and(|told| told.contains("expected struct")) {
                sections.push(key);
            } else {
                keys.insert(key);
            }
        }
    }
    keys
}

#[test]
fn every_key_has_a_row_and_can_be_said_in_the_environment() {
    let keys = every_key();
    assert!(keys.len() > 30, "{keys:?}");
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.key.to_owned()).collect();
    assert_eq!(rows.len(), ROWS.len(), "a key has two rows");
    let missing: Vec<_> = keys.difference(&rows).collect();
    assert!(missing.is_empty(), "no test shows what these settings do: add rows to settings/table.rs: {missing:?}");
    let gone: Vec<_> = rows.difference(&keys).collect();
    assert!(gone.is_empty(), "there are no such settings: {gone:?}");
    let known: BTreeSet<String> = Settings::keys().into_iter().map(|(key, _)| key).collect();
    assert_eq!(known, keys, "Settings::keys and what a file may have differ");
}

fn leaf(settings: &Settings, key: &str) -> Value {
    let whole = serde_json::to_value(settings).unwrap();
    key.split('.').fold(whole, |at, step| at[step].clone())
}

/// For every key: a flag is stronger than the environment, and that than the file.
#[test]
fn flags_are_stronger_than_the_environment_and_that_than_the_file() {
    for row in ROWS {
        let [in_file, in_environment, in_flags] = row.values;
        // Some are checked together with others.
        let beside = match row.key {
            "tls.cert_file" => "tls.key_file = 'k'\n",
            "tls.key_file" => "tls.cert_file = 'k'\n",
            _ => "",
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{beside}{} = {in_file}\n", row.key)).unwrap();
        let name = variable_of(row.key);
        let environment = |asked: &str| (asked == name).then(|| in_environment.to_owned());
        let flags = [(row.key.to_owned(), in_flags.to_owned())];
        let load = |environment: &dyn Fn(&str) -> Option<String>, flags: &[(String, String)]| {
            let loaded = Settings::load(Some(file.path()), environment, flags);
            leaf(&loaded.unwrap_or_else(|error| panic!("{}: {error}", row.key)), row.key)
        };
        let all = [load(&|_| None, &[]), load(&environment, &[]), load(&environment, &flags)];
        assert_ne!(all[0], all[1], "{}: the environment changes nothing", row.key);
        assert_ne!(all[1], all[2], "{}: a flag changes nothing", row.key);
        let only_flag = load(&|_| None, &flags);
        assert_eq!(only_flag, all[2], "{}", row.key);
    }
}

fn config(args: &[&str], environment: &[(&str, &str)]) -> std::process::Output {
    let mut command = Command::new(WORKER);
    command.args(args).env_clear().env("HOME", "/nowhere").envs(environment.iter().copied()).output().unwrap()
}

fn shown(args: &[&str], environment: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let output = config(&[args, &["config", "show", "--json"]].concat(), environment);
    assert!(output.status.success(), "{output:?}");
    let whole: Value = serde_json::from_slice(&output.stdout).unwrap();
    let engine = whole["engine"].as_object().unwrap().clone();
    let mut all: BTreeMap<String, Value> = engine.into_iter().collect();
    all.insert("data_dir".into(), whole["data_dir"].clone());
    all.insert("filter".into(), whole["log"]["filter"].clone());
    all
}

/// The flags that every command has hold for a service as well, and so do the variables that others know.
#[test]
fn the_flags_and_variables_of_other_commands_hold_for_a_service() {
    let flags = [
        ("--data-dir", "/d", "data_dir", Value::from("/d")),
        ("--cache-dir", "/c", "cache_dir", Value::from("/c")),
        ("--cache-bytes", "1KiB", "cache_bytes", Value::from(1024)),
        ("--disk-reserve-bytes", "2KiB", "disk_reserve_bytes", Value::from(2048)),
        ("--module-bytes", "3KiB", "module_bytes", Value::from(3072)),
        ("--compile-deadline-ms", "4", "compile_deadline_ms", Value::from(4)),
        ("--compile-memory-bytes", "1GiB", "compile_memory_bytes", Value::from(1 << 30)),
    ];
    for (flag, value, key, expected) in flags {
        assert_eq!(shown(&[flag, value], &[])[key], expected, "{flag}");
    }
    let listen = config(&["config", "show", "--json", "--listen", "127.0.0.1:7"], &[]);
    assert_eq!(serde_json::from_slice::<Value>(&listen.stdout).unwrap()["http"]["listen"], "127.0.0.1:7");
    assert_eq!(shown(&["--no-cache"], &[])["cache"], Value::from(false));
    let weak = [("RINGFENCE_CACHE_DIR", "/c"), ("RINGFENCE_CACHE_BYTES", "1KiB"), ("RINGFENCE_LOG", "trace")];
    let all = shown(&[], &weak);
    assert_eq!((&all["cache_dir"], &all["cache_bytes"]), (&Value::from("/c"), &Value::from(1024)));
    assert_eq!(all["filter"], "trace");
    let own = [weak[0], weak[1], ("RINGFENCE_ENGINE_CACHE_DIR", "/own"), ("RINGFENCE_DATA_DIR", "/data")];
    let all = shown(&["--cache-bytes", "7"], &own);
    assert_eq!((&all["cache_dir"], &all["cache_bytes"]), (&Value::from("/own"), &Value::from(7)));
    assert_eq!(all["data_dir"], "/data");
    let twice = config(&["config", "check", "--cache-bytes", "1", "--set", "engine.cache_bytes=2"], &[]);
    assert!(String::from_utf8(twice.stderr).unwrap().contains("leave one out"));
}

#[test]
fn a_variable_that_means_nothing_is_refused_with_the_one_that_was_meant() {
    for (wrong, meant) in [
        ("RINGFENCE_HTTP_BODYBYTES", "RINGFENCE_HTTP_BODY_BYTES"),
        ("RINGFENCE_HTTP_LISTN", "RINGFENCE_HTTP_LISTEN"),
        ("RINGFENCE_CACHEDIR", "RINGFENCE_CACHE_DIR"),
        ("RINGFENCE_APIKEY", "RINGFENCE_API_KEY"),
    ] {
        for command in [&["config", "check"][..], &["config", "show"], &["serve", "--listen", "127.0.0.1:0"]] {
            let output = config(command, &[(wrong, "1")]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(wrong) && said.contains(meant) && said.lines().count() == 1, "{said}");
        }
        // Others are not about the settings of a service, and go on.
        assert!(config(&["fs", "presets"], &[(wrong, "1")]).status.success());
    }
    let known = [
        "RINGFENCE_SERVER",
        "RINGFENCE_FUZZ_SECONDS",
        "RINGFENCE_GUESTS_DIR",
        "RINGFENCE_TOOLS_DIR",
        "RINGFENCE_TEST_DOCKER_HOST",
        "PATH",
    ];
    check_variables(known.into_iter().map(str::to_owned)).unwrap();
    let rows = ROWS.iter().map(|row| variable_of(row.key));
    check_variables(rows).unwrap();
    let error = check_variables(["RINGFENCE_X".to_owned()]).unwrap_err();
    assert!(matches!(error, SettingsError::Variable { .. }), "{error}");
}

const ISSUER: &str = "[[identity.tokens.issuers]]\nissuer = 'https://idp.example'\naudience = 'ringfence'\n\
                      tenant = 'acme'\nalgorithms = ['RS256']\nkeys = { jwks_url = 'https://idp.example/keys' }\n";

/// `config check` says of settings what `serve` says of them.
#[test]
fn what_a_start_refuses_is_refused_by_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ringfence.toml");
    let said = |text: &str, command: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let data = dir.path().join("data").display().to_string();
        let output = config(&[command, &["--config", file.to_str().unwrap(), "--data-dir", &data]].concat(), &[]);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let check = ["config", "check"];
    for good in [
        ISSUER.to_owned(),
        "http.listen = '0.0.0.0:0'\nhttp.allow_plain_http = true".to_owned(),
        "http.listen = '0.0.0.0:0'\ntls.self_made = true".to_owned(),
    ] {
        assert_eq!(said(&good, &check), (Some(0), String::new()), "{good}");
    }
    for (bad, words) in [
        (format!("{ISSUER}tenant_claim = 'org'"), "tokens.issuers[0].tenant: say either"),
        (format!("{ISSUER}clock_skew_s = 100000"), "tokens.issuers[0].clock_skew_s"),
        (ISSUER.replace("https://idp.example/keys", "http://evil.example/keys"), "tokens.issuers[0].keys"),
        (ISSUER.replace("jwks_url = 'https://idp.example/keys'", "pem_file = '/nowhere.pem'"), "/nowhere.pem"),
        (format!("{ISSUER}{ISSUER}"), "tokens.issuers[1].audience"),
        ("http.listen = '0.0.0.0:0'".to_owned(), "0.0.0.0:0 is not an address of this machine alone"),
        ("tls.cert_file = '/no.cert'\ntls.key_file = '/no.key'".to_owned(), "/no.cert"),
        ("tls.cert_file = '/a'\ntls.key_file = '/b'\ntls.self_made = true".to_owned(), "tls.self_made"),
    ] {
        let (code, told) = said(&bad, &check);
        assert!(code == Some(2) && told.contains(words) && told.lines().count() == 1, "{bad}: {told}");
        let bad = if bad.contains("http.listen") { bad } else { format!("http.listen = '127.0.0.1:0'\n{bad}") };
        let (code, told) = said(&bad, &["serve"]);
        assert!(code != Some(0) && told.contains(words), "{bad}: {told}");
    }
}

/// The same of the folders, none of which is made or changed by the check.
#[test]
fn what_a_start_refuses_of_folders_is_refused_by_the_check() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path).display().to_string();
    let folder = |path: &str, mode: u32| {
        std::fs::create_dir(at(path)).unwrap();
        std::fs::set_permissions(at(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::write(at("file"), "").unwrap();
    folder("loose", 0o755);
    folder("damaged #1", 0o700);
    std::fs::write(at("damaged #1/ringfence.db"), "no database, and much longer than nothing").unwrap();
    let there = || {
        let all = [dir.path().to_path_buf(), at("loose").into(), at("damaged #1").into()];
        let entries = all.into_iter().flat_map(|path| std::fs::read_dir(path).unwrap());
        entries.map(|entry| entry.unwrap().path()).collect::<BTreeSet<_>>()
    };
    let before = there();
    let new = at("new");
    for (flags, code, words) in [
        (vec!["--data-dir", &at("file")], "data_dir_unusable", "it is no folder"),
        (vec!["--data-dir", &at("file/x")], "data_dir_unusable", "that is no folder"),
        (vec!["--data-dir", &at("loose")], "data_dir_unusable", "(mode 755); make it private (chmod 700)"),
        (vec!["--data-dir", "/proc/x"], "data_dir_unusable", "in /proc"),
        (vec!["--data-dir", &at("damaged #1")], "store_damaged", "is damaged"),
        (vec!["--data-dir", &new, "--cache-dir", &at("loose")], "cache_unusable", "chmod 700"),
        (vec!["--data-dir", &new, "--cache-dir", "/proc/x"], "cache_unusable", "/proc/x"),
    ] {
        let check = config(&[&flags[..], &["config", "check"]].concat(), &[]);
        let told = String::from_utf8(check.stderr).unwrap();
        assert!(
            check.status.code() == Some(2) && told.contains(words) && told.lines().count() == 1,
            "{flags:?}: {told}"
        );
        assert_eq!(there(), before, "{flags:?}");
        if flags.len() == 2 {
            let serve = config(&[&flags[..], &["serve", "--listen", "127.0.0.1:0"]].concat(), &[]);
            let told = String::from_utf8(serve.stderr).unwrap();
            let refused = !serve.status.success() && told.contains(words) && told.contains(&format!("[{code}]"));
            assert!(refused, "{flags:?}: {told}");
        }
        std::fs::remove_file(at("damaged #1/serve.lock")).ok();
    }
    folder("open", 0o777);
    std::fs::write(at("open/key"), "").unwrap();
    std::fs::set_permissions(at("open/key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let before = there();
    for (set, words) in [
        (format!("audit.dir={}", at("open")), "the audit log in"),
        (format!("audit.dir={}", at("file")), "that is no folder"),
        (format!("audit.dir={}", at("none/audit")), "make the folder that it is to lie in"),
        (format!("audit.key_file={}", at("open/key")), "the audit log in"),
    ] {
        let check = config(&["config", "check", "--data-dir", &new, "--set", &set], &[]);
        let told = String::from_utf8(check.stderr).unwrap();
        assert!(!check.status.success() && told.contains(words) && there() == before, "{set}: {told}");
        let serve = config(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &at("serves"), "--set", &set], &[]);
        assert!(!serve.status.success(), "{set}: {serve:?}");
        std::fs::remove_dir_all(at("serves")).unwrap();
    }
    let good = config(&["config", "check", "--data-dir", &at("new/er")], &[]);
    assert!(good.status.success() && there() == before, "{good:?}");
}

/// What would be found out only at the start, or never.
#[test]
fn what_cannot_be_used_is_refused_before_the_start() {
    for (set, words) in [
        ("log.filter=ringfence=loud", "log.filter"),
        ("tls.cert_file=/x", "tls.key_file"),
        ("identity.guesses.window_s=0", "identity.guesses.window_s"),
        ("identity.tokens.max_ttl_s=5", "identity.tokens.default_ttl_s"),
        ("audit.alerts.denials.window_s=0", "audit.alerts.denials.window_s is 0; it must be 1 to"),
        ("audit.alerts.failed_logins.window_s=0", "audit.alerts.failed_logins.window_s"),
        ("audit.alerts.failed_logins.act=suspend_key", "audit.alerts.failed_logins.act"),
        ("audit.alerts.webhook.tries=0", "audit.alerts.webhook.tries"),
        ("audit.alerts.subjects=1", "audit.alerts.subjects"),
        ("http.nothing=1", "http.nothing"),
        ("http.page=many", "http.page, from flags: `many` is no whole number"),
        ("engine.module_bytes=0", "engine.module_bytes is 0, but must be at least 1"),
        ("engine.cache_bytes=0", "engine.cache_bytes is 0"),
        ("engine.compile_deadline_ms=0", "engine.compile_deadline_ms is 0"),
        ("http.body_bytes=0", "http.body_bytes is 0"),
        ("http.upload_bytes=0", "http.upload_bytes is 0"),
        ("http.header_bytes=0", "http.header_bytes is 0"),
        ("http.body_bytes=1TiB", "write a whole number of bytes, or one with KiB, MiB or GiB"),
        ("runs.sweep_seconds=31", "runs.sweep_seconds is 31, but must be at most 30"),
        ("engine.compile_memory_bytes=1", "engine.compile_memory_bytes is 1, but must be at least"),
        ("http.hosts=*.x", "http.hosts: `*.x` is"),
        ("http.hosts=fence.example,http://foo", "http.hosts: `http://foo` is"),
        ("http.hosts=fence.example:443", "http.hosts: `fence.example:443` is"),
        ("http.hosts=-x", "http.hosts: `-x` is"),
        ("backends.docker.cpus=0", "backends.docker.cpus is 0, but must be"),
        ("backends.docker.processes=0", "backends.docker.processes is 0, but must be"),
    ] {
        let output = config(&["config", "check", "--set", set], &[]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains(words), "{set}: {said}");
        let key = set.split('=').next().unwrap();
        assert!(said.matches(key).count() <= 1, "its name is said once: {said}");
    }
}

/// A file means by a path the same wherever it is read; who writes a flag or a variable means where he is.
#[test]
fn paths_in_a_file_begin_at_the_folder_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("etc")).unwrap();
    let file = dir.path().join("etc/ringfence.toml");
    let issuers = ["secret_file = 'idp.secret'", "pem_file = '../idp.pem'", "jwks_file = '/idp.jwks'"].map(|keys| {
        let (url, audience) = ("jwks_url = 'https://idp.example/keys'", keys.split('_').next().unwrap());
        ISSUER.replace(url, keys).replace("'ringfence'", &format!("'{audience}'"))
    });
    let text = format!(
        "data_dir = 'data'\ntls = {{ cert_file = 'cert', key_file = '/key' }}\nengine.cache_dir = 'code'\n\
         audit.dir = 'log'\naudit.key_file = 'k'\naudit.alerts.webhook.key_file = 'hook'\nbackends.docker.copies_dir = 'copies'\n{}\n\
         [[audit.forward]]\nname = 'a'\nkind = 'file'\npath = 'copy'\n\
         [[audit.forward]]\nname = 'b'\nkind = 'http'\nurl = 'https://siem.example/in'\n\
         ca_file = 'ca'\nheader_file = 'header'\nkey_file = 'sign'\n",
        issuers.concat()
    );
    std::fs::write(&file, text).unwrap();
    let said = |file: &std::path::Path| {
        let loaded = Settings::load(Some(file), |_| None, &[]).unwrap();
        let whole = serde_json::to_value(&loaded).unwrap();
        let at = |path: &str| whole.pointer(path).unwrap_or_else(|| panic!("{path}")).as_str().unwrap().to_owned();
        [
            at("/data_dir"),
            at("/tls/cert_file"),
            at("/tls/key_file"),
            at("/engine/cache_dir"),
            at("/audit/dir"),
            at("/audit/key_file"),
            at("/audit/alerts/webhook/key_file"),
            at("/backends/docker/copies_dir"),
            at("/audit/forward/0/path"),
            at("/audit/forward/1/ca_file"),
            at("/audit/forward/1/header_file"),
            at("/audit/forward/1/key_file"),
            at("/identity/tokens/issuers/0/keys/secret_file"),
            at("/identity/tokens/issuers/1/keys/pem_file"),
            at("/identity/tokens/issuers/2/keys/jwks_file"),
        ]
    };
    let in_etc = |path: &str| dir.path().join("etc").join(path).display().to_string();
    let paths = [
        "data",
        "cert",
        "/key",
        "code",
        "log",
        "k",
        "hook",
        "copies",
        "copy",
        "ca",
        "header",
        "sign",
        "idp.secret",
        "../idp.pem",
        "/idp.jwks",
    ];
    assert_eq!(said(&file), paths.map(in_etc));
    let known = Settings::keys().into_iter().filter(|(key, _)| key.ends_with("_file") || key.ends_with("dir"));
    assert_eq!(known.count(), 8, "and there are no others");
    // A start finds the file from any folder.
    std::fs::write(dir.path().join("etc/idp.secret"), "a shared secret of many characters, so that it is good")
        .unwrap();
    let secret =
        ISSUER.replace("RS256", "HS256").replace("jwks_url = 'https://idp.example/keys'", "secret_file = 'idp.secret'");
    std::fs::write(&file, secret).unwrap();
    let data = dir.path().join("data").display().to_string();
    let check = |file: &str, folder: &std::path::Path| {
        let mut command = Command::new(WORKER);
        command.args(["config", "check", "--config", file, "--data-dir", &data]).env_clear().current_dir(folder);
        command.output().unwrap().status.success()
    };
    assert!(check(file.to_str().unwrap(), "/".as_ref()) && check("etc/ringfence.toml", dir.path()));
    assert!(check("ringfence.toml", &dir.path().join("etc")));
    // The working directory, where a flag says it.
    let flag = [("tls.cert_file".to_owned(), "x".to_owned()), ("tls.key_file".to_owned(), "y".to_owned())];
    let loaded = Settings::load(Some(&file), |_| None, &flag).unwrap();
    assert_eq!(loaded.tls.cert_file.unwrap().to_str(), Some("x"));
}

/// As in the environment and flags; and what is no size is told with what is one.
#[test]
fn a_file_may_write_sizes_with_their_units() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let load = |text: &str| {
        std::fs::write(file.path(), text).unwrap();
        Settings::load(Some(file.path()), |_| None, &[])
    };
    let settings = load("http.body_bytes = '3MiB'\n[runs]\nhistory_bytes = '2GiB'\n[engine]\ncache_bytes = 7").unwrap();
    assert_eq!(
        (settings.http.body_bytes, settings.runs.history_bytes, settings.engine.cache_bytes),
        (3 << 20, 2 << 30, 7)
    );
    let hosts = load("http.hosts = ['fence.example', '192.0.2.1', '::1', 'a_b']").unwrap().http.hosts;
    assert_eq!(hosts.len(), 4);
    for (text, words) in [
        ("http.body_bytes = '1TiB'", "http.body_bytes: `1TiB` is not a size: write"),
        ("http.body_bytes = '1MiB'\nhttp.page = 'x'", "`http.page`"),
        ("http.page = '1KiB'", "line 1"),
    ] {
        let error = load(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
}
