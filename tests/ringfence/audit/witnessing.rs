use ringfence::audit::note::{KeyKind, SigningKey};
use ringfence::audit::{Reader, Witness};

use super::world::World;

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
