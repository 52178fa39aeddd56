//! A draft in which somebody is at work while it is packed.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ringfence::model::{Room, Weight};
use ringfence::store::{Store, TenantCatalog};
use ringfence::workspace::archive::{Bounds, Receiver, read_tar, read_zip};
use ringfence::workspace::{DraftId, WorkspaceError, Workspaces};

struct Desk {
    dir: tempfile::TempDir,
    shelf: Workspaces<TenantCatalog>,
    draft: DraftId,
}

/// What somebody does in the folder of the files.
type Act = fn(&Path);

/// What was packed, by path.
type Packed = Vec<(String, Vec<u8>)>;

/// Does something once, when the first bytes of the archive are about to be written: what is packed first is half read.
struct Meanwhile(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Room for Meanwhile {
    fn take(&self, _: Weight) -> bool {
        if let Some(act) = self.0.lock().unwrap().take() {
            act();
        }
        true
    }
}

#[derive(Default)]
struct Notes(Packed);

impl Receiver for Notes {
    type Error = std::io::Error;

    fn folder(&mut self, _: &str) -> Result<(), Self::Error> {
        Ok(())
    }

    fn file(&mut self, path: &str, _: bool, content: &mut dyn std::io::Read) -> Result<(), Self::Error> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.0.push((path.to_owned(), bytes));
        Ok(())
    }

    fn link(&mut self, _: &str, _: &str) -> Result<(), Self::Error> {
        Ok(())
    }
}

const LONG: usize = 300 << 10;

impl Desk {
    /// `a` is so long that it is read in pieces, and comes before `b`, `c/d` and `e`.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db")).unwrap();
        let shelf = Workspaces::open(dir.path(), store.catalog(&"main".parse().unwrap())).unwrap();
        let draft = DraftId::random();
        shelf.start_as(draft.clone(), None).unwrap();
        let desk = Self { dir, shelf, draft };
        std::fs::create_dir(desk.path("c")).unwrap();
        for (path, content) in [("a", vec![b'a'; LONG]), ("b", b"bb".into()), ("c/d", b"d".into()), ("e", b"e".into())]
        {
            std::fs::write(desk.path(path), content).unwrap();
        }
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("drafts").join(self.draft.as_str()).join("files").join(path)
    }

    fn pack(&self, zip: bool, meanwhile: impl FnOnce(&Path) + Send + 'static) -> Result<Packed, WorkspaceError> {
        let files = self.path("");
        let room = Meanwhile(Mutex::new(Some(Box::new(move || meanwhile(&files)))));
        let packed = self.shelf.pack(&self.draft, "", zip, &room, &|_| true)?;
        assert!(room.0.lock().unwrap().is_none(), "it came in between");
        let mut notes = Notes::default();
        match zip {
            true => read_zip(&packed.file, &Bounds::ordinary(), &mut notes).map(drop).unwrap(),
            false => read_tar(&packed.file, &Bounds::ordinary(), &mut notes).map(drop).unwrap(),
        }
        Ok(notes.0)
    }
}

fn put(path: PathBuf, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

#[test]
fn what_is_written_while_an_archive_is_packed_is_in_it_as_it_was_found() {
    for zip in [false, true] {
        let desk = Desk::new();
        let packed = desk.pack(zip, |files| {
            // The one that is being read grows; others are replaced by longer ones, or removed.
            put(files.join("a"), &[b'a'; 2 * LONG]);
            put(files.join("b"), b"longer than before");
            std::fs::remove_dir_all(files.join("c")).unwrap();
            put(files.join("new"), b"not seen");
        });
        let packed = packed.unwrap();
        let told: Vec<_> = packed.iter().map(|(path, content)| (path.as_str(), content.len())).collect();
        assert_eq!(told, [("a", LONG), ("b", 18), ("e", 1)], "zip: {zip}");
    }
}

#[test]
fn what_cannot_be_packed_whole_is_told_and_may_be_tried_again() {
    let acts: [(&str, Act); 3] = [
        ("a", |files| std::fs::File::options().write(true).open(files.join("a")).unwrap().set_len(9).unwrap()),
        ("b", |files| {
            std::fs::remove_file(files.join("b")).unwrap();
            std::os::unix::fs::symlink("e", files.join("b")).unwrap();
        }),
        ("e", |files| {
            std::fs::remove_file(files.join("e")).unwrap();
            std::fs::create_dir(files.join("e")).unwrap();
        }),
    ];
    for (path, act) in acts {
        for zip in [false, true] {
            let desk = Desk::new();
            let error = desk.pack(zip, act).unwrap_err();
            assert!(matches!(&error, WorkspaceError::Changed { path: at } if at == path), "{path}: {error}");
            let error = ringfence::sandbox::SandboxError::from(error);
            let told = (error.code(), error.sort(), error.retry_after());
            assert_eq!(told, ("changed_meanwhile", ringfence::sandbox::Sort::Conflict, Some(1)));
            desk.pack(zip, |_| ()).unwrap();
        }
    }
}
