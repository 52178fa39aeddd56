use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ringfence::engine::{Build, Engine, Origin};
use ringfence::model::{Digest, Mode};

use crate::shared::{self, NOOP, limits};
use crate::{Effort, Figure, micros, percentile};

/// The argument that makes this bench the new process that loads.
pub const CHILD: &str = "--load-in-a-new-process";

/// `ringfence run` of a small program whose code is cached, beside `/bin/true`, in turn.
pub fn whole(effort: Effort) -> Vec<Figure> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("noop.wat");
    std::fs::write(&file, NOOP).unwrap();
    let timed = |mut command: Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        assert!(command.status().unwrap().success());
        start.elapsed()
    };
    let ours = || {
        let mut command = Command::new(shared::WORKER);
        command.arg("run").arg(&file).args(["--call", "noop", "--cache-dir"]).arg(dir.path().join("code"));
        command
    };
    timed(ours());
    let (mut run, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..effort.of(200) {
        run.push(timed(ours()));
        floor.push(timed(Command::new("/bin/true")));
    }
    let [run, floor] = [run, floor].map(|mut samples| micros(percentile(&mut samples, 50)) / 1_000.0);
    vec![Figure {
        what: "`ringfence run` of a small cached component, whole process, against /bin/true",
        target: "15 ms more".into(),
        measured: format!("{:.1} ms more ({run:.1} against {floor:.1}, medians)", run - floor),
        met: Some(run - floor <= 15.0),
    }]
}

/// The Python component from the cache in a new process.
pub fn load(effort: Effort) -> Vec<Figure> {
    let program = format!("{}/guests/build/python.wasm", shared::tree());
    if !std::path::Path::new(&program).exists() || effort.quick {
        println!("load: skipped, small run or no guests/build/python.wasm (`make guests`)");
        return Vec::new();
    }
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::new(shared::settings(&dir)).unwrap();
    let bytes = std::fs::read(&program).unwrap();
    shared::runtime().block_on(engine.load(bytes, Build::of(&limits(), Mode::Ordinary))).unwrap();
    let code = std::fs::read_dir(dir.path().join("code")).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
    let code = code.max().unwrap_or(0);
    let (mut whole, mut digest) = (Vec::new(), Vec::new());
    for _ in 0..effort.of(30) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD, &program])
            .arg(dir.path().join("code"))
            .output()
            .unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap());
        whole.push(Duration::from_nanos(numbers.next().unwrap()));
        digest.push(Duration::from_nanos(numbers.next().unwrap()));
    }
    let [whole, digest] = [whole, digest].map(|mut samples| micros(percentile(&mut samples, 50)) / 1_000.0);
    vec![Figure {
        what: "loading the compiled Python component from the cache in a new process",
        target: "10 ms".into(),
        measured: format!(
            "{:.1} ms for {} MB of code, verified; {digest:.1} ms more to digest the program itself",
            whole - digest,
            code / 1_000_000
        ),
        met: Some(whole - digest <= 10.0),
    }]
}

/// The new process: prints what loading took, and what of it was the digest.
pub fn child(args: &[String]) {
    let bytes = std::fs::read(&args[0]).unwrap();
    let mut settings = ringfence::engine::EngineSettings::new(shared::WORKER.into());
    settings.cache_dir = Some(args[1].clone().into());
    settings.concurrent_runs = 1;
    let start = Instant::now();
    std::hint::black_box(Digest::of(&bytes));
    let digest = start.elapsed();
    let engine = Engine::new(settings).unwrap();
    let runtime = shared::runtime();
    let start = Instant::now();
    let program = runtime.block_on(engine.load(bytes, Build::of(&limits(), Mode::Ordinary))).unwrap();
    let whole = start.elapsed();
    assert!(matches!(program.origin(), Origin::Cache { .. }), "{:?}", program.origin());
    println!("{} {}", whole.as_nanos(), digest.as_nanos());
}
