//! What both formats refuse, and what both take.

use ringfence::workspace::archive::{Bounds, Format, format_of};

use super::support::*;

/// A file of this name in either format; in tar the name goes through pax, which holds any byte.
fn tar_named(name: &[u8]) -> Vec<u8> {
    Tar::default().pax(&[("path", name)]).file("short", b"x").end()
}

fn zip_named(name: &[u8]) -> Vec<u8> {
    zip(&[Member::stored(name, b"x")])
}

#[track_caller]
fn name_refused(name: &[u8], code: &str, shown: &str) {
    refused(untar(&tar_named(name)), code, shown);
    refused(untar(&gzip(&tar_named(name))), code, shown);
    refused(unzip(&zip_named(name)), code, shown);
}

#[test]
fn refuses_absolute_names() {
    name_refused(b"/etc/passwd", "name_absolute", "\"/etc/passwd\"");
    name_refused(b"C:\\x", "name_absolute", "\"C:\\\\x\"");
    name_refused(b"c:/x", "name_absolute", "\"c:/x\"");
    name_refused(b"\\\\host\\x", "name_absolute", "host");
}

#[test]
fn refuses_names_that_climb_wherever_the_dots_are() {
    for name in ["..", "../x", "a/../b", "a/..", "a/b/../../../c"] {
        name_refused(name.as_bytes(), "name_climbs", name);
    }
}

#[test]
fn refuses_backslashes_nul_and_other_encodings() {
    name_refused(b"a\\..\\b", "name_backslash", "\"a\\\\..\\\\b\"");
    name_refused(b"a\0b", "name_nul", "\"a\\0b\"");
    name_refused(b"caf\xe9", "name_not_utf8", "\"caf\\xe9\"");
    name_refused(b".", "name_empty", "\".\"");
}

#[test]
fn refuses_names_beyond_their_bounds_and_takes_them_at_the_bounds() {
    name_refused(&[b'n'; 256], "name_too_long", "nnnn");
    let path = ["p".repeat(200).as_str(); 22].join("/");
    name_refused(path.as_bytes(), "path_too_long", "pppp");
    name_refused(["d"; 201].join("/").as_bytes(), "too_deep", "d/d/d");
    for name in ["n".repeat(255), ["d"; 200].join("/"), vec!["e".repeat(127); 32].join("/")] {
        for (notes, outcome) in [untar(&tar_named(name.as_bytes())), unzip(&zip_named(name.as_bytes()))] {
            outcome.unwrap();
            assert_eq!(notes.seen.last(), Some(&file(&name, b"x")));
        }
    }
}

#[test]
fn escapes_and_cuts_the_name_in_the_message() {
    let name = [b"/\x1b[31m\n\xe2\x80\xae\"".as_slice(), &[b'y'; 3000]].concat();
    let message = refused(untar(&tar_named(&name)), "name_absolute", "\\u{1b}[31m\\n\\u{202e}\\\"");
    assert!(message.chars().count() < 300, "{message}");
}

#[test]
fn refuses_a_file_named_like_a_folder() {
    name_refused(b"a/", "named_like_folder", "\"a\"");
    name_refused(b"a/.", "named_like_folder", "\"a\"");
}

#[test]
fn tidies_names_and_tells_each_parent_once() {
    let expected = [folder("a"), folder("a/b"), file("a/b/c", b"1"), file("a/d", b"2"), file("e", b"3")];
    let tar = Tar::default().entry(b"./", b'5', b"").file("./a//b/./c", b"1").file("a/d", b"2").entry(b"a", b'5', b"");
    let (notes, outcome) = untar(&tar.file("e", b"3").end());
    assert_eq!(outcome.unwrap().folders, 2);
    assert_eq!(notes.seen, expected);
    let members = [
        Member::stored(b"./a//b/./c", b"1"),
        Member::deflated(b"a/d", b"2"),
        Member::stored(b"a/", b"").mode(0o040_755),
        Member::stored(b"e", b"3"),
    ];
    let (notes, outcome) = unzip(&zip(&members));
    assert_eq!(outcome.unwrap().bytes, 3);
    assert_eq!(notes.seen, expected);
}

#[track_caller]
fn link_refused(at: &str, target: &[u8], code: &str) {
    refused(untar(&Tar::default().pax(&[("linkpath", target)]).link(at, "x").end()), code, at);
    refused(unzip(&zip(&[Member::link(at, target)])), code, at);
}

#[test]
fn refuses_links_that_leave_the_root() {
    link_refused("l", b"/etc/passwd", "link_absolute");
    link_refused("l", b"C:/x", "link_absolute");
    link_refused("l", b"..", "link_leaves");
    link_refused("a/b/l", b"../../../x", "link_leaves");
    link_refused("a/l", b"x/../../../y", "link_winds");
}

#[test]
fn refuses_chains_of_links_that_leave_together_though_each_stays_lexically() {
    // a/l is the root, so a/l/.. is beyond it, though it reads as `a`.
    let tar = Tar::default().link("a/l", "..").link("m", "a/l/..");
    refused(untar(&tar.end()), "link_winds", "\"m\"");
    refused(unzip(&zip(&[Member::link("a/l", b".."), Member::link("m", b"a/l/..")])), "link_winds", "\"m\"");
}

#[test]
fn refuses_links_to_nothing_that_a_file_system_could_hold() {
    link_refused("l", b"a\\b", "link_backslash");
    link_refused("l", b"a\0b", "link_nul");
    link_refused("l", b"\xff", "link_not_utf8");
    link_refused("l", &[b't'; 5000], "link_too_long");
    refused(untar(&Tar::default().link("l", "").end()), "link_empty", "\"l\"");
    refused(unzip(&zip(&[Member::link("l", b"")])), "link_empty", "\"l\"");
}

#[test]
fn takes_links_that_stay() {
    let links = [("a/b/l", "../../x", "../../x"), ("a/m", "..", ".."), ("n", "./q//r/", "q/r"), ("o", ".", ".")];
    let (mut tar, mut members) = (Tar::default(), Vec::new());
    for (at, target, _) in links {
        tar = tar.link(at, target);
        members.push(Member::link(at, target.as_bytes()));
    }
    for (notes, outcome) in [untar(&tar.end()), unzip(&zip(&members))] {
        assert_eq!(outcome.unwrap().links, 4);
        for (at, _, told) in links {
            assert!(notes.seen.contains(&link(at, told)), "{at}");
        }
    }
}

#[test]
fn refuses_entries_below_links_and_files() {
    let tar = Tar::default().link("l", "d").file("l/x", b"");
    let message = refused(untar(&tar.end()), "below_link", "\"l/x\"");
    assert!(message.contains("below \"l\""), "{message}");
    refused(untar(&Tar::default().file("f", b"").file("f/x/y", b"").end()), "below_file", "\"f/x/y\"");
    let members = [Member::link("l", b"d"), Member::stored(b"l/x", b"")];
    refused(unzip(&zip(&members)), "below_link", "\"l/x\"");
    let members = [Member::stored(b"f", b""), Member::stored(b"f/x/y", b"")];
    refused(unzip(&zip(&members)), "below_file", "\"f/x/y\"");
    // The other way round, the link would take the place of a folder that is in use.
    refused(untar(&Tar::default().file("l/x", b"").link("l", "d").end()), "duplicate", "\"l\"");
}

#[test]
fn refuses_duplicates_however_they_are_spelt() {
    refused(untar(&Tar::default().file("a", b"1").file("./a", b"2").end()), "duplicate", "\"a\"");
    refused(unzip(&zip(&[Member::stored(b"a", b"1"), Member::stored(b"./a", b"2")])), "duplicate", "\"a\"");
    refused(unzip(&zip(&[Member::stored(b"a", b"1"), Member::stored(b"a", b"2")])), "duplicate", "\"a\"");
    let twice = Tar::default().entry(b"d/", b'5', b"").entry(b"d", b'5', b"");
    refused(untar(&twice.end()), "duplicate", "\"d\"");
    refused(untar(&Tar::default().file("d/x", b"").file("d", b"").end()), "duplicate", "\"d\"");
}

#[test]
fn refuses_case_twins_in_any_component_and_alphabet() {
    let twins = [("README", "readme"), ("Dir/a", "dir/b"), ("straße/É", "straße/é"), ("ΟΔΟΣ", "οδος"), ("ſ", "S")];
    for (first, second) in twins {
        let tar = Tar::default().file(first, b"").file(second, b"").end();
        refused(untar(&tar), "case_twin", &format!("\"{second}\""));
        let members = [Member::stored(first.as_bytes(), b""), Member::stored(second.as_bytes(), b"")];
        refused(unzip(&zip(&members)), "case_twin", &format!("\"{second}\""));
    }
    let tar = Tar::default().file("x/A", b"").file("y/a", b"").end();
    untar(&tar).1.unwrap();
}

#[test]
fn refuses_what_is_neither_file_nor_folder_nor_link() {
    for (kind, code) in [
        (b'1', "hard_link"),
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "fifo"),
        (b'S', "sparse"),
        (b'7', "kind_unknown"),
        (b's', "kind_unknown"),
        (b'V', "kind_unknown"),
    ] {
        let tar = Tar::default().file("f", b"").header(b"odd", kind, b"f", 0).end();
        refused(untar(&tar), code, "\"odd\"");
    }
    for (mode, code) in [
        (0o010_644, "fifo"),
        (0o020_644, "device"),
        (0o060_644, "device"),
        (0o140_644, "socket"),
        (0o170_644, "kind_unknown"),
        (0o040_755, "folder_unmarked"),
    ] {
        refused(unzip(&zip(&[Member::stored(b"odd", b"").mode(mode)])), code, "\"odd\"");
    }
}

#[test]
fn refuses_folders_and_links_with_content() {
    refused(untar(&Tar::default().entry(b"d", b'5', b"hidden").end()), "content_unexpected", "\"d\"");
    refused(untar(&Tar::default().entry(b"l", b'2', b"hidden").end()), "content_unexpected", "\"l\"");
    refused(unzip(&zip(&[Member::stored(b"d/", b"hidden").mode(0o040_755)])), "content_unexpected", "\"d/\"");
}

#[test]
fn any_cut_is_an_error() {
    let tar = Tar::default().file("a", &[7; 700]).link("b", "a").pax(&[("path", b"c")]).file("x", b"y").end();
    let gz = gzip(&tar);
    let zipped = zip(&[Member::deflated(b"a", &[7; 700]), Member::stored(b"b", b"y")]);
    untar(&tar).1.unwrap();
    for cut in 0..tar.len() {
        assert_eq!(untar(&tar[..cut]).1.unwrap_err().code(), "truncated", "tar at {cut}");
    }
    for cut in 0..gz.len() {
        assert_eq!(untar(&gz[..cut]).1.unwrap_err().code(), "truncated", "gzip at {cut}");
    }
    for cut in 0..zipped.len() {
        let (notes, outcome) = unzip(&zipped[..cut]);
        assert_eq!(outcome.unwrap_err().code(), "truncated", "zip at {cut}");
        assert_eq!(notes.seen, []);
    }
}

#[test]
fn formats_are_told_by_their_first_bytes() {
    let tar = Tar::default().file("a", b"b").end();
    let seen = |bytes: &[u8], name| format_of(bytes, name).unwrap();
    for name in ["a", "a.tar", "a.bin"] {
        assert_eq!(seen(&tar, name), Some(Format::Tar));
        assert_eq!(seen(&gzip(&tar), name), Some(Format::TarGz));
        assert_eq!(seen(b"", name), None);
        assert_eq!(seen(&[b'x'; 600], name), None);
        assert_eq!(seen(&gzip(&[b'x'; 6000]), name), None);
    }
    for zip in [zip(&[Member::stored(b"a", b"b")]), zip(&[])] {
        for (name, format) in
            [("a", Some(Format::Zip)), ("A.Zip", Some(Format::Zip)), ("a.docx", None), ("a.jar", None)]
        {
            assert_eq!(seen(&zip, name), format, "{name}");
        }
    }
    // Nothing but zeros is an empty tar, or a file of zeros: that is for the name to say.
    let empty = Tar::default().end();
    assert_eq!((seen(&empty, "a.TAR"), seen(&empty, "a.img")), (Some(Format::Tar), None));
    assert_eq!((seen(&gzip(&empty), "a.tgz"), seen(&gzip(&empty), "a.gz")), (Some(Format::TarGz), None));
    assert_eq!(seen(&[empty, b"data".to_vec()].concat(), "a.tar"), None);
    // A damaged tar is a tar still, and so refused by who reads it.
    let mut damaged = tar.clone();
    damaged[0] ^= 1;
    assert_eq!(seen(&damaged, "a"), Some(Format::Tar));
    unzip(&zip(&[])).1.unwrap();
    untar(&Tar::default().end()).1.unwrap();
}

#[test]
fn a_gzip_with_a_long_header_of_its_own_is_seen_through() {
    let tar = Tar::default().file("a", b"b").end();
    let plain = gzip(&tar);
    let mut long = plain[..10].to_vec();
    long[3] = 4;
    long.extend(u16::MAX.to_le_bytes());
    long.extend([b'e'; 0xffff]);
    long.extend(&plain[10..]);
    assert_eq!(format_of(&long, "a").unwrap(), Some(Format::TarGz));
    untar(&long).1.unwrap();
}

#[test]
fn archives_of_other_kinds_are_told_by_name_or_content() {
    for name in ["a.tar.xz", "A.TAR.ZST", "a.tbz2", "a.tar.bz2", "a.7z", "a.rar"] {
        assert_eq!(format_of(b"whatever", name).unwrap_err().code(), "format_unsupported", "{name}");
    }
    for content in [b"7z\xbc\xaf\x27\x1c".as_slice(), b"Rar!\x1a\x07\x01\x00"] {
        assert_eq!(format_of(content, "backup").unwrap_err().code(), "format_unsupported");
    }
    for name in [".7z", "notes.xz", "a.zst"] {
        assert_eq!(format_of(b"\xfd7zXZ\0", name).unwrap(), None, "{name}");
    }
}

#[test]
fn a_failing_input_is_not_the_fault_of_the_archive() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
    }
    use std::io::Read;
    let tar = Tar::default().file("a", &[1; 20_000]).end();
    let input = tar[..10_000].chain(Broken);
    let error = ringfence::workspace::archive::read_tar(input, &Bounds::ordinary(), &mut Notes::default()).unwrap_err();
    assert_eq!(error.code(), "unreadable");
}
