//! P05 of the threat list: what the rules hide stays hidden from native attackers.

use ringfence::backends::Backend as _;

use super::world::{attacker, command, here, mount, roomy, text};

const SECRET: &str = "hidden words";

fn tree() -> tempfile::TempDir {
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

const RULES: &str = "/**:write\n**/.env:none\n/secrets/**:none\n/a/**:none\n/a/b/shown:read";

#[tokio::test]
async fn p05_what_a_glob_hides_is_nowhere_in_the_fence() {
    let Some(process) = here().await else { return };
    let dir = tree();
    let script = "find / -path /usr -prune -o -name .env -print 2>/dev/null; grep -r 'hidden words' / --exclude-dir=proc --exclude-dir=usr 2>/dev/null; \
        cat src/link src/absolute /proc/self/root/data/secrets/key /proc/self/cwd/.env 2>/dev/null; ls a a/b; \
        ls secrets 2>/dev/null; cat a/b/shown";
    let mut run = command(&["/bin/sh", "-c", script], roomy());
    run.mounts = vec![mount(dir.path(), RULES)];
    let report = process.run(run).await.unwrap();
    assert_eq!(text(&report), "a:\nb\n\na/b:\nshown\nshown", "{report:?}");
}

#[tokio::test]
async fn p05_what_comes_later_is_not_seen_at_all() {
    let Some(process) = here().await else { return };
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

#[tokio::test]
async fn p05_handles_hard_links_and_descriptors_lead_to_nothing_hidden() {
    let Some(process) = here().await else { return };
    const WAYS: &str = r#"
        #define _GNU_SOURCE
        #include <stdio.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <unistd.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        static void tried(const char *name, long done) { printf("%s %d\n", name, done < 0 ? errno : 0); }
        int main() {
            char handle[256] = { 8, 0, 0, 0, 1 };
            int mount;
            tried("name_to_handle_at", syscall(SYS_name_to_handle_at, AT_FDCWD, "/data", handle, &mount, 0));
            tried("open_by_handle_at", syscall(SYS_open_by_handle_at, AT_FDCWD, handle, O_RDONLY));
            tried("link", link("/data/secrets/key", "/data/mine"));
            tried("above", open("/data/../../../../data/secrets/key", O_RDONLY));
            int root = open("/", O_PATH | O_DIRECTORY);
            for (int i = 0; i < 64; i++) { int up = openat(root, "..", O_PATH | O_DIRECTORY); close(root); root = up; }
            struct stat a, b; fstat(root, &a); stat("/", &b);
            printf("same %d\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
            char path[64];
            for (int fd = 0; fd < 64; fd++) {
                snprintf(path, sizeof path, "/proc/self/fd/%d/../secrets/key", fd);
                if (open(path, O_RDONLY) >= 0) puts("leads");
            }
            tried("old root", open("/old", O_RDONLY));
            tried("write /usr", open("/usr/bin/env", O_WRONLY));
            tried("write /etc", open("/etc/passwd", O_WRONLY));
        }"#;
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
