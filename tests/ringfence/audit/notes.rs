use ringfence::audit::TreeHash;
use ringfence::audit::note::{BadNote, Checkpoint, KeyKind, Note, SignedCheckpoint, SigningKey, VerifyingKey};

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
