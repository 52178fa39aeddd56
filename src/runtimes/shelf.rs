use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::RuntimeError;
use super::name::RuntimeName;
use crate::model::Digest;

/// More would be a list that nobody reads.
pub const MOST_RUNTIMES: usize = 100;
const CARD_BYTES: u64 = 64 << 10;

/// A runtime that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    pub name: RuntimeName,
    /// Of the component that is kept.
    pub digest: Digest,
    pub bytes: u64,
    /// RFC 3339.
    pub added: String,
    /// The runtime that it was made from, where it is a snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RuntimeName>,
}

/// The folder in which they are: for each a component, `NAME.wasm`, and a card, `NAME.json`. The card is written last and
/// removed first, so what has one is whole.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// That of a data folder; it need not be there.
    pub fn of(data: &Path) -> Self {
        Self { folder: data.join("runtimes") }
    }

    fn card(&self, name: &RuntimeName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    fn program(&self, name: &RuntimeName) -> PathBuf {
        self.folder.join(format!("{name}.wasm"))
    }

    /// All that are whole, by their names.
    pub fn list(&self) -> Result<Vec<Runtime>, RuntimeError> {
        let (whole, damaged) = self.look()?;
        for error in damaged {
            tracing::warn!("{error}");
        }
        Ok(whole)
    }

    /// The same, and what is to be said of each other: one that is damaged is in nobody's way.
    pub fn look(&self) -> Result<(Vec<Runtime>, Vec<RuntimeError>), RuntimeError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Default::default()),
            Err(error) => return Err(RuntimeError::disk("listed")(error)),
        };
        let (mut found, mut damaged) = (Vec::new(), Vec::new());
        for entry in entries {
            let name = entry.map_err(RuntimeError::disk("listed"))?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json")).map(str::parse);
            let Some(Ok(name)) = name else { continue };
            match self.read_card(&name) {
                Ok(runtime) => found.extend(runtime),
                Err(error @ RuntimeError::Changed { .. }) => damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((found, damaged))
    }

    pub fn find(&self, name: &RuntimeName) -> Result<Runtime, RuntimeError> {
        if let Some(found) = self.read_card(name)? {
            return Ok(found);
        }
        let there = self.list()?.into_iter().map(|runtime| runtime.name.to_string()).collect();
        Err(RuntimeError::Unknown { name: name.to_string(), there })
    }

    fn read_card(&self, name: &RuntimeName) -> Result<Option<Runtime>, RuntimeError> {
        let mut text = Vec::new();
        let read = fs::File::open(self.card(name)).and_then(|file| file.take(CARD_BYTES).read_to_end(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(RuntimeError::disk("read")(error)),
        }
        let changed = |why: String| RuntimeError::Changed { name: name.to_string(), why };
        let runtime: Runtime = serde_json::from_slice(&text).map_err(|error| changed(error.to_string()))?;
        if runtime.name != *name {
            return Err(changed(format!("its card is that of `{}`", runtime.name)));
        }
        Ok(Some(runtime))
    }

    /// The program, which must be the one that was added.
    pub fn bytes(&self, runtime: &Runtime) -> Result<Vec<u8>, RuntimeError> {
        let changed = |why: &str| RuntimeError::Changed { name: runtime.name.to_string(), why: why.to_owned() };
        let file = fs::File::open(self.program(&runtime.name)).map_err(RuntimeError::disk("read"))?;
        let mut bytes = Vec::with_capacity(usize::try_from(runtime.bytes).unwrap_or(0));
        file.take(runtime.bytes + 1).read_to_end(&mut bytes).map_err(RuntimeError::disk("read"))?;
        if Digest::of(&bytes) != runtime.digest {
            return Err(changed("its digest is another"));
        }
        Ok(bytes)
    }

    /// Whether one more can be kept under this name.
    pub fn has_place(&self, name: &RuntimeName) -> Result<(), RuntimeError> {
        let there = self.list()?;
        if self.card(name).exists() {
            return Err(RuntimeError::Taken(name.to_string()));
        }
        if there.len() >= MOST_RUNTIMES {
            return Err(RuntimeError::TooMany(MOST_RUNTIMES));
        }
        Ok(())
    }

    /// Keeps a component that was found to be a runtime.
    pub fn add(
        &self,
        name: &RuntimeName,
        component: &[u8],
        from: Option<RuntimeName>,
    ) -> Result<Runtime, RuntimeError> {
        self.has_place(name)?;
        let added = jiff::Timestamp::now().to_string();
        let bytes = u64::try_from(component.len()).unwrap_or(u64::MAX);
        let runtime = Runtime { name: name.clone(), digest: Digest::of(component), bytes, added, from };
        let card =
            serde_json::to_vec_pretty(&runtime).map_err(std::io::Error::from).map_err(RuntimeError::disk("written"))?;
        let keep = || -> std::io::Result<()> {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            put(&self.program(name), component)?;
            put(&self.card(name), &card)?;
            fs::File::open(&self.folder)?.sync_all()
        };
        keep().map_err(RuntimeError::disk("written"))?;
        Ok(runtime)
    }

    /// Also one that is damaged.
    pub fn remove(&self, name: &RuntimeName) -> Result<(), RuntimeError> {
        match self.find(name) {
            Ok(_) | Err(RuntimeError::Changed { .. }) => {}
            Err(error) => return Err(error),
        }
        let remove = || -> std::io::Result<()> {
            fs::remove_file(self.card(name))?;
            match fs::remove_file(self.program(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        remove().map_err(RuntimeError::disk("removed"))
    }
}

/// A crash leaves the whole file or none.
fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let aside = path.with_extension(format!("new-{:016x}", rand::random::<u64>()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let done = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&aside, path));
    if done.is_err() {
        let _ = fs::remove_file(&aside);
    }
    done
}
