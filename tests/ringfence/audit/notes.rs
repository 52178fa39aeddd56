use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;
use ringfence::audit::note::{BadNote, Checkpoint, KeyKind, Note, SignedCheckpoint, SigningKey, VerifyingKey};
use ringfence::audit::{TreeHash, keep_signing_keys, signing_keys};

use super::world::{ORIGIN, key};

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { origin: ORIGIN.into(), size, root: TreeHash::of_leaf(&size.to_be_bytes()) }
}

/// Of the documentation of golang.org/x/mod/sumdb/note, which the format comes from.
const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn keys_are_those_of_the_format() {
    let secret = SigningKey::from_text(SECRET).unwrap();
    assert_eq!(secret.public().to_string(), PUBLIC);
    assert_eq!(*secret.to_text(), SECRET);
    assert_eq!(PUBLIC.parse::<VerifyingKey>().unwrap(), *secret.public());
    assert!(!format!("{secret:?}").contains("YEKFALVF"), "a secret is not shown");
    for bad in ["", "a+b", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", &PUBLIC[..60]] {
        assert!(bad.parse::<VerifyingKey>().is_err(), "{bad}");
    }
}

#[test]
fn notes_read_back_and_nothing_else_is_one() {
    let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let note: Note = text.parse().unwrap();
    assert_eq!((note.to_string().as_str(), note.signatures.len(), note.signatures[0].id), (text, 1, 0xc74f_20a3));
    for bad in
        ["", "a\n", "a\n\n", "a\n\n— b", "a\n\n— b YWJj\n", "a\n\nb c\n", "a\n\n— b YWJjZGU=", "a\r\n\n— b YWJjZGU=\n"]
    {
        assert_eq!(bad.parse::<Note>().unwrap_err(), BadNote::Format, "{bad:?}");
    }
}

#[test]
fn a_checkpoint_says_who_signed_it() {
    let (old, new, other) = (key(1), key(2), key(3));
    let signed = SignedCheckpoint::sign(checkpoint(7), [&old, &new]);
    let read: SignedCheckpoint = signed.to_string().parse().unwrap();
    assert_eq!(read, signed);
    let public = |keys: &[&SigningKey]| keys.iter().map(|key| key.public().clone()).collect::<Vec<_>>();
    assert_eq!(read.signed_by(&public(&[&new, &other])).unwrap(), vec![new.public()]);
    assert_eq!(read.signed_by(&public(&[&other])).unwrap_err(), BadNote::UnknownKey);
    let forged = signed.to_string().replace("\n7\n", "\n8\n");
    assert_eq!(
        forged.parse::<SignedCheckpoint>().unwrap().signed_by(&public(&[&old])).unwrap_err(),
        BadNote::Signature
    );
}

#[test]
fn a_checkpoint_has_one_spelling() {
    let good = SignedCheckpoint::sign(checkpoint(7), [&key(1)]).to_string();
    for (from, to) in
        [("\n7\n", "\n07\n"), ("\n7\n", "\n+7\n"), ("\n7\n", "\n-7\n"), ("=\n\n", "=\nmore\n\n"), ("=\n\n", "\n\n")]
    {
        let bad = good.replacen(from, to, 1);
        assert!(bad != good && bad.parse::<SignedCheckpoint>().is_err(), "{to:?}");
    }
}

#[test]
fn a_cosignature_holds_its_time() {
    let witness = SigningKey::of_seed("witness.example/w1", KeyKind::Witness, [9; 32].into()).unwrap();
    let known = [witness.public().clone()];
    let mut signed = SignedCheckpoint::sign(checkpoint(7), [&key(1)]);
    assert!(signed.cosigned_by(&known).unwrap().is_empty());
    let mut cosignature = signed.cosign(&witness, 1_679_315_147);
    signed.add([cosignature.clone()]);
    assert_eq!(signed.cosigned_by(&known).unwrap(), vec![(&known[0], 1_679_315_147)]);
    assert!(signed.signed_by(&known).is_err(), "a witness is no key of the log");
    cosignature.bytes[7] ^= 1;
    let mut forged = SignedCheckpoint::sign(checkpoint(7), [&key(1)]);
    forged.add([cosignature]);
    assert_eq!(forged.cosigned_by(&known).unwrap_err(), BadNote::Signature);
}

#[test]
fn secret_keys_lie_in_a_file_that_nobody_else_reads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.key");
    let made = signing_keys(&file, ORIGIN).unwrap();
    let mode = || std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!((made[0].public().name(), mode()), (ORIGIN, 0o600));
    let both = [made.into_iter().next().unwrap(), key(2)];
    keep_signing_keys(&file, &both).unwrap();
    let read = signing_keys(&file, ORIGIN).unwrap();
    let public = |keys: &[SigningKey]| keys.iter().map(|key| key.public().clone()).collect::<Vec<_>>();
    assert_eq!((public(&read), mode()), (public(&both), 0o600));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(signing_keys(&file, ORIGIN).unwrap_err().code(), "audit_loose_keys");
    std::fs::remove_file(&file).unwrap();
    keep_signing_keys(&file, &[]).unwrap();
    assert_eq!(signing_keys(&file, ORIGIN).unwrap_err().code(), "audit_no_key", "an emptied file gets no new key");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_as_a_checkpoint_has_one_spelling(
        changes in proptest::collection::vec((0..4_u8, any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let mut bytes = SignedCheckpoint::sign(checkpoint(7), [&key(1)]).to_string().into_bytes();
        for (how, place, byte) in changes {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => drop(bytes.remove(place)),
                _ => bytes.insert(place, b'\n'),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Ok(read) = text.parse::<SignedCheckpoint>() {
            prop_assert_eq!(read.to_string(), text);
        }
    }
}
