use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use ringfence::audit::{AuditError, Begin, Log, OpenCheck, Opened, Reader, TreeHash};

use super::crash_disk::CrashDisk;
use super::world::{World, copy_all, event, fill, key, segments};

fn last_segment(world: &World) -> std::path::PathBuf {
    segments(&world.path()).pop().unwrap()
}

/// Up to where records stand.
fn written(path: &Path) -> usize {
    fs::read(path).unwrap().trim_ascii_end().len() + 1
}

/// Puts something after the records: over the space that was taken ahead, or where there is none.
fn add(path: &Path, bytes: &[u8], over_space: bool) -> usize {
    let mut all = fs::read(path).unwrap();
    let whole = written(path);
    let rest = all.split_off(whole);
    all.extend(bytes);
    if over_space {
        all.extend(rest.iter().skip(bytes.len()));
    }
    fs::write(path, &all).unwrap();
    all.len() - whole
}

/// A log that was not closed: its last records are under no checkpoint.
fn crashed(events: u64) -> World {
    let world = World::filled(4);
    let log = world.open();
    fill(&log, events);
    // A copy taken now is what a crash leaves; the one who writes never knows.
    let after = World::new();
    copy_all(&world.path(), &after.path());
    drop(log);
    after
}

fn refused(world: &World) -> &'static str {
    world.try_open().map(|(_, opened)| opened).unwrap_err().code()
}

#[test]
fn a_receipt_names_the_record_that_is_there() {
    let world = World::new();
    let log = world.open();
    for n in 1..20 {
        let receipt = log.append(&event(n)).wait().unwrap();
        let line = Reader::new(&world.path()).line(n).unwrap();
        assert_eq!((receipt.seq, receipt.hash), (n, TreeHash::of_leaf(line.as_bytes())));
        assert_eq!(*log.size().borrow(), n + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_append_at_once_and_each_has_its_place() {
    let world = World::new();
    let log = world.open();
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut seqs = Vec::new();
                for n in 0..10 {
                    seqs.push(log.append(&event(task * 10 + n)).await.unwrap().seq);
                }
                assert!(seqs.is_sorted(), "what one waits for comes before what he does next");
                seqs
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (1..=640).collect::<Vec<_>>());
    log.close().await.unwrap();
    assert_eq!((world.fault(), world.verify().size), (None, 641));
}

#[test]
fn what_is_only_written_outlives_the_process_and_is_on_disk_with_the_next() {
    let mut world = World::new();
    let hour = Duration::from_secs(3600);
    (world.settings.sync_within, world.settings.checkpoint_every) = (hour, hour);
    let disk = CrashDisk::default();
    let open = |disk: &CrashDisk| Log::open(Box::new(disk.clone()), &world.settings, world.keys()).unwrap();
    let (log, _) = open(&disk);
    let before = disk.syncs();
    for n in 1..=3 {
        log.write(&event(n)).wait().unwrap();
    }
    assert_eq!((disk.syncs(), *log.size().borrow()), (before, 1), "none of them is said to be on disk");
    let (after, opened) = open(&disk.after_kill());
    assert_eq!((opened.size, opened.cut), (4, None));
    after.close().wait().unwrap();
    let receipt = log.append(&event(4)).wait().unwrap();
    assert_eq!((receipt.seq, disk.syncs(), *log.size().borrow()), (4, before + 1, 5), "one sync for all of them");
    for seed in 0..20 {
        assert_eq!(open(&disk.after_power_cut(seed)).1.size, 5);
    }
}

#[test]
fn what_is_only_written_is_soon_on_disk_by_itself() {
    let mut world = World::new();
    world.settings.checkpoint_every = Duration::from_secs(3600);
    let log = world.open();
    log.write(&event(1)).wait().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(log.size().wait_for(|size| *size == 2)).unwrap();
}

#[test]
fn checkpoints_come_by_themselves() {
    let mut world = World::new();
    world.settings.checkpoint_every = Duration::from_millis(1);
    let log = world.open();
    fill(&log, 3);
    let mut checkpoints = log.checkpoints();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let size = |signed: &Option<ringfence::audit::note::SignedCheckpoint>| signed.as_ref().unwrap().checkpoint().size;
    runtime.block_on(checkpoints.wait_for(|signed| size(signed) == 4)).unwrap();
    assert_eq!(Reader::new(&world.path()).checkpoint().unwrap().checkpoint().size, 4);
}

#[test]
fn what_is_let_go_is_signed_and_can_be_opened_again() {
    let world = World::new();
    for round in 1..5 {
        let log = world.open();
        fill(&log, 3);
        log.close().wait().unwrap();
        assert_eq!(log.append(&event(0)).wait().unwrap_err().code(), "audit_closed");
        let report = world.verify();
        assert_eq!((report.fault, report.signed), (None, 1 + round * 3));
    }
}

#[test]
fn l06_a_second_service_does_not_start() {
    let world = World::new();
    let log = world.open();
    assert_eq!(refused(&world), "audit_in_use");
    log.close().wait().unwrap();
    world.open();
}

#[test]
fn l05_a_torn_tail_is_cut_and_recorded() {
    let part = br#"{"action":"runs:cre"#;
    for (tail, what) in
        [(&part[..], "part of a line"), (&[0; 4096], "zeros"), (b"\n\n{}\n", "lines"), (&[b'x'; 40_000], "long")]
    {
        for (check, over_space) in [(OpenCheck::Everything, true), (OpenCheck::Ends, true), (OpenCheck::Ends, false)] {
            let mut world = crashed(5);
            world.settings.check = check;
            let whole = written(&last_segment(&world));
            let bytes = add(&last_segment(&world), tail, over_space);
            let (log, opened) = world.try_open().unwrap();
            let cut = opened.cut.unwrap();
            assert_eq!((cut.offset, cut.bytes), (whole as u64, bytes as u64), "{what}");
            log.close().wait().unwrap();
            let report = world.verify();
            assert_eq!((report.fault, report.size), (None, 1 + 4 + 5 + 1), "{what}");
            let line = Reader::new(&world.path()).line(10).unwrap();
            assert!(line.contains("tail_cut") && line.contains(&cut.sha256), "{line}");
            assert_eq!(world.try_open().unwrap().1, Opened { created: false, size: 11, cut: None });
        }
    }
}

#[test]
fn l05_a_batch_that_was_torn_in_its_middle_is_cut_whole_from_there() {
    let world = crashed(5);
    let path = last_segment(&world);
    let whole = written(&path);
    // Three more of one batch, the middle one of which did not reach the disk: none had been acknowledged.
    let batch: Vec<String> = (0..3)
        .map(|n| {
            let line = Reader::new(&world.path()).line(9).unwrap();
            line.replace("\"durable\":9", "\"durable\":10").replace("\"seq\":9", &format!("\"seq\":{}", 10 + n))
        })
        .collect();
    add(&path, format!("{}\n{}\n{}\n", "\0".repeat(batch[0].len()), batch[1], batch[2]).as_bytes(), true);
    let (log, opened) = world.try_open().unwrap();
    assert_eq!(opened.cut.unwrap().offset, whole as u64);
    log.close().wait().unwrap();
    assert_eq!(world.fault(), None);
}

#[test]
fn l05_damage_that_is_no_torn_tail_stops_the_start() {
    for check in [OpenCheck::Everything, OpenCheck::Ends] {
        let mut world = crashed(3);
        world.settings.check = check;
        let path = last_segment(&world);
        let good = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        assert!(lines.len() >= 2);
        // Later records say that this one was on disk.
        for (from, to) in [("{\"action", "{\"action "), ("runs:create", "runs:delete"), ("\n{", "\n\0")] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            fs::write(&path, bad).unwrap();
            assert_eq!(refused(&world), "audit_damaged", "{from}");
        }
        fs::write(&path, &good).unwrap();
        world.open();
    }
}

#[test]
fn a_damaged_middle_a_missing_file_and_an_older_state_stop_the_start() {
    let damage = |change: &dyn Fn(&Path)| {
        let world = World::filled(12);
        change(&world.path());
        refused(&world)
    };
    let flip = |path: &Path, at: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    assert_eq!(damage(&|root| flip(&segments(root)[1], 700)), "audit_damaged");
    assert_eq!(damage(&|root| flip(&root.join("tree/level-0"), 70)), "audit_damaged");
    for n in 0..2 {
        assert_eq!(damage(&|root| fs::remove_file(&segments(root)[n]).unwrap()), "audit_missing_file");
    }
    assert_eq!(damage(&|root| fs::remove_file(segments(root).pop().unwrap()).unwrap()), "audit_behind_checkpoint");
    assert_eq!(damage(&|root| fs::remove_file(root.join("checkpoint")).unwrap()), "audit_missing_file");
    assert_eq!(damage(&|root| fs::remove_file(root.join("origin")).unwrap()), "audit_missing_file");
    assert_eq!(damage(&|root| fs::remove_file(root.join("tree/level-0")).unwrap()), "audit_missing_file");
    let cut = |root: &Path| {
        let last = segments(root).pop().unwrap();
        let text = fs::read_to_string(&last).unwrap();
        let end = text[..text.len() - 1].rfind('\n').map_or(0, |end| end + 1);
        fs::write(last, &text[..end]).unwrap();
    };
    assert_eq!(damage(&cut), "audit_behind_checkpoint");
    let older = |root: &Path| {
        let mut kept: Vec<_> =
            fs::read_dir(root.join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
        kept.sort();
        cut(root);
        fs::copy(&kept[0], root.join("checkpoint")).unwrap();
    };
    assert_eq!(damage(&older), "audit_behind_checkpoint");
}

#[test]
fn nothing_begins_anew_where_something_was() {
    let mut world = World::filled(5);
    let known = Reader::new(&world.path()).checkpoint().unwrap();
    fs::remove_dir_all(world.path()).unwrap();
    world.settings.begin = Begin::Continue;
    assert_eq!(refused(&world), "audit_no_log");
    world.settings.begin = Begin::OrCreate;
    world.settings.known = vec![known.clone()];
    assert_eq!(refused(&world), "audit_behind_checkpoint");
    world.settings.known.clear();
    world.clock.fetch_add(1000, std::sync::atomic::Ordering::Relaxed);
    let log = world.open();
    fill(&log, 5);
    log.close().wait().unwrap();
    world.settings.known = vec![known];
    assert_eq!(refused(&world), "audit_forked");
    world.settings.known.clear();
    world.settings.origin = "other.example/audit".into();
    assert_eq!(refused(&world), "audit_wrong_origin");
}

#[test]
fn the_folder_belongs_to_one() {
    let world = World::filled(1);
    fs::set_permissions(world.path(), fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(refused(&world), "audit_loose_folder");
}

#[test]
fn another_key_does_not_go_on() {
    let mut world = World::filled(1);
    world.seeds = vec![2];
    assert_eq!(refused(&world), "audit_bad_note");
    world.seeds = vec![1, 2];
    assert_eq!(world.open().checkpoint().wait().unwrap().signed_by(&[key(1).public().clone()]).unwrap().len(), 1);
}

#[test]
fn l06_a_folder_that_is_moved_removed_or_replaced_stops_the_log() {
    let change = |change: &dyn Fn(&World)| {
        let world = World::new();
        let log = world.open();
        fill(&log, 9);
        log.look().wait().unwrap();
        change(&world);
        let error = log.append(&event(9)).wait().unwrap_err();
        assert!(matches!(error, AuditError::Stopped(_)), "{error:?}");
        let again = log.append(&event(9)).wait().unwrap_err();
        assert_eq!(again.code(), error.code());
        assert_eq!(log.checkpoint().wait().unwrap_err().code(), error.code());
        error.code()
    };
    assert_eq!(change(&|world| fs::rename(world.path(), world.beside("moved")).unwrap()), "audit_folder_changed");
    assert_eq!(change(&|world| fs::remove_dir_all(world.path()).unwrap()), "audit_folder_changed");
    let replaced = |world: &World| {
        fs::rename(world.path(), world.beside("moved")).unwrap();
        copy_all(&world.beside("moved"), &world.path());
    };
    assert_eq!(change(&replaced), "audit_folder_changed");
    assert_eq!(change(&|world| fs::remove_file(&segments(&world.path())[0]).unwrap()), "audit_folder_changed");
    assert_eq!(change(&|world| fs::remove_file(last_segment(world)).unwrap()), "audit_folder_changed");
    assert_eq!(
        change(&|world| {
            add(&last_segment(world), b"x", false);
        }),
        "audit_folder_changed"
    );
    let swapped = |world: &World| {
        let first = &segments(&world.path())[0];
        fs::copy(first, world.beside("copy")).unwrap();
        fs::rename(world.beside("copy"), first).unwrap();
    };
    assert_eq!(change(&swapped), "audit_folder_changed");
}

#[test]
fn a_file_that_an_editor_lays_beside_the_records_stops_nothing() {
    let world = World::new();
    let log = world.open();
    fill(&log, 2);
    fs::write(world.path().join("log/.swp"), "x").unwrap();
    fill(&log, 2);
}

#[test]
fn what_does_not_fit_the_queue_is_refused() {
    let mut world = World::new();
    world.settings.queue_records = 0;
    assert_eq!(world.open().append(&event(1)).wait().unwrap_err().code(), "audit_busy");
}
