use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use crate::audit::disk::RealDisk;
use crate::audit::forward::Target;
use crate::audit::note::SignedCheckpoint;
use crate::audit::{
    AuditError, AuditSettings, Begin, Detail, Event, EventName, Log, LogSettings, LogTime, OpenCheck, Opened, Reader,
    Standing, VerifyOptions, kept_signing_keys, signing_keys, verify,
};
use crate::authz::HOUSE;
use crate::config::Settings;
use crate::identity::KeyRecord;
use crate::model::Digest;
use crate::sandbox::Hall;
use crate::store::{Fact, Store};

const DAY: Duration = Duration::from_secs(86_400);
/// How often it is looked whether a log that ended can go on.
const LOOK: Duration = Duration::from_secs(1);
/// How long another that has the log is waited for at a start, and how often it is looked.
const LETTING_GO: Duration = Duration::from_secs(5);
const WAIT: Duration = Duration::from_millis(20);

/// The audit log of a service, and who reads it.
#[derive(Clone)]
pub(super) struct Audit {
    pub(super) log: Arc<Standing>,
    pub(super) reader: Arc<Reader>,
    /// The name of the log.
    pub(super) origin: Arc<str>,
    store: Store,
    retention: Duration,
}

/// Where the log of a data folder is.
pub(super) fn folder(settings: &AuditSettings, data: &Path) -> PathBuf {
    settings.dir.clone().unwrap_or_else(|| data.join("audit"))
}

/// What a start would refuse of the folder, of the keys and of the log; nothing is made. `known` is the checkpoint that the
/// store remembers.
pub(super) fn check(settings: &AuditSettings, data: &Path, known: Option<String>) -> anyhow::Result<()> {
    let root = folder(settings, data);
    let key_file = key_file(settings, data);
    let failed = || format!("the audit log in {}, whose key is {}", root.display(), key_file.display());
    match root.metadata() {
        Ok(about) if !about.is_dir() => bail!("{}: that is no folder; move it away", failed()),
        Ok(about) if about.mode() & 0o022 != 0 => Err(AuditError::LooseFolder).with_context(failed)?,
        Ok(_) => {}
        // It is made; what it lies in is not, but for the data folder.
        Err(_) if settings.dir.is_none() || root.parent().is_some_and(Path::is_dir) => {}
        Err(_) => bail!("{}: make the folder that it is to lie in", failed()),
    }
    let known = remembered(known)?;
    match (is_there(&root), key_file.metadata()) {
        (true, _) => whole(settings, &root, &key_file, known).with_context(failed),
        (false, _) if known.is_some() => Err(AuditError::NoLog).with_context(failed),
        (false, Ok(about)) if about.mode() & 0o077 != 0 => Err(AuditError::LooseKeys).with_context(failed),
        (false, _) => Ok(()),
    }
}

/// Reads all of a log that is there, and its keys.
fn whole(
    settings: &AuditSettings,
    root: &Path,
    key_file: &Path,
    known: Option<SignedCheckpoint>,
) -> anyhow::Result<()> {
    let public: Vec<_> = kept_signing_keys(key_file)?.iter().map(|key| key.public().clone()).collect();
    let options = VerifyOptions {
        origin: settings.origin.clone(),
        from: known.into_iter().collect(),
        // What a crash left unfinished is no fault, and a service may be at work on it.
        live: true,
        ..VerifyOptions::default()
    };
    if let Some(fault) = verify(root, &options).fault {
        return Err(fault.into());
    }
    let what = "the newest checkpoint";
    let newest = std::fs::read_to_string(root.join(crate::audit::folder::CHECKPOINT)).context(what)?;
    let newest: SignedCheckpoint = newest.parse().map_err(|bad| AuditError::Note { what, bad })?;
    newest.signed_by(&public).map(drop).map_err(|bad| AuditError::Note { what, bad }.into())
}

fn remembered(text: Option<String>) -> anyhow::Result<Option<SignedCheckpoint>> {
    text.map(|text| text.parse().context("the checkpoint of the audit log that the store keeps")).transpose()
}

/// Whether a log was made there.
fn is_there(root: &Path) -> bool {
    root.join(crate::audit::folder::ORIGIN).exists()
}

fn key_file(settings: &AuditSettings, data: &Path) -> PathBuf {
    settings.key_file.clone().unwrap_or_else(|| data.join("secrets/audit"))
}

/// How the log is opened, the first time and when a disk that failed is well again.
struct Opening {
    dir: PathBuf,
    key_file: PathBuf,
    settings: Mutex<LogSettings>,
}

impl Opening {
    fn open(&self) -> Result<(Log, Opened), AuditError> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let may_be_made = settings.begin == Begin::OrCreate && !is_there(&self.dir);
        let keys = match may_be_made {
            true => signing_keys(&self.key_file, &settings.origin)?,
            false => kept_signing_keys(&self.key_file)?,
        };
        let opened = Log::open(Box::new(RealDisk::open(&self.dir)?), &settings, keys)?;
        // From now on there must be one.
        settings.begin = Begin::Continue;
        Ok(opened)
    }
}

impl Audit {
    /// Opens it, or makes it where there never was one: the store remembers whether.
    pub(super) async fn open(
        settings: &AuditSettings,
        data: &Path,
        store: &Store,
        instance: &str,
    ) -> anyhow::Result<Self> {
        let root = folder(settings, data);
        let origin = match (&settings.origin, std::fs::read_to_string(root.join(crate::audit::folder::ORIGIN))) {
            (Some(origin), _) => origin.clone(),
            (None, Ok(text)) => text.trim_end().to_owned(),
            (None, Err(_)) => format!("ringfence-{instance}/audit"),
        };
        let known = remembered(store.fact(Fact::AuditCheckpoint)?)?;
        let mut own = LogSettings::new(&origin);
        own.begin = if known.is_some() { Begin::Continue } else { Begin::OrCreate };
        own.check = if settings.check_everything { OpenCheck::Everything } else { OpenCheck::Ends };
        own.checkpoint_every = Duration::from_secs(settings.checkpoint_seconds);
        own.known = known.into_iter().collect();
        let key_file = key_file(settings, data);
        let failed = || format!("the audit log in {}, whose key is {}", root.display(), key_file.display());
        let failed = failed();
        let opening = Opening { dir: root.clone(), key_file, settings: Mutex::new(own) };
        // Whoever had it a moment ago may still be about to let go.
        let open = move || {
            let mut left = LETTING_GO;
            loop {
                match opening.open() {
                    Err(AuditError::InUse) if !left.is_zero() => {
                        std::thread::sleep(WAIT);
                        left = left.saturating_sub(WAIT);
                    }
                    opened => return opened.map(|opened| (opened, opening)),
                }
            }
        };
        let ((log, opened), opening) = tokio::task::spawn_blocking(open).await?.context(failed)?;
        if let Some(cut) = &opened.cut {
            tracing::warn!("the audit log ended in the middle of a write and was cut back: {cut:?}");
        }
        let audit = Self {
            log: Arc::new(Standing::new(log, move || opening.open().map(|(log, _)| log))),
            reader: Arc::new(Reader::new(&root)),
            origin: origin.into(),
            store: store.clone(),
            retention: DAY * u32::try_from(settings.retention_days).unwrap_or(u32::MAX),
        };
        audit.keep_checkpoint().await?;
        Ok(audit)
    }

    /// The first record of a service, and what is set otherwise than at its last start.
    pub(super) async fn started(&self, settings: &Settings) -> anyhow::Result<()> {
        let now = settings.in_force();
        let text = serde_json::to_string(&now)?;
        let configuration = Digest::of(text.as_bytes()).to_string();
        let event = Event::new(EventName::ServiceStarted).detail("version", env!("CARGO_PKG_VERSION"));
        self.log.append(&event.detail("configuration", configuration)).await?;
        if let Some(before) = self.store.fact(Fact::Settings)? {
            // What cannot be read is as if nothing had been set.
            let before: BTreeMap<String, String> = serde_json::from_str(&before).unwrap_or_default();
            let keys: BTreeSet<_> = now.keys().chain(before.keys()).collect();
            let differ: Vec<_> = keys.into_iter().filter(|key| now.get(*key) != before.get(*key)).collect();
            if !differ.is_empty() {
                let event = Event::new(EventName::ConfigurationChanged).detail("settings", Detail::of(&differ));
                self.log.append(&event).await?;
            }
        }
        Ok(self.store.keep_fact(Fact::Settings, text).await?)
    }

    /// The one key that nobody asked for.
    pub(super) async fn first_key(&self, key: &KeyRecord) -> Result<(), AuditError> {
        let event = Event::new(EventName::KeyCreated).tenant(HOUSE).resource("key", key.id.as_str());
        self.log.append(&event.detail("for", key.principal.as_str()).detail("first", true)).await.map(drop)
    }

    async fn keep_checkpoint(&self) -> anyhow::Result<()> {
        let newest = self.log.now().checkpoints().borrow().as_ref().map(ToString::to_string);
        if let Some(text) = newest {
            self.store.keep_fact(Fact::AuditCheckpoint, text).await?;
        }
        Ok(())
    }

    /// Keeps each checkpoint elsewhere as well, lets old segments go, and ends what runs where the log stops, until the
    /// service does.
    pub(super) async fn look_after(&self, hall: &Hall, targets: &[Arc<Target>], stop: CancellationToken) {
        let mut checkpoints = self.log.now().checkpoints();
        let (mut prune, mut look) = (tokio::time::interval(DAY), tokio::time::interval(LOOK));
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look.tick() => {
                    self.end_unrecorded(hall);
                    if self.revived().await {
                        checkpoints = self.log.now().checkpoints();
                    }
                }
                Ok(()) = checkpoints.changed() => {
                    if let Err(error) = self.keep_checkpoint().await {
                        tracing::warn!("a checkpoint of the audit log could not be kept in the store: {error}");
                    }
                }
                _ = prune.tick() => {
                    if let Err(error) = self.prune(targets).await {
                        tracing::warn!("old segments of the audit log are still there: {error}");
                    }
                }
            }
        }
    }

    /// What is at work when the log stops could only end without a record: it is ended, before anything is taken again.
    fn end_unrecorded(&self, hall: &Hall) {
        let Some(stopped @ AuditError::Stopped(_)) = self.log.now().ended() else { return };
        let ended = hall.end_unrecorded(&stopped.to_string());
        if ended > 0 {
            tracing::error!(runs = ended, "runs are ended, since their ends cannot be recorded: {stopped}");
        }
    }

    /// Whether it was opened anew, since the disk had failed and is well again.
    async fn revived(&self) -> bool {
        let log = Arc::clone(&self.log);
        match tokio::task::spawn_blocking(move || log.revive()).await {
            Ok(Ok(true)) => {
                tracing::info!("the audit log takes records again");
                true
            }
            Ok(Err(error)) => {
                tracing::warn!("the audit log still takes nothing: {error}");
                false
            }
            _ => false,
        }
    }

    /// What a target of forwarding has not got yet is kept for longer.
    async fn prune(&self, targets: &[Arc<Target>]) -> anyhow::Result<()> {
        let mut before = self.kept_for(self.retention).await?;
        for target in targets {
            let next = target.next();
            if next < before {
                let longer = DAY * u32::try_from(target.keep_days).unwrap_or(u32::MAX);
                before = before.min(next.max(self.kept_for(self.retention.saturating_add(longer)).await?));
                tracing::warn!(forward = target.name, next, before, "old records are still to be forwarded");
            }
        }
        self.log.now().prune(before).await?;
        Ok(())
    }

    /// The first record that is younger than this, to a segment.
    async fn kept_for(&self, time: Duration) -> anyhow::Result<u64> {
        let since = jiff::Timestamp::now().checked_sub(jiff::SignedDuration::try_from(time)?)?;
        let reader = Arc::clone(&self.reader);
        Ok(tokio::task::spawn_blocking(move || reader.kept_since(&LogTime::from(since))).await??)
    }

    /// The last record, and the signature under all of them.
    pub(super) async fn close(&self) {
        let stopped = self.log.append(&Event::new(EventName::ServiceStopped)).await;
        if let Err(error) = stopped {
            tracing::error!("the stop of the service could not be recorded: {error}");
        }
        if let Err(error) = self.closed().await {
            tracing::error!("the audit log could not be closed: {error:#}");
        }
    }

    /// Signs all that is in it, and keeps that elsewhere as well.
    pub(super) async fn closed(&self) -> anyhow::Result<()> {
        let closed = self.log.now().close().await;
        self.keep_checkpoint().await.context("its last checkpoint could not be kept in the store")?;
        Ok(closed?)
    }
}
