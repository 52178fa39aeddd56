use std::sync::atomic::Ordering;

use ringfence::audit::forward::{Batch, Next, Position, Shape};
use ringfence::audit::{AuditError, Event, EventName, Format, Reader};
use serde_json::Value;

use super::world::{ORIGIN, World, segments};

const JSON: Shape = Shape { format: Format::Json, host: None };

fn refused(world: &World) -> String {
    match Position::open(&Reader::new(&world.path()), ORIGIN, "siem") {
        Err(error @ AuditError::Position { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn batch(at: Position, reader: &Reader, end: u64, shape: &Shape) -> Batch {
    match Batch::after(at, reader, end, shape).unwrap() {
        Next::Batch(batch) => batch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_position_is_kept_and_one_of_another_log_is_refused() {
    let world = World::filled(30);
    let reader = Reader::new(&world.path());
    let begin = Position::open(&reader, ORIGIN, "siem").unwrap();
    assert_eq!(begin.next, 0);
    assert_eq!(Position::find(&reader, ORIGIN, "siem").unwrap(), Some(begin), "it has one from now on");
    let there = batch(begin, &reader, 12, &JSON).to;
    assert_eq!(there.next, 12);
    there.keep(&reader, ORIGIN, "siem").unwrap();
    assert_eq!(Position::open(&reader, ORIGIN, "siem").unwrap(), there);
    let text = std::fs::read_to_string(world.path().join("forward/siem")).unwrap();
    assert_eq!(text, format!("{ORIGIN}\n12\n{}\n", there.last));
    // Another log of the same name; and this one as it was before.
    let other = World::new();
    other.clock.fetch_add(1_000_000, Ordering::Relaxed);
    other.add(30);
    let short = World::filled(5);
    for world in [&other, &short] {
        std::fs::create_dir(world.path().join("forward")).unwrap();
        std::fs::write(world.path().join("forward/siem"), &text).unwrap();
        let told = refused(world);
        assert!(told.contains("is of another log") && told.contains("forward/siem"), "{told}");
        assert_eq!(std::fs::read_to_string(world.path().join("forward/siem")).unwrap(), text, "it is left");
    }
    // Nor does a batch go on in another log.
    assert!(matches!(Batch::after(there, &Reader::new(&other.path()), 20, &JSON), Err(AuditError::Damaged { .. })));
}

#[test]
fn a_position_before_what_was_pruned_is_still_checked_and_the_gap_is_told() {
    let world = World::filled(60);
    let reader = Reader::new(&world.path());
    let begin = Position::open(&reader, ORIGIN, "siem").unwrap();
    let there = batch(begin, &reader, 3, &JSON).to;
    there.keep(&reader, ORIGIN, "siem").unwrap();
    let log = world.open();
    let first = log.prune(40).wait().unwrap();
    log.close().wait().unwrap();
    assert!(first > 3 && segments(&world.path()).len() > 1);
    assert_eq!(Position::open(&reader, ORIGIN, "siem").unwrap(), there, "its hash is kept in the tree");
    let Next::Gap(to) = Batch::after(there, &reader, 60, &JSON).unwrap() else { panic!("no gap") };
    assert_eq!(to.next, first);
    let next = batch(to, &reader, 60, &JSON);
    assert_eq!(next.records, first..60);
    assert_eq!(Position::open(&reader, ORIGIN, "new").unwrap(), to, "one that is new begins there");
    let wrong = Position { last: to.last, ..there };
    wrong.keep(&reader, ORIGIN, "siem").unwrap();
    assert!(refused(&world).contains("record 2 is not the one that was sent"));
}

/// Somebody took a segment out of the middle: nobody goes on behind it as if nothing had been there.
#[test]
fn records_that_are_missing_are_told() {
    let world = World::filled(60);
    let reader = Reader::new(&world.path());
    let mut at = Position::open(&reader, ORIGIN, "siem").unwrap();
    let gone = &segments(&world.path())[2];
    std::fs::remove_file(gone).unwrap();
    let error = loop {
        match Batch::after(at, &reader, 60, &JSON) {
            Ok(Next::Batch(batch)) => at = batch.to,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(gone.ends_with(format!("{:020}.jsonl", at.next)), "{at:?}");
    assert_eq!(error.code(), "audit_no_record");
}

#[test]
fn batches_hold_all_records_in_order_and_are_bounded() {
    let world = World::new();
    let log = world.open();
    let large =
        Event::new(EventName::CommandExecuted).detail("many", ringfence::audit::Detail::of(&vec!["y".repeat(400); 16]));
    let small = Event::new(EventName::SandboxCreated).detail("text", "é | = \\ \"quoted\"");
    let all: Vec<_> = (0..1_300).map(|n| log.append(if n < 200 { &large } else { &small })).collect();
    for one in all {
        one.wait().unwrap();
    }
    log.close().wait().unwrap();
    let reader = Reader::new(&world.path());
    let size = 1_301;
    let lines: Vec<String> = (0..2)
        .flat_map(|n| {
            let page = reader.page(&Default::default(), n * 1_000, 1_000, Some(size)).unwrap();
            page.lines
        })
        .collect();
    for format in [Format::Json, Format::Ocsf, Format::Cef] {
        for shape in [Shape { format, host: None }, Shape::syslog(format, ORIGIN)] {
            let mut at = Position::open(&reader, ORIGIN, "siem").unwrap();
            let (mut body, mut batches) = (Vec::new(), 0);
            while at.next < size {
                let batch = batch(at, &reader, size, &shape);
                let count = batch.records.end - batch.records.start;
                assert!(batch.records.start == at.next && (1..=500).contains(&count), "{batch:?}");
                assert!(batch.body.len() <= 512 << 10);
                body.extend_from_slice(&batch.body);
                (at, batches) = (batch.to, batches + 1);
            }
            assert!(batches > 3, "by count, and before that by bytes");
            assert!(matches!(Batch::after(at, &reader, size, &shape).unwrap(), Next::Nothing));
            let expected: Vec<String> = lines.iter().map(|line| format.write(line).unwrap()).collect();
            let found = String::from_utf8(body).unwrap();
            if shape.host.is_none() {
                assert_eq!(found.lines().collect::<Vec<_>>(), expected);
                continue;
            }
            let mut rest = found.as_str();
            for (line, text) in lines.iter().zip(&expected) {
                let (length, after) = rest.split_once(' ').unwrap();
                let (message, after) = after.split_at(length.parse().unwrap());
                let record: Value = serde_json::from_str(line).unwrap();
                let (time, event) = (record["time"].as_str().unwrap(), record["event"].as_str().unwrap());
                let head = format!("<110>1 {time} ringfence.example ringfence - {event} - ");
                assert_eq!(message, format!("{head}{text}"));
                rest = after;
            }
            assert_eq!(rest, "");
        }
    }
}

#[test]
fn pruned_by_hand_what_a_target_has_not_got_stays_unless_that_is_asked_for() {
    let world = World::filled(60);
    let reader = Reader::new(&world.path());
    let begin = Position::open(&reader, ORIGIN, "siem").unwrap();
    batch(begin, &reader, 20, &JSON).to.keep(&reader, ORIGIN, "siem").unwrap();
    batch(begin, &reader, 50, &JSON).to.keep(&reader, ORIGIN, "other").unwrap();
    std::fs::write(world.beside("key"), world.keys()[0].to_text().as_bytes()).unwrap();
    let prune = |more: &[&str]| {
        let mut command = std::process::Command::new(crate::support::WORKER);
        command.args(["audit", "prune", "--json", "--keep-days", "0", "--dir"]).arg(world.path());
        let output = command.arg("--key").arg(world.beside("key")).args(more).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (told["first"].as_u64().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (first, told) = prune(&[]);
    assert!((1..=20).contains(&first) && told.contains("records from 20 on stay for siem"), "{first} {told}");
    let (first, told) = prune(&["--unforwarded"]);
    assert!(first > 20 && told.is_empty(), "{first} {told}");
}
