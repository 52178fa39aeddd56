//! P05 of the threat list: what the rules hide stays hidden from native attackers.

use ringfence::backends::Backend as _;

use super::attackers::WAYS;
use super::world::{attacker, command, here, mount, natives, roomy, text};

const SECRET: &str = "hidden words";

pub fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, words) in [
        (".env", SECRET),
        ("src/.env", SECRET),
        ("src/deep/.env", SECRET),
        ("secrets/key", SECRET),
        ("src/main", "main"),
        ("a/b/shown", "shown"),
    ] {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, words).unwrap();
    }
    std::os::unix::fs::symlink("../secrets/key", dir.path().join("src/link")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("secrets/key"), dir.path().join("src/absolute")).unwrap();
    dir
}

pub const RULES: &str = "/**:write\n**/.env:none\n/secrets/**:none\n/a/**:none\n/a/b/shown:read";

#[tokio::test]
async fn p05_what_a_glob_hides_is_nowhere_in_the_fence() {
    for process in natives().await {
        let dir = tree();
        let script = "find / -path /usr -prune -o -name .env -print 2>/dev/null; grep -r 'hidden words' / --exclude-dir=proc --exclude-dir=usr 2>/dev/null; \
        cat src/link src/absolute /proc/self/root/data/secrets/key /proc/self/cwd/.env 2>/dev/null; ls a a/b; \
        ls secrets 2>/dev/null; cat a/b/shown";
        let mut run = command(&["/bin/sh", "-c", script], roomy());
        run.mounts = vec![mount(dir.path(), RULES)];
        let report = process.run(run).await.unwrap();
        assert_eq!(text(&report), "a:\nb\n\na/b:\nshown\nshown", "{report:?}");
    }
}

#[tokio::test]
async fn p05_what_comes_later_is_not_seen_at_all() {
    for process in natives().await {
        let dir = tree();
        // The copy is made before the command starts: the host's folder is not looked at again.
        let mut run = command(&["/bin/sh", "-c", "echo ready; read line; ls -A; ls -A src"], roomy());
        run.mounts = vec![mount(dir.path(), RULES)];
        let (mut writes, reads) = tokio::io::duplex(64);
        run.stdin = ringfence::engine::Stdin::Live(Box::new(reads));
        let (ready, mut is_ready) = tokio::sync::mpsc::unbounded_channel();
        run.listener = Some(std::sync::Arc::new(move |_: ringfence::model::Stream, _: &[u8]| {
            let _ = ready.send(());
        }));
        let later = async {
            is_ready.recv().await.unwrap();
            std::fs::write(dir.path().join("src/later.env"), SECRET).unwrap();
            std::fs::write(dir.path().join("src/later"), "").unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut writes, b"go\n").await.unwrap();
            // Held open, so that nothing is heard but this.
            drop(writes);
        };
        let (report, ()) = tokio::join!(process.run(run), later);
        assert_eq!(text(&report.unwrap()), "ready\na\nsrc\nabsolute\ndeep\nlink\nmain\n");
        assert!(dir.path().join("src/later").exists(), "what was not seen is not removed");
    }
}

#[tokio::test]
async fn p05_handles_hard_links_and_descriptors_lead_to_nothing_hidden() {
    let Some(process) = here().await else { return };
    let Some(built) = attacker("ways", WAYS) else { return };
    let dir = tree();
    std::fs::copy(built.path().join("ways"), dir.path().join("ways")).unwrap();
    let mut run = command(&["/data/ways"], roomy());
    run.mounts = vec![mount(dir.path(), RULES)];
    let report = process.run(run).await.unwrap();
    let expected =
        "name_to_handle_at 1\nopen_by_handle_at 1\nlink 2\nabove 2\nsame 1\nold root 2\nwrite /usr 13\nwrite /etc 30\n";
    assert_eq!(text(&report), expected, "{report:?}");
}

#[tokio::test]
async fn p05_folders_of_the_host_that_nobody_granted_are_not_there() {
    let Some(process) = here().await else { return };
    let script = "ls / | tr '\\n' ' '; ls /root /home /var /opt /run /work /mnt 2>/dev/null; cat /etc/shadow 2>/dev/null; \
        cut -d: -f1 /etc/passwd; ls /tmp";
    let report = process.run(command(&["/bin/sh", "-c", script], roomy())).await.unwrap();
    let said = text(&report);
    let (root, rest) = said.split_once('\n').unwrap_or_default();
    assert!(
        root.split(' ').all(|name| matches!(
            name,
            "" | "guest" | "bin" | "dev" | "etc" | "lib" | "lib32" | "lib64" | "proc" | "sbin" | "tmp" | "usr"
        )),
        "{said}"
    );
    assert!(root.ends_with("guest") && rest.is_empty(), "{said}");
}
