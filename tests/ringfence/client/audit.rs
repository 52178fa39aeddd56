use std::io::{BufRead as _, BufReader};

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

fn seq(line: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap()
}
