//! Hashes of texts and bytes in Python: a key of its own for each start, and yet one hash for what is equal, also where the image
//! or a set-up has it already (`guests/seeded.py`).

use std::sync::Arc;

use ringfence::engine::{Build, Unsaved};
use ringfence::model::{LimitName, Mode, Outcome, Preset};

use super::{limits, python, request, run, runtime, text};
use crate::support::{assert_well, engine, guest};

/// What nobody knows before: of each kind that is hashed as text or bytes is.
const OURS: &str = "import datetime, re, xml.etree.ElementTree\n\
    class Word(str): pass\n\
    [hash('our word'), hash('unsere Wörter'), hash('我们的话'), hash('🎉 ours'), hash(Word('word of ours')), hash(b'our bytes'), \
     hash(memoryview(b'our view')), hash(datetime.datetime(2031, 4, 5, 6, 7)), hash(('in a tuple of ours',)), \
     hash(re.compile('our [p]attern')), hash(frozenset({'ours', 'too'}))]";

fn numbers(text: &str) -> Vec<i64> {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn each_start_hashes_with_a_key_of_its_own() {
    let mut seen: Vec<Vec<i64>> = Vec::new();
    for _ in 0..3 {
        let hashes = numbers(&text(&python(OURS).await));
        for before in &seen {
            let same: Vec<_> = hashes.iter().zip(before).filter(|(one, other)| one == other).collect();
            assert!(same.is_empty(), "{hashes:?} {before:?}");
        }
        seen.push(hashes);
    }
    let order = "' '.join({f'entry {n}' for n in range(100)})";
    assert_ne!(text(&python(order).await), text(&python(order).await));
    // Who asks for the same again gets it: the key is drawn as all else is.
    let again = async |seed| {
        let mut asked = request(OURS);
        asked.mode = Mode::Deterministic { seed };
        let build = Build::of(&Preset::Medium.limits(), asked.mode);
        let program = engine().load(guest("python-runtime"), build).await.unwrap();
        numbers(&text(&engine().run(&program, asked).await.unwrap()))
    };
    let first = again(7).await;
    assert_eq!(first, again(7).await);
    assert_ne!(first, again(8).await);
    assert_well().await;
}

/// What is equal has one hash, whether it is the image's or was made a moment ago, and however it is kept.
#[tokio::test]
async fn what_is_equal_has_one_hash() {
    let code = "import hmac, sys\n\
        def anew(text): return ''.join(list(text))\n\
        spaces = [vars(module) for module in list(sys.modules.values())]\n\
        spaces += [vars(kind) for space in spaces[:] for kind in space.values() if isinstance(kind, type)]\n\
        names = [(space, name) for space in spaces for name in space if type(name) is str]\n\
        lost = [name for space, name in names if anew(name) not in space or sys.intern(anew(name)) is not sys.intern(name)]\n\
        words = [f'{letter}{n}' * (n % 7 + 1) for n in range(2000) for letter in ('w', 'é', '漢', '🎉')]\n\
        places = {word: place for place, word in enumerate(words)}\n\
        wrong = [word for place, word in enumerate(words) if places.get(anew(word)) != place]\n\
        parts = [bytes(range(n)) for n in range(256)]\n\
        wrong += [part for part in parts if len({hash(part), hash(part[:9] + part[9:]), hash(memoryview(part))}) != 1]\n\
        wrong += [name for name in ('md5', 'sha256', 'blake2b') if len(hmac.new(b'k', b'm', anew(name)).digest()) < 16]\n\
        [len(names) > 10000, lost, wrong, len({hash(word) for word in words}) > 7990, hash(''), hash(b'')]";
    assert_eq!(text(&python(code).await), "[True, [], [], True, 0, 0]");
}

/// Few fall into one place of a table, whoever chose them by what the image does.
#[tokio::test]
async fn texts_that_fall_together_in_one_start_do_not_in_another() {
    let find =
        "together = [n for n in range(200000) if hash(f'attack {n}') % 1024 == 5]\n[len(together), together[:100]]";
    let (_, answer) = super::answer(&python(find).await);
    let found: (usize, Vec<u32>) = serde_json::from_str(&answer.value.unwrap().text).unwrap();
    assert!(found.0 > 100, "{found:?}");
    let count = format!("len({{hash(f'attack {{n}}') % 1024 for n in {:?}}})", found.1);
    let places: usize = text(&python(&count).await).parse().unwrap();
    assert!(places > 80, "{places} places for 100 texts that had one");
}

/// More than the table of the image has room for: it grows in the set-up.
#[tokio::test]
async fn a_snapshot_knows_what_its_set_up_hashed_and_each_start_from_it_has_its_own_key() {
    let set_up = "kept = {f'key {n}': n for n in range(150000)}\nnoted = hash('a word of the set-up')";
    let made = engine().snapshot(&*runtime("python").await, guest("python-runtime"), request(set_up)).await.unwrap();
    let component = made.component.unwrap_or_else(|| panic!("{:?}", made.report)).unwrap();
    let build = Build::of(&Preset::Medium.limits(), Mode::Ordinary);
    let program = engine().load(component.clone(), build).await.unwrap();
    let code = format!(
        "lost = [n for n in range(150000) if kept.get('key ' + str(n)) != n]\n\
         [len(lost), hash(' '.join(['a', 'word', 'of', 'the', 'set-up'])) - noted, *(lambda: {})()]",
        "[hash('not in the set-up'), hash(b'nor this')]"
    );
    let draw = async |program: &Arc<_>| numbers(&text(&engine().run(program, request(&code)).await.unwrap()));
    let (one, other) = (draw(&program).await, draw(&program).await);
    assert_eq!((&one[..2], &other[..2]), (&[0, 0][..], &[0, 0][..]));
    assert!(one[2] != other[2] && one[3] != other[3], "{one:?} {other:?}");
    // A set-up after a set-up goes on with the list of the first.
    let more = engine().snapshot(&program, component, request("more = {f'more {n}' for n in range(9)}")).await.unwrap();
    let second = engine().load(more.component.unwrap().unwrap(), build).await.unwrap();
    let (third, fourth) = (draw(&second).await, draw(&second).await);
    assert!(third[..2] == [0, 0] && third[2] != fourth[2] && third[2] != one[2], "{third:?} {fourth:?}");
    let more = engine().run(&second, request("''.join(list('more 8')) in more")).await.unwrap();
    assert_eq!(text(&more), "True");
    assert_well().await;
}

/// Where no memory is left for the list, there is no snapshot of which all starts would have one key.
#[tokio::test]
async fn a_set_up_that_leaves_no_room_for_its_hashes_is_refused() {
    let set_up = "hold = []\n\
        try:\n    while True: hold.append(bytearray(1 << 20))\nexcept MemoryError: pass\n\
        del hold[-2:]\nfor n in range(150000): hash(f'key {n}')\ndel hold";
    let made = engine().snapshot(&*runtime("python").await, guest("python-runtime"), request(set_up)).await.unwrap();
    match made.component {
        Some(Err(reason @ Unsaved::Refused(_))) => {
            assert!(reason.to_string().contains("memory_bytes") && reason.code() == "not_at_rest", "{reason}");
        }
        other => panic!("{:?} {:?}", other.map(|made| made.map(|bytes| bytes.len())), made.report),
    }
    assert_well().await;
}

/// The copy of an interpreter that has run goes on with its tables, so with its key.
#[tokio::test]
async fn who_goes_on_from_a_state_finds_what_is_in_it() {
    let begin = request("table = {f'entry {n}': n for n in range(5000)}\nnoted = hash('entry x')");
    let program = runtime("python").await;
    let (report, state) = engine().run_and_save(&program, begin, 64 << 20).await.unwrap();
    let state = Arc::new(state.unwrap_or_else(|| panic!("{report:?}")).unwrap());
    let code = "[sum(table[' '.join(['entry', str(n)])] for n in range(5000)), hash('entry ' + 'x') == noted]";
    for _ in 0..2 {
        let mut asked = request(code);
        asked.state = Some(Arc::clone(&state));
        assert_eq!(text(&engine().run(&program, asked).await.unwrap()), "[12497500, True]");
    }
}

/// How many of the keys that somebody made beforehand fall together, and the hash of what nobody knows.
const MARKED: &str = "marked = [f'[ringfence:seed of hash]{n:016d}' for n in range(200)]\n\
    import importlib.util\nimportlib.util.source_hash(b'0123456789abcdef')\n\
    [len({hash(key) for key in marked}), len({hash(key.encode()) for key in marked}), hash('what nobody knows')]";

/// The key is told by a word of the driver's code: nothing that is hashed is taken for one, in a start or in a set-up.
#[tokio::test]
async fn no_data_chooses_the_key_of_a_start_or_of_all_starts_of_a_snapshot() {
    let (one, other) = (numbers(&text(&python(MARKED).await)), numbers(&text(&python(MARKED).await)));
    assert!(one[..2] == [200, 200] && other[..2] == [200, 200] && one[2] != other[2], "{one:?} {other:?}");
    let set_up = "import json\nkept = json.loads('{\"[ringfence:seed of hash]AAAAAAAAAAAAAAAA\": 1, \"AAAAAAAAAAAAAAAA\": 2}')\n\
        noted = [hash(key) for key in kept], [hash(key.encode()) for key in kept]";
    let mut asked = request(set_up);
    asked.grants.env =
        vec![("[ringfence:seed of hash]BBBBBBBBBBBBBBBB".into(), "1".into()), ("B".repeat(16), "1".into())];
    let made = engine().snapshot(&*runtime("python").await, guest("python-runtime"), asked).await.unwrap();
    let build = Build::of(&Preset::Medium.limits(), Mode::Ordinary);
    let program = engine().load(made.component.unwrap().unwrap(), build).await.unwrap();
    let draw = async || numbers(&text(&engine().run(&program, request(MARKED)).await.unwrap()));
    let (one, other) = (draw().await, draw().await);
    assert!(one[..2] == [200, 200] && one[2] != other[2], "{one:?} {other:?}");
}

/// Nor does code, once a start has one; and what hashes without end is ended like all else.
#[tokio::test]
async fn code_cannot_change_the_key_of_its_start_and_hashing_is_metered() {
    let code = "import _imp\nbefore = hash('some word of ours')\n_imp.source_hash(93, bytes(range(16)))\n\
        [before == hash(''.join(list('some word of ours'))), hash('some other word')]";
    let (one, other) = (text(&python(code).await), text(&python(code).await));
    assert!(one.starts_with("[True, ") && other.starts_with("[True, ") && one != other, "{one} {other}");
    let mut asked = request("while True: hash(b'x' * 1000000)");
    asked.limits = limits(&[(LimitName::Fuel, 500_000_000)]);
    assert!(matches!(run("python", asked).await.outcome, Outcome::OutOfFuel { .. }));
}
