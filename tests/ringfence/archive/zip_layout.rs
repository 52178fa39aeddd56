//! Zips whose records lie about where things are and how many.

use ringfence::workspace::archive::Bounds;

use super::support::*;

#[test]
fn refuses_a_claim_of_a_million_entries() {
    // In the end record itself it fits only up to 65535, so in zip64.
    let bytes = [end64(1_000_000, 0, 0, 0), end_record(0xffff, 0xffff_ffff, 0xffff_ffff)].concat();
    refused(unzip(&bytes), "too_many_entries", "100000");
    let bounds = Bounds { entries: 10_000_000, ..Bounds::ordinary() };
    refused(zip_with(&bytes, &bounds), "malformed", "too short");
    let bounds = Bounds { entries: 60_000, ..Bounds::ordinary() };
    refused(zip_with(&end_record(60_001, 0, 0), &bounds), "too_many_entries", "60000");
}

#[test]
fn refuses_a_directory_larger_than_its_entries_may_need() {
    let member = |name: &[u8]| Member { comment: vec![b'c'; 60_000], ..Member::stored(name, b"") };
    let bytes = zip(&[member(b"a"), member(b"b")]);
    unzip(&bytes).1.unwrap();
    refused(zip_with(&bytes, &Bounds { entries: 2, ..Bounds::ordinary() }), "directory_too_large", "66560");
}

#[test]
fn refuses_counts_that_disagree_with_the_directory() {
    let bytes = zip(&[Member::stored(b"a", b"1"), Member::stored(b"b", b"2")]);
    let at = bytes.len() - 22;
    for count in [0u8, 1] {
        let mut fewer = bytes.clone();
        fewer[at + 8] = count;
        fewer[at + 10] = count;
        refused(unzip(&fewer), "malformed", "longer than its entries");
    }
    let mut more = bytes.clone();
    more[at + 8] = 3;
    more[at + 10] = 3;
    refused(unzip(&more), "malformed", "too short");
}

#[test]
fn refuses_what_lies_around_the_archive_or_hides_in_it() {
    let bytes = zip(&[Member::stored(b"a", b"1")]);
    refused(unzip(&[bytes.as_slice(), b"more"].concat()), "trailing_data", "after the end");
    refused(unzip(&[b"more", bytes.as_slice()].concat()), "malformed", "central directory");
    // A second archive in the comment of the first: the reader must not fall back from one to the other.
    let inner = zip(&[Member::stored(b"inner", b"1")]);
    let mut outer = bytes.clone();
    let at = outer.len() - 2;
    outer[at..].copy_from_slice(&(inner.len() as u16 + 4).to_le_bytes());
    let outer = [outer, inner, b"more".to_vec()].concat();
    refused(unzip(&outer), "trailing_data", "after the end");
    // An entry that the directory does not list, seen only by readers that go from the front.
    let hidden = zip(&[Member::stored(b"a", b"1"), Member::stored(b"hidden", b"2")]);
    let directory = hidden.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let mut bytes = hidden[..directory].to_vec();
    bytes.extend(&hidden[directory..directory + 47]);
    bytes.extend(end_record(1, 47, directory as u32));
    refused(unzip(&bytes), "malformed", "missing from central directory");
}

#[test]
fn takes_a_comment_at_the_end() {
    let mut bytes = zip(&[Member::stored(b"a", b"1")]);
    let at = bytes.len() - 2;
    bytes[at] = 5;
    bytes.extend(b"hello");
    unzip(&bytes).1.unwrap();
}

#[test]
fn refuses_entries_that_share_bytes() {
    // Two names for one local header disagree with it in name, so the second lies within the first.
    let inner = zip(&[Member::stored(b"b", b"2")]);
    let local = inner[..32].to_vec();
    let outer = Member::stored(b"a", &local);
    let ghost = Member { offset: Some(31), ..Member::stored(b"b", b"2") };
    refused(unzip(&zip(&[outer, ghost])), "overlaps", "\"a\"");
}

#[test]
fn takes_streamed_entries_with_data_descriptors() {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new_stream(Vec::new());
    writer.start_file("streamed", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(&[b's'; 5000]).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let (notes, outcome) = unzip(&bytes);
    outcome.unwrap();
    assert_eq!(notes.seen, [file("streamed", &[b's'; 5000])]);
}

/// The end records of zip64, which begin at `at`.
fn end64(entries: u64, size: u64, start: u64, at: u64) -> Vec<u8> {
    let mut bytes = b"PK\x06\x06".to_vec();
    bytes.extend(44u64.to_le_bytes());
    bytes.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [entries, entries, size, start] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(at.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    bytes
}

#[test]
fn takes_zip64_only_where_both_end_records_agree() {
    let bytes = zip(&[Member::stored(b"a", b"1"), Member::stored(b"b", b"2")]);
    let body = &bytes[..bytes.len() - 22];
    let start = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let (size, at) = (body.len() - start, body.len() as u64);
    let with = |entries, where_at, end| [body, &end64(entries, size as u64, start as u64, where_at), end].concat();
    let plain = end_record(2, size as u32, start as u32);
    let full = end_record(0xffff, 0xffff_ffff, 0xffff_ffff);
    for end in [&plain, &full] {
        let (notes, outcome) = unzip(&with(2, at, end));
        outcome.unwrap();
        assert_eq!(notes.seen, [file("a", b"1"), file("b", b"2")]);
    }
    refused(unzip(&with(1, at, &plain)), "malformed", "disagree");
    refused(unzip(&with(1, at, &full)), "malformed", "longer than its entries");
    refused(unzip(&with(2, at - 1, &full)), "malformed", "points elsewhere");
}
