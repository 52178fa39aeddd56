use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Output;

use serde_json::{Value, json};

use super::Desk;
use super::desk::fails;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_server_is_read_as_one_here() {
    let desk = Desk::new().await;
    for _ in 0..3 {
        desk.ok(&["audit", "checkpoint"]);
    }
    let dir = desk.house.dir.path().join("data/audit");
    let here = |args: &[&str]| {
        let output = desk.here(&[args, &["--dir", dir.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // Whoever reads a log that is read on record is told what he did meanwhile.
    for args in [
        &["audit", "list", "--limit", "4", "--json"][..],
        &["audit", "list", "--limit", "3", "--from", "2"],
        &["audit", "list", "--limit", "100", "--event", "service_started"],
        &["audit", "list", "--limit", "1", "--action", "audit:read", "--decision", "allowed", "--tenant", "main"],
    ] {
        assert_eq!(desk.ok(args), here(args), "{args:?}");
    }
    for format in ["json", "ocsf", "cef"] {
        let args = ["audit", "export", "--format", format];
        let (there, here) = (desk.ok(&args), here(&args));
        assert!(there.lines().count() > 3 && here.starts_with(&there), "{format}: {there}\n{here}");
    }
    // Each page is on record, so a list of more pages than one is seen to go on.
    assert!(desk.ok(&["audit", "list", "--limit", "1000", "--event", "log_created"]).lines().count() == 1);
    fails(&desk.there(&["audit", "list", "--event", "nonsense"]), 117, "event");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_proves_is_checked_without_it() {
    let desk = Desk::new().await;
    let checkpoint = desk.ok(&["audit", "checkpoint", "--new"]);
    let size: u64 = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    assert!(desk.ok(&["audit", "proof", "growth", "1"]).contains(&format!("\n{size}\n")));
    let proof = desk.file("1.tlog-proof", desk.ok(&["audit", "proof", "event", "1"]));
    let record = desk.file("1.json", desk.ok(&["audit", "list", "--from", "1", "--limit", "1", "--json"]));
    let keys = desk.house.dir.path().join("data/audit/keys");
    let [proof, record, keys] = [&proof, &record, &keys].map(|path| path.to_str().unwrap());
    let check = |record| desk.here(&["audit", "proof", "check", proof, "--record", record, "--public-key", keys]);
    assert!(check(record).status.success());
    let other = desk.file("2.json", desk.ok(&["audit", "list", "--from", "2", "--limit", "1", "--json"]));
    assert!(!check(other.to_str().unwrap()).status.success());
    fails(&desk.here(&["audit", "checkpoint", "--new"]), 2, "--server");
    for args in
        [&["audit", "verify", "--server", "http://127.0.0.1:1"][..], &["audit", "list", "--dir", "/x", "--server", "x"]]
    {
        fails(&desk.there(args), 2, "--server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tail_of_a_log_goes_on_as_things_happen() {
    let desk = Desk::new().await;
    let dir = desk.house.dir.path().join("data/audit");
    let dir = dir.to_str().unwrap();
    for there in [true, false] {
        for from in [Some("0"), Some("2"), None] {
            let mut args = vec!["audit", "tail", "--json"];
            args.extend(from.map_or(vec![], |from| vec!["--from", from]));
            if !there {
                args.extend(["--dir", dir]);
            }
            let mut command = if there { desk.remote(&args) } else { desk.command(&args) };
            tokio::task::block_in_place(|| {
                let mut child = command.spawn().unwrap();
                let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
                let mut seen: Vec<u64> = Vec::new();
                while seen.len() < 5 {
                    // One that begins at the end sees what comes after it began, which nobody knows but by what it says.
                    if from.is_none() {
                        std::thread::scope(|scope| {
                            let reading = scope.spawn(|| lines.next());
                            while !reading.is_finished() {
                                desk.ok(&["audit", "checkpoint"]);
                            }
                            seen.push(seq(&reading.join().unwrap().unwrap().unwrap()));
                        });
                    } else {
                        seen.push(seq(&lines.next().unwrap().unwrap()));
                    }
                    if from == Some("0") && seen.len() == 4 {
                        desk.ok(&["audit", "checkpoint"]);
                    }
                }
                child.kill().unwrap();
                child.wait().unwrap();
                let first = from.map_or(seen[0], |from| from.parse().unwrap());
                assert_eq!(seen, (first..first + 5).collect::<Vec<_>>(), "{there} {from:?}");
                assert!(from.is_some() || first > 2);
            });
        }
    }
}

/// Answers one request after the other, each on a connection of its own, and then no more; what it was asked.
fn answering(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let answer = |answer: String| {
            let (mut line, _) = listener.accept().unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(line.try_clone().unwrap());
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            line.write_all(answer.as_bytes()).unwrap();
            head.to_lowercase()
        };
        answers.into_iter().map(answer).collect()
    });
    (url, asked)
}

fn answer(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n{body}")
}

fn of(desk: &Desk, url: &str, args: &[&str]) -> Output {
    let mut command = desk.command(args);
    command.env("RINGFENCE_SERVER", url).env("RINGFENCE_API_KEY", "rf_any");
    tokio::task::block_in_place(|| command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_a_server_ends_goes_on_after_the_last_record_and_fails_in_the_end() {
    let desk = Desk::new().await;
    let lines = desk.ok(&["audit", "list", "--limit", "3", "--json"]);
    let stream = |lines: &[&str]| {
        let all: String = lines.iter().map(|line| format!("event: x\nid: 0\ndata: {line}\n\n")).collect();
        answer("text/event-stream", &all)
    };
    let [one, two, three] = lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    // It has nothing new for a while, and then goes away.
    let (url, asked) = answering(vec![stream(&[one]), stream(&[]), stream(&[two, three]), stream(&[])]);
    let output = of(&desk, &url, &["audit", "tail", "--json"]);
    fails(&output, 118, "cannot be reached");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), lines);
    let heads = asked.join().unwrap();
    let after: Vec<_> =
        heads.iter().map(|head| head.lines().find_map(|line| line.strip_prefix("last-event-id: "))).collect();
    assert_eq!(after, [None, Some("0"), Some("0"), Some("2")]);
    // Where nothing came there is nothing to go on after.
    let (url, asked) = answering(vec![stream(&[])]);
    fails(&of(&desk, &url, &["audit", "tail"]), 118, "it ended the stream");
    asked.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_record_is_not_shown_as_one() {
    let desk = Desk::new().await;
    let line = desk.ok(&["audit", "list", "--limit", "1", "--json"]);
    let event = line.trim_end();
    let more = event.replacen("{\"", "{\"a\":1,\"", 1);
    for (events, why) in [
        (format!("{{\"events\":[{event},{{}}],\"next\":null}}"), "no record"),
        (format!("{{\"events\":[{more}],\"next\":null}}"), "unknown_field"),
        (format!("{{\"events\":[{event}],\"next\":7}}"), "no next"),
        ("{\"next\":null}".to_owned(), "no events"),
    ] {
        let (url, asked) = answering(vec![answer("application/json", &events)]);
        let output = of(&desk, &url, &["audit", "list", "--json"]);
        fails(&output, 118, why);
        assert!(output.stdout.is_empty(), "{output:?}");
        asked.join().unwrap();
    }
    // The names in another order are the same record, and it is written as it stands in the log.
    let turned: Vec<(String, Value)> =
        serde_json::from_str::<BTreeMap<String, Value>>(event).unwrap().into_iter().rev().collect();
    let turned: Vec<String> = turned.iter().map(|(name, value)| format!("{} : {value}", json!(name))).collect();
    let page = format!("{{\"events\":[{{ {} }}],\"next\":null}}", turned.join(" , "));
    let (url, asked) = answering(vec![answer("application/json", &page)]);
    let output = of(&desk, &url, &["audit", "list", "--json"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), line);
    asked.join().unwrap();
}

fn seq(line: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap()
}
