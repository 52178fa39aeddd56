//! Folders of a native command: copied in under the rules, brought back under the rules.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;

use ringfence::backends::{Backend, BackendName};
use ringfence::engine::{CopyOnWrite, Mount};
use ringfence::fs_policy::{Level, Rules};
use ringfence::model::{Outcome, Report};

use super::world::{command, mount, natives, roomy};

fn put(dir: &Path, path: &str, words: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, words).unwrap();
}

fn read(dir: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(dir.join(path)).ok()
}

async fn shell(process: &Arc<dyn Backend>, mount: Mount, script: &str) -> Report {
    let mut run = command(&["/bin/sh", "-c", script], roomy());
    run.mounts = vec![mount];
    process.run(run).await.unwrap()
}

fn denied(report: &Report, tried: &str, path: &str) -> bool {
    report.denials.iter().any(|denial| denial.tried == tried && denial.path.as_deref() == Some(path))
}

#[tokio::test]
async fn a_folder_comes_back_as_the_command_left_it() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a/one", "1");
        put(dir.path(), "a/two", "2");
        put(dir.path(), "b/deep/three", "3");
        std::fs::set_permissions(dir.path().join("a/two"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let before = std::fs::metadata(dir.path().join("a/one")).unwrap();
        let script = "set -e; test \"$PWD\" = /data; test -x a/two; echo more >> a/two; mkdir -p c/d; echo new > c/d/new; \
        mv b/deep/three b/moved; rmdir b/deep; ln -s two a/link; chmod 600 a/two; touch empty";
        let report = shell(&process, mount(dir.path(), "/**:write"), script).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
        assert!(report.denials.is_empty(), "{report:?}");
        assert_eq!(read(dir.path(), "a/two").unwrap(), "2more\n");
        assert_eq!(read(dir.path(), "c/d/new").unwrap(), "new\n");
        assert_eq!(read(dir.path(), "b/moved").unwrap(), "3");
        assert_eq!(read(dir.path(), "empty").unwrap(), "");
        assert!(!dir.path().join("b/deep").exists());
        assert_eq!(std::fs::read_link(dir.path().join("a/link")).unwrap(), Path::new("two"));
        assert_eq!(std::fs::metadata(dir.path().join("a/two")).unwrap().mode() & 0o777, 0o600);
        // What was not touched is the same file as before.
        let after = std::fs::metadata(dir.path().join("a/one")).unwrap();
        assert_eq!((before.ino(), before.modified().unwrap()), (after.ino(), after.modified().unwrap()));
        assert!(report.usage.bytes_in >= 3 && report.usage.files_created >= 5, "{report:?}");
        assert!(
            !std::fs::read_dir(dir.path()).unwrap().any(|e| e
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("ringfence"))
        );
    }
}

#[tokio::test]
async fn what_was_written_is_there_whatever_ended_the_run() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        let mut run = command(&["/bin/sh", "-c", "echo kept > kept; sleep 600"], roomy());
        // An engine that is busy takes seconds to start a container, and that counts.
        run.limits.deadline_ms = if process.name() == BackendName::Docker { 8_000 } else { 700 };
        run.mounts = vec![mount(dir.path(), "/**:write")];
        let report = process.run(run).await.unwrap();
        assert_eq!(report.outcome.kind(), "deadline_exceeded");
        assert_eq!(read(dir.path(), "kept").unwrap(), "kept\n");
    }
}

#[tokio::test]
async fn what_may_not_be_made_is_told_and_never_brought_back() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "secrets/key", "key");
        put(dir.path(), "src/main", "main");
        let rules = "/**:write\n**/.env:none\n/secrets/**:none\n/src/*.lock:read";
        let script = "echo mine > .env; mkdir secrets; echo mine > secrets/key; echo mine > src/a.lock; echo fine > src/fine; \
        ln -s /etc/passwd out; ln -s ../../x up; mkfifo pipe; exit 0";
        let report = shell(&process, mount(dir.path(), rules), script).await;
        for (tried, path) in [
            ("create", "/data/.env"),
            ("create a folder", "/data/secrets"),
            ("create", "/data/src/a.lock"),
            ("create a link that leads out", "/data/out"),
            ("create a link that leads out", "/data/up"),
            ("create what is neither file, folder nor link", "/data/pipe"),
        ] {
            assert!(denied(&report, tried, path), "{tried} {path}: {:?}", report.denials);
        }
        assert_eq!(read(dir.path(), "secrets/key").unwrap(), "key");
        assert_eq!(read(dir.path(), "src/fine").unwrap(), "fine\n");
        for path in [".env", "src/a.lock", "out", "up", "pipe"] {
            assert!(dir.path().join(path).symlink_metadata().is_err(), "{path}");
        }
    }
}

#[tokio::test]
async fn what_may_not_be_changed_cannot_be_moved_replaced_or_removed() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "fixed/one", "1");
        put(dir.path(), "mixed/fixed", "2");
        put(dir.path(), "mixed/free", "3");
        let rules = "/**:write\n/fixed/**:read\n/mixed/fixed:read";
        let script = "for c in 'mv fixed other' 'rm -r fixed' 'touch fixed/new' 'rm mixed/fixed' 'mv mixed/free mixed/fixed' \
        'ln -f mixed/free mixed/fixed' 'chmod 777 mixed/fixed' 'sh -c \":> mixed/fixed\"'; do $c 2>/dev/null && echo \"$c\"; done; \
        mv mixed elsewhere && echo moved";
        let report = shell(&process, mount(dir.path(), rules), script).await;
        // A folder that holds what may not be changed goes along with it in the copy, and not on the disk.
        assert_eq!(String::from_utf8_lossy(&report.stdout.bytes), "moved\n");
        assert!(denied(&report, "remove", "/data/mixed/fixed"), "{:?}", report.denials);
        assert_eq!(read(dir.path(), "fixed/one").unwrap(), "1");
        assert_eq!(read(dir.path(), "mixed/fixed").unwrap(), "2");
        assert_eq!(read(dir.path(), "elsewhere/free").unwrap(), "3");
        assert!(!dir.path().join("mixed/free").exists());
    }
}

#[tokio::test]
async fn a_folder_that_holds_what_is_hidden_is_not_removed() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a/seen", "1");
        put(dir.path(), "a/hidden", "2");
        let report = shell(&process, mount(dir.path(), "/**:write\n/a/hidden:none"), "rm -r a").await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 });
        assert!(denied(&report, "remove a folder that holds what is hidden", "/data/a"), "{:?}", report.denials);
        assert_eq!(read(dir.path(), "a/hidden").unwrap(), "2");
        assert!(!dir.path().join("a/seen").exists());
    }
}

#[tokio::test]
async fn view_shows_names_sizes_and_times_and_nothing_inside() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "keys/id", "secret words");
        symlink("id", dir.path().join("keys/link")).unwrap();
        let script = "ls keys; stat -c %s keys/id; cat keys/id keys/link; readlink keys/link; chmod 600 keys/id; cat keys/id; \
        mount --bind keys /tmp; exit 0";
        let report = shell(&process, mount(dir.path(), "/**:view"), script).await;
        let said = String::from_utf8_lossy(&report.stdout.bytes).into_owned();
        assert_eq!(said, "id\nlink\n12\n", "{report:?}");
    }
}

#[tokio::test]
async fn files_that_a_workspace_lends_are_never_written_through() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        let (draft, blob) = (dir.path().join("draft"), dir.path().join("blob"));
        std::fs::create_dir(&draft).unwrap();
        std::fs::write(&blob, "shared").unwrap();
        std::fs::set_permissions(&blob, std::fs::Permissions::from_mode(0o444)).unwrap();
        std::fs::hard_link(&blob, draft.join("file")).unwrap();
        let mut folder = mount(&draft, "/**:write");
        folder.copy_on_write = Some(CopyOnWrite { copies: dir.path().to_owned(), held: Arc::new(()) });
        let report = shell(&process, folder, "echo changed > file").await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
        assert_eq!(std::fs::read_to_string(&blob).unwrap(), "shared");
        assert_eq!(read(&draft, "file").unwrap(), "changed\n");
    }
}

#[tokio::test]
async fn folders_that_cannot_be_given_are_refused_by_name() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        let at = |guest: &str| Mount { guest: guest.into(), ..mount(dir.path(), "/**:write") };
        for (mounts, named) in [
            (vec![at("/proc/x")], "/proc"),
            (vec![at("/etc")], "/etc"),
            (vec![at("/")], "absolute path below /"),
            (vec![at("data")], "absolute path below /"),
            (vec![at("/a/../b")], "absolute path below /"),
            (vec![at("/a"), at("/a/b")], "within one another"),
            (vec![mount("/proc", "/**:read")], "window into the kernel"),
        ] {
            let mut run = command(&["/bin/true"], roomy());
            run.mounts = mounts;
            let error = process.run(run).await.unwrap_err();
            assert_eq!(error.code(), "dir_unavailable", "{error}");
            assert!(error.to_string().contains(named), "{named}: {error}");
        }
        if process.name() == BackendName::Process {
            let mut run = command(&["/bin/true"], roomy());
            run.mounts = vec![at("/usr/new")];
            let error = process.run(run).await.unwrap_err();
            assert!(error.code() == "dir_unavailable" && error.to_string().contains("/usr/new"), "{error}");
        }
        // A thousand files that may not be written among those that may.
        for index in 0..1_001 {
            std::fs::write(dir.path().join(format!("{index}.fixed")), "").unwrap();
        }
        let mut run = command(&["/bin/true"], roomy());
        run.mounts = vec![mount(dir.path(), "/**:write\n/*.fixed:read")];
        let error = process.run(run).await.unwrap_err();
        assert!(error.code() == "dir_unavailable" && error.to_string().contains("1,000"), "{error}");
    }
}

/// A tree in which the rules of presets and of people have something to say.
const TREE: [&str; 22] = [
    ".env",
    ".env.example",
    ".git/config",
    ".git/refs/heads/main",
    "README.md",
    "a/.env",
    "a/b/c/d/secret.pem",
    "a/b/c/d/text",
    "a/id_rsa",
    "docs/index.md",
    "docs/private/notes.md",
    "node_modules/x/index.js",
    "output/result",
    "output/deep/er/result",
    "secrets/key",
    "src/lib.rs",
    "src/main.rs",
    "src/main.rs.lock",
    "src/tokens.json",
    "tmp/scratch",
    "x/y/z",
    "zip",
];

/// Level by level, what a command finds is what the rules say of each path: no more, and no less.
#[tokio::test]
async fn what_a_command_finds_is_what_the_rules_say() {
    for process in natives().await {
        let script = "find . -type f | cut -c2- | sort | while read -r f; do r=-; w=-; cat \".$f\" >/dev/null 2>&1 && r=r; \
        test -w \".$f\" && w=w; echo \"$f $r$w\"; done";
        for rules in [
            "preset agent-safe",
            "preset development",
            "preset read-only",
            "preset view-only",
            "preset full-access",
            "preset agent-safe\n/src/**:write\n/.env.example:read,priority=200",
            "/src/**:read\n**/*.md:view\n/src/*.lock:write\n/docs/private/**:none",
            "/**:none\n/a/b/c/d/text:write",
            "**/result:write\n/output/**:view",
            "/**:view\n/x:none,directory\n/src/**:write\n/src/main.rs:read,file",
        ] {
            let Ok(parsed) = rules.parse::<Rules>() else { panic!("{rules}") };
            let policy = parsed.policy(false).unwrap();
            let dir = tempfile::tempdir().unwrap();
            TREE.iter().for_each(|path| put(dir.path(), path, path));
            let report = shell(&process, mount(dir.path(), rules), script).await;
            let said = String::from_utf8(report.stdout.bytes.clone()).unwrap();
            let mut paths: Vec<String> = TREE.iter().map(|path| format!("/{path}")).collect();
            paths.sort();
            let expected: String = paths
                .iter()
                .filter(|path| {
                    // A rule for any depth leads through no folder that another hides in particular.
                    let above = path.match_indices('/').skip(1).map(|(at, _)| policy.spot_of(&path[..at]));
                    above.into_iter().all(|spot| policy.level(&spot) > Level::None || policy.is_passable(&spot))
                })
                .filter_map(|path| match policy.level_of(path) {
                    Level::None => None,
                    Level::View => Some(format!("{path} --\n")),
                    Level::Read => Some(format!("{path} r-\n")),
                    Level::Write => Some(format!("{path} rw\n")),
                })
                .collect();
            assert_eq!(said, expected, "{rules}: {report:?}");
            assert!(report.denials.is_empty(), "{rules}: {report:?}");
            TREE.iter().for_each(|path| assert_eq!(read(dir.path(), path).as_deref(), Some(*path), "{rules}"));
        }
    }
}

#[tokio::test]
async fn a_command_that_closes_its_copy_costs_the_host_nothing() {
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a/one", "b/two", "c/d/three", "four"] {
            put(dir.path(), path, path);
        }
        let script =
            "echo new > a/new; chmod 000 a; chmod 400 b; chmod 100 c/d; chmod 200 c; chmod 000 four; chmod 000 .";
        let report = shell(&process, mount(dir.path(), "/**:write"), script).await;
        assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
        assert!(report.denials.is_empty(), "{report:?}");
        for path in ["a/one", "b/two", "c/d/three"] {
            assert_eq!(read(dir.path(), path).as_deref(), Some(path));
        }
        assert_eq!(read(dir.path(), "a/new").as_deref(), Some("new\n"));
        assert_eq!(std::fs::metadata(dir.path().join("four")).unwrap().mode() & 0o777, 0);
    }
}

#[tokio::test]
async fn names_that_are_no_text_are_under_the_rules_too() {
    use std::os::unix::ffi::OsStrExt as _;
    for process in natives().await {
        let dir = tempfile::tempdir().unwrap();
        let odd = |name: &[u8]| dir.path().join(std::ffi::OsStr::from_bytes(name));
        std::fs::write(odd(b"fixed\xff"), "1").unwrap();
        std::fs::write(odd(b"free\xfe"), "2").unwrap();
        if process.name() == BackendName::Docker {
            // An engine cannot be told such a name, so what has it cannot be held fast.
            let mut run = command(&["/bin/true"], roomy());
            run.mounts = vec![mount(dir.path(), "/**:write\n/fixed*:read")];
            let error = process.run(run).await.unwrap_err();
            assert!(error.code() == "dir_unavailable" && error.to_string().contains("no text"), "{error}");
            continue;
        }
        let script = "for f in f*; do echo x 2>/dev/null > \"$f\"; done; rm -f f* 2>/dev/null; ls | wc -l";
        let report = shell(&process, mount(dir.path(), "/**:write\n/fixed*:read"), script).await;
        assert_eq!(String::from_utf8_lossy(&report.stdout.bytes).trim(), "1", "{report:?}");
        assert_eq!(std::fs::read(odd(b"fixed\xff")).unwrap(), b"1");
        assert!(!odd(b"free\xfe").exists());
    }
}
