//! The judge is git itself: the same tree, the same patterns, the same answer for every path.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{put, selected, tree};

const PATTERNS: &[&str] = &[
    "a",
    "/a",
    "a/",
    "/a/",
    "a/b",
    "/a/b",
    "a/b/",
    "a/*",
    "a/**",
    "**/b",
    "**/a/b",
    "a/**/c",
    "**",
    "*",
    "*.x",
    "?",
    "??",
    "[ab]",
    "[!a]",
    "[^a]",
    "[a-c]x",
    "[!a-b]x",
    "a[!x]b",
    "a[^-~]b",
    "a[+-9]b",
    "[]a]",
    "[!]a]",
    "[a-]",
    "[-a]",
    "[!-a]",
    "[\\]a]",
    "[[:digit:]]",
    "[![:alpha:]]",
    "[[:bogus:]]",
    "[z-a]",
    "[abc",
    "[^!]",
    "[\\^!]",
    "[!-~]",
    "{a,b}",
    "*.{x,y}",
    "{a",
    "a}",
    "\\{a",
    "\\a",
    "\\*",
    "\\#c",
    "\\!d",
    "#c",
    "!d",
    "a\\",
    "a ",
    "a\\ ",
    " a",
    "a\t",
    "a/**/",
    "/**",
    "**/",
    "*/",
    "*/b",
    "/*",
    "/*/b",
    "a**b",
    "**a",
    "a**",
    "a*b",
    "a?b",
    "***",
    "/",
    "!",
    "//a",
    "a//b",
    "*\n!a",
    "/*\n!/a",
    "a/*\n!a/b",
    "a\n!a/b",
    "*\n!*/\n!c",
    "a.b",
    "a+b",
    "(a)",
    "a|b",
    "^a$",
    "a,b",
    ".*",
    ".hid",
    "-",
    "a-b",
    "A",
    "a\r",
    "/a/**/c",
    "a/[!x]",
    "[/]a",
    "a[/]b",
    "*a/b",
    "a/b/c",
    "b/c",
    "/b/c",
    "**/b/c",
    "é",
    "[é]",
    "?x",
    "!a\na",
    "\\\\a",
];

const NAMES: &[&str] = &[
    "b", "c", "d/a", "d/b/c", "d/d/a/b", "a/b/c/e", "a/c", "a/x", "ab", "axb", "a.b", "a+b", "a-b", "(a)", "a|b",
    "^a$", "a,b", "{a,b}", "{a", "a}", "f.x", "f.y", "f.{x,y}", "#c", "!d", "*", "\\a", " a", "a ", ".hid", "-", "]",
    "^", "!", "1", "cx", "bx", "A", "[abc", "é", "éx", "~", "q/#c", "q/!d", "q/ab/c", "q/a b",
];

#[test]
fn agrees_with_git_about_known_patterns() {
    let rules: Vec<String> = PATTERNS.iter().map(|pattern| (*pattern).to_owned()).collect();
    compare(&rules);
}

#[test]
fn agrees_with_git_about_random_patterns() {
    let parts = [
        "a", "b", "c", "x", "*", "**", "?", "/", "/", "[", "]", "!", "^", "-", "\\", "{", "}", ",", "[a-c]", "[!b]",
        " ", ".",
    ];
    let mut state = 7u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let rules: Vec<String> = (0..120)
        .map(|_| {
            let lines = 1 + next(2);
            (0..lines).map(|_| (0..=next(6)).map(|_| parts[next(parts.len())]).collect::<String>() + "\n").collect()
        })
        .collect();
    compare(&rules);
}

/// One folder for each text of rules, all with the same names in them, and a nested file in some.
#[allow(clippy::print_stdout, reason = "a comparison that did not happen must be seen")]
fn compare(rules: &[String]) {
    let dir = tree(&[]);
    let mut every = Vec::new();
    for (index, text) in rules.iter().enumerate() {
        let nested = if index % 3 == 0 { "d/.gitignore" } else { ".gitignore" };
        put(dir.path(), &format!("{index}/{nested}"), text);
        for name in NAMES {
            let path = format!("{index}/{name}");
            put(dir.path(), &path, "");
            every.push(path);
        }
    }
    let Some(by_git) = ignored_by_git(dir.path(), &every) else {
        println!("git is not installed: nothing was compared");
        return;
    };
    let found = selected(dir.path());
    assert!(by_git.len() > rules.len(), "git has answered");
    let ours: BTreeSet<&str> = found.taken.iter().map(|one| one.path.as_str()).collect();
    let different: Vec<_> = every
        .iter()
        .filter(|path| ours.contains(path.as_str()) == by_git.contains(*path))
        .map(|path| {
            let index: usize = path.split('/').next().unwrap().parse().unwrap();
            (path, &rules[index], if by_git.contains(path) { "git ignores" } else { "git takes" })
        })
        .collect();
    assert!(different.is_empty(), "{} of {}: {different:#?}", different.len(), every.len());
}

fn ignored_by_git(root: &Path, every: &[String]) -> Option<BTreeSet<String>> {
    let repository = tempfile::tempdir().unwrap();
    let git = || {
        let mut git = Command::new("git");
        git.current_dir(root).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        git.env("GIT_DIR", repository.path().join("g")).env("GIT_WORK_TREE", root);
        git.args(["-c", "core.excludesFile=/dev/null"]);
        git
    };
    let made = git().args(["init", "-q"]).status().ok()?;
    assert!(made.success());
    let mut asked = git()
        .args(["check-ignore", "--no-index", "--stdin", "-z"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut questions = asked.stdin.take().unwrap();
    let text: String = every.iter().map(|path| format!("{path}\0")).collect();
    let writer = std::thread::spawn(move || questions.write_all(text.as_bytes()).unwrap());
    let answer = asked.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(matches!(answer.status.code(), Some(0 | 1)), "{answer:?}");
    Some(String::from_utf8(answer.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect())
}
