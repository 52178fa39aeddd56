use std::collections::BTreeMap;

use proptest::prelude::*;
use ringfence::audit::{BadRecord, Detail, Event, EventName, Filter, RECORD_BYTES, Reader, Record};

use super::world::{World, event};

/// The lines that a log makes of these events.
fn lines(events: &[Event]) -> Vec<String> {
    let world = World::new();
    let log = world.open();
    for event in events {
        log.append(event).wait().unwrap();
    }
    log.close().wait().unwrap();
    Reader::new(&world.path()).page(&Filter::default(), 1, 1000, None).unwrap().lines
}

fn line() -> String {
    lines(&[event(7)]).remove(0)
}

#[test]
fn a_record_is_as_the_documentation_shows_it() {
    let line = line();
    let record = Record::parse(line.as_bytes()).unwrap();
    let prev = record.prev;
    assert_eq!(
        line,
        format!(
            r#"{{"action":"runs:create","decision":"allowed","details":{{"component":"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","fuel":7000}},"durable":1,"event":"command_executed","key":"key_0123456789abcdef0123456789abcdef","policies":["builtin.member"],"prev":"{prev}","principal":"bob","request":"req_00000000000000000000000000000007","resource":{{"id":"run_00000000000000000000000000000007","kind":"run"}},"seq":1,"tenant":"acme","time":"2026-11-18T11:06:40.001000Z","v":1}}"#
        )
    );
}

#[test]
fn each_way_of_not_being_a_record_has_its_code() {
    let good = line();
    let with = |from: &str, to: &str| {
        let changed = good.replacen(from, to, 1);
        assert_ne!(changed, good, "{from}");
        Record::parse(changed.as_bytes()).unwrap_err()
    };
    assert_eq!(with("{\"action", "{\"aaa\":1,\"action"), BadRecord::UnknownField);
    assert_eq!(with("\"fuel\":7000", "\"fuel\":7000,\"fuel\":7000"), BadRecord::DuplicateField);
    assert_eq!(with("\"seq\":1", "\"seq\":1,\"seq\":1"), BadRecord::DuplicateField);
    assert_eq!(with("\"durable\":1,", ""), BadRecord::MissingField);
    assert_eq!(with(",\"v\":1", ""), BadRecord::MissingField);
    assert_eq!(with("\"v\":1", "\"v\":2"), BadRecord::UnknownVersion);
    assert_eq!(with("\"seq\":1", "\"seq\": 1"), BadRecord::NotCanonical);
    assert_eq!(with("\"seq\":1", "\"seq\":01"), BadRecord::NotCanonical);
    assert_eq!(with("\"fuel\":7000", "\"fuel\":7e3"), BadRecord::NotCanonical);
    assert_eq!(with("\"bob\"", "\"b\\u006fb\""), BadRecord::NotCanonical);
    assert_eq!(with("\"bob\"", "\"b\\nb\""), BadRecord::BadText);
    assert_eq!(with("\"bob\"", "\"b\u{202e}b\""), BadRecord::BadText);
    assert_eq!(with("\"bob\"", "\"b\u{7f}b\""), BadRecord::BadText);
    assert_eq!(with("\"bob\"", "7"), BadRecord::NotARecord);
    assert_eq!(with("allowed", "perhaps"), BadRecord::BadValue);
    assert_eq!(with("2026-11-18", "2026-13-18"), BadRecord::BadValue);
    assert_eq!(with("\"fuel\":7000", "\"fuel\":9007199254740992"), BadRecord::BadValue);
    assert_eq!(with("\"durable\":1", "\"durable\":2"), BadRecord::BadValue);
    assert_eq!(with("\"details\":{", "\"details\":{\"a\":[[[[[[[[[[]]]]]]]]]],"), BadRecord::BadValue);
    assert_eq!(Record::parse(b"").unwrap_err(), BadRecord::NotARecord);
    assert_eq!(Record::parse(b"\xff").unwrap_err(), BadRecord::NotUtf8);
    assert_eq!(Record::parse(&vec![b' '; RECORD_BYTES + 1]).unwrap_err(), BadRecord::TooLong);
    assert_eq!(Record::parse(format!("{good} ").as_bytes()).unwrap_err(), BadRecord::NotCanonical);
}

#[test]
fn l07_hostile_values_are_stored_escaped_and_bounded() {
    let forged = "x\"}\n{\"action\":\"keys:create\",\"v\":1}\n";
    let long = "\u{1b}[2J".repeat(3_000_000);
    let labels: BTreeMap<String, String> =
        (0..5000).map(|n| (format!("{n}\n\u{202e}é\\\""), long[..2000].to_owned())).collect();
    let mut hostile = Event::new(EventName::PermissionDenied)
        .principal(forged)
        .key(&long)
        .tenant("\0")
        .request(&long)
        .action(&"\"".repeat(10_000))
        .resource(&long, &"\\".repeat(10_000))
        .denied(&long, std::iter::repeat_n(long.as_str(), 1000))
        .detail("bytes", Detail::bytes(b"\xff\xfe\0ok"))
        .detail("labels", Detail::of(&labels))
        .detail("number", u64::MAX)
        .detail("path", forged);
    for name in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        hostile = hostile.detail(name, "\"\\".repeat(10_000));
    }
    let quotes = "\"".repeat(100_000);
    let many = std::iter::repeat_n(quotes.as_str(), 100);
    let longest = Event::new(EventName::PermissionDenied)
        .principal(&quotes)
        .key(&quotes)
        .tenant(&quotes)
        .request(&quotes)
        .action(&quotes)
        .resource(&quotes, &quotes)
        .denied(&quotes, many.clone())
        .detail(&quotes, many.collect::<Detail>());
    let lines = lines(&[hostile, longest, event(1)]);
    assert_eq!(lines.len(), 3, "no record was made by a text within one");
    assert!(lines[1].len() > RECORD_BYTES / 2 && lines[1].len() <= RECORD_BYTES, "{}", lines[1].len());
    Record::parse(lines[1].as_bytes()).unwrap();
    let line = &lines[0];
    assert!(line.len() <= RECORD_BYTES, "{}", line.len());
    assert!(!line.chars().any(char::is_control));
    let record = Record::parse(line.as_bytes()).unwrap();
    assert!(record.cut, "what was left out is said");
    assert_eq!(record.principal.unwrap().text(), "x\"}\\u{a}{\"action\":\"keys:create\",\"v\":1}\\u{a}");
    assert_eq!(record.tenant.unwrap().text(), "\\u{0}");
    let page = r#""bytes":"\\x{ff}\\x{fe}\\u{0}ok""#;
    assert!(line.contains(page) || record.cut, "{line}");
}

#[test]
fn details_of_any_size_and_depth_are_cut_and_said() {
    let mut deep = serde_json::json!("end");
    for _ in 0..100 {
        deep = serde_json::json!({ "deeper": [deep] });
    }
    let wide: Vec<u32> = (0..100_000).collect();
    let event =
        Event::new(EventName::LimitExceeded).detail("deep", Detail::of(&deep)).detail("wide", Detail::of(&wide));
    let lines = lines(&[event, Event::new(EventName::LimitExceeded).detail("fine", Detail::of(&[1, 2]))]);
    assert!(Record::parse(lines[0].as_bytes()).unwrap().cut);
    assert!(!Record::parse(lines[1].as_bytes()).unwrap().cut);
    assert!(lines[1].contains(r#""details":{"fine":[1,2]}"#));
}

fn detail() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        ".*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            proptest::collection::btree_map(".*", inner, 0..8)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_recorded_is_canonical_and_reads_back(texts in proptest::collection::vec(".*", 6), detail in detail()) {
        let event = Event::new(EventName::AccessDenied)
            .principal(&texts[0]).key(&texts[1]).tenant(&texts[2]).request(&texts[3]).action(&texts[4])
            .resource(&texts[5], &texts[0]).denied(&texts[1], texts.iter().map(String::as_str))
            .detail("any", Detail::of(&detail));
        let line = lines(&[event]).remove(0);
        Record::parse(line.as_bytes()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), line);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A record, and what somebody might make of it: bytes changed, cut, doubled, moved.
    #[test]
    fn what_is_read_as_a_record_is_canonical(
        changes in proptest::collection::vec((0..5_u8, any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        static LINE: std::sync::LazyLock<String> = std::sync::LazyLock::new(line);
        let mut bytes = LINE.as_bytes().to_vec();
        for (how, place, byte) in changes {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => drop(bytes.remove(place)),
                3 => bytes[place] = b"{}[]\",:\\0129-"[usize::from(byte) % 13],
                _ => bytes.rotate_left(place),
            }
        }
        if Record::parse(&bytes).is_ok() {
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), bytes);
        }
    }
}

#[test]
fn each_event_and_each_code_is_documented() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit.md")).unwrap();
    for event in EventName::ALL {
        assert!(page.contains(&format!("`{event}`")), "{event}");
        assert_eq!(event.as_str().parse(), Ok(*event));
    }
    for source in ["error.rs", "scan.rs", "verify/fault.rs"] {
        let source = std::fs::read_to_string(format!("{}/src/audit/{source}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let codes = source.lines().filter(|line| line.contains("=> \"")).filter_map(|line| line.split('"').nth(1));
        for code in codes {
            assert!(page.contains(&format!("`{code}`")), "{code}");
        }
    }
}
