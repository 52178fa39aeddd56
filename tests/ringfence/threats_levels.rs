//! F05 to F07 of the threat list: what each level allows, and that hidden is absent.

use ringfence::engine::{CopyOnWrite, Mount, RunRequest};
use std::sync::Arc;

use ringfence::fs_policy::{Level, Policy, Rules};
use ringfence::model::{Grants, Limits, Outcome};

use crate::support::{command, guest, limits, load, run};
use crate::world::World;

/// The table of `docs/files.md`, whole: every level, every combination of flags, what is there and what is not.
#[tokio::test]
async fn f05_every_way_to_open_needs_what_the_page_says() {
    let all = ["r", "w", "c", "t", "x", "a", "d"];
    let mut combinations = Vec::new();
    for bits in 0..1 << all.len() {
        let flags: String = all.iter().enumerate().filter(|(n, _)| bits & (1 << n) != 0).map(|(_, f)| *f).collect();
        let has = |c: char| flags.contains(c);
        // Exclusive without create and append without write say nothing.
        if (has('w') || !has('a')) && (has('c') || !has('x')) {
            combinations.push(flags);
        }
    }
    for level in Level::ALL {
        for what in ["file", "absent", "folder"] {
            for flags in &combinations {
                let world = World::new();
                world.put("file", "text").put("folder/x", "");
                let rules = format!("/{what}:{level}\n/folder/x:none");
                let said = world.probe(&rules, &[&format!("open|{what}|{flags}")]).await.remove(0);
                let has = |c: char| flags.contains(c);
                let changes = has('w') || has('c') || has('t');
                let expected = if has('d') && (has('c') || has('t')) {
                    "INVAL"
                } else {
                    match (what, level) {
                        (_, Level::None) => "NOENT",
                        ("folder", _) if has('x') => "EXIST",
                        ("folder", _) if changes => "ISDIR",
                        ("folder", _) => "ok",
                        ("absent", Level::View | Level::Read) if changes => "PERM",
                        ("absent", Level::Write) if has('c') => "ok",
                        ("absent", _) => "NOENT",
                        ("file", Level::View) => "PERM",
                        ("file", Level::Read) if changes => "PERM",
                        ("file", _) if has('d') => "NOTDIR",
                        ("file", _) if has('x') => "EXIST",
                        _ => "ok",
                    }
                };
                assert_eq!(said, expected, "{level} {what} {flags:?}");
                let intact = !(said == "ok" && has('t'));
                assert!(!intact || world.read("file").as_deref() == Some("text"), "{level} {what} {flags:?}");
                assert_eq!(world.folder().join("absent").exists(), what == "absent" && said == "ok");
            }
        }
    }
}

#[tokio::test]
async fn f06_a_descriptor_never_gives_more_than_its_path() {
    let world = World::new();
    world.put("ro", "text").put("rw", "text").put("d/hidden", "secret").put("d/seen", "text");
    let rules = "/ro:read\n/rw:write\n/d:write\n/d/seen:read\n/up/:write";
    let lines = world
        .probe(
            rules,
            &[
                "upgrade|ro|r|write",
                "upgrade|ro|r|size",
                "upgrade|ro|r|times",
                "upgrade|rw|r|write",
                "closed|rw",
                "cd|d",
                "read|hidden",
                "put|seen|x",
                "ls|.",
                "read|../rw",
                "put|new|x",
                "mvhome|seen|up",
            ],
        )
        .await;
    for (n, line) in lines.iter().enumerate().take(5) {
        assert!(!line.starts_with("ok"), "{n}: {line}");
    }
    assert_eq!(lines[5..], ["ok", "NOENT", "PERM", "ok seen", "PERM", "NOENT", "PERM"]);
    assert_eq!((world.read("ro").as_deref(), world.read("rw").as_deref()), (Some("text"), Some("text")));
}

/// Whatever is tried, what is hidden answers as what is not there.
#[tokio::test]
async fn f07_hidden_is_absent() {
    let operations = [
        "open|{}|r",
        "open|{}|rw",
        "open|{}|c",
        "open|{}|cx",
        "open|{}|t",
        "open|{}|d",
        "open|{}|n",
        "read|{}",
        "put|{}|x",
        "append|{}|x",
        "stat|{}",
        "lstat|{}",
        "mkdir|{}",
        "rmdir|{}",
        "rm|{}",
        "rm|{}/",
        "mv|{}|w/new",
        "mv|w/file|{}",
        "mv|w/folder|{}",
        "ln|{}|w/new",
        "ln|w/file|{}",
        "sym|w|{}",
        "readlink|{}",
        "times|{}",
        "size|{}|0",
        "ls|{}",
        "stat|{}/",
        "stat|{}/x",
        "read|{}/x",
        "put|{}/x|1",
        "stat|{}/..",
        "mkdir|{}/x",
        "read|to-{}",
        "stat|to-{}",
        "put|to-{}|x",
        "lstat|to-{}",
        "ls|.",
        "fstat",
    ];
    let rules = "/w/:write\n/:read\n/to-*:write";
    for kind in ["file", "folder", "link", "full"] {
        let mut said = Vec::new();
        for there in [true, false] {
            let world = World::new();
            world.put("w/file", "1").put("w/folder/x", "2").link("to-name", "name");
            match (there, kind) {
                (true, "file") => drop(world.put("name", "secret")),
                (true, "folder") => std::fs::create_dir(world.folder().join("name")).unwrap(),
                (true, "full") => drop(world.put("name/x", "secret")),
                (true, _) => drop(world.link("name", "w/file")),
                (false, _) => {}
            }
            let filled: Vec<String> = operations.iter().map(|operation| operation.replace("{}", "name")).collect();
            let filled: Vec<&str> = filled.iter().map(String::as_str).collect();
            let report = world.report(rules, &filled, limits()).await;
            said.push((String::from_utf8(report.stdout.bytes).unwrap(), report.denials, report.usage.host_calls));
            assert_eq!(there, world.folder().join("name").symlink_metadata().is_ok(), "{kind}");
        }
        let absent = said.pop().unwrap();
        assert_eq!(said.pop().unwrap(), absent, "{kind}");
        assert!(!absent.1.is_empty());
    }
}

/// A file where only a folder could be passed is hidden as well.
#[tokio::test]
async fn f07_what_stands_on_the_way_is_told_only_if_it_is_a_folder() {
    let rules = "/way/to/here:read\n/:read";
    let folder = World::new();
    folder.put("way/to/here", "text").put("way/other", "no").put("way/to/there", "no");
    let lines = folder
        .probe(rules, &["ls|.", "ls|way", "ls|way/to", "read|way/to/here", "stat|way/other", "mkdir|way/x"])
        .await;
    assert_eq!(lines, ["ok way", "ok to", "ok here", "ok text", "NOENT", "NOENT"]);
    for kind in ["file", "link", "nothing"] {
        let world = World::new();
        match kind {
            "file" => drop(world.put("way", "secret")),
            "link" => drop(world.link("way", ".")),
            _ => {}
        }
        let lines = world
            .probe(
                rules,
                &["ls|.", "stat|way", "lstat|way", "read|way", "read|way/to/here", "readlink|way", "mkdir|way"],
            )
            .await;
        assert_eq!(lines, ["ok ", "NOENT", "NOENT", "NOENT", "NOENT", "NOENT", "NOENT"].map(str::trim), "{kind}");
    }
}

#[tokio::test]
async fn denials_name_the_path_the_operation_and_what_was_missing() {
    let world = World::new();
    world.put("seen", "text").put("d/x", "");
    let operations = ["read|seen", "read|seen", "put|seen|x", "read|hidden", "rm|seen", "ls|.", "cd|d", "put|x|1"];
    let report = world.report("/seen:view\n/d/:read", &operations, limits()).await;
    let told: Vec<_> = report
        .denials
        .iter()
        .map(|denial| (denial.tried.as_str(), denial.path.as_deref().unwrap(), denial.times))
        .collect();
    assert_eq!(
        told,
        [
            ("open", "/seen", 2),
            ("open for writing", "/seen", 1),
            ("open", "/hidden", 1),
            ("remove", "/seen", 1),
            ("open for writing", "/d/x", 1)
        ]
    );
    assert!(report.denials[0].missing.contains("(read)") && report.denials[2].missing.contains("(view)"));
}

/// Files that belong to others as well: whoever changes one changes a copy.
#[tokio::test]
async fn what_is_shared_is_copied_before_it_is_changed() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let blob = world.dir.path().join("blob");
    std::fs::write(&blob, "shared").unwrap();
    std::fs::set_permissions(&blob, std::fs::Permissions::from_mode(0o444)).unwrap();
    let before = std::fs::metadata(&blob).unwrap().modified().unwrap();
    let names = ["appended", "cut", "timed", "linked", "sized", "moved", "read"];
    for name in names {
        std::fs::hard_link(&blob, world.folder().join(name)).unwrap();
    }
    let mut grants = Grants::clocks_and_randomness();
    grants.args = [
        "append|appended|+",
        "put|cut|new",
        "times|timed",
        "ln|linked|second",
        "append|second|+",
        "size|sized|2",
        "mv|moved|gone",
        "rm|gone",
        "read|read",
        "read|linked",
        "ls|.",
        "upgrade|read|r|times",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut request = RunRequest::new(command(), limits(), grants);
    let mut mount = Mount::whole(world.folder(), "/", Level::Write);
    let copies = world.dir.path().join("copies");
    std::fs::create_dir(&copies).unwrap();
    mount.copy_on_write = Some(CopyOnWrite { copies, held: std::sync::Arc::new(()) });
    request.mounts = vec![mount];
    let report = run(&*load(guest("probe")).await, request).await;
    let said = String::from_utf8(report.stdout.bytes).unwrap();
    let said: Vec<_> = said.lines().collect();
    assert!(said[..8].iter().all(|line| *line == "ok"), "{said:?}");
    assert_eq!(said[8..10], ["ok shared", "ok shared+"]);
    assert_eq!(said[10], "ok appended,cut,linked,read,second,sized,timed");
    assert_eq!(said[11], "PERM");
    assert_eq!(std::fs::read_to_string(&blob).unwrap(), "shared");
    assert_eq!(std::fs::metadata(&blob).unwrap().modified().unwrap(), before);
    assert_eq!(world.read("appended").as_deref(), Some("shared+"));
    assert_eq!(world.read("sized").as_deref(), Some("sh"));
}

/// A rule for any depth could lead through every folder; only those through which it does are there.
#[tokio::test]
async fn f05_a_hidden_folder_that_leads_nowhere_is_absent() {
    let world = World::new();
    world
        .put("src/a/b/notes.md", "n")
        .put("src/a/code.rs", "x")
        .put("empty/deep/code.rs", "x")
        .put("top.md", "t")
        .link("through", "empty/../top.md");
    std::fs::create_dir(world.folder().join("bare")).unwrap();
    let rules = "**/*.md:read\n/through:read";
    let asked = |folder: &str| {
        [
            format!("ls|{folder}"),
            format!("stat|{folder}"),
            format!("stat|{folder}/"),
            format!("stat|{folder}/."),
            format!("read|{folder}/../top.md"),
            format!("read|{folder}/none.md"),
            format!("put|{folder}/none.md|x"),
            format!("mkdir|{folder}/none.md"),
            format!("sym|x|{folder}/none.md"),
            format!("rmdir|{folder}"),
            format!("mv|{folder}|other"),
            format!("mv|top.md|{folder}/none.md"),
            format!("mv|top.md|{folder}/zz"),
            format!("ln|top.md|{folder}/zz"),
            format!("ln|{folder}/zz|other"),
            format!("stat|{}{folder}/none.md", format!("{folder}/../").repeat(50)),
            format!("mkdir|{folder}"),
        ]
    };
    let mut answers = Vec::new();
    for folder in ["absent", "bare", "empty", "empty/deep"] {
        let operations = asked(folder);
        let said = world.probe(rules, &operations.iter().map(String::as_str).collect::<Vec<_>>()).await;
        answers.push(said);
    }
    // Absent and hidden have the same answer to everything; a name that could only be seen is refused by neither.
    assert!(answers.iter().all(|said| *said == answers[0]), "{answers:#?}");
    assert!(answers[0].iter().take(6).all(|said| said == "NOENT"), "{answers:#?}");
    let operations =
        ["ls|.", "ls|src", "ls|src/a", "stat|src/a/b", "read|src/a/b/notes.md", "read|src/../top.md", "read|through"];
    let said = world.probe(rules, &operations).await;
    assert_eq!(said[..3], ["ok src,through,top.md", "ok a", "ok b"]);
    assert!(said[3].starts_with("ok"), "{said:?}");
    assert_eq!(said[4..], ["ok n", "ok t", "NOENT"]);
    // Where something may be made, each folder is on the way to it.
    let said = world.probe("**/*.md:write", &["ls|.", "put|empty/deep/new.md|x", "read|empty/deep/code.rs"]).await;
    assert_eq!(said, ["ok bare,empty,src,top.md", "ok", "NOENT"]);
    let said = world.probe(rules, &["ls|.", "ls|empty", "ls|empty/deep"]).await;
    assert_eq!(said, ["ok empty,src,through,top.md", "ok deep", "ok new.md"]);
}

/// What the disk refuses, and what is no place for files, would tell that something is there.
#[tokio::test]
async fn f05_a_hidden_folder_has_one_answer_whatever_is_wrong_with_it() {
    let world = World::new();
    world.put("top.md", "t");
    let deep: String = (0..205).map(|_| "d/").collect();
    std::fs::create_dir_all(world.folder().join(&deep)).unwrap();
    let asked = |folder: &str| {
        ["stat|F", "stat|F/x.rs", "read|F/x.rs", "put|F/x.rs|y", "mkdir|F/.", "mv|F/x.rs|y", "stat|./F/x.md"]
            .map(|operation| operation.replace('F', folder))
    };
    let mut answers = Vec::new();
    for folder in ["absent", deep.trim_end_matches('/')] {
        let operations = asked(folder);
        answers.push(world.probe("**/*.md:read", &operations.iter().map(String::as_str).collect::<Vec<_>>()).await);
    }
    assert_eq!(answers[0], answers[1]);
    // The root of this machine, where windows into the kernel are mounted: hidden, they are as absent as the rest.
    let policy = "**/*.no-such-ending:read".parse::<Rules>().unwrap().policy(false).unwrap();
    for folder in ["absent", "proc"] {
        let mut grants = Grants::clocks_and_randomness();
        grants.args = vec![format!("stat|{folder}"), format!("ls|{folder}"), format!("read|{folder}/x.no-such-ending")];
        let mut request = RunRequest::new(command(), limits(), grants);
        let policy = Arc::new(Policy::new(policy.rules().to_vec(), false).unwrap());
        request.mounts = vec![Mount { host: "/".into(), guest: "/".into(), policy, copy_on_write: None }];
        let report = run(&*load(guest("probe")).await, request).await;
        assert_eq!(String::from_utf8(report.stdout.bytes).unwrap(), "NOENT\nNOENT\nNOENT\n", "{folder}");
    }
}

/// What is looked through to find out where folders lead is charged for, and ends with the run.
#[tokio::test]
async fn f10_a_search_is_charged_for_and_hides_nothing_that_is_elsewhere() {
    let world = World::new();
    std::fs::create_dir(world.folder().join("bulk")).unwrap();
    for n in 0..3_000 {
        std::fs::write(world.folder().join(format!("bulk/o{n}")), "").unwrap();
    }
    for n in 0..5 {
        world.put(&format!("s{n}/a.md"), "x");
    }
    let fuel = async |operations: &[&str]| world.report("**/*.md:read", operations, limits()).await.usage.fuel;
    let (nothing, one, many) = (
        fuel(&["ls|s0"]).await,
        fuel(&["stat|bulk"]).await,
        fuel(&[&format!("stat|{}bulk", "bulk/../".repeat(5))]).await,
    );
    assert!(one - nothing > 2_000_000 && many < 2 * one, "{nothing} {one} {many}");
    assert_eq!(world.probe("**/*.md:read", &["ls|."]).await, ["ok s0,s1,s2,s3,s4"]);
    let short = Limits { deadline_ms: 1, ..limits() };
    let report = world.report("**/*.md:read", &["ls|.", "ls|.", "ls|.", "ls|.", "ls|."], short).await;
    assert!(!matches!(report.outcome, Outcome::Returned { .. }), "{:?}", report.outcome);
}
