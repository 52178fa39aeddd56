use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use super::ask::{Ask, Effort, Part};
use super::comparison::{Comparison, LeftOut, Unit};
use super::error::BenchError;
use super::fence::{Fence, Job, Kind, NATIVE, NO_FUEL, find_empty};
use super::programs::{Empty, Programs, Shared};
use super::turns::{Pace, in_turns, micros};
use super::{memory, start, throughput, work};
use crate::backends::Backend;
use crate::engine::Engine;

/// What of this machine is compared.
pub struct Here {
    /// Those that were asked for, there or not.
    pub backends: Vec<Arc<dyn Backend>>,
    /// Of the backend `wasm`, where that is among them: it also runs without fuel.
    pub engine: Option<Engine>,
    pub programs: Programs,
    /// This program, and what it is told to be a new host process: `start` comes after it.
    pub own: PathBuf,
    pub first_run: Vec<String>,
}

/// All that is needed to measure, and what is told of it on the way.
pub struct Stage<'a> {
    pub(super) here: Here,
    /// The first is none at all.
    pub(super) fences: Vec<Fence>,
    pub(super) effort: Effort,
    /// One thing at a time, on one thread.
    pub(super) solo: Runtime,
    /// Many at once, on all cores.
    pub(super) crowd: Runtime,
    pub(super) left_out: Vec<LeftOut>,
    told: &'a dyn Fn(&str),
}

/// 4 KiB of text.
const INPUT: &[u8] = &[b'x'; 4 << 10];

impl<'a> Stage<'a> {
    /// Starts each fence once, so that all are warm. A backend that is not there is left out by name.
    pub fn new(here: Here, effort: Effort, told: &'a dyn Fn(&str)) -> Result<Self, BenchError> {
        let solo = Builder::new_current_thread().enable_all().build().map_err(BenchError::machine)?;
        let crowd = Builder::new_multi_thread().enable_all().build().map_err(BenchError::machine)?;
        let programs: Shared = Arc::new(here.programs.clone());
        let fence = |name, kind, empty| Fence { name, kind, empty, programs: Arc::clone(&programs) };
        let (mut fences, mut left_out) = (vec![fence(NATIVE, Kind::None, Empty::True)], Vec::new());
        for backend in &here.backends {
            let name = backend.name().as_str();
            told(&format!("whether {name} is there"));
            let standing = solo.block_on(backend.standing());
            if let Some(reason) = standing.reason {
                left_out.push(LeftOut { fence: name, part: None, reason });
                continue;
            }
            let empty = solo.block_on(find_empty(backend, &programs))?;
            fences.push(fence(name, Kind::Backend(Arc::clone(backend)), empty));
        }
        if let Some(engine) = &here.engine {
            fences.push(fence(NO_FUEL, Kind::Unmetered(engine.clone()), Empty::Component));
        }
        // What has to be compiled is compiled now, in nobody's turn.
        let nothing = ["nothing".to_owned()];
        for fence in &fences {
            told(&format!("whether {} runs what is measured", fence.name));
            solo.block_on(fence.once(&Job { args: &nothing, ..Job::default() }))?;
        }
        Ok(Self { here, fences, effort, solo, crowd, left_out, told })
    }

    /// Part after part.
    pub fn compare(mut self, ask: &Ask) -> Result<Comparison, BenchError> {
        let mut all = Comparison::new(self.effort, std::mem::take(&mut self.left_out))?;
        for part in Part::ALL.into_iter().filter(|part| ask.parts.contains(part)) {
            match part {
                Part::Start => start::measure(&self, &mut all)?,
                Part::RoundTrip => self.round_trip(&mut all)?,
                Part::Throughput => throughput::measure(&self, &mut all)?,
                Part::Memory => memory::measure(&self, &mut all)?,
                Part::Work => work::measure(&self, &mut all)?,
            }
        }
        Ok(all.judged())
    }

    pub(super) fn tell(&self, what: &str) {
        (self.told)(what);
    }

    /// Those that people use: without fuel there is only work to be measured.
    pub(super) fn ordinary(&self) -> impl Iterator<Item = &Fence> {
        self.fences.iter().filter(|fence| fence.name != NO_FUEL)
    }

    pub(super) fn pace(&self, least: usize, most: usize) -> Pace {
        Pace { least: self.effort.of(least, 2), most: self.effort.of(most, 20), time: self.effort.time() }
    }

    fn round_trip(&self, all: &mut Comparison) -> Result<(), BenchError> {
        self.tell("round-trip");
        let args = ["echo".to_owned()];
        let job = Job { args: &args, input: INPUT, folder: None };
        let measured = self.solo.block_on(in_turns(self.ordinary(), self.pace(10, 2_000), async |fence| {
            let done = fence.once(&job).await?;
            if done.output != INPUT {
                return Err(fence.failed(&args, "what came back is not what was given"));
            }
            Ok(micros(done.took))
        }))?;
        all.add((Part::RoundTrip, Unit::Microseconds), "4 KiB", |_| "`bench echo`".to_owned(), measured);
        Ok(())
    }
}

/// The whole life of a new host process that is timed from outside: one start and end.
pub fn begin_and_end(backend: Arc<dyn Backend>, programs: Programs, empty: Empty) -> Result<(), BenchError> {
    let solo = Builder::new_current_thread().enable_all().build().map_err(BenchError::machine)?;
    let fence =
        Fence { name: backend.name().as_str(), kind: Kind::Backend(backend), empty, programs: Arc::new(programs) };
    solo.block_on(fence.once(&Job::default())).map(|_| ())
}
