use super::super::disk::Disk;
use super::super::error::AuditError;
use super::super::event::Event;
use super::super::folder;
use super::super::lines::{AHEAD, Line, Lines};
use super::super::names::EventName;
use super::super::note::SigningKey;
use super::super::record::Record;
use super::LogSettings;
use super::pen::{Pen, Segment};
use super::walk::At;

/// Makes a log with its first record and its first checkpoint. The origin is written last: where it is, all is.
pub(super) fn create(disk: Box<dyn Disk>, settings: &LogSettings, keys: Vec<SigningKey>) -> Result<Pen, AuditError> {
    let making = || AuditError::disk("make the audit log");
    clear(disk.as_ref())?;
    for name in [folder::LOG, folder::TREE, folder::CHECKPOINTS] {
        disk.make_folder(name).map_err(making())?;
    }
    disk.sync_folder("").map_err(making())?;
    let file = disk.create(&folder::segment(0)).map_err(making())?;
    disk.sync_folder(folder::LOG).map_err(making())?;
    let mut pen = Pen::new(disk, settings, keys, Segment::new(0, file));
    pen.segments.insert(0, 0);
    pen.remember_folder()?;
    let public: Vec<String> = pen.keys.iter().map(|key| key.public().to_string()).collect();
    let first = Event::new(EventName::LogCreated)
        .detail("origin", settings.origin.as_str())
        .detail("keys", public.into_iter().collect::<super::super::detail::Detail>());
    pen.append(&[&first.prepare()])?;
    pen.put_keys()?;
    pen.publish(true)?;
    pen.put(folder::ORIGIN, &format!("{}\n", settings.origin))?;
    Ok(pen)
}

/// Takes away what a start left that was ended while it made a log. What looks like more is left and told.
fn clear(disk: &dyn Disk) -> Result<(), AuditError> {
    let making = || AuditError::disk("make the audit log");
    let root = disk.list("").map_err(making())?;
    let there = |name: &str| root.iter().any(|entry| entry.name == name);
    let in_folder = |name: &str| if there(name) { disk.list(name).map_err(making()) } else { Ok(Vec::new()) };
    let no_origin = || AuditError::MissingFile { file: folder::ORIGIN.to_owned() };
    let mut old = Vec::new();
    for entry in in_folder(folder::LOG)? {
        let path = format!("{}/{}", folder::LOG, entry.name);
        let file = disk.open_to_read(&path).map_err(making())?;
        let mut lines = Lines::new(At(file.as_ref(), 0));
        // The first record may be there, whole or in pieces, and then nothing.
        let mut records = 0;
        while let Some(line) = lines.next().map_err(making())? {
            records += usize::from(matches!(line, Line::Whole(line) if Record::parse(line).is_ok()));
        }
        let more = records > 1;
        if folder::segment_first(&entry.name) != Some(0) || more || file.size().map_err(making())? > 2 * AHEAD {
            return Err(no_origin());
        }
        old.push(path);
    }
    for entry in in_folder(folder::TREE)? {
        let path = format!("{}/{}", folder::TREE, entry.name);
        if path != folder::level(0) {
            return Err(no_origin());
        }
        old.push(path);
    }
    for entry in in_folder(folder::CHECKPOINTS)? {
        if folder::kept_checkpoint_size(entry.name.trim_end_matches(".new")) != Some(1) {
            return Err(no_origin());
        }
        old.push(format!("{}/{}", folder::CHECKPOINTS, entry.name));
    }
    for name in [folder::CHECKPOINT, folder::KEYS] {
        if there(name) {
            old.push(name.to_owned());
        }
    }
    old.iter().try_for_each(|path| disk.remove(path)).map_err(making())
}
