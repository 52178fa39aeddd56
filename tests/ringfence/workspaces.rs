//! Workspaces through the public surface: what comes in, what a run does to a draft, what counts in the end.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringfence::engine::{CopyOnWrite, Mount, RunRequest};
use ringfence::fs_policy::{Level, Policy};
use ringfence::model::{Digest, Grants, Room, Weight};
use ringfence::store::{Store, TenantCatalog};
use ringfence::workspace::archive::TarWriter;
use ringfence::workspace::{
    Catalog, CatalogError, ChangeKind, Destination, DraftId, DraftRecord, Entered, Intake, Node, Source,
    WorkspaceError, WorkspaceName, WorkspaceRecord, Workspaces,
};

use crate::support::{command, guest, limits, load, run};

struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn put(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// As a process that starts anew.
    fn shelf(&self) -> Workspaces<TenantCatalog> {
        std::fs::create_dir_all(self.path("data")).unwrap();
        Workspaces::open(&self.path("data"), self.store()).unwrap()
    }

    fn store(&self) -> TenantCatalog {
        Store::open(&self.path("data/store.db")).unwrap().catalog(&"main".parse().unwrap())
    }

    fn from(&self, path: &str) -> Source {
        Source::Path(self.path(path))
    }

    /// Contents in the store.
    fn kept(&self) -> usize {
        walk(&self.path("data/files")).len()
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

fn name(text: &str) -> WorkspaceName {
    text.parse().unwrap()
}

async fn work(draft: &Entered, operations: &[&str]) -> Vec<String> {
    let mut grants = Grants::clocks_and_randomness();
    grants.args = operations.iter().map(|operation| (*operation).to_owned()).collect();
    let mut request = RunRequest::new(command(), limits(), grants);
    let policy = Arc::new(Policy::all(Level::Write));
    let copy_on_write = Some(CopyOnWrite { copies: draft.copies.clone(), held: draft.held.clone() });
    request.mounts = vec![Mount { host: draft.folder.clone(), guest: "/".into(), policy, copy_on_write }];
    let report = run(&*load(guest("probe")).await, request).await;
    String::from_utf8(report.stdout.bytes).unwrap().lines().map(str::to_owned).collect()
}

fn site(world: &World) -> &World {
    world
        .put("site/readme", "one\ntwo\nthree\n")
        .put("site/src/main", "main")
        .put("site/src/copy", "main")
        .put("site/old", "old")
        .put("site/bin/tool", "tool");
    std::fs::set_permissions(world.path("site/bin/tool"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("src/main", world.path("site/link")).unwrap();
    world
}

#[test]
fn the_same_content_is_kept_once_and_the_same_tree_has_one_digest() {
    let world = World::new();
    let shelf = site(&world).shelf();
    let (first, left, _) = shelf.create(&name("one"), "me", &world.from("site"), Intake::default()).unwrap();
    assert_eq!((first.files, first.bytes, left.len()), (5, 14 + 4 + 4 + 3 + 4, 0));
    // Four contents and a tree.
    assert_eq!(world.kept(), 5);
    let (second, ..) = shelf.create(&name("two"), "you", &world.from("site"), Intake::default()).unwrap();
    assert_eq!((world.kept(), second.tree), (5, first.tree));
    assert_eq!(world.shelf().list().unwrap().iter().map(|w| w.owner.as_str()).collect::<Vec<_>>(), ["me", "you"]);
    let taken = shelf.create(&name("one"), "me", &Source::Empty, Intake::default()).unwrap_err();
    assert_eq!(taken.code(), "workspace_exists");
    shelf.delete(&name("one"), None).unwrap();
    assert_eq!(world.kept(), 5);
    shelf.delete(&name("two"), None).unwrap();
    assert_eq!(world.kept(), 0);
    assert_eq!(shelf.delete(&name("two"), None).unwrap_err().code(), "no_workspace");
}

#[test]
fn what_goes_in_comes_out_the_same_every_way() {
    let world = World::new();
    let shelf = site(&world).shelf();
    let (made, ..) = shelf.create(&name("w0"), "me", &world.from("site"), Intake::default()).unwrap();
    for (n, to) in [
        Destination::Folder(world.path("out")),
        Destination::Tar(world.path("out.tar")),
        Destination::TarGz(world.path("out.tar.gz")),
        Destination::Zip(world.path("out.zip")),
    ]
    .into_iter()
    .enumerate()
    {
        shelf.export(&name("w0"), &to).unwrap();
        let (Destination::Folder(path) | Destination::Tar(path) | Destination::TarGz(path) | Destination::Zip(path)) =
            &to;
        let again = name(&format!("again{n}"));
        let (record, ..) = shelf.create(&again, "me", &Source::Path(path.clone()), Intake::default()).unwrap();
        assert_eq!(record.tree, made.tree, "{to:?}");
        // Nothing is written over.
        assert_eq!(shelf.export(&name("w0"), &to).unwrap_err().code(), "occupied");
    }
    assert!(world.path("out/bin/tool").metadata().unwrap().permissions().mode() & 0o100 != 0);
    assert_eq!(std::fs::read_link(world.path("out/link")).unwrap(), Path::new("src/main"));
    let (single, ..) = shelf.create(&name("single"), "me", &world.from("site/readme"), Intake::default()).unwrap();
    assert_eq!((single.files, single.bytes), (1, 14));
    let (empty, ..) = shelf.create(&name("empty"), "me", &Source::Empty, Intake::default()).unwrap();
    assert_eq!(empty.files, 0);
}

#[test]
fn secrets_and_ignored_files_are_left_out_and_said() {
    let world = World::new();
    world
        .put("p/.gitignore", "*.log\nbuild/\n!keep.log\n")
        .put("p/.sandboxignore", "big/\n!x.log\n")
        .put("p/a.log", "")
        .put("p/x.log", "")
        .put("p/keep.log", "")
        .put("p/build/out", "")
        .put("p/big/data", "")
        .put("p/.env", "A=1")
        .put("p/deep/secrets/key", "")
        .put("p/deep/id_rsa", "")
        .put("p/.git/config", "")
        .put("p/code", "");
    let shelf = world.shelf();
    let (record, left, _) = shelf.create(&name("w"), "me", &world.from("p"), Intake::default()).unwrap();
    let paths: Vec<_> = left.iter().map(|left| left.path.as_str()).collect();
    assert_eq!(paths, [".env", ".git", "a.log", "big", "build", "deep/id_rsa", "deep/secrets"]);
    assert!(left[0].because("--x").contains("(--x takes it)") && left[2].because("").contains(".gitignore"));
    assert!(left[3].because("").contains(".sandboxignore"));
    assert_eq!(record.files, 5);
    let with = Intake { with_secrets: true, ..Intake::default() };
    let (_, left, _) = shelf.create(&name("w2"), "me", &world.from("p"), with).unwrap();
    assert_eq!(left.iter().map(|left| left.path.as_str()).collect::<Vec<_>>(), ["a.log", "big", "build"]);
}

#[test]
fn what_looks_like_a_credential_is_refused_unless_told_otherwise() {
    let world = World::new();
    let key =
        ["-----BEGIN RSA ", "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq9GTd7FguoV8FWnFbB0JxXujr4qqaaABvvLOzAxzXMcU1v\nGTd7FguoV8FWnFbB0JxXujr4qqaaABvvLOzAxzXMcU1vsHiQMaRiNTN9Ox98whGc\n-----END RSA ", "PRIVATE KEY-----\n"].concat();
    world.put("p/notes", format!("words\n{key}")).put("p/code", "let x = 1;");
    let shelf = world.shelf();
    match shelf.create(&name("w"), "me", &world.from("p"), Intake::default()).unwrap_err() {
        WorkspaceError::Credentials(found) => {
            assert_eq!((found.len(), found[0].path.as_str(), found[0].line), (1, "notes", 2));
        }
        other => panic!("{other}"),
    }
    assert!(shelf.list().unwrap().is_empty());
    let allow = Intake { allow_credentials: true, ..Intake::default() };
    let (_, _, found) = shelf.create(&name("w"), "me", &world.from("p"), allow).unwrap();
    assert_eq!(found.len(), 1);
    // What the refused upload had brought already goes with the next sweep.
    shelf.delete(&name("w"), None).unwrap();
    assert_eq!(world.kept(), 0);
}

#[test]
fn f11_a_bad_archive_is_refused_by_entry_and_leaves_nothing() {
    let world = World::new();
    let shelf = world.shelf();
    let mut tar = TarWriter::new(Vec::new());
    tar.file("a", false, 1, &mut &b"x"[..]).unwrap();
    let mut bytes = tar.finish().unwrap();
    // The same length: a name that climbs.
    bytes[..1].copy_from_slice(b"/");
    let sum: u32 =
        bytes[..512].iter().enumerate().map(|(n, b)| if (148..156).contains(&n) { 32 } else { u32::from(*b) }).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    world.put("bad.tar", bytes);
    let error = shelf.create(&name("w"), "me", &world.from("bad.tar"), Intake::default()).unwrap_err();
    assert!(matches!(&error, WorkspaceError::Archive { message, .. } if message.contains("\"/\"")), "{error}");
    assert_eq!((shelf.list().unwrap().len(), world.kept()), (0, 0));
}

#[tokio::test]
async fn what_a_run_does_is_in_the_draft_and_counts_when_it_is_applied() {
    let world = World::new();
    let shelf = site(&world).shelf();
    let (made, ..) = shelf.create(&name("w"), "me", &world.from("site"), Intake::default()).unwrap();
    let draft = shelf.start(&name("w")).unwrap();
    let entered = shelf.enter(&draft.id).unwrap();
    let done = work(
        &entered,
        &[
            "append|readme|four\n",
            "rm|old",
            "mkdir|new",
            "put|new/file|text",
            "mv|src/copy|src/moved",
            "sym|readme|second",
            "put|bin/tool|better",
            "times|src/main",
            "read|src/main",
        ],
    )
    .await;
    assert!(done.iter().all(|line| line.starts_with("ok")), "{done:?}");
    let changes = world.shelf().diff(&draft.id, true).unwrap();
    let told: Vec<_> = changes.0.iter().map(|change| (change.path.as_str(), change.change)).collect();
    use ChangeKind::{Added, Changed, Removed};
    assert_eq!(
        told,
        [
            ("bin/tool", Changed),
            ("new", Added),
            ("new/file", Added),
            ("old", Removed),
            ("readme", Changed),
            ("second", Added),
            ("src/copy", Removed),
            ("src/moved", Added)
        ]
    );
    assert_eq!(
        changes.0[4].diff.as_deref().unwrap(),
        "--- a/readme\n+++ b/readme\n@@ -1,3 +1,4 @@\n one\n two\n three\n+four\n"
    );
    // Nothing of it is in the workspace.
    let (record, tree) = shelf.get(&name("w")).unwrap();
    assert_eq!(record.tree, made.tree);
    shelf.export(&name("w"), &Destination::Folder(world.path("before"))).unwrap();
    assert_eq!(std::fs::read_to_string(world.path("before/readme")).unwrap(), "one\ntwo\nthree\n");
    assert!(matches!(tree.get("bin/tool"), Some(Node::File { executable: true, .. })));

    entered.leave();
    // First a part of it, with the folder that it needs.
    let error = shelf.apply(&draft.id, &["nowhere".into()]).unwrap_err();
    assert_eq!(error.code(), "no_change");
    let applied = shelf.apply(&draft.id, &["new/file".into(), "readme".into()]).unwrap();
    assert_eq!((applied.changes.0.len(), applied.left), (3, 5));
    assert_eq!(world.shelf().diff(&draft.id, false).unwrap().0.len(), 5);
    let applied = world.shelf().apply(&draft.id, &[]).unwrap();
    assert_eq!(applied.left, 0);
    assert_eq!(shelf.draft(&draft.id).unwrap_err().code(), "no_draft");
    assert!(shelf.enter(&draft.id).is_err());
    shelf.export(&name("w"), &Destination::Folder(world.path("after"))).unwrap();
    let after = |path: &str| std::fs::read_to_string(world.path("after").join(path)).unwrap();
    assert_eq!(
        (after("readme"), after("new/file"), after("src/moved")),
        ("one\ntwo\nthree\nfour\n".into(), "text".into(), "main".into())
    );
    assert!(!world.path("after/old").exists() && !world.path("after/src/copy").exists());
    assert!(world.path("after/bin/tool").metadata().unwrap().permissions().mode() & 0o100 != 0);
}

#[tokio::test]
async fn an_apply_is_refused_if_the_workspace_moved_on() {
    let world = World::new();
    let shelf = site(&world).shelf();
    shelf.create(&name("w"), "me", &world.from("site"), Intake::default()).unwrap();
    let [mine, theirs, third] = [0; 3].map(|_| shelf.start(&name("w")).unwrap().id);
    work(&shelf.enter(&mine).unwrap(), &["append|readme|mine", "rm|old"]).await;
    work(&shelf.enter(&theirs).unwrap(), &["append|readme|theirs", "put|other|x"]).await;
    work(&shelf.enter(&third).unwrap(), &["rm|old"]).await;
    shelf.apply(&theirs, &[]).unwrap();
    match shelf.apply(&mine, &[]).unwrap_err() {
        WorkspaceError::Moved { conflicts, others, .. } => {
            assert_eq!((conflicts, others), (vec!["readme".to_owned()], vec!["other".to_owned()]));
        }
        other => panic!("{other}"),
    }
    match shelf.apply(&third, &[]).unwrap_err() {
        WorkspaceError::Moved { conflicts, .. } => assert!(conflicts.is_empty()),
        other => panic!("{other}"),
    }
    // A workspace with drafts is not deleted under them; what is discarded is gone.
    assert_eq!(shelf.delete(&name("w"), None).unwrap_err().code(), "has_drafts");
    for draft in [&mine, &third] {
        shelf.discard(draft).unwrap();
        assert!(shelf.enter(draft).is_err());
        assert_eq!(shelf.discard(draft).unwrap_err().code(), "no_draft");
    }
    shelf.delete(&name("w"), None).unwrap();
    assert_eq!(world.kept(), 0);
}

#[tokio::test]
async fn half_of_a_change_is_not_applied() {
    let world = World::new();
    let shelf = site(&world).shelf();
    shelf.create(&name("w"), "me", &world.from("site"), Intake::default()).unwrap();
    let draft = shelf.start(&name("w")).unwrap().id;
    work(&shelf.enter(&draft).unwrap(), &["rm|old", "mkdir|old", "put|old/file|x"]).await;
    // The file can only come with the folder that takes the place of another file.
    let error = shelf.apply(&draft, &["old/file".into()]).unwrap_err();
    assert!(
        matches!(&error, WorkspaceError::Incomplete { path, needs } if path == "old/file" && needs == "old"),
        "{error}"
    );
    shelf.apply(&draft, &["old".into()]).unwrap();
}

#[tokio::test]
async fn a_draft_in_which_a_run_works_is_neither_applied_nor_thrown_away() {
    let world = World::new();
    let shelf = site(&world).shelf();
    shelf.create(&name("w"), "me", &world.from("site"), Intake::default()).unwrap();
    let draft = shelf.start(&name("w")).unwrap().id;
    let (first, second) = (shelf.enter(&draft).unwrap(), world.shelf().enter(&draft).unwrap());
    work(&first, &["append|readme|one"]).await;
    drop(first);
    work(&second, &["append|readme|two"]).await;
    assert_eq!(shelf.diff(&draft, false).unwrap().0.len(), 1);
    assert_eq!(shelf.apply(&draft, &[]).unwrap_err().code(), "draft_in_use");
    assert_eq!(world.shelf().discard(&draft).unwrap_err().code(), "draft_in_use");
    drop(second);
    shelf.apply(&draft, &[]).unwrap();
    assert_eq!(shelf.enter(&draft).unwrap_err().code(), "no_draft");
    shelf.export(&name("w"), &Destination::Folder(world.path("out"))).unwrap();
    assert!(std::fs::read_to_string(world.path("out/readme")).unwrap().ends_with("onetwo"));
}

/// A catalogue that fails at its last step, as a process does that is killed there.
struct Killed(TenantCatalog);

impl Catalog for Killed {
    fn workspaces(&self) -> Result<Vec<WorkspaceRecord>, CatalogError> {
        self.0.workspaces()
    }
    fn workspaces_after(&self, after: Option<&WorkspaceName>, most: u32) -> Result<Vec<WorkspaceRecord>, CatalogError> {
        self.0.workspaces_after(after, most)
    }
    fn workspace(&self, name: &WorkspaceName) -> Result<Option<WorkspaceRecord>, CatalogError> {
        self.0.workspace(name)
    }
    fn add(&self, _: &WorkspaceRecord) -> Result<bool, CatalogError> {
        Err(CatalogError("killed".into()))
    }
    fn remove(&self, name: &WorkspaceName, owner: Option<&str>) -> Result<bool, CatalogError> {
        self.0.remove(name, owner)
    }
    fn advance(&self, _: &WorkspaceRecord, _: Digest, _: &DraftId, _: bool) -> Result<bool, CatalogError> {
        Err(CatalogError("killed".into()))
    }
    fn drafts(&self) -> Result<Vec<DraftRecord>, CatalogError> {
        self.0.drafts()
    }
    fn draft(&self, id: &DraftId) -> Result<Option<DraftRecord>, CatalogError> {
        self.0.draft(id)
    }
    fn add_draft(&self, _: &DraftRecord, _: Option<&str>) -> Result<bool, CatalogError> {
        Err(CatalogError("killed".into()))
    }
    fn remove_draft(&self, id: &DraftId) -> Result<bool, CatalogError> {
        self.0.remove_draft(id)
    }
}

#[tokio::test]
async fn f13_a_crash_leaves_the_state_before_or_the_state_after() {
    let world = World::new();
    let shelf = site(&world).shelf();
    let (made, ..) = shelf.create(&name("w"), "me", &world.from("site"), Intake::default()).unwrap();
    let draft = shelf.start(&name("w")).unwrap().id;
    work(&shelf.enter(&draft).unwrap(), &["append|readme|more", "put|new|x"]).await;
    let before = world.kept();

    let killed = Workspaces::open(&world.path("data"), Killed(world.store())).unwrap();
    world.put("other/file", "something else");
    assert_eq!(killed.create(&name("x"), "me", &world.from("other"), Intake::default()).unwrap_err().code(), "catalog");
    assert_eq!(killed.apply(&draft, &[]).unwrap_err().code(), "catalog");
    assert_eq!(killed.start(&name("w")).unwrap_err().code(), "catalog");
    assert!(world.kept() > before, "what was brought is there, and nobody knows of it");

    // The next process finds all as it was, and what was left behind goes.
    let shelf = world.shelf();
    assert_eq!(shelf.list().unwrap(), [made]);
    assert_eq!(shelf.diff(&draft, false).unwrap().0.len(), 2);
    let (other, ..) = shelf.create(&name("y"), "me", &Source::Empty, Intake::default()).unwrap();
    shelf.delete(&other.name, None).unwrap();
    assert_eq!(world.kept(), before);
    assert_eq!(std::fs::read_dir(world.path("data/drafts")).unwrap().count(), 1);
    shelf.apply(&draft, &[]).unwrap();
    assert_eq!(shelf.get(&name("w")).unwrap().0.files, 6);
}

#[test]
fn a_damaged_store_is_told_and_not_exported() {
    let world = World::new();
    let shelf = site(&world).shelf();
    shelf.create(&name("w"), "me", &world.from("site"), Intake::default()).unwrap();
    let (_, tree) = shelf.get(&name("w")).unwrap();
    let Some(Node::File { digest, .. }) = tree.get("readme") else { panic!() };
    let hex = digest.hex();
    let path = world.path("data/files").join(&hex[..2]).join(&hex[2..]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&path, "forged").unwrap();
    let error = shelf.export(&name("w"), &Destination::Folder(world.path("out"))).unwrap_err();
    assert_eq!(error.code(), "store_damaged");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(shelf.start(&name("w")).unwrap_err().code(), "store_damaged");
    assert!(shelf.drafts().unwrap().is_empty());
}

/// Asked for room while a draft is made; somebody takes the workspace away meanwhile, or its name.
struct Meanwhile<F>(F);

impl<F: Fn() + Send + Sync> Room for Meanwhile<F> {
    fn take(&self, _: Weight) -> bool {
        (self.0)();
        true
    }
}

#[test]
fn a_workspace_that_goes_while_a_draft_of_it_is_made_is_missed_by_name() {
    let world = World::new();
    let shelf = site(&world).shelf();
    let make = || shelf.create(&name("w"), "me", &world.from("site"), Intake::default()).unwrap();
    let start = |meanwhile: &dyn Room| {
        shelf.start_within(DraftId::random(), Some(&name("w")), Some("me"), meanwhile).map_err(|error| error.code())
    };
    make();
    let delete = || shelf.delete(&name("w"), Some("me")).unwrap();
    assert_eq!(start(&Meanwhile(delete)).unwrap_err(), "no_workspace");
    make();
    let swap = || {
        delete();
        shelf.create(&name("w"), "another", &world.from("site"), Intake::default()).unwrap();
    };
    assert_eq!(start(&Meanwhile(swap)).unwrap_err(), "no_workspace");
    shelf.delete(&name("w"), None).unwrap();
    make();
    let draft = start(&Meanwhile(|| ())).unwrap();
    // The other way round: one that has come since it was looked at.
    assert!(!world.store().remove(&name("w"), None).unwrap());
    assert_eq!(shelf.delete(&name("w"), Some("me")).unwrap_err().code(), "has_drafts");
    shelf.discard(&draft.id).unwrap();
    delete();
}

#[test]
fn names_are_checked() {
    for bad in ["", "..", ".hidden", "UPPER", "a/b", "a b", &"n".repeat(65), "-x", "ä"] {
        assert!(bad.parse::<WorkspaceName>().is_err(), "{bad}");
    }
    assert!("a-1_b.c".parse::<WorkspaceName>().is_ok());
}
