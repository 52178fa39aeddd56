use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::error::StoreError;
use super::found::{Found, refuse_newer};
use super::history::History;
use super::kept::Looked;
use super::lane::{Lane, Lasting, StepError};
use super::mark::Mark;

/// How long other processes are waited for.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// How long those who read are waited for, where nothing is lost without them.
const READERS: Duration = Duration::from_secs(1);

/// What the log keeps of the disk when it was folded in; one large step makes it large.
const LOG_BYTES: u64 = 64 << 20;

/// Readers that are kept for the next question.
const IDLE_READERS: usize = 8;

/// One after the other; a store knows how many of them it has seen. Never edited, only added to.
pub(super) const STEPS: [&str; 9] = [
    include_str!("steps/1.sql"),
    include_str!("steps/2.sql"),
    include_str!("steps/3.sql"),
    include_str!("steps/4.sql"),
    include_str!("steps/5.sql"),
    include_str!("steps/6.sql"),
    include_str!("steps/7.sql"),
    include_str!("steps/8.sql"),
    include_str!("steps/9.sql"),
];

/// The embedded store. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: PathBuf,
    lane: Lane,
    readers: Mutex<Vec<Connection>>,
    history: Mutex<History>,
}

impl Store {
    /// The store of a data folder. Where it went away it is not begun anew: that would throw away all that it knew of.
    pub fn of(data: &Path) -> Result<Self, StoreError> {
        Self::begin(&Found::of(data), false)
    }

    /// The same, where all of it is read first and found sound.
    pub fn of_sound(data: &Path) -> Result<Self, StoreError> {
        Self::begin(&Found::of(data), true)
    }

    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::begin(&Found::at(path.to_owned()), false)
    }

    fn begin(found: &Found, whole: bool) -> Result<Self, StoreError> {
        let path = found.path.as_path();
        let sql = |error: rusqlite::Error| StoreError::sql(path, &error);
        let unusable = |reason: std::io::Error| StoreError::Unusable {
            path: path.display().to_string(),
            reason: reason.to_string(),
        };
        found.refuse_missing()?;
        keep_private(path).map_err(unusable)?;
        let mut connection = Connection::open(path).map_err(sql)?;
        connection.busy_timeout(BUSY).map_err(sql)?;
        // What is not understood or damaged is not touched, so this comes before anything that writes. A writer does when
        // it is closed: it folds in what it could read of the log and removes the rest. So a log is looked at by a reader.
        let reader = found.reader()?;
        found.refuse(reader.as_ref().unwrap_or(&connection), whole)?;
        drop(reader);
        write_ahead(&connection).map_err(sql)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES).map_err(sql)?;
        if migrate(path, &mut connection)? {
            fold_in(&connection, "PASSIVE").map_err(sql)?;
        }
        connection.pragma_update(None, "foreign_keys", true).map_err(sql)?;
        connection.set_prepared_statement_cache_capacity(64);
        let lane = Lane::start(connection, Mark::open(path).map_err(unusable)?).map_err(unusable)?;
        let history = Mutex::new(History::ENDLESS);
        Ok(Self(Arc::new(Inner { path: path.to_owned(), lane, readers: Mutex::default(), history })))
    }

    /// What `of_sound` would refuse, without making or changing anything. Nothing where there is no store yet.
    pub fn look(data: &Path) -> Result<Option<Looked>, StoreError> {
        let found = Found::of(data);
        found.refuse_missing()?;
        if !found.path.exists() {
            return Ok(None);
        }
        let connection = found.lone_reader()?;
        found.refuse(&connection, true)?;
        Ok(Some(Looked { path: found.path, connection }))
    }

    /// Folds all of the log into the store, as far as whoever reads at this moment lets it: then the log is empty.
    pub fn fold(&self) -> Result<(), StoreError> {
        let sql = |error: rusqlite::Error| StoreError::sql(&self.0.path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.0.path, flags).map_err(sql)?;
        connection.busy_timeout(READERS).map_err(sql)?;
        fold_in(&connection, "TRUNCATE").map_err(sql)
    }

    pub(super) fn keep_history(&self, history: History) {
        *self.0.history.lock().unwrap_or_else(PoisonError::into_inner) = history;
    }

    pub(super) fn history(&self) -> History {
        *self.0.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Where the bytes of components are, beside the file itself.
    pub(super) fn contents(&self) -> PathBuf {
        self.0.path.with_file_name("components")
    }

    /// Asks something. What was acknowledged before is seen.
    pub(super) fn reader<T>(&self, ask: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&self.0.path, flags)?;
                connection.busy_timeout(BUSY)?;
                connection.set_prepared_statement_cache_capacity(64);
                connection
            }
        };
        let answer = ask(&connection);
        let mut readers = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        answer
    }

    pub(super) async fn step<T: Send + 'static>(
        &self,
        lasting: Lasting,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StepError> {
        self.0.lane.step(lasting, work).await
    }

    pub(super) async fn step_and<T: Send + 'static>(
        &self,
        lasting: Lasting,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        then: impl FnOnce(&Connection, &T) + Send + 'static,
    ) -> Result<T, StepError> {
        self.0.lane.step_and(lasting, work, then).await
    }

    /// Takes a step that nobody waits for, if there is room for it.
    pub(super) fn note<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) {
        self.0.lane.note(work);
    }

    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StepError> {
        self.0.lane.wait(Lasting::Power, work)
    }
}

/// For its owner alone; SQLite gives the files of the log the rights of the store itself.
fn keep_private(path: &Path) -> std::io::Result<()> {
    // One that is there is not opened here: to close it again would end all locks that this process has on it.
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let Ok(about) = std::fs::metadata(&name) else { continue };
        if about.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(&name, Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

/// Nothing is lost where others keep it from doing so.
fn fold_in(connection: &Connection, how: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), (), |_| Ok(()))
}

/// The change to write-ahead mode does not wait for others as everything else does, so we do.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let end = Instant::now() + BUSY;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

/// Whether there was anything to do.
fn migrate(path: &Path, connection: &mut Connection) -> Result<bool, StoreError> {
    let sql = |error: rusqlite::Error| StoreError::sql(path, &error);
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    refuse_newer(path, &step)?;
    let seen: usize = step.query_row("PRAGMA user_version", (), |row| row.get(0)).map_err(sql)?;
    for text in STEPS.iter().skip(seen) {
        step.execute_batch(text).map_err(sql)?;
    }
    step.pragma_update(None, "user_version", STEPS.len()).map_err(sql)?;
    step.commit().map_err(sql)?;
    Ok(seen < STEPS.len())
}
