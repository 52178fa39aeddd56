//! What only tar can get wrong.

use ringfence::workspace::archive::{Format, format_of};

use super::support::*;

/// In a process of its own, because memory is counted by process and the other tests take much.
#[test]
fn a_claim_of_a_huge_extended_header_takes_no_memory() {
    const ALONE: &str = "ARCHIVE_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "a_claim_of_a_huge_extended_header_takes_no_memory";
        let output = command.args([name, "--test-threads=1"]).env(ALONE, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    for kind in *b"xgLK" {
        let claim = Tar::default().header(b"huge", kind, b"", 1 << 30);
        // With the bytes there to be had, too.
        let real = claim.clone().data(&[b'a'; 8 << 20]).end();
        let before = peak_bytes();
        refused(untar(&claim.end()), "extended_too_large", "\"huge\"");
        refused(untar(&real), "extended_too_large", "\"huge\"");
        assert!(peak_bytes() - before < 4 << 20, "memory was taken");
    }
}

/// Most address space this process ever had, touched or only reserved.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmPeak:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn takes_long_names_of_gnu_and_pax() {
    let long = format!("{}/{}", "g".repeat(200), "h".repeat(200));
    let gnu = Tar::default().entry(b"L", b'L', &[long.as_bytes(), b"\0"].concat()).file("short", b"x");
    let (notes, outcome) = untar(&gnu.end());
    outcome.unwrap();
    assert_eq!(notes.seen.last(), Some(&file(&long, b"x")));
    let linked = Tar::default().entry(b"K", b'K', &[long.as_bytes(), b"\0"].concat()).link("l", "short");
    assert_eq!(untar(&linked.end()).0.seen, [link("l", &long)]);
    // A value with line ends, and what looks like a record within, is one value.
    let pax = Tar::default().pax(&[("comment", b"a\n12 path=evil\n"), ("path", b"good")]).file("short", b"x");
    assert_eq!(untar(&pax.end()).0.seen, [file("good", b"x")]);
}

#[test]
fn takes_the_prefix_of_ustar_and_the_folders_of_old_tar() {
    let mut tar = Tar::default().file("c", b"x");
    let mut block: [u8; 512] = tar.0[..512].try_into().unwrap();
    block[345..348].copy_from_slice(b"a/b");
    tar.0[..512].copy_from_slice(&sealed(block));
    assert_eq!(untar(&tar.end()).0.seen, [folder("a"), folder("a/b"), file("a/b/c", b"x")]);
    let old = Tar::default().header(b"d/", 0, b"", 0).header(b"e", 0, b"", 0).end();
    assert_eq!(untar(&old).0.seen, [folder("d"), file("e", b"")]);
}

#[test]
fn takes_tars_from_before_there_was_a_magic() {
    let mut bytes = Vec::new();
    for (name, flag, content) in [("d/", 0, b"".as_slice()), ("d/f", 0, b"old"), ("l", b'2', b"")] {
        let entry = Tar::default().entry(name.as_bytes(), flag, content).0;
        let mut block: [u8; 512] = entry[..512].try_into().unwrap();
        block[257..].fill(0);
        if flag == b'2' {
            block[157] = b'd';
        }
        bytes.extend(sealed(block));
        bytes.extend(&entry[512..]);
    }
    bytes.extend([0; 1024]);
    assert_eq!(format_of(&bytes, "x").unwrap(), Some(Format::Tar));
    let (notes, outcome) = untar(&bytes);
    outcome.unwrap();
    assert_eq!(notes.seen, [folder("d"), file("d/f", b"old"), link("l", "d")]);
}

#[test]
fn refuses_ambiguous_descriptions() {
    let path = ("path", b"x".as_slice());
    let cases = [
        (Tar::default().pax(&[path, path]).file("a", b""), "extended_twice"),
        (Tar::default().pax(&[path]).pax(&[path]).file("a", b""), "extended_twice"),
        (Tar::default().entry(b"L", b'L', b"y\0").pax(&[path]).file("a", b""), "extended_twice"),
        (Tar::default().entry(b"L", b'L', b"y\0").entry(b"L", b'L', b"z\0").file("a", b""), "extended_twice"),
        (Tar::default().pax(&[("size", b"0")]).file("a", b"1234"), "size_disagrees"),
        (Tar::default().pax(&[("size", b"1024")]).file("a", b"1234"), "size_disagrees"),
        (Tar::default().pax(&[("size", b"+4")]).file("a", b"1234"), "extended_malformed"),
        (Tar::default().entry(b"g", b'g', &record("path", b"x")).file("a", b""), "global_name"),
        (Tar::default().pax(&[("GNU.sparse.major", b"1")]).file("a", b""), "sparse"),
        (Tar::default().entry(b"x", b'x', b"7 path=x\n").file("a", b""), "extended_malformed"),
        (Tar::default().entry(b"x", b'x', b"999 path=x\n").file("a", b""), "extended_malformed"),
        (Tar::default().entry(b"x", b'x', b"0 ").file("a", b""), "extended_malformed"),
        (Tar::default().pax(&[path]), "truncated"),
    ];
    for (index, (tar, code)) in cases.into_iter().enumerate() {
        assert_eq!(untar(&tar.end()).1.expect_err("must be refused").code(), code, "case {index}");
    }
    let git = Tar::default().entry(b"g", b'g', &record("comment", b"0123")).pax(&[("size", b"4")]).file("a", b"1234");
    untar(&git.end()).1.unwrap();
}

#[test]
fn refuses_wrong_checksums_and_unknown_versions() {
    let mut tar = Tar::default().file("a", b"b").end();
    tar[0] = b'z';
    refused(untar(&tar), "malformed", "checksum");
    let mut tar = Tar::default().file("a", b"b").end();
    tar[263] = b'9';
    let block = sealed(tar[..512].try_into().unwrap());
    tar[..512].copy_from_slice(&block);
    refused(untar(&tar), "malformed", "version");
}

#[test]
fn refuses_what_follows_the_end() {
    let tar = Tar::default().file("a", b"b").end();
    let after = |more: &[u8]| [tar.as_slice(), more].concat();
    untar(&after(&[0; 9216])).1.unwrap();
    refused(untar(&after(b"x")), "trailing_data", "after the end");
    refused(untar(&after(&Tar::default().file("c", b"").end())), "trailing_data", "after the end");
    refused(untar(&after(&vec![0; 2 << 20])), "trailing_data", "after the end");
    let single = [&tar[..1024], &[0; 512], &tar].concat();
    refused(untar(&single), "malformed", "empty block");
}

#[test]
fn refuses_what_follows_a_gzip_and_a_wrong_checksum_of_it() {
    let tar = Tar::default().file("a", b"b").end();
    refused(untar(&[gzip(&tar), b"garbage".to_vec()].concat()), "trailing_data", "after the end");
    refused(untar(&[gzip(&tar), gzip(&tar)].concat()), "trailing_data", "after the end");
    let mut wrong = gzip(&tar);
    let at = wrong.len() - 8;
    wrong[at] ^= 1;
    refused(untar(&wrong), "malformed", "malformed");
}

#[test]
fn tells_what_is_executable() {
    let mut tar = Tar::default().file("a", b"b").end();
    tar[100..108].copy_from_slice(b"0000755\0");
    let block = sealed(tar[..512].try_into().unwrap());
    tar[..512].copy_from_slice(&block);
    assert_eq!(untar(&tar).0.seen, [Seen::File("a".into(), true, b"b".into())]);
}
