use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ringfence::audit::note::SigningKey;
use ringfence::audit::{Event, EventName, Filter, Log, LogTime, Record, ReportPage, Survey, survey};
use serde_json::{Value, json};

use super::world::{World, copy_all, event, fill, key, segments};
use crate::support::WORKER;

const DIGEST: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn put(log: &Log, event: Event) {
    log.append(&event).wait().unwrap();
}

fn by(name: EventName, principal: &str) -> Event {
    Event::new(name).tenant("acme").principal(principal)
}

/// One of each kind that a report tells of.
fn a_day(log: &Log) {
    put(log, Event::new(EventName::ServiceStarted).detail("version", "1.0.0"));
    put(log, Event::new(EventName::LoginRefused).denied("unknown_key", []).detail("address", "192.0.2.7"));
    let started = by(EventName::CommandStarted, "bob").resource("run", "run_1").action("runs:create");
    put(log, started.allowed(["builtin.member"]).detail("component", DIGEST));
    let denied = by(EventName::PermissionDenied, "bob").resource("run", "run_1").denied("fs:read", []);
    put(
        log,
        denied.detail("component", DIGEST).detail("tried", "open").detail("path", "/etc/shadow").detail("times", 3_u64),
    );
    let limit = by(EventName::LimitExceeded, "bob").resource("run", "run_1").detail("component", DIGEST);
    put(log, limit.detail("limit", "fuel").detail("value", 1000_u64).detail("used", 1001_u64));
    let ended = by(EventName::CommandExecuted, "bob").resource("run", "run_1").detail("component", DIGEST);
    put(log, ended.detail("outcome", "out_of_fuel").detail("denials", 3_u64));
    put(
        log,
        by(EventName::AccessDenied, "bob").action("keys:create").resource("key", "ci").denied("forbidden", ["p1"]),
    );
    put(log, by(EventName::PolicyCreated, "alice").action("policies:create").resource("policy", "no_night"));
    put(log, by(EventName::TokenCreated, "alice").resource("token", "tok_1"));
    put(log, by(EventName::ActUnanswered, "alice").action("roles:create").resource("role", "clerk"));
    put(log, by(EventName::ActUnanswered, "alice").action("runs:cancel").resource("run", "run_1"));
    put(log, Event::new(EventName::AlertRaised).detail("rule", "denials"));
    put(log, Event::new(EventName::ServiceStarted).detail("version", "1.0.1"));
    put(log, Event::new(EventName::ServiceStopped));
}

fn made() -> LogTime {
    "2026-11-21T14:00:00Z".parse().unwrap()
}

fn page(world: &World, filter: Filter, rows: usize) -> ReportPage {
    let mut told = Survey::new(filter, rows);
    let verified = survey(&world.path(), &world.options(), &mut told);
    told.page(verified, &made())
}

fn day() -> World {
    let world = World::new();
    let log = world.open();
    a_day(&log);
    log.close().wait().unwrap();
    world
}

#[test]
fn a_day_is_told_in_just_these_words() {
    let page = page(&day(), Filter::default(), 50);
    assert_eq!(page.markdown(), include_str!("report.md"));
    let told = page.json();
    assert_eq!(told["verification"]["whole"], true);
    assert_eq!(told["facts"]["records_told"], 15);
    let run = &told["tables"]["runs"]["rows"][0];
    assert_eq!((&run["component"], &run["started"], &run["denials"]), (&json!(DIGEST), &json!(1), &json!(3)));
    let html = page.html();
    assert!(
        html.contains("<td>/etc/shadow</td><td>fs:read</td><td class=\"n\">1</td><td class=\"n\">3</td>"),
        "{html}"
    );
}

#[test]
fn a_report_tells_of_the_span_and_tenant_that_were_asked_for() {
    let world = day();
    let all = page(&world, Filter::default(), 50).json();
    let time = |n: usize| all["tables"]["service"]["rows"][n]["time"].as_str().unwrap().parse::<LogTime>().unwrap();
    // The first row is the making of the log.
    let span = Filter { since: Some(time(1)), until: Some(time(2)), ..Filter::default() };
    let told = page(&world, span, 50).json();
    assert_eq!((&told["facts"]["first_record"], &told["facts"]["last_record"]), (&json!(1), &json!(12)));
    assert_eq!(told["verification"]["records"], 15, "all are checked, whatever is told");
    let text = |text: &str| Some(text.to_owned());
    let told = page(&world, Filter { tenant: text("acme"), principal: text("alice"), ..Filter::default() }, 50).json();
    assert_eq!(told["facts"]["records_told"], 4);
    assert_eq!(told["tables"]["changes"]["rows"].as_array().unwrap().len(), 2);
    assert_eq!(
        page(&world, Filter { tenant: text("other"), ..Filter::default() }, 50).json()["facts"]["records_told"],
        0
    );
}

/// Nobody's words become markup, in any form.
#[test]
fn a11_hostile_words_are_text_in_every_form() {
    let world = World::new();
    let log = world.open();
    let name = "<script>|`x``[a](//e)&*_ | # @bob";
    let path = "</td><img src=x onerror='a()'>\"`\n| --- |\u{202e}";
    let denied = Event::new(EventName::PermissionDenied).tenant(name).principal(name).resource(name, name);
    put(&log, denied.denied("a|b", []).detail("tried", "open").detail("path", path));
    put(&log, Event::new(EventName::PolicyCreated).principal(name).resource("policy", name).detail("x", name));
    log.close().wait().unwrap();
    let page = page(&world, Filter::default(), 50);
    let html = page.html();
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("onerror='"), "{html}");
    assert!(html.contains("<td>&lt;script&gt;|&#96;x&#96;&#96;[a](//e)&amp;*_ | # @bob</td>"), "{html}");
    let markdown = page.markdown();
    let row = markdown.lines().find(|line| line.contains("onerror")).unwrap();
    let spans = "`<script>`&#124;``` `x``[a](//e)&*_  ```&#124;`  # @bob `";
    assert!(row.starts_with(&format!("| {spans} | {spans} | `open` | ``</td>")), "{row}");
    assert_eq!(row.matches(" | ").count() + 1, 9, "no cell more than there are columns: {row}");
    for line in markdown.lines() {
        assert!(outside_of_code(line).chars().all(|c| !"<>[]`@".contains(c)), "{line}");
    }
}

/// What a reader of Markdown takes for its own.
fn outside_of_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(at) = rest.find('`') {
        out += &rest[..at];
        let fence = &rest[at..at + rest[at..].find(|c| c != '`').unwrap_or(rest.len() - at)];
        let mut after = &rest[at + fence.len()..];
        loop {
            let end = after.find(fence).expect("each span ends");
            let run = after[end..].find(|c| c != '`').unwrap_or(after.len() - end);
            after = &after[end + run..];
            if run == fence.len() {
                break;
            }
        }
        rest = after;
    }
    out + rest
}

#[test]
fn a_flood_of_names_has_bounds_and_what_is_left_out_is_told() {
    let mut told = Survey::new(Filter::default(), 5);
    let long = "y".repeat(700);
    for seq in 0..30_000_u64 {
        let name = if seq.is_multiple_of(3) { "alice".to_owned() } else { format!("h{seq}{long}") };
        let line = format!(
            r#"{{"details":{{"address":"{name}"}},"durable":0,"event":"{}","prev":"{}","principal":"{name}","seq":{seq},"time":"2026-11-18T11:06:40.001000Z","v":1}}"#,
            ["policy_created", "login_refused"][usize::try_from(seq % 2).unwrap()],
            "0".repeat(64),
        );
        told.hear(&Record::parse(line.as_bytes()).unwrap());
    }
    let empty = World::new();
    let page = told.page(survey(&empty.path(), &empty.options(), &mut Survey::new(Filter::default(), 1)), &made());
    let told = page.json();
    let who = &told["tables"]["principals"];
    assert_eq!(who["rows"].as_array().unwrap().len(), 5);
    assert_eq!((&who["rows"][0]["principal"], &who["rows"][0]["records"]), (&json!("alice"), &json!(10_000)));
    let shown: u64 = who["rows"].as_array().unwrap().iter().map(|row| row["records"].as_u64().unwrap()).sum();
    assert_eq!(shown + who["rest"]["counts"]["records"].as_u64().unwrap(), 30_000);
    assert!(who["rest"]["counts_low_by"].as_u64().unwrap() > 0);
    let changes = &told["tables"]["changes"];
    assert_eq!((changes["rows"].as_array().unwrap().len(), &changes["rest"]["rows"]), (5, &json!(14_995)));
    assert!(page.markdown().len() + page.html().len() < 40_000, "long words are cut");
}

fn report(dir: &Path, more: &[&str]) -> Output {
    Command::new(WORKER).args(["audit", "report", "--dir"]).arg(dir).args(more).output().unwrap()
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_log_that_does_not_verify_is_told_all_the_same_and_the_fault_first() {
    let world = day();
    let key = world.options().keys[0].to_string();
    let whole = report(&world.path(), &["--public-key", &key]);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
    assert!(String::from_utf8_lossy(&whole.stdout).starts_with("# Audit report\n\n**The log is whole.**\n"));

    let copy = tempfile::tempdir().unwrap();
    copy_all(&world.path(), copy.path());
    let first = segments(copy.path()).remove(0);
    let text = fs::read_to_string(&first).unwrap();
    let (at, place) = (text.find("192.0.2.7").unwrap(), text[..text.find("192.0.2.7").unwrap()].matches('\n').count());
    let line = text.lines().nth(place).unwrap();
    for (becomes, seq, unreadable) in [(line.replace("192.0.2.7", "192.0.2.8"), 2, 0), ("no record".to_owned(), 2, 1)] {
        assert!(at > 0);
        fs::write(&first, text.replace(line, &becomes)).unwrap();
        let output = report(copy.path(), &["--public-key", &key]);
        assert_eq!(output.status.code(), Some(117), "as verify has it");
        let words = String::from_utf8(output.stdout).unwrap();
        assert!(words.starts_with("# Audit report\n\n**The log does not verify. Nothing below is proven"), "{words}");
        assert!(words.lines().nth(4).unwrap().contains(&format!("record {seq}`: ")), "{words}");
        let page = told(&report(copy.path(), &["--json"]));
        assert_eq!(page["verification"]["fault"]["record"], seq);
        assert_eq!(page["facts"]["records_told"], 15 - unreadable, "what lies behind it is read, too, and once");
        assert_eq!(page["facts"]["lines_that_are_no_records"], if unreadable == 0 { Value::Null } else { json!(1) });
        assert_eq!(page["tables"]["service"]["rows"].as_array().unwrap().len(), 4);
    }
    let stranger = key_of(&super::world::key(66));
    let output = report(&world.path(), &["--json", "--public-key", &stranger]);
    assert_eq!(
        (output.status.code(), told(&output)["verification"]["fault"]["code"].as_str()),
        (Some(117), Some("unknown_key"))
    );
    let nothing = tempfile::tempdir().unwrap();
    let output = report(nothing.path(), &["--json"]);
    assert_eq!((output.status.code(), &told(&output)["facts"]["records_told"]), (Some(117), &json!(0)));
}

fn key_of(key: &SigningKey) -> String {
    key.public().to_string()
}

#[test]
fn a_report_is_made_of_a_log_that_is_being_written_and_of_one_that_was_pruned() {
    let world = World::filled(30);
    let log = world.open();
    let first = log.prune(20).wait().unwrap();
    put(&log, event(1));
    let key = key_of(&key(1));
    let output = report(&world.path(), &["--live", "--json", "--public-key", &key]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let page = told(&output);
    assert_eq!((&page["facts"]["first_record"], &page["facts"]["last_record"]), (&json!(first), &json!(32)));
    assert_eq!(page["tables"]["changes"]["rows"][0]["event"], "records_pruned");
    fill(&log, 2);
    let (kept, out) = (world.beside("kept"), world.beside("report.html"));
    fs::write(&kept, log.checkpoint().wait().unwrap().to_string()).unwrap();
    let more = ["--from-checkpoint", kept.to_str().unwrap(), "--out", out.to_str().unwrap(), "--format", "html"];
    let output = report(&world.path(), &[&more[..], &["--live", "--rows", "1"]].concat());
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(0), 0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let html = fs::read_to_string(out).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("(--public-key does)"), "{html}");
    assert!(html.contains("and 1 more that are not shown: records "), "alice or bob: {html}");
    assert_eq!(report(&world.path(), &["--rows", "0"]).status.code(), Some(2));
    assert_eq!(report(&world.path(), &["--since", "yesterday"]).status.code(), Some(2));
}
