use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::error::StoreError;
use super::history::History;
use super::lane::{Lane, Lasting, StepError};

/// How long other processes are waited for.
const BUSY: Duration = Duration::from_secs(10);

/// What the log keeps of the disk when it was folded in; one large step makes it large.
const LOG_BYTES: u64 = 64 << 20;

/// Readers that are kept for the next question.
const IDLE_READERS: usize = 8;

/// One after the other; a store knows how many of them it has seen. Never edited, only added to.
const STEPS: [&str; 6] = [
    include_str!("steps/1.sql"),
    include_str!("steps/2.sql"),
    include_str!("steps/3.sql"),
    include_str!("steps/4.sql"),
    include_str!("steps/5.sql"),
    include_str!("steps/6.sql"),
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

/// Whether there is no store, or an empty one, where things are that only a store can have known of.
fn went_away(data: &Path, store: &Path) -> bool {
    if std::fs::metadata(store).is_ok_and(|about| about.len() > 0) {
        return false;
    }
    let holds = |name: &str| std::fs::read_dir(data.join(name)).is_ok_and(|mut entries| entries.next().is_some());
    ["components", "drafts", "tenants"].into_iter().any(holds) || data.join("secrets/pepper").exists()
}

impl Store {
    /// The store of a data folder. Where it went away it is not begun anew: that would throw away all that it knew of.
    pub fn of(data: &Path) -> Result<Self, StoreError> {
        let path = data.join("ringfence.db");
        if went_away(data, &path) {
            return Err(StoreError::Missing { path: path.display().to_string() });
        }
        Self::open(&path)
    }

    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let sql = |error: rusqlite::Error| StoreError::sql(path, &error);
        let unusable = |reason: std::io::Error| StoreError::Unusable {
            path: path.display().to_string(),
            reason: reason.to_string(),
        };
        keep_private(path).map_err(unusable)?;
        let mut connection = Connection::open(path).map_err(sql)?;
        connection.busy_timeout(BUSY).map_err(sql)?;
        // What is not understood is not touched, so this comes before anything that writes.
        refuse_newer(path, &connection)?;
        write_ahead(&connection).map_err(sql)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(sql)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES).map_err(sql)?;
        migrate(path, &mut connection)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(sql)?;
        connection.set_prepared_statement_cache_capacity(64);
        let lane = Lane::start(connection).map_err(unusable)?;
        let history = Mutex::new(History::ENDLESS);
        Ok(Self(Arc::new(Inner { path: path.to_owned(), lane, readers: Mutex::default(), history })))
    }

    /// Reads the whole file and looks whether it is sound.
    pub fn check(&self) -> Result<(), StoreError> {
        let path = &self.0.path;
        self.reader(|connection| Ok(sound(path, connection))).map_err(|error| StoreError::sql(path, &error))?
    }

    /// What `of` and `check` would refuse, without making or changing anything.
    pub fn look(data: &Path) -> Result<(), StoreError> {
        let path = data.join("ringfence.db");
        if went_away(data, &path) {
            return Err(StoreError::Missing { path: path.display().to_string() });
        }
        if !path.exists() {
            return Ok(());
        }
        // A reader makes the files of the log where they are not. Then nobody has it open, and it is all that there is.
        let how = if data.join("ringfence.db-wal").exists() { "mode=ro" } else { "immutable=1" };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let sql = |error: rusqlite::Error| StoreError::sql(&path, &error);
        let connection = Connection::open_with_flags(format!("file:{}?{how}", escaped(&path)), flags).map_err(sql)?;
        connection.busy_timeout(BUSY).map_err(sql)?;
        refuse_newer(&path, &connection)?;
        sound(&path, &connection)
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

fn sound(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let said: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0));
    match said.map_err(|error| StoreError::sql(path, &error))?.as_str() {
        "ok" => Ok(()),
        said => Err(StoreError::Damaged { path: path.display().to_string(), reason: said.to_owned() }),
    }
}

/// As SQLite reads paths in a URI.
fn escaped(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(byte);
    let one = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.as_os_str().as_bytes().iter().map(one).collect()
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

fn refuse_newer(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let seen: usize = connection
        .query_row("PRAGMA user_version", (), |row| row.get(0))
        .map_err(|error| StoreError::sql(path, &error))?;
    if seen > STEPS.len() { Err(StoreError::Newer { path: path.display().to_string() }) } else { Ok(()) }
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| StoreError::sql(path, &error);
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    refuse_newer(path, &step)?;
    let seen: usize = step.query_row("PRAGMA user_version", (), |row| row.get(0)).map_err(sql)?;
    for text in STEPS.iter().skip(seen) {
        step.execute_batch(text).map_err(sql)?;
    }
    step.pragma_update(None, "user_version", STEPS.len()).map_err(sql)?;
    step.commit().map_err(sql)
}
