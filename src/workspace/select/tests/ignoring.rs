use std::os::unix::fs::symlink;

use super::super::{LeftOut, Options, SelectError, select};
use super::{WIDE, left_out, no_secret, put, selected, taken, tree};

const BY_GIT: LeftOut = LeftOut::Ignored { by: ".gitignore" };
const BY_SANDBOX: LeftOut = LeftOut::Ignored { by: ".sandboxignore" };

#[test]
fn honours_gitignore_without_a_repository() {
    let dir = tree(&[(".gitignore", "*.log\n"), ("a.log", ""), ("sub/b.log", ""), ("sub/b.txt", "")]);
    let found = selected(dir.path());
    assert_eq!(taken(&found), [".gitignore", "sub", "sub/b.txt"]);
    assert_eq!(left_out(&found), [("a.log", BY_GIT), ("sub/b.log", BY_GIT)]);
}

#[test]
fn reports_an_ignored_folder_once() {
    let dir = tree(&[(".gitignore", "target/\n"), ("target/a", ""), ("target/deep/b", ""), ("src/target", "a file")]);
    let found = selected(dir.path());
    assert_eq!(left_out(&found), [("target", BY_GIT)]);
    assert_eq!(taken(&found), [".gitignore", "src", "src/target"]);
}

#[test]
fn leading_slash_binds_to_the_folder_of_the_file() {
    let dir = tree(&[
        ("in/.gitignore", "/a\nb/c\n"),
        ("in/a", ""),
        ("in/x/a", ""),
        ("in/b/c", ""),
        ("in/x/b/c", ""),
        ("a", ""),
    ]);
    assert_eq!(left_out(&selected(dir.path())), [("in/a", BY_GIT), ("in/b/c", BY_GIT)]);
}

#[test]
fn two_stars_cross_folders() {
    let dir = tree(&[
        (".gitignore", "**/x\na/**/z\nall/**\n"),
        ("x", ""),
        ("p/q/x", ""),
        ("a/z", ""),
        ("a/1/2/z", ""),
        ("b/z", ""),
        ("all/1", ""),
    ]);
    let found = selected(dir.path());
    let all = [("a/1/2/z", BY_GIT), ("a/z", BY_GIT), ("all/1", BY_GIT), ("p/q/x", BY_GIT), ("x", BY_GIT)];
    assert_eq!(left_out(&found), all);
    assert!(taken(&found).contains(&"all"));
}

#[test]
fn negation_brings_back_and_a_deeper_file_overrides() {
    let dir = tree(&[
        (".gitignore", "*.log\n!keep.log\n"),
        ("keep.log", ""),
        ("sub/.gitignore", "keep.log\n!a.log\n"),
        ("sub/keep.log", ""),
        ("sub/a.log", ""),
    ]);
    let found = selected(dir.path());
    assert_eq!(left_out(&found), [("sub/keep.log", BY_GIT)]);
    assert_eq!(taken(&found), [".gitignore", "keep.log", "sub", "sub/.gitignore", "sub/a.log"]);
}

#[test]
fn nothing_in_an_ignored_folder_comes_back() {
    let dir = tree(&[(".gitignore", "out/\n!out/keep\n"), (".sandboxignore", "!out/keep\n"), ("out/keep", "")]);
    assert_eq!(left_out(&selected(dir.path())), [("out", BY_GIT)]);
}

#[test]
fn sandboxignore_is_stronger_than_any_gitignore() {
    let dir = tree(&[
        (".gitignore", "dist/\n"),
        (".sandboxignore", "!dist/\n!sub/data.bin\n*.md\n"),
        ("dist/app.js", ""),
        ("sub/.gitignore", "data.bin\n!notes.md\n"),
        ("sub/data.bin", ""),
        ("sub/notes.md", ""),
    ]);
    let found = selected(dir.path());
    assert_eq!(left_out(&found), [("sub/notes.md", BY_SANDBOX)]);
    assert!(taken(&found).contains(&"dist/app.js"));
    assert!(taken(&found).contains(&"sub/data.bin"));
}

#[test]
fn a_deeper_sandboxignore_overrides_a_higher_one() {
    let dir = tree(&[(".sandboxignore", "*.md\n"), ("sub/.sandboxignore", "!a.md\n"), ("a.md", ""), ("sub/a.md", "")]);
    assert_eq!(left_out(&selected(dir.path())), [("a.md", BY_SANDBOX)]);
}

#[test]
fn the_repository_around_the_folder_has_its_say() {
    let dir = tree(&[
        (".git/HEAD", ""),
        (".git/info/exclude", "*.tmp\n*.log\n/in/rooted\n"),
        (".gitignore", "/in/b\n/c\nx/\n*.md\n"),
        ("in/.gitignore", "!keep.md\n"),
        ("in/deep/.gitignore", "/d\n!y.log\n"),
        ("in/deep/.sandboxignore", "!*.tmp\n"),
        ("in/deep/a.tmp", ""),
        ("in/deep/y.log", ""),
        ("in/deep/in/b", ""),
        ("in/deep/x/z", ""),
        ("in/deep/d", ""),
        ("in/deep/keep.md", ""),
        ("in/deep/other.md", ""),
        ("in/b", ""),
        ("in/c", ""),
        ("in/rooted", ""),
        ("in/some.tmp", ""),
    ]);
    let above = LeftOut::Ignored { by: "a .gitignore above the folder" };
    let exclude = LeftOut::Ignored { by: ".git/info/exclude" };
    let found = selected(&dir.path().join("in"));
    let expected = [("b", above), ("deep/d", BY_GIT), ("deep/other.md", above), ("deep/x", above), ("rooted", exclude)];
    assert_eq!(left_out(&found), [expected.as_slice(), &[("some.tmp", exclude)]].concat());
    let deep = selected(&dir.path().join("in/deep"));
    let expected = [("d", BY_GIT), ("other.md", above), ("x", above)];
    assert_eq!(left_out(&deep), expected);
    // What a stranger sent lies in nobody's repository.
    let apart = select(&dir.path().join("in"), &no_secret, &Options { repository: false, ..WIDE }).unwrap();
    assert_eq!(left_out(&apart), [("deep/d", BY_GIT)]);
}

#[test]
fn a_folder_that_is_ignored_itself_is_taken_because_it_was_named() {
    let dir = tree(&[(".git/HEAD", ""), (".gitignore", "dist/\n*.log\n"), ("dist/a", ""), ("dist/b.log", "")]);
    let found = selected(&dir.path().join("dist"));
    assert_eq!(taken(&found), ["a"]);
}

#[test]
fn a_rule_above_that_cannot_be_read_is_named_without_a_path_of_the_host() {
    let dir = tree(&[(".git/HEAD", ""), ("in/deep/a", "")]);
    symlink("elsewhere", dir.path().join(".gitignore")).unwrap();
    let refused = select(&dir.path().join("in/deep"), &no_secret, &WIDE).unwrap_err();
    assert!(matches!(refused, SelectError::IgnoreFileNotPlain { path } if path == "../../.gitignore"));
}

#[test]
fn ignore_files_above_a_folder_that_is_in_no_repository_have_no_say() {
    let dir = tree(&[(".gitignore", "*\n"), ("in/.git/info/exclude", "a\n"), ("in/a", ""), ("in/.ignore", "a\n")]);
    let found = select(&dir.path().join("in"), &|path| path == "/.git", &WIDE).unwrap();
    assert_eq!(taken(&found), [".ignore", "a"]);
    assert_eq!(left_out(&found), [(".git", LeftOut::SecretName)]);
}

#[test]
fn braces_are_plain_characters_as_in_git() {
    let dir = tree(&[(".gitignore", "*.{js,ts}\n"), ("a.js", ""), ("a.{js,ts}", "")]);
    assert_eq!(left_out(&selected(dir.path())), [("a.{js,ts}", BY_GIT)]);
}

#[test]
fn a_slash_at_the_end_does_not_match_a_link_to_a_folder() {
    let dir = tree(&[(".gitignore", "build/\n"), ("real/", "")]);
    symlink("real", dir.path().join("build")).unwrap();
    assert_eq!(taken(&selected(dir.path())), [".gitignore", "build", "real"]);
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_are_fine() {
    let dir = tree(&[(".gitignore", "\u{feff}a\r\n\r\n# no\r\nb\r\n"), ("a", ""), ("b", ""), ("# no", "")]);
    assert_eq!(left_out(&selected(dir.path())), [("a", BY_GIT), ("b", BY_GIT)]);
}

#[test]
fn an_ignore_file_that_is_a_link_is_refused() {
    let dir = tree(&[("rules", "secret\n"), ("sub/", "")]);
    symlink("../rules", dir.path().join("sub/.gitignore")).unwrap();
    let refused = select(dir.path(), &no_secret, &WIDE).unwrap_err();
    assert!(matches!(refused, SelectError::IgnoreFileNotPlain { path } if path == "sub/.gitignore"));
}

#[test]
fn an_ignore_file_that_is_too_large_is_refused() {
    let dir = tree(&[]);
    put(dir.path(), ".gitignore", &"#\n".repeat(200_000));
    let refused = select(dir.path(), &no_secret, &WIDE).unwrap_err();
    assert!(refused.to_string().contains("262144 bytes"), "{refused}");
}
