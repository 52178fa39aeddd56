use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::ask::Part;
use super::comparison::{Comparison, LeftOut, Unit};
use super::error::BenchError;
use super::fence::{Fence, FirstWord, Job, Kind};
use super::processes::{Processes, available, memory};
use super::stage::Stage;
use super::stats::Stats;
use crate::engine::Stdin;

/// Live ones of what the host holds in its own process, and of what has processes of its own.
const INSTANCES: usize = 500;
const COMMANDS: usize = 30;
/// All of them have started by then, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one of them takes in its processes, and on the machine as a whole.
struct Taken {
    processes: f64,
    machine: f64,
}

pub(super) fn measure(stage: &Stage<'_>, all: &mut Comparison) -> Result<(), BenchError> {
    let (mut processes, mut machine) = (Vec::new(), Vec::new());
    let count = |fence: &Fence| {
        let full = if fence.runs_components() { INSTANCES } else { COMMANDS };
        stage.effort.of(full, 4)
    };
    for fence in stage.ordinary() {
        stage.tell(&format!("memory, {}", fence.name));
        let (mut own, mut whole) = (Vec::new(), Vec::new());
        // Taken once: what the first of them leaves behind, the others use again, and it counts for all.
        let before = Before::now()?;
        for _ in 0..stage.effort.of(3, 1) {
            match stage.crowd.block_on(live(fence, count(fence), &before))? {
                Ok(taken) => (own.push(taken.processes), whole.push(taken.machine)),
                Err(reason) => {
                    all.left_out.push(LeftOut { fence: fence.name, part: Some(Part::Memory), reason });
                    break;
                }
            };
        }
        processes.extend(Stats::of(&own).map(|stats| (fence, stats)));
        machine.extend(Stats::of(&whole).map(|stats| (fence, stats)));
    }
    let told = |fence: &Fence| format!("`bench wait`, {} live", count(fence));
    all.add((Part::Memory, Unit::Bytes), "its processes", told, processes);
    all.add((Part::Memory, Unit::Bytes), "of the whole machine", told, machine);
    Ok(())
}

/// What there is before the first of them.
struct Before {
    processes: Processes,
    memory: std::io::Result<u64>,
    free: u64,
}

impl Before {
    fn now() -> Result<Self, BenchError> {
        let processes = Processes::now().map_err(BenchError::machine)?;
        let memory = memory(&processes.of("", &processes));
        Ok(Self { processes, memory, free: available().map_err(BenchError::machine)? })
    }
}

/// Starts so many that wait for their input, looks what they take, and ends their input. What cannot be seen is told.
async fn live(fence: &Fence, count: usize, before: &Before) -> Result<Result<Taken, String>, BenchError> {
    let word = format!("live-{}", uuid::Uuid::now_v7());
    let args = ["wait".to_owned(), word.clone()];
    let crowd = Crowd::start(fence, &args, count).await?;
    let now = Processes::now().map_err(BenchError::machine)?.of(&word, &before.processes);
    let (is, left) = (memory(&now), available().map_err(BenchError::machine)?);
    crowd.end(fence, &args).await?;
    let each = |before: u64, after: u64| (after as f64 - before as f64) / count as f64;
    Ok(match (&before.memory, is) {
        (Ok(was), Ok(is)) => Ok(Taken { processes: each(*was, is), machine: each(left, before.free) }),
        (Err(error), _) => Err(error.to_string()),
        (_, Err(error)) => Err(error.to_string()),
    })
}

/// Those that are live.
enum Crowd {
    Children(Vec<Child>),
    Runs { inputs: Vec<DuplexStream>, runs: JoinSet<Result<(), BenchError>> },
}

impl Crowd {
    async fn start(fence: &Fence, args: &[String], count: usize) -> Result<Self, BenchError> {
        let Kind::Backend(backend) = &fence.kind else {
            let children: Result<_, BenchError> = (0..count).map(|_| waiting(fence, args)).collect();
            return children.map(Crowd::Children);
        };
        let started = Arc::new(Semaphore::new(0));
        let (mut inputs, mut runs) = (Vec::new(), JoinSet::new());
        for _ in 0..count {
            let (input, read) = tokio::io::duplex(16);
            let mut run = fence.run(&Job { args, ..Job::default() });
            run.stdin = Stdin::Live(Box::new(read));
            run.listener = Some(Arc::new(FirstWord(Arc::clone(&started))));
            let (backend, fence, args) = (Arc::clone(backend), fence.clone(), args.to_vec());
            runs.spawn(async move {
                let report = backend.run(run).await?;
                fence.check(&Job { args: &args, ..Job::default() }, &report)
            });
            inputs.push(input);
        }
        let all = u32::try_from(count).unwrap_or(u32::MAX);
        tokio::select! {
            _ = started.acquire_many(all) => Ok(Crowd::Runs { inputs, runs }),
            Some(ended) = runs.join_next() => {
                ended.map_err(BenchError::machine)??;
                Err(fence.failed(args, "it ended before its input did"))
            }
            () = tokio::time::sleep(PATIENCE) => Err(fence.failed(args, "not all of them have started")),
        }
    }

    async fn end(self, fence: &Fence, args: &[String]) -> Result<(), BenchError> {
        match self {
            Crowd::Children(children) => {
                for mut child in children {
                    drop(child.stdin.take());
                    child.wait().map_err(|error| fence.failed(args, error))?;
                }
            }
            Crowd::Runs { inputs, mut runs } => {
                drop(inputs);
                while let Some(ended) = runs.join_next().await {
                    ended.map_err(BenchError::machine)??;
                }
            }
        }
        Ok(())
    }
}

/// A child that has said its first word.
fn waiting(fence: &Fence, args: &[String]) -> Result<Child, BenchError> {
    let failed = |error: std::io::Error| fence.failed(args, error);
    let mut child = fence.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(stdout) = child.stdout.as_mut() {
        BufReader::new(stdout).read_line(&mut String::new()).map_err(failed)?;
    }
    Ok(child)
}
