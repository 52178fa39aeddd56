//! F01 to F04 and F08 to F10 of the threat list: paths, links, races, full disks and everything that is no file.

use std::os::unix::fs::FileTypeExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ringfence::engine::{Mount, RunRequest};
use ringfence::fs_policy::Level;
use ringfence::model::{Grants, LimitName};

use crate::support::{assert_limit, assert_well, command, guest, limits, load, run, with};
use crate::world::World;

#[tokio::test]
async fn f01_strange_paths_stay_inside_or_are_refused() {
    let world = World::new();
    world.put("a/b/file", "text").put("back\\slash", "text");
    let long = "n".repeat(256);
    let longer = "a/../".repeat(1_000);
    let deep = "d/".repeat(1_000);
    let up = "../".repeat(400);
    for (path, answer) in [
        ("a/b/file", "ok text"),
        ("./a//b/./file", "ok text"),
        ("a/../a/b/file", "ok text"),
        ("a/b/../b/file", "ok text"),
        ("back\\slash", "ok text"),
        ("../inside/a/b/file", "PERM"),
        ("a/../../inside/a/b/file", "PERM"),
        ("/a/b/file", "PERM"),
        ("/etc/passwd", "PERM"),
        ("..", "PERM"),
        (up.as_str(), "PERM"),
        ("", "NOENT"),
        ("a/b/file/", "NOTDIR"),
        ("a/b/file/.", "NOTDIR"),
        ("a/b/file/..", "NOTDIR"),
        ("missing/../a/b/file", "NOENT"),
        ("a/b/FILE", "NOENT"),
        (long.as_str(), "NAMETOOLONG"),
        (longer.as_str(), "NAMETOOLONG"),
        (deep.as_str(), "NOENT"),
        ("ﬁle", "NOENT"),
    ] {
        assert_eq!(world.probe("", &[&format!("read|{path}")]).await, [answer], "{path}");
    }
    // The two forms of one name are two names, to the rules as to the disk.
    world.put("caf\u{e9}", "one").put("cafe\u{301}", "two");
    let lines = world.probe("/caf\u{e9}:read", &["read|caf\u{e9}", "read|cafe\u{301}"]).await;
    assert_eq!(lines, ["ok one", "NOENT"]);
    // A name that is no text is there, and cannot be told.
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff\xfe");
    std::fs::write(world.folder().join(name), "").unwrap();
    assert_eq!(world.probe("", &["ls|."]).await, ["ILSEQ"]);
    world.outside_is_as_it_was();
}

#[tokio::test]
async fn f02_links_never_lead_out() {
    let world = World::new();
    world.put("a/file", "text").put("secret/file", "hidden");
    world
        .link("out", "../outside")
        .link("absolute", world.dir.path().join("outside"))
        .link("passwd", "/etc/passwd")
        .link("in", "a/file")
        .link("a/up", "../a/file")
        .link("a/over", "../../outside")
        .link("chain1", "chain2")
        .link("chain2", "out")
        .link("loop1", "loop2")
        .link("loop2", "loop1")
        .link("folder", "a")
        .link("root", ".")
        .link("to-secret", "secret/file")
        .link("twist", "a/twist")
        .link("a/twist", "..");
    let rules = "/**:write\n/secret/:none,priority=1";
    for (path, answer) in [
        ("in", "ok text"),
        ("a/up", "ok text"),
        ("folder/file", "ok text"),
        ("folder/up", "ok text"),
        ("root/root/a/file", "ok text"),
        ("twist/a/file", "ok text"),
        ("twist/../outside", "PERM"),
        ("a/twist/../outside", "PERM"),
        ("out", "PERM"),
        ("absolute", "PERM"),
        ("passwd", "PERM"),
        ("a/over", "PERM"),
        ("chain1", "PERM"),
        ("loop1", "LOOP"),
        // Where it ends decides.
        ("to-secret", "NOENT"),
    ] {
        assert_eq!(world.probe(rules, &[&format!("read|{path}")]).await, [answer], "{path}");
        for operation in ["append|{}|x", "put|{}|x", "size|{}|0", "times|{}"] {
            if answer != "ok text" {
                let said = world.probe(rules, &[&operation.replace("{}", path)]).await;
                assert_eq!(said, [answer], "{operation} {path}");
            }
        }
    }
    for (target, answer) in [
        ("../outside", "PERM"),
        ("/etc/passwd", "PERM"),
        ("a/../../outside", "PERM"),
        ("folder/..", "PERM"),
        ("a/file", "ok"),
        ("nowhere", "ok"),
        ("", "NOENT"),
    ] {
        assert_eq!(world.probe(rules, &[&format!("sym|{target}|made"), "rm|made"]).await[0], answer, "{target}");
    }
    // From deeper down `..` stays inside; moved up it would not.
    let lines = world.probe(rules, &["sym|../in|a/new", "read|a/new", "mv|a/new|new", "mv|a/new|a/newer"]).await;
    assert_eq!(lines, ["ok", "ok text", "PERM", "ok"]);
    let moved = ["mkdir|a/d", "sym|../../in|a/d/l", "mv|a/d|d", "readlink|a/d/l"];
    assert_eq!(world.probe(rules, &moved).await, ["ok", "ok", "PERM", "ok ../../in"]);
    // A link as the parent of what is new, and one that leads nowhere.
    let lines = world
        .probe(rules, &["put|folder/made|x", "read|a/made", "put|chain2/x|x", "sym|later|early", "put|early|x"])
        .await;
    assert_eq!(lines, ["ok", "ok x", "PERM", "ok", "ok"]);
    assert_eq!(world.read("later").as_deref(), Some("x"));
    // What a link of the host's says is the host's.
    let lines = world.probe(rules, &["readlink|in", "readlink|absolute", "readlink|a/file", "lstat|out"]).await;
    assert_eq!((lines[0].as_str(), lines[1].as_str(), lines[2].as_str()), ("ok a/file", "PERM", "INVAL"));
    assert!(lines[3].starts_with("ok link"), "{lines:?}");
    world.outside_is_as_it_was();
}

#[tokio::test]
async fn f03_no_second_name_gives_more_than_the_first() {
    let world = World::new();
    world.put("read/file", "text").put("hidden/file", "secret").put("write/file", "mine").link("write/link", "file");
    let rules = "/read/:read\n/write/:write\n/other/:write\n/write/kept:none,priority=1";
    let lines = world
        .probe(
            rules,
            &[
                "ln|read/file|write/new",
                "ln|hidden/file|write/new",
                "ln|hidden/absent|write/new",
                "ln|write/file|read/new",
                "ln|write/file|hidden/new",
                "ln|write/file|write/kept",
                "ln|write/link|write/new",
                "ln|write/file|write/new",
                "append|write/new|+",
                "read|write/file",
            ],
        )
        .await;
    assert_eq!(lines, ["PERM", "NOENT", "NOENT", "PERM", "NOENT", "NOENT", "PERM", "ok", "ok", "ok mine+"]);
    assert_eq!(world.read("read/file").as_deref(), Some("text"));
}

#[tokio::test]
async fn f04_renames_carry_nothing_across_levels() {
    let world = World::new();
    world.put("a/.env", "secret").put("a/x", "1").put("b/x", "2").put("ro/x", "3").put("plain/deep/er/x", "4");
    let rules = "/**:write\n**/.env:none,priority=1\n/ro/:read,priority=1\n**/held/:read,priority=1";
    let lines = world
        .probe(
            rules,
            &[
                "mv|a|c",
                "mv|a/x|a/.env",
                "mv|a/.env|a/env",
                "mv|a/absent|a/env",
                "mv|a/x|ro/y",
                "mv|ro/x|y",
                "mv|b|b/inside",
                "mv|plain|plainer",
                "mv|plainer/deep|held",
                "mkdir|box",
                "mv|plainer/deep|box/held",
                "mv|b|plainer/b",
                "rmdir|a",
                "mkdir|empty",
                "rmdir|empty",
                "mv|a/x|a/y",
                "mv|a/|c",
            ],
        )
        .await;
    assert_eq!(
        lines,
        [
            "PERM", "NOENT", "NOENT", "NOENT", "PERM", "PERM", "INVAL", "ok", "PERM", "ok", "PERM", "ok", "PERM", "ok",
            "ok", "ok", "PERM"
        ]
    );
    assert_eq!(world.read("a/.env").as_deref(), Some("secret"));
    assert_eq!(world.read("plainer/deep/er/x").as_deref(), Some("4"));
}

/// Two names are exchanged thousands of times a second while the guest opens one of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f08_a_race_does_not_win() {
    for (other, path) in [("../outside", "victim"), ("..", "victim/outside"), ("secret", "victim")] {
        let world = World::new();
        world.put("secret", "secret").put("safe", "safe").put("safe-folder/outside", "safe");
        let folder = world.folder();
        let safe = if path == "victim" { "safe" } else { "safe-folder" };
        std::fs::rename(folder.join(safe), folder.join("victim")).unwrap();
        world.link("bait", other);
        let stop = Arc::new(AtomicBool::new(false));
        let swapper = {
            let (stop, folder) = (Arc::clone(&stop), folder.clone());
            std::thread::spawn(move || {
                let dir = std::fs::File::open(&folder).unwrap();
                let mut swaps = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    let flags = rustix::fs::RenameFlags::EXCHANGE;
                    rustix::fs::renameat_with(&dir, "victim", &dir, "bait", flags).unwrap();
                    swaps += 1;
                }
                swaps
            })
        };
        let rules = "/**:write\n/secret:none,priority=1\n/outside:read,priority=1";
        let limits = with(&[(LimitName::DeadlineMs, 30_000), (LimitName::Fuel, i64::MAX as u64)]);
        let report = world.report(rules, &[&format!("storm|{path}|4000")], limits).await;
        stop.store(true, Ordering::Relaxed);
        let swaps = swapper.join().unwrap();
        let said = String::from_utf8(report.stdout.bytes).unwrap();
        assert!(swaps > 100 && said.contains("opened"), "{swaps} swaps: {said}");
        assert!(!said.contains("secret") && !said.ends_with("outside\n") && !said.contains(": outside"), "{said}");
        // It was right at least sometimes: else nothing was tried.
        assert!(said.trim_end().ends_with("safe") || said.contains(" failed: \n"), "{said}");
        world.outside_is_as_it_was();
    }
    assert_well().await;
}

#[tokio::test]
async fn f09_a_disk_is_not_filled() {
    let world = World::new();
    world.put("f", "");
    for (operations, changes, limit) in [
        (vec!["size|f|4611686018427387904"], vec![], LimitName::WrittenBytes),
        (
            vec!["mkdir|a", "mkdir|b", "put|c|x", "sym|c|d", "ln|c|e"],
            vec![(LimitName::FilesCreated, 4)],
            LimitName::FilesCreated,
        ),
        (vec!["put|f|123456", "append|f|123456"], vec![(LimitName::WrittenBytes, 10)], LimitName::WrittenBytes),
        (vec!["ls|.", "ls|.", "ls|."], vec![(LimitName::EntriesRead, 10)], LimitName::EntriesRead),
    ] {
        let report = world.report("", &operations, with(&changes)).await;
        assert_limit(&report, limit);
    }
    assert!(std::fs::metadata(world.folder().join("f")).unwrap().len() < 100);
    // What fails takes nothing of the count.
    let lines =
        world.report("/**:read", &["mkdir|x", "mkdir|y", "put|z|1"], with(&[(LimitName::FilesCreated, 1)])).await;
    assert_eq!((lines.usage.files_created, lines.outcome.kind()), (0, "exited"));
}

/// The host keeps a reserve, whatever the limits of the run.
#[tokio::test]
async fn f09_the_disk_keeps_its_reserve() {
    let world = World::new();
    world.put("old", "text");
    let mut settings = crate::support::settings();
    settings.disk_reserve_bytes = u64::MAX / 2;
    let engine = ringfence::engine::Engine::new(settings).unwrap();
    let build = ringfence::engine::Build::of(&limits(), ringfence::model::Mode::Ordinary);
    let program = engine.load(guest("probe"), build).await.unwrap();
    let mut grants = Grants::clocks_and_randomness();
    grants.args = ["read|old", "put|new|x", "mkdir|d", "append|old|x", "size|old|100"].map(str::to_owned).to_vec();
    let mut request = RunRequest::new(command(), limits(), grants);
    request.mounts = vec![Mount::whole(world.folder(), "/", Level::Write)];
    let report = engine.run(&program, request).await.unwrap();
    let said = String::from_utf8(report.stdout.bytes).unwrap();
    let said: Vec<_> = said.lines().collect();
    assert_eq!(said[0], "ok text");
    assert!(said[1..].iter().all(|line| *line == "NOSPC"), "{said:?}");
}

#[tokio::test]
async fn f10_what_is_no_file_is_not_opened() {
    let world = World::new();
    let fifo = world.folder().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o666)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(world.folder().join("socket")).unwrap();
    assert!(fifo.metadata().unwrap().file_type().is_fifo());
    world.link("fd", "/proc/self/fd/0").link("null", "/dev/null").link("root", "/proc/self/root");
    for path in ["fifo", "socket", "fd", "null", "root/etc/passwd"] {
        for flags in ["r", "w", "rw", "ct"] {
            let said = world.probe("", &[&format!("open|{path}|{flags}")]).await;
            assert_eq!(said, ["PERM"], "{path} {flags}");
        }
    }
    // Looked at from the outside they are what they are.
    assert!(world.probe("", &["lstat|fifo"]).await[0].starts_with("ok other"));
}

/// Through `/proc` a guest would reach the memory of the host.
#[tokio::test]
async fn f10_windows_into_the_kernel_are_no_folders() {
    for host in ["/proc", "/proc/self", "/sys"] {
        let mut request = RunRequest::new(command(), limits(), Grants::clocks_and_randomness());
        request.mounts = vec![Mount::whole(host, "/d", Level::Read)];
        let program = load(guest("probe")).await;
        let error = crate::support::engine().run(&program, request).await.unwrap_err();
        assert_eq!(error.code(), "dir_unavailable", "{host}");
    }
    // Below an ordinary folder it is met on the way.
    let mut grants = Grants::clocks_and_randomness();
    grants.args =
        ["read|proc/self/status", "read|proc/version", "ls|proc", "open|dev/null|w"].map(str::to_owned).to_vec();
    let mut request = RunRequest::new(command(), limits(), grants);
    request.mounts = vec![Mount::whole("/", "/", Level::Read)];
    let report = run(&*load(guest("probe")).await, request).await;
    assert_eq!(String::from_utf8(report.stdout.bytes).unwrap(), "PERM\nPERM\nPERM\nPERM\n");
}
