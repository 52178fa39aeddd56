use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use ringfence::audit::disk::RealDisk;
use ringfence::audit::note::{Checkpoint, KeyKind, SignedCheckpoint, SigningKey};
use ringfence::audit::tree::Frontier;
use ringfence::audit::{Begin, Event, EventName, Log, LogSettings, Reader, TreeHash, VerifyOptions, verify};

use crate::{Effort, Figure, micros, percentile};

const WRITERS: usize = 64;

fn key() -> SigningKey {
    SigningKey::of_seed("bench", KeyKind::Log, [1; 32].into()).unwrap()
}

/// As a run leaves one.
fn event(n: usize) -> Event {
    Event::new(EventName::CommandExecuted)
        .tenant("acme")
        .principal("alice")
        .key("key_0123456789abcdef0123456789abcdef")
        .request(&format!("req_{n:032x}"))
        .action("runs:create")
        .resource("run", &format!("run_{n:032x}"))
        .allowed(["builtin.member"])
        .detail("component", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
        .detail("fuel", n as u64)
}

fn open(folder: &Path) -> Log {
    let mut settings = LogSettings::new("bench");
    settings.begin = Begin::OrCreate;
    Log::open(Box::new(RealDisk::open(folder).unwrap()), &settings, vec![key()]).unwrap().0
}

/// Durable appends beside the bare disk, the time that one takes, and how fast the log is checked.
pub fn log(effort: Effort) -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = folder.path().join("audit");
    let log = open(&root);
    let each = effort.of(1000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut bare = File::create(folder.path().join("bare")).unwrap();
    let (mut rates, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let events = (0..WRITERS).map(|writer| (0..each).map(|n| event(writer * each + n)).collect::<Vec<_>>());
        let events: Vec<_> = events.collect();
        let started = Instant::now();
        runtime.block_on(async {
            let writers: Vec<_> = events
                .into_iter()
                .map(|events| {
                    let log = log.clone();
                    tokio::spawn(async move {
                        for event in &events {
                            log.append(event).await.unwrap();
                        }
                    })
                })
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
        });
        let rate = (each * WRITERS) as f64 / started.elapsed().as_secs_f64();
        let line = Reader::new(&root).line(1).unwrap() + "\n";
        let batch = line.repeat(WRITERS).into_bytes();
        let started = Instant::now();
        for _ in 0..each {
            bare.write_all(&batch).unwrap();
            bare.sync_data().unwrap();
        }
        rates.push(rate);
        ratios.push(rate / ((each * WRITERS) as f64 / started.elapsed().as_secs_f64()));
    }
    let (rate, ratio) = (middle(&mut rates), middle(&mut ratios));
    let adds = what_it_adds(&log, &mut bare, effort);
    runtime.block_on(log.close()).unwrap();
    let started = Instant::now();
    let report = verify(&root, &VerifyOptions { keys: vec![key().public().clone()], ..VerifyOptions::default() });
    assert!(report.fault.is_none(), "{:?}", report.fault);
    let checked = report.records as f64 / started.elapsed().as_secs_f64();
    vec![
        figure(
            "durable appends, 64 writers, against a bare sync for each 64 of the same records",
            "0.7 of its rate at least",
            format!("{ratio:.2}; {rate:.0} a second"),
            ratio >= 0.7,
        ),
        figure("what the log adds to a sync, p50", "30 µs", format!("{adds:.0} µs"), adds <= 30.0),
        figure(
            "verification, one thread",
            "300,000 records a second at least",
            format!("{checked:.0}"),
            checked >= 300_000.0,
        ),
        proof(folder.path(), effort),
    ]
}

fn figure(what: &'static str, target: &str, measured: String, met: bool) -> Figure {
    Figure { what, target: target.into(), measured, met: Some(met) }
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// In turn, so that the disk is the same to both.
fn what_it_adds(log: &Log, bare: &mut File, effort: Effort) -> f64 {
    let line = vec![b'x'; 671];
    let (mut ours, mut its) = (Vec::new(), Vec::new());
    for n in 0..effort.of(1000) {
        let started = Instant::now();
        log.append(&event(n)).wait().unwrap();
        ours.push(started.elapsed());
        let started = Instant::now();
        bare.write_all(&line).unwrap();
        bare.sync_data().unwrap();
        its.push(started.elapsed());
    }
    micros(percentile(&mut ours, 50)) - micros(percentile(&mut its, 50))
}

/// Of ten million records only the hashes are there: a proof needs no more.
fn proof(folder: &Path, effort: Effort) -> Figure {
    let root = folder.join("many");
    std::fs::create_dir_all(root.join("tree")).unwrap();
    let level = |level| std::io::BufWriter::new(File::create(root.join(format!("tree/level-{level}"))).unwrap());
    let mut levels: Vec<_> = (0..4).map(level).collect();
    let mut tree = Frontier::new();
    for n in 0..effort.of(10_000_019) as u64 {
        tree.push(TreeHash::of_leaf(&n.to_be_bytes()), |height, hash| {
            if height % 8 == 0 {
                levels[height as usize / 8].write_all(hash.as_bytes()).unwrap();
            }
        });
    }
    drop(levels);
    let checkpoint = Checkpoint { origin: "bench".into(), size: tree.size(), root: tree.root() };
    std::fs::write(root.join("checkpoint"), SignedCheckpoint::sign(checkpoint, [&key()]).to_string()).unwrap();
    let mut times = Vec::new();
    for n in 0..effort.of(1000) as u64 {
        let index = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % tree.size();
        let started = Instant::now();
        let proof = Reader::new(&root).inclusion(index).unwrap();
        times.push(started.elapsed());
        assert!(proof.shows(&index.to_be_bytes()));
    }
    let slow = percentile(&mut times, 99);
    figure(
        "inclusion proof from a log of ten million records, p99",
        "5 ms",
        format!("{:.2} ms", micros(slow) / 1000.0),
        micros(slow) <= 5000.0,
    )
}
