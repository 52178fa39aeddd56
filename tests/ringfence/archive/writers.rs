//! What the writers promise and refuse.

use std::io::Cursor;

use ringfence::workspace::archive::{TarWriter, WriteError, ZipWriter};

use super::support::*;

fn tar() -> TarWriter<Vec<u8>> {
    TarWriter::new(Vec::new())
}

fn zip_writer() -> ZipWriter<Cursor<Vec<u8>>> {
    ZipWriter::new(Cursor::new(Vec::new()))
}

#[test]
fn entries_out_of_order_are_refused() {
    let mut writer = tar();
    writer.file("b", false, 0, &mut &b""[..]).unwrap();
    let error = writer.file("a", false, 0, &mut &b""[..]).unwrap_err();
    assert_eq!(error.code(), "out_of_order");
    assert_eq!(writer.finish().unwrap_err().code(), "broken");
    let mut writer = zip_writer();
    writer.link("b", "x").unwrap();
    assert_eq!(writer.folder("a").unwrap_err().code(), "out_of_order");
    assert_eq!(writer.finish().unwrap_err().code(), "broken");
}

#[test]
fn content_of_another_size_is_refused_and_breaks_the_archive() {
    for content in [b"123".as_slice(), b"12345"] {
        let mut writer = tar();
        let error = writer.file("a", false, 4, &mut &*content).unwrap_err();
        assert!(matches!(error, WriteError::SizeWrong { size: 4, .. }));
        assert_eq!(writer.finish().unwrap_err().code(), "broken");
        let mut writer = zip_writer();
        assert_eq!(writer.file("a", false, 4, &mut &*content).unwrap_err().code(), "size_wrong");
        assert_eq!(writer.finish().unwrap_err().code(), "broken");
    }
}

#[test]
fn what_the_readers_would_refuse_is_not_written() {
    let refused = [("../a", "name_climbs"), ("/a", "name_absolute"), ("a/", "named_like_folder")];
    for (path, code) in refused {
        assert_eq!(tar().file(path, false, 0, &mut &b""[..]).unwrap_err().code(), code);
        assert_eq!(zip_writer().file(path, false, 0, &mut &b""[..]).unwrap_err().code(), code);
    }
    assert_eq!(tar().link("l", "../x").unwrap_err().code(), "link_leaves");
    assert_eq!(zip_writer().link("l", "/x").unwrap_err().code(), "link_absolute");
    let mut writer = tar();
    writer.link("a", "b").unwrap();
    assert_eq!(writer.folder("a/b").unwrap_err().code(), "below_link");
}

#[test]
fn names_of_this_system_are_written_to_tar_and_read_back_but_not_to_zip() {
    let mut writer = tar();
    let names = ["A", "C:x", "\\host", "a", "a/B", "a/b\\c", "d"];
    for name in names {
        writer.folder(name).unwrap();
    }
    writer.link("e", "c:\\d").unwrap();
    let bytes = writer.finish().unwrap();
    let (notes, outcome) = untar(&bytes);
    outcome.unwrap();
    let expected: Vec<Seen> = names.iter().map(|name| folder(name)).chain([link("e", "c:\\d")]).collect();
    assert_eq!(notes.seen, expected);
    // It says so in what other readers take for a comment, before the first such name; without it, it is refused.
    let mark = bytes.windows(17).position(|window| window == b"pax_global_header").unwrap();
    assert_eq!(mark, 512);
    let bare = [&bytes[..512], &bytes[512 + 1024..]].concat();
    refused(untar(&bare), "name_absolute", "C:x");
    for (first, second, code) in
        [("A", "a", "case_twin"), ("a", "c:b", "name_absolute"), ("a", "b\\c", "name_backslash")]
    {
        let mut writer = zip_writer();
        writer.folder(first).unwrap();
        assert_eq!(writer.folder(second).unwrap_err().code(), code);
    }
    assert_eq!(zip_writer().link("l", "a\\b").unwrap_err().code(), "link_backslash");
}

#[test]
fn a_tar_that_means_its_names_as_they_are_climbs_no_further() {
    let here = ("comment", b"ringfence: names as they are, on a system that tells case apart".as_slice());
    let marked = || Tar::default().entry(b"g", b'g', &record(here.0, here.1));
    untar(&marked().file("A", b"").file("a", b"").end()).1.unwrap();
    for (name, code) in [("../a", "name_climbs"), ("/a", "name_absolute"), ("a/../b", "name_climbs")] {
        refused(untar(&marked().file(name, b"").end()), code, name);
    }
    refused(untar(&marked().file("a", b"").file("./a", b"").end()), "duplicate", "\"a\"");
    for (target, code) in [("/etc", "link_absolute"), ("../x", "link_leaves"), ("a/../../x", "link_winds")] {
        refused(untar(&marked().link("l", target).end()), code, "\"l\"");
    }
    refused(untar(&marked().link("L", "d").file("L/x", b"").end()), "below_link", "\"L/x\"");
    // From there on, not before.
    refused(untar(&Tar::default().file("A", b"").file("a", b"").end()), "case_twin", "\"a\"");
}

#[test]
fn ordinary_names_are_written_without_a_word_about_them() {
    let mut writer = tar();
    writer.folder("a").unwrap();
    assert_eq!(writer.finish().unwrap().len(), 512 + 1024);
}

#[test]
fn times_owners_and_modes_are_fixed() {
    let mut writer = tar();
    writer.folder("d").unwrap();
    writer.file("d/run", true, 2, &mut &b"#!"[..]).unwrap();
    writer.file("d/text", false, 1, &mut &b"t"[..]).unwrap();
    let bytes = writer.finish().unwrap();
    let mut archive = ::tar::Archive::new(bytes.as_slice());
    let mut modes = Vec::new();
    for entry in archive.entries().unwrap() {
        let header = entry.unwrap().header().clone();
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (315_532_800, 0, 0));
        modes.push(header.mode().unwrap());
    }
    assert_eq!(modes, [0o755, 0o755, 0o644]);

    let mut writer = zip_writer();
    writer.folder("d").unwrap();
    writer.file("d/run", true, 2, &mut &b"#!"[..]).unwrap();
    writer.file("d/text", false, 1, &mut &b"t"[..]).unwrap();
    let mut archive = ::zip::ZipArchive::new(writer.finish().unwrap()).unwrap();
    let modes: Vec<_> = (0..3)
        .map(|index| {
            let entry = archive.by_index(index).unwrap();
            assert_eq!(entry.last_modified().unwrap().to_string(), "1980-01-01 00:00:00");
            entry.unix_mode().unwrap()
        })
        .collect();
    assert_eq!(modes, [0o040_755, 0o100_755, 0o100_644]);
}

#[test]
fn long_paths_and_targets_fit() {
    let path = ["p".repeat(255).as_str(); 15].join("/");
    let mut writer = tar();
    writer.link(&path, &path).unwrap();
    let (notes, outcome) = untar(&writer.finish().unwrap());
    outcome.unwrap();
    assert_eq!(notes.seen.last(), Some(&link(&path, &path)));
}
