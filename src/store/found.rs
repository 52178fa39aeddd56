use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::mark;
use super::open::{BUSY, STEPS};

/// The bytes of a log before its first frame.
const LOG_HEAD: u64 = 32;

/// A store as it was found, before anything is written to it.
pub(super) struct Found {
    pub(super) path: PathBuf,
    /// What the mark said before anything of the store was read, so that others who write meanwhile can only be ahead.
    marked: Option<u64>,
    /// Whether things are beside it that only a store can have known of.
    known: bool,
}

impl Found {
    pub(super) fn at(path: PathBuf) -> Self {
        let marked = mark::read(&path);
        Self { path, marked, known: marked.is_some() }
    }

    pub(super) fn of(data: &Path) -> Self {
        let holds = |name: &str| std::fs::read_dir(data.join(name)).is_ok_and(|mut entries| entries.next().is_some());
        let known = ["components", "drafts", "tenants"].into_iter().any(holds) || data.join("secrets/pepper").exists();
        let found = Self::at(data.join("ringfence.db"));
        Self { known: known || found.known, ..found }
    }

    /// Refuses one that went away, for whoever would make another. To begin anew would throw away all that it knew of.
    pub(super) fn refuse_missing(&self) -> Result<(), StoreError> {
        let empty = std::fs::metadata(&self.path).map_or(true, |about| about.len() == 0);
        if empty && self.known { Err(StoreError::Missing { path: self.path.display().to_string() }) } else { Ok(()) }
    }

    /// Refuses what is not to be written to; `whole` reads all of it for that.
    pub(super) fn refuse(&self, connection: &Connection, whole: bool) -> Result<(), StoreError> {
        let sql = |error: rusqlite::Error| StoreError::sql(&self.path, &error);
        refuse_newer(&self.path, connection)?;
        let tables: u64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).map_err(sql)?;
        if tables == 0 && self.known && !self.has_log() {
            return Err(StoreError::Missing { path: self.path.display().to_string() });
        }
        let counted = mark::counted(connection).map_err(sql)?;
        let marked = self.marked.unwrap_or(0);
        if counted < marked || (tables == 0 && self.known) {
            let mark = mark::name(&self.path);
            return Err(self.damaged(format!(
                "it has lost what it knew, {counted} commits of {marked} are left: its log, -wal, is damaged or gone, or \
                 this is an older copy, to be taken as it is once {} is removed",
                mark.display()
            )));
        }
        if whole { self.refuse_unsound(connection) } else { Ok(()) }
    }

    fn refuse_unsound(&self, connection: &Connection) -> Result<(), StoreError> {
        let said: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
        match said.map_err(|error| StoreError::sql(&self.path, &error))?.as_str() {
            "ok" => Ok(()),
            said => Err(self.damaged(said.to_owned())),
        }
    }

    fn damaged(&self, reason: String) -> StoreError {
        StoreError::Damaged { path: self.path.display().to_string(), reason }
    }

    fn log(&self) -> PathBuf {
        self.beside("-wal")
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(end);
        name.into()
    }

    /// Whether anything was written into its log since that was folded in.
    fn has_log(&self) -> bool {
        std::fs::metadata(self.log()).is_ok_and(|about| about.len() > LOG_HEAD)
    }

    /// Whether its log is a head and nothing else, and stays so: whoever writes a head writes more at once, if he lives.
    fn is_begun(&self) -> bool {
        let is_head = || std::fs::metadata(self.log()).is_ok_and(|about| about.len() == LOG_HEAD);
        let still = || {
            std::thread::sleep(Duration::from_millis(25));
            is_head()
        };
        is_head() && (0..20).all(|_| still())
    }

    /// One who reads the log where there is one, and leaves it as it is.
    pub(super) fn reader(&self) -> Result<Option<Connection>, StoreError> {
        if self.log().exists() { self.open("mode=ro").map(Some) } else { Ok(None) }
    }

    /// The same for a store that nobody has open: nothing is made beside it.
    pub(super) fn lone_reader(&self) -> Result<Connection, StoreError> {
        // A reader makes the files of the log where they are not. Then the store is all that there is.
        if !self.log().exists() || (!self.has_log() && !self.beside("-shm").exists()) {
            return self.open("immutable=1");
        }
        if !self.beside("-shm").exists() {
            return self.alone();
        }
        // SQLite waits for ten seconds for what comes after the head, and then writes.
        if self.is_begun() {
            return self.open("immutable=1");
        }
        // What is beside the log says how it is read, and a reader writes it anew where nobody else has the store open. It
        // need not: it can keep that in memory. Where somebody does, it may have to share.
        let apart = self.open("mode=ro&readonly_shm=1")?;
        match apart.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(())) {
            Err(error) if !self.is_damaged(&error) => self.open("mode=ro"),
            _ => Ok(apart),
        }
    }

    /// For a log beside which nothing is, so that nobody has the store open. Whoever has it alone keeps in memory how the log
    /// is read, in the place of a file beside it. On a connection that only reads, that goes where locks are not taken.
    fn alone(&self) -> Result<Connection, StoreError> {
        let sql = |error: rusqlite::Error| StoreError::sql(&self.path, &error);
        let connection = self.open("mode=ro&vfs=unix-none")?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(sql)?;
        // Else it would fold the log in when it goes.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sql)?;
        Ok(connection)
    }

    fn is_damaged(&self, error: &rusqlite::Error) -> bool {
        matches!(StoreError::sql(&self.path, error), StoreError::Damaged { .. })
    }

    fn open(&self, how: &str) -> Result<Connection, StoreError> {
        let sql = |error: rusqlite::Error| StoreError::sql(&self.path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let name = format!("file:{}?{how}", escaped(&self.path));
        let connection = Connection::open_with_flags(name, flags).map_err(sql)?;
        connection.busy_timeout(BUSY).map_err(sql)?;
        Ok(connection)
    }
}

pub(super) fn refuse_newer(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let seen: usize = connection
        .query_row("PRAGMA user_version", (), |row| row.get(0))
        .map_err(|error| StoreError::sql(path, &error))?;
    if seen > STEPS.len() { Err(StoreError::Newer { path: path.display().to_string() }) } else { Ok(()) }
}

/// As SQLite reads paths in a URI.
fn escaped(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let one = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.as_os_str().as_bytes().iter().map(one).collect()
}
