//! P01 to P06 of the threat list, from inside a container: the same attackers as at the process backend.

use std::time::Instant;

use ringfence::backends::Backend as _;
use ringfence::model::{LimitName, Limits, Outcome};

use super::attackers::{BOMB, CALLS, GREEDY, HERD, MANY, OPENER, SHARER, SOCKETS, TRACER, WAYS};
use super::attacks_files::{RULES, tree};
use super::engine::docker;
use super::world::{attack, attacker, command, mark, mount, roomy, runs, said, shell, text};
use crate::support::assert_limit;

#[tokio::test]
async fn p01_a_fork_bomb_ends_with_its_container() {
    let Some(docker) = docker().await else { return };
    let Some(report) = attack(&docker, "bomb", BOMB, Limits { deadline_ms: 6_000, ..roomy() }).await else { return };
    assert_eq!(report.outcome.kind(), "deadline_exceeded", "{report:?}");
    assert!(!runs("/data/bomb"));
    assert_eq!(said(&docker, "echo well").await, "well\n");
}

#[tokio::test]
async fn p01_orphans_and_what_ignores_signals_end_with_their_container() {
    let Some(docker) = docker().await else { return };
    let mark = mark();
    let script = format!(
        "trap '' HUP TERM INT; (setsid sh -c '(sleep {mark} &) ; sleep {mark}' &) ; nohup sleep {mark} & \
         while ! ls /proc/*/cmdline >/dev/null; do :; done; exit 3"
    );
    let report = shell(&docker, &script, roomy()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Exited { code: 3 }, "{report:?}");
    assert!(!runs(&mark), "all is gone before the answer comes");
    let script =
        format!("for s in 1 2 3 6 10 12 13 14 15 24 25; do trap '' $s; done; sleep {mark} & wait; sleep {mark}");
    let report = shell(&docker, &script, Limits { deadline_ms: 2_000, ..roomy() }).await.unwrap();
    assert_eq!(report.outcome.kind(), "deadline_exceeded");
    assert!(!runs(&mark));
}

#[tokio::test]
async fn p01_nobody_traces_or_signals_anybody_in_a_container() {
    let Some(docker) = docker().await else { return };
    let Some(report) = attack(&docker, "tracer", TRACER, roomy()).await else { return };
    let said = text(&report);
    assert!(
        said.starts_with("attach 1\ntraceme 1\nread 1\nreached 0\n") && said.ends_with("alive\n"),
        "{said} {report:?}"
    );
}

#[tokio::test]
async fn p02_windows_into_the_machine_are_closed() {
    let Some(docker) = docker().await else { return };
    let script = "ls /sys | wc -l; cat /proc/kcore /proc/keys /proc/key-users /proc/sched_debug /proc/timer_list 2>/dev/null | wc -c; \
        ls -d /proc/[0-9]* | wc -l; (echo 1 > /proc/sysrq-trigger) 2>/dev/null || echo fixed; \
        ls /proc/self/fd | wc -w; ls /dev/pts | wc -l; tty; mknod /tmp/mem c 1 1 2>/dev/null && echo made; \
        find / -name '*.sock' -not -path '/proc/*' 2>/dev/null; grep -c . /etc/shadow 2>/dev/null; cat /etc/hostname";
    let said = said(&docker, script).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["0", "0"], "{said}");
    // The engine's first process, the shell, and what it has just started.
    assert!(lines[2].parse::<u32>().unwrap() <= 5, "{said}");
    assert_eq!(lines[3..], ["fixed", "4", "1", "not a tty", "ringfence"], "{said}");
}

#[tokio::test]
async fn p02_keyrings_shared_memory_and_dumps_are_not_in_a_container() {
    let Some(docker) = docker().await else { return };
    let Some(report) = attack(&docker, "sharer", SHARER, roomy()).await else { return };
    let refused: String =
        ["add_key", "keyctl", "request_key", "shmget", "memfd", "mq", "sti"].map(|name| format!("{name} 1\n")).concat();
    assert_eq!(text(&report), format!("{refused}core 0 0\nraise 1\n"), "{report:?}");
}

#[tokio::test]
async fn p03_what_widens_the_kernel_is_refused_in_a_container() {
    let Some(docker) = docker().await else { return };
    let Some(report) = attack(&docker, "calls", CALLS, roomy()).await else { return };
    let said = text(&report);
    // The last are calls of another kind, for which the filter of an engine ends a program.
    assert!(said.lines().count() >= 37, "{report:?}");
    for line in said.lines() {
        let (name, errno) = line.rsplit_once(' ').unwrap();
        let expected = if matches!(name, "clone3" | "x32") { "38" } else { "1" };
        assert_eq!(errno, expected, "{line}");
    }
}

#[tokio::test]
async fn p03_no_capability_and_no_other_user_is_to_be_had_in_a_container() {
    let Some(docker) = docker().await else { return };
    let script = "grep -E 'Cap|NoNewPrivs|^Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '; echo; \
        cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh; /tmp/sh -c 'id -u; grep CapEff /proc/self/status'; su -c id 2>/dev/null; \
        id -u; (echo x > /usr/bin/new) 2>/dev/null || echo fixed; (echo x > /etc/passwd) 2>/dev/null || echo fixed";
    let report = shell(&docker, script, roomy()).await.unwrap();
    let said = text(&report);
    let none = "0000000000000000";
    let caps: String = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|set| format!("{set}:{none} ")).concat();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0].trim(), format!("{caps}NoNewPrivs:1 Seccomp:2"), "{report:?}");
    assert!(lines[1] != "0" && lines[1] == lines[3] && lines[2] == format!("CapEff:\t{none}"), "{said}");
    assert_eq!(lines[4..], ["fixed", "fixed"], "{said}");
}

#[tokio::test]
async fn p04_no_family_of_sockets_leads_out_of_a_container() {
    let Some(docker) = docker().await else { return };
    let Some(report) = attack(&docker, "sockets", SOCKETS, roomy()).await else { return };
    assert_eq!(text(&report), "stream 0\ntalks 1\nconnect 1\nbind 1\nsendto 1\ndgram 1\n", "{report:?}");
    let script = "cut -s -d: -f1 /proc/self/net/dev | tr -d ' '; cat /proc/self/net/route | wc -l; \
        grep nameserver /etc/resolv.conf";
    let said = said(&docker, script).await;
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("lo"), "{said}");
    assert!(lines.all(|line| matches!(line, "0" | "1" | "nameserver 127.0.0.1")), "{said}");
}

#[tokio::test]
async fn p05_handles_and_hard_links_lead_to_nothing_hidden_in_a_container() {
    let Some(docker) = docker().await else { return };
    let Some(built) = attacker("ways", WAYS) else { return };
    let dir = tree();
    std::fs::copy(built.path().join("ways"), dir.path().join("ways")).unwrap();
    let mut run = command(&["/data/ways"], roomy());
    run.mounts = vec![mount(dir.path(), RULES)];
    let report = docker.run(run).await.unwrap();
    let expected =
        "name_to_handle_at 1\nopen_by_handle_at 1\nlink 2\nabove 2\nsame 1\nold root 2\nwrite /usr 13\nwrite /etc 2\n";
    assert_eq!(text(&report), expected, "{report:?}");
}

#[tokio::test]
async fn p06_memory_of_a_whole_container_is_held_at_once() {
    let Some(docker) = docker().await else { return };
    let limits = Limits { memory_bytes: 64 << 20, ..roomy() };
    for (name, source) in [("greedy", GREEDY), ("herd", HERD)] {
        let Some(report) = attack(&docker, name, source, limits.clone()).await else { return };
        match report.outcome {
            Outcome::OutOfMemory { limit_bytes, used_bytes, .. } => {
                assert!(limit_bytes == 64 << 20 && used_bytes >= limit_bytes, "{name}: {used_bytes}");
            }
            ref other => panic!("{name}: {other:?} {report:?}"),
        }
        assert_eq!(text(&report), "", "{name}");
    }
    // What is in files in memory is memory as well.
    let limits = Limits { memory_bytes: 32 << 20, written_bytes: 1 << 30, ..roomy() };
    let report = shell(&docker, "head -c 100000000 /dev/zero > /tmp/big; exit 9", limits).await.unwrap();
    assert_eq!(report.outcome.kind(), "out_of_memory", "{report:?}");
}

#[tokio::test]
async fn p06_time_and_output_of_a_container_end_it() {
    let Some(docker) = docker().await else { return };
    let since = Instant::now();
    let report = shell(&docker, "while :; do :; done", Limits { deadline_ms: 5_000, ..roomy() }).await.unwrap();
    assert_eq!(report.outcome.kind(), "deadline_exceeded");
    assert!(report.usage.cpu_us > 10_000 && since.elapsed().as_secs() < 60, "{report:?}");
    let report = shell(&docker, "trap '' PIPE; while :; do echo flood; done", roomy()).await.unwrap();
    assert_limit(&report, LimitName::StdoutBytes);
    assert_eq!(u64::try_from(report.stdout.bytes.len()).unwrap(), roomy().stdout_bytes);
}

#[tokio::test]
async fn p06_files_of_a_container_stop_at_their_limits() {
    let Some(docker) = docker().await else { return };
    let limits = Limits { written_bytes: 1 << 20, files_created: 100, ..roomy() };
    let dir = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let mut run = command(&["/bin/sh", "-c", script], limits.clone());
        run.mounts = vec![mount(dir.path(), "/**:write")];
        docker.run(run)
    };
    // One that grows beyond it, wherever it is.
    for place in ["/tmp/big", "/data/big"] {
        let report = run(&format!("exec cat /dev/zero > {place}")).await.unwrap();
        if place.starts_with("/data") {
            assert_limit(&report, LimitName::WrittenBytes);
        } else {
            // Its file system is full at the same moment.
            assert_ne!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
        }
    }
    // Many that each do not: where they are in memory there is no room, and on the disk they are seen.
    for place in ["/tmp", "/dev/shm"] {
        let script =
            format!("i=0; while head -c 100000 /dev/zero > {place}/$i; do i=$((i+1)); done 2>/dev/null; echo $i");
        let made: u64 = text(&run(&script).await.unwrap()).trim().parse().unwrap();
        assert!((8..=11).contains(&made), "{place}: {made}");
    }
    for script in [
        "i=0; while :; do head -c 100000 /dev/zero > /data/$i; i=$((i+1)); done",
        // Long by their own word only; and too fast to be seen while it runs.
        "for i in 1 2 3 4 5; do truncate -s 900000 /data/$i; done",
    ] {
        assert_limit(&run(script).await.unwrap(), LimitName::WrittenBytes);
    }
    for script in
        ["i=0; while :; do : > /data/$i; i=$((i+1)); done", "cd /data; for i in $(seq 150); do mkdir $i; cd $i; done"]
    {
        assert_limit(&run(script).await.unwrap(), LimitName::FilesCreated);
    }
    // One file that came to its own limit is not too much.
    let others = std::fs::read_dir(dir.path()).unwrap().filter(|found| found.as_ref().unwrap().file_name() != "big");
    assert_eq!(others.count(), 0, "nothing of what was too much is brought back");
    let script = "i=0; while mkdir /tmp/$i 2>/dev/null; do i=$((i+1)); done; echo $i";
    let made: u64 = text(&run(script).await.unwrap()).trim().parse().unwrap();
    assert!((50..=100).contains(&made), "{made}");
}

#[tokio::test]
async fn p06_processes_and_descriptors_of_a_container_are_so_many() {
    let Some(docker) = docker().await else { return };
    let Some(report) = attack(&docker, "many", MANY, roomy()).await else { return };
    let said = text(&report);
    let (made, errno) = said.trim().split_once(' ').unwrap_or_else(|| panic!("{report:?}"));
    let made: u64 = made.parse().unwrap();
    assert!(errno == "11" && (32..=64).contains(&made), "{said}");
    let Some(report) = attack(&docker, "opener", OPENER, Limits { open_files: 20, ..roomy() }).await else { return };
    assert_eq!(text(&report), "17\n", "{report:?}");
}
