use ringfence::audit::note::InclusionProof;
use ringfence::audit::{Event, EventName, Filter, Format, LogTime, Reader, Record};

use super::world::{World, event, fill};

fn all(reader: &Reader, filter: &Filter, at_once: usize) -> Vec<u64> {
    let (mut seqs, mut from) = (Vec::new(), 0);
    loop {
        let page = reader.page(filter, from, at_once, None).unwrap();
        assert!(page.lines.len() <= at_once);
        seqs.extend(page.lines.iter().map(|line| Record::parse(line.as_bytes()).unwrap().seq));
        if page.end {
            return seqs;
        }
        assert!(page.next > from, "a page always leads on");
        from = page.next;
    }
}

#[test]
fn pages_lead_through_all_events_once() {
    let world = World::filled(100);
    let reader = Reader::new(&world.path());
    for at_once in [1, 7, 1000] {
        assert_eq!(all(&reader, &Filter::default(), at_once), (0..=100).collect::<Vec<_>>());
    }
    for seq in 0..=100 {
        assert_eq!(Record::parse(reader.line(seq).unwrap().as_bytes()).unwrap().seq, seq);
    }
    assert_eq!(reader.line(101).unwrap_err().code(), "audit_no_record");
    assert_eq!(reader.inclusion(101).unwrap_err().code(), "audit_no_tree");
    assert_eq!(reader.page(&Filter::default(), 5000, 10, None).unwrap().lines.len(), 0);
    let page = reader.page(&Filter::default(), 90, 100, Some(95)).unwrap();
    assert_eq!((page.lines.len(), page.next), (5, 95), "what is not durable yet is not shown");
}

#[test]
fn a_record_is_found_in_a_large_segment() {
    let mut world = World::new();
    world.settings.segment_bytes = 64 << 20;
    let log = world.open();
    let pending: Vec<_> = (0..3000).map(|n| log.append(&event(n))).collect();
    for pending in pending {
        pending.wait().unwrap();
    }
    let reader = Reader::new(&world.path());
    for seq in [0, 1, 2, 1499, 1500, 2998, 2999, 3000] {
        assert_eq!(Record::parse(reader.line(seq).unwrap().as_bytes()).unwrap().seq, seq);
    }
}

#[test]
fn filters_ask_for_what_they_say() {
    let world = World::new();
    let log = world.open();
    fill(&log, 9);
    let odd = Event::new(EventName::AccessDenied).principal("a\"b\nc").tenant("other").action("keys:create");
    log.append(&odd.resource("key", "key_1").denied("no_policy", [])).wait().unwrap();
    log.close().wait().unwrap();
    let reader = Reader::new(&world.path());
    let seqs = |filter: Filter| all(&reader, &filter, 3);
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(seqs(Filter { principal: text("alice"), ..Filter::default() }), [1, 4, 7]);
    assert_eq!(seqs(Filter { principal: text("a\"b\nc"), ..Filter::default() }), [10]);
    assert_eq!(seqs(Filter { allowed: Some(false), ..Filter::default() }), [10]);
    assert_eq!(seqs(Filter { tenant: text("other"), action: text("keys:create"), ..Filter::default() }), [10]);
    assert_eq!(seqs(Filter { tenant: text("other"), action: text("runs:create"), ..Filter::default() }), [0_u64; 0]);
    assert_eq!(seqs(Filter { event: text("log_created"), ..Filter::default() }), [0]);
    assert_eq!(seqs(Filter { resource_kind: text("key"), resource_id: text("key_1"), ..Filter::default() }), [10]);
    let time = |seq| Record::parse(reader.line(seq).unwrap().as_bytes()).unwrap().time.parse::<LogTime>().unwrap();
    assert_eq!(seqs(Filter { since: Some(time(3)), until: Some(time(6)), ..Filter::default() }), [3, 4, 5]);
    assert!("yesterday".parse::<LogTime>().is_err());
}

#[test]
fn a_proof_shows_its_record_and_no_other() {
    let world = World::filled(60);
    let reader = Reader::new(&world.path());
    for seq in 0..=60 {
        let text = reader.inclusion(seq).unwrap().to_string();
        let proof: InclusionProof = text.parse().unwrap();
        assert!(proof.shows(reader.line(seq).unwrap().as_bytes()));
        assert!(!proof.shows(reader.line((seq + 1) % 61).unwrap().as_bytes()));
        assert!(proof.checkpoint.signed_by(&world.options().keys).is_ok());
    }
    assert!(reader.inclusion(61).is_err());
    assert!(reader.consistency(62).is_err());
    for old in 0..=61 {
        let proof = reader.consistency(old).unwrap();
        assert!(proof.shows(reader.root_at(old).unwrap()), "{old}");
        assert_eq!(proof.to_string().parse(), Ok(proof));
    }
}

#[test]
fn what_may_be_pruned_is_found_by_time() {
    let world = World::filled(40);
    let reader = Reader::new(&world.path());
    assert_eq!(reader.kept_since(&"2000-01-01T00:00:00Z".parse().unwrap()).unwrap(), 0);
    let line = reader.line(20).unwrap();
    let first = reader.kept_since(&Record::parse(line.as_bytes()).unwrap().time.parse().unwrap()).unwrap();
    assert!(first > 10 && first <= 20, "{first}");
}

#[test]
fn events_leave_in_the_words_of_others() {
    let world = World::new();
    let log = world.open();
    let hostile = Event::new(EventName::AccessDenied)
        .principal("a=b|c\\d\n")
        .request("req_1")
        .action("keys:create")
        .resource("key", "k=1")
        .denied("forbidden", ["p1"]);
    log.append(&hostile).wait().unwrap();
    let line = Reader::new(&world.path()).line(1).unwrap();
    assert_eq!(Format::Json.write(&line).unwrap(), line);
    let cef = Format::Cef.write(&line).unwrap();
    let head = format!("CEF:0|Ringfence|ringfence|{}|access_denied|access_denied|6|rt=", env!("CARGO_PKG_VERSION"));
    assert!(cef.starts_with(&head), "{cef}");
    assert!(cef.contains(r"suser=a\=b|c\\\\d\\u{a} "), "{cef}");
    assert!(cef.contains(r"cs3Label=resource cs3=key k\=1 ") && !cef.contains('\n'), "{cef}");
    let ocsf: serde_json::Value = serde_json::from_str(&Format::Ocsf.write(&line).unwrap()).unwrap();
    assert_eq!((&ocsf["class_uid"], &ocsf["type_uid"], &ocsf["status_id"]), (&6003.into(), &600_399.into(), &2.into()));
    assert_eq!(ocsf["actor"]["user"]["name"], "a=b|c\\\\d\\u{a}");
    assert_eq!((&ocsf["raw_data"], &ocsf["metadata"]["sequence"]), (&line.clone().into(), &1.into()));
    assert!(Format::Ocsf.write("{}").is_err());
}
