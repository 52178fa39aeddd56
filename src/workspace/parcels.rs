use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufWriter, IntoInnerError as BufError, Read, Seek, SeekFrom, Write};

use rustix::fs::{AtFlags, symlinkat, unlinkat};
use rustix::io::Errno;

use super::archive::{
    ArchiveError, Bounds, FIRST_BYTES, Format, Receiver, TarWriter, WriteError, ZipWriter, format_of, read_tar,
    read_zip,
};
use super::catalog::Catalog;
use super::draft::Now;
use super::error::WorkspaceError;
use super::files::{Desk, names, refused};
use super::intake::no_archive;
use super::name::{DraftId, WorkspaceName};
use super::shelf::Workspaces;
use super::tree::Node;
use super::upload::{Upload, one_more};
use crate::model::{Room, Weight};

/// An archive in a file without a name: gone when this is.
#[derive(Debug)]
pub struct Packed {
    pub file: File,
    pub bytes: u64,
}

impl<C: Catalog> Workspaces<C> {
    /// Unpacks a tar or a zip into a folder. Files that are there are replaced.
    pub fn unpack(&self, id: &DraftId, into: &str, archive: &Upload) -> Result<(), WorkspaceError> {
        let (desk, names) = (self.desk(id)?, names(into)?);
        let io = |reason| WorkspaceError::io(into, reason);
        let mut file = archive.file().map_err(io)?;
        file.rewind().map_err(io)?;
        let mut first = Vec::new();
        (&mut file).take(FIRST_BYTES).read_to_end(&mut first).map_err(io)?;
        let format = format_of(&first, "").map_err(|fault| {
            let (code, message) = (fault.code(), fault.to_string());
            WorkspaceError::Archive { code, message }
        })?;
        let format = format.ok_or_else(no_archive)?;
        for _ in &names {
            one_more(archive.room())?;
        }
        // The whole archive is read once before anything is written, so that one which is refused leaves nothing: and
        // room is taken for all of it.
        let mut counting = Counting { room: archive.room() };
        read(&mut file, format, &mut counting, io)?;
        read(&mut file, format, &mut Onto { desk: &desk, prefix: names }, io)
    }

    /// Packs a folder of a draft into an archive.
    pub fn pack(
        &self,
        id: &DraftId,
        folder: &str,
        zip: bool,
        room: &dyn Room,
        go_on: &dyn Fn(u64) -> bool,
    ) -> Result<Packed, WorkspaceError> {
        let names = names(folder)?.join("/");
        let now = self.look_through(id, go_on)?;
        let inside = |path: &str| match (names.as_str(), path.strip_prefix(names.as_str())) {
            ("", _) => Some(path.to_owned()),
            (_, Some(rest)) => rest.strip_prefix('/').map(str::to_owned),
            _ => None,
        };
        if !names.is_empty() && now.tree.get(&names) != Some(&Node::Folder) {
            return Err(WorkspaceError::NoFile(super::shown(folder)));
        }
        let mut pack = Pack::new(Taking::new(self.nameless()?, room), zip);
        for (path, node) in now.tree.iter() {
            let Some(name) = inside(path) else { continue };
            match node {
                Node::Folder => pack.folder(&name),
                Node::Link { target } => pack.link(&name, target),
                Node::File { executable, .. } => match found(&now, path)? {
                    Some((content, bytes)) => pack.file(&name, *executable, bytes, &mut content.take(bytes)),
                    None => continue,
                },
            }
            .map_err(|error| match error {
                WriteError::SizeWrong { .. } => WorkspaceError::Changed { path: path.to_owned() },
                error => failed(error),
            })?;
        }
        packed(pack.finish()?)
    }

    /// Packs a workspace into an archive.
    pub fn pack_workspace(
        &self,
        of: (&WorkspaceName, Option<&str>),
        zip: bool,
        room: &dyn Room,
    ) -> Result<Packed, WorkspaceError> {
        let mut into = Taking::new(self.nameless()?, room);
        self.export_into(of, &mut into, zip)?;
        packed(into.file)
    }
}

/// A file of a draft in which somebody may be at work: as long as it is at this moment, whatever it was when the draft was
/// looked through and however it grows meanwhile. Nothing where it was removed.
fn found(now: &Now, path: &str) -> Result<Option<(File, u64)>, WorkspaceError> {
    let failed = |reason: io::Error| match reason.raw_os_error().map(Errno::from_raw_os_error) {
        // Something else is in its place, or in that of a folder on the way.
        Some(Errno::INVAL | Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => {
            WorkspaceError::Changed { path: path.to_owned() }
        }
        _ => WorkspaceError::io(path, reason),
    };
    let file = match now.open(path) {
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let bytes = file.metadata().map_err(failed)?.len();
    Ok(Some((file, bytes)))
}

fn packed(mut file: File) -> Result<Packed, WorkspaceError> {
    let failed = |reason| WorkspaceError::io("the archive", reason);
    let bytes = file.seek(SeekFrom::End(0)).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(Packed { file, bytes })
}

fn read<R: Receiver<Error = WorkspaceError>>(
    file: &mut File,
    format: Format,
    into: &mut R,
    io: impl Fn(io::Error) -> WorkspaceError,
) -> Result<(), WorkspaceError> {
    file.rewind().map_err(io)?;
    let done = match format {
        Format::Tar | Format::TarGz => read_tar(&*file, &Bounds::ordinary(), into).map(drop),
        Format::Zip => read_zip(&*file, &Bounds::ordinary(), into).map(drop),
    };
    done.map_err(|error| match error {
        ArchiveError::Receiver { source, .. } => source,
        error => WorkspaceError::Archive { code: error.code(), message: error.to_string() },
    })
}

/// A file that takes room before it grows.
pub(super) struct Taking<'a> {
    pub(super) file: File,
    room: &'a dyn Room,
    taken: u64,
}

impl<'a> Taking<'a> {
    fn new(file: File, room: &'a dyn Room) -> Self {
        Self { file, room, taken: 0 }
    }
}

impl Write for Taking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.file.stream_position()?.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let more = end.saturating_sub(self.taken);
        if more > 0 {
            if !self.room.take(Weight { bytes: more, files: 0 }) {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            self.taken = end;
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for Taking<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

impl Seek for Taking<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

pub(super) fn failed(error: WriteError) -> WorkspaceError {
    match error {
        WriteError::Output(reason) if reason.kind() == io::ErrorKind::QuotaExceeded => WorkspaceError::NoRoom,
        error => WorkspaceError::Archive { code: error.code(), message: error.to_string() },
    }
}

enum Pack<'a> {
    Tar(Box<TarWriter<BufWriter<Taking<'a>>>>),
    Zip(Box<ZipWriter<Taking<'a>>>),
}

impl<'a> Pack<'a> {
    fn new(into: Taking<'a>, zip: bool) -> Self {
        match zip {
            true => Pack::Zip(Box::new(ZipWriter::new(into))),
            false => Pack::Tar(Box::new(TarWriter::new(BufWriter::new(into)))),
        }
    }

    fn folder(&mut self, path: &str) -> Result<(), WriteError> {
        match self {
            Pack::Tar(tar) => tar.folder(path),
            Pack::Zip(zip) => zip.folder(path),
        }
    }

    fn file(&mut self, path: &str, executable: bool, size: u64, content: &mut dyn Read) -> Result<(), WriteError> {
        match self {
            Pack::Tar(tar) => tar.file(path, executable, size, content),
            Pack::Zip(zip) => zip.file(path, executable, size, content),
        }
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), WriteError> {
        match self {
            Pack::Tar(tar) => tar.link(path, target),
            Pack::Zip(zip) => zip.link(path, target),
        }
    }

    fn finish(self) -> Result<File, WorkspaceError> {
        match self {
            Pack::Tar(tar) => {
                let into = tar.finish().map_err(failed)?.into_inner().map_err(BufError::into_error);
                Ok(into.map_err(|reason| failed(WriteError::Output(reason)))?.file)
            }
            Pack::Zip(zip) => Ok(zip.finish().map_err(failed)?.file),
        }
    }
}

/// An archive's entries, put into a draft.
struct Onto<'a> {
    desk: &'a Desk,
    prefix: Vec<&'a str>,
}

impl<'a> Onto<'a> {
    fn names<'b>(&self, path: &'b str) -> Vec<&'b str>
    where
        'a: 'b,
    {
        self.prefix.iter().copied().chain(path.split('/')).collect()
    }
}

impl Receiver for Onto<'_> {
    type Error = WorkspaceError;

    fn folder(&mut self, path: &str) -> Result<(), WorkspaceError> {
        self.desk.make_folder(&self.names(path), path).map(drop)
    }

    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), WorkspaceError> {
        self.desk.put(&self.names(path), path, executable, content).map(drop)
    }

    fn link(&mut self, path: &str, target: &str) -> Result<(), WorkspaceError> {
        let names = self.names(path);
        let Some((name, folder)) = names.split_last() else { return Ok(()) };
        let dir = self.desk.make_folder(folder, path)?;
        let name = CString::new(*name).map_err(|_| WorkspaceError::NoFile(super::shown(path)))?;
        match unlinkat(&dir, name.as_c_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(refused(path, errno)),
        }
        symlinkat(target, &dir, name.as_c_str()).map_err(|errno| refused(path, errno))
    }
}

/// Takes room for an archive and keeps nothing of it.
struct Counting<'a> {
    room: &'a dyn Room,
}

impl Receiver for Counting<'_> {
    type Error = WorkspaceError;

    fn folder(&mut self, _: &str) -> Result<(), WorkspaceError> {
        one_more(self.room)
    }

    fn file(&mut self, path: &str, _: bool, content: &mut dyn Read) -> Result<(), WorkspaceError> {
        one_more(self.room)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = content.read(&mut buffer).map_err(|reason| WorkspaceError::io(path, reason))?;
            if count == 0 {
                return Ok(());
            }
            if !self.room.take(Weight { bytes: u64::try_from(count).unwrap_or(u64::MAX), files: 0 }) {
                return Err(WorkspaceError::NoRoom);
            }
        }
    }

    fn link(&mut self, _: &str, _: &str) -> Result<(), WorkspaceError> {
        one_more(self.room)
    }
}
