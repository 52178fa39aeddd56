use serde::Serialize;

use super::ask::Part;
use super::comparison::Comparison;
use super::fence::{NATIVE, NO_FUEL};
use super::start::WARM;
use super::work::COMPUTING;

/// A figure that we want to reach, and whether we do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    pub what: String,
    pub target: String,
    pub measured: String,
    pub met: bool,
}

const THAN_PROCESS: f64 = 100.0;
const THAN_DOCKER: f64 = 1_000.0;
const OVER_SPAWN_US: f64 = 8_000.0;
const WITHOUT_FUEL: f64 = 1.5;
const WITH_FUEL: f64 = 1.9;

/// Of what was measured; what was not has none.
pub(super) fn of(all: &Comparison) -> Vec<Verdict> {
    let start = |fence: &str| all.median(Part::Start, WARM, fence);
    let quicker = |than: &str, target: f64| {
        let times = start(than)? / start("wasm")?;
        Some(Verdict {
            what: format!("a fresh run in wasm starts sooner than in {than}"),
            target: format!("{target:.0} times at least"),
            measured: format!("{times:.0} times"),
            met: times >= target,
        })
    };
    let over = || {
        let more = start("process")? - start(NATIVE)?;
        Some(Verdict {
            what: "starting in process, more than fork and exec alone".to_owned(),
            target: format!("{:.0} ms at most", OVER_SPAWN_US / 1e3),
            measured: format!("{:.2} ms", more / 1e3),
            met: more <= OVER_SPAWN_US,
        })
    };
    let starts = [quicker("process", THAN_PROCESS), quicker("docker", THAN_DOCKER), over()];
    let work = COMPUTING.into_iter().flat_map(|work| [(work, NO_FUEL, WITHOUT_FUEL), (work, "wasm", WITH_FUEL)]);
    let work = work.filter_map(|(work, fence, target)| {
        let times = all.median(Part::Work, work, fence)? / all.median(Part::Work, work, NATIVE)?;
        Some(Verdict {
            what: format!("{work} in {fence}, of the time that it takes natively"),
            target: format!("{target} times at most"),
            measured: format!("{times:.2} times"),
            met: times <= target,
        })
    });
    starts.into_iter().flatten().chain(work).collect()
}
