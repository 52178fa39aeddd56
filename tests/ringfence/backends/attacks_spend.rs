//! P06 of the threat list: native attackers on memory, time, files and output.

use std::time::Instant;

use ringfence::backends::Backend as _;
use ringfence::model::{LimitName, Limits, Outcome};

use super::attackers::{GREEDY, HERD, OPENER};
use super::world::{attack, command, here, mount, roomy, shell, text};
use crate::support::{assert_limit, with};

#[tokio::test]
async fn p06_memory_of_a_process_is_refused_by_the_kernel() {
    let Some(process) = here().await else { return };
    let limits = Limits { memory_bytes: 64 << 20, ..roomy() };
    let Some(report) = attack(&process, "greedy", GREEDY, limits).await else { return };
    let taken: u64 = text(&report).trim().parse().unwrap();
    assert!((32..64).contains(&taken), "{report:?}");
}

#[tokio::test]
async fn p06_many_processes_that_are_too_much_together_are_out_of_memory() {
    let Some(process) = here().await else { return };
    let limits = Limits { memory_bytes: 64 << 20, ..roomy() };
    let Some(report) = attack(&process, "herd", HERD, limits).await else { return };
    match report.outcome {
        Outcome::OutOfMemory { limit_bytes, used_bytes, .. } => {
            assert!(limit_bytes == 64 << 20 && used_bytes >= limit_bytes, "{used_bytes}");
        }
        ref other => panic!("{other:?}"),
    }
    assert!(report.usage.peak_memory_bytes >= 64 << 20, "{report:?}");
}

#[tokio::test]
async fn p06_a_loop_that_never_ends_does() {
    let Some(process) = here().await else { return };
    let since = Instant::now();
    let limits = Limits { deadline_ms: 400, ..roomy() };
    let report = shell(&process, "while :; do :; done", limits).await.unwrap();
    assert_eq!(report.outcome.kind(), "deadline_exceeded");
    assert!(report.usage.cpu_us > 10_000, "{report:?}");
    assert!(since.elapsed().as_secs() < 60);
}

#[tokio::test]
async fn p06_a_file_and_all_files_together_stop_at_the_limit() {
    let Some(process) = here().await else { return };
    let limits = Limits { written_bytes: 1 << 20, ..roomy() };
    // One that grows beyond it.
    let report = shell(&process, "exec cat /dev/zero > /tmp/big", limits.clone()).await.unwrap();
    assert_limit(&report, LimitName::WrittenBytes);
    // Many that each do not, wherever they are.
    for folder in ["/tmp", "/dev/shm", "/data"] {
        let script = format!(
            "i=0; while head -c 100000 /dev/zero > {folder}/$i; do i=$((i+1)); done 2>/dev/null; echo $i; exit 1"
        );
        let dir = tempfile::tempdir().unwrap();
        let mut run = command(&["/bin/sh", "-c", &script], limits.clone());
        run.mounts = vec![mount(dir.path(), "/**:write")];
        let report = process.run(run).await.unwrap();
        assert_limit(&report, LimitName::WrittenBytes);
        let made: u64 = text(&report).trim().parse().unwrap();
        assert!((8..=11).contains(&made), "{folder}: {report:?}");
    }
}

#[tokio::test]
async fn p06_names_of_files_stop_at_the_limit() {
    let Some(process) = here().await else { return };
    let limits = Limits { files_created: 50, ..roomy() };
    let script = "i=0; while mkdir /tmp/$i 2>/dev/null; do i=$((i+1)); done; echo $i; exit 1";
    let report = shell(&process, script, limits).await.unwrap();
    assert_limit(&report, LimitName::FilesCreated);
    let made: u64 = text(&report).trim().parse().unwrap();
    assert!((50..150).contains(&made), "{report:?}");
}

#[tokio::test]
async fn p06_open_files_are_so_many_for_each_process() {
    let Some(process) = here().await else { return };
    let Some(report) = attack(&process, "opener", OPENER, Limits { open_files: 20, ..roomy() }).await else { return };
    assert_eq!(text(&report), "17\n");
}

#[tokio::test]
async fn p06_a_flood_of_output_ends_the_run() {
    let Some(process) = here().await else { return };
    let report = shell(&process, "trap '' PIPE; while :; do echo flood; done", roomy()).await.unwrap();
    assert_limit(&report, LimitName::StdoutBytes);
    assert_eq!(u64::try_from(report.stdout.bytes.len()).unwrap(), roomy().stdout_bytes);
}

#[tokio::test]
async fn p06_a_folder_that_is_too_large_is_refused() {
    let Some(_) = here().await else { return };
    let mut settings = ringfence::backends::ProcessSettings::new(crate::support::WORKER.into());
    (settings.copied_bytes, settings.copied_files) = (1_000, 10);
    let process = ringfence::backends::Process::new(settings);
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("big"), vec![0; 2_000]).unwrap();
    let error = |rules: &'static str| {
        let mut run = command(&["/bin/true"], with(&[]));
        run.mounts = vec![mount(dir.path(), rules)];
        process.run(run)
    };
    let refused = error("/**:read").await.unwrap_err();
    assert!(refused.code() == "dir_unavailable" && refused.to_string().contains("too large"), "{refused}");
    // What is hidden does not count.
    assert!(error("/**:read\n/big:none").await.is_ok());
}
