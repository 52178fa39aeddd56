//! Tries file operations one after the other and says how each ended, by the names of preview 1: `ok …` or an errno.
//!
//! Each argument is an operation with its own arguments after bars: `mv|old|new`, `open|path|rw`. Paths are from the
//! first granted folder, or from the one that `cd` opened last.

use wasi::*;

fn main() {
    let mut base = 3;
    let mut kept = 3;
    for argument in std::env::args().skip(1) {
        let parts: Vec<&str> = argument.split('|').collect();
        let done = match parts[..] {
            // Keeps a folder open, to go on from it later however it is called then.
            ["keep", path] => unsafe { open(base, path, "d") }.map(|fd| kept = fd).map(|()| String::new()),
            ["kept"] => Ok({
                base = kept;
                String::new()
            }),
            _ => unsafe { act(&mut base, &parts) },
        };
        match done {
            Ok(text) if text.is_empty() => println!("ok"),
            Ok(text) => println!("ok {text}"),
            Err(errno) => println!("{}", errno.name()),
        }
    }
}

unsafe fn act(base: &mut Fd, parts: &[&str]) -> Result<String, Errno> {
    let done = |result: Result<(), Errno>| result.map(|()| String::new());
    let base_fd = *base;
    match *parts {
        ["open", path, flags] => {
            let fd = open(base_fd, path, flags)?;
            done(fd_close(fd))
        }
        // Opened in one way, then used in another.
        ["upgrade", path, flags, "write"] => {
            let fd = open(base_fd, path, flags)?;
            let wrote = write(fd, "upgraded");
            fd_close(fd)?;
            wrote
        }
        ["upgrade", path, flags, "size"] => {
            let fd = open(base_fd, path, flags)?;
            let sized = fd_filestat_set_size(fd, 1);
            fd_close(fd)?;
            done(sized)
        }
        ["upgrade", path, flags, "times"] => {
            let fd = open(base_fd, path, flags)?;
            let timed = fd_filestat_set_times(fd, 0, 0, FSTFLAGS_MTIM_NOW);
            fd_close(fd)?;
            done(timed)
        }
        ["closed", path] => {
            let fd = open(base_fd, path, "r")?;
            fd_close(fd)?;
            read(fd)
        }
        ["read", path] => {
            let fd = open(base_fd, path, "r")?;
            let text = read(fd);
            fd_close(fd)?;
            text
        }
        ["put", path, text] => {
            let fd = open(base_fd, path, "wct")?;
            let wrote = write(fd, text);
            fd_close(fd)?;
            wrote
        }
        ["append", path, text] => {
            let fd = open(base_fd, path, "wa")?;
            let wrote = write(fd, text);
            fd_close(fd)?;
            wrote
        }
        // One byte at each of so many places.
        ["stride", path, step, count] => {
            let fd = open(base_fd, path, "wc")?;
            let (step, count): (u64, u64) = (step.parse().unwrap(), count.parse().unwrap());
            let byte = [Ciovec { buf: b"x".as_ptr(), buf_len: 1 }];
            let written = (0..count).try_for_each(|at| fd_pwrite(fd, &byte, (at + 1) * step).map(drop));
            fd_close(fd)?;
            done(written)
        }
        ["size", path, bytes] => {
            let fd = open(base_fd, path, "w")?;
            let sized = fd_filestat_set_size(fd, bytes.parse().unwrap());
            fd_close(fd)?;
            done(sized)
        }
        ["stat", path] => path_filestat_get(base_fd, LOOKUPFLAGS_SYMLINK_FOLLOW, path).map(show),
        ["lstat", path] => path_filestat_get(base_fd, 0, path).map(show),
        ["fstat"] => fd_filestat_get(base_fd).map(show),
        ["ls", path] => {
            let fd = open(base_fd, path, "d")?;
            let names = list(fd);
            fd_close(fd)?;
            names
        }
        ["cd", path] => {
            *base = open(base_fd, path, "d")?;
            Ok(String::new())
        }
        ["home"] => {
            *base = 3;
            Ok(String::new())
        }
        ["mkdir", path] => done(path_create_directory(base_fd, path)),
        ["rmdir", path] => done(path_remove_directory(base_fd, path)),
        ["rm", path] => done(path_unlink_file(base_fd, path)),
        ["mv", old, new] => done(path_rename(base_fd, old, base_fd, new)),
        // From the folder of `cd` to the first one.
        ["mvhome", old, new] => done(path_rename(base_fd, old, 3, new)),
        ["ln", old, new] => done(path_link(base_fd, 0, old, base_fd, new)),
        ["sym", target, path] => done(path_symlink(target, base_fd, path)),
        ["readlink", path] => {
            let mut buffer = vec![0; 4096];
            let length = path_readlink(base_fd, path, buffer.as_mut_ptr(), buffer.len())?;
            Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
        }
        ["times", path] => {
            done(path_filestat_set_times(base_fd, LOOKUPFLAGS_SYMLINK_FOLLOW, path, 0, 1_000_000_000, FSTFLAGS_MTIM))
        }
        // The same again and again, until somebody ends it: how often each answer came.
        ["storm", path, times] => {
            let (mut opened, mut failed, mut inside) = (0, 0, std::collections::BTreeSet::new());
            for _ in 0..times.parse::<u32>().unwrap() {
                match open(base_fd, path, "r") {
                    Ok(fd) => {
                        opened += 1;
                        inside.insert(read(fd).unwrap_or_default());
                        fd_close(fd)?;
                    }
                    Err(_) => failed += 1,
                }
            }
            let inside: Vec<_> = inside.into_iter().collect();
            Ok(format!("{opened} opened, {failed} failed: {}", inside.join(",")))
        }
        _ => panic!("no such operation: {parts:?}"),
    }
}

unsafe fn open(base: Fd, path: &str, flags: &str) -> Result<Fd, Errno> {
    let has = |c: char| flags.contains(c);
    let mut open = 0;
    for (letter, flag) in [('c', OFLAGS_CREAT), ('x', OFLAGS_EXCL), ('t', OFLAGS_TRUNC), ('d', OFLAGS_DIRECTORY)] {
        if has(letter) {
            open |= flag;
        }
    }
    let mut rights = 0;
    if has('r') || has('d') {
        rights |= RIGHTS_FD_READ | RIGHTS_FD_READDIR | RIGHTS_FD_SEEK;
    }
    if has('w') {
        rights |= RIGHTS_FD_WRITE;
    }
    let look = if has('n') { 0 } else { LOOKUPFLAGS_SYMLINK_FOLLOW };
    let how = if has('a') { FDFLAGS_APPEND } else { 0 };
    path_open(base, look, path, open, rights, RIGHTS_FD_READ | RIGHTS_FD_WRITE | RIGHTS_FD_READDIR, how)
}

unsafe fn read(fd: Fd) -> Result<String, Errno> {
    let mut buffer = [0u8; 256];
    let into = Iovec { buf: buffer.as_mut_ptr(), buf_len: buffer.len() };
    let length = fd_read(fd, &[into])?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

unsafe fn write(fd: Fd, text: &str) -> Result<String, Errno> {
    let from = Ciovec { buf: text.as_ptr(), buf_len: text.len() };
    fd_write(fd, &[from]).map(|_| String::new())
}

fn show(stat: Filestat) -> String {
    let kind = match stat.filetype {
        FILETYPE_DIRECTORY => "folder",
        FILETYPE_REGULAR_FILE => "file",
        FILETYPE_SYMBOLIC_LINK => "link",
        _ => "other",
    };
    format!("{kind} size={} links={}", stat.size, stat.nlink)
}

/// What `fd_readdir` tells, name by name; `.` and `..` are left out.
unsafe fn list(fd: Fd) -> Result<String, Errno> {
    let mut names = Vec::new();
    let mut cookie = DIRCOOKIE_START;
    let mut buffer = vec![0u8; 8192];
    loop {
        let length = fd_readdir(fd, buffer.as_mut_ptr(), buffer.len(), cookie)?;
        let mut at = 0;
        let head = std::mem::size_of::<Dirent>();
        while at + head <= length {
            let entry = std::ptr::read_unaligned(buffer[at..].as_ptr().cast::<Dirent>());
            let end = at + head + entry.d_namlen as usize;
            if end > length {
                break;
            }
            let name = String::from_utf8_lossy(&buffer[at + head..end]).into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            cookie = entry.d_next;
            at = end;
        }
        if length < buffer.len() {
            names.sort();
            return Ok(names.join(","));
        }
    }
}
