use std::time::{Duration, Instant};

use super::error::BenchError;
use super::fence::Fence;
use super::stats::Stats;

/// How much is measured of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Whatever time it takes.
    pub(super) least: usize,
    pub(super) most: usize,
    /// What each fence may take beyond that.
    pub(super) time: Duration,
}

/// A turn takes so long, or as long as one sample: what is quick gets warm, and nobody has the machine's best minute alone.
const TURN: Duration = Duration::from_millis(5);

struct Lane<'a> {
    fence: &'a Fence,
    samples: Vec<f64>,
    spent: Duration,
}

impl Lane<'_> {
    fn is_open(&self, pace: Pace) -> bool {
        self.samples.len() < pace.least || (self.samples.len() < pace.most && self.spent < pace.time)
    }
}

/// Each fence in its turn, until all have enough.
pub(super) async fn in_turns<'a>(
    fences: impl Iterator<Item = &'a Fence>,
    pace: Pace,
    mut sample: impl AsyncFnMut(&Fence) -> Result<f64, BenchError>,
) -> Result<Vec<(&'a Fence, Stats)>, BenchError> {
    let mut lanes: Vec<Lane<'a>> =
        fences.map(|fence| Lane { fence, samples: Vec::new(), spent: Duration::ZERO }).collect();
    while lanes.iter().any(|lane| lane.is_open(pace)) {
        for lane in lanes.iter_mut().filter(|lane| lane.is_open(pace)) {
            let turn = Instant::now();
            while lane.is_open(pace) {
                lane.samples.push(sample(lane.fence).await?);
                if turn.elapsed() >= TURN {
                    break;
                }
            }
            lane.spent += turn.elapsed();
        }
    }
    Ok(lanes.into_iter().filter_map(|lane| Some((lane.fence, Stats::of(&lane.samples)?))).collect())
}

pub(super) fn micros(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}
