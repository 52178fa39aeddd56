use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use super::super::{Kind, LeftOut, Options, SelectError, Selected, select};
use super::{WIDE, left_out, no_secret, put, selected, taken, tree};

#[test]
fn takes_hidden_files_empty_folders_and_the_executable_bit() {
    let dir = tree(&[(".hidden", "12345"), ("run.sh", ""), ("empty/", "")]);
    fs::set_permissions(dir.path().join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let found = selected(dir.path());
    let expected = [
        (".hidden", Kind::File { executable: false, bytes: 5 }),
        ("empty", Kind::Folder),
        ("run.sh", Kind::File { executable: true, bytes: 0 }),
    ];
    assert_eq!(found.taken, expected.map(|(path, kind)| Selected { path: path.to_owned(), kind }));
}

#[test]
fn a_folder_comes_before_what_is_in_it() {
    let dir = tree(&[("a/b/c", ""), ("a-b", ""), ("a.b/c", "")]);
    assert_eq!(taken(&selected(dir.path())), ["a", "a-b", "a.b", "a.b/c", "a/b", "a/b/c"]);
}

#[test]
fn secret_names_are_left_out_and_secret_folders_once() {
    let dir = tree(&[(".env", ""), (".ssh/id", ""), (".ssh/known", ""), ("a", "")]);
    let secret = |path: &str| path == "/.env" || path == "/.ssh";
    let found = select(dir.path(), &secret, &WIDE).unwrap();
    assert_eq!(left_out(&found), [(".env", LeftOut::SecretName), (".ssh", LeftOut::SecretName)]);
    assert_eq!(taken(&found), ["a"]);
    let with = select(dir.path(), &secret, &Options { with_secrets: true, ..WIDE }).unwrap();
    assert_eq!(taken(&with), [".env", ".ssh", ".ssh/id", ".ssh/known", "a"]);
}

#[test]
fn an_ignored_secret_stays_out_even_with_secrets() {
    let dir = tree(&[(".gitignore", ".env\n"), (".env", "")]);
    let found = select(dir.path(), &|_| true, &Options { with_secrets: true, ..WIDE }).unwrap();
    assert_eq!(left_out(&found), [(".env", LeftOut::Ignored { by: ".gitignore" })]);
}

#[test]
fn bringing_a_file_back_does_not_make_it_less_secret() {
    let dir = tree(&[(".sandboxignore", "!.env\n"), (".env", "")]);
    let found = select(dir.path(), &|path| path == "/.env", &WIDE).unwrap();
    assert_eq!(left_out(&found), [(".env", LeftOut::SecretName)]);
}

#[test]
fn links_that_stay_are_taken_and_links_that_leave_are_not() {
    let dir = tree(&[("sub/deep/file", "")]);
    let cases = [
        ("stays", "sub/deep/file", true),
        ("dangles", "nowhere", true),
        ("sub/up", "../stays", true),
        ("sub/top", "..", true),
        ("absolute", "/etc/passwd", false),
        ("sub/out", "../../x", false),
    ];
    for (path, target, _) in cases {
        symlink(target, dir.path().join(path)).unwrap();
    }
    let found = selected(dir.path());
    for (path, target, stays) in cases {
        let link = Selected { path: path.to_owned(), kind: Kind::Link { target: target.to_owned() } };
        assert_eq!(found.taken.contains(&link), stays, "{path} -> {target}");
        assert_eq!(left_out(&found).contains(&(path, LeftOut::LeavesTheFolder)), !stays, "{path} -> {target}");
    }
}

#[test]
fn only_the_beginning_of_a_target_may_climb() {
    let dir = tree(&[("a/b/", "")]);
    for (path, target) in [("around", "a/../a"), ("dots", "a/../../x"), ("a/later", "b/../../../x"), ("a/end", "b/..")]
    {
        symlink(target, dir.path().join(path)).unwrap();
    }
    symlink("n".repeat(256), dir.path().join("long")).unwrap();
    let winds = LeftOut::LinkWinds;
    let expected =
        [("a/end", winds), ("a/later", winds), ("around", winds), ("dots", winds), ("long", LeftOut::LinkTooLong)];
    assert_eq!(left_out(&selected(dir.path())), expected);
}

#[test]
fn our_own_data_is_left_out_wherever_it_lies() {
    let dir = tree(&[("a", ""), ("deep/data/files/x", "")]);
    let data = dir.path().join("deep/data").metadata().unwrap();
    let own_data = Some((data.dev(), data.ino()));
    let found = select(dir.path(), &no_secret, &Options { own_data, ..WIDE }).unwrap();
    assert_eq!(taken(&found), ["a", "deep"]);
    assert_eq!(left_out(&found), [("deep/data", LeftOut::OwnData)]);
}

#[test]
fn the_bound_on_depth_is_exact_and_spares_what_is_left_out() {
    let dir = tree(&[("a/b/c", ""), (".gitignore", "deep\n"), ("deep/1/2/3/4/5", "")]);
    let most = |most_depth| select(dir.path(), &no_secret, &Options { most_depth, ..WIDE });
    assert_eq!(most(3).unwrap().taken.len(), 4);
    assert!(matches!(most(2), Err(SelectError::TooDeep { path, most_depth: 2 }) if path == "a/b/c"));
}

#[test]
fn two_links_cannot_leave_together() {
    let dir = tree(&[("a/b/", "")]);
    symlink("../..", dir.path().join("a/b/top")).unwrap();
    // Stays inside by its text, `a/b`, but on the disk `top/..` is the parent of the folder.
    symlink("a/b/top/../b", dir.path().join("trick")).unwrap();
    assert_eq!(left_out(&selected(dir.path())), [("trick", LeftOut::LinkWinds)]);
}

#[test]
fn never_descends_through_a_link() {
    let outside = tree(&[("private", "")]);
    let dir = tree(&[("real/file", "")]);
    symlink(outside.path(), dir.path().join("out")).unwrap();
    symlink(".", dir.path().join("loop")).unwrap();
    symlink("real", dir.path().join("alias")).unwrap();
    assert_eq!(taken(&selected(dir.path())), ["alias", "loop", "real", "real/file"]);
}

#[test]
fn sockets_and_fifos_are_not_files() {
    let dir = tree(&[]);
    let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
    let made = Command::new("mkfifo").arg(dir.path().join("fifo")).status().unwrap();
    assert!(made.success());
    let found = selected(dir.path());
    assert_eq!(left_out(&found), [("fifo", LeftOut::NotAFile), ("socket", LeftOut::NotAFile)]);
}

#[test]
fn a_fifo_as_ignore_file_does_not_hang() {
    let dir = tree(&[]);
    assert!(Command::new("mkfifo").arg(dir.path().join(".gitignore")).status().unwrap().success());
    assert!(matches!(select(dir.path(), &no_secret, &WIDE), Err(SelectError::IgnoreFileNotPlain { .. })));
}

#[test]
fn a_device_is_not_a_file() {
    let found = select("/dev".as_ref(), &no_secret, &WIDE).unwrap();
    assert!(left_out(&found).contains(&("null", LeftOut::NotAFile)));
}

#[test]
fn names_that_are_no_text_are_left_out() {
    let dir = tree(&[("ok", "")]);
    let odd = dir.path().join(OsStr::from_bytes(b"odd\xff"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("inside"), "").unwrap();
    symlink(OsStr::from_bytes(b"odd\xff"), dir.path().join("link")).unwrap();
    let found = selected(dir.path());
    assert_eq!(left_out(&found), [("link", LeftOut::NotText), ("odd\u{fffd}", LeftOut::NotText)]);
    assert_eq!(taken(&found), ["ok"]);
}

#[test]
fn the_bound_on_files_is_exact_and_named() {
    let dir = tree(&[("a", ""), ("b", ""), ("folder/", "")]);
    let most = |most_files| select(dir.path(), &no_secret, &Options { most_files, ..WIDE });
    assert_eq!(most(2).unwrap().taken.len(), 3);
    let refused = most(1).unwrap_err();
    assert!(refused.to_string().starts_with("more than 1 files"), "{refused}");
}

#[test]
fn the_bound_on_bytes_is_exact_named_and_spares_what_is_left_out() {
    let dir = tree(&[("a", "12345"), ("b", "12345"), (".gitignore", "big\n"), ("big", "1234567890")]);
    let most = |most_bytes| select(dir.path(), &no_secret, &Options { most_bytes, ..WIDE });
    assert_eq!(most(14).unwrap().taken.len(), 3);
    let refused = most(13).unwrap_err();
    assert!(refused.to_string().contains("more than 13 bytes"), "{refused}");
}

#[test]
fn a_file_or_nothing_is_not_a_folder() {
    let dir = tree(&[("a", "")]);
    assert!(matches!(select(&dir.path().join("a"), &no_secret, &WIDE), Err(SelectError::NotAFolder)));
    let missing = select(&dir.path().join("none"), &no_secret, &WIDE).unwrap_err();
    assert!(!missing.to_string().contains(dir.path().to_str().unwrap()), "no host path: {missing}");
}

#[test]
fn a_very_deep_tree_is_walked() {
    let dir = tree(&[]);
    put(dir.path(), &format!("{}file", "d/".repeat(1_000)), "");
    assert_eq!(selected(dir.path()).taken.len(), 1_001);
}
