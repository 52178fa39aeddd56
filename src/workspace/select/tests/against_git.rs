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

/// A repository of its own, with rules at every level and a folder in the middle of it.
#[test]
fn agrees_with_git_about_a_folder_in_a_repository() {
    let dir = tree(&[
        (".gitignore", "*.log\n/mid/in/rooted\n/rooted\nmid/*.x\nin/p\n/q\ngone/\n**/in/deep/s\n"),
        ("mid/.gitignore", "!keep.log\n/in/t\nin/*.y\nu\n"),
        ("mid/in/.gitignore", "!u\n/v\n"),
        ("mid/in/deep/.gitignore", "!*.z\n"),
        ("other/.gitignore", "*\n"),
    ]);
    if run_git(dir.path(), &["init", "-q"]).is_none() {
        return;
    }
    put(dir.path(), ".git/info/exclude", "*.z\n/mid/in/w\n/w\nkeep.log\ndeep/gone2/\n");
    let names = [
        "a.log", "keep.log", "rooted", "b.x", "p", "q", "r", "s", "t", "c.y", "u", "v", "w", "d.z", "gone/e", "gone2/f",
    ];
    for folder in ["mid/in/", "mid/in/deep/", "mid/in/in/", "mid/in/mid/in/"] {
        for name in names {
            put(dir.path(), &format!("{folder}{name}"), "");
        }
    }
    compare_in(dir.path(), "mid/in", dir.path());

    // A work tree shares the exclude file of the repository that it was made from; its own `.git` is a file.
    let identity = ["-c", "user.name=t", "-c", "user.email=t@t"];
    run_git(dir.path(), &[&identity[..], &["commit", "-q", "--allow-empty", "-m", "m"]].concat()).unwrap();
    let tree = tempfile::tempdir().unwrap();
    let path = tree.path().join("wt");
    run_git(dir.path(), &["worktree", "add", "-q", "--detach", path.to_str().unwrap()]).unwrap();
    for name in names {
        put(&path, &format!("mid/in/{name}"), "");
    }
    put(&path, ".gitignore", "in/p\n");
    compare_in(&path, "mid/in", &path);
}

fn compare_in(top: &Path, folder: &str, repository: &Path) {
    let found = selected(&top.join(folder));
    let ours: BTreeSet<String> = found.taken.iter().map(|one| format!("{folder}/{}", one.path)).collect();
    let (mut every, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(top.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path.clone());
            }
            every.push(path);
        }
    }
    let text: Vec<&str> = every.iter().map(String::as_str).collect();
    let answer = run_git(repository, &[&["check-ignore", "--no-index"], &text[..]].concat()).unwrap();
    let by_git: BTreeSet<&str> = answer.lines().collect();
    assert!(by_git.len() > 2, "git has answered: {answer}");
    let different: Vec<_> =
        every.iter().filter(|path| ours.contains(*path) == by_git.contains(path.as_str())).collect();
    assert!(different.is_empty(), "git ignores {by_git:?}, but otherwise {different:?}");
}

/// `None` where there is no git.
fn run_git(folder: &Path, args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env("GIT_CEILING_DIRECTORIES", std::env::temp_dir());
    let answer = git.args(["-c", "core.excludesFile=/dev/null"]).args(args).output().ok()?;
    assert!(matches!(answer.status.code(), Some(0 | 1)), "{args:?}: {answer:?}");
    Some(String::from_utf8(answer.stdout).unwrap())
}
