use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::data::{data_dir, folder_of};
use super::descriptors::allow_many_files;
use crate::audit::{cut_back, folder};
use crate::config::Settings;
use crate::model::TenantId;
use crate::store::{Store, StoreCopy};
use crate::workspace::{Copying, WorkspaceError, hold_contents, make_folder};

/// What a backup came to.
#[derive(Debug)]
pub struct BackedUp {
    pub data: PathBuf,
    /// Of everything but the store.
    pub files: u64,
    pub bytes: u64,
    /// What was missing in the data folder already: it is known in the copy, and missing there as well.
    pub missing: Vec<String>,
    /// What is in no copy, as [`Copying::left_out`] says.
    pub left_out: u64,
}

/// Copies a data folder to a new one on which a service can be started, while one runs on the first. Secrets stay behind.
///
/// The copy of the store is of one moment, and the rest is as that moment needs it:
///
/// - *Contents of workspaces* are never changed, are on the disk before a row names them, and are removed only by somebody
///   who has the lock of their shelf alone. We share it from before that moment until they are copied, so everything that
///   the rows of that moment name is there; what came later is copied or not, and swept when a service starts on the copy.
/// - *Drafts* are files that change. Each is held while it is copied, as a run holds it: nobody applies it or throws it
///   away, and its base is a content as above. What runs write meanwhile is copied as it is found, as after a power cut.
///   One that was thrown away since that moment is taken out of the copy, with its sandbox.
/// - *The audit log* goes on while it is copied, after all else: it is no shorter than the store knows.
/// - *Components* are never changed and come before their rows. One that was removed since is taken out as well.
pub fn back_up(settings: &Settings, to: &Path) -> anyhow::Result<BackedUp> {
    let data = data_dir(settings)?;
    let store = super::existing_store(&data)?;
    // A file is open for each tenant that has files, and two for each folder on the way down.
    let _ = allow_many_files();
    let (mut copying, mut missing) = (Copying::default(), Vec::new());
    refuse_inside(&data, to)?;
    make_folder(to, |aside| copy((&data, settings), &store, aside, &mut copying, &mut missing))?;
    let Copying { files, bytes, left_out, .. } = copying;
    Ok(BackedUp { data, files, bytes, missing, left_out })
}

/// A copy within what is copied would be copied by the next one, and is lost with it.
fn refuse_inside(data: &Path, to: &Path) -> anyhow::Result<()> {
    let above = to.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where there is nothing to put it into, that is told by whoever makes it.
    let (Ok(data), Ok(above)) = (data.canonicalize(), above.canonicalize()) else { return Ok(()) };
    if above.starts_with(&data) {
        bail!("{} is inside of the data folder {}; choose a place outside of it", to.display(), data.display());
    }
    Ok(())
}

fn copy(
    (data, settings): (&Path, &Settings),
    store: &Store,
    to: &Path,
    copying: &mut Copying,
    missing: &mut Vec<String>,
) -> anyhow::Result<()> {
    let (copy, held) = of_one_moment(data, store, &to.join("ringfence.db"))?;
    for (tenant, lock) in &held {
        if lock.is_none() {
            missing.push(format!("the folder of the tenant {tenant}"));
            continue;
        }
        let into = folder_of(to, tenant);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&into).with_context(|| into.display().to_string())?;
        copying.folder(&folder_of(data, tenant).join("files"), &into.join("files"))?;
    }
    for (tenant, draft) in copy.drafts()? {
        if copying.draft(&draft, &folder_of(data, &tenant), &folder_of(to, &tenant))? {
            continue;
        }
        match store.knows_draft(&draft)? {
            true => missing.push(format!("the files of {draft}")),
            false => copy.remove_draft(&draft)?,
        }
    }
    copying.folder(&data.join("components"), &to.join("components"))?;
    for digest in copy.components_without_bytes()? {
        match store.knows_component(digest)? {
            true => missing.push(format!("the component {digest}")),
            false => copy.remove_component(digest)?,
        }
    }
    if data.join("runtimes").try_exists()? {
        copying.folder(&data.join("runtimes"), &to.join("runtimes"))?;
    }
    copy_audit(&super::log::folder(&settings.audit, data), &to.join("audit"), copying)?;
    Ok(copy.close()?)
}

/// What keeps the contents of each tenant from going; nothing where his folder is gone itself.
type Held = BTreeMap<TenantId, Option<File>>;

/// The audit log goes on while it is copied: what says how long it is comes first, so that the copy is no shorter than
/// that, and ends as after a power cut.
fn copy_audit(from: &Path, to: &Path, copying: &mut Copying) -> anyhow::Result<()> {
    if !from.try_exists()? {
        return Ok(());
    }
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for name in [folder::ORIGIN, folder::KEYS, folder::PRUNED, folder::CHECKPOINT] {
        match fs::copy(from.join(name), to.join(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            copied => drop(copied.with_context(|| from.join(name).display().to_string())?),
        }
    }
    for name in [folder::CHECKPOINTS, folder::TREE, folder::LOG] {
        copying.folder(&from.join(name), &to.join(name))?;
    }
    cut_back(to).with_context(|| to.display().to_string())
}

/// A copy of the store, and what keeps the contents that it names from going.
fn of_one_moment(data: &Path, store: &Store, to: &Path) -> anyhow::Result<(StoreCopy, Held)> {
    let mut held = Held::new();
    loop {
        for tenant in store.shelves()? {
            if let Entry::Vacant(missing) = held.entry(tenant) {
                let lock = match hold_contents(&folder_of(data, missing.key())) {
                    Err(WorkspaceError::Io { reason, .. }) if reason.kind() == ErrorKind::NotFound => None,
                    held => Some(held?),
                };
                missing.insert(lock);
            }
        }
        let copy = store.back_up(to)?;
        if copy.shelves()?.iter().all(|tenant| held.contains_key(tenant)) {
            return Ok((copy, held));
        }
        // One came between the two.
        copy.close()?;
        fs::remove_file(to)?;
    }
}
