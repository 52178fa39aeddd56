use super::super::error::AuditError;
use super::super::event::Event;
use super::super::folder;
use super::super::names::EventName;
use super::pen::Pen;

impl Pen {
    /// Takes whole segments away that hold only records before `before`. Their hashes stay, and a record says so, which
    /// is signed before the first of them goes. Gives the first record that is left.
    pub(super) fn prune(&mut self, before: u64) -> Result<u64, AuditError> {
        let first = self.segments.keys().next().copied().unwrap_or(0);
        let keep = self.segments.keys().rev().copied().find(|first| *first <= before).unwrap_or(first);
        if keep <= first {
            return Ok(first);
        }
        let event = Event::new(EventName::RecordsPruned).detail("before", keep).detail("first", first);
        self.append(&[&event.prepare()])?;
        self.publish(true)?;
        self.put(folder::PRUNED, &format!("{keep}\n"))?;
        let kept = self.segments.split_off(&keep);
        let old = std::mem::replace(&mut self.segments, kept);
        let removing = || AuditError::disk("remove a pruned segment");
        for first in old.into_keys() {
            self.disk.remove(&folder::segment(first)).map_err(removing())?;
        }
        self.disk.sync_folder(folder::LOG).map_err(removing())?;
        self.remember_folder()?;
        Ok(keep)
    }
}
