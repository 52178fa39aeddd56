use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use ringfence::audit::note::{Checkpoint, SignedCheckpoint, SigningKey, VerifyingKey};
use ringfence::audit::{
    Event, EventName, FaultKind, Filter, Reader, TreeHash, VerifyOptions, keep_signing_keys, signing_keys, verify,
};

use super::world::{ORIGIN, World, copy_all, key};
use crate::support::WORKER;

fn rotate(world: &World, key_file: &str, more: &[&str]) -> Output {
    let mut command = Command::new(WORKER);
    command.args(["audit", "rotate-key", "--dir"]).arg(world.path()).arg("--key").arg(world.beside(key_file));
    command.args(more).output().unwrap()
}

fn with(keys: Vec<VerifyingKey>) -> VerifyOptions {
    VerifyOptions { keys, ..VerifyOptions::default() }
}

#[test]
fn a_new_key_takes_over_and_either_leads_through_the_whole_log() {
    let world = World::filled(5);
    let file = world.beside("key");
    keep_signing_keys(&file, &world.keys()).unwrap();
    let mut known = vec![key(1).public().clone()];
    for round in 0..2_u64 {
        let output = rotate(&world, "key", &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: VerifyingKey = String::from_utf8(output.stdout).unwrap().trim_end().parse().unwrap();
        let kept = signing_keys(&file, ORIGIN).unwrap();
        assert_eq!((kept.len(), kept[0].public()), (1, &told), "the file holds the new key alone");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // The record that names it stands under a checkpoint of both.
        let added = Filter { event: Some("signing_key_added".into()), ..Filter::default() };
        let lines = Reader::new(&world.path()).page(&added, 0, 10, None).unwrap().lines;
        assert_eq!(lines.len() as u64, round + 1);
        let size = lines.last().unwrap().split("\"seq\":").nth(1).unwrap().split(',').next().unwrap();
        let size = size.parse::<u64>().unwrap() + 1;
        let handover = fs::read_to_string(world.path().join(format!("checkpoints/{size:020}"))).unwrap();
        let handover: SignedCheckpoint = handover.parse().unwrap();
        let both = [known.last().unwrap().clone(), told.clone()];
        assert_eq!(handover.signed_by(&both).unwrap().len(), 2);
        known.push(told);
        for key in &known {
            let report = verify(&world.path(), &with(vec![key.clone()]));
            assert_eq!((report.fault, report.signed), (None, report.size), "{key}");
        }
    }
    // The first one is the key of this log no more.
    assert_eq!(world.try_open().unwrap_err().code(), "audit_bad_note");
}

#[test]
fn no_key_is_made_where_there_is_none_and_none_taken_of_a_log_in_use() {
    let world = World::filled(2);
    let output = rotate(&world, "nothing", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!world.beside("nothing").exists());
    keep_signing_keys(&world.beside("key"), &world.keys()).unwrap();
    let before = fs::read_to_string(world.beside("key")).unwrap();
    let log = world.open();
    let output = rotate(&world, "key", &["--json"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("[audit_in_use]"));
    log.close().wait().unwrap();
    keep_signing_keys(&world.beside("other"), &[key(66)]).unwrap();
    let output = rotate(&world, "other", &[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("[audit_bad_note]"), "it is not the key of this log");
    assert_eq!(signing_keys(&world.beside("other"), ORIGIN).unwrap().len(), 1);
    assert_eq!(fs::read_to_string(world.beside("key")).unwrap(), before);
    assert_eq!((world.fault(), world.verify().records), (None, 3), "nothing was written");
}

/// A rotation that was ended after the new key was kept, before the log knew of it.
#[test]
fn a_rotation_that_was_cut_off_is_done_again() {
    let world = World::filled(2);
    let file = world.beside("key");
    keep_signing_keys(&file, &[key(1), key(2)]).unwrap();
    let output = rotate(&world, "key", &["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((told["old"].as_array().unwrap().len(), &told["signed_by_all"]), (2, &4.into()));
    assert_eq!(signing_keys(&file, ORIGIN).unwrap().len(), 1);
    for trusted in [key(1).public().clone(), told["key"].as_str().unwrap().parse().unwrap()] {
        assert_eq!(verify(&world.path(), &with(vec![trusted])).fault, None);
    }
}

/// Who has the disk and not the key writes the record of a new key himself, and signs with it.
#[test]
fn l04_a_key_that_the_old_one_never_signed_over_is_refused() {
    let world = World::filled(3);
    let (log, copy, mine) = (world.open(), tempfile::tempdir().unwrap(), key(66));
    let added = Event::new(EventName::SigningKeyAdded).detail("key", mine.public().to_string());
    let forged = log.append(&added).wait().unwrap();
    copy_all(&world.path(), copy.path());
    let size = forged.seq + 1;
    let mut hashes = fs::read(copy.path().join("tree/level-0")).unwrap();
    hashes.truncate(usize::try_from(forged.seq).unwrap() * TreeHash::BYTES);
    hashes.extend(forged.hash.as_bytes());
    fs::write(copy.path().join("tree/level-0"), hashes).unwrap();
    log.checkpoint().wait().unwrap();
    let root = Reader::new(&world.path()).root_at(size).unwrap();
    let sign = |keys: &[&SigningKey]| {
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root };
        let signed = SignedCheckpoint::sign(checkpoint, keys.iter().copied());
        fs::write(copy.path().join("checkpoint"), signed.to_string()).unwrap();
        verify(copy.path(), &with(vec![key(1).public().clone()])).fault.map(|fault| fault.kind)
    };
    assert_eq!(sign(&[&mine]), Some(FaultKind::UnknownKey));
    assert_eq!(sign(&[&key(1), &mine]), None, "with the old key over it, it is a handing over");
}
