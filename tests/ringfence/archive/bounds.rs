//! Archives that grow.

use std::convert::Infallible;
use std::io::{self, Read};

use ringfence::workspace::archive::{Bounds, Receiver, read_tar, read_zip};

use super::support::*;

/// Counts and keeps nothing.
#[derive(Default)]
struct Counter(u64);

impl Receiver for Counter {
    type Error = Infallible;
    fn folder(&mut self, _: &str) -> Result<(), Infallible> {
        Ok(())
    }
    fn file(&mut self, _: &str, _: bool, content: &mut dyn Read) -> Result<(), Infallible> {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = content.read(&mut buffer) {
            self.0 += count as u64;
        }
        Ok(())
    }
    fn link(&mut self, _: &str, _: &str) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn a_bomb_never_gives_more_than_the_bound() {
    let bounds = Bounds { bytes: 10 << 20, ratio: u64::MAX, ..Bounds::ordinary() };
    let zeros = vec![0; 6 << 20];
    for bytes in [
        zip(&[Member::deflated(b"bomb", &vec![0; 50 << 20])]),
        zip(&[Member::deflated(b"a", &zeros), Member::deflated(b"bomb", &zeros)]),
    ] {
        let mut counter = Counter::default();
        let error = read_zip(io::Cursor::new(bytes), &bounds, &mut counter).unwrap_err();
        assert_eq!(error.code(), "too_many_bytes");
        assert!(error.to_string().contains("\"bomb\""));
        assert!(counter.0 <= bounds.bytes);
    }
    let mut counter = Counter::default();
    let tar = gzip(&Tar::default().file("a", &zeros).file("bomb", &zeros).end());
    let error = read_tar(tar.as_slice(), &bounds, &mut counter).unwrap_err();
    assert_eq!(error.code(), "too_many_bytes");
    assert_eq!(counter.0, 6 << 20);
}

#[test]
fn refuses_files_larger_than_one_may_be() {
    let bounds = Bounds { file_bytes: 5, ..Bounds::ordinary() };
    refused(
        tar_with(&Tar::default().file("a", b"12345").file("b", b"123456").end(), &bounds),
        "file_too_large",
        "\"b\"",
    );
    let members = [Member::stored(b"a", b"12345"), Member::deflated(b"b", b"123456")];
    refused(zip_with(&zip(&members), &bounds), "file_too_large", "\"b\"");
    // A claim is enough: nothing of it has to come.
    refused(untar(&Tar::default().header(b"b", b'0', b"", 7 << 30).end()), "file_too_large", "\"b\"");
}

#[test]
fn refuses_a_ratio_of_bombs_but_not_small_repetitive_files() {
    let small = vec![0; 1000 << 10];
    zip_with(&zip(&[Member::deflated(b"f", &small)]), &Bounds::ordinary()).1.unwrap();
    untar(&gzip(&Tar::default().file("f", &small).end())).1.unwrap();

    let zeros = vec![0; 20 << 20];
    let (notes, outcome) = unzip(&zip(&[Member::deflated(b"bomb", &zeros)]));
    assert!(notes.bytes < 6 << 20, "{}", notes.bytes);
    refused((notes, outcome), "ratio_too_high", "\"bomb\"");
    let (notes, outcome) = untar(&gzip(&Tar::default().file("bomb", &zeros).end()));
    assert!(notes.bytes < 12 << 20, "{}", notes.bytes);
    refused((notes, outcome), "ratio_too_high", "\"bomb\"");
    // Stored and plain, there is nothing to blow up.
    unzip(&zip(&[Member::stored(b"zeros", &zeros)])).1.unwrap();
    untar(&Tar::default().file("zeros", &zeros).end()).1.unwrap();
}

#[test]
fn a_gzip_of_endless_zeros_after_the_end_is_refused() {
    let mut tar = Tar::default().file("a", b"").end();
    tar.resize(50 << 20, 0);
    let error = untar(&gzip(&tar)).1.unwrap_err();
    assert!(["ratio_too_high", "trailing_data"].contains(&error.code()));
}

#[test]
fn refuses_too_many_entries_counting_implied_folders() {
    let bounds = Bounds { entries: 10, ..Bounds::ordinary() };
    let names: Vec<String> = (0..11).map(|number| format!("f{number}")).collect();
    let tar = |names: &[String]| names.iter().fold(Tar::default(), |tar, name| tar.file(name, b"")).end();
    let zipped = |names: &[String]| zip(&names.iter().map(|n| Member::stored(n.as_bytes(), b"")).collect::<Vec<_>>());
    tar_with(&tar(&names[..10]), &bounds).1.unwrap();
    zip_with(&zipped(&names[..10]), &bounds).1.unwrap();
    refused(tar_with(&tar(&names), &bounds), "too_many_entries", "\"f10\"");
    refused(zip_with(&zipped(&names), &bounds), "too_many_entries", "10 entries");
    let deep = ["1/2/3/4/5".to_owned(), "a/b/c/d/e/f".to_owned()];
    refused(tar_with(&tar(&deep), &bounds), "too_many_entries", "\"a/b/c/d/e/f\"");
    refused(zip_with(&zipped(&deep), &bounds), "too_many_entries", "\"a/b/c/d/e/f\"");
    // The root names nothing, but it is an entry.
    let roots = (0..11).fold(Tar::default(), |tar, _| tar.entry(b"./", b'5', b""));
    refused(tar_with(&roots.end(), &bounds), "too_many_entries", "\"./\"");
}

#[test]
fn global_headers_cannot_go_on_for_ever() {
    let global = |tar: Tar| tar.entry(b"g", b'g', &record("comment", b"x"));
    let tar = global(global(Tar::default())).file("a", b"").end();
    refused(untar(&tar), "extended_twice", "\"g\"");
}

#[test]
fn what_a_receiver_leaves_unread_is_checked_all_the_same() {
    struct Idle;
    impl Receiver for Idle {
        type Error = Infallible;
        fn folder(&mut self, _: &str) -> Result<(), Infallible> {
            Ok(())
        }
        fn file(&mut self, _: &str, _: bool, _: &mut dyn Read) -> Result<(), Infallible> {
            Ok(())
        }
        fn link(&mut self, _: &str, _: &str) -> Result<(), Infallible> {
            Ok(())
        }
    }
    let bounds = Bounds::ordinary();
    let wrong = zip(&[Member { crc: 1, ..Member::stored(b"f", b"content") }]);
    assert_eq!(read_zip(io::Cursor::new(wrong), &bounds, &mut Idle).unwrap_err().code(), "checksum_wrong");
    let tar = Tar::default().file("a", &[1; 3000]).file("b", b"x").end();
    assert_eq!(read_tar(tar.as_slice(), &bounds, &mut Idle).unwrap().bytes, 3001);
}

#[test]
fn the_receivers_own_error_comes_back_with_the_entry() {
    struct Full;
    impl Receiver for Full {
        type Error = io::Error;
        fn folder(&mut self, _: &str) -> io::Result<()> {
            Ok(())
        }
        fn file(&mut self, _: &str, _: bool, content: &mut dyn Read) -> io::Result<()> {
            io::copy(content, &mut io::sink())?;
            Err(io::ErrorKind::StorageFull.into())
        }
        fn link(&mut self, _: &str, _: &str) -> io::Result<()> {
            Ok(())
        }
    }
    let bounds = Bounds::ordinary();
    let tar = Tar::default().file("d/a", b"x").end();
    let error = read_tar(tar.as_slice(), &bounds, &mut Full).unwrap_err();
    assert_eq!(error.code(), "receiver_failed");
    assert!(error.to_string().contains("\"d/a\""));
    // Unless it failed because the archive did.
    let cut = read_tar(&tar[..512], &bounds, &mut Full).unwrap_err();
    assert_eq!(cut.code(), "truncated");
}
