use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, open, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::draft::FOLDER;

/// Removes a folder with all that is in it, however deep it is and however long its paths: what is inside of a folder is
/// moved up before the folder goes, so that two are open at most.
pub(super) fn remove_tree(path: &Path) -> std::io::Result<()> {
    let top = match open(path, FOLDER, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut moved = 0u64;
    loop {
        let names = names(&top)?;
        if names.is_empty() {
            break;
        }
        for name in names {
            match unlinkat(&top, &name, AtFlags::empty()) {
                // Linux says the first for a folder, others the second.
                Err(Errno::ISDIR | Errno::PERM) => remove_folder(&top, &name, &mut moved)?,
                done => done?,
            }
        }
    }
    drop(top);
    std::fs::remove_dir(path)
}

fn remove_folder(top: &OwnedFd, name: &std::ffi::CStr, moved: &mut u64) -> std::io::Result<()> {
    let folder = openat(top, name, FOLDER, Mode::empty())?;
    for inner in names(&folder)? {
        let is_folder = FileType::from_raw_mode(statat(&folder, &inner, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
        if is_folder == FileType::Directory {
            // Not a name that is there already: what we move has a length that nothing else here has.
            renameat(&folder, &inner, top, format!("{moved:0200}").as_str())?;
            *moved += 1;
        } else {
            unlinkat(&folder, &inner, AtFlags::empty())?;
        }
    }
    Ok(unlinkat(top, name, AtFlags::REMOVEDIR)?)
}

fn names(folder: &OwnedFd) -> std::io::Result<Vec<std::ffi::CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(File::from(folder.try_clone()?))? {
        let entry = entry?;
        if entry.file_name().to_bytes() != b"." && entry.file_name().to_bytes() != b".." {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}
