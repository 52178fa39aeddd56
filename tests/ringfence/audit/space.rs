//! Space that is taken ahead at the end of the segment that is written to.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use ringfence::audit::{Filter, Reader, VerifyOptions, cut_back, verify};

use super::world::{World, copy_all, event, fill, segments};

const BLOCK: usize = 4096;

/// What a crash leaves of a log of one segment, with space at its end.
fn crashed(events: u64) -> World {
    let mut world = World::new();
    world.settings.segment_bytes = 64 << 20;
    let log = world.open();
    fill(&log, events);
    log.checkpoint().wait().unwrap();
    let mut after = World::new();
    after.settings.segment_bytes = world.settings.segment_bytes;
    copy_all(&world.path(), &after.path());
    after
}

#[test]
fn only_the_segment_that_is_written_to_has_space() {
    let world = World::new();
    let log = world.open();
    fill(&log, 20);
    let mut all = segments(&world.path());
    let last = fs::read(all.pop().unwrap()).unwrap();
    assert!(last.ends_with(b"\n\n\n\n") && last.len().is_multiple_of(BLOCK));
    log.close().wait().unwrap();
    let all = segments(&world.path());
    assert!(all.len() > 2);
    for path in all {
        let bytes = fs::read(path).unwrap();
        assert!(bytes.ends_with(b"}\n"), "a full or closed segment ends with its last record");
    }
    assert_eq!(world.fault(), None);
}

#[test]
fn space_that_a_crash_left_holds_nothing_and_is_given_back() {
    let world = crashed(3);
    assert_eq!(world.fault(), None);
    let (log, opened) = world.try_open().unwrap();
    assert_eq!(opened.cut, None, "nothing was torn");
    fill(&log, 1);
    log.close().wait().unwrap();
    assert_eq!((world.fault(), world.verify().records), (None, 5));
    assert!(fs::read(&segments(&world.path())[0]).unwrap().ends_with(b"}\n"));
}

#[test]
fn l01_each_change_of_the_space_is_found() {
    let world = crashed(3);
    let path = |root: &std::path::Path| segments(root).pop().unwrap();
    let change = |how: &dyn Fn(&mut Vec<u8>)| {
        world.after(|root| {
            let mut bytes = fs::read(path(root)).unwrap();
            how(&mut bytes);
            fs::write(path(root), bytes).unwrap();
        })
    };
    let size = fs::read(path(&world.path())).unwrap().len();
    let records = fs::read(path(&world.path())).unwrap().trim_ascii_end().len() + 1;
    for place in [records, records + 1, (records + size) / 2, size - 1] {
        for byte in [b'x', b' ', 0, b'{'] {
            assert!(change(&|bytes| bytes[place] = byte).is_some(), "{place} became {byte}");
        }
    }
    assert_eq!(change(&|bytes| bytes.push(b'\n')).unwrap().code(), "torn_tail");
    assert_eq!(change(&|bytes| bytes.truncate(bytes.len() - 1)).unwrap().code(), "torn_tail");
    // Behind a record that stands where it should there is no space.
    assert!(change(&|bytes| bytes.splice(..0, *b"\n").for_each(drop)).is_some());
    let closed = World::filled(3);
    let block = "\n".repeat(BLOCK);
    let full = closed.after(|root| {
        let first = &segments(root)[0];
        let mut bytes = fs::read(first).unwrap();
        bytes.extend(&block.as_bytes()[bytes.len()..]);
        fs::remove_file(first).unwrap();
        fs::write(first, bytes).unwrap();
    });
    assert_eq!(full, None, "the only segment may be one that was written to");
    let many = World::filled(20);
    let full = many.after(|root| {
        let first = &segments(root)[0];
        let mut bytes = fs::read(first).unwrap();
        bytes.resize(BLOCK, b'\n');
        fs::remove_file(first).unwrap();
        fs::write(first, bytes).unwrap();
    });
    assert_eq!(full.unwrap().code(), "not_a_record", "a full one has no space");
}

#[test]
fn records_before_the_space_are_found_by_number() {
    let world = crashed(600);
    let reader = Reader::new(&world.path());
    for seq in [0, 1, 299, 599, 600] {
        assert!(reader.line(seq).unwrap().contains(&format!("\"seq\":{seq},")), "{seq}");
    }
    assert_eq!(reader.line(601).unwrap_err().code(), "audit_no_record");
    let page = reader.page(&Filter::default(), 590, 100, None).unwrap();
    assert_eq!((page.lines.len(), page.next, page.end), (11, 601, true));
}

#[test]
fn a_log_that_is_being_written_is_read_and_verified() {
    let mut world = World::new();
    world.settings.segment_bytes = 200_000;
    let (log, done) = (world.open(), AtomicBool::new(false));
    let options = VerifyOptions { live: true, ..world.options() };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    log.append(&event(n)).wait().unwrap();
                }
            });
        }
        let reader = Reader::new(&world.path());
        let (mut seen, mut looks) = (0, 0);
        // Over several segments, so that many ends of files are met.
        while seen < 3000 && looks < 100_000 {
            looks += 1;
            let page = reader.page(&Filter::default(), seen, 1000, None);
            seen = page.inspect_err(|_| done.store(true, Ordering::Relaxed)).unwrap().next;
            let report = (looks % 20 == 0).then(|| verify(&world.path(), &options));
            let fault = report.and_then(|report| report.fault);
            assert_eq!(fault.inspect(|_| done.store(true, Ordering::Relaxed)), None);
        }
        done.store(true, Ordering::Relaxed);
        assert!(seen >= 3000, "{seen}");
    });
    log.close().wait().unwrap();
    assert_eq!(world.fault(), None);
}

/// A copy that was made while records came may have later pieces of the file and not the ones before.
#[test]
fn a_copy_of_a_log_that_went_on_is_cut_back_to_its_whole_records() {
    let mut world = World::new();
    world.settings.segment_bytes = 64 << 20;
    let log = world.open();
    fill(&log, 6);
    let copied = || {
        let mut copy = World::new();
        copy.settings.segment_bytes = world.settings.segment_bytes;
        copy_all(&world.path(), &copy.path());
        let path = segments(&copy.path()).pop().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let ends: Vec<_> = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
        bytes[ends[1]..ends[3]].fill(b'\n');
        fs::write(&path, bytes).unwrap();
        copy
    };
    assert_eq!(copied().try_open().unwrap_err().code(), "audit_damaged", "as it is, it looks like damage");
    let copy = copied();
    cut_back(&copy.path()).unwrap();
    let (log, opened) = copy.try_open().unwrap();
    assert_eq!((opened.size, opened.cut), (2, None));
    log.close().wait().unwrap();
    assert_eq!((copy.fault(), copy.verify().records), (None, 2));
    cut_back(&copy.path()).unwrap();
    assert_eq!(copy.verify().records, 2, "what is whole stays as it is");
}

#[test]
fn l01_a_last_record_that_was_changed_is_no_torn_tail() {
    let world = World::filled(3);
    let last = segments(&world.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    let place = bytes.len() - 2;
    assert_eq!(bytes[place], b'}');
    bytes[place] = b'x';
    fs::remove_file(&last).unwrap();
    fs::write(&last, bytes).unwrap();
    for live in [false, true] {
        let fault = verify(&world.path(), &VerifyOptions { live, ..world.options() }).fault.unwrap();
        assert_eq!((fault.code(), fault.place.seq), ("not_a_record", Some(3)), "it is under a checkpoint");
    }
    let reader = Reader::new(&world.path());
    let told = reader.page(&Filter::default(), 0, 10, Some(4)).unwrap_err();
    assert_eq!(told.code(), "audit_damaged", "who knows where the end is, misses it");
}

/// What the writer takes for the end of an unfinished batch, those who check take for that as well.
#[test]
fn pieces_of_a_batch_are_a_torn_tail_for_everybody() {
    let world = crashed(2);
    let path = segments(&world.path()).pop().unwrap();
    let line = Reader::new(&world.path()).line(2).unwrap();
    let whole = fs::read(&path).unwrap();
    let end = whole.trim_ascii_end().len() + 1;
    let later = line.replace("\"seq\":2", "\"seq\":4").replace("\"durable\":2", "\"durable\":3");
    for (gap, is_torn) in [("\n\n", true), (&"\0".repeat(40_000)[..], true), ("\n\n", false)] {
        let later = if is_torn { later.clone() } else { later.replace("\"durable\":3", "\"durable\":4") };
        let mut bytes = whole[..end].to_vec();
        bytes.extend(format!("{gap}{later}\n").bytes());
        fs::write(&path, &bytes).unwrap();
        let code = world.fault().unwrap().code();
        assert_eq!(code == "torn_tail", is_torn, "{code}");
        let live = verify(&world.path(), &VerifyOptions { live: true, ..world.options() }).fault;
        assert_eq!(live.is_none(), is_torn);
        let copy = World::new();
        copy_all(&world.path(), &copy.path());
        assert_eq!(copy.try_open().is_ok(), is_torn);
    }
}

#[test]
fn more_space_than_is_ever_taken_is_no_space() {
    let world = crashed(2);
    let path = segments(&world.path()).pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend("\n".repeat(100 * BLOCK).bytes());
    fs::write(&path, bytes).unwrap();
    assert_eq!(world.fault().unwrap().code(), "torn_tail");
}

#[test]
fn a_log_that_lost_its_origin_is_not_begun_anew() {
    let world = crashed(2);
    fs::remove_file(world.path().join("origin")).unwrap();
    assert_eq!(world.try_open().unwrap_err().code(), "audit_missing_file");
}
