//! P01 to P04 of the threat list: native attackers on processes, on what is around them, on the kernel and on the network.

use std::process::{Command, Stdio};

use ringfence::backends::Backend as _;
use ringfence::model::{LimitName, Outcome};

use super::attackers::{BOMB, CALLS, MANY, SHARER, SOCKETS, TRACER};
use super::world::{attack, command, gone, here, mark, process, roomy, runs, said, shell, text, there};
use crate::support::WORKER;

#[tokio::test]
async fn p01_a_fork_bomb_ends_with_the_run() {
    let Some(process) = here().await else { return };
    let limits = ringfence::model::Limits { deadline_ms: 1_500, ..roomy() };
    let Some(report) = attack(&process, "bomb", BOMB, limits).await else { return };
    assert_eq!(report.outcome.kind(), "deadline_exceeded", "{report:?}");
    assert!(!runs("/data/bomb"));
    // The next has room.
    assert_eq!(said(&process, "echo well").await, "well\n");
}

#[tokio::test]
async fn p01_orphans_and_sessions_of_their_own_end_with_the_command() {
    let Some(process) = here().await else { return };
    let mark = mark();
    let script = format!(
        "trap '' HUP TERM INT; (setsid sh -c '(sleep {mark} &) ; sleep {mark}' &) ; nohup sleep {mark} & \
         while ! ls /proc/*/cmdline >/dev/null; do :; done; exit 3"
    );
    let report = shell(&process, &script, roomy()).await.unwrap();
    assert_eq!(report.outcome, Outcome::Exited { code: 3 });
    assert!(!runs(&mark), "all is gone before the answer comes");
}

#[tokio::test]
async fn p01_all_signals_ignored_changes_nothing_at_the_deadline() {
    let Some(process) = here().await else { return };
    let mark = mark();
    let script =
        format!("for s in 1 2 3 6 10 12 13 14 15 24 25; do trap '' $s; done; sleep {mark} & wait; sleep {mark}");
    let report = shell(&process, &script, ringfence::model::Limits { deadline_ms: 500, ..roomy() }).await.unwrap();
    assert_eq!(report.outcome.kind(), "deadline_exceeded");
    assert!(!runs(&mark));
}

#[tokio::test]
async fn p01_a_caller_that_goes_away_takes_the_tree_along() {
    let Some(process) = here().await else { return };
    let mark = mark();
    let script = format!("(setsid sleep {mark} &) ; sleep {mark}");
    let run = command(&["/bin/sh", "-c", &script], roomy());
    {
        let mut running = std::pin::pin!(process.run(run));
        tokio::select! {
            report = &mut running => panic!("{report:?}"),
            () = there(&mark) => {}
        }
    }
    gone(&mark).await;
}

#[tokio::test]
async fn p01_the_death_of_the_host_takes_the_tree_along() {
    let Some(_) = here().await else { return };
    let mark = mark();
    let script = format!("(setsid sleep {mark} &) ; sleep {mark}");
    let mut host = Command::new(WORKER)
        .args(["run", "--backend", "process", "--limits", "large", "--", "/bin/sh", "-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    there(&mark).await;
    host.kill().unwrap();
    host.wait().unwrap();
    gone(&mark).await;
}

/// The process that has this among its words, and those above it.
fn lineage(word: &str) -> Vec<i32> {
    let above = |pid: i32| -> Option<i32> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        text.rsplit(')').next()?.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    let pid = std::fs::read_dir("/proc").unwrap().flatten().find_map(|process| {
        let line = std::fs::read(process.path().join("cmdline")).ok()?;
        let has = line.split(|byte| *byte == 0).any(|found| found == word.as_bytes());
        has.then(|| process.file_name().to_str()?.parse().ok()).flatten()
    });
    std::iter::successors(pid, |pid| above(*pid)).collect()
}

#[tokio::test]
async fn p01_each_link_of_the_chain_takes_those_below_along() {
    let Some(process) = here().await else { return };
    // The command, the first process of its namespace, and the supervisor.
    for link in 0..3 {
        let mark = mark();
        let run = command(&["/usr/bin/env", "sleep", &mark], roomy());
        let killing = async {
            there(&mark).await;
            // Between two programs a process has no words for a moment.
            let since = std::time::Instant::now();
            let pid = loop {
                match lineage(&mark).get(link) {
                    Some(pid) => break rustix::process::Pid::from_raw(*pid).unwrap(),
                    None => crate::support::still_patient(since),
                }
            };
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        };
        let (ended, ()) = tokio::join!(process.run(run), killing);
        match ended {
            Ok(report) => assert!(link < 2 && report.outcome.kind() == "trapped", "{link}: {report:?}"),
            Err(error) => assert!(link == 2 && error.code() == "internal", "{link}: {error}"),
        }
        gone(&mark).await;
    }
    assert_eq!(said(&process, "echo well").await, "well\n");
}

#[tokio::test]
async fn p01_a_time_bomb_does_not_go_off() {
    let Some(process) = here().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut run = command(
        &["/bin/sh", "-c", "(setsid sh -c 'while :; do :; done; echo late > late' &) ; echo soon > soon"],
        roomy(),
    );
    run.mounts = vec![super::world::mount(dir.path(), "/**:write")];
    assert_eq!(process.run(run).await.unwrap().outcome, Outcome::Exited { code: 0 });
    assert!(dir.path().join("soon").exists() && !dir.path().join("late").exists());
}

#[tokio::test]
async fn p01_nobody_traces_or_signals_anybody_beyond_the_fence() {
    let Some(process) = here().await else { return };
    let Some(report) = attack(&process, "tracer", TRACER, roomy()).await else { return };
    let said = text(&report);
    assert!(
        said.starts_with("attach 1\ntraceme 1\nread 1\nreached 0\n") && said.ends_with("alive\n"),
        "{said} {report:?}"
    );
}

#[tokio::test]
async fn p02_proc_shows_nobody_else_and_nothing_of_the_machine() {
    let Some(process) = here().await else { return };
    let script = "ls /proc | grep -v '[0-9]' | tr '\\n' ' '; ls -d /proc/[0-9]* | wc -l; ls /sys /proc/1 /proc/sys /proc/kcore \
        /proc/sysrq-trigger 2>/dev/null; echo 1 > /proc/self/oom_score_adj; true";
    let said = said(&process, script).await;
    let (shown, rest) = said.split_once(' ').unwrap();
    assert_eq!(shown, "self", "{said}");
    let rest = rest.strip_prefix("thread-self ").unwrap();
    let count: u32 = rest.lines().next().unwrap().trim().parse().unwrap();
    assert!(count <= 4 && rest.lines().count() == 1, "{said}");
}

#[tokio::test]
async fn p02_descriptors_and_the_environment_are_those_given() {
    let Some(process) = here().await else { return };
    // One that the host forgot to close for others.
    let leaked = rustix::io::dup(std::fs::File::open("/etc/hostname").unwrap()).unwrap();
    rustix::io::fcntl_setfd(&leaked, rustix::io::FdFlags::empty()).unwrap();
    let fresh = ringfence::backends::Process::new(ringfence::backends::ProcessSettings::new(WORKER.into()));
    for process in [&*process, &fresh] {
        let report = process.run(command(&["/bin/ls", "/proc/self/fd"], roomy())).await.unwrap();
        assert_eq!(
            text(&report).split_whitespace().collect::<Vec<_>>(),
            ["0", "1", "2", "3"],
            "3 is the folder itself"
        );
        let report = process.run(command(&["/usr/bin/env"], roomy())).await.unwrap();
        assert_eq!(text(&report), "");
    }
    drop(leaked);
}

#[tokio::test]
async fn p02_there_is_no_terminal_and_no_device_but_the_five() {
    let Some(process) = here().await else { return };
    let script = "ls /dev | tr '\\n' ' '; (: < /dev/tty) 2>/dev/null && echo tty; ls /dev/pts 2>/dev/null; tty; \
        mknod /tmp/mem c 1 1 2>/dev/null && echo made; test -c /dev/null && echo x > /dev/null && echo fine";
    let said = said(&process, script).await;
    assert_eq!(said, "fd full null random shm stderr stdin stdout urandom zero not a tty\nfine\n");
}

#[tokio::test]
async fn p02_keyrings_shared_memory_and_dumps_are_not_there() {
    let Some(process) = here().await else { return };
    let Some(report) = attack(&process, "sharer", SHARER, roomy()).await else { return };
    let refused: String =
        ["add_key", "keyctl", "request_key", "shmget", "memfd", "mq", "sti"].map(|name| format!("{name} 1\n")).concat();
    assert_eq!(text(&report), format!("{refused}core 0 0\nraise 1\n"));
}

#[tokio::test]
async fn p03_what_widens_the_kernel_is_refused_by_the_filter() {
    let Some(process) = here().await else { return };
    let Some(report) = attack(&process, "calls", CALLS, roomy()).await else { return };
    let said = text(&report);
    assert!(said.lines().count() >= 38, "{said}");
    for line in said.lines() {
        let (name, errno) = line.rsplit_once(' ').unwrap();
        // A call that hides its flags, and calls of another kind, answer as if the kernel had none.
        let expected = if matches!(name, "clone3" | "x32" | "clone") { ["1", "38"].as_slice() } else { &["1"] };
        assert!(expected.contains(&errno), "{line}");
    }
}

#[tokio::test]
async fn p03_nothing_is_setuid_and_no_capability_comes_back() {
    let Some(process) = here().await else { return };
    let script = "grep -E 'Cap|NoNewPrivs|^Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '; id -u; \
        cp /bin/sh /tmp/sh; chmod 4755 /tmp/sh; /tmp/sh -c 'id -u; grep CapEff /proc/self/status'; su -c id 2>/dev/null; \
        cat /proc/self/uid_map; echo 0 0 1 > /proc/self/uid_map";
    let report = shell(&process, script, roomy()).await.unwrap();
    let said = text(&report);
    let none = "0000000000000000";
    let caps: String = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|set| format!("{set}:{none} ")).concat();
    assert!(said.starts_with(&format!("{caps}NoNewPrivs:1 Seccomp:2 1000\n1000\nCapEff:\t{none}\n")), "{said}");
    let map: Vec<&str> = said.lines().last().unwrap().split_whitespace().collect();
    assert!(map[0] == "1000" && map[1] != "0" && map[2] == "1", "nobody is the host's root: {said}");
}

#[tokio::test]
async fn p04_no_family_of_sockets_leads_anywhere() {
    let Some(process) = here().await else { return };
    let Some(report) = attack(&process, "sockets", SOCKETS, roomy()).await else { return };
    assert_eq!(text(&report), "stream 0\ntalks 1\nconnect 1\nbind 1\nsendto 1\ndgram 1\n");
}

#[tokio::test]
async fn p04_sockets_and_pipes_of_the_host_are_not_in_a_folder() {
    let Some(process) = here().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let _listens = std::os::unix::net::UnixListener::bind(dir.path().join("host.sock")).unwrap();
    let _talks = std::os::unix::net::UnixListener::bind(dir.path().join("docker.sock")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        dir.path().join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let mut run = command(&["/bin/ls", "/data"], roomy());
    run.mounts = vec![super::world::mount(dir.path(), "/**:write")];
    let report = process.run(run).await.unwrap();
    assert_eq!(text(&report), "file\n", "{report:?}");
    assert!(dir.path().join("host.sock").exists() && dir.path().join("pipe").exists(), "what is not seen stays");
}

#[tokio::test]
async fn p04_the_network_is_empty() {
    let Some(process) = here().await else { return };
    let script =
        "cut -s -d: -f1 /proc/self/net/dev | tr -d ' '; cat /proc/self/net/route /etc/resolv.conf 2>/dev/null | wc -l";
    // The loopback, which is down, and no way to anywhere.
    assert_eq!(said(&process, script).await, "lo\n0\n");
}

#[tokio::test]
async fn p06_processes_are_so_many_and_no_more() {
    let Some(process) = here().await else { return };
    let Some(report) = attack(&process, "many", MANY, roomy()).await else { return };
    let said = text(&report);
    let (made, errno) = said.trim().split_once(' ').unwrap();
    let made: u64 = made.parse().unwrap();
    assert!(errno == "11" && (32..64).contains(&made), "{said}");
    // Whoever else runs has a number of his own.
    let two = tokio::join!(attack(&process, "many", MANY, roomy()), attack(&process, "many", MANY, roomy()));
    assert!(text(&two.0.unwrap()).ends_with(" 11\n") && text(&two.1.unwrap()).ends_with(" 11\n"));
    assert!(self::process().standing().await.claims.iter().any(|claim| claim.name == LimitName::DeadlineMs.as_str()));
}
