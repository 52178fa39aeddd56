use std::collections::BTreeMap;

use super::super::disk::{Disk, read_small};
use super::super::error::AuditError;
use super::super::event::Event;
use super::super::folder;
use super::super::names::EventName;
use super::super::note::{BadNote, KeyKind, Note, SignedCheckpoint, SigningKey, VerifyingKey};
use super::super::tree::{self, Frontier};
use super::create::create;
use super::levels::Levels;
use super::pen::{Pen, Segment};
use super::walk::Walk;
use super::{Begin, LogSettings};

const PIECE: usize = 1 << 20;

/// What was found when the log was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub created: bool,
    /// Records, with those that opening wrote.
    pub size: u64,
    pub cut: Option<Cut>,
}

/// What a crash had left unfinished at the end; nothing of it had been acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub file: String,
    pub offset: u64,
    pub bytes: u64,
    pub sha256: String,
}

pub(super) fn open(
    disk: Box<dyn Disk>,
    settings: &LogSettings,
    keys: Vec<SigningKey>,
) -> Result<(Pen, Opened), AuditError> {
    if keys.is_empty() {
        return Err(AuditError::NoKey);
    }
    let found = small(disk.as_ref(), folder::ORIGIN)?;
    if let Some(found) = found.as_ref().filter(|found| found.strip_suffix('\n') != Some(settings.origin.as_str())) {
        let found = super::super::text::clean(found.trim_end_matches('\n'), 100);
        return Err(AuditError::WrongOrigin { found, expected: settings.origin.clone() });
    }
    keys.iter().try_for_each(|key| fits(key, &settings.origin))?;
    if found.is_none() {
        if settings.begin == Begin::Continue {
            return Err(AuditError::NoLog);
        }
        if let Some(known) = settings.known.iter().map(|known| known.checkpoint().size).max() {
            return Err(AuditError::BehindCheckpoint { known, found: 0 });
        }
        let pen = create(disk, settings, keys)?;
        let size = pen.tree.size();
        return Ok((pen, Opened { created: true, size, cut: None }));
    }
    resume(disk, settings, keys)
}

/// A log signs with keys of its own name, for logs.
pub(super) fn fits(key: &SigningKey, origin: &str) -> Result<(), AuditError> {
    let bad = match key.public().kind() {
        KeyKind::Witness => BadNote::KeyKind,
        KeyKind::Log if key.public().name() != origin => BadNote::Origin,
        KeyKind::Log => return Ok(()),
    };
    Err(AuditError::Note { what: "a key that is to sign the log", bad })
}

fn small(disk: &dyn Disk, name: &str) -> Result<Option<String>, AuditError> {
    let bytes = read_small(disk, name, Note::MOST_BYTES).map_err(AuditError::disk("read the audit folder"))?;
    bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| AuditError::damaged(name, 0, "it is no text"))).transpose()
}

fn resume(disk: Box<dyn Disk>, settings: &LogSettings, keys: Vec<SigningKey>) -> Result<(Pen, Opened), AuditError> {
    let public: Vec<VerifyingKey> = keys.iter().map(|key| key.public().clone()).collect();
    let newest = small(disk.as_ref(), folder::CHECKPOINT)?;
    let newest = newest.ok_or_else(|| AuditError::MissingFile { file: folder::CHECKPOINT.to_owned() })?;
    let newest = ours(&newest, "the newest checkpoint", &settings.origin, &public)?;
    let at = newest.checkpoint().clone();
    let segments = segments(disk.as_ref())?;
    let levels = Levels::open(disk.as_ref(), at.size)?;
    let tree = Frontier::load(&levels, at.size)?;
    if tree.root() != at.root {
        return Err(AuditError::damaged(
            &folder::level(0),
            0,
            "the hashes do not make the root of the last checkpoint",
        ));
    }
    let Some((&last, _)) = segments.last_key_value() else {
        return Err(AuditError::MissingFile { file: folder::segment(0) });
    };
    let file = disk.open(&folder::segment(last)).map_err(AuditError::disk("open the audit log"))?;
    let mut pen = Pen::new(disk, settings, keys, Segment::new(last, file));
    (pen.segments, pen.tree, pen.levels) = (segments, tree, levels);
    let cut = Walk::new(&mut pen, at.size).all(settings.check)?;
    pen.remember_folder()?;
    // What a process that was ended wrote may not be on disk yet; and where the disk had failed, the kernel takes what is
    // not there for written, unless it is written again.
    if pen.tree.size() > at.size {
        again(&mut pen.segment).map_err(AuditError::disk("write the end of the audit log again"))?;
    }
    let synced = if cut.is_none() { pen.segment.cut() } else { pen.segment.file.sync() };
    synced.map_err(AuditError::disk("sync the audit log"))?;
    pen.durable = pen.tree.size();
    // Nothing is signed before all that is known is found again.
    compare(&pen, &settings.known, &settings.origin)?;
    let kept = kept(pen.disk.as_ref(), &settings.origin, at.size)?;
    compare(&pen, kept.as_slice(), &settings.origin)?;
    pen.checkpoint = Some(newest);
    if let Some(cut) = &cut {
        record_cut(&mut pen, cut)?;
    }
    pen.put_keys()?;
    pen.publish(cut.is_some())?;
    let size = pen.tree.size();
    Ok((pen, Opened { created: false, size, cut }))
}

fn ours(text: &str, what: &'static str, origin: &str, keys: &[VerifyingKey]) -> Result<SignedCheckpoint, AuditError> {
    let read = || -> Result<SignedCheckpoint, BadNote> {
        let signed: SignedCheckpoint = text.parse()?;
        if signed.checkpoint().origin != origin {
            return Err(BadNote::Origin);
        }
        signed.signed_by(keys)?;
        Ok(signed)
    };
    read().map_err(|bad| AuditError::Note { what, bad })
}

/// The segments, by their first records; what should be there and is not is told.
fn segments(disk: &dyn Disk) -> Result<BTreeMap<u64, u64>, AuditError> {
    let entries = disk.list(folder::LOG).map_err(AuditError::disk("read the audit folder"))?;
    let mut segments: BTreeMap<u64, u64> =
        entries.iter().filter_map(|entry| Some((folder::segment_first(&entry.name)?, entry.file))).collect();
    let pruned = small(disk, folder::PRUNED)?;
    let pruned = pruned.map(|text| text.trim_end_matches('\n').parse::<u64>());
    let pruned = pruned.transpose().map_err(|_| AuditError::damaged(folder::PRUNED, 0, "it holds no number"))?;
    let first = pruned.unwrap_or(0);
    if !segments.contains_key(&first) {
        return Err(AuditError::MissingFile { file: folder::segment(first) });
    }
    // Pruning was ended in its middle.
    let kept = segments.split_off(&first);
    for old in segments.keys() {
        disk.remove(&folder::segment(*old)).map_err(AuditError::disk("remove a pruned segment"))?;
    }
    Ok(kept)
}

/// The newest of the checkpoints that are kept, if it is newer than the newest: then that was put back.
fn kept(disk: &dyn Disk, origin: &str, size: u64) -> Result<Option<SignedCheckpoint>, AuditError> {
    let entries = disk.list(folder::CHECKPOINTS).map_err(AuditError::disk("read the audit folder"))?;
    let newest = entries.iter().filter_map(|entry| folder::kept_checkpoint_size(&entry.name)).max();
    let Some(newest) = newest.filter(|newest| *newest > size) else { return Ok(None) };
    let what = "a checkpoint that was kept";
    let text = small(disk, &folder::kept_checkpoint(newest))?.unwrap_or_default();
    let signed: SignedCheckpoint = text.parse().map_err(|bad| AuditError::Note { what, bad })?;
    if signed.checkpoint().origin != origin {
        return Err(AuditError::Note { what, bad: BadNote::Origin });
    }
    Ok(Some(signed))
}

fn compare(pen: &Pen, known: &[SignedCheckpoint], origin: &str) -> Result<(), AuditError> {
    for known in known.iter().map(SignedCheckpoint::checkpoint) {
        if known.origin != origin {
            return Err(AuditError::WrongOrigin { found: known.origin.clone(), expected: origin.to_owned() });
        }
        if known.size > pen.tree.size() {
            return Err(AuditError::BehindCheckpoint { known: known.size, found: pen.tree.size() });
        }
        if tree::root(&pen.levels, known.size)? != known.root {
            return Err(AuditError::Forked { size: known.size });
        }
    }
    Ok(())
}

/// Writes a segment over itself.
fn again(segment: &mut Segment) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    while offset < segment.size {
        let most = usize::try_from(segment.size - offset).unwrap_or(PIECE).min(PIECE);
        let read = segment.file.read_at(piece.get_mut(..most).unwrap_or_default(), offset)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        segment.file.write_at(piece.get(..read).unwrap_or_default(), offset)?;
        offset += read as u64;
    }
    Ok(())
}

/// The record about what was cut is written over it, and only then the rest goes: a crash between the two leaves
/// something that is cut and recorded again, never a cut that nobody knows of.
fn record_cut(pen: &mut Pen, cut: &Cut) -> Result<(), AuditError> {
    let event = Event::new(EventName::TailCut)
        .detail("file", cut.file.as_str())
        .detail("offset", cut.offset)
        .detail("bytes", cut.bytes)
        .detail("sha256", cut.sha256.as_str());
    pen.write(&[&event.prepare()])?;
    pen.segment.file.sync().map_err(AuditError::disk("sync the audit log"))?;
    pen.segment.cut().map_err(AuditError::disk("cut the audit log"))?;
    pen.sync()
}
