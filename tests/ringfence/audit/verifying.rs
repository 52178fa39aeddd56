use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use ringfence::audit::note::{Checkpoint, KeyKind, SignedCheckpoint, SigningKey};
use ringfence::audit::{Begin, Event, EventName, FaultKind, OpenCheck, Reader, TreeHash, verify};

use super::world::{ORIGIN, World, copy_all, fill, key, segments};

pub fn files(root: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
    found.sort();
}

/// What carries the log: not the lock, and not the public keys, for which the verifier has a better source.
fn that_matter(root: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(root, &mut all);
    all.retain(|path| !path.ends_with("lock") && !path.ends_with("keys"));
    all
}

fn small() -> (World, tempfile::TempDir) {
    let world = World::filled(7);
    let copy = tempfile::tempdir().unwrap();
    copy_all(&world.path(), copy.path());
    assert!(segments(copy.path()).len() > 1, "there must be segments to get wrong");
    (world, copy)
}

#[test]
fn a_log_that_nobody_changed_is_whole() {
    let world = World::filled(300);
    let report = world.verify();
    assert_eq!(report.fault, None);
    assert_eq!((report.records, report.size, report.signed, report.first), (301, 301, 301, 0));
    assert!(report.checkpoints > 10);
    assert!(!report.keys_from_folder);
}

#[test]
fn l01_a_byte_changed_removed_or_put_in_anywhere_is_named() {
    let (world, copy) = small();
    let options = world.options();
    for path in that_matter(copy.path()) {
        let name = path.strip_prefix(copy.path()).unwrap().to_str().unwrap().to_owned();
        let good = fs::read(&path).unwrap();
        let begin = name.strip_prefix("log/").map(|name| name[..20].parse::<u64>().unwrap());
        for at in 0..good.len() {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << (at % 8);
            let removed = [&good[..at], &good[at + 1..]].concat();
            let put_in = [&good[..at], &[good[at / 2]], &good[at..]].concat();
            for (how, bytes) in [("flipped", flipped), ("removed", removed), ("put in", put_in)] {
                if bytes == good {
                    continue;
                }
                // A tree that has bytes after its end has what a crash leaves; its hashes are the same.
                let tail_of_tree = name.starts_with("tree/") && how == "put in" && bytes.starts_with(&good);
                fs::write(&path, &bytes).unwrap();
                let fault = verify(copy.path(), &options).fault;
                let Some(fault) = fault else { panic!("{name}, byte {at} {how}: not found") };
                assert!(!tail_of_tree);
                assert_eq!(fault.place.file, name, "{at} {how}: {fault:?}");
                if let Some(begin) = begin {
                    let line = begin + good[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
                    let named = fault.place.seq.unwrap();
                    assert!(named == line || named == line + 1, "{name}, byte {at} of record {line} {how}: {fault:?}");
                }
            }
        }
        fs::write(&path, &good).unwrap();
    }
    assert_eq!(verify(copy.path(), &options).fault, None);
}

#[test]
fn l01_a_record_removed_doubled_swapped_or_cut_is_named() {
    let (world, copy) = small();
    let options = world.options();
    let all = segments(copy.path());
    for path in &all {
        let name = format!("log/{}", path.file_name().unwrap().to_str().unwrap());
        let begin: u64 = name[4..24].parse().unwrap();
        let good = fs::read_to_string(path).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let found = |lines: &[&str]| {
            fs::write(path, lines.concat().replace("}{", "}\n{") + if lines.is_empty() { "" } else { "\n" }).unwrap();
            let fault = verify(copy.path(), &options).fault.unwrap();
            fs::write(path, &good).unwrap();
            (fault.kind, fault.place.seq)
        };
        for at in 0..lines.len() {
            let seq = begin + at as u64;
            let last = at + 1 == lines.len();
            let without: Vec<_> = lines.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, line)| *line).collect();
            let (kind, place) = found(&without);
            if !last {
                assert_eq!((kind, place), (FaultKind::RecordMissing, Some(seq)));
            } else if path == all.last().unwrap() {
                assert_eq!(kind, FaultKind::LogTooShort);
            } else {
                assert_eq!(kind, FaultKind::MissingFile);
            }
            let mut doubled = lines.clone();
            doubled.insert(at, lines[at]);
            assert_eq!(found(&doubled), (FaultKind::RecordRepeated, Some(seq + 1)));
            if !last {
                let mut swapped = lines.clone();
                swapped.swap(at, at + 1);
                assert_eq!(found(&swapped), (FaultKind::RecordMissing, Some(seq)));
            }
        }
    }
}

#[test]
fn l01_which_of_record_and_tree_was_changed_is_told() {
    let world = World::filled(7);
    let changed = |path: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from));
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    };
    // In the middle of a segment, at the end of one, and at the end of the log.
    for (fuel, seq) in [(0, 1), (1, 2), (6, 7)] {
        let fault = world.after(|root| {
            for path in segments(root) {
                if fs::read_to_string(&path).unwrap().contains(&format!("\"fuel\":{}}}", fuel * 1000)) {
                    changed(&path, &format!("\"fuel\":{}}}", fuel * 1000), "\"fuel\":77}");
                }
            }
        });
        let fault = fault.unwrap();
        assert_eq!((fault.kind, fault.place.seq), (FaultKind::RecordChanged, Some(seq)));
        let fault = world.after(|root| {
            let path = root.join("tree/level-0");
            let mut hashes = fs::read(&path).unwrap();
            hashes[seq as usize * 32] ^= 1;
            fs::write(path, hashes).unwrap();
        });
        let fault = fault.unwrap();
        assert_eq!((fault.kind, fault.place.offset), (FaultKind::TreeChanged, Some(seq * 32)));
    }
}

#[test]
fn l01_a_removed_or_foreign_file_is_named() {
    let world = World::filled(7);
    for path in that_matter(&world.path()) {
        let name = path.strip_prefix(world.path()).unwrap().to_owned();
        if name.starts_with("checkpoints") {
            // Others say the same, and more.
            continue;
        }
        let fault = world.after(|root| fs::remove_file(root.join(&name)).unwrap()).unwrap();
        let last = name == Path::new(&format!("log/{:020}.jsonl", 7));
        let kind = if name.starts_with("tree") { FaultKind::TreeShort } else { FaultKind::MissingFile };
        assert!(fault.kind == kind || last || fault.kind == FaultKind::LogTooShort, "{name:?}: {fault:?}");
    }
    let pipe = world.after(|root| {
        fs::remove_file(root.join("checkpoint")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            root.join("checkpoint"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
    });
    assert_eq!(pipe.unwrap().kind, FaultKind::Unreadable, "what is no file is not waited for");
    let fault = world.after(|root| fs::write(root.join("log/extra.jsonl"), "").unwrap()).unwrap();
    assert_eq!(fault.kind, FaultKind::UnexpectedFile);
    let fault = world.after(|root| fs::write(root.join(format!("log/{:020}.jsonl", 3)), "").unwrap()).unwrap();
    assert!(matches!(fault.kind, FaultKind::MissingFile), "{fault:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to whichever files, the reader says so and does not fall over.
    #[test]
    fn l01_anything_done_to_any_files_is_found(
        changes in proptest::collection::vec(
            (any::<prop::sample::Index>(), 0..6_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()),
            1..5,
        )
    ) {
        static WORLD: LazyLock<World> = LazyLock::new(|| World::filled(7));
        let fault = WORLD.after(|root| {
            let files = that_matter(root);
            let files: Vec<_> = files.iter().filter(|path| !path.parent().unwrap().ends_with("tree")).collect();
            let before: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
            for (file, how, from, to, byte) in &changes {
                let path = files[file.index(files.len())];
                let mut bytes = fs::read(path).unwrap();
                let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
                let (from, to) = (from.min(to), from.max(to));
                match how {
                    0 => bytes.insert(from, *byte),
                    1 => bytes.truncate(from),
                    2 => drop(bytes.drain(from..to)),
                    3 => bytes[from..to].reverse(),
                    4 => bytes[from..to].fill(*byte),
                    _ => bytes = bytes[from..to].repeat(3),
                }
                fs::write(path, bytes).unwrap();
            }
            let after: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
            if before == after {
                fs::remove_file(root.join("origin")).unwrap();
            }
        });
        prop_assert!(fault.is_some());
    }
}

/// The log as it was at an earlier checkpoint, which the one who had the disk then kept.
fn older(world: &World) -> (tempfile::TempDir, SignedCheckpoint) {
    let old = tempfile::tempdir().unwrap();
    copy_all(&world.path(), old.path());
    world.add(9);
    (old, Reader::new(&world.path()).checkpoint().unwrap())
}

#[test]
fn l02_a_cut_tail_and_a_replayed_log_are_found_against_a_kept_checkpoint() {
    let world = World::filled(7);
    let (old, kept) = older(&world);
    let mut options = world.options();
    assert_eq!(verify(old.path(), &options).fault, None, "by itself, an older log is a whole log");
    options.from = vec![kept];
    let fault = verify(old.path(), &options).fault.unwrap();
    assert_eq!(fault.kind, FaultKind::LogTooShort);
    assert_eq!(verify(&world.path(), &options).fault, None);
}

#[test]
fn l02_a_segment_of_another_log_is_found() {
    let (world, other) = (World::filled(7), World::new());
    other.clock.fetch_add(5, std::sync::atomic::Ordering::Relaxed);
    other.add(7);
    let (mine, theirs) = (segments(&world.path()), segments(&other.path()));
    assert_eq!(mine.len(), theirs.len());
    for (mine, theirs) in mine.iter().zip(&theirs) {
        let name = mine.file_name().unwrap();
        let fault = world.after(|root| assert!(fs::copy(theirs, root.join("log").join(name)).is_ok())).unwrap();
        let first = name.to_str().unwrap()[..20].parse().unwrap();
        assert!(matches!(fault.kind, FaultKind::RecordChanged | FaultKind::ChainBroken), "{fault:?}");
        assert_eq!(fault.place.seq, Some(first));
    }
}

#[test]
fn l03_a_fork_fails_the_proof_and_the_kept_checkpoint() {
    let world = World::filled(7);
    let fork = tempfile::tempdir().unwrap();
    copy_all(&world.path(), &fork.path().join("audit"));
    let (_, shown) = older(&world);
    let mut forked = World::new();
    forked.settings.begin = Begin::Continue;
    copy_all(&fork.path().join("audit"), &forked.path());
    forked.clock.fetch_add(1_000_000, std::sync::atomic::Ordering::Relaxed);
    forked.add(12);
    assert_eq!(forked.fault(), None, "each of the two is whole");
    let mut options = world.options();
    options.from = vec![shown.clone()];
    assert_eq!(verify(&forked.path(), &options).fault.unwrap().kind, FaultKind::RootDiffers);
    let proof = Reader::new(&forked.path()).consistency(shown.checkpoint().size).unwrap();
    assert!(!proof.shows(shown.checkpoint().root));
    let common = Reader::new(&world.path()).root_at(8).unwrap();
    assert!(Reader::new(&forked.path()).consistency(8).unwrap().shows(common));
}

#[test]
fn l04_signatures_origins_and_sizes_that_do_not_fit_are_refused() {
    let world = World::filled(7);
    let signed = Reader::new(&world.path()).checkpoint().unwrap();
    let truth = signed.checkpoint().clone();
    let put = |checkpoint: Checkpoint, key: &SigningKey| {
        let text = SignedCheckpoint::sign(checkpoint, [key]).to_string();
        world.after(|root| fs::write(root.join("checkpoint"), text).unwrap()).unwrap().kind
    };
    assert_eq!(put(truth.clone(), &key(66)), FaultKind::UnknownKey);
    let mine = world.keys().remove(0);
    assert_eq!(put(Checkpoint { origin: "other.example/log".into(), ..truth.clone() }, &mine), FaultKind::WrongOrigin);
    assert_eq!(put(Checkpoint { size: truth.size + 1, ..truth.clone() }, &mine), FaultKind::LogTooShort);
    assert_eq!(put(Checkpoint { root: TreeHash::ZERO, ..truth.clone() }, &mine), FaultKind::RootDiffers);
    let stolen = signed.to_string().replace(&truth.root.base64(), &TreeHash::ZERO.base64());
    let fault = world.after(|root| fs::write(root.join("checkpoint"), stolen).unwrap()).unwrap();
    assert_eq!(fault.kind, FaultKind::RootDiffers);
    let mut options = world.options();
    options.origin = Some("other.example/log".into());
    assert_eq!(verify(&world.path(), &options).fault.unwrap().kind, FaultKind::WrongOrigin);
    options.origin = None;
    options.keys = vec![key(66).public().clone()];
    assert_eq!(verify(&world.path(), &options).fault.unwrap().kind, FaultKind::UnknownKey);
    // A whole log, made anew by somebody with the disk and another key.
    let mut made_up = World::new();
    made_up.seeds = vec![66];
    made_up.add(7);
    assert_eq!(verify(&made_up.path(), &world.options()).fault.unwrap().kind, FaultKind::UnknownKey);
}

#[test]
fn keys_hand_over_and_each_signs_its_time() {
    let mut world = World::filled(5);
    let log = world.open();
    let both = log.add_key(key(2)).wait().unwrap();
    assert_eq!(both.signatures().len(), 2);
    fill(&log, 5);
    let one = log.remove_key(key(1).public().id()).wait().unwrap();
    assert_eq!(one.signatures().len(), 1);
    assert!(log.remove_key(key(2).public().id()).wait().is_err(), "the last key stays");
    let foreign = SigningKey::of_seed("other.example", KeyKind::Log, [3; 32].into()).unwrap();
    assert_eq!(log.add_key(foreign).wait().unwrap_err().code(), "audit_bad_note");
    fill(&log, 5);
    log.close().wait().unwrap();
    // Who knows the first key only is led to the second; who knows the second only takes what it signed of the first.
    for seed in [1, 2] {
        let mut options = world.options();
        options.keys = vec![key(seed).public().clone()];
        assert_eq!(verify(&world.path(), &options).fault, None, "key {seed}");
    }
    // The old key signs nothing any more, whoever holds it.
    world.seeds = vec![1];
    assert_eq!(world.try_open().unwrap_err().code(), "audit_bad_note");
    let truth = Reader::new(&world.path()).checkpoint().unwrap().checkpoint().clone();
    let stolen = SignedCheckpoint::sign(truth, [&key(1)]).to_string();
    let fault = world.after(|root| fs::write(root.join("checkpoint"), stolen).unwrap()).unwrap();
    assert_eq!(fault.kind, FaultKind::UnknownKey);
    world.seeds = vec![2];
    world.add(1);
}

#[test]
fn a_number_of_witnesses_can_be_demanded() {
    let world = World::filled(5);
    let witness = |n: u8| SigningKey::of_seed(&format!("w{n}.example"), KeyKind::Witness, [n; 32].into()).unwrap();
    let (a, b) = (witness(10), witness(11));
    let mut options = world.options();
    options.witnesses = vec![a.public().clone(), b.public().clone()];
    options.cosignatures = 2;
    let reader = Reader::new(&world.path());
    let mut signed = reader.checkpoint().unwrap();
    signed.add([signed.cosign(&a, 1), signed.cosign(&a, 2)]);
    reader.add_cosignatures(&signed).unwrap();
    assert_eq!(verify(&world.path(), &options).fault.unwrap().kind, FaultKind::NotCosigned);
    signed.add([signed.cosign(&b, 3)]);
    reader.add_cosignatures(&signed).unwrap();
    let report = verify(&world.path(), &options);
    assert_eq!((report.fault, report.cosigned), (None, Some(6)));
    // What witnesses signed stays when the log goes on.
    world.add(1);
    assert_eq!(verify(&world.path(), &options).cosigned, Some(6));
    let other = Checkpoint { origin: ORIGIN.into(), size: 6, root: TreeHash::ZERO };
    assert!(reader.add_cosignatures(&SignedCheckpoint::sign(other, [&a])).is_err());
}

#[test]
fn what_is_left_of_a_pruned_log_is_whole() {
    let world = World::filled(30);
    let log = world.open();
    assert_eq!(log.prune(2).wait().unwrap(), 0, "no whole segment is that old");
    let first = log.prune(20).wait().unwrap();
    assert!(first > 10 && first <= 20);
    fill(&log, 5);
    log.close().wait().unwrap();
    let report = world.verify();
    assert_eq!((report.fault, report.first, report.size), (None, first, 31 + 1 + 5));
    assert_eq!(report.records, report.size - first);
    assert!(Reader::new(&world.path()).inclusion(3).is_ok(), "a record that left can still be shown to have been");
    // Somebody else's pruning is no pruning.
    let fault = world.after(|root| fs::remove_file(&segments(root)[0]).unwrap()).unwrap();
    assert_eq!(fault.kind, FaultKind::BadPruneMark);
    let fault = world.after(|root| {
        fs::remove_file(&segments(root)[0]).unwrap();
        let next = segments(root)[0].file_name().unwrap().to_str().unwrap()[..20].parse::<u64>().unwrap();
        fs::write(root.join("pruned"), format!("{next}\n")).unwrap();
    });
    assert_eq!(fault.unwrap().kind, FaultKind::BadPruneMark);
    let fault = world.after(|root| {
        let mut hashes = fs::read(root.join("tree/level-0")).unwrap();
        hashes[5] ^= 1;
        fs::write(root.join("tree/level-0"), hashes).unwrap();
    });
    assert!(fault.is_some(), "the hashes of what left are under the signature");
    world.add(1);
    assert_eq!(world.fault(), None);
    let mut ends = world;
    ends.settings.check = OpenCheck::Ends;
    ends.add(1);
    assert_eq!(ends.fault(), None);
}

#[test]
fn a_clock_that_goes_back_is_recorded_and_otherwise_found() {
    let world = World::new();
    let log = world.open();
    fill(&log, 2);
    world.clock.fetch_sub(60_000, std::sync::atomic::Ordering::Relaxed);
    fill(&log, 2);
    log.close().wait().unwrap();
    assert_eq!(world.fault(), None);
    let lines = Reader::new(&world.path()).page(&ringfence::audit::Filter::default(), 0, 10, None).unwrap().lines;
    assert!(lines[3].contains("clock_set_back") && lines[3].contains("\"behind_ms\":59"), "{}", lines[3]);
    assert_eq!(lines.len(), 6);
}

#[test]
fn a_live_log_may_end_in_the_middle_of_a_line() {
    let world = World::new();
    let log = world.open();
    fill(&log, 3);
    log.checkpoint().wait().unwrap();
    log.append(&Event::new(EventName::ServiceStarted)).wait().unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_all(&world.path(), copy.path());
    let last = segments(copy.path()).pop().unwrap();
    let (text, mut options) = (fs::read(&last).unwrap(), world.options());
    let cut = text.trim_ascii_end().len() - 9;
    let with_space = [&text[..cut], "\n".repeat(text.len() - cut).as_bytes()].concat();
    for torn in [&text[..cut], &with_space] {
        fs::write(&last, torn).unwrap();
        options.live = false;
        assert_eq!(verify(copy.path(), &options).fault.unwrap().kind, FaultKind::TornTail);
        options.live = true;
        assert_eq!(verify(copy.path(), &options).fault, None);
    }
    assert_eq!(verify(&world.path(), &options).records, 5);
}
