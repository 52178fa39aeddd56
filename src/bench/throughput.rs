use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::ask::Part;
use super::comparison::{Comparison, Unit};
use super::error::BenchError;
use super::fence::{Fence, Job};
use super::stage::Stage;
use super::turns::{Pace, in_turns};

/// What a fence has in all is given in so many turns.
const ROUNDS: u32 = 3;

pub(super) fn measure(stage: &Stage<'_>, all: &mut Comparison) -> Result<(), BenchError> {
    stage.tell("throughput");
    let cores = all.machine.cores;
    let crowd = &stage.crowd;
    let each = stage.effort.time() / ROUNDS;
    let rounds = stage.effort.of(ROUNDS as usize, 1);
    let pace = Pace { least: rounds, most: rounds, time: Duration::ZERO };
    let measured = stage.solo.block_on(in_turns(stage.ordinary(), pace, async |fence| {
        // Waited for on another thread: two runtimes on one would be in each other's way.
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| crowd.block_on(crowded(fence, cores, each)));
            waiting.join().unwrap_or_else(|_| Err(fence.failed(&[], "a thread of ours failed")))
        })
    }))?;
    let told = |fence: &Fence| format!("{}, {cores} at a time", fence.empty.about());
    all.add((Part::Throughput, Unit::PerSecond), "starts and ends", told, measured);
    Ok(())
}

/// As many at a time as there are cores, each the next as soon as it has one.
async fn crowded(fence: &Fence, cores: usize, time: Duration) -> Result<f64, BenchError> {
    let start = Instant::now();
    let mut crowd = JoinSet::new();
    for _ in 0..cores {
        let fence = fence.clone();
        crowd.spawn(async move {
            let mut done = 0_u32;
            while start.elapsed() < time || done == 0 {
                fence.once(&Job::default()).await?;
                done = done.saturating_add(1);
            }
            Ok::<_, BenchError>(done)
        });
    }
    let mut done = 0.0;
    while let Some(one) = crowd.join_next().await {
        done += f64::from(one.map_err(BenchError::machine)??);
    }
    Ok(done / start.elapsed().as_secs_f64())
}
