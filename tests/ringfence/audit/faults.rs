use std::io;

use ringfence::audit::{AuditError, Filter, Log, LogSettings, Reader, Receipt, TreeHash, verify};

use super::crash_disk::CrashDisk;
use super::world::{World, event, key};

/// A life of a log with everything that it does. Gives what was acknowledged, and whether something failed.
pub fn life(disk: &CrashDisk, settings: &LogSettings) -> (Vec<Receipt>, Option<AuditError>) {
    let mut acknowledged = Vec::new();
    let end = live(disk, settings, &mut acknowledged).err();
    (acknowledged, end)
}

fn live(disk: &CrashDisk, settings: &LogSettings, acknowledged: &mut Vec<Receipt>) -> Result<(), AuditError> {
    let (log, _) = Log::open(Box::new(disk.clone()), settings, vec![key(1)])?;
    let mut work = || -> Result<(), AuditError> {
        for round in 0..4 {
            log.write(&event(50 + round)).wait()?;
            // Three of one batch, or of as many as the thread makes of it.
            let batch: Vec<_> = (0..3).map(|n| log.append(&event(round * 10 + n))).collect();
            let answers: Vec<_> = batch.into_iter().map(ringfence::audit::Pending::wait).collect();
            acknowledged.extend(answers.iter().filter_map(|answer| answer.as_ref().ok()));
            answers.into_iter().collect::<Result<Vec<_>, _>>()?;
            match round {
                1 => drop(log.checkpoint().wait()?),
                2 => drop(log.prune(4).wait()?),
                3 => drop(log.add_key(key(2)).wait()?),
                _ => {}
            }
        }
        log.close().wait()
    };
    work().inspect_err(|error| {
        let after = log.append(&event(99)).wait().expect_err("after a failure, nothing more is taken");
        assert_eq!(after.code(), error.code());
    })
}

/// A start after the end finds all that was acknowledged, and a log that is whole.
pub fn must_be_whole(disk: &CrashDisk, world: &World, acknowledged: &[Receipt], what: &str) {
    let (log, opened) = Log::open(Box::new(disk.clone()), &world.settings, vec![key(1)]).expect(what);
    assert!(!opened.created || acknowledged.is_empty(), "{what}: it began anew");
    log.append(&event(100)).wait().expect(what);
    log.close().wait().expect(what);
    let folder = tempfile::tempdir().unwrap();
    disk.write_to(folder.path());
    let report = verify(folder.path(), &world.options());
    assert_eq!(report.fault, None, "{what}");
    assert_eq!(report.signed, report.size);
    let reader = Reader::new(folder.path());
    for receipt in acknowledged.iter().filter(|receipt| receipt.seq >= report.first) {
        let line = reader.line(receipt.seq).unwrap_or_else(|error| panic!("{what}: {} was lost: {error}", receipt.seq));
        assert_eq!(TreeHash::of_leaf(line.as_bytes()), receipt.hash, "{what}");
    }
}

fn operations(world: &World) -> u64 {
    let disk = CrashDisk::default();
    let (acknowledged, end) = life(&disk, &world.settings);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(acknowledged.len(), 12);
    must_be_whole(&disk.after_kill(), world, &acknowledged, "without a failure");
    disk.operations()
}

#[test]
fn l05_an_operation_of_the_disk_that_fails_refuses_the_act_and_all_after_it() {
    let world = World::new();
    let operations = operations(&world);
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::Other] {
        // The count differs a little from life to life, with how the thread batches.
        for at in 0..operations + 20 {
            let disk = CrashDisk::default();
            disk.fail_at(at, kind, false);
            let (acknowledged, end) = life(&disk, &world.settings);
            let what = format!("operation {at} fails with {kind}: {end:?}");
            if let (Some(end), io::ErrorKind::StorageFull) = (&end, kind) {
                assert_eq!(end.code(), "audit_disk_full", "{what}");
            }
            must_be_whole(&disk.after_kill(), &world, &acknowledged, &what);
        }
    }
}

#[test]
fn l05_a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    let world = World::new();
    for at in 0..operations(&world) + 20 {
        let disk = CrashDisk::default();
        disk.fail_at(at, io::ErrorKind::Other, true);
        let (acknowledged, _) = life(&disk, &world.settings);
        for seed in 0..6 {
            let what = format!("power cut at operation {at}, seed {seed}");
            must_be_whole(&disk.after_power_cut(at * 1000 + seed), &world, &acknowledged, &what);
        }
    }
}

#[test]
fn l05_a_power_cut_during_the_start_after_a_power_cut_loses_nothing() {
    let world = World::new();
    let first = operations(&world) * 2 / 3;
    for seed in 0..40 {
        let disk = CrashDisk::default();
        disk.fail_at(first + seed, io::ErrorKind::Other, true);
        let (acknowledged, _) = life(&disk, &world.settings);
        let mut disk = disk.after_power_cut(seed);
        for again in 0..4 {
            disk.fail_at(20 + (seed * 7 + again * 11) % 60, io::ErrorKind::Other, true);
            let opened = Log::open(Box::new(disk.clone()), &world.settings, vec![key(1)]);
            drop(opened.map(|(log, _)| log.close().wait()));
            disk = disk.after_power_cut(seed * 100 + again);
        }
        must_be_whole(&disk, &world, &acknowledged, &format!("seed {seed}"));
    }
}

#[test]
fn l05_what_is_cut_is_recorded_wherever_the_power_goes() {
    let world = World::new();
    let open = |disk: &CrashDisk| Log::open(Box::new(disk.clone()), &world.settings, vec![key(1)]);
    let cut_records = |disk: &CrashDisk| {
        let folder = tempfile::tempdir().unwrap();
        disk.write_to(folder.path());
        let filter = Filter { event: Some("tail_cut".into()), ..Filter::default() };
        Reader::new(folder.path()).page(&filter, 0, 100, None).unwrap().lines.len()
    };
    // Shorter and longer than the record about it, and with lines in it.
    for torn in [&b"{\"act"[..], &[0; 3000], b"\n\n{}\n"] {
        let disk = CrashDisk::default();
        life(&disk, &world.settings);
        let disk = disk.after_kill();
        disk.add_to_last_segment(torn);
        let probe = disk.after_kill();
        let (log, opened) = open(&probe).unwrap();
        log.close().wait().unwrap();
        assert_eq!(opened.cut.unwrap().bytes, torn.len() as u64);
        for at in 0..probe.operations() {
            for seed in 0..4 {
                let again = disk.after_kill();
                again.fail_at(at, io::ErrorKind::Other, true);
                drop(open(&again).map(|(log, _)| log.close().wait()));
                let again = again.after_power_cut(seed * 1000 + at);
                let (log, _) = open(&again).unwrap();
                log.close().wait().unwrap();
                assert!(cut_records(&again) > 0, "operation {at}, seed {seed}");
            }
        }
    }
}

#[test]
fn many_share_one_sync() {
    let world = World::new();
    let disk = CrashDisk::default();
    let (log, _) = Log::open(
        Box::new(disk.clone()),
        &LogSettings { segment_bytes: 1 << 30, ..world.settings.clone() },
        vec![key(1)],
    )
    .unwrap();
    let before = disk.syncs();
    let all: Vec<_> = (0..5000).map(|n| log.append(&event(n))).collect();
    for pending in all {
        pending.wait().unwrap();
    }
    let syncs = disk.syncs() - before;
    assert!(syncs < 1000, "{syncs} syncs for 5000 records");
}
