use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::ask::Part;
use super::comparison::{Comparison, Unit};
use super::error::BenchError;
use super::fence::{Fence, Job, NATIVE};
use super::programs::Empty;
use super::stage::Stage;
use super::turns::{in_turns, micros};

/// The host runs already, and has run this before.
pub(super) const WARM: &str = "warm";
/// Another process of the host's, which finds the code that was kept on disk.
const KEPT: &str = "new host process";
/// The same with nothing kept: what there is to be compiled is compiled.
const COLD: &str = "cold";

pub(super) fn measure(stage: &Stage<'_>, all: &mut Comparison) -> Result<(), BenchError> {
    let line = (Part::Start, Unit::Microseconds);
    stage.tell("start, warm");
    let measured = stage.solo.block_on(in_turns(stage.ordinary(), stage.pace(10, 2_000), async |fence| {
        Ok(micros(fence.once(&Job::default()).await?.took))
    }))?;
    all.add(line, WARM, told, measured);

    let kept = tempfile::tempdir().map_err(BenchError::machine)?;
    let backends = || stage.ordinary().filter(|fence| fence.name != NATIVE);
    let with_code = || backends().filter(|fence| fence.runs_components());
    stage.tell("start, a new host process that finds code");
    for fence in with_code() {
        first_run(stage, fence, kept.path())?;
    }
    let measured = stage
        .solo
        .block_on(in_turns(with_code(), stage.pace(5, 200), async |fence| first_run(stage, fence, kept.path())))?;
    all.add(line, KEPT, told, measured);

    stage.tell("start, cold");
    let measured = stage.solo.block_on(in_turns(backends(), stage.pace(5, 200), async |fence| {
        let nothing = tempfile::tempdir().map_err(BenchError::machine)?;
        first_run(stage, fence, nothing.path())
    }))?;
    all.add(line, COLD, told, measured);
    Ok(())
}

fn told(fence: &Fence) -> String {
    fence.empty.about().to_owned()
}

/// A new host process from its start to its end, with its code in a folder of its own making below this one.
fn first_run(stage: &Stage<'_>, fence: &Fence, code: &Path) -> Result<f64, BenchError> {
    let mut command = Command::new(&stage.here.own);
    command.args(&stage.here.first_run).args(["--first-run", fence.name]).arg("--cache-dir").arg(code.join("code"));
    if fence.empty == Empty::Static {
        command.arg("--first-static");
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let output = command.output().map_err(|error| fence.failed(&[], error))?;
    let took = micros(start.elapsed());
    if !output.status.success() {
        return Err(fence.failed(&[], String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(took)
}
