//! What the process backend says of itself, and that it keeps to it.

use std::path::PathBuf;
use std::process::Command;

use ringfence::backends::{Backend, BackendName, Process, ProcessSettings};
use ringfence::model::{LimitName, Outcome};
use serde_json::Value;

use super::world::{command, here, roomy};
use crate::support::{WORKER, with};

#[tokio::test]
async fn every_limit_has_a_claim_and_each_claim_a_reason() {
    let Some(process) = here().await else { return };
    let claims = process.standing().await.claims;
    for limit in LimitName::ALL {
        assert_eq!(claims.iter().filter(|claim| claim.name == limit.as_str()).count(), 1, "{limit}");
    }
    assert!(claims.iter().all(|claim| !claim.how.is_empty()));
}

#[tokio::test]
async fn memory_of_the_whole_tree_is_claimed_in_full_only_with_a_control_group() {
    let Some(process) = here().await else { return };
    let standing = process.standing().await;
    let memory = standing.claims.iter().find(|claim| claim.name == "memory_bytes").unwrap();
    let group = memory.how.contains("control group");
    assert_eq!(memory.holds.as_str(), if group { "yes" } else { "partly" }, "{memory:?}");
}

#[tokio::test]
async fn a_limit_that_is_chosen_and_not_held_at_all_is_refused() {
    let Some(process) = here().await else { return };
    let mut run = command(&["/bin/true"], roomy());
    run.chosen = vec![LimitName::Fuel];
    let error = process.run(run).await.unwrap_err();
    assert_eq!(error.code(), "not_enforced");
    assert!(error.to_string().contains("fuel"), "{error}");
    let mut run = command(&["/bin/true"], roomy());
    run.chosen = vec![LimitName::MemoryBytes, LimitName::DeadlineMs];
    assert_eq!(process.run(run).await.unwrap().outcome, Outcome::Exited { code: 0 });
}

#[tokio::test]
async fn clocks_and_randomness_cannot_be_taken_from_a_command() {
    let Some(process) = here().await else { return };
    for (clocks, randomness, name) in [(false, true, "clocks"), (true, false, "randomness")] {
        let mut run = command(&["/bin/true"], roomy());
        (run.grants.clocks, run.grants.randomness) = (clocks, randomness);
        let error = process.run(run).await.unwrap_err();
        assert_eq!(error.code(), "not_enforced");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_backend_that_cannot_start_is_an_error_with_its_reason() {
    let missing = Process::new(ProcessSettings::new(PathBuf::from("/no/such/program")));
    let standing = missing.standing().await;
    assert!(!standing.available && standing.backend == BackendName::Process);
    assert!(standing.reason.unwrap().contains("/no/such/program"));
    let error = missing.run(command(&["/bin/true"], roomy())).await.unwrap_err();
    assert_eq!(error.code(), "backend_unavailable");
}

/// What `ringfence backends` says of the process backend, run by a root that is none outside.
fn within_a_container(first: &str) -> Option<Value> {
    let script = format!("{first} exec {WORKER} backends process --json");
    let made =
        Command::new("unshare").args(["--map-root-user", "sh", "-c", &script]).env("HOME", "/tmp").output().ok()?;
    let told: Option<Value> = serde_json::from_slice(&made.stdout).ok();
    if told.is_none() {
        eprintln!("skipped: no user namespace can be made here: {}", String::from_utf8_lossy(&made.stderr));
    }
    told.map(|told| told[0].clone())
}

#[tokio::test]
async fn without_user_namespaces_it_says_that_it_is_not_there() {
    let Some(told) = within_a_container("echo 0 > /proc/sys/user/max_user_namespaces;") else { return };
    assert_eq!(told["available"], false, "{told}");
    assert!(told["reason"].as_str().unwrap().starts_with("new namespaces: "), "{told}");
    assert!(told["claims"].as_array().unwrap().is_empty(), "{told}");
}

#[tokio::test]
async fn a_root_that_can_be_nobody_else_runs_nothing_as_root() {
    let Some(told) = within_a_container("") else { return };
    if rustix::process::geteuid().is_root() {
        assert!(told["reason"].as_str().unwrap().contains("does not run as root"), "{told}");
    } else {
        assert_eq!(told["available"], true, "{told}");
    }
}

#[tokio::test]
async fn a_command_that_is_not_there_is_an_error_by_name() {
    let Some(process) = here().await else { return };
    for (words, named) in [
        (["no-such-command"], "no-such-command"),
        (["/no/such/command"], "/no/such/command"),
        (["/etc/passwd"], "/etc/passwd"),
        (["bad\0word"], "zero byte"),
    ] {
        let error = process.run(command(&words, roomy())).await.unwrap_err();
        assert_eq!(error.code(), "command_unavailable", "{error}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test]
async fn a_signal_is_told_by_name() {
    let Some(process) = here().await else { return };
    let report = process.run(command(&["/bin/sh", "-c", "kill -ABRT $$"], with(&[]))).await.unwrap();
    match report.outcome {
        Outcome::Trapped { message, .. } => assert!(message.contains("SIGABRT"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn runs_at_one_time_do_not_meet() {
    let Some(process) = here().await else { return };
    let one = |number: u32| {
        let script = format!(
            "touch /tmp/{number} /dev/shm/{number}; ls /tmp /dev/shm | tr '\\n' ' '; ls -d /proc/[0-9]* | wc -l"
        );
        let run = command(&["/bin/sh", "-c", &script], roomy());
        let process = &process;
        async move {
            let report = process.run(run).await.unwrap();
            let said = String::from_utf8(report.stdout.bytes).unwrap();
            let files = format!("/dev/shm: {number}  /tmp: {number} ");
            let others = said.strip_prefix(&files).unwrap_or_else(|| panic!("{number}: {said}"));
            assert!(others.trim().parse::<u32>().unwrap() <= 4, "{said}");
        }
    };
    futures_util::future::join_all((0..24).map(one)).await;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(" - tmpfs ringfence "), "{mounts}");
}

#[tokio::test]
async fn a_large_environment_fits_into_little_memory() {
    let Some(process) = here().await else { return };
    let mut run = command(&["/bin/sh", "-c", "echo ${#A} ${#B}"], with(&[(LimitName::EnvBytes, 1 << 20)]));
    run.limits.memory_bytes = 16 << 20;
    run.grants.env = vec![("A".into(), "x".repeat(100_000)), ("B".into(), "y".repeat(100_000))];
    let report = process.run(run).await.unwrap();
    assert_eq!(report.stdout.bytes, b"100000 100000\n", "{report:?}");
}
