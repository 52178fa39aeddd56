//! What the parts of a fence of the kernel's cost: building it, folders copied in under rules, and what was written brought
//! back. What the backends cost beside each other is told by `ringfence bench`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that fails should say so")]
#![allow(clippy::print_stderr, reason = "says what it leaves out")]

#[path = "shared/mod.rs"]
mod shared;

use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use ringfence::backends::{Backend as _, Process, ProcessSettings, Program, Run};
use ringfence::engine::Mount;
use ringfence::fs_policy::{Level, Rules};
use ringfence::model::{Grants, Outcome, Preset};
use shared::{WORKER, runtime};

const FILES: usize = 200;

fn process() -> Process {
    Process::new(ProcessSettings::new(WORKER.into()))
}

fn command(words: &[&str], mounts: Vec<Mount>) -> Run {
    let mut grants = Grants::clocks_and_randomness();
    let (program, args) = words.split_first().unwrap();
    grants.args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let mut run = Run::new(Program::Command((*program).to_owned()), Preset::Medium.limits(), grants);
    run.mounts = mounts;
    run
}

async fn ended(process: &Process, run: Run) {
    let report = process.run(run).await.unwrap();
    assert_eq!(report.outcome, Outcome::Exited { code: 0 }, "{report:?}");
}

/// Files of 4 KiB in ten folders, one in ten of which no rule of `RULES` shows.
fn fill(dir: &Path) {
    for n in 0..FILES {
        let folder = dir.join(format!("folder-{}", n % 10));
        std::fs::create_dir_all(&folder).unwrap();
        let end = if n / 10 % 10 == 0 { "key" } else { "txt" };
        std::fs::write(folder.join(format!("{n}.{end}")), [b'x'; 4 << 10]).unwrap();
    }
}

const RULES: &str = "/**:write\n**/*.key:none";

fn under_rules(dir: &Path) -> Mount {
    let policy = Arc::new(RULES.parse::<Rules>().unwrap().policy(false).unwrap());
    Mount { policy, ..Mount::whole(dir, "/data", Level::Write) }
}

fn fences(criterion: &mut Criterion) {
    let (runtime, process_kept) = (runtime(), process());
    if let Some(reason) = runtime.block_on(process_kept.standing()).reason {
        eprintln!("fences: there is no process backend on this machine and nothing is measured: {reason}");
        return;
    }
    criterion.bench_function("process: standing, found out once", |bench| {
        bench.to_async(&runtime).iter(|| async { process_kept.standing().await });
    });
    criterion.bench_function("process: standing, with a new keeper", |bench| {
        bench.to_async(&runtime).iter(|| async { process().standing().await });
    });
    criterion.bench_function("process: start and end of /bin/true", |bench| {
        bench.to_async(&runtime).iter(|| ended(&process_kept, command(&["/bin/true"], Vec::new())));
    });
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    criterion.bench_function("process: the same with 200 files copied under rules", |bench| {
        let mount = || vec![under_rules(dir.path())];
        bench.to_async(&runtime).iter(|| ended(&process_kept, command(&["/bin/true"], mount())));
    });
    criterion.bench_function("process: the same with 200 files read-only", |bench| {
        let mount = || vec![Mount::whole(dir.path(), "/data", Level::Read)];
        bench.to_async(&runtime).iter(|| ended(&process_kept, command(&["/bin/true"], mount())));
    });
    criterion.bench_function("process: 200 files written, and brought back", |bench| {
        let script = "i=0; while [ $i -lt 200 ]; do echo $i > /data/$i; i=$((i+1)); done";
        bench.to_async(&runtime).iter_batched(
            || tempfile::tempdir().unwrap(),
            |dir| {
                let run = command(&["/bin/sh", "-c", script], vec![Mount::whole(dir.path(), "/data", Level::Write)]);
                let process = &process_kept;
                async move {
                    ended(process, run).await;
                    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), FILES);
                }
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, fences);
criterion_main!(benches);
