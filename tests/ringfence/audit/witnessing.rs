use ringfence::audit::note::{KeyKind, SigningKey};
use ringfence::audit::{FaultKind, Reader, Witness, verify};

use super::world::{World, copy_all, segments};

fn witness(world: &World) -> Witness {
    let key = SigningKey::of_seed("witness.example/w1", KeyKind::Witness, [9; 32].into()).unwrap();
    Witness::open(&world.beside("witness"), key, world.options().keys).unwrap()
}

#[test]
fn a_witness_signs_what_has_only_grown() {
    let world = World::filled(5);
    let (reader, witness) = (Reader::new(&world.path()), witness(&world));
    let mut seen = 0;
    for round in 0..4 {
        let request = reader.consistency(seen).unwrap();
        let line = witness.add(&request.to_string(), 1000 + round).unwrap();
        let mut cosigned = request.checkpoint.clone();
        cosigned.add([line.trim_end().parse().unwrap()]);
        let key = SigningKey::of_seed("witness.example/w1", KeyKind::Witness, [9; 32].into()).unwrap();
        assert_eq!(cosigned.cosigned_by(&[key.public().clone()]).unwrap()[0].1, 1000 + round);
        seen = cosigned.checkpoint().size;
        assert_eq!(witness.seen("ringfence.example/audit").unwrap().unwrap(), cosigned);
        // The same again is the same answer, not an error.
        witness.add(&reader.consistency(seen).unwrap().to_string(), 2000 + round).unwrap();
        world.add(round * 3);
    }
}

#[test]
fn l03_a_witness_signs_no_fork_and_nothing_older() {
    let (world, other) = (World::filled(5), World::filled(3));
    let (reader, witness) = (Reader::new(&world.path()), witness(&world));
    witness.add(&reader.consistency(0).unwrap().to_string(), 1).unwrap();
    let code = |request: String| witness.add(&request, 2).unwrap_err().code();
    assert_eq!(code(reader.consistency(0).unwrap().to_string()), "other_size");
    assert_eq!(code(Reader::new(&other.path()).consistency(2).unwrap().to_string()), "other_size");
    assert_eq!(code(reader.consistency(0).unwrap().to_string().replace("old 0", "old 60")), "bad_proof");
    // Another log of the same name and key, of the same size and then of more.
    other.clock.fetch_add(60_000, std::sync::atomic::Ordering::Relaxed);
    other.add(2);
    let forked = Reader::new(&other.path());
    assert_eq!(code(forked.consistency(6).unwrap().to_string()), "forked");
    other.add(2);
    assert_eq!(code(forked.consistency(6).unwrap().to_string()), "not_consistent");
    assert_eq!(code("old 6\n\nx".into()), "bad_note");
    let mut foreign = World::new();
    foreign.seeds = vec![5];
    foreign.open().close().wait().unwrap();
    assert_eq!(code(Reader::new(&foreign.path()).consistency(0).unwrap().to_string()), "unknown_key");
    assert_eq!(
        witness.seen("ringfence.example/audit").unwrap().unwrap().checkpoint().size,
        6,
        "it still stands by what it saw"
    );
}

/// Nobody kept a checkpoint but the witness: what it saw is one.
#[test]
fn l02_a_cut_tail_and_a_replayed_log_are_found_by_a_witness() {
    let world = World::filled(5);
    let witness = witness(&world);
    let old = tempfile::tempdir().unwrap();
    copy_all(&world.path(), old.path());
    let reader = Reader::new(&world.path());
    witness.add(&reader.consistency(0).unwrap().to_string(), 1).unwrap();
    world.add(5);
    witness.add(&reader.consistency(6).unwrap().to_string(), 2).unwrap();
    let seen = witness.seen("ringfence.example/audit").unwrap().unwrap();
    let mut options = world.options();
    options.from = vec![seen];
    assert_eq!(verify(&world.path(), &options).fault, None);
    assert_eq!(verify(old.path(), &world.options()).fault, None, "by itself, an older log is a whole log");
    assert_eq!(verify(old.path(), &options).fault.unwrap().kind, FaultKind::LogTooShort);
    // It was made to be of the right size again.
    let mut replayed = World::new();
    replayed.clock.fetch_add(60_000, std::sync::atomic::Ordering::Relaxed);
    replayed.settings.begin = ringfence::audit::Begin::Continue;
    copy_all(old.path(), &replayed.path());
    replayed.add(5);
    assert_eq!(verify(&replayed.path(), &options).fault.unwrap().kind, FaultKind::RootDiffers);
    let request = Reader::new(&replayed.path()).consistency(11).unwrap().to_string();
    assert_eq!(witness.add(&request, 3).unwrap_err().code(), "forked");
    let cut = tempfile::tempdir().unwrap();
    copy_all(&world.path(), cut.path());
    std::fs::remove_file(segments(cut.path()).pop().unwrap()).unwrap();
    assert!(verify(cut.path(), &options).fault.is_some());
}

/// Somebody with the disk makes everything fit again but the signatures.
#[test]
fn l02_a_segment_of_another_log_is_found_with_all_hashes_made_to_fit() {
    let (world, mut other) = (World::filled(7), World::new());
    other.clock.fetch_add(5, std::sync::atomic::Ordering::Relaxed);
    other.seeds = vec![66];
    other.add(7);
    for checkpoints in [&["checkpoint", "checkpoints"][..], &[]] {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&other.path(), copy.path());
        for name in checkpoints {
            let (from, to) = (world.path().join(name), copy.path().join(name));
            if from.is_dir() {
                std::fs::remove_dir_all(&to).unwrap();
                copy_all(&from, &to);
            } else {
                std::fs::copy(from, to).unwrap();
            }
        }
        let fault = verify(copy.path(), &world.options()).fault.unwrap();
        let expected = if checkpoints.is_empty() { FaultKind::UnknownKey } else { FaultKind::RootDiffers };
        assert_eq!(fault.kind, expected);
    }
}
