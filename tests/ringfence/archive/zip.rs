//! Entries of a zip that lie about themselves.

use ringfence::workspace::archive::Bounds;

use super::support::*;

#[test]
fn refuses_encryption_and_other_compression() {
    let plain = Member::stored(b"secret", b"x");
    refused(unzip(&zip(&[Member { flags: 1, ..plain.clone() }])), "encrypted", "\"secret\"");
    for method in [1, 6, 9, 12, 14, 93, 95, 98, 99] {
        let member = Member { method, local_method: method, ..plain.clone() };
        refused(unzip(&zip(&[member])), "compression_unsupported", "\"secret\"");
    }
}

#[test]
fn refuses_local_headers_that_disagree_before_anything_is_handed_over() {
    let good = Member::stored(b"good", b"1");
    let plain = Member::stored(b"liar", b"12345");
    for member in [
        Member { local_name: b"lier".into(), ..plain.clone() },
        Member { local_method: 8, ..plain.clone() },
        Member { local_size: 4, ..plain.clone() },
        Member { offset: Some(3), ..plain.clone() },
    ] {
        let (notes, outcome) = unzip(&zip(&[good.clone(), member]));
        assert_eq!(notes.seen, []);
        refused((notes, outcome), "headers_disagree", "\"liar\"");
    }
}

#[test]
fn refuses_sizes_that_both_headers_lie_about() {
    for plain in [Member::stored(b"liar", b"1234567"), Member::deflated(b"liar", b"1234567")] {
        for size in [0, 3, 6, 8, 100] {
            let member = Member { size, local_size: size, ..plain.clone() };
            let (notes, outcome) = unzip(&zip(&[member]));
            assert!(notes.bytes <= u64::from(size), "got {} of {size}", notes.bytes);
            refused((notes, outcome), "size_disagrees", "\"liar\"");
        }
        unzip(&zip(&[plain])).1.unwrap();
    }
}

#[test]
fn a_bomb_with_lying_headers_gives_no_more_than_it_admits() {
    let bomb = Member::deflated(b"bomb", &vec![0; 50 << 20]);
    let member = Member { size: 1000, local_size: 1000, ..bomb };
    let (notes, outcome) = zip_with(&zip(&[member]), &Bounds { bytes: 10 << 20, ..Bounds::ordinary() });
    assert!(notes.bytes <= 1000);
    refused((notes, outcome), "size_disagrees", "\"bomb\"");
}

#[test]
fn refuses_wrong_checksums_of_files_and_links() {
    for plain in [Member::stored(b"f", b"content"), Member::deflated(b"f", b"content"), Member::link("f", b"content")] {
        refused(unzip(&zip(&[Member { crc: 1, ..plain.clone() }])), "checksum_wrong", "\"f\"");
        unzip(&zip(&[plain])).1.unwrap();
    }
}

#[test]
fn refuses_broken_deflate() {
    let mut member = Member::deflated(b"f", &(0..=255).collect::<Vec<u8>>());
    member.data[0] = 0xff;
    refused(unzip(&zip(&[member])), "malformed", "\"f\"");
}

#[test]
fn takes_modes_of_unix_only() {
    let exe = Member::deflated(b"run", b"#!").mode(0o100_755);
    let (notes, outcome) = unzip(&zip(&[exe]));
    outcome.unwrap();
    assert_eq!(notes.seen, [Seen::File("run".into(), true, b"#!".into())]);
    let (notes, outcome) = unzip(&zip(&[Member::stored(b"d/", b"").mode(0), Member::stored(b"d/f", b"").mode(0)]));
    outcome.unwrap();
    assert_eq!(notes.seen, [folder("d"), file("d/f", b"")]);
}
