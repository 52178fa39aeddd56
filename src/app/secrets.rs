use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use zeroize::Zeroizing;

/// Where what nobody else may read is kept, within the data folder.
pub(super) fn folder(data: &Path) -> anyhow::Result<PathBuf> {
    let folder = data.join("secrets");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// Thirty-two bytes that are made once and kept for nobody else to read. They are made where there are none, and only
/// where nothing was made with them yet: whatever else keeps us from reading them, those that are there stay.
pub(super) fn secret(data: &Path, name: &str, must_exist: bool) -> anyhow::Result<Zeroizing<[u8; 32]>> {
    let folder = folder(data)?;
    let path = folder.join(name);
    match fs::read(&path).map(Zeroizing::new) {
        Ok(bytes) => {
            let bytes: [u8; 32] =
                bytes.as_slice().try_into().with_context(|| format!("{} is damaged", path.display()))?;
            return Ok(Zeroizing::new(bytes));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
        Err(_) => {}
    }
    if must_exist {
        let (file, data) = (path.display(), data.display());
        let what = "without it no key or token that was given out can be checked";
        bail!(
            "{file} is missing: {what}; put back the file that was there with the rest of {data} (a copy of a data folder \
             needs its secrets/{name})"
        );
    }
    let made = Zeroizing::new(rand::random::<[u8; 32]>());
    write(&folder, name, made.as_slice(), 0o600)?;
    Ok(made)
}

/// There whole or not at all, whatever happens in between.
pub(super) fn write(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let aside = folder.join(format!(".{name}.new"));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, folder.join(name))?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}
