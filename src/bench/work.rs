use super::ask::Part;
use super::comparison::{Comparison, Unit};
use super::error::BenchError;
use super::fence::{Done, Fence, Job};
use super::stage::Stage;
use super::turns::in_turns;

/// What only computes.
pub(super) const COMPUTING: [&str; 4] = ["integer", "float", "sort", "hash"];
/// What asks for files all the time.
const FILES: &str = "files";

/// How much of it is some thirty milliseconds of an ordinary machine, so that there are many samples, and how much a moment.
fn size(work: &str) -> (usize, usize) {
    match work {
        "integer" => (150_000, 2_000),
        "float" => (500_000, 5_000),
        "sort" => (80_000, 1_000),
        "hash" => (100, 2),
        _ => (100, 5),
    }
}

/// Any number does; with the same one the figures of two days are of the same work.
const SEED: &str = "20251122";

pub(super) fn measure(stage: &Stage<'_>, all: &mut Comparison) -> Result<(), BenchError> {
    for work in COMPUTING.into_iter().chain([FILES]) {
        stage.tell(&format!("work, {work}"));
        let (full, quick) = size(work);
        let args = [work.to_owned(), stage.effort.of(full, quick).to_string(), SEED.to_owned()];
        let mut first: Option<(&'static str, String)> = None;
        let measured = stage.solo.block_on(in_turns(stage.fences.iter(), stage.pace(5, 51), async |fence| {
            let folder = (work == FILES).then(tempfile::tempdir).transpose().map_err(BenchError::machine)?;
            let job = Job { args: &args, folder: folder.as_ref().map(tempfile::TempDir::path), ..Job::default() };
            let (answer, micros) = answer(fence, &args, &fence.once(&job).await?)?;
            match &first {
                None => first = Some((fence.name, answer)),
                Some((_, expected)) if *expected == answer => {}
                Some((first, expected)) => {
                    let (work, expected) = (args.join(" "), expected.clone());
                    return Err(BenchError::WrongAnswer { work, fence: fence.name, found: answer, first, expected });
                }
            }
            Ok(micros)
        }))?;
        let command = format!("`bench {}`", args.join(" "));
        all.add((Part::Work, Unit::Microseconds), work, |_| command.clone(), measured);
    }
    Ok(())
}

/// What the work came to, and what it took by the clock inside.
fn answer(fence: &Fence, args: &[String], done: &Done) -> Result<(String, f64), BenchError> {
    let said = String::from_utf8_lossy(&done.output);
    let parts = said.trim().split_once(' ').and_then(|(answer, nanos)| Some((answer, nanos.parse::<f64>().ok()?)));
    let Some((answer, nanos)) = parts else {
        let beginning: String = said.chars().take(100).collect();
        return Err(fence.failed(args, format!("it said {beginning:?}, and not what it came to and how long it took")));
    };
    Ok((answer.to_owned(), nanos / 1e3))
}
