//! A file system that takes upper and lower case for the same, served from here by FUSE, and rules on it.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation, INodeNo, LockOwner, OpenFlags,
    ReplyAttr, ReplyData, ReplyDirectory, ReplyEntry, Request,
};
use ringfence::engine::{Mount, RunRequest, folds_case};
use ringfence::fs_policy::Rules;
use ringfence::model::Grants;

use crate::support::{command, guest, limits, load, run};

/// Parent, name, and content; none for a folder. The first is the root, and each has its place here as its number.
const TREE: &[(u64, &str, Option<&str>)] = &[
    (0, "", None),
    (1, "Readme", Some("hello")),
    (1, "Secrets", None),
    (3, "Key", Some("hidden")),
    (1, ".env", Some("hidden")),
    (1, "Locked", None),
    (6, "x.md", Some("hidden")),
];

/// A folder in which nothing may be looked for, not even by root.
const LOCKED: u64 = 6;

struct Folding;

fn entry(number: INodeNo) -> Option<&'static (u64, &'static str, Option<&'static str>)> {
    TREE.get(usize::try_from(u64::from(number)).ok()?.checked_sub(1)?)
}

fn attributes(number: INodeNo) -> Option<FileAttr> {
    let content = entry(number)?.2;
    let (kind, perm) = if content.is_some() { (FileType::RegularFile, 0o644) } else { (FileType::Directory, 0o755) };
    let size = content.map_or(0, |text| text.len() as u64);
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let then = UNIX_EPOCH;
    Some(FileAttr {
        ino: number,
        size,
        blocks: 1,
        atime: then,
        mtime: then,
        ctime: then,
        crtime: then,
        kind,
        perm,
        nlink: 1,
        uid,
        gid,
        rdev: 0,
        blksize: 512,
        flags: 0,
    })
}

impl Filesystem for Folding {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if u64::from(parent) == LOCKED {
            return reply.error(Errno::EACCES);
        }
        let same = |entry: &&(u64, &str, Option<&str>)| {
            entry.0 == u64::from(parent) && name.to_str().is_some_and(|name| name.eq_ignore_ascii_case(entry.1))
        };
        let found = TREE.iter().position(|entry| same(&entry)).and_then(|at| attributes(INodeNo(at as u64 + 1)));
        match found {
            Some(found) => reply.entry(&Duration::ZERO, &found, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(number) {
            Some(found) => reply.attr(&Duration::ZERO, &found),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        _: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let text = entry(number).and_then(|entry| entry.2).unwrap_or_default();
        reply.data(text.as_bytes().get(offset as usize..).unwrap_or_default());
    }

    fn readdir(&self, _: &Request, number: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        if u64::from(number) == LOCKED {
            return reply.error(Errno::EACCES);
        }
        let inner = TREE.iter().enumerate().filter(|(_, entry)| entry.0 == u64::from(number));
        for (at, (place, entry)) in inner.enumerate().skip(offset as usize) {
            let kind = if entry.2.is_some() { FileType::RegularFile } else { FileType::Directory };
            if reply.add(INodeNo(place as u64 + 1), at as u64 + 1, kind, entry.1) {
                break;
            }
        }
        reply.ok();
    }
}

/// `None`, and a word why, where this machine lets nobody mount.
fn mounted(at: &Path) -> Option<BackgroundSession> {
    std::fs::create_dir(at).unwrap();
    match fuser::spawn_mount(Folding, at, &fuser::Config::default()) {
        Ok(session) => Some(session),
        Err(error) => {
            eprintln!("not tested here, since no FUSE file system can be mounted: {error}");
            None
        }
    }
}

async fn probe(host: &Path, rules: &str, operations: &[&str]) -> Vec<String> {
    let policy = rules.parse::<Rules>().unwrap().policy(folds_case(host)).unwrap();
    let mut grants = Grants::clocks_and_randomness();
    grants.args = operations.iter().map(|operation| (*operation).to_owned()).collect();
    let mut request = RunRequest::new(command(), limits(), grants);
    request.mounts =
        vec![Mount { host: host.into(), guest: "/".into(), policy: Arc::new(policy), copy_on_write: None }];
    let report = run(&*load(guest("probe")).await, request).await;
    String::from_utf8(report.stdout.bytes).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f07_names_are_folded_where_the_file_system_folds() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("folding");
    assert!(!folds_case(dir.path()), "the folder of temporary files keeps case");
    let Some(session) = mounted(&at) else { return };
    assert!(at.join("READme").exists() && folds_case(&at));
    let rules = "/**:read\n/.env:none\n/secrets/**:none";
    let operations = ["read|.env", "read|.ENV", "read|SECRETS/key", "ls|secrets", "read|README", "ls|."];
    let said = probe(&at, rules, &operations).await;
    assert_eq!(said, ["NOENT", "NOENT", "NOENT", "NOENT", "ok hello", "ok Locked,Readme"]);
    // The same rules on a folder above it, which keeps case: what folds below it is not given at all.
    std::fs::create_dir(dir.path().join("plain")).unwrap();
    let said =
        probe(dir.path(), "/**:read\n/folding/.env:none", &["read|folding/.ENV", "ls|folding", "ls|plain"]).await;
    assert_eq!(said, ["PERM", "PERM", "ok"]);
    let said = probe(dir.path(), "/**:read", &["read|folding/README"]).await;
    assert_eq!(said, ["ok hello"], "where nothing is hidden, case does not matter");
    drop(session);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f05_a_hidden_folder_that_cannot_be_searched_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().join("locked");
    let Some(session) = mounted(&at) else { return };
    let denied = std::fs::metadata(at.join("Locked/x.md")).unwrap_err();
    assert_eq!(denied.kind(), std::io::ErrorKind::PermissionDenied);
    let mut answers = Vec::new();
    for folder in ["absent", "Locked"] {
        let operations = [
            "stat|F",
            "ls|F",
            "stat|F/.",
            "stat|F/x.md",
            "read|F/x.md",
            "readlink|F/x.md",
            "put|F/x.md|y",
            "mkdir|F/.",
            "mv|F/x.md|y",
            "mv|Readme|F/x",
            "rm|F/x.md",
        ];
        let operations = operations.map(|operation| operation.replace('F', folder));
        let operations: Vec<&str> = operations.iter().map(String::as_str).collect();
        answers.push(probe(&at, "**/*.md:read\n/readme:read", &operations).await);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].len(), 11);
    drop(session);
}
