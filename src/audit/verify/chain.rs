use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::super::event::RECORD_BYTES;
use super::super::folder;
use super::super::hash::TreeHash;
use super::super::lines::{AHEAD, BLOCK, Line, Lines};
use super::super::names::EventName;
use super::super::note::VerifyingKey;
use super::super::record::{Record, detail_number};
use super::super::tree::{Frontier, STEP};
use super::fault::{Fault, FaultKind, Place};
use super::files::{self, KeptHashes};
use super::keys::{Told, check_cosignatures, check_signatures};
use super::suspect::Suspect;
use super::{VerifyOptions, VerifyReport};

/// In place of a file, for checkpoints that were handed in.
const KEPT_ELSEWHERE: &str = "the checkpoint that was kept";

/// Reads the whole log of a folder and says what was checked and what is wrong first.
pub fn verify(root: &Path, options: &VerifyOptions) -> VerifyReport {
    verify_hearing(root, options, &mut |_| {})
}

/// As `verify`; gives each record that stands where it should, in order. What was heard holds only if nothing is wrong in
/// the end.
pub fn verify_hearing(root: &Path, options: &VerifyOptions, hear: Hear<'_>) -> VerifyReport {
    let mut report = VerifyReport {
        origin: String::new(),
        first: 0,
        records: 0,
        size: 0,
        root: TreeHash::of_nothing(),
        checkpoints: 0,
        signed: 0,
        cosigned: None,
        keys_from_folder: options.keys.is_empty(),
        fault: None,
    };
    report.fault = check(root, options, hear, &mut report).err();
    report
}

type Hear<'a> = &'a mut dyn FnMut(&Record<'_>);

fn check(root: &Path, options: &VerifyOptions, hear: Hear<'_>, report: &mut VerifyReport) -> Result<(), Fault> {
    let origin = files::small(root, folder::ORIGIN)?;
    report.origin = origin.strip_suffix('\n').unwrap_or(&origin).to_owned();
    let wrong_origin = |name: &str, found: &str| {
        let found = super::super::text::clean(found, 100);
        Fault::new(FaultKind::WrongOrigin, Place::file(name), format!("it is of `{found}`"))
    };
    if options.origin.as_ref().is_some_and(|expected| *expected != report.origin) || !origin.ends_with('\n') {
        return Err(wrong_origin(folder::ORIGIN, &report.origin));
    }
    let (mut checkpoints, unreadable) = files::checkpoints(root);
    checkpoints.extend(options.from.iter().map(|signed| (KEPT_ELSEWHERE.to_owned(), signed.clone())));
    if let Some((name, other)) = checkpoints.iter().find(|(_, signed)| signed.checkpoint().origin != report.origin) {
        return Err(wrong_origin(name, &other.checkpoint().origin));
    }
    let mut marks: Vec<Mark> = checkpoints
        .iter()
        .map(|(name, signed)| Mark {
            size: signed.checkpoint().size,
            root: signed.checkpoint().root,
            name: name.clone(),
        })
        .collect();
    marks.sort_by_key(|mark| mark.size);
    let newest_here = checkpoints.iter().filter(|(name, _)| name != KEPT_ELSEWHERE);
    let kept_hashes = newest_here.map(|(_, signed)| signed.checkpoint().size).max().unwrap_or(0);
    let mut chain = Chain {
        kept: KeptHashes::open(root),
        kept_hashes,
        tree: Frontier::new(),
        prev: TreeHash::ZERO,
        durable: 0,
        time: String::new(),
        marks,
        met: 0,
        suspect: None,
        told: Told::default(),
        pruned: 0,
        hear,
    };
    let streamed = chain.stream(root, options.live, report);
    (report.size, report.root, report.checkpoints) = (chain.tree.size(), chain.tree.root(), chain.met);
    streamed?;
    if let Some(fault) = unreadable {
        return Err(fault);
    }
    let trusted = if options.keys.is_empty() { folder_keys(root)? } else { options.keys.clone() };
    check_signatures(&checkpoints, &chain.told, &trusted)?;
    report.signed = chain.marks.last().map_or(0, |mark| mark.size);
    report.cosigned = check_cosignatures(&checkpoints, &options.witnesses, options.cosignatures)?;
    Ok(())
}

fn folder_keys(root: &Path) -> Result<Vec<VerifyingKey>, Fault> {
    let keys = files::small(root, folder::KEYS)?;
    let keys = keys.lines().map(str::parse).collect::<Result<_, super::super::note::BadNote>>();
    keys.map_err(|bad| Fault::new(FaultKind::UnknownKey, Place::file(folder::KEYS), bad.to_string()))
}

/// Whether what stands where record `seq` should, under no checkpoint, may be what a crash left: nothing after it says that
/// more was on disk when it was written. As whoever opens the log judges it.
fn is_torn(rest: &mut Lines<File>, seq: u64, name: &str) -> Result<bool, Fault> {
    while let Some(line) = rest.next().map_err(|error| files::unreadable(name, &error))? {
        if let Line::Whole(line) = line
            && Record::parse(line).is_ok_and(|record| record.durable > seq)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What a checkpoint says of the records.
struct Mark {
    size: u64,
    root: TreeHash,
    name: String,
}

/// How a segment may end: with its last record; with space that was taken ahead; or with what is just being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Full,
    Open,
    Live,
}

impl End {
    /// A live one may be met while it grows.
    fn takes_space(self, offset: u64, count: u64) -> bool {
        match self {
            End::Full => false,
            End::Open => (offset + count).is_multiple_of(BLOCK) && count <= AHEAD + BLOCK,
            End::Live => true,
        }
    }
}

/// How often one place of a log is looked at that somebody writes, and how long it is waited between.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_millis(5);

struct Chain<'a> {
    kept: KeptHashes,
    /// As many hashes of records must be kept: those before the newest checkpoint of the folder.
    kept_hashes: u64,
    tree: Frontier,
    prev: TreeHash,
    durable: u64,
    time: String,
    marks: Vec<Mark>,
    /// How many marks are behind, in order.
    met: usize,
    suspect: Option<Suspect>,
    told: Told,
    /// Up to where the log says that it was pruned.
    pruned: u64,
    /// Who else wants to know each record.
    hear: Hear<'a>,
}

impl Chain<'_> {
    fn stream(&mut self, root: &Path, live: bool, report: &mut VerifyReport) -> Result<(), Fault> {
        let segments = files::segments(root)?;
        report.first = segments.first().copied().unwrap_or(0);
        self.meet()?;
        self.leave_out(report.first)?;
        let last = segments.last().copied();
        for first in segments {
            let name = folder::segment(first);
            if first != self.tree.size() {
                let (missing, what) = (folder::segment(self.tree.size()), "the records that come here are missing");
                let known = self.suspect.take().map(Suspect::record);
                return Err(known.unwrap_or_else(|| Fault::new(FaultKind::MissingFile, Place::file(&missing), what)));
            }
            let end = if Some(first) != last {
                End::Full
            } else if live {
                End::Live
            } else {
                End::Open
            };
            let read = self.segment(root, &name, end, &mut report.records);
            // Whatever follows a record that is not the one that was written, that one is the first that is wrong.
            read.map_err(|fault| self.suspect.take().map_or(fault, Suspect::record))?;
        }
        self.end(root, report.first)
    }

    /// Records that were pruned stand with their hashes.
    fn leave_out(&mut self, first: u64) -> Result<(), Fault> {
        if first > self.kept_hashes {
            let what = "the records before the first one are missing, and no checkpoint knows them";
            return Err(Fault::new(FaultKind::MissingFile, Place::file(&folder::segment(0)), what));
        }
        for place in 0..first {
            self.prev = self.kept.next(0, place)?;
            self.grow(self.prev)?;
        }
        Ok(())
    }

    fn segment(&mut self, root: &Path, name: &str, end: End, records: &mut u64) -> Result<(), Fault> {
        let open = |offset| files::lines(root, name, offset);
        let mut lines = open(0)?;
        let (mut number, mut looks) = (0, 0);
        let too_long = vec![b' '; RECORD_BYTES + 1];
        loop {
            number += 1;
            let offset = lines.offset();
            let seq = self.tree.size();
            let place = || Place { file: name.to_owned(), offset: Some(offset), line: Some(number), seq: Some(seq) };
            let fault = |kind, what: String| Fault::new(kind, place(), what);
            let torn = |bytes| fault(FaultKind::TornTail, format!("the last {bytes} bytes are no whole line"));
            let line = match lines.next().map_err(|error| files::unreadable(name, &error))? {
                None => return Ok(()),
                Some(Line::Whole(line)) => line,
                Some(Line::Space(count)) if end.takes_space(offset, count) => return Ok(()),
                Some(Line::Space(count)) if end != End::Full => {
                    return Err(torn(usize::try_from(count).unwrap_or(usize::MAX)));
                }
                Some(Line::Space(_)) => b"",
                Some(Line::Unfinished(_)) if end == End::Live => return Ok(()),
                Some(Line::Unfinished(line)) => return Err(torn(line.len())),
                // No record is that long, and what is read as one says so.
                Some(Line::TooLong) => &too_long,
            };
            let record = match Record::parse(line) {
                Ok(record) => record,
                // What is just being written is whole a moment later.
                Err(_) if end == End::Live && looks < LOOKS => {
                    std::thread::sleep(PAUSE);
                    (lines, number, looks) = (open(offset)?, number - 1, looks + 1);
                    continue;
                }
                Err(bad) => {
                    let bytes = line.len();
                    let unsigned = self.marks.last().is_none_or(|mark| seq >= mark.size);
                    return match end != End::Full && unsigned && is_torn(&mut lines, seq, name)? {
                        true if end == End::Live => Ok(()),
                        true => Err(torn(bytes)),
                        false => Err(fault(FaultKind::Record(bad), "the line is no record as it was written".into())),
                    };
                }
            };
            looks = 0;
            self.fits(&record).map_err(|(kind, what)| fault(kind, what))?;
            let hash = TreeHash::of_leaf(line);
            if let Some(suspect) = self.suspect.take() {
                return Err(suspect.by_the_next(record.prev));
            }
            if record.prev != self.prev {
                return Err(fault(FaultKind::ChainBroken, "it does not follow the record before it".into()));
            }
            if seq < self.kept_hashes && self.kept.next(0, seq)? != hash {
                self.suspect = Some(Suspect { seq, place: place(), hash });
            }
            self.remember(&record);
            *records += 1;
            self.prev = hash;
            self.grow(hash)?;
        }
    }

    fn fits(&self, record: &Record<'_>) -> Result<(), (FaultKind, String)> {
        let expected = self.tree.size();
        let stands = |what: &str| format!("record {} stands where {expected} should: {what}", record.seq);
        if record.seq > expected {
            return Err((FaultKind::RecordMissing, stands("records are missing")));
        }
        if record.seq < expected {
            return Err((FaultKind::RecordRepeated, stands("a record was put in or comes twice")));
        }
        if record.durable < self.durable {
            return Err((FaultKind::BadDurable, "fewer records were durable than before".into()));
        }
        if record.time < self.time.as_str() && record.event != EventName::ClockSetBack.as_str() {
            return Err((FaultKind::TimeGoesBack, "its time is before that of the record before it".into()));
        }
        Ok(())
    }

    fn remember(&mut self, record: &Record<'_>) {
        self.durable = record.durable;
        self.time.clear();
        self.time.push_str(record.time);
        self.told.hear(record);
        (self.hear)(record);
        if record.event == EventName::RecordsPruned.as_str() {
            self.pruned = self.pruned.max(detail_number(record.details, "before").unwrap_or(0));
        }
    }

    /// Takes a hash into the tree, and compares what it completes with what is kept and what was signed.
    fn grow(&mut self, leaf: TreeHash) -> Result<(), Fault> {
        let Self { tree, kept, kept_hashes, suspect, .. } = self;
        let place = tree.size();
        let mut wrong = None;
        tree.push(leaf, |height, hash| {
            if height == 0 || !height.is_multiple_of(STEP) || wrong.is_some() || suspect.is_some() {
                return;
            }
            let at = place >> height;
            if at < *kept_hashes >> height {
                let level = (height / STEP) as usize;
                wrong = match kept.next(level, at) {
                    Ok(known) if known == hash => None,
                    Ok(_) => {
                        let mut place = Place::file(&folder::level(level));
                        place.offset = Some(at * TreeHash::BYTES as u64);
                        Some(Fault::new(FaultKind::TreeChanged, place, "the kept hash is not that of the records"))
                    }
                    Err(fault) => Some(fault),
                };
            }
        });
        wrong.map_or(Ok(()), Err)?;
        self.meet()
    }

    /// Compares with the checkpoints of just this size.
    fn meet(&mut self) -> Result<(), Fault> {
        while let Some(mark) = self.marks.get(self.met).filter(|mark| mark.size == self.tree.size()) {
            let same = mark.root == self.tree.root();
            if same && let Some(suspect) = self.suspect.take() {
                return Err(suspect.tree());
            }
            if !same {
                let what = format!("the first {} records are not those that were signed", mark.size);
                let place = Place { seq: mark.size.checked_sub(1), ..Place::file(&mark.name) };
                let signed = Fault::new(FaultKind::RootDiffers, place, what);
                return Err(self.suspect.take().map_or(signed, Suspect::record));
            }
            self.met += 1;
        }
        Ok(())
    }

    fn end(&mut self, root: &Path, first: u64) -> Result<(), Fault> {
        if let Some(suspect) = self.suspect.take() {
            return Err(suspect.record());
        }
        let size = self.tree.size();
        if let Some(mark) = self.marks.iter().find(|mark| mark.size > size) {
            let what = format!("it is of {} records, and there are {size}", mark.size);
            return Err(Fault::new(FaultKind::LogTooShort, Place::file(&mark.name), what));
        }
        let mark = match files::small(root, folder::PRUNED) {
            Ok(mark) => mark.strip_suffix('\n').and_then(|mark| mark.parse().ok()),
            Err(fault) if fault.kind == FaultKind::MissingFile && first > 0 => {
                let what = "the first records are missing, and nothing says that they were pruned";
                return Err(Fault::new(FaultKind::MissingFile, Place::file(&folder::segment(0)), what));
            }
            Err(fault) if fault.kind == FaultKind::MissingFile => Some(0),
            Err(fault) => return Err(fault),
        };
        // The record about it comes first, then the mark, then the files go; a crash may lie between.
        if mark.is_none_or(|mark| mark < first || mark > self.pruned) || first > self.pruned {
            let what = format!("the log begins at record {first}, and no record says that those before were pruned");
            return Err(Fault::new(FaultKind::BadPruneMark, Place::file(folder::PRUNED), what));
        }
        Ok(())
    }
}
