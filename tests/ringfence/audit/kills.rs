//! A process that writes is killed at any moment; what it had said to be on disk is there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use ringfence::audit::disk::RealDisk;
use ringfence::audit::{Log, Reader, TreeHash};

use super::world::{World, event, key};

const CHILD: &str = "RINGFENCE_TEST_AUDIT_CHILD";
const ROUNDS: &str = "RINGFENCE_TEST_AUDIT_KILLS";

/// Not a test but the process that is killed: this binary, started again with a folder to write to.
#[test]
fn child_that_writes() {
    let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let mut world = World::new();
    world.settings.segment_bytes = 200_000;
    world.settings.checkpoint_every = std::time::Duration::from_millis(20);
    world.settings.clock = std::sync::Arc::new(jiff::Timestamp::now);
    let (log, _) = Log::open(Box::new(RealDisk::open(&folder).unwrap()), &world.settings, vec![key(1)]).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for n in 0.. {
                    let receipt = log.append(&event(writer * 1_000_000 + n)).wait().unwrap();
                    let told = format!("on disk {} {}\n", receipt.seq, receipt.hash);
                    if std::io::stdout().write_all(told.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

#[test]
fn l05_killed_at_any_moment_nothing_acknowledged_is_lost() {
    let rounds: u32 = std::env::var(ROUNDS).map_or(12, |rounds| rounds.parse().unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut told = 0;
    // Each log stays short, or many rounds would only read.
    for first in (0..rounds).step_by(20) {
        told += killed(&mut random, (rounds - first).min(20));
    }
    assert!(told > 100, "{told}");
}

/// Kills those who write to one log, one after the other; gives how many records were acknowledged.
fn killed(random: &mut ChaCha8Rng, rounds: u32) -> usize {
    let world = World::new();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "audit::kills::child_that_writes", "--nocapture"])
            .env(CHILD, world.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut receipts = |most: u32, told: &mut dyn Iterator<Item = std::io::Result<String>>| {
            let mut count = 0;
            while count < most
                && let Some(Ok(line)) = told.next()
            {
                let mut words = line.split_whitespace().skip_while(|word| *word != "disk").skip(1);
                // The last line may be cut off.
                if let (Some(seq), Some(hash)) = (words.next(), words.next().filter(|hash| hash.len() == 64)) {
                    acknowledged.push((seq.parse::<u64>().unwrap(), hash.to_owned()));
                    count += 1;
                }
            }
        };
        receipts(random.random_range(0..400), &mut told);
        for _ in 0..random.random_range(0..200_000_u32) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        // What it had said before it was killed still comes.
        receipts(u32::MAX, &mut told);
        child.wait().unwrap();
        if round % 4 == 3 || round + 1 == rounds {
            let (log, _) = world.try_open().unwrap();
            log.close().wait().unwrap();
            assert_eq!(world.fault(), None, "round {round}");
        }
    }
    acknowledged.sort();
    let reader = Reader::new(&world.path());
    for (seq, hash) in &acknowledged {
        let line = reader.line(*seq).unwrap();
        assert_eq!(TreeHash::of_leaf(line.as_bytes()).to_string(), *hash, "record {seq}");
    }
    acknowledged.len()
}
