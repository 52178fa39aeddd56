//! Whatever is done to the files of a log, by somebody who knows the format and has no key: the reader does not fall over,
//! and calls a log whole only if its records are those that were written. Some with a fixed seed here; `make fuzz` goes on.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use ringfence::audit::disk::RealDisk;
use ringfence::audit::note::{ConsistencyProof, InclusionProof, Note, SignedCheckpoint};
use ringfence::audit::{Filter, Format, Log, LogTime, Reader, Record, Survey, TreeHash, survey, verify};

use super::verifying::files;
use super::world::{World, copy_all, segments};

const CASES: u64 = 250;

/// What readers look for.
const WORDS: [&[u8]; 16] = [
    b"\n",
    b"\"",
    b"\\",
    b"\\u{a}",
    b"\\x{ff}",
    b"{}",
    b"[]",
    b"null",
    b"1e9",
    b"-0",
    b"\xff",
    b"\0",
    b"\"prev\":\"",
    b"\"seq\":",
    b"\n\xe2\x80\x94 ",
    b"9007199254740993",
];

type Random = ChaCha8Rng;

/// Whole lines of all segments, and in which file each stands.
fn lines(root: &Path) -> (Vec<PathBuf>, Vec<(usize, Vec<u8>)>) {
    let files = segments(root);
    let mut all = Vec::new();
    for (n, file) in files.iter().enumerate() {
        let bytes = fs::read(file).unwrap();
        all.extend(bytes.split_inclusive(|byte| *byte == b'\n').map(|line| (n, line.to_vec())));
    }
    (files, all)
}

fn put_lines(files: &[PathBuf], lines: &[(usize, Vec<u8>)]) {
    for (n, file) in files.iter().enumerate() {
        let bytes: Vec<u8> = lines.iter().filter(|(of, _)| *of == n).flat_map(|(_, line)| line.clone()).collect();
        fs::write(file, bytes).unwrap();
    }
}

/// Numbers and hashes made to fit again, as far as that goes without the key.
fn chained(lines: &mut [(usize, Vec<u8>)]) {
    let mut before = TreeHash::ZERO.to_string();
    for (seq, (_, line)) in lines.iter_mut().enumerate() {
        let Ok(text) = std::str::from_utf8(line) else { return };
        let Ok(mut record) = serde_json::from_str::<serde_json::Value>(text) else { return };
        record["prev"] = before.into();
        record["seq"] = seq.into();
        let text = serde_json_canonicalizer::to_string(&record).unwrap();
        before = TreeHash::of_leaf(text.as_bytes()).to_string();
        *line = (text + "\n").into_bytes();
    }
}

/// Of the records as such.
fn change_records(root: &Path, random: &mut Random) {
    let (files, mut all) = lines(root);
    let (a, b) = (random.random_range(0..all.len()), random.random_range(0..all.len()));
    match random.random_range(0..6_u8) {
        0 => drop(all.remove(a)),
        1 => all.insert(b, all[a].clone()),
        2 => all.swap(a, b),
        3 => all.truncate(a),
        4 => all[a].0 = all[b].0,
        _ => {
            let text = String::from_utf8_lossy(&all[a].1).replace("bob", "eve").replace("000,", "001,");
            all[a].1 = text.into_bytes();
        }
    }
    if random.random() {
        chained(&mut all);
    }
    put_lines(&files, &all);
}

fn change_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    let place = |bytes: &[u8], random: &mut Random| random.random_range(0..=bytes.len());
    let (a, b) = (place(bytes, random), place(bytes, random));
    let (from, to) = (a.min(b), a.max(b));
    match random.random_range(0..8_u8) {
        0 => bytes.insert(a, random.random()),
        1 => bytes.truncate(a),
        2 => drop(bytes.drain(from..to.min(from + 64))),
        3 => bytes[from..to].reverse(),
        4 => bytes[from..to].fill(0),
        5 => *bytes = bytes[from..to].repeat(3),
        6 => drop(bytes.splice(a..a, WORDS[random.random_range(0..WORDS.len())].iter().copied())),
        _ if bytes.is_empty() => {}
        _ => {
            let at = a.min(bytes.len() - 1);
            bytes[at] ^= 1 << random.random_range(0..8_u8);
        }
    }
}

/// One change: of a record, of bytes, or of files as a whole.
fn change(root: &Path, other: &Path, random: &mut Random) {
    let mut all = Vec::new();
    files(root, &mut all);
    let file = &all[random.random_range(0..all.len())];
    match random.random_range(0..10_u8) {
        0..4 if !lines(root).1.is_empty() => change_records(root, random),
        4 => fs::remove_file(file).unwrap(),
        5 => {
            let theirs = other.join(file.strip_prefix(root).unwrap());
            let _ = fs::copy(theirs, file);
        }
        6 => drop(fs::copy(file, &all[random.random_range(0..all.len())])),
        _ => {
            let mut bytes = fs::read(file).unwrap();
            change_bytes(&mut bytes, random);
            fs::write(file, bytes).unwrap();
        }
    }
}

/// Everything that reads a folder: none of it may fall over, whatever it says.
fn read_all(root: &Path, world: &World) {
    let reader = Reader::new(root);
    let mut from = 0;
    for _ in 0..40 {
        let Ok(page) = reader.page(&Filter::default(), from, 7, None) else { break };
        for line in &page.lines {
            let _ = [Format::Json, Format::Ocsf, Format::Cef].map(|format| format.write(line));
        }
        assert!(page.end || page.next > from, "a page leads on");
        from = page.next;
        if page.end {
            break;
        }
    }
    for seq in [0, 3, 7, u64::MAX] {
        let _ = (reader.line(seq), reader.inclusion(seq), reader.consistency(seq), reader.root_at(seq));
    }
    let _ = (reader.first(), reader.checkpoint(), reader.kept_since(&"2026-11-18T11:06:40.001000Z".parse().unwrap()));
    let _ = survey(root, &world.options(), &mut Survey::new(Filter::default(), 10));
}

fn read_texts(bytes: &[u8]) {
    let _ = Record::parse(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = (text.parse::<Note>().is_ok(), text.parse::<SignedCheckpoint>().is_ok(), text.parse::<LogTime>().is_ok());
    let _ = (text.parse::<InclusionProof>().is_ok(), text.parse::<ConsistencyProof>().is_ok());
}

#[test]
fn readers_of_a_log_stand_whatever_is_in_it() {
    let seconds: u64 = std::env::var("RINGFENCE_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let seed = if seconds == 0 { 0x10c5 } else { rand::random() };
    eprintln!("seed {seed} of the readers");
    let (world, other) = (World::filled(9), World::new());
    other.clock.fetch_add(5, std::sync::atomic::Ordering::Relaxed);
    other.add(9);
    // Kept elsewhere: without it an older log is a whole log.
    let kept = Reader::new(&world.path()).checkpoint().unwrap();
    let mut options = world.options();
    options.from = vec![kept.clone()];
    let truth = lines(&world.path()).1;
    let notes = [
        Reader::new(&world.path()).inclusion(3).unwrap().to_string(),
        Reader::new(&world.path()).consistency(4).unwrap().to_string(),
    ];
    let start = Instant::now();
    let mut ends = BTreeMap::<String, u64>::new();
    let mut case = 0;
    while if seconds == 0 { case < CASES } else { start.elapsed() < Duration::from_secs(seconds) } {
        case += 1;
        let mut random = Random::seed_from_u64(seed ^ case);
        let copy = tempfile::tempdir().unwrap();
        copy_all(&world.path(), copy.path());
        for _ in 0..random.random_range(1..4_u8) {
            change(copy.path(), &other.path(), &mut random);
        }
        let fault = verify(copy.path(), &options).fault;
        let is_true = lines(copy.path()).1 == truth;
        assert!(fault.is_some() || is_true, "case {case} of seed {seed}: it is called whole, and is not");
        *ends.entry(fault.map_or("whole", |fault| fault.code()).to_owned()).or_default() += 1;
        read_all(copy.path(), &world);
        // A start has what is in the folder, and no more.
        let newest = fs::read(copy.path().join("checkpoint")).is_ok_and(|text| text == kept.to_string().as_bytes());
        let disk = RealDisk::open(copy.path()).unwrap();
        if let Ok((log, _)) = Log::open(Box::new(disk), &world.settings, world.keys()) {
            drop(log);
            let is_true = lines(copy.path()).1.starts_with(&truth);
            assert!(!newest || is_true, "case {case} of seed {seed}: a start took what is not true");
        }
        for text in notes.iter().map(String::as_bytes).chain(truth.iter().map(|(_, line)| line.as_slice())) {
            let mut bytes = text.to_vec();
            change_bytes(&mut bytes, &mut random);
            read_texts(&bytes);
        }
    }
    eprintln!("{case} changed logs: {ends:?}");
    assert!(ends.len() > 10 && ends.get("whole") < Some(&(case / 2)), "{ends:?}");
}
