//! What workspaces take in and write out: nothing of what is refused stays, and what is taken can leave and come again.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use ringfence::store::{Store, TenantCatalog};
use ringfence::workspace::archive::{TarWriter, ZipWriter};
use ringfence::workspace::{Destination, Intake, Left, Node, Source, WorkspaceError, WorkspaceName, Workspaces};

type Shelf = Workspaces<TenantCatalog>;

struct World {
    dir: tempfile::TempDir,
    shelf: Shelf,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { shelf: open(&dir.path().join("data")), dir }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.path(path)).unwrap();
        self
    }

    fn try_create(&self, from: &str) -> Result<Made, WorkspaceError> {
        let name: WorkspaceName = format!("w{}", self.shelf.list().unwrap().len()).parse().unwrap();
        let source = Source::Path(self.path(from));
        let (record, left, _) = self.shelf.create(&name, "me", &source, Intake::default())?;
        let (_, tree) = self.shelf.get(&name).unwrap();
        let nodes = tree.iter().map(|(path, node)| (path.to_owned(), node.clone())).collect();
        Ok(Made { name, tree: record.tree.to_string(), nodes, left })
    }

    #[track_caller]
    fn create(&self, from: &str) -> Made {
        self.try_create(from).unwrap_or_else(|error| panic!("{from}: {error}"))
    }

    #[track_caller]
    fn refused(&self, from: &str, code: &str) -> String {
        let error = self.try_create(from).err().unwrap_or_else(|| panic!("{from} was taken"));
        assert_eq!(error.code(), code, "{error}");
        error.to_string()
    }

    fn export(&self, made: &Made, to: &str) -> Result<(), WorkspaceError> {
        self.shelf.export(&made.name, &Destination::of(&self.path(to))?).map(drop)
    }

    /// Every file below the store of contents.
    fn kept(&self) -> Vec<PathBuf> {
        walk(&self.path("data/files"))
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Spoils the content of a file in the store.
    fn damage(&self, content: &[u8]) {
        let blob = self.kept().into_iter().find(|path| std::fs::read(path).unwrap() == content).unwrap();
        std::fs::set_permissions(&blob, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(blob, b"something else").unwrap();
    }
}

fn open(data: &Path) -> Shelf {
    std::fs::create_dir_all(data).unwrap();
    Workspaces::open(data, Store::open(&data.join("store.db")).unwrap().catalog(&"main".parse().unwrap())).unwrap()
}

struct Made {
    name: WorkspaceName,
    tree: String,
    nodes: Vec<(String, Node)>,
    left: Vec<Left>,
}

impl Made {
    fn paths(&self) -> Vec<&str> {
        self.nodes.iter().map(|(path, _)| path.as_str()).collect()
    }

    fn left(&self) -> Vec<&str> {
        self.left.iter().map(|left| left.path.as_str()).collect()
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

fn tar_of(name: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = TarWriter::new(Vec::new());
    tar.file(name, false, content.len() as u64, &mut &*content).unwrap();
    tar.finish().unwrap()
}

fn zip_of(name: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.file(name, false, content.len() as u64, &mut &*content).unwrap();
    zip.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn credential() -> String {
    let body = "MIIEpAIBAAKCAQEA7bq9GTd7FguoV8FWnFbB0JxXujr4qqaaABvvLOzAxzXMcU1v\n";
    ["-----BEGIN RSA ", "PRIVATE KEY-----\n", body, "-----END RSA ", "PRIVATE KEY-----\n"].concat()
}

#[test]
fn an_upload_refused_for_credentials_leaves_nothing_in_the_store() {
    let world = World::new();
    world.put("p/a", "first").put("p/b", credential()).put("p/c", "last").put("one", credential());
    world.put("p.tar", tar_of("b", credential().as_bytes())).put("p.zip", zip_of("b", credential().as_bytes()));
    for from in ["p", "one", "p.tar", "p.zip"] {
        world.refused(from, "credentials");
        assert_eq!(world.kept(), [] as [PathBuf; 0], "{from}");
        assert_eq!(world.names("data/files/new"), [] as [&str; 0], "{from}");
    }
}

/// In a process of its own, because the bound on open files is one for all tests.
#[test]
fn an_upload_holds_few_files_open_however_many_there_are() {
    const ALONE: &str = "UPLOADS_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "an_upload_holds_few_files_open_however_many_there_are";
        let output = command.args([name, "--test-threads=1"]).env(ALONE, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    let world = World::new();
    for n in 0..500 {
        world.put(&format!("p/{n}"), format!("content {n}"));
    }
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let few = rustix::process::Rlimit { current: Some(64), maximum: most };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    assert_eq!(world.create("p").nodes.len(), 500);
    assert_eq!(world.names("data/files/new"), [] as [&str; 0]);
}

#[test]
fn f02_a_link_that_climbs_after_a_name_is_left_out_and_said() {
    let world = World::new();
    world.put("p/a/b/c", "").link("p/winds", "a/b/../../x").link("p/a/stays", "../a/b").link("p/out", "../x");
    let made = world.create("p");
    assert_eq!(made.paths(), ["a", "a/b", "a/b/c", "a/stays"]);
    let said: Vec<_> = made.left.iter().map(|left| (left.path.clone(), left.because(""))).collect();
    assert_eq!((said[0].0.as_str(), said[1].0.as_str()), ("out", "winds"));
    assert!(said[0].1.contains("leads out") && said[1].1.contains("'..' after a name"), "{said:?}");
}

#[test]
fn names_that_are_unusual_elsewhere_leave_and_come_again() {
    let world = World::new();
    world.put("p/README", "1").put("p/readme", "2").put("p/a:b", "3").put("p/C:\\x", "4");
    world
        .put("p/system-systemd\\x2dfsck.slice", "5")
        .link("p/link", "C:\\x")
        .put("p/plain/Ä", "6")
        .put("p/plain/ä", "7");
    let made = world.create("p");
    assert_eq!((made.nodes.len(), made.left.len()), (9, 0));
    for to in ["out.tar", "out.tar.gz", "out"] {
        world.export(&made, to).unwrap();
        assert_eq!(world.create(to).tree, made.tree, "{to}");
    }
    // A zip cannot say it, and says what can.
    let error = world.export(&made, "out.zip").unwrap_err();
    assert_eq!(error.code(), "name_absolute");
    assert!(error.to_string().contains("\"C:\\\\x\"") && error.to_string().contains("export to a .tar"), "{error}");
    assert!(!world.path("out.zip").exists());
}

#[test]
fn a_folder_of_any_depth_that_is_taken_leaves_and_comes_again() {
    let world = World::new();
    world.put(&format!("p/{}file", "d/".repeat(199)), "deep");
    let made = world.create("p");
    for to in ["out.tar", "out.tgz", "out.zip", "out"] {
        world.export(&made, to).unwrap();
        assert_eq!(world.create(to).tree, made.tree, "{to}");
    }
    world.put(&format!("q/{}file", "d/".repeat(200)), "too deep");
    assert!(world.refused("q", "cannot_select").contains("200 levels"));
}

#[test]
fn content_that_compresses_like_a_bomb_leaves_and_comes_again() {
    let world = World::new();
    world
        .put("p/a", vec![0; 20 << 20])
        .put("p/b", "b".repeat(3 << 20))
        .put("q/text", "words and words\n".repeat(60_000));
    let (made, text) = (world.create("p"), world.create("q"));
    for to in ["out.zip", "out.tar.gz", "out.tar"] {
        world.export(&made, to).unwrap();
        assert_eq!(world.create(to).tree, made.tree, "{to}");
    }
    // What is ordinary is compressed.
    world.export(&text, "text.tgz").unwrap();
    world.export(&text, "text.zip").unwrap();
    assert!(world.path("text.tgz").metadata().unwrap().len() < 100 << 10);
    assert!(world.path("text.zip").metadata().unwrap().len() < 100 << 10);
}

#[test]
fn a_single_file_is_taken_as_it_is_with_its_executable_bit() {
    let world = World::new();
    world.put("run.sh", "#!/bin/sh\n").put("disk.img", vec![0; 4096]).put("log.gz", gzip(&b"line\n".repeat(1_000)));
    world.put("report.docx", zip_of("word/document.xml", b"<w/>")).put("lib.jar", zip_of("META-INF/M", b"1"));
    world.put("data.xz", b"\xfd7zXZ\0rest").put(".gitignore", "*\n").put("empty", "");
    std::fs::set_permissions(world.path("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["run.sh", "disk.img", "log.gz", "report.docx", "lib.jar", "data.xz", ".gitignore", "empty"] {
        let made = world.create(name);
        assert_eq!(made.paths(), [name]);
        let Node::File { executable, bytes, .. } = &made.nodes[0].1 else { panic!("{name} is no file") };
        assert_eq!((*executable, *bytes), (name == "run.sh", world.path(name).metadata().unwrap().len()), "{name}");
    }
    // Its name decides as it would in a folder.
    world.put(".env", "A=1");
    let made = world.create(".env");
    assert_eq!((made.paths().len(), made.left()), (0, vec![".env"]));
}

#[test]
fn an_archive_is_unpacked_and_one_of_another_kind_is_refused() {
    let world = World::new();
    let mut v7 = tar_of("f", b"content");
    v7[257..345].fill(0);
    v7[148..156].fill(b' ');
    let sum: u32 = v7[..512].iter().map(|byte| u32::from(*byte)).sum();
    v7[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    world.put("old.tar", v7).put("f.tar", tar_of("f", b"content")).put("f.tar.gz", gzip(&tar_of("f", b"content")));
    world.put("F.ZIP", zip_of("f", b"content")).put("download", zip_of("f", b"content"));
    world.put("f.tgz", gzip(&tar_of("f", b"content"))).put("empty.tar", [0; 1024]);
    for name in ["old.tar", "f.tar", "f.tar.gz", "F.ZIP", "download", "f.tgz"] {
        assert_eq!(world.create(name).paths(), ["f"], "{name}");
    }
    assert_eq!(world.create("empty.tar").paths(), [] as [&str; 0]);
    for name in ["a.tar.xz", "a.tar.zst", "a.TAR.BZ2", "a.7z", "a.rar"] {
        world.put(name, "content");
        let message = world.refused(name, "format_unsupported");
        assert!(message.contains("send a tar"), "{message}");
        // In a folder it is a file as any other.
        world.put(&format!("in-{name}/{name}"), "content");
        assert_eq!(world.create(&format!("in-{name}")).paths(), [name]);
    }
}

#[test]
fn a_file_too_large_is_refused_before_it_is_read() {
    let world = World::new();
    let file = std::fs::File::create(world.path("huge")).unwrap();
    // All hole: only its size says that it is too large, and reading it would take minutes.
    file.set_len((16 << 30) + 1).unwrap();
    assert!(world.refused("huge", "cannot_select").contains("17179869184 bytes"));
    assert_eq!(world.kept(), [] as [PathBuf; 0]);
}

#[test]
fn the_rules_of_the_repository_around_the_folder_count() {
    let world = World::new();
    world.put("repo/.git/HEAD", "ref: refs/heads/main\n").put("repo/.git/info/exclude", "*.tmp\n");
    world.put("repo/.gitignore", "*.log\n/app/local\n").put("repo/app/a.log", "").put("repo/app/b.tmp", "");
    world.put("repo/app/local", "").put("repo/app/code", "");
    let made = world.create("repo/app");
    assert_eq!((made.paths(), made.left()), (vec!["code"], vec!["a.log", "b.tmp", "local"]));
    // Not so for an archive, wherever it lies and whatever it brings.
    world.put("repo/a.tar", tar_of("a.log", b""));
    assert_eq!(world.create("repo/a.tar").paths(), ["a.log"]);
}

#[test]
fn f13_an_export_is_there_whole_or_not_at_all() {
    let world = World::new();
    world.put("p/a", "good").put("p/b", "will be damaged").put("p/c", "good too");
    let made = world.create("p");
    world.damage(b"will be damaged");
    let before = world.names("");
    for to in ["out", "out.tar", "out.tar.gz", "out.zip"] {
        for _ in 0..2 {
            let error = world.export(&made, to).unwrap_err();
            assert!(matches!(&error, WorkspaceError::Damaged { path, .. } if path == "b"), "{to}: {error}");
            assert_eq!(world.names(""), before, "{to}");
        }
    }
}

#[test]
fn f13_what_a_killed_export_left_goes_with_the_next_to_the_same_place() {
    let world = World::new();
    let made = world.put("p/a", "1").create("p");
    world.put(".out.ringfence-unfinished-Ab12cD/half/file", "1").put(".out.tar.ringfence-unfinished-Ab12cD", "half");
    world.put(".other.ringfence-unfinished-Ab12cD/mine", "").put(".out.ringfence-unfinished-longer-name", "");
    // One that is being made at this moment.
    world.put(".out.ringfence-unfinished-Busy00", "");
    let busy = std::fs::File::open(world.path(".out.ringfence-unfinished-Busy00")).unwrap();
    rustix::fs::flock(&busy, rustix::fs::FlockOperation::LockExclusive).unwrap();
    world.export(&made, "out").unwrap();
    world.export(&made, "out.tar").unwrap();
    let left = [
        ".other.ringfence-unfinished-Ab12cD",
        ".out.ringfence-unfinished-Busy00",
        ".out.ringfence-unfinished-longer-name",
        "data",
        "out",
        "out.tar",
        "p",
    ];
    assert_eq!(world.names(""), left);
    assert_eq!(world.names("out"), ["a"]);
    drop(busy);
    // As readable as any other folder.
    let mode = |path: &str| world.path(path).metadata().unwrap().permissions().mode();
    assert_eq!(mode("out"), mode("p"));
    // An empty folder is occupied as well.
    std::fs::create_dir(world.path("empty")).unwrap();
    assert_eq!(world.export(&made, "empty").unwrap_err().code(), "occupied");
}

#[test]
fn the_data_folder_is_never_taken() {
    let world = World::new();
    world.put("p/code", "1").put("p/data.txt", "2");
    let shelf = open(&world.path("p/here"));
    let create = |name: &str, from: &str| {
        shelf.create(&name.parse().unwrap(), "me", &Source::Path(world.path(from)), Intake::default())
    };
    let (record, left, _) = create("one", "p").unwrap();
    assert_eq!(record.files, 2);
    assert_eq!(left.iter().map(|left| left.path.as_str()).collect::<Vec<_>>(), ["here"]);
    assert!(left[0].because("").contains("its own data"));
    // The second time it has grown, and is no more taken than before.
    assert_eq!(create("two", "p").unwrap().0.tree, record.tree);
    for own in ["p/here", "p/here/files", "p/here/files/new"] {
        assert_eq!(create("three", own).unwrap_err().code(), "special_file", "{own}");
    }
    std::fs::create_dir(world.path("elsewhere")).unwrap();
    world.link("elsewhere/link", "../p/here");
    assert_eq!(create("four", "elsewhere").unwrap().0.files, 0);
}

#[test]
fn the_end_of_a_name_says_what_is_written_whatever_its_case() {
    let of = |name: &str| Destination::of(Path::new(name));
    for name in ["o.tar", "O.TAR"] {
        assert_eq!(of(name).unwrap(), Destination::Tar(name.into()));
    }
    for name in ["o.tar.gz", "a/o.TGZ"] {
        assert_eq!(of(name).unwrap(), Destination::TarGz(name.into()));
    }
    assert_eq!(of("o.Zip").unwrap(), Destination::Zip("o.Zip".into()));
    for name in ["o", "v1.2", ".tar", "a.tar/b", ".."] {
        assert_eq!(of(name).unwrap(), Destination::Folder(name.into()));
    }
    for name in ["o.tar.xz", "o.TAR.ZST", "o.7z", "o.rar", "o.gz", "o.bz2"] {
        let error = of(name).unwrap_err();
        assert_eq!(error.code(), "format_unsupported");
        assert!(error.to_string().contains(".tar.gz"), "{error}");
    }
    let world = World::new();
    let made = world.put("p/a", "1").create("p");
    world.export(&made, "O.TAR.GZ").unwrap();
    assert!(std::fs::read(world.path("O.TAR.GZ")).unwrap().starts_with(&[0x1f, 0x8b]));
}
