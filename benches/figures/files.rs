use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::engine::{Build, Entry, Mount, RunRequest};
use ringfence::fs_policy::{Level, Policy, Preset};
use ringfence::model::{Grants, Mode};

use crate::{Effort, Figure, percentile, raw, shared};

/// Our file system with rules against the runtime's own on the same folder, the same guest, in turn.
pub fn overhead(effort: Effort) -> Vec<Figure> {
    let Some(module) = shared::guest("files") else { return Vec::new() };
    let work = [
        ("names: create, look, rename, list, remove", "names", if effort.quick { "2" } else { "100" }, 1.2),
        ("blocks: write and read 64 KiB at a time", "blocks", if effort.quick { "4" } else { "400" }, 1.05),
    ];
    let mut said = Vec::new();
    let mut met = true;
    for (what, command, size, most) in work {
        let ratios = [Policy::all(Level::Write), hundred()].map(|policy| ratio(&module, command, size, policy, effort));
        met &= ratios.iter().all(|ratio| *ratio <= most);
        said.push(format!(
            "{what}: {:.2} times without rules, {:.2} under 100 rules (at most {most})",
            ratios[0], ratios[1]
        ));
    }
    vec![Figure {
        what: "our file system against a plain preopen of the runtime (medians of pairs)",
        target: "1.2 times for names, 1.05 for blocks".into(),
        measured: said.join("; "),
        met: Some(met),
    }]
}

/// A preset and as many rules of a person's as make a hundred.
fn hundred() -> Policy {
    let mut rules = Preset::Development.rules();
    let own = (rules.len()..100).map(|n| format!("/srv/app{n}/**/*.log:read").parse().unwrap());
    rules.extend(own.collect::<Vec<_>>());
    Policy::new(rules, false).unwrap()
}

/// As many patterns for any depth, each of which could be in every name.
fn hundred_loose() -> Policy {
    let own = (0..99).map(|n| format!("**/*foo{n}*:none").parse().unwrap());
    Policy::new(own.chain(["/**:read".parse().unwrap()]).collect(), false).unwrap()
}

fn ratio(module: &[u8], command: &str, size: &str, policy: Policy, effort: Effort) -> f64 {
    let (engine, _cache) = shared::engine();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut limits = ringfence::model::Preset::Large.limits();
    (limits.fuel, limits.written_bytes) = (i64::MAX as u64, 1 << 40);
    let build = Build::of(&limits, Mode::Ordinary);
    let program = runtime.block_on(engine.load(module.to_vec(), build)).unwrap();
    let bare = raw::engine(true);
    let pre = raw::prepare(&bare, &raw::command(module));
    let pre = wasmtime_wasi::p2::bindings::CommandPre::new(pre).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = if command == "blocks" { "/d/file" } else { "/d" };
    let policy = Arc::new(policy);
    let ours = || {
        let mut grants = Grants::clocks_and_randomness();
        grants.args = [command, place, size].map(str::to_owned).to_vec();
        let mut request = RunRequest::new(Entry::Command { name: "files".into() }, limits.clone(), grants);
        let (host, guest, policy) = (folder.path().to_owned(), "/d".into(), Arc::clone(&policy));
        request.mounts = vec![Mount { host, guest, policy, copy_on_write: None }];
        let start = Instant::now();
        let report = runtime.block_on(async { engine.run(&program, request).await }).unwrap();
        assert_eq!(report.outcome, ringfence::model::Outcome::Exited { code: 0 }, "{report:?}");
        start.elapsed()
    };
    let theirs = || {
        let start = Instant::now();
        runtime.block_on(async {
            let mut store = raw::with_folder(&bare, folder.path(), &["files", command, place, size]);
            let command = pre.instantiate_async(&mut store).await.unwrap();
            command.wasi_cli_run().call_run(&mut store).await.unwrap().unwrap();
        });
        start.elapsed()
    };
    let mut ratios = Vec::new();
    for round in 0..effort.of(41) {
        let (a, b) = if round % 2 == 0 {
            (ours(), theirs())
        } else {
            let b = theirs();
            (ours(), b)
        };
        ratios.push(Duration::from_secs_f64(a.as_secs_f64() / b.as_secs_f64()));
    }
    percentile(&mut ratios, 50).as_secs_f64()
}

/// What one question costs under a hundred rules.
pub fn question(effort: Effort) -> Vec<Figure> {
    let paths = [
        "/src/engine/grants/fs/place.rs",
        "/readme.md",
        "/a/b/c/d/e/f/g",
        "/srv/app70/x/y/z.log",
        "/deep/er/.env.local",
        "/node_modules/left-pad/index.js",
        "/secrets/x",
    ];
    let rounds = effort.of(20_000);
    let mut each = Vec::new();
    for (policy, path) in [hundred(), hundred_loose()].iter().flat_map(|policy| paths.map(|path| (policy, path))) {
        let start = Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(policy.level_of(std::hint::black_box(path)));
        }
        each.push(start.elapsed() / u32::try_from(rounds).unwrap());
    }
    let worst = each.iter().max().unwrap().as_nanos();
    let mean = each.iter().sum::<Duration>().as_nanos() / each.len() as u128;
    vec![Figure {
        what: "the level of a path under 100 rules",
        target: "1 µs".into(),
        measured: format!("{mean} ns on average over seven paths under each of two sets, {worst} ns the slowest"),
        met: Some(worst <= 1_000),
    }]
}
